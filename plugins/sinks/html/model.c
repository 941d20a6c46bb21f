/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/sinks/html/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KINDS_MAX = 64, SERIES_MAX = 64 }; /* what is beyond is in the tables, not in the charts */

/* --- members --- */

const char *html_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text && *text ? text : NULL;
}

/* "0.231" as a number; strtod() would go by the locale. */
static double number_of_text(const char *text)
{
    double value = 0, step = 1;
    bool digits = false, negative = *text == '-';
    for (text += negative; *text >= '0' && *text <= '9'; text++, digits = true)
        value = value * 10 + (*text - '0');
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, digits = true)
            value += (*text - '0') * (step /= 10);
    return digits && *text == '\0' && isfinite(value) ? negative ? -value : value : NAN;
}

static double number_of(const json_t *json)
{
    if (json_is_number(json))
        return json_number_value(json);
    return json_is_string(json) ? number_of_text(json_string_value(json)) : NAN;
}

double html_number(const json_t *object, const char *member)
{
    return number_of(json_object_get(object, member));
}

static double positive(const json_t *object, const char *member)
{
    double value = html_number(object, member);
    return value >= 0 ? value : NAN;
}

static long long size_of(const json_t *object, const char *member)
{
    double size = html_number(object, member);
    return size >= 0 && size < 1e15 ? (long long)size : -1;
}

/* --- spread --- */

/* Welford's way: no loss of digits when the spread is small. */
void html_spread_add(struct html_spread *spread, double value)
{
    if (!isfinite(value))
        return;
    spread->n++;
    spread->min = spread->n == 1 || value < spread->min ? value : spread->min;
    spread->max = spread->n == 1 || value > spread->max ? value : spread->max;
    double distance = value - spread->mean;
    spread->mean += distance / (double)spread->n;
    spread->squares += distance * (value - spread->mean);
}

double html_spread_stddev(const struct html_spread *spread)
{
    return spread->n < 2 ? NAN : sqrt(spread->squares / (double)(spread->n - 1));
}

/* --- protocols --- */

static const char *const proto_names[] = {"TCP", "UDP", "Multicast", "ICMP"};

const char *html_proto_name(enum html_proto proto)
{
    return proto < HTML_OTHER ? proto_names[proto] : "other";
}

static enum html_proto proto_of(const json_t *item)
{
    const char *name = html_text(item, "protocol");
    for (enum html_proto proto = HTML_TCP; name && proto < HTML_OTHER; proto++)
        if (strcasecmp(name, proto_names[proto]) == 0)
            return proto;
    return HTML_OTHER;
}

/* --- which group a flow is in --- */

static const char *const families[] = {
    NULL, "L2", "L2", "L3 fixed", "L3 fixed", "L3 floating", "L3 floating", "Native", "External", "Namespaces",
};

static const char *family_of(const json_t *flow, const char *desc)
{
    const char *scenario = html_text(flow, "scenario");
    if (scenario && scenario[0] >= '1' && scenario[0] <= '9' && (!scenario[1] || scenario[1] == '.'))
        return families[scenario[0] - '0'];
    if (strstr(desc, "External-VM"))
        return "External";
    if (strstr(desc, "same network"))
        return "L2";
    if (strstr(desc, "floating IP"))
        return "L3 floating";
    if (strstr(desc, "different network"))
        return "L3 fixed";
    return strstr(desc, "Native") ? "Native" : "Other";
}

static const char *member_of(const char *desc)
{
    static const char *const members[] = {"intra-node", "inter-node", "intra-host", "inter-host"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strstr(desc, members[i]))
            return members[i];
    return NULL;
}

/* --- measurements --- */

static struct html_kind *kind_of(struct html_flow *flow, const struct html_item *item)
{
    for (size_t i = 0; i < flow->n_kinds; i++) {
        struct html_kind *kind = &flow->kinds[i];
        if (kind->proto == item->proto && kind->size == item->size && kind->reverse == item->reverse)
            return kind;
    }
    if (flow->n_kinds == KINDS_MAX)
        return NULL;
    struct html_kind *kind = &flow->kinds[flow->n_kinds++];
    *kind = (struct html_kind){.proto = item->proto, .size = item->size, .reverse = item->reverse, .first = item,
                               .load_min = NAN, .load_avg = NAN, .load_max = NAN, .load_stddev = NAN};
    return kind;
}

/* Round trips under the load of a measurement: those that it tells itself. */
static void take_load(struct html_kind *kind, const json_t *json)
{
    double avg = positive(json, "rtt_avg_ms");
    if (isnan(avg) || !isnan(kind->load_avg))
        return;
    kind->load_avg = avg;
    kind->load_min = positive(json, "rtt_min_ms");
    kind->load_max = positive(json, "rtt_max_ms");
    kind->load_stddev = positive(json, "rtt_stddev_ms");
}

