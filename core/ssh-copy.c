/* SPDX-License-Identifier: Apache-2.0 */
/* Files to an endpoint: by SFTP, by SCP where the server has no SFTP, by cat where it has no scp either. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/quote.h"
#include "core/ssh.h"
#include "core/units.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { CHUNK = 128 << 10 };

struct copy {
    vmtp_ctx *ctx;
    struct vmtp_ssh *ssh;
    const char *local, *remote;
    int fd;
    uint64_t size;
    unsigned mode;
};

static int sftp_fail(struct copy *copy, const char *what)
{
    static const char *const words[] = {"no error", "end of file", "no such file or directory", "permission denied",
                                        "failure (is the disk full?)"};
    unsigned long code = libssh2_sftp_last_error(copy->ssh->sftp);
    if (libssh2_session_last_errno(copy->ssh->session) != LIBSSH2_ERROR_SFTP_PROTOCOL)
        return vmtp_ssh_fail(copy->ctx, copy->ssh, VMTP_EREMOTE, what);
    if (code < sizeof words / sizeof words[0])
        return vmtp_fail(copy->ctx, VMTP_EREMOTE, "%s: %s: %s", copy->ssh->name, copy->remote, words[code]);
    return vmtp_fail(copy->ctx, VMTP_EREMOTE, "%s: %s: SFTP error %lu", copy->ssh->name, copy->remote, code);
}

/* One chunk of the local file; exactly as many bytes as it had at the beginning. */
static long read_chunk(struct copy *copy, char *chunk, uint64_t left)
{
    ssize_t n;
    do
        n = read(copy->fd, chunk, left < CHUNK ? (size_t)left : CHUNK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return vmtp_fail(copy->ctx, VMTP_EFAIL, "%s: %s", copy->local, vmtp_errno());
    if (n == 0)
        return vmtp_fail(copy->ctx, VMTP_EFAIL, "%s has become shorter while it was copied", copy->local);
    return n;
}

static int sftp_write(struct copy *copy, LIBSSH2_SFTP_HANDLE *file)
{
    VMTP_CLEAN(mem) char *chunk = malloc(CHUNK);
    if (!chunk)
        return vmtp_fail(copy->ctx, VMTP_ENOMEM, "out of memory");
    for (uint64_t left = copy->size; left > 0;) {
        long n = read_chunk(copy, chunk, left);
        if (n < 0)
            return (int)n;
        left -= (uint64_t)n;
        for (long done = 0; done < n;) {
            long rc = VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_sftp_write(file, chunk + done, (size_t)(n - done)));
            if (rc < 0)
                return sftp_fail(copy, "writing a file");
            done += rc;
        }
    }
    return VMTP_OK;
}

static int sftp_verify(struct copy *copy, LIBSSH2_SFTP_HANDLE *file)
{
    LIBSSH2_SFTP_ATTRIBUTES mode = {.flags = LIBSSH2_SFTP_ATTR_PERMISSIONS, .permissions = copy->mode}, found = {0};
    if (VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_sftp_fstat_ex(file, &mode, 1)) < 0 ||
        VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_sftp_fstat_ex(file, &found, 0)) < 0)
        return sftp_fail(copy, "setting the mode of a file");
    if (found.filesize == copy->size)
        return VMTP_OK;
    return vmtp_fail(copy->ctx, VMTP_EREMOTE, "%s: %s has %llu bytes there, %llu here: is the disk full?",
                     copy->ssh->name, copy->remote, (unsigned long long)found.filesize,
                     (unsigned long long)copy->size);
}

static int by_sftp(struct copy *copy)
{
    LIBSSH2_SFTP_HANDLE *file = VMTP_SSH_GET(
        copy->ctx, copy->ssh,
        libssh2_sftp_open_ex(copy->ssh->sftp, copy->remote, (unsigned)strlen(copy->remote),
                             LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_TRUNC, (long)copy->mode,
                             LIBSSH2_SFTP_OPENFILE));
    if (!file)
        return sftp_fail(copy, "opening a file");
    int rc = sftp_write(copy, file);
    if (rc == VMTP_OK)
        rc = sftp_verify(copy, file);
    if (VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_sftp_close_handle(file)) < 0 && rc == VMTP_OK)
        rc = sftp_fail(copy, "closing a file");
    return rc;
}

/* VMTP_ENOTSUP, without words, when the server has no SFTP. */
static int open_sftp(struct copy *copy)
{
    struct vmtp_ssh *ssh = copy->ssh;
    if (ssh->no_sftp)
        return VMTP_ENOTSUP;
    if (!ssh->sftp)
        ssh->sftp = VMTP_SSH_GET(copy->ctx, ssh, libssh2_sftp_init(ssh->session));
    if (ssh->sftp)
        return VMTP_OK;
    int error = libssh2_session_last_errno(ssh->session);
    if (error == LIBSSH2_ERROR_EAGAIN || error == LIBSSH2_ERROR_SOCKET_DISCONNECT)
        return vmtp_ssh_fail(copy->ctx, ssh, VMTP_EFAIL, "starting SFTP");
    ssh->no_sftp = true;
    vmtp_debug(copy->ctx, "%s: no SFTP there, files are copied by SCP", ssh->name);
    return VMTP_ENOTSUP;
}

