/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stats.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Mean and sum of squared deviations in one pass, without cancellation (Welford, "Note on a method for calculating
 * corrected sums of squares and products", 1962). */
void vmtp_spread_add(struct vmtp_spread *spread, double value)
{
    if (!isfinite(value))
        return;
    spread->n++;
    spread->min = spread->n == 1 || value < spread->min ? value : spread->min;
    spread->max = spread->n == 1 || value > spread->max ? value : spread->max;
    double distance = value - spread->mean;
    spread->mean += distance / (double)spread->n;
    spread->squares += distance * (value - spread->mean);
}

double vmtp_spread_stddev(const struct vmtp_spread *spread)
{
    return spread->n < 2 ? NAN : sqrt(spread->squares / (double)(spread->n - 1));
}

struct vmtp_stats vmtp_stats_of(double *samples, size_t n)
{
    if (n == 0)
        return (struct vmtp_stats){0};
    struct vmtp_spread spread = {0};
    qsort(samples, n, sizeof samples[0], by_size);
    for (size_t i = 0; i < n; i++)
        vmtp_spread_add(&spread, samples[i]);
    return (struct vmtp_stats){
        .n = n,
        .min = samples[0],
        .max = samples[n - 1],
        .mean = spread.mean,
        .median = n % 2 ? samples[n / 2] : samples[n / 2 - 1] + (samples[n / 2] - samples[n / 2 - 1]) / 2,
        .stddev = n > 1 ? vmtp_spread_stddev(&spread) : 0,
    };
}

/* --- Student's t --- */

/* The continued fraction of the incomplete beta function; it converges fast for x below (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    enum { TURNS_MAX = 100000 };
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
    double fraction = d;
    for (int m = 1; m <= TURNS_MAX; m++) {
        const double terms[] = {
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        };
        double step = 1;
        for (int half = 0; half < 2; half++) {
            d = 1 + terms[half] * d;
            c = 1 + terms[half] / c;
            c = fabs(c) < DBL_MIN ? DBL_MIN : c;
            d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
            step = c * d;
            fraction *= step;
        }
        if (fabs(step - 1) < DBL_EPSILON)
            break;
    }
    return fraction;
}

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* I_x(a, b); y is 1 - x, which the caller knows without cancellation. */
static double incomplete_beta(double a, double b, double x, double y)
{
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log(y));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, y) / b;
}

/* How probable a value above t is; t >= 0. */
static double t_tail(double t, double df)
{
    double square = t * t;
    return incomplete_beta(df / 2, 0.5, df / (df + square), square / (df + square)) / 2;
}

double vmtp_t_quantile(double probability, double df)
{
    if (probability < 0.5)
        return -vmtp_t_quantile(1 - probability, df);
    double tail = 1 - probability, low = 0, high = 1;
    while (t_tail(high, df) > tail && high < DBL_MAX / 4)
        high *= 2;
    for (double middle = high / 2; low < middle && middle < high; middle = low + (high - low) / 2) {
        if (t_tail(middle, df) > tail)
            low = middle;
        else
            high = middle;
    }
    return high;
}

struct vmtp_difference vmtp_welch(const struct vmtp_spread *a, const struct vmtp_spread *b, double confidence)
{
    struct vmtp_difference difference = {.change = b->mean - a->mean, .df = INFINITY};
    double n_a = (double)a->n, n_b = (double)b->n;
    double of_a = a->squares / (n_a - 1) / n_a, of_b = b->squares / (n_b - 1) / n_b, sum = of_a + of_b, half = 0;
    if (sum > 0) {
        double share_a = of_a / sum, share_b = of_b / sum; /* the squares of tiny and of huge variances are none */
        difference.df = 1 / (share_a * share_a / (n_a - 1) + share_b * share_b / (n_b - 1));
        half = vmtp_t_quantile(1 - (1 - confidence) / 2, difference.df) * sqrt(sum);
    }
    difference.low = difference.change - half;
    difference.high = difference.change + half;
    return difference;
}
