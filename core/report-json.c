/* SPDX-License-Identifier: Apache-2.0 */
/* The result document: the old program's members under their names and in their units (kbit/s, ms, %, numbers of pings
 * as text), and ours beside them. Members are sorted by name, the indent is 4, lists of numbers stay on one line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/report.h"
#include "core/stats.h"
#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "core/util/str.h"

enum { SCHEMA_VERSION = 1, WHOLE = -1 };
static const double LARGEST_WHOLE = 9007199254740992; /* 2^53: beyond it a double is not exact */

/* --- numbers --- */

/* A number as consumers want it: whole, or with so many decimals. */
static json_t *number(double value, int decimals)
{
    if (decimals == WHOLE && fabs(value) < LARGEST_WHOLE)
        return json_integer((json_int_t)llround(value));
    if (decimals == WHOLE)
        return json_real(value);
    double step = pow(10, decimals);
    double rounded = round(value * step) / step;
    return json_real(isfinite(rounded) ? rounded : value);
}

/* Which member a metric becomes, in which unit. */
static const struct field {
    const char *metric, *member;
    double factor;
    int decimals;
} fields[] = {
    {"throughput", "throughput_bps", 1, WHOLE},
    {"sent_rate", "sent_bps", 1, WHOLE},
    {"bytes", "bytes", 1, WHOLE},
    {"seconds", "seconds", 1, 3},
    {"retransmits", "retrans", 1, WHOLE},
    {"cwnd", "cwnd_bytes", 1, WHOLE},
    {"rtt", "rtt_ms", 1e3, 3},
    {"rtt_min", "rtt_min_ms", 1e3, 3},
    {"rtt_avg", "rtt_avg_ms", 1e3, 3},
    {"rtt_max", "rtt_max_ms", 1e3, 3},
    {"rtt_stddev", "rtt_stddev_ms", 1e3, 3},
    {"loss", "loss_rate", 100, 2},
    {"sent", "sent", 1, WHOLE},
    {"received", "received", 1, WHOLE},
    {"lost", "lost", 1, WHOLE},
    {"duplicates", "duplicates", 1, WHOLE},
    {"out_of_order", "out_of_order", 1, WHOLE},
    {"jitter", "jitter_ms", 1e3, 6},
    {"owd", "owd_ms", 1e3, 6},
    {"cpu_sender", "cpu_sender", 1, 4},
    {"cpu_receiver", "cpu_receiver", 1, 4},
    {"cpu_load", "cpu_load_processors", 1, 2},
    {"at", "at_s", 1, 6},
    {"from", "from_s", 1, 6},
    {"to", "to_s", 1, 6},
    {"target_rate", "target_bps", 1, WHOLE},
    {"trial", "trial", 1, WHOLE},
};

/* A metric that has no line above keeps its name and its unit. */
static struct field field_of(const char *metric)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].metric, metric) == 0)
            return fields[i];
    return (struct field){metric, metric, 1, 9};
}

/* Members are set only if the one before worked: one look at the end is enough. */
static void set(json_t **object, const char *name, json_t *value)
{
    if (json_object_set_new(*object, name, value) == 0)
        return;
    json_decref(*object);
    *object = NULL;
}

static void set_text(json_t **object, const char *name, const char *text)
{
    VMTP_CLEAN(mem) char *copy = strdup(text);
    if (copy)
        vmtp_printable(copy);
    set(object, name, copy ? json_string(copy) : NULL);
}

/* "0.231": as the old program printed what ping had printed. Whatever the locale. */
static void set_ms_text(json_t **object, const char *name, double seconds)
{
    long long us = seconds >= 0 && seconds < 1e9 ? llround(seconds * 1e6) : 0;
    VMTP_CLEAN(mem) char *text = vmtp_format("%lld.%03lld", us / 1000, us % 1000);
    set(object, name, text ? json_string(text) : NULL);
}

static void set_count_text(json_t **object, const char *name, double count)
{
    VMTP_CLEAN(mem) char *text = vmtp_format("%.0f", count);
    set(object, name, text ? json_string(text) : NULL);
}

