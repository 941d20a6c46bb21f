/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of the nuttcp plugin, on outputs of 6.1.2 and 8.2.2. */
#include "plugins/tools/nuttcp/parse.h"

#include "tests/fixture.h"

struct parsed {
    struct vmtp_numbers total, first;
    unsigned intervals, totals;
    bool flawed, clock_was_set;
    char flaw[VMTP_WORDS];
};

static struct parsed parse(const char *text, size_t len)
{
    struct parsed p = {0};
    struct vmtp_nuttcp_scan scan;
    struct vmtp_numbers row;
    enum vmtp_nuttcp_row kind;
    vmtp_nuttcp_begin(&scan, text, len);
    while ((kind = vmtp_nuttcp_next(&scan, &row)) > VMTP_NUTTCP_END) {
        if (kind == VMTP_NUTTCP_INTERVAL && p.intervals++ == 0)
            p.first = row;
        if (kind == VMTP_NUTTCP_TOTAL && ++p.totals)
            p.total = row;
    }
    p.flawed = kind == VMTP_NUTTCP_FLAW;
    p.clock_was_set = scan.clock_was_set;
    memcpy(p.flaw, scan.flaw, sizeof p.flaw);
    return p;
}

static struct parsed parse_fixture(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "nuttcp/%s.txt", name);
    size_t len;
    char *text = fixture(path, &len);
    struct parsed p = parse(text, len);
    free(text);
    ok(!p.flawed, "%s: understood", name);
    return p;
}

static double of(struct parsed *p, const char *metric)
{
    return vmtp_number(&p->total, metric, -1);
}

static void test_tcp(void)
{
    struct parsed p = parse_fixture("6.1.2/tcp");
    is_int(p.totals, 1, "one result");
    is_number(of(&p, "throughput"), 477.3316e6, "rate_Mbps is 10^6 bit/s");
    is_number(of(&p, "bytes"), 58.7113 * 1048576, "megabytes are 2^20 bytes");
    is_number(of(&p, "seconds"), 1.03, "seconds");
    is_number(of(&p, "cpu_sender"), 0, "CPU of the sender, 0 too");
    is_number(of(&p, "cpu_receiver"), 0.02, "CPU of the receiver, as a ratio");
    is_number(of(&p, "retransmits"), 0, "retransmits, 0 too");
    is_number(of(&p, "rtt"), 0.12e-3, "rtt in seconds");
    ok(of(&p, "cwnd") < 0, "6.1.2 prints no cwnd, and that is no error");

    p = parse_fixture("8.2.2/tcp");
    is_number(of(&p, "cwnd"), 263 * 1024, "cwnd in bytes");
    p = parse_fixture("8.2.2/tcp-retransmits");
    is_number(of(&p, "retransmits"), 2472, "retransmits");
    is_number(of(&p, "throughput"), 91.6613e6, "throughput");
    p = parse_fixture("6.1.2/tcp-ipv6");
    is_number(of(&p, "throughput"), 473.3993e6, "IPv6");
    p = parse_fixture("8.2.2/tcp-reverse");
    is_number(of(&p, "throughput"), 480.0213e6, "reverse");
    p = parse_fixture("6.1.2/tcp-streams");
    is_number(of(&p, "throughput"), 480.0576e6, "streams");
    ok(of(&p, "retransmits") < 0, "no retransmits there");
    is_int(p.intervals, 1, "one interval");
}

static void test_intervals(void)
{
    struct parsed p = parse_fixture("8.2.2/tcp-intervals");
    is_int(p.intervals, 4, "intervals");
    is_int(p.totals, 1, "one result");
    is_number(vmtp_number(&p.first, "throughput", -1), 481.2425e6, "rate of the first interval");
    is_number(vmtp_number(&p.first, "seconds", -1), 0.5, "its length");
    is_number(vmtp_number(&p.first, "cwnd", -1), 234 * 1024, "its cwnd");
    p = parse_fixture("6.1.2/udp-intervals");
    is_int(p.intervals, 3, "intervals with loss");
    is_number(vmtp_number(&p.first, "loss", -1), 834. / 11371, "loss of the first interval");
    p = parse_fixture("8.2.2/udp-jitter");
    is_number(of(&p, "jitter"), 19.4028e-3, "jitter in seconds");
}

