/* SPDX-License-Identifier: Apache-2.0 */
/* A sink of VMTP 3.0.0 that writes what it is told, as far as that is the same in every run, and the result document
 * beside it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmtp/plugin.h>

#include "tests/abi/later.h"

struct kept_opts {
    const char *file;
};

static const struct vmtp_option kept_options[] = {
    VMTP_OPTION(struct kept_opts, file, STRING, .help = "what is written", .flags = VMTP_OPT_REQUIRED),
    {.name = NULL},
};

struct kept {
    const struct kept_opts *opts;
    vmtp_report *report;
    char text[20000];
    size_t len;
};

static void kept_close(void *state)
{
    struct kept *sink = state;
    vmtp_report_free(sink->report);
    free(sink);
}

static int kept_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    bool once;
    struct {
        struct vmtp_terminal terminal;
        uint64_t guard;
    } asked = {{.struct_size = sizeof asked.terminal}, 4711};
    vmtp_terminal(&asked.terminal);
    if (asked.guard != 4711 || asked.terminal.columns == 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "the terminal is not what it was");
    struct kept *sink = calloc(1, sizeof *sink);
    if (!sink)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    sink->opts = opts;
    int rc = vmtp_write_check(ctx, sink->opts->file, &once);
    if (rc == VMTP_OK)
        rc = vmtp_report_new(ctx, &sink->report);
    if (rc < 0)
        kept_close(sink);
    else
        *state = sink;
    return rc;
}

static void add(struct kept *sink, const char *a, const char *b)
{
    int n = snprintf(sink->text + sink->len, sizeof sink->text - sink->len, "%s%s", a, b ? b : "-");
    if (n > 0 && sink->len + (size_t)n < sizeof sink->text)
        sink->len += (size_t)n;
}

static int kept_event(vmtp_ctx *ctx, void *state, const struct vmtp_event *ev)
{
    struct kept *sink = state;
    char number[40];
    const struct vmtp_value *value;
    const struct vmtp_property *property;
    snprintf(number, sizeof number, "%" PRIu32 " %" PRIu64, ev->type, ev->seq);
    add(sink, number, "");
    add(sink, " flow=", ev->flow_id);
    add(sink, " topology=", ev->topology);
    add(sink, " tool=", ev->tool);
    if (ev->load) {
        snprintf(number, sizeof number, "%s/%" PRIu32, vmtp_proto_name(ev->load->proto), ev->load->message_bytes);
        add(sink, " load=", number);
    }
    for (size_t i = 0; (value = vmtp_event_value(ev, i)); i++) {
        snprintf(number, sizeof number, "=%g %s", value->value, value->unit);
        add(sink, " ", value->metric);
        add(sink, number, "");
    }
    for (size_t i = 0; ev->type != VMTP_EV_RUN_BEGIN && ev->type != VMTP_EV_RUN_END; i++) {
        if (!(property = vmtp_event_property(ev, i)))
            break;
        add(sink, " ", property->name);
        add(sink, "=", property->text);
    }
    add(sink, " problem=", vmtp_event_problem(ev));
    add(sink, " label=", vmtp_event_text(ev, "label"));
    add(sink, "\n", "");
    return vmtp_report_add(ctx, sink->report, ev);
}

static int kept_flush(vmtp_ctx *ctx, void *state)
{
    struct kept *sink = state;
    char name[4096];
    VMTP_CLEAN(text) char *json = NULL;
    int rc = vmtp_write_file(ctx, sink->opts->file, sink->text, sink->len);
    if (rc == VMTP_OK)
        rc = vmtp_report_json(ctx, sink->report, &json);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, "%s.json", sink->opts->file);
    return vmtp_write_file(ctx, name, json, strlen(json));
}

static const struct {
    struct vmtp_sink_ops ops;
    uint64_t behind[16];
} kept = {
    .ops = {
        .struct_size = sizeof kept.ops,
        .caps = VMTP_SINK_SAMPLES | VMTP_SINK_IDEMPOTENT,
        .open = kept_open,
        .event = kept_event,
        .flush = kept_flush,
        .close = kept_close,
        LATER_MEMBERS
    },
    .behind = NOT_ZERO,
};

VMTP_PLUGIN(sink_kept) = {
    VMTP_PLUGIN_HEAD,
    .name = "kept",
    .version = "3.0.0",
    .summary = "a sink of VMTP 3.0.0",
    .options = kept_options,
    .option_size = sizeof kept_options[0],
    .opts_size = sizeof(struct kept_opts),
    .sink = &kept.ops,
    LATER_MEMBERS
};