/* A copy, or NULL: jansson leaves members out when it runs out of memory. */
static json_t *copy_of(const json_t *json)
{
    json_t *copy = json_copy((json_t *)json);
    if (json_object_size(copy) == json_object_size(json) && json_array_size(copy) == json_array_size(json))
        return copy;
    json_decref(copy);
    return NULL;
}

/* --- writing piece by piece --- */

/* Where the text goes; the first failure stays, and what follows is not written. */
struct writer {
    struct vmtp_buf *out;
    unsigned depth;
    int rc;
};

static void put_bytes(struct writer *w, const char *text, size_t len)
{
    if (w->rc == VMTP_OK)
        w->rc = vmtp_buf_add(w->out, text, len);
}

static void put(struct writer *w, const char *text)
{
    put_bytes(w, text, strlen(text));
}

static void new_line(struct writer *w)
{
    static const char blanks[] = "\n                                ";
    static const unsigned PER_LEVEL = 4, LEVELS = (sizeof blanks - 2) / 4;
    unsigned levels = w->depth < LEVELS ? w->depth : LEVELS;
    put_bytes(w, blanks, 1 + PER_LEVEL * levels);
    for (; levels < w->depth; levels++)
        put_bytes(w, blanks + 1, PER_LEVEL);
}

/* Nothing in it needs an escape. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
            return false;
    return true;
}

static void put_plain(struct writer *w, const char *text, size_t len)
{
    put_bytes(w, "\"", 1);
    put_bytes(w, text, len);
    put_bytes(w, "\"", 1);
}

/* What jansson makes of a number with at most six decimals, when it makes no exponent. False: not written. */
static bool put_short_real(struct writer *w, double value)
{
    static const double SMALLEST = 1e-3, LARGEST = 1e8, STEPS = 1e6;
    if (value != 0 && !(value >= SMALLEST && value < LARGEST))
        return false;
    long long steps = llround(value * STEPS);
    if ((double)steps / STEPS != value || signbit(value))
        return false;
    char text[48];
    int len = snprintf(text, sizeof text, "%lld.%06lld", steps / 1000000, steps % 1000000);
    while (text[len - 1] == '0' && text[len - 2] != '.')
        len--;
    put_bytes(w, text, (size_t)len);
    return true;
}

static void put_integer(struct writer *w, long long value)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", value);
    put_bytes(w, text, (size_t)len);
}

/* A value on one line. Characters beyond ASCII are escaped, as they always were. What is common, a plain text or a
 * number, takes no detour through jansson's writer, which allocates for each. */
static void put_flat(struct writer *w, const json_t *value)
{
    static const size_t flags = JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_SORT_KEYS | JSON_REAL_PRECISION(15);
    if (json_is_string(value) && is_plain(json_string_value(value), json_string_length(value))) {
        put_plain(w, json_string_value(value), json_string_length(value));
        return;
    }
    if (json_is_integer(value)) {
        put_integer(w, json_integer_value(value));
        return;
    }
    if (json_is_real(value) && put_short_real(w, json_real_value(value)))
        return;
    VMTP_CLEAN(mem) char *text = vmtp_json_dump(value, flags);
    if (text)
        put(w, text);
    else if (w->rc == VMTP_OK)
        w->rc = VMTP_ENOMEM;
}

static bool is_flat(const json_t *array)
{
    size_t i;
    json_t *element;
    json_array_foreach(array, i, element)
        if (json_is_array(element) || json_is_object(element))
            return false;
    return true;
}

/* A member that is too large to be built as a tree: its function writes it. */
struct streamed {
    const char *name;
    void (*write)(struct writer *w, const void *what);
    const void *what;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const struct streamed *streamed_of(const struct streamed *streamed, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(streamed[i].name, name) == 0)
            return &streamed[i];
    return NULL;
}

