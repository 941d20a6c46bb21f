/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "core/compare.h"
#include "core/util/cleanup.h"

enum { SHOWN_MAX = 240 }; /* bytes of a text of others */

static bool is_ratio(const struct vmtp_metric_info *metric)
{
    return strcmp(metric->unit, "ratio") == 0;
}

const char *vmtp_case_name(const struct vmtp_case *of, char out[VMTP_COMPARE_TEXT])
{
    char size[32] = "";
    if (of->size >= 0)
        snprintf(size, sizeof size, " %lld B", of->size);
    snprintf(out, VMTP_COMPARE_TEXT, "%s%s%s", vmtp_result_proto_name(of->proto), size, of->reverse ? ", reverse" : "");
    return out;
}

const char *vmtp_metric_text(const struct vmtp_metric_info *metric, double value, char out[VMTP_COMPARE_TEXT])
{
    char text[VMTP_UNIT_TEXT];
    if (strcmp(metric->unit, "bit/s") == 0)
        snprintf(out, VMTP_COMPARE_TEXT, "%s", vmtp_print_rate(value, text));
    else if (strcmp(metric->unit, "s") == 0)
        snprintf(out, VMTP_COMPARE_TEXT, "%s", vmtp_print_seconds(value, text));
    else if (is_ratio(metric))
        snprintf(out, VMTP_COMPARE_TEXT, "%.2f %%", value * 100);
    else
        snprintf(out, VMTP_COMPARE_TEXT, "%.*f", value < 99.95 && value != floor(value) ? 1 : 0, value);
    return out;
}

/* With its sign, but none when it is shown as 0. */
static void put_signed(char out[VMTP_COMPARE_TEXT], double value, int decimals, const char *unit)
{
    bool zero = fabs(value) * pow(10, decimals) < 0.5;
    snprintf(out, VMTP_COMPARE_TEXT, zero ? "%.*f %s" : "%+.*f %s", decimals, zero ? 0 : value, unit);
}

const char *vmtp_change_text(const struct vmtp_change *change, double value, char out[VMTP_COMPARE_TEXT])
{
    char text[VMTP_COMPARE_TEXT];
    double old = change->side[VMTP_OLD].mean;
    if (isnan(value))
        snprintf(out, VMTP_COMPARE_TEXT, "-");
    else if (is_ratio(change->metric))
        put_signed(out, value * 100, 2, "pp");
    else if (old > 0)
        put_signed(out, value / old * 100, 1, "%");
    else
        snprintf(out, VMTP_COMPARE_TEXT, "%s%s", value < 0 ? "-" : value > 0 ? "+" : "",
                 vmtp_metric_text(change->metric, fabs(value), text));
    return out;
}

const char *vmtp_interval_text(const struct vmtp_change *change, char out[VMTP_COMPARE_TEXT])
{
    char low[VMTP_COMPARE_TEXT], high[VMTP_COMPARE_TEXT];
    out[0] = '\0';
    if (change->known)
        snprintf(out, VMTP_COMPARE_TEXT, "%.40s to %.40s", vmtp_change_text(change, change->difference.low, low),
                 vmtp_change_text(change, change->difference.high, high));
    return out;
}

const char *vmtp_verdict_text(enum vmtp_verdict verdict)
{
    static const char *const words[] = {
        [VMTP_UNKNOWN] = "cannot tell",
        [VMTP_WORSE] = "worse",
        [VMTP_BETTER] = "better",
        [VMTP_NO_CHANGE] = "no sure change",
    };
    return words[verdict];
}

const char *vmtp_unknown_text(const struct vmtp_change *change, char out[VMTP_COMPARE_TEXT])
{
    size_t old = change->side[VMTP_OLD].n, new = change->side[VMTP_NEW].n;
    snprintf(out, VMTP_COMPARE_TEXT, "%zu sample%s in OLD, %zu in NEW: %d on both sides are needed", old,
             old == 1 ? "" : "s", new, VMTP_SAMPLES_LEAST);
    return out;
}

const char *vmtp_outcome_text(enum vmtp_outcome outcome)
{
    static const char *const words[] = {
        [VMTP_GATE_PASSES] = "passed", [VMTP_GATE_CANNOT_TELL] = "cannot tell", [VMTP_GATE_FAILS] = "FAILED"};
    return words[outcome];
}

const char *vmtp_pair_name(const struct vmtp_flow_pair *pair)
{
    return (pair->flow[VMTP_OLD] ? pair->flow[VMTP_OLD] : pair->flow[VMTP_NEW])->desc;
}

void vmtp_put_text(FILE *out, const char *text)
{
    char shown[SHOWN_MAX + 1];
    size_t n = strlen(text);
    bool cut = n > SHOWN_MAX;
    for (n = cut ? SHOWN_MAX : n; cut && n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;)
        n--; /* not within a character */
    memcpy(shown, text, n);
    shown[n] = '\0';
    vmtp_printable(shown);
    fprintf(out, "%s%s", shown, cut ? "..." : "");
}
