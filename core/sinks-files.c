/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the outputs of a run are, so that none is written over another. */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/ctx.h"
#include "core/options.h"
#include "core/sinks.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"

/* The option `file`, as all sinks call it that write one; NULL: it has none. */
static const char *file_of(const struct vmtp_sink_instance *sink)
{
    const struct vmtp_option *option;
    const char *file = NULL;
    for (size_t i = 0; sink->opts && (option = vmtp_option_at(&sink->loaded->plugin, i)); i++)
        if (option->type == VMTP_OPT_STRING && strcmp(option->name, "file") == 0)
            memcpy(&file, (const char *)sink->opts + option->offset, sizeof file);
    return file && *file ? file : NULL;
}

/* One text for each file, whatever leads to it, though it may not exist yet. What is no regular file, as /dev/stdout,
 * may be written by several: "". NULL: out of memory. */
static char *place_of(const char *path)
{
    struct stat st;
    VMTP_CLEAN(mem) char *expanded = vmtp_expand_home(path);
    if (!expanded)
        return NULL;
    if (stat(expanded, &st) == 0)
        return S_ISREG(st.st_mode) ? realpath(expanded, NULL) : strdup("");
    VMTP_CLEAN(mem) char *copy = strdup(expanded);
    VMTP_CLEAN(mem) char *directory = copy ? realpath(dirname(copy), NULL) : NULL;
    const char *slash = strrchr(expanded, '/');
    return directory ? vmtp_format("%s/%s", directory, slash ? slash + 1 : expanded) : strdup(expanded);
}

static int compare(vmtp_ctx *ctx, const char *first, const char *a, const char *second, const char *b)
{
    VMTP_CLEAN(mem) char *place = place_of(a);
    VMTP_CLEAN(mem) char *other = place_of(b);
    if (!place || !other)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (!*place || strcmp(place, other) != 0)
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s and %s would both write %s: give each a file of its own", first, second, b);
}

int vmtp_sinks_apart(vmtp_ctx *ctx, const struct vmtp_settings *settings, const struct vmtp_sinks *sinks)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < sinks->n && rc == VMTP_OK; i++) {
        const char *file = file_of(&sinks->items[i]), *other;
        VMTP_CLEAN(mem) char *name = vmtp_format("sink %s", sinks->items[i].loaded->plugin.name);
        if (!name)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        if (file && settings->logfile && settings->logfile[0])
            rc = compare(ctx, "the log", settings->logfile, name, file);
        for (size_t k = 0; file && k < i && rc == VMTP_OK; k++) {
            VMTP_CLEAN(mem) char *before = vmtp_format("sink %s", sinks->items[k].loaded->plugin.name);
            if (!before)
                return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
            other = file_of(&sinks->items[k]);
            rc = other ? compare(ctx, before, other, name, file) : VMTP_OK;
        }
    }
    return rc;
}
