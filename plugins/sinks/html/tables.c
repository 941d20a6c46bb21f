/* SPDX-License-Identifier: Apache-2.0 */
/* All numbers of the charts, and more, as tables that a screen reader and a spreadsheet understand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/sinks/html/page.h"

enum { ERROR_SHOWN = 400, NODES_SHOWN = 8 };

/* The end tags of rows and cells are left out, as HTML allows: there are many. */

static void table_begin(FILE *out, const char *caption)
{
    fprintf(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table><caption>%s</caption>",
            caption, caption);
}

static void table_end(FILE *out)
{
    fputs("</tbody></table></div>", out);
}

/* Names of columns up to an empty one; a leading '<' means text, to the left. */
static void head(FILE *out, const char *const names[])
{
    fputs("<thead><tr>", out);
    for (; *names; names++)
        if (**names == '<')
            fprintf(out, "<th scope=\"col\" class=\"txt\">%s", *names + 1);
        else
            fprintf(out, "<th scope=\"col\">%s", *names);
    fputs("</tr></thead><tbody>", out);
}

static void cell(FILE *out, const char *text)
{
    fprintf(out, "<td>%s", text);
}

static void rate_cell(FILE *out, bool told, double bps)
{
    char text[TEXT_MAX];
    cell(out, told ? text_rate(bps, text) : "");
}

static void ms_cell(FILE *out, double ms)
{
    char text[TEXT_MAX];
    cell(out, isnan(ms) ? "" : text_ms(ms, text));
}

static void flow_row(FILE *out, const struct html_column *column, int columns)
{
    fprintf(out, "<tr class=\"flow\"><th scope=\"rowgroup\" colspan=\"%d\">", columns);
    text_html(out, column->desc, 300);
    fputs(column->reverse ? ", server to client" : "", out);
}

static void remark(FILE *out, const char *text, const char *status)
{
    fprintf(out, "<div class=\"%s\">", *html_status_css(status) ? html_status_css(status) : "soft");
    text_html(out, html_flag_words(text), 0);
    fputs("</div>", out);
}

static void failure(FILE *out, const char *error)
{
    fputs("<span class=\"badge bad\">failed</span> ", out);
    text_html(out, error, ERROR_SHOWN);
}

static void remarks_cell(FILE *out, const struct vmtp_result_kind *kind)
{
    static const char *const lists[] = {"flags", "warnings", "verdict", "verdicts"};
    bool empty = !kind->error;
    for (size_t i = 0; empty && i < sizeof lists / sizeof lists[0]; i++)
        empty = !json_object_get(kind->first->json, lists[i]);
    fputs(empty ? "<td>" : "<td class=\"txt\">", out);
    if (kind->error)
        failure(out, kind->error);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        html_each_text(json_object_get(kind->first->json, lists[i]), remark, out);
}

static void kind_name(FILE *out, const struct vmtp_result_kind *kind)
{
    char name[64];
    fprintf(out, "<th scope=\"row\">%s", html_series_name(kind->proto, kind->size, name));
}

/* --- one run --- */

static void kind_row(FILE *out, const struct vmtp_result_kind *kind)
{
    char text[TEXT_MAX];
    const struct vmtp_spread *bps = &kind->bps;
    fputs("<tr>", out);
    kind_name(out, kind);
    cell(out, bps->n ? text_fixed((double)bps->n, 0, text) : "");
    rate_cell(out, bps->n, bps->mean);
    rate_cell(out, bps->n > 1, bps->min);
    rate_cell(out, bps->n > 1, bps->max);
    rate_cell(out, bps->n > 1, vmtp_spread_stddev(bps));
    cell(out, kind->loss.n ? text_percent(kind->loss.mean, text) : "");
    ms_cell(out, kind->rtt_ms.n ? kind->rtt_ms.mean : NAN);
    bool whole = kind->retrans.n && kind->retrans.mean == floor(kind->retrans.mean);
    const char *number = whole ? text_fixed(kind->retrans.mean, 0, text) : text_number(kind->retrans.mean, text);
    cell(out, kind->retrans.n ? number : "");
    remarks_cell(out, kind);
}

