/* SPDX-License-Identifier: Apache-2.0 */
/* What a report holds between events and document: filled by report.c, written as JSON by report-json.c. Samples are
 * kept as bare numbers and the document is written piece by piece, so that a long run needs little memory. */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include <jansson.h>

#include "core/event.h"
#include "core/metrics.h"
#include "core/util/buf.h"

/* One metric over the intervals of a measurement. */
struct vmtp_series {
    const struct vmtp_metric_info *metric;
    double *values; /* NAN: this interval did not have it */
    size_t n, room;
};

struct vmtp_samples {
    struct vmtp_series *series;
    size_t n_series, n; /* n: intervals */
};

struct vmtp_report_trial {
    double target_bps, throughput_bps, loss; /* NAN: not told */
    bool confirming;
};

/* One measurement: a RESULT, or the FAILURE of one. */
struct vmtp_report_item {
    uint32_t proto, message_bytes, streams;
    bool reverse;
    uint64_t rate_bps;
    char *tool, *group, *error;  /* group: multicast. error: NULL for a good one */
    struct vmtp_recorder said;   /* its values and properties */
    struct vmtp_samples samples;
    json_t *cpu_load; /* address of a node -> list of its loads; NULL: none */
    struct vmtp_report_trial *trials;
    size_t n_trials, trials_room;
};

struct vmtp_report_flow {
    char *id, *topology, *error; /* error: of the flow as a whole, the first one */
    const char *status;
    json_t *properties;
    json_t *verdicts; /* objects; NULL: none */
    struct vmtp_report_item *items;
    size_t n_items, items_room;
    struct vmtp_report_item pending; /* samples and trials that were told ahead of their result */
    bool trial_ended;                /* what is in pending.samples belongs to a trial that is over */
};

struct vmtp_report {
    char *run_id;
    const char *status;
    json_t *properties;
    json_t *errors;    /* texts */
    json_t *verdicts;  /* of the run; objects; NULL: none */
    json_t *flow_index; /* flow id -> place in flows */
    struct vmtp_report_flow *flows;
    size_t n_flows, flows_room;
    int64_t first_ns, last_ns;
    bool begun, ended;
};

/* Appends the document to out. VMTP_ENOMEM; VMTP_EFAIL when it is larger than out may be. */
int vmtp_report_write(const struct vmtp_report *report, struct vmtp_buf *out);

#endif
