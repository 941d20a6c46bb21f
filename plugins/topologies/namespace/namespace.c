/* SPDX-License-Identifier: Apache-2.0 */
/* Two network namespaces of this machine, joined by a veth pair or, with a rate, by a third one that routes and
 * shapes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holder.h"

enum { CLIENT, SERVER, ROUTER, MACHINES };
static const char *const ids[MACHINES] = {"ns-a", "ns-b", "ns-router"};

enum { IPV4, IPV6 };
static const char *const families[] = {"ipv4", "ipv6", NULL};

struct namespace_opts {
    uint64_t rate;
    uint64_t mtu;
    int family;
};

static const struct vmtp_option namespace_options[] = {
    VMTP_OPTION(struct namespace_opts, rate, RATE,
                .help = "rate of the path in both directions, shaped by a router; without one the path is as fast as "
                        "the machine",
                .min = 100000, .max = 100000000000),
    VMTP_OPTION(struct namespace_opts, mtu, SIZE, .help = "MTU of the path", .fallback = "1500", .min = 576,
                .max = 65535),
    VMTP_OPTION(struct namespace_opts, family, CHOICE, .help = "address family of the path", .fallback = "ipv4",
                .choices = families),
    {0},
};

struct namespace_state {
    const struct namespace_opts *opts;
    struct holder holders[MACHINES];
};

/* Addresses of the networks set aside for measurements: RFC 2544 (198.18.0.0/15) and RFC 5180 (2001:2::/48). Behind the
 * router stand a second network and the router's own address in both. */
struct addresses {
    const char *client, *server, *routed_server, *client_gateway, *server_gateway;
    const char *prefix;
};
static const struct addresses networks[] = {
    [IPV4] = {"198.18.0.1", "198.18.0.2", "198.18.1.2", "198.18.0.254", "198.18.1.254", "24"},
    [IPV6] = {"2001:2::1", "2001:2::2", "2001:2:0:1::2", "2001:2::fe", "2001:2:0:1::fe", "64"},
};

static bool is_routed(const struct namespace_state *state)
{
    return state->opts->rate != 0;
}

static int namespace_check(vmtp_ctx *ctx, const void *opts)
{
    const struct namespace_opts *o = opts;
    if (o->family == IPV6 && o->mtu < 1280)
        return vmtp_fail(ctx, VMTP_ECONFIG, "mtu: IPv6 needs 1280 at least (RFC 8200)");
    return VMTP_OK;
}

static int namespace_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct namespace_state *made = calloc(1, sizeof *made);
    if (!made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    made->opts = opts;
    *state = made;
    return VMTP_OK;
}

static int namespace_plan(vmtp_ctx *ctx, void *state, vmtp_plan *plan)
{
    size_t n = is_routed(state) ? MACHINES : ROUTER;
    int rc = VMTP_OK;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++)
        rc = vmtp_plan_endpoint(plan, ids[i]);
    const struct vmtp_flow flow = {
        .struct_size = sizeof flow,
        .id = "namespace",
        .client = ids[CLIENT],
        .server = ids[SERVER],
        .path = "namespace",
        .scenario = "9",
        .label = "Namespaces on this machine",
    };
    if (rc == VMTP_OK)
        rc = vmtp_plan_flow(plan, &flow);
    return rc < 0 ? vmtp_fail(ctx, rc, "cannot plan the flow") : rc;
}

/* ---- commands ---- */

static int run(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *const argv[])
{
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0 || out.exit_status == 0)
        return rc;
    if (out.exit_status == 127)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "this machine has no %s: install the package iproute2", argv[0]);
    return vmtp_fail(ctx, VMTP_EREMOTE, "%s %s %s: exit %d: %s", argv[0], argv[1], argv[2], out.exit_status, out.err);
}
#define RUN(ctx, ep, ...) run(ctx, ep, (const char *const[]){__VA_ARGS__, NULL})

