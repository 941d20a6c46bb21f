/* SPDX-License-Identifier: Apache-2.0 */
/* A test report for CI systems: a test suite for each flow, a case for each protocol that was asked of it. */
#include <stdbool.h>
#include <string.h>

#include "core/util/xml.h"
#include "plugins/sinks/document.h"

struct junit_opts {
    const char *file;
};

static const struct vmtp_option junit_options[] = {
    VMTP_OPTION(struct junit_opts, file, STRING, .flags = VMTP_OPT_REQUIRED,
                .help = "the file that is written, or replaced when it exists"),
    {0},
};

enum outcome { PASSED, FAILED, SKIPPED };

/* The protocols in the order of the summary: .1 to .4 of a scenario. */
static const struct {
    const char *name;
    char letter;
} protocols[] = {{"TCP", 'T'}, {"UDP", 'U'}, {"ICMP", 'I'}, {"Multicast", 'M'}};
enum { PROTOCOLS = sizeof protocols / sizeof protocols[0] };

static bool is_of(const json_t *item, size_t protocol)
{
    const char *name = document_word(item, "protocol");
    return name && strcmp(name, protocols[protocol].name) == 0;
}

/* The first error of an item; pings have theirs a level deeper, and fail when one size fails. */
static const char *error_of(const json_t *item)
{
    const char *error = document_word(item, "error");
    const json_t *pings = json_object_get(item, "results");
    for (size_t i = 0; !error && i < json_array_size(pings); i++)
        error = document_word(json_array_get(pings, i), "error");
    return error;
}

/* What one protocol of a flow has come to. */
struct result {
    enum outcome outcome;
    const char *error;
    size_t items, missed; /* missed: expectations */
    double seconds;
};

static bool has_status(const json_t *verdict, const char *status)
{
    const char *word = document_word(verdict, "status");
    return word && strcmp(word, status) == 0;
}

/* A missed expectation is a failure, and its words are the message when nothing else has failed. */
static void count_verdicts(const json_t *flow, size_t protocol, struct result *result)
{
    size_t i;
    json_t *verdict;
    json_array_foreach(json_object_get(flow, "verdicts"), i, verdict) {
        if (!is_of(verdict, protocol) || !has_status(verdict, "failed"))
            continue;
        result->missed++;
        if (!result->error)
            result->error = document_word(verdict, "text");
        if (!result->error)
            result->error = "not as expected";
    }
}

static struct result result_of(const json_t *flow, size_t protocol)
{
    struct result result = {.outcome = SKIPPED};
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(flow, "results"), i, item) {
        if (!is_of(item, protocol))
            continue;
        result.items++;
        result.seconds += json_number_value(json_object_get(item, "seconds"));
        if (!result.error)
            result.error = error_of(item);
    }
    count_verdicts(flow, protocol, &result);
    if (result.items || result.missed)
        result.outcome = result.error ? FAILED : PASSED;
    return result;
}

static bool was_asked(const json_t *run, const json_t *flow, size_t protocol)
{
    const char *letters = document_word(flow, "protocols");
    if (!letters)
        letters = document_word(run, "protocols");
    return letters && strchr(letters, protocols[protocol].letter);
}

/* The numbers of a case, for people. */
static void put_numbers(FILE *out, const json_t *flow, size_t protocol)
{
    char text[VMTP_UNIT_TEXT];
    size_t i, k;
    json_t *item, *ping;
    fputs("<system-out>", out);
    json_array_foreach(json_object_get(flow, "results"), i, item) {
        const json_t *bps = json_object_get(item, "throughput_bps"), *loss = json_object_get(item, "loss_rate");
        if (!is_of(item, protocol))
            continue;
        if (json_is_number(bps))
            fprintf(out, "%lld bytes: %s", (long long)json_integer_value(json_object_get(item, "pkt_size")),
                    vmtp_print_rate(json_number_value(bps), text));
        if (json_is_number(bps) && json_is_number(loss))
            fprintf(out, ", %.2f %% lost", json_number_value(loss));
        fputs(json_is_number(bps) ? "\n" : "", out);
        json_array_foreach(json_object_get(item, "results"), k, ping) {
            if (!document_word(ping, "rtt_avg_ms"))
                continue;
            fprintf(out, "%lld bytes: ", (long long)json_integer_value(json_object_get(ping, "packet_size")));
            vmtp_put_xml(out, document_word(ping, "rtt_avg_ms"));
            fputs(" ms\n", out);
        }
    }
    json_array_foreach(json_object_get(flow, "verdicts"), i, item) {
        const char *words = is_of(item, protocol) ? document_word(item, "text") : NULL;
        if (!words)
            continue;
        fputs(has_status(item, "failed") ? "missed: " : "expected: ", out);
        vmtp_put_xml(out, words);
        fputc('\n', out);
    }
    fputs("</system-out>", out);
}

static void put_case(FILE *out, const json_t *flow, size_t protocol, const struct result *result)
{
    const char *scenario = document_word(flow, "scenario"), *desc = document_word(flow, "desc");
    fputs("    <testcase classname=\"", out);
    vmtp_put_xml(out, desc ? desc : "flow");
    fputs("\" name=\"", out);
    if (scenario) {
        vmtp_put_xml(out, scenario);
        fprintf(out, ".%zu ", protocol + 1);
    }
    fprintf(out, "%s\" time=\"%lld.%03d\">", protocols[protocol].name, (long long)result->seconds,
            (int)((result->seconds - (double)(long long)result->seconds) * 1000));
    if (result->outcome == FAILED) {
        fputs("<failure message=\"", out);
        vmtp_put_xml(out, result->error);
        fputs("\"/>", out);
    } else if (result->outcome == SKIPPED) {
        fputs("<skipped message=\"not measured\"/>", out);
    }
    if (result->outcome != SKIPPED)
        put_numbers(out, flow, protocol);
    fputs("</testcase>\n", out);
}