/* The names of both kinds of members, sorted, no name twice. */
static const char **sorted_names(const json_t *object, const struct streamed *streamed, size_t n_streamed, size_t *n)
{
    const char **names = calloc(json_object_size(object) + n_streamed + 1, sizeof *names);
    *n = 0;
    if (!names)
        return NULL;
    for (void *at = json_object_iter((json_t *)object); at; at = json_object_iter_next((json_t *)object, at))
        if (!streamed_of(streamed, n_streamed, json_object_iter_key(at)))
            names[(*n)++] = json_object_iter_key(at);
    for (size_t i = 0; i < n_streamed; i++)
        names[(*n)++] = streamed[i].name;
    qsort(names, *n, sizeof *names, by_name);
    return names;
}

static void put_name(struct writer *w, const char *name)
{
    if (is_plain(name, strlen(name))) {
        put_plain(w, name, strlen(name));
    } else {
        VMTP_CLEAN(json) json_t *text = json_string(name);
        put_flat(w, text);
    }
    put(w, ": ");
}

/* A value with its members on lines of their own; streamed ones are for the outermost object only. */
static void put_tree(struct writer *w, const json_t *value, const struct streamed *streamed, size_t n_streamed)
{
    if (!value || (json_is_array(value) && is_flat(value)) || (!json_is_array(value) && !json_is_object(value))) {
        put_flat(w, value);
        return;
    }
    bool list = json_is_array(value);
    size_t n = json_array_size(value);
    VMTP_CLEAN(mem) const char **names = list ? NULL : sorted_names(value, streamed, n_streamed, &n);
    if (!list && !names) {
        w->rc = VMTP_ENOMEM;
        return;
    }
    put(w, list ? "[" : "{");
    w->depth++;
    for (size_t i = 0; i < n; i++) {
        put(w, i ? "," : "");
        new_line(w);
        const struct streamed *large = list ? NULL : streamed_of(streamed, n_streamed, names[i]);
        if (!list)
            put_name(w, names[i]);
        if (large)
            large->write(w, large->what);
        else
            put_tree(w, list ? json_array_get(value, i) : json_object_get(value, names[i]), NULL, 0);
    }
    w->depth--;
    if (n)
        new_line(w);
    put(w, list ? "]" : "}");
}

/* Elements of a streamed list: put_next() before each, put_end() after the last. */
static void put_next(struct writer *w, size_t *n)
{
    put(w, (*n)++ ? "," : "[");
    w->depth++;
    new_line(w);
    w->depth--;
}

static void put_end(struct writer *w, size_t n)
{
    if (n)
        new_line(w);
    put(w, n ? "]" : "[]");
}

/* --- samples and trials --- */

/* What put_flat() makes of number(), without the detour for what is common: there may be millions. */
static void put_number(struct writer *w, double value, int decimals)
{
    if (decimals == WHOLE && fabs(value) < LARGEST_WHOLE) {
        put_integer(w, llround(value));
        return;
    }
    double step = pow(10, decimals);
    if (decimals != WHOLE && put_short_real(w, round(value * step) / step))
        return;
    VMTP_CLEAN(json) json_t *json = number(value, decimals);
    put_flat(w, json);
}

static void put_series(struct writer *w, const struct vmtp_series *series, size_t intervals)
{
    struct field field = field_of(series->metric->name);
    put_name(w, field.member);
    put(w, "[");
    for (size_t i = 0; i < intervals && w->rc == VMTP_OK; i++) {
        put(w, i ? ", " : "");
        if (i >= series->n || isnan(series->values[i])) {
            put(w, "null");
            continue;
        }
        put_number(w, series->values[i] * field.factor, field.decimals);
    }
    put(w, "]");
}

static int by_member(const void *a, const void *b)
{
    const struct vmtp_series *const *x = a, *const *y = b;
    return strcmp(field_of((*x)->metric->name).member, field_of((*y)->metric->name).member);
}

