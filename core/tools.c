/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bundle.h"
#include "core/call.h"
#include "core/ctx.h"
#include "core/listener.h"
#include "core/options.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"
#include "core/watch.h"

enum { PORTS_TRIED = 50, PORTS_STEP = 10 };
static const double PREPARE_SECONDS = 30;
static const double LOOK_SECONDS = 10;
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

/* How many ports above each of both may be used, too: a tool with a control port has a data port for each stream, the
 * others take all streams at the one where they listen. */
static unsigned more_ports(const struct vmtp_tool_instance *tool, const struct vmtp_load *load)
{
    return tool->loaded->tool.control_port && load->streams > 1 ? load->streams : 0;
}

/* The ports of the at->shift-th try, clear of those of the one before; 0 stays 0. False: there is no such port. */
static bool set_ports(const struct vmtp_tool_instance *tool, struct vmtp_tool_at *at, unsigned more)
{
    const struct vmtp_tool_ops *ops = &tool->loaded->tool;
    unsigned above = at->shift * (PORTS_STEP + (more + 1) / PORTS_STEP * PORTS_STEP);
    uint32_t port = wanted_port(tool, "port", ops->port);
    uint32_t control = wanted_port(tool, "control_port", ops->control_port);
    port += port ? above : 0;
    control += control ? above : 0;
    at->port = (uint16_t)port;
    at->control_port = (uint16_t)control;
    return port <= UINT16_MAX && control <= UINT16_MAX;
}

/* The i-th of all ports of a server; 0: there is none. */
static uint16_t nth_port(const struct vmtp_tool_at *at, unsigned more, unsigned i)
{
    uint32_t first = i > more ? at->control_port : at->port, port = first + i % (more + 1);
    return first && port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* The lines of /proc/net about sockets with one of the ports that a process has: 01 connected, 07 bound (UDP), 08 left
 * by the other end, 0A listening. All with one command, and not the listening ones alone: while nuttcp measures, its
 * server listens nowhere. */
static int list_sockets(vmtp_ctx *ctx, const struct vmtp_tool_at *at, unsigned more, struct vmtp_output *out)
{
    VMTP_CLEAN(buf) struct vmtp_buf pattern = VMTP_BUF(4000);
    int rc = vmtp_buf_text_add(&pattern, "^ *[0-9]+: [0-9A-F]+:(none");
    for (unsigned i = 0; rc == VMTP_OK && i < 2 * (more + 1); i++)
        rc = nth_port(at, more, i) ? vmtp_buf_printf(&pattern, "|%04X", nth_port(at, more, i)) : VMTP_OK;
    if (rc == VMTP_OK)
        rc = vmtp_buf_text_add(&pattern, ") [0-9A-F:]+ (01|07|08|0A) ");
    if (rc < 0)
        return vmtp_fail(ctx, rc, "out of memory");
    const char *const argv[] = {"grep", "-hsE", vmtp_buf_text(&pattern), "/proc/net/tcp", "/proc/net/tcp6",
                                "/proc/net/udp", "/proc/net/udp6", NULL};
    rc = vmtp_exec(ctx, at->ep, argv, out);
    if (rc == VMTP_OK && out->exit_status > 2) /* 1: no line; 2: a file is missing, as without IPv6 */
        rc = vmtp_fail(ctx, VMTP_EREMOTE, "cannot read /proc/net on %s: exit %d: %s", at->ep->id, out->exit_status,
                       out->err);
    return rc;
}

/* A port that somebody holds, for either protocol, and by whom; 0: none. */
static int find_taken(vmtp_ctx *parent, const struct vmtp_tool_at *at, unsigned more, uint16_t *taken,
                      char holder[VMTP_LISTENER_TEXT])
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    vmtp_ctx_child(&ctx, parent, LOOK_SECONDS);
    *taken = 0;
    int rc = at->port || at->control_port ? list_sockets(&ctx, at, more, &out) : VMTP_OK;
    if (rc < 0)
        return vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc));
    unsigned port;
    struct vmtp_listener found = {0}, named = {0};
    if (!out.out || sscanf(out.out, " %*u: %*32[0-9A-F]:%4x %*s %*s %*s %*s %*s %9lu", &port, &found.uid) != 2)
        return VMTP_OK;
    *taken = (uint16_t)port;
    rc = vmtp_port_listener(&ctx, at->ep, VMTP_TCP, *taken, &named);
    if (rc == VMTP_OK && !named.found)
        rc = vmtp_port_listener(&ctx, at->ep, VMTP_UDP, *taken, &named);
    vmtp_listener_text(rc == VMTP_OK && named.found ? &named : &found, holder);
    return VMTP_OK;
}

/* Moves the ports up until nobody holds one of them, all together: one that looks free beside one that is taken may be
 * the same program's. *moved: they were. */
static int free_ports(vmtp_ctx *ctx, const struct vmtp_tool_instance *tool, bool fixed, const struct vmtp_load *load,
                      struct vmtp_tool_at *at, bool *moved)
{
    char first_holder[VMTP_LISTENER_TEXT] = "", holder[VMTP_LISTENER_TEXT];
    unsigned more = more_ports(tool, load), before = at->shift;
    uint16_t first = 0, taken = 0;
    at->chosen = *moved = false;
    for (; at->shift < PORTS_TRIED && set_ports(tool, at, more); at->shift++) {
        int rc = find_taken(ctx, at, more, &taken, first ? holder : first_holder);
        if (rc < 0)
            return rc;
        if (!first)
            first = taken;
        if (taken && fixed)
            break;
        if (taken)
            continue;
        at->chosen = true;
        *moved = first != 0;
        if (*moved)
            vmtp_warn(ctx, "port %u on %s is taken by %s: using ports from %u on instead", first, at->ep->id,
                      first_holder, at->port ? at->port : at->control_port);
        return VMTP_OK;
    }
    at->shift = before;
    (void)set_ports(tool, at, more);
    return vmtp_fail(ctx, VMTP_EREMOTE, "port %u on %s is taken by %s%s", first, at->ep->id, first_holder,
                     fixed ? " and the configuration says 'ports: fixed'" : ", and none above it is free");
}

