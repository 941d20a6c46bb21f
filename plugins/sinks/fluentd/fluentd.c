/* SPDX-License-Identifier: Apache-2.0 */
/* The course of a run as records of fluentd's forward protocol: START, one per result and trouble, RUN_SUMMARY. */
#include <math.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire.h"

enum { TIME_BYTES = 40, MESSAGE_BYTES = 1024, CHUNK_BYTES = 100, PENDING_MAX = 1 << 20 };
static const double RETRY_SECONDS = 1;

struct fluentd_opts {
    const char *tag, *server;
    int64_t port;
    double timeout;
    bool ack;
};

static const struct vmtp_option fluentd_options[] = {
    VMTP_OPTION(struct fluentd_opts, tag, STRING, .fallback = "vmtp", .help = "tag of the records"),
    VMTP_OPTION(struct fluentd_opts, server, STRING, .fallback = "127.0.0.1", .help = "name or address of the server"),
    VMTP_OPTION(struct fluentd_opts, port, INT, .fallback = "24224", .min = 1, .max = 65535,
                .help = "port of its forward input"),
    VMTP_OPTION(struct fluentd_opts, ack, BOOL, .fallback = "true",
                .help = "ask the server to confirm what it has got, and send again what it has not"),
    VMTP_OPTION(struct fluentd_opts, timeout, SECONDS, .fallback = "5", .min = 1, .max = 7,
                .help = "how long to wait for the server in each step"),
    {0},
};

struct fluentd_sink {
    struct vmtp_fluentd_wire wire;
    const char *tag; /* of the options, which live as long */
    bool ack;
    msgpack_sbuffer pending; /* entries that are not sent yet: [time, record] */
    size_t n_pending;
    unsigned chunks;
    char began[TIME_BYTES], run_id[40];
    unsigned errors, warnings;
};

static void fluentd_close(void *state)
{
    struct fluentd_sink *sink = state;
    vmtp_fluentd_disconnect(&sink->wire);
    msgpack_sbuffer_destroy(&sink->pending);
    free(sink);
}

static int said(vmtp_ctx *ctx, const struct fluentd_sink *sink, int rc)
{
    return rc < 0 ? vmtp_fail(ctx, rc, "fluentd at %s, port %u: %s", sink->wire.server, sink->wire.port, sink->wire.why)
                  : VMTP_OK;
}

static int fluentd_open(vmtp_ctx *ctx, const void *opts, void **state)
{
    const struct fluentd_opts *options = opts;
    struct fluentd_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    sink->tag = options->tag;
    sink->ack = options->ack;
    sink->wire = (struct vmtp_fluentd_wire){options->server, (uint16_t)options->port, options->timeout, -1, ""};
    msgpack_sbuffer_init(&sink->pending);
    int rc = said(ctx, sink, vmtp_fluentd_connect(ctx, &sink->wire));
    if (rc < 0)
        fluentd_close(sink);
    else
        *state = sink;
    return rc;
}

/* --- records --- */

/* "2026-01-15T12:00:00.000000+0000", as the old program wrote it. */
static void time_text(int64_t time_ns, char out[TIME_BYTES])
{
    time_t seconds = (time_t)(time_ns / 1000000000);
    struct tm tm = {0};
    char date[TIME_BYTES / 2];
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, TIME_BYTES, "%s.%06d+0000", date, (int)(time_ns % 1000000000 / 1000));
}

static void pack_text(msgpack_packer *pack, const char *text)
{
    size_t n = strlen(text);
    msgpack_pack_str(pack, n);
    msgpack_pack_str_body(pack, text, n);
}

static void pack_member(msgpack_packer *pack, const char *name, const char *text)
{
    pack_text(pack, name);
    pack_text(pack, text);
}

static void pack_count(msgpack_packer *pack, const char *name, unsigned count)
{
    pack_text(pack, name);
    msgpack_pack_unsigned_int(pack, count);
}

/* What every record has: five members, and so many more that the caller adds. */
static msgpack_packer add_record(struct fluentd_sink *sink, const struct vmtp_event *ev, const char *level,
                                 const char *message, size_t more)
{
    msgpack_packer pack;
    char now[TIME_BYTES], text[MESSAGE_BYTES];
    snprintf(text, sizeof text, "%s", message);
    vmtp_printable(text);
    time_text(ev->time_ns, now);
    msgpack_packer_init(&pack, &sink->pending, msgpack_sbuffer_write);
    msgpack_pack_array(&pack, 2);
    msgpack_pack_int64(&pack, ev->time_ns / 1000000000);
    msgpack_pack_map(&pack, 5 + more);
    pack_member(&pack, "runlogdate", sink->began);
    pack_member(&pack, "loglevel", level);
    pack_member(&pack, "message", text);
    pack_member(&pack, "@timestamp", now);
    pack_member(&pack, "run_uuid", sink->run_id);
    sink->n_pending++;
    return pack;
}

