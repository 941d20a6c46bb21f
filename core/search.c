/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search of the old program, with its step rules: the rate that is tried next lies between a lower bound that only
 * rises and an upper bound that only falls. What was wrong with it:
 *   - the answer was the last trial, whatever its loss: here it is the best one, and a run of full length confirms it;
 *   - there was no bound on the number of trials;
 *   - one disturbed trial lowered the upper bound for good: here the bound is tried again before the search gives up;
 *   - the upper bound was a wall: here it gives way when the path takes that rate too;
 *   - a path on which nothing arrives was halved down to 1 kbit/s: here it is given up earlier;
 *   - a trial was spoilt by the one before: a receiver keeps the pieces of incomplete datagrams for 30 s (Linux; 60 s
 *     with IPv6) and drops all further ones when its memory for them is full: after too high a rate nothing arrives at
 *     any rate. Here there is a wait then, and a rate that came through stays a lower bound;
 *   - a demand that the sender cannot follow was lowered by guesses until it could: here the rate of a trial is what
 *     was sent, which loss and what arrived tell, and the search ends where a sender gives all that it can.
 */
#include "core/search.h"

#include <math.h>
#include <stdlib.h>

#include "core/ctx.h"

enum {
    TRIALS_CAP = 1000, /* whatever the goal says */
    CONFIRMATIONS = 4, /* runs of full length at most, in one round */
    ROUNDS = 3,        /* of search and confirmation */
    SETTLINGS = 5,     /* waits at most, the last one before a run of full length */
};
static const double NEAR = 0.95;          /* bounds are near enough: lower / upper */
static const double FOLLOWED = 0.8;       /* less of the demand than this has arrived: nothing could follow it */
static const double NOTHING_STEP = 0.1;   /* next rate after a trial of which nothing has arrived */
static const double LOWEST_BPS = 10000;   /* nothing arrives at that rate: the path is dead */
static const double HIGHEST_BPS = 1e15;   /* the upper bound is not raised beyond */
static const double LIMITED_SHARE = 0.95; /* the sender gave less of the demand than this */
static const double WITNESS_SPAN = 1.3;   /* trials up to this much above a bound speak for it */
static const double LEAP = 4;             /* at most that much more than a rate that came through */
static const double COLLAPSED = 0.1;      /* less than this arrives of what has arrived before */
static const double TRUSTED_LOSS = 0.9;   /* what is left of more tells nothing of what was sent */

struct search {
    vmtp_ctx *ctx;
    const struct vmtp_search_goal *goal;
    vmtp_trial_fn try_rate;
    void *arg;
    struct vmtp_trial *trials;
    unsigned n, searched;  /* all of them, those that are not of full length */
    unsigned settled;      /* waits */
    bool confirming;       /* runs of full length are made now */
    bool given_up;         /* the last trial was spoilt, and there are no waits left */
    double low, high, rate;
    double confirmed; /* highest rate that held for the full length, 0: none */
    double good;    /* highest rate that came through with little loss, 0: none */
    double checked; /* the upper bound that was tried again, 0: none */
};

/* What a tool says is not trusted to be a number. */
static double clamp(double value, double most)
{
    return value > 0 ? fmin(value, most) : 0;
}

static int run_once(struct search *s, double rate, double seconds, bool confirming)
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
    s->searched += !confirming;
    return VMTP_OK;
}

static int settle(struct search *s)
{
    s->settled++;
    return s->goal->settle(s->ctx, s->arg);
}

static bool may_settle(const struct search *s)
{
    return s->goal->settle && s->settled < (s->confirming ? SETTLINGS : SETTLINGS - 1);
}

/* Next to nothing has arrived of a rate that should bring something, and the trial before was too fast. */
static bool is_spoilt(const struct search *s)
{
    if (s->n < 2 || s->trials[s->n - 2].loss <= s->goal->loss_max)
        return false;
    const struct vmtp_trial *last = &s->trials[s->n - 1];
    double best = 0;
    for (unsigned i = 0; i + 1 < s->n; i++)
        best = fmax(best, s->trials[i].throughput_bps);
    return last->throughput_bps < COLLAPSED * fmin(best, (double)last->target_bps);
}

