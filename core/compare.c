/* SPDX-License-Identifier: Apache-2.0 */
#include "core/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/cleanup.h"
#include "core/util/json.h"

enum { CASES_MAX = 256 }; /* of a flow */
static const double CONFIDENCE = 0.95;

/* --- numbers --- */

static struct vmtp_spread scaled(const struct vmtp_spread *spread, double factor)
{
    return (struct vmtp_spread){
        .n = spread->n,
        .min = spread->min * factor,
        .max = spread->max * factor,
        .mean = spread->mean * factor,
        .squares = spread->squares * factor * factor,
    };
}

/* A tool that tells retransmits leaves them out when there were none in documents of the old program; those that tell
 * the round trip time of TCP are the ones that would. */
static struct vmtp_spread retransmits_of(const struct vmtp_result_kind *kind, bool old_program)
{
    struct vmtp_spread spread = kind->retrans;
    while (old_program && spread.n < kind->rtt_ms.n)
        vmtp_spread_add(&spread, 0);
    return spread;
}

static struct vmtp_spread of_kind(const struct vmtp_result_kind *kind, const char *metric, bool old_program)
{
    if (strcmp(metric, "throughput") == 0)
        return kind->bps;
    if (strcmp(metric, "retransmits") == 0)
        return retransmits_of(kind, old_program);
    if (strcmp(metric, "loss") == 0)
        return scaled(&kind->loss, 1e-2);
    return scaled(strcmp(metric, "rtt") == 0 ? &kind->rtt_ms : &kind->jitter_ms, 1e-3);
}

static struct vmtp_spread one_number(double value)
{
    struct vmtp_spread spread = {0};
    vmtp_spread_add(&spread, value);
    return spread;
}

/* The samples of a ping are its round trips: their number, mean and deviation (that of the population: divisor n) are
 * all that is needed. */
static struct vmtp_spread of_ping(const struct vmtp_result_ping *ping, const char *metric)
{
    if (strcmp(metric, "loss") == 0)
        return one_number(ping->loss / 100);
    struct vmtp_spread spread = one_number(ping->avg);
    if (spread.n && ping->received >= 2 && ping->received < 1e9 && isfinite(ping->stddev)) {
        spread.n = (size_t)ping->received;
        spread.squares = ping->stddev * ping->stddev * ping->received;
        spread.min = ping->min;
        spread.max = ping->max;
    }
    return scaled(&spread, 1e-3);
}

static void judge_change(struct vmtp_change *change)
{
    const struct vmtp_spread *old = &change->side[VMTP_OLD], *new = &change->side[VMTP_NEW];
    change->known = old->n >= VMTP_SAMPLES_LEAST && new->n >= VMTP_SAMPLES_LEAST;
    change->difference.change = old->n && new->n ? new->mean - old->mean : NAN;
    if (change->known)
        change->difference = vmtp_welch(old, new, CONFIDENCE);
    if (!change->known || !isfinite(change->difference.low) || !isfinite(change->difference.high)) {
        change->known = false;
        return;
    }
    bool up = change->difference.low > 0, down = change->difference.high < 0;
    bool higher_is_better = change->metric->better == VMTP_HIGHER;
    change->verdict = !up && !down             ? VMTP_NO_CHANGE
                      : up == higher_is_better ? VMTP_BETTER
                                               : VMTP_WORSE;
}

/* --- what was measured --- */

/* What a flow has of a protocol, a size and a direction: a kind, or a ping. */
struct found {
    const struct vmtp_result_kind *kind;
    const struct vmtp_result_ping *ping;
    const char *error;
    bool numbers;
};

static struct found of_found_kind(const struct vmtp_result_kind *kind)
{
    return (struct found){.kind = kind, .error = kind->error, .numbers = kind->bps.n > 0};
}

static struct found of_found_ping(const struct vmtp_result_ping *ping)
{
    return (struct found){.ping = ping, .error = ping->error, .numbers = !isnan(ping->avg)};
}

/* A failure is not always told with the size that was asked for, and may be that of the flow. */
static const char *failure_of(const struct vmtp_result_flow *flow, enum vmtp_result_proto proto)
{
    for (size_t i = 0; i < flow->n_kinds; i++)
        if (flow->kinds[i].proto == proto && flow->kinds[i].size < 0 && flow->kinds[i].error)
            return flow->kinds[i].error;
    for (size_t i = 0; proto == VMTP_RESULT_ICMP && i < flow->n_pings && i < CASES_MAX; i++)
        if (flow->pings[i].size < 0 && flow->pings[i].error)
            return flow->pings[i].error;
    return flow->error;
}

