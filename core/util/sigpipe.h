/* SPDX-License-Identifier: Apache-2.0 */
/* SIGPIPE kept away from this thread for a while: what the rest of the process does with it is not ours to change. */
#ifndef CORE_UTIL_SIGPIPE_H
#define CORE_UTIL_SIGPIPE_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

struct vmtp_sigpipe {
    sigset_t before;
    bool pending; /* one that is not ours to take away */
};

static inline void vmtp_sigpipe_block(struct vmtp_sigpipe *guard)
{
    sigset_t one, pending;
    sigemptyset(&one);
    sigaddset(&one, SIGPIPE);
    sigpending(&pending);
    guard->pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &one, &guard->before);
}

/* Takes away the signal that a write may have left behind. */
static inline void vmtp_sigpipe_restore(const struct vmtp_sigpipe *guard)
{
    static const struct timespec at_once = {0, 0};
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGPIPE);
    if (!guard->pending)
        (void)sigtimedwait(&one, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

#endif
