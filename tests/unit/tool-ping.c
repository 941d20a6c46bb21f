/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of the ping plugin, on outputs of iputils, BusyBox, inetutils and the BSDs. */
#include "plugins/tools/ping/parse.h"

#include "tests/fixture.h"

static struct vmtp_numbers parse_fixture(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "ping/%s.txt", name);
    size_t len;
    char *text = fixture(path, &len);
    struct vmtp_numbers numbers;
    const char *flaw = vmtp_ping_parse(text, len, &numbers);
    if (!ok(!flaw, "%s: understood", name))
        printf("# %s\n", flaw);
    free(text);
    return numbers;
}

static void test_replies(void)
{
    static const struct {
        const char *name;
        double sent, min, avg, max;
    } cases[] = {
        {"iputils-20221126/v4", 5, 0.040, 0.046, 0.051}, {"iputils-20221126/v6", 3, 0.037, 0.045, 0.052},
        {"iputils-20240905/v4", 5, 0.041, 0.063, 0.126}, {"iputils-20240905/v6", 3, 0.035, 0.047, 0.063},
        {"busybox-1.35.0/v4", 5, 0.040, 0.048, 0.057},   {"busybox-1.35.0/v6", 3, 0.054, 0.055, 0.057},
        {"inetutils-2.4/v4", 5, 0.043, 0.054, 0.073},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vmtp_numbers n = parse_fixture(cases[i].name);
        is_number(vmtp_number(&n, "sent", -1), cases[i].sent, "sent");
        is_number(vmtp_number(&n, "received", -1), cases[i].sent, "received");
        is_number(vmtp_number(&n, "loss", -1), 0, "no loss, and it is said");
        is_number(vmtp_number(&n, "rtt_min", -1), cases[i].min / 1000, "shortest, in seconds");
        is_number(vmtp_number(&n, "rtt_avg", -1), cases[i].avg / 1000, "mean");
        is_number(vmtp_number(&n, "rtt_max", -1), cases[i].max / 1000, "longest");
        double deviation = vmtp_number(&n, "rtt_stddev", -1);
        ok(deviation > 1e-7 && deviation < 1e-4, "deviation, calculated where it is not printed: %g", deviation);
    }
    struct vmtp_numbers n = parse_fixture("iputils-20221126/v4");
    is_number(vmtp_number(&n, "rtt_stddev", -1), 0.003e-3, "a printed deviation is taken as it is");
}

