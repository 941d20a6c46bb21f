/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gate.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { SHOWN_MAX = 200 };

const char *const vmtp_gate_metrics[VMTP_RESULT_OTHER][4] = {
    [VMTP_RESULT_TCP] = {"throughput", "retransmits", "rtt"},
    [VMTP_RESULT_UDP] = {"throughput", "loss", "jitter"},
    [VMTP_RESULT_MULTICAST] = {"throughput", "loss", "jitter"},
    [VMTP_RESULT_ICMP] = {"rtt", "loss"},
};

const char vmtp_gate_grammar[] =
    "  EXPR       PROTOCOL[SELECTOR,...].METRIC[.mean] < or > LIMIT [in FLOW]\n"
    "             PROTOCOL[SELECTOR,...].failed [in FLOW]\n"
    "             PROTOCOL[SELECTOR,...].missing [in FLOW]\n"
    "  PROTOCOL   tcp, udp, multicast, icmp, or any\n"
    "  [SELECTOR] optional, in brackets: a size in bytes, forward or reverse\n"
    "  METRIC     throughput; of tcp retransmits, rtt; of udp and multicast loss,\n"
    "             jitter; of icmp rtt, loss\n"
    "  LIMIT      the change from OLD to NEW: a percentage of OLD (-5%), or an\n"
    "             amount: -500M of throughput, +2ms of rtt and jitter, +100 of\n"
    "             retransmits; of loss in percentage points only (+1pp)\n"
    "  FLOW       a part of the description of a flow, or its whole id\n"
    "  .mean      the difference of the means decides. Without it the whole 95 %\n"
    "             interval has to be beyond LIMIT\n";

static const char *const proto_words[] = {"tcp", "udp", "multicast", "icmp", "any", NULL};

/* A gate on its way: at is the next character. */
struct reading {
    vmtp_ctx *ctx;
    struct vmtp_gate *gate;
    const char *at;
};

/* at: where it is wrong. Of a text that is no gate at all the beginning will do: it must not push out the rest. */
static int refuse(const struct reading *reading, const char *at, const char *what, const char *near)
{
    const char *text = reading->gate->text;
    return vmtp_fail(reading->ctx, VMTP_ECONFIG,
                     "--fail-if '%.*s%s': column %zu: %s%s%s%s A gate is PROTOCOL.METRIC < or > LIMIT [in FLOW], as in "
                     "tcp.throughput < -5%%, or PROTOCOL.failed, PROTOCOL.missing; all of it: vmtp compare --help",
                     SHOWN_MAX, text, strlen(text) > SHOWN_MAX ? "..." : "", (size_t)(at - text) + 1, what,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : ".");
}

static void skip_blanks(struct reading *reading)
{
    while (isspace((unsigned char)*reading->at))
        reading->at++;
}

/* The letters at hand; "" when there are none or too many. */
static const char *take_word(struct reading *reading, char word[24])
{
    size_t n = 0;
    while (isalpha((unsigned char)reading->at[n]) || reading->at[n] == '_')
        n++;
    snprintf(word, 24, "%.*s", n < 24 ? (int)n : 0, reading->at);
    reading->at += n;
    return word;
}

static int take_protocol(struct reading *reading)
{
    char word[24];
    const char *start = reading->at;
    take_word(reading, word);
    for (size_t i = 0; proto_words[i]; i++)
        if (strcasecmp(word, proto_words[i]) == 0) {
            reading->gate->protos = i < VMTP_RESULT_OTHER ? 1u << i : (1u << VMTP_RESULT_OTHER) - 1;
            return VMTP_OK;
        }
    return refuse(reading, start, "here stands a protocol: tcp, udp, multicast, icmp or any",
                  vmtp_nearest(word, proto_words));
}

static int take_selector(struct reading *reading)
{
    char word[24];
    const char *start = reading->at;
    size_t digits = strspn(reading->at, "0123456789");
    if (digits > 0 && digits < 10) {
        long long size = 0;
        for (; digits > 0; digits--)
            size = size * 10 + (*reading->at++ - '0');
        reading->gate->size = size;
        return VMTP_OK;
    }
    take_word(reading, word);
    if (strcasecmp(word, "forward") == 0)
        reading->gate->direction = VMTP_GATE_FORWARD;
    else if (strcasecmp(word, "reverse") == 0)
        reading->gate->direction = VMTP_GATE_REVERSE;
    else
        return refuse(reading, start, "in brackets stands a size in bytes, forward or reverse", NULL);
    return VMTP_OK;
}

