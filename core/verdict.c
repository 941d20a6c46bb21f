/* SPDX-License-Identifier: Apache-2.0 */
/* What was expected of a run, held against what was measured: a verdict for each expectation and kind of measurement
 * when a flow ends, and for those that no flow had when the run ends. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/expect.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/run.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { LIMIT_TEXT = 40, OUTCOME_TEXT = 3 * VMTP_EXPECT_TEXT };
static const char *const status_words[] = {"passed", "failed", "skipped"};
enum verdict_status { PASSED, FAILED, SKIPPED };

static const struct vmtp_expect *expect_of(const struct vmtp_run *run)
{
    return &run->settings->expect;
}

/* --- what was measured --- */

static struct vmtp_seen_kind *kind_of(const struct vmtp_seen *seen, const struct vmtp_step *step)
{
    for (size_t i = 0; i < seen->n; i++)
        if (seen->kinds[i].proto == step->proto && seen->kinds[i].bytes == step->message_bytes &&
            seen->kinds[i].reverse == step->reverse)
            return &seen->kinds[i];
    return NULL;
}

int vmtp_seen_add(struct vmtp_seen *seen, const struct vmtp_load *load, const char *tool,
                  const struct vmtp_recorder *recorder)
{
    const struct vmtp_step step = {
        .proto = load->proto, .message_bytes = load->message_bytes, .reverse = load->reverse != 0};
    struct vmtp_seen_kind *kind = kind_of(seen, &step);
    if (!kind) {
        struct vmtp_seen_kind *grown = realloc(seen->kinds, (seen->n + 1) * sizeof *grown);
        if (!grown)
            return VMTP_ENOMEM;
        seen->kinds = grown;
        kind = &grown[seen->n++];
        *kind = (struct vmtp_seen_kind){
            .proto = load->proto, .bytes = load->message_bytes, .reverse = load->reverse != 0};
    }
    snprintf(kind->tool, sizeof kind->tool, "%s", tool);
    const struct vmtp_expect_metric *metric;
    for (size_t i = 0; (metric = vmtp_expect_metric_at(i)) && i < VMTP_SEEN_METRICS; i++) {
        double value = metric->proto == load->proto ? vmtp_recorder_number(recorder, metric->metric, NAN) : NAN;
        if (isnan(value) || (value == 0 && strcmp(metric->metric, "rtt") == 0)) /* the tool does not know */
            continue;
        kind->sum[i] += value;
        kind->count[i]++;
    }
    return VMTP_OK;
}

void vmtp_seen_clear(struct vmtp_seen *seen)
{
    free(seen->kinds);
    *seen = (struct vmtp_seen){0};
}

/* The mean over the repeats, as the table shows it; NAN: none. */
static double measured_value(const struct vmtp_seen_kind *kind, const struct vmtp_expect_metric *metric)
{
    size_t i = (size_t)(metric - vmtp_expect_metric_at(0));
    return kind && kind->count[i] ? kind->sum[i] / (double)kind->count[i] : NAN;
}

/* --- which expectation counts --- */

static bool is_about(const struct vmtp_expectation *e, const struct vmtp_flow *flow, const struct vmtp_step *step)
{
    return step->repeat == 1 && vmtp_expect_is_about(e, step->proto, step->message_bytes, step->reverse) &&
           vmtp_expect_selects(e, flow);
}

static bool is_replaced(const struct vmtp_expect *expect, const struct vmtp_expectation *e,
                        const struct vmtp_flow *flow, const struct vmtp_step *step)
{
    for (size_t i = 0; i < expect->n; i++) {
        const struct vmtp_expectation *other = &expect->items[i];
        if (vmtp_expect_replaces(other, e) && is_about(other, flow, step))
            return true;
    }
    return false;
}

static bool counts(const struct vmtp_run *run, const struct vmtp_expectation *e, const struct vmtp_flow *flow,
                   const struct vmtp_step *step)
{
    return is_about(e, flow, step) && !e->none && !is_replaced(expect_of(run), e, flow, step);
}

/* "TCP", "UDP 1024 B" where there are several sizes, "TCP reverse". */
static void name_step(const struct vmtp_run *run, const struct vmtp_step *step, char out[VMTP_UNIT_TEXT])
{
    char size[16] = "";
    for (size_t i = 0; i < run->n_steps && !*size; i++)
        if (run->steps[i].proto == step->proto && run->steps[i].message_bytes != step->message_bytes)
            snprintf(size, sizeof size, " %u B", step->message_bytes);
    snprintf(out, VMTP_UNIT_TEXT, "%s%s%s", vmtp_proto_name(step->proto), size, vmtp_step_direction(step));
}

/* --- telling --- */