/* One end of a cable: the loopback interface comes up with it. */
static int set_up_link(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *link, const char *address, const char *prefix)
{
    char with_prefix[64];
    snprintf(with_prefix, sizeof with_prefix, "%s/%s", address, prefix);
    int rc = RUN(ctx, ep, "ip", "link", "set", "dev", "lo", "up");
    if (strchr(address, ':')) {
        /* Nobody else is on the cable, so nobody waits for duplicate address detection; and the link-local address,
         * which a router needs to find its neighbours, is there at once instead of some time after the link is up. */
        if (rc == VMTP_OK)
            rc = RUN(ctx, ep, "ip", "link", "set", "dev", link, "addrgenmode", "none");
        if (rc == VMTP_OK)
            rc = RUN(ctx, ep, "ip", "link", "set", "dev", link, "up");
        if (rc == VMTP_OK)
            rc = RUN(ctx, ep, "ip", "address", "add", strcmp(link, "vmtp0") == 0 ? "fe80::1/64" : "fe80::2/64", "dev",
                     link, "nodad");
        return rc < 0 ? rc : RUN(ctx, ep, "ip", "address", "add", with_prefix, "dev", link, "nodad");
    }
    if (rc == VMTP_OK)
        rc = RUN(ctx, ep, "ip", "address", "add", with_prefix, "dev", link);
    return rc < 0 ? rc : RUN(ctx, ep, "ip", "link", "set", "dev", link, "up");
}

static int is_reachable(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *link, const char *address, bool *reachable)
{
    VMTP_CLEAN(output) struct vmtp_output state = {0};
    int rc = vmtp_exec(ctx, ep, (const char *const[]){"ip", "-o", "link", "show", "dev", link, NULL}, &state);
    if (rc < 0)
        return rc;
    VMTP_CLEAN(output) struct vmtp_output route = {0};
    rc = vmtp_exec(ctx, ep, (const char *const[]){"ip", "route", "get", address, NULL}, &route);
    *reachable = rc == VMTP_OK && strstr(state.out, "state UP") && strncmp(route.out, "local ", 6) == 0;
    return rc;
}

/* The kernel tells IPv6 that a cable is plugged in when it finds the time, up to a second after both ends are up, and
 * only then an address is one that packets are accepted for: what is sent to it before is lost. */
static int await_link(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *link, const char *address)
{
    for (int tries = 0; tries < 250; tries++) {
        bool reachable = false;
        int rc = is_reachable(ctx, ep, link, address, &reachable);
        if (rc < 0 || reachable)
            return rc;
        rc = vmtp_wait(ctx, 0.02);
        if (rc < 0)
            return rc;
    }
    return vmtp_fail(ctx, VMTP_ETIMEOUT, "the link %s of a new namespace does not come up", link);
}

/* A veth pair from vmtp0 of one endpoint to an interface in another holder's namespace. */
static int add_cable(vmtp_ctx *ctx, vmtp_endpoint *ep, const struct holder *other, const char *other_link, uint64_t mtu)
{
    char pid[24], mtu_text[24];
    snprintf(pid, sizeof pid, "%ld", (long)other->pid);
    snprintf(mtu_text, sizeof mtu_text, "%llu", (unsigned long long)mtu);
    return RUN(ctx, ep, "ip", "link", "add", "name", "vmtp0", "mtu", mtu_text, "type", "veth", "peer", "name",
               other_link, "mtu", mtu_text, "netns", pid);
}

/* A token bucket on the router's way out. The bucket holds 4 ms of the rate, so that a timer that is late on a busy
 * machine does not cost throughput. The queue holds 10 ms more: enough for TCP on a path whose own delay is far below
 * that, and so little that an overload is lost at once instead of arriving later, which would hide it from a short
 * trial. Both hold a number of packets at least, for low rates. */
static int shape(vmtp_ctx *ctx, vmtp_endpoint *router, const char *link, const struct namespace_opts *opts)
{
    uint64_t bytes_per_s = opts->rate / 8, packet = opts->mtu + 14;
    uint64_t burst = bytes_per_s / 250, queue = bytes_per_s / 100;
    if (burst < 4 * packet)
        burst = 4 * packet;
    if (queue < 20 * packet)
        queue = 20 * packet;
    char rate_text[32], burst_text[24], limit_text[24];
    snprintf(rate_text, sizeof rate_text, "%llubit", (unsigned long long)opts->rate);
    snprintf(burst_text, sizeof burst_text, "%llu", (unsigned long long)burst);
    snprintf(limit_text, sizeof limit_text, "%llu", (unsigned long long)(burst + queue));
    return RUN(ctx, router, "tc", "qdisc", "add", "dev", link, "root", "tbf", "rate", rate_text, "burst", burst_text,
               "limit", limit_text);
}

/* Packets that the router forwards are dropped when its queue is full. On the sender's own interface a full queue would
 * hold the sender back instead, and no overload could ever be seen. */