static void single_table(const struct page *page)
{
    static const char *const names[] = {"<Measurement", "Samples", "Mean", "Smallest", "Largest", "Std. dev.", "Loss",
                                        "Round trip", "Retransmits", "<Remarks", NULL};
    FILE *out = page->out;
    table_begin(out, "Throughput of every flow");
    head(out, names);
    for (size_t i = 0; i < page->columns->n; i++) {
        const struct html_column *column = &page->columns->items[i];
        const struct vmtp_result_flow *flow = column->flows[0];
        flow_row(out, column, 10);
        for (size_t k = 0; k < flow->n_kinds; k++)
            if (flow->kinds[k].reverse == column->reverse)
                kind_row(out, &flow->kinds[k]);
        if (flow->n_kinds == 0) {
            fputs("<tr><th scope=\"row\">no throughput<td class=\"txt\" colspan=\"9\">", out);
            if (flow->error)
                failure(out, flow->error);
        }
    }
    table_end(out);
}

/* --- several runs --- */

static void change_cell(FILE *out, const struct vmtp_result_kind *kind, const struct vmtp_result_kind *base)
{
    char text[TEXT_MAX];
    if (!kind || !base || !kind->bps.n || !base->bps.n || !(base->bps.mean > 0)) {
        cell(out, "");
        return;
    }
    double change = 100 * (kind->bps.mean / base->bps.mean - 1);
    fprintf(out, "<td class=\"%s\">%s%s %%", change > 0 ? "up" : change < 0 ? "down" : "", change > 0 ? "+" : "",
            text_fixed(change, 1, text));
}

static void compared_row(const struct page *page, const struct html_column *column, size_t series)
{
    FILE *out = page->out;
    const struct vmtp_result_kind *base = html_kind_in(column->flows[0], column, series), *any = NULL;
    size_t n = page->report->n_runs;
    for (size_t r = 0; r < n && !any; r++)
        any = html_kind_in(column->flows[r], column, series);
    if (!any)
        return;
    fputs("<tr>", out);
    kind_name(out, any);
    for (size_t r = 0; r < n; r++) {
        char text[TEXT_MAX], more[TEXT_MAX];
        const struct vmtp_result_kind *kind = html_kind_in(column->flows[r], column, series);
        if (kind && kind->bps.n > 1)
            fprintf(out, "<td>%s<br><span class=\"soft\">&#177; %s, n = %zu</span>",
                    text_rate(kind->bps.mean, text), text_rate(vmtp_spread_stddev(&kind->bps), more), kind->bps.n);
        else if (kind && kind->bps.n)
            cell(out, text_rate(kind->bps.mean, text));
        else
            cell(out, kind || html_why_lost(column->flows[r], column) ? "<span class=\"badge bad\">failed</span>" : "");
        cell(out, kind && kind->loss.n ? text_percent(kind->loss.mean, text) : "");
        if (r > 0)
            change_cell(out, kind, base);
    }
}

static void compared_table(const struct page *page)
{
    FILE *out = page->out;
    size_t n = page->report->n_runs;
    char name[24];
    table_begin(out, "Throughput of every flow, mean and standard deviation of the samples; change against run A");
    fputs("<thead><tr><th scope=\"col\">Measurement", out);
    for (size_t r = 0; r < n; r++)
        fprintf(out, "<th scope=\"col\">%s<th scope=\"col\">Loss%s", html_run_name(r, name),
                r > 0 ? "<th scope=\"col\">Change" : "");
    fputs("</tr></thead><tbody>", out);
    for (size_t i = 0; i < page->columns->n; i++) {
        flow_row(out, &page->columns->items[i], (int)(n * 3 > 1000 ? 1000 : n * 3));
        for (size_t s = 0; s < page->report->n_series; s++)
            compared_row(page, &page->columns->items[i], s);
    }
    table_end(out);
}

void html_numbers_table(const struct page *page)
{
    if (page->report->n_runs == 1)
        single_table(page);
    else
        compared_table(page);
    if (page->columns->left_out)
        fprintf(page->out, "<p class=\"soft\">%zu more flows are in the data, not in the charts.</p>",
                page->columns->left_out);
}

/* --- latency --- */

static void ping_row(FILE *out, const struct vmtp_result_ping *ping, const char *run)
{
    char text[TEXT_MAX];
    fputs("<tr><th scope=\"row\">ping", out);
    if (ping->size >= 0)
        fprintf(out, " %lld B", ping->size);
    fprintf(out, "%s%s<td class=\"txt\">", *run ? ", run " : "", run);
    if (ping->load)
        text_html(out, ping->load, 100);
    else
        fputs("idle", out);
    cell(out, isnan(ping->sent) ? "" : text_fixed(ping->sent, 0, text));
    ms_cell(out, ping->min);
    ms_cell(out, ping->avg);
    ms_cell(out, ping->max);
    ms_cell(out, ping->stddev);
    cell(out, isnan(ping->loss) ? "" : text_percent(ping->loss, text));
    fputs(ping->error ? "<td class=\"txt\">" : "<td>", out);
    if (ping->error)
        failure(out, ping->error);
}

