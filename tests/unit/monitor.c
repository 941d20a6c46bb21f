/* SPDX-License-Identifier: Apache-2.0 */
/* Readings of a gmond that is a thread of this program: in time, and never longer than the measurement. */
#include "core/monitor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/ganglia.h"
#include "core/log.h"
#include "core/util/clock.h"
#include "tests/fixture.h"

enum how { WHOLE, SILENT, CLOSED, CUT, TRICKLE };

static struct gmond {
    int fd;
    pthread_t thread;
    atomic_bool stopped;
    atomic_int how, asked;
    char *feed;
    size_t len;
} gmond;

static void answer(int fd)
{
    enum how how = (enum how)atomic_load(&gmond.how);
    if (how == WHOLE || how == CUT)
        (void)send(fd, gmond.feed, how == CUT ? gmond.len / 2 : gmond.len, MSG_NOSIGNAL);
    for (size_t i = 0; (how == SILENT || how == TRICKLE) && !atomic_load(&gmond.stopped); i++) {
        struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
        if (poll(&gone, 1, 20) > 0)
            break;
        if (how == TRICKLE)
            (void)send(fd, gmond.feed + i % gmond.len, 1, MSG_NOSIGNAL);
    }
}

static void *serve(void *unused)
{
    (void)unused;
    while (!atomic_load(&gmond.stopped)) {
        struct pollfd pfd = {.fd = gmond.fd, .events = POLLIN};
        int fd = poll(&pfd, 1, 20) > 0 ? accept(gmond.fd, NULL, NULL) : -1;
        if (fd < 0)
            continue;
        atomic_fetch_add(&gmond.asked, 1);
        answer(fd);
        close(fd);
    }
    return NULL;
}

/* At ::1 or 127.0.0.1; false when this machine has no such address. */
static bool gmond_start(struct vmtp_monitor *monitor, int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;
    struct sockaddr *address = family == AF_INET ? (void *)&v4 : (void *)&v6;
    char server[80];
    gmond.fd = socket(family, SOCK_STREAM, 0);
    if (gmond.fd < 0 || bind(gmond.fd, address, len) < 0 || listen(gmond.fd, 8) < 0 ||
        getsockname(gmond.fd, address, &len) < 0)
        return false;
    snprintf(server, sizeof server, "%s:%u", family == AF_INET ? "localhost" : "[::1]",
             ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port));
    vmtp_monitor_set(monitor, server);
    gmond.feed = fixture("ganglia/3.7.2/grid.xml", &gmond.len);
    atomic_store(&gmond.how, WHOLE);
    atomic_store(&gmond.asked, 0);
    atomic_store(&gmond.stopped, false);
    return pthread_create(&gmond.thread, NULL, serve, NULL) == 0;
}

static void gmond_stop(void)
{
    atomic_store(&gmond.stopped, true);
    pthread_join(gmond.thread, NULL);
    close(gmond.fd);
    free(gmond.feed);
}

static void test_set(void)
{
    static const struct {
        const char *text, *host;
        int port;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", 8649}, {"192.0.2.1:1", "192.0.2.1", 1},        {"lab.example:70", "lab.example", 70},
        {"[::1]:8650", "::1", 8650},      {"[2001:db8::1]", "2001:db8::1", 8649}, {"::1", "::1", 8649},
        {"192.0.2.1:0", "", 8649},        {"192.0.2.1:65536", "", 8649},          {NULL, "", 8649},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vmtp_monitor monitor;
        vmtp_monitor_set(&monitor, cases[i].text);
        is(monitor.host, cases[i].host, cases[i].text ? cases[i].text : "nothing");
        if (*cases[i].host)
            is_int(monitor.port, cases[i].port, "... port");
    }
}

