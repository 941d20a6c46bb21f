/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the ssh transport share: one session of libssh2 per endpoint, never blocking, driven by poll(). A
 * session belongs to one thread at a time. */
#ifndef CORE_SSH_H
#define CORE_SSH_H

#include <stdbool.h>
#include <stdint.h>

#include <libssh2.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/ssh-hostkey.h"

struct vmtp_ssh_channel;

struct vmtp_ssh {
    LIBSSH2_SESSION *session;
    int fd;
    bool lost;                         /* the connection is gone: nothing works any more */
    bool fresh;                        /* the machine was made by this run: nobody can know its key */
    char mark[24];                     /* in front of the line with the pid: tells it from what login scripts print */
    char name[300];                    /* "user@host", with the port unless 22: for messages */
    const char *cannot;                /* what libssh2 cannot do here and ssh(1) can; NULL: nothing */
    bool password_refused;
    struct vmtp_known_hosts known;     /* what is known of the host's key; nothing when keys are not checked */
    struct vmtp_ssh_channel *channels; /* all that are not freed yet */
};

enum { VMTP_SSH_PORT = 22, VMTP_SSH_FIRST_RSA_SHA2 = 0x010b00 /* the first libssh2 that signs RSA with SHA-2 */ };

/* Waits a moment until libssh2 can go on. False when ctx is cancelled or its deadline has passed. */
bool vmtp_ssh_wait(vmtp_ctx *ctx, struct vmtp_ssh *ssh);

/* Repeats a call of libssh2 until it is through. Its result is the call's; LIBSSH2_ERROR_EAGAIN: ctx ended the wait. */
#define VMTP_SSH_CALL(ctx, ssh, call)                                               \
    __extension__({                                                                 \
        long result_;                                                               \
        while ((result_ = (long)(call)) == LIBSSH2_ERROR_EAGAIN && vmtp_ssh_wait(ctx, ssh)) \
            ;                                                                       \
        result_;                                                                    \
    })

/* The same for a call that gives a pointer. */
#define VMTP_SSH_GET(ctx, ssh, call)                                                               \
    __extension__({                                                                                \
        __typeof__(call) pointer_;                                                                 \
        while (!(pointer_ = (call)) &&                                                             \
               libssh2_session_last_errno((ssh)->session) == LIBSSH2_ERROR_EAGAIN && vmtp_ssh_wait(ctx, ssh)) \
            ;                                                                                      \
        pointer_;                                                                                  \
    })

/* Reports libssh2's last error: "WHAT: its words". VMTP_ECANCELED or VMTP_ETIMEOUT when ctx ended the wait;
 * VMTP_EUNREACH (and lost is set) when the connection is gone; status otherwise. */
int vmtp_ssh_fail(vmtp_ctx *ctx, struct vmtp_ssh *ssh, int status, const char *what);

/* ssh-auth.c: logs in on a session whose keys are exchanged. */
int vmtp_ssh_authenticate(vmtp_ctx *ctx, struct vmtp_ssh *ssh, const struct vmtp_login *login);

/* transport-openssh.c: the same by the program ssh. Sets ep->link; ep->transport is the caller's. */
int vmtp_openssh_connect(vmtp_ctx *ctx, struct vmtp_endpoint *ep, bool without_password);

#endif
