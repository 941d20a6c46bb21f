/* SPDX-License-Identifier: Apache-2.0 */
/* The search for a UDP rate on simulated paths: everything that it sees is calculated here. */
#include "core/search.h"

#include <math.h>

#include "core/ctx.h"
#include "tests/tap.h"

static const double G = 1e9, M = 1e6;

/* A path takes what it has room for and drops the rest; a sender gives at most what it can. */
struct path {
    double capacity, sender;
    double (*disturb)(unsigned trial, double loss); /* NULL: none */
    double long_run_capacity;                       /* in runs of full length; 0: the same */
    unsigned fail_at;                               /* number of the trial that ends with an error; 0: none */
    bool spoils;       /* too high a rate leaves something behind, so that nothing arrives until the path has settled */
    bool spoilt;
    unsigned trials, settlings;
    double longest;
};

static int send_at(vmtp_ctx *ctx, void *arg, struct vmtp_trial *trial)
{
    struct path *path = arg;
    path->trials++;
    if (path->trials == path->fail_at)
        return vmtp_fail(ctx, VMTP_EREMOTE, "the server has died");
    double capacity = trial->confirming && path->long_run_capacity > 0 ? path->long_run_capacity : path->capacity;
    double sent = fmin((double)trial->target_bps, path->sender), arrived = fmin(sent, capacity);
    trial->loss = 1 - arrived / sent;
    if (path->spoils && trial->loss > 0.03)
        trial->loss = 1 - 0.05 * (1 - trial->loss); /* it is full at once */
    if (path->spoilt)
        trial->loss = 1;
    path->spoilt = path->spoilt || (path->spoils && trial->loss > 0.03);
    if (path->disturb)
        trial->loss = path->disturb(path->trials, trial->loss);
    trial->throughput_bps = sent * (1 - trial->loss);
    path->longest = fmax(path->longest, trial->seconds);
    return VMTP_OK;
}

static int let_settle(vmtp_ctx *ctx, void *arg)
{
    (void)ctx;
    struct path *path = arg;
    path->settlings++;
    path->spoilt = false;
    return VMTP_OK;
}

static const struct vmtp_search_goal goal = {
    .loss_min = 0.02,
    .loss_max = 0.05,
    .trial_seconds = 1,
    .confirm_seconds = 10,
    .ceiling_bps = 10000000000,
    .max_trials = 20,
    .settle = let_settle,
};

static struct vmtp_search_answer search(struct path *path)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_search_answer answer;
    int rc = vmtp_search_classic(&ctx, &goal, send_at, path, &answer);
    is_int(rc, VMTP_OK, "the search ends well");
    is_int(answer.trials, path->trials, "every trial is counted");
    ok(path->trials <= goal.max_trials + 8, "%u trials are not too many", path->trials);
    return answer;
}

static bool near(double value, double want, double share)
{
    if (fabs(value - want) <= share * want)
        return true;
    printf("# %g is not near %g\n", value, want);
    return false;
}

static void test_clean(void)
{
    static const double capacities[] = {64e3, 1e6, 37e6, 480e6, 500e6, 940e6, 3.3e9, 9.4e9, 9.99e9};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        struct path path = {.capacity = capacities[i], .sender = 1e12};
        struct vmtp_search_answer answer = search(&path);
        ok(answer.found && answer.confirmed && answer.in_range && !answer.sender_limited, "%g bit/s: confirmed",
           capacities[i]);
        ok(near(answer.best.throughput_bps, capacities[i], 0.05), "%g bit/s: that much arrives", capacities[i]);
        ok(answer.best.loss <= goal.loss_max, "%g bit/s: loss %g is within the range", capacities[i], answer.best.loss);
        is_number(answer.best.seconds, goal.confirm_seconds, "the answer is a run of full length");
        is_int(answer.index, answer.trials, "the confirming run was the last");
    }
    struct path shaped = {.capacity = 500 * M, .sender = 3 * G};
    (void)search(&shaped);
    ok(shaped.trials <= 14, "500 Mbit/s behind a faster sender: %u trials", shaped.trials);
}

static void test_ceiling(void)
{
    static const double capacities[] = {11e9, 25e9, 40e9, 100e9};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        struct path path = {.capacity = capacities[i], .sender = 1e12};
        struct vmtp_search_answer answer = search(&path);
        ok(answer.in_range && near(answer.best.throughput_bps, capacities[i], 0.05), "%g bit/s: the ceiling gives way",
           capacities[i]);
    }
}

