/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tools.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bundle.h"
#include "core/call.h"
#include "core/ctx.h"
#include "core/listener.h"
#include "core/options.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"
#include "core/watch.h"

enum { PORTS_TRIED = 50, PORTS_STEP = 10, SERVE_AGAIN = 4 };
static const double PREPARE_SECONDS = 30;
static const double SERVE_SECONDS = 10;
static const double MEASURE_GRACE = 20; /* beyond the time that data is sent, as in the old program */
static const double UNSERVE_SECONDS = 30;

int vmtp_tool_open(vmtp_ctx *ctx, const struct vmtp_settings *settings, const char *spec, const char *source,
                   struct vmtp_tool_instance *tool)
{
    VMTP_CLEAN(mem) char *name = NULL;
    int rc = vmtp_spec_name(ctx, spec, source, &name);
    if (rc == VMTP_OK)
        rc = vmtp_registry_get(ctx, VMTP_KIND_TOOL, name, &tool->loaded);
    if (rc == VMTP_OK)
        rc = vmtp_spec_options(ctx, spec, source, &tool->loaded->plugin, &tool->options);
    if (rc < 0)
        return rc;
    const struct vmtp_plugin *plugin = &tool->loaded->plugin;
    const struct vmtp_node *maps[] = {vmtp_node_get(settings->tools, plugin->name), tool->options};
    rc = vmtp_options_fill(ctx, plugin, maps, 2, &tool->opts);
    if (rc == VMTP_OK && tool->loaded->tool.open)
        rc = VMTP_CALL(tool->loaded, tool, open, NULL, ctx, tool->opts, &tool->state);
    tool->open = rc == VMTP_OK;
    if (tool->open)
        pthread_mutex_init(&tool->preparing, NULL);
    if (rc == VMTP_OK && settings->bring_tools && tool->loaded->tool.caps & VMTP_TOOL_BRING) {
        tool->bundles = vmtp_bundles_new();
        rc = tool->bundles ? VMTP_OK : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    vmtp_ctx_frame(ctx, "tool %s", plugin->name);
    return rc;
}

void vmtp_tool_close(struct vmtp_tool_instance *tool)
{
    if (tool->open && tool->loaded->tool.close)
        VMTP_CALL(tool->loaded, tool, close, NULL, tool->state);
    if (tool->open)
        pthread_mutex_destroy(&tool->preparing);
    while (tool->at) {
        struct vmtp_tool_at *at = tool->at;
        tool->at = at->next;
        free(at->version);
        free(at->remedy);
        free(at);
    }
    vmtp_bundles_free(tool->bundles);
    free(tool->opts);
    vmtp_node_free(tool->options);
    *tool = (struct vmtp_tool_instance){0};
}

static struct vmtp_tool_at *find_at(const struct vmtp_tool_instance *tool, const struct vmtp_endpoint *ep)
{
    for (struct vmtp_tool_at *at = tool->at; at; at = at->next)
        if (at->ep == ep)
            return at;
    return NULL;
}

static const char *recorded_text(const struct vmtp_recorder *recorder, const char *name)
{
    for (size_t i = 0; i < recorder->n_properties; i++)
        if (strcmp(recorder->properties[i].name, name) == 0)
            return recorder->properties[i].text;
    return "";
}

static int prepare_at(vmtp_ctx *parent, struct vmtp_tool_instance *tool, struct vmtp_endpoint *ep)
{
    if (find_at(tool, ep))
        return VMTP_OK;
    struct vmtp_recorder recorder = {0};
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, PREPARE_SECONDS);
    ctx.recorder = &recorder;
    ctx.bundles = tool->bundles;

    const struct vmtp_tool_ops *ops = &tool->loaded->tool;
    uint32_t caps = ops->caps;
    int rc = VMTP_OK;
    if (ops->prepare)
        rc = VMTP_CALL(tool->loaded, tool, prepare, &ctx, &ctx, tool->state, ep, &caps);
    struct vmtp_tool_at *at = rc < 0 ? NULL : calloc(1, sizeof *at);
    if (at) {
        *at = (struct vmtp_tool_at){.ep = ep, .caps = caps & ops->caps, .next = tool->at};
        tool->at = at;
        rc = vmtp_set_text(&at->version, recorded_text(&recorder, "tool_version"));
        if (rc == VMTP_OK)
            rc = vmtp_set_text(&at->remedy, recorded_text(&recorder, "remedy"));
    } else if (rc == VMTP_OK) {
        rc = VMTP_ENOMEM;
    }
    vmtp_recorder_clear(&recorder);
    return rc < 0 ? vmtp_fail(parent, rc, "tool %s: %s", tool->loaded->plugin.name, vmtp_ctx_error(&ctx, rc)) : VMTP_OK;
}

