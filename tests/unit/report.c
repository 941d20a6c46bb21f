/* SPDX-License-Identifier: Apache-2.0 */
/* The result document from scripted events against a recorded one, and what its consumers rely on. */
#include "core/report.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "core/ctx.h"
#include "core/util/clock.h"
#include "core/util/str.h"
#include "tests/tap.h"
#include "tests/unit/fixture.h"
#include "tests/unit/script.h"

static struct vmtp_ctx ctx;

static int into_report(void *arg, const struct vmtp_event *ev)
{
    return vmtp_report_add(&ctx, arg, ev);
}

/* Adds, and checks that the document so far is valid. */
static int check_each(void *arg, const struct vmtp_event *ev)
{
    char *text = NULL;
    int rc = vmtp_report_add(&ctx, arg, ev);
    if (rc == VMTP_OK)
        rc = vmtp_report_json(&ctx, arg, &text);
    json_t *json = rc == VMTP_OK ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (rc == VMTP_OK && !json_is_array(json_object_get(json, "flows")))
        rc = VMTP_EFAIL;
    json_decref(json);
    free(text);
    return rc;
}

static char *document(void (*play)(struct script *script), int (*tell)(void *, const struct vmtp_event *))
{
    vmtp_report *report = NULL;
    char *text = NULL;
    if (vmtp_report_new(&ctx, &report) < 0)
        return NULL;
    struct script script = {.tell = tell, .arg = report};
    play(&script);
    ok(script.rc == VMTP_OK, "every event is taken");
    if (!ok(vmtp_report_json(&ctx, report, &text) == VMTP_OK, "a document"))
        printf("# %s\n", vmtp_ctx_error(&ctx, 0));
    vmtp_report_free(report);
    return text;
}

/* The fixtures are files of the json sink, which end with a newline. */
static void same_as_file(const char *document, const char *file, const char *name)
{
    char *text = vmtp_format("%s\n", document);
    same_as_fixture(text, file, name);
    free(text);
}

/* What the old program wrote, in every item of its kind: names and types. */
static void test_old_members(const json_t *document)
{
    const json_t *flow = json_array_get(json_object_get(document, "flows"), 1);
    const json_t *results = json_object_get(flow, "results");
    static const char *const top[] = {"args", "date", "run_id", "test_description", "version"};
    for (size_t i = 0; i < sizeof top / sizeof top[0]; i++)
        ok(json_is_string(json_object_get(document, top[i])), "document: %s is a text", top[i]);
    static const char *const of_flow[] = {"desc", "distro_id", "distro_version", "ip_from", "ip_to"};
    for (size_t i = 0; i < sizeof of_flow / sizeof of_flow[0]; i++)
        ok(json_is_string(json_object_get(flow, of_flow[i])), "flow: %s is a text", of_flow[i]);

    const json_t *tcp = json_array_get(results, 0), *udp = json_array_get(results, 3);
    const json_t *icmp = json_array_get(results, 5);
    is(json_string_value(json_object_get(tcp, "protocol")), "TCP", "TCP comes first");
    is(json_string_value(json_object_get(udp, "protocol")), "UDP", "UDP follows");
    is(json_string_value(json_object_get(icmp, "protocol")), "ICMP", "ICMP comes last");
    is_int((long long)json_array_size(results), 6, "pings of all sizes are one item");
    is(json_string_value(json_object_get(tcp, "tool")), "nuttcp-6.1.2", "name and version of the tool");
    is(json_string_value(json_object_get(icmp, "tool")), "ping", "ping stays ping");
    is_int(json_integer_value(json_object_get(tcp, "throughput_kbps")), 11372146, "1 kbit/s is 1000 bit/s");
    is_int(json_integer_value(json_object_get(tcp, "pkt_size")), 65536, "pkt_size");
    is_int(json_integer_value(json_object_get(tcp, "retrans")), 18, "retrans");
    ok(json_is_integer(json_object_get(json_array_get(results, 1), "retrans")), "retrans is there when it is 0");
    ok(json_real_value(json_object_get(tcp, "rtt_ms")) == 0.2, "rtt_ms is a number of ms");
    ok(json_number_value(json_object_get(udp, "loss_rate")) == 4.08, "loss_rate is a percentage");

    const json_t *pings = json_array_get(json_object_get(icmp, "results"), 1);
    static const char *const of_pings[] = {"tx_packets", "rx_packets", "rtt_min_ms", "rtt_avg_ms", "rtt_max_ms",
                                           "rtt_stddev"};
    for (size_t i = 0; i < sizeof of_pings / sizeof of_pings[0]; i++)
        ok(json_is_string(json_object_get(pings, of_pings[i])), "pings: %s is a text", of_pings[i]);
    is_int(json_integer_value(json_object_get(pings, "packet_size")), 1500, "packet_size is the asked number");
    is(json_string_value(json_object_get(pings, "rtt_max_ms")), "0.041", "three decimals of a millisecond");
    is(json_string_value(json_object_get(pings, "rx_packets")), "7", "packets");
}

