/* SPDX-License-Identifier: Apache-2.0 */
/* What the topologies of an OpenStack cloud share: all but their names and which flows are theirs, which CLOUD_FLOWS
 * says; it is defined in front of the #include. The work is in the core, which makes one set of machines for all. */
#ifndef PLUGINS_TOPOLOGIES_CLOUD_H
#define PLUGINS_TOPOLOGIES_CLOUD_H

#include <stdlib.h>

#include "core/openstack/cloud.h"
#include "vmtp/plugin.h"

struct cloud_opts {
    const char *dialogue;
};

static const struct vmtp_option cloud_options[] = {
    VMTP_OPTION(struct cloud_opts, dialogue, STRING,
                .help = "file with a recorded dialogue that stands for the machines, for tests without any"),
    {0},
};

struct cloud_state {
    const struct cloud_opts *opts;
    struct vmtp_cloud *cloud;    /* of the run; the core's */
    struct vmtp_cloud *cleaning; /* of a run that is over */
};

static int cloud_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct cloud_state *own = calloc(1, sizeof *own);
    if (!own)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    own->opts = opts;
    *state = own;
    return VMTP_OK;
}

static int cloud_plan(vmtp_ctx *ctx, void *state, vmtp_plan *plan)
{
    struct cloud_state *own = state;
    int rc = vmtp_cloud_plan(ctx, plan, CLOUD_FLOWS, &own->cloud);
    if (rc == VMTP_OK && own->opts && own->opts->dialogue)
        rc = vmtp_cloud_play(ctx, own->cloud, own->opts->dialogue);
    return rc;
}

static int cloud_acquire(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    const struct cloud_state *own = state;
    return own->cloud ? vmtp_cloud_acquire(ctx, own->cloud, eps, n) : VMTP_OK;
}

static int cloud_release(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    const struct cloud_state *own = state;
    return own->cloud ? vmtp_cloud_release(ctx, own->cloud, eps, n) : VMTP_OK;
}

static int cloud_remove(vmtp_ctx *ctx, void *state, const char *kind, const char *id)
{
    struct cloud_state *own = state;
    return vmtp_cloud_remove(ctx, &own->cleaning, kind, id);
}

static void cloud_close(void *state)
{
    struct cloud_state *own = state;
    vmtp_cloud_close(own->cleaning);
    free(own);
}

static const struct vmtp_topology_ops cloud_ops = {
    .struct_size = sizeof cloud_ops,
    .caps = VMTP_TOPO_CLOUD | VMTP_TOPO_CREATES | VMTP_TOPO_IPV4,
    .open = cloud_open,
    .plan = cloud_plan,
    .acquire = cloud_acquire,
    .release = cloud_release,
    .remove = cloud_remove,
    .close = cloud_close,
};
#endif
