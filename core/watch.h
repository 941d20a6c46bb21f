/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked at while a tool's client runs, whatever the tool and the way to its host: a client has seldom a time
 * limit for a server that does not answer, and knows nothing of a host that has vanished behind it. And the load of the
 * nodes meanwhile. */
#ifndef CORE_WATCH_H
#define CORE_WATCH_H

#include "core/endpoint.h"

struct vmtp_sampler; /* monitor.h */

struct vmtp_watch {
    struct vmtp_endpoint *client, *server;
    const char *from, *target;   /* addresses; from may be NULL */
    uint16_t port, control_port; /* of the server; 0: there is none */
    bool answered;               /* the server has answered this client: nothing is between them */
    unsigned asked;              /* how often it was looked for an answer */
    uint16_t silent;             /* the port that did not answer then */
    struct vmtp_sampler *sampler; /* of the load of the nodes; NULL: nobody wants to know */
};

/* A measurement of that many seconds begins: the hosts may keep silent for so long, an overload drowns everything else.
 * And ends, with rc: VMTP_EUNREACH, with words, when it has failed because a host is lost. */
void vmtp_watch_begin(const struct vmtp_watch *watch, double seconds);
int vmtp_watch_end(vmtp_ctx *ctx, const struct vmtp_watch *watch, int rc);

/* The client has run for that many seconds. VMTP_EUNREACH: the server's host is lost; VMTP_EREMOTE: its port does not
 * answer; both with words. */
int vmtp_watch_look(vmtp_ctx *ctx, struct vmtp_watch *watch, double seconds);

#endif
