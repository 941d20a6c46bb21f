/* SPDX-License-Identifier: Apache-2.0 */
/* Events: collecting what a measurement says, and JSON of an event for the journal. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <jansson.h>

#include "vmtp/plugin.h"

/* Collects what tool.measure() reports. Values and properties own their text. */
struct vmtp_recorder {
    struct vmtp_value *values;
    size_t n_values;
    struct vmtp_property *properties;
    size_t n_properties;
    int (*sample)(vmtp_ctx *ctx, void *arg, const struct vmtp_value *values, size_t n); /* may be NULL */
    void *sample_arg;
};
int vmtp_recorder_property(struct vmtp_recorder *recorder, const char *name, const char *text);
/* VMTP_EFAIL with words for an unknown metric or a number that is not finite. A metric said twice: the last counts. */
int vmtp_recorder_metric(vmtp_ctx *ctx, struct vmtp_recorder *recorder, const char *metric, double value);
double vmtp_recorder_number(const struct vmtp_recorder *recorder, const char *metric, double fallback);
void vmtp_recorder_clear(struct vmtp_recorder *recorder);

/* An event as one JSON object, and back. From JSON: *ev points into memory that vmtp_event_free() releases; VMTP_EPARSE
 * with words for what is not an event. Unknown members are ignored. */
json_t *vmtp_event_to_json(const struct vmtp_event *ev); /* NULL: out of memory */
int vmtp_event_from_json(vmtp_ctx *ctx, const json_t *json, struct vmtp_event **ev);
void vmtp_event_free(struct vmtp_event *ev);

/* "run-begin" ... and back (0: unknown). "TCP" ... "ICMP" and back. */
const char *vmtp_event_type_name(uint32_t type);
uint32_t vmtp_event_type_of(const char *name);
const char *vmtp_proto_name(uint32_t proto);
uint32_t vmtp_proto_of(const char *name);

#endif
