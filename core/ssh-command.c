/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-command.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/ctx.h"
#include "core/quote.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"

static const double RETRY_FIRST_S = 0.2, RETRY_LAST_S = 2;
enum {
    HEAD_MAX = 64 << 10, /* what login scripts may print in front of the program's output */
    SSH_PORT = 22,
};

/* What the far side runs: says its pid and becomes the program. A watcher reads the channel's standard input, which
 * nobody writes to: its end means that the connection or the channel is gone, and then the program must not outlive it.
 * The watcher is nobody's child, so the program sees only children of its own; it kills only a process that began when
 * ours did, as a pid may be somebody else's by then. It is one line, and has no single quotes, backslashes and
 * exclamation marks, which login shells read in different ways. $1 is the mark. */
static const char launcher[] =
    "m=$1; shift; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; LC_ALL=C; export PATH LC_ALL; exec 3<&0 </dev/null; "
    "began() { s=; { read -r s </proc/$$/stat; } 2>/dev/null; s=${s##*)}; set -- $s; b=${20}; }; "
    "b=; began; a=$b; "
    "( ( trap \"\" TERM HUP INT; while read -r x; do :; done <&3; "
    "for k in TERM KILL; do began; [ -n \"$a\" ] && [ \"$a\" = \"$b\" ] || exit; "
    "kill -$k -$$ || kill -$k $$; sleep 2; done ) >/dev/null 2>&1 & ); "
    "echo \"$m $$ $a\"; exec 3<&-; exec \"$@\"";

/* $1 signal, $2 pid, $3 when it began, or nothing when that is unknown. The group, as it is the leader of one: what it
 * has started ends with it. */
static const char signaller[] =
    "s=; { read -r s </proc/$2/stat; } 2>/dev/null; s=${s##*)}; f() { b=${20}; }; f $s; "
    "[ -z \"$3\" ] || [ \"$3\" = \"$b\" ] || exit 0; "
    "kill -$1 -$2 2>/dev/null || kill -$1 $2";

