/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/ctx.h"
#include "core/ssh-key.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { REQUEST_IDENTITIES = 11, IDENTITIES_ANSWER = 12, SIGN_REQUEST = 13, SIGN_RESPONSE = 14 };
enum { RSA_SHA2_256 = 2, RSA_SHA2_512 = 4 }; /* flags of a sign request */
enum { MESSAGE_MAX = 256 << 10, KEYS_MAX = 64 };
static const double AGENT_S = 60; /* an agent may ask its user */

static void add_uint32(struct vmtp_buf *out, size_t value)
{
    const unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                    (unsigned char)(value >> 8), (unsigned char)value};
    (void)vmtp_buf_add(out, bytes, sizeof bytes);
}

static void add_string(struct vmtp_buf *out, const void *bytes, size_t len)
{
    add_uint32(out, len);
    (void)vmtp_buf_add(out, bytes, len);
}

/* Moves exactly n bytes, one direction. */
static int move(vmtp_ctx *ctx, int fd, short direction, unsigned char *bytes, size_t n)
{
    while (n) {
        int rc = vmtp_ctx_check(ctx);
        if (rc < 0)
            return rc;
        struct pollfd pfd = {.fd = fd, .events = direction};
        if (poll(&pfd, 1, 50) <= 0)
            continue;
        ssize_t moved = direction == POLLIN ? recv(fd, bytes, n, MSG_DONTWAIT)
                                            : send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (moved < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (moved <= 0)
            return vmtp_fail(ctx, VMTP_EFAIL, "it closed the connection");
        bytes += moved;
        n -= (size_t)moved;
    }
    return VMTP_OK;
}

/* Sends a message (its type first) and reads the answer, of which type must be the first byte. */
static int transact(vmtp_ctx *ctx, int fd, const struct vmtp_buf *request, unsigned type, struct vmtp_buf *answer)
{
    VMTP_CLEAN(buf) struct vmtp_buf framed = VMTP_BUF(MESSAGE_MAX + 8);
    add_string(&framed, vmtp_buf_text(request), request->len);
    if (request->cut || framed.cut)
        return vmtp_fail(ctx, VMTP_EFAIL, "the request is too large");
    int rc = move(ctx, fd, POLLOUT, (unsigned char *)framed.data, framed.len);
    if (rc < 0)
        return rc;

    unsigned char head[4];
    rc = move(ctx, fd, POLLIN, head, sizeof head);
    if (rc < 0)
        return rc;
    const unsigned char *p = head;
    size_t left = sizeof head;
    unsigned long len;
    if (!vmtp_ssh_take_uint32(&p, &left, &len) || len == 0 || len > MESSAGE_MAX)
        return vmtp_fail(ctx, VMTP_EFAIL, "its answer is not understood");
    VMTP_CLEAN(mem) unsigned char *bytes = malloc(len);
    if (!bytes)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    rc = move(ctx, fd, POLLIN, bytes, len);
    if (rc < 0)
        return rc;
    if (bytes[0] != type)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "it refuses");
    return vmtp_buf_add(answer, bytes + 1, len - 1);
}

static void copy_text(char *out, size_t size, const unsigned char *text, size_t len)
{
    size_t n = len < size ? len : size - 1;
    memcpy(out, text, n);
    out[n] = '\0';
}

static bool take_key(const unsigned char **p, size_t *left, struct vmtp_agent_key *key)
{
    const unsigned char *blob, *comment, *type;
    size_t blob_len, comment_len, type_len;
    if (!vmtp_ssh_take_string(p, left, &blob, &blob_len) || !vmtp_ssh_take_string(p, left, &comment, &comment_len))
        return false;
    const unsigned char *q = blob;
    size_t rest = blob_len;
    if (!vmtp_ssh_take_string(&q, &rest, &type, &type_len))
        return false;
    *key = (struct vmtp_agent_key){.blob = malloc(blob_len), .blob_len = blob_len};
    if (!key->blob)
        return false;
    memcpy(key->blob, blob, blob_len);
    copy_text(key->type, sizeof key->type, type, type_len);
    copy_text(key->comment, sizeof key->comment, comment, comment_len);
    return true;
}

static int list_keys(vmtp_ctx *ctx, struct vmtp_agent *agent)
{
    VMTP_CLEAN(buf) struct vmtp_buf request = VMTP_BUF(1), answer = VMTP_BUF(MESSAGE_MAX);
    (void)vmtp_buf_add(&request, &(const unsigned char){REQUEST_IDENTITIES}, 1);
    int rc = transact(ctx, agent->fd, &request, IDENTITIES_ANSWER, &answer);
    if (rc < 0)
        return rc;
    const unsigned char *p = (const unsigned char *)vmtp_buf_text(&answer);
    size_t left = answer.len;
    unsigned long n;
    if (!vmtp_ssh_take_uint32(&p, &left, &n))
        return vmtp_fail(ctx, VMTP_EFAIL, "its answer is not understood");
    agent->keys = calloc(KEYS_MAX, sizeof *agent->keys);
    if (!agent->keys)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    while (agent->n < n && agent->n < KEYS_MAX && take_key(&p, &left, &agent->keys[agent->n]))
        agent->n++;
    return VMTP_OK;
}

