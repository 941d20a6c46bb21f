/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/util/json.h"
#include "reports/summary.h"

const char *const vmtp_summary_columns[] = {
    "date", "run_id", "run_uuid", "test_description", "distro", "openstack_version", "encapsulation", "flow", "nw_type",
    "vm_loc", "fixed_float", "protocol", "tool", "direction", "pkt_size", "throughput_kbps", "rtt_ms", "loss_rate",
    "rtt_avg_ms", "error", NULL,
};

/* Those that say something of the run, and of the item. */
static const char *const run_columns[] = {
    "date", "run_id", "run_uuid", "test_description", "distro", "openstack_version", "encapsulation", NULL,
};
static const char *const item_columns[] = {
    "protocol", "tool", "direction", "pkt_size", "throughput_kbps", "rtt_ms", "loss_rate", "rtt_avg_ms", "error", NULL,
};

/* One document on its way to rows. */
struct making {
    const json_t *document;
    const struct vmtp_summary_filter *filter;
    json_t *rows; /* of the flow at hand */
    size_t n;     /* of the document */
    bool no_memory;
};

/* --- text --- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool contains(const char *text, const char *part)
{
    size_t len = strlen(part);
    for (; *text; text++)
        if (strncasecmp(text, part, len) == 0)
            return true;
    return len == 0;
}

/* --- what is wanted --- */

static bool wants_document(const json_t *document, const struct vmtp_summary_filter *filter)
{
    const char *date = text_of(document, "date");
    if (filter->encapsulation && strcasecmp(text_of(document, "encapsulation"), filter->encapsulation) != 0)
        return false;
    if (filter->since && strncmp(date, filter->since, strlen(filter->since)) < 0)
        return false;
    if (filter->until && strncmp(date, filter->until, strlen(filter->until)) > 0)
        return false;
    return !filter->description || contains(text_of(document, "test_description"), filter->description);
}

static bool wants_flow(const json_t *flow, const struct vmtp_summary_filter *filter)
{
    return !filter->flow || contains(text_of(flow, "desc"), filter->flow) ||
           strcmp(text_of(flow, "id"), filter->flow) == 0;
}

static bool wants_item(const json_t *item, const struct vmtp_summary_filter *filter)
{
    static const char *const protocols[VMTP_SUMMARY_REPORTS] = {NULL, "TCP", "UDP"};
    const char *protocol = protocols[filter->report];
    return !protocol || strcasecmp(text_of(item, "protocol"), protocol) == 0;
}

/* --- rows --- */

/* Copies scalars; what is no scalar is said to be something else, and not shown. */
static void set(struct making *making, json_t *row, const char *name, json_t *value)
{
    json_t *shown = json_is_object(value) || json_is_array(value) ? json_string("?") : json_incref(value);
    if (json_object_set_new(row, name, shown ? shown : json_null()) < 0)
        making->no_memory = true;
}

static void set_text(struct making *making, json_t *row, const char *name, const char *text)
{
    if (text && json_object_set_new(row, name, json_string(text)) < 0)
        making->no_memory = true;
}

/* The old reports say where a flow runs by its description, which is the same in all versions. */
static void set_flow(struct making *making, json_t *row, const json_t *flow)
{
    static const struct {
        const char *column, *part, *text;
    } meanings[] = {
        {"nw_type", "same network", "L2 Network"},     {"nw_type", "different network", "L3 Network"},
        {"vm_loc", "intra-node", "Intra-node"},        {"vm_loc", "inter-node", "Inter-node"},
        {"fixed_float", "fixed IP", "Fixed IP"},       {"fixed_float", "floating IP", "Floating IP"},
    };
    const char *description = text_of(flow, "desc");
    set_text(making, row, "flow", *description ? description : NULL);
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (contains(description, meanings[i].part))
            set_text(making, row, meanings[i].column, meanings[i].text);
}