static int set_up_router(vmtp_ctx *ctx, vmtp_endpoint *router, const struct addresses *net,
                         const struct namespace_opts *opts)
{
    static const char *const forward[] = {"echo 1 >/proc/sys/net/ipv4/ip_forward",
                                          "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"};
    int rc = RUN(ctx, router, "sh", "-c", forward[opts->family]);
    if (rc == VMTP_OK)
        rc = set_up_link(ctx, router, "vmtp1", net->client_gateway, net->prefix);
    if (rc == VMTP_OK)
        rc = set_up_link(ctx, router, "vmtp2", net->server_gateway, net->prefix);
    if (rc == VMTP_OK)
        rc = shape(ctx, router, "vmtp1", opts);
    return rc < 0 ? rc : shape(ctx, router, "vmtp2", opts);
}

/* Of a datagram that is larger than the MTU a shaped link drops single fragments, and what is left of it fills the
 * receiver's reassembly memory for 30 s: after one overload nothing at all would arrive. A second is plenty here. A
 * kernel that keeps this from ordinary users leaves its default in place. */
static int shorten_reassembly(vmtp_ctx *ctx, vmtp_endpoint *ep)
{
    static const char script[] = "cd /proc/sys/net || exit 0\n"
                                 "for f in ipv4/ipfrag_time ipv6/ip6frag_time; do\n"
                                 "    [ ! -w $f ] || echo 1 >$f\n"
                                 "done 2>/dev/null; :";
    return RUN(ctx, ep, "sh", "-c", script);
}

static int set_up_routed(vmtp_ctx *ctx, struct namespace_state *state, vmtp_endpoint *const eps[MACHINES])
{
    const struct addresses *net = &networks[state->opts->family];
    const struct holder *router = &state->holders[ROUTER];
    int rc = add_cable(ctx, eps[CLIENT], router, "vmtp1", state->opts->mtu);
    if (rc == VMTP_OK)
        rc = add_cable(ctx, eps[SERVER], router, "vmtp2", state->opts->mtu);
    if (rc == VMTP_OK)
        rc = set_up_router(ctx, eps[ROUTER], net, state->opts);
    if (rc == VMTP_OK)
        rc = set_up_link(ctx, eps[CLIENT], "vmtp0", net->client, net->prefix);
    if (rc == VMTP_OK)
        rc = set_up_link(ctx, eps[SERVER], "vmtp0", net->routed_server, net->prefix);
    if (rc == VMTP_OK)
        rc = shorten_reassembly(ctx, eps[CLIENT]);
    if (rc == VMTP_OK)
        rc = shorten_reassembly(ctx, eps[SERVER]);
    if (rc == VMTP_OK)
        rc = RUN(ctx, eps[CLIENT], "ip", "route", "add", "default", "via", net->client_gateway);
    if (rc == VMTP_OK)
        rc = RUN(ctx, eps[SERVER], "ip", "route", "add", "default", "via", net->server_gateway);
    if (rc == VMTP_OK)
        rc = await_link(ctx, eps[ROUTER], "vmtp1", net->client_gateway);
    if (rc == VMTP_OK)
        rc = await_link(ctx, eps[ROUTER], "vmtp2", net->server_gateway);
    if (rc == VMTP_OK)
        rc = await_link(ctx, eps[CLIENT], "vmtp0", net->client);
    return rc < 0 ? rc : await_link(ctx, eps[SERVER], "vmtp0", net->routed_server);
}

static int set_up_direct(vmtp_ctx *ctx, struct namespace_state *state, vmtp_endpoint *const eps[MACHINES])
{
    const struct addresses *net = &networks[state->opts->family];
    int rc = add_cable(ctx, eps[CLIENT], &state->holders[SERVER], "vmtp1", state->opts->mtu);
    if (rc == VMTP_OK)
        rc = set_up_link(ctx, eps[CLIENT], "vmtp0", net->client, net->prefix);
    if (rc == VMTP_OK)
        rc = set_up_link(ctx, eps[SERVER], "vmtp1", net->server, net->prefix);
    if (rc == VMTP_OK)
        rc = await_link(ctx, eps[CLIENT], "vmtp0", net->client);
    return rc < 0 ? rc : await_link(ctx, eps[SERVER], "vmtp1", net->server);
}

/* A new namespace has IPv6 switched off when the machine has. */
static int allow_ipv6(vmtp_ctx *ctx, vmtp_endpoint *ep)
{
    static const char script[] = "cd /proc/sys/net/ipv6/conf 2>/dev/null || exit 3\n"
                                 "echo 0 >all/disable_ipv6 && echo 0 >default/disable_ipv6 && echo 0 >lo/disable_ipv6";
    static const char *const argv[] = {"sh", "-c", script, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc == VMTP_OK && out.exit_status == 3)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "this machine has no IPv6: start its kernel without ipv6.disable=1");
    if (rc == VMTP_OK && out.exit_status != 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "cannot switch IPv6 on: %s", out.err);
    return rc;
}

