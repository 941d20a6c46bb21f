/* SPDX-License-Identifier: Apache-2.0 */
/* The result document as a file: replaced as a whole after each flow and at the end, so it is valid at any moment. */
#include <stdlib.h>
#include <string.h>

#include <vmtp/plugin.h>

struct json_opts {
    const char *file;
};

static const struct vmtp_option json_options[] = {
    VMTP_OPTION(struct json_opts, file, STRING, .flags = VMTP_OPT_REQUIRED,
                .help = "the file that is written, or replaced when it exists"),
    {0},
};

struct json_sink {
    const char *file; /* of the options, which live as long */
    vmtp_report *report;
    bool once;  /* a pipe or device: written at the end only */
    bool ended;
};

static void json_close(void *state)
{
    struct json_sink *sink = state;
    vmtp_report_free(sink->report);
    free(sink);
}

static int json_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    const struct json_opts *options = opts;
    struct json_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    sink->file = options->file;
    int rc = vmtp_write_check(ctx, sink->file, &sink->once);
    if (rc == VMTP_OK)
        rc = vmtp_report_new(ctx, &sink->report);
    if (rc < 0)
        json_close(sink);
    else
        *state = sink;
    return rc;
}

static int json_event(vmtp_ctx *ctx, void *state, const struct vmtp_event *ev)
{
    struct json_sink *sink = state;
    sink->ended = sink->ended || ev->type == VMTP_EV_RUN_END;
    return vmtp_report_add(ctx, sink->report, ev);
}

static int json_flush(vmtp_ctx *ctx, void *state)
{
    struct json_sink *sink = state;
    VMTP_CLEAN(text) char *text = NULL;
    if (sink->once && !sink->ended)
        return VMTP_OK;
    int rc = vmtp_report_json(ctx, sink->report, &text);
    if (rc < 0)
        return rc;
    size_t len = strlen(text);
    text[len] = '\n'; /* in place of the NUL: the file ends with a newline, as text files do */
    rc = vmtp_write_file(ctx, sink->file, text, len + 1);
    if (rc == VMTP_OK && sink->ended && !sink->once)
        vmtp_info(ctx, "results saved in %s", sink->file);
    return rc;
}

static const struct vmtp_sink_ops json_ops = {
    .struct_size = sizeof json_ops,
    .caps = VMTP_SINK_SAMPLES | VMTP_SINK_IDEMPOTENT,
    .open = json_open,
    .event = json_event,
    .flush = json_flush,
    .close = json_close,
};

VMTP_PLUGIN(sink_json) = {
    VMTP_PLUGIN_HEAD,
    .name = "json",
    .version = "1.0",
    .summary = "writes the results into a JSON file",
    .options = json_options,
    .option_size = sizeof json_options[0],
    .opts_size = sizeof(struct json_opts),
    .sink = &json_ops,
};
