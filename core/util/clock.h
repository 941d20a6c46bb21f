/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_UTIL_CLOCK_H
#define CORE_UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Seconds on a clock that never jumps; only differences mean something. */
static inline double vmtp_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Nanoseconds since 1970-01-01 UTC. */
static inline int64_t vmtp_wall_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

#endif
