/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin-check.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/ctx.h"
#include "core/options.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

struct checking {
    const struct vmtp_loaded *loaded;
    const void *opts;
    vmtp_rule tell;
    void *arg;
};

static bool rule(const struct checking *c, bool kept, const char *text)
{
    c->tell(c->arg, kept, text, NULL);
    return kept;
}

/* A rule that is kept when a call went well. */
static bool rule_ok(const struct checking *c, struct vmtp_ctx *ctx, int rc, const char *text)
{
    c->tell(c->arg, rc == VMTP_OK, text, rc == VMTP_OK ? NULL : vmtp_ctx_error(ctx, rc));
    vmtp_ctx_forget(ctx);
    return rc == VMTP_OK;
}

/* --- options --- */

/* A value that is as good as any for a required option. */
static char *least_value(const struct vmtp_plugin *plugin, const struct vmtp_option *option, const char *scratch)
{
    switch (option->type) {
    case VMTP_OPT_STRING:
        return vmtp_format("%s/%s-%s", scratch, plugin->name, option->name);
    case VMTP_OPT_BOOL:
        return strdup("true");
    case VMTP_OPT_CHOICE:
        return strdup(option->choices[0]);
    default:
        return vmtp_format("%" PRId64, option->min || option->max ? option->min : 1);
    }
}

static struct vmtp_node *required_options(const struct vmtp_plugin *plugin, const char *scratch)
{
    struct vmtp_node *map = vmtp_node_new(VMTP_NODE_MAP, "check");
    const struct vmtp_option *option;
    for (size_t i = 0; map && (option = vmtp_option_at(plugin, i)); i++) {
        if (!(option->flags & VMTP_OPT_REQUIRED))
            continue;
        VMTP_CLEAN(mem) char *value = least_value(plugin, option, scratch);
        if (!value || vmtp_node_set(map, option->name, vmtp_node_scalar("check", value)) < 0) {
            vmtp_node_free(map);
            return NULL;
        }
    }
    return map;
}

/* --- tools --- */

static void check_tool(const struct checking *c, struct vmtp_ctx *ctx)
{
    const struct vmtp_tool_ops *ops = &c->loaded->tool;
    const uint32_t protocols = VMTP_TOOL_TCP | VMTP_TOOL_UDP | VMTP_TOOL_MULTICAST | VMTP_TOOL_ICMP;
    rule(c, ops->caps & protocols, "says which protocols it measures");
    rule(c, !ops->serve == !ops->unserve, "has serve and unserve as a pair");
    rule(c, !ops->serve == (ops->port == 0), "declares its port if it serves, and only then");
    if (!rule(c, !ops->open == !ops->close, "has open and close as a pair") || !ops->open)
        return;
    void *state = NULL, *other = NULL;
    if (!rule_ok(c, ctx, VMTP_CALL(c->loaded, tool, open, NULL, ctx, c->opts, &state), "opens"))
        return;
    if (rule_ok(c, ctx, VMTP_CALL(c->loaded, tool, open, NULL, ctx, c->opts, &other), "opens a second instance"))
        VMTP_CALL(c->loaded, tool, close, NULL, other);
    VMTP_CALL(c->loaded, tool, close, NULL, state);
    rule(c, true, "closes");
}

/* --- sinks --- */

static const char RUN[] = "00000000-0000-4000-8000-000000000000";

static struct vmtp_event event_of(uint32_t type, uint64_t seq)
{
    return (struct vmtp_event){
        .struct_size = sizeof(struct vmtp_event),
        .type = type,
        .value_size = sizeof(struct vmtp_value),
        .property_size = sizeof(struct vmtp_property),
        .seq = seq,
        .run_id = RUN,
    };
}

/* What a later VMTP sends: structs and entries are longer, and what is behind the end means nothing here. */
struct later_value {
    struct vmtp_value value;
    uint64_t more[2];
};
struct later_property {
    struct vmtp_property property;
    uint64_t more[2];
};

static int later_event(const struct checking *c, struct vmtp_ctx *ctx, void *state, uint32_t type, uint64_t seq)
{
    static const struct later_value values[] = {
        {{"throughput", "bit/s", 1e9}, {~0ull, 1}},
        {{"loss", "ratio", 0}, {~0ull, 2}},
        {{"rtt_avg", "s", 1e-4}, {~0ull, 3}},
    };
    static const struct later_property properties[] = {
        {{"label", "check"}, {~0ull, 1}},
        {{"run_uuid", RUN}, {~0ull, 2}},
        {{"status", "passed"}, {~0ull, 3}},
    };
    struct {
        struct vmtp_load load;
        uint64_t more[4];
    } load = {{.struct_size = sizeof load, .proto = VMTP_TCP, .message_bytes = 65536, .seconds = 1}, {~0ull}};
    struct {
        struct vmtp_event event;
        uint64_t more[4];
    } later = {event_of(type, seq), {~0ull}};
    bool measured = (type >= VMTP_EV_SAMPLE && type <= VMTP_EV_FAILURE) || type == VMTP_EV_VERDICT ||
                    type == VMTP_EV_NODE;
    later.event.struct_size = sizeof later;
    later.event.value_size = sizeof values[0];
    later.event.property_size = sizeof properties[0];
    later.event.properties = &properties[0].property;
    later.event.n_properties = sizeof properties / sizeof properties[0];
    if (type != VMTP_EV_RUN_BEGIN && type != VMTP_EV_RUN_END) {
        later.event.flow_id = "check";
        later.event.topology = "check";
    }
    if (measured) {
        later.event.tool = "check";
        later.event.load = &load.load;
    }
    if (measured && type != VMTP_EV_FAILURE) {
        later.event.values = &values[0].value;
        later.event.n_values = sizeof values / sizeof values[0];
    }
    if (type == VMTP_EV_FAILURE) {
        later.event.status = VMTP_EREMOTE;
        later.event.error = "an error that is none";
    }
    return VMTP_CALL(c->loaded, sink, event, ctx, ctx, state, &later.event);
}

