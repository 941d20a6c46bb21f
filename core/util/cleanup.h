/* SPDX-License-Identifier: Apache-2.0 */
/* Automatic release of what a scope owns, beside the kinds of plugin.h: VMTP_CLEAN(fd) int fd = -1; */
#ifndef CORE_UTIL_CLEANUP_H
#define CORE_UTIL_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmtp/plugin.h"

static inline void vmtp_clean_mem(void *pointer)
{
    free(*(void **)pointer);
}
static inline void vmtp_clean_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
static inline void vmtp_clean_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

/* Hands a pointer over: gives its value and leaves NULL behind. */
#define VMTP_TAKE(pointer)                   \
    __extension__({                          \
        __typeof__(pointer) taken = pointer; \
        (pointer) = NULL;                    \
        taken;                               \
    })

#endif