/* One list per metric: {"from_s": [0, 1], "throughput_bps": [...], "to_s": [1, 2]}; null where an interval lacks it. */
static void put_samples(struct writer *w, const void *what)
{
    const struct vmtp_samples *samples = what;
    VMTP_CLEAN(mem) const struct vmtp_series **sorted = calloc(samples->n_series, sizeof *sorted);
    if (!sorted) {
        w->rc = VMTP_ENOMEM;
        return;
    }
    for (size_t i = 0; i < samples->n_series; i++)
        sorted[i] = &samples->series[i];
    qsort(sorted, samples->n_series, sizeof *sorted, by_member);
    put(w, "{");
    w->depth++;
    for (size_t i = 0; i < samples->n_series; i++) {
        put(w, i ? "," : "");
        new_line(w);
        put_series(w, sorted[i], samples->n);
    }
    w->depth--;
    new_line(w);
    put(w, "}");
}

static void put_trial(struct writer *w, const struct vmtp_report_trial *trial)
{
    put(w, "{");
    if (!isnan(trial->loss)) {
        put(w, "\"loss_rate\": ");
        put_number(w, trial->loss * 100, 2);
        put(w, ", ");
    }
    put(w, trial->confirming ? "\"phase\": \"confirm\"" : "\"phase\": \"search\"");
    if (!isnan(trial->target_bps)) {
        put(w, ", \"target_bps\": ");
        put_number(w, trial->target_bps, WHOLE);
    }
    if (!isnan(trial->throughput_bps)) {
        put(w, ", \"throughput_bps\": ");
        put_number(w, trial->throughput_bps, WHOLE);
    }
    put(w, "}");
}

static void put_trials(struct writer *w, const void *what)
{
    const struct vmtp_report_item *item = what;
    size_t n = 0;
    for (size_t i = 0; i < item->n_trials && w->rc == VMTP_OK; i++) {
        put_next(w, &n);
        put_trial(w, &item->trials[i]);
    }
    put_end(w, n);
}

/* --- items --- */

static void append_text(json_t **object, const char *list, const char *text)
{
    json_t *texts = json_object_get(*object, list);
    if (texts) {
        json_array_append_new(texts, json_string(text));
        return;
    }
    set(object, list, json_pack("[s]", text));
}

/* What the tool said in words; members that have a meaning of their own cannot be taken. */
static void set_properties(json_t **object, const struct vmtp_recorder *said)
{
    static const char *const reserved[] = {"error", "results", "samples", "trials", "direction", "protocol", "tool"};
    for (size_t i = 0; i < said->n_properties; i++) {
        const char *name = said->properties[i].name, *text = said->properties[i].text;
        uint64_t limit;
        bool taken = false;
        for (size_t k = 0; k < sizeof reserved / sizeof reserved[0]; k++)
            taken = taken || strcmp(reserved[k], name) == 0;
        if (strcmp(name, "flag") == 0)
            append_text(object, "flags", text);
        else if (strcmp(name, "warning") == 0)
            append_text(object, "warnings", text);
        else if (strcmp(name, "bandwidth_limit") == 0 && vmtp_parse_rate(text, &limit))
            set(object, "bandwidth_limit_kbps", json_integer((json_int_t)(limit / 1000)));
        else if (!taken)
            set_text(object, name, text);
    }
}

static void set_number(json_t **object, const struct vmtp_value *value)
{
    struct field field = field_of(value->metric);
    bool ms = strcmp(value->metric, "rtt") == 0;
    if (ms && value->value == 0)
        return; /* the tool does not know */
    set(object, field.member, number(value->value * field.factor, field.decimals));
}

