/* SPDX-License-Identifier: Apache-2.0 */
/* What both ssh transports run on the far side, and how they read what it says first. */
#ifndef CORE_SSH_COMMAND_H
#define CORE_SSH_COMMAND_H

#include <stdbool.h>

#include "core/endpoint.h"
#include "core/transport.h"

enum {
    VMTP_SSH_COMMAND_MAX = 30000,     /* a packet of SSH takes 32768 bytes (RFC 4253, 6.1) */
    VMTP_SSH_CONNECTION_LOST = 255,   /* as ssh(1) exits */
};

/* Output up to the line with the pid. */
struct vmtp_ssh_head {
    struct vmtp_buf text;
    bool started;   /* that line has come: what follows is the program's */
    char begin[24]; /* of the process, as in /proc/PID/stat: a later one of the same id has another */
};
void vmtp_ssh_head_init(struct vmtp_ssh_head *head);

/* Takes bytes of standard output: sets process->pid, adds to process->out what is the program's. */
void vmtp_ssh_head_take(struct vmtp_ssh_head *head, const char *mark, struct vmtp_process *process, const char *bytes,
                        size_t n);

/* VMTP_EREMOTE, and the process is given up, when so much has come in front of that line that it will not come. */
int vmtp_ssh_head_check(vmtp_ctx *ctx, const struct vmtp_ssh_head *head, const char *name,
                        struct vmtp_process *process);

/* A command line of the login shell: a script of /bin/sh, with the mark as $1 and argv behind it. It is one line
 * without single quotes, backslashes and exclamation marks, which login shells read in different ways, and begins with
 * `echo "$1 $$"`: what stands in front of that line is not its own. */
int vmtp_ssh_script_text(vmtp_ctx *ctx, struct vmtp_buf *text, const char *script, const char *mark,
                         const char *const argv[]);

/* A command line of the login shell that says its pid and becomes argv, which ends with its standard input. */
int vmtp_ssh_launch_text(vmtp_ctx *ctx, struct vmtp_buf *text, const char *mark, const char *const argv[]);

/* One that sends a signal to what the other has started. begin may be "". */
int vmtp_ssh_signal_text(vmtp_ctx *ctx, struct vmtp_buf *text, int signal_number, long pid, const char *begin);

/* An unpredictable word for the line with the pid. */
int vmtp_ssh_make_mark(vmtp_ctx *ctx, char mark[24]);

/* "user@host", with the port unless 22: for messages. */
void vmtp_ssh_make_name(const struct vmtp_login *login, char *name, size_t size);

/* VMTP_ECONFIG when the login lacks what every ssh needs. */
int vmtp_ssh_check_login(vmtp_ctx *ctx, const struct vmtp_endpoint *ep);

/* Calls once(ctx, outer, ep) until it is through, undo(ep) behind each failure. Only a host that is not reachable yet
 * gets another try, until the deadline of ctx; outer has the deadline of the caller. */
int vmtp_ssh_patiently(vmtp_ctx *ctx, const vmtp_ctx *outer, struct vmtp_endpoint *ep,
                       int (*once)(vmtp_ctx *ctx, const vmtp_ctx *outer, struct vmtp_endpoint *ep),
                       void (*undo)(struct vmtp_endpoint *ep));

#endif
