/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sinks.h"

#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/ctx.h"
#include "core/log.h"
#include "core/options.h"
#include "core/util/cleanup.h"

static const double SINK_SECONDS = 30; /* for one call of a sink */

/* --- choosing --- */

static int sinks_load(vmtp_ctx *ctx, struct vmtp_sinks *sinks, const char *name, struct vmtp_sink_instance **sink)
{
    const struct vmtp_loaded *loaded;
    int rc = vmtp_registry_get(ctx, VMTP_KIND_SINK, name, &loaded);
    if (rc < 0)
        return rc;
    struct vmtp_sink_instance *grown = realloc(sinks->items, (sinks->n + 1) * sizeof *grown);
    if (!grown)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    sinks->items = grown;
    *sink = &sinks->items[sinks->n++];
    **sink = (struct vmtp_sink_instance){.loaded = loaded};
    return VMTP_OK;
}

static int sink_fill(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct vmtp_sink_instance *sink)
{
    const struct vmtp_plugin *plugin = &sink->loaded->plugin;
    const struct vmtp_node *maps[] = {vmtp_node_get(settings->sinks, plugin->name), sink->options};
    return vmtp_options_fill(ctx, plugin, maps, 2, &sink->opts);
}

static int add_by_spec(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct vmtp_sinks *sinks, const char *spec)
{
    VMTP_CLEAN(mem) char *name = NULL;
    struct vmtp_sink_instance *sink = NULL;
    int rc = vmtp_spec_name(ctx, spec, "--sink", &name);
    if (rc == VMTP_OK)
        rc = sinks_load(ctx, sinks, name, &sink);
    if (rc == VMTP_OK)
        rc = vmtp_spec_options(ctx, spec, "--sink", &sink->loaded->plugin, &sink->options);
    return rc < 0 ? rc : sink_fill(ctx, settings, sink);
}

/* --json FILE is --sink json:file=FILE, whatever characters the file name has. */
static int add_short_form(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct vmtp_sinks *sinks,
                          const char *name, const char *option, const char *value)
{
    struct vmtp_sink_instance *sink = NULL;
    int rc = sinks_load(ctx, sinks, name, &sink);
    if (rc < 0)
        return rc;
    sink->options = vmtp_node_new(VMTP_NODE_MAP, name);
    if (!sink->options || vmtp_node_set(sink->options, option, vmtp_node_scalar(name, value)) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return sink_fill(ctx, settings, sink);
}

static bool has_sink(const struct vmtp_sinks *sinks, const char *name)
{
    for (size_t i = 0; i < sinks->n; i++)
        if (strcmp(sinks->items[i].loaded->plugin.name, name) == 0)
            return true;
    return false;
}

int vmtp_sinks_choose(vmtp_ctx *ctx, const struct vmtp_settings *settings, bool with_table, struct vmtp_sinks *sinks)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < settings->sink.n && rc == VMTP_OK; i++)
        rc = add_by_spec(ctx, settings, sinks, settings->sink.items[i]);
    if (rc == VMTP_OK && settings->json && settings->json[0])
        rc = add_short_form(ctx, settings, sinks, "json", "file", settings->json);
    if (rc == VMTP_OK && with_table && !has_sink(sinks, "table")) {
        struct vmtp_sink_instance *sink = NULL;
        rc = sinks_load(ctx, sinks, "table", &sink);
        if (rc == VMTP_OK)
            rc = sink_fill(ctx, settings, sink);
    }
    return rc;
}

/* --- running --- */

int vmtp_sinks_open(vmtp_ctx *ctx, struct vmtp_sinks *sinks)
{
    for (size_t i = 0; i < sinks->n; i++) {
        struct vmtp_sink_instance *sink = &sinks->items[i];
        int rc = VMTP_OK;
        if (sink->loaded->sink.open)
            rc = VMTP_CALL(sink->loaded, sink, open, NULL, ctx, sink->opts, &sink->state);
        if (rc < 0) {
            (void)vmtp_fail(ctx, rc, "sink %s", sink->loaded->plugin.name);
            return rc;
        }
        sink->open = true;
    }
    return VMTP_OK;
}

static void sink_failed(struct vmtp_sink_instance *sink, struct vmtp_ctx *ctx, int status)
{
    sink->failed = true;
    vmtp_log(VMTP_LOG_ERROR, "sink %s is switched off: %s", sink->loaded->plugin.name, vmtp_ctx_error(ctx, status));
}

/* One call of a sink in a ctx of its own: not interrupted by Ctrl-C, because results are kept. */
typedef int (*sink_call)(vmtp_ctx *ctx, const struct vmtp_sink_instance *sink, const struct vmtp_event *ev);

static void call_each(vmtp_ctx *parent, struct vmtp_sinks *sinks, sink_call call, const struct vmtp_event *ev)
{
    for (size_t i = 0; i < sinks->n; i++) {
        struct vmtp_sink_instance *sink = &sinks->items[i];
        if (!sink->open || sink->failed)
            continue;
        if (ev && ev->type == VMTP_EV_SAMPLE && !(sink->loaded->sink.caps & VMTP_SINK_SAMPLES))
            continue;
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_child(&ctx, parent, SINK_SECONDS);
        ctx.cancel = NULL;
        vmtp_ctx_where(&ctx, "sink %s: ", sink->loaded->plugin.name);
        int rc = call(&ctx, sink, ev);
        if (rc < 0)
            sink_failed(sink, &ctx, rc);
    }
}

static int call_event(vmtp_ctx *ctx, const struct vmtp_sink_instance *sink, const struct vmtp_event *ev)
{
    return VMTP_CALL(sink->loaded, sink, event, ctx, ctx, sink->state, ev);
}

static int call_flush(vmtp_ctx *ctx, const struct vmtp_sink_instance *sink, const struct vmtp_event *ev)
{
    (void)ev;
    return sink->loaded->sink.flush ? VMTP_CALL(sink->loaded, sink, flush, ctx, ctx, sink->state) : VMTP_OK;
}

void vmtp_sinks_event(vmtp_ctx *ctx, struct vmtp_sinks *sinks, const struct vmtp_event *ev)
{
    call_each(ctx, sinks, call_event, ev);
}

void vmtp_sinks_flush(vmtp_ctx *ctx, struct vmtp_sinks *sinks)
{
    call_each(ctx, sinks, call_flush, NULL);
}

size_t vmtp_sinks_close(struct vmtp_sinks *sinks)
{
    size_t failed = 0;
    for (size_t i = 0; i < sinks->n; i++) {
        struct vmtp_sink_instance *sink = &sinks->items[i];
        if (sink->open && sink->loaded->sink.close)
            VMTP_CALL(sink->loaded, sink, close, NULL, sink->state);
        failed += sink->failed;
        free(sink->opts);
        vmtp_node_free(sink->options);
    }
    free(sinks->items);
    *sinks = (struct vmtp_sinks){0};
    return failed;
}
