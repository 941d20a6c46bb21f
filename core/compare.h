/* SPDX-License-Identifier: Apache-2.0 */
/* vmtp compare: two result documents, what has changed between them, and what the gates say. compare.c pairs and
 * calculates, compare-unlike.c looks for what makes a comparison unfair, compare-print.c and compare-export.c write. */
#ifndef CORE_COMPARE_H
#define CORE_COMPARE_H

#include <stdio.h>

#include "core/gate.h"
#include "core/results.h"

enum { VMTP_OLD, VMTP_NEW, VMTP_SIDES };

enum vmtp_verdict { VMTP_UNKNOWN, VMTP_WORSE, VMTP_BETTER, VMTP_NO_CHANGE };

/* One metric of what was measured on at least one side. Base units. */
struct vmtp_change {
    const struct vmtp_metric_info *metric;
    struct vmtp_spread side[VMTP_SIDES];
    bool known; /* difference has an interval: both sides have VMTP_SAMPLES_LEAST or more samples */
    struct vmtp_difference difference; /* not known: only .change, NAN when a side has nothing */
    enum vmtp_verdict verdict;
};

enum { VMTP_SAMPLES_LEAST = 3 };

enum vmtp_case_state {
    VMTP_CASE_BOTH,
    VMTP_CASE_FAILED,  /* measured in OLD, failed in NEW */
    VMTP_CASE_MISSING, /* measured in OLD, not in NEW */
    VMTP_CASE_NEW,     /* measured in NEW only */
    VMTP_CASE_NONE,    /* has a number on neither side: failed, and still does */
};

/* What is measured in a flow: a protocol, a size, a direction. */
struct vmtp_case {
    enum vmtp_result_proto proto;
    long long size; /* -1: not told */
    bool reverse;
    enum vmtp_case_state state;
    bool failed_anew;              /* NEW has an error that OLD has not */
    const char *error[VMTP_SIDES]; /* NULL: none */
    struct vmtp_change *changes;
    size_t n_changes;
};

/* A flow on both sides, or what has no partner. */
struct vmtp_flow_pair {
    const struct vmtp_result_flow *flow[VMTP_SIDES]; /* one may be NULL */
    bool by_id; /* else by description */
    struct vmtp_case *cases;
    size_t n_cases, left_out; /* left_out: more than are compared */
};

struct vmtp_comparison {
    const char *file[VMTP_SIDES]; /* borrowed */
    json_t *document[VMTP_SIDES]; /* owned, with all text of results */
    struct vmtp_results results;
    struct vmtp_flow_pair *pairs; /* in the order of OLD, then what only NEW has */
    size_t n_pairs;
    const struct vmtp_gate *gates; /* borrowed */
    size_t n_gates;
    bool strict;      /* a gate of which cannot be told whether it holds has failed */
    json_t *warnings; /* objects: what, and text or old and new, flows: how many */
};

/* Reads both files and compares. VMTP_ECONFIG when one of them is no result document. vmtp_comparison_clear() is due in
 * any case. */
int vmtp_compare(vmtp_ctx *ctx, const char *const files[VMTP_SIDES], struct vmtp_comparison *comparison);
/* The same of documents, which are taken over. */
int vmtp_compare_documents(vmtp_ctx *ctx, json_t *const documents[VMTP_SIDES], struct vmtp_comparison *comparison);
void vmtp_comparison_clear(struct vmtp_comparison *comparison);

/* Fills comparison->warnings. VMTP_ENOMEM. */
int vmtp_compare_unlike(struct vmtp_comparison *comparison);

/* --- gates --- */

enum vmtp_outcome { VMTP_GATE_PASSES, VMTP_GATE_CANNOT_TELL, VMTP_GATE_FAILS }; /* from good to bad */

/* One thing that a gate looked at. */
struct vmtp_judgement {
    const struct vmtp_flow_pair *pair;
    const struct vmtp_case *of;
    const struct vmtp_change *change; /* NULL for a gate without a metric, and where there are no numbers */
    enum vmtp_outcome outcome;
    char reason[200]; /* never empty; without text of the documents */
};

typedef void vmtp_judged(void *arg, const struct vmtp_gate *gate, const struct vmtp_judgement *judgement);

/* Calls judged (may be NULL) for everything that the gate selects. The worst outcome; a gate that selects nothing
 * cannot tell. count: how many there were of each outcome. */
enum vmtp_outcome vmtp_gate_judge(const struct vmtp_comparison *comparison, const struct vmtp_gate *gate,
                                  vmtp_judged *judged, void *arg, size_t count[VMTP_GATE_FAILS + 1]);

/* The same of one pair; adds to count. */
void vmtp_gate_judge_pair(const struct vmtp_gate *gate, const struct vmtp_flow_pair *pair, vmtp_judged *judged,
                          void *arg, size_t count[VMTP_GATE_FAILS + 1]);

/* The worst of all gates; with strict, what cannot be told fails. */
enum vmtp_outcome vmtp_compare_outcome(const struct vmtp_comparison *comparison);

/* --- words --- */

enum { VMTP_COMPARE_TEXT = 96 };

/* "TCP 65536 B, reverse" */
const char *vmtp_case_name(const struct vmtp_case *of, char out[VMTP_COMPARE_TEXT]);
/* "2.41 Gbit/s", "1.20 ms", "2.31 %", "18" */
const char *vmtp_metric_text(const struct vmtp_metric_info *metric, double value, char out[VMTP_COMPARE_TEXT]);
/* "-4.5 %", "+1.20 pp"; an amount when OLD is 0 */
const char *vmtp_change_text(const struct vmtp_change *change, double value, char out[VMTP_COMPARE_TEXT]);
/* "-12.0 % to +3.1 %"; "" when it is not known */
const char *vmtp_interval_text(const struct vmtp_change *change, char out[VMTP_COMPARE_TEXT]);
const char *vmtp_verdict_text(enum vmtp_verdict verdict);
/* Why something cannot be told: "1 sample in OLD, 3 in NEW: 3 are needed" */
const char *vmtp_unknown_text(const struct vmtp_change *change, char out[VMTP_COMPARE_TEXT]);
const char *vmtp_outcome_text(enum vmtp_outcome outcome);
/* "VM to VM same network": of the side that has the flow; it may be hostile */
const char *vmtp_pair_name(const struct vmtp_flow_pair *pair);
/* Text of a document, a file or the user, for a terminal and of a bearable length. */
void vmtp_put_text(FILE *out, const char *text);

/* --- output: VMTP_ENOMEM or VMTP_OK; whether out took it all is for the caller to ask --- */

int vmtp_compare_table(FILE *out, const struct vmtp_comparison *comparison);
int vmtp_compare_json(FILE *out, const struct vmtp_comparison *comparison);
int vmtp_compare_junit(FILE *out, const struct vmtp_comparison *comparison);

/* Warnings and gates alone, for a reader who does not see the table. */
void vmtp_compare_summary(FILE *out, const struct vmtp_comparison *comparison);

static inline void vmtp_clean_comparison(struct vmtp_comparison *comparison)
{
    vmtp_comparison_clear(comparison);
}
#endif
