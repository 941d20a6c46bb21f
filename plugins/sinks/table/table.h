/* SPDX-License-Identifier: Apache-2.0 */
/* The table sink in three parts: table.c collects what the events tell, rows.c makes rows of the summary out of it,
 * layout.c draws them. */
#ifndef SINKS_TABLE_TABLE_H
#define SINKS_TABLE_TABLE_H

#include <stdio.h>

#include <vmtp/plugin.h>

/* A quantity over repeats. */
struct table_mean {
    double sum, min, max;
    size_t n;
};

/* What was measured with one protocol and size in one direction of a flow. */
struct table_kind {
    uint32_t proto, bytes;
    bool reverse;
    struct table_mean throughput, retransmits, rtt, loss, jitter;
    struct table_mean rtt_min, rtt_max, rtt_stddev, sent, received; /* ICMP; rtt is the mean there */
    char *remarks; /* flags in words, ", "-joined; NULL: none */
    char *error;   /* the first one; NULL: none */
};

/* What has become of an expectation. */
enum table_outcome { TABLE_MET, TABLE_MISSED, TABLE_UNCHECKED, TABLE_OUTCOMES };
struct table_verdict {
    uint32_t proto;
    bool reverse;
    enum table_outcome outcome;
    char *text;
};
struct table_verdicts {
    struct table_verdict *items;
    size_t n;
};

struct table_flow {
    char *id, *label, *scenario, *from, *to;
    char *protocols; /* the letters that were asked of this flow; NULL: those of the run */
    char *error;     /* of the flow as a whole */
    char *status;    /* NULL: it has not ended */
    struct table_kind *kinds;
    size_t n_kinds;
    struct table_verdicts verdicts;
};

struct table {
    char *run_id, *protocols, *loss_range, *status;
    char **errors; /* of the run as a whole */
    size_t n_errors;
    struct table_verdicts verdicts; /* of the run as a whole */
    struct table_flow *flows;
    size_t n_flows, flows_room;
};

enum row_status { ROW_PASSED, ROW_FAILED, ROW_SKIPPED };
struct row {
    char *number, *name, *data; /* data: lines */
    enum row_status status;
};
struct rows {
    struct row *items;
    size_t n, room;
    size_t counts[ROW_SKIPPED + 1];
};

/* The rows of the summary: all scenarios, those of other topologies last. VMTP_ENOMEM or VMTP_OK. */
int rows_make(const struct table *table, struct rows *rows);
void rows_clear(struct rows *rows);

struct layout {
    size_t columns;    /* the table is not wider, unless that is too little for it */
    bool color;
    bool only_measured; /* SKIPPED rows are left out */
};
void layout_draw(FILE *out, const struct rows *rows, const struct layout *layout);

/* Ends a stream of open_memstream() whose text is *text. VMTP_ENOMEM: some of it may be missing, or *text is NULL;
 * glibc says that in one of three ways. */
static inline int table_close_text(FILE *out, char *const *text)
{
    int bad = fflush(out) != 0 || ferror(out);
    return (fclose(out) != 0) | bad || !*text ? VMTP_ENOMEM : VMTP_OK;
}

#endif