static void add_begin(struct fluentd_sink *sink, const struct vmtp_event *ev)
{
    const char *args = vmtp_event_text(ev, "args"); /* its secrets are masked already */
    time_text(ev->time_ns, sink->began);
    snprintf(sink->run_id, sizeof sink->run_id, "%s", ev->run_id ? ev->run_id : "");
    msgpack_packer pack = add_record(sink, ev, "START", "VMTP run is started", 3);
    pack_count(&pack, "numloglevel", 0);
    pack_count(&pack, "numerrors", 0);
    pack_count(&pack, "numwarnings", 0);
    if (args)
        add_record(sink, ev, "INFO", args, 0);
}

static void add_end(struct fluentd_sink *sink, const struct vmtp_event *ev)
{
    const char *message = sink->errors ? "RUN WITH ERRORS" : sink->warnings ? "RUN WITH WARNINGS" : "GOOD RUN";
    msgpack_packer pack = add_record(sink, ev, "RUN_SUMMARY", message, 3);
    pack_count(&pack, "numloglevel", sink->errors ? 40 : sink->warnings ? 30 : 20);
    pack_count(&pack, "numerrors", sink->errors);
    pack_count(&pack, "numwarnings", sink->warnings);
}

static void add_trouble(struct fluentd_sink *sink, const struct vmtp_event *ev, const char *level, const char *words)
{
    char message[MESSAGE_BYTES];
    bool error = strcmp(level, "ERROR") == 0;
    sink->errors += error;
    sink->warnings += !error;
    snprintf(message, sizeof message, "%s%s%s%s%s", ev->flow_id ? ev->flow_id : "", ev->flow_id ? ": " : "",
             ev->load ? vmtp_proto_name(ev->load->proto) : "", ev->load ? ": " : "", words);
    add_record(sink, ev, level, message, 0);
}

/* The numbers of a result are members by their metric, in base units. */
static void add_result(struct fluentd_sink *sink, const struct vmtp_event *ev)
{
    char message[MESSAGE_BYTES], rate[VMTP_UNIT_TEXT] = "";
    double bps = vmtp_event_number(ev, "throughput", NAN), rtt = vmtp_event_number(ev, "rtt_avg", NAN);
    const struct vmtp_value *value;
    const struct vmtp_property *property;
    size_t n = 0;
    while (vmtp_event_value(ev, n))
        n++;
    if (isfinite(bps))
        vmtp_print_rate(bps, rate);
    else if (isfinite(rtt))
        vmtp_print_seconds(rtt, rate);
    const char *proto = ev->load ? vmtp_proto_name(ev->load->proto) : "";
    snprintf(message, sizeof message, "%s: %s %u bytes: %s", ev->flow_id ? ev->flow_id : "", proto,
             ev->load ? ev->load->message_bytes : 0, rate);
    msgpack_packer pack = add_record(sink, ev, "INFO", message, 2 + n);
    pack_member(&pack, "flow", ev->flow_id ? ev->flow_id : "");
    pack_member(&pack, "protocol", proto);
    for (size_t i = 0; i < n && (value = vmtp_event_value(ev, i)); i++) {
        pack_text(&pack, value->metric);
        msgpack_pack_double(&pack, value->value);
    }
    for (size_t i = 0; (property = vmtp_event_property(ev, i)); i++)
        if (strcmp(property->name, "warning") == 0 || strcmp(property->name, "flag") == 0)
            add_trouble(sink, ev, "WARNING", property->text);
    if (vmtp_event_problem(ev))
        add_trouble(sink, ev, "ERROR", vmtp_event_problem(ev));
}

/* What was expected, and what has become of it. */
static void add_verdict(struct fluentd_sink *sink, const struct vmtp_event *ev)
{
    char message[MESSAGE_BYTES];
    const char *text = vmtp_event_text(ev, "text"), *status = vmtp_event_text(ev, "status");
    if (vmtp_event_problem(ev)) {
        add_trouble(sink, ev, "ERROR", vmtp_event_problem(ev));
    } else if (status && strcmp(status, "passed") == 0) {
        snprintf(message, sizeof message, "%s: as expected: %s", ev->flow_id ? ev->flow_id : "run", text ? text : "");
        add_record(sink, ev, "INFO", message, 0);
    } else {
        add_trouble(sink, ev, "WARNING", text ? text : "an expectation was not checked");
    }
}

