/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <msgpack.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 4096, SLICE_MS = 200 };

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int unreached(struct vmtp_fluentd_wire *wire, const char *why)
{
    vmtp_fluentd_disconnect(wire);
    wire->why = why;
    return VMTP_EUNREACH;
}

/* In slices, so that an interrupt is heard. */
static int wait_for(vmtp_ctx *ctx, struct vmtp_fluentd_wire *wire, int fd, short events, const char *what)
{
    double until = now() + wire->timeout;
    struct pollfd one = {.fd = fd, .events = events};
    while (poll(&one, 1, SLICE_MS) <= 0) {
        if (vmtp_cancelled(ctx)) {
            wire->why = "interrupted";
            return VMTP_ECANCELED;
        }
        if (now() >= until)
            return unreached(wire, what);
    }
    return VMTP_OK;
}

void vmtp_fluentd_disconnect(struct vmtp_fluentd_wire *wire)
{
    if (wire->fd >= 0)
        close(wire->fd);
    wire->fd = -1;
}

static int connect_to(vmtp_ctx *ctx, struct vmtp_fluentd_wire *wire, const struct addrinfo *address)
{
    int error = 0, rc = VMTP_OK;
    socklen_t len = sizeof error;
    wire->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (wire->fd < 0)
        return unreached(wire, "no socket");
    if (connect(wire->fd, address->ai_addr, address->ai_addrlen) == 0)
        return VMTP_OK;
    if (errno == EINPROGRESS)
        rc = wait_for(ctx, wire, wire->fd, POLLOUT, "no answer to the connection");
    else
        error = errno;
    if (rc == VMTP_OK && error == 0 && getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (rc == VMTP_OK && error != 0)
        rc = unreached(wire, error == ECONNREFUSED ? "connection refused" : "the connection failed");
    return rc;
}

int vmtp_fluentd_connect(vmtp_ctx *ctx, struct vmtp_fluentd_wire *wire)
{
    char port[8];
    struct addrinfo *addresses = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    snprintf(port, sizeof port, "%u", wire->port);
    int failed = getaddrinfo(wire->server, port, &hints, &addresses);
    if (failed)
        return unreached(wire, gai_strerror(failed));
    int rc = unreached(wire, "it has no address");
    for (const struct addrinfo *a = addresses; a && rc == VMTP_EUNREACH; a = a->ai_next)
        rc = connect_to(ctx, wire, a);
    freeaddrinfo(addresses);
    if (rc < 0)
        vmtp_fluentd_disconnect(wire);
    return rc;
}

int vmtp_fluentd_send(vmtp_ctx *ctx, struct vmtp_fluentd_wire *wire, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(wire->fd, data, n, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            n -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            int rc = wait_for(ctx, wire, wire->fd, POLLOUT, "it takes nothing any more");
            if (rc < 0)
                return rc;
        } else if (errno != EINTR) {
            return unreached(wire, "the connection is lost");
        }
    }
    return VMTP_OK;
}

static bool is_text(const msgpack_object *object, const char *text)
{
    return (object->type == MSGPACK_OBJECT_STR || object->type == MSGPACK_OBJECT_BIN) &&
           object->via.str.size == strlen(text) && memcmp(object->via.str.ptr, text, object->via.str.size) == 0;
}

/* {"ack": chunk}; ["HELO", ...] begins a login. */
static int judge(struct vmtp_fluentd_wire *wire, const msgpack_object *answer, const char *chunk)
{
    if (answer->type == MSGPACK_OBJECT_ARRAY && answer->via.array.size > 0 && is_text(answer->via.array.ptr, "HELO")) {
        wire->why = "the server wants a shared key; give VMTP an input without one";
        return VMTP_ENOTSUP;
    }
    for (uint32_t i = 0; answer->type == MSGPACK_OBJECT_MAP && i < answer->via.map.size; i++)
        if (is_text(&answer->via.map.ptr[i].key, "ack") && is_text(&answer->via.map.ptr[i].val, chunk))
            return VMTP_OK;
    wire->why = "it does not confirm what was sent: is it a forward input?";
    return VMTP_EPARSE;
}

int vmtp_fluentd_confirmed(vmtp_ctx *ctx, struct vmtp_fluentd_wire *wire, const char *chunk)
{
    char answer[ANSWER_MAX];
    size_t n = 0;
    for (;;) {
        int rc = wait_for(ctx, wire, wire->fd, POLLIN, "what it got is not confirmed; ack=false waits for nothing");
        if (rc < 0)
            return rc;
        ssize_t got = recv(wire->fd, answer + n, sizeof answer - n, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return unreached(wire, "the connection is lost");
        n += got > 0 ? (size_t)got : 0;
        size_t used = 0;
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        msgpack_unpack_return done = msgpack_unpack_next(&unpacked, answer, n, &used);
        if (done == MSGPACK_UNPACK_SUCCESS)
            rc = judge(wire, &unpacked.data, chunk);
        msgpack_unpacked_destroy(&unpacked);
        if (done == MSGPACK_UNPACK_SUCCESS)
            return rc;
        if (done != MSGPACK_UNPACK_CONTINUE || n == sizeof answer) {
            wire->why = "it answers in another protocol";
            return VMTP_EPARSE;
        }
    }
}
