/* SPDX-License-Identifier: Apache-2.0 */
#include "core/expect.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/metrics.h"
#include "core/units.h"
#include "core/util/str.h"

enum { METRICS_MAX = 40, BOUNDS_MAX = 2, BOUND_TEXT = 64, KEY_TEXT = 80, EXPECTATIONS_MAX = 1000 };
static const char SELECTIONS[] = "flows"; /* the one key that is not a metric */

static const struct vmtp_expect_metric metrics[] = {
    {"tcp.throughput", VMTP_TCP, "throughput", "throughput"},
    {"tcp.rtt", VMTP_TCP, "rtt", "round trip time"},
    {"tcp.retransmits", VMTP_TCP, "retransmits", "retransmits"},
    {"tcp.cpu_sender", VMTP_TCP, "cpu_sender", "CPU of the sender"},
    {"tcp.cpu_receiver", VMTP_TCP, "cpu_receiver", "CPU of the receiver"},
    {"udp.throughput", VMTP_UDP, "throughput", "throughput"},
    {"udp.loss", VMTP_UDP, "loss", "loss"},
    {"udp.jitter", VMTP_UDP, "jitter", "jitter"},
    {"udp.cpu_sender", VMTP_UDP, "cpu_sender", "CPU of the sender"},
    {"udp.cpu_receiver", VMTP_UDP, "cpu_receiver", "CPU of the receiver"},
    {"multicast.throughput", VMTP_MULTICAST, "throughput", "throughput"},
    {"multicast.loss", VMTP_MULTICAST, "loss", "loss"},
    {"multicast.jitter", VMTP_MULTICAST, "jitter", "jitter"},
    {"icmp.rtt", VMTP_ICMP, "rtt_avg", "round trip time"},
    {"icmp.rtt_min", VMTP_ICMP, "rtt_min", "shortest round trip time"},
    {"icmp.rtt_max", VMTP_ICMP, "rtt_max", "longest round trip time"},
    {"icmp.rtt_stddev", VMTP_ICMP, "rtt_stddev", "deviation of the round trip time"},
    {"icmp.loss", VMTP_ICMP, "loss", "loss"},
};

/* Longer signs first: they are looked for in this order. */
static const struct {
    const char *sign;
    int op;
} signs[] = {{">=", VMTP_AT_LEAST}, {"<=", VMTP_AT_MOST}, {">", VMTP_ABOVE}, {"<", VMTP_BELOW}};

/* By enum vmtp_expect_op. */
static const struct {
    const char *words, *met, *missed;
} phrases[] = {
    [VMTP_AT_LEAST] = {"at least", "is at least", "is below"},
    [VMTP_AT_MOST] = {"at most", "is at most", "is above"},
    [VMTP_ABOVE] = {"above", "is above", "is not above"},
    [VMTP_BELOW] = {"below", "is below", "is not below"},
};

static const char *const places[] = {"intra-node", "inter-node", NULL};

const struct vmtp_expect_metric *vmtp_expect_metric_at(size_t i)
{
    return i < sizeof metrics / sizeof metrics[0] ? &metrics[i] : NULL;
}

static const char *unit_of(const struct vmtp_expect_metric *metric)
{
    return vmtp_metric_find(metric->metric)->unit;
}

/* --- reading --- */

struct reading {
    vmtp_ctx *ctx;
    struct vmtp_expect *expect;
    const char *flows; /* whose map is read */
};

static int refuse_key(const struct reading *r, const char *name, const struct vmtp_node *value)
{
    const char *names[METRICS_MAX];
    size_t n = 0;
    for (; n < sizeof metrics / sizeof metrics[0]; n++)
        names[n] = metrics[n].name;
    if (!r->flows)
        names[n++] = SELECTIONS;
    names[n] = NULL;
    const char *near = vmtp_nearest(name, names);
    struct vmtp_node place = vmtp_node_key(value);
    if (near)
        return vmtp_node_fail(r->ctx, &place, "expect: unknown key '%.60s': did you mean '%s'?", name, near);
    return vmtp_node_fail(r->ctx, &place, "expect: unknown key '%.60s'; vmtp.yaml(5) has all, tcp.throughput or "
                          "udp.loss for example", name);
}

