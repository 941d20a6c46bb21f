/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the summary. Each scenario of the old program has its numbers whether it was measured or not; several
 * flows of one scenario have rows of their own, so that none hides another. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/sinks/table/table.h"

enum { PROTOCOLS = 4, SCENARIO_EXTERNAL = 8, ERROR_SHOWN = 400 };

/* The order of the rows of a scenario: .1 to .4. */
static const struct {
    uint32_t proto;
    char letter;
} protocols[PROTOCOLS] = {{VMTP_TCP, 'T'}, {VMTP_UDP, 'U'}, {VMTP_ICMP, 'I'}, {VMTP_MULTICAST, 'M'}};

/* optional: no row unless it was measured. each: rows bear the name of their flow, even when there is one only. */
static const struct scenario {
    const char *number, *name;
    bool optional, each;
} scenarios[] = {
    {"1", "Same Network, Fixed IP, Intra-node", false, false},
    {"2", "Same Network, Fixed IP, Inter-node", false, false},
    {"3", "Different Network, Fixed IP, Intra-node", false, false},
    {"4", "Different Network, Fixed IP, Inter-node", false, false},
    {"5", "Different Network, Floating IP, Intra-node", false, false},
    {"6", "Different Network, Floating IP, Inter-node", false, false},
    {"7", "Native Throughput", false, true},
    {"8", "VM to Host", false, false},
    {"9", "Namespaces", true, false},
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

/* --- adding rows --- */

static void clear_row(struct row *row)
{
    free(row->number);
    free(row->name);
    free(row->data);
}

void rows_clear(struct rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        clear_row(&rows->items[i]);
    free(rows->items);
    *rows = (struct rows){0};
}

/* Takes over the texts of the row, also when it fails. */
static int add_row(struct rows *rows, struct row row)
{
    if (rows->n == rows->room) {
        size_t room = rows->room ? 2 * rows->room : 32;
        struct row *grown = realloc(rows->items, room * sizeof *grown);
        if (grown) {
            rows->items = grown;
            rows->room = room;
        }
    }
    if (rows->n == rows->room || !row.number || !row.name || !row.data) {
        clear_row(&row);
        return VMTP_ENOMEM;
    }
    rows->items[rows->n++] = row;
    rows->counts[row.status]++;
    return VMTP_OK;
}

__attribute__((format(printf, 1, 2))) static char *text_of(const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    return n < 0 ? NULL : text;
}

/* --- data in words --- */

/* A number with so many decimals and a point, whatever the locale. */
static void put_fixed(FILE *out, double value, int decimals)
{
    double step = pow(10, decimals);
    long long scaled = value < 1e12 ? llround(value * step) : 0;
    fprintf(out, "%lld.%0*lld", scaled / (long long)step, decimals, scaled % (long long)step);
}

static double mean_of(const struct table_mean *mean)
{
    return mean->n ? mean->sum / (double)mean->n : 0;
}

static void put_throughput(FILE *out, const struct table_kind *kind)
{
    char rate[VMTP_UNIT_TEXT];
    fputs(vmtp_print_rate(mean_of(&kind->throughput), rate), out);
    if (kind->throughput.n > 1) {
        fprintf(out, " (mean of %zu, ", kind->throughput.n);
        fprintf(out, "%s to ", vmtp_print_rate(kind->throughput.min, rate));
        fprintf(out, "%s)", vmtp_print_rate(kind->throughput.max, rate));
    }
    if (kind->retransmits.n)
        fprintf(out, ", %.0f retransmit%s", kind->retransmits.sum, kind->retransmits.sum == 1 ? "" : "s");
    if (mean_of(&kind->rtt) > 0) {
        fputs(", rtt ", out);
        put_fixed(out, mean_of(&kind->rtt) * 1e3, 3);
        fputs(" ms", out);
    }
    if (kind->loss.n) {
        fputs(", loss ", out);
        put_fixed(out, mean_of(&kind->loss) * 100, 2);
        fputs(" %", out);
    }
    if (mean_of(&kind->jitter) > 0) {
        fputs(", jitter ", out);
        put_fixed(out, mean_of(&kind->jitter) * 1e3, 3);
        fputs(" ms", out);
    }
}

static void put_pings(FILE *out, const struct table_kind *kind)
{
    fputs("rtt ", out);
    put_fixed(out, mean_of(&kind->rtt) * 1e3, 3);
    fputs(" ms (", out);
    put_fixed(out, kind->rtt_min.min * 1e3, 3);
    fputs(" to ", out);
    put_fixed(out, kind->rtt_max.max * 1e3, 3);
    fputs(", stddev ", out);
    put_fixed(out, mean_of(&kind->rtt_stddev) * 1e3, 3);
    fputs(")", out);
    if (kind->received.sum < kind->sent.sum)
        fprintf(out, ", %.0f of %.0f lost", kind->sent.sum - kind->received.sum, kind->sent.sum);
}

static bool has_numbers(const struct table_kind *kind)
{
    return kind->throughput.n || kind->received.n;
}

/* What a cell is to show. */
struct wanted {
    uint32_t proto;      /* 0: all, each line with the protocol's name */
    bool any_direction;
    bool reverse;        /* unless any_direction */
};

static bool wants(const struct wanted *wanted, uint32_t proto, bool reverse)
{
    return (wanted->proto == 0 || proto == wanted->proto) && (wanted->any_direction || reverse == wanted->reverse);
}

static bool is_wanted(const struct wanted *wanted, const struct table_kind *kind)
{
    return wants(wanted, kind->proto, kind->reverse);
}

static void put_head(FILE *out, const struct wanted *wanted, const struct table_kind *kind)
{
    if (wanted->proto == 0)
        fprintf(out, "%s ", vmtp_proto_name(kind->proto));
    fprintf(out, "%u B%s: ", (unsigned)kind->bytes, wanted->any_direction && kind->reverse ? " reverse" : "");
}

/* Errors may be long; the whole is in the result document. */
static void put_error(FILE *out, const char *error)
{
    size_t len = strnlen(error, ERROR_SHOWN);
    while (error[len] && len && ((unsigned char)error[len] & 0xC0) == 0x80)
        len--;
    fprintf(out, "%.*s%s", (int)len, error, error[len] ? "..." : "");
}

static void put_kind(FILE *out, const struct wanted *wanted, const struct table_kind *kind)
{
    put_head(out, wanted, kind);
    if (has_numbers(kind) && kind->proto == VMTP_ICMP)
        put_pings(out, kind);
    else if (has_numbers(kind))
        put_throughput(out, kind);
    if (kind->remarks)
        fprintf(out, ", %s", kind->remarks);
    if (has_numbers(kind) && kind->error)
        fputs(", then error: ", out);
    if (kind->error)
        put_error(out, kind->error);
}

/* How often wanted kinds occur, and whether one of them failed. */
static size_t count_kinds(const struct table_flow *flow, const struct wanted *wanted, bool *bad)
{
    size_t n = 0;
    *bad = false;
    for (size_t i = 0; i < flow->n_kinds; i++) {
        if (!is_wanted(wanted, &flow->kinds[i]))
            continue;
        n++;
        *bad = *bad || flow->kinds[i].error;
    }
    return n;
}

/* How many of the wanted expectations came out like that. */
static size_t count_verdicts(const struct table_flow *flow, const struct wanted *wanted, enum table_outcome outcome)
{
    size_t n = 0;
    for (size_t i = 0; i < flow->verdicts.n; i++) {
        const struct table_verdict *verdict = &flow->verdicts.items[i];
        n += verdict->outcome == outcome && wants(wanted, verdict->proto, verdict->reverse);
    }
    return n;
}

/* A line for each expectation that was missed, one for those that were met. The reason why a flow failed is enough. */
static void put_verdicts(FILE *out, const struct table_flow *flow, const struct wanted *wanted, size_t *lines)
{
    for (size_t i = 0; i < flow->verdicts.n && !flow->error; i++) {
        const struct table_verdict *verdict = &flow->verdicts.items[i];
        if (verdict->outcome != TABLE_MISSED || !wants(wanted, verdict->proto, verdict->reverse))
            continue;
        fputs((*lines)++ ? "\n" : "", out);
        put_error(out, verdict->text);
    }
    size_t met = count_verdicts(flow, wanted, TABLE_MET);
    if (met)
        fprintf(out, "%s%zu expectation%s met", (*lines)++ ? "\n" : "", met, met == 1 ? "" : "s");
}

/* The cell: a line per kind, then what was expected, then the extra words, which may be NULL. */
static char *data_of(const struct table_flow *flow, const struct wanted *wanted, const char *extra)
{
    char *text = NULL;
    size_t len = 0, lines = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    for (size_t i = 0; i < flow->n_kinds; i++) {
        if (!is_wanted(wanted, &flow->kinds[i]))
            continue;
        fputs(lines++ ? "\n" : "", out);
        put_kind(out, wanted, &flow->kinds[i]);
    }
    put_verdicts(out, flow, wanted, &lines);
    if (extra) {
        fputs(lines ? "\n" : "", out);
        put_error(out, extra);
    }
    if (table_close_text(out, &text) < 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* --- rows of a flow --- */

static bool asked(const struct table *table, const struct table_flow *flow, size_t p)
{
    const char *letters = flow->protocols ? flow->protocols : table->protocols;
    return letters && strchr(letters, protocols[p].letter);
}

/* "Native intra-host 10.0.0.1", "Native inter-host 10.0.0.2 to 10.0.0.1". */
static char *flow_name(const struct table_flow *flow)
{
    const char *label = flow->label ? flow->label : flow->id;
    if (!flow->from || !flow->to)
        return text_of("%s", label);
    if (strcmp(flow->from, flow->to) == 0)
        return text_of("%s %s", label, flow->from);
    return text_of("%s %s to %s", label, flow->from, flow->to);
}

/* What every row of a flow begins with: the scenario's name, its flow's, or both. */
static char *base_name(const struct scenario *scenario, const struct table_flow *flow, bool alone)
{
    if (alone && !scenario->each)
        return text_of("%s", scenario->name);
    if (scenario->each || !flow->from || !flow->to)
        return flow_name(flow);
    return text_of("%s, %s to %s", scenario->name, flow->from, flow->to);
}

/* Whether some flow of the scenario has or should have numbers of a protocol: then there is no SKIPPED row for it. */
static bool is_served(const struct table *table, const char *scenario, size_t p)
{
    const struct wanted wanted = {.proto = protocols[p].proto, .any_direction = true};
    for (size_t i = 0; i < table->n_flows; i++) {
        const struct table_flow *flow = &table->flows[i];
        bool bad;
        if (!flow->scenario || strcmp(flow->scenario, scenario) != 0)
            continue;
        if (asked(table, flow, p) || count_kinds(flow, &wanted, &bad))
            return true;
    }
    return false;
}

static int add_skipped(struct rows *rows, const struct scenario *scenario, size_t p)
{
    return add_row(rows, (struct row){
                             .number = text_of("%s.%zu", scenario->number, p + 1),
                             .name = text_of("%s, %s", scenario->name, vmtp_proto_name(protocols[p].proto)),
                             .data = text_of("%s", ""),
                             .status = ROW_SKIPPED,
                         });
}

/* The row of a protocol that was asked or measured. A flow that failed as a whole fails what it has not measured; an
 * interrupted one skips it. */
static int add_measured(struct rows *rows, const struct scenario *scenario, const struct table_flow *flow,
                        const char *name, size_t p)
{
    const struct wanted wanted = {.proto = protocols[p].proto, .any_direction = true};
    bool bad;
    size_t n = count_kinds(flow, &wanted, &bad);
    bool missed = count_verdicts(flow, &wanted, TABLE_MISSED) > 0;
    const char *extra = n ? NULL : flow->error ? flow->error : flow->status ? flow->status : "not measured";
    if (!n && !flow->error && flow->status && strcmp(flow->status, "passed") == 0)
        extra = "not measured";
    return add_row(rows, (struct row){
                             .number = text_of("%s.%zu", scenario->number, p + 1),
                             .name = text_of("%s, %s", name, vmtp_proto_name(protocols[p].proto)),
                             .data = data_of(flow, &wanted, extra),
                             .status = bad || missed || (!n && flow->error) ? ROW_FAILED
                                       : n                                   ? ROW_PASSED
                                                                             : ROW_SKIPPED,
                         });
}

/* A flow that failed although each protocol has numbers, or before it was known what to measure: one row says why. */
static int add_flow_error(struct rows *rows, const struct scenario *scenario, const struct table_flow *flow,
                          const char *name)
{
    return add_row(rows, (struct row){
                             .number = text_of("%s", scenario->number),
                             .name = text_of("%s", name),
                             .data = data_of(&(struct table_flow){0}, &(struct wanted){0}, flow->error),
                             .status = ROW_FAILED,
                         });
}

static int add_flow(const struct table *table, struct rows *rows, const struct scenario *scenario,
                    const struct table_flow *flow, size_t place, size_t n_flows)
{
    char *name = base_name(scenario, flow, n_flows == 1);
    int rc = name ? VMTP_OK : VMTP_ENOMEM;
    size_t failed_before = rows->counts[ROW_FAILED];
    for (size_t p = 0; p < PROTOCOLS && rc == VMTP_OK; p++) {
        const struct wanted wanted = {.proto = protocols[p].proto, .any_direction = true};
        bool bad;
        if (asked(table, flow, p) || count_kinds(flow, &wanted, &bad))
            rc = add_measured(rows, scenario, flow, name, p);
        else if (place == 0 && !is_served(table, scenario->number, p))
            rc = add_skipped(rows, scenario, p);
    }
    if (rc == VMTP_OK && flow->error && rows->counts[ROW_FAILED] == failed_before)
        rc = add_flow_error(rows, scenario, flow, name);
    free(name);
    return rc;
}

/* --- rows of a scenario --- */

static bool belongs(const struct table_flow *flow, const char *scenario)
{
    return flow->scenario && strcmp(flow->scenario, scenario) == 0;
}

static size_t count_flows(const struct table *table, const char *scenario)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n_flows; i++)
        n += belongs(&table->flows[i], scenario);
    return n;
}

static int add_scenario(const struct table *table, struct rows *rows, const struct scenario *scenario)
{
    size_t n = count_flows(table, scenario->number), place = 0;
    int rc = VMTP_OK;
    for (size_t p = 0; p < PROTOCOLS && rc == VMTP_OK && n == 0 && !scenario->optional; p++)
        rc = add_skipped(rows, scenario, p);
    for (size_t i = 0; i < table->n_flows && rc == VMTP_OK; i++)
        if (belongs(&table->flows[i], scenario->number))
            rc = add_flow(table, rows, scenario, &table->flows[i], place++, n);
    return rc;
}

/* 8.1 and 8.2 are directions, not protocols: TCP and UDP of each, pings with the first. */
static int add_direction(struct rows *rows, const struct table_flow *flow, bool reverse)
{
    const struct wanted wanted = {.reverse = reverse};
    bool bad = false;
    size_t n = flow ? count_kinds(flow, &wanted, &bad) : 0;
    bool missed = flow && count_verdicts(flow, &wanted, TABLE_MISSED) > 0;
    const char *error = flow && (n == 0 || !reverse) ? flow->error : NULL;
    return add_row(rows, (struct row){
                             .number = text_of("8.%d", reverse ? 2 : 1),
                             .name = text_of("VM to Host %s", reverse ? "Downloading" : "Uploading"),
                             .data = flow ? data_of(flow, &wanted, error) : text_of("%s", ""),
                             .status = bad || missed || error ? ROW_FAILED : n ? ROW_PASSED : ROW_SKIPPED,
                         });
}

static int add_external(const struct table *table, struct rows *rows)
{
    size_t n = 0;
    int rc = VMTP_OK;
    for (size_t i = 0; i <= table->n_flows && rc == VMTP_OK; i++) {
        bool last = i == table->n_flows;
        if (last ? n > 0 : !belongs(&table->flows[i], scenarios[SCENARIO_EXTERNAL - 1].number))
            continue;
        const struct table_flow *flow = last ? NULL : &table->flows[i];
        n++;
        rc = add_direction(rows, flow, false);
        if (rc == VMTP_OK)
            rc = add_direction(rows, flow, true);
    }
    return rc;
}

static bool is_known(const char *number)
{
    for (size_t i = 0; i < SCENARIOS; i++)
        if (strcmp(scenarios[i].number, number) == 0)
            return true;
    return false;
}

/* Flows of scenarios that are not in the list above, from topologies of others. */
static int add_others(const struct table *table, struct rows *rows)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < table->n_flows && rc == VMTP_OK; i++) {
        const struct table_flow *flow = &table->flows[i];
        const struct scenario scenario = {flow->scenario ? flow->scenario : "-", "", true, true};
        if (!flow->scenario || !is_known(flow->scenario))
            rc = add_flow(table, rows, &scenario, flow, 1, 1);
    }
    return rc;
}

int rows_make(const struct table *table, struct rows *rows)
{
    int rc = VMTP_OK;
    for (size_t i = 0; i < SCENARIOS && rc == VMTP_OK; i++)
        rc = i == SCENARIO_EXTERNAL - 1 ? add_external(table, rows) : add_scenario(table, rows, &scenarios[i]);
    return rc == VMTP_OK ? add_others(table, rows) : rc;
}
