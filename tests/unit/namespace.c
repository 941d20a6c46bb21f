/* SPDX-License-Identifier: Apache-2.0 */
/* The namespace topology with the real kernel, as root and as an ordinary user, without the rest of the program. */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/str.h"
#include "tests/tap.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
/* This program again, inside a namespace; the link works also where a user may not enter the directory it lies in. */
#define SELF "/proc/self/exe"
enum { PORT = 9009, DATAGRAM = 1400, NOBODY = 65534, UNITS = 3 };

extern const struct vmtp_plugin topology_namespace_LTX_vmtp_plugin;

/* What the core keeps of a plan, as much of it as this topology needs. */
struct vmtp_plan {
    vmtp_endpoint *eps[UNITS];
    size_t n, flows;
};
int vmtp_plan_endpoint(vmtp_plan *plan, const char *id)
{
    plan->eps[plan->n++] = vmtp_endpoint_new(id);
    return VMTP_OK;
}
int vmtp_plan_flow(vmtp_plan *plan, const struct vmtp_flow *flow)
{
    plan->flows += strcmp(flow->client, "ns-a") == 0 && strcmp(flow->server, "ns-b") == 0;
    return VMTP_OK;
}

/* As in the plugin, whose schema says where each member lies. */
struct opts {
    uint64_t rate, mtu;
    int family;
};

struct world {
    struct vmtp_ctx ctx;
    struct vmtp_plan plan;
    void *state;
    int rc;
};
static const struct vmtp_topology_ops *ops;

static void set_up(struct world *world, const struct opts *opts)
{
    *world = (struct world){0};
    vmtp_ctx_init(&world->ctx, NULL);
    world->rc = ops->open(&world->ctx, opts, &world->state);
    if (world->rc == VMTP_OK)
        world->rc = ops->plan(&world->ctx, world->state, &world->plan);
    if (world->rc == VMTP_OK)
        world->rc = ops->acquire(&world->ctx, world->state, world->plan.eps, world->plan.n);
}

static void tear_down(struct world *world)
{
    is_int(ops->release(&world->ctx, world->state, world->plan.eps, world->plan.n), VMTP_OK, "released");
    is_int(ops->release(&world->ctx, world->state, world->plan.eps, world->plan.n), VMTP_OK, "twice");
    ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no process is left");
    ops->close(world->state);
    for (size_t i = 0; i < world->plan.n; i++)
        vmtp_endpoint_free(world->plan.eps[i]);
    vmtp_ctx_clear(&world->ctx);
}

static bool runs(struct world *world, size_t ep, const char *const argv[], const char *want)
{
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(&world->ctx, world->plan.eps[ep], argv, &out);
    bool fine = rc == VMTP_OK && out.exit_status == 0 && (!want || strstr(out.out, want));
    if (!fine)
        printf("# %s: rc %d exit %d\n# %s%s\n", argv[0], rc, out.exit_status, rc == VMTP_OK ? out.out : "",
               rc == VMTP_OK ? out.err : vmtp_ctx_error(&world->ctx, rc));
    return fine;
}

static const char *server_address(const struct world *world)
{
    return vmtp_pairs_get(&world->plan.eps[1]->addresses, "namespace");
}

/* On a machine that is busy enough the neighbours may need a second to find each other. */
static bool pings(struct world *world)
{
    for (int tries = 0; tries < 3; tries++)
        if (runs(world, 0, ARGV("ping", "-c", "1", "-W", "3", server_address(world)), " 0% packet loss"))
            return true;
    return false;
}

static void test_direct(int family, const char *name)
{
    struct world world;
    const struct opts opts = {.mtu = 9000, .family = family};
    set_up(&world, &opts);
    if (!ok(world.rc == VMTP_OK, "%s: two namespaces", name))
        printf("# %s\n", vmtp_ctx_error(&world.ctx, world.rc));
    is_int((long long)world.plan.n, 2, "are two endpoints");
    if (world.rc == VMTP_OK) {
        ok(pings(&world), "one reaches the other");
        ok(runs(&world, 0, ARGV("ip", "link", "show"), "mtu 9000"), "the MTU is the one that was asked for");
        ok(!runs(&world, 0, ARGV("grep", "-c", "eth0", "/proc/net/dev"), NULL), "no interface of the machine is there");
    }
    tear_down(&world);
}

/* Sends for half a second, as fast as it goes. */
static int flood(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    char payload[DATAGRAM] = "";
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    long sent = 0;
    inet_pton(AF_INET, address, &to.sin_addr);
    for (double end = vmtp_now() + 0.5; vmtp_now() < end;)
        sent += sendto(fd, payload, sizeof payload, 0, (struct sockaddr *)&to, sizeof to) > 0;
    printf("%ld\n", sent);
    return 0;
}

/* Counts what comes until half a second after the last datagram. */
static int count(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    char payload[2048];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0)
        return 1;
    long got = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (poll(&ready, 1, got ? 500 : 10000) > 0)
        got += recv(fd, payload, sizeof payload, 0) > 0;
    printf("%ld\n", got);
    return 0;
}

static void test_overload(struct world *world)
{
    vmtp_process *counter = NULL;
    is_int(vmtp_start(&world->ctx, world->plan.eps[1], ARGV(SELF, "count"), VMTP_UDP, PORT, &counter), VMTP_OK,
           "a receiver");
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    is_int(vmtp_exec(&world->ctx, world->plan.eps[0], ARGV(SELF, "flood", server_address(world)), &out), VMTP_OK,
           "a sender that knows no limit");
    while (counter && vmtp_running(&world->ctx, counter))
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    long sent = strtol(out.out, NULL, 10), got = counter ? strtol(vmtp_buf_text(&counter->out), NULL, 10) : 0;
    printf("# sent %ld, arrived %ld\n", sent, got);
    ok(got > 200 && got < 700, "what arrives fits into 10 Mbit/s"); /* 433 in half a second, some in the queue */
    ok(sent > 3 * got, "the sender is not held back: the rest is lost on the way");
    vmtp_stop(&world->ctx, counter);
}