static void test_check(int family)
{
    struct vmtp_monitor monitor;
    if (!gmond_start(&monitor, family)) {
        skip(1, "no loopback address of that family");
        return;
    }
    static const struct {
        enum how how;
        const char *words;
    } cases[] = {{WHOLE, NULL}, {CLOSED, "its acl may not let"}, {CUT, "the answer is cut off"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        atomic_store(&gmond.how, (int)cases[i].how);
        int rc = vmtp_monitor_check(&ctx, &monitor);
        is_int(rc, cases[i].words ? VMTP_EPARSE : VMTP_OK, "a gmond is asked");
        if (!cases[i].words)
            continue;
        contains(vmtp_ctx_error(&ctx, rc), cases[i].words, "... and what is wrong is told");
        contains(vmtp_ctx_error(&ctx, rc), "or leave out --monitor", "... with the remedy");
    }
    VMTP_CLEAN(ctx) struct vmtp_ctx brief;
    vmtp_ctx_init(&brief, NULL);
    brief.deadline = vmtp_now() + 0.3;
    atomic_store(&gmond.how, SILENT);
    int rc = vmtp_monitor_check(&brief, &monitor);
    is_int(rc, VMTP_ETIMEOUT, "one that is silent");
    contains(vmtp_ctx_error(&brief, rc), "no answer in time", "... is told");
    gmond_stop();

    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    rc = vmtp_monitor_check(&ctx, &monitor);
    is_int(rc, VMTP_EUNREACH, "one that is gone");
    contains(vmtp_ctx_error(&ctx, rc), "Connection refused", "... is told");
}

/* A time in which a reading is done. */
static void let_read(double seconds)
{
    usleep((useconds_t)(within(seconds) > seconds ? 5e6 : seconds * 1e6));
}

static void test_sampling(void)
{
    struct vmtp_monitor monitor;
    VMTP_CLEAN(loads) struct vmtp_loads loads = {0};
    struct vmtp_sampler sampler = {.monitor = &monitor, .loads = &loads};
    if (!gmond_start(&monitor, AF_INET)) {
        skip(1, "no loopback address");
        return;
    }
    for (int again = 0; again < 2; again++) { /* a second start forgets the first */
        vmtp_sampler_start(&sampler, 30);
        let_read(0.7);
        vmtp_sampler_stop(&sampler);
        vmtp_sampler_stop(&sampler);
        is_int(atomic_load(&gmond.asked), again + 1, "one reading at the begin");
        ok(loads.readings == 1 && loads.failed == 0 && !loads.error, "... that worked");
        is_int((long long)loads.n, 4, "... of the hosts of both clusters");
        for (size_t i = 0; i < loads.n; i++)
            ok(loads.nodes[i].n == 1 && loads.nodes[i].at[0] < within(0.5), "... once: %s", loads.nodes[i].address);
    }
    vmtp_sampler_start(&sampler, 0.001);
    let_read(0.1);
    vmtp_sampler_stop(&sampler);
    is_int(loads.readings, 1, "the shortest measurement has one");

    static const enum how hanging[] = {SILENT, TRICKLE};
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&gmond.how, (int)hanging[i]);
        vmtp_sampler_start(&sampler, 30);
        let_read(0.3);
        double begin = vmtp_now();
        vmtp_sampler_stop(&sampler);
        ok(vmtp_now() - begin < within(0.3), "a gmond that hangs is not waited for");
        ok(loads.n == 0 && loads.readings == 1 && loads.failed == 1, "... and counts as a failed reading");
        contains(loads.error, "no answer before the end of the measurement", "... with the reason");
    }
    gmond_stop();
    vmtp_sampler_start(&sampler, 30);
    let_read(0.2);
    vmtp_sampler_stop(&sampler);
    ok(loads.n == 0 && loads.failed == 1, "one that is gone");
    contains(loads.error, "Connection refused", "... is a failed reading");
}

int main(void)
{
    vmtp_log_set_level(VMTP_LOG_ERROR);
    test_set();
    test_check(AF_INET);
    test_check(AF_INET6);
    test_sampling();
    return done_testing();
}