static bool same_load(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* like: one of the other side. place: the how many-th of its kind, for pings that were repeated. */
static struct found find(const struct vmtp_result_flow *flow, const struct found *like, size_t place)
{
    if (!flow)
        return (struct found){0};
    enum vmtp_result_proto proto = like->kind ? like->kind->proto : VMTP_RESULT_ICMP;
    for (size_t i = 0; like->kind && i < flow->n_kinds; i++) {
        const struct vmtp_result_kind *kind = &flow->kinds[i];
        if (kind->proto == proto && kind->size == like->kind->size && kind->reverse == like->kind->reverse)
            return of_found_kind(kind);
    }
    for (size_t i = 0; like->ping && i < flow->n_pings && i < CASES_MAX; i++) {
        const struct vmtp_result_ping *ping = &flow->pings[i];
        if (ping->size == like->ping->size && same_load(ping->load, like->ping->load) && place-- == 0)
            return of_found_ping(ping);
    }
    return (struct found){.error = failure_of(flow, proto)};
}

static enum vmtp_case_state state_of(const struct found *old, const struct found *new)
{
    if (old->numbers)
        return new->numbers ? VMTP_CASE_BOTH : new->error ? VMTP_CASE_FAILED : VMTP_CASE_MISSING;
    return new->numbers ? VMTP_CASE_NEW : VMTP_CASE_NONE;
}

/* The changes of a case. */
static int add_changes(struct vmtp_case *of, const struct found found[VMTP_SIDES], const bool old_program[VMTP_SIDES])
{
    const char *const *names = vmtp_gate_metrics[of->proto];
    of->changes = calloc(sizeof vmtp_gate_metrics[0] / sizeof vmtp_gate_metrics[0][0], sizeof *of->changes);
    if (!of->changes)
        return VMTP_ENOMEM;
    for (size_t i = 0; names[i]; i++) {
        struct vmtp_change *change = &of->changes[of->n_changes];
        *change = (struct vmtp_change){.metric = vmtp_metric_find(names[i])};
        for (size_t side = 0; side < VMTP_SIDES; side++)
            if (found[side].numbers && found[side].kind)
                change->side[side] = of_kind(found[side].kind, names[i], old_program[side]);
            else if (found[side].numbers)
                change->side[side] = of_ping(found[side].ping, names[i]);
        if (!change->side[VMTP_OLD].n && !change->side[VMTP_NEW].n)
            continue;
        judge_change(change);
        of->n_changes++;
    }
    return VMTP_OK;
}

static int add_case(struct vmtp_flow_pair *pair, const struct found found[VMTP_SIDES],
                    const bool old_program[VMTP_SIDES])
{
    const struct found *one = found[VMTP_OLD].kind || found[VMTP_OLD].ping ? &found[VMTP_OLD] : &found[VMTP_NEW];
    if (pair->n_cases == CASES_MAX) {
        pair->left_out++;
        return VMTP_OK;
    }
    struct vmtp_case *of = &pair->cases[pair->n_cases++];
    *of = (struct vmtp_case){
        .proto = one->kind ? one->kind->proto : VMTP_RESULT_ICMP,
        .size = one->kind ? one->kind->size : one->ping->size,
        .reverse = one->kind && one->kind->reverse,
        .state = state_of(&found[VMTP_OLD], &found[VMTP_NEW]),
        .error = {found[VMTP_OLD].error, found[VMTP_NEW].error},
    };
    of->failed_anew = of->state == VMTP_CASE_FAILED ||
                      (of->state == VMTP_CASE_BOTH && of->error[VMTP_NEW] && !of->error[VMTP_OLD]);
    return add_changes(of, found, old_program);
}

/* How many pings before this one are of the same kind. */
static size_t place_of(const struct vmtp_result_flow *flow, const struct vmtp_result_ping *ping)
{
    size_t place = 0;
    for (const struct vmtp_result_ping *before = flow->pings; before < ping; before++)
        place += before->size == ping->size && same_load(before->load, ping->load);
    return place;
}

/* A failure without a size says nothing beyond what the cases that it stands for say, when there are such. */
static bool is_stand_in(const struct vmtp_result_flow *other, const struct found *found)
{
    if (found->numbers || (found->kind ? found->kind->size : found->ping->size) >= 0 || !other)
        return false;
    for (size_t i = 0; found->kind && i < other->n_kinds; i++)
        if (other->kinds[i].proto == found->kind->proto && other->kinds[i].size >= 0)
            return true;
    for (size_t i = 0; found->ping && i < other->n_pings && i < CASES_MAX; i++)
        if (other->pings[i].size >= 0)
            return true;
    return false;
}

/* The case of something that one side has; from the side of NEW only when OLD lacks it. */
static int pair_found(struct vmtp_flow_pair *pair, size_t side, struct found one, size_t place,
                      const bool old_program[VMTP_SIDES])
{
    struct found found[VMTP_SIDES] = {one, one}, other = find(pair->flow[!side], &one, place);
    if ((side == VMTP_NEW && (other.kind || other.ping)) || is_stand_in(pair->flow[!side], &one))
        return VMTP_OK;
    found[!side] = other;
    return add_case(pair, found, old_program);
}

static int add_cases(struct vmtp_flow_pair *pair, const bool old_program[VMTP_SIDES])
{
    int rc = VMTP_OK;
    pair->cases = calloc(CASES_MAX, sizeof *pair->cases);
    if (!pair->cases)
        return VMTP_ENOMEM;
    for (size_t side = 0; side < VMTP_SIDES; side++) {
        const struct vmtp_result_flow *flow = pair->flow[side];
        for (size_t i = 0; flow && i < flow->n_kinds && rc == VMTP_OK; i++)
            if (flow->kinds[i].proto < VMTP_RESULT_OTHER)
                rc = pair_found(pair, side, of_found_kind(&flow->kinds[i]), 0, old_program);
        for (size_t i = 0; flow && i < flow->n_pings && i < CASES_MAX && rc == VMTP_OK; i++)
            rc = pair_found(pair, side, of_found_ping(&flow->pings[i]), place_of(flow, &flow->pings[i]), old_program);
        for (size_t i = 0; flow && i < flow->n_items; i++)
            pair->left_out += flow->items[i].kind >= flow->n_kinds;
        if (flow && flow->n_pings > CASES_MAX)
            pair->left_out += flow->n_pings - CASES_MAX;
    }
    struct vmtp_case *fewer = realloc(pair->cases, (pair->n_cases + 1) * sizeof *fewer);
    pair->cases = fewer ? fewer : pair->cases;
    return rc;
}

/* --- which flow is which --- */

struct place {
    const char *key;
    const struct vmtp_result_flow *flow;
};

static int by_key(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : x->flow < y->flow ? -1 : x->flow > y->flow;
}

/* The flows of a side that have no partner yet, sorted by their id or their description, then as they come. */
static size_t sort_flows(const struct vmtp_result_run *run, const struct vmtp_result_flow *const *partner, bool by_id,
                         struct place *places)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n_flows; i++) {
        const struct vmtp_result_flow *flow = &run->flows[i];
        const char *key = by_id ? vmtp_result_text(flow->json, "id") : flow->desc;
        if (key && !partner[i])
            places[n++] = (struct place){key, flow};
    }
    qsort(places, n, sizeof *places, by_key);
    return n;
}

