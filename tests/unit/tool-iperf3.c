/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of the iperf3 plugin, on outputs of 3.12 and 3.18. */
#include "plugins/tools/iperf3/parse.h"

#include "tests/fixture.h"

static bool from_server(const char *name)
{
    return strstr(name, "reverse") != NULL;
}

static struct vmtp_iperf3_result parse_fixture(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "iperf3/%s.txt", name);
    size_t len;
    char *text = fixture(path, &len);
    struct vmtp_iperf3_result r;
    bool good = vmtp_iperf3_parse(text, len, strstr(name, "/udp") != NULL, from_server(name), &r);
    free(text);
    ok(good, "%s: understood", name);
    if (!good)
        printf("# %s\n", r.flaw);
    return r;
}

static double of(struct vmtp_iperf3_result *r, const char *metric)
{
    return vmtp_number(&r->total, metric, -1);
}

static double first(struct vmtp_iperf3_result *r, const char *metric)
{
    return r->n_intervals ? vmtp_number(&r->intervals[0].numbers, metric, -1) : -2;
}

static void test_tcp(void)
{
    struct vmtp_iperf3_result r = parse_fixture("3.12/tcp-retransmits");
    is_number(of(&r, "bytes"), 5551632, "bytes of the receiver");
    is_number(of(&r, "seconds"), 1.009011, "seconds of the receiver");
    is_number(of(&r, "throughput"), 5551632 * 8 / 1.009011, "throughput of the receiver");
    is_number(of(&r, "retransmits"), 2862, "retransmits of the sender");
    ok(of(&r, "cwnd") > 1000 && of(&r, "rtt") > 1e-5 && of(&r, "rtt") < 1, "window and round trip");
    ok(of(&r, "loss") < 0 && of(&r, "jitter") < 0, "no loss, no jitter");
    is_int((long)r.n_intervals, 2, "intervals");
    vmtp_iperf3_clear(&r);

    r = parse_fixture("3.18/tcp-streams");
    is_number(of(&r, "bytes"), 415891456, "3 streams: bytes");
    is_number(of(&r, "throughput"), 415891456. * 8 / 1.017869, "throughput");
    is_number(of(&r, "retransmits"), 15, "retransmits");
    is_number(of(&r, "cwnd"), 1358224. + 668976 + 2009824, "the windows of all streams");
    is_number(of(&r, "rtt"), (2998e-6 + 700e-6 + 5336e-6) / 3, "the mean of the round trips");
    is_number(of(&r, "cpu_sender"), 0.11388636548492965, "CPU of the client");
    is_number(of(&r, "cpu_receiver"), 0.15656864854456304, "CPU of the server");
    is_int((long)r.n_intervals, 2, "intervals of all streams together");
    is_number(r.intervals[1].from, 0.550909, "begin of an interval");
    is_number(r.intervals[1].to, 1.016682, "its end");
    is_number(vmtp_number(&r.intervals[1].numbers, "retransmits", -1), 9, "its retransmits");
    is_number(vmtp_number(&r.intervals[1].numbers, "throughput", -1), 3604266938.9908924, "its rate");
    vmtp_iperf3_clear(&r);

    static const char *const names[] = {"3.12/tcp", "3.18/tcp", "3.12/tcp-intervals", "3.18/tcp-intervals",
                                        "3.12/tcp-ipv6", "3.18/tcp-ipv6", "3.12/tcp-rate", "3.18/tcp-rate",
                                        "3.12/tcp-streams", "3.12/tcp-reverse", "3.18/tcp-reverse"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        r = parse_fixture(names[i]);
        ok(of(&r, "throughput") > 1e6 && of(&r, "seconds") > 0.9 && of(&r, "retransmits") >= 0, "%s: numbers",
           names[i]);
        ok(from_server(names[i]) == (of(&r, "cwnd") < 0), "%s: the window is known to the sender", names[i]);
        vmtp_iperf3_clear(&r);
    }
}

