/* SPDX-License-Identifier: Apache-2.0 */
/* A topology of VMTP 3.0.0: this machine twice, once in each direction. */
#include <stdlib.h>
#include <string.h>

#include <vmtp/plugin.h>

#include "tests/abi/later.h"

struct kept {
    int acquired;
};

static int kept_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    (void)opts;
    *state = calloc(1, sizeof(struct kept));
    return *state ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

static int kept_flow(vmtp_plan *plan, uint32_t order, const char *id, const char *client, const char *server)
{
    const struct {
        struct vmtp_flow flow;
        uint64_t behind[16];
    } asked = {
        .flow = {
            .struct_size = sizeof asked.flow,
            .order = order,
            .id = id,
            .client = client,
            .server = server,
            .path = "kept",
            .scenario = "9",
            .label = id,
        },
        .behind = NOT_ZERO,
    };
    return vmtp_plan_flow(plan, &asked.flow);
}

static int kept_plan(vmtp_ctx *ctx, void *state, vmtp_plan *plan)
{
    (void)state;
    if (vmtp_plan_host(plan, 0) || vmtp_plan_interface(plan) || vmtp_plan_inter_node_only(plan))
        return vmtp_fail(ctx, VMTP_EFAIL, "the request is not what it was");
    int rc = vmtp_plan_endpoint(plan, "kept-one");
    if (rc == VMTP_OK)
        rc = vmtp_plan_endpoint(plan, "kept-two");
    if (rc == VMTP_OK)
        rc = kept_flow(plan, 2, "kept-back", "kept-two", "kept-one");
    return rc < 0 ? rc : kept_flow(plan, 1, "kept-forth", "kept-one", "kept-two");
}

static int kept_acquire(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    const struct {
        struct vmtp_login login;
        uint64_t behind[16];
    } asked = {.login = {.struct_size = sizeof asked.login, .transport = "local"}, .behind = NOT_ZERO};
    int rc = VMTP_OK;
    ((struct kept *)state)->acquired++;
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        rc = vmtp_endpoint_login(ctx, eps[i], &asked.login);
        if (rc == VMTP_OK)
            rc = vmtp_endpoint_address(ctx, eps[i], "kept", "127.0.0.1");
        if (rc == VMTP_OK)
            rc = vmtp_endpoint_property(ctx, eps[i], "kept", vmtp_endpoint_id(eps[i]));
    }
    if (rc == VMTP_OK)
        rc = vmtp_connect(ctx, eps, n);
    if (rc == VMTP_OK && n && (!vmtp_endpoint_usable(eps[0]) || !vmtp_endpoint_text(eps[0], "kept")))
        rc = vmtp_fail(ctx, VMTP_EFAIL, "the endpoint is not what it was");
    return rc;
}

static int kept_release(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    (void)ctx;
    (void)eps;
    (void)n;
    ((struct kept *)state)->acquired = 0;
    return VMTP_OK;
}

static int kept_remove(vmtp_ctx *ctx, void *state, const char *kind, const char *id)
{
    (void)state;
    return vmtp_fail(ctx, VMTP_EFAIL, "%s %s is not of this topology", kind, id);
}

static const struct {
    struct vmtp_topology_ops ops;
    uint64_t behind[16];
} kept = {
    .ops = {
        .struct_size = sizeof kept.ops,
        .caps = VMTP_TOPO_IPV4,
        .open = kept_open,
        .plan = kept_plan,
        .acquire = kept_acquire,
        .release = kept_release,
        .remove = kept_remove,
        .close = free,
        LATER_MEMBERS
    },
    .behind = NOT_ZERO,
};

VMTP_PLUGIN(topology_kept) = {
    VMTP_PLUGIN_HEAD,
    .name = "kept",
    .version = "3.0.0",
    .summary = "a topology of VMTP 3.0.0",
    .topology = &kept.ops,
    LATER_MEMBERS
};
