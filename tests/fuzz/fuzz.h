/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share. A target is one function over any bytes: libFuzzer calls it, or driver.c with the seeds.
 * Beside what a sanitizer sees, a target states with FUZZ_HOLDS() what must be true of any answer. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/log.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv); /* start.c */

#define FUZZ_HOLDS(condition)                                                                \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                         \
        }                                                                                    \
    } while (0)

/* For what looks through long answers: its branches tell libFuzzer nothing about the program. */
#ifdef __clang__
#define FUZZ_UNTRACED __attribute__((no_sanitize("coverage")))
#else
#define FUZZ_UNTRACED
#endif

/* The input as text in memory of its exact size; the caller frees it. */
__attribute__((unused)) static char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    FUZZ_HOLDS(text);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* The input as a file in memory; *path names it until the next call. It is cut to its length afterwards, as emptying it
 * first would take longer than most parsers. */
__attribute__((unused)) static void fuzz_file(const uint8_t *data, size_t size, char path[64])
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    FUZZ_HOLDS(fd >= 0 && lseek(fd, 0, SEEK_SET) == 0);
    FUZZ_HOLDS(vmtp_write_all(fd, (const char *)data, size) == 0 && ftruncate(fd, (off_t)size) == 0);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
}

#endif
