/* SPDX-License-Identifier: Apache-2.0 */
#include "core/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

enum { DOCUMENT_MAX = 1 << 30 };

/* An array with room for one more element; NULL when out of memory, then the old one stays. */
static void *with_room(void *items, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return items;
    size_t more = *room ? 2 * *room : 4;
    void *grown = realloc(items, more * size);
    if (grown)
        *room = more;
    return grown;
}

static void clear_samples(struct vmtp_samples *samples)
{
    for (size_t i = 0; i < samples->n_series; i++)
        free(samples->series[i].values);
    free(samples->series);
    *samples = (struct vmtp_samples){0};
}

static void clear_item(struct vmtp_report_item *item)
{
    free(item->tool);
    free(item->group);
    free(item->error);
    vmtp_recorder_clear(&item->said);
    clear_samples(&item->samples);
    json_decref(item->cpu_load);
    free(item->trials);
    *item = (struct vmtp_report_item){0};
}

static void clear_flow(struct vmtp_report_flow *flow)
{
    for (size_t i = 0; i < flow->n_items; i++)
        clear_item(&flow->items[i]);
    clear_item(&flow->pending);
    free(flow->items);
    free(flow->id);
    free(flow->topology);
    free(flow->error);
    json_decref(flow->properties);
    json_decref(flow->verdicts);
}

void vmtp_report_free(vmtp_report *report)
{
    if (!report)
        return;
    for (size_t i = 0; i < report->n_flows; i++)
        clear_flow(&report->flows[i]);
    free(report->flows);
    free(report->run_id);
    json_decref(report->properties);
    json_decref(report->errors);
    json_decref(report->verdicts);
    json_decref(report->flow_index);
    free(report);
}

static int no_memory(vmtp_ctx *ctx)
{
    return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

int vmtp_report_new(vmtp_ctx *ctx, vmtp_report **report)
{
    *report = NULL;
    struct vmtp_report *made = calloc(1, sizeof *made);
    if (!made)
        return no_memory(ctx);
    made->status = "running";
    made->properties = json_object();
    made->errors = json_array();
    made->flow_index = json_object();
    if (!made->properties || !made->errors || !made->flow_index) {
        vmtp_report_free(made);
        return no_memory(ctx);
    }
    *report = made;
    return VMTP_OK;
}

/* Text from anywhere as a JSON text: what is not UTF-8 is made harmless. */
static json_t *harmless(const char *text)
{
    json_t *json = json_string(text);
    if (json)
        return json;
    VMTP_CLEAN(mem) char *copy = strdup(text);
    if (!copy)
        return NULL;
    vmtp_printable(copy);
    return json_string(copy);
}

/* The properties of an event as members; "status" and "elapsed" have members of their own. */
static int keep_properties(json_t *object, const struct vmtp_event *ev)
{
    const struct vmtp_property *property;
    for (size_t i = 0; (property = vmtp_event_property(ev, i)); i++) {
        if (!property->text || strcmp(property->name, "status") == 0 || strcmp(property->name, "elapsed") == 0)
            continue;
        VMTP_CLEAN(mem) char *name = strdup(property->name);
        if (!name)
            return VMTP_ENOMEM;
        vmtp_printable(name);
        if (json_object_set_new(object, name, harmless(property->text)) < 0)
            return VMTP_ENOMEM;
    }
    return VMTP_OK;
}

/* The status words that consumers may rely on; anything else counts as a failure. */
static const char *known_status(const char *text)
{
    static const char *const known[] = {"passed", "failed", "interrupted", "incomplete"};
    for (size_t i = 0; text && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i], text) == 0)
            return known[i];
    return "failed";
}

/* --- flows --- */

static int add_flow(struct vmtp_report *report, const struct vmtp_event *ev, struct vmtp_report_flow **flow)
{
    void *grown = with_room(report->flows, report->n_flows, &report->flows_room, sizeof *report->flows);
    if (!grown)
        return VMTP_ENOMEM;
    report->flows = grown;
    struct vmtp_report_flow *made = &report->flows[report->n_flows];
    *made = (struct vmtp_report_flow){.status = "running", .properties = json_object(), .id = strdup(ev->flow_id)};
    if (!made->properties || !made->id ||
        json_object_set_new_nocheck(report->flow_index, ev->flow_id, json_integer((json_int_t)report->n_flows)) < 0) {
        clear_flow(made);
        return VMTP_ENOMEM;
    }
    report->n_flows++;
    *flow = made;
    return VMTP_OK;
}

/* The flow of an event. One that was never begun is begun here: its results are not to be lost. */
static int flow_of(struct vmtp_report *report, const struct vmtp_event *ev, struct vmtp_report_flow **flow)
{
    const json_t *place = json_object_get(report->flow_index, ev->flow_id);
    if (!place)
        return add_flow(report, ev, flow);
    *flow = &report->flows[json_integer_value(place)];
    return VMTP_OK;
}

