/* SPDX-License-Identifier: Apache-2.0 */
/* The text exposition format of Prometheus, for the textfile collector of its node exporter. Its base units are bytes
 * and seconds: bit/s become bytes per second here, and nowhere else. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "plugins/sinks/document.h"

struct prometheus_opts {
    const char *file;
};

static const struct vmtp_option prometheus_options[] = {
    VMTP_OPTION(struct prometheus_opts, file, STRING, .flags = VMTP_OPT_REQUIRED,
                .help = "the file that is written, or replaced when it exists; for the textfile collector NAME.prom"),
    {0},
};

/* What is told of a measurement: the mean over its samples. number: of an item, or of a ping when pings is set. */
static const struct metric {
    const char *name, *help, *member;
    double factor;
    bool pings;
} metrics[] = {
    {"vmtp_throughput_bytes_per_second", "Payload that arrived, mean of the samples.", "throughput_bps", 0.125, false},
    {"vmtp_loss_ratio", "Datagrams that did not arrive.", "loss_rate", 0.01, false},
    {"vmtp_tcp_round_trip_seconds", "Round trip time while data were sent.", "rtt_ms", 1e-3, false},
    {"vmtp_retransmits", "TCP segments sent again, mean of the samples.", "retrans", 1, false},
    {"vmtp_sender_cpu_ratio", "CPU time of the sending process by wall time.", "cpu_sender", 1, false},
    {"vmtp_receiver_cpu_ratio", "CPU time of the receiving process by wall time.", "cpu_receiver", 1, false},
    {"vmtp_ping_round_trip_min_seconds", "Shortest round trip of the pings.", "rtt_min_ms", 1e-3, true},
    {"vmtp_ping_round_trip_avg_seconds", "Mean round trip of the pings.", "rtt_avg_ms", 1e-3, true},
    {"vmtp_ping_round_trip_max_seconds", "Longest round trip of the pings.", "rtt_max_ms", 1e-3, true},
    {"vmtp_ping_loss_ratio", "Echo requests without an answer.", "loss_rate", 0.01, true},
};

/* --- text --- */

static void put_label(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if (*text == '\n')
            fputs("\\n", out);
        else
            fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
}

static void put_head(FILE *out, const char *name, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* Whatever the locale. */
static int put_value(FILE *out, double value)
{
    json_t *number = json_real(value);
    int rc = number && json_dumpf(number, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) == 0 ? VMTP_OK : VMTP_ENOMEM;
    json_decref(number);
    fputc('\n', out);
    return rc;
}

/* "0.231": the numbers of pings are text. */
static double number_of(const json_t *value)
{
    json_error_t error;
    if (json_is_number(value))
        return json_number_value(value);
    json_t *parsed = json_is_string(value) ? json_loads(json_string_value(value), JSON_DECODE_ANY, &error) : NULL;
    double number = json_is_number(parsed) ? json_number_value(parsed) : NAN;
    json_decref(parsed);
    return number;
}

/* --- series --- */

/* The labels of a series; they are also the key of its sums. */
static char *labels_of(const json_t *flow, const json_t *item, const json_t *ping)
{
    static const char *const members[] = {"id", "desc", "scenario", "topology"};
    static const char *const names[] = {"flow", "description", "scenario", "topology"};
    char *labels = NULL;
    size_t len;
    FILE *out = open_memstream(&labels, &len);
    if (!out)
        return NULL;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *text = document_word(flow, members[i]);
        fprintf(out, "%s=\"", names[i]);
        put_label(out, text ? text : "");
        fputs("\",", out);
    }
    const json_t *size = json_object_get(ping ? ping : item, ping ? "packet_size" : "pkt_size");
    const char *protocol = document_word(item, "protocol"), *direction = document_word(item, "direction");
    fputs("protocol=\"", out);
    put_label(out, protocol ? protocol : "");
    fprintf(out, "\",bytes=\"%lld\",direction=\"", (long long)json_integer_value(size));
    put_label(out, direction ? direction : "forward");
    fputs("\",tool=\"", out);
    put_label(out, document_word(item, "tool") ? document_word(item, "tool") : "");
    fputc('"', out);
    if (fclose(out) == 0)
        return labels;
    free(labels);
    return NULL;
}

/* sums: labels to [n, sum]. */
static int count(json_t *sums, const json_t *flow, const json_t *item, const json_t *ping, const struct metric *metric)
{
    double value = number_of(json_object_get(ping ? ping : item, metric->member));
    if (!isfinite(value) || (!ping && document_word(item, "error")))
        return VMTP_OK;
    char *labels = labels_of(flow, item, ping);
    json_t *sum = labels ? json_object_get(sums, labels) : NULL;
    int rc = labels ? VMTP_OK : VMTP_ENOMEM;
    if (sum) {
        json_integer_set(json_array_get(sum, 0), json_integer_value(json_array_get(sum, 0)) + 1);
        json_real_set(json_array_get(sum, 1), json_real_value(json_array_get(sum, 1)) + value * metric->factor);
    } else if (rc == VMTP_OK && json_object_set_new(sums, labels, json_pack("[i, f]", 1, value * metric->factor)) < 0) {
        rc = VMTP_ENOMEM;
    }
    free(labels);
    return rc;
}

static int count_item(json_t *sums, const json_t *flow, const json_t *item, const struct metric *metric)
{
    const json_t *pings = json_object_get(item, "results");
    if (json_is_array(pings) != metric->pings)
        return VMTP_OK;
    if (!metric->pings)
        return count(sums, flow, item, NULL, metric);
    int rc = VMTP_OK;
    for (size_t i = 0; i < json_array_size(pings) && rc == VMTP_OK; i++)
        rc = count(sums, flow, item, json_array_get(pings, i), metric);
    return rc;
}

