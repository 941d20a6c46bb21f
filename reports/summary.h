/* SPDX-License-Identifier: Apache-2.0 */
/* pnsdb_summary: result documents, from MongoDB or from files, as rows of a report. What a document holds was written
 * by others: any member may be missing, of another type, long or hostile. */
#ifndef REPORTS_SUMMARY_H
#define REPORTS_SUMMARY_H

#include <jansson.h>
#include <stdio.h>

#include "vmtp/plugin.h"

enum vmtp_summary_report { VMTP_SUMMARY_ALL, VMTP_SUMMARY_TCP, VMTP_SUMMARY_UDP, VMTP_SUMMARY_REPORTS };
enum vmtp_summary_format { VMTP_SUMMARY_TABLE, VMTP_SUMMARY_JSON, VMTP_SUMMARY_CSV };

/* Which documents, flows and items are wanted. NULL: all. */
struct vmtp_summary_filter {
    enum vmtp_summary_report report;
    const char *encapsulation; /* the whole word */
    const char *since, *until; /* "2026-01-15 12:30", cut off anywhere; both inclusive */
    const char *description;   /* a part of it, whatever the case */
    const char *flow;          /* a part of its description, whatever the case, or its whole id */
};

/* --- rows --- */

enum { VMTP_SUMMARY_ROWS_MAX = 20000 }; /* of one document */

/* The columns of json and csv, in order; NULL-ended. A row has each of them, null where there is nothing to say. */
extern const char *const vmtp_summary_columns[];

/* The rows of a document: an array with an array of objects per flow; what is wanted only. Empty when the filter leaves
 * nothing, NULL when out of memory. *cut is set when the document had more than VMTP_SUMMARY_ROWS_MAX. */
json_t *vmtp_summary_rows(const json_t *document, const struct vmtp_summary_filter *filter, bool *cut);

/* --- printing: begin, one call for each document, end --- */

struct vmtp_summary_printer {
    FILE *out;
    enum vmtp_summary_report report;
    enum vmtp_summary_format format;
    size_t rows; /* printed so far */
};
void vmtp_summary_begin(const struct vmtp_summary_printer *printer);
int vmtp_summary_print(struct vmtp_summary_printer *printer, const json_t *rows); /* VMTP_ENOMEM */
void vmtp_summary_end(const struct vmtp_summary_printer *printer);

/* --- documents --- */

/* Is given each document; its failure ends the reading. */
typedef int (*vmtp_summary_take)(vmtp_ctx *ctx, void *arg, const json_t *document);

/* Every document in a file: one, or one after the other as mongoexport writes them. */
int vmtp_summary_file(vmtp_ctx *ctx, const char *path, vmtp_summary_take take, void *arg);

/* Where documents are stored. uri or server. */
struct vmtp_summary_store {
    const char *uri, *server, *db, *collection;
    int64_t port;
};

/* Every document of a collection by date; the server leaves out what the filter does not want, as far as it can.
 * VMTP_ENOTSUP when this program was built without MongoDB's library. */
int vmtp_summary_stored(vmtp_ctx *ctx, const struct vmtp_summary_store *store, const struct vmtp_summary_filter *filter,
                        vmtp_summary_take take, void *arg);

#endif
