/* SPDX-License-Identifier: Apache-2.0 */
/* How sinks write: files as a whole, standard output without surprises. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/sigpipe.h"
#include "core/util/str.h"
#include "vmtp/plugin.h"

enum { COLUMNS_FALLBACK = 80, COLUMNS_MAX = 10000 };

/* The file that is meant: home directory and links resolved, as far as they exist. */
static char *resolve(const char *path)
{
    VMTP_CLEAN(mem) char *expanded = vmtp_expand_home(path);
    if (!expanded)
        return NULL;
    char *real = realpath(expanded, NULL);
    return real ? real : VMTP_TAKE(expanded);
}

int vmtp_write_file(vmtp_ctx *ctx, const char *path, const char *text, size_t len)
{
    VMTP_CLEAN(mem) char *file = resolve(path);
    if (!file)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return vmtp_file_replace(ctx, file, text, len);
}

int vmtp_write_stream(vmtp_ctx *ctx, const char *path, int (*write)(vmtp_ctx *ctx, void *arg, FILE *out), void *arg)
{
    VMTP_CLEAN(mem) char *file = resolve(path);
    if (!file)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return vmtp_file_stream(ctx, file, write, arg);
}

/* A new file must be possible beside it: that is how it is replaced. */
static int check_directory(vmtp_ctx *ctx, const char *file)
{
    VMTP_CLEAN(mem) char *copy = strdup(file);
    VMTP_CLEAN(mem) char *beside = copy ? vmtp_format("%s/.vmtp.XXXXXX", dirname(copy)) : NULL;
    if (!beside)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    VMTP_CLEAN(fd) int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot write %s: %s", file, vmtp_errno());
    unlink(beside);
    return VMTP_OK;
}

int vmtp_write_check(vmtp_ctx *ctx, const char *path, bool *once)
{
    struct stat st;
    *once = false;
    VMTP_CLEAN(mem) char *file = resolve(path);
    if (!file)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (stat(file, &st) < 0)
        return *file ? check_directory(ctx, file) : vmtp_fail(ctx, VMTP_ECONFIG, "the name of the file is empty");
    if (S_ISDIR(st.st_mode))
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot write %s: it is a directory", file);
    if (access(file, W_OK) < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot write %s: %s", file, vmtp_errno());
    *once = !S_ISREG(st.st_mode);
    return *once ? VMTP_OK : check_directory(ctx, file);
}

static int write_out(const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

int vmtp_print(vmtp_ctx *ctx, const char *text, size_t len)
{
    struct vmtp_sigpipe guard;
    vmtp_sigpipe_block(&guard);
    int error = fflush(stdout) == 0 ? write_out(text, len) : errno;
    vmtp_sigpipe_restore(&guard);
    errno = error;
    return error ? vmtp_fail(ctx, VMTP_EFAIL, "standard output: %s", vmtp_errno()) : VMTP_OK;
}

void vmtp_terminal(struct vmtp_terminal *terminal)
{
    struct vmtp_terminal now = {.struct_size = terminal->struct_size, .columns = COLUMNS_FALLBACK};
    struct winsize size;
    int64_t columns;
    const char *asked = getenv("COLUMNS"), *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool on_terminal = isatty(STDOUT_FILENO) == 1;
    if (asked && vmtp_parse_int(asked, &columns) && columns > 0 && columns <= COLUMNS_MAX)
        now.columns = (uint32_t)columns;
    else if (on_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        now.columns = size.ws_col;
    now.color = on_terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
    memcpy(terminal, &now, terminal->struct_size < sizeof now ? terminal->struct_size : sizeof now);
}
