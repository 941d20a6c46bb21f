/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of plugin.h that hold for every plugin, checked on each one that was built. */
#include <stdlib.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/options.h"
#include "core/registry.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"
#include "tests/tap.h"

static char scratch[] = "/tmp/vmtp-contract.XXXXXX";

/* What a required option gets here: a file in the scratch directory. */
static struct vmtp_node *required_options(const struct vmtp_plugin *plugin)
{
    struct vmtp_node *map = vmtp_node_new(VMTP_NODE_MAP, "contract");
    const struct vmtp_option *option;
    for (size_t i = 0; map && (option = vmtp_option_at(plugin, i)); i++) {
        if (!(option->flags & VMTP_OPT_REQUIRED))
            continue;
        VMTP_CLEAN(mem) char *file = vmtp_format("%s/%s-%s", scratch, plugin->name, option->name);
        if (vmtp_node_set(map, option->name, vmtp_node_scalar("contract", file)) < 0)
            return NULL;
    }
    return map;
}

static void check_tool(struct vmtp_ctx *ctx, const struct vmtp_loaded *loaded, const void *opts)
{
    const struct vmtp_tool_ops *ops = &loaded->tool;
    const char *name = loaded->plugin.name;
    const uint32_t protocols = VMTP_TOOL_TCP | VMTP_TOOL_UDP | VMTP_TOOL_MULTICAST | VMTP_TOOL_ICMP;
    ok(ops->caps & protocols, "%s: says what it measures", name);
    ok(!ops->serve == !ops->unserve, "%s: serve and unserve are a pair", name);
    ok(!ops->open == !ops->close, "%s: open and close are a pair", name);
    ok(!ops->serve == (ops->port == 0), "%s: one that serves declares its port", name);
    void *state = NULL;
    if (ops->open && is_int(ops->open(ctx, opts, &state), VMTP_OK, "it opens with its defaults"))
        ops->close(state);
}

static void check_sink(struct vmtp_ctx *ctx, const struct vmtp_loaded *loaded, const void *opts)
{
    const struct vmtp_sink_ops *ops = &loaded->sink;
    const char *name = loaded->plugin.name;
    ok(!ops->open == !ops->close, "%s: open and close are a pair", name);
    void *state = NULL;
    if (ops->open && !is_int(ops->open(ctx, opts, &state), VMTP_OK, "it opens"))
        return;
    struct vmtp_event unknown = {
        .struct_size = sizeof unknown,
        .type = 4711,
        .value_size = sizeof(struct vmtp_value),
        .property_size = sizeof(struct vmtp_property),
        .seq = 1,
        .run_id = "00000000-0000-4000-8000-000000000000",
    };
    ok(ops->event(ctx, state, &unknown) == VMTP_OK, "%s: ignores an event type that it does not know", name);
    if (ops->close)
        ops->close(state);
}

static void check_topology(struct vmtp_ctx *ctx, const struct vmtp_loaded *loaded, const void *opts)
{
    const struct vmtp_topology_ops *ops = &loaded->topology;
    const char *name = loaded->plugin.name;
    ok(ops->caps & (VMTP_TOPO_IPV4 | VMTP_TOPO_IPV6), "%s: says which addresses it has", name);
    ok(!(ops->caps & VMTP_TOPO_CREATES) || ops->release, "%s: what it creates it releases", name);
    ok(!(ops->caps & VMTP_TOPO_CREATES) || ops->remove, "%s: what it creates it can remove in a fresh process", name);
    void *state = NULL;
    if (ops->open && !is_int(ops->open(ctx, opts, &state), VMTP_OK, "it opens with its defaults"))
        return;
    if (ops->release) {
        ok(ops->release(ctx, state, NULL, 0) == VMTP_OK, "%s: release without acquire finds nothing to do", name);
        ok(ops->release(ctx, state, NULL, 0) == VMTP_OK, "%s: and may be called twice", name);
    }
    if (ops->close)
        ops->close(state);
}

static void check(const struct vmtp_candidate *candidate)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    const struct vmtp_loaded *loaded = NULL;
    int rc = vmtp_registry_get(&ctx, candidate->kind, candidate->name, &loaded);
    if (!ok(rc == VMTP_OK, "%s %s loads", vmtp_kind_name(candidate->kind), candidate->name)) {
        printf("# %s\n", vmtp_ctx_error(&ctx, rc));
        return;
    }
    VMTP_CLEAN(node) struct vmtp_node *map = required_options(&loaded->plugin);
    const struct vmtp_node *maps[] = {map};
    VMTP_CLEAN(mem) void *opts = NULL;
    rc = vmtp_options_fill(&ctx, &loaded->plugin, maps, 1, &opts);
    if (!ok(rc == VMTP_OK, "%s: its defaults are valid", loaded->plugin.name)) {
        printf("# %s\n", vmtp_ctx_error(&ctx, rc));
        return;
    }
    if (loaded->plugin.tool)
        check_tool(&ctx, loaded, opts);
    else if (loaded->plugin.sink)
        check_sink(&ctx, loaded, opts);
    else
        check_topology(&ctx, loaded, opts);
}

int main(void)
{
    struct vmtp_candidate *candidates = NULL;
    size_t n = 0;
    if (!mkdtemp(scratch))
        return 99;
    ok(vmtp_registry_candidates(&candidates, &n) == VMTP_OK && n > 0, "%zu plugins were built", n);
    for (size_t i = 0; i < n; i++)
        check(&candidates[i]);
    vmtp_candidates_free(candidates, n);
    VMTP_CLEAN(mem) char *left = vmtp_format("%s/json-file", scratch);
    unlink(left);
    rmdir(scratch);
    return done_testing();
}
