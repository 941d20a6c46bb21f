/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "tests/tap.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static char path[] = "/tmp/vmtp-unit.XXXXXX";

static struct vmtp_endpoint *play(struct vmtp_ctx *ctx, const char *dialogue)
{
    struct vmtp_endpoint *ep = vmtp_endpoint_new("vm-a");
    struct vmtp_login login = {.struct_size = sizeof login, .transport = "replay", .dialogue = path};
    if (vmtp_file_replace(ctx, path, dialogue, strlen(dialogue)) < 0 || vmtp_endpoint_login(ctx, ep, &login) < 0 ||
        vmtp_connect(ctx, &ep, 1) < 0)
        ok(false, "cannot play");
    return ep;
}

static void test_commands(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = play(&ctx, "{\"programs\": {\"nuttcp\": \"/opt/nuttcp\"}, \"commands\": ["
                                          "{\"argv\": [\"nuttcp\", \"-T*\"], \"stdout\": \"one\"},"
                                          "{\"argv\": [\"nuttcp\", \"-T5\"], \"stdout\": \"two\", \"exit\": 3,"
                                          " \"stderr\": \"words\"},"
                                          "{\"argv\": [\"slow\"], \"stdout\": \"begun\", \"seconds\": 30}]}");
    ok(vmtp_endpoint_usable(ep), "a dialogue is loaded");
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    is_int(vmtp_exec(&ctx, ep, ARGV("/opt/nuttcp", "-T5", "192.0.2.1"), &out), VMTP_OK, "a command by its first words");
    is(out.out, "one", "the first entry that matches");
    is_int(vmtp_exec(&ctx, ep, ARGV("nuttcp", "-T5"), &out), VMTP_OK, "again");
    is(out.out, "two", "the next one");
    is(out.err, "words", "with standard error");
    is_int(out.exit_status, 3, "and exit status");
    is_int(vmtp_exec(&ctx, ep, ARGV("nuttcp", "-T5"), &out), VMTP_OK, "and again");
    is(out.out, "two", "the last one stays");

    is_int(vmtp_exec(&ctx, ep, ARGV("nuttcp", "-x"), &out), VMTP_EREMOTE, "a command without an entry");
    contains(vmtp_ctx_error(&ctx, VMTP_EREMOTE), "matches the command: nuttcp -x", "is named");
    vmtp_ctx_forget(&ctx);

    const char *program = NULL;
    is_int(vmtp_program(&ctx, ep, "nuttcp", NULL, &program), VMTP_OK, "a program");
    is(program, "/opt/nuttcp", "has the path of the dialogue");
    is_int(vmtp_program(&ctx, ep, "iperf", NULL, &program), VMTP_ENOTSUP, "another is not there");
    vmtp_ctx_forget(&ctx);

    VMTP_CLEAN(ctx) struct vmtp_ctx brief;
    vmtp_ctx_child(&brief, &ctx, 0.2);
    double begin = vmtp_now();
    is_int(vmtp_exec(&brief, ep, ARGV("slow"), &out), VMTP_ETIMEOUT, "a command that takes longer than it may");
    ok(vmtp_now() - begin < within(1.2), "is ended");
    is(out.out, "begun", "what it wrote is kept");
    vmtp_endpoint_free(ep);
}

static void test_servers(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = play(&ctx, "{\"commands\": ["
                                          "{\"argv\": [\"iperf\", \"-s\"], \"listens\": [{\"proto\": \"tcp\","
                                          " \"port\": 5001}, {\"proto\": \"udp\", \"port\": 5003}]},"
                                          "{\"argv\": [\"dies\"], \"stderr\": \"no such interface\", \"exit\": 1}]}");
    vmtp_process *server = NULL, *other = NULL;
    is_int(vmtp_start(&ctx, ep, ARGV("iperf", "-s"), VMTP_TCP, 5001, &server), VMTP_OK, "a server starts and listens");
    ok(server && vmtp_running(&ctx, server), "it runs");
    struct vmtp_listener listener;
    is_int(vmtp_port_listener(&ctx, ep, VMTP_UDP, 5003, &listener), VMTP_OK, "ports are read");
    ok(listener.found, "its UDP port is seen");
    is_int(vmtp_port_listener(&ctx, ep, VMTP_TCP, 5003, &listener), VMTP_OK, "another protocol");
    ok(!listener.found, "has no listener");
    is_int(vmtp_start(&ctx, ep, ARGV("iperf", "-s"), VMTP_TCP, 5001, &other), VMTP_EREMOTE, "its port is taken");
    vmtp_ctx_forget(&ctx);
    vmtp_stop(&ctx, server);
    is_int(vmtp_port_listener(&ctx, ep, VMTP_TCP, 5001, &listener), VMTP_OK, "after its end");
    ok(!listener.found, "the port is free");
    is_int(vmtp_start(&ctx, ep, ARGV("dies"), VMTP_TCP, 5001, &server), VMTP_EREMOTE, "a server that dies");
    contains(vmtp_ctx_error(&ctx, VMTP_EREMOTE), "exit 1: no such interface", "is told with its words");
    vmtp_endpoint_free(ep);
}

static void test_bad_dialogues(void)
{
    static const char *const bad[][2] = {
        {"{\"commands\": [", ":1:"},
        {"[]", "no list \"commands\""},
        {"{\"commands\": [{\"argv\": []}]}", "command 1: \"argv\""},
        {"{\"commands\": [{\"argv\": [\"a\"]}, {\"argv\": [1]}]}", "command 2: \"argv\""},
        {"{\"commands\": [{\"argv\": [\"a\"], \"stdout\": 1}]}", "\"stdout\" has the wrong type"},
        {"{\"commands\": [{\"argv\": [\"a\"], \"seconds\": -1}]}", "\"seconds\""},
        {"{\"commands\": [{\"argv\": [\"a\"], \"listens\": [{\"proto\": \"sctp\", \"port\": 1}]}]}", "\"listens\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        struct vmtp_endpoint *ep = play(&ctx, bad[i][0]);
        ok(!vmtp_endpoint_usable(ep), "a broken dialogue is refused");
        contains(ep->error, bad[i][1], "saying where");
        vmtp_endpoint_free(ep);
    }
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0)
        return 99;
    close(fd);
    test_commands();
    test_servers();
    test_bad_dialogues();
    unlink(path);
    return done_testing();
}
