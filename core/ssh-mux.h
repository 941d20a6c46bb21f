/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions on a running ssh(1) with a control socket (PROTOCOL.mux of OpenSSH): what `ssh -S` does, without a process
 * for each command. */
#ifndef CORE_SSH_MUX_H
#define CORE_SSH_MUX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/util/buf.h"

struct vmtp_mux {
    int control;           /* closing it ends the session; -1: closed by the other side */
    int in, out, err;      /* of the command: ours to write, to read, to read; -1: closed */
    struct vmtp_buf reply; /* of which a part has come */
    bool exited;           /* it has said its status; without it the session ends by a signal, or is lost */
    int exit_status;
};

#define VMTP_MUX_NONE ((struct vmtp_mux){.control = -1, .in = -1, .out = -1, .err = -1})

/* Starts a command line of the login shell. VMTP_EUNREACH when nothing answers on the control socket, VMTP_EREMOTE with
 * words when the server refuses. *mux is to be closed in either case. */
int vmtp_mux_open(vmtp_ctx *ctx, const char *socket_path, const char *command, struct vmtp_mux *mux);

/* Reads what the control socket has said, without waiting. */
void vmtp_mux_read(struct vmtp_mux *mux);

/* Whether an ssh answers on the control socket, within a moment. */
bool vmtp_mux_alive(const char *socket_path);
void vmtp_mux_close(struct vmtp_mux *mux);

#endif