/* partner[side][i]: the flow on the other side that belongs to the i-th of this side. The k-th flow of a name goes with
 * the k-th of the same name. */
struct partners {
    const struct vmtp_result_run *run[VMTP_SIDES];
    const struct vmtp_result_flow **of[VMTP_SIDES];
    bool *by_id; /* of OLD's */
    struct place *places[VMTP_SIDES];
};

static void find_partners(struct partners *partners, bool by_id)
{
    size_t n[VMTP_SIDES], at[VMTP_SIDES] = {0};
    for (size_t side = 0; side < VMTP_SIDES; side++)
        n[side] = sort_flows(partners->run[side], partners->of[side], by_id, partners->places[side]);
    while (at[VMTP_OLD] < n[VMTP_OLD] && at[VMTP_NEW] < n[VMTP_NEW]) {
        const struct place *old = &partners->places[VMTP_OLD][at[VMTP_OLD]];
        const struct place *new = &partners->places[VMTP_NEW][at[VMTP_NEW]];
        int order = strcmp(old->key, new->key);
        if (order == 0) {
            size_t i = (size_t)(old->flow - partners->run[VMTP_OLD]->flows);
            partners->of[VMTP_OLD][i] = new->flow;
            partners->of[VMTP_NEW][new->flow - partners->run[VMTP_NEW]->flows] = old->flow;
            partners->by_id[i] = by_id;
        }
        at[VMTP_OLD] += order <= 0;
        at[VMTP_NEW] += order >= 0;
    }
}

