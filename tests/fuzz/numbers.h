/* SPDX-License-Identifier: Apache-2.0 */
/* What must be true of the numbers that a tool's parser gives. */
#ifndef TESTS_FUZZ_NUMBERS_H
#define TESTS_FUZZ_NUMBERS_H

#include "core/metrics.h"
#include "plugins/tools/common.h"
#include "tests/fuzz/fuzz.h"

/* "seconds" is the length of an interval in nuttcp's rows, no metric. "owd" holds the difference of two clocks. */
static void hold_numbers(const struct vmtp_numbers *numbers)
{
    FUZZ_HOLDS(numbers->n <= VMTP_NUMBERS_MAX);
    for (size_t i = 0; i < numbers->n; i++) {
        const struct vmtp_value *item = &numbers->items[i];
        FUZZ_HOLDS(isfinite(item->value) && (item->value >= 0 || strcmp(item->metric, "owd") == 0));
        FUZZ_HOLDS(vmtp_metric_find(item->metric) || strcmp(item->metric, "seconds") == 0);
        FUZZ_HOLDS(strcmp(item->metric, "loss") != 0 || item->value <= 1);
    }
}

#endif
