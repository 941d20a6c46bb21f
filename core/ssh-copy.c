/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-copy.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/ssh-command.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { CHUNK = 128 << 10 };
static const double NAP = 0.05; /* s that an interrupt may go unnoticed */

/* $1: the mark; $2: the file; $3: its mode. Neither cat nor a full disk tells whether all of it was written. */
static const char receiver[] = "echo \"$1 $$\"; umask 077; cat >\"$2\" && chmod \"$3\" \"$2\" && wc -c <\"$2\"";

struct copy {
    const struct vmtp_ssh_input *input;
    struct vmtp_process *process;
    const char *name, *local, *remote;
    int fd;
    uint64_t sent;
};

static int send_chunk(vmtp_ctx *ctx, const struct copy *copy, const char *chunk, size_t n)
{
    int rc = VMTP_OK;
    while (n && rc == VMTP_OK && !copy->process->ended) {
        long taken = copy->input->write(ctx, copy->process, chunk, n);
        if (taken < 0)
            return (int)taken;
        chunk += taken;
        n -= (size_t)taken;
        rc = vmtp_ctx_check(ctx);
    }
    return rc;
}

/* When it has ended before, its words say why. */
static int send_file(vmtp_ctx *ctx, struct copy *copy)
{
    VMTP_CLEAN(mem) char *chunk = malloc(CHUNK);
    if (!chunk)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = VMTP_OK;
    for (ssize_t n; rc == VMTP_OK && !copy->process->ended && (n = read(copy->fd, chunk, CHUNK)) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", copy->local, vmtp_errno());
        copy->sent += (uint64_t)n;
        rc = send_chunk(ctx, copy, chunk, (size_t)n);
    }
    return rc == VMTP_OK && !copy->process->ended ? copy->input->end(ctx, copy->process) : rc;
}

static int await_end(vmtp_ctx *ctx, struct vmtp_process *process)
{
    int rc = VMTP_OK;
    while (rc == VMTP_OK && !process->ended) {
        rc = vmtp_ctx_check(ctx);
        if (rc == VMTP_OK)
            rc = process->ep->transport->pump(ctx, process, fmin(vmtp_remaining(ctx), NAP));
    }
    return rc;
}

static int check_arrival(vmtp_ctx *ctx, const struct copy *copy)
{
    const struct vmtp_process *process = copy->process;
    const uint64_t arrived = strtoull(vmtp_buf_text(&process->out), NULL, 10);
    if (process->exit_status == 0 && arrived == copy->sent)
        return VMTP_OK;
    if (process->exit_status == 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "%s: %s has %llu bytes there, %llu here: is the disk full?", copy->name,
                         copy->remote, (unsigned long long)arrived, (unsigned long long)copy->sent);
    VMTP_CLEAN(mem) char *words = strdup(vmtp_buf_text(&process->err));
    if (words)
        vmtp_printable(words);
    return vmtp_fail(ctx, VMTP_EREMOTE, "%s: cannot write %s: exit %d: %.300s", copy->name, copy->remote,
                     process->exit_status, words ? words : "");
}

int vmtp_ssh_copy(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const struct vmtp_ssh_input *input, const char *mark,
                  const char *name, const char *const paths[2], unsigned mode)
{
    VMTP_CLEAN(fd) int fd = open(paths[0], O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", paths[0], vmtp_errno());
    if (!S_ISREG(st.st_mode))
        return vmtp_fail(ctx, VMTP_EFAIL, "%s is not a regular file", paths[0]);
    char digits[16];
    snprintf(digits, sizeof digits, "%04o", mode & 07777);
    const char *const argv[] = {paths[1], digits, NULL};
    VMTP_CLEAN(buf) struct vmtp_buf command = VMTP_BUF(VMTP_SSH_COMMAND_MAX);
    int rc = vmtp_ssh_script_text(ctx, &command, receiver, mark, argv);
    if (rc < 0)
        return rc;
    struct vmtp_process process = {.ep = ep, .out = VMTP_BUF(100), .err = VMTP_BUF(4096)};
    struct copy copy = {input, &process, name, paths[0], paths[1], fd, 0};
    rc = input->start(ctx, &process, vmtp_buf_text(&command));
    if (rc == VMTP_OK)
        rc = send_file(ctx, &copy);
    if (rc == VMTP_OK)
        rc = await_end(ctx, &process);
    if (rc == VMTP_OK)
        rc = check_arrival(ctx, &copy);
    if (process.link)
        ep->transport->reap(&process);
    vmtp_buf_clear(&process.out);
    vmtp_buf_clear(&process.err);
    return rc;
}
