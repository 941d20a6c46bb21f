/* SPDX-License-Identifier: Apache-2.0 */
/* A comparison for programs: as JSON, and as the XML that CI systems read as a JUnit report. */
#include <math.h>
#include <string.h>

#include "core/compare.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "core/util/str.h"
#include "core/util/xml.h"

enum { SCHEMA_VERSION = 1, DIGITS = 12, TEXT_MAX = 2000, SUMMARY_MAX = 64 << 20 };

static const char *const side_names[VMTP_SIDES] = {"old", "new"};

/* --- JSON; NULL means out of memory, and stays so: *object is what is built --- */

static void set(json_t **object, const char *name, json_t *value)
{
    if (!*object || !value || json_object_set_new(*object, name, value) < 0) {
        if (!*object)
            json_decref(value);
        json_decref(*object);
        *object = NULL;
    }
}

/* Text of any length and origin; NULL is null. */
static void set_text(json_t **object, const char *name, const char *text)
{
    set(object, name, text ? json_string(text) : json_null());
}

/* Text of a command line: it need not be UTF-8. */
static void set_argument(json_t **object, const char *name, const char *text)
{
    VMTP_CLEAN(mem) char *shown = strdup(text);
    if (shown)
        vmtp_printable(shown);
    set(object, name, shown ? json_string(shown) : NULL);
}

static void set_number(json_t **object, const char *name, double value)
{
    set(object, name, isfinite(value) ? json_real(value) : json_null());
}

static void add(json_t **array, json_t *value)
{
    if (!*array || !value || json_array_append_new(*array, value) < 0) {
        if (!*array)
            json_decref(value);
        json_decref(*array);
        *array = NULL;
    }
}

static json_t *json_of_spread(const struct vmtp_spread *spread)
{
    json_t *object = json_object();
    set(&object, "n", json_integer((json_int_t)spread->n));
    set_number(&object, "mean", spread->n ? spread->mean : NAN);
    set_number(&object, "stddev", vmtp_spread_stddev(spread));
    return object;
}

/* A share of OLD's mean, in percent. */
static double percent_of(const struct vmtp_change *change, double value)
{
    double old = change->side[VMTP_OLD].mean;
    return old > 0 ? value / old * 100 : NAN;
}

static json_t *json_of_change(const struct vmtp_change *change)
{
    static const char *const verdicts[] = {
        [VMTP_UNKNOWN] = "cannot_tell",
        [VMTP_WORSE] = "worse",
        [VMTP_BETTER] = "better",
        [VMTP_NO_CHANGE] = "no_sure_change",
    };
    const struct vmtp_difference *difference = &change->difference;
    char text[VMTP_COMPARE_TEXT];
    json_t *object = json_object();
    set_text(&object, "metric", change->metric->name);
    set_text(&object, "unit", change->metric->unit);
    set_text(&object, "better", change->metric->better == VMTP_HIGHER ? "higher" : "lower");
    for (size_t side = 0; side < VMTP_SIDES; side++)
        set(&object, side_names[side], json_of_spread(&change->side[side]));
    set_number(&object, "change", difference->change);
    set_number(&object, "change_percent", percent_of(change, difference->change));
    set_text(&object, "result", verdicts[change->verdict]);
    if (change->known) {
        set(&object, "interval", json_pack("[f, f]", difference->low, difference->high));
        if (change->side[VMTP_OLD].mean > 0)
            set(&object, "interval_percent", json_pack("[f, f]", percent_of(change, difference->low),
                                                       percent_of(change, difference->high)));
        set_number(&object, "degrees_of_freedom", difference->df);
    } else {
        set_text(&object, "reason", vmtp_unknown_text(change, text));
    }
    return object;
}

static void set_case(json_t **object, const struct vmtp_case *of)
{
    set_text(object, "protocol", vmtp_result_proto_name(of->proto));
    if (of->size >= 0)
        set(object, "size", json_integer(of->size));
    set_text(object, "direction", of->reverse ? "reverse" : "forward");
}

static json_t *json_of_case(const struct vmtp_case *of)
{
    static const char *const states[] = {
        [VMTP_CASE_BOTH] = "both",       [VMTP_CASE_FAILED] = "failed", [VMTP_CASE_MISSING] = "missing",
        [VMTP_CASE_NEW] = "only_in_new", [VMTP_CASE_NONE] = "none",
    };
    json_t *object = json_object(), *changes = json_array();
    set_case(&object, of);
    set_text(&object, "state", states[of->state]);
    if (of->error[VMTP_OLD])
        set_text(&object, "old_error", of->error[VMTP_OLD]);
    if (of->error[VMTP_NEW])
        set_text(&object, "new_error", of->error[VMTP_NEW]);
    for (size_t i = 0; i < of->n_changes; i++)
        add(&changes, json_of_change(&of->changes[i]));
    set(&object, "changes", changes);
    return object;
}

