/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tools.h"

#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/ctx.h"
#include "core/options.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { PORTS_TRIED = 50 };
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
    vmtp_ctx_frame(ctx, "tool %s", plugin->name);
    return rc;
}

void vmtp_tool_close(struct vmtp_tool_instance *tool)
{
    if (tool->open && tool->loaded->tool.close)
        VMTP_CALL(tool->loaded, tool, close, NULL, tool->state);
    while (tool->at) {
        struct vmtp_tool_at *at = tool->at;
        tool->at = at->next;
        free(at->version);
        free(at);
    }
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
        *caps = find_at(tool, client)->caps & find_at(tool, server)->caps;
    return rc;
}

const char *vmtp_tool_version(const struct vmtp_tool_instance *tool, const struct vmtp_endpoint *ep)
{
    const struct vmtp_tool_at *at = find_at(tool, ep);
    return at && at->version ? at->version : "";
}

/* --- ports --- */

/* A tool whose options have an INT called "port" or "control_port" is told there; else its default counts. */
static uint16_t wanted_port(const struct vmtp_tool_instance *tool, const char *name, uint16_t fallback)
{
    const struct vmtp_option *option;
    for (size_t i = 0; tool->opts && (option = vmtp_option_at(&tool->loaded->plugin, i)); i++) {
        if (option->type != VMTP_OPT_INT || strcmp(option->name, name) != 0)
            continue;
        int64_t value;
        memcpy(&value, (const char *)tool->opts + option->offset, sizeof value);
        if (value > 0 && value <= UINT16_MAX)
            return (uint16_t)value;
    }
    return fallback;
}

/* Free for both protocols: a data port may be either. */
static int port_holder(vmtp_ctx *ctx, struct vmtp_endpoint *ep, uint16_t port, struct vmtp_listener *holder)
{
    int rc = vmtp_port_listener(ctx, ep, VMTP_TCP, port, holder);
    if (rc == VMTP_OK && !holder->found)
        rc = vmtp_port_listener(ctx, ep, VMTP_UDP, port, holder);
    return rc;
}

static int choose_port(vmtp_ctx *ctx, struct vmtp_endpoint *ep, uint16_t wanted, uint16_t avoid, bool fixed,
                       uint16_t *chosen)
{
    *chosen = wanted;
    if (wanted == 0)
        return VMTP_OK;
    struct vmtp_listener first = {0}, holder = {0};
    for (unsigned i = 0; i < PORTS_TRIED; i++) {
        uint32_t port = wanted + i * 10u;
        if (port > UINT16_MAX || port == avoid)
            continue;
        int rc = port_holder(ctx, ep, (uint16_t)port, &holder);
        if (rc < 0)
            return rc;
        if (!holder.found) {
            *chosen = (uint16_t)port;
            if (i > 0)
                vmtp_warn(ctx, "port %u on %s is taken by %s: using %u instead", wanted, ep->id,
                          first.program[0] ? first.program : "another process", port);
            return VMTP_OK;
        }
        if (i == 0)
            first = holder;
        if (fixed)
            break;
    }
    return vmtp_fail(ctx, VMTP_EREMOTE, "port %u on %s is taken by %s%s", wanted, ep->id,
                     first.program[0] ? first.program : "another process",
                     fixed ? " and the configuration says 'ports: fixed'" : ", and so are those above it");
}

static int choose_ports(vmtp_ctx *ctx, struct vmtp_tool_instance *tool, bool fixed, struct vmtp_job *job,
                        struct vmtp_tool_at *at)
{
    if (!at->serving && tool->loaded->tool.serve) {
        const struct vmtp_tool_ops *ops = &tool->loaded->tool;
        int rc = choose_port(ctx, job->server, wanted_port(tool, "port", ops->port), 0, fixed, &at->port);
        if (rc == VMTP_OK)
            rc = choose_port(ctx, job->server, wanted_port(tool, "control_port", ops->control_port), at->port, fixed,
                             &at->control_port);
        if (rc < 0)
            return rc;
    }
    job->port = at->port;
    job->control_port = at->control_port;
    return VMTP_OK;
}

/* --- measuring --- */

static int serve(vmtp_ctx *parent, struct vmtp_tool_instance *tool, bool ports_fixed, struct vmtp_job *job)
{
    struct vmtp_tool_at *at = find_at(tool, job->server);
    if (!tool->loaded->tool.serve)
        return VMTP_OK;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, SERVE_SECONDS);
    int rc = choose_ports(&ctx, tool, ports_fixed, job, at);
    if (rc == VMTP_OK) {
        at->serving = true; /* also when it fails half-way: unserve() cleans up */
        rc = VMTP_CALL(tool->loaded, tool, serve, &ctx, &ctx, tool->state, job);
    }
    if (rc < 0)
        return vmtp_fail(parent, rc, "server on %s: %s", vmtp_endpoint_id(job->server), vmtp_ctx_error(&ctx, rc));
    return VMTP_OK;
}

int vmtp_tool_measure(vmtp_ctx *parent, struct vmtp_tool_instance *tool, bool ports_fixed, struct vmtp_job *job,
                      struct vmtp_recorder *recorder)
{
    int rc = serve(parent, tool, ports_fixed, job);
    if (rc == VMTP_OK) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        double pings = (double)job->load->count * (job->load->interval_s > 0 ? job->load->interval_s : 1);
        vmtp_ctx_child(&ctx, parent, job->load->seconds + pings + MEASURE_GRACE);
        ctx.recorder = recorder;
        rc = VMTP_CALL(tool->loaded, tool, measure, &ctx, &ctx, tool->state, job);
        if (rc < 0)
            (void)vmtp_fail(parent, rc, "%s", vmtp_ctx_error(&ctx, rc));
    }
    vmtp_ctx_frame(parent, "tool %s", tool->loaded->plugin.name);
    return rc;
}

void vmtp_tool_unserve(vmtp_ctx *parent, struct vmtp_tool_instance *tool)
{
    for (struct vmtp_tool_at *at = tool->at; at; at = at->next) {
        if (!at->serving || !tool->loaded->tool.unserve)
            continue;
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
}