static int flow_begins(struct vmtp_report *report, const struct vmtp_event *ev)
{
    struct vmtp_report_flow *flow;
    int rc = flow_of(report, ev, &flow);
    if (rc == VMTP_OK && ev->topology)
        rc = vmtp_set_text(&flow->topology, ev->topology);
    return rc == VMTP_OK ? keep_properties(flow->properties, ev) : rc;
}

static int flow_ends(struct vmtp_report *report, const struct vmtp_event *ev)
{
    struct vmtp_report_flow *flow;
    int rc = flow_of(report, ev, &flow);
    if (rc < 0)
        return rc;
    flow->status = known_status(vmtp_event_text(ev, "status"));
    clear_item(&flow->pending);
    return keep_properties(flow->properties, ev);
}

/* --- samples and trials --- */

static struct vmtp_series *series_of(struct vmtp_samples *samples, const struct vmtp_metric_info *metric)
{
    for (size_t i = 0; i < samples->n_series; i++)
        if (samples->series[i].metric == metric)
            return &samples->series[i];
    struct vmtp_series *grown = realloc(samples->series, (samples->n_series + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    samples->series = grown;
    grown[samples->n_series] = (struct vmtp_series){.metric = metric};
    return &grown[samples->n_series++];
}

/* Makes the series as long as n, with holes. */
static int fill_up(struct vmtp_series *series, size_t n)
{
    while (series->n < n) {
        void *grown = with_room(series->values, series->n, &series->room, sizeof *series->values);
        if (!grown)
            return VMTP_ENOMEM;
        series->values = grown;
        series->values[series->n++] = NAN;
    }
    return VMTP_OK;
}

static int take_sample(struct vmtp_report *report, const struct vmtp_event *ev)
{
    struct vmtp_report_flow *flow;
    int rc = flow_of(report, ev, &flow);
    if (rc < 0)
        return rc;
    struct vmtp_samples *samples = &flow->pending.samples;
    if (flow->trial_ended)
        clear_samples(samples);
    flow->trial_ended = false;
    samples->n++;
    const struct vmtp_value *value;
    for (size_t i = 0; rc == VMTP_OK && (value = vmtp_event_value(ev, i)); i++) {
        const struct vmtp_metric_info *metric = vmtp_metric_find(value->metric);
        if (!metric)
            continue;
        struct vmtp_series *series = series_of(samples, metric);
        rc = series ? fill_up(series, samples->n) : VMTP_ENOMEM;
        if (rc == VMTP_OK)
            series->values[samples->n - 1] = value->value;
    }
    return rc;
}

static int take_trial(struct vmtp_report *report, const struct vmtp_event *ev)
{
    struct vmtp_report_flow *flow;
    int rc = flow_of(report, ev, &flow);
    if (rc < 0)
        return rc;
    struct vmtp_report_item *pending = &flow->pending;
    void *grown = with_room(pending->trials, pending->n_trials, &pending->trials_room, sizeof *pending->trials);
    if (!grown)
        return VMTP_ENOMEM;
    pending->trials = grown;
    const char *phase = vmtp_event_text(ev, "phase");
    struct vmtp_report_trial *trial = &pending->trials[pending->n_trials++];
    *trial = (struct vmtp_report_trial){
        .target_bps = vmtp_event_number(ev, "target_rate", NAN),
        .throughput_bps = vmtp_event_number(ev, "throughput", NAN),
        .loss = vmtp_event_number(ev, "loss", NAN),
        .confirming = phase && strcmp(phase, "confirm") == 0,
    };
    flow->trial_ended = true;
    if (!trial->confirming)
        clear_samples(&pending->samples); /* the intervals of a step are not those of the answer */
    return rc;
}

/* The load of a node, ahead of the result. */
static int take_node(struct vmtp_report *report, const struct vmtp_event *ev)
{
    struct vmtp_report_flow *flow;
    const char *text = vmtp_event_text(ev, "address");
    int rc = flow_of(report, ev, &flow);
    if (rc < 0 || !text)
        return rc;
    VMTP_CLEAN(mem) char *address = strdup(text);
    if (!address || (!flow->pending.cpu_load && !(flow->pending.cpu_load = json_object())))
        return VMTP_ENOMEM;
    vmtp_printable(address);
    json_t *loads = json_array();
    if (json_object_set_new(flow->pending.cpu_load, address, loads) < 0)
        return VMTP_ENOMEM;
    const struct vmtp_value *value;
    for (size_t i = 0; (value = vmtp_event_value(ev, i)); i++)
        if (strcmp(value->metric, "cpu_load") == 0 && isfinite(value->value) &&
            json_array_append_new(loads, json_real(round(value->value * 100) / 100)) < 0)
            return VMTP_ENOMEM;
    return VMTP_OK;
}

/* --- measurements --- */

/* "nuttcp-6.1.2"; the tool of an ICMP item has always been a bare name. */
static char *tool_text(const struct vmtp_event *ev)
{
    const char *tool = ev->tool ? ev->tool : "";
    const char *version = vmtp_event_text(ev, "tool_version");
    return version && *version && ev->load->proto != VMTP_ICMP ? vmtp_format("%s-%s", tool, version) : strdup(tool);
}

static bool has_flag(const struct vmtp_event *ev, const char *flag)
{
    const struct vmtp_property *property;
    for (size_t i = 0; (property = vmtp_event_property(ev, i)); i++)
        if (strcmp(property->name, "flag") == 0 && property->text && strcmp(property->text, flag) == 0)
            return true;
    return false;
}

static int fill_item(struct vmtp_report_item *item, const struct vmtp_event *ev)
{
    const struct vmtp_load *load = ev->load;
    item->proto = load->proto;
    item->message_bytes = load->message_bytes;
    item->streams = load->streams;
    item->reverse = load->reverse != 0;
    item->rate_bps = load->rate_bps;
    item->tool = tool_text(ev);
    if (!item->tool || (load->group && vmtp_set_text(&item->group, load->group) < 0) ||
        vmtp_set_text(&item->error, vmtp_event_problem(ev)) < 0)
        return VMTP_ENOMEM;
    const struct vmtp_value *value;
    for (size_t i = 0; (value = vmtp_event_value(ev, i)); i++)
        if (vmtp_recorder_metric(NULL, &item->said, value->metric, value->value) == VMTP_ENOMEM)
            return VMTP_ENOMEM;
    const struct vmtp_property *property;
    for (size_t i = 0; (property = vmtp_event_property(ev, i)); i++)
        if (property->text &&
            vmtp_recorder_property(&item->said, property->name, property->text) == VMTP_ENOMEM)
            return VMTP_ENOMEM;
    if (has_flag(ev, "not-confirmed"))
        clear_samples(&item->samples); /* they are of the last trial, the answer is of another one */
    return VMTP_OK;
}

static int take_item(struct vmtp_report *report, const struct vmtp_event *ev)
{
    struct vmtp_report_flow *flow;
    int rc = flow_of(report, ev, &flow);
    if (rc < 0)
        return rc;
    void *grown = with_room(flow->items, flow->n_items, &flow->items_room, sizeof *flow->items);
    if (!grown)
        return VMTP_ENOMEM;
    flow->items = grown;
    struct vmtp_report_item *item = &flow->items[flow->n_items];
    *item = flow->pending; /* its trials and samples */
    flow->pending = (struct vmtp_report_item){0};
    flow->trial_ended = false;
    rc = fill_item(item, ev);
    if (rc < 0)
        clear_item(item);
    else
        flow->n_items++;
    return rc;
}

static int take_failure(struct vmtp_report *report, const struct vmtp_event *ev)
{
    if (ev->flow_id && ev->load)
        return take_item(report, ev);
    const char *words = vmtp_event_problem(ev);
    if (!ev->flow_id)
        return json_array_append_new(report->errors, harmless(words)) < 0 ? VMTP_ENOMEM : VMTP_OK;
    struct vmtp_report_flow *flow;
    int rc = flow_of(report, ev, &flow);
    if (rc == VMTP_OK && !flow->error)
        rc = vmtp_set_text(&flow->error, words);
    return rc;
}

/* --- verdicts --- */

/* Sets a member unless one before did not work; takes over the value. */
static int put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new_nocheck(object, name, value) < 0 ? VMTP_ENOMEM : VMTP_OK;
}

static int put_verdict_load(json_t *object, const struct vmtp_load *load)
{
    int rc = put(object, "protocol", json_string(vmtp_proto_name(load->proto)));
    if (rc == VMTP_OK && load->message_bytes)
        rc = put(object, "pkt_size", json_integer(load->message_bytes));
    if (rc == VMTP_OK && load->reverse)
        rc = put(object, "direction", json_string("reverse"));
    return rc;
}

/* Whole numbers without a point, as everywhere in the document. */
static json_t *plain_number(double value)
{
    bool whole = value == floor(value) && fabs(value) < 9e15;
    return whole ? json_integer((json_int_t)value) : json_real(value);
}

/* Numbers are in base units here, whatever the metric; the unit is told. */
static int put_verdict_numbers(json_t *object, const struct vmtp_event *ev)
{
    double number;
    const char *limit = vmtp_event_text(ev, "limit");
    const struct vmtp_value *value = vmtp_event_value(ev, 0);
    int rc = VMTP_OK;
    if (limit && vmtp_parse_number(limit, &number, NULL))
        rc = put(object, "limit", plain_number(number));
    if (rc == VMTP_OK && value && isfinite(value->value))
        rc = put(object, "measured", plain_number(value->value));
    if (rc == VMTP_OK && value && value->unit)
        rc = put(object, "unit", harmless(value->unit));
    return rc;
}

static int fill_verdict(json_t *object, const struct vmtp_event *ev)
{
    static const char *const texts[] = {"expect", "text", "operator", "flows"};
    const char *status = vmtp_event_text(ev, "status");
    bool skipped = status && strcmp(status, "skipped") == 0;
    int rc = put(object, "status", json_string(skipped ? status : vmtp_event_problem(ev) ? "failed" : "passed"));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && rc == VMTP_OK; i++) {
        const char *text = vmtp_event_text(ev, texts[i]);
        if (text)
            rc = put(object, texts[i], harmless(text));
    }
    if (rc == VMTP_OK && ev->load)
        rc = put_verdict_load(object, ev->load);
    return rc == VMTP_OK ? put_verdict_numbers(object, ev) : rc;
}

