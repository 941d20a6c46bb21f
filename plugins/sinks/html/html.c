/* SPDX-License-Identifier: Apache-2.0 */
/* The results as a page. */
#include "plugins/sinks/document.h"
#include "plugins/sinks/html/render.h"

struct html_opts {
    const char *file;
};

static const struct vmtp_option html_sink_options[] = {
    VMTP_OPTION(struct html_opts, file, STRING, .flags = VMTP_OPT_REQUIRED,
                .help = "the page that is written, or replaced when it exists"),
    {0},
};

static int html_render(FILE *out, json_t *document)
{
    static const struct html_options options = {VMTP_RESULT_ALL};
    return html_page(out, &document, 1, &options);
}

static int html_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    const struct html_opts *options = opts;
    return document_open(ctx, options->file, "page", html_render, state);
}

static const struct vmtp_sink_ops html_ops = {
    .struct_size = sizeof html_ops,
    .caps = VMTP_SINK_SAMPLES | VMTP_SINK_IDEMPOTENT,
    .open = html_open,
    .event = document_event,
    .flush = document_flush,
    .close = document_close,
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