/* A TCP, UDP or multicast item. */
static void put_item(struct writer *w, const struct vmtp_report_item *item)
{
    VMTP_CLEAN(json) json_t *object = json_object();
    set_properties(&object, &item->said);
    set(&object, "protocol", json_string(vmtp_proto_name(item->proto)));
    set_text(&object, "tool", item->tool);
    if (item->message_bytes)
        set(&object, "pkt_size", json_integer(item->message_bytes));
    if (item->rate_bps)
        set(&object, "target_bps", number((double)item->rate_bps, WHOLE));
    /* A rate that no search has found is the user's limit. */
    if (item->rate_bps && object && !json_object_get(object, "search") &&
        !json_object_get(object, "bandwidth_limit_kbps"))
        set(&object, "bandwidth_limit_kbps", json_integer((json_int_t)(item->rate_bps / 1000)));
    for (size_t i = 0; i < item->said.n_values; i++)
        set_number(&object, &item->said.values[i]);
    double throughput = vmtp_recorder_number(&item->said, "throughput", -1);
    if (throughput >= 0)
        set(&object, "throughput_kbps", number(throughput / 1000, WHOLE));
    double jitter = vmtp_recorder_number(&item->said, "jitter", 0);
    if (item->proto == VMTP_MULTICAST && jitter != 0)
        set(&object, "jitter", number(jitter * 1e3, 6));
    if (item->streams > 1)
        set(&object, "streams", json_integer(item->streams));
    if (item->reverse)
        set(&object, "direction", json_string("reverse"));
    if (item->cpu_load)
        set(&object, "cpu_load", json_incref(item->cpu_load));
    if (item->error)
        set_text(&object, "error", item->error);

    struct streamed large[2];
    size_t n = 0;
    if (item->samples.n_series)
        large[n++] = (struct streamed){"samples", put_samples, &item->samples};
    if (item->n_trials)
        large[n++] = (struct streamed){"trials", put_trials, item};
    put_tree(w, object, large, n);
}

/* The pings of one size. Old readers expect numbers of packets and times as text. */
static void put_pings(struct writer *w, const struct vmtp_report_item *item)
{
    VMTP_CLEAN(json) json_t *object = json_object();
    set_properties(&object, &item->said);
    if (object)
        json_object_del(object, "tool_version"); /* the item has it */
    set(&object, "packet_size", json_integer(item->message_bytes));
    for (size_t i = 0; i < item->said.n_values; i++) {
        const char *metric = item->said.values[i].metric;
        double value = item->said.values[i].value;
        if (strcmp(metric, "sent") == 0)
            set_count_text(&object, "tx_packets", value);
        else if (strcmp(metric, "received") == 0)
            set_count_text(&object, "rx_packets", value);
        else if (strcmp(metric, "rtt_stddev") == 0)
            set_ms_text(&object, "rtt_stddev", value);
        else if (strncmp(metric, "rtt_", 4) == 0)
            set_ms_text(&object, field_of(metric).member, value);
        else
            set_number(&object, &item->said.values[i]);
    }
    if (item->error)
        set_text(&object, "error", item->error);
    put_tree(w, object, NULL, 0);
}

static void put_all_pings(struct writer *w, const void *what)
{
    const struct vmtp_report_flow *flow = what;
    size_t n = 0;
    for (size_t i = 0; i < flow->n_items; i++) {
        if (flow->items[i].proto != VMTP_ICMP)
            continue;
        put_next(w, &n);
        w->depth++;
        put_pings(w, &flow->items[i]);
        w->depth--;
    }
    put_end(w, n);
}

static const char *property_of(const struct vmtp_recorder *said, const char *name)
{
    for (size_t i = 0; i < said->n_properties; i++)
        if (strcmp(said->properties[i].name, name) == 0)
            return said->properties[i].text;
    return NULL;
}

/* All pings of a flow are one item, that of the first. */
static void put_icmp(struct writer *w, const struct vmtp_report_flow *flow, const struct vmtp_report_item *first)
{
    VMTP_CLEAN(json) json_t *object = json_object();
    const char *version = property_of(&first->said, "tool_version");
    set(&object, "protocol", json_string(vmtp_proto_name(VMTP_ICMP)));
    set_text(&object, "tool", first->tool);
    if (version)
        set_text(&object, "tool_version", version);
    const struct streamed pings = {"results", put_all_pings, flow};
    put_tree(w, object, &pings, 1);
}

/* --- flows --- */

/* What the flow was asked: the letters of --protocols. */
static bool asked(const struct vmtp_report *report, const struct vmtp_report_flow *flow, uint32_t proto)
{
    static const char letters[] = {[VMTP_TCP] = 'T', [VMTP_UDP] = 'U', [VMTP_MULTICAST] = 'M', [VMTP_ICMP] = 'I'};
    const char *protocols = json_string_value(json_object_get(flow->properties, "protocols"));
    if (!protocols)
        protocols = json_string_value(json_object_get(report->properties, "protocols"));
    return protocols && strchr(protocols, letters[proto]);
}