static void test_native(void)
{
    char *text = document(script_native, into_report);
    same_as_file(text, "report/native.json", "a native run, byte by byte");
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    ok(json != NULL, "is JSON, and no member occurs twice");
    test_old_members(json);
    json_decref(json);
    free(text);
}

static void test_trouble(void)
{
    char *text = document(script_trouble, check_each);
    same_as_file(text, "report/trouble.json", "a run with failures, byte by byte; valid after each event");
    json_t *json = json_loads(text, 0, NULL);
    const json_t *flows = json_object_get(json, "flows");
    const json_t *results = json_object_get(json_array_get(flows, 0), "results");
    is_int((long long)json_array_size(results), 3, "a flow that failed has an error for each protocol asked");
    contains(json_string_value(json_object_get(json_array_get(results, 2), "error")), "no route", "... with the words");
    is(json_string_value(json_object_get(json_array_get(flows, 2), "status")), "interrupted", "status of a flow");
    ok(!strchr(text, '\x1b'), "no control character of a remote program comes through");
    json_decref(json);
    free(text);
}

static void play_nothing(struct script *script)
{
    (void)script;
}

static void play_setup_failure(struct script *script)
{
    script_run_begin(script, "T");
    TELL(script, FAILURE, .status = VMTP_EUNREACH, .error = "root@10.0.0.1: wrong password");
    script_run_end(script, "failed");
}

/* A direction, a limit, a group, streams; samples of a trial are not those of the answer; no RUN_END. */
static void play_odd(struct script *script)
{
    script->tool = "iperf";
    script_run_begin(script, "TUM");
    script_flow_begin(script, "x", "8", "External-VM", "192.0.2.1", "10.0.0.1");
    TELL(script, RESULT,
         LOAD(.proto = VMTP_MULTICAST, .message_bytes = 1024, .rate_bps = 5000000, .group = "231.1.1.1"),
         VALUES({"throughput", "bit/s", 5e6}, {"loss", "ratio", 0}, {"jitter", "s", 0.0015}));
    TELL(script, SAMPLE, LOAD(.proto = VMTP_UDP), VALUES({"from", "s", 0}, {"to", "s", 1}, {"throughput", "bit/s", 7}));
    script_udp(script, 512, 1e6, 0.03, NULL);
    TELL(script, RESULT, LOAD(.proto = VMTP_TCP, .message_bytes = 65536, .reverse = 1, .streams = 4),
         VALUES({"throughput", "bit/s", 1e9}, {"retransmits", "count", 0}, {"warp", "count", 9}),
         PROPERTIES({"error", "not one"}, {"bandwidth_limit", "10G"}, {"warning", "slow"}, {"warning", "hot"}));
    TELL(script, RESULT, LOAD(.proto = VMTP_TCP, .message_bytes = 64), VALUES({"throughput", "bit/s", 1e308}));
    script->flow = "never-begun";
    script_pings(script, 64, 1, 1);
}

static void test_odd(void)
{
    char *text = document(play_nothing, into_report);
    json_t *json = json_loads(text, 0, NULL);
    ok(json_is_array(json_object_get(json, "flows")) && json_is_string(json_object_get(json, "args")),
       "nothing at all is a valid document");
    json_decref(json);
    free(text);

    text = document(play_setup_failure, check_each);
    contains(text, "\"errors\": [\"root@10.0.0.1: wrong password\"]", "an error of the run");
    contains(text, "\"flows\": []", "... and no flow");
    free(text);

    text = document(play_odd, check_each);
    contains(text, "\"status\": \"running\"", "a run without an end");
    contains(text, "\"multicast_address\": \"231.1.1.1\"", "multicast group");
    contains(text, "\"jitter\": 1.5", "jitter in ms");
    contains(text, "\"bandwidth_limit_kbps\": 5000,", "a rate without a search is the limit");
    contains(text, "\"bandwidth_limit_kbps\": 10000000,", "a limit that the runner names");
    contains(text, "\"direction\": \"reverse\"", "direction");
    contains(text, "\"warnings\": [\"slow\", \"hot\"]", "warnings");
    contains(text, "\"streams\": 4", "streams");
    contains(text, "throughput_bps\": 1e308", "a number that is too large for an integer");
    ok(!strstr(text, "not one") && !strstr(text, "samples") && !strstr(text, "warp"),
       "no foreign error, no samples of a trial, no unknown metric");
    contains(text, "\"desc\": \"never-begun\"", "a result without a flow is not lost");
    free(text);
}