static void test_udp(void)
{
    struct vmtp_iperf3_result r = parse_fixture("3.18/udp-loss");
    is_number(of(&r, "bytes"), 12084224, "bytes of the receiver");
    is_number(of(&r, "throughput"), 12084224 * 8 / 2.010061, "what arrived");
    is_number(of(&r, "sent_rate"), 59988831.18478636, "what was sent");
    is_number(of(&r, "sent"), 14663, "sent");
    is_number(of(&r, "lost"), 2860, "lost");
    is_number(of(&r, "received"), 14661 - 2860, "received");
    is_number(of(&r, "received") * 1024, of(&r, "bytes"), "that is the bytes");
    is_number(of(&r, "loss"), 2860. / 14661, "loss");
    is_number(of(&r, "jitter"), 0.08563845896278727e-3, "jitter in seconds");
    is_number(of(&r, "out_of_order"), 0, "out of order");
    is_int((long)r.n_intervals, 4, "intervals");
    ok(first(&r, "sent_rate") > 55e6 && first(&r, "throughput") < 0, "an interval of the sender");
    vmtp_iperf3_clear(&r);

    r = parse_fixture("3.18/udp-reverse");
    ok(first(&r, "throughput") > 15e6 && first(&r, "sent_rate") < 0, "an interval of the receiver");
    is_number(first(&r, "received"), 1223, "what it received");
    is_number(of(&r, "cpu_sender"), 0.08407304704089535, "the server is the sender");
    vmtp_iperf3_clear(&r);

    static const char *const names[] = {"3.12/udp", "3.18/udp", "3.12/udp-fragments", "3.18/udp-fragments",
                                        "3.12/udp-ipv6", "3.18/udp-ipv6", "3.12/udp-loss", "3.12/udp-streams",
                                        "3.18/udp-streams", "3.12/udp-reverse"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        r = parse_fixture(names[i]);
        ok(of(&r, "throughput") > 15e6 && of(&r, "loss") < 0.01 && of(&r, "jitter") > 0 && of(&r, "sent") > 100,
           "%s: numbers", names[i]);
        vmtp_iperf3_clear(&r);
    }
    for (size_t i = 0; i < 2; i++) {
        r = parse_fixture(i ? "3.18/udp-nothing" : "3.12/udp-nothing");
        is_number(of(&r, "loss"), 1, "nothing arrived: all are lost");
        is_number(of(&r, "lost"), of(&r, "sent"), "as many as were sent");
        is_number(of(&r, "throughput"), 0, "throughput 0");
        vmtp_iperf3_clear(&r);
    }
}

static void test_failures(void)
{
    static const struct {
        const char *name, *says;
    } failures[] = {
        {"3.12/refused", "unable to connect to server: Connection refused"},
        {"3.18/refused", "firewall issue, etc.: Connection refused"},
        {"3.12/busy", "the server is busy running a test"},
        {"3.18/busy", "the server is busy running a test"},
        {"3.18/reset", "unable to receive control message"},
    };
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        struct vmtp_iperf3_result r = parse_fixture(failures[i].name);
        contains(r.error, failures[i].says, "iperf3's own words");
        ok(r.total.n == 0 && r.n_intervals == 0, "no numbers");
        vmtp_iperf3_clear(&r);
    }
}

#define SUMS "\"sum_sent\":{\"packets\":10},"
#define RECEIVED "\"sum_received\":{\"bytes\":8000,\"seconds\":2,\"packets\":10,\"lost_packets\":2}"

static void test_shapes(void)
{
    static const char warned[] = "warning: UDP block size 8192 exceeds TCP MSS 1448\nWARNING: {\n"
                                 "{\"end\":{" SUMS RECEIVED "},\"new\":[1,{}]}\niperf3: done\n";
    struct vmtp_iperf3_result r;
    ok(vmtp_iperf3_parse(warned, strlen(warned), true, false, &r), "warnings before the text, words behind it");
    is_number(of(&r, "throughput"), 32000, "throughput");
    is_number(of(&r, "loss"), 0.2, "loss");
    ok(of(&r, "cpu_sender") < 0 && of(&r, "jitter") < 0, "what is not there is not made up");
    vmtp_iperf3_clear(&r);

    static const char older[] = "{\"intervals\":[],\"end\":{\"sum\":{\"bytes\":10000,\"seconds\":1,\"packets\":10,"
                                "\"lost_packets\":5,\"jitter_ms\":2,\"bits_per_second\":80000}}}\n";
    ok(vmtp_iperf3_parse(older, strlen(older), true, false, &r), "one sum, as before 3.11");
    is_number(of(&r, "throughput"), 40000, "the part that arrived");
    is_number(of(&r, "sent_rate"), 80000, "the rate that was sent");
    is_number(of(&r, "jitter"), 2e-3, "jitter");
    vmtp_iperf3_clear(&r);

    static const char unknown[] = "{\"end\":{\"sum_sent\":{\"retransmits\":-1},\"sum_received\":{\"bytes\":1,"
                                  "\"seconds\":1}}}";
    ok(vmtp_iperf3_parse(unknown, strlen(unknown), false, false, &r), "a text without a final newline");
    ok(of(&r, "retransmits") < 0, "-1 is not known");
    vmtp_iperf3_clear(&r);

    static const char empty[] = "{\"error\":\"\"}";
    ok(vmtp_iperf3_parse(empty, strlen(empty), false, false, &r) && r.error[0], "an error without words is one");
    vmtp_iperf3_clear(&r);
}

