/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ctx.h"
#include "core/metrics.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"

static const char *const type_names[] = {
    [VMTP_EV_RUN_BEGIN] = "run-begin", [VMTP_EV_FLOW_BEGIN] = "flow-begin", [VMTP_EV_SAMPLE] = "sample",
    [VMTP_EV_TRIAL] = "trial",         [VMTP_EV_RESULT] = "result",         [VMTP_EV_FAILURE] = "failure",
    [VMTP_EV_FLOW_END] = "flow-end",   [VMTP_EV_RUN_END] = "run-end",       [VMTP_EV_VERDICT] = "verdict",
    [VMTP_EV_NODE] = "node",
};
static const char *const proto_names[] = {
    [VMTP_TCP] = "TCP", [VMTP_UDP] = "UDP", [VMTP_MULTICAST] = "Multicast", [VMTP_ICMP] = "ICMP",
};
enum { TYPES = sizeof type_names / sizeof type_names[0], PROTOS = sizeof proto_names / sizeof proto_names[0] };

const char *vmtp_event_type_name(uint32_t type)
{
    return type > 0 && type < TYPES ? type_names[type] : "unknown";
}

uint32_t vmtp_event_type_of(const char *name)
{
    for (uint32_t type = 1; type < TYPES; type++)
        if (strcmp(type_names[type], name) == 0)
            return type;
    return 0;
}

const char *vmtp_proto_name(uint32_t proto)
{
    return proto > 0 && proto < PROTOS ? proto_names[proto] : "unknown";
}

uint32_t vmtp_proto_of(const char *name)
{
    for (uint32_t proto = 1; proto < PROTOS; proto++)
        if (strcmp(proto_names[proto], name) == 0)
            return proto;
    return 0;
}

/* --- what a measurement says --- */

