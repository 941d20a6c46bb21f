/* SPDX-License-Identifier: Apache-2.0 */
/* nuttcp, iperf and ping over the loopback of this machine: what no run asks for yet, or only in some runs. A program
 * that is not installed is skipped. TOOLS_PREFIX names a directory in which they are looked for instead. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/event.h"
#include "core/util/str.h"
#include "tests/tap.h"

extern const struct vmtp_plugin tool_iperf_LTX_vmtp_plugin, tool_nuttcp_LTX_vmtp_plugin, tool_ping_LTX_vmtp_plugin;

/* As each of the plugins declares its options: the path is the first member. */
struct some_opts {
    const char *path;
    char rest[64];
};

struct live {
    const struct vmtp_plugin *plugin;
    struct vmtp_ctx ctx;
    struct vmtp_endpoint *client, *server;
    struct some_opts opts;
    char path[300];
    void *state;
    uint32_t caps;
    struct vmtp_recorder recorder;
    unsigned samples;
};

/* Two ports in a row that nobody has now, in a range that is not handed out by itself. */
static uint16_t free_ports(void)
{
    for (unsigned port = 20000 + (unsigned)getpid() % 5000 * 2; port < 32000; port += 2) {
        bool all_free = true;
        for (unsigned i = 0; i < 4; i++) { /* both ports, TCP and UDP */
            struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)(port + i / 2))};
            int fd = socket(AF_INET6, (i & 1 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
            all_free = all_free && fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0;
            if (fd >= 0)
                close(fd);
        }
        if (all_free)
            return (uint16_t)port;
    }
    return 0;
}

static int count_sample(vmtp_ctx *ctx, void *arg, const struct vmtp_value *values, size_t n)
{
    (void)ctx, (void)values, (void)n;
    ++*(unsigned *)arg;
    return VMTP_OK;
}

static struct vmtp_endpoint *here(struct vmtp_ctx *ctx, const char *id)
{
    struct vmtp_endpoint *ep = vmtp_endpoint_new(id);
    struct vmtp_login login = {.struct_size = sizeof login, .transport = "local"};
    if (vmtp_endpoint_login(ctx, ep, &login) < 0 || vmtp_connect(ctx, &ep, 1) < 0)
        ok(false, "cannot connect to this machine");
    return ep;
}

static bool begin(struct live *live, const struct vmtp_plugin *plugin)
{
    *live = (struct live){.plugin = plugin, .caps = plugin->tool->caps};
    vmtp_ctx_init(&live->ctx, NULL);
    live->client = here(&live->ctx, "client");
    live->server = here(&live->ctx, "server");
    if (getenv("TOOLS_PREFIX")) {
        snprintf(live->path, sizeof live->path, "%s/%s", getenv("TOOLS_PREFIX"), plugin->name);
        live->opts.path = live->path;
    }
    if (plugin->tool->open(&live->ctx, &live->opts, &live->state) < 0)
        return false;
    live->recorder = (struct vmtp_recorder){.sample = count_sample, .sample_arg = &live->samples};
    live->ctx.recorder = &live->recorder;
    const char *path;
    int rc = vmtp_program(&live->ctx, live->client, plugin->name, live->opts.path, &path);
    if (rc == VMTP_OK)
        rc = plugin->tool->prepare(&live->ctx, live->state, live->server, &live->caps);
    if (rc == VMTP_OK)
        rc = plugin->tool->prepare(&live->ctx, live->state, live->client, &live->caps);
    if (rc == VMTP_OK)
        return true;
    skip(1, "%s", vmtp_ctx_error(&live->ctx, rc));
    return false;
}

static void end(struct live *live, uint16_t port)
{
    struct vmtp_job job = {.struct_size = sizeof job, .port = port, .server = live->server, .client = live->client};
    if (live->plugin->tool->unserve)
        live->plugin->tool->unserve(&live->ctx, live->state, &job);
    live->plugin->tool->close(live->state);
    vmtp_recorder_clear(&live->recorder);
    vmtp_endpoint_free(live->client);
    vmtp_endpoint_free(live->server);
    vmtp_ctx_clear(&live->ctx);
}

static int measure(struct live *live, uint16_t port, const char *target, struct vmtp_load load)
{
    load.struct_size = sizeof load;
    load.ipv6 = strchr(target, ':') != NULL;
    struct vmtp_job job = {
        .struct_size = sizeof job,
        .port = port,
        .control_port = (uint16_t)(port + 1),
        .load = &load,
        .client = live->client,
        .server = live->server,
        .target = target,
    };
    const struct vmtp_tool_ops *ops = live->plugin->tool;
    vmtp_recorder_clear(&live->recorder);
    live->recorder.sample = count_sample;
    live->recorder.sample_arg = &live->samples;
    live->samples = 0;
    vmtp_ctx_forget(&live->ctx);
    int rc = ops->serve ? ops->serve(&live->ctx, live->state, &job) : VMTP_OK;
    return rc < 0 ? rc : ops->measure(&live->ctx, live->state, &job);
}

static double number(const struct live *live, const char *metric)
{
    return vmtp_recorder_number(&live->recorder, metric, -1);
}