static void count_item(struct html_flow *flow, struct html_item *item)
{
    struct html_kind *kind = kind_of(flow, item);
    item->kind = kind ? (size_t)(kind - flow->kinds) : KINDS_MAX;
    if (!kind)
        return;
    if (item->error) {
        kind->error = kind->error ? kind->error : item->error;
        return;
    }
    if (kind->bps.n == 0)
        kind->first = item;
    html_spread_add(&kind->bps, item->bps);
    html_spread_add(&kind->loss, item->loss);
    html_spread_add(&kind->rtt_ms, item->rtt_ms);
    html_spread_add(&kind->retrans, item->retrans);
    html_spread_add(&kind->cpu_sender, item->cpu_sender);
    html_spread_add(&kind->cpu_receiver, item->cpu_receiver);
    take_load(kind, item->json);
}

static bool is_shown(enum html_proto proto, enum html_show show)
{
    return show == HTML_ALL || (show == HTML_ONLY_TCP && proto == HTML_TCP) ||
           (show == HTML_ONLY_UDP && proto == HTML_UDP);
}

static void take_item(struct html_flow *flow, const json_t *json, size_t place, enum html_show show)
{
    enum html_proto proto = proto_of(json);
    if (!is_shown(proto, show))
        return;
    const char *direction = html_text(json, "direction");
    struct html_item *item = &flow->items[flow->n_items++];
    *item = (struct html_item){
        .json = json, .proto = proto, .place = place,
        .size = size_of(json, "pkt_size"),
        .reverse = direction && strcmp(direction, "reverse") == 0,
        .bps = positive(json, "throughput_bps"),
        .loss = positive(json, "loss_rate"),
        .rtt_ms = positive(json, "rtt_ms"),
        .retrans = positive(json, "retrans"),
        .jitter_ms = positive(json, "jitter_ms"),
        .cpu_sender = positive(json, "cpu_sender"),
        .cpu_receiver = positive(json, "cpu_receiver"),
        .tool = html_text(json, "tool"),
        .error = html_text(json, "error"),
    };
    if (isnan(item->bps))
        item->bps = positive(json, "throughput_kbps") * 1000;
    if (isnan(item->jitter_ms))
        item->jitter_ms = positive(json, "jitter");
    count_item(flow, item);
}

static void take_ping(struct html_flow *flow, const json_t *json)
{
    struct html_ping *ping = &flow->pings[flow->n_pings++];
    *ping = (struct html_ping){
        .json = json,
        .size = size_of(json, json_object_get(json, "packet_size") ? "packet_size" : "pkt_size"),
        .min = positive(json, "rtt_min_ms"),
        .avg = positive(json, "rtt_avg_ms"),
        .max = positive(json, "rtt_max_ms"),
        .stddev = positive(json, "rtt_stddev"),
        .sent = positive(json, "tx_packets"),
        .received = positive(json, "rx_packets"),
        .loss = positive(json, "loss_rate"),
        .error = html_text(json, "error"),
        .load = html_text(json, "load"),
    };
    if (isnan(ping->stddev))
        ping->stddev = positive(json, "rtt_stddev_ms");
    if (isnan(ping->loss) && ping->sent > 0 && ping->received <= ping->sent)
        ping->loss = 100 * (ping->sent - ping->received) / ping->sent;
    if (ping->received == 0 && !ping->error)
        ping->error = "no answer";
}

/* A list with an object per size, or, before 2.3, the numbers in the item itself. */
static size_t pings_in(const json_t *item)
{
    const json_t *results = json_object_get(item, "results");
    return json_is_array(results) ? json_array_size(results) : 1;
}

static void take_pings(struct html_flow *flow, const json_t *item)
{
    const json_t *results = json_object_get(item, "results");
    if (!json_is_array(results)) {
        take_ping(flow, item);
        return;
    }
    for (size_t i = 0; i < json_array_size(results); i++)
        if (json_is_object(json_array_get(results, i)))
            take_ping(flow, json_array_get(results, i));
}