/* ---- SCP: a line that says mode, size and name, the bytes, a NUL; an answer to each ---- */

/* A NUL is fine; anything else is followed by a line of words. VMTP_ENOTSUP, without words: nobody answers. */
static int scp_answer(struct copy *copy, LIBSSH2_CHANNEL *channel)
{
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(300);
    for (;;) {
        char c;
        long n = VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_channel_read_ex(channel, 0, &c, 1));
        if (n < 0)
            return vmtp_ssh_fail(copy->ctx, copy->ssh, VMTP_EREMOTE, "copying a file by SCP");
        if (n == 0 && words.len == 0)
            return VMTP_ENOTSUP; /* there is no scp */
        if (n == 1 && c == '\0' && words.len == 0)
            return VMTP_OK;
        if (n == 0 || c == '\n' || vmtp_buf_add(&words, c == '\0' ? "?" : &c, 1) < 0)
            break;
    }
    return vmtp_fail(copy->ctx, VMTP_EREMOTE, "%s: %s", copy->ssh->name, vmtp_buf_text(&words) + 1);
}

static int send_bytes(struct copy *copy, LIBSSH2_CHANNEL *channel, const char *bytes, size_t n)
{
    while (n) {
        long rc = VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_channel_write_ex(channel, 0, bytes, n));
        if (rc < 0)
            return vmtp_ssh_fail(copy->ctx, copy->ssh, VMTP_EREMOTE, "copying a file");
        bytes += rc;
        n -= (size_t)rc;
    }
    return VMTP_OK;
}

static int send_file(struct copy *copy, LIBSSH2_CHANNEL *channel)
{
    VMTP_CLEAN(mem) char *chunk = malloc(CHUNK);
    if (!chunk)
        return vmtp_fail(copy->ctx, VMTP_ENOMEM, "out of memory");
    int rc = VMTP_OK;
    for (uint64_t left = copy->size; left > 0 && rc == VMTP_OK;) {
        long n = read_chunk(copy, chunk, left);
        if (n < 0)
            return (int)n;
        left -= (uint64_t)n;
        rc = send_bytes(copy, channel, chunk, (size_t)n);
    }
    return rc;
}

static int run_remote(struct copy *copy, LIBSSH2_CHANNEL *channel, const struct vmtp_buf *command)
{
    if (VMTP_SSH_CALL(copy->ctx, copy->ssh,
                      libssh2_channel_process_startup(channel, "exec", sizeof "exec" - 1, vmtp_buf_text(command),
                                                      (unsigned)command->len)) < 0)
        return vmtp_ssh_fail(copy->ctx, copy->ssh, VMTP_EREMOTE, "starting the copying of a file");
    return VMTP_OK;
}

static int scp_talk(struct copy *copy, LIBSSH2_CHANNEL *channel)
{
    VMTP_CLEAN(buf) struct vmtp_buf command = VMTP_BUF(8192), header = VMTP_BUF(64);
    const char *const argv[] = {"scp", "-t", copy->remote, NULL};
    if (vmtp_quote_argv(&command, argv) < 0 ||
        vmtp_buf_printf(&header, "C%04o %llu file\n", copy->mode, (unsigned long long)copy->size) < 0)
        return vmtp_fail(copy->ctx, VMTP_EFAIL, "%s is too long", copy->remote);
    int rc = run_remote(copy, channel, &command);
    if (rc == VMTP_OK)
        rc = scp_answer(copy, channel);
    if (rc == VMTP_OK)
        rc = send_bytes(copy, channel, vmtp_buf_text(&header), header.len);
    if (rc == VMTP_OK)
        rc = scp_answer(copy, channel);
    if (rc == VMTP_OK)
        rc = send_file(copy, channel);
    if (rc == VMTP_OK)
        rc = send_bytes(copy, channel, "", 1);
    return rc < 0 ? rc : scp_answer(copy, channel);
}