static void test_sender_limited(void)
{
    static const double senders[] = {0.8e9, 120e6, 6e9, 30e9};
    for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
        struct path path = {.capacity = 1e12, .sender = senders[i]};
        struct vmtp_search_answer answer = search(&path);
        ok(answer.sender_limited, "%g bit/s: the sender is the limit, and it is said", senders[i]);
        ok(answer.in_range && near(answer.best.throughput_bps, senders[i], 0.05),
           "%g bit/s: what it gave is the answer",
           senders[i]);
        ok(path.trials <= 8, "%g bit/s: its demand is not lowered by guesses: %u trials", senders[i], path.trials);
    }
    struct path slow = {.capacity = 19 * M, .sender = 23 * M};
    struct vmtp_search_answer found = search(&slow);
    ok(found.in_range && near(found.best.throughput_bps, 19 * M, 0.05) && slow.trials <= 5,
       "a sender that gives a little more than the path takes: %g bit/s after %u trials", found.best.throughput_bps,
       slow.trials);
    struct path path = {.capacity = 490 * M, .sender = 500 * M};
    struct vmtp_search_answer answer = search(&path);
    ok(!answer.sender_limited && near(answer.best.throughput_bps, 490 * M, 0.05),
       "a sender just above the path: the path is the limit");
}

static double noisy(unsigned trial, double loss)
{
    static const double extra[] = {0.01, 0, 0.03, 0, 0.015, 0.04, 0, 0.02, 0.005};
    return fmin(1, loss + extra[trial % (sizeof extra / sizeof extra[0])]);
}

static double first_is_lost(unsigned trial, double loss)
{
    return trial == 1 ? 1 : loss;
}

static double third_is_disturbed(unsigned trial, double loss)
{
    return trial == 3 ? 0.5 : loss;
}

/* The first trial brings next to nothing, a later one loses by chance as much as is wanted. */
static double early_luck(unsigned trial, double loss)
{
    return trial == 1 ? 0.999 : trial == 3 ? 0.03 : loss;
}

static void test_noise(void)
{
    struct path path = {.capacity = 500 * M, .sender = 3 * G, .disturb = noisy};
    struct vmtp_search_answer answer = search(&path);
    ok(answer.found && answer.in_range && near(answer.best.throughput_bps, 500 * M, 0.1),
       "noise of up to 4 %% loss: %g bit/s", answer.best.throughput_bps);

    path = (struct path){.capacity = 20 * G, .sender = 20 * G, .disturb = first_is_lost};
    answer = search(&path);
    ok(answer.in_range && answer.best.throughput_bps > 5 * G, "a first trial that is lost fences nothing off: %g",
       answer.best.throughput_bps);

    path = (struct path){.capacity = 200 * M, .sender = 3 * G, .disturb = early_luck};
    answer = search(&path);
    ok(answer.in_range && near(answer.best.throughput_bps, 200 * M, 0.05),
       "a rate that loses nothing for the full length is not the end: %g", answer.best.throughput_bps);

    path = (struct path){.capacity = 9 * G, .sender = 20 * G, .disturb = third_is_disturbed};
    answer = search(&path);
    ok(answer.in_range && answer.best.throughput_bps > 8 * G, "nor does one disturbed trial: %g",
       answer.best.throughput_bps);
}

static void test_spoilt(void)
{
    static const double capacities[] = {12e6, 200e6, 940e6, 4.2e9, 20e9};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        struct path path = {.capacity = capacities[i], .sender = 1e12, .spoils = true};
        struct vmtp_search_answer answer = search(&path);
        ok(answer.in_range && answer.confirmed && near(answer.best.throughput_bps, capacities[i], 0.15),
           "%g bit/s of large datagrams: %g, %u waits", capacities[i], answer.best.throughput_bps, path.settlings);
        ok(path.settlings <= 5, "the waits are few");
    }
    struct path path = {.capacity = 480 * M, .sender = 3 * G, .disturb = noisy};
    (void)search(&path);
    is_int(path.settlings, 0, "small datagrams: no wait");
}

static double always_six_percent(unsigned trial, double loss)
{
    (void)trial;
    return fmax(loss, 0.06);
}

static double everything(unsigned trial, double loss)
{
    (void)trial, (void)loss;
    return 1;
}

static double no_number(unsigned trial, double loss)
{
    (void)trial, (void)loss;
    return NAN;
}

