/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-mux.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/ssh-key.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"

/* PROTOCOL.mux, version 4, which OpenSSH speaks since 5.6 */
static const uint32_t MUX_HELLO = 0x00000001, MUX_NEW_SESSION = 0x10000002, MUX_PERMISSION_DENIED = 0x80000002,
                      MUX_FAILURE = 0x80000003, MUX_EXIT_MESSAGE = 0x80000004, MUX_SESSION_OPENED = 0x80000006;
enum { MUX_VERSION = 4, PACKET_MAX = 64 << 10, REQUEST_MAX = 64 << 10, REQUEST_ID = 1 };
static const double NAP = 0.05;    /* s that an interrupt may go unnoticed */
static const double ALIVE_S = 0.3; /* for an ssh on this machine to answer */

/* ---- packets ---- */

static int put_uint32(struct vmtp_buf *out, uint32_t value)
{
    const unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                    (unsigned char)(value >> 8), (unsigned char)value};
    return vmtp_buf_add(out, bytes, sizeof bytes);
}

static int put_string(struct vmtp_buf *out, const char *text)
{
    int rc = put_uint32(out, (uint32_t)strlen(text));
    return rc < 0 ? rc : vmtp_buf_text_add(out, text);
}

static int wait_for(vmtp_ctx *ctx, int fd, short events)
{
    int rc = vmtp_ctx_check(ctx);
    if (rc < 0)
        return rc;
    struct pollfd pfd = {.fd = fd, .events = events};
    (void)poll(&pfd, 1, (int)ceil(fmin(vmtp_remaining(ctx), NAP) * 1000));
    return VMTP_OK;
}

static int gone(vmtp_ctx *ctx)
{
    return vmtp_fail(ctx, VMTP_EUNREACH, "ssh has closed its control socket");
}

static int send_all(vmtp_ctx *ctx, int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return gone(ctx);
        if (sent < 0) {
            int rc = wait_for(ctx, fd, POLLOUT);
            if (rc < 0)
                return rc;
            continue;
        }
        bytes += sent;
        n -= (size_t)sent;
    }
    return VMTP_OK;
}

static int send_packet(vmtp_ctx *ctx, int fd, const struct vmtp_buf *body)
{
    VMTP_CLEAN(buf) struct vmtp_buf packet = VMTP_BUF(REQUEST_MAX + 4);
    int rc = put_uint32(&packet, (uint32_t)body->len);
    if (rc == VMTP_OK)
        rc = vmtp_buf_add(&packet, body->data, body->len);
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : send_all(ctx, fd, packet.data, packet.len);
}

