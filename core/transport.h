/* SPDX-License-Identifier: Apache-2.0 */
/* How a command reaches an endpoint. vmtp_exec, vmtp_start ... (process.c) are written once on top of this. */
#ifndef CORE_TRANSPORT_H
#define CORE_TRANSPORT_H

#include <stdbool.h>

#include "core/endpoint.h"
#include "core/util/buf.h"

enum {
    VMTP_OUTPUT_MAX = 1 << 20,
    VMTP_SILENCE_SECONDS = 9, /* for a host that is alive, when nothing is measured */
};

struct vmtp_process {
    struct vmtp_endpoint *ep;
    void *link;               /* the transport's */
    struct vmtp_buf out, err; /* at most VMTP_OUTPUT_MAX each; what is beyond is read and dropped */
    bool ended;
    int exit_status;          /* once ended: 128 + n for signal n */
    long pid;                 /* on the endpoint; 0 until known */
};

struct vmtp_transport {
    const char *name;

    /* Connects; sets ep->link. Tries again only while the host is not reachable yet, until the deadline of ctx. */
    int (*connect)(vmtp_ctx *ctx, struct vmtp_endpoint *ep);
    void (*disconnect)(struct vmtp_endpoint *ep);

    /* Starts argv with an empty standard input. Sets process->link. */
    int (*spawn)(vmtp_ctx *ctx, struct vmtp_process *process, const char *const argv[]);

    /* Waits at most `seconds` for output or the end, adds output to out and err, sets ended and exit_status. VMTP_OK
     * also when nothing came; VMTP_EUNREACH when the connection is lost (ended is set then too). Does not look at the
     * ctx's deadline or interrupt: the caller does between two calls. */
    int (*pump)(vmtp_ctx *ctx, struct vmtp_process *process, double seconds);

    /* Sends a signal to the process by its pid on the endpoint. */
    int (*signal)(vmtp_ctx *ctx, struct vmtp_process *process, int signal_number);

    /* Frees link. Does not wait. */
    void (*reap)(struct vmtp_process *process);

    /* How long the host may keep silent until the connection counts as lost. NULL: it cannot be lost. */
    void (*patience)(struct vmtp_endpoint *ep, double seconds);

    /* True when the connection is known to be lost; asks nobody. NULL: never. */
    bool (*lost)(const struct vmtp_endpoint *ep);

    int (*upload)(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *local, const char *remote, unsigned mode);
};

extern const struct vmtp_transport vmtp_transport_local, vmtp_transport_ssh, vmtp_transport_openssh,
    vmtp_transport_replay;

/* By name; NULL when unknown. */
const struct vmtp_transport *vmtp_transport_find(const char *name);

/* Where a program of this machine is: a path as it is, a name in PATH and the system directories. NULL in *path:
 * nowhere. VMTP_ENOMEM. */
int vmtp_find_here(const char *name, char **path);

#endif