static void test_loss(void)
{
    static const struct {
        const char *name;
        double sent, lost;
    } cases[] = {
        {"iputils-20221126/some-lost", 10, 3}, {"iputils-20240905/some-lost", 10, 3},
        {"busybox-1.35.0/some-lost", 10, 4},   {"inetutils-2.4/some-lost", 10, 3},
        {"iputils-20221126/all-lost", 3, 3},   {"iputils-20240905/all-lost", 3, 3},
        {"busybox-1.35.0/all-lost", 3, 3},     {"inetutils-2.4/all-lost", 3, 3},
        {"iputils-20221126/tiny", 3, 0},       {"busybox-1.35.0/tiny", 3, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vmtp_numbers n = parse_fixture(cases[i].name);
        is_number(vmtp_number(&n, "sent", -1), cases[i].sent, "sent");
        is_number(vmtp_number(&n, "lost", -1), cases[i].lost, "lost");
        is_number(vmtp_number(&n, "loss", -1), cases[i].lost / cases[i].sent, "loss");
        bool with_times = cases[i].lost < cases[i].sent && !strstr(cases[i].name, "tiny");
        ok((vmtp_number(&n, "rtt_avg", -1) > 0) == with_times, "times only where a reply has one");
    }
}

static const char bsd[] = "PING 192.0.2.5 (192.0.2.5): 36 data bytes\n"
                          "44 bytes from 192.0.2.5: icmp_seq=0 ttl=64 time=0.231 ms\n"
                          "44 bytes from 192.0.2.5: icmp_seq=0 ttl=64 time=0.240 ms (DUP!)\n"
                          "\n"
                          "--- 192.0.2.5 ping statistics ---\n"
                          "10 packets transmitted, 9 packets received, +1 duplicates, 10.0% packet loss\n"
                          "round-trip min/avg/max/stddev = 0.231/0.362/0.801/0.160 ms\n";

static void test_others(void)
{
    struct vmtp_numbers n;
    ok(!vmtp_ping_parse(bsd, strlen(bsd), &n), "a ping of the BSDs");
    is_number(vmtp_number(&n, "duplicates", -1), 1, "duplicates");
    is_number(vmtp_number(&n, "loss", -1), 0.1, "loss");
    is_number(vmtp_number(&n, "rtt_stddev", -1), 0.00016, "deviation");

    static const char busy[] = "3 packets transmitted, 3 packets received, 2 duplicates, 0% packet loss\n";
    ok(!vmtp_ping_parse(busy, strlen(busy), &n), "duplicates as BusyBox says them");
    is_number(vmtp_number(&n, "duplicates", -1), 2, "duplicates");
    static const char errors[] = "From 10.0.0.1 icmp_seq=1 Destination Host Unreachable\n"
                                 "4 packets transmitted, 0 received, +4 errors, 100% packet loss, time 3071ms\n";
    ok(!vmtp_ping_parse(errors, strlen(errors), &n), "with errors");
    is_number(vmtp_number(&n, "loss", -1), 1, "all lost");
    is_number(vmtp_number(&n, "duplicates", -1), 0, "errors are no duplicates");
    char words[VMTP_WORDS];
    is(vmtp_ping_complaint(errors, words), "From 10.0.0.1 icmp_seq=1 Destination Host Unreachable", "who says why");
    is(vmtp_ping_complaint(bsd, words), "", "nobody does");
    static const char more[] = "3 packets transmitted, 5 received, 0% packet loss\n";
    ok(!vmtp_ping_parse(more, strlen(more), &n), "more received than sent");
    is_number(vmtp_number(&n, "loss", -1), 0, "is no negative loss");
}

static void test_failures(void)
{
    static const struct {
        const char *name, *says;
    } cases[] = {
        {"iputils-20221126/unknown-host.err", "name resolution"}, {"busybox-1.35.0/unknown-host.err", "bad address"},
        {"inetutils-2.4/unknown-host.err", "unknown host"},       {"iputils-20240905/no-route.err", "unreachable"},
        {"busybox-1.35.0/no-route.err", "unreachable"},           {"inetutils-2.4/fraction.err", "invalid value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[200], words[VMTP_WORDS];
        snprintf(path, sizeof path, "ping/%s", cases[i].name);
        size_t len;
        char *err = fixture(path, &len);
        struct vmtp_output out = {.out = (char[]){""}, .err = err};
        contains(vmtp_error_words(&out, words), cases[i].says, cases[i].name);
        free(err);
    }
    size_t len;
    char *text = fixture("ping/busybox-1.35.0/no-route.txt", &len);
    struct vmtp_numbers n;
    ok(vmtp_ping_parse(text, len, &n) != NULL, "a ping that could not send has no result");
    free(text);
}

static void test_hostile(void)
{
    static const char *const bad[] = {
        "",
        "10 packets transmitted, 10 received",
        "x packets transmitted, 10 received\n",
        "-1 packets transmitted, 10 received\n",
        "0 packets transmitted, 0 received\n",
        "99999999999999999999 packets transmitted, 1 received\n",
        "10 packets transmitted, nan received\n",
        "10 packets transmitted, 9 eaten\n",
        "1 packets transmitted, 1 received\nrtt min/avg/max/mdev = nan/1/1/1 ms\n",
        "1 packets transmitted, 1 received\nrtt min/avg/max/mdev = 1/1 ms\n",
        "1 packets transmitted, 1 received\nrtt min/avg/max/mdev = 1/-1/1/1 ms\n",
        "1 packets transmitted, 1 received\nrtt min/avg/max/mdev = 1/99999999999999999999/1/1 ms\n",
        "1 packets transmitted, 1 received\nrtt min/avg/max/mdev\n",
        "1 packets transmitted, 1 received\nrtt min/avg/max/mdev = 1/1/1/1 parsecs\n",
        "hello\n",
    };
    struct vmtp_numbers n;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(vmtp_ping_parse(bad[i], strlen(bad[i]), &n) != NULL, "refused: %.*s", (int)strcspn(bad[i], "\n"), bad[i]);
    static const char nul[] = "1 packets transmitted, 1 received\n\0\n";
    ok(vmtp_ping_parse(nul, sizeof nul - 1, &n) != NULL, "a NUL is refused");
    size_t len;
    char *text = long_line(&len);
    contains(vmtp_ping_parse(text, len, &n), "4096", "a line of a megabyte is refused");
    free(text);
    static const char wide[] = "64 bytes from x: time=1e9 ms\n64 bytes from x: time= ms\n64 bytes from x: time=-1 ms\n"
                               "1 packets transmitted, 1 received\n";
    ok(!vmtp_ping_parse(wide, strlen(wide), &n) && !vmtp_number_find(&n, "rtt_avg"), "no times at all");
}

static void parse_only(const char *text, size_t len)
{
    struct vmtp_numbers n;
    char words[VMTP_WORDS];
    (void)vmtp_ping_parse(text, len, &n);
    (void)vmtp_ping_complaint(text, words);
}

int main(void)
{
    test_replies();
    test_loss();
    test_others();
    test_failures();
    test_hostile();
    batter(bsd, strlen(bsd), parse_only);
    return done_testing();
}