static void expect(struct live *live, uint16_t port, const char *target, const char *what, struct vmtp_load load)
{
    const char *name = live->plugin->name;
    int rc = measure(live, port, target, load);
    if (!ok(rc == VMTP_OK, "%s: %s", name, what)) {
        printf("# %s\n", vmtp_ctx_error(&live->ctx, rc));
        return;
    }
    double throughput = number(live, "throughput");
    ok(throughput > 1e5, "%s: %s: %g bit/s", name, what, throughput);
    if (load.rate_bps)
        ok(throughput < 1.2 * (double)load.rate_bps, "%s: %s: not more than was asked", name, what);
    if (load.interval_s > 0)
        ok(live->samples >= 1, "%s: %s: %u samples", name, what, live->samples);
    if (load.proto != VMTP_TCP)
        ok(number(live, "sent") >= number(live, "received") && number(live, "loss") >= 0, "%s: %s: counts", name, what);
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

static void test_throughput(const struct vmtp_plugin *plugin)
{
    struct live live;
    uint16_t port = free_ports();
    if (begin(&live, plugin)) {
        const uint64_t slow = 20000000;
        expect(&live, port, "127.0.0.1", "TCP", (struct vmtp_load){.proto = VMTP_TCP, .seconds = 0.3});
        expect(&live, port, "127.0.0.1", "TCP at a rate, with samples",
               (struct vmtp_load){.proto = VMTP_TCP, .seconds = 1, .interval_s = 0.25, .rate_bps = slow,
                                  .message_bytes = 8192});
        expect(&live, port, "127.0.0.1", "TCP, streams",
               (struct vmtp_load){.proto = VMTP_TCP, .seconds = 0.3, .streams = 3});
        if (live.caps & VMTP_TOOL_REVERSE_TCP)
            expect(&live, port, "127.0.0.1", "TCP, reverse",
                   (struct vmtp_load){.proto = VMTP_TCP, .seconds = 0.3, .reverse = 1, .message_bytes = 65536});
        for (int i = 0; i < 3; i++)
            expect(&live, port, "127.0.0.1", "UDP, time and again",
                   (struct vmtp_load){.proto = VMTP_UDP, .seconds = 0.5, .rate_bps = slow, .message_bytes = 1000,
                                      .interval_s = 0.2});
        ok(number(&live, "loss") < 0.5, "%s: most of it arrives", plugin->name);
        if (live.caps & VMTP_TOOL_REVERSE_UDP)
            expect(&live, port, "127.0.0.1", "UDP, reverse",
                   (struct vmtp_load){.proto = VMTP_UDP, .seconds = 0.5, .reverse = 1, .rate_bps = slow,
                                      .message_bytes = 1000});
        expect(&live, port, "127.0.0.1", "UDP, large datagrams",
               (struct vmtp_load){.proto = VMTP_UDP, .seconds = 0.5, .rate_bps = slow, .message_bytes = 30000});
        expect(&live, port, "127.0.0.1", "UDP, as fast as it goes",
               (struct vmtp_load){.proto = VMTP_UDP, .seconds = 0.3, .message_bytes = 1000});
        if (has_ipv6()) {
            expect(&live, port, "::1", "TCP over IPv6", (struct vmtp_load){.proto = VMTP_TCP, .seconds = 0.3});
            expect(&live, port, "::1", "UDP over IPv6",
                   (struct vmtp_load){.proto = VMTP_UDP, .seconds = 0.3, .rate_bps = slow, .message_bytes = 1000});
        } else {
            skip(2, "this machine has no IPv6");
        }
        ok(measure(&live, port, "-x", (struct vmtp_load){.proto = VMTP_TCP, .seconds = 0.3}) < 0,
           "%s: an address that looks like an option is refused", plugin->name);
    }
    end(&live, port);
}

static void test_ping(void)
{
    struct live live;
    if (begin(&live, &tool_ping_LTX_vmtp_plugin)) {
        struct vmtp_load load = {.proto = VMTP_ICMP, .count = 3, .interval_s = 0.2, .message_bytes = 64};
        int rc = measure(&live, 0, "127.0.0.1", load);
        if (rc < 0) { /* a host may forbid it */
            skip(3, "%s", vmtp_ctx_error(&live.ctx, rc));
        } else {
            is_number(number(&live, "sent"), 3, "ping: sent");
            is_number(number(&live, "loss"), 0, "ping: nothing is lost");
            ok(number(&live, "rtt_avg") > 0 && number(&live, "rtt_avg") < 1, "ping: round trip in seconds");
        }
        load.message_bytes = 27;
        is_int(measure(&live, 0, "127.0.0.1", load), VMTP_ECONFIG, "ping: smaller than the headers");
        load.message_bytes = 47;
        is_int(measure(&live, 0, "::1", load), VMTP_ECONFIG, "ping: smaller than the headers of IPv6");
        load.message_bytes = 48;
        rc = has_ipv6() ? measure(&live, 0, "::1", load) : VMTP_OK;
        ok(rc == VMTP_OK || rc == VMTP_EREMOTE, "ping: the smallest of IPv6");
    }
    end(&live, 0);
}

int main(void)
{
    test_throughput(&tool_nuttcp_LTX_vmtp_plugin);
    test_throughput(&tool_iperf_LTX_vmtp_plugin);
    test_ping();
    return done_testing();
}