/* --- measuring --- */

static int serve(vmtp_ctx *parent, struct vmtp_tool_instance *tool, struct vmtp_job *job, struct vmtp_tool_at *at)
{
    if (!tool->loaded->tool.serve)
        return VMTP_OK;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, SERVE_SECONDS);
    at->serving = true; /* also when it fails half-way: unserve() cleans up */
    int rc = VMTP_CALL(tool->loaded, tool, serve, &ctx, &ctx, tool->state, job);
    return rc < 0 ? vmtp_fail(parent, rc, "server on %s: %s", at->ep->id, vmtp_ctx_error(&ctx, rc)) : VMTP_OK;
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

static void watch_begin(const struct vmtp_ctx *ctx, const struct vmtp_job *job, double seconds)
{
    if (!ctx->watch)
        return;
    ctx->watch->port = job->port;
    ctx->watch->control_port = job->control_port;
    vmtp_watch_begin(ctx->watch, seconds);
}

static int measure(vmtp_ctx *parent, struct vmtp_tool_instance *tool, struct vmtp_job *job,
                   struct vmtp_recorder *recorder)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    double pings = (double)job->load->count * (job->load->interval_s > 0 ? job->load->interval_s : 1);
    vmtp_ctx_child(&ctx, parent, job->load->seconds + pings + MEASURE_GRACE);
    ctx.recorder = recorder;
    watch_begin(&ctx, job, job->load->seconds + pings);
    int rc = VMTP_CALL(tool->loaded, tool, measure, &ctx, &ctx, tool->state, job);
    if (ctx.watch)
        rc = vmtp_watch_end(&ctx, ctx.watch, rc);
    return rc < 0 ? vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc)) : VMTP_OK;
}

/* One try. *served: its server was there. */
static int try_job(vmtp_ctx *ctx, struct vmtp_tool_instance *tool, struct vmtp_job *job, struct vmtp_tool_at *at,
                   struct vmtp_recorder *recorder, bool *served)
{
    job->port = at->port;
    job->control_port = at->control_port;
    int rc = serve(ctx, tool, job, at);
    *served = rc == VMTP_OK;
    return *served ? measure(ctx, tool, job, recorder) : rc;
}

/* On a machine that this run has made nobody else is: its ports are looked at after a failure only. */
static int first_ports(vmtp_ctx *ctx, const struct vmtp_tool_instance *tool, bool fixed, const struct vmtp_load *load,
                       struct vmtp_tool_at *at)
{
    bool moved;
    if (!tool->loaded->tool.serve)
        return VMTP_OK;
    if (!at->chosen && at->ep->login.fresh)
        at->chosen = set_ports(tool, at, more_ports(tool, load));
    return at->chosen ? VMTP_OK : free_ports(ctx, tool, fixed, load, at, &moved);
}

/* After a failure VMTP_OK when another try may do better. A port may be taken at any time when nothing of ours listens
 * there: with our server stopped it is asked who holds one. A server that did not come up though nobody does is started
 * once more. */
static int next_try(vmtp_ctx *ctx, struct vmtp_tool_instance *tool, bool fixed, const struct vmtp_load *load,
                    struct vmtp_tool_at *at, bool *restart)
{
    bool moved;
    unserve(ctx, tool, at);
    int rc = free_ports(ctx, tool, fixed, load, at, &moved);
    if (rc < 0 || !(moved || *restart))
        return rc < 0 ? rc : VMTP_EREMOTE;
    vmtp_debug(ctx, "%s; trying again", vmtp_ctx_error(ctx, VMTP_EREMOTE));
    if (moved)
        vmtp_ctx_forget(ctx);
    else
        *restart = false;
    return VMTP_OK;
}

int vmtp_tool_measure(vmtp_ctx *parent, struct vmtp_tool_instance *tool, bool ports_fixed, struct vmtp_job *job,
                      struct vmtp_recorder *recorder)
{
    struct vmtp_tool_at *at = find_at(tool, job->server);
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx; /* with the words of the first failure at these ports */
    vmtp_ctx_child(&ctx, parent, 0);
    bool restart = true; /* that is still possible */
    int rc = first_ports(&ctx, tool, ports_fixed, job->load, at);
    while (rc == VMTP_OK) {
        VMTP_CLEAN(ctx) struct vmtp_ctx once;
        vmtp_ctx_child(&once, &ctx, 0);
        bool served = false;
        rc = try_job(&once, tool, job, at, recorder, &served);
        if (rc == VMTP_OK)
            return rc;
        restart &= !served;
        if (ctx.causes.len == 0)
            (void)vmtp_fail(&ctx, rc, "%s", vmtp_ctx_error(&once, rc));
        /* a server that is there has its port; that of a tool with a control port opens others to measure */
        if (rc == VMTP_EREMOTE && at->serving && (!served || at->control_port))
            rc = next_try(&ctx, tool, ports_fixed, job->load, at, &restart);
    }
    return vmtp_fail(parent, rc, "tool %s: %s", tool->loaded->plugin.name, vmtp_ctx_error(&ctx, rc));
}

void vmtp_tool_unserve(vmtp_ctx *parent, struct vmtp_tool_instance *tool)
{
    for (struct vmtp_tool_at *at = tool->at; at; at = at->next)
        unserve(parent, tool, at);
}
