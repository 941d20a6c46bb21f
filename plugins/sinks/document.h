/* SPDX-License-Identifier: Apache-2.0 */
/* What sinks have in common that make one file from the result document: the file is replaced as a whole after each
 * flow and at the end; a pipe or a device is written once. */
#ifndef PLUGINS_SINKS_DOCUMENT_H
#define PLUGINS_SINKS_DOCUMENT_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmtp/plugin.h"

/* Writes the file from the document. VMTP_ENOMEM or VMTP_OK; whether out took it all is seen to elsewhere. */
typedef int document_render(FILE *out, json_t *document);

struct document_sink {
    const char *file; /* of the options, which live as long */
    const char *what; /* "page": for the log */
    document_render *render;
    vmtp_report *report; /* NULL: the run has ended, and the file is made */
    bool once; /* a pipe or device: written at the end only */
    bool ended;
};

static inline void document_close(void *state)
{
    struct document_sink *sink = state;
    vmtp_report_free(sink->report);
    free(sink);
}

static inline int document_open(vmtp_ctx *ctx, const char *file, const char *what, document_render *render,
                                void **state)
{
    struct document_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    *sink = (struct document_sink){.file = file, .what = what, .render = render};
    int rc = vmtp_write_check(ctx, file, &sink->once);
    if (rc == VMTP_OK)
        rc = vmtp_report_new(ctx, &sink->report);
    if (rc < 0)
        document_close(sink);
    else
        *state = sink;
    return rc;
}

static inline int document_event(vmtp_ctx *ctx, void *state, const struct vmtp_event *ev)
{
    struct document_sink *sink = state;
    sink->ended = sink->ended || ev->type == VMTP_EV_RUN_END;
    return sink->report ? vmtp_report_add(ctx, sink->report, ev) : VMTP_OK;
}

/* The document as a tree. A long run is large in each of its forms, so each is gone as soon as the next is there. */
static inline int document_tree(vmtp_ctx *ctx, struct document_sink *sink, json_t **document)
{
    VMTP_CLEAN(text) char *text = NULL;
    json_error_t error;
    int rc = vmtp_report_json(ctx, sink->report, &text);
    if (rc < 0)
        return rc;
    if (sink->ended) {
        vmtp_report_free(sink->report);
        sink->report = NULL;
    }
    *document = json_loads(text, JSON_ALLOW_NUL, &error);
    return *document ? VMTP_OK : vmtp_fail(ctx, VMTP_EFAIL, "the result document cannot be read: %s", error.text);
}

/* What document_write() writes. */
struct document_content {
    const struct document_sink *sink;
    json_t *document;
};

static inline int document_write(vmtp_ctx *ctx, void *arg, FILE *out)
{
    const struct document_content *content = arg;
    int rc = content->sink->render(out, content->document);
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : VMTP_OK;
}

static inline int document_flush(vmtp_ctx *ctx, void *state)
{
    struct document_sink *sink = state;
    struct document_content content = {.sink = sink};
    if ((sink->once && !sink->ended) || !sink->report)
        return VMTP_OK;
    int rc = document_tree(ctx, sink, &content.document);
    if (rc == VMTP_OK)
        rc = vmtp_write_stream(ctx, sink->file, document_write, &content);
    json_decref(content.document);
    if (rc == VMTP_OK && sink->ended && !sink->once)
        vmtp_info(ctx, "%s saved in %s", sink->what, sink->file);
    return rc;
}

/* A member that is text and not empty; NULL otherwise. */
static inline const char *document_word(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text && *text ? text : NULL;
}

#endif
