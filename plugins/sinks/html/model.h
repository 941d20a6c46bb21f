/* SPDX-License-Identifier: Apache-2.0 */
/* Result documents as a page needs them: what is in them by flow and kind of measurement. Read from the documents of
 * this program, from those of the old one, and from those that somebody else has made: nothing is taken for granted.
 * All text is borrowed from the documents. Rates are bit/s, times milliseconds, losses percent; NAN: not told. */
#ifndef SINKS_HTML_MODEL_H
#define SINKS_HTML_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum html_proto { HTML_TCP, HTML_UDP, HTML_MULTICAST, HTML_ICMP, HTML_OTHER };

/* Numbers of one quantity. */
struct html_spread {
    size_t n;
    double min, max, mean, squares; /* squares: sum of the squared distances from the mean */
};
void html_spread_add(struct html_spread *spread, double value); /* NAN is not counted */
double html_spread_stddev(const struct html_spread *spread);    /* of the sample; NAN for less than two */

/* One throughput measurement. */
struct html_item {
    const json_t *json;
    enum html_proto proto;
    long long size; /* bytes; -1: not told */
    bool reverse;
    double bps, loss, rtt_ms, retrans, jitter_ms, cpu_sender, cpu_receiver;
    const char *tool, *error; /* error: NULL for a good one */
    size_t place;             /* in the results of the flow, for the script */
    size_t kind;              /* of the flow */
};

/* What was measured several times: same protocol, size, direction. */
struct html_kind {
    enum html_proto proto;
    long long size;
    bool reverse;
    struct html_spread bps, loss, rtt_ms, retrans, cpu_sender, cpu_receiver;
    const char *error;                   /* the first */
    const struct html_item *first;       /* the first that has a number, else the first */
    double load_min, load_avg, load_max, load_stddev; /* round trips while it sent; NAN: not told */
    size_t series;                       /* of the report */
};

/* Echo requests of one size. */
struct html_ping {
    const json_t *json;
    long long size;
    double min, avg, max, stddev, sent, received, loss;
    const char *error, *load; /* load: what was sent meanwhile, NULL: nothing */
};

struct html_flow {
    const json_t *json;
    const char *desc, *error, *status; /* status: NULL: not told */
    const char *family, *member;       /* "L3 fixed", "intra-node"; member may be NULL */
    bool external;
    struct html_item *items;
    struct html_kind *kinds;
    struct html_ping *pings;
    size_t n_items, n_kinds, n_pings;
};

struct html_run {
    const json_t *json;
    struct html_flow *flows;
    size_t n_flows;
};

/* A kind over all flows and runs: what has one colour in the charts. */
struct html_series {
    enum html_proto proto;
    long long size;
    size_t shade; /* counts the sizes of a protocol */
};

struct html_report {
    struct html_run *runs;
    size_t n_runs;
    struct html_series *series; /* UDP by size, then TCP, then multicast */
    size_t n_series;
};

/* Which throughput measurements count; pings always do. */
enum html_show { HTML_ALL, HTML_ONLY_TCP, HTML_ONLY_UDP };

/* False when out of memory; html_report_clear() is due in both cases. The documents must be objects. */
bool html_report_read(struct html_report *report, json_t *const *documents, size_t n, enum html_show show);
void html_report_clear(struct html_report *report);

/* Reading members. Text that is empty, and what is not text, is NULL. A number may be text. */
const char *html_text(const json_t *object, const char *member);
double html_number(const json_t *object, const char *member);

const char *html_proto_name(enum html_proto proto);

#endif
