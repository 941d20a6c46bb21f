/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP connection to a server of fluentd's forward protocol. */
#ifndef PLUGINS_SINKS_FLUENTD_WIRE_H
#define PLUGINS_SINKS_FLUENTD_WIRE_H

#include "vmtp/plugin.h"

struct vmtp_fluentd_wire {
    const char *server; /* a name or an address */
    uint16_t port;
    double timeout; /* s, for each of: connecting, sending, an answer */
    int fd;         /* -1: not connected */
    const char *why; /* what was wrong, after a failure: the functions below add no cause by themselves */
};

/* VMTP_EUNREACH, VMTP_ECANCELED. Names are looked up by the system's resolver, which has time limits of its own. */
int vmtp_fluentd_connect(vmtp_ctx *ctx, struct vmtp_fluentd_wire *wire) VMTP_MUSTUSE;
void vmtp_fluentd_disconnect(struct vmtp_fluentd_wire *wire);

/* Sends all of it. VMTP_EUNREACH: the connection is closed then. */
int vmtp_fluentd_send(vmtp_ctx *ctx, struct vmtp_fluentd_wire *wire, const char *data, size_t n) VMTP_MUSTUSE;

/* Waits until the server has confirmed a chunk. VMTP_EUNREACH: it did not, and the connection is closed; VMTP_ENOTSUP:
 * it wants a login by shared key; VMTP_EPARSE: it says something else. */
int vmtp_fluentd_confirmed(vmtp_ctx *ctx, struct vmtp_fluentd_wire *wire, const char *chunk) VMTP_MUSTUSE;

#endif
