/* SPDX-License-Identifier: Apache-2.0 */
/* What the topologies of a cloud share in one run: the session, networks, router, security group, key pair, image,
 * flavor and the machines. The first topology that asks makes it; it lives as long as the run. */
#ifndef CORE_OPENSTACK_CLOUD_H
#define CORE_OPENSTACK_CLOUD_H

#include "core/openstack/session.h"
#include "core/plan.h"

struct vmtp_cloud;

/* Which flows a topology wants of it. */
enum vmtp_cloud_flows { VMTP_CLOUD_FIXED = 1, VMTP_CLOUD_FLOATING = 2 };

/* The cloud of this run: logs in, finds out what is there (preflight) and what has to be made, the first time; names
 * the endpoints and flows. Makes nothing. VMTP_EPLACE: no host; VMTP_ECONFIG: what the user has to change. */
int vmtp_cloud_plan(vmtp_ctx *ctx, vmtp_plan *plan, unsigned flows, struct vmtp_cloud **cloud);

/* Makes what is missing, all machines together, and says how each is reached. */
int vmtp_cloud_acquire(vmtp_ctx *ctx, struct vmtp_cloud *cloud, vmtp_endpoint *const *eps, size_t n);

/* Removes all that vmtp_cloud_acquire() has made, in dependency order, waits until it is gone, and asks the cloud for
 * anything with the run's id. The second call finds nothing to do. */
int vmtp_cloud_release(vmtp_ctx *ctx, struct vmtp_cloud *cloud);

/* Removes one entry of the ledger, in a process that knows nothing else of the run. */
int vmtp_cloud_remove(vmtp_ctx *ctx, const struct vmtp_settings *settings, const char *kind, const char *id);

#endif
