/* SPDX-License-Identifier: Apache-2.0 */
/* Result documents as reports need them: what is in them by flow and kind of measurement. Read from the documents of
 * this program, from those of the old one, and from those that somebody else has made: nothing is taken for granted.
 * All text is borrowed from the documents. Rates are bit/s, times milliseconds, losses percent; NAN: not told. */
#ifndef CORE_RESULTS_H
#define CORE_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/stats.h"
#include "vmtp/plugin.h"

enum vmtp_result_proto { VMTP_RESULT_TCP, VMTP_RESULT_UDP, VMTP_RESULT_MULTICAST, VMTP_RESULT_ICMP, VMTP_RESULT_OTHER };

/* One throughput measurement. */
struct vmtp_result_item {
    const json_t *json;
    enum vmtp_result_proto proto;
    long long size; /* bytes; -1: not told */
    bool reverse;
    double bps, loss, rtt_ms, retrans, jitter_ms, cpu_sender, cpu_receiver;
    const char *tool, *error; /* error: NULL for a good one */
    size_t place;             /* in the results of the flow, for the script */
    size_t kind;              /* of the flow */
};

/* What was measured several times: same protocol, size, direction. */
struct vmtp_result_kind {
    enum vmtp_result_proto proto;
    long long size;
    bool reverse;
    struct vmtp_spread bps, loss, rtt_ms, retrans, jitter_ms, cpu_sender, cpu_receiver;
    const char *error;                   /* the first */
    const struct vmtp_result_item *first;       /* the first that has a number, else the first */
    double load_min, load_avg, load_max, load_stddev; /* round trips while it sent; NAN: not told */
    size_t series;                       /* of the report */
};

/* Echo requests of one size. */
struct vmtp_result_ping {
    const json_t *json;
    long long size;
    double min, avg, max, stddev, sent, received, loss;
    const char *error, *load; /* load: what was sent meanwhile, NULL: nothing */
};

struct vmtp_result_flow {
    const json_t *json;
    const char *desc, *error, *status; /* status: NULL: not told */
    const char *family, *member;       /* "L3 fixed", "intra-node"; member may be NULL */
    bool external;
    struct vmtp_result_item *items;
    struct vmtp_result_kind *kinds;
    struct vmtp_result_ping *pings;
    size_t n_items, n_kinds, n_pings;
};

struct vmtp_result_run {
    const json_t *json;
    struct vmtp_result_flow *flows;
    size_t n_flows;
};

/* A kind over all flows and runs: what has one colour in the charts. */
struct vmtp_result_series {
    enum vmtp_result_proto proto;
    long long size;
    size_t shade; /* counts the sizes of a protocol */
};

struct vmtp_results {
    struct vmtp_result_run *runs;
    size_t n_runs;
    struct vmtp_result_series *series; /* UDP by size, then TCP, then multicast */
    size_t n_series;
};

/* Which throughput measurements count; pings always do. */
enum vmtp_result_show { VMTP_RESULT_ALL, VMTP_RESULT_ONLY_TCP, VMTP_RESULT_ONLY_UDP };

/* Reads a file, which must be a result document. VMTP_EFAIL, VMTP_EPARSE or VMTP_ENOMEM, with words. */
int vmtp_result_load(vmtp_ctx *ctx, const char *file, json_t **document);

/* False when out of memory; vmtp_results_clear() is due in both cases. The documents must be objects. */
VMTP_PUBLIC bool vmtp_results_read(struct vmtp_results *report, json_t *const *documents, size_t n,
                                   enum vmtp_result_show show);
VMTP_PUBLIC void vmtp_results_clear(struct vmtp_results *report);

/* Reading members. Text that is empty, and what is not text, is NULL. A number may be text. */
VMTP_PUBLIC const char *vmtp_result_text(const json_t *object, const char *member);
VMTP_PUBLIC double vmtp_result_number(const json_t *object, const char *member);

VMTP_PUBLIC const char *vmtp_result_proto_name(enum vmtp_result_proto proto);

#endif
