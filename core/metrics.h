/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of metrics: names, units, which direction is better. */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include <stddef.h>

enum vmtp_better { VMTP_NEITHER, VMTP_HIGHER, VMTP_LOWER };

struct vmtp_metric_info {
    const char *name, *unit;
    enum vmtp_better better;
    const char *help;
};

/* NULL when there is no metric of that name. */
const struct vmtp_metric_info *vmtp_metric_find(const char *name);

/* The i-th metric, NULL past the end. */
const struct vmtp_metric_info *vmtp_metric_at(size_t i);

#endif
