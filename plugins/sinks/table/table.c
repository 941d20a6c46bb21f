/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a run, on standard output when the run has ended. */
#include "plugins/sinks/table/table.h"

#include <stdlib.h>
#include <string.h>

enum { FLOWS_MAX = 10000, KINDS_MAX = 4096, ERRORS_MAX = 100 };

struct table_opts {
    int rows, color;
    int64_t width;
};

enum { ROWS_ALL, ROWS_MEASURED };
static const char *const rows_choices[] = {"all", "measured", NULL};
enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
static const char *const color_choices[] = {"auto", "always", "never", NULL};

static const struct vmtp_option table_options[] = {
    VMTP_OPTION(struct table_opts, rows, CHOICE, .choices = rows_choices, .fallback = "all",
                .help = "which rows are shown: all scenarios, or only the measured ones"),
    VMTP_OPTION(struct table_opts, color, CHOICE, .choices = color_choices, .fallback = "auto",
                .help = "colours: auto means on a terminal, unless NO_COLOR is set in the environment"),
    VMTP_OPTION(struct table_opts, width, INT, .fallback = "0", .max = 10000,
                .help = "columns that the table may take; 0 means COLUMNS of the environment, the terminal's, or 80"),
    {0},
};

struct table_sink {
    const struct table_opts *opts;
    struct table table;
};

/* --- memory --- */

static void clear_kind(struct table_kind *kind)
{
    free(kind->remarks);
    free(kind->error);
}

static void clear_verdicts(struct table_verdicts *verdicts)
{
    for (size_t i = 0; i < verdicts->n; i++)
        free(verdicts->items[i].text);
    free(verdicts->items);
}

static void clear_flow(struct table_flow *flow)
{
    clear_verdicts(&flow->verdicts);
    for (size_t i = 0; i < flow->n_kinds; i++)
        clear_kind(&flow->kinds[i]);
    free(flow->kinds);
    free(flow->id);
    free(flow->label);
    free(flow->scenario);
    free(flow->from);
    free(flow->to);
    free(flow->protocols);
    free(flow->error);
    free(flow->status);
}

static void table_close(void *state)
{
    struct table_sink *sink = state;
    struct table *table = &sink->table;
    for (size_t i = 0; i < table->n_flows; i++)
        clear_flow(&table->flows[i]);
    for (size_t i = 0; i < table->n_errors; i++)
        free(table->errors[i]);
    clear_verdicts(&table->verdicts);
    free(table->flows);
    free(table->errors);
    free(table->run_id);
    free(table->protocols);
    free(table->loss_range);
    free(table->status);
    free(sink);
}

static int table_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    struct table_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    sink->opts = opts;
    *state = sink;
    return VMTP_OK;
}

/* Keeps a copy that is safe for a terminal; text may be NULL: nothing changes. */
static int keep(char **member, const char *text)
{
    if (!text)
        return VMTP_OK;
    char *copy = strdup(text);
    if (!copy)
        return VMTP_ENOMEM;
    vmtp_printable(copy);
    free(*member);
    *member = copy;
    return VMTP_OK;
}

static int keep_first(char **member, const char *text)
{
    return *member ? VMTP_OK : keep(member, text);
}

/* --- flows --- */

static int flow_of(struct table *table, const struct vmtp_event *ev, struct table_flow **flow)
{
    for (size_t i = table->n_flows; i-- > 0;) { /* nearly always the last */
        *flow = &table->flows[i];
        if (strcmp(table->flows[i].id, ev->flow_id) == 0)
            return VMTP_OK;
    }
    if (table->n_flows >= FLOWS_MAX)
        return VMTP_EFAIL;
    if (table->n_flows == table->flows_room) {
        size_t room = table->flows_room ? 2 * table->flows_room : 8;
        struct table_flow *grown = realloc(table->flows, room * sizeof *grown);
        if (!grown)
            return VMTP_ENOMEM;
        table->flows = grown;
        table->flows_room = room;
    }
    *flow = &table->flows[table->n_flows];
    **flow = (struct table_flow){.id = strdup(ev->flow_id)};
    if (!(*flow)->id)
        return VMTP_ENOMEM;
    table->n_flows++;
    return VMTP_OK;
}

static int flow_begins(struct table *table, const struct vmtp_event *ev)
{
    struct table_flow *flow;
    int rc = flow_of(table, ev, &flow);
    if (rc == VMTP_OK)
        rc = keep(&flow->label, vmtp_event_text(ev, "label"));
    if (rc == VMTP_OK)
        rc = keep(&flow->scenario, vmtp_event_text(ev, "scenario"));
    if (rc == VMTP_OK)
        rc = keep(&flow->from, vmtp_event_text(ev, "ip_from"));
    if (rc == VMTP_OK)
        rc = keep(&flow->to, vmtp_event_text(ev, "ip_to"));
    if (rc == VMTP_OK)
        rc = keep(&flow->protocols, vmtp_event_text(ev, "protocols"));
    return rc;
}

