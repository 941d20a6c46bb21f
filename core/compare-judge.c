/* SPDX-License-Identifier: Apache-2.0 */
/* Gates against what was compared. */
#include <math.h>
#include <string.h>

#include "core/compare.h"

static enum vmtp_outcome decide(struct vmtp_judgement *judgement, enum vmtp_outcome outcome, const char *reason)
{
    snprintf(judgement->reason, sizeof judgement->reason, "%s", reason);
    return judgement->outcome = outcome;
}

/* The limit in the unit of the metric. */
static double limit_of(const struct vmtp_gate *gate, const struct vmtp_change *change)
{
    return gate->relative ? gate->limit * change->side[VMTP_OLD].mean : gate->limit;
}

static bool beyond(const struct vmtp_gate *gate, double value, double limit)
{
    return gate->above ? value > limit : value < limit;
}

/* The limit against the interval: beyond it as a whole, clear of it as a whole, or in it. */
static enum vmtp_outcome judge_interval(const struct vmtp_gate *gate, const struct vmtp_change *change,
                                        struct vmtp_judgement *judgement)
{
    char text[VMTP_COMPARE_TEXT];
    double limit = limit_of(gate, change);
    const struct vmtp_difference *difference = &change->difference;
    if (!change->known)
        return decide(judgement, VMTP_GATE_CANNOT_TELL, vmtp_unknown_text(change, text));
    bool low = beyond(gate, difference->low, limit), high = beyond(gate, difference->high, limit);
    if (low && high)
        return decide(judgement, VMTP_GATE_FAILS, "the whole interval is beyond the limit");
    if (!low && !high)
        return decide(judgement, VMTP_GATE_PASSES, "no part of the interval is beyond the limit");
    return decide(judgement, VMTP_GATE_CANNOT_TELL, "the limit is within the interval: measure more often");
}

static enum vmtp_outcome judge_change(const struct vmtp_gate *gate, const struct vmtp_change *change,
                                      struct vmtp_judgement *judgement)
{
    char text[VMTP_COMPARE_TEXT];
    judgement->change = change;
    if (isnan(change->difference.change))
        return decide(judgement, VMTP_GATE_CANNOT_TELL, vmtp_unknown_text(change, text));
    if (gate->kind == VMTP_GATE_CHANGE)
        return judge_interval(gate, change, judgement);
    bool fails = beyond(gate, change->difference.change, limit_of(gate, change));
    return decide(judgement, fails ? VMTP_GATE_FAILS : VMTP_GATE_PASSES,
                  fails ? "the difference of the means is beyond the limit"
                        : "the difference of the means is not beyond the limit");
}

/* What OLD has measured and NEW has no number of. */
static enum vmtp_outcome judge_absent(const struct vmtp_case *of, struct vmtp_judgement *judgement)
{
    if (of->state == VMTP_CASE_FAILED)
        return decide(judgement, VMTP_GATE_FAILS, "measured in OLD, failed in NEW");
    return decide(judgement, VMTP_GATE_CANNOT_TELL, "measured in OLD, not measured in NEW");
}

static enum vmtp_outcome judge_state(const struct vmtp_gate *gate, const struct vmtp_case *of,
                                     struct vmtp_judgement *judgement)
{
    bool fails = gate->kind == VMTP_GATE_FAILED ? of->failed_anew : of->state == VMTP_CASE_MISSING;
    if (fails)
        return decide(judgement, VMTP_GATE_FAILS,
                      gate->kind == VMTP_GATE_FAILED ? "measured in OLD, failed in NEW"
                                                     : "measured in OLD, not measured in NEW");
    if (gate->kind == VMTP_GATE_FAILED && of->state == VMTP_CASE_MISSING)
        return decide(judgement, VMTP_GATE_CANNOT_TELL, "measured in OLD, not measured in NEW");
    return decide(judgement, VMTP_GATE_PASSES, of->state == VMTP_CASE_BOTH ? "measured in both" : "failed in NEW");
}