int vmtp_tool_prepare(vmtp_ctx *ctx, struct vmtp_tool_instance *tool, struct vmtp_endpoint *client,
                      struct vmtp_endpoint *server, uint32_t *caps)
{
    int rc = prepare_at(ctx, tool, server);
    if (rc == VMTP_OK)
        rc = prepare_at(ctx, tool, client);
    if (rc == VMTP_OK)
        *caps = vmtp_tool_caps(tool, client, server);
    return rc;
}

/* The member of an option of that name and type; NULL: there is none. */
static const void *option_member(const struct vmtp_plugin *plugin, const void *opts, const char *name, int type)
{
    const struct vmtp_option *option;
    for (size_t i = 0; opts && (option = vmtp_option_at(plugin, i)); i++)
        if ((int)option->type == type && strcmp(option->name, name) == 0)
            return (const char *)opts + option->offset;
    return NULL;
}

/* What takes long of a prepare(): copying. An instance is called from one thread at a time, this runs in many. */
static int bring_ahead(vmtp_ctx *parent, struct vmtp_tool_instance *tool, struct vmtp_endpoint *ep)
{
    if (!tool->bundles)
        return VMTP_OK;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, PREPARE_SECONDS);
    ctx.bundles = tool->bundles;
    const struct vmtp_plugin *plugin = &tool->loaded->plugin;
    const char *configured = NULL, *path;
    const void *member = option_member(plugin, tool->opts, "path", VMTP_OPT_STRING);
    if (member)
        memcpy(&configured, member, sizeof configured);
    int rc = vmtp_program(&ctx, ep, plugin->name, configured, &path);
    return rc < 0 ? vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc)) : rc;
}

void vmtp_tool_prepare_ahead(vmtp_ctx *parent, struct vmtp_tool_instance *tool, struct vmtp_endpoint *ep)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    ctx.topology = NULL;
    ctx.plan = NULL;
    int rc = bring_ahead(&ctx, tool, ep);
    if (rc == VMTP_OK) {
        pthread_mutex_lock(&tool->preparing);
        rc = prepare_at(&ctx, tool, ep);
        pthread_mutex_unlock(&tool->preparing);
    }
    if (rc < 0)
        vmtp_debug(&ctx, "%s is not ready yet: %s", vmtp_endpoint_id(ep), vmtp_ctx_error(&ctx, rc));
}

uint32_t vmtp_tool_caps(const struct vmtp_tool_instance *tool, const struct vmtp_endpoint *client,
                        const struct vmtp_endpoint *server)
{
    const struct vmtp_tool_at *at_client = find_at(tool, client), *at_server = find_at(tool, server);
    return at_client && at_server ? at_client->caps & at_server->caps : 0;
}

const char *vmtp_tool_version(const struct vmtp_tool_instance *tool, const struct vmtp_endpoint *ep)
{
    const struct vmtp_tool_at *at = find_at(tool, ep);
    return at && at->version ? at->version : "";
}

const char *vmtp_tool_remedy(const struct vmtp_tool_instance *tool, const struct vmtp_endpoint *ep)
{
    const struct vmtp_tool_at *at = find_at(tool, ep);
    return at && at->remedy ? at->remedy : "";
}

/* --- ports --- */

uint16_t vmtp_tool_port(const struct vmtp_plugin *plugin, const void *opts, const char *name, uint16_t fallback)
{
    const void *member = option_member(plugin, opts, name, VMTP_OPT_INT);
    int64_t value = 0;
    if (member)
        memcpy(&value, member, sizeof value);
    return value > 0 && value <= UINT16_MAX ? (uint16_t)value : fallback;
}

static uint16_t wanted_port(const struct vmtp_tool_instance *tool, const char *name, uint16_t fallback)
{
    return vmtp_tool_port(&tool->loaded->plugin, tool->opts, name, fallback);
}

/* Free for both protocols: a data port may be either. */
static int port_holder(vmtp_ctx *ctx, struct vmtp_endpoint *ep, uint16_t port, struct vmtp_listener *holder)
{
    int rc = vmtp_port_listener(ctx, ep, VMTP_TCP, port, holder);
    if (rc == VMTP_OK && !holder->found)
        rc = vmtp_port_listener(ctx, ep, VMTP_UDP, port, holder);
    return rc;
}