struct verdict {
    const struct vmtp_expectation *of;
    enum verdict_status status;
    double measured; /* NAN: not measured */
    const char *text;
    const char *flow_id, *topology, *where; /* NULL: of the run; where: for the log */
    const struct vmtp_step *step;           /* NULL: of no measurement */
};

static void emit_verdict(struct vmtp_run *run, const struct verdict *verdict)
{
    const struct vmtp_expectation *e = verdict->of;
    char limit[LIMIT_TEXT];
    snprintf(limit, sizeof limit, "%.15g", e->limit);
    const struct vmtp_property properties[] = {
        {"status", status_words[verdict->status]}, {"expect", e->metric->name}, {"text", verdict->text},
        {"operator", vmtp_expect_sign(e)},         {"limit", limit},            {"flows", e->flows},
    };
    const char *unit = vmtp_metric_find(e->metric->metric)->unit;
    const struct vmtp_value value = {e->metric->metric, unit, verdict->measured};
    const struct vmtp_step *step = verdict->step;
    const struct vmtp_load load = {
        .struct_size = sizeof load, .proto = e->metric->proto, .message_bytes = step ? step->message_bytes : e->bytes,
        .reverse = step ? step->reverse : 0};
    int level = verdict->status == FAILED ? VMTP_LOG_ERROR : step ? VMTP_LOG_INFO : VMTP_LOG_WARNING;
    vmtp_log(level, "%s%s", verdict->where, verdict->text);
    vmtp_emit(run, &(struct vmtp_event){
                       .type = VMTP_EV_VERDICT,
                       .flow_id = verdict->flow_id,
                       .topology = verdict->topology,
                       .load = &load,
                       .values = &value,
                       .n_values = !isnan(verdict->measured),
                       .properties = properties,
                       .n_properties = sizeof properties / sizeof properties[0] - !e->flows,
                   });
}

/* --- when a flow ends --- */

static bool judge(struct vmtp_run *run, const struct vmtp_planned_flow *planned, const struct vmtp_seen *seen,
                  const struct vmtp_expectation *e, const struct vmtp_step *step)
{
    const struct vmtp_seen_kind *kind = kind_of(seen, step);
    char name[VMTP_UNIT_TEXT], words[VMTP_EXPECT_TEXT], text[OUTCOME_TEXT], where[40];
    double measured = measured_value(kind, e->metric);
    bool met = !isnan(measured) && vmtp_expect_met(e, measured);
    name_step(run, step, name);
    if (!isnan(measured))
        snprintf(text, sizeof text, "%s %s %s", name, e->metric->words, vmtp_expect_outcome(e, measured, words));
    else
        snprintf(text, sizeof text, "%s %s was not measured%s%s%s, %s was expected", name, e->metric->words,
                 kind ? ": " : "", kind ? kind->tool : "", kind ? " does not tell it" : "",
                 vmtp_expect_words(e, words));
    snprintf(where, sizeof where, "flow %u: ", run->flow);
    emit_verdict(run, &(struct verdict){
                          .of = e,
                          .status = met ? PASSED : FAILED,
                          .measured = measured,
                          .text = text,
                          .flow_id = planned->flow.id,
                          .topology = run->topologies[planned->topology].loaded->plugin.name,
                          .where = where,
                          .step = step,
                      });
    return met;
}

bool vmtp_run_judge(struct vmtp_run *run, const struct vmtp_planned_flow *planned, const struct vmtp_seen *seen)
{
    const struct vmtp_expect *expect = expect_of(run);
    bool met = true;
    for (size_t i = 0; i < run->n_steps; i++)
        for (size_t k = 0; k < expect->n; k++) {
            const struct vmtp_expectation *e = &expect->items[k];
            if (is_about(e, &planned->flow, &run->steps[i]))
                run->expected[k] |= VMTP_EXPECT_JUDGED;
            if (counts(run, e, &planned->flow, &run->steps[i]))
                met = judge(run, planned, seen, e, &run->steps[i]) && met;
        }
    return met;
}

/* --- before the run --- */

/* "tcp.throughput", "udp[1024].loss in inter-node" */
static char *name_expectation(const struct vmtp_expectation *e)
{
    return vmtp_format("%s%s%s", e->key, e->flows ? " in " : "", e->flows ? e->flows : "");
}

