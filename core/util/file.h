/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_UTIL_FILE_H
#define CORE_UTIL_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "vmtp/plugin.h"

/* Reads a whole file of at most max bytes. *text is NUL-ended; the caller frees it. Says what is wrong in ctx. */
int vmtp_file_read(vmtp_ctx *ctx, const char *path, size_t max, char **text, size_t *len);

/* Writes all of it, whatever interrupts or shortens a write. 0, or -1 with errno. */
int vmtp_write_all(int fd, const char *text, size_t len);

/* Replaces a file as a whole: written beside it, fsync'ed, renamed. A reader sees the old or the new content. */
int vmtp_file_replace(vmtp_ctx *ctx, const char *path, const char *text, size_t len);
/* The same with what write() writes; when it fails, with words in ctx, the old content stays. */
int vmtp_file_stream(vmtp_ctx *ctx, const char *path, int (*write)(vmtp_ctx *ctx, void *arg, FILE *out), void *arg);

/* Makes a directory and its parents, mode 0700 for those that are missing. */
int vmtp_make_dirs(vmtp_ctx *ctx, const char *path);

/* A leading "~/" becomes the home directory. The caller frees it; NULL only when out of memory. */
char *vmtp_expand_home(const char *path);

/* $XDG_STATE_HOME/vmtp/NAME or ~/.local/state/vmtp/NAME (XDG Base Directory Specification). The caller frees it. */
char *vmtp_state_path(const char *name);

#endif
