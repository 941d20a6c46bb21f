/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin-new.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/registry.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { FILE_MAX = 64 * 1024, FILES = 3 };

struct word {
    const char *mark, *text; /* "@NAME@" */
};

struct new_file {
    char *path;
    const char *skeleton;
    bool made;
};

/* The skeleton with its marks replaced. */
static int fill(const char *skeleton, const struct word *words, struct vmtp_buf *out)
{
    int rc = VMTP_OK;
    for (const char *p = skeleton; *p && rc == VMTP_OK;) {
        const struct word *word = words;
        while (word->mark && strncmp(p, word->mark, strlen(word->mark)) != 0)
            word++;
        rc = word->mark ? vmtp_buf_text_add(out, word->text) : vmtp_buf_add(out, p, 1);
        p += word->mark ? strlen(word->mark) : 1;
    }
    return rc;
}

static int write_new(vmtp_ctx *ctx, struct new_file *file, const struct word *words)
{
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(FILE_MAX);
    if (fill(file->skeleton, words, &text) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s%s", file->path, vmtp_errno(),
                         errno == EEXIST ? "; nothing is overwritten, name another directory" : "");
    file->made = true;
    VMTP_CLEAN(file) FILE *out = fdopen(fd, "w");
    if (!out) {
        close(fd);
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    if (fputs(vmtp_buf_text(&text), out) < 0 || fflush(out) != 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", file->path, vmtp_errno());
    return VMTP_OK;
}

/* All of them, or none. */
static int write_all(vmtp_ctx *ctx, struct new_file files[FILES], const struct word *words)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < FILES && rc == VMTP_OK; i++)
        rc = files[i].path ? write_new(ctx, &files[i], words) : vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (size_t i = 0; i < FILES; i++) {
        if (rc < 0 && files[i].made)
            (void)unlink(files[i].path);
        free(files[i].path);
    }
    return rc;
}

static int write_plugin(vmtp_ctx *ctx, enum vmtp_kind kind, const char *name, const char *directory)
{
    static const char *const uses[] = {"--tp-tool", "--sink", "--topology"};
    const char *const skeletons[] = {vmtp_skeleton_tool, vmtp_skeleton_sink, vmtp_skeleton_topology};
    VMTP_CLEAN(mem) char *symbol = strdup(name);
    VMTP_CLEAN(mem) char *use = vmtp_format("%s %s", uses[kind], name);
    if (!symbol || !use)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (char *p = symbol; *p; p++)
        *p = *p == '-' ? '_' : *p;
    const struct word words[] = {
        {"@KIND@", vmtp_kind_name(kind)}, {"@NAME@", name}, {"@SYMBOL@", symbol}, {"@USE@", use}, {NULL, NULL}};
    bool made = mkdir(directory, 0777) == 0;
    if (!made && errno != EEXIST)
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot make the directory %s: %s", directory, vmtp_errno());
    struct new_file files[FILES] = {
        {vmtp_format("%s/%s-%s.c", directory, vmtp_kind_name(kind), name), skeletons[kind], false},
        {vmtp_format("%s/Makefile", directory), vmtp_skeleton_makefile, false},
        {vmtp_format("%s/README.md", directory), vmtp_skeleton_readme, false},
    };
    int rc = write_all(ctx, files, words);
    if (rc < 0 && made)
        (void)rmdir(directory);
    return rc;
}

int vmtp_plugin_new(vmtp_ctx *ctx, FILE *out, const char *kind_name, const char *name, const char *directory)
{
    enum vmtp_kind kind;
    if (!vmtp_kind_by_name(kind_name, &kind))
        return vmtp_fail(ctx, VMTP_ECONFIG, "'%s' is no kind of plugin: tool, sink or topology", kind_name);
    if (!vmtp_plugin_name_valid(name))
        return vmtp_fail(ctx, VMTP_ECONFIG,
                         "'%s' is no name for a plugin: lower case letters, digits and '-', beginning with a letter, "
                         "40 characters at most", name);
    VMTP_CLEAN(mem) char *usual = vmtp_format("%s-%s", kind_name, name);
    if (!usual)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    const char *where = directory ? directory : usual;
    int rc = write_plugin(ctx, kind, name, where);
    if (rc == VMTP_OK)
        fprintf(out, "%s: written. Next: cd %s && make && make check; then replace what says \"Replace\".\n", where,
                where);
    return rc;
}
