/* SPDX-License-Identifier: Apache-2.0 */
/* What the topologies of a cloud share in one run: the session, networks, router, security group, key pair, image,
 * flavor and the machines. The first topology that asks makes it; it lives as long as the plan. */
#ifndef CORE_OPENSTACK_CLOUD_H
#define CORE_OPENSTACK_CLOUD_H

#include "vmtp/plugin.h"

struct vmtp_cloud;

/* Exported for the plugins of a cloud, which are built with the core: VMTP_PRIVATE in libvmtp.map. */

/* Which flows a topology wants of it. */
enum vmtp_cloud_flows { VMTP_CLOUD_FIXED = 1, VMTP_CLOUD_FLOATING = 2 };

/* The cloud of this run: logs in, finds out what is there (preflight) and what has to be made, the first time; names
 * the endpoints and flows. Makes nothing. VMTP_EPLACE: no host; VMTP_ECONFIG: what the user has to change. */
VMTP_PUBLIC int vmtp_cloud_plan(vmtp_ctx *ctx, vmtp_plan *plan, unsigned flows, struct vmtp_cloud **cloud);

/* A file with a recorded dialogue that stands for all machines of the run, none of which is reached then. For tests. */
VMTP_PUBLIC int vmtp_cloud_play(vmtp_ctx *ctx, struct vmtp_cloud *cloud, const char *dialogue);

/* Makes what is missing, all machines of eps together, and says how each is reached. */
VMTP_PUBLIC int vmtp_cloud_acquire(vmtp_ctx *ctx, struct vmtp_cloud *cloud, vmtp_endpoint *const *eps, size_t n);

/* Removes the machines of eps. When they are all machines of the run, or none of them: removes all that
 * vmtp_cloud_acquire() has made, in dependency order, waits until it is gone, and asks the cloud for anything with the
 * run's id. The second call finds nothing to do. */
VMTP_PUBLIC int vmtp_cloud_release(vmtp_ctx *ctx, struct vmtp_cloud *cloud, vmtp_endpoint *const *eps, size_t n);

/* Removes one entry of the ledger, in a process that knows nothing else of the run. *cloud is NULL at first; the first
 * call logs in and removes all that carries the run's id, the others then only look whether their thing is gone. */
VMTP_PUBLIC int vmtp_cloud_remove(vmtp_ctx *ctx, struct vmtp_cloud **cloud, const char *kind, const char *id);

/* Frees what vmtp_cloud_remove() has made; that of a plan is freed with the plan. Takes NULL. */
VMTP_PUBLIC void vmtp_cloud_close(struct vmtp_cloud *cloud);

#endif
