/* SPDX-License-Identifier: Apache-2.0 */
/* On which hosts of the cloud the virtual machines go. */
#ifndef CORE_OPENSTACK_PLACEMENT_H
#define CORE_OPENSTACK_PLACEMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/openstack/session.h"
#include "core/settings.h"

enum { VMTP_OS_PLACES = 2 };

/* Places in the order of the flows: [0] is the host of the server and of the clients on the same host, [1] that of the
 * other clients. */
struct vmtp_os_placement {
    char *where[VMTP_OS_PLACES]; /* for "availability_zone": "nova:compute1", "nova", or NULL: anywhere. Owned */
    size_t n;                    /* 1: there is one host only, so no flow between two */
    bool forced;                 /* a machine gets there or nowhere. Otherwise the cloud chooses: it is asked with
                                  * vmtp_os_place_hints(), and hostId tells what came of it */
};

/* By --hypervisor, availability_zone, or any host that is enabled and up. VMTP_EPLACE with the reason. */
int vmtp_os_place(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                  struct vmtp_os_placement *placement);

/* "os:scheduler_hints" for a client at a place; server_id: a server that has a hostId already, before that the
 * hints say nothing. NULL when the placement is forced, or out of memory. A new reference. */
json_t *vmtp_os_place_hints(const struct vmtp_os_placement *placement, size_t place, const char *server_id);

void vmtp_os_placement_clear(struct vmtp_os_placement *placement);

#endif