/* ---- life ---- */

static int start_holders(vmtp_ctx *ctx, struct namespace_state *state, size_t n)
{
    struct holder *first = &state->holders[CLIENT];
    enum holder_kind rest = HOLDER_PLAIN;
    int rc = holder_start(NULL, HOLDER_PLAIN, NULL, first); /* without words: a refusal is what users are used to */
    if (rc < 0) {
        rc = holder_start(ctx, HOLDER_NEW_USER, NULL, first);
        rest = HOLDER_JOINED;
    }
    for (size_t i = 1; i < n && rc == VMTP_OK; i++)
        rc = holder_start(ctx, rest, first, &state->holders[i]);
    return rc;
}

static vmtp_endpoint *find(vmtp_endpoint *const *eps, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(vmtp_endpoint_id(eps[i]), id) == 0)
            return eps[i];
    return NULL;
}

static int join(vmtp_ctx *ctx, struct namespace_state *state, vmtp_endpoint *const machines[MACHINES], size_t n)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        char pid[24];
        snprintf(pid, sizeof pid, "%ld", (long)state->holders[i].pid);
        const struct vmtp_login login = {.struct_size = sizeof login, .transport = "local", .netns = pid};
        rc = vmtp_endpoint_login(ctx, machines[i], &login);
    }
    return rc < 0 ? rc : vmtp_connect(ctx, machines, n);
}

static int set_up(vmtp_ctx *ctx, struct namespace_state *state, vmtp_endpoint *const machines[MACHINES], size_t n)
{
    const struct addresses *net = &networks[state->opts->family];
    int rc = start_holders(ctx, state, n);
    if (rc == VMTP_OK)
        rc = join(ctx, state, machines, n);
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        if (!vmtp_endpoint_usable(machines[i]))
            return vmtp_fail(ctx, VMTP_EFAIL, "cannot join the namespace %s", ids[i]);
        if (state->opts->family == IPV6)
            rc = allow_ipv6(ctx, machines[i]);
    }
    if (rc == VMTP_OK)
        rc = is_routed(state) ? set_up_routed(ctx, state, machines) : set_up_direct(ctx, state, machines);
    if (rc == VMTP_OK)
        rc = vmtp_endpoint_address(ctx, machines[CLIENT], "namespace", net->client);
    return rc < 0 ? rc : vmtp_endpoint_address(ctx, machines[SERVER], "namespace",
                                               is_routed(state) ? net->routed_server : net->server);
}

static void end_holders(struct namespace_state *state)
{
    for (size_t i = MACHINES; i-- > 0;)
        holder_end(&state->holders[i]);
}

static int namespace_acquire(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    vmtp_endpoint *machines[MACHINES] = {0};
    size_t wanted = is_routed(state) ? MACHINES : ROUTER;
    for (size_t i = 0; i < wanted; i++) {
        machines[i] = find(eps, n, ids[i]);
        if (!machines[i])
            return vmtp_fail(ctx, VMTP_EFAIL, "the endpoint %s is missing", ids[i]);
    }
    int rc = set_up(ctx, state, machines, wanted);
    if (rc < 0)
        end_holders(state);
    return rc;
}

static int namespace_release(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    (void)ctx;
    (void)eps;
    (void)n;
    end_holders(state); /* interfaces and queues go with the last process of a namespace */
    return VMTP_OK;
}

static void namespace_close(void *state)
{
    end_holders(state);
    free(state);
}

static const struct vmtp_topology_ops namespace_ops = {
    .struct_size = sizeof namespace_ops,
    .caps = VMTP_TOPO_IPV4 | VMTP_TOPO_IPV6,
    .open = namespace_open,
    .plan = namespace_plan,
    .acquire = namespace_acquire,
    .release = namespace_release,
    .close = namespace_close,
};

VMTP_PLUGIN(topology_namespace) = {
    VMTP_PLUGIN_HEAD,
    .name = "namespace",
    .version = "1.0",
    .summary = "two network namespaces on this machine",
    .options = namespace_options,
    .option_size = sizeof namespace_options[0],
    .opts_size = sizeof(struct namespace_opts),
    .check = namespace_check,
    .topology = &namespace_ops,
};