/* A flow that failed has an item with the error for each protocol that was asked and not measured: a reader that looks
 * for items by protocol finds the failure there. */
static void put_missing(struct writer *w, const struct vmtp_report_flow *flow, uint32_t proto)
{
    VMTP_CLEAN(json) json_t *object = json_object();
    set(&object, "protocol", json_string(vmtp_proto_name(proto)));
    set_text(&object, "error", flow->error);
    put_tree(w, object, NULL, 0);
}

/* What a streamed member of a flow needs. */
struct flow_of_report {
    const struct vmtp_report *report;
    const struct vmtp_report_flow *flow;
};

/* The number of items of a protocol written; pings count as one. */
static size_t put_items_of(struct writer *w, const struct vmtp_report_flow *flow, uint32_t proto, size_t *n)
{
    size_t before = *n;
    for (size_t i = 0; i < flow->n_items && w->rc == VMTP_OK; i++) {
        const struct vmtp_report_item *item = &flow->items[i];
        if (item->proto != proto)
            continue;
        put_next(w, n);
        w->depth++;
        if (proto == VMTP_ICMP)
            put_icmp(w, flow, item);
        else
            put_item(w, item);
        w->depth--;
        if (proto == VMTP_ICMP)
            break;
    }
    return *n - before;
}

static void put_results(struct writer *w, const void *what)
{
    const struct flow_of_report *of = what;
    size_t n = 0;
    for (uint32_t proto = VMTP_TCP; proto <= VMTP_ICMP; proto++) {
        if (put_items_of(w, of->flow, proto, &n) || !of->flow->error || !asked(of->report, of->flow, proto))
            continue;
        put_next(w, &n);
        w->depth++;
        put_missing(w, of->flow, proto);
        w->depth--;
    }
    put_end(w, n);
}

/* --- statistics --- */

/* Repeats of the same thing are next to each other. */
static int by_kind(const void *a, const void *b)
{
    const struct vmtp_report_item *x = *(const struct vmtp_report_item *const *)a;
    const struct vmtp_report_item *y = *(const struct vmtp_report_item *const *)b;
    if (x->proto != y->proto)
        return x->proto < y->proto ? -1 : 1;
    if (x->reverse != y->reverse)
        return x->reverse ? 1 : -1;
    if (x->message_bytes != y->message_bytes)
        return x->message_bytes < y->message_bytes ? -1 : 1;
    return strcmp(x->tool, y->tool);
}

static json_t *json_of_stats(const struct vmtp_report_item *item, const struct vmtp_stats *stats)
{
    json_t *object = json_object();
    set(&object, "protocol", json_string(vmtp_proto_name(item->proto)));
    set_text(&object, "tool", item->tool);
    set(&object, "pkt_size", json_integer(item->message_bytes));
    if (item->reverse)
        set(&object, "direction", json_string("reverse"));
    set(&object, "n", json_integer((json_int_t)stats->n));
    set(&object, "min_bps", number(stats->min, WHOLE));
    set(&object, "max_bps", number(stats->max, WHOLE));
    set(&object, "mean_bps", number(stats->mean, WHOLE));
    set(&object, "median_bps", number(stats->median, WHOLE));
    set(&object, "stddev_bps", number(stats->stddev, WHOLE));
    return object;
}

