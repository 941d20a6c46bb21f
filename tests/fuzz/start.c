/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <signal.h>
#include <sys/time.h>

#include "tests/fuzz/fuzz.h"

/* libFuzzer ends by this one as it does by itself, with its sums. */
static void end(int signal)
{
    (void)signal;
    raise(SIGUSR1);
}

/* So many seconds of processor time: libFuzzer's own limit is of the clock. */
static void limit_processor_time(double seconds)
{
    const struct itimerval timer = {.it_value.tv_sec = (time_t)ceil(seconds)};
    FUZZ_HOLDS(signal(SIGPROF, end) != SIG_ERR && setitimer(ITIMER_PROF, &timer, NULL) == 0);
}

/* Warnings about what the input says would be most of the work. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    const char *seconds = getenv("FUZZ_PROCESSOR_SECONDS");
    vmtp_log_set_level(VMTP_LOG_ERROR);
    if (seconds)
        limit_processor_time(strtod(seconds, NULL));
    return 0;
}
