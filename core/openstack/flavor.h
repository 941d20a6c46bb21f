/* SPDX-License-Identifier: Apache-2.0 */
/* The flavor of the virtual machines: one that is there, or one that is made for the run. */
#ifndef CORE_OPENSTACK_FLAVOR_H
#define CORE_OPENSTACK_FLAVOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/openstack/image.h"
#include "core/openstack/session.h"
#include "core/settings.h"

/* Text is owned here. */
struct vmtp_os_flavor {
    char *id, *name;
    int64_t vcpus, ram, disk, ephemeral; /* MB, GB, GB */
    bool missing;                        /* vmtp_os_flavor_create() is to be called; there is no id yet */
    bool ours;
};

/* Finds flavor_type, by id or name, and sees whether the image fits it. Missing, and the login may make one: missing,
 * with the numbers that it will have. VMTP_ECONFIG: ambiguous, too small for the image, or not there and not to be made
 * without the role admin, with the flavors that would do. Makes nothing. */
int vmtp_os_flavor_find(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                        const struct vmtp_os_image *image, struct vmtp_os_flavor *flavor);

/* Makes the missing one, named NAME-RUNID, with its extra specs. Tracked as "flavor" by its id before it is made. To be
 * called in acquire(). run_id: the 7 digits. */
int vmtp_os_flavor_create(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                          const char *run_id, struct vmtp_os_flavor *flavor);

/* Removes one, and is satisfied when there is none. Strikes nothing out of the ledger. */
int vmtp_os_flavor_delete(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *id);

void vmtp_os_flavor_clear(struct vmtp_os_flavor *flavor);

#endif