/* Counts the cases of a flow by their outcome; with out, writes them. */
static void each_case(FILE *out, const json_t *run, const json_t *flow, size_t counts[SKIPPED + 1])
{
    for (size_t p = 0; p < PROTOCOLS; p++) {
        struct result result = result_of(flow, p);
        if (!result.items && !result.missed && !was_asked(run, flow, p))
            continue;
        counts[result.outcome]++;
        if (out)
            put_case(out, flow, p, &result);
    }
}

static void put_counts(FILE *out, const size_t counts[SKIPPED + 1])
{
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\"",
            counts[PASSED] + counts[FAILED] + counts[SKIPPED], counts[FAILED], counts[SKIPPED]);
}

static void put_suite(FILE *out, const json_t *run, const json_t *flow)
{
    static const char *const properties[] = {"ip_from", "ip_to", "client", "server", "kernel", "topology", "path"};
    const char *desc = document_word(flow, "desc"), *date = document_word(run, "date_utc");
    size_t counts[SKIPPED + 1] = {0};
    each_case(NULL, run, flow, counts);
    fputs("  <testsuite name=\"", out);
    vmtp_put_xml(out, desc ? desc : "flow");
    fputc('"', out);
    put_counts(out, counts);
    if (date && strlen(date) >= 19)
        fprintf(out, " timestamp=\"%.19s\"", date);
    fputs(">\n    <properties>", out);
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
        if (document_word(flow, properties[i])) {
            fprintf(out, "<property name=\"%s\" value=\"", properties[i]);
            vmtp_put_xml(out, document_word(flow, properties[i]));
            fputs("\"/>", out);
        }
    fputs("</properties>\n", out);
    each_case(out, run, flow, counts);
    fputs("  </testsuite>\n", out);
}

/* Expectations that no flow was held against. */
static void put_unchecked(FILE *out, const json_t *verdicts)
{
    size_t i;
    json_t *verdict;
    json_array_foreach(verdicts, i, verdict) {
        const char *expect = document_word(verdict, "expect"), *text = document_word(verdict, "text");
        fputs("    <testcase classname=\"run\" name=\"expect ", out);
        vmtp_put_xml(out, expect ? expect : "");
        fputs(has_status(verdict, "failed") ? "\"><failure message=\"" : "\"><skipped message=\"", out);
        vmtp_put_xml(out, text ? text : "");
        fputs("\"/></testcase>\n", out);
    }
}

static void count_run(const json_t *run, size_t counts[SKIPPED + 1])
{
    size_t i;
    json_t *verdict;
    counts[FAILED] += json_array_size(json_object_get(run, "errors"));
    json_array_foreach(json_object_get(run, "verdicts"), i, verdict)
        counts[has_status(verdict, "failed") ? FAILED : SKIPPED]++;
}

/* What is said of the run as a whole, such as why it did not work: cases of their own, so that it is not taken for an
 * empty success. */
static void put_run(FILE *out, const json_t *run)
{
    size_t counts[SKIPPED + 1] = {0}, i;
    json_t *error;
    count_run(run, counts);
    if (counts[FAILED] + counts[SKIPPED] == 0)
        return;
    fputs("  <testsuite name=\"run\"", out);
    put_counts(out, counts);
    fputs(">\n", out);
    const json_t *errors = json_object_get(run, "errors");
    json_array_foreach(errors, i, error) {
        fprintf(out, "    <testcase classname=\"run\" name=\"run %zu\"><failure message=\"", i + 1);
        vmtp_put_xml(out, json_is_string(error) ? json_string_value(error) : "");
        fputs("\"/></testcase>\n", out);
    }
    put_unchecked(out, json_object_get(run, "verdicts"));
    fputs("  </testsuite>\n", out);
}

static int junit_render(FILE *out, json_t *run)
{
    size_t counts[SKIPPED + 1] = {0}, f;
    json_t *flow;
    json_array_foreach(json_object_get(run, "flows"), f, flow)
        each_case(NULL, run, flow, counts);
    count_run(run, counts);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vmtp", out);
    if (document_word(run, "test_description")) {
        fputs(": ", out);
        vmtp_put_xml(out, document_word(run, "test_description"));
    }
    fputc('"', out);
    put_counts(out, counts);
    fputs(">\n", out);
    put_run(out, run);
    json_array_foreach(json_object_get(run, "flows"), f, flow)
        put_suite(out, run, flow);
    fputs("</testsuites>\n", out);
    return VMTP_OK;
}

static int junit_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    const struct junit_opts *options = opts;
    return document_open(ctx, options->file, "test report", junit_render, state);
}

static const struct vmtp_sink_ops junit_ops = {
    .struct_size = sizeof junit_ops,
    .caps = VMTP_SINK_IDEMPOTENT,
    .open = junit_open,
    .event = document_event,
    .flush = document_flush,
    .close = document_close,
};

VMTP_PLUGIN(sink_junit) = {
    VMTP_PLUGIN_HEAD,
    .name = "junit",
    .version = "1.0",
    .summary = "writes a test report with one case for each scenario",
    .options = junit_options,
    .option_size = sizeof junit_options[0],
    .opts_size = sizeof(struct junit_opts),
    .sink = &junit_ops,
};