static void test_udp(void)
{
    struct parsed p = parse_fixture("6.1.2/udp-loss");
    is_number(of(&p, "throughput"), 357.6737e6, "what arrived");
    is_number(of(&p, "lost"), 11337, "lost");
    is_number(of(&p, "sent"), 55000, "sent");
    is_number(of(&p, "received"), 55000 - 11337, "received");
    is_number(of(&p, "loss"), 11337. / 55000, "loss as a ratio, with all digits");
    is_number(of(&p, "sent_rate"), 357.6737e6 * 55000 / (55000 - 11337), "rate that was sent");
    p = parse_fixture("8.2.2/udp");
    is_number(of(&p, "loss"), 8. / 12208, "little loss");
    p = parse_fixture("8.2.2/udp-fragments");
    is_number(of(&p, "throughput"), 50.4602e6, "a warning in front does not disturb");
    p = parse_fixture("6.1.2/udp-filtered");
    is_number(of(&p, "loss"), 1, "nothing arrived");
    is_number(of(&p, "throughput"), 0, "throughput 0");
    p = parse_fixture("8.2.2/multicast");
    is_number(of(&p, "jitter"), 16.7118e-3, "multicast: jitter");
    is_number(of(&p, "owd"), 0.5022e-3, "multicast: one-way delay");
    is_number(of(&p, "loss"), 0, "no loss");
    p = parse_fixture("8.2.2/udp-ipv6");
    is_number(of(&p, "throughput"), 10.0248e6, "IPv6");
}

static void test_failures(void)
{
    static const char *const names[] = {"6.1.2/refused", "8.2.2/refused", "8.2.2/port-taken", "6.1.2/classic"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct parsed p = parse_fixture(names[i]);
        ok(p.totals == 0, "%s: no result", names[i]);
    }
    size_t len;
    char *text = fixture("nuttcp/8.2.2/classic.txt", &len);
    ok(vmtp_nuttcp_is_classic(text), "a client that has given up on the server is seen");
    free(text);

    char *err = fixture("nuttcp/8.2.2/port-taken.txt", &len), words[VMTP_WORDS];
    struct vmtp_output out = {.out = (char[]){""}, .err = err};
    contains(vmtp_error_words(&out, words), "bind() on data stream failed", "the words of an error");
    free(err);
    struct parsed p = parse_fixture("6.1.2/port-taken");
    is_number(of(&p, "throughput"), 0, "6.1.2 says 0 when its port is taken");
}

static void test_order(void)
{
    static const char text[] = "retrans=3 new_key=\"x y\" rate_Mbps=10.5 =5 x= real_seconds=2.00 tx_cpu=7\r\n";
    struct parsed p = parse(text, strlen(text));
    ok(!p.flawed && p.totals == 1, "keys in any order, unknown ones between them");
    is_number(of(&p, "throughput"), 10.5e6, "rate");
    is_number(of(&p, "retransmits"), 3, "retransmits");
    is_number(of(&p, "cpu_sender"), 0.07, "CPU");
    ok(of(&p, "bytes") < 0 && of(&p, "loss") < 0, "what is not there is not made up");

    static const char more[] = "real_seconds=1.00 rate_Mbps=1 drop=-3 pkt=100 rtt_ms=0.00 msavgOWD=-2.5\n";
    p = parse(more, strlen(more));
    is_number(of(&p, "lost"), 0, "datagrams that came twice are no negative loss");
    ok(of(&p, "rtt") == -1, "an rtt of 0 means that it is not known");
    is_number(of(&p, "owd"), -2.5e-3, "clocks may differ either way");
}

