/* SPDX-License-Identifier: Apache-2.0 */
/* A comparison as text. */
#include <math.h>
#include <string.h>

#include "core/compare.h"

enum { MEASURED, METRIC, OLD_MEAN, NEW_MEAN, SAMPLES, CHANGE, INTERVAL, VERDICT, COLUMNS };

struct row {
    char cell[COLUMNS][VMTP_COMPARE_TEXT];
};

static const char *const titles[COLUMNS] = {
    "Measured", "Metric", "OLD", "NEW", "Samples", "Change", "95 % interval", "Result",
};

static void mean_text(const struct vmtp_change *change, size_t side, char out[VMTP_COMPARE_TEXT])
{
    if (change->side[side].n)
        vmtp_metric_text(change->metric, change->side[side].mean, out);
    else
        snprintf(out, VMTP_COMPARE_TEXT, "-");
}

static const char *result_text(const struct vmtp_case *of, const struct vmtp_change *change)
{
    if (of->state == VMTP_CASE_FAILED)
        return "FAILED in NEW";
    if (of->state == VMTP_CASE_MISSING)
        return "missing in NEW";
    return of->state == VMTP_CASE_NEW ? "only in NEW" : vmtp_verdict_text(change->verdict);
}

static void change_row(struct row *row, const struct vmtp_case *of, const struct vmtp_change *change)
{
    vmtp_case_name(of, row->cell[MEASURED]);
    snprintf(row->cell[METRIC], VMTP_COMPARE_TEXT, "%s", change->metric->name);
    mean_text(change, VMTP_OLD, row->cell[OLD_MEAN]);
    mean_text(change, VMTP_NEW, row->cell[NEW_MEAN]);
    snprintf(row->cell[SAMPLES], VMTP_COMPARE_TEXT, "%zu, %zu", change->side[VMTP_OLD].n, change->side[VMTP_NEW].n);
    vmtp_change_text(change, change->difference.change, row->cell[CHANGE]);
    vmtp_interval_text(change, row->cell[INTERVAL]);
    snprintf(row->cell[VERDICT], VMTP_COMPARE_TEXT, "%s", result_text(of, change));
}

/* Calls use for each row of the table. */
static void each_row(const struct vmtp_flow_pair *pair, void (*use)(void *arg, const struct row *row), void *arg)
{
    struct row row;
    for (size_t i = 0; i < pair->n_cases; i++)
        for (size_t k = 0; k < pair->cases[i].n_changes; k++) {
            change_row(&row, &pair->cases[i], &pair->cases[i].changes[k]);
            use(arg, &row);
        }
}

/* --- layout --- */

struct table {
    FILE *out;
    int width[COLUMNS];
};

static void measure(void *arg, const struct row *row)
{
    struct table *table = arg;
    for (size_t i = 0; i < COLUMNS; i++) {
        int width = (int)strlen(row->cell[i]);
        table->width[i] = width > table->width[i] ? width : table->width[i];
    }
}

static bool is_right(size_t column)
{
    return column == OLD_MEAN || column == NEW_MEAN || column == CHANGE || column == INTERVAL;
}

static void draw(void *arg, const struct row *row)
{
    const struct table *table = arg;
    for (size_t i = 0; i < COLUMNS; i++)
        if (i + 1 == COLUMNS)
            fprintf(table->out, "  %s\n", row->cell[i]);
        else
            fprintf(table->out, "  %*s", is_right(i) ? table->width[i] : -table->width[i], row->cell[i]);
}

static void draw_head(const struct table *table)
{
    struct row head, line;
    for (size_t i = 0; i < COLUMNS; i++) {
        snprintf(head.cell[i], VMTP_COMPARE_TEXT, "%s", titles[i]);
        memset(line.cell[i], '-', VMTP_COMPARE_TEXT - 1);
        line.cell[i][table->width[i]] = '\0';
    }
    draw((void *)table, &head);
    draw((void *)table, &line);
}

/* --- what is above and below the table --- */

