/* SPDX-License-Identifier: Apache-2.0 */
#include "core/transport.h"

#include "tests/fuzz/fuzz.h"

static void ask(struct vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *const argv[])
{
    struct vmtp_process process = {.ep = ep, .out = VMTP_BUF(VMTP_OUTPUT_MAX), .err = VMTP_BUF(VMTP_OUTPUT_MAX)};
    int rc = vmtp_transport_replay.spawn(ctx, &process, argv);
    FUZZ_HOLDS(rc == VMTP_OK || vmtp_ctx_error(ctx, rc)[0]);
    if (rc == VMTP_OK)
        FUZZ_HOLDS(vmtp_transport_replay.pump(ctx, &process, 0) == VMTP_OK);
    if (process.link)
        vmtp_transport_replay.reap(&process);
    vmtp_buf_clear(&process.out);
    vmtp_buf_clear(&process.err);
}

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    fuzz_file(data, size, path);
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = vmtp_endpoint_new("vm-a");
    const struct vmtp_login login = {.struct_size = sizeof login, .transport = "replay", .dialogue = path};
    FUZZ_HOLDS(ep && vmtp_endpoint_login(&ctx, ep, &login) == VMTP_OK);
    ep->transport = &vmtp_transport_replay;
    if (ep->transport->connect(&ctx, ep) == VMTP_OK) {
        struct vmtp_process server = {.ep = ep, .out = VMTP_BUF(VMTP_OUTPUT_MAX), .err = VMTP_BUF(VMTP_OUTPUT_MAX)};
        (void)ep->transport->spawn(&ctx, &server, ARGV("nuttcp", "-S"));
        ask(&ctx, ep, ARGV("/usr/bin/nuttcp", "-T5", "192.0.2.1"));
        ask(&ctx, ep, ARGV("grep", "-h", "x", "/proc/net/tcp"));
        ask(&ctx, ep, ARGV("sh", "-c", "x", "vmtp-program", "nuttcp"));
        if (server.link)
            ep->transport->reap(&server);
        vmtp_buf_clear(&server.out);
        vmtp_buf_clear(&server.err);
    }
    vmtp_endpoint_free(ep);
    return 0;
}
