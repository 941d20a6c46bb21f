/* SPDX-License-Identifier: Apache-2.0 */
/* A topology that does what its option says, for plan.sh: as if it was of a cloud. */
#include <string.h>
#include <vmtp/plugin.h>

struct options {
    const char *how, *note;
};

static const struct vmtp_option table[] = {
    VMTP_OPTION(struct options, how, STRING, .help = "what goes wrong, and when"),
    VMTP_OPTION(struct options, note, STRING, .help = "a line of the plan"),
    {0},
};

static int told_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    (void)ctx;
    *state = (void *)opts;
    return VMTP_OK;
}

static int told_plan(vmtp_ctx *ctx, void *state, vmtp_plan *plan)
{
    const struct options *options = state;
    const char *how = options->how ? options->how : "";
    if (strcmp(how, "place") == 0)
        return vmtp_fail(ctx, VMTP_EPLACE, "no room");
    if (strcmp(how, "fail") == 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "the quota is too small");
    if (strcmp(how, "config") == 0)
        return vmtp_fail(ctx, VMTP_ECONFIG, "no such name");
    struct vmtp_flow flow = {.struct_size = sizeof flow, .id = "told", .client = "a", .server = "a",
                             .path = "fixed", .scenario = "1", .label = "Told"};
    if (strcmp(how, "relabel") == 0) {
        flow.scenario = "2";
        flow.label = "Told (inter-node)";
    }
    int rc = vmtp_plan_endpoint(plan, "a");
    if (rc == VMTP_OK)
        rc = vmtp_plan_flow(plan, &flow);
    return rc == VMTP_OK && options->note ? vmtp_plan_note(plan, options->note) : rc;
}

/* The machine is this one, and not where it was asked for. */
static int relabel(vmtp_ctx *ctx, vmtp_endpoint *ep)
{
    const struct vmtp_login login = {.struct_size = sizeof login, .transport = "local"};
    int rc = vmtp_endpoint_login(ctx, ep, &login);
    if (rc == VMTP_OK)
        rc = vmtp_endpoint_address(ctx, ep, "fixed", "127.0.0.1");
    return rc < 0 ? rc : vmtp_flow_relabel(ctx, "told", "1", "Told (intra-node)");
}

static int told_acquire(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    const struct options *options = state;
    int rc = vmtp_track(ctx, "thing", "4711");
    if (rc == VMTP_OK && n && options->how && strcmp(options->how, "relabel") == 0)
        return relabel(ctx, eps[0]);
    return rc == VMTP_OK && options->how ? vmtp_fail(ctx, VMTP_EREMOTE, "it did not come up") : rc;
}

static int told_release(vmtp_ctx *ctx, void *state, vmtp_endpoint *const *eps, size_t n)
{
    (void)state;
    (void)eps;
    (void)n;
    return vmtp_untrack(ctx, "thing", "4711");
}

static int told_remove(vmtp_ctx *ctx, void *state, const char *kind, const char *id)
{
    (void)state;
    return strcmp(kind, "thing") == 0 && strcmp(id, "4711") == 0 ? VMTP_OK : vmtp_fail(ctx, VMTP_EFAIL, "what?");
}

static const struct vmtp_topology_ops ops = {
    .struct_size = sizeof ops,
    .caps = VMTP_TOPO_IPV4 | VMTP_TOPO_CLOUD | VMTP_TOPO_CREATES,
    .open = told_open,
    .plan = told_plan,
    .acquire = told_acquire,
    .release = told_release,
    .remove = told_remove,
};

VMTP_PLUGIN(topology_told) = {
    VMTP_PLUGIN_HEAD,
    .name = "told",
    .version = "1",
    .summary = "does what it is told",
    .options = table,
    .option_size = sizeof table[0],
    .opts_size = sizeof(struct options),
    .topology = &ops,
};
