/* SPDX-License-Identifier: Apache-2.0 */
/* A process that does nothing but keep a network namespace in being. It ends with the process that started it. */
#ifndef NAMESPACE_HOLDER_H
#define NAMESPACE_HOLDER_H

#include <sys/types.h>

#include "vmtp/plugin.h"

struct holder {
    pid_t pid; /* 0: none */
};

enum holder_kind {
    HOLDER_PLAIN,    /* a network namespace, which takes CAP_SYS_ADMIN          */
    HOLDER_NEW_USER, /* in a user namespace of its own, in which it is root     */
    HOLDER_JOINED,   /* in the user namespace of another holder                 */
};

/* Starts a holder; other is read for HOLDER_JOINED only. VMTP_ENOTSUP, with the remedy, when this system does not allow
 * namespaces to this user. */
int holder_start(vmtp_ctx *ctx, enum holder_kind kind, const struct holder *other, struct holder *holder);

/* Ends it and waits for its end. Does nothing when there is none. */
void holder_end(struct holder *holder);

#endif