/* Of one gate over everything. */
struct judging {
    const struct vmtp_gate *gate;
    vmtp_judged *judged;
    void *arg;
    size_t *count;
};

static void tell(const struct judging *judging, const struct vmtp_judgement *judgement)
{
    judging->count[judgement->outcome]++;
    if (judging->judged)
        judging->judged(judging->arg, judging->gate, judgement);
}

static bool has_metric(const struct vmtp_case *of, const struct vmtp_metric_info *metric)
{
    for (size_t i = 0; vmtp_gate_metrics[of->proto][i]; i++)
        if (strcmp(vmtp_gate_metrics[of->proto][i], metric->name) == 0)
            return true;
    return false;
}

/* A gate looks at what OLD has a number of. */
static void judge_case(const struct judging *judging, const struct vmtp_flow_pair *pair, const struct vmtp_case *of)
{
    const struct vmtp_gate *gate = judging->gate;
    struct vmtp_judgement judgement = {.pair = pair, .of = of};
    if (!vmtp_gate_wants(gate, of->proto, of->size, of->reverse) || of->state == VMTP_CASE_NEW ||
        of->state == VMTP_CASE_NONE)
        return;
    if (!gate->metric) {
        judge_state(gate, of, &judgement);
        tell(judging, &judgement);
    } else if (of->state != VMTP_CASE_BOTH && has_metric(of, gate->metric)) {
        judge_absent(of, &judgement);
        tell(judging, &judgement);
    }
    for (size_t i = 0; gate->metric && of->state == VMTP_CASE_BOTH && i < of->n_changes; i++) {
        if (of->changes[i].metric != gate->metric || !of->changes[i].side[VMTP_OLD].n)
            continue;
        judge_change(gate, &of->changes[i], &judgement);
        tell(judging, &judgement);
    }
}

void vmtp_gate_judge_pair(const struct vmtp_gate *gate, const struct vmtp_flow_pair *pair, vmtp_judged *judged,
                          void *arg, size_t count[VMTP_GATE_FAILS + 1])
{
    const struct judging judging = {gate, judged, arg, count};
    const struct vmtp_result_flow *old = pair->flow[VMTP_OLD];
    if (old && vmtp_gate_wants_flow(gate, old->desc, vmtp_result_text(old->json, "id")))
        for (size_t k = 0; k < pair->n_cases; k++)
            judge_case(&judging, pair, &pair->cases[k]);
}

enum vmtp_outcome vmtp_gate_judge(const struct vmtp_comparison *comparison, const struct vmtp_gate *gate,
                                  vmtp_judged *judged, void *arg, size_t count[VMTP_GATE_FAILS + 1])
{
    for (size_t outcome = 0; outcome <= VMTP_GATE_FAILS; outcome++)
        count[outcome] = 0;
    for (size_t i = 0; i < comparison->n_pairs; i++)
        vmtp_gate_judge_pair(gate, &comparison->pairs[i], judged, arg, count);
    if (count[VMTP_GATE_FAILS])
        return VMTP_GATE_FAILS;
    return count[VMTP_GATE_CANNOT_TELL] || !count[VMTP_GATE_PASSES] ? VMTP_GATE_CANNOT_TELL : VMTP_GATE_PASSES;
}

enum vmtp_outcome vmtp_compare_outcome(const struct vmtp_comparison *comparison)
{
    size_t count[VMTP_GATE_FAILS + 1];
    enum vmtp_outcome worst = VMTP_GATE_PASSES;
    for (size_t i = 0; i < comparison->n_gates; i++) {
        enum vmtp_outcome outcome = vmtp_gate_judge(comparison, &comparison->gates[i], NULL, NULL, count);
        worst = outcome > worst ? outcome : worst;
    }
    return worst == VMTP_GATE_CANNOT_TELL && comparison->strict ? VMTP_GATE_FAILS : worst;
}