/* Each descriptor travels with one byte. */
static int send_fd(vmtp_ctx *ctx, int socket_fd, int fd)
{
    char byte = 0;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec vector = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    while (sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return gone(ctx);
        int rc = wait_for(ctx, socket_fd, POLLOUT);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

/* Adds what has come to mux->reply. False at the end. */
static bool receive(struct vmtp_mux *mux)
{
    char chunk[4096];
    for (;;) {
        ssize_t n = recv(mux->control, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0 || vmtp_buf_add(&mux->reply, chunk, (size_t)n) < 0)
            return false;
    }
}

/* Takes a whole packet off mux->reply into *body. */
static bool take_packet(struct vmtp_mux *mux, struct vmtp_buf *body)
{
    const unsigned char *p = (const unsigned char *)vmtp_buf_text(&mux->reply), *bytes;
    size_t left = mux->reply.len, len;
    vmtp_buf_reset(body);
    if (!vmtp_ssh_take_string(&p, &left, &bytes, &len) || vmtp_buf_add(body, bytes, len) < 0)
        return false;
    memmove(mux->reply.data, p, left);
    mux->reply.len = left;
    return true;
}

static int await_packet(vmtp_ctx *ctx, struct vmtp_mux *mux, struct vmtp_buf *body)
{
    while (!take_packet(mux, body)) {
        if (!receive(mux))
            return take_packet(mux, body) ? VMTP_OK : gone(ctx);
        if (take_packet(mux, body))
            return VMTP_OK;
        int rc = wait_for(ctx, mux->control, POLLIN);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

/* ---- sessions ---- */

static int say_hello(vmtp_ctx *ctx, struct vmtp_mux *mux)
{
    VMTP_CLEAN(buf) struct vmtp_buf hello = VMTP_BUF(8), answer = VMTP_BUF(PACKET_MAX);
    if (put_uint32(&hello, MUX_HELLO) < 0 || put_uint32(&hello, MUX_VERSION) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = send_packet(ctx, mux->control, &hello);
    if (rc == VMTP_OK)
        rc = await_packet(ctx, mux, &answer);
    if (rc < 0)
        return rc;
    const unsigned char *p = (const unsigned char *)vmtp_buf_text(&answer);
    size_t left = answer.len;
    unsigned long type = 0, version = 0;
    (void)vmtp_ssh_take_uint32(&p, &left, &type);
    (void)vmtp_ssh_take_uint32(&p, &left, &version);
    if (type == MUX_HELLO && version == MUX_VERSION)
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_ENOTSUP, "ssh speaks version %lu of the control protocol, not %d", version, MUX_VERSION);
}

static int connect_to(vmtp_ctx *ctx, const char *path, struct vmtp_mux *mux)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    mux->reply = VMTP_BUF(PACKET_MAX);
    mux->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (mux->control < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot make a socket: %s", vmtp_errno());
    while (connect(mux->control, (struct sockaddr *)&address, sizeof address) < 0) {
        if (errno != EAGAIN && errno != EINTR) /* EAGAIN: too many wait in its queue */
            return vmtp_fail(ctx, VMTP_EUNREACH, "no ssh answers on %s: %s", path, vmtp_errno());
        int rc = vmtp_wait(ctx, 0.002);
        if (rc < 0)
            return rc;
    }
    return say_hello(ctx, mux);
}

static int request_session(vmtp_ctx *ctx, struct vmtp_mux *mux, const char *command)
{
    VMTP_CLEAN(buf) struct vmtp_buf body = VMTP_BUF(REQUEST_MAX);
    const uint32_t no_escape = 0xffffffff;
    int rc = put_uint32(&body, MUX_NEW_SESSION);
    if (rc == VMTP_OK)
        rc = put_uint32(&body, REQUEST_ID);
    if (rc == VMTP_OK)
        rc = put_string(&body, ""); /* reserved */
    for (int i = 0; rc == VMTP_OK && i < 4; i++) /* no terminal, X11, agent, subsystem */
        rc = put_uint32(&body, 0);
    if (rc == VMTP_OK)
        rc = put_uint32(&body, no_escape);
    if (rc == VMTP_OK)
        rc = put_string(&body, ""); /* type of the terminal */
    if (rc == VMTP_OK)
        rc = put_string(&body, command);
    return rc < 0 ? vmtp_fail(ctx, rc, "the command is too long") : send_packet(ctx, mux->control, &body);
}

static int await_session(vmtp_ctx *ctx, struct vmtp_mux *mux)
{
    VMTP_CLEAN(buf) struct vmtp_buf answer = VMTP_BUF(PACKET_MAX);
    for (;;) {
        int rc = await_packet(ctx, mux, &answer);
        if (rc < 0)
            return rc;
        const unsigned char *p = (const unsigned char *)vmtp_buf_text(&answer), *words = NULL;
        size_t left = answer.len, len = 0;
        unsigned long type = 0, id = 0;
        (void)vmtp_ssh_take_uint32(&p, &left, &type);
        (void)vmtp_ssh_take_uint32(&p, &left, &id);
        if (type == MUX_SESSION_OPENED)
            return VMTP_OK;
        if (type != MUX_FAILURE && type != MUX_PERMISSION_DENIED)
            continue;
        (void)vmtp_ssh_take_string(&p, &left, &words, &len);
        return vmtp_fail(ctx, VMTP_EREMOTE,
                         "the server opens no further session: %.*s (MaxSessions of its sshd_config?)",
                         (int)(len < 200 ? len : 200), words ? (const char *)words : "");
    }
}

/* A socket for standard input: writing to one that is closed raises no signal. */
static bool make_pipes(int in[2], int out[2], int err[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
           pipe2(err, O_CLOEXEC) == 0;
}

int vmtp_mux_open(vmtp_ctx *ctx, const char *socket_path, const char *command, struct vmtp_mux *mux)
{
    *mux = VMTP_MUX_NONE;
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
    int rc = make_pipes(in, out, err) ? VMTP_OK : vmtp_fail(ctx, VMTP_EFAIL, "cannot make a pipe: %s", vmtp_errno());
    mux->in = in[1];
    mux->out = out[0];
    mux->err = err[0];
    if (rc == VMTP_OK)
        rc = connect_to(ctx, socket_path, mux);
    if (rc == VMTP_OK)
        rc = request_session(ctx, mux, command);
    const int theirs[] = {in[0], out[1], err[1]};
    for (size_t i = 0; rc == VMTP_OK && i < 3; i++)
        rc = send_fd(ctx, mux->control, theirs[i]);
    for (size_t i = 0; i < 3; i++)
        if (theirs[i] >= 0)
            close(theirs[i]);
    if (rc == VMTP_OK)
        rc = await_session(ctx, mux);
    if (rc < 0)
        return rc;
    (void)fcntl(mux->in, F_SETFL, O_NONBLOCK);
    (void)fcntl(mux->out, F_SETFL, O_NONBLOCK);
    (void)fcntl(mux->err, F_SETFL, O_NONBLOCK);
    return VMTP_OK;
}

void vmtp_mux_read(struct vmtp_mux *mux)
{
    VMTP_CLEAN(buf) struct vmtp_buf body = VMTP_BUF(PACKET_MAX);
    if (mux->control < 0)
        return;
    const bool open = receive(mux);
    while (take_packet(mux, &body)) {
        const unsigned char *p = (const unsigned char *)vmtp_buf_text(&body);
        size_t left = body.len;
        unsigned long type = 0, session = 0, status = 0;
        (void)vmtp_ssh_take_uint32(&p, &left, &type);
        (void)vmtp_ssh_take_uint32(&p, &left, &session);
        if (type == MUX_EXIT_MESSAGE && vmtp_ssh_take_uint32(&p, &left, &status)) {
            mux->exited = true;
            mux->exit_status = (int)status;
        }
    }
    if (!open) {
        close(mux->control);
        mux->control = -1;
    }
}

bool vmtp_mux_alive(const char *socket_path)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    ctx.deadline = vmtp_now() + ALIVE_S;
    struct vmtp_mux mux = VMTP_MUX_NONE;
    bool alive = connect_to(&ctx, socket_path, &mux) == VMTP_OK;
    vmtp_mux_close(&mux);
    return alive;
}

void vmtp_mux_close(struct vmtp_mux *mux)
{
    int *const fds[] = {&mux->control, &mux->in, &mux->out, &mux->err};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
    vmtp_buf_clear(&mux->reply);
}
