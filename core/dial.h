/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_DIAL_H
#define CORE_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include "vmtp/plugin.h"

/* A TCP connection to a name or address, in *fd (not blocking), and the numeric address of the peer. Tries each address
 * of the name. VMTP_EUNREACH when the host may become reachable later. */
int vmtp_dial(vmtp_ctx *ctx, const char *host, uint16_t port, int *fd, char *peer, size_t peer_size);

#endif