static int make_pairs(struct vmtp_comparison *comparison, const struct partners *partners)
{
    const struct vmtp_result_run *old = partners->run[VMTP_OLD], *new = partners->run[VMTP_NEW];
    bool old_program[VMTP_SIDES];
    int rc = VMTP_OK;
    for (size_t side = 0; side < VMTP_SIDES; side++)
        old_program[side] = !json_object_get(comparison->document[side], "schema_version");
    comparison->pairs = calloc(old->n_flows + new->n_flows + 1, sizeof *comparison->pairs);
    if (!comparison->pairs)
        return VMTP_ENOMEM;
    for (size_t i = 0; i < old->n_flows; i++)
        comparison->pairs[comparison->n_pairs++] = (struct vmtp_flow_pair){
            .flow = {&old->flows[i], partners->of[VMTP_OLD][i]}, .by_id = partners->by_id[i]};
    for (size_t i = 0; i < new->n_flows; i++)
        if (!partners->of[VMTP_NEW][i])
            comparison->pairs[comparison->n_pairs++] = (struct vmtp_flow_pair){.flow = {NULL, &new->flows[i]}};
    for (size_t i = 0; i < comparison->n_pairs && rc == VMTP_OK; i++)
        rc = add_cases(&comparison->pairs[i], old_program);
    return rc;
}

/* First by id, then what is left by description: the old program has no ids, and those of other hosts differ. */
static int pair_flows(struct vmtp_comparison *comparison)
{
    struct partners partners = {0};
    bool memory = true;
    for (size_t side = 0; side < VMTP_SIDES; side++) {
        partners.run[side] = &comparison->results.runs[side];
        partners.of[side] = calloc(partners.run[side]->n_flows + 1, sizeof(const struct vmtp_result_flow *));
        partners.places[side] = calloc(partners.run[side]->n_flows + 1, sizeof(struct place));
        memory = memory && partners.of[side] && partners.places[side];
    }
    partners.by_id = calloc(partners.run[VMTP_OLD]->n_flows + 1, sizeof(bool));
    memory = memory && partners.by_id;
    if (memory) {
        find_partners(&partners, true);
        find_partners(&partners, false);
    }
    int rc = memory ? make_pairs(comparison, &partners) : VMTP_ENOMEM;
    for (size_t side = 0; side < VMTP_SIDES; side++) {
        free(partners.of[side]);
        free(partners.places[side]);
    }
    free(partners.by_id);
    return rc;
}

/* --- the whole --- */

int vmtp_compare_documents(vmtp_ctx *ctx, json_t *const documents[VMTP_SIDES], struct vmtp_comparison *comparison)
{
    for (size_t side = 0; side < VMTP_SIDES; side++)
        comparison->document[side] = documents[side];
    int rc = vmtp_results_read(&comparison->results, documents, VMTP_SIDES, VMTP_RESULT_ALL) ? VMTP_OK : VMTP_ENOMEM;
    if (rc == VMTP_OK)
        rc = pair_flows(comparison);
    if (rc == VMTP_OK)
        rc = vmtp_compare_unlike(comparison);
    return rc < 0 ? vmtp_fail(ctx, rc, "out of memory") : VMTP_OK;
}

int vmtp_compare(vmtp_ctx *ctx, const char *const files[VMTP_SIDES], struct vmtp_comparison *comparison)
{
    json_t *documents[VMTP_SIDES] = {NULL, NULL};
    int rc = VMTP_OK;
    for (size_t side = 0; side < VMTP_SIDES && rc == VMTP_OK; side++) {
        comparison->file[side] = files[side];
        rc = vmtp_result_load(ctx, files[side], &documents[side]);
    }
    if (rc == VMTP_OK)
        return vmtp_compare_documents(ctx, documents, comparison);
    for (size_t side = 0; side < VMTP_SIDES; side++)
        json_decref(documents[side]);
    return rc == VMTP_ENOMEM ? rc : VMTP_ECONFIG; /* status 1 is for gates */
}

void vmtp_comparison_clear(struct vmtp_comparison *comparison)
{
    for (size_t i = 0; i < comparison->n_pairs; i++) {
        for (size_t k = 0; k < comparison->pairs[i].n_cases; k++)
            free(comparison->pairs[i].cases[k].changes);
        free(comparison->pairs[i].cases);
    }
    free(comparison->pairs);
    vmtp_results_clear(&comparison->results);
    json_decref(comparison->warnings);
    for (size_t side = 0; side < VMTP_SIDES; side++)
        json_decref(comparison->document[side]);
    *comparison = (struct vmtp_comparison){0};
}