static int connect_agent(vmtp_ctx *ctx, const char *path, struct vmtp_agent *agent)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return vmtp_fail(ctx, VMTP_EFAIL, "the path is too long");
    memcpy(address.sun_path, path, strlen(path));
    agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (agent->fd < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s", vmtp_errno());
    while (connect(agent->fd, (struct sockaddr *)&address, sizeof address) < 0) {
        if (errno != EAGAIN && errno != EINTR) /* EAGAIN: too many wait in its queue */
            return vmtp_fail(ctx, VMTP_EFAIL, "%s", vmtp_errno());
        int rc = vmtp_wait(ctx, 0.002);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

int vmtp_agent_open(vmtp_ctx *ctx, struct vmtp_agent *agent)
{
    *agent = (struct vmtp_agent){.fd = -1};
    const char *path = getenv("SSH_AUTH_SOCK");
    if (!path || !path[0])
        return VMTP_OK;
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, AGENT_S);
    int rc = connect_agent(&own, path, agent);
    if (rc == VMTP_OK)
        rc = list_keys(&own, agent);
    if (rc < 0)
        rc = vmtp_fail(ctx, rc, "ssh agent at %s: %s", path, vmtp_ctx_error(&own, rc));
    vmtp_ctx_clear(&own);
    return rc;
}

/* The data that is signed to log in (RFC 4252): session id, a byte, user, service, "publickey", a byte, algorithm. */
static unsigned rsa_flags(const unsigned char *data, size_t len)
{
    const unsigned char *p = data, *s = NULL;
    size_t left = len, n = 0;
    if (!vmtp_ssh_take_string(&p, &left, &s, &n) || left < 1)
        return 0;
    p++, left--;
    for (int i = 0; i < 3; i++)
        if (!vmtp_ssh_take_string(&p, &left, &s, &n))
            return 0;
    if (left < 1)
        return 0;
    p++, left--;
    if (!vmtp_ssh_take_string(&p, &left, &s, &n) || n != 12)
        return 0;
    return memcmp(s, "rsa-sha2-512", 12) == 0 ? RSA_SHA2_512 : memcmp(s, "rsa-sha2-256", 12) == 0 ? RSA_SHA2_256 : 0;
}

int vmtp_agent_sign(vmtp_ctx *ctx, struct vmtp_agent *agent, const struct vmtp_agent_key *key,
                    const unsigned char *data, size_t len, unsigned char **signature, size_t *signature_len)
{
    if (agent->fd < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "ssh agent: no connection");
    VMTP_CLEAN(buf) struct vmtp_buf request = VMTP_BUF(MESSAGE_MAX), answer = VMTP_BUF(MESSAGE_MAX);
    (void)vmtp_buf_add(&request, &(const unsigned char){SIGN_REQUEST}, 1);
    add_string(&request, key->blob, key->blob_len);
    add_string(&request, data, len);
    add_uint32(&request, rsa_flags(data, len));
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, AGENT_S);
    int rc = transact(&own, agent->fd, &request, SIGN_RESPONSE, &answer);
    if (rc < 0)
        rc = vmtp_fail(ctx, rc, "ssh agent: %s", vmtp_ctx_error(&own, rc));
    vmtp_ctx_clear(&own);
    if (rc < 0 && rc != VMTP_ENOTSUP) {
        close(agent->fd); /* what it says next could be the answer to this */
        agent->fd = -1;
    }
    if (rc < 0)
        return rc;

    const unsigned char *p = (const unsigned char *)vmtp_buf_text(&answer), *whole, *s;
    size_t left = answer.len, whole_len, n;
    if (!vmtp_ssh_take_string(&p, &left, &whole, &whole_len) || !vmtp_ssh_take_string(&whole, &whole_len, &s, &n) ||
        !vmtp_ssh_take_string(&whole, &whole_len, &s, &n) || n == 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "ssh agent: its signature is not understood");
    *signature = malloc(n);
    if (!*signature)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    memcpy(*signature, s, n);
    *signature_len = n;
    return VMTP_OK;
}

void vmtp_agent_close(struct vmtp_agent *agent)
{
    if (agent->fd >= 0)
        close(agent->fd);
    for (size_t i = 0; i < agent->n; i++)
        free(agent->keys[i].blob);
    free(agent->keys);
    *agent = (struct vmtp_agent){.fd = -1};
}
