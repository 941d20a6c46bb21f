/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of the iperf plugin, on outputs of 2.1.8 and 2.2.1. */
#include "plugins/tools/iperf/parse.h"

#include "tests/fixture.h"

static bool datagrams_of(const char *name)
{
    return strstr(name, "/udp") != NULL;
}

/* The caller clears *result. */
static bool parse_fixture(const char *name, struct vmtp_iperf_result *result)
{
    char path[200];
    snprintf(path, sizeof path, "iperf/%s.txt", name);
    size_t len;
    char *text = fixture(path, &len);
    bool good = vmtp_iperf_parse(text, len, datagrams_of(name), strstr(name, "reverse") != NULL, result);
    free(text);
    return good;
}

struct expected {
    const char *metric;
    double value; /* < 0: not there */
};

static void check(const char *name, size_t intervals, const struct expected *expected)
{
    struct vmtp_iperf_result result;
    if (!ok(parse_fixture(name, &result), "%s: understood", name))
        printf("# %s\n", result.flaw);
    is_int((long long)result.n_intervals, (long long)intervals, "intervals");
    for (; expected->metric; expected++)
        is_number(vmtp_number(&result.total, expected->metric, -1), expected->value, expected->metric);
    vmtp_iperf_clear(&result);
}

#define CHECK(name, intervals, ...) check(name, intervals, (const struct expected[]){__VA_ARGS__, {NULL, 0}})

static void test_tcp(void)
{
    CHECK("2.1.8/tcp", 2, {"throughput", 474965132}, {"bytes", 61407292}, {"seconds", 1.0343}, {"retransmits", 0},
          {"cwnd", 265 * 1024}, {"rtt", 3310e-6}, {"loss", -1});
    CHECK("2.2.1/tcp", 2, {"throughput", 474002058}, {"bytes", 61734976}, {"seconds", 1.0419}, {"retransmits", 0},
          {"cwnd", 410 * 1024}, {"rtt", 2837e-6});
    CHECK("2.1.8/tcp-retransmits", 3, {"throughput", 73101311}, {"retransmits", 2384}, {"cwnd", 77 * 1024});
    CHECK("2.2.1/tcp-retransmits", 2, {"throughput", 87639232}, {"retransmits", 1977}, {"cwnd", 66 * 1024},
          {"rtt", 670e-6});
    CHECK("2.1.8/tcp-rate", 2, {"throughput", 10852784});
    CHECK("2.2.1/tcp-rate", 2, {"throughput", 10823262});
    CHECK("2.1.8/tcp-ipv6", 2, {"throughput", 471840497}, {"retransmits", 0});
    CHECK("2.2.1/tcp-ipv6", 2, {"throughput", 466977449}, {"retransmits", 0});
    CHECK("2.1.8/tcp-plain", 0, {"throughput", 474568811}, {"retransmits", -1}, {"cwnd", -1});
    CHECK("2.2.1/tcp-plain", 0, {"throughput", 478420019}, {"retransmits", -1}, {"cwnd", -1});
    CHECK("2.1.8/tcp-reverse", 2, {"throughput", 478968504}, {"bytes", 62259200}, {"retransmits", -1});
    CHECK("2.2.1/tcp-reverse", 2, {"throughput", 442995709}, {"retransmits", -1});
}

static void test_streams(void)
{
    double bytes = 21364796. + 21102652 + 22151228;
    CHECK("2.1.8/tcp-streams", 2, {"bytes", bytes}, {"seconds", 1.0861}, {"throughput", bytes * 8 / 1.0861},
          {"retransmits", 0}, {"cwnd", (124 + 169 + 238) * 1024}, {"rtt", 7574e-6});
    bytes = 20840512. + 21364800 + 21626944;
    CHECK("2.2.1/tcp-streams", 2, {"bytes", bytes}, {"throughput", bytes * 8 / 1.0664}, {"retransmits", 1});
    CHECK("2.1.8/udp-streams", 2, {"bytes", 2504704 + 2502656}, {"sent", 4890}, {"lost", 1}, {"received", 4889},
          {"loss", 1. / 4890}, {"out_of_order", 1}, {"sent_rate", 20014569 + 20014509});
    CHECK("2.2.1/udp-streams", 2, {"sent", 4886}, {"lost", 6}, {"out_of_order", 1});

    struct vmtp_iperf_result result;
    ok(parse_fixture("2.1.8/tcp-streams", &result), "intervals of several streams");
    is_number(vmtp_number(&result.intervals[0].numbers, "bytes", -1), 10879036 + 2 * 11141180., "are added up");
    is_number(result.intervals[1].from, 0.5, "and in order");
    vmtp_iperf_clear(&result);
}

