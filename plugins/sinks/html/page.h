/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a page. Each writes what the documents have, and nothing when they lack it. */
#ifndef SINKS_HTML_PAGE_H
#define SINKS_HTML_PAGE_H

#include <stdio.h>

#include "core/results.h"
#include "plugins/sinks/html/text.h"

/* A place on the axis of flows: a flow in one direction, the same one in all runs. */
struct html_column {
    const char *family, *desc;
    char label[48]; /* within the family */
    bool reverse;
    size_t place; /* in the order of the run */
    const struct vmtp_result_flow **flows; /* one for each run; NULL: that run lacks it */
};

struct html_columns {
    struct html_column *items;
    size_t n, left_out; /* left_out: flows beyond the most that are compared */
};

struct page {
    FILE *out;
    const struct vmtp_results *report;
    const struct html_columns *columns;
};

/* False when out of memory; html_columns_clear() is due in both cases. */
bool html_columns_make(struct html_columns *columns, const struct vmtp_results *report);
void html_columns_clear(struct html_columns *columns);

/* The kind of a series in a column; NULL when it was not measured. */
const struct vmtp_result_kind *html_kind_in(const struct vmtp_result_flow *flow, const struct html_column *column,
                                            size_t series);

/* Why a flow has no throughput at all in the direction of a column; NULL when it has, or was not asked. */
const char *html_why_lost(const struct vmtp_result_flow *flow, const struct html_column *column);

/* Classes of page.css. */
const char *html_series_css(const struct vmtp_result_series *series, char css[8]);
const char *html_run_css(size_t run, char css[8]);
/* "UDP 1024 B" */
const char *html_series_name(enum vmtp_result_proto proto, long long size, char name[64]);
/* "A" */
const char *html_run_name(size_t run, char name[24]);
/* "passed" and the like to "good", "bad", "warn" or "". */
const char *html_status_css(const char *status);

/* A flag of a result in words. */
const char *html_flag_words(const char *flag);
/* What a remark or verdict says: a text, or an object with one in "text", "reason" and the like. NULL: nothing. */
const char *html_said(const json_t *json);
/* Calls use for each text of a list of texts, or for one that is no list; objects count by their text and reason. */
void html_each_text(const json_t *json, void (*use)(FILE *out, const char *text, const char *status), FILE *out);

void html_charts(const struct page *page);      /* panels.c: throughput, latency, loss */
void html_notes(const struct page *page);       /* page.c: what a reader has to know before believing a number */
void html_numbers_table(const struct page *page); /* tables.c */
void html_latency_table(const struct page *page);
void html_cpu_table(const struct page *page);
void html_properties_table(const struct page *page);
void html_flow_cards(const struct page *page);  /* flows.c */

#endif