static int take_selectors(struct reading *reading)
{
    if (*reading->at != '[')
        return VMTP_OK;
    do {
        reading->at++;
        skip_blanks(reading);
        int rc = take_selector(reading);
        if (rc < 0)
            return rc;
        skip_blanks(reading);
    } while (*reading->at == ',');
    if (*reading->at != ']')
        return refuse(reading, reading->at, "the bracket is not closed", NULL);
    reading->at++;
    return VMTP_OK;
}

/* The metric when one of the protocols has it. */
static const struct vmtp_metric_info *metric_of(const struct vmtp_gate *gate, const char *word)
{
    for (size_t proto = 0; proto < VMTP_RESULT_OTHER; proto++)
        for (size_t i = 0; (gate->protos & 1u << proto) && vmtp_gate_metrics[proto][i]; i++)
            if (strcasecmp(vmtp_gate_metrics[proto][i], word) == 0)
                return vmtp_metric_find(vmtp_gate_metrics[proto][i]);
    return NULL;
}

static int refuse_metric(const struct reading *reading, const char *start, const char *word)
{
    const char *names[VMTP_RESULT_OTHER * 4 + 3] = {"failed", "missing"};
    size_t n = 2;
    for (size_t proto = 0; proto < VMTP_RESULT_OTHER; proto++)
        for (size_t i = 0; (reading->gate->protos & 1u << proto) && vmtp_gate_metrics[proto][i]; i++)
            names[n++] = vmtp_gate_metrics[proto][i];
    return refuse(reading, start, "this protocol has no such metric", vmtp_nearest(word, names));
}

static int take_metric(struct reading *reading)
{
    char word[24];
    struct vmtp_gate *gate = reading->gate;
    if (*reading->at != '.')
        return refuse(reading, reading->at, "behind the protocol stands a point and a metric", NULL);
    const char *start = ++reading->at;
    take_word(reading, word);
    gate->metric = metric_of(gate, word);
    gate->kind = strcasecmp(word, "failed") == 0    ? VMTP_GATE_FAILED
                 : strcasecmp(word, "missing") == 0 ? VMTP_GATE_MISSING
                                                    : VMTP_GATE_CHANGE;
    if (gate->kind == VMTP_GATE_CHANGE && !gate->metric)
        return refuse_metric(reading, start, word);
    if (*reading->at != '.' || !gate->metric)
        return VMTP_OK;
    start = ++reading->at;
    take_word(reading, word);
    if (strcasecmp(word, "mean") != 0)
        return refuse(reading, start, "behind a metric stands .mean or nothing", NULL);
    gate->kind = VMTP_GATE_MEAN;
    return VMTP_OK;
}

/* Where "in FLOW" begins, or the end. */
static const char *limit_end(const char *text)
{
    for (const char *at = text; *at; at++)
        if (isspace((unsigned char)at[0]) && strncasecmp(at + 1, "in", 2) == 0 && isspace((unsigned char)at[3]))
            return at;
    return text + strlen(text);
}

/* The amount without its sign, in the unit of the metric. */
static bool take_amount(struct vmtp_gate *gate, const char *text)
{
    const char *unit = gate->metric->unit, *rest;
    uint64_t bps;
    if (strcmp(unit, "bit/s") == 0 && vmtp_parse_rate(text, &bps)) {
        gate->limit = (double)bps;
        return true;
    }
    if (strcmp(unit, "s") == 0) /* a bare number could be meant as milliseconds */
        return vmtp_parse_seconds(text, &gate->limit) && (isalpha((unsigned char)text[strlen(text) - 1]) ||
                                                          gate->limit == 0);
    if (*text == '-' || *text == '+' || !vmtp_parse_number(text, &gate->limit, &rest))
        return false;
    if (strcmp(unit, "ratio") == 0) {
        gate->limit /= 100;
        return strcasecmp(rest, "pp") == 0;
    }
    return strcmp(unit, "count") == 0 && !*rest;
}

