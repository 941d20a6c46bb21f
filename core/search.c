/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search of the old program, with its step rules: the rate that is tried next lies between a lower bound that only
 * rises and an upper bound that only falls. What was wrong with it:
 *   - the answer was the last trial, whatever its loss: here it is the best one, and a run of full length confirms it;
 *   - there was no bound on the number of trials;
 *   - one disturbed trial lowered the upper bound for good: here the bound is tried again before the search gives up;
 *   - the upper bound was a wall: here it gives way when the path takes that rate too;
 *   - a path on which nothing arrives was halved down to 1 kbit/s: here it is given up earlier.
 */
#include "core/search.h"

#include <math.h>
#include <stdlib.h>

#include "core/ctx.h"

enum {
    TRIALS_CAP = 1000, /* whatever the goal says */
    CONFIRMATIONS = 4, /* runs of full length at most */
};
static const double NEAR = 0.95;          /* bounds are near enough: lower / upper */
static const double FOLLOWED = 0.8;       /* less of the demand than this has arrived: nothing could follow it */
static const double NOTHING_STEP = 0.1;   /* next rate after a trial of which nothing has arrived */
static const double LOWEST_BPS = 10000;   /* nothing arrives at that rate: the path is dead */
static const double HIGHEST_BPS = 1e15;   /* the upper bound is not raised beyond */
static const double LIMITED_SHARE = 0.95; /* the sender gave less of the demand than this */
static const double WITNESS_SPAN = 1.3;   /* trials up to this much above a bound speak for it */

struct search {
    vmtp_ctx *ctx;
    const struct vmtp_search_goal *goal;
    vmtp_trial_fn try_rate;
    void *arg;
    struct vmtp_trial *trials;
    unsigned n, searching; /* all of them, those before confirming */
    double low, high, rate;
    double checked; /* the upper bound that was tried again, 0: none */
};

/* What a tool says is not trusted to be a number. */
static double clamp(double value, double most)
{
    return value > 0 ? fmin(value, most) : 0;
}

static int run_trial(struct search *s, double rate, double seconds, bool confirming)
{
    struct vmtp_trial trial = {
        .target_bps = (uint64_t)fmax(rate, 1),
        .seconds = seconds,
        .confirming = confirming,
    };
    int rc = vmtp_ctx_check(s->ctx);
    if (rc == VMTP_OK)
        rc = s->try_rate(s->ctx, s->arg, &trial);
    if (rc < 0)
        return rc;
    trial.throughput_bps = clamp(trial.throughput_bps, HIGHEST_BPS);
    trial.loss = clamp(trial.loss, 1);
    s->trials[s->n++] = trial;
    return VMTP_OK;
}

static bool too_much(const struct search *s, const struct vmtp_trial *trial)
{
    return trial->loss > s->goal->loss_max || trial->throughput_bps < FOLLOWED * (double)trial->target_bps;
}

/* No trial has said that the upper bound is too high: it is a guess. */
static bool bound_is_a_guess(const struct search *s)
{
    for (unsigned i = 0; i < s->n; i++)
        if (too_much(s, &s->trials[i]))
            return false;
    return true;
}

static void go_up(struct search *s, double arrived)
{
    s->low = arrived > s->low ? arrived : (s->high + s->low) / 2;
    if (s->low >= FOLLOWED * s->high && s->high < HIGHEST_BPS && bound_is_a_guess(s))
        s->high = fmin(s->high * 2, HIGHEST_BPS);
    s->rate = (s->high + s->low) / 2;
}

/* Chooses the next rate. False when the last trial was within the range of loss. */
static bool step(struct search *s)
{
    const struct vmtp_trial *last = &s->trials[s->n - 1];
    double rate = (double)last->target_bps, arrived = last->throughput_bps;
    if (arrived < FOLLOWED * rate) { /* sender or path cannot follow the demand */
        s->rate = arrived > 0 ? fmin(arrived + (rate - arrived) / 2, 3 * arrived) : rate * NOTHING_STEP;
        s->high = s->rate;
        s->low = fmin(s->low, s->high);
    } else if (last->loss < s->goal->loss_min) {
        go_up(s, arrived);
    } else if (last->loss > s->goal->loss_max) {
        s->high = rate;
        s->low = fmin(s->low, s->high);
        s->rate = arrived < rate ? arrived : (s->high + s->low) / 2;
    } else {
        return false;
    }
    return true;
}

static bool closed(const struct search *s)
{
    return s->rate < LOWEST_BPS || s->low >= NEAR * s->high;
}

/* Two trials near the upper bound say that it is too high, or it was tried again already. */
static bool bound_is_known(const struct search *s)
{
    unsigned witnesses = s->checked == s->high ? 2 : 0;
    for (unsigned i = 0; i < s->n && witnesses < 2; i++) {
        double rate = (double)s->trials[i].target_bps;
        witnesses += rate >= NEAR * s->high && rate <= WITNESS_SPAN * s->high && too_much(s, &s->trials[i]);
    }
    return witnesses >= 2;
}