/* The statistics of n items that are sorted by kind; samples has room for n numbers. */
static json_t *statistics_of(const struct vmtp_report_item **items, size_t n, double *samples)
{
    json_t *list = json_array();
    for (size_t begin = 0, end; begin < n; begin = end) {
        size_t count = 0;
        for (end = begin; end < n && by_kind(&items[begin], &items[end]) == 0; end++)
            samples[count++] = vmtp_recorder_number(&items[end]->said, "throughput", 0);
        struct vmtp_stats stats = vmtp_stats_of(samples, count);
        if (json_array_append_new(list, json_of_stats(items[begin], &stats)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Over the good throughput items. */
static json_t *json_of_statistics(const struct vmtp_report_flow *flow)
{
    VMTP_CLEAN(mem) const struct vmtp_report_item **items = calloc(flow->n_items + 1, sizeof *items);
    VMTP_CLEAN(mem) double *samples = calloc(flow->n_items + 1, sizeof *samples);
    if (!items || !samples)
        return NULL;
    size_t n = 0;
    for (size_t i = 0; i < flow->n_items; i++)
        if (flow->items[i].proto != VMTP_ICMP && !flow->items[i].error)
            items[n++] = &flow->items[i];
    qsort(items, n, sizeof *items, by_kind);
    return statistics_of(items, n, samples);
}

/* A text of digits becomes a number. */
static void make_integer(json_t **object, const char *name)
{
    int64_t value;
    const char *text = *object ? json_string_value(json_object_get(*object, name)) : NULL;
    if (text && vmtp_parse_int(text, &value))
        set(object, name, json_integer(value));
}

static void put_flow(struct writer *w, const struct flow_of_report *of)
{
    const struct vmtp_report_flow *flow = of->flow;
    VMTP_CLEAN(json) json_t *object = copy_of(flow->properties);
    const char *label = json_string_value(json_object_get(flow->properties, "label"));
    if (object)
        json_object_del(object, "label");
    make_integer(&object, "number");
    set_text(&object, "desc", label ? label : flow->id);
    set_text(&object, "id", flow->id);
    set(&object, "status", json_string(flow->status));
    set(&object, "statistics", json_of_statistics(flow));
    if (flow->topology)
        set_text(&object, "topology", flow->topology);
    if (flow->error)
        set_text(&object, "error", flow->error);
    if (flow->verdicts)
        set(&object, "verdicts", copy_of(flow->verdicts));
    for (size_t i = 0; i < flow->n_items; i++)
        if (flow->items[i].proto == VMTP_MULTICAST && flow->items[i].group)
            set_text(&object, "multicast_address", flow->items[i].group);
    const struct streamed results = {"results", put_results, of};
    put_tree(w, object, &results, 1);
}

static void put_flows(struct writer *w, const void *what)
{
    const struct vmtp_report *report = what;
    size_t n = 0;
    for (size_t i = 0; i < report->n_flows && w->rc == VMTP_OK; i++) {
        const struct flow_of_report of = {report, &report->flows[i]};
        put_next(w, &n);
        w->depth++;
        put_flow(w, &of);
        w->depth--;
    }
    put_end(w, n);
}

/* --- the run --- */

/* "2026-01-15T10:20:30Z" */
static void set_date(json_t **object, const char *name, int64_t ns)
{
    char text[40] = "";
    struct tm tm;
    time_t seconds = (time_t)(ns / 1000000000);
    if (gmtime_r(&seconds, &tm))
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    set(object, name, json_string(text));
}

/* The old program had these in every document. */
static void set_always(json_t **object, const char *name)
{
    if (*object && !json_object_get(*object, name))
        set(object, name, json_string(""));
}

int vmtp_report_write(const struct vmtp_report *report, struct vmtp_buf *out)
{
    struct writer w = {.out = out};
    VMTP_CLEAN(json) json_t *object = copy_of(report->properties);
    set_always(&object, "args");
    set_always(&object, "date");
    set_always(&object, "run_id");
    set_always(&object, "version");
    make_integer(&object, "plan_flows");
    set(&object, "schema_version", json_integer(SCHEMA_VERSION));
    set(&object, "status", json_string(report->status));
    set_text(&object, "run_uuid", report->run_id ? report->run_id : "");
    set_date(&object, "date_utc", report->first_ns);
    if (report->ended)
        set_date(&object, "end_date_utc", report->last_ns);
    set(&object, "duration_s", number((double)report->last_ns / 1e9 - (double)report->first_ns / 1e9, 3));
    if (json_array_size(report->errors))
        set(&object, "errors", copy_of(report->errors));
    if (report->verdicts)
        set(&object, "verdicts", copy_of(report->verdicts));
    const struct streamed flows = {"flows", put_flows, report};
    put_tree(&w, object, &flows, 1);
    return w.rc;
}
