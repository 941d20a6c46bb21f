/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded outputs for the tests of parsers, and what is done to them. */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "core/ctx.h"
#include "core/util/file.h"
#include "tests/tap.h"

/* The content of tests/fixtures/NAME; the caller frees it. Ends the test when it cannot be read. */
__attribute__((unused)) static char *fixture(const char *name, size_t *len)
{
    char path[600], *text = NULL;
    snprintf(path, sizeof path, "%s/%s", FIXTURES, name);
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    if (vmtp_file_read(&ctx, path, 1 << 22, &text, len) < 0) {
        printf("Bail out! %s\n", vmtp_ctx_error(&ctx, VMTP_EFAIL));
        exit(99);
    }
    return text;
}

/* Calls try with every beginning of a text and with every byte of it changed to some others: nothing may happen that a
 * sanitizer sees. The text is in memory of its exact size. */
__attribute__((unused)) static void batter(const char *text, size_t len, void (*try)(const char *text, size_t len))
{
    static const char others[] = {'\0', '\n', ' ', '-', '9', '=', '/', '.', '%', (char)0xff};
    for (size_t n = 0; n <= len; n++) {
        char *part = malloc(n + 1);
        memcpy(part, text, n);
        part[n] = '\0';
        try(part, n);
        for (size_t i = 0; n == len && i < len; i++) {
            for (size_t o = 0; o < sizeof others; o++) {
                part[i] = others[o];
                try(part, n);
            }
            part[i] = text[i];
        }
        free(part);
    }
    ok(true, "%zu bytes, cut and changed everywhere, do no harm", len);
}

/* A text with a line of a megabyte; the caller frees it. */
__attribute__((unused)) static char *long_line(size_t *len)
{
    *len = 1 << 20;
    char *text = malloc(*len + 1);
    memset(text, '7', *len);
    text[*len - 1] = '\n';
    text[*len] = '\0';
    return text;
}

#endif