/* The bounds have met outside the range of loss. Was it a disturbed trial that set the upper one? */
static int check_bound(struct search *s)
{
    s->checked = s->high;
    int rc = run_trial(s, s->high, s->goal->trial_seconds, false);
    if (rc < 0)
        return rc;
    const struct vmtp_trial *last = &s->trials[s->n - 1];
    double rate = (double)last->target_bps;
    if (last->loss >= s->goal->loss_min || last->throughput_bps < NEAR * rate)
        return VMTP_OK; /* it was right */
    s->low = rate;
    s->high = fmin(rate * 4, HIGHEST_BPS);
    s->rate = fmin(rate * 2, HIGHEST_BPS);
    return VMTP_OK;
}

static int find_rate(struct search *s, unsigned most)
{
    int rc = VMTP_OK;
    while (rc == VMTP_OK && s->n < most) {
        if (!closed(s)) {
            rc = run_trial(s, s->rate, s->goal->trial_seconds, false);
            if (rc == VMTP_OK && !step(s))
                break;
        } else if (s->rate >= LOWEST_BPS && !bound_is_known(s)) {
            rc = check_bound(s);
        } else {
            break;
        }
    }
    s->searching = s->n;
    return rc;
}

/* Is a the better answer? Within the range of loss what arrived counts, outside how little was lost. */
static bool better(const struct vmtp_search_goal *goal, const struct vmtp_trial *a, const struct vmtp_trial *b)
{
    bool a_holds = a->loss <= goal->loss_max, b_holds = b->loss <= goal->loss_max;
    if (a_holds != b_holds)
        return a_holds;
    if (!a_holds && a->loss != b->loss)
        return a->loss < b->loss;
    return a->throughput_bps > b->throughput_bps;
}

/* The best of the trials from first on whose rate is below a limit; NULL when there is none. */
static const struct vmtp_trial *best_trial(const struct search *s, unsigned first, unsigned end, double below)
{
    const struct vmtp_trial *best = NULL;
    for (unsigned i = first; i < end; i++) {
        const struct vmtp_trial *trial = &s->trials[i];
        if (trial->throughput_bps > 0 && (double)trial->target_bps < below &&
            (!best || better(s->goal, trial, best)))
            best = trial;
    }
    return best;
}

/* Runs of full length: at the rate of the best trial, then, while the loss is too high, at the next best below it; when
 * there is none left, at what arrived of the last one. */
static int confirm(struct search *s)
{
    if (s->goal->confirm_seconds <= 0)
        return VMTP_OK;
    double below = HUGE_VAL;
    for (unsigned i = 0; i < CONFIRMATIONS; i++) {
        const struct vmtp_trial *next = best_trial(s, 0, s->searching, below);
        double rate = next ? (double)next->target_bps : 0;
        if (i > 0 && (!next || next->loss > s->goal->loss_max))
            rate = fmin(s->trials[s->n - 1].throughput_bps, below * NEAR);
        if (rate < 1)
            return VMTP_OK;
        int rc = run_trial(s, rate, s->goal->confirm_seconds, true);
        if (rc < 0 || s->trials[s->n - 1].loss <= s->goal->loss_max)
            return rc;
        below = rate;
    }
    return VMTP_OK;
}

/* It did not give what was asked, and next to nothing was lost of it. */
static bool limited_by_sender(const struct search *s, const struct vmtp_trial *best)
{
    if (best->loss >= s->goal->loss_min)
        return false;
    for (unsigned i = 0; i < s->n; i++) {
        const struct vmtp_trial *trial = &s->trials[i];
        if (trial->loss < s->goal->loss_min && trial->throughput_bps < LIMITED_SHARE * (double)trial->target_bps &&
            trial->throughput_bps >= LIMITED_SHARE * best->throughput_bps)
            return true;
    }
    return false;
}

static void answer_with(const struct search *s, struct vmtp_search_answer *answer)
{
    *answer = (struct vmtp_search_answer){.trials = s->n};
    const struct vmtp_trial *best = best_trial(s, s->searching, s->n, HUGE_VAL);
    if (!best)
        best = best_trial(s, 0, s->n, HUGE_VAL);
    if (!best)
        return;
    answer->best = *best;
    answer->index = (unsigned)(best - s->trials) + 1;
    answer->found = true;
    answer->confirmed = best->confirming;
    answer->in_range = best->loss <= s->goal->loss_max;
    answer->sender_limited = limited_by_sender(s, best);
}

int vmtp_search_classic(vmtp_ctx *ctx, const struct vmtp_search_goal *goal, vmtp_trial_fn try_rate, void *arg,
                        struct vmtp_search_answer *answer)
{
    *answer = (struct vmtp_search_answer){0};
    unsigned most = goal->max_trials < TRIALS_CAP ? goal->max_trials : TRIALS_CAP;
    if (most == 0)
        most = 1;
    double ceiling = fmax((double)goal->ceiling_bps, 2);
    struct search s = {
        .ctx = ctx,
        .goal = goal,
        .try_rate = try_rate,
        .arg = arg,
        .trials = calloc(most + CONFIRMATIONS, sizeof *s.trials),
        .low = 1,
        .high = ceiling,
        .rate = ceiling / 2,
    };
    if (!s.trials)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = find_rate(&s, most);
    if (rc == VMTP_OK)
        rc = confirm(&s);
    answer_with(&s, answer);
    free(s.trials);
    return rc;
}