/* Copies text, cut to the limit but not inside a UTF-8 sequence. */
static char *copy_cut(const char *text)
{
    size_t len = strnlen(text, VMTP_PROPERTY_TEXT_MAX);
    if (text[len])
        while (len && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    char *copy = strndup(text, len);
    if (copy)
        vmtp_printable(copy);
    return copy;
}

int vmtp_recorder_property(struct vmtp_recorder *recorder, const char *name, const char *text)
{
    size_t n = recorder->n_properties;
    if (n >= VMTP_PROPERTIES_MAX)
        return VMTP_EFAIL;
    struct vmtp_property *grown = realloc(recorder->properties, (n + 1) * sizeof *grown);
    if (!grown)
        return VMTP_ENOMEM;
    recorder->properties = grown;
    VMTP_CLEAN(mem) char *own_name = copy_cut(name);
    VMTP_CLEAN(mem) char *own_text = copy_cut(text);
    if (!own_name || !own_text)
        return VMTP_ENOMEM;
    grown[n] = (struct vmtp_property){.name = VMTP_TAKE(own_name), .text = VMTP_TAKE(own_text)};
    recorder->n_properties++;
    return VMTP_OK;
}

int vmtp_recorder_metric(vmtp_ctx *ctx, struct vmtp_recorder *recorder, const char *metric, double value)
{
    const struct vmtp_metric_info *info = vmtp_metric_find(metric);
    if (!info)
        return vmtp_fail(ctx, VMTP_EFAIL, "\"%s\" is not a metric", metric);
    if (!isfinite(value))
        return vmtp_fail(ctx, VMTP_EFAIL, "metric \"%s\" is not a finite number", metric);
    for (size_t i = 0; i < recorder->n_values; i++) {
        if (strcmp(recorder->values[i].metric, metric) == 0) {
            recorder->values[i].value = value;
            return VMTP_OK;
        }
    }
    struct vmtp_value *grown = realloc(recorder->values, (recorder->n_values + 1) * sizeof *grown);
    if (!grown)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    recorder->values = grown;
    grown[recorder->n_values++] = (struct vmtp_value){.metric = info->name, .unit = info->unit, .value = value};
    return VMTP_OK;
}

double vmtp_recorder_number(const struct vmtp_recorder *recorder, const char *metric, double fallback)
{
    for (size_t i = 0; i < recorder->n_values; i++)
        if (strcmp(recorder->values[i].metric, metric) == 0)
            return recorder->values[i].value;
    return fallback;
}

void vmtp_recorder_clear(struct vmtp_recorder *recorder)
{
    for (size_t i = 0; i < recorder->n_properties; i++) {
        free((char *)recorder->properties[i].name);
        free((char *)recorder->properties[i].text);
    }
    free(recorder->properties);
    free(recorder->values);
    recorder->properties = NULL;
    recorder->values = NULL;
    recorder->n_properties = recorder->n_values = 0;
}

int vmtp_metric(vmtp_ctx *ctx, const char *metric, double value)
{
    if (!ctx->recorder)
        return vmtp_fail(ctx, VMTP_EFAIL, "metric \"%s\" outside a measurement", metric);
    return vmtp_recorder_metric(ctx, ctx->recorder, metric, value);
}

int vmtp_property(vmtp_ctx *ctx, const char *name, const char *text)
{
    if (!ctx->recorder)
        return vmtp_fail(ctx, VMTP_EFAIL, "property \"%s\" outside a measurement", name);
    int rc = vmtp_recorder_property(ctx->recorder, name, text);
    if (rc == VMTP_ENOMEM)
        return vmtp_fail(ctx, rc, "out of memory");
    return rc < 0 ? vmtp_fail(ctx, rc, "more than %d properties in one measurement", VMTP_PROPERTIES_MAX) : rc;
}

int vmtp_sample_sized(vmtp_ctx *ctx, double from_s, double to_s, const struct vmtp_value *values, size_t n,
                      size_t value_size)
{
    if (!ctx->recorder)
        return vmtp_fail(ctx, VMTP_EFAIL, "sample outside a measurement");
    if (!ctx->recorder->sample)
        return VMTP_OK;
    /* A recorder of its own checks names and numbers, and brings the units. */
    struct vmtp_recorder interval = {0};
    int rc = vmtp_recorder_metric(ctx, &interval, "from", from_s);
    if (rc == VMTP_OK)
        rc = vmtp_recorder_metric(ctx, &interval, "to", to_s);
    for (size_t i = 0; i < n && rc == VMTP_OK; i++) {
        const void *at = (const char *)values + i * value_size;
        const struct vmtp_value *value = at;
        rc = vmtp_recorder_metric(ctx, &interval, value->metric, value->value);
    }
    if (rc == VMTP_OK)
        rc = ctx->recorder->sample(ctx, ctx->recorder->sample_arg, interval.values, interval.n_values);
    vmtp_recorder_clear(&interval);
    return rc;
}

/* --- reading an event --- */

const struct vmtp_value *vmtp_event_value(const struct vmtp_event *ev, size_t i)
{
    size_t stride = ev->value_size ? ev->value_size : sizeof(struct vmtp_value);
    return i < ev->n_values ? (const void *)((const char *)ev->values + i * stride) : NULL;
}

const struct vmtp_property *vmtp_event_property(const struct vmtp_event *ev, size_t i)
{
    size_t stride = ev->property_size ? ev->property_size : sizeof(struct vmtp_property);
    return i < ev->n_properties ? (const void *)((const char *)ev->properties + i * stride) : NULL;
}

double vmtp_event_number(const struct vmtp_event *ev, const char *metric, double fallback)
{
    const struct vmtp_value *value;
    for (size_t i = 0; (value = vmtp_event_value(ev, i)); i++)
        if (strcmp(value->metric, metric) == 0)
            return value->value;
    return fallback;
}

const char *vmtp_event_text(const struct vmtp_event *ev, const char *name)
{
    const struct vmtp_property *property;
    for (size_t i = 0; (property = vmtp_event_property(ev, i)); i++)
        if (strcmp(property->name, name) == 0)
            return property->text;
    return NULL;
}

/* A status that is not known is that of no success. */
static const char *verdict_problem(const struct vmtp_event *ev)
{
    const char *status = vmtp_event_text(ev, "status"), *text = vmtp_event_text(ev, "text");
    if (status && (strcmp(status, "passed") == 0 || strcmp(status, "skipped") == 0))
        return NULL;
    return text && *text ? text : "not as expected";
}

const char *vmtp_event_problem(const struct vmtp_event *ev)
{
    if (ev->type == VMTP_EV_FAILURE)
        return ev->error && *ev->error ? ev->error : "failed";
    if (ev->type == VMTP_EV_VERDICT)
        return verdict_problem(ev);
    if (ev->type != VMTP_EV_RESULT)
        return NULL;
    if (ev->load && ev->load->proto == VMTP_ICMP) {
        double received = vmtp_event_number(ev, "received", -1);
        if (received < 0)
            return "ping gave no numbers";
        return received == 0 ? "no answer: all requests were lost" : NULL;
    }
    double throughput = vmtp_event_number(ev, "throughput", -1);
    if (throughput < 0)
        return "the tool gave no throughput";
    return throughput == 0 ? "nothing arrived" : NULL;
}

/* --- to JSON --- */

static json_t *json_of_text(const char *text)
{
    json_t *json = json_string(text);
    if (json)
        return json;
    VMTP_CLEAN(mem) char *harmless = strdup(text);
    if (!harmless)
        return NULL;
    vmtp_printable(harmless);
    return json_string(harmless);
}

static int put_text(json_t *object, const char *name, const char *text)
{
    return text && *text ? json_object_set_new_nocheck(object, name, json_of_text(text)) : 0;
}

static int put_integer(json_t *object, const char *name, uint64_t value)
{
    json_int_t number = value > INT64_MAX ? INT64_MAX : (json_int_t)value;
    return value ? json_object_set_new_nocheck(object, name, json_integer(number)) : 0;
}

static int put_number(json_t *object, const char *name, double value)
{
    return value != 0 && isfinite(value) ? json_object_set_new_nocheck(object, name, json_real(value)) : 0;
}

static json_t *json_of_load(const struct vmtp_load *load)
{
    json_t *json = json_object();
    if (!json)
        return NULL;
    int bad = put_text(json, "proto", vmtp_proto_name(load->proto));
    bad |= put_integer(json, "ipv6", load->ipv6);
    bad |= put_integer(json, "reverse", load->reverse);
    bad |= put_integer(json, "streams", load->streams);
    bad |= put_integer(json, "message_bytes", load->message_bytes);
    bad |= put_integer(json, "mss", load->mss);
    bad |= put_integer(json, "count", load->count);
    bad |= put_integer(json, "ttl", load->ttl);
    bad |= put_integer(json, "rate_bps", load->rate_bps);
    bad |= put_number(json, "seconds", load->seconds);
    bad |= put_number(json, "interval_s", load->interval_s);
    bad |= put_text(json, "group", load->group);
    if (bad) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* Gives the list back, or nothing when something did not work: so errors need one look at the end. */
static json_t *unless_bad(json_t *list, int bad)
{
    if (!bad)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *json_of_value(const struct vmtp_value *value)
{
    json_t *one = json_array();
    int bad = json_array_append_new(one, json_of_text(value->metric));
    bad |= json_array_append_new(one, json_of_text(value->unit ? value->unit : ""));
    bad |= json_array_append_new(one, json_real(value->value));
    return unless_bad(one, bad);
}

static json_t *json_of_values(const struct vmtp_event *ev)
{
    json_t *list = json_array();
    int bad = 0;
    const struct vmtp_value *value;
    for (size_t i = 0; (value = vmtp_event_value(ev, i)); i++)
        if (isfinite(value->value))
            bad |= json_array_append_new(list, json_of_value(value));
    return unless_bad(list, bad);
}

static json_t *json_of_property(const struct vmtp_property *property)
{
    json_t *one = json_array();
    int bad = json_array_append_new(one, json_of_text(property->name));
    bad |= json_array_append_new(one, json_of_text(property->text));
    return unless_bad(one, bad);
}

static json_t *json_of_properties(const struct vmtp_event *ev)
{
    json_t *list = json_array();
    int bad = 0;
    const struct vmtp_property *property;
    for (size_t i = 0; (property = vmtp_event_property(ev, i)); i++)
        if (property->text)
            bad |= json_array_append_new(list, json_of_property(property));
    return unless_bad(list, bad);
}

json_t *vmtp_event_to_json(const struct vmtp_event *ev)
{
    json_t *json = json_object();
    int bad = put_integer(json, "seq", ev->seq);
    bad |= json_object_set_new_nocheck(json, "time_ns", json_integer(ev->time_ns));
    bad |= put_text(json, "type", vmtp_event_type_name(ev->type));
    bad |= put_text(json, "run", ev->run_id);
    bad |= put_text(json, "flow", ev->flow_id);
    bad |= put_text(json, "topology", ev->topology);
    bad |= put_text(json, "tool", ev->tool);
    if (ev->load)
        bad |= json_object_set_new_nocheck(json, "load", json_of_load(ev->load));
    if (ev->n_values)
        bad |= json_object_set_new_nocheck(json, "values", json_of_values(ev));
    if (ev->n_properties)
        bad |= json_object_set_new_nocheck(json, "properties", json_of_properties(ev));
    if (ev->type == VMTP_EV_FAILURE)
        bad |= put_text(json, "status", vmtp_status_name(ev->status));
    bad |= put_text(json, "error", ev->error);
    return unless_bad(json, bad);
}

/* --- from JSON --- */

/* What vmtp_event_from_json() hands out: the event first, so that a pointer to it is a pointer to this. Its texts are
 * those of json. */
struct held_event {
    struct vmtp_event ev;
    struct vmtp_load load;
    json_t *json;
    struct vmtp_value *values;
    struct vmtp_property *properties;
};

void vmtp_event_free(struct vmtp_event *ev)
{
    if (!ev)
        return;
    struct held_event *held = (struct held_event *)ev;
    json_decref(held->json);
    free(held->values);
    free(held->properties);
    free(held);
}

/* A member that is a text, an unsigned integer, a number; absent ones leave *out alone. False: it has another type. */
static bool get_text(const json_t *json, const char *name, const char **out)
{
    const json_t *member = json_object_get(json, name);
    if (member)
        *out = json_string_value(member);
    return !member || *out;
}

static bool get_u64(const json_t *json, const char *name, uint64_t max, uint64_t *out)
{
    const json_t *member = json_object_get(json, name);
    if (!member)
        return true;
    json_int_t number = json_integer_value(member);
    if (!json_is_integer(member) || number < 0 || (uint64_t)number > max)
        return false;
    *out = (uint64_t)number;
    return true;
}

static bool get_u32(const json_t *json, const char *name, uint32_t *out)
{
    uint64_t number = *out;
    if (!get_u64(json, name, UINT32_MAX, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool get_number(const json_t *json, const char *name, double *out)
{
    const json_t *member = json_object_get(json, name);
    if (member)
        *out = json_number_value(member);
    return !member || json_is_number(member);
}

static bool get_load(const json_t *json, struct vmtp_load *load)
{
    const char *proto = "";
    load->struct_size = sizeof *load;
    bool good = json_is_object(json) && get_text(json, "proto", &proto) && get_u32(json, "ipv6", &load->ipv6) &&
                get_u32(json, "reverse", &load->reverse) && get_u32(json, "streams", &load->streams) &&
                get_u32(json, "message_bytes", &load->message_bytes) && get_u32(json, "mss", &load->mss) &&
                get_u32(json, "count", &load->count) && get_u32(json, "ttl", &load->ttl) &&
                get_u64(json, "rate_bps", INT64_MAX, &load->rate_bps) && get_number(json, "seconds", &load->seconds) &&
                get_number(json, "interval_s", &load->interval_s) && get_text(json, "group", &load->group);
    load->proto = good ? vmtp_proto_of(proto) : 0;
    return good && load->proto;
}

/* The elements of a member that is an array of at most max arrays; *n is 0 when it is absent. */
static bool get_list(const json_t *json, const char *name, size_t max, const json_t **list, size_t *n)
{
    *list = json_object_get(json, name);
    *n = json_array_size(*list);
    return (!*list || json_is_array(*list)) && *n <= max;
}

static int get_values(vmtp_ctx *ctx, struct held_event *held)
{
    const json_t *list;
    if (!get_list(held->json, "values", VMTP_VALUES_MAX, &list, &held->ev.n_values))
        return vmtp_fail(ctx, VMTP_EPARSE, "\"values\" is not a list of at most %d numbers", VMTP_VALUES_MAX);
    if (held->ev.n_values == 0)
        return VMTP_OK;
    held->values = calloc(held->ev.n_values, sizeof *held->values);
    if (!held->values)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (size_t i = 0; i < held->ev.n_values; i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *number = json_array_get(one, 2);
        held->values[i] = (struct vmtp_value){.metric = json_string_value(json_array_get(one, 0)),
                                              .unit = json_string_value(json_array_get(one, 1)),
                                              .value = json_number_value(number)};
        if (!held->values[i].metric || !held->values[i].unit || !json_is_number(number))
            return vmtp_fail(ctx, VMTP_EPARSE, "value %zu is not [metric, unit, number]", i + 1);
    }
    held->ev.values = held->values;
    return VMTP_OK;
}

static int get_properties(vmtp_ctx *ctx, struct held_event *held)
{
    const json_t *list;
    if (!get_list(held->json, "properties", 2 * VMTP_PROPERTIES_MAX, &list, &held->ev.n_properties))
        return vmtp_fail(ctx, VMTP_EPARSE, "\"properties\" is not a list of at most %d texts", 2 * VMTP_PROPERTIES_MAX);
    if (held->ev.n_properties == 0)
        return VMTP_OK;
    held->properties = calloc(held->ev.n_properties, sizeof *held->properties);
    if (!held->properties)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    for (size_t i = 0; i < held->ev.n_properties; i++) {
        const json_t *one = json_array_get(list, i);
        held->properties[i] = (struct vmtp_property){.name = json_string_value(json_array_get(one, 0)),
                                                     .text = json_string_value(json_array_get(one, 1))};
        if (!held->properties[i].name || !held->properties[i].text)
            return vmtp_fail(ctx, VMTP_EPARSE, "property %zu is not [name, text]", i + 1);
    }
    held->ev.properties = held->properties;
    return VMTP_OK;
}

/* The words for a status are those of ctx.c; a status of a newer VMTP is a plain failure here. */
static int32_t status_of(const char *name)
{
    for (int status = VMTP_OK; status >= VMTP_EPLACE; status--)
        if (strcmp(vmtp_status_name(status), name) == 0)
            return status;
    return VMTP_EFAIL;
}

static int get_head(vmtp_ctx *ctx, struct held_event *held)
{
    struct vmtp_event *ev = &held->ev;
    const char *type = NULL, *status = NULL;
    const json_t *time = json_object_get(held->json, "time_ns");
    if (!get_text(held->json, "type", &type) || !type)
        return vmtp_fail(ctx, VMTP_EPARSE, "no event: a text \"type\" is missing");
    ev->type = vmtp_event_type_of(type);
    if (ev->type == 0)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "an event of type \"%.40s\" is not known to this version", type);
    if (!get_u64(held->json, "seq", INT64_MAX, &ev->seq) || !get_text(held->json, "run", &ev->run_id) ||
        !get_text(held->json, "flow", &ev->flow_id) || !get_text(held->json, "topology", &ev->topology) ||
        !get_text(held->json, "tool", &ev->tool) || !get_text(held->json, "error", &ev->error) ||
        !get_text(held->json, "status", &status) || (time && !json_is_integer(time)))
        return vmtp_fail(ctx, VMTP_EPARSE, "a member of the event is of the wrong type");
    ev->time_ns = json_integer_value(time);
    ev->status = status ? status_of(status) : ev->type == VMTP_EV_FAILURE ? VMTP_EFAIL : VMTP_OK;
    const json_t *load = json_object_get(held->json, "load");
    if (load && !get_load(load, &held->load))
        return vmtp_fail(ctx, VMTP_EPARSE, "\"load\" is not understood");
    ev->load = load ? &held->load : NULL;
    return VMTP_OK;
}

int vmtp_event_from_json(vmtp_ctx *ctx, const json_t *json, struct vmtp_event **ev)
{
    *ev = NULL;
    struct held_event *held = calloc(1, sizeof *held);
    if (!held)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    held->json = json_incref((json_t *)json);
    held->ev.struct_size = sizeof held->ev;
    held->ev.value_size = sizeof(struct vmtp_value);
    held->ev.property_size = sizeof(struct vmtp_property);
    int rc = get_head(ctx, held);
    if (rc == VMTP_OK)
        rc = get_values(ctx, held);
    if (rc == VMTP_OK)
        rc = get_properties(ctx, held);
    if (rc < 0)
        vmtp_event_free(&held->ev);
    else
        *ev = &held->ev;
    return rc;
}