static int command_text(vmtp_ctx *ctx, struct vmtp_buf *text, const char *const front[], const char *const argv[])
{
    int rc = vmtp_buf_text_add(text, "exec ");
    if (rc == VMTP_OK)
        rc = vmtp_quote_argv(text, front);
    if (rc == VMTP_OK)
        rc = vmtp_buf_text_add(text, " ");
    if (rc == VMTP_OK)
        rc = vmtp_quote_argv(text, argv);
    if (rc == VMTP_EFAIL)
        return vmtp_fail(ctx, VMTP_EFAIL, "the command is longer than %d bytes", VMTP_SSH_COMMAND_MAX);
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

int vmtp_ssh_script_text(vmtp_ctx *ctx, struct vmtp_buf *text, const char *script, const char *mark,
                         const char *const argv[])
{
    const char *const front[] = {"/bin/sh", "-c", script, "sh", mark, NULL};
    return command_text(ctx, text, front, argv);
}

int vmtp_ssh_launch_text(vmtp_ctx *ctx, struct vmtp_buf *text, const char *mark, const char *const argv[])
{
    return vmtp_ssh_script_text(ctx, text, launcher, mark, argv);
}

int vmtp_ssh_signal_text(vmtp_ctx *ctx, struct vmtp_buf *text, int signal_number, long pid, const char *begin)
{
    char number[16], id[24];
    snprintf(number, sizeof number, "%d", signal_number);
    snprintf(id, sizeof id, "%ld", pid);
    const char *const front[] = {"/bin/sh", "-c", signaller, "sh", NULL};
    const char *const argv[] = {number, id, begin, NULL};
    return command_text(ctx, text, front, argv);
}

/* ---- the head ---- */

void vmtp_ssh_head_init(struct vmtp_ssh_head *head)
{
    *head = (struct vmtp_ssh_head){.text = VMTP_BUF(HEAD_MAX)};
}

/* "MARK PID BEGIN\n" somewhere in what has come so far. */
static void parse_head(struct vmtp_ssh_head *head, const char *mark, struct vmtp_process *process)
{
    const char *text = vmtp_buf_text(&head->text);
    const char *line = strstr(text, mark);
    const char *end = line ? strchr(line, '\n') : NULL;
    if (!end)
        return;
    long pid = 0;
    (void)sscanf(line + strlen(mark), " %9ld %20[0-9]", &pid, head->begin);
    process->pid = pid;
    head->started = true;
    size_t before = (size_t)(end + 1 - text);
    (void)vmtp_buf_add(&process->out, end + 1, head->text.len - before);
    vmtp_buf_clear(&head->text);
}

/* What does not fit is dropped. */
void vmtp_ssh_head_take(struct vmtp_ssh_head *head, const char *mark, struct vmtp_process *process, const char *bytes,
                        size_t n)
{
    if (head->started) {
        (void)vmtp_buf_add(&process->out, bytes, n);
        return;
    }
    for (size_t i = 0; i < n; i++) /* a NUL would hide the mark */
        (void)vmtp_buf_add(&head->text, bytes[i] ? bytes + i : "?", 1);
    parse_head(head, mark, process);
}

int vmtp_ssh_head_check(vmtp_ctx *ctx, const struct vmtp_ssh_head *head, const char *name,
                        struct vmtp_process *process)
{
    if (head->started || !head->text.cut)
        return VMTP_OK;
    process->ended = true;
    process->exit_status = VMTP_SSH_CONNECTION_LOST;
    return vmtp_fail(ctx, VMTP_EREMOTE,
                     "%s prints more than %d KiB before a command begins: look at what its login shell starts", name,
                     HEAD_MAX >> 10);
}

/* ---- names ---- */

int vmtp_ssh_make_mark(vmtp_ctx *ctx, char mark[24])
{
    unsigned char random[8];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return vmtp_fail(ctx, VMTP_EFAIL, "no random numbers");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(mark + 2 * i, 3, "%02x", random[i]);
    return VMTP_OK;
}

void vmtp_ssh_make_name(const struct vmtp_login *login, char *name, size_t size)
{
    if (login->port && login->port != SSH_PORT)
        snprintf(name, size, "%s@%s port %u", login->user, login->host, login->port);
    else
        snprintf(name, size, "%s@%s", login->user, login->host);
}

int vmtp_ssh_check_login(vmtp_ctx *ctx, const struct vmtp_endpoint *ep)
{
    const struct vmtp_login *login = &ep->login;
    if (!login->host || !login->user || !login->host[0] || !login->user[0])
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: a user and a host are needed to log in", ep->id);
    return VMTP_OK;
}

/* ---- trying again ---- */

/* Many hosts, or many logins of one, must not come back all at the same moment. */
static double scattered(double pause)
{
    uint16_t random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    return pause * (0.5 + random / 65536.0);
}

int vmtp_ssh_patiently(vmtp_ctx *ctx, const vmtp_ctx *outer, struct vmtp_endpoint *ep,
                       int (*once)(vmtp_ctx *ctx, const vmtp_ctx *outer, struct vmtp_endpoint *ep),
                       void (*undo)(struct vmtp_endpoint *ep))
{
    double begin = vmtp_now();
    for (double pause = RETRY_FIRST_S;; pause = fmin(pause * 1.5, RETRY_LAST_S)) {
        vmtp_ctx_forget(ctx);
        int rc = once(ctx, outer, ep);
        if (rc == VMTP_OK)
            return rc;
        undo(ep);
        if (vmtp_cancelled(ctx))
            return VMTP_ECANCELED;
        if (rc != VMTP_EUNREACH) /* credentials that are wrong stay wrong */
            return rc;
        double left = vmtp_remaining(ctx), wait = scattered(pause);
        if (left <= wait) {
            vmtp_ctx_frame(ctx, "tried for %.0f s", vmtp_now() - begin);
            return VMTP_EUNREACH;
        }
        if (pause == RETRY_FIRST_S && isfinite(left))
            vmtp_info(ctx, "%s; trying again for up to %.0f s", vmtp_ctx_error(ctx, rc), left);
        else if (pause == RETRY_FIRST_S)
            vmtp_info(ctx, "%s; trying again", vmtp_ctx_error(ctx, rc));
        if (vmtp_wait(ctx, wait) == VMTP_ECANCELED)
            return VMTP_ECANCELED;
    }
}
