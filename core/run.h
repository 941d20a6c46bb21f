/* SPDX-License-Identifier: Apache-2.0 */
/* One execution, from settings to exit code. */
#ifndef CORE_RUN_H
#define CORE_RUN_H

#include <stdatomic.h>
#include <stdio.h>

#include "core/ctx.h"
#include "core/journal.h"
#include "core/ledger.h"
#include "core/monitor.h"
#include "core/plan.h"
#include "core/settings.h"
#include "core/sinks.h"
#include "core/tools.h"
#include "vmtp/vmtp.h"

struct vmtp_topology_instance {
    const struct vmtp_loaded *loaded;
    struct vmtp_node *options;
    void *opts, *state;
    bool open, acquired;
};

/* One measurement of a flow as it is planned. */
struct vmtp_step {
    uint32_t proto, message_bytes;
    unsigned repeat, repeats; /* from 1 */
    bool reverse;             /* from the flow's server to its client */
    bool search;              /* UDP: search for the rate */
    double seconds;           /* estimate */
};

/* What one kind of measurement of a flow has given, for what is expected of it. */
enum { VMTP_SEEN_METRICS = 24 };
struct vmtp_seen_kind {
    uint32_t proto, bytes;
    bool reverse;
    char tool[32];
    double sum[VMTP_SEEN_METRICS]; /* by the place in the table of expect.c */
    size_t count[VMTP_SEEN_METRICS];
};
struct vmtp_seen {
    struct vmtp_seen_kind *kinds;
    size_t n;
};

enum vmtp_expected { VMTP_EXPECT_PLANNED = 1, VMTP_EXPECT_JUDGED = 2 };

struct vmtp_run {
    struct vmtp_ctx ctx;
    const struct vmtp_settings *settings;
    const char *args; /* for the result: secrets are masked already */
    bool with_table;
    int (*progress)(void *arg, const struct vmtp_progress *progress);
    void *progress_arg;

    struct vmtp_topology_instance *topologies;
    size_t n_topologies;
    struct vmtp_tool_instance throughput, icmp;
    struct vmtp_monitor monitor; /* of the load of the nodes */
    struct vmtp_sinks sinks;
    struct vmtp_plan plan;
    bool *there;             /* per endpoint: it has been made, and is not removed again */
    struct vmtp_step *steps; /* of every flow */
    size_t n_steps;
    unsigned char *expected; /* per expectation of the settings: enum vmtp_expected; NULL: there is no plan */

    struct vmtp_journal *journal;
    struct vmtp_ledger *ledger;
    vmtp_report *report; /* for the library; NULL otherwise */
    char run_uuid[37], run_id[8];
    uint64_t seq;
    double begin;            /* vmtp_now() scale */
    double seconds_left;     /* estimate of the steps that are not done */
    unsigned flow;           /* number of the flow that runs, from 1 */
    char what[200], last[80]; /* for progress */
    int plan_status; /* VMTP_OK, or why there is no plan; the words are in ctx */
    bool set_up_failed, placement_failed, journal_failed;
    bool keep;   /* what a topology has made in a cloud stays there, as the user wants */
    size_t left; /* things that could not be removed */
    unsigned flows_failed;
    bool expect_missed; /* an expectation that no flow turned out to be about */
};

/* True once the user has interrupted; set by vmtp_interrupt(). */
extern atomic_bool vmtp_run_interrupted;

/* ... for the second time: the cleaning up is not to be waited for either. */
extern atomic_bool vmtp_run_abandoned;

/* Makes everything ready that touches nothing: topologies, tools, sinks, the plan. VMTP_ECONFIG: exit code 2. A plan
 * that cannot be made for another reason is remembered in plan_status: executed, that is a run that has failed. */
int vmtp_run_prepare(struct vmtp_run *run, const struct vmtp_settings *settings);

/* The whole run; returns the exit code. What went wrong is logged. */
int vmtp_run_execute(struct vmtp_run *run);

/* How hosts are reached, from the settings. */
void vmtp_ssh_use(const struct vmtp_settings *settings);

/* What `vmtp plan` prints. */
void vmtp_run_print_plan(const struct vmtp_run *run, FILE *out);

void vmtp_run_clear(struct vmtp_run *run);

/* --- acquire.c --- */

/* Brings the endpoints into being: all of each topology, or the first of them where only so many may be there. */
int vmtp_run_acquire(struct vmtp_run *run);

/* Sees to it that the ends of the i-th flow are there; removes what no flow from then on needs, if that is needed. */
int vmtp_run_acquire_for(struct vmtp_run *run, size_t flow);

/* Removes all that topologies have made, unless the user wants to keep it. */
void vmtp_run_release(struct vmtp_run *run);

/* A ctx of the cleaning up, which the first interrupt does not end. */
void vmtp_run_cleaning_ctx(const struct vmtp_run *run, struct vmtp_ctx *ctx, double seconds);
extern const double VMTP_RELEASE_SECONDS; /* for what is removed on hosts */

/* --- runner.c --- */

/* The measurements of one flow, in order; the caller frees *steps. */
int vmtp_steps_of(const struct vmtp_settings *settings, struct vmtp_step **steps, size_t *n);

/* " reverse", or "" for what goes from the client to the server. */
const char *vmtp_step_direction(const struct vmtp_step *step);

/* Measures one flow from FLOW_BEGIN to FLOW_END. VMTP_OK when it passed, VMTP_ECANCELED when interrupted, VMTP_EFAIL
 * otherwise (told already). */
int vmtp_run_flow(struct vmtp_run *run, const struct vmtp_planned_flow *planned);

/* --- verdict.c --- */

/* Looks at what is expected in the light of the plan. VMTP_ECONFIG when a selection is of no flow, or when nothing that
 * is measured is expected. */
int vmtp_run_expect(struct vmtp_run *run);

/* Adds a result to what was seen of a flow. VMTP_ENOMEM: it will count as not measured. */
int vmtp_seen_add(struct vmtp_seen *seen, const struct vmtp_load *load, const char *tool,
                  const struct vmtp_recorder *recorder);
void vmtp_seen_clear(struct vmtp_seen *seen);

/* Tells the verdicts on a flow that has been measured; false when one of them is a failure. */
bool vmtp_run_judge(struct vmtp_run *run, const struct vmtp_planned_flow *planned, const struct vmtp_seen *seen);

/* Tells of the expectations that no flow was about. */
void vmtp_run_judge_rest(struct vmtp_run *run);

/* For `vmtp plan`: what is expected of a step, and what will not be looked at. */
void vmtp_run_print_expected(const struct vmtp_run *run, const struct vmtp_flow *flow, const struct vmtp_step *step,
                             FILE *out);
void vmtp_run_print_unexpected(const struct vmtp_run *run, FILE *out);

/* --- emit.c --- */

/* Completes an event (sizes, sequence, time, run id), writes it into the journal, then tells the sinks. */
void vmtp_emit(struct vmtp_run *run, struct vmtp_event *ev);

/* The load of each node, just before the result that it belongs to. */
void vmtp_emit_loads(struct vmtp_run *run, const struct vmtp_event *result, const struct vmtp_loads *loads);

/* Tells the one who watches. Interrupts the run when that one says so. */
void vmtp_run_tell(struct vmtp_run *run);

#endif
