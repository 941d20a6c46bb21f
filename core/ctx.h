/* SPDX-License-Identifier: Apache-2.0 */
/* vmtp_ctx: what one call carries: causes of an error, a place in the log, a deadline, the user's interrupt, and, while
 * something is measured, the place where its numbers go. */
#ifndef CORE_CTX_H
#define CORE_CTX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/util/buf.h"
#include "vmtp/plugin.h"

struct vmtp_plan;     /* plan.h: what will be done */
struct vmtp_settings; /* settings.h */
struct vmtp_bundles;  /* bundle.h: programs that are brought along */
struct vmtp_ledger;   /* ledger.h: what is to be removed again */
struct vmtp_watch;    /* watch.h: what is looked at while a client runs */
struct vmtp_recorder; /* event.h: collects metrics and properties of a measurement */

struct vmtp_ctx {
    struct vmtp_buf causes; /* outermost frame first, joined by ": " */
    bool starved;           /* there was no memory for a cause */
    char where[160];        /* "flow 3: tool iperf: " in front of log lines */
    double deadline;        /* vmtp_now() scale; 0: none */
    const atomic_bool *cancel; /* NULL: cannot be interrupted */
    struct vmtp_recorder *recorder; /* NULL outside prepare and measure */
    struct vmtp_watch *watch;       /* NULL outside measure */
    struct vmtp_ledger *ledger;     /* NULL outside a run */
    struct vmtp_bundles *bundles;   /* NULL: a program that an endpoint lacks is not brought there */
    const char *topology;           /* whose call it is, for vmtp_track(); NULL outside acquire and release */
    struct vmtp_plan *plan;         /* of the run, for vmtp_flow_relabel(); NULL outside acquire */
    const struct vmtp_settings *settings;           /* of a cleanup; NULL elsewhere: a plan has them */
    void (*tell)(void *arg, const char *what);      /* shows what is awaited now; NULL: nobody looks */
    void *tell_arg;
    /* Called by vmtp_connect() for each machine of this run's own as soon as it is connected, while others still boot;
     * from several threads at once. NULL: there is nothing to do then. */
    void (*connected)(void *arg, struct vmtp_ctx *ctx, vmtp_endpoint *ep);
    void *connected_arg;
};

/* A ctx without deadline that obeys cancel (may be NULL). */
void vmtp_ctx_init(struct vmtp_ctx *ctx, const atomic_bool *cancel);
void vmtp_ctx_clear(struct vmtp_ctx *ctx);

/* A ctx for a part of the work of parent: its own causes and place, the same interrupt, recorder and ledger, the sooner
 * of both deadlines (seconds <= 0: the parent's). */
void vmtp_ctx_child(struct vmtp_ctx *ctx, const struct vmtp_ctx *parent, double seconds);

/* Sets what stands in front of log lines. */
void vmtp_ctx_where(struct vmtp_ctx *ctx, const char *fmt, ...) VMTP_PRINTF(2);

/* Puts a frame in front of the causes: "tool iperf: measure". Nothing happens without causes. */
void vmtp_ctx_frame(struct vmtp_ctx *ctx, const char *fmt, ...) VMTP_PRINTF(2);

/* The causes as one text; never empty: a status without words gets its standard text. Valid until the next change. */
const char *vmtp_ctx_error(struct vmtp_ctx *ctx, int status);
void vmtp_ctx_forget(struct vmtp_ctx *ctx);

/* VMTP_ECANCELED, VMTP_ETIMEOUT (with words) or VMTP_OK: what a blocking loop asks once per turn. */
int vmtp_ctx_check(struct vmtp_ctx *ctx);

/* Shows on the progress line what is awaited. VMTP_ECANCELED or VMTP_ETIMEOUT as vmtp_ctx_check(). */
int vmtp_ctx_tell(struct vmtp_ctx *ctx, const char *fmt, ...) VMTP_PRINTF(2);

/* The word for a status, as in the journal: "timeout". */
const char *vmtp_status_name(int status);

static inline void vmtp_clean_ctx(struct vmtp_ctx *ctx)
{
    vmtp_ctx_clear(ctx);
}
#endif
