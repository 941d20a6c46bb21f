/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config-check.h"

#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/options.h"
#include "core/registry.h"
#include "core/sinks.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

int vmtp_refuse_later(vmtp_ctx *ctx, const struct vmtp_settings *settings)
{
    if (!settings->later_option)
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s: this version of VMTP cannot do that yet, and ignores no option",
                     settings->later_option);
}

/* --- the options of plugins, by their names --- */

struct named {
    const char *key; /* of the configuration */
    enum vmtp_kind kind;
    const struct vmtp_node *options; /* by name */
};

enum { NAMED = 3 };

static void named_of(const struct vmtp_settings *settings, struct named named[NAMED])
{
    named[0] = (struct named){"tools", VMTP_KIND_TOOL, settings->tools};
    named[1] = (struct named){"sinks", VMTP_KIND_SINK, settings->sinks};
    named[2] = (struct named){"topologies", VMTP_KIND_TOPOLOGY, settings->topologies};
}

static size_t members(const struct vmtp_node *map)
{
    return map && map->kind == VMTP_NODE_MAP ? map->n : 0;
}

/* Letter by letter: a run looks no other way. */
static bool is_installed(const struct vmtp_candidate *candidates, size_t n, enum vmtp_kind kind, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (candidates[i].kind == kind && strcmp(candidates[i].name, name) == 0)
            return true;
    return false;
}

static int warn_unknown(vmtp_ctx *ctx, const struct vmtp_candidate *candidates, size_t n, const struct named *named,
                        size_t member)
{
    const char *name = named->options->keys[member];
    if (is_installed(candidates, n, named->kind, name))
        return VMTP_OK;
    VMTP_CLEAN(mem) const char **names = calloc(n + 1, sizeof *names);
    if (!names)
        return VMTP_ENOMEM;
    for (size_t i = 0, count = 0; i < n; i++)
        if (candidates[i].kind == named->kind)
            names[count++] = candidates[i].name;
    const char *near = vmtp_nearest(name, names);
    const struct vmtp_node place = vmtp_node_key(named->options->items[member]);
    vmtp_node_warn(ctx, &place, "%s: no %s is called '%s'%s%s%s: these options go nowhere", named->key,
                   vmtp_kind_name(named->kind), name, near ? ", but one is called '" : "", near ? near : "",
                   near ? "'" : "");
    return VMTP_OK;
}

int vmtp_warn_unknown_plugins(vmtp_ctx *ctx, const struct vmtp_settings *settings)
{
    struct named named[NAMED];
    struct vmtp_candidate *candidates = NULL;
    size_t n = 0;
    named_of(settings, named);
    if (members(named[0].options) + members(named[1].options) + members(named[2].options) == 0)
        return VMTP_OK;
    int rc = vmtp_registry_candidates(&candidates, &n);
    for (size_t i = 0; i < NAMED; i++)
        for (size_t member = 0; rc == VMTP_OK && member < members(named[i].options); member++)
            rc = warn_unknown(ctx, candidates, n, &named[i], member);
    vmtp_candidates_free(candidates, n);
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

/* --- config check --- */

/* The options in the files of all plugins that are installed, used by this run or not. */
static int check_named(vmtp_ctx *ctx, const struct named *named)
{
    struct vmtp_candidate *candidates = NULL;
    size_t n = 0;
    int rc = vmtp_registry_candidates(&candidates, &n);
    if (rc < 0)
        return vmtp_fail(ctx, rc, "out of memory");
    for (size_t i = 0; i < members(named->options) && rc == VMTP_OK; i++) {
        const struct vmtp_loaded *loaded;
        if (!is_installed(candidates, n, named->kind, named->options->keys[i]))
            continue;
        rc = vmtp_registry_get(ctx, named->kind, named->options->keys[i], &loaded);
        if (rc == VMTP_OK)
            rc = vmtp_options_check(ctx, &loaded->plugin, named->options->items[i]);
    }
    vmtp_candidates_free(candidates, n);
    return rc;
}

static int check_spec(vmtp_ctx *ctx, const struct named *named, const char *spec, const char *source)
{
    VMTP_CLEAN(mem) char *name = NULL;
    VMTP_CLEAN(node) struct vmtp_node *options = NULL;
    VMTP_CLEAN(mem) void *opts = NULL;
    const struct vmtp_loaded *loaded;
    int rc = vmtp_spec_name(ctx, spec, source, &name);
    if (rc == VMTP_OK)
        rc = vmtp_registry_get(ctx, named->kind, name, &loaded);
    if (rc == VMTP_OK)
        rc = vmtp_spec_options(ctx, spec, source, &loaded->plugin, &options);
    if (rc < 0)
        return rc;
    const struct vmtp_node *maps[] = {vmtp_node_get(named->options, loaded->plugin.name), options};
    return vmtp_options_fill(ctx, &loaded->plugin, maps, 2, &opts);
}

static int check_sinks(vmtp_ctx *ctx, const struct vmtp_settings *settings)
{
    struct vmtp_sinks sinks = {0};
    int rc = vmtp_sinks_choose(ctx, settings, false, &sinks);
    vmtp_sinks_close(&sinks);
    return rc;
}

int vmtp_config_check(vmtp_ctx *ctx, const struct vmtp_settings *settings)
{
    struct named named[NAMED];
    named_of(settings, named);
    if (vmtp_registry_set_path(settings->plugin_path) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = vmtp_refuse_later(ctx, settings);
    if (rc == VMTP_OK)
        rc = vmtp_warn_unknown_plugins(ctx, settings);
    for (size_t i = 0; i < NAMED && rc == VMTP_OK; i++)
        rc = check_named(ctx, &named[i]);
    for (size_t i = 0; i < settings->topology.n && rc == VMTP_OK; i++)
        rc = check_spec(ctx, &named[2], settings->topology.items[i], "--topology");
    if (rc == VMTP_OK && settings->protocols & (VMTP_ASK_TCP | VMTP_ASK_UDP | VMTP_ASK_MULTICAST))
        rc = check_spec(ctx, &named[0], settings->tp_tool, "--tp-tool");
    return rc < 0 ? rc : check_sinks(ctx, settings);
}