static void put_side(FILE *out, const struct vmtp_comparison *comparison, size_t side)
{
    static const char *const names[VMTP_SIDES] = {"OLD", "NEW"};
    static const char *const members[] = {"date", "version", "run_id", "test_description"};
    const json_t *document = comparison->document[side];
    fprintf(out, "%s  ", names[side]);
    vmtp_put_text(out, comparison->file[side] ? comparison->file[side] : "-");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (vmtp_result_text(document, members[i])) {
            fputs(i == 1 ? ", vmtp " : i == 2 ? ", run " : ", ", out);
            vmtp_put_text(out, vmtp_result_text(document, members[i]));
        }
    fputc('\n', out);
}

static void put_warnings(FILE *out, const struct vmtp_comparison *comparison)
{
    size_t i;
    json_t *warning;
    json_array_foreach(comparison->warnings, i, warning) {
        json_int_t flows = json_integer_value(json_object_get(warning, "flows"));
        fputs("WARNING ", out);
        if (json_object_get(warning, "text")) {
            vmtp_put_text(out, vmtp_result_text(warning, "text"));
        } else {
            vmtp_put_text(out, vmtp_result_text(warning, "what"));
            fputs(": ", out);
            vmtp_put_text(out, vmtp_result_text(warning, "old"));
            fputs(" in OLD, ", out);
            vmtp_put_text(out, vmtp_result_text(warning, "new"));
            fputs(" in NEW (", out);
            vmtp_put_text(out, vmtp_result_text(warning, "flow"));
            if (flows > 1)
                fprintf(out, " and %lld more", (long long)flows - 1);
            fputc(')', out);
        }
        fputc('\n', out);
    }
}

static void put_error(FILE *out, const char *what, const char *error)
{
    fprintf(out, "  %s: ", what);
    vmtp_put_text(out, error);
    fputc('\n', out);
}

/* What the rows do not say: failures, and flows without a partner. */
static void put_troubles(FILE *out, const struct vmtp_flow_pair *pair)
{
    static const char *const sides[VMTP_SIDES] = {"OLD", "NEW"};
    char name[VMTP_COMPARE_TEXT], what[VMTP_COMPARE_TEXT + 40];
    if (!pair->flow[VMTP_NEW])
        fputs("  not in NEW: what was measured here in OLD has no partner\n", out);
    if (!pair->flow[VMTP_OLD])
        fputs("  only in NEW: nothing to compare with\n", out);
    for (size_t side = 0; side < VMTP_SIDES; side++)
        if (pair->flow[side] && pair->flow[side]->error) {
            snprintf(what, sizeof what, "failed in %s", sides[side]);
            put_error(out, what, pair->flow[side]->error);
        }
    for (size_t i = 0; i < pair->n_cases; i++)
        for (size_t side = 0; side < VMTP_SIDES; side++) {
            const char *error = pair->cases[i].error[side];
            if (!error || (pair->flow[side] && pair->flow[side]->error && strcmp(pair->flow[side]->error, error) == 0))
                continue;
            snprintf(what, sizeof what, "%s failed in %s", vmtp_case_name(&pair->cases[i], name), sides[side]);
            put_error(out, what, error);
        }
}

static void draw_pair(struct table *table, const struct vmtp_flow_pair *pair)
{
    fputc('\n', table->out);
    vmtp_put_text(table->out, vmtp_pair_name(pair));
    fputc('\n', table->out);
    put_troubles(table->out, pair);
    each_row(pair, draw, table);
}

/* --- gates --- */

enum { DETAILS_MAX = 50 };

struct details {
    FILE *out;
    enum vmtp_outcome outcome; /* the one that is listed */
    size_t n;
};