static json_t *json_of_pair(const struct vmtp_flow_pair *pair)
{
    json_t *object = json_object(), *cases = json_array();
    set_text(&object, "flow", vmtp_pair_name(pair));
    for (size_t side = 0; side < VMTP_SIDES; side++)
        set_text(&object, side ? "new_id" : "old_id",
                 pair->flow[side] ? vmtp_result_text(pair->flow[side]->json, "id") : NULL);
    set_text(&object, "paired_by", !pair->flow[VMTP_OLD] || !pair->flow[VMTP_NEW] ? NULL
                                   : pair->by_id                                  ? "id"
                                                                                  : "description");
    set_text(&object, "state", !pair->flow[VMTP_NEW]   ? "missing"
                               : !pair->flow[VMTP_OLD] ? "only_in_new"
                                                       : "both");
    for (size_t i = 0; i < pair->n_cases; i++)
        add(&cases, json_of_case(&pair->cases[i]));
    set(&object, "measured", cases);
    return object;
}

static const char *outcome_word(enum vmtp_outcome outcome)
{
    static const char *const words[] = {
        [VMTP_GATE_PASSES] = "passed", [VMTP_GATE_CANNOT_TELL] = "cannot_tell", [VMTP_GATE_FAILS] = "failed"};
    return words[outcome];
}

static void add_judgement(void *arg, const struct vmtp_gate *gate, const struct vmtp_judgement *judgement)
{
    json_t **list = arg, *object = json_object();
    set_text(&object, "flow", vmtp_pair_name(judgement->pair));
    set_case(&object, judgement->of);
    if (gate->metric)
        set_text(&object, "metric", gate->metric->name);
    set_text(&object, "result", outcome_word(judgement->outcome));
    set_text(&object, "reason", judgement->reason);
    add(list, object);
}

static json_t *json_of_gate(const struct vmtp_comparison *comparison, const struct vmtp_gate *gate)
{
    size_t count[VMTP_GATE_FAILS + 1];
    json_t *object = json_object(), *list = json_array();
    enum vmtp_outcome outcome = vmtp_gate_judge(comparison, gate, add_judgement, &list, count);
    set_argument(&object, "gate", gate->text);
    set_text(&object, "result", outcome_word(outcome));
    set(&object, "judged", list);
    return object;
}

static json_t *json_of_side(const struct vmtp_comparison *comparison, size_t side)
{
    static const char *const members[] = {"date", "date_utc", "run_id", "run_uuid", "version", "test_description"};
    json_t *object = json_object();
    set_argument(&object, "file", comparison->file[side] ? comparison->file[side] : "");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (vmtp_result_text(comparison->document[side], members[i]))
            set_text(&object, members[i], vmtp_result_text(comparison->document[side], members[i]));
    return object;
}

static json_t *json_of_warnings(const struct vmtp_comparison *comparison)
{
    static const char *const members[] = {"what", "text", "old", "new", "flow", "flows"};
    json_t *list = json_array(), *warning;
    size_t i;
    json_array_foreach(comparison->warnings, i, warning) {
        json_t *object = json_object();
        for (size_t k = 0; k < sizeof members / sizeof members[0]; k++)
            if (json_object_get(warning, members[k]))
                set(&object, members[k], json_incref(json_object_get(warning, members[k])));
        add(&list, object);
    }
    return list;
}

int vmtp_compare_json(FILE *out, const struct vmtp_comparison *comparison)
{
    VMTP_CLEAN(json) json_t *object = json_object();
    json_t *flows = json_array(), *gates = json_array();
    set(&object, "schema_version", json_integer(SCHEMA_VERSION));
    set_number(&object, "confidence", 0.95);
    for (size_t side = 0; side < VMTP_SIDES; side++)
        set(&object, side_names[side], json_of_side(comparison, side));
    for (size_t i = 0; i < comparison->n_pairs; i++)
        add(&flows, json_of_pair(&comparison->pairs[i]));
    for (size_t i = 0; i < comparison->n_gates; i++)
        add(&gates, json_of_gate(comparison, &comparison->gates[i]));
    set(&object, "flows", flows);
    set(&object, "gates", gates);
    set(&object, "warnings", json_of_warnings(comparison));
    set_text(&object, "result", outcome_word(vmtp_compare_outcome(comparison)));
    VMTP_CLEAN(mem) char *text = vmtp_json_dump(object, JSON_INDENT(4) | JSON_SORT_KEYS | JSON_ENSURE_ASCII |
                                                            JSON_REAL_PRECISION(DIGITS));
    if (!text)
        return VMTP_ENOMEM;
    fprintf(out, "%s\n", text);
    return VMTP_OK;
}

