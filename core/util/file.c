/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

int vmtp_file_read(vmtp_ctx *ctx, const char *path, size_t max, char **text, size_t *len)
{
    VMTP_CLEAN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", path, vmtp_errno());
    VMTP_CLEAN(buf) struct vmtp_buf buf = VMTP_BUF(max);
    char chunk[16384];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", path, vmtp_errno());
        if (n == 0)
            break;
        int rc = vmtp_buf_add(&buf, chunk, (size_t)n);
        if (rc < 0)
            return buf.cut ? vmtp_fail(ctx, rc, "%s: larger than %zu bytes", path, max)
                           : vmtp_fail(ctx, rc, "%s: out of memory", path);
    }
    explicit_bzero(chunk, sizeof chunk); /* it may have been a key */
    *len = buf.len;
    *text = vmtp_buf_take(&buf);
    return *text ? VMTP_OK : VMTP_ENOMEM;
}

int vmtp_write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The directory entry is on disk only when its directory is. */
static void sync_directory_of(const char *path)
{
    VMTP_CLEAN(mem) char *copy = strdup(path);
    if (!copy)
        return;
    VMTP_CLEAN(fd) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd);
}

/* --- replacing --- */

/* Where content goes, and how it gets there. */
struct content {
    const char *path; /* for what is said of a failure */
    const char *text; /* NULL: write() */
    size_t len;
    int (*write)(vmtp_ctx *ctx, void *arg, FILE *out);
    void *arg;
};

static int cannot_write(vmtp_ctx *ctx, const char *path)
{
    return vmtp_fail(ctx, VMTP_EFAIL, "cannot write %s: %s", path, vmtp_errno());
}

static int put_stream(vmtp_ctx *ctx, int fd, const struct content *content)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
    if (!out) {
        int rc = cannot_write(ctx, content->path);
        if (copy >= 0)
            close(copy);
        return rc;
    }
    errno = 0;
    int rc = content->write(ctx, content->arg, out), error = ferror(out) ? errno ? errno : EIO : 0;
    if (fflush(out) != 0)
        error = errno;
    fclose(out);
    errno = error;
    return rc == VMTP_OK && error ? cannot_write(ctx, content->path) : rc;
}

static int put(vmtp_ctx *ctx, int fd, const struct content *content)
{
    if (!content->text)
        return put_stream(ctx, fd, content);
    return vmtp_write_all(fd, content->text, content->len) < 0 ? cannot_write(ctx, content->path) : VMTP_OK;
}

/* Pipes and devices (/dev/stdout, >(...)) cannot be renamed over: they are written straight. */
static int write_special(vmtp_ctx *ctx, const struct content *content)
{
    VMTP_CLEAN(fd) int fd = open(content->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return cannot_write(ctx, content->path);
    int rc = put(ctx, fd, content);
    bool unsynced = rc == VMTP_OK && fsync(fd) < 0 && errno != EINVAL && errno != EROFS;
    return unsynced ? cannot_write(ctx, content->path) : rc;
}

static int replace(vmtp_ctx *ctx, const struct content *content)
{
    struct stat st;
    bool exists = stat(content->path, &st) == 0;
    if (exists && !S_ISREG(st.st_mode))
        return write_special(ctx, content);

    VMTP_CLEAN(mem) char *beside = vmtp_format("%s.XXXXXX", content->path);
    if (!beside)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    VMTP_CLEAN(fd) int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return cannot_write(ctx, content->path);
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(fd, exists ? st.st_mode & 07777 : 0666 & ~mask);
    int rc = put(ctx, fd, content);
    if (rc == VMTP_OK && (fsync(fd) < 0 || rename(beside, content->path) < 0))
        rc = cannot_write(ctx, content->path);
    if (rc == VMTP_OK)
        sync_directory_of(content->path);
    else
        unlink(beside);
    return rc;
}

int vmtp_file_replace(vmtp_ctx *ctx, const char *path, const char *text, size_t len)
{
    const struct content content = {.path = path, .text = text, .len = len};
    return replace(ctx, &content);
}

int vmtp_file_stream(vmtp_ctx *ctx, const char *path, int (*write)(vmtp_ctx *ctx, void *arg, FILE *out), void *arg)
{
    const struct content content = {.path = path, .write = write, .arg = arg};
    return replace(ctx, &content);
}

/* --- paths --- */

int vmtp_make_dirs(vmtp_ctx *ctx, const char *path)
{
    VMTP_CLEAN(mem) char *copy = strdup(path);
    if (!copy)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (char *p = copy + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return vmtp_fail(ctx, VMTP_EFAIL, "cannot make directory %s: %s", copy, vmtp_errno());
        if (end == '\0')
            return VMTP_OK;
        *p = end;
    }
}

char *vmtp_expand_home(const char *path)
{
    const char *home = getenv("HOME");
    if (path[0] == '~' && path[1] == '/' && home)
        return vmtp_format("%s%s", home, path + 1);
    return strdup(path);
}

char *vmtp_state_path(const char *name)
{
    const char *state = getenv("XDG_STATE_HOME");
    if (state && state[0] == '/')
        return vmtp_format("%s/vmtp/%s", state, name);
    const char *home = getenv("HOME");
    return vmtp_format("%s/.local/state/vmtp/%s", home ? home : "", name);
}
