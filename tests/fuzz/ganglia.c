/* SPDX-License-Identifier: Apache-2.0 */
/* What says that it is a gmond. */
#include "core/ganglia.h"

#include "tests/fuzz/fuzz.h"

static int read_in(struct vmtp_ctx *ctx, const uint8_t *data, size_t size, size_t piece,
                   struct vmtp_ganglia_hosts *hosts)
{
    VMTP_CLEAN(ganglia) struct vmtp_ganglia_reader *reader = vmtp_ganglia_begin();
    FUZZ_HOLDS(reader);
    *hosts = (struct vmtp_ganglia_hosts){0};
    int rc = VMTP_OK;
    for (size_t at = 0; at < size && rc == VMTP_OK; at += piece)
        rc = vmtp_ganglia_feed(ctx, reader, (const char *)data + at, size - at < piece ? size - at : piece);
    return rc < 0 ? rc : vmtp_ganglia_end(ctx, reader, hosts);
}

static void hold_text(const char *text)
{
    FUZZ_HOLDS(text && strlen(text) < 256);
    for (; *text; text++)
        FUZZ_HOLDS((unsigned char)*text >= ' ' && *text != 0x7F);
}

static void hold_hosts(const struct vmtp_ganglia_hosts *hosts)
{
    FUZZ_HOLDS(hosts->n <= VMTP_GANGLIA_HOSTS_MAX);
    for (size_t i = 0; i < hosts->n; i++) {
        const struct vmtp_ganglia_host *host = &hosts->items[i];
        hold_text(host->address);
        hold_text(host->name);
        hold_text(host->cluster);
        FUZZ_HOLDS(*host->address && isfinite(host->load) && host->load >= 0);
        FUZZ_HOLDS(i == 0 || strcmp(hosts->items[i - 1].address, host->address) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts whole = {0};
    VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts pieces = {0};
    vmtp_ctx_init(&ctx, NULL);
    int rc = read_in(&ctx, data, size, size + 1, &whole);
    FUZZ_HOLDS(rc == VMTP_OK || (rc == VMTP_EPARSE && ctx.causes.len && whole.n == 0));
    hold_hosts(&whole);
    int again = read_in(NULL, data, size, 7, &pieces);
    FUZZ_HOLDS(again == rc && pieces.n == whole.n && pieces.clusters == whole.clusters);
    for (size_t i = 0; i < whole.n; i++)
        FUZZ_HOLDS(strcmp(whole.items[i].address, pieces.items[i].address) == 0 &&
                   whole.items[i].load == pieces.items[i].load);
    return 0;
}
