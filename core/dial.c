/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"

enum { KEEPALIVE_IDLE_S = 3, KEEPALIVE_PAUSE_S = 2 }; /* the kernel asks a host that keeps silent */
static const double LAST_ADDRESS_S = 10, OTHER_ADDRESS_S = 3; /* how long one address may keep silent */

/* A resolver cannot be interrupted: names are looked up in a thread that is left alone when nobody waits any more. */
struct lookup {
    atomic_int users;
    atomic_bool done;
    int error;
    struct addrinfo *addresses;
    char port[8];
    char host[];
};

static void lookup_drop(struct lookup *lookup)
{
    if (atomic_fetch_sub(&lookup->users, 1) != 1)
        return;
    if (lookup->addresses)
        freeaddrinfo(lookup->addresses);
    free(lookup);
}

static int lookup_run(struct lookup *lookup, int flags)
{
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    return getaddrinfo(lookup->host, lookup->port, &want, &lookup->addresses);
}

static void *lookup_thread(void *arg)
{
    struct lookup *lookup = arg;
    lookup->error = lookup_run(lookup, 0);
    atomic_store(&lookup->done, true);
    lookup_drop(lookup);
    return NULL;
}

static struct lookup *lookup_new(const char *host, uint16_t port)
{
    struct lookup *lookup = calloc(1, sizeof *lookup + strlen(host) + 1);
    if (!lookup)
        return NULL;
    atomic_init(&lookup->users, 1);
    memcpy(lookup->host, host, strlen(host) + 1);
    snprintf(lookup->port, sizeof lookup->port, "%u", port);
    return lookup;
}

static int lookup_in_thread(vmtp_ctx *ctx, struct lookup *lookup)
{
    pthread_t thread;
    atomic_fetch_add(&lookup->users, 1);
    if (pthread_create(&thread, NULL, lookup_thread, lookup) != 0) {
        lookup_drop(lookup);
        return vmtp_fail(ctx, VMTP_ENOMEM, "cannot start a thread");
    }
    pthread_detach(thread);
    while (!atomic_load(&lookup->done)) {
        int rc = vmtp_wait(ctx, 0.002);
        if (rc < 0) {
            vmtp_ctx_frame(ctx, "looking up %s", lookup->host);
            return rc;
        }
    }
    if (lookup->error == 0)
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_EFAIL, "cannot look up the host name %s: %s", lookup->host, gai_strerror(lookup->error));
}

/* An address needs no resolver and no thread. */
static int look_up(vmtp_ctx *ctx, struct lookup *lookup)
{
    return lookup_run(lookup, AI_NUMERICHOST) == 0 ? VMTP_OK : lookup_in_thread(ctx, lookup);
}

/* A machine that boots, or a path that comes up, answers like this. */
static bool may_come_up(int error)
{
    static const int errors[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT,    ECONNRESET,
                                 ECONNABORTED, EHOSTDOWN,    ENETDOWN,    EADDRNOTAVAIL};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i] == error)
            return true;
    return false;
}

/* 0, or what went wrong as an errno; ECANCELED also when the deadline has passed. */
static int wait_connected(vmtp_ctx *ctx, int fd, double seconds)
{
    double end = vmtp_now() + seconds;
    struct pollfd pfd = {.fd = fd, .events = POLLOUT};
    while (poll(&pfd, 1, 50) <= 0) {
        if (vmtp_cancelled(ctx))
            return ECANCELED;
        if (vmtp_remaining(ctx) <= 0 || vmtp_now() >= end)
            return ETIMEDOUT;
    }
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

static int connect_address(vmtp_ctx *ctx, const struct addrinfo *address, double seconds, int *fd)
{
    VMTP_CLEAN(fd) int s = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return errno == EAFNOSUPPORT ? ENETUNREACH : errno;
    const int on = 1, idle = KEEPALIVE_IDLE_S, pause = KEEPALIVE_PAUSE_S;
    (void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(s, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof pause);
    if (connect(s, address->ai_addr, address->ai_addrlen) < 0) {
        int error = errno == EINPROGRESS || errno == EINTR ? wait_connected(ctx, s, seconds) : errno;
        if (error)
            return error;
    }
    *fd = s;
    s = -1;
    return 0;
}

static int connect_any(vmtp_ctx *ctx, const struct lookup *lookup, int *fd)
{
    int worst = 0;
    for (const struct addrinfo *a = lookup->addresses; a; a = a->ai_next) {
        int error = connect_address(ctx, a, a->ai_next ? OTHER_ADDRESS_S : LAST_ADDRESS_S, fd);
        if (error == 0)
            return VMTP_OK;
        if (error == ECANCELED)
            return vmtp_fail(ctx, VMTP_ECANCELED, "interrupted");
        if (!worst || may_come_up(error))
            worst = error;
    }
    errno = worst;
    int status = may_come_up(worst) ? VMTP_EUNREACH : VMTP_EFAIL;
    return vmtp_fail(ctx, status, "cannot connect to %s port %s: %s", lookup->host, lookup->port, vmtp_errno());
}

int vmtp_dial(vmtp_ctx *ctx, const char *host, uint16_t port, int *fd, char *peer, size_t peer_size)
{
    struct lookup *lookup = lookup_new(host, port);
    if (!lookup)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = look_up(ctx, lookup);
    if (rc == VMTP_OK)
        rc = connect_any(ctx, lookup, fd);
    lookup_drop(lookup);
    if (rc < 0)
        return rc;

    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getpeername(*fd, (struct sockaddr *)&address, &size) < 0 ||
        getnameinfo((struct sockaddr *)&address, size, peer, (socklen_t)peer_size, NULL, 0, NI_NUMERICHOST) != 0) {
        close(*fd);
        *fd = -1;
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s closed the connection", host);
    }
    return VMTP_OK;
}