static void put_judgement(void *arg, const struct vmtp_gate *gate, const struct vmtp_judgement *judgement)
{
    struct details *details = arg;
    char name[VMTP_COMPARE_TEXT], change[VMTP_COMPARE_TEXT], interval[VMTP_COMPARE_TEXT];
    if (judgement->outcome != details->outcome || details->n++ >= DETAILS_MAX)
        return;
    fputs("    ", details->out);
    vmtp_put_text(details->out, vmtp_pair_name(judgement->pair));
    fprintf(details->out, ", %s", vmtp_case_name(judgement->of, name));
    if (gate->metric)
        fprintf(details->out, " %s", gate->metric->name);
    const struct vmtp_change *of = judgement->change;
    if (of && !isnan(of->difference.change))
        fprintf(details->out, ": %s", vmtp_change_text(of, of->difference.change, change));
    if (of && of->known)
        fprintf(details->out, " (%s)", vmtp_interval_text(of, interval));
    fprintf(details->out, ": %s\n", judgement->reason);
}

static void put_gate(FILE *out, const struct vmtp_comparison *comparison, const struct vmtp_gate *gate)
{
    size_t count[VMTP_GATE_FAILS + 1];
    enum vmtp_outcome outcome = vmtp_gate_judge(comparison, gate, NULL, NULL, count);
    fprintf(out, "gate %s: ", vmtp_outcome_text(outcome));
    vmtp_put_text(out, gate->text);
    size_t all = count[VMTP_GATE_PASSES] + count[VMTP_GATE_CANNOT_TELL] + count[VMTP_GATE_FAILS];
    if (all)
        fprintf(out, "  (%zu passed, %zu failed, %zu cannot tell)\n", count[VMTP_GATE_PASSES], count[VMTP_GATE_FAILS],
                count[VMTP_GATE_CANNOT_TELL]);
    else
        fputs("  (nothing in OLD is what it looks at)\n", out);
    if (vmtp_gate_demands_change(gate))
        fputs("    results that are equal are beyond this limit: a drop is written with -, a rise with +\n", out);
    for (enum vmtp_outcome of = VMTP_GATE_FAILS; of > VMTP_GATE_PASSES; of--) {
        struct details details = {out, of, 0};
        vmtp_gate_judge(comparison, gate, put_judgement, &details, count);
        if (details.n > DETAILS_MAX)
            fprintf(out, "    and %zu more\n", details.n - DETAILS_MAX);
    }
}

static void put_gates(FILE *out, const struct vmtp_comparison *comparison)
{
    size_t counts[VMTP_GATE_FAILS + 1] = {0}, count[VMTP_GATE_FAILS + 1];
    for (size_t i = 0; i < comparison->n_gates; i++) {
        put_gate(out, comparison, &comparison->gates[i]);
        counts[vmtp_gate_judge(comparison, &comparison->gates[i], NULL, NULL, count)]++;
    }
    if (comparison->n_gates)
        fprintf(out, "Gates: %zu passed, %zu failed, %zu cannot tell%s\n", counts[VMTP_GATE_PASSES],
                counts[VMTP_GATE_FAILS], counts[VMTP_GATE_CANNOT_TELL],
                counts[VMTP_GATE_CANNOT_TELL] && comparison->strict ? ", which fails (--strict)" : "");
}

void vmtp_compare_summary(FILE *out, const struct vmtp_comparison *comparison)
{
    put_warnings(out, comparison);
    put_gates(out, comparison);
}

int vmtp_compare_table(FILE *out, const struct vmtp_comparison *comparison)
{
    struct table table = {.out = out};
    put_side(out, comparison, VMTP_OLD);
    put_side(out, comparison, VMTP_NEW);
    if (json_array_size(comparison->warnings))
        fputc('\n', out);
    put_warnings(out, comparison);
    for (size_t i = 0; i < COLUMNS; i++)
        table.width[i] = (int)strlen(titles[i]);
    for (size_t i = 0; i < comparison->n_pairs; i++)
        each_row(&comparison->pairs[i], measure, &table);
    fputc('\n', out);
    if (comparison->n_pairs)
        draw_head(&table);
    else
        fputs("No flows in either file.\n", out);
    for (size_t i = 0; i < comparison->n_pairs; i++)
        draw_pair(&table, &comparison->pairs[i]);
    if (comparison->n_gates)
        fputc('\n', out);
    put_gates(out, comparison);
    return VMTP_OK;
}