static int flow_ends(struct table *table, const struct vmtp_event *ev)
{
    struct table_flow *flow;
    int rc = flow_of(table, ev, &flow);
    if (rc < 0)
        return rc;
    const char *status = vmtp_event_text(ev, "status");
    return keep(&flow->status, status ? status : "failed");
}

/* --- measurements --- */

static int kind_of(struct table_flow *flow, const struct vmtp_load *load, struct table_kind **kind)
{
    bool reverse = load->reverse != 0;
    for (size_t i = 0; i < flow->n_kinds; i++) {
        *kind = &flow->kinds[i];
        if ((*kind)->proto == load->proto && (*kind)->bytes == load->message_bytes && (*kind)->reverse == reverse)
            return VMTP_OK;
    }
    if (flow->n_kinds >= KINDS_MAX)
        return VMTP_EFAIL;
    struct table_kind *grown = realloc(flow->kinds, (flow->n_kinds + 1) * sizeof *grown);
    if (!grown)
        return VMTP_ENOMEM;
    flow->kinds = grown;
    *kind = &grown[flow->n_kinds++];
    **kind = (struct table_kind){.proto = load->proto, .bytes = load->message_bytes, .reverse = reverse};
    return VMTP_OK;
}

static void count_in(struct table_mean *mean, const struct vmtp_event *ev, const char *metric)
{
    static const double absent = -1;
    double value = vmtp_event_number(ev, metric, absent);
    if (!(value >= 0))
        return;
    mean->sum += value;
    mean->min = mean->n == 0 || value < mean->min ? value : mean->min;
    mean->max = mean->n == 0 || value > mean->max ? value : mean->max;
    mean->n++;
}

static void count_all(struct table_kind *kind, const struct vmtp_event *ev)
{
    count_in(&kind->throughput, ev, "throughput");
    count_in(&kind->retransmits, ev, "retransmits");
    count_in(&kind->rtt, ev, kind->proto == VMTP_ICMP ? "rtt_avg" : "rtt");
    count_in(&kind->loss, ev, "loss");
    count_in(&kind->jitter, ev, "jitter");
    count_in(&kind->rtt_min, ev, "rtt_min");
    count_in(&kind->rtt_max, ev, "rtt_max");
    count_in(&kind->rtt_stddev, ev, "rtt_stddev");
    count_in(&kind->sent, ev, "sent");
    count_in(&kind->received, ev, "received");
}

/* A flag in words. One that is not known here is told as it is, with blanks. */
static char *words_of(const char *flag, const char *loss_range)
{
    char *words = NULL;
    bool range = strcmp(flag, "loss-out-of-range") == 0;
    int n = range ? asprintf(&words, "loss outside %s", loss_range ? loss_range : "the range asked for")
                  : asprintf(&words, "%s", flag);
    if (n < 0)
        return NULL;
    for (char *p = words; !range && *p; p++)
        *p = *p == '-' ? ' ' : *p;
    vmtp_printable(words);
    return words;
}

/* Adds a remark unless a repeat has made it already. */
static int add_remark(struct table_kind *kind, const char *flag, const char *loss_range)
{
    char *words = words_of(flag, loss_range), *joined = NULL;
    if (!words)
        return VMTP_ENOMEM;
    if (kind->remarks && strstr(kind->remarks, words)) {
        free(words);
        return VMTP_OK;
    }
    int n = asprintf(&joined, "%s%s%s", kind->remarks ? kind->remarks : "", kind->remarks ? ", " : "", words);
    free(words);
    if (n < 0)
        return VMTP_ENOMEM;
    free(kind->remarks);
    kind->remarks = joined;
    return VMTP_OK;
}

static int measured(struct table *table, const struct vmtp_event *ev)
{
    struct table_flow *flow;
    struct table_kind *kind = NULL;
    int rc = flow_of(table, ev, &flow);
    if (rc == VMTP_OK)
        rc = kind_of(flow, ev->load, &kind);
    if (rc < 0)
        return rc;
    const char *problem = vmtp_event_problem(ev);
    if (problem)
        return keep_first(&kind->error, problem);
    count_all(kind, ev);
    const char *loss_range = vmtp_event_text(ev, "loss_range");
    const struct vmtp_property *property;
    for (size_t i = 0; rc == VMTP_OK && (property = vmtp_event_property(ev, i)); i++)
        if (strcmp(property->name, "flag") == 0)
            rc = add_remark(kind, property->text, loss_range ? loss_range : table->loss_range);
    return rc;
}

