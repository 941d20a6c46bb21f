/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gate.h"

#include "core/cli.h"
#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"
#include "tests/tap.h"

enum { ALL = (1 << VMTP_RESULT_OTHER) - 1 };

static struct vmtp_gate good(const char *text)
{
    struct vmtp_gate gate;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    int rc = vmtp_gate_parse(&ctx, text, &gate);
    if (!ok(rc == VMTP_OK, "%s", text))
        printf("# %s\n", vmtp_ctx_error(&ctx, rc));
    return gate;
}

/* column: of the place that is wrong. part: what has to be said of it. */
static void bad(const char *text, int column, const char *part)
{
    struct vmtp_gate gate;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    int rc = vmtp_gate_parse(&ctx, text, &gate);
    const char *error = vmtp_ctx_error(&ctx, rc);
    VMTP_CLEAN(mem) char *where = vmtp_format("--fail-if '%s': column %d: ", text, column);
    bool right = rc == VMTP_ECONFIG && strstr(error, where) && strstr(error, part) &&
                 strstr(error, "PROTOCOL.METRIC < or > LIMIT");
    if (!ok(right, "refused: %s", text))
        printf("# %s\n", error);
}

static void test_limits(void)
{
    struct vmtp_gate gate = good("tcp.throughput < -5%");
    ok(gate.kind == VMTP_GATE_CHANGE && gate.protos == 1u << VMTP_RESULT_TCP, "the whole interval, of TCP");
    is(gate.metric->name, "throughput", "its metric");
    ok(!gate.above && gate.relative && gate.size == -1 && !gate.flow, "a drop, of any size, in any flow");
    is_number(gate.limit, -0.05, "by 5 %");
    is_number(good("tcp.throughput<-12.5 %").limit, -0.125, "blanks do not matter");
    is_number(good("  TCP.Throughput  <  - 5%  ").limit, -0.05, "nor does the case");
    gate = good("tcp.throughput < -500M");
    ok(!gate.relative, "an amount");
    is_number(gate.limit, -5e8, "of 500 Mbit/s");
    is_number(good("tcp.throughput < -1.5 Gbit/s").limit, -1.5e9, "with its unit");
    is_number(good("icmp.rtt > +2ms").limit, 2e-3, "a time");
    is_number(good("udp.jitter > 300us").limit, 3e-4, "without its sign");
    is_number(good("any.rtt > 0").limit, 0, "no time at all");
    is_number(good("udp.loss > +1pp").limit, 0.01, "percentage points");
    is_number(good("tcp.retransmits > +100").limit, 100, "a count");
    ok(good("tcp.retransmits > +50%").relative, "a count by percentage");
    ok(good("tcp.throughput > -5%").above, "above");
    ok(vmtp_gate_demands_change(&(struct vmtp_gate){.metric = gate.metric, .limit = 0.05}), "equal results are beyond");
    ok(!vmtp_gate_demands_change(&gate), "or are not");
}

static void test_kinds(void)
{
    ok(good("tcp.throughput.mean < -5%").kind == VMTP_GATE_MEAN, "the means decide");
    struct vmtp_gate gate = good("any.failed");
    ok(gate.kind == VMTP_GATE_FAILED && !gate.metric && gate.protos == ALL, "failures of any protocol");
    ok(good("icmp.missing").kind == VMTP_GATE_MISSING, "what is missing");
    ok(!vmtp_gate_demands_change(&gate), "a gate without a metric demands nothing");
}

static void test_selection(void)
{
    struct vmtp_gate gate = good("udp[1024, reverse].loss > 1pp");
    ok(vmtp_gate_wants(&gate, VMTP_RESULT_UDP, 1024, true), "size and direction");
    ok(!vmtp_gate_wants(&gate, VMTP_RESULT_UDP, 1024, false) && !vmtp_gate_wants(&gate, VMTP_RESULT_UDP, 128, true) &&
           !vmtp_gate_wants(&gate, VMTP_RESULT_MULTICAST, 1024, true),
       "and nothing else");
    gate = good("any[forward].throughput < -5%");
    ok(vmtp_gate_wants(&gate, VMTP_RESULT_TCP, 7, false) && !vmtp_gate_wants(&gate, VMTP_RESULT_TCP, 7, true),
       "one direction of everything");
    ok(!vmtp_gate_wants(&gate, VMTP_RESULT_OTHER, 7, false), "other protocols are in no gate");
    gate = good("tcp.throughput < -5% in Same network");
    is(gate.flow, "Same network", "a flow");
    ok(vmtp_gate_wants_flow(&gate, "VM to VM same NETWORK fixed IP", NULL), "by a part of its description");
    ok(!vmtp_gate_wants_flow(&gate, "VM to VM different network", "same"), "not by a part that it lacks");
    gate = good("any.failed in native:b:a");
    ok(vmtp_gate_wants_flow(&gate, "Native", "native:b:a"), "by its id");
    ok(!vmtp_gate_wants_flow(&gate, "Native", "native:b:a2"), "which is the whole id");
    is(good("any.failed in a in b").flow, "a in b", "the first \"in\" counts");
}