/* --- JUnit --- */

/* A suite on its way: without out, its cases are only counted. */
struct suite {
    FILE *out;
    bool strict, no_memory;
    size_t tests, failed, skipped;
};

/* Hostile and of any length, for a quoted attribute. */
static void put_attribute(FILE *out, const char *text)
{
    char shown[TEXT_MAX + 1];
    snprintf(shown, sizeof shown, "%s", text);
    vmtp_printable(shown);
    vmtp_put_xml(out, shown);
}

/* message: why it has failed or was skipped. numbers: "" for none. */
static void put_case(struct suite *suite, const char *class, const char *name, enum vmtp_outcome outcome,
                     const char *message, const char *numbers)
{
    bool failed = outcome == VMTP_GATE_FAILS, skipped = outcome == VMTP_GATE_CANNOT_TELL;
    suite->tests++;
    suite->failed += failed;
    suite->skipped += skipped;
    if (!suite->out)
        return;
    fputs("    <testcase classname=\"", suite->out);
    put_attribute(suite->out, class);
    fputs("\" name=\"", suite->out);
    put_attribute(suite->out, name);
    fputs("\">", suite->out);
    if (failed || skipped) {
        fprintf(suite->out, "<%s message=\"", failed ? "failure" : "skipped");
        put_attribute(suite->out, message);
        fputs("\"/>", suite->out);
    }
    if (*numbers) {
        fputs("<system-out>", suite->out);
        vmtp_put_xml(suite->out, numbers);
        fputs("</system-out>", suite->out);
    }
    fputs("</testcase>\n", suite->out);
}

enum { NUMBERS_MAX = 4 * VMTP_COMPARE_TEXT + 64 };

/* "2.41 Gbit/s, 2.30 Gbit/s: -4.5 % (-12.0 % to +3.1 %), no sure change" */
static const char *numbers_of(const struct vmtp_change *change, char out[NUMBERS_MAX])
{
    char side[VMTP_SIDES][VMTP_COMPARE_TEXT] = {"-", "-"}, text[VMTP_COMPARE_TEXT], interval[VMTP_COMPARE_TEXT];
    for (size_t i = 0; i < VMTP_SIDES; i++)
        if (change->side[i].n)
            vmtp_metric_text(change->metric, change->side[i].mean, side[i]);
    vmtp_interval_text(change, interval);
    snprintf(out, NUMBERS_MAX, "%s, %s: %s%s%s%s, %s", side[VMTP_OLD], side[VMTP_NEW],
             vmtp_change_text(change, change->difference.change, text), *interval ? " (" : "", interval,
             *interval ? ")" : "", vmtp_verdict_text(change->verdict));
    return out;
}

/* Numbers alone neither pass nor fail: what is known of them passes, what is not was skipped. */
static void put_changes(struct suite *suite, const struct vmtp_flow_pair *pair, const struct vmtp_case *of)
{
    static const char *const reasons[] = {
        [VMTP_CASE_FAILED] = "measured in OLD, failed in NEW",
        [VMTP_CASE_MISSING] = "measured in OLD, not measured in NEW",
        [VMTP_CASE_NEW] = "measured in NEW only",
    };
    char name[VMTP_COMPARE_TEXT], text[VMTP_COMPARE_TEXT + 40], unknown[VMTP_COMPARE_TEXT], numbers[NUMBERS_MAX];
    for (size_t i = 0; i < of->n_changes; i++) {
        const struct vmtp_change *change = &of->changes[i];
        const char *reason = of->state == VMTP_CASE_BOTH ? vmtp_unknown_text(change, unknown) : reasons[of->state];
        snprintf(text, sizeof text, "%s %s", vmtp_case_name(of, name), change->metric->name);
        put_case(suite, vmtp_pair_name(pair), text, change->known ? VMTP_GATE_PASSES : VMTP_GATE_CANNOT_TELL, reason,
                 numbers_of(change, numbers));
    }
}

