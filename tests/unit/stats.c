/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stats.h"

#include "tests/tap.h"

int main(void)
{
    double odd[] = {4, 1, 7};
    struct vmtp_stats stats = vmtp_stats_of(odd, 3);
    ok(stats.n == 3 && stats.min == 1 && stats.max == 7, "count and extremes");
    is_number(stats.mean, 4, "mean");
    is_number(stats.median, 4, "median of an odd count, unsorted");
    is_number(stats.stddev, 3, "standard deviation of the sample");

    double even[] = {2, 4, 4, 4, 5, 5, 7, 9};
    stats = vmtp_stats_of(even, 8);
    is_number(stats.median, 4.5, "median of an even count");
    is_number(stats.stddev, sqrt(32.0 / 7), "the divisor is n - 1");

    double one[] = {5e9};
    stats = vmtp_stats_of(one, 1);
    ok(stats.mean == 5e9 && stats.median == 5e9 && stats.stddev == 0, "one sample does not deviate");
    stats = vmtp_stats_of(NULL, 0);
    ok(stats.n == 0 && stats.mean == 0, "no sample");

    double close[] = {1e15 + 1, 1e15 + 2, 1e15 + 3};
    is_number(vmtp_stats_of(close, 3).stddev, 1, "large numbers that are close together do not cancel out");
    double huge[] = {1e308, 1.5e308};
    ok(isfinite(vmtp_stats_of(huge, 2).median), "the median of huge numbers does not overflow");
    return done_testing();
}
