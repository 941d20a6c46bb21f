/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"
#include "core/run.h"
#include "core/util/clock.h"

/* The journal is what survives. Without it the run goes on, since results are worth more than order, but it is told,
 * and costs the exit code of a failed sink. */
static void into_journal(struct vmtp_run *run, const struct vmtp_event *ev)
{
    if (!run->journal || run->journal_failed)
        return;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    int rc = vmtp_journal_append(&ctx, run->journal, ev);
    if (rc == VMTP_OK)
        return;
    run->journal_failed = true;
    vmtp_log(VMTP_LOG_ERROR, "the journal is switched off, this run cannot be replayed: %s", vmtp_ctx_error(&ctx, rc));
}

static void into_report(struct vmtp_run *run, const struct vmtp_event *ev)
{
    if (!run->report)
        return;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    int rc = vmtp_report_add(&ctx, run->report, ev);
    if (rc < 0)
        vmtp_log(VMTP_LOG_ERROR, "result document: %s", vmtp_ctx_error(&ctx, rc));
}

void vmtp_emit(struct vmtp_run *run, struct vmtp_event *ev)
{
    ev->struct_size = sizeof *ev;
    ev->value_size = sizeof(struct vmtp_value);
    ev->property_size = sizeof(struct vmtp_property);
    ev->seq = ++run->seq;
    ev->time_ns = vmtp_wall_ns();
    ev->run_id = run->run_uuid;
    into_journal(run, ev);
    vmtp_sinks_event(&run->ctx, &run->sinks, ev, ev->type == VMTP_EV_FLOW_END || ev->type == VMTP_EV_RUN_END);
    into_report(run, ev);
}

/* A node and its readings. */
static void emit_node(struct vmtp_run *run, struct vmtp_event ev, const struct vmtp_node_load *node)
{
    const struct vmtp_property properties[] = {
        {"address", node->address}, {"name", node->name}, {"cluster", node->cluster}};
    struct vmtp_value values[2 * VMTP_READINGS_MAX];
    for (size_t i = 0; i < node->n; i++) {
        values[2 * i] = (struct vmtp_value){"at", "s", node->at[i]};
        values[2 * i + 1] = (struct vmtp_value){"cpu_load", "count", node->load[i]};
    }
    ev.properties = properties;
    ev.n_properties = sizeof properties / sizeof properties[0];
    ev.values = values;
    ev.n_values = 2 * node->n;
    vmtp_emit(run, &ev);
}

void vmtp_emit_loads(struct vmtp_run *run, const struct vmtp_event *result, const struct vmtp_loads *loads)
{
    const struct vmtp_event ev = {.type = VMTP_EV_NODE, .flow_id = result->flow_id, .topology = result->topology,
                                  .tool = result->tool, .load = result->load};
    for (size_t i = 0; i < loads->n; i++)
        emit_node(run, ev, &loads->nodes[i]);
}

void vmtp_run_tell(struct vmtp_run *run)
{
    if (!run->progress)
        return;
    struct vmtp_progress progress = {
        .struct_size = sizeof progress,
        .flow = run->flow,
        .flows = (uint32_t)run->plan.n_flows,
        .what = run->what,
        .last = run->last[0] ? run->last : NULL,
        .elapsed_s = vmtp_now() - run->begin,
        .remaining_s = run->seconds_left,
    };
    if (run->progress(run->progress_arg, &progress) != 0)
        atomic_store(&vmtp_run_interrupted, true); /* every time it is told, it may say so again */
}