static int failed(struct table *table, const struct vmtp_event *ev)
{
    const char *problem = vmtp_event_problem(ev);
    if (ev->flow_id && ev->load)
        return measured(table, ev);
    if (ev->flow_id) {
        struct table_flow *flow;
        int rc = flow_of(table, ev, &flow);
        return rc == VMTP_OK ? keep_first(&flow->error, problem) : rc;
    }
    if (table->n_errors >= ERRORS_MAX)
        return VMTP_OK;
    char **grown = realloc(table->errors, (table->n_errors + 1) * sizeof *grown);
    if (!grown)
        return VMTP_ENOMEM;
    table->errors = grown;
    grown[table->n_errors] = NULL;
    return keep(&grown[table->n_errors++], problem);
}

/* What was expected of a flow, or of the run. */
static int judged(struct table *table, const struct vmtp_event *ev)
{
    struct table_flow *flow = NULL;
    int rc = ev->flow_id ? flow_of(table, ev, &flow) : VMTP_OK;
    struct table_verdicts *verdicts = flow ? &flow->verdicts : &table->verdicts;
    if (rc < 0)
        return rc;
    if (verdicts->n >= KINDS_MAX)
        return VMTP_EFAIL;
    struct table_verdict *grown = realloc(verdicts->items, (verdicts->n + 1) * sizeof *grown);
    if (!grown)
        return VMTP_ENOMEM;
    verdicts->items = grown;
    const char *status = vmtp_event_text(ev, "status"), *text = vmtp_event_text(ev, "text");
    bool unchecked = status && strcmp(status, "skipped") == 0;
    grown[verdicts->n] = (struct table_verdict){
        .proto = ev->load ? ev->load->proto : 0,
        .reverse = ev->load && ev->load->reverse,
        .outcome = unchecked ? TABLE_UNCHECKED : vmtp_event_problem(ev) ? TABLE_MISSED : TABLE_MET,
    };
    return keep(&grown[verdicts->n++].text, text ? text : "");
}

static int run_begins(struct table *table, const struct vmtp_event *ev)
{
    int rc = keep(&table->run_id, ev->run_id);
    if (rc == VMTP_OK)
        rc = keep(&table->protocols, vmtp_event_text(ev, "protocols"));
    return rc == VMTP_OK ? keep(&table->loss_range, vmtp_event_text(ev, "loss_range")) : rc;
}

/* --- printing --- */

/* 100.00 for n of all; 0.00 for none of none. */
static void put_percent(FILE *out, size_t n, size_t all)
{
    unsigned long long hundredths = all ? (20000ULL * n / all + 1) / 2 : 0;
    fprintf(out, "%llu.%02llu%%", hundredths / 100, hundredths % 100);
}

static void put_counters(FILE *out, const struct rows *rows)
{
    const size_t *counts = rows->counts;
    size_t measured_rows = counts[ROW_PASSED] + counts[ROW_FAILED];
    fprintf(out, "Summary of results\n==================\n");
    fprintf(out, "Total Scenarios:   %zu\n", rows->n);
    fprintf(out, "Passed Scenarios:  %zu [", counts[ROW_PASSED]);
    put_percent(out, counts[ROW_PASSED], measured_rows);
    fprintf(out, "]\nFailed Scenarios:  %zu [", counts[ROW_FAILED]);
    put_percent(out, counts[ROW_FAILED], measured_rows);
    fprintf(out, "]\nSkipped Scenarios: %zu\n", counts[ROW_SKIPPED]);
}

static void count_verdicts(const struct table_verdicts *verdicts, size_t counts[TABLE_OUTCOMES])
{
    for (size_t i = 0; i < verdicts->n; i++)
        counts[verdicts->items[i].outcome]++;
}

/* ", 3 of 4 expectations met, 1 not checked" */
static void put_expectations(FILE *out, const struct table *table)
{
    size_t counts[TABLE_OUTCOMES] = {0};
    count_verdicts(&table->verdicts, counts);
    for (size_t i = 0; i < table->n_flows; i++)
        count_verdicts(&table->flows[i].verdicts, counts);
    size_t checked = counts[TABLE_MET] + counts[TABLE_MISSED];
    const char *plural = checked == 1 ? "" : "s";
    if (counts[TABLE_MISSED])
        fprintf(out, ", %zu of %zu expectation%s missed", counts[TABLE_MISSED], checked, plural);
    else if (checked)
        fprintf(out, ", %zu expectation%s met", checked, plural);
    if (counts[TABLE_UNCHECKED])
        fprintf(out, ", %zu not checked", counts[TABLE_UNCHECKED]);
}

static bool run_missed(const struct table *table)
{
    size_t counts[TABLE_OUTCOMES] = {0};
    count_verdicts(&table->verdicts, counts);
    return counts[TABLE_MISSED] > 0;
}