/* A number with its unit, blanks taken out. Without a unit a number would be guessed at; 0 needs none. */
static bool read_number(const struct vmtp_expect_metric *metric, const char *text, double *limit)
{
    const char *unit = unit_of(metric), *rest;
    uint64_t bps;
    if (vmtp_parse_number(text, limit, NULL))
        return *limit >= 0 && (*limit == 0 || strcmp(unit, "count") == 0);
    if (strcmp(unit, "bit/s") == 0) {
        bool good = vmtp_parse_rate(text, &bps);
        *limit = good ? (double)bps : 0;
        return good;
    }
    if (strcmp(unit, "s") == 0)
        return vmtp_parse_seconds(text, limit);
    bool good = strcmp(unit, "ratio") == 0 && vmtp_parse_number(text, limit, &rest) && strcmp(rest, "%") == 0 &&
                *limit >= 0 && (*limit <= 100 || strcmp(metric->metric, "loss") != 0);
    *limit /= 100;
    return good;
}

static int wrong_bound(const struct reading *r, const struct vmtp_expect_metric *metric, const struct vmtp_node *node)
{
    const char *unit = unit_of(metric);
    const char *form = strcmp(unit, "bit/s") == 0 ? "a rate with its unit, such as 5G or '>= 500 Mbit/s'"
                       : strcmp(unit, "s") == 0   ? "a time with its unit, such as 2ms or '<= 500 us'"
                       : strcmp(unit, "ratio") == 0 ? "a number of percent with its sign, such as 1% or '< 0.1 %'"
                                                    : "a number, such as 100 or '<= 100'";
    return vmtp_node_fail(r->ctx, node, "expect: %s: '%.60s' is not %s", metric->name, node->text, form);
}

/* "5G", ">= 5 Gbit/s": a sign or the direction in which the metric is better, then the limit. */
static bool read_bound(struct vmtp_expectation *e, const char *text)
{
    char compact[BOUND_TEXT];
    size_t n = 0;
    for (const char *p = text; *p && n < sizeof compact; p++)
        if (!isblank((unsigned char)*p))
            compact[n++] = *p;
    if (n == sizeof compact)
        return false;
    compact[n] = '\0';
    const char *number = compact;
    bool more = vmtp_metric_find(e->metric->metric)->better == VMTP_HIGHER;
    e->op = more ? VMTP_AT_LEAST : VMTP_AT_MOST;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t len = strlen(signs[i].sign);
        if (strncmp(compact, signs[i].sign, len) != 0)
            continue;
        e->op = signs[i].op;
        number += len;
        break;
    }
    return read_number(e->metric, number, &e->limit);
}

static int add_one(const struct reading *r, const struct vmtp_expectation *e)
{
    struct vmtp_expect *expect = r->expect;
    if (expect->n == EXPECTATIONS_MAX)
        return vmtp_node_fail(r->ctx, e->node, "expect: more than %d values", EXPECTATIONS_MAX);
    struct vmtp_expectation *grown = realloc(expect->items, (expect->n + 1) * sizeof *grown);
    if (!grown)
        return VMTP_ENOMEM;
    expect->items = grown;
    grown[expect->n++] = *e;
    return VMTP_OK;
}

static int add_bound(const struct reading *r, struct vmtp_expectation e, const struct vmtp_node *node)
{
    e.node = node;
    e.none = node->kind == VMTP_NODE_NULL;
    if (node->kind != VMTP_NODE_SCALAR && !e.none)
        return vmtp_node_fail(r->ctx, node, "expect: %s: %s where one value is expected", e.metric->name,
                              vmtp_node_kind_name(node));
    if (!e.none && !read_bound(&e, node->text))
        return wrong_bound(r, e.metric, node);
    return add_one(r, &e);
}

static bool is_floor(const struct vmtp_expectation *e)
{
    return e->op == VMTP_AT_LEAST || e->op == VMTP_ABOVE;
}

/* One value, or two that hold together: ['>= 900M', '<= 1G']. */
static int add_entry(const struct reading *r, struct vmtp_expectation e, const struct vmtp_node *node)
{
    e.entry = r->expect->entries++;
    if (node->kind != VMTP_NODE_LIST)
        return add_bound(r, e, node);
    if (node->n < 1 || node->n > BOUNDS_MAX)
        return vmtp_node_fail(r->ctx, node, "expect: %s: a list of %zu, where a least and a most value are expected",
                              e.metric->name, node->n);
    int rc = VMTP_OK;
    for (size_t i = 0; i < node->n && rc == VMTP_OK; i++)
        rc = add_bound(r, e, node->items[i]);
    const struct vmtp_expectation *items = r->expect->items;
    const size_t n = r->expect->n;
    if (rc == VMTP_OK && node->n == 2 && is_floor(&items[n - 1]) == is_floor(&items[n - 2]))
        return vmtp_node_fail(r->ctx, node, "expect: %s: two values of one direction, where a least and a most value "
                              "are expected: ['>= 1G', '<= 2G']", e.metric->name);
    return rc;
}

