/* SPDX-License-Identifier: Apache-2.0 */
/* What a run has to come to: the key `expect` of the configuration, read and checked; one number held against it. */
#ifndef CORE_EXPECT_H
#define CORE_EXPECT_H

#include <stdbool.h>

#include "core/config.h"

/* What can be expected: "tcp.throughput" and its like. */
struct vmtp_expect_metric {
    const char *name;
    uint32_t proto;     /* enum vmtp_proto */
    const char *metric; /* of metrics.def */
    const char *words;  /* "throughput" */
};

enum vmtp_expect_direction { VMTP_EXPECT_BOTH, VMTP_EXPECT_FORWARD, VMTP_EXPECT_REVERSE };
enum vmtp_expect_op { VMTP_AT_LEAST, VMTP_AT_MOST, VMTP_ABOVE, VMTP_BELOW };

struct vmtp_expectation {
    const struct vmtp_node *node; /* where it is written: in the tree of the settings, like key and flows */
    const char *key;              /* as it is written: "udp[1024].loss" */
    const char *flows;            /* a scenario's number, a text in the description, an id; NULL: every flow */
    const struct vmtp_expect_metric *metric;
    uint32_t bytes;               /* 0: every size */
    int direction;                /* enum vmtp_expect_direction */
    int op;                       /* enum vmtp_expect_op */
    double limit;                 /* base unit */
    bool none;                    /* the key has no value: nothing is expected here */
    size_t entry;                 /* its place; the bounds of one entry hold together */
};

struct vmtp_expect {
    struct vmtp_expectation *items;
    size_t n, entries;
};

/* Reads the map; what it holds already is dropped. VMTP_ECONFIG with the place. vmtp_expect_clear() is due always. */
int vmtp_expect_parse(vmtp_ctx *ctx, const struct vmtp_node *map, struct vmtp_expect *expect);
void vmtp_expect_clear(struct vmtp_expect *expect);

/* The i-th of all that can be expected, NULL past the end. */
const struct vmtp_expect_metric *vmtp_expect_metric_at(size_t i);

/* Of which flows it is, and of which measurements. */
bool vmtp_expect_selects(const struct vmtp_expectation *expectation, const struct vmtp_flow *flow);
bool vmtp_expect_is_about(const struct vmtp_expectation *expectation, uint32_t proto, uint32_t bytes, bool reverse);

/* Of two about the same measurement, whether the other one counts: chosen flows go before all, a size or direction goes
 * before any, and the later one before the earlier one. */
bool vmtp_expect_replaces(const struct vmtp_expectation *other, const struct vmtp_expectation *expectation);

/* Whether a text selects by what any run may have: a scenario's number, intra-node, inter-node. */
bool vmtp_expect_usual(const char *flows);

bool vmtp_expect_met(const struct vmtp_expectation *expectation, double measured);

/* ">=" ...; "at least 5 Gbit/s"; "4.21 Gbit/s is below the expected 5 Gbit/s". */
enum { VMTP_EXPECT_TEXT = 160 };
const char *vmtp_expect_sign(const struct vmtp_expectation *expectation);
const char *vmtp_expect_words(const struct vmtp_expectation *expectation, char out[VMTP_EXPECT_TEXT]);
const char *vmtp_expect_outcome(const struct vmtp_expectation *expectation, double measured,
                                char out[VMTP_EXPECT_TEXT]);

#endif
