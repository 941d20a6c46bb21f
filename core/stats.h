/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics over the samples of one quantity. */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <stddef.h>

struct vmtp_stats {
    size_t n;
    double min, max, mean, median;
    double stddev; /* of the sample: the divisor is n - 1; 0 for less than two samples */
};

/* Sorts the samples, which must be finite. All members are 0 for none. */
struct vmtp_stats vmtp_stats_of(double *samples, size_t n);

#endif