static bool take_percentage(struct vmtp_gate *gate, const char *text)
{
    const char *rest;
    if (*text == '-' || *text == '+' || !vmtp_parse_number(text, &gate->limit, &rest) || strcmp(rest, "%") != 0)
        return false;
    gate->limit /= 100;
    gate->relative = true;
    return true;
}

static int take_limit(struct reading *reading)
{
    struct vmtp_gate *gate = reading->gate;
    char text[40];
    size_t n = 0;
    skip_blanks(reading);
    const char *start = reading->at, *end = limit_end(start);
    bool negative = *start == '-', ratio = strcmp(gate->metric->unit, "ratio") == 0;
    for (const char *at = start + (negative || *start == '+'); at < end && n + 1 < sizeof text; at++)
        if (!isspace((unsigned char)*at))
            text[n++] = *at;
    text[n] = '\0';
    reading->at = end;
    if (ratio && n && text[n - 1] == '%')
        return refuse(reading, start, "the change of a loss is given in percentage points: +1pp", NULL);
    if (n == 0 || n + 1 == sizeof text || (!take_percentage(gate, text) && !take_amount(gate, text)))
        return refuse(reading, start,
                      ratio                                     ? "here stands a change in percentage points: +1pp"
                      : strcmp(gate->metric->unit, "s") == 0    ? "here stands a change: +20% or, with its unit, +2ms"
                      : strcmp(gate->metric->unit, "count") == 0 ? "here stands a change: +20% or +100"
                                                                : "here stands a change: -5% or -500M",
                      NULL);
    if (negative)
        gate->limit = -gate->limit;
    return VMTP_OK;
}

static int take_comparison(struct reading *reading)
{
    skip_blanks(reading);
    if (*reading->at != '<' && *reading->at != '>')
        return refuse(reading, reading->at, "behind a metric stands < or >", NULL);
    reading->gate->above = *reading->at++ == '>';
    if (*reading->at == '=')
        return refuse(reading, reading->at, "the limit itself is never beyond it: write < or > alone", NULL);
    return take_limit(reading);
}

static int take_flow(struct reading *reading)
{
    char word[24];
    skip_blanks(reading);
    const char *start = reading->at;
    if (!*start)
        return VMTP_OK;
    if (strcasecmp(take_word(reading, word), "in") != 0)
        return refuse(reading, start, "behind a gate stands \"in\" and a flow, or nothing", NULL);
    skip_blanks(reading);
    if (!*reading->at)
        return refuse(reading, reading->at, "behind \"in\" stands a part of the description of a flow", NULL);
    reading->gate->flow = reading->at;
    return VMTP_OK;
}

int vmtp_gate_parse(vmtp_ctx *ctx, const char *text, struct vmtp_gate *gate)
{
    *gate = (struct vmtp_gate){.text = text, .size = -1};
    struct reading reading = {ctx, gate, text};
    skip_blanks(&reading);
    int rc = take_protocol(&reading);
    if (rc == VMTP_OK)
        rc = take_selectors(&reading);
    if (rc == VMTP_OK)
        rc = take_metric(&reading);
    if (rc == VMTP_OK && gate->metric)
        rc = take_comparison(&reading);
    return rc < 0 ? rc : take_flow(&reading);
}

bool vmtp_gate_wants_flow(const struct vmtp_gate *gate, const char *desc, const char *id)
{
    return !gate->flow || strcasestr(desc, gate->flow) || (id && strcmp(id, gate->flow) == 0);
}

bool vmtp_gate_wants(const struct vmtp_gate *gate, enum vmtp_result_proto proto, long long size, bool reverse)
{
    enum vmtp_gate_direction direction = reverse ? VMTP_GATE_REVERSE : VMTP_GATE_FORWARD;
    return (gate->protos & 1u << proto) && (gate->size < 0 || gate->size == size) &&
           (gate->direction == VMTP_GATE_BOTH_WAYS || gate->direction == direction);
}

bool vmtp_gate_demands_change(const struct vmtp_gate *gate)
{
    return gate->metric && (gate->above ? gate->limit < 0 : gate->limit > 0);
}
