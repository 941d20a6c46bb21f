/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens on a port of an endpoint: beside vmtp_port_listener() of endpoint.h. */
#ifndef CORE_LISTENER_H
#define CORE_LISTENER_H

#include "core/endpoint.h"

/* vmtp_port_listener() without the process: fills found, uid and inode with one command. */
int vmtp_port_listens(vmtp_ctx *ctx, struct vmtp_endpoint *ep, uint32_t proto, uint16_t port,
                      struct vmtp_listener *listener);

/* *found: the endpoint is trying to connect to a TCP port of this address, which does not answer. A name is not looked
 * for: only the endpoint knows which address it has taken. */
int vmtp_port_unanswered(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *target, uint16_t port, bool *found);

/* "iperf (process 4711)" or "a process of user id 33": for messages. out is returned. */
enum { VMTP_LISTENER_TEXT = 128 };
const char *vmtp_listener_text(const struct vmtp_listener *listener, char out[VMTP_LISTENER_TEXT]);

/* True when one of these lines of /proc/net/tcp{,6} is a connection in the making to that address and port. Exposed for
 * tests. */
bool vmtp_unanswered_parse(const char *text, const char *target, uint16_t port);

/* Reads lines of /proc/net/{tcp,tcp6,udp,udp6}. Exposed for tests. */
void vmtp_listener_parse(const char *text, uint32_t proto, uint16_t port, struct vmtp_listener *listener);

#endif
