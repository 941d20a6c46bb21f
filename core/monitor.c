/* SPDX-License-Identifier: Apache-2.0 */
#include "core/monitor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/ctx.h"
#include "core/dial.h"
#include "core/ganglia.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"

enum { CHUNK = 64 << 10, TURN_MS = 50 };
static const double READING_PAUSE = 10; /* s from one reading to the next */
static const double ANSWER_SECONDS = 10; /* for one answer, all of it */

void vmtp_monitor_set(struct vmtp_monitor *monitor, const char *server)
{
    *monitor = (struct vmtp_monitor){0};
    if (!server || !vmtp_server_split(server, monitor->host, &monitor->port))
        monitor->host[0] = '\0';
    if (monitor->port == 0)
        monitor->port = VMTP_GMOND_PORT;
}

/* --- loads --- */

void vmtp_loads_clear(struct vmtp_loads *loads)
{
    for (size_t i = 0; i < loads->n; i++) {
        free(loads->nodes[i].address);
        free(loads->nodes[i].name);
        free(loads->nodes[i].cluster);
    }
    free(loads->nodes);
    free(loads->error);
    *loads = (struct vmtp_loads){0};
}

static int by_address(const void *a, const void *b)
{
    const struct vmtp_node_load *x = a, *y = b;
    return strcmp(x->address, y->address);
}

static struct vmtp_node_load *find_node(const struct vmtp_loads *loads, size_t known, char *address)
{
    const struct vmtp_node_load wanted = {.address = address};
    return known ? bsearch(&wanted, loads->nodes, known, sizeof wanted, by_address) : NULL;
}

/* A node at the end, with the texts of the host, which loses them. NULL: out of memory. */
static struct vmtp_node_load *add_node(struct vmtp_loads *loads, struct vmtp_ganglia_host *host)
{
    if (loads->n == loads->room) {
        size_t room = loads->room ? 2 * loads->room : 16;
        struct vmtp_node_load *grown = realloc(loads->nodes, room * sizeof *grown);
        if (!grown)
            return NULL;
        loads->nodes = grown;
        loads->room = room;
    }
    struct vmtp_node_load *node = &loads->nodes[loads->n++];
    *node = (struct vmtp_node_load){
        .address = VMTP_TAKE(host->address), .name = VMTP_TAKE(host->name), .cluster = VMTP_TAKE(host->cluster)};
    return node;
}

/* Takes over what a reading says. A node that Ganglia has not heard of for long has no load that could be told. */
static int add_reading(struct vmtp_loads *loads, struct vmtp_ganglia_hosts *hosts, double at)
{
    size_t known = loads->n;
    for (size_t i = 0; i < hosts->n; i++) {
        struct vmtp_ganglia_host *host = &hosts->items[i];
        struct vmtp_node_load *node = find_node(loads, known, host->address);
        if (host->silent || (!node && loads->n >= VMTP_GANGLIA_HOSTS_MAX))
            continue;
        if (!node)
            node = add_node(loads, host);
        if (!node)
            return VMTP_ENOMEM;
        node->at[node->n] = at;
        node->load[node->n++] = host->load;
    }
    if (loads->n > known)
        qsort(loads->nodes, loads->n, sizeof *loads->nodes, by_address);
    return VMTP_OK;
}

/* --- asking --- */

/* VMTP_OK also for the end, of which *n is 0. */
static int receive(vmtp_ctx *ctx, int fd, char *chunk, size_t *n)
{
    for (;;) {
        int rc = vmtp_ctx_check(ctx);
        if (rc < 0)
            return rc;
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        if (poll(&pfd, 1, TURN_MS) <= 0)
            continue;
        ssize_t got = recv(fd, chunk, CHUNK, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got < 0)
            return vmtp_fail(ctx, VMTP_EUNREACH, "%s", vmtp_errno());
        *n = (size_t)got;
        return VMTP_OK;
    }
}

static int read_feed(vmtp_ctx *ctx, int fd, struct vmtp_ganglia_hosts *hosts)
{
    VMTP_CLEAN(mem) char *chunk = malloc(CHUNK);
    VMTP_CLEAN(ganglia) struct vmtp_ganglia_reader *reader = vmtp_ganglia_begin();
    if (!chunk || !reader)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    size_t n = 1;
    int rc = VMTP_OK;
    while (rc == VMTP_OK && n > 0) {
        rc = receive(ctx, fd, chunk, &n);
        if (rc == VMTP_OK && n > 0)
            rc = vmtp_ganglia_feed(ctx, reader, chunk, n);
    }
    return rc < 0 ? rc : vmtp_ganglia_end(ctx, reader, hosts);
}

/* One reading: a gmond that is dialled says all it knows and closes the connection. */
static int ask(vmtp_ctx *parent, const struct vmtp_monitor *monitor, struct vmtp_ganglia_hosts *hosts)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    VMTP_CLEAN(fd) int fd = -1;
    char peer[80];
    *hosts = (struct vmtp_ganglia_hosts){0};
    vmtp_ctx_child(&ctx, parent, ANSWER_SECONDS);
    int rc = vmtp_dial(&ctx, monitor->host, monitor->port, &fd, peer, sizeof peer);
    if (rc < 0)
        return vmtp_fail(parent, rc, "gmond: %s", vmtp_ctx_error(&ctx, rc));
    rc = read_feed(&ctx, fd, hosts);
    if (rc == VMTP_OK && hosts->n == 0)
        rc = vmtp_fail(&ctx, VMTP_EPARSE, "it knows of no host, as one that is deaf or has just been started");
    if (rc < 0)
        return vmtp_fail(parent, rc, "gmond at %s port %u: %s", monitor->host, monitor->port,
                         vmtp_ctx_error(&ctx, rc));
    return VMTP_OK;
}

