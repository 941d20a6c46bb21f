/* SPDX-License-Identifier: Apache-2.0 */
#include "core/expect.h"

#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "tests/tap.h"

/* Reads the map of `expect`; the tree lives until the next call. */
static int parse(struct vmtp_ctx *ctx, const char *yaml, struct vmtp_expect *expect)
{
    static struct vmtp_node *tree;
    vmtp_node_free(tree);
    tree = NULL;
    int rc = vmtp_config_parse(ctx, yaml, strlen(yaml), "t", &tree);
    return rc < 0 ? rc : vmtp_expect_parse(ctx, tree, expect);
}

static const struct {
    const char *yaml, *words;
} limits[] = {
    {"tcp.throughput: 5G", "at least 5 Gbit/s"},
    {"tcp.throughput: 1.5 Gbit/s", "at least 1.5 Gbit/s"},
    {"tcp.throughput: '>= 5 Gbit/s'", "at least 5 Gbit/s"},
    {"tcp.throughput: '>500M'", "above 500 Mbit/s"},
    {"tcp.throughput: <= 1T", "at most 1 Tbit/s"},
    {"tcp.throughput: 999999kbit/s", "at least 999.999 Mbit/s"},
    {"tcp.throughput: 0", "at least 0 bit/s"},
    {"udp.loss: 1%", "at most 1 %"},
    {"udp.loss: 0.05 %", "at most 0.05 %"},
    {"udp.loss: < 1%", "below 1 %"},
    {"udp.loss: 0", "at most 0 %"},
    {"multicast.loss: '100%'", "at most 100 %"},
    {"icmp.rtt: 2ms", "at most 2 ms"},
    {"icmp.rtt: 500 us", "at most 500 us"},
    {"icmp.rtt_max: 1.5s", "at most 1.5 s"},
    {"udp.jitter: 0.25ms", "at most 250 us"},
    {"tcp.retransmits: 100", "at most 100"},
    {"tcp.cpu_sender: 150%", "at most 150 %"},
};

static void test_limits(void)
{
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        struct vmtp_expect expect = {0};
        char words[VMTP_EXPECT_TEXT];
        int rc = parse(&ctx, limits[i].yaml, &expect);
        if (ok(rc == VMTP_OK && expect.n == 1, "%s", limits[i].yaml))
            is(vmtp_expect_words(&expect.items[0], words), limits[i].words, "... in words");
        vmtp_expect_clear(&expect);
    }
}