static void test_routed(int family, const char *name)
{
    struct world world;
    const struct opts opts = {.rate = 10000000, .mtu = 1500, .family = family};
    set_up(&world, &opts);
    if (!ok(world.rc == VMTP_OK, "%s: two namespaces and a router", name))
        printf("# %s\n", vmtp_ctx_error(&world.ctx, world.rc));
    is_int((long long)world.plan.n, 3, "are three endpoints");
    is_int((long long)world.plan.flows, 1, "and one flow");
    if (world.rc == VMTP_OK) {
        ok(pings(&world), "one reaches the other");
        ok(runs(&world, 2, ARGV("tc", "qdisc", "show", "dev", "vmtp1"), "rate 10Mbit"), "the way back is shaped");
        if (family == 0)
            test_overload(&world);
    }
    tear_down(&world);
}

static void test_twice_at_once(void)
{
    struct world one, two;
    const struct opts opts = {.mtu = 1500};
    set_up(&one, &opts);
    set_up(&two, &opts);
    ok(one.rc == VMTP_OK && two.rc == VMTP_OK && pings(&one) && pings(&two), "two runs side by side");
    ops->release(&two.ctx, two.state, two.plan.eps, two.plan.n);
    tear_down(&one);
    tear_down(&two);
}

static void test_check(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    const struct opts small = {.mtu = 1000, .family = 1}, fine = {.mtu = 1000};
    is_int(topology_namespace_LTX_vmtp_plugin.check(&ctx, &small), VMTP_ECONFIG, "an MTU that IPv6 does not allow");
    is_int(topology_namespace_LTX_vmtp_plugin.check(&ctx, &fine), VMTP_OK, "but IPv4 does");
}

static bool is_gone(pid_t pid)
{
    VMTP_CLEAN(mem) char *path = vmtp_format("/proc/%ld/stat", (long)pid);
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len = 0;
    return vmtp_file_read(NULL, path, 4096, &text, &len) < 0 || strstr(text, ") Z") || strstr(text, ") X");
}

/* Killed by force it leaves no process, and with the last process a namespace is gone. */
static void test_kill(void)
{
    int ends[2];
    pid_t holder = 0;
    if (pipe(ends) < 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        struct world world;
        const struct opts opts = {.mtu = 1500};
        set_up(&world, &opts);
        holder = (pid_t)strtol(world.plan.eps[1]->login.netns, NULL, 10);
        if (write(ends[1], &holder, sizeof holder) > 0)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    ok(read(ends[0], &holder, sizeof holder) == sizeof holder && holder > 0, "a run is killed by force");
    waitpid(child, NULL, 0);
    double end = vmtp_now() + 2;
    while (!is_gone(holder) && vmtp_now() < end)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    ok(is_gone(holder), "its namespaces end with it");
    close(ends[0]);
    close(ends[1]);
}

/* Why namespaces cannot be tested here; NULL: they can. */
static const char *obstacle(void)
{
    static char why[300];
    struct world world;
    const struct opts opts = {.mtu = 1500};
    set_up(&world, &opts);
    snprintf(why, sizeof why, "%s", vmtp_ctx_error(&world.ctx, world.rc));
    bool refused = world.rc == VMTP_ENOTSUP;
    ops->close(world.state);
    for (size_t i = 0; i < world.plan.n; i++)
        vmtp_endpoint_free(world.plan.eps[i]);
    vmtp_ctx_clear(&world.ctx);
    return refused ? why : NULL;
}

static void test_all(const char *who)
{
    const char *why = obstacle();
    if (why) {
        contains(why, "this ", "a refusal explains itself");
        skip(1, "%s: %s", who, why);
        return;
    }
    printf("# as %s\n", who);
    test_direct(0, "IPv4");
    test_routed(0, "IPv4");
    if (access("/proc/net/if_inet6", R_OK) == 0) {
        test_direct(1, "IPv6");
        test_routed(1, "IPv6");
    } else {
        skip(1, "this kernel has no IPv6");
    }
    test_twice_at_once();
    test_kill();
}

/* The same in a process that is nobody; its count of tests goes on here. */
static void test_as_nobody(void)
{
    int ends[2];
    int counts[2] = {0, 0};
    if (pipe(ends) < 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
            _exit(1);
        (void)prctl(PR_SET_DUMPABLE, 1); /* as in a program that this user has started; else /proc/self is root's */
        test_all("an ordinary user");
        fflush(stdout);
        counts[0] = tap_count;
        counts[1] = tap_failed;
        _exit(write(ends[1], counts, sizeof counts) != sizeof counts);
    }
    close(ends[1]);
    bool finished = read(ends[0], counts, sizeof counts) == sizeof counts;
    waitpid(child, NULL, 0);
    close(ends[0]);
    if (finished) {
        tap_count = counts[0];
        tap_failed = counts[1];
    }
    ok(finished, "an ordinary user gets to the end");
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return flood(argv[2]);
    if (argc == 2)
        return count();
    ops = topology_namespace_LTX_vmtp_plugin.topology;
    test_check();
    test_all(geteuid() == 0 ? "root" : "an ordinary user");
    if (geteuid() == 0)
        test_as_nobody();
    return done_testing();
}