static void put_verdict(FILE *out, const struct table *table, const struct rows *rows)
{
    size_t passed = rows->counts[ROW_PASSED], bad = rows->counts[ROW_FAILED];
    const char *status = table->status ? table->status : "failed";
    for (size_t i = 0; i < table->n_errors; i++)
        fprintf(out, "Error: %s\n", table->errors[i]);
    for (size_t i = 0; i < table->verdicts.n; i++)
        fprintf(out, "Expectation: %s\n", table->verdicts.items[i].text);
    if (strcmp(status, "interrupted") == 0)
        fprintf(out, "INTERRUPTED: until then %zu passed and %zu failed", passed, bad);
    else if (strcmp(status, "incomplete") == 0)
        fprintf(out, "INCOMPLETE: the run was cut off; until then %zu passed and %zu failed", passed, bad);
    else if (bad > 0)
        fprintf(out, "FAILED: %zu of %zu measured scenarios failed", bad, passed + bad);
    else if (run_missed(table))
        fprintf(out, "FAILED: what was expected was not measured");
    else if (strcmp(status, "passed") != 0)
        fprintf(out, "FAILED: the run did not get through");
    else
        fprintf(out, "PASSED: all %zu measured scenarios passed", passed);
    put_expectations(out, table);
    fprintf(out, "%s%s\n", table->run_id ? ", run " : "", table->run_id ? table->run_id : "");
}

static struct layout layout_of(const struct table_opts *opts)
{
    struct vmtp_terminal terminal = {.struct_size = sizeof terminal};
    vmtp_terminal(&terminal);
    return (struct layout){
        .columns = opts->width > 0 ? (size_t)opts->width : terminal.columns,
        .color = opts->color == COLOR_AUTO ? terminal.color : opts->color == COLOR_ALWAYS,
        .only_measured = opts->rows == ROWS_MEASURED,
    };
}

static int print(vmtp_ctx *ctx, const struct table_sink *sink)
{
    struct rows rows = {0};
    struct layout layout = layout_of(sink->opts);
    char *text = NULL;
    size_t len = 0;
    int rc = rows_make(&sink->table, &rows);
    FILE *out = rc == VMTP_OK ? open_memstream(&text, &len) : NULL;
    if (!out) {
        rows_clear(&rows);
        return VMTP_ENOMEM;
    }
    put_counters(out, &rows);
    layout_draw(out, &rows, &layout);
    put_verdict(out, &sink->table, &rows);
    rc = table_close_text(out, &text);
    if (rc == VMTP_OK)
        rc = vmtp_print(ctx, text, len);
    free(text);
    rows_clear(&rows);
    return rc;
}

static int run_ends(vmtp_ctx *ctx, struct table_sink *sink, const struct vmtp_event *ev)
{
    int rc = keep(&sink->table.status, vmtp_event_text(ev, "status"));
    return rc == VMTP_OK ? print(ctx, sink) : rc;
}

static int take(vmtp_ctx *ctx, struct table_sink *sink, const struct vmtp_event *ev)
{
    struct table *table = &sink->table;
    bool of_flow = ev->flow_id != NULL;
    switch (ev->type) {
    case VMTP_EV_RUN_BEGIN:
        return run_begins(table, ev);
    case VMTP_EV_FLOW_BEGIN:
        return of_flow ? flow_begins(table, ev) : VMTP_OK;
    case VMTP_EV_RESULT:
        return of_flow && ev->load ? measured(table, ev) : VMTP_OK;
    case VMTP_EV_FAILURE:
        return failed(table, ev);
    case VMTP_EV_VERDICT:
        return judged(table, ev);
    case VMTP_EV_FLOW_END:
        return of_flow ? flow_ends(table, ev) : VMTP_OK;
    case VMTP_EV_RUN_END:
        return run_ends(ctx, sink, ev);
    default:
        return VMTP_OK;
    }
}

static int table_event(vmtp_ctx *ctx, void *state, const struct vmtp_event *ev)
{
    int rc = take(ctx, state, ev);
    if (rc == VMTP_ENOMEM)
        return vmtp_fail(ctx, rc, "out of memory");
    if (rc == VMTP_EFAIL && ev->type != VMTP_EV_RUN_END)
        return vmtp_fail(ctx, rc, "more than %d flows, or %d kinds of measurements in a flow", FLOWS_MAX, KINDS_MAX);
    return rc;
}

static const struct vmtp_sink_ops table_ops = {
    .struct_size = sizeof table_ops,
    .caps = VMTP_SINK_IDEMPOTENT | VMTP_SINK_TERMINAL,
    .open = table_open,
    .event = table_event,
    .close = table_close,
};

VMTP_PLUGIN(sink_table) = {
    VMTP_PLUGIN_HEAD,
    .name = "table",
    .version = "1.0",
    .summary = "prints a summary of the results",
    .options = table_options,
    .option_size = sizeof table_options[0],
    .opts_size = sizeof(struct table_opts),
    .sink = &table_ops,
};
