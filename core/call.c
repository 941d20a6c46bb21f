/* SPDX-License-Identifier: Apache-2.0 */
#include "core/call.h"

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "vmtp/vmtp.h"

static const double GRACE_SECONDS = 8;
enum { LAST_SECONDS = 2, STACK_BYTES = 64 * 1024, LINE_BYTES = 256 };

static const struct {
    int number;
    const char *name;
} fatal[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}, {SIGABRT, "SIGABRT"}};
enum { FATAL = sizeof fatal / sizeof fatal[0] };

static _Thread_local const struct vmtp_call *current; /* of this thread, innermost */
static _Thread_local bool timed;                      /* calls of this thread are timed */
static _Atomic(const struct vmtp_call *) on_clock;    /* the call that the timer runs for */
static _Atomic(const struct vmtp_call *) late;        /* the one that has been given its last seconds */
static struct sigaction before[FATAL];
static pid_t watched; /* the process that has called vmtp_call_watch() */
static char stack[STACK_BYTES]; /* of the handlers: the crash may be an overflow of the other one */

/* --- in a signal handler: nothing but what signal-safety(7) allows --- */

static size_t add(char *line, size_t at, const char *text)
{
    for (; text && *text && at < LINE_BYTES - 1; text++)
        line[at++] = *text;
    return at;
}

/* "vmtp: tool iperf: measure: crashed with SIGSEGV\n" */
static void tell(const struct vmtp_call *call, const char *what, const char *more)
{
    char line[LINE_BYTES];
    const char *const parts[] = {"vmtp: ", call->kind, " ", call->name, ": ", call->function, ": ", what, more};
    size_t len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        len = add(line, len, parts[i]);
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* there is nobody left to tell */
}

/* Names the plugin, then lets the signal do what it would have done. A fault of the processor comes again by itself,
 * with all its details, when the instruction is repeated. */
static void on_fatal(int number, siginfo_t *info, void *machine)
{
    (void)machine;
    size_t i = 0;
    while (i < FATAL - 1 && fatal[i].number != number)
        i++;
    const struct vmtp_call *call = current;
    current = NULL; /* said once, also if the next handler crashes */
    if (call)
        tell(call, "crashed with ", fatal[i].name);
    sigaction(number, &before[i], NULL);
    if (info->si_code <= 0)
        raise(number);
}

/* The first alarm may only say that the program was stopped for a while, as by Ctrl-Z: it gets a few more seconds. */
static void on_alarm(int number)
{
    (void)number;
    const struct vmtp_call *call = atomic_load(&on_clock);
    if (!call)
        return;
    if (atomic_load(&late) != call) {
        atomic_store(&late, call);
        alarm(LAST_SECONDS);
        return;
    }
    tell(call, "does not return", ": VMTP gives up");
    _exit(VMTP_EXIT_FAILED);
}

/* --- outside --- */

/* exit() in a plugin, or in a library that it uses, would end the run as if it had passed. A process that a plugin has
 * forked may do so. */
static void on_exit_call(void)
{
    const struct vmtp_call *call = current ? current : atomic_load(&on_clock); /* it may be in a thread of the plugin */
    if (!call || getpid() != watched)
        return;
    tell(call, "calls exit()", ": VMTP gives up");
    _exit(VMTP_EXIT_FAILED);
}

/* Sets the timer to the deadline of a call, or off. */
static void wind(const struct vmtp_call *call)
{
    struct itimerval timer = {0};
    if (call && call->deadline > 0) {
        double left = fmax(call->deadline - vmtp_now(), 0.001);
        timer.it_value.tv_sec = (time_t)left;
        timer.it_value.tv_usec = (suseconds_t)((left - floor(left)) * 1e6);
        if (timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0)
            timer.it_value.tv_usec = 1;
    }
    atomic_store(&late, NULL);
    atomic_store(&on_clock, call);
    setitimer(ITIMER_REAL, &timer, NULL);
}

void vmtp_call_begin(struct vmtp_call *call, const char *kind, const char *name, const char *function,
                     const vmtp_ctx *ctx)
{
    double left = ctx ? vmtp_remaining(ctx) : 0;
    double deadline = isfinite(left) ? vmtp_now() + left + GRACE_SECONDS : 0;
    if (current && current->deadline > 0 && (deadline == 0 || current->deadline < deadline))
        deadline = current->deadline;
    *call = (struct vmtp_call){kind, name, function, deadline, current};
    current = call;
    if (timed)
        wind(call);
}

void vmtp_call_end(struct vmtp_call *call)
{
    current = call->outer;
    if (timed)
        wind(current);
}

void vmtp_call_watch(void)
{
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternative, NULL);
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FATAL; i++)
        sigaction(fatal[i].number, &action, &before[i]);
    struct sigaction alarm_action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK | SA_RESTART};
    sigemptyset(&alarm_action.sa_mask);
    sigaction(SIGALRM, &alarm_action, NULL);
    timed = true;
    watched = getpid();
    (void)atexit(on_exit_call);
}

void vmtp_call_unwatch(void)
{
    timed = false;
    current = NULL;
    wind(NULL);
    for (size_t i = 0; i < FATAL; i++)
        signal(fatal[i].number, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
}
