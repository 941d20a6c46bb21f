/* SPDX-License-Identifier: Apache-2.0 */
#include "core/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/json.h"

enum { FILE_SIZE_MAX = 256 << 20 };
enum { KINDS_MAX = 64, SERIES_MAX = 64 }; /* what is beyond is in the tables, not in the charts */

/* --- files --- */

int vmtp_result_load(vmtp_ctx *ctx, const char *file, json_t **document)
{
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len;
    json_error_t error;
    int rc = vmtp_file_read(ctx, file, FILE_SIZE_MAX, &text, &len);
    if (rc < 0)
        return rc;
    rc = vmtp_json_parse(text, len, JSON_ALLOW_NUL, document, &error);
    if (rc == VMTP_ENOMEM)
        return vmtp_fail(ctx, rc, "out of memory");
    if (rc < 0)
        return vmtp_fail(ctx, rc, "%s:%d:%d: not JSON: %s", file, error.line, error.column, error.text);
    if (json_is_array(json_object_get(*document, "flows")))
        return VMTP_OK;
    json_decref(*document);
    *document = NULL;
    return vmtp_fail(ctx, VMTP_EPARSE, "%s: not a result of VMTP: it has no list of flows", file);
}

/* --- members --- */

const char *vmtp_result_text(const json_t *object, const char *member)
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

double vmtp_result_number(const json_t *object, const char *member)
{
    return number_of(json_object_get(object, member));
}

static double positive(const json_t *object, const char *member)
{
    double value = vmtp_result_number(object, member);
    return value >= 0 ? value : NAN;
}

static long long size_of(const json_t *object, const char *member)
{
    double size = vmtp_result_number(object, member);
    return size >= 0 && size < 1e15 ? (long long)size : -1;
}

/* --- protocols --- */

static const char *const proto_names[] = {"TCP", "UDP", "Multicast", "ICMP"};

const char *vmtp_result_proto_name(enum vmtp_result_proto proto)
{
    return proto < VMTP_RESULT_OTHER ? proto_names[proto] : "other";
}

static enum vmtp_result_proto proto_of(const json_t *item)
{
    const char *name = vmtp_result_text(item, "protocol");
    for (enum vmtp_result_proto proto = VMTP_RESULT_TCP; name && proto < VMTP_RESULT_OTHER; proto++)
        if (strcasecmp(name, proto_names[proto]) == 0)
            return proto;
    return VMTP_RESULT_OTHER;
}

/* --- which group a flow is in --- */

static const char *const families[] = {
    NULL, "L2", "L2", "L3 fixed", "L3 fixed", "L3 floating", "L3 floating", "Native", "External", "Namespaces",
};