/* The load of nodes, ahead of the result that it belongs to. */
static void play_nodes(struct script *script)
{
    script->tool = "iperf";
    script_run_begin(script, "T");
    script_flow_begin(script, "x", "7", "Native inter-host", "192.0.2.1", "192.0.2.2");
    TELL(script, NODE, LOAD(.proto = VMTP_TCP),
         VALUES({"at", "s", 0.001}, {"cpu_load", "count", 6.4}, {"at", "s", 10}, {"cpu_load", "count", 7.125}),
         PROPERTIES({"address", "192.0.2.11"}, {"name", "c1"}, {"cluster", "lab"}));
    TELL(script, NODE, LOAD(.proto = VMTP_TCP), VALUES({"at", "s", 0.001}, {"cpu_load", "count", 0}),
         PROPERTIES({"address", "2001:db8::12"}));
    TELL(script, NODE, LOAD(.proto = VMTP_TCP), VALUES({"cpu_load", "count", 9}), PROPERTIES({"name", "nobody"}));
    script_tcp(script, "1/2", 9.4e9, 3, 0.0001);
    script_tcp(script, "2/2", 9.4e9, 3, 0.0001);
    script_flow_end(script, "passed");
    script_run_end(script, "passed");
}

static void test_nodes(void)
{
    char *text = document(play_nodes, check_each);
    json_t *json = json_loads(text, 0, NULL);
    const json_t *results = json_object_get(json_array_get(json_object_get(json, "flows"), 0), "results");
    contains(text, "\"cpu_load\": {\n", "the load of nodes");
    contains(text, "\"192.0.2.11\": [6.4, 7.13],", "... a list for each address, with two decimals");
    contains(text, "\"2001:db8::12\": [0.0]", "... one that is idle, too");
    is_int((long long)json_object_size(json_object_get(json_array_get(results, 0), "cpu_load")), 2,
           "... and none without an address");
    ok(json_array_size(results) == 2 && !json_object_get(json_array_get(results, 1), "cpu_load"),
       "... in the result that follows, and in no other");
    json_decref(json);
    free(text);
}

/* Each metric that a tool may report has a member with a unit. */
static void test_all_metrics(void)
{
    vmtp_report *report = NULL;
    char *text = NULL;
    if (!ok(vmtp_report_new(&ctx, &report) == VMTP_OK, "a report"))
        return;
    struct script script = {.tell = into_report, .arg = report, .flow = "f", .tool = "t"};
    const struct vmtp_metric_info *metric;
    for (size_t i = 0; (metric = vmtp_metric_at(i)); i++)
        TELL(&script, RESULT, LOAD(.proto = VMTP_TCP),
             VALUES({"throughput", "bit/s", 1}, {metric->name, metric->unit, 0.5}));
    if (!ok(vmtp_report_json(&ctx, report, &text) == VMTP_OK, "a document with every metric"))
        text = strdup("");
    for (size_t i = 0; (metric = vmtp_metric_at(i)); i++) {
        char plain[64];
        snprintf(plain, sizeof plain, "\"%s\": 0.5", metric->name);
        bool has_unit = strcmp(metric->unit, "ratio") == 0 || strcmp(metric->name, "seconds") == 0;
        ok(has_unit || !strstr(text, plain), "metric %s has its line", metric->name);
    }
    free(text);
    vmtp_report_free(report);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* 100,000 events, of which most are intervals, as in long runs. */
static void play_many(struct script *script)
{
    script->tool = "iperf";
    script_run_begin(script, "T");
    for (int f = 0; f < 100; f++) {
        char id[32];
        snprintf(id, sizeof id, "flow-%d", f);
        script_flow_begin(script, id, "7", "Native inter-host", "10.0.0.1", "10.0.0.2");
        for (int r = 0; r < 10; r++) {
            for (int i = 0; i < 99; i++)
                TELL(script, SAMPLE, LOAD(.proto = VMTP_TCP),
                     VALUES({"from", "s", i}, {"to", "s", i + 1}, {"throughput", "bit/s", 9.4e9 + i},
                            {"retransmits", "count", i}, {"cwnd", "bytes", 1e6 + i}, {"rtt", "s", 0.000123 * i}));
            script_tcp(script, "1/1", 9.4e9, 3, 0.0001);
        }
        script_flow_end(script, "passed");
    }
    script_run_end(script, "passed");
}

static void test_many(void)
{
    enum { MOST_KIB = 60 * 1024 };
    double begin = vmtp_now();
    char *text = document(play_many, into_report);
    double took = vmtp_now() - begin;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    ok(text && strlen(text) > 1000000, "100,000 events: %zu bytes", text ? strlen(text) : 0);
    ok(took < within(20), "... soon (%.2f s)", took);
    if (SANITIZED || within(1) > 1)
        skip(1, "a checker takes memory of its own");
    else
        ok(usage.ru_maxrss <= MOST_KIB, "... in little memory (%ld KiB)", usage.ru_maxrss);
    free(text);
}

int main(void)
{
    vmtp_ctx_init(&ctx, NULL);
    test_native();
    test_trouble();
    test_odd();
    test_nodes();
    test_all_metrics();
    test_many();
    vmtp_ctx_clear(&ctx);
    return done_testing();
}
