/* SPDX-License-Identifier: Apache-2.0 */
/* The results as a page: replaced as a whole after each flow and at the end. */
#include <stdlib.h>
#include <string.h>

#include <vmtp/plugin.h>

#include "plugins/sinks/html/render.h"

struct html_opts {
    const char *file;
};

static const struct vmtp_option html_sink_options[] = {
    VMTP_OPTION(struct html_opts, file, STRING, .flags = VMTP_OPT_REQUIRED,
                .help = "the page that is written, or replaced when it exists"),
    {0},
};

struct html_sink {
    const char *file; /* of the options, which live as long */
    vmtp_report *report;
    bool once; /* a pipe or device: written at the end only */
    bool ended;
};

static void html_close(void *state)
{
    struct html_sink *sink = state;
    vmtp_report_free(sink->report);
    free(sink);
}

static int html_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    const struct html_opts *options = opts;
    struct html_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    sink->file = options->file;
    int rc = vmtp_write_check(ctx, sink->file, &sink->once);
    if (rc == VMTP_OK)
        rc = vmtp_report_new(ctx, &sink->report);
    if (rc < 0)
        html_close(sink);
    else
        *state = sink;
    return rc;
}

static int html_event(vmtp_ctx *ctx, void *state, const struct vmtp_event *ev)
{
    struct html_sink *sink = state;
    sink->ended = sink->ended || ev->type == VMTP_EV_RUN_END;
    return vmtp_report_add(ctx, sink->report, ev);
}

/* The document of the report as a tree; the text is gone before the page is made. */
static int document_of(vmtp_ctx *ctx, const vmtp_report *report, json_t **document)
{
    VMTP_CLEAN(text) char *text = NULL;
    json_error_t error;
    int rc = vmtp_report_json(ctx, report, &text);
    if (rc < 0)
        return rc;
    *document = json_loads(text, JSON_ALLOW_NUL, &error);
    return *document ? VMTP_OK : vmtp_fail(ctx, VMTP_EFAIL, "the result document cannot be read: %s", error.text);
}

static int page_of(vmtp_ctx *ctx, json_t *document, char **page, size_t *len)
{
    static const struct html_options options = {HTML_ALL};
    FILE *out = open_memstream(page, len);
    int rc = out ? html_page(out, &document, 1, &options) : VMTP_ENOMEM;
    if (out && (ferror(out) || fclose(out) != 0))
        rc = VMTP_ENOMEM;
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : VMTP_OK;
}

static int html_flush(vmtp_ctx *ctx, void *state)
{
    struct html_sink *sink = state;
    json_t *document = NULL;
    char *page = NULL;
    size_t len = 0;
    if (sink->once && !sink->ended)
        return VMTP_OK;
    int rc = document_of(ctx, sink->report, &document);
    if (rc == VMTP_OK)
        rc = page_of(ctx, document, &page, &len);
    json_decref(document);
    if (rc == VMTP_OK)
        rc = vmtp_write_file(ctx, sink->file, page, len);
    free(page);
    if (rc == VMTP_OK && sink->ended && !sink->once)
        vmtp_info(ctx, "page saved in %s", sink->file);
    return rc;
}

static const struct vmtp_sink_ops html_ops = {
    .struct_size = sizeof html_ops,
    .caps = VMTP_SINK_SAMPLES | VMTP_SINK_IDEMPOTENT,
    .open = html_open,
    .event = html_event,
    .flush = html_flush,
    .close = html_close,
};

VMTP_PLUGIN(sink_html) = {
    VMTP_PLUGIN_HEAD,
    .name = "html",
    .version = "1.0",
    .summary = "writes the results into a page with charts",
    .options = html_sink_options,
    .option_size = sizeof html_sink_options[0],
    .opts_size = sizeof(struct html_opts),
    .sink = &html_ops,
};
