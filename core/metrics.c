/* SPDX-License-Identifier: Apache-2.0 */
#include "core/metrics.h"

#include <string.h>

#define METRIC(name, unit, better, help) {name, unit, VMTP_##better, help},
static const struct vmtp_metric_info metrics[] = {
#include "core/metrics.def"
};
#undef METRIC

enum { METRICS = sizeof metrics / sizeof metrics[0] };

const struct vmtp_metric_info *vmtp_metric_at(size_t i)
{
    return i < METRICS ? &metrics[i] : NULL;
}

const struct vmtp_metric_info *vmtp_metric_find(const char *name)
{
    for (size_t i = 0; i < METRICS; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return &metrics[i];
    return NULL;
}
