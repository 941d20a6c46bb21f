/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of vmtp compare --fail-if: text to a struct. vmtp_gate_grammar is what users are told. */
#ifndef CORE_GATE_H
#define CORE_GATE_H

#include <stdbool.h>

#include "core/metrics.h"
#include "core/results.h"

enum vmtp_gate_kind {
    VMTP_GATE_CHANGE,  /* of a metric: the whole interval has to be beyond the limit */
    VMTP_GATE_MEAN,    /* of a metric: the difference of the means decides, whatever its interval */
    VMTP_GATE_FAILED,  /* measured in OLD, failed in NEW */
    VMTP_GATE_MISSING, /* measured in OLD, not in NEW */
};

enum vmtp_gate_direction { VMTP_GATE_BOTH_WAYS, VMTP_GATE_FORWARD, VMTP_GATE_REVERSE };

struct vmtp_gate {
    const char *text; /* borrowed */
    enum vmtp_gate_kind kind;
    unsigned protos; /* bit n: `enum vmtp_result_proto` n */
    enum vmtp_gate_direction direction;
    long long size;                       /* -1: any */
    const struct vmtp_metric_info *metric; /* NULL: FAILED and MISSING */
    bool above;    /* > */
    bool relative; /* limit is a ratio of OLD's mean: -0.05; else in the unit of the metric */
    double limit;
    const char *flow; /* points into text; NULL: any */
};

/* VMTP_ECONFIG with the column and the grammar. */
int vmtp_gate_parse(vmtp_ctx *ctx, const char *text, struct vmtp_gate *gate);

/* Whether it selects a flow: by a part of its description, whatever the case, or by its whole id, which may be NULL. */
bool vmtp_gate_wants_flow(const struct vmtp_gate *gate, const char *desc, const char *id);

/* Whether it selects what was measured. */
bool vmtp_gate_wants(const struct vmtp_gate *gate, enum vmtp_result_proto proto, long long size, bool reverse);

/* Whether equal results are beyond the limit: a sign that was forgotten, or an improvement that is demanded. */
bool vmtp_gate_demands_change(const struct vmtp_gate *gate);

/* The metrics that are compared of a protocol, by the names of metrics.def; NULL-ended. The rtt of a ping is its mean
 * round trip time. */
extern const char *const vmtp_gate_metrics[VMTP_RESULT_OTHER][4];

extern const char vmtp_gate_grammar[];

#endif