/* The first of both ports that somebody holds, in *taken; 0: none. */
static int pair_holder(vmtp_ctx *ctx, const struct vmtp_tool_at *at, uint16_t *taken, struct vmtp_listener *holder)
{
    const uint16_t ports[] = {at->port, at->control_port};
    *taken = 0;
    for (size_t i = 0; i < 2 && !*taken; i++) {
        int rc = ports[i] ? port_holder(ctx, at->ep, ports[i], holder) : VMTP_OK;
        if (rc < 0)
            return rc;
        if (ports[i] && holder->found)
            *taken = ports[i];
    }
    return VMTP_OK;
}

/* The ports of the at->shift-th try; 0 stays 0. False: there is no such port. */
static bool set_ports(const struct vmtp_tool_instance *tool, struct vmtp_tool_at *at)
{
    const struct vmtp_tool_ops *ops = &tool->loaded->tool;
    uint32_t port = wanted_port(tool, "port", ops->port);
    uint32_t control = wanted_port(tool, "control_port", ops->control_port);
    port += port ? at->shift * PORTS_STEP : 0;
    control += control ? at->shift * PORTS_STEP : 0;
    at->port = (uint16_t)port;
    at->control_port = (uint16_t)control;
    return port <= UINT16_MAX && control <= UINT16_MAX;
}

/* The wanted ports, or both of them moved up: a tool may open one of them only while it measures, so one that looks
 * free beside one that is taken may be the same program's. */
static int choose_ports(vmtp_ctx *ctx, const struct vmtp_tool_instance *tool, bool fixed, struct vmtp_tool_at *at)
{
    char holder_text[VMTP_LISTENER_TEXT] = "another run";
    uint16_t first = 0, taken = 0;
    for (; at->shift < (fixed ? 1 : PORTS_TRIED) && set_ports(tool, at); at->shift++) {
        struct vmtp_listener holder = {0};
        int rc = pair_holder(ctx, at, &taken, &holder);
        if (rc < 0)
            return rc;
        if (taken && !first) {
            first = taken;
            vmtp_listener_text(&holder, holder_text);
        }
        if (taken)
            continue;
        at->chosen = true;
        if (at->shift) /* without a first one: the one that was in our way has it no more */
            vmtp_warn(ctx, "port %u on %s is taken by %s: using ports from %u on instead",
                      first ? first : wanted_port(tool, "port", tool->loaded->tool.port), at->ep->id, holder_text,
                      at->port ? at->port : at->control_port);
        return VMTP_OK;
    }
    return vmtp_fail(ctx, VMTP_EREMOTE, "port %u on %s is taken by %s%s", first, at->ep->id, holder_text,
                     fixed ? " and the configuration says 'ports: fixed'" : ", and so are those above it");
}

/* On a machine that this run has made nobody else is: its ports are looked at when the server does not come up. */
static int find_ports(vmtp_ctx *ctx, const struct vmtp_tool_instance *tool, bool fixed, struct vmtp_tool_at *at)
{
    if (!at->chosen && at->ep->login.fresh && !at->assumed)
        at->assumed = at->chosen = set_ports(tool, at);
    return at->chosen ? VMTP_OK : choose_ports(ctx, tool, fixed, at);
}

/* --- measuring --- */

static int serve_once(vmtp_ctx *ctx, struct vmtp_tool_instance *tool, bool ports_fixed, struct vmtp_job *job,
                      struct vmtp_tool_at *at)
{
    int rc = find_ports(ctx, tool, ports_fixed, at);
    if (rc < 0)
        return rc;
    job->port = at->port;
    job->control_port = at->control_port;
    at->serving = true; /* also when it fails half-way: unserve() cleans up */
    return VMTP_CALL(tool->loaded, tool, serve, ctx, ctx, tool->state, job);
}

