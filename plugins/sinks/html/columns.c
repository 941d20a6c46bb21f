/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "plugins/sinks/html/page.h"

enum { COLUMNS_MAX = 1000, SHADES = 6, RUN_COLORS = 6 };

static void set_label(struct html_column *column, const struct vmtp_result_flow *flow)
{
    const char *client = vmtp_result_text(flow->json, "client"), *server = vmtp_result_text(flow->json, "server");
    if (flow->external)
        snprintf(column->label, sizeof column->label, "%s", column->reverse ? "Download" : "Upload");
    else if (flow->member)
        snprintf(column->label, sizeof column->label, "%s%s", flow->member, column->reverse ? ", reverse" : "");
    else if (client && server && strlen(client) + strlen(server) < 14)
        snprintf(column->label, sizeof column->label, "%s %s %s", client,
                 column->reverse ? "\xE2\x86\x90" : "\xE2\x86\x92", server);
    else
        snprintf(column->label, sizeof column->label, "%s", column->reverse ? "reverse" : "");
}

/* The place of a flow: that of the same one in an earlier run, or a new one. */
static bool place_flow(struct html_columns *columns, const struct vmtp_results *report, size_t run,
                       const struct vmtp_result_flow *flow, bool reverse)
{
    for (size_t i = 0; run > 0 && i < columns->n; i++) {
        struct html_column *column = &columns->items[i];
        if (column->reverse == reverse && !column->flows[run] && strcmp(column->desc, flow->desc) == 0) {
            column->flows[run] = flow;
            return true;
        }
    }
    if (columns->n == COLUMNS_MAX) {
        columns->left_out++;
        return true;
    }
    struct html_column *column = &columns->items[columns->n];
    *column = (struct html_column){
        .family = flow->family, .desc = flow->desc, .reverse = reverse, .place = columns->n,
        .flows = calloc(report->n_runs, sizeof(const struct vmtp_result_flow *)),
    };
    if (!column->flows)
        return false;
    column->flows[run] = flow;
    set_label(column, flow);
    columns->n++;
    return true;
}

/* Flows of one family side by side, whatever their order in the run. */
static int by_family(const void *a, const void *b)
{
    static const char *const order[] = {"L2", "L3 fixed", "L3 floating", "External", "Native", "Namespaces"};
    const struct html_column *x = a, *y = b;
    size_t n = sizeof order / sizeof order[0], i = 0, k = 0;
    while (i < n && strcmp(order[i], x->family) != 0)
        i++;
    while (k < n && strcmp(order[k], y->family) != 0)
        k++;
    if (i != k)
        return i < k ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

bool html_columns_make(struct html_columns *columns, const struct vmtp_results *report)
{
    *columns = (struct html_columns){.items = calloc(COLUMNS_MAX, sizeof *columns->items)};
    for (size_t r = 0; columns->items && r < report->n_runs; r++)
        for (size_t f = 0; f < report->runs[r].n_flows; f++) {
            const struct vmtp_result_flow *flow = &report->runs[r].flows[f];
            bool forward = flow->n_kinds == 0, reverse = false;
            for (size_t k = 0; k < flow->n_kinds; k++) {
                reverse = reverse || flow->kinds[k].reverse;
                forward = forward || !flow->kinds[k].reverse;
            }
            if (forward && !place_flow(columns, report, r, flow, false))
                return false;
            if (reverse && !place_flow(columns, report, r, flow, true))
                return false;
        }
    if (!columns->items)
        return false;
    qsort(columns->items, columns->n, sizeof *columns->items, by_family);
    return true;
}

void html_columns_clear(struct html_columns *columns)
{
    for (size_t i = 0; i < columns->n; i++)
        free(columns->items[i].flows);
    free(columns->items);
    *columns = (struct html_columns){0};
}

const struct vmtp_result_kind *html_kind_in(const struct vmtp_result_flow *flow, const struct html_column *column,
                                            size_t series)
{
    for (size_t k = 0; flow && k < flow->n_kinds; k++)
        if (flow->kinds[k].series == series && flow->kinds[k].reverse == column->reverse)
            return &flow->kinds[k];
    return NULL;
}

const char *html_why_lost(const struct vmtp_result_flow *flow, const struct html_column *column)
{
    const char *why = flow ? flow->error : NULL;
    for (size_t k = 0; flow && k < flow->n_kinds; k++) {
        if (flow->kinds[k].reverse != column->reverse)
            continue;
        if (flow->kinds[k].bps.n)
            return NULL;
        why = why ? why : flow->kinds[k].error;
    }
    return why;
}

const char *html_series_css(const struct vmtp_result_series *series, char css[8])
{
    static const char letters[] = {[VMTP_RESULT_TCP] = 't', [VMTP_RESULT_UDP] = 'u', [VMTP_RESULT_MULTICAST] = 'm',
                                   [VMTP_RESULT_ICMP] = 'p', [VMTP_RESULT_OTHER] = 'r'};
    snprintf(css, 8, "%c%u", letters[series->proto], (unsigned)series->shade % SHADES);
    return css;
}

const char *html_run_css(size_t run, char css[8])
{
    snprintf(css, 8, "r%u", (unsigned)run % RUN_COLORS);
    return css;
}

const char *html_series_name(enum vmtp_result_proto proto, long long size, char name[64])
{
    if (size >= 0)
        snprintf(name, 64, "%s %lld B", vmtp_result_proto_name(proto), size);
    else
        snprintf(name, 64, "%s", vmtp_result_proto_name(proto));
    return name;
}

const char *html_run_name(size_t run, char name[24])
{
    if (run < 26)
        snprintf(name, 24, "%c", (char)('A' + run));
    else
        snprintf(name, 24, "%zu", run + 1);
    return name;
}

const char *html_status_css(const char *status)
{
    static const char *const good[] = {"passed", "pass", "ok", "good", "PASSED"};
    static const char *const bad[] = {"failed", "fail", "bad", "error", "FAILED"};
    for (size_t i = 0; status && i < sizeof good / sizeof good[0]; i++) {
        if (strcmp(status, good[i]) == 0)
            return "good";
        if (strcmp(status, bad[i]) == 0)
            return "bad";
    }
    return status ? "warn" : "";
}

const char *html_flag_words(const char *flag)
{
    static const char *const words[][2] = {
        {"loss-out-of-range", "no rate was found whose loss is in the range asked for"},
        {"sender-limited", "the sender could not send faster"},
        {"not-confirmed", "the rate did not hold when it was sent at for the whole time"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i][0], flag) == 0)
            return words[i][1];
    return flag;
}

const char *html_said(const json_t *json)
{
    static const char *const members[] = {"text", "reason", "message", "verdict", "name"};
    const char *text = json_string_value(json);
    for (size_t i = 0; json_is_object(json) && i < sizeof members / sizeof members[0] && !text; i++)
        text = vmtp_result_text(json, members[i]);
    return text && *text ? text : NULL;
}

static void use_one(const json_t *json, void (*use)(FILE *out, const char *text, const char *status), FILE *out)
{
    if (html_said(json))
        use(out, html_said(json), vmtp_result_text(json, "status"));
}

void html_each_text(const json_t *json, void (*use)(FILE *out, const char *text, const char *status), FILE *out)
{
    if (!json_is_array(json))
        use_one(json, use, out);
    for (size_t i = 0; i < json_array_size(json); i++)
        use_one(json_array_get(json, i), use, out);
}
