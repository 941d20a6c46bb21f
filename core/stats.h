/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics over the samples of one quantity. */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <stdbool.h>
#include <stddef.h>

#include "vmtp/plugin.h"

struct vmtp_stats {
    size_t n;
    double min, max, mean, median;
    double stddev; /* of the sample: the divisor is n - 1; 0 for less than two samples */
};

/* Sorts the samples, which must be finite. All members are 0 for none. */
struct vmtp_stats vmtp_stats_of(double *samples, size_t n);

/* The same, but the median, of samples that come one by one. Start it as {0}. */
struct vmtp_spread {
    size_t n;
    double min, max, mean, squares; /* squares: sum of the squared distances from the mean */
};
VMTP_PUBLIC void vmtp_spread_add(struct vmtp_spread *spread, double value); /* what is not finite is not counted */
VMTP_PUBLIC double vmtp_spread_stddev(const struct vmtp_spread *spread);    /* of the sample; NAN for less than two */

/* Student's t: what a value is below with this probability, which is between 0 and 1, for df > 0 degrees of freedom.
 * The tail is half the regularized incomplete beta function I_x(df/2, 1/2) at x = df / (df + t^2), computed by its
 * continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22) with the modified method of Lentz
 * (Thompson and Barnett, "Coulomb and Bessel functions of complex arguments and order", 1986), and inverted by
 * bisection: 10 digits up to a thousand degrees of freedom, 6 up to a thousand million. */
double vmtp_t_quantile(double probability, double df);

/* How much larger the mean behind the samples of b is than that of a. */
struct vmtp_difference {
    double change;    /* of the means */
    double low, high; /* the interval that holds the true change with the confidence asked for */
    double df;        /* by Welch and Satterthwaite; INFINITY when no sample deviates */
};

/* By Welch's t for unequal variances (B. L. Welch, "The generalization of 'Student's' problem when several different
 * population variances are involved", 1947): change -/+ t(df) * sqrt(s_a^2 / n_a + s_b^2 / n_b). Both sides need two
 * samples. */
struct vmtp_difference vmtp_welch(const struct vmtp_spread *a, const struct vmtp_spread *b, double confidence);

#endif
