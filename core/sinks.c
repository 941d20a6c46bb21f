/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sinks.h"

#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/cli.h"
#include "core/ctx.h"
#include "core/log.h"
#include "core/options.h"
#include "core/quote.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

static const double SINK_SECONDS = 30; /* for one call of a sink */
enum { AGAIN_MAX = 8192 };

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

/* Keys that had their names before there were plugins, as options of the sinks that they belong to. */
static const struct {
    const char *sink, *option, *key;
} old_keys[] = {
    {"mongo", "port", "vmtp_mongod_port"},
    {"mongo", "db", "vmtp_db"},
    {"mongo", "collection", "vmtp_collection"},
    {"fluentd", "server", "fluentd.ip"},
    {"fluentd", "port", "fluentd.port"},
};

/* Those that the user has set; the defaults are the plugin's own. */
static int sink_keys(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct vmtp_sink_instance *sink)
{
    const char *name = sink->loaded->plugin.name;
    for (size_t i = 0; i < sizeof old_keys / sizeof old_keys[0]; i++) {
        const struct vmtp_node *node = vmtp_node_get(settings->tree, old_keys[i].key);
        if (strcmp(old_keys[i].sink, name) != 0 || !node || node->kind != VMTP_NODE_SCALAR ||
            vmtp_settings_is_default(node))
            continue;
        if (!sink->keys)
            sink->keys = vmtp_node_new(VMTP_NODE_MAP, node->source);
        if (!sink->keys ||
            vmtp_node_set(sink->keys, old_keys[i].option, vmtp_node_scalar(node->source, node->text)) < 0)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    return VMTP_OK;
}

static int sink_fill(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct vmtp_sink_instance *sink)
{
    const struct vmtp_plugin *plugin = &sink->loaded->plugin;
    int rc = sink_keys(ctx, settings, sink);
    const struct vmtp_node *maps[] = {sink->keys, vmtp_node_get(settings->sinks, plugin->name), sink->options};
    return rc < 0 ? rc : vmtp_options_fill(ctx, plugin, maps, 3, &sink->opts);
}

/* "--sink mongo:uri=mongodb://u:<MASKED>@h" as one would type it. */
static char *words_again(const char *option, const char *value, bool specification)
{
    size_t from, to;
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(AGAIN_MAX);
    VMTP_CLEAN(mem) char *masked =
        vmtp_cli_find_secret(value, specification, &from, &to)
            ? vmtp_format("%.*s" VMTP_CLI_MASK "%s", (int)from, value, value + to) : strdup(value);
    if (!masked || vmtp_buf_printf(&words, "%s ", option) < 0 || vmtp_quote_word(&words, masked) < 0)
        return NULL;
    return vmtp_buf_take(&words);
}

static int add_by_spec(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct vmtp_sinks *sinks, const char *spec)
{
    VMTP_CLEAN(mem) char *name = NULL;
    struct vmtp_sink_instance *sink = NULL;
    int rc = vmtp_spec_name(ctx, spec, "--sink", &name);
    if (rc == VMTP_OK)
        rc = sinks_load(ctx, sinks, name, &sink);
    if (rc < 0)
        return rc;
    sink->again = words_again("--sink", spec, true);
    rc = vmtp_spec_options(ctx, spec, "--sink", &sink->loaded->plugin, &sink->options);
    return rc < 0 ? rc : sink_fill(ctx, settings, sink);
}

/* --json FILE is --sink json:file=FILE, whatever characters the file name has. */
static const struct short_form {
    const char *key, *cli, *sink, *option;
} short_forms[] = {
    {"json", "--json", "json", "file"},
    {"mongod_server", "--mongod-server", "mongo", "server"},
    {"fluentd.logging_tag", "fluentd.logging_tag", "fluentd", "tag"},
};
enum { SHORT_FORMS = sizeof short_forms / sizeof short_forms[0] };

/* What the user gave for it; NULL: nothing. */
static const char *short_value(const struct vmtp_settings *settings, const struct short_form *form)
{
    const struct vmtp_node *node = vmtp_node_get(settings->tree, form->key);
    return node && node->kind == VMTP_NODE_SCALAR && node->text[0] ? node->text : NULL;
}

static int add_short_form(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct vmtp_sinks *sinks,
                          const struct short_form *form, const char *value)
{
    struct vmtp_sink_instance *sink = NULL;
    int rc = sinks_load(ctx, sinks, form->sink, &sink);
    if (rc < 0)
        return rc;
    bool is_option = form->cli[0] == '-';
    sink->again = is_option ? words_again(form->cli, value, false) : words_again("--sink", form->sink, true);
    sink->options = vmtp_node_new(VMTP_NODE_MAP, form->cli);
    if (!sink->options || vmtp_node_set(sink->options, form->option, vmtp_node_scalar(form->cli, value)) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return sink_fill(ctx, settings, sink);
}

bool vmtp_sinks_named(const struct vmtp_settings *settings)
{
    bool named = settings->sink.n > 0;
    for (size_t i = 0; i < SHORT_FORMS; i++)
        named = named || short_value(settings, &short_forms[i]);
    return named;
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
    for (size_t i = 0; i < SHORT_FORMS && rc == VMTP_OK; i++) {
        const char *value = short_value(settings, &short_forms[i]);
        if (value)
            rc = add_short_form(ctx, settings, sinks, &short_forms[i], value);
    }
    if (rc == VMTP_OK && with_table && !has_sink(sinks, "table")) {
        struct vmtp_sink_instance *sink = NULL;
        rc = sinks_load(ctx, sinks, "table", &sink);
        if (rc == VMTP_OK)
            rc = sink_fill(ctx, settings, sink);
    }
    return rc < 0 ? rc : vmtp_sinks_apart(ctx, settings, sinks);
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

/* A sink that prints has no limit: the terminal may be stopped, by Ctrl-S or in a pager, and waits for a person. */
static bool prints(const struct vmtp_sink_instance *sink)
{
    return sink->loaded->sink.caps & VMTP_SINK_TERMINAL;
}

static void call_one(vmtp_ctx *parent, struct vmtp_sink_instance *sink, sink_call call, const struct vmtp_event *ev)
{
    if (!sink->open || sink->failed)
        return;
    if (ev && ev->type == VMTP_EV_SAMPLE && !(sink->loaded->sink.caps & VMTP_SINK_SAMPLES))
        return;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, prints(sink) ? 0 : SINK_SECONDS);
    ctx.cancel = NULL;
    vmtp_ctx_where(&ctx, "sink %s: ", sink->loaded->plugin.name);
    int rc = call(&ctx, sink, ev);
    if (rc < 0)
        sink_failed(sink, &ctx, rc);
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

void vmtp_sinks_event(vmtp_ctx *ctx, struct vmtp_sinks *sinks, const struct vmtp_event *ev, bool flush)
{
    for (int printing = 0; printing < 2; printing++)
        for (size_t i = 0; i < sinks->n; i++) {
            if (prints(&sinks->items[i]) != printing)
                continue;
            call_one(ctx, &sinks->items[i], call_event, ev);
            if (flush)
                call_one(ctx, &sinks->items[i], call_flush, NULL);
        }
}

void vmtp_sinks_tell_replay(const struct vmtp_sinks *sinks, const char *run_uuid)
{
    for (size_t i = 0; i < sinks->n; i++) {
        const struct vmtp_sink_instance *sink = &sinks->items[i];
        if (sink->failed && sink->again)
            vmtp_log(VMTP_LOG_ERROR, "the results are kept: 'vmtp replay %s %s' hands them to sink %s later", run_uuid,
                     sink->again, sink->loaded->plugin.name);
    }
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
        vmtp_node_free(sink->keys);
        free(sink->again);
    }
    free(sinks->items);
    *sinks = (struct vmtp_sinks){0};
    return failed;
}