/* What the load of some nodes is worth. */
static void warn_of_gaps(vmtp_ctx *ctx, const struct vmtp_ganglia_hosts *hosts)
{
    const struct vmtp_ganglia_host *silent = NULL, *incomplete = NULL;
    size_t n_silent = 0, n_incomplete = 0;
    for (size_t i = 0; i < hosts->n; i++) {
        const struct vmtp_ganglia_host *host = &hosts->items[i];
        if (host->silent && n_silent++ == 0)
            silent = host;
        if (!host->silent && host->incomplete && n_incomplete++ == 0)
            incomplete = host;
    }
    if (silent)
        vmtp_warn(ctx, "gmond has not heard of %zu of %zu hosts for long (%s, %s): they are left out", n_silent,
                  hosts->n, silent->address, silent->name);
    if (incomplete)
        vmtp_warn(ctx, "gmond does not tell cpu_user, cpu_system and cpu_num of %zu of %zu hosts (%s, %s): what is "
                  "missing counts as 0", n_incomplete, hosts->n, incomplete->address, incomplete->name);
}

int vmtp_monitor_check(vmtp_ctx *parent, const struct vmtp_monitor *monitor)
{
    VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts hosts = {0};
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    int rc = ask(&ctx, monitor, &hosts);
    if (rc == VMTP_ECANCELED)
        return rc;
    if (rc < 0)
        return vmtp_fail(parent, rc, "%s. Mend that, or leave out --monitor to measure without the CPU load of the "
                         "nodes", vmtp_ctx_error(&ctx, rc));
    vmtp_info(&ctx, "gmond at %s port %u: the CPU load of %zu host%s in %zu cluster%s is recorded", monitor->host,
              monitor->port, hosts.n, hosts.n == 1 ? "" : "s", hosts.clusters, hosts.clusters == 1 ? "" : "s");
    warn_of_gaps(&ctx, &hosts);
    return VMTP_OK;
}

/* --- sampling --- */

static void reading_failed(struct vmtp_loads *loads, const char *error)
{
    loads->failed++;
    if (!loads->error)
        loads->error = strdup(error);
}

static void take_reading(struct vmtp_sampler *sampler)
{
    VMTP_CLEAN(ganglia_hosts) struct vmtp_ganglia_hosts hosts = {0};
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    double at = vmtp_now() - sampler->begin;
    vmtp_ctx_init(&ctx, &sampler->stopped);
    sampler->loads->readings++;
    int rc = ask(&ctx, sampler->monitor, &hosts);
    if (rc == VMTP_OK)
        rc = add_reading(sampler->loads, &hosts, at);
    if (rc == VMTP_ECANCELED)
        reading_failed(sampler->loads, "gmond: no answer before the end of the measurement");
    else if (rc < 0)
        reading_failed(sampler->loads, vmtp_ctx_error(&ctx, rc));
}

/* False when the measurement has ended before that time. */
static bool wait_until(struct vmtp_sampler *sampler, double when)
{
    struct timespec until = {.tv_sec = (time_t)when};
    until.tv_nsec = (long)((when - (double)until.tv_sec) * 1e9);
    int rc = 0;
    pthread_mutex_lock(&sampler->lock);
    while (!atomic_load(&sampler->stopped) && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&sampler->wake, &sampler->lock, &until);
    pthread_mutex_unlock(&sampler->lock);
    return !atomic_load(&sampler->stopped);
}

static void *take_readings(void *arg)
{
    struct vmtp_sampler *sampler = arg;
    for (unsigned i = 0; i < VMTP_READINGS_MAX; i++) {
        double at = i * READING_PAUSE;
        if (at >= sampler->seconds || !wait_until(sampler, sampler->begin + at))
            break;
        take_reading(sampler);
    }
    return NULL;
}

static void make_lock(struct vmtp_sampler *sampler)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* of vmtp_now() */
    pthread_cond_init(&sampler->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&sampler->lock, NULL);
}

static void free_lock(struct vmtp_sampler *sampler)
{
    pthread_mutex_destroy(&sampler->lock);
    pthread_cond_destroy(&sampler->wake);
}

void vmtp_sampler_start(struct vmtp_sampler *sampler, double seconds)
{
    vmtp_sampler_stop(sampler);
    vmtp_loads_clear(sampler->loads);
    sampler->seconds = seconds;
    sampler->begin = vmtp_now();
    atomic_store(&sampler->stopped, false);
    make_lock(sampler);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the main thread */
    sampler->running = pthread_create(&sampler->thread, NULL, take_readings, sampler) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!sampler->running) {
        free_lock(sampler);
        sampler->loads->readings++;
        reading_failed(sampler->loads, "gmond: cannot start a thread");
    }
}

void vmtp_sampler_stop(struct vmtp_sampler *sampler)
{
    if (!sampler->running)
        return;
    pthread_mutex_lock(&sampler->lock);
    atomic_store(&sampler->stopped, true);
    pthread_cond_signal(&sampler->wake);
    pthread_mutex_unlock(&sampler->lock);
    pthread_join(sampler->thread, NULL);
    free_lock(sampler);
    sampler->running = false;
}