static void test_udp(void)
{
    CHECK("2.1.8/udp", 0, {"throughput", 99721630}, {"sent", 12211}, {"lost", 37}, {"received", 12174},
          {"loss", 37. / 12211}, {"jitter", 3e-6}, {"owd", 4e-6}, {"sent_rate", 100012509}, {"out_of_order", 0});
    CHECK("2.2.1/udp", 0, {"throughput", 100018009}, {"loss", 0}, {"jitter", 2e-6}, {"sent_rate", 100015509});
    CHECK("2.1.8/udp-loss", 2, {"throughput", 446809599}, {"lost", 2969}, {"sent", 58819}, {"jitter", 1.511e-3});
    CHECK("2.2.1/udp-loss", 2, {"throughput", 302652471}, {"lost", 18664}, {"sent", 55606}, {"loss", 18664. / 55606});
    CHECK("2.1.8/udp-large", 0, {"throughput", 50127140}, {"bytes", 6275072});
    CHECK("2.2.1/udp-large", 0, {"throughput", 49990020}, {"bytes", 6258688});
    CHECK("2.1.8/udp-ipv6", 0, {"throughput", 10015450}, {"loss", 0});
    CHECK("2.2.1/udp-ipv6", 0, {"throughput", 10006398}, {"loss", 0});
    CHECK("2.1.8/udp-reverse", 2, {"throughput", 49960505}, {"sent", 6102}, {"loss", 0}, {"jitter", 9e-6});
    CHECK("2.2.1/udp-reverse", 2, {"throughput", 49757977}, {"sent", 6107}, {"loss", 34. / 6107});

    struct vmtp_iperf_result result;
    ok(parse_fixture("2.2.1/udp-loss", &result), "intervals of a sender");
    is_number(vmtp_number(&result.intervals[0].numbers, "sent_rate", -1), 438616064, "say what was sent");
    ok(!vmtp_number_find(&result.intervals[0].numbers, "throughput"), "not what arrived");
    vmtp_iperf_clear(&result);
    ok(parse_fixture("2.2.1/udp-reverse", &result), "intervals of a receiver");
    is_number(vmtp_number(&result.intervals[1].numbers, "loss", -1), 34. / 3053, "have the loss");
    vmtp_iperf_clear(&result);
}

static void test_failures(void)
{
    static const char *const names[] = {"2.1.8/refused", "2.2.1/refused"};
    struct vmtp_iperf_result result;
    for (size_t i = 0; i < 2; i++) {
        ok(!parse_fixture(names[i], &result) && !result.no_report, "%s: no result", names[i]);
        vmtp_iperf_clear(&result);
    }
    static const char *const silent[] = {"2.1.8/udp-filtered", "2.2.1/udp-filtered", "2.1.8/udp-refused",
                                         "2.2.1/udp-refused"};
    for (size_t i = 0; i < 4; i++) {
        ok(!parse_fixture(silent[i], &result) && result.no_report, "%s: no report of the server", silent[i]);
        vmtp_iperf_clear(&result);
    }
    size_t len;
    char *err = fixture("iperf/2.1.8/refused.err", &len), words[VMTP_WORDS];
    struct vmtp_output out = {.out = (char[]){""}, .err = err};
    is(vmtp_error_words(&out, words), "tcp connect failed: Connection refused", "the words of an error");
    free(err);
}

static bool parse(const char *text, bool datagrams, struct vmtp_iperf_result *result)
{
    return vmtp_iperf_parse(text, strlen(text), datagrams, false, result);
}

static void test_units(void)
{
    struct vmtp_iperf_result result;
    ok(parse("[  3]  0.0-10.0 sec  10.9 GBytes  9.40 Gbits/sec\n", false, &result), "older ones, in other units");
    is_number(vmtp_number(&result.total, "throughput", -1), 9.4e9, "bits count in 1000");
    is_number(vmtp_number(&result.total, "bytes", -1), 10.9 * 1073741824, "bytes count in 1024");
    vmtp_iperf_clear(&result);
    ok(parse("[  3]  0.0-10.0 sec   125 MBytes   105 Mbits/sec\n[  3] Sent 89165 datagrams\n[  3] Server Report:\n"
             "[  3]  0.0-10.0 sec   122 MBytes   102 Mbits/sec   0.019 ms 1950/89165 (2.2%)\n", true, &result),
       "the report of an older server");
    is_number(vmtp_number(&result.total, "loss", -1), 1950. / 89165, "loss");
    is_number(vmtp_number(&result.total, "jitter", -1), 19e-6, "jitter");
    vmtp_iperf_clear(&result);
    ok(parse("[  1] Server Report:\n[  1] 0.0-1.0 sec  10 Bytes  80 bits/sec  -nan ms -3/100 (-3%)\n"
             "[  1] 0.0-1.0 sec  10 Bytes  80 bits/sec\n", true, &result), "more arrived than were sent, no jitter");
    is_number(vmtp_number(&result.total, "lost", -1), 0, "is no negative loss");
    ok(!vmtp_number_find(&result.total, "jitter"), "what is no number is left out");
    vmtp_iperf_clear(&result);
}

