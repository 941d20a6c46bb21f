/* SPDX-License-Identifier: Apache-2.0 */
/* Compares a text with a file of tests/fixtures. VMTP_TEST_KEEP=DIRECTORY in the environment keeps what was got there:
 * to look at, and to make the fixtures anew when the change is meant. */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include <stdlib.h>

#include "core/util/file.h"
#include "tests/tap.h"

static inline void keep_text(const char *text, const char *file)
{
    char path[4096];
    const char *directory = getenv("VMTP_TEST_KEEP");
    if (!directory || !*directory)
        return;
    snprintf(path, sizeof path, "%s/%s", directory, strrchr(file, '/') + 1);
    FILE *out = fopen(path, "w");
    if (!out)
        return;
    fputs(text, out);
    fclose(out);
}

/* Passes when got is the content of the file; shows the first line that differs. */
static inline void same_as_fixture(const char *got, const char *file, const char *name)
{
    char path[4096];
    char *want = NULL;
    size_t len, line = 1;
    keep_text(got, file);
    snprintf(path, sizeof path, "%s/%s", FIXTURES, file);
    if (vmtp_file_read(NULL, path, 1 << 20, &want, &len) < 0) {
        ok(false, "%s: %s is not there", name, path);
        return;
    }
    const char *a = got, *b = want;
    for (; *a && *a == *b; a++, b++)
        line += *a == '\n';
    if (!ok(*a == *b, "%s", name)) {
        for (; a > got && a[-1] != '\n'; b--)
            a--;
        printf("# line %zu\n#      got: %.*s\n# expected: %.*s\n", line, (int)strcspn(a, "\n"), a,
               (int)strcspn(b, "\n"), b);
    }
    free(want);
}

#endif