static void add_flow(struct fluentd_sink *sink, const struct vmtp_event *ev)
{
    char message[MESSAGE_BYTES];
    const char *label = vmtp_event_text(ev, "label"), *number = vmtp_event_text(ev, "number");
    snprintf(message, sizeof message, "Flow %s: %s (%s)", number ? number : "?", label ? label : "",
             ev->flow_id ? ev->flow_id : "");
    add_record(sink, ev, "INFO", message, 0);
}

/* --- sending --- */

/* [tag, [entry, ...], {"size": n, "chunk": id}] */
static void pack_message(const struct fluentd_sink *sink, const char *chunk, msgpack_sbuffer *message)
{
    msgpack_packer pack;
    msgpack_packer_init(&pack, message, msgpack_sbuffer_write);
    msgpack_pack_array(&pack, 3);
    pack_text(&pack, sink->tag);
    msgpack_pack_array(&pack, sink->n_pending);
    msgpack_sbuffer_write(message, sink->pending.data, sink->pending.size);
    msgpack_pack_map(&pack, sink->ack ? 2 : 1);
    pack_count(&pack, "size", (unsigned)sink->n_pending);
    if (sink->ack)
        pack_member(&pack, "chunk", chunk);
}

static int try_once(vmtp_ctx *ctx, struct fluentd_sink *sink, const msgpack_sbuffer *message, const char *chunk)
{
    int rc = sink->wire.fd < 0 ? vmtp_fluentd_connect(ctx, &sink->wire) : VMTP_OK;
    if (rc == VMTP_OK)
        rc = vmtp_fluentd_send(ctx, &sink->wire, message->data, message->size);
    if (rc == VMTP_OK && sink->ack)
        rc = vmtp_fluentd_confirmed(ctx, &sink->wire, chunk);
    return rc;
}

/* A server may have closed a connection that was idle for long, or restart: the chunk is sent again, under its id. */
static int fluentd_flush(vmtp_ctx *ctx, void *state)
{
    struct fluentd_sink *sink = state;
    char chunk[CHUNK_BYTES];
    if (sink->n_pending == 0)
        return VMTP_OK;
    snprintf(chunk, sizeof chunk, "%s-%u", sink->run_id, ++sink->chunks);
    msgpack_sbuffer message;
    msgpack_sbuffer_init(&message);
    pack_message(sink, chunk, &message);
    double until = vmtp_remaining(ctx) - sink->wire.timeout;
    int rc;
    while ((rc = try_once(ctx, sink, &message, chunk)) == VMTP_EUNREACH && vmtp_remaining(ctx) > until)
        if (vmtp_wait(ctx, RETRY_SECONDS) < 0)
            break;
    msgpack_sbuffer_destroy(&message);
    if (rc == VMTP_OK) {
        msgpack_sbuffer_clear(&sink->pending);
        sink->n_pending = 0;
    }
    return said(ctx, sink, rc);
}

static int fluentd_event(vmtp_ctx *ctx, void *state, const struct vmtp_event *ev)
{
    struct fluentd_sink *sink = state;
    switch (ev->type) {
    case VMTP_EV_RUN_BEGIN:
        add_begin(sink, ev);
        return fluentd_flush(ctx, sink); /* a run that never ends is seen to have begun */
    case VMTP_EV_FLOW_BEGIN:
        add_flow(sink, ev);
        break;
    case VMTP_EV_RESULT:
        add_result(sink, ev);
        break;
    case VMTP_EV_FAILURE:
        add_trouble(sink, ev, "ERROR", ev->error ? ev->error : "failed");
        break;
    case VMTP_EV_VERDICT:
        add_verdict(sink, ev);
        break;
    case VMTP_EV_RUN_END:
        add_end(sink, ev);
        break;
    default:
        break;
    }
    return sink->pending.size > PENDING_MAX ? fluentd_flush(ctx, sink) : VMTP_OK;
}

static const struct vmtp_sink_ops fluentd_ops = {
    .struct_size = sizeof fluentd_ops,
    .caps = VMTP_SINK_REMOTE,
    .open = fluentd_open,
    .event = fluentd_event,
    .flush = fluentd_flush,
    .close = fluentd_close,
};

VMTP_PLUGIN(sink_fluentd) = {
    VMTP_PLUGIN_HEAD,
    .name = "fluentd",
    .version = "1.0",
    .summary = "sends the course of a run to fluentd",
    .options = fluentd_options,
    .option_size = sizeof fluentd_options[0],
    .opts_size = sizeof(struct fluentd_opts),
    .sink = &fluentd_ops,
};
