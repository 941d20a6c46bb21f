/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stats.h"

#include "tests/tap.h"

static void test_spread(void)
{
    struct vmtp_spread spread = {0};
    ok(isnan(vmtp_spread_stddev(&spread)), "nothing has no deviation");
    const double samples[] = {4, NAN, 1, INFINITY, 7};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        vmtp_spread_add(&spread, samples[i]);
    ok(spread.n == 3 && spread.min == 1 && spread.max == 7, "samples one by one, without what is no number");
    is_number(spread.mean, 4, "their mean");
    is_number(vmtp_spread_stddev(&spread), 3, "their deviation");
}

/* From the printed tables of the t distribution, and the closed forms for 1, 2 and 4 degrees of freedom. */
static void test_quantiles(void)
{
    static const struct {
        double probability, df, t;
    } known[] = {
        {0.95, 1, 6.313752},   {0.975, 1, 12.706205},  {0.9995, 1, 636.619249}, {0.95, 2, 2.919986},
        {0.975, 2, 4.302653},  {0.995, 2, 9.924843},   {0.975, 3, 3.182446},    {0.995, 3, 5.840909},
        {0.9, 4, 1.533206},    {0.975, 4, 2.776445},   {0.975, 5, 2.570582},    {0.995, 5, 4.032143},
        {0.975, 9, 2.262157},  {0.975, 10, 2.228139},  {0.9995, 10, 4.586894},  {0.975, 18, 2.100922},
        {0.975, 30, 2.042272}, {0.975, 120, 1.979930}, {0.975, 1000, 1.962339}, {0.975, 1e6, 1.959966},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        double t = vmtp_t_quantile(known[i].probability, known[i].df);
        if (!ok(fabs(t - known[i].t) < 6e-7, "t(%g, %g) = %g", known[i].probability, known[i].df, known[i].t))
            printf("# got: %.9f\n", t);
    }
    for (double p = 0.51; p < 0.9999; p += 0.01) {
        double two = (2 * p - 1) / sqrt(2 * p * (1 - p)), one = tan(acos(-1) * (p - 0.5));
        if (fabs(vmtp_t_quantile(p, 2) - two) > 1e-10 * two || fabs(vmtp_t_quantile(p, 1) - one) > 1e-10 * one)
            ok(false, "the closed forms at %g", p);
    }
    is_number(vmtp_t_quantile(0.025, 4), -vmtp_t_quantile(0.975, 4), "symmetric");
    ok(fabs(vmtp_t_quantile(0.5, 7)) < 1e-9, "half of it is below 0");
    double between = vmtp_t_quantile(0.975, 4.5);
    ok(between < 2.776445 && between > 2.570582, "degrees of freedom need not be whole");
    ok(fabs(vmtp_t_quantile(0.975, 1e9) - 1.959964) < 1e-6, "very many are the normal distribution");
}

static struct vmtp_spread spread_of(const double *samples, size_t n)
{
    struct vmtp_spread spread = {0};
    for (size_t i = 0; i < n; i++)
        vmtp_spread_add(&spread, samples[i]);
    return spread;
}

static void test_welch(void)
{
    /* By hand: means 10 and 8, squared errors 1/3 and 4/3, so 5/3; df = (5/3)^2 / ((1/3)^2/2 + (4/3)^2/2) = 50/17. */
    const double ten[] = {9, 10, 11}, eight[] = {6, 8, 10}, same[] = {5, 5, 5}, other[] = {6, 6, 6, 6};
    struct vmtp_spread a = spread_of(ten, 3), b = spread_of(eight, 3), c = spread_of(same, 3), d = spread_of(other, 4);
    struct vmtp_difference difference = vmtp_welch(&a, &b, 0.95);
    is_number(difference.change, -2, "difference of the means");
    is_number(difference.df, 50.0 / 17, "degrees of freedom by Welch and Satterthwaite");
    double half = vmtp_t_quantile(0.975, 50.0 / 17) * sqrt(5.0 / 3);
    is_number(difference.high, -2 + half, "end of the interval");
    is_number(difference.low, -2 - half, "its other end");
    ok(vmtp_welch(&a, &b, 0.5).high < difference.high, "less confidence, a shorter interval");
    difference = vmtp_welch(&c, &d, 0.95);
    ok(difference.change == 1 && difference.low == 1 && difference.high == 1 && isinf(difference.df),
       "samples that do not deviate leave no doubt");
    difference = vmtp_welch(&c, &a, 0.95);
    is_number(difference.df, 2, "when one side does not deviate, the other one decides");
    const double tiny[] = {1e-200, 2e-200, 3e-200};
    struct vmtp_spread e = spread_of(tiny, 3);
    difference = vmtp_welch(&e, &a, 0.95);
    ok(isfinite(difference.low) && isfinite(difference.high), "tiny deviations do not vanish into no number");
}

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
    test_spread();
    test_quantiles();
    test_welch();
    return done_testing();
}