static int take_verdict(struct vmtp_report *report, const struct vmtp_event *ev)
{
    struct vmtp_report_flow *flow = NULL;
    int rc = ev->flow_id ? flow_of(report, ev, &flow) : VMTP_OK;
    json_t **list = flow ? &flow->verdicts : &report->verdicts;
    if (rc == VMTP_OK && !*list)
        *list = json_array();
    json_t *verdict = rc == VMTP_OK && *list ? json_object() : NULL;
    if (!verdict)
        return VMTP_ENOMEM;
    rc = fill_verdict(verdict, ev);
    if (rc < 0)
        json_decref(verdict);
    else if (json_array_append_new(*list, verdict) < 0)
        rc = VMTP_ENOMEM;
    return rc;
}

/* --- the run --- */

static int run_begins(struct vmtp_report *report, const struct vmtp_event *ev)
{
    report->begun = true;
    report->first_ns = ev->time_ns;
    return keep_properties(report->properties, ev);
}

static int run_ends(struct vmtp_report *report, const struct vmtp_event *ev)
{
    report->ended = true;
    report->status = known_status(vmtp_event_text(ev, "status"));
    for (size_t i = 0; i < report->n_flows; i++)
        if (strcmp(report->flows[i].status, "running") == 0)
            report->flows[i].status = strcmp(report->status, "incomplete") == 0 ? "incomplete" : "interrupted";
    return keep_properties(report->properties, ev);
}

