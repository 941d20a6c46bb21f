/* SPDX-License-Identifier: Apache-2.0 */
/* Events: collecting what a measurement says, and JSON of an event for the journal. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <jansson.h>

#include "vmtp/plugin.h"

/* What a tool may report about one measurement. A text beyond its limit is cut, more properties are refused: what a
 * tool reports comes from the output of a remote program. */
enum { VMTP_PROPERTIES_MAX = 256, VMTP_PROPERTY_TEXT_MAX = 4096, VMTP_VALUES_MAX = 1024 };

/* Collects what tool.measure() reports. Properties own their text; names of metrics and units are static. */
struct vmtp_recorder {
    struct vmtp_value *values;
    size_t n_values;
    struct vmtp_property *properties;
    size_t n_properties;
    int (*sample)(vmtp_ctx *ctx, void *arg, const struct vmtp_value *values, size_t n); /* may be NULL */
    void *sample_arg;
};
/* VMTP_ENOMEM, or VMTP_EFAIL for one more than VMTP_PROPERTIES_MAX. */
int vmtp_recorder_property(struct vmtp_recorder *recorder, const char *name, const char *text);
/* VMTP_EFAIL with words for an unknown metric or a number that is not finite. A metric said twice: the last counts. */
int vmtp_recorder_metric(vmtp_ctx *ctx, struct vmtp_recorder *recorder, const char *metric, double value);
double vmtp_recorder_number(const struct vmtp_recorder *recorder, const char *metric, double fallback);
void vmtp_recorder_clear(struct vmtp_recorder *recorder);

/* An event as one JSON object, and back. Members: seq, time_ns, type, run, flow, topology, tool, load (an object),
 * values ([[metric, unit, number]...]), properties ([[name, text]...]), status, error; what is NULL, 0 or empty is left
 * out.
 * Numbers survive the way there and back when they are written with 17 digits. Numbers that are not finite are left
 * out; text that is not UTF-8 is made harmless. From JSON: *ev points into memory that vmtp_event_free() releases,
 * which holds a reference to json; VMTP_EPARSE with words for what is not an event, VMTP_ENOTSUP for an event of a type
 * that is not known here. Unknown members are ignored. */
json_t *vmtp_event_to_json(const struct vmtp_event *ev); /* NULL: out of memory */
int vmtp_event_from_json(vmtp_ctx *ctx, const json_t *json, struct vmtp_event **ev);
void vmtp_event_free(struct vmtp_event *ev);

/* "run-begin" ... and back (0: unknown). What vmtp_proto_name() gives, and back. */
const char *vmtp_event_type_name(uint32_t type);
uint32_t vmtp_event_type_of(const char *name);
uint32_t vmtp_proto_of(const char *name);

#endif