static bool has_load(const struct vmtp_result_kind *kind)
{
    return !isnan(kind->load_avg) || kind->rtt_ms.n;
}

static void loaded_row(FILE *out, const struct vmtp_result_kind *kind, const char *run)
{
    char text[TEXT_MAX], name[64];
    bool told = !isnan(kind->load_avg);
    if (!has_load(kind))
        return;
    html_series_name(kind->proto, kind->size, name);
    fprintf(out, "<tr><th scope=\"row\">%s%s%s<td class=\"txt\">%s",
            told ? "round trips" : "as the kernel saw it", *run ? ", run " : "", run, name);
    cell(out, told ? "" : text_fixed((double)kind->rtt_ms.n, 0, text));
    ms_cell(out, told ? kind->load_min : kind->rtt_ms.min);
    ms_cell(out, told ? kind->load_avg : kind->rtt_ms.mean);
    ms_cell(out, told ? kind->load_max : kind->rtt_ms.max);
    ms_cell(out, told ? kind->load_stddev : vmtp_spread_stddev(&kind->rtt_ms));
    fputs("<td><td>", out);
}

static void latency_rows(const struct page *page, const struct html_column *column, size_t r)
{
    const struct vmtp_result_flow *flow = column->flows[r];
    char run[24] = "";
    if (page->report->n_runs > 1)
        html_run_name(r, run);
    for (size_t k = 0; flow && !column->reverse && k < flow->n_pings; k++)
        ping_row(page->out, &flow->pings[k], run);
    for (size_t k = 0; flow && k < flow->n_kinds; k++)
        if (flow->kinds[k].reverse == column->reverse)
            loaded_row(page->out, &flow->kinds[k], run);
}

static bool has_latency(const struct vmtp_result_flow *flow, bool reverse)
{
    bool has = flow && !reverse && flow->n_pings;
    for (size_t k = 0; flow && k < flow->n_kinds && !has; k++)
        has = flow->kinds[k].reverse == reverse && has_load(&flow->kinds[k]);
    return has;
}

void html_latency_table(const struct page *page)
{
    static const char *const names[] = {"<Round trips", "<Load", "Sent", "Smallest", "Average", "Largest", "Std. dev.",
                                        "Loss", "<Remarks", NULL};
    FILE *out = page->out;
    table_begin(out, "Round trip times of every flow");
    head(out, names);
    for (size_t i = 0; i < page->columns->n; i++) {
        const struct html_column *column = &page->columns->items[i];
        bool has = false;
        for (size_t r = 0; r < page->report->n_runs; r++)
            has = has || has_latency(column->flows[r], column->reverse);
        if (has)
            flow_row(out, column, 9);
        for (size_t r = 0; has && r < page->report->n_runs; r++)
            latency_rows(page, column, r);
    }
    table_end(out);
}

/* --- CPU --- */

static void meter_cell(FILE *out, const struct vmtp_spread *ratio)
{
    char text[TEXT_MAX];
    if (!ratio->n) {
        cell(out, "");
        return;
    }
    fprintf(out, "<td>%s %%<svg class=\"meter%s\"><path d=\"M4 4h%.0f\"/></svg>",
            text_fixed(ratio->mean * 100, 0, text), ratio->mean >= 0.95 ? " full" : "",
            fmin(fmax(ratio->mean, 0), 1) * 62);
}

struct node {
    const char *name;
    const json_t *loads;
    struct vmtp_spread load;
};

static int by_node_name(const void *a, const void *b)
{
    return strcmp(((const struct node *)a)->name, ((const struct node *)b)->name);
}