static int add_event(struct vmtp_report *report, const struct vmtp_event *ev)
{
    bool of_flow = ev->flow_id != NULL;
    switch (ev->type) {
    case VMTP_EV_RUN_BEGIN:
        return run_begins(report, ev);
    case VMTP_EV_FLOW_BEGIN:
        return of_flow ? flow_begins(report, ev) : VMTP_OK;
    case VMTP_EV_SAMPLE:
        return of_flow ? take_sample(report, ev) : VMTP_OK;
    case VMTP_EV_TRIAL:
        return of_flow ? take_trial(report, ev) : VMTP_OK;
    case VMTP_EV_NODE:
        return of_flow ? take_node(report, ev) : VMTP_OK;
    case VMTP_EV_RESULT:
        return of_flow && ev->load ? take_item(report, ev) : VMTP_OK;
    case VMTP_EV_FAILURE:
        return take_failure(report, ev);
    case VMTP_EV_FLOW_END:
        return of_flow ? flow_ends(report, ev) : VMTP_OK;
    case VMTP_EV_VERDICT:
        return take_verdict(report, ev);
    case VMTP_EV_RUN_END:
        return run_ends(report, ev);
    default:
        return VMTP_OK;
    }
}

int vmtp_report_add(vmtp_ctx *ctx, vmtp_report *report, const struct vmtp_event *ev)
{
    if (!report->begun && report->first_ns == 0)
        report->first_ns = ev->time_ns;
    report->last_ns = ev->time_ns;
    if (!report->run_id && ev->run_id && vmtp_set_text(&report->run_id, ev->run_id) < 0)
        return no_memory(ctx);
    int rc = add_event(report, ev);
    return rc == VMTP_ENOMEM ? no_memory(ctx) : rc;
}

int vmtp_report_json(vmtp_ctx *ctx, const vmtp_report *report, char **json)
{
    *json = NULL;
    VMTP_CLEAN(buf) struct vmtp_buf out = VMTP_BUF(DOCUMENT_MAX);
    int rc = vmtp_report_write(report, &out);
    if (rc == VMTP_EFAIL)
        return vmtp_fail(ctx, rc, "the result document is larger than %d bytes", DOCUMENT_MAX);
    if (rc == VMTP_OK)
        *json = vmtp_buf_take(&out);
    return *json ? VMTP_OK : no_memory(ctx);
}