static void put_judged(void *arg, const struct vmtp_gate *gate, const struct vmtp_judgement *judgement)
{
    struct suite *suite = arg;
    char name[VMTP_COMPARE_TEXT], numbers[NUMBERS_MAX] = "";
    bool strict = suite->strict && judgement->outcome == VMTP_GATE_CANNOT_TELL;
    VMTP_CLEAN(mem) char *text = vmtp_format("%s: %s", gate->text, vmtp_case_name(judgement->of, name));
    VMTP_CLEAN(mem) char *message = vmtp_format("%s%s", strict ? "cannot tell: " : "", judgement->reason);
    suite->no_memory = suite->no_memory || !text || !message;
    if (judgement->change)
        numbers_of(judgement->change, numbers);
    if (text && message)
        put_case(suite, vmtp_pair_name(judgement->pair), text, strict ? VMTP_GATE_FAILS : judgement->outcome, message,
                 numbers);
}

static void put_cases(struct suite *suite, const struct vmtp_comparison *comparison, const struct vmtp_flow_pair *pair)
{
    size_t count[VMTP_GATE_FAILS + 1] = {0};
    for (size_t i = 0; i < pair->n_cases; i++)
        put_changes(suite, pair, &pair->cases[i]);
    for (size_t i = 0; i < comparison->n_gates; i++)
        vmtp_gate_judge_pair(&comparison->gates[i], pair, put_judged, suite, count);
}

/* Gates that look at nothing: not in the suite of any flow. */
static void put_idle_gates(struct suite *suite, const struct vmtp_comparison *comparison)
{
    for (size_t i = 0; i < comparison->n_gates; i++) {
        size_t count[VMTP_GATE_FAILS + 1];
        vmtp_gate_judge(comparison, &comparison->gates[i], NULL, NULL, count);
        if (!count[VMTP_GATE_PASSES] && !count[VMTP_GATE_CANNOT_TELL] && !count[VMTP_GATE_FAILS])
            put_case(suite, "gates", comparison->gates[i].text,
                     comparison->strict ? VMTP_GATE_FAILS : VMTP_GATE_CANNOT_TELL,
                     "nothing in OLD is what it looks at", "");
    }
}

static void put_counts(FILE *out, const struct suite *suite)
{
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\"", suite->tests, suite->failed,
            suite->skipped);
}

/* pair: NULL for the gates that look at nothing. */
static struct suite fill_suite(FILE *out, const struct vmtp_comparison *comparison, const struct vmtp_flow_pair *pair)
{
    struct suite suite = {.out = out, .strict = comparison->strict};
    if (pair)
        put_cases(&suite, comparison, pair);
    else
        put_idle_gates(&suite, comparison);
    return suite;
}

/* False when out of memory. */
static bool put_suite(FILE *out, const struct vmtp_comparison *comparison, const struct vmtp_flow_pair *pair)
{
    struct suite counted = fill_suite(NULL, comparison, pair);
    fputs("  <testsuite name=\"", out);
    put_attribute(out, pair ? vmtp_pair_name(pair) : "gates");
    fputc('"', out);
    put_counts(out, &counted);
    fputs(">\n", out);
    struct suite written = fill_suite(out, comparison, pair);
    fputs("  </testsuite>\n", out);
    return !counted.no_memory && !written.no_memory;
}

int vmtp_compare_junit(FILE *out, const struct vmtp_comparison *comparison)
{
    struct suite all = fill_suite(NULL, comparison, NULL);
    bool idle = all.tests > 0;
    VMTP_CLEAN(buf) struct vmtp_buf warnings = VMTP_BUF(SUMMARY_MAX);
    for (size_t i = 0; i < comparison->n_pairs; i++) {
        struct suite suite = fill_suite(NULL, comparison, &comparison->pairs[i]);
        all.tests += suite.tests;
        all.failed += suite.failed;
        all.skipped += suite.skipped;
        all.no_memory = all.no_memory || suite.no_memory;
    }
    FILE *summary = vmtp_buf_open(&warnings);
    if (!summary)
        return VMTP_ENOMEM;
    vmtp_compare_summary(summary, comparison);
    bool failed = fclose(summary) != 0;
    failed = (failed && !warnings.cut) || all.no_memory;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vmtp compare\"", out);
    put_counts(out, &all);
    fputs(">\n", out);
    for (size_t i = 0; i < comparison->n_pairs; i++)
        failed = !put_suite(out, comparison, &comparison->pairs[i]) || failed;
    if (idle)
        failed = !put_suite(out, comparison, NULL) || failed;
    fputs("  <testsuite name=\"comparison\" tests=\"0\" failures=\"0\" errors=\"0\" skipped=\"0\"><system-out>", out);
    vmtp_put_xml(out, vmtp_buf_text(&warnings));
    fputs("</system-out></testsuite>\n</testsuites>\n", out);
    return failed ? VMTP_ENOMEM : VMTP_OK;
}