/* The busiest first. */
static int by_node_load(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    if (x->load.mean != y->load.mean)
        return x->load.mean > y->load.mean ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Those of one measurement, into nodes if that is not NULL. Files have an object, {address: [loads]}, or a list of
 * {"host": name, "load": [loads]}. */
static size_t list_nodes(const json_t *item, struct node *nodes)
{
    const json_t *load = json_object_get(item, "cpu_load");
    size_t n = 0, i;
    json_t *entry;
    for (void *at = json_object_iter((json_t *)load); at; at = json_object_iter_next((json_t *)load, at), n++)
        if (nodes)
            nodes[n] = (struct node){.name = json_object_iter_key(at), .loads = json_object_iter_value(at)};
    json_array_foreach(load, i, entry) {
        const char *host = vmtp_result_text(entry, "host");
        if (nodes)
            nodes[n] = (struct node){.name = host ? host : "node", .loads = json_object_get(entry, "load")};
        n++;
    }
    return n;
}

/* Makes one of all that have the same name; those without a number are dropped. */
static size_t join_nodes(struct node *nodes, size_t n)
{
    size_t kept = 0;
    qsort(nodes, n, sizeof *nodes, by_node_name);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || strcmp(nodes[kept - 1].name, nodes[i].name) != 0)
            nodes[kept++] = nodes[i];
        for (size_t k = 0; k < json_array_size(nodes[i].loads); k++)
            if (json_is_number(json_array_get(nodes[i].loads, k)))
                vmtp_spread_add(&nodes[kept - 1].load, json_number_value(json_array_get(nodes[i].loads, k)));
        if (nodes[kept - 1].load.n == 0 && (i + 1 == n || strcmp(nodes[kept - 1].name, nodes[i + 1].name) != 0))
            kept--;
    }
    qsort(nodes, kept, sizeof *nodes, by_node_load);
    return kept;
}

/* Busy processors of the nodes, from Ganglia, over all measurements of a kind. */
static void nodes_cell(FILE *out, const struct vmtp_result_flow *flow, size_t kind)
{
    char text[TEXT_MAX];
    size_t room = 1, n = 0;
    for (size_t i = 0; i < flow->n_items; i++)
        room += flow->items[i].kind == kind ? list_nodes(flow->items[i].json, NULL) : 0;
    struct node *nodes = calloc(room, sizeof *nodes);
    for (size_t i = 0; nodes && i < flow->n_items; i++)
        n += flow->items[i].kind == kind ? list_nodes(flow->items[i].json, nodes + n) : 0;
    n = n ? join_nodes(nodes, n) : 0;
    fputs("<td class=\"txt\">", out);
    for (size_t i = 0; i < n && i < NODES_SHOWN; i++) {
        text_html(out, nodes[i].name, 100);
        fprintf(out, ": %s", text_number(nodes[i].load.mean, text));
        fprintf(out, " (largest %s)<br>", text_number(nodes[i].load.max, text));
    }
    if (n > NODES_SHOWN)
        fprintf(out, "<span class=\"soft\">and %zu that are less busy</span>", n - NODES_SHOWN);
    free(nodes);
}

static bool has_nodes(const struct vmtp_result_flow *flow, size_t kind)
{
    for (size_t i = 0; i < flow->n_items; i++)
        if (flow->items[i].kind == kind && list_nodes(flow->items[i].json, NULL))
            return true;
    return false;
}

static bool has_cpu(const struct vmtp_result_flow *flow, size_t kind)
{
    return flow->kinds[kind].cpu_sender.n || flow->kinds[kind].cpu_receiver.n || has_nodes(flow, kind);
}

/* Rows of a column; undrawn they are only counted. nodes is set when one has the load of nodes. */
static size_t cpu_rows(const struct page *page, const struct html_column *column, bool draw, bool *nodes)
{
    size_t n = 0;
    char name[64], run[24];
    for (size_t r = 0; r < page->report->n_runs; r++)
        for (size_t k = 0; column->flows[r] && k < column->flows[r]->n_kinds; k++) {
            const struct vmtp_result_flow *flow = column->flows[r];
            const struct vmtp_result_kind *kind = &flow->kinds[k];
            if (kind->reverse != column->reverse || !has_cpu(flow, k))
                continue;
            n++;
            *nodes = *nodes || (!draw && has_nodes(flow, k));
            if (!draw)
                continue;
            html_run_name(r, run);
            fprintf(page->out, "<tr><th scope=\"row\">%s%s%s", html_series_name(kind->proto, kind->size, name),
                    page->report->n_runs > 1 ? ", run " : "", page->report->n_runs > 1 ? run : "");
            meter_cell(page->out, &kind->cpu_sender);
            meter_cell(page->out, &kind->cpu_receiver);
            if (*nodes)
                nodes_cell(page->out, flow, k);
        }
    return n;
}