/* Neither SCP nor cat tells whether all of it was written. */
static int verify_size(struct copy *copy, struct vmtp_endpoint *ep)
{
    const char *const count[] = {"/bin/sh", "-c", "wc -c <\"$1\"", "sh", copy->remote, NULL};
    VMTP_CLEAN(buf) struct vmtp_buf command = VMTP_BUF(8192), out = VMTP_BUF(64);
    int exit_status = 0;
    if (vmtp_quote_argv(&command, count) < 0)
        return vmtp_fail(copy->ctx, VMTP_EFAIL, "%s is too long", copy->remote);
    int rc = vmtp_ssh_command(copy->ctx, ep, vmtp_buf_text(&command), &out, &exit_status);
    if (rc < 0)
        return rc;
    const char *text = vmtp_buf_text(&out);
    if (exit_status == 0 && strtoull(text, NULL, 10) == copy->size)
        return VMTP_OK;
    return vmtp_fail(copy->ctx, VMTP_EREMOTE, "%s: %s did not arrive whole: is the disk full?", copy->ssh->name,
                     copy->remote);
}

/* ---- cat: the bytes and nothing else; its standard error tells what is wrong ---- */

static int cat_end(struct copy *copy, LIBSSH2_CHANNEL *channel)
{
    if (VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_channel_send_eof(channel)) < 0)
        return vmtp_ssh_fail(copy->ctx, copy->ssh, VMTP_EREMOTE, "copying a file");
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(300);
    char part[200];
    long n;
    while ((n = VMTP_SSH_CALL(copy->ctx, copy->ssh,
                              libssh2_channel_read_ex(channel, SSH_EXTENDED_DATA_STDERR, part, sizeof part))) > 0)
        (void)vmtp_buf_add(&words, part, (size_t)n); /* the first ones are enough */
    if (n < 0 || VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_channel_close(channel)) < 0 ||
        VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_channel_wait_closed(channel)) < 0)
        return vmtp_ssh_fail(copy->ctx, copy->ssh, VMTP_EREMOTE, "copying a file");
    int exit_status = libssh2_channel_get_exit_status(channel);
    if (exit_status == 0)
        return VMTP_OK;
    return vmtp_fail(copy->ctx, VMTP_EREMOTE, "%s: cannot write %s: exit %d: %s", copy->ssh->name, copy->remote,
                     exit_status, vmtp_buf_text(&words));
}

static int cat_talk(struct copy *copy, LIBSSH2_CHANNEL *channel)
{
    char mode[8];
    snprintf(mode, sizeof mode, "%04o", copy->mode);
    const char *const argv[] = {"/bin/sh", "-c", "umask 077; cat >\"$1\" && chmod \"$2\" \"$1\"",
                                "sh",      copy->remote, mode, NULL};
    VMTP_CLEAN(buf) struct vmtp_buf command = VMTP_BUF(8192);
    if (vmtp_quote_argv(&command, argv) < 0)
        return vmtp_fail(copy->ctx, VMTP_EFAIL, "%s is too long", copy->remote);
    int rc = run_remote(copy, channel, &command);
    if (rc == VMTP_OK)
        rc = send_file(copy, channel);
    return rc < 0 ? rc : cat_end(copy, channel);
}

static int by_channel(struct copy *copy, struct vmtp_endpoint *ep, int (*talk)(struct copy *, LIBSSH2_CHANNEL *))
{
    LIBSSH2_CHANNEL *channel = VMTP_SSH_GET(copy->ctx, copy->ssh, libssh2_channel_open_session(copy->ssh->session));
    if (!channel)
        return vmtp_ssh_fail(copy->ctx, copy->ssh, VMTP_EREMOTE, "opening a channel");
    int rc = talk(copy, channel);
    (void)VMTP_SSH_CALL(copy->ctx, copy->ssh, libssh2_channel_free(channel));
    return rc < 0 ? rc : verify_size(copy, ep);
}

static int without_sftp(struct copy *copy, struct vmtp_endpoint *ep)
{
    int rc = copy->ssh->no_scp ? VMTP_ENOTSUP : by_channel(copy, ep, scp_talk);
    if (rc != VMTP_ENOTSUP)
        return rc;
    if (!copy->ssh->no_scp)
        vmtp_debug(copy->ctx, "%s: no scp there, files are copied by cat", copy->ssh->name);
    copy->ssh->no_scp = true;
    return by_channel(copy, ep, cat_talk);
}

int vmtp_ssh_upload(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *local, const char *remote, unsigned mode)
{
    struct copy copy = {.ctx = ctx, .ssh = ep->link, .local = local, .remote = remote, .mode = mode & 07777};
    VMTP_CLEAN(fd) int fd = open(local, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", local, vmtp_errno());
    if (!S_ISREG(st.st_mode))
        return vmtp_fail(ctx, VMTP_EFAIL, "%s is not a regular file", local);
    if (copy.ssh->lost)
        return vmtp_fail(ctx, VMTP_EUNREACH, "the connection to %s is lost", copy.ssh->name);
    copy.fd = fd;
    copy.size = (uint64_t)st.st_size;
    int rc = open_sftp(&copy);
    if (rc == VMTP_OK)
        return by_sftp(&copy);
    return rc == VMTP_ENOTSUP ? without_sftp(&copy, ep) : rc;
}
