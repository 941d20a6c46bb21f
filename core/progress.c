/* SPDX-License-Identifier: Apache-2.0 */
#include "core/progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/units.h"
#include "core/util/clock.h"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool running, stop;
    char what[200], last[80];
    uint32_t flow, flows;
    double told, remaining; /* when it was told last, and what was left then */
    double begun;           /* when it was told first: who polls tells it again and again */
} shown = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void draw(void)
{
    if (!shown.what[0])
        return;
    double since = vmtp_now() - shown.begun;
    double left = shown.remaining - (vmtp_now() - shown.told);
    char line[500], part[VMTP_UNIT_TEXT];
    int n = 0;
    if (shown.flow)
        n = snprintf(line, sizeof line, "[%u/%u] ", shown.flow, shown.flows);
    n += snprintf(line + n, sizeof line - (size_t)n, "%s  %s", shown.what,
                  vmtp_print_seconds(since < 1 ? 1 : since, part));
    if (left > 0)
        n += snprintf(line + n, sizeof line - (size_t)n, ", about %s left",
                      vmtp_print_seconds(left < 1 ? 1 : left, part));
    if (shown.last[0])
        snprintf(line + n, sizeof line - (size_t)n, "  last: %s", shown.last);
    vmtp_log_progress(line);
}

static void *redraw(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&shown.lock);
    while (!shown.stop) {
        draw();
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 500000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&shown.changed, &shown.lock, &until);
    }
    pthread_mutex_unlock(&shown.lock);
    return NULL;
}

void vmtp_progress_start(void)
{
    if (!vmtp_log_on_terminal())
        return;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the main thread */
    shown.stop = false;
    shown.running = pthread_create(&shown.thread, NULL, redraw, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void vmtp_progress_stop(void)
{
    if (!shown.running)
        return;
    pthread_mutex_lock(&shown.lock);
    shown.stop = true;
    pthread_cond_signal(&shown.changed);
    pthread_mutex_unlock(&shown.lock);
    pthread_join(shown.thread, NULL);
    shown.running = false;
    vmtp_log_progress("");
}

int vmtp_progress_show(void *arg, const struct vmtp_progress *progress)
{
    (void)arg;
    pthread_mutex_lock(&shown.lock);
    shown.told = vmtp_now();
    if (strncmp(shown.what, progress->what, sizeof shown.what - 1) != 0 || shown.flow != progress->flow)
        shown.begun = shown.told;
    snprintf(shown.what, sizeof shown.what, "%s", progress->what);
    snprintf(shown.last, sizeof shown.last, "%s", progress->last ? progress->last : "");
    shown.flow = progress->flow;
    shown.flows = progress->flows;
    shown.remaining = progress->remaining_s;
    pthread_cond_signal(&shown.changed);
    pthread_mutex_unlock(&shown.lock);
    return 0;
}