void html_cpu_table(const struct page *page)
{
    const char *names[] = {"<Measurement", "Sender", "Receiver", NULL, NULL};
    size_t n = 0;
    bool nodes = false;
    for (size_t i = 0; i < page->columns->n; i++)
        n += cpu_rows(page, &page->columns->items[i], false, &nodes);
    if (n == 0)
        return;
    fputs("<section><h2>CPU of both ends</h2><p class=\"soft\">CPU time of the sending and of the receiving process "
          "by wall time, mean of the samples; 100 % is one processor. An end at 95 % or more is red: it may be what "
          "limits the throughput, not the network.", page->out);
    if (nodes)
        fputs(" Beside it how many processors of each node were busy meanwhile, as Ganglia has it: the mean of the "
              "readings, and the largest.", page->out);
    fputs("</p>", page->out);
    table_begin(page->out, "CPU time by flow and measurement");
    names[3] = nodes ? "<Busy processors of nodes" : NULL;
    head(page->out, names);
    for (size_t i = 0; i < page->columns->n; i++)
        if (cpu_rows(page, &page->columns->items[i], false, &nodes)) {
            flow_row(page->out, &page->columns->items[i], nodes ? 4 : 3);
            cpu_rows(page, &page->columns->items[i], true, &nodes);
        }
    table_end(page->out);
    fputs("</section>", page->out);
}

/* --- properties --- */

static const struct {
    const char *member, *name;
} properties[] = {
    {"test_description", "Description"},
    {"date", "Date"},
    {"status", "Status"},
    {"openstack_version", "OpenStack release"},
    {"encapsulation", "Encapsulation"},
    {"l2agent_type", "L2 agent type"},
    {"l2agent_version", "L2 agent version"},
    {"nic_name", "NIC name"},
    {"cpu_info", "CPU Info"},
    {"distro", "Host Linux distribution"},
    {"version", "VMTP version"},
    {"auth_url", "Authentication URL"},
    {"run_uuid", "Run"},
    {"run_id", "Run id, short"},
    {"duration_s", "Duration, s"},
    {"hostname", "Measured from"},
    {"protocols", "Protocols"},
    {"args", "Command line"},
};

static bool is_named(const char *member)
{
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
        if (strcmp(properties[i].member, member) == 0)
            return true;
    return false;
}

static bool is_shown(const json_t *value)
{
    return (json_is_string(value) && json_string_length(value)) || json_is_number(value) || json_is_boolean(value);
}

static void value_cell(FILE *out, const json_t *value)
{
    char text[TEXT_MAX];
    fputs("<td>", out);
    if (json_is_string(value))
        text_html(out, json_string_value(value), 2000);
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "yes" : "no", out);
    else if (json_is_integer(value))
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        fputs(text_fixed(json_real_value(value), 3, text), out);
}

/* A row when at least one run has it. */
static void property_row(const struct page *page, const char *member, const char *name)
{
    bool any = false;
    for (size_t r = 0; r < page->report->n_runs; r++)
        any = any || is_shown(json_object_get(page->report->runs[r].json, member));
    if (!any)
        return;
    fputs("<tr><th scope=\"row\">", page->out);
    text_html(page->out, name, 100);
    for (size_t r = 0; r < page->report->n_runs; r++)
        value_cell(page->out, json_object_get(page->report->runs[r].json, member));
}

/* What no list here names, of the first run that has it. */
static void other_rows(const struct page *page, size_t run)
{
    const json_t *json = page->report->runs[run].json;
    for (void *at = json_object_iter((json_t *)json); at; at = json_object_iter_next((json_t *)json, at)) {
        const char *member = json_object_iter_key(at);
        bool before = is_named(member) || !is_shown(json_object_iter_value(at));
        for (size_t r = 0; r < run && !before; r++)
            before = is_shown(json_object_get(page->report->runs[r].json, member));
        if (!before)
            property_row(page, member, member);
    }
}

void html_properties_table(const struct page *page)
{
    FILE *out = page->out;
    char name[24];
    fputs("<section><h2>Properties</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
          "aria-label=\"Properties\"><table class=\"props\"><caption>What was measured, with what, and where</caption>"
          "<thead><tr><th scope=\"col\">Property", out);
    for (size_t r = 0; r < page->report->n_runs; r++)
        fprintf(out, "<th scope=\"col\" class=\"txt\">%s%s", page->report->n_runs > 1 ? "Run " : "Value",
                page->report->n_runs > 1 ? html_run_name(r, name) : "");
    fputs("</tr></thead><tbody>", out);
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
        property_row(page, properties[i].member, properties[i].name);
    for (size_t r = 0; r < page->report->n_runs; r++)
        other_rows(page, r);
    table_end(out);
    fputs("</section>", out);
}