static void test_hostile(void)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "no JSON text"},
        {"iperf3: parameter error\n", "no JSON text"},
        {"{\"end\":", "not JSON"},
        {"{}", "no result"},
        {"{\"end\":[]}", "no result"},
        {"{\"end\":7,\"intervals\":\"x\"}", "no result"},
        {"{\"a\":1,\"a\":2}", "no result"},
        {"{\"end\":{\"sum_received\":{}}}", "no bytes"},
        {"{\"end\":{\"sum_received\":{\"bytes\":\"1\",\"seconds\":1}}}", "no bytes"},
        {"{\"end\":{\"sum_received\":{\"bytes\":1}}}", "no seconds"},
        {"{\"end\":{\"sum_received\":{\"bytes\":1e999,\"seconds\":1}}}", "not JSON"},
        {"{\"end\":{\"sum_received\":{\"bytes\":1e300,\"seconds\":1}}}", "out of range: bytes"},
        {"{\"end\":{\"sum_received\":{\"bytes\":-1e300,\"seconds\":1}}}", "out of range: bytes"},
        {"{\"end\":{\"sum_received\":{\"bytes\":1e17,\"seconds\":1e-9}}}", "out of range"},
        {"{\"end\":{\"sum_received\":{\"bytes\":99999999999999999999,\"seconds\":1}}}", "not JSON"},
        {"{\"end\":{\"sum_received\":{\"bytes\":1,\"seconds\":1}}}", "no packets"},
        {"{\"end\":{" SUMS "\"sum_received\":{\"bytes\":1,\"seconds\":1,\"packets\":1,\"lost_packets\":2}}}",
         "more datagrams are lost"},
        {"{\"intervals\":[{}],\"end\":{" SUMS RECEIVED "}}", "no start"},
        {"{\"intervals\":[{\"sum\":{\"start\":2,\"end\":1,\"bits_per_second\":1}}],\"end\":{" SUMS RECEIVED "}}",
         "ends before"},
        {"{\"end\":{" SUMS RECEIVED ",\"cpu_utilization_percent\":{\"host_total\":\"x\"}}}", "not a number"},
        {"{\"error\":\"\\u0000\"}", "not JSON"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vmtp_iperf3_result r;
        ok(!vmtp_iperf3_parse(bad[i].text, strlen(bad[i].text), true, false, &r), "refused: %.60s",
           *bad[i].text == 'i' ? "words" : bad[i].text);
        contains(r.flaw, bad[i].says, "with words");
        vmtp_iperf3_clear(&r);
    }
    struct vmtp_iperf3_result r;
    size_t len = VMTP_IPERF3_TEXT_MAX + 1;
    char *text = malloc(len);
    memset(text, '[', len);
    ok(!vmtp_iperf3_parse(text, len, true, false, &r), "a text of more than 4 MiB is refused");
    memcpy(text, "{\"a\":", 5);
    ok(!vmtp_iperf3_parse(text, len - 1, true, false, &r), "a million brackets are refused");
    memset(text, '\n', len);
    ok(!vmtp_iperf3_parse(text, len - 1, true, false, &r), "a million lines are refused");
    free(text);
}

static void parse_only(const char *text, size_t len)
{
    struct vmtp_iperf3_result r;
    (void)vmtp_iperf3_parse(text, len, true, true, &r);
    vmtp_iperf3_clear(&r);
}

static void test_battered(void)
{
    static const char text[] = "{\"intervals\":[{\"streams\":[{\"snd_cwnd\":1,\"rtt\":3}],"
                               "\"sum\":{\"start\":0,\"end\":1,"
                               "\"bits_per_second\":9,\"packets\":3,\"lost_packets\":1}}],\"end\":{"
                               "\"streams\":[{\"udp\":{\"out_of_order\":1}}]," SUMS RECEIVED "}}\n";
    batter(text, strlen(text), parse_only);
}

static void test_version(void)
{
    char version[VMTP_VERSION_TEXT] = "";
    unsigned number = 0;
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        char *text = fixture(i ? "iperf3/3.18/version.txt" : "iperf3/3.12/version.txt", &len);
        ok(vmtp_scan_version(text, "iperf ", version, &number), "a version");
        is(version, i ? "3.18" : "3.12", "as text");
        is_int(number, i ? 31800 : 31200, "as a number");
        free(text);
    }
}

int main(void)
{
    test_tcp();
    test_udp();
    test_failures();
    test_shapes();
    test_hostile();
    test_battered();
    test_version();
    return done_testing();
}