/* A size in bytes, or a direction. */
static bool read_selector(struct vmtp_expectation *e, const char *text)
{
    int64_t bytes;
    if (vmtp_parse_int(text, &bytes) && bytes >= 1 && bytes <= UINT32_MAX)
        e->bytes = (uint32_t)bytes;
    else if (strcmp(text, "forward") == 0 || strcmp(text, "reverse") == 0)
        e->direction = *text == 'r' ? VMTP_EXPECT_REVERSE : VMTP_EXPECT_FORWARD;
    else
        return false;
    return true;
}

/* "udp[1024,reverse].loss" becomes "udp.loss"; false when what is in the brackets is not understood. */
static bool take_brackets(struct vmtp_expectation *e, char *key)
{
    char *open = strchr(key, '['), *close = open ? strchr(open, ']') : NULL;
    if (!open)
        return true;
    if (!close)
        return false;
    *close = '\0';
    bool good = true;
    for (char *rest = open + 1, *item; good && (item = strsep(&rest, ","));) {
        item += strspn(item, " ");
        item[strcspn(item, " ")] = '\0';
        good = read_selector(e, item);
    }
    memmove(open, close + 1, strlen(close + 1) + 1);
    return good;
}

static int read_metric(const struct reading *r, const char *key, const struct vmtp_node *value)
{
    char name[KEY_TEXT];
    struct vmtp_expectation e = {.flows = r->flows, .key = key};
    snprintf(name, sizeof name, "%s", key);
    if (!take_brackets(&e, name)) {
        struct vmtp_node place = vmtp_node_key(value);
        return vmtp_node_fail(r->ctx, &place, "expect: '%.60s': in brackets stands a size in bytes, forward or reverse",
                              key);
    }
    for (size_t i = 0; !e.metric && i < sizeof metrics / sizeof metrics[0]; i++)
        if (strcmp(metrics[i].name, name) == 0)
            e.metric = &metrics[i];
    return e.metric ? add_entry(r, e, value) : refuse_key(r, name, value);
}

static int want_map(const struct reading *r, const char *name, const struct vmtp_node *node)
{
    if (node->kind == VMTP_NODE_MAP)
        return VMTP_OK;
    return vmtp_node_fail(r->ctx, node, "expect: %s%s where a map is expected, such as %s", name,
                          vmtp_node_kind_name(node), r->flows || !*name ? "{tcp.throughput: 5G}"
                                                                        : "{inter-node: {tcp.throughput: 5G}}");
}

static int read_selection(struct reading r, const struct vmtp_node *map)
{
    int rc = map->kind == VMTP_NODE_NULL ? VMTP_OK : want_map(&r, "flows: ", map);
    for (size_t i = 0; i < map->n && rc == VMTP_OK; i++) {
        const struct vmtp_node *inner = map->items[i];
        r.flows = map->keys[i];
        if (inner->kind == VMTP_NODE_NULL)
            continue;
        rc = want_map(&r, "flows: ", inner);
        for (size_t k = 0; k < inner->n && rc == VMTP_OK; k++)
            rc = read_metric(&r, inner->keys[k], inner->items[k]);
    }
    return rc;
}

int vmtp_expect_parse(vmtp_ctx *ctx, const struct vmtp_node *map, struct vmtp_expect *expect)
{
    const struct reading r = {.ctx = ctx, .expect = expect};
    vmtp_expect_clear(expect);
    int rc = want_map(&r, "", map);
    for (size_t i = 0; i < map->n && rc == VMTP_OK; i++) {
        bool selection = strcmp(map->keys[i], SELECTIONS) == 0;
        rc = selection ? read_selection(r, map->items[i]) : read_metric(&r, map->keys[i], map->items[i]);
    }
    return rc;
}

void vmtp_expect_clear(struct vmtp_expect *expect)
{
    free(expect->items);
    *expect = (struct vmtp_expect){0};
}

/* --- flows --- */

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

bool vmtp_expect_usual(const char *flows)
{
    return is_number(flows) || strcasecmp(flows, places[0]) == 0 || strcasecmp(flows, places[1]) == 0;
}

static bool is_in(const char *text, const char *part)
{
    return text && strcasestr(text, part);
}