static const struct {
    const char *yaml, *error;
} bad[] = {
    {"tcp.throughput: 5",
     "t:1:17: expect: tcp.throughput: '5' is not a rate with its unit, such as 5G or '>= 500 Mbit/s'"},
    {"tcp.throughput: 5%",
     "t:1:17: expect: tcp.throughput: '5%' is not a rate with its unit, such as 5G or '>= 500 Mbit/s'"},
    {"tcp.throughput: '== 5G'",
     "t:1:17: expect: tcp.throughput: '== 5G' is not a rate with its unit, such as 5G or '>= 500 Mbit/s'"},
    {"tcp.throughput: -5G",
     "t:1:17: expect: tcp.throughput: '-5G' is not a rate with its unit, such as 5G or '>= 500 Mbit/s'"},
    {"tcp.throughput: ''",
     "t:1:17: expect: tcp.throughput: '' is not a rate with its unit, such as 5G or '>= 500 Mbit/s'"},
    {"udp.loss: 0.01",
     "t:1:11: expect: udp.loss: '0.01' is not a number of percent with its sign, such as 1% or '< 0.1 %'"},
    {"udp.loss: 101%",
     "t:1:11: expect: udp.loss: '101%' is not a number of percent with its sign, such as 1% or '< 0.1 %'"},
    {"icmp.rtt: 2", "t:1:11: expect: icmp.rtt: '2' is not a time with its unit, such as 2ms or '<= 500 us'"},
    {"tcp.retransmits: many",
     "t:1:18: expect: tcp.retransmits: 'many' is not a number, such as 100 or '<= 100'"},
    {"tcp_throughput: 5G", "t:1:1: expect: unknown key 'tcp_throughput': did you mean 'tcp.throughput'?"},
    {"flow: {1: {}}", "t:1:1: expect: unknown key 'flow': did you mean 'flows'?"},
    {"bananas: 5G",
     "t:1:1: expect: unknown key 'bananas'; vmtp.yaml(5) has all, tcp.throughput or udp.loss for example"},
    {"icmp.throughput: 5G", "t:1:1: expect: unknown key 'icmp.throughput': did you mean 'tcp.throughput'?"},
    {"tcp.throughput: {1024: 5G}", "t:1:17: expect: tcp.throughput: a map where one value is expected"},
    {"tcp.throughput: []", "t:1:17: expect: tcp.throughput: a list of 0, where a least and a most value are expected"},
    {"tcp.throughput: ['>= 1G', '> 2G']",
     "t:1:17: expect: tcp.throughput: two values of one direction, where a least and a most value are expected: "
     "['>= 1G', '<= 2G']"},
    {"tcp.throughput: [1G, [2G]]", "t:1:22: expect: tcp.throughput: a list where one value is expected"},
    {"udp[1024.loss: 1%", "t:1:1: expect: 'udp[1024.loss': in brackets stands a size in bytes, forward or reverse"},
    {"udp[big].loss: 1%", "t:1:1: expect: 'udp[big].loss': in brackets stands a size in bytes, forward or reverse"},
    {"udp[0].loss: 1%", "t:1:1: expect: 'udp[0].loss': in brackets stands a size in bytes, forward or reverse"},
    {"udp[].loss: 1%", "t:1:1: expect: 'udp[].loss': in brackets stands a size in bytes, forward or reverse"},
    {"udp[64].los: 1%", "t:1:1: expect: unknown key 'udp.los': did you mean 'udp.loss'?"},
    {"flows: 5G", "t:1:8: expect: flows: a text where a map is expected, such as {inter-node: {tcp.throughput: 5G}}"},
    {"flows: {1: 5G}", "t:1:12: expect: flows: a text where a map is expected, such as {tcp.throughput: 5G}"},
    {"flows: {1: {tcp.thruput: 5G}}",
     "t:1:13: expect: unknown key 'tcp.thruput': did you mean 'tcp.throughput'?"},
    {"flows:\n  1:\n    flows: {}\n", "t:3:5: expect: unknown key 'flows'; vmtp.yaml(5) has all, tcp.throughput or "
                                      "udp.loss for example"},
};

static void test_errors(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        struct vmtp_expect expect = {0};
        int rc = parse(&ctx, bad[i].yaml, &expect);
        is_int(rc, VMTP_ECONFIG, bad[i].yaml);
        is(vmtp_ctx_error(&ctx, rc), bad[i].error, "... its words");
        vmtp_expect_clear(&expect);
    }
}

