/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a piece of work again and again, each time in a child process in which another allocation fails: the n-th one
 * alone, then the n-th and all that follow. The work must end by itself, and either say that there is no memory or
 * give what it gives when there is enough.
 *
 * VMTP_OOM_STEP says how many allocations are left out between two runs; 0, the default, spreads VMTP_OOM_RUNS (40)
 * runs over the work. */
#ifndef TESTS_OOM_H
#define TESTS_OOM_H

#include <stddef.h>

/* Does the work in the child. Returns 0 when it was done; the result is then in `out` (a file that is open for writing,
 * and read by the parent). Anything else: it has failed; words are on standard error or in out. */
typedef int (*oom_work)(const void *arg, int out);

/* One TAP point. expected: the status of the work when nothing fails. */
void oom_try(const char *name, oom_work work, const void *arg, int expected);

/* Ends the TAP output; the exit status of the test. */
int oom_done(void);

/* From here on allocations are counted; the work calls it when its surroundings are set up. */
void oom_arm(void);

/* Ends the counting: what follows (reading a result back) cannot fail. */
void oom_disarm(void);

/* Removes a directory that the test has made, with all that is in it. */
void oom_remove(const char *directory);

/* What keeps allocations from being counted here, or NULL. */
const char *oom_missing(void);

#endif