bool vmtp_expect_selects(const struct vmtp_expectation *expectation, const struct vmtp_flow *flow)
{
    const char *flows = expectation->flows;
    if (!flows)
        return true;
    if (is_number(flows))
        return flow->scenario && strcmp(flow->scenario, flows) == 0;
    if (strcasecmp(flows, places[0]) == 0)
        return is_in(flow->label, "intra-node") || is_in(flow->label, "intra-host");
    if (strcasecmp(flows, places[1]) == 0)
        return is_in(flow->label, "inter-node") || is_in(flow->label, "inter-host");
    return is_in(flow->label, flows) || (flow->id && strcmp(flow->id, flows) == 0);
}

bool vmtp_expect_is_about(const struct vmtp_expectation *e, uint32_t proto, uint32_t bytes, bool reverse)
{
    return e->metric->proto == proto && (e->bytes == 0 || e->bytes == bytes) &&
           (e->direction == VMTP_EXPECT_BOTH || (e->direction == VMTP_EXPECT_REVERSE) == reverse);
}

bool vmtp_expect_replaces(const struct vmtp_expectation *other, const struct vmtp_expectation *e)
{
    const struct vmtp_expectation *both[] = {other, e};
    int rank[2];
    for (size_t i = 0; i < 2; i++)
        rank[i] = (both[i]->flows ? 4 : 0) + (both[i]->bytes ? 2 : 0) + (both[i]->direction ? 1 : 0);
    return other->metric == e->metric && (rank[0] > rank[1] || (rank[0] == rank[1] && other->entry > e->entry));
}

/* --- numbers and words --- */

bool vmtp_expect_met(const struct vmtp_expectation *expectation, double measured)
{
    switch (expectation->op) {
    case VMTP_AT_LEAST:
        return measured >= expectation->limit;
    case VMTP_AT_MOST:
        return measured <= expectation->limit;
    case VMTP_ABOVE:
        return measured > expectation->limit;
    default:
        return measured < expectation->limit;
    }
}

const char *vmtp_expect_sign(const struct vmtp_expectation *expectation)
{
    size_t i = 0;
    while (signs[i].op != expectation->op)
        i++;
    return signs[i].sign;
}

/* A number in a unit for people, with at most so many digits. */
static void print_number(const struct vmtp_expect_metric *metric, double value, int digits,
                         char out[VMTP_UNIT_TEXT])
{
    static const char *const rates[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", NULL};
    static const char *const times[] = {"us", "ms", "s", NULL};
    const char *unit = unit_of(metric);
    bool rate = strcmp(unit, "bit/s") == 0, time = strcmp(unit, "s") == 0, ratio = strcmp(unit, "ratio") == 0;
    if (!rate && !time && !ratio) {
        snprintf(out, VMTP_UNIT_TEXT, "%.*f", value == floor(value) ? 0 : 2, value);
        return;
    }
    const char *const *shown = rate ? rates : times;
    value *= time ? 1e6 : ratio ? 100 : 1;
    double enough = digits > 3 ? 1000 : 999.5; /* three digits of 999.7 are 1000 */
    for (; !ratio && value >= enough && shown[1]; shown++)
        value /= 1000;
    snprintf(out, VMTP_UNIT_TEXT, "%.*g %s", digits, value, ratio ? "%" : *shown);
}

/* With three digits, or with as many as it takes to tell it from the limit. */
static void print_measured(const struct vmtp_expectation *expectation, double value, char out[VMTP_UNIT_TEXT])
{
    double apart = fabs(value - expectation->limit) / fmax(fabs(expectation->limit), 1e-12);
    print_number(expectation->metric, value, apart == 0 || apart > 0.01 ? 3 : apart > 1e-5 ? 6 : 12, out);
}

const char *vmtp_expect_words(const struct vmtp_expectation *expectation, char out[VMTP_EXPECT_TEXT])
{
    char limit[VMTP_UNIT_TEXT];
    print_number(expectation->metric, expectation->limit, 6, limit);
    snprintf(out, VMTP_EXPECT_TEXT, "%s %s", phrases[expectation->op].words, limit);
    return out;
}

const char *vmtp_expect_outcome(const struct vmtp_expectation *expectation, double measured,
                                char out[VMTP_EXPECT_TEXT])
{
    char limit[VMTP_UNIT_TEXT], value[VMTP_UNIT_TEXT];
    bool met = vmtp_expect_met(expectation, measured);
    print_number(expectation->metric, expectation->limit, 6, limit);
    print_measured(expectation, measured, value);
    snprintf(out, VMTP_EXPECT_TEXT, "%s %s the expected %s", value,
             met ? phrases[expectation->op].met : phrases[expectation->op].missed, limit);
    return out;
}