/* A trial; when it shows what the one before has left behind, there is a wait and another one. */
static int run_trial(struct search *s, double rate, double seconds, bool confirming)
{
    int rc = run_once(s, rate, seconds, confirming);
    if (rc < 0 || !s->goal->settle || !is_spoilt(s))
        return rc;
    s->given_up = !may_settle(s);
    if (s->given_up)
        return rc;
    rc = settle(s);
    return rc < 0 ? rc : run_once(s, rate, seconds, confirming);
}

/* The rate of a trial: what was asked for, or what the sender gave when that is less. */
static double sent_rate(const struct vmtp_trial *trial)
{
    double asked = (double)trial->target_bps, sent = trial->throughput_bps / (1 - fmin(trial->loss, TRUSTED_LOSS));
    return trial->loss < TRUSTED_LOSS && sent < LIMITED_SHARE * asked ? sent : asked;
}

static bool gave_all(const struct vmtp_trial *trial)
{
    return sent_rate(trial) < (double)trial->target_bps;
}

static bool too_much(const struct search *s, const struct vmtp_trial *trial)
{
    return trial->loss > s->goal->loss_max || trial->throughput_bps < FOLLOWED * sent_rate(trial);
}

/* No trial has said that the upper bound is too high: it is a guess. */
static bool bound_is_a_guess(const struct search *s)
{
    for (unsigned i = 0; i < s->n; i++)
        if (too_much(s, &s->trials[i]))
            return false;
    return true;
}

/* The lowest rate above another one that was too much. */
static double lowest_too_much(const struct search *s, double above)
{
    double lowest = HIGHEST_BPS;
    for (unsigned i = 0; i < s->n; i++)
        if (sent_rate(&s->trials[i]) > above * 1.001 && too_much(s, &s->trials[i]))
            lowest = fmin(lowest, sent_rate(&s->trials[i]));
    return lowest;
}

/* A rate at the upper bound came through: what is above it is open again. */
static void reopen(struct search *s, double rate)
{
    s->low = rate;
    s->high = lowest_too_much(s, rate);
    s->rate = fmin(rate * LEAP, (s->low + s->high) / 2);
}

static void go_up(struct search *s, double rate, double arrived)
{
    bool guess = bound_is_a_guess(s);
    if (!guess && rate >= NEAR * s->high && arrived >= NEAR * rate) {
        reopen(s, rate);
        return;
    }
    s->low = arrived > s->low ? arrived : (s->high + s->low) / 2;
    if (guess && s->low >= FOLLOWED * s->high)
        s->high = fmin(s->high * 2, HIGHEST_BPS);
    s->rate = (s->high + s->low) / 2;
    if (!guess)
        s->rate = fmin(s->rate, rate * LEAP);
}

/* Sender or path cannot follow the demand. */
static void go_far_down(struct search *s, double rate, double arrived)
{
    s->rate = arrived > 0 ? fmin(arrived + (rate - arrived) / 2, 3 * arrived) : rate * NOTHING_STEP;
    s->high = s->rate;
    if (s->good > 0 && s->good < rate && s->rate <= s->good) { /* that came through already */
        s->rate = (s->good + rate) / 2;
        s->high = rate;
    }
}

/* Chooses the next rate. False when the last trial was within the range of loss, or the sender has no more to give. */
static bool step(struct search *s)
{
    const struct vmtp_trial *last = &s->trials[s->n - 1];
    double rate = sent_rate(last), arrived = last->throughput_bps;
    if (gave_all(last) && last->loss < s->goal->loss_min)
        return false;
    if (arrived < FOLLOWED * rate) {
        go_far_down(s, rate, arrived);
    } else if (last->loss < s->goal->loss_min) {
        if (arrived >= NEAR * rate)
            s->good = fmax(s->good, rate);
        go_up(s, rate, arrived);
    } else if (last->loss > s->goal->loss_max) {
        s->high = rate;
        s->rate = arrived < rate ? arrived : (s->high + s->low) / 2;
    } else {
        return false;
    }
    s->low = fmin(s->low, s->high);
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
        double rate = sent_rate(&s->trials[i]);
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
    if (last->loss < s->goal->loss_min && last->throughput_bps >= NEAR * rate)
        reopen(s, rate);
    return VMTP_OK;
}