static int put_metric(FILE *out, const json_t *run, const struct metric *metric)
{
    json_t *sums = json_object(), *flow, *item, *sum;
    const char *labels;
    size_t f, i;
    int rc = sums ? VMTP_OK : VMTP_ENOMEM;
    json_array_foreach(json_object_get(run, "flows"), f, flow)
        json_array_foreach(json_object_get(flow, "results"), i, item)
            if (rc == VMTP_OK)
                rc = count_item(sums, flow, item, metric);
    if (rc == VMTP_OK && json_object_size(sums))
        put_head(out, metric->name, metric->help);
    json_object_foreach(sums, labels, sum) {
        if (rc < 0)
            break;
        fprintf(out, "%s{%s} ", metric->name, labels);
        double n = (double)json_integer_value(json_array_get(sum, 0));
        rc = put_value(out, json_real_value(json_array_get(sum, 1)) / n);
    }
    json_decref(sums);
    return rc;
}

/* --- the run --- */

static bool has_passed(const json_t *object)
{
    const char *status = document_word(object, "status");
    return status && strcmp(status, "passed") == 0;
}

static void put_flows(FILE *out, const json_t *run)
{
    static const char name[] = "vmtp_flow_success";
    const json_t *flows = json_object_get(run, "flows");
    size_t f;
    json_t *flow;
    if (json_array_size(flows))
        put_head(out, name, "1 when all measurements of the flow worked and were as expected.");
    json_array_foreach(flows, f, flow) {
        const char *id = document_word(flow, "id"), *desc = document_word(flow, "desc");
        fprintf(out, "%s{flow=\"", name);
        put_label(out, id ? id : "");
        fputs("\",description=\"", out);
        put_label(out, desc ? desc : "");
        fprintf(out, "\"} %d\n", has_passed(flow));
    }
}

/* Expectations of one metric may be two, and of all sizes: the key of the series are all labels. */
static void put_expectation(FILE *out, const char *name, const json_t *flow, const json_t *verdict)
{
    static const char *const members[] = {"expect", "operator", "protocol"};
    static const char *const flow_members[] = {"id", "desc"}, *const flow_names[] = {"flow", "description"};
    const char *direction = document_word(verdict, "direction");
    fprintf(out, "%s{", name);
    for (size_t i = 0; i < 2; i++) {
        const char *text = document_word(flow, flow_members[i]);
        fprintf(out, "%s=\"", flow_names[i]);
        put_label(out, text ? text : "");
        fputs("\",", out);
    }
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *text = document_word(verdict, members[i]);
        fprintf(out, "%s=\"", members[i]);
        put_label(out, text ? text : "");
        fputs("\",", out);
    }
    fprintf(out, "bytes=\"%lld\",direction=\"%s\"} ",
            (long long)json_integer_value(json_object_get(verdict, "pkt_size")), direction ? direction : "forward");
}

static void put_expectations(FILE *out, const json_t *run)
{
    static const char name[] = "vmtp_expectation_success";
    size_t f, i, n = 0;
    json_t *flow, *verdict;
    json_array_foreach(json_object_get(run, "flows"), f, flow)
        json_array_foreach(json_object_get(flow, "verdicts"), i, verdict) {
            if (n++ == 0)
                put_head(out, name, "1 when what was measured is as expected.");
            put_expectation(out, name, flow, verdict);
            fprintf(out, "%d\n", has_passed(verdict));
        }
}

static int prometheus_render(FILE *out, json_t *run)
{
    static const char *const members[] = {"run_uuid", "version", "test_description"};
    put_head(out, "vmtp_run_info", "The run that these numbers are of.");
    fputs("vmtp_run_info{", out);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *text = document_word(run, members[i]);
        fprintf(out, "%s%s=\"", i ? "," : "", members[i]);
        put_label(out, text ? text : "");
        fputc('"', out);
    }
    fputs("} 1\n", out);
    put_head(out, "vmtp_run_success", "1 when the whole run passed.");
    fprintf(out, "vmtp_run_success %d\n", has_passed(run));
    put_head(out, "vmtp_run_duration_seconds", "How long the run took.");
    fputs("vmtp_run_duration_seconds ", out);
    int rc = put_value(out, json_number_value(json_object_get(run, "duration_s")));
    put_flows(out, run);
    put_expectations(out, run);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0] && rc == VMTP_OK; i++)
        rc = put_metric(out, run, &metrics[i]);
    return rc;
}

static int prometheus_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    const struct prometheus_opts *options = opts;
    return document_open(ctx, options->file, "metrics", prometheus_render, state);
}

static const struct vmtp_sink_ops prometheus_ops = {
    .struct_size = sizeof prometheus_ops,
    .caps = VMTP_SINK_IDEMPOTENT,
    .open = prometheus_open,
    .event = document_event,
    .flush = document_flush,
    .close = document_close,
};

VMTP_PLUGIN(sink_prometheus) = {
    VMTP_PLUGIN_HEAD,
    .name = "prometheus",
    .version = "1.0",
    .summary = "writes metrics for the textfile collector of Prometheus",
    .options = prometheus_options,
    .option_size = sizeof prometheus_options[0],
    .opts_size = sizeof(struct prometheus_opts),
    .sink = &prometheus_ops,
};
