/* SPDX-License-Identifier: Apache-2.0 */
/* Files to an endpoint, the same way over both ssh transports: the standard input of cat. That needs neither SFTP nor
 * scp there, and what login scripts print does not disturb it. */
#ifndef CORE_SSH_COPY_H
#define CORE_SSH_COPY_H

#include "core/transport.h"

/* What a transport does for it, beside pump and reap. */
struct vmtp_ssh_input {
    /* Starts a command line of the login shell, which begins with the line of the mark. Sets process->link. */
    int (*start)(vmtp_ctx *ctx, struct vmtp_process *process, const char *command);

    /* Gives it bytes. The number that was taken; 0 after a moment in which none could be, or when it has ended. Reads
     * what it says meanwhile. */
    long (*write)(vmtp_ctx *ctx, struct vmtp_process *process, const char *bytes, size_t n);

    /* The end of its standard input. */
    int (*end)(vmtp_ctx *ctx, struct vmtp_process *process);
};

/* VMTP_EREMOTE when the file did not arrive whole. mark: of the connection; name: its "user@host". */
int vmtp_ssh_copy(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const struct vmtp_ssh_input *input, const char *mark,
                  const char *name, const char *const paths[2], unsigned mode);

#endif