static void test_hostile(void)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "empty"},
        {"real_seconds=1 rate_Mbps=5", "middle of a line"},
        {"real_seconds=1\n", "no rate_Mbps"},
        {"real_seconds=1 rate_Mbps=nan\n", "rate_Mbps=nan"},
        {"real_seconds=1 rate_Mbps=inf\n", "rate_Mbps=inf"},
        {"real_seconds=1 rate_Mbps=-1\n", "rate_Mbps=-1"},
        {"real_seconds=1 rate_Mbps=1e5\n", "rate_Mbps=1e5"},
        {"real_seconds=1 rate_Mbps=0x10\n", "rate_Mbps=0x10"},
        {"real_seconds=1 rate_Mbps=99999999999999999999999999999999999999\n", "rate_Mbps=999"},
        {"real_seconds=1 rate_Mbps=1 retrans=99999999999999999999\n", "retrans=999"},
        {"real_seconds=1 rate_Mbps=1 drop=5 pkt=3\n", "more datagrams are lost than sent"},
        {"real_seconds=1 rate_Mbps=1 data_loss=101\n", "more than 100"},
        {"real_seconds= rate_Mbps=1\n", "real_seconds="},
        {"real_seconds=1 rate_Mbps=1,5\n", "rate_Mbps=1,5"},
        {"megabytes=1 real_seconds=-0.40 rate_Mbps=-20\n", "clock was set back meanwhile: real_seconds=-0.40"},
        {"megabytes=1 real_sec=-0.40 rate_Mbps=20\n", "clock was set back"},
        {"real_seconds=-x rate_Mbps=5\n", "real_seconds=-x"},
        {"real_seconds=--1 rate_Mbps=5\n", "real_seconds=--1"},
        {"real_seconds=1 rate_Mbps=5\x1b[31m\n", "rate_Mbps=5"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct parsed p = parse(bad[i].text, strlen(bad[i].text));
        ok(p.flawed, "refused: %.*s", (int)strcspn(bad[i].text, "\n\x1b"), bad[i].text);
        contains(p.flaw, bad[i].says, "with words");
        ok(p.clock_was_set == (strstr(bad[i].says, "clock") != NULL), "and whether it is the clock");
    }
    static const char nul[] = "real_seconds=1 \0rate_Mbps=1\n";
    struct parsed p = parse(nul, sizeof nul - 1);
    ok(p.flawed, "a NUL is refused");
    size_t len;
    char *text = long_line(&len);
    p = parse(text, len);
    ok(p.flawed, "a line of a megabyte is refused");
    contains(p.flaw, "4096", "with words");
    free(text);
}

static void parse_only(const char *text, size_t len)
{
    (void)parse(text, len);
    (void)vmtp_nuttcp_is_classic(text);
}

static void test_battered(void)
{
    static const char *const names[] = {"nuttcp/8.2.2/udp-jitter.txt", "nuttcp/6.1.2/tcp.txt"};
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        char *text = fixture(names[i], &len);
        batter(text, len, parse_only);
        free(text);
    }
}

static void test_version(void)
{
    char version[VMTP_VERSION_TEXT];
    unsigned number;
    ok(vmtp_scan_version("nuttcp-8.2.2\n", "nuttcp-", version, &number) && number == 80202, "8.2.2");
    is(version, "8.2.2", "as text");
    ok(vmtp_scan_version("nuttcp-6.1.2\n", "nuttcp-", version, &number) && number == 60102, "6.1.2");
    ok(vmtp_scan_version("v7.1\n", "v", version, &number) && number == 70100, "two parts");
    ok(!vmtp_scan_version("nuttcp-x\n", "nuttcp-", version, &number), "no number");
    ok(!vmtp_scan_version("iperf 3.12\n", "nuttcp-", version, &number), "another program");
    ok(!vmtp_scan_version("v11111111111111111111111111111111.1\n", "v", version, &number), "too long");
    ok(vmtp_scan_version("v99999.88888.1\n", "v", version, &number), "large parts are kept apart");
}

int main(void)
{
    test_tcp();
    test_intervals();
    test_udp();
    test_failures();
    test_order();
    test_hostile();
    test_battered();
    test_version();
    return done_testing();
}
