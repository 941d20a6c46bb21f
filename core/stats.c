/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stats.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct vmtp_stats vmtp_stats_of(double *samples, size_t n)
{
    struct vmtp_stats stats = {.n = n};
    if (n == 0)
        return stats;
    qsort(samples, n, sizeof samples[0], by_size);
    stats.min = samples[0];
    stats.max = samples[n - 1];
    stats.median = n % 2 ? samples[n / 2] : samples[n / 2 - 1] + (samples[n / 2] - samples[n / 2 - 1]) / 2;

    /* Mean and sum of squared deviations in one pass, without cancellation (Welford, "Note on a method for calculating
     * corrected sums of squares and products", 1962). */
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        double delta = samples[i] - stats.mean;
        stats.mean += delta / (double)(i + 1);
        squares += delta * (samples[i] - stats.mean);
    }
    stats.stddev = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    return stats;
}