static int find_rate(struct search *s, unsigned most)
{
    int rc = VMTP_OK;
    while (rc == VMTP_OK && s->searched < most) {
        if (!closed(s)) {
            rc = run_trial(s, s->rate, s->goal->trial_seconds, false);
            if (rc == VMTP_OK && (!step(s) || s->given_up))
                break;
        } else if (s->rate >= LOWEST_BPS && !bound_is_known(s)) {
            rc = check_bound(s);
        } else {
            break;
        }
    }
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

/* At which rate a trial is run again: one that gave all without loss may have more to give. */
static double rate_again(const struct search *s, const struct vmtp_trial *trial)
{
    return trial->loss < s->goal->loss_min ? (double)trial->target_bps : sent_rate(trial);
}

/* The best trial of its kind (short, or of full length) whose rate is below a limit; NULL when there is none. */
static const struct vmtp_trial *best_trial(const struct search *s, bool confirming, double below)
{
    const struct vmtp_trial *best = NULL;
    for (unsigned i = 0; i < s->n; i++) {
        const struct vmtp_trial *trial = &s->trials[i];
        if (trial->confirming == confirming && trial->throughput_bps > 0 && rate_again(s, trial) < below &&
            (!best || better(s->goal, trial, best)))
            best = trial;
    }
    return best;
}

/* Runs of full length: at the rate of the best trial, then, while the loss is too high, at the next best below it; when
 * there is none left, at what arrived of the last one. Not at a rate that is confirmed already. */
static int confirm(struct search *s)
{
    double below = HUGE_VAL;
    for (unsigned i = 0; i < CONFIRMATIONS; i++) {
        const struct vmtp_trial *next = best_trial(s, false, below);
        double rate = next ? rate_again(s, next) : 0;
        if (i > 0 && (!next || next->loss > s->goal->loss_max))
            rate = fmin(s->trials[s->n - 1].throughput_bps, below * NEAR);
        if (rate <= s->confirmed || rate < 1)
            return VMTP_OK;
        int rc = run_trial(s, rate, s->goal->confirm_seconds, true);
        if (rc < 0)
            return rc;
        if (s->trials[s->n - 1].loss <= s->goal->loss_max) {
            s->confirmed = rate;
            return VMTP_OK;
        }
        below = rate;
    }
    return VMTP_OK;
}

/* The last run of full length lost next to nothing, and nothing says that more would be too much. */
static bool may_go_higher(const struct search *s)
{
    const struct vmtp_trial *last = &s->trials[s->n - 1];
    double rate = (double)last->target_bps;
    return last->confirming && last->loss < s->goal->loss_min && last->throughput_bps >= NEAR * rate &&
           lowest_too_much(s, rate) > WITNESS_SPAN * rate;
}

static int find_and_confirm(struct search *s, unsigned most)
{
    int rc = find_rate(s, most);
    for (unsigned round = 0; rc == VMTP_OK && s->n > 0 && s->goal->confirm_seconds > 0; round++) {
        s->confirming = true;
        if (s->settled > 0 && may_settle(s) && s->trials[s->n - 1].loss > s->goal->loss_max)
            rc = settle(s);
        if (rc == VMTP_OK)
            rc = confirm(s);
        s->confirming = false;
        if (rc < 0 || round + 1 >= ROUNDS || s->searched >= most || !may_go_higher(s))
            break;
        s->given_up = false;
        reopen(s, s->confirmed);
        rc = find_rate(s, most);
    }
    return rc;
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
    const struct vmtp_trial *best = best_trial(s, true, HUGE_VAL);
    if (!best)
        best = best_trial(s, false, HUGE_VAL);
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
        .trials = calloc(most + 2 * ROUNDS * CONFIRMATIONS + 1, sizeof *s.trials),
        .low = 1,
        .high = ceiling,
        .rate = ceiling / 2,
    };
    if (!s.trials)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    int rc = find_and_confirm(&s, most);
    answer_with(&s, answer);
    free(s.trials);
    return rc;
}