/* A text that no description has is most likely a slip, and would check nothing. */
static int check_selection(struct vmtp_run *run, const struct vmtp_expectation *e)
{
    static const char *const usual[] = {"intra-node", "inter-node", NULL};
    bool selects = !e->flows || vmtp_expect_usual(e->flows);
    for (size_t i = 0; i < run->plan.n_flows && !selects; i++)
        selects = vmtp_expect_selects(e, &run->plan.flows[i].flow);
    if (selects)
        return VMTP_OK;
    const char *near = vmtp_nearest(e->flows, usual);
    return vmtp_node_fail(&run->ctx, e->node, "expect: no flow of this run has '%.60s' in its description%s%s%s; vmtp "
                          "plan lists them", e->flows, near ? ": did you mean '" : "", near ? near : "",
                          near ? "'?" : "");
}

static bool is_planned(const struct vmtp_run *run, const struct vmtp_expectation *e)
{
    for (size_t f = 0; f < run->plan.n_flows; f++)
        for (size_t i = 0; i < run->n_steps; i++)
            if (is_about(e, &run->plan.flows[f].flow, &run->steps[i]))
                return true;
    return false;
}

int vmtp_run_expect(struct vmtp_run *run)
{
    const struct vmtp_expect *expect = expect_of(run);
    size_t asked = 0, planned = 0;
    run->expected = calloc(expect->n + 1, sizeof *run->expected);
    if (!run->expected)
        return vmtp_fail(&run->ctx, VMTP_ENOMEM, "out of memory");
    for (size_t i = 0; i < expect->n; i++) {
        const struct vmtp_expectation *e = &expect->items[i];
        int rc = check_selection(run, e);
        if (rc < 0)
            return rc;
        run->expected[i] = is_planned(run, e) ? VMTP_EXPECT_PLANNED : 0;
        asked += !e->none;
        planned += !e->none && run->expected[i];
    }
    if (asked == 0 || planned > 0)
        return VMTP_OK;
    VMTP_CLEAN(mem) char *name = name_expectation(&expect->items[0]);
    return vmtp_node_fail(&run->ctx, expect->items[0].node, "expect: this run measures nothing of what is expected, "
                          "such as %s: it would pass whatever it measures", name ? name : "");
}

/* --- when the run ends --- */

/* Why no flow has been held against it, in words; NULL: one has been, or nothing is expected. */
static char *why_unjudged(const struct vmtp_run *run, size_t i)
{
    const struct vmtp_expectation *e = &expect_of(run)->items[i];
    if (e->none || (run->expected[i] & VMTP_EXPECT_JUDGED))
        return NULL;
    VMTP_CLEAN(mem) char *name = name_expectation(e);
    char words[VMTP_EXPECT_TEXT];
    const char *why = run->expected[i] & VMTP_EXPECT_PLANNED ? "no flow turned out to be one that it is about"
                                                             : "it is not part of this run";
    return name ? vmtp_format("%s was not checked, %s was expected: %s", name, vmtp_expect_words(e, words), why) : NULL;
}

/* What was planned and did not come about is missed, unless the run was ended before it got there. */
void vmtp_run_judge_rest(struct vmtp_run *run)
{
    const struct vmtp_expect *expect = expect_of(run);
    for (size_t i = 0; run->expected && i < expect->n; i++) {
        VMTP_CLEAN(mem) char *text = why_unjudged(run, i);
        bool planned = run->expected[i] & VMTP_EXPECT_PLANNED;
        if (!text || (planned && run->flow < run->plan.n_flows))
            continue;
        emit_verdict(run, &(struct verdict){
                              .of = &expect->items[i],
                              .status = planned ? FAILED : SKIPPED,
                              .measured = NAN,
                              .text = text,
                              .where = "expect: ",
                          });
        run->expect_missed = run->expect_missed || planned;
    }
}

/* --- the plan, printed --- */

static bool print_expectations(const struct vmtp_run *run, const struct vmtp_flow *flow, const struct vmtp_step *step,
                               FILE *out)
{
    const struct vmtp_expect *expect = expect_of(run);
    bool any = false;
    for (size_t i = 0; i < expect->n; i++) {
        const struct vmtp_expectation *e = &expect->items[i];
        char words[VMTP_EXPECT_TEXT];
        if (!counts(run, e, flow, step))
            continue;
        fprintf(out, "%s %s %s", any ? "," : "      expected:", e->metric->words, vmtp_expect_words(e, words));
        any = true;
    }
    return any;
}

void vmtp_run_print_expected(const struct vmtp_run *run, const struct vmtp_flow *flow, const struct vmtp_step *step,
                             FILE *out)
{
    if (print_expectations(run, flow, step, out))
        fputc('\n', out);
}

void vmtp_run_print_unexpected(const struct vmtp_run *run, FILE *out)
{
    for (size_t i = 0; run->expected && i < expect_of(run)->n; i++) {
        VMTP_CLEAN(mem) char *text = run->expected[i] ? NULL : why_unjudged(run, i);
        if (text)
            fprintf(out, "Expectation: %s\n", text);
    }
}