static const char *family_of(const json_t *flow, const char *desc)
{
    const char *scenario = vmtp_result_text(flow, "scenario");
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

static struct vmtp_result_kind *kind_of(struct vmtp_result_flow *flow, const struct vmtp_result_item *item)
{
    for (size_t i = 0; i < flow->n_kinds; i++) {
        struct vmtp_result_kind *kind = &flow->kinds[i];
        if (kind->proto == item->proto && kind->size == item->size && kind->reverse == item->reverse)
            return kind;
    }
    if (flow->n_kinds == KINDS_MAX)
        return NULL;
    struct vmtp_result_kind *kind = &flow->kinds[flow->n_kinds++];
    *kind = (struct vmtp_result_kind){.proto = item->proto, .size = item->size, .reverse = item->reverse, .first = item,
                               .load_min = NAN, .load_avg = NAN, .load_max = NAN, .load_stddev = NAN};
    return kind;
}

/* Round trips under the load of a measurement: those that it tells itself. */
static void take_load(struct vmtp_result_kind *kind, const json_t *json)
{
    double avg = positive(json, "rtt_avg_ms");
    if (isnan(avg) || !isnan(kind->load_avg))
        return;
    kind->load_avg = avg;
    kind->load_min = positive(json, "rtt_min_ms");
    kind->load_max = positive(json, "rtt_max_ms");
    kind->load_stddev = positive(json, "rtt_stddev_ms");
}

static void count_item(struct vmtp_result_flow *flow, struct vmtp_result_item *item)
{
    struct vmtp_result_kind *kind = kind_of(flow, item);
    item->kind = kind ? (size_t)(kind - flow->kinds) : KINDS_MAX;
    if (!kind)
        return;
    if (item->error) {
        kind->error = kind->error ? kind->error : item->error;
        return;
    }
    if (kind->bps.n == 0)
        kind->first = item;
    vmtp_spread_add(&kind->bps, item->bps);
    vmtp_spread_add(&kind->loss, item->loss);
    vmtp_spread_add(&kind->rtt_ms, item->rtt_ms);
    vmtp_spread_add(&kind->retrans, item->retrans);
    vmtp_spread_add(&kind->jitter_ms, item->jitter_ms);
    vmtp_spread_add(&kind->cpu_sender, item->cpu_sender);
    vmtp_spread_add(&kind->cpu_receiver, item->cpu_receiver);
    take_load(kind, item->json);
}

static bool is_shown(enum vmtp_result_proto proto, enum vmtp_result_show show)
{
    return show == VMTP_RESULT_ALL || (show == VMTP_RESULT_ONLY_TCP && proto == VMTP_RESULT_TCP) ||
           (show == VMTP_RESULT_ONLY_UDP && proto == VMTP_RESULT_UDP);
}

static void take_item(struct vmtp_result_flow *flow, const json_t *json, size_t place, enum vmtp_result_show show)
{
    enum vmtp_result_proto proto = proto_of(json);
    if (!is_shown(proto, show))
        return;
    const char *direction = vmtp_result_text(json, "direction");
    struct vmtp_result_item *item = &flow->items[flow->n_items++];
    *item = (struct vmtp_result_item){
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
        .tool = vmtp_result_text(json, "tool"),
        .error = vmtp_result_text(json, "error"),
    };
    if (isnan(item->bps))
        item->bps = positive(json, "throughput_kbps") * 1000;
    if (isnan(item->jitter_ms))
        item->jitter_ms = positive(json, "jitter");
    count_item(flow, item);
}

static void take_ping(struct vmtp_result_flow *flow, const json_t *json)
{
    struct vmtp_result_ping *ping = &flow->pings[flow->n_pings++];
    *ping = (struct vmtp_result_ping){
        .json = json,
        .size = size_of(json, json_object_get(json, "packet_size") ? "packet_size" : "pkt_size"),
        .min = positive(json, "rtt_min_ms"),
        .avg = positive(json, "rtt_avg_ms"),
        .max = positive(json, "rtt_max_ms"),
        .stddev = positive(json, "rtt_stddev"),
        .sent = positive(json, "tx_packets"),
        .received = positive(json, "rx_packets"),
        .loss = positive(json, "loss_rate"),
        .error = vmtp_result_text(json, "error"),
        .load = vmtp_result_text(json, "load"),
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

static void take_pings(struct vmtp_result_flow *flow, const json_t *item)
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
static bool take_results(struct vmtp_result_flow *flow, const json_t *results, enum vmtp_result_show show)
{
    size_t n = json_array_size(results), pings = 0;
    if (json_is_string(results) && !flow->error)
        flow->error = json_string_value(results);
    for (size_t i = 0; i < n; i++)
        if (proto_of(json_array_get(results, i)) == VMTP_RESULT_ICMP)
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
        else if (proto_of(item) == VMTP_RESULT_ICMP)
            take_pings(flow, item);
        else if (json_is_object(item))
            take_item(flow, item, i, show);
    }
    return true;
}

static bool take_flow(struct vmtp_result_flow *flow, const json_t *json, enum vmtp_result_show show)
{
    const char *desc = vmtp_result_text(json, "desc");
    flow->json = json;
    flow->desc = desc ? desc : vmtp_result_text(json, "id") ? vmtp_result_text(json, "id") : "a flow without a name";
    flow->error = vmtp_result_text(json, "error");
    flow->status = vmtp_result_text(json, "status");
    flow->family = family_of(json, flow->desc);
    flow->member = member_of(flow->desc);
    flow->external = strcmp(flow->family, "External") == 0;
    return take_results(flow, json_object_get(json, "results"), show);
}

/* --- series --- */

static int by_protocol(const void *a, const void *b)
{
    static const int order[] = {[VMTP_RESULT_UDP] = 0, [VMTP_RESULT_TCP] = 1, [VMTP_RESULT_MULTICAST] = 2,
                                [VMTP_RESULT_ICMP] = 3, [VMTP_RESULT_OTHER] = 4};
    const struct vmtp_result_series *x = a, *y = b;
    if (x->proto != y->proto)
        return order[x->proto] < order[y->proto] ? -1 : 1;
    return x->size < y->size ? -1 : x->size > y->size;
}

static struct vmtp_result_series *series_of(const struct vmtp_results *report, const struct vmtp_result_kind *kind)
{
    for (size_t i = 0; i < report->n_series; i++)
        if (report->series[i].proto == kind->proto && report->series[i].size == kind->size)
            return &report->series[i];
    return NULL;
}

/* Calls use for each kind of the report. */
static void each_kind(struct vmtp_results *report,
                      void (*use)(struct vmtp_results *report, struct vmtp_result_kind *kind))
{
    for (size_t r = 0; r < report->n_runs; r++)
        for (size_t f = 0; f < report->runs[r].n_flows; f++)
            for (size_t k = 0; k < report->runs[r].flows[f].n_kinds; k++)
                use(report, &report->runs[r].flows[f].kinds[k]);
}

static void add_series(struct vmtp_results *report, struct vmtp_result_kind *kind)
{
    bool without = kind->size < 0 && kind->bps.n == 0; /* a flow that failed: nothing to draw */
    if (!without && !series_of(report, kind) && report->n_series < SERIES_MAX)
        report->series[report->n_series++] = (struct vmtp_result_series){.proto = kind->proto, .size = kind->size};
}

static void set_series(struct vmtp_results *report, struct vmtp_result_kind *kind)
{
    const struct vmtp_result_series *series = series_of(report, kind);
    kind->series = series ? (size_t)(series - report->series) : SERIES_MAX;
}

static bool find_series(struct vmtp_results *report)
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

static bool take_run(struct vmtp_result_run *run, const json_t *json, enum vmtp_result_show show)
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

bool vmtp_results_read(struct vmtp_results *report, json_t *const *documents, size_t n, enum vmtp_result_show show)
{
    *report = (struct vmtp_results){.runs = calloc(n + 1, sizeof *report->runs)};
    if (!report->runs)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!take_run(&report->runs[report->n_runs++], documents[i], show))
            return false;
    return find_series(report);
}

void vmtp_results_clear(struct vmtp_results *report)
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
    *report = (struct vmtp_results){0};
}