/* The results are a list of objects; or, when a VM could not be made, a text or a list with one. */
static bool take_results(struct html_flow *flow, const json_t *results, enum html_show show)
{
    size_t n = json_array_size(results), pings = 0;
    if (json_is_string(results) && !flow->error)
        flow->error = json_string_value(results);
    for (size_t i = 0; i < n; i++)
        if (proto_of(json_array_get(results, i)) == HTML_ICMP)
            pings += pings_in(json_array_get(results, i));
    flow->items = calloc(n + 1, sizeof *flow->items);
    flow->kinds = calloc((n < KINDS_MAX ? n : KINDS_MAX) + 1, sizeof *flow->kinds);
    flow->pings = calloc(pings + 1, sizeof *flow->pings);
    if (!flow->items || !flow->kinds || !flow->pings)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(results, i);
        if (json_is_string(item) && !flow->error)
            flow->error = json_string_value(item);
        else if (proto_of(item) == HTML_ICMP)
            take_pings(flow, item);
        else if (json_is_object(item))
            take_item(flow, item, i, show);
    }
    return true;
}

static bool take_flow(struct html_flow *flow, const json_t *json, enum html_show show)
{
    const char *desc = html_text(json, "desc");
    flow->json = json;
    flow->desc = desc ? desc : html_text(json, "id") ? html_text(json, "id") : "a flow without a name";
    flow->error = html_text(json, "error");
    flow->status = html_text(json, "status");
    flow->family = family_of(json, flow->desc);
    flow->member = member_of(flow->desc);
    flow->external = strcmp(flow->family, "External") == 0;
    return take_results(flow, json_object_get(json, "results"), show);
}

/* --- series --- */

static int by_protocol(const void *a, const void *b)
{
    static const int order[] = {[HTML_UDP] = 0, [HTML_TCP] = 1, [HTML_MULTICAST] = 2, [HTML_ICMP] = 3,
                                [HTML_OTHER] = 4};
    const struct html_series *x = a, *y = b;
    if (x->proto != y->proto)
        return order[x->proto] < order[y->proto] ? -1 : 1;
    return x->size < y->size ? -1 : x->size > y->size;
}

static struct html_series *series_of(const struct html_report *report, const struct html_kind *kind)
{
    for (size_t i = 0; i < report->n_series; i++)
        if (report->series[i].proto == kind->proto && report->series[i].size == kind->size)
            return &report->series[i];
    return NULL;
}

/* Calls use for each kind of the report. */
static void each_kind(struct html_report *report, void (*use)(struct html_report *report, struct html_kind *kind))
{
    for (size_t r = 0; r < report->n_runs; r++)
        for (size_t f = 0; f < report->runs[r].n_flows; f++)
            for (size_t k = 0; k < report->runs[r].flows[f].n_kinds; k++)
                use(report, &report->runs[r].flows[f].kinds[k]);
}

static void add_series(struct html_report *report, struct html_kind *kind)
{
    bool without = kind->size < 0 && kind->bps.n == 0; /* a flow that failed: nothing to draw */
    if (!without && !series_of(report, kind) && report->n_series < SERIES_MAX)
        report->series[report->n_series++] = (struct html_series){.proto = kind->proto, .size = kind->size};
}

static void set_series(struct html_report *report, struct html_kind *kind)
{
    const struct html_series *series = series_of(report, kind);
    kind->series = series ? (size_t)(series - report->series) : SERIES_MAX;
}

static bool find_series(struct html_report *report)
{
    report->series = calloc(SERIES_MAX, sizeof *report->series);
    if (!report->series)
        return false;
    each_kind(report, add_series);
    qsort(report->series, report->n_series, sizeof *report->series, by_protocol);
    for (size_t i = 1; i < report->n_series; i++)
        if (report->series[i].proto == report->series[i - 1].proto)
            report->series[i].shade = report->series[i - 1].shade + 1;
    each_kind(report, set_series);
    return true;
}

/* --- the report --- */

static bool take_run(struct html_run *run, const json_t *json, enum html_show show)
{
    const json_t *flows = json_object_get(json, "flows");
    run->json = json;
    run->flows = calloc(json_array_size(flows) + 1, sizeof *run->flows);
    if (!run->flows)
        return false;
    for (size_t i = 0; i < json_array_size(flows); i++)
        if (!take_flow(&run->flows[run->n_flows++], json_array_get(flows, i), show))
            return false;
    return true;
}

bool html_report_read(struct html_report *report, json_t *const *documents, size_t n, enum html_show show)
{
    *report = (struct html_report){.runs = calloc(n + 1, sizeof *report->runs)};
    if (!report->runs)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!take_run(&report->runs[report->n_runs++], documents[i], show))
            return false;
    return find_series(report);
}

void html_report_clear(struct html_report *report)
{
    for (size_t r = 0; r < report->n_runs; r++) {
        for (size_t f = 0; f < report->runs[r].n_flows; f++) {
            free(report->runs[r].flows[f].items);
            free(report->runs[r].flows[f].kinds);
            free(report->runs[r].flows[f].pings);
        }
        free(report->runs[r].flows);
    }
    free(report->runs);
    free(report->series);
    *report = (struct html_report){0};
}
