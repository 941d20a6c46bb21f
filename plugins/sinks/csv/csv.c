/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each measurement (RFC 4180). The columns are those that the page saves. */
#include <stdbool.h>
#include <string.h>

#include "plugins/sinks/document.h"

struct csv_opts {
    const char *file;
};

static const struct vmtp_option csv_options[] = {
    VMTP_OPTION(struct csv_opts, file, STRING, .flags = VMTP_OPT_REQUIRED,
                .help = "the file that is written, or replaced when it exists"),
    {0},
};

enum source { RUN, FLOW, ITEM, VERDICTS };

/* New columns come at the end. ping: the member in an object of pings, when it has another name there. */
static const struct {
    const char *name;
    enum source source;
    const char *member, *ping;
} columns[] = {
    {"run_uuid", RUN, "run_uuid", NULL},
    {"run_id", RUN, "run_id", NULL},
    {"date", RUN, "date", NULL},
    {"test_description", RUN, "test_description", NULL},
    {"flow_id", FLOW, "id", NULL},
    {"flow", FLOW, "desc", NULL},
    {"scenario", FLOW, "scenario", NULL},
    {"topology", FLOW, "topology", NULL},
    {"path", FLOW, "path", NULL},
    {"client", FLOW, "client", NULL},
    {"server", FLOW, "server", NULL},
    {"ip_from", FLOW, "ip_from", NULL},
    {"ip_to", FLOW, "ip_to", NULL},
    {"protocol", ITEM, "protocol", NULL},
    {"tool", ITEM, "tool", NULL},
    {"direction", ITEM, "direction", NULL},
    {"pkt_size", ITEM, "pkt_size", "packet_size"},
    {"streams", ITEM, "streams", NULL},
    {"repeat", ITEM, "repeat", NULL},
    {"throughput_bps", ITEM, "throughput_bps", NULL},
    {"target_bps", ITEM, "target_bps", NULL},
    {"loss_percent", ITEM, "loss_rate", NULL},
    {"sent", ITEM, "sent", "tx_packets"},
    {"received", ITEM, "received", "rx_packets"},
    {"lost", ITEM, "lost", NULL},
    {"retrans", ITEM, "retrans", NULL},
    {"rtt_ms", ITEM, "rtt_ms", NULL},
    {"rtt_min_ms", ITEM, "rtt_min_ms", NULL},
    {"rtt_avg_ms", ITEM, "rtt_avg_ms", NULL},
    {"rtt_max_ms", ITEM, "rtt_max_ms", NULL},
    {"rtt_stddev_ms", ITEM, "rtt_stddev_ms", "rtt_stddev"},
    {"jitter_ms", ITEM, "jitter_ms", NULL},
    {"cpu_sender", ITEM, "cpu_sender", NULL},
    {"cpu_receiver", ITEM, "cpu_receiver", NULL},
    {"seconds", ITEM, "seconds", NULL},
    {"flags", ITEM, "flags", NULL},
    {"error", ITEM, "error", NULL},
    {"expected", VERDICTS, "expected", NULL},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static bool is_number_text(const char *text)
{
    return strspn(text, "-0123456789.") == strlen(text) && strpbrk(text, "0123456789");
}

/* A text that a spreadsheet would take for a formula gets an apostrophe in front. */
static void put_text(FILE *out, const char *text)
{
    bool formula = *text && strchr("=+-@\t\r", *text) && !is_number_text(text);
    if (!formula && !strpbrk(text, "\",\r\n")) {
        fputs(text, out);
        return;
    }
    fputs(formula ? "\"'" : "\"", out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* "one; two" */
static int put_list(FILE *out, const json_t *list)
{
    char *joined = NULL;
    size_t len, i;
    json_t *entry;
    FILE *text = open_memstream(&joined, &len);
    if (!text)
        return VMTP_ENOMEM;
    json_array_foreach(list, i, entry)
        fprintf(text, "%s%s", i ? "; " : "", json_is_string(entry) ? json_string_value(entry) : "");
    int rc = fclose(text) == 0 ? VMTP_OK : VMTP_ENOMEM;
    if (rc == VMTP_OK)
        put_text(out, joined);
    free(joined);
    return rc;
}

static int put_cell(FILE *out, const json_t *value)
{
    if (json_is_string(value))
        put_text(out, json_string_value(value));
    else if (json_is_array(value))
        return put_list(out, value);
    else if (json_is_number(value))
        return json_dumpf(value, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) == 0 ? VMTP_OK : VMTP_ENOMEM;
    return VMTP_OK;
}

static bool same_number(const json_t *a, const json_t *b)
{
    return json_is_integer(a) && json_is_integer(b) && json_integer_value(a) == json_integer_value(b);
}

/* Whether a verdict on the flow is about this measurement. */
static bool is_about(const json_t *verdict, const json_t *item, const json_t *ping)
{
    const char *of = document_word(verdict, "protocol"), *protocol = document_word(item, "protocol");
    bool reverse = document_word(verdict, "direction"), turned = document_word(item, "direction");
    const json_t *size = ping ? json_object_get(ping, "packet_size") : json_object_get(item, "pkt_size");
    return of && protocol && strcmp(of, protocol) == 0 && reverse == turned &&
           same_number(json_object_get(verdict, "pkt_size"), size);
}

/* "passed", a list of the ways in which it was missed, or an empty one when nothing was expected. */
static json_t *expected_of(const json_t *flow, const json_t *item, const json_t *ping, int *rc)
{
    size_t i, n = 0;
    json_t *verdict, *missed = json_array();
    json_array_foreach(json_object_get(flow, "verdicts"), i, verdict) {
        const char *status = document_word(verdict, "status");
        if (!is_about(verdict, item, ping))
            continue;
        n++;
        if (status && strcmp(status, "failed") == 0 &&
            json_array_append(missed, json_object_get(verdict, "text")) < 0)
            *rc = VMTP_ENOMEM;
    }
    *rc = missed ? *rc : VMTP_ENOMEM;
    if (json_array_size(missed) || !n)
        return missed;
    json_decref(missed);
    json_t *passed = json_string("passed");
    *rc = passed ? *rc : VMTP_ENOMEM;
    return passed;
}

/* ping: NULL for a measurement of throughput. */
static int put_row(FILE *out, const json_t *run, const json_t *flow, const json_t *item, const json_t *ping)
{
    int rc = VMTP_OK;
    json_t *expected = expected_of(flow, item, ping, &rc);
    for (size_t i = 0; i < COLUMNS && rc == VMTP_OK; i++) {
        const json_t *from = columns[i].source == RUN ? run : columns[i].source == FLOW ? flow : item;
        const json_t *value = NULL;
        if (ping && columns[i].source == ITEM)
            value = json_object_get(ping, columns[i].ping ? columns[i].ping : columns[i].member);
        if (columns[i].source == VERDICTS)
            value = expected;
        else if (!value)
            value = json_object_get(from, columns[i].member);
        fputs(i ? "," : "", out);
        rc = put_cell(out, value);
    }
    fputs("\r\n", out);
    json_decref(expected);
    return rc;
}

static int put_item(FILE *out, const json_t *run, const json_t *flow, const json_t *item)
{
    const json_t *pings = json_object_get(item, "results");
    if (!json_is_array(pings))
        return put_row(out, run, flow, item, NULL);
    int rc = VMTP_OK;
    for (size_t i = 0; i < json_array_size(pings) && rc == VMTP_OK; i++)
        rc = put_row(out, run, flow, item, json_array_get(pings, i));
    return rc;
}

static int csv_render(FILE *out, json_t *run)
{
    int rc = VMTP_OK;
    size_t f, i;
    json_t *flow, *item;
    for (size_t c = 0; c < COLUMNS; c++)
        fprintf(out, "%s%s", c ? "," : "", columns[c].name);
    fputs("\r\n", out);
    json_array_foreach(json_object_get(run, "flows"), f, flow)
        json_array_foreach(json_object_get(flow, "results"), i, item)
            if (rc == VMTP_OK)
                rc = put_item(out, run, flow, item);
    return rc;
}

static int csv_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    const struct csv_opts *options = opts;
    return document_open(ctx, options->file, "measurements", csv_render, state);
}

static const struct vmtp_sink_ops csv_ops = {
    .struct_size = sizeof csv_ops,
    .caps = VMTP_SINK_IDEMPOTENT,
    .open = csv_open,
    .event = document_event,
    .flush = document_flush,
    .close = document_close,
};

VMTP_PLUGIN(sink_csv) = {
    VMTP_PLUGIN_HEAD,
    .name = "csv",
    .version = "1.0",
    .summary = "writes one row for each measurement into a CSV file",
    .options = csv_options,
    .option_size = sizeof csv_options[0],
    .opts_size = sizeof(struct csv_opts),
    .sink = &csv_ops,
};