static void test_hostile(void)
{
    static const char *const bad[] = {
        "",
        "[  1] 0.0-1.0 sec  10 Bytes  80 bits/sec",
        "hello\n",
        "[  1] 0.0-1.0 sec  nan Bytes  80 bits/sec\n",
        "[  1] 0.0-1.0 sec  10 Bytes  inf bits/sec\n",
        "[  1] 0.0-1.0 sec  10 Bytes  -80 bits/sec\n",
        "[  1] 0.0-1.0 sec  10 Bytes  99999999999999999999999999 bits/sec\n",
        "[  1] 0.0-1.0 sec  9999999999 TBytes  8 bits/sec\n",
        "[  1] 0.0-99999999999999 sec  10 Bytes  80 bits/sec\n",
        "[  1] 1.0-0.5 sec  10 Bytes  80 bits/sec\n",
        "[  1] 5.0-6.0 sec  10 Bytes  80 bits/sec\n",
        "[  1] 0.0-1.0 sec  10 Bytes\n",
        "[  1] 0.0-1.0 sec  10 Bytes  80 bits/sec  0.1 ms 5/3 (166%)\n",
        "[  1] 0.0-1.0 sec  10 Bytes  80 bits/sec  0.1 ms x/3 (166%)\n",
    };
    struct vmtp_iperf_result result;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ok(!parse(bad[i], false, &result) && result.flaw[0], "refused: %.*s", (int)strcspn(bad[i], "\n"), bad[i]);
        vmtp_iperf_clear(&result);
    }
    static const char nul[] = "[  1] 0.0-1.0 sec  10 Bytes \0 80 bits/sec\n";
    ok(!vmtp_iperf_parse(nul, sizeof nul - 1, false, false, &result), "a NUL is refused");
    vmtp_iperf_clear(&result);
    size_t len;
    char *text = long_line(&len);
    ok(!vmtp_iperf_parse(text, len, false, false, &result), "a line of a megabyte is refused");
    contains(result.flaw, "4096", "with words");
    vmtp_iperf_clear(&result);
    free(text);
}

/* A megabyte of rows: many streams, then many intervals. */
static void test_many(void)
{
    size_t room = 1 << 20, len = 0;
    char *text = malloc(room + 100);
    for (int i = 0; i < 200; i++)
        len += (size_t)snprintf(text + len, 100, "[%3d] 0.0-1.0 sec  10 Bytes  80 bits/sec\n", i);
    struct vmtp_iperf_result result;
    ok(!vmtp_iperf_parse(text, len, false, false, &result), "more streams than can be");
    contains(result.flaw, "128 streams", "with words");
    vmtp_iperf_clear(&result);
    len = 0;
    unsigned rows = 0;
    for (; len < room; rows++)
        len += (size_t)snprintf(text + len, 100, "[  1] %u.0-%u.0 sec  10 Bytes  80 bits/sec\n", rows, rows + 1);
    len += (size_t)snprintf(text + len, 100, "[  1] 0.0-%u.0 sec  10 Bytes  80 bits/sec\n", rows);
    ok(vmtp_iperf_parse(text, len, false, false, &result), "a megabyte of intervals");
    is_int((long long)result.n_intervals, rows, "all of them");
    vmtp_iperf_clear(&result);
    free(text);
}

static void parse_only(const char *text, size_t len)
{
    struct vmtp_iperf_result result;
    for (int i = 0; i < 4; i++) {
        (void)vmtp_iperf_parse(text, len, i & 1, i & 2, &result);
        vmtp_iperf_clear(&result);
    }
}

static void test_battered(void)
{
    static const char text[] =
        "[  1] 0.0000-0.5000 sec  3 Bytes  5 bits/sec  6/0  0  27K(90)/40K(1)/25(14) us  25\n"
        "[  1] 0.0-1.0 sec  61 Bytes  47 bits/sec  4/0   0   2M/2156(112) us  2\n"
        "[ *2] 0.0-1.0 sec  12 Bytes  99 bits/sec   0.001 ms 0/12 (0%) 0.3/0.1/0.5/0.8 ms 1 pps\n"
        "[  1] Server Report:\n[  1] 0.0-1.0 sec  12 Bytes  99 bits/sec   0.001 ms 0/12 (0%) -/-/-/- ms\n"
        "[  1] 0.0-0.9 sec  4 datagrams received out-of-order\n[SUM] 0.0-1.0 sec  1 Bytes  1 bits/sec\n";
    batter(text, sizeof text - 1, parse_only);
}

int main(void)
{
    test_tcp();
    test_streams();
    test_udp();
    test_failures();
    test_units();
    test_hostile();
    test_many();
    test_battered();
    return done_testing();
}