static int later_run(const struct checking *c, struct vmtp_ctx *ctx, void *state)
{
    static const uint32_t order[] = {VMTP_EV_RUN_BEGIN, VMTP_EV_FLOW_BEGIN, VMTP_EV_SAMPLE,  VMTP_EV_TRIAL,
                                     VMTP_EV_NODE,      VMTP_EV_RESULT,     VMTP_EV_FAILURE, VMTP_EV_VERDICT,
                                     VMTP_EV_FLOW_END,  VMTP_EV_RUN_END};
    int rc = VMTP_OK;
    uint64_t seq = 1;
    for (size_t i = 0; i < sizeof order / sizeof order[0] && rc == VMTP_OK; i++)
        rc = later_event(c, ctx, state, order[i], ++seq);
    return rc;
}

static void check_sink(const struct checking *c, struct vmtp_ctx *ctx)
{
    const struct vmtp_sink_ops *ops = &c->loaded->sink;
    void *state = NULL;
    bool pair = rule(c, !ops->open == !ops->close, "has open and close as a pair");
    if (ops->caps & VMTP_SINK_REMOTE)
        return; /* a server may be there, and what it holds is no place for a check's events */
    if (ops->open && !rule_ok(c, ctx, VMTP_CALL(c->loaded, sink, open, NULL, ctx, c->opts, &state), "opens"))
        return;
    struct vmtp_event unknown = event_of(4711, 1);
    rule_ok(c, ctx, VMTP_CALL(c->loaded, sink, event, ctx, ctx, state, &unknown),
            "ignores an event type that it does not know");
    rule_ok(c, ctx, later_run(c, ctx, state), "takes a run whose events are longer than those that it knows");
    if (ops->flush)
        rule_ok(c, ctx, VMTP_CALL(c->loaded, sink, flush, ctx, ctx, state), "flushes");
    if (!pair || !ops->close)
        return;
    VMTP_CALL(c->loaded, sink, close, NULL, state);
    rule(c, true, "closes");
}

/* --- topologies --- */

static void check_topology(const struct checking *c, struct vmtp_ctx *ctx)
{
    const struct vmtp_topology_ops *ops = &c->loaded->topology;
    bool creates = ops->caps & VMTP_TOPO_CREATES;
    void *state = NULL;
    rule(c, ops->caps & (VMTP_TOPO_IPV4 | VMTP_TOPO_IPV6), "says which addresses it has");
    rule(c, !creates || ops->release, "can release what it creates");
    rule(c, !creates || ops->remove, "can remove in a fresh process what it creates");
    bool pair = rule(c, !ops->open == !ops->close, "has open and close as a pair");
    if (ops->open && !rule_ok(c, ctx, VMTP_CALL(c->loaded, topology, open, NULL, ctx, c->opts, &state), "opens"))
        return;
    if (ops->release) {
        rule_ok(c, ctx, VMTP_CALL(c->loaded, topology, release, ctx, ctx, state, NULL, 0),
                "finds nothing to release when nothing was acquired");
        rule_ok(c, ctx, VMTP_CALL(c->loaded, topology, release, ctx, ctx, state, NULL, 0), "releases twice");
    }
    if (!pair || !ops->close)
        return;
    VMTP_CALL(c->loaded, topology, close, NULL, state);
    rule(c, true, "closes");
}

/* --- all of them --- */

static void check_calls(struct checking *c, struct vmtp_ctx *ctx, const char *scratch)
{
    const struct vmtp_plugin *plugin = &c->loaded->plugin;
    VMTP_CLEAN(node) struct vmtp_node *map = required_options(plugin, scratch);
    const struct vmtp_node *maps[] = {map};
    VMTP_CLEAN(mem) void *opts = NULL;
    int rc = map ? vmtp_options_fill(ctx, plugin, maps, 1, &opts) : VMTP_ENOMEM;
    if (!rule_ok(c, ctx, rc, "accepts its own defaults"))
        return;
    c->opts = opts;
    if (plugin->tool)
        check_tool(c, ctx);
    else if (plugin->sink)
        check_sink(c, ctx);
    else
        check_topology(c, ctx);
}

void vmtp_plugin_check(const struct vmtp_candidate *candidate, const char *scratch, vmtp_rule tell, void *arg)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_loaded *loaded = NULL;
    struct checking c = {.tell = tell, .arg = arg};
    int rc = vmtp_registry_load(&ctx, candidate->kind, candidate->name, candidate->path, &loaded);
    if (!rule_ok(&c, &ctx, rc, "loads, and its description is complete"))
        return;
    c.loaded = loaded;
    check_calls(&c, &ctx, scratch);
    vmtp_loaded_free(loaded);
}

/* --- the directory --- */

char *vmtp_scratch_make(void)
{
    const char *parent = getenv("TMPDIR");
    VMTP_CLEAN(mem) char *name = vmtp_format("%s/vmtp-check.XXXXXX", parent && *parent ? parent : "/tmp");
    return name && mkdtemp(name) ? VMTP_TAKE(name) : NULL;
}

void vmtp_scratch_remove(const char *directory)
{
    DIR *dir = opendir(directory);
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    (void)rmdir(directory);
}