static int serve(vmtp_ctx *parent, struct vmtp_tool_instance *tool, bool ports_fixed, struct vmtp_job *job)
{
    struct vmtp_tool_at *at = find_at(tool, job->server);
    if (!tool->loaded->tool.serve)
        return VMTP_OK;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, SERVE_SECONDS);
    int rc = serve_once(&ctx, tool, ports_fixed, job, at);
    for (unsigned i = 0; i < SERVE_AGAIN && rc == VMTP_EREMOTE && (i == 0 || !ports_fixed); i++) {
        vmtp_debug(&ctx, "%s; starting it again", vmtp_ctx_error(&ctx, rc));
        vmtp_ctx_forget(&ctx);
        at->chosen = false;
        if (i > 0) /* another run is after the same ports: not in step with it */
            at->shift += 1 + (unsigned)getpid() % 3;
        rc = serve_once(&ctx, tool, ports_fixed, job, at);
    }
    if (rc < 0)
        return vmtp_fail(parent, rc, "server on %s: %s", vmtp_endpoint_id(job->server), vmtp_ctx_error(&ctx, rc));
    return VMTP_OK;
}

static void unserve(const vmtp_ctx *parent, struct vmtp_tool_instance *tool, struct vmtp_tool_at *at)
{
    if (!at->serving || !tool->loaded->tool.unserve)
        return;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, UNSERVE_SECONDS);
    struct vmtp_load load = {.struct_size = sizeof load};
    struct vmtp_endpoint *server = at->ep;
    struct vmtp_job job = {
        .struct_size = sizeof job,
        .port = at->port,
        .control_port = at->control_port,
        .load = &load,
        .client = server,
        .server = server,
        .target = "",
    };
    VMTP_CALL(tool->loaded, tool, unserve, &ctx, &ctx, tool->state, &job);
    at->serving = false;
}

/* A tool with a control port opens the other one only while it measures, and nuttcp the control port only while it does
 * not: meanwhile somebody may have taken it. What still holds one of them when our server is stopped is not ours, and
 * the tool gets other ports. */
static bool lost_port(const vmtp_ctx *parent, struct vmtp_tool_instance *tool, const struct vmtp_job *job)
{
    struct vmtp_tool_at *at = find_at(tool, job->server);
    if (!at || !at->chosen || !job->port || !job->control_port)
        return false;
    unserve(parent, tool, at);
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, UNSERVE_SECONDS);
    struct vmtp_listener holder = {0};
    uint16_t taken = 0;
    at->chosen = pair_holder(&ctx, at, &taken, &holder) < 0 || !taken;
    return !at->chosen;
}

static void watch_begin(const struct vmtp_ctx *ctx, const struct vmtp_job *job, double seconds)
{
    if (!ctx->watch)
        return;
    ctx->watch->port = job->port;
    ctx->watch->control_port = job->control_port;
    vmtp_watch_begin(ctx->watch, seconds);
}

static int measure_once(vmtp_ctx *parent, struct vmtp_tool_instance *tool, bool ports_fixed, struct vmtp_job *job,
                        struct vmtp_recorder *recorder)
{
    int rc = serve(parent, tool, ports_fixed, job);
    if (rc == VMTP_OK) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        double pings = (double)job->load->count * (job->load->interval_s > 0 ? job->load->interval_s : 1);
        vmtp_ctx_child(&ctx, parent, job->load->seconds + pings + MEASURE_GRACE);
        ctx.recorder = recorder;
        watch_begin(&ctx, job, job->load->seconds + pings);
        rc = VMTP_CALL(tool->loaded, tool, measure, &ctx, &ctx, tool->state, job);
        if (ctx.watch)
            rc = vmtp_watch_end(&ctx, ctx.watch, rc);
        if (rc < 0)
            (void)vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc));
    }
    return rc;
}

int vmtp_tool_measure(vmtp_ctx *parent, struct vmtp_tool_instance *tool, bool ports_fixed, struct vmtp_job *job,
                      struct vmtp_recorder *recorder)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    int rc = measure_once(&ctx, tool, ports_fixed, job, recorder);
    if (rc == VMTP_EREMOTE && !ports_fixed && lost_port(&ctx, tool, job)) {
        vmtp_debug(&ctx, "%s; measuring again with other ports", vmtp_ctx_error(&ctx, rc));
        vmtp_ctx_forget(&ctx);
        rc = measure_once(&ctx, tool, ports_fixed, job, recorder);
    }
    if (rc < 0)
        (void)vmtp_fail(parent, rc, "tool %s: %s", tool->loaded->plugin.name, vmtp_ctx_error(&ctx, rc));
    return rc;
}

void vmtp_tool_unserve(vmtp_ctx *parent, struct vmtp_tool_instance *tool)
{
    for (struct vmtp_tool_at *at = tool->at; at; at = at->next)
        unserve(parent, tool, at);
}
