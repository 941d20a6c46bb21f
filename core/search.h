/* SPDX-License-Identifier: Apache-2.0 */
/* Search for the highest UDP rate whose loss is within a range. It sees only "send at this rate for this long" and its
 * outcome, so another algorithm can stand beside it. */
#ifndef CORE_SEARCH_H
#define CORE_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "vmtp/plugin.h"

struct vmtp_trial {
    uint64_t target_bps;
    double seconds;
    double throughput_bps; /* arrived */
    double loss;           /* ratio */
    bool confirming;       /* a run of full length at a rate that was found */
};

/* Waits until the receiver has forgotten what too high a rate has left there. An error ends the search. */
typedef int (*vmtp_settle_fn)(vmtp_ctx *ctx, void *arg);

struct vmtp_search_goal {
    double loss_min, loss_max; /* ratio, both inclusive */
    double trial_seconds;      /* 1 */
    double confirm_seconds;    /* --time */
    uint64_t ceiling_bps;      /* start of the search's upper bound */
    unsigned max_trials;       /* confirming ones not counted */
    vmtp_settle_fn settle;     /* called at most a few times; NULL: trials do not disturb each other */
};

struct vmtp_search_answer {
    struct vmtp_trial best;  /* valid when found */
    unsigned index;          /* number of that trial, from 1 */
    bool found;              /* some trial gave a rate */
    bool confirmed;          /* best is a run of full length */
    bool in_range;           /* loss of best is at most loss_max */
    bool sender_limited;     /* the path could take more than the sender gave: loss below loss_min at its best rate */
    unsigned trials;         /* all of them */
};

/* One trial: fills throughput_bps and loss of *trial from target_bps and seconds. An error ends the search. */
typedef int (*vmtp_trial_fn)(vmtp_ctx *ctx, void *arg, struct vmtp_trial *trial);

/* The old program's search, bounded and confirmed: its step rules, but the answer is the best trial (highest throughput
 * whose loss is at most loss_max), run again for confirm_seconds; one that does not hold gives way to the next best. */
int vmtp_search_classic(vmtp_ctx *ctx, const struct vmtp_search_goal *goal, vmtp_trial_fn try_rate, void *arg,
                        struct vmtp_search_answer *answer);

#endif
