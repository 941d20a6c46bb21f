/* SPDX-License-Identifier: Apache-2.0 */
/* Test Anything Protocol, as much of it as unit tests need. A test program calls ok(), is(), is_int() ... and ends with
 * return done_testing(); */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool ok(bool passed, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
    vprintf(fmt, args);
    putchar('\n');
    va_end(args);
    tap_failed += !passed;
    fflush(stdout);
    return passed;
}

/* A limit of time, in seconds: VMTP_TEST_SLOWNESS says how much slower everything is (under valgrind). */
__attribute__((unused)) static double within(double seconds)
{
    const char *slowness = getenv("VMTP_TEST_SLOWNESS");
    double factor = slowness ? strtod(slowness, NULL) : 1;
    return seconds * (factor > 1 ? factor : 1);
}

__attribute__((unused)) static bool is(const char *got, const char *want, const char *name)
{
    bool same = got && want ? strcmp(got, want) == 0 : got == want;
    if (!ok(same, "%s", name))
        printf("#      got: %s\n# expected: %s\n", got ? got : "(null)", want ? want : "(null)");
    return same;
}

__attribute__((unused)) static bool is_int(long long got, long long want, const char *name)
{
    if (!ok(got == want, "%s", name))
        printf("#      got: %lld\n# expected: %lld\n", got, want);
    return got == want;
}

/* Equal up to one part in 10^9. */
__attribute__((unused)) static bool is_number(double got, double want, const char *name)
{
    bool same = fabs(got - want) <= 1e-9 * fmax(fabs(got), fabs(want));
    if (!ok(same, "%s", name))
        printf("#      got: %.17g\n# expected: %.17g\n", got, want);
    return same;
}

__attribute__((unused)) static bool contains(const char *text, const char *part, const char *name)
{
    bool found = text && strstr(text, part);
    if (!ok(found, "%s", name))
        printf("#      got: %s\n# expected in it: %s\n", text ? text : "(null)", part);
    return found;
}

__attribute__((format(printf, 2, 3), unused)) static void skip(int n, const char *fmt, ...)
{
    char why[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    for (int i = 0; i < n; i++)
        printf("ok %d # SKIP %s\n", ++tap_count, why);
}

__attribute__((unused)) static int done_testing(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}
#endif