static void test_bad_paths(void)
{
    struct path path = {.capacity = 1 * G, .sender = 3 * G, .disturb = everything};
    struct vmtp_search_answer answer = search(&path);
    ok(!answer.found && path.trials <= 8, "nothing arrives at any rate: given up after %u trials", path.trials);

    path = (struct path){.capacity = 1 * G, .sender = 3 * G, .disturb = always_six_percent};
    answer = search(&path);
    ok(answer.found && !answer.in_range, "always 6 %% loss: a number, and that it is out of range");
    is_number(answer.best.loss, 0.06, "with the loss that was seen");

    path = (struct path){.capacity = 1 * G, .sender = 3 * G, .disturb = no_number};
    (void)search(&path);
}

static void test_errors(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_search_answer answer;
    struct path path = {.capacity = 1 * G, .sender = 3 * G, .fail_at = 1};
    is_int(vmtp_search_classic(&ctx, &goal, send_at, &path, &answer), VMTP_EREMOTE, "an error of the first trial");
    contains(vmtp_ctx_error(&ctx, VMTP_EREMOTE), "the server has died", "with the words of the trial");
    ok(!answer.found && answer.trials == 0, "and there is no answer");

    path = (struct path){.capacity = 1 * G, .sender = 3 * G, .fail_at = 5};
    is_int(vmtp_search_classic(&ctx, &goal, send_at, &path, &answer), VMTP_EREMOTE, "an error of a later trial, too");
    is_int(answer.trials, 4, "the trials before it are told");
    is_int(path.trials, 5, "and none follows");

    atomic_bool interrupted = true;
    ctx.cancel = &interrupted;
    path = (struct path){.capacity = 1 * G, .sender = 3 * G};
    is_int(vmtp_search_classic(&ctx, &goal, send_at, &path, &answer), VMTP_ECANCELED, "an interrupt ends it");
    is_int(path.trials, 0, "before the next trial");
}

static void test_confirmation(void)
{
    struct path path = {.capacity = 500 * M, .sender = 3 * G, .long_run_capacity = 440 * M};
    struct vmtp_search_answer answer = search(&path);
    ok(answer.confirmed && answer.in_range, "a rate that does not hold for the full length gives way");
    ok(near(answer.best.throughput_bps, 440 * M, 0.08), "to one that does: %g", answer.best.throughput_bps);
    is_number(answer.best.seconds, 10, "which was run for the full length");

    struct vmtp_search_goal unconfirmed = goal;
    unconfirmed.confirm_seconds = 0;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    path = (struct path){.capacity = 500 * M, .sender = 3 * G};
    is_int(vmtp_search_classic(&ctx, &unconfirmed, send_at, &path, &answer), VMTP_OK, "without confirmation");
    ok(answer.found && !answer.confirmed && answer.in_range, "the best trial is the answer, and it is said");
    ok(answer.best.throughput_bps > 475 * M && answer.index <= answer.trials, "not the last one, but the best: %g",
       answer.best.throughput_bps);
}

static void test_bounds(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_search_goal few = goal;
    few.max_trials = 3;
    struct path path = {.capacity = 37 * M, .sender = 3 * G};
    struct vmtp_search_answer answer;
    is_int(vmtp_search_classic(&ctx, &few, send_at, &path, &answer), VMTP_OK, "three trials at most");
    ok(path.trials <= 3 + 4 && answer.found, "then it confirms what there is, %u trials in all", path.trials);
    is_number(path.longest, 10, "for the full length");

    few.max_trials = 0;
    few.ceiling_bps = 0;
    path = (struct path){.capacity = 37 * M, .sender = 3 * G};
    is_int(vmtp_search_classic(&ctx, &few, send_at, &path, &answer), VMTP_OK, "a goal of nothing does no harm");
}

static void test_same_again(void)
{
    struct path first = {.capacity = 500 * M, .sender = 3 * G, .disturb = noisy}, second = first;
    struct vmtp_search_answer a = search(&first), b = search(&second);
    ok(a.best.target_bps == b.best.target_bps && a.trials == b.trials, "the same path gives the same answer");
}

int main(void)
{
    test_clean();
    test_ceiling();
    test_sender_limited();
    test_noise();
    test_spoilt();
    test_bad_paths();
    test_errors();
    test_confirmation();
    test_bounds();
    test_same_again();
    return done_testing();
}