static void test_refusals(void)
{
    bad("", 1, "a protocol");
    bad("sctp.throughput < -5%", 1, "a protocol");
    bad("tpc.throughput < -5%", 1, "did you mean tcp?");
    bad("tcp throughput < -5%", 4, "a point");
    bad("tcp.", 5, "no such metric");
    bad("tcp.thruput < -5%", 5, "did you mean throughput?");
    bad("tcp.loss > 1pp", 5, "no such metric");
    bad("icmp.faild", 6, "did you mean failed?");
    bad("tcp.throughput.median < -5%", 16, ".mean");
    bad("tcp.throughput", 15, "< or >");
    bad("tcp.throughput = -5%", 16, "< or >");
    bad("tcp.throughput <= -5%", 17, "< or > alone");
    bad("tcp.throughput <", 17, "-5%");
    bad("tcp.throughput < --5%", 18, "-5%");
    bad("tcp.throughput < -5pp", 18, "-5%");
    bad("tcp.throughput < nan%", 18, "-5%");
    bad("tcp.throughput < -1e999%", 18, "-5%");
    bad("tcp.throughput < -5% or so", 18, "-5%");
    bad("udp.loss > +1%", 12, "percentage points");
    bad("udp.loss > +0.01", 12, "percentage points");
    bad("icmp.rtt > +2", 12, "with its unit");
    bad("tcp.retransmits > 5ms", 19, "+100");
    bad("udp[1024.loss > 1pp", 9, "not closed");
    bad("udp[].loss > 1pp", 5, "size in bytes");
    bad("udp[99999999999].loss > 1pp", 5, "size in bytes");
    bad("udp[up].loss > 1pp", 5, "forward or reverse");
    bad("any.failed at once", 12, "\"in\"");
    bad("any.failed in ", 15, "description");
    bad("tcp.throughput < -5000000000000000000000000000000000000000000000%", 18, "-5%");
}

/* What is told to users names all there is. */
static void test_long_text(void)
{
    char text[6000] = "tcp.throughput ";
    memset(text + strlen(text), 'x', sizeof text - 1 - strlen(text));
    text[sizeof text - 1] = '\0';
    struct vmtp_gate gate;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    const char *error = vmtp_ctx_error(&ctx, vmtp_gate_parse(&ctx, text, &gate));
    ok(strstr(error, "...': column 16: ") && strstr(error, "vmtp compare --help"),
       "a text of 6000 letters does not push out where it is wrong, and the remedy");
}

static void test_words(void)
{
    for (size_t proto = 0; proto < VMTP_RESULT_OTHER; proto++)
        for (size_t i = 0; vmtp_gate_metrics[proto][i]; i++) {
            ok(vmtp_metric_find(vmtp_gate_metrics[proto][i]), "%s is a metric", vmtp_gate_metrics[proto][i]);
            contains(vmtp_gate_grammar, vmtp_gate_metrics[proto][i], "... which the help names");
        }
    char *help = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&help, &len);
    const struct vmtp_cli cli = {.command = VMTP_CMD_HELP, .topic = VMTP_CMD_COMPARE};
    vmtp_cli_help(out, &cli);
    fclose(out);
    contains(help, vmtp_gate_grammar, "the grammar is in the help of vmtp compare");
    size_t longest = 0;
    for (const char *line = help; *line; line += strcspn(line, "\n") + 1)
        longest = strcspn(line, "\n") > longest ? strcspn(line, "\n") : longest;
    ok(longest < 80, "no line of it is wider than a terminal");
    free(help);
}

int main(void)
{
    test_limits();
    test_kinds();
    test_selection();
    test_refusals();
    test_long_text();
    test_words();
    return done_testing();
}