/* A new row at the end, with all its columns; NULL: no more of them. */
static json_t *add_row(struct making *making, const json_t *flow)
{
    json_t *row = making->n++ < VMTP_SUMMARY_ROWS_MAX ? json_object() : NULL;
    if (!row)
        return NULL;
    if (json_array_append_new(making->rows, row) < 0) {
        making->no_memory = true;
        return NULL;
    }
    for (size_t i = 0; vmtp_summary_columns[i]; i++)
        set(making, row, vmtp_summary_columns[i], NULL);
    for (size_t i = 0; run_columns[i]; i++)
        set(making, row, run_columns[i], json_object_get(making->document, run_columns[i]));
    set_flow(making, row, flow);
    return row;
}

static void add_item(struct making *making, const json_t *flow, const json_t *item)
{
    json_t *row = add_row(making, flow);
    for (size_t i = 0; row && item_columns[i]; i++)
        set(making, row, item_columns[i], json_object_get(item, item_columns[i]));
}

/* Since version 2.3 pings are a list of results, one per size. */
static void add_pings(struct making *making, const json_t *flow, const json_t *item, const json_t *sizes)
{
    for (size_t i = 0; i < json_array_size(sizes); i++) {
        const json_t *size = json_array_get(sizes, i);
        json_t *row = add_row(making, flow);
        if (!row)
            return;
        set(making, row, "protocol", json_object_get(item, "protocol"));
        set(making, row, "tool", json_object_get(item, "tool"));
        set(making, row, "pkt_size", json_object_get(size, "packet_size"));
        set(making, row, "loss_rate", json_object_get(size, "loss_rate"));
        set(making, row, "rtt_avg_ms", json_object_get(size, "rtt_avg_ms"));
        set(making, row, "error", json_object_get(size, "error"));
    }
}

/* An item may be a text: what went wrong when the machines were made. */
static void add_words(struct making *making, const json_t *flow, json_t *words)
{
    json_t *row = making->filter->report == VMTP_SUMMARY_ALL ? add_row(making, flow) : NULL;
    if (row)
        set(making, row, "error", words);
}

static void add_flow(struct making *making, const json_t *flow)
{
    json_t *results = json_object_get(flow, "results");
    if (!json_is_array(results) || json_array_size(results) == 0) {
        add_words(making, flow, json_is_string(results) ? results : json_object_get(flow, "error"));
        return;
    }
    for (size_t i = 0; i < json_array_size(results); i++) {
        json_t *item = json_array_get(results, i), *sizes = json_object_get(item, "results");
        if (!json_is_object(item))
            add_words(making, flow, item);
        else if (!wants_item(item, making->filter))
            continue;
        else if (json_is_array(sizes))
            add_pings(making, flow, item, sizes);
        else
            add_item(making, flow, item);
    }
}

json_t *vmtp_summary_rows(const json_t *document, const struct vmtp_summary_filter *filter, bool *cut)
{
    struct making making = {.document = document, .filter = filter};
    VMTP_CLEAN(json) json_t *all = json_array();
    const json_t *flows = json_object_get(document, "flows");
    size_t n = wants_document(document, filter) ? json_array_size(flows) : 0;
    for (size_t i = 0; i < n && all && making.n < VMTP_SUMMARY_ROWS_MAX; i++) {
        const json_t *flow = json_array_get(flows, i);
        if (!json_is_object(flow) || !wants_flow(flow, filter))
            continue;
        making.rows = json_array();
        if (making.rows)
            add_flow(&making, flow);
        bool empty = json_array_size(making.rows) == 0;
        making.no_memory = making.no_memory || !making.rows;
        if (empty)
            json_decref(making.rows);
        else if (json_array_append_new(all, making.rows) < 0)
            making.no_memory = true;
    }
    *cut = making.n > VMTP_SUMMARY_ROWS_MAX;
    return making.no_memory ? NULL : json_incref(all);
}
