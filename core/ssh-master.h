/* SPDX-License-Identifier: Apache-2.0 */
/* The system's ssh(1) as the holder of one connection: logs in, then serves sessions on a control socket. It ends with
 * us, however we end (ssh-guard.h). */
#ifndef CORE_SSH_MASTER_H
#define CORE_SSH_MASTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/endpoint.h"
#include "core/ssh-guard.h"
#include "core/ssh-hostkey.h"

struct vmtp_ssh_master {
    const struct vmtp_login *login;
    const char *name;            /* "user@host", for messages; borrowed */
    double connect_seconds;      /* for the connection and the server's first words */
    bool no_password;            /* it was refused already */
    struct vmtp_known_hosts known;
    char *dir, *socket_path;     /* private: the control socket, and the pipes of the askpass script */
    struct vmtp_guard guard;
    pid_t ssh;                   /* 0: none */
    int ask;                     /* what the askpass script is asked */
    struct vmtp_buf said;
    bool asked_password;         /* it was given once: a second question means that it is wrong */
    bool interactive;            /* by the method keyboard-interactive */
    bool named_only;             /* only the keys that are named: with those of the agent they were too many */
    const char *about_key;       /* why the key that was asked about may be refused; NULL: nothing is known */
    char *key, *passphrase;      /* of a key, given but not proven yet */
};

/* Logs in once. VMTP_EUNREACH when it may work later, VMTP_EFAIL when it will not. The deadline of ctx is for reaching
 * the host and logging in; the time that a user needs for an answer is not counted. */
int vmtp_ssh_master_start(vmtp_ctx *ctx, struct vmtp_ssh_master *master);

/* Reads what ssh says, so that it never blocks. False when it has ended. */
bool vmtp_ssh_master_tend(struct vmtp_ssh_master *master);

/* Ends ssh, removes its files. Takes one that has not started. */
void vmtp_ssh_master_stop(struct vmtp_ssh_master *master);

/* Reads what ssh has said before it ended without a login. Exposed for tests. */
int vmtp_ssh_master_failure(vmtp_ctx *ctx, const struct vmtp_ssh_master *master, const char *said);

#endif