static void test_selection(void)
{
    static const struct vmtp_flow inter = {.id = "vm:same-network:fixed:inter-node", .scenario = "2",
                                           .label = "VM to VM same network fixed IP (inter-node)"};
    static const struct vmtp_flow hosts = {.id = "native:b", .scenario = "7", .label = "Native inter-host"};
    static const struct vmtp_flow bare = {.id = "zz"};
    static const struct {
        const char *flows;
        bool inter, hosts, bare, usual;
    } cases[] = {
        {NULL, true, true, true, false},       {"2", true, false, false, true},
        {"22", false, false, false, true},     {"inter-node", true, true, false, true},
        {"Inter-Node", true, true, false, true}, {"intra-node", false, false, false, true},
        {"SAME network", true, false, false, false}, {"native:b", false, true, false, false},
        {"native", false, true, false, false}, {"native:", false, false, false, false},
        {"zz", false, false, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct vmtp_expectation e = {.flows = cases[i].flows};
        const char *name = cases[i].flows ? cases[i].flows : "(all)";
        is_int(vmtp_expect_selects(&e, &inter), cases[i].inter, name);
        is_int(vmtp_expect_selects(&e, &hosts), cases[i].hosts, "... of hosts");
        is_int(vmtp_expect_selects(&e, &bare), cases[i].bare, "... one without a description");
        if (cases[i].flows)
            is_int(vmtp_expect_usual(cases[i].flows), cases[i].usual, "... may be of a run without such a flow");
    }
}

static void test_precedence(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_expect expect = {0};
    int rc = parse(&ctx, "flows:\n  1: {udp.loss: 5%}\n  2: {udp.loss: }\n"
                         "udp[64,reverse].loss: 1%\nudp[64].loss: 2%\nudp.loss: ['>= 0', < 3%]\nudp.jitter: 1ms\n",
                   &expect);
    if (!ok(rc == VMTP_OK && expect.n == 7, "a file with all of it"))
        return;
    const struct vmtp_expectation *e = expect.items;
    ok(vmtp_expect_replaces(&e[0], &e[2]) && !vmtp_expect_replaces(&e[2], &e[0]), "chosen flows go before a size");
    ok(e[1].none && vmtp_expect_replaces(&e[1], &e[0]), "the later choice goes before the earlier one");
    ok(vmtp_expect_replaces(&e[2], &e[3]) && vmtp_expect_replaces(&e[3], &e[4]), "the narrower one goes before");
    ok(!vmtp_expect_replaces(&e[4], &e[5]) && !vmtp_expect_replaces(&e[5], &e[4]), "two bounds hold together");
    ok(!vmtp_expect_replaces(&e[0], &e[6]), "another metric is another matter");
    ok(vmtp_expect_is_about(&e[2], VMTP_UDP, 64, true) && !vmtp_expect_is_about(&e[2], VMTP_UDP, 64, false) &&
           !vmtp_expect_is_about(&e[2], VMTP_UDP, 128, true) && !vmtp_expect_is_about(&e[2], VMTP_TCP, 64, true),
       "size, direction and protocol");
    ok(vmtp_expect_is_about(&e[6], VMTP_UDP, 9, true) && vmtp_expect_is_about(&e[6], VMTP_UDP, 9, false),
       "any of them");
    vmtp_expect_clear(&expect);
}

static void test_outcome(void)
{
    static const struct {
        const char *yaml;
        double measured;
        bool met;
        const char *words;
    } cases[] = {
        {"tcp.throughput: 5G", 4.21e9, false, "4.21 Gbit/s is below the expected 5 Gbit/s"},
        {"tcp.throughput: 5G", 5e9, true, "5 Gbit/s is at least the expected 5 Gbit/s"},
        {"tcp.throughput: 5G", 4.9996e9, false, "4.9996 Gbit/s is below the expected 5 Gbit/s"},
        {"tcp.throughput: 5G", 4999999999, false, "4.999999999 Gbit/s is below the expected 5 Gbit/s"},
        {"tcp.throughput: 2G", 999.7e6, false, "1 Gbit/s is below the expected 2 Gbit/s"},
        {"tcp.throughput: '> 5G'", 5e9, false, "5 Gbit/s is not above the expected 5 Gbit/s"},
        {"udp.loss: 1%", 0.0231, false, "2.31 % is above the expected 1 %"},
        {"udp.loss: 0", 0, true, "0 % is at most the expected 0 %"},
        {"udp.loss: 0", 0.0001, false, "0.01 % is above the expected 0 %"},
        {"udp.loss: < 1%", 0.01, false, "1 % is not below the expected 1 %"},
        {"icmp.rtt: 2ms", 0.000231, true, "231 us is at most the expected 2 ms"},
        {"icmp.rtt: 2ms", 1.25, false, "1.25 s is above the expected 2 ms"},
        {"tcp.retransmits: 100", 12345, false, "12345 is above the expected 100"},
        {"tcp.retransmits: 3", 10.0 / 3, false, "3.33 is above the expected 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        struct vmtp_expect expect = {0};
        char words[VMTP_EXPECT_TEXT];
        if (!ok(parse(&ctx, cases[i].yaml, &expect) == VMTP_OK, "%s", cases[i].yaml))
            continue;
        is_int(vmtp_expect_met(&expect.items[0], cases[i].measured), cases[i].met, "... met or not");
        is(vmtp_expect_outcome(&expect.items[0], cases[i].measured, words), cases[i].words, "... in words");
        vmtp_expect_clear(&expect);
    }
}

int main(void)
{
    test_limits();
    test_errors();
    test_selection();
    test_precedence();
    test_outcome();
    struct vmtp_expect none = {0};
    (void)parse(NULL, "{}", &none); /* frees the last tree but this one */
    return done_testing();
}
