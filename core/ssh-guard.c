/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/util/str.h"

enum {
    SIGNALS = 64,
    LIFELINE = 3, /* descriptors of the guard */
    REPORT,
    ERR,
    FIRST_FREE,
    HIGH = 20,       /* out of the way of those */
    FDS_MAX = 65536, /* closed one by one where the kernel cannot do it at once (before 5.9) */
    EXIT_NOT_EXECUTED = 127,
};
static const struct timespec GRACE = {.tv_sec = 1}; /* between SIGTERM and SIGKILL */

struct plan {
    const char *path;
    char *const *argv, *const *envp;
    const char *const *files;
    const char *dir;
    int lifeline, report, err;
};

/* ---- in the guard: only async-signal-safe calls, as other threads may have held locks at the fork() ---- */

static void on_child(int number)
{
    (void)number; /* ends ppoll() */
}

static void arrange_descriptors(const struct plan *plan)
{
    const int from[] = {plan->lifeline, plan->report, plan->err};
    int high[3];
    for (int i = 0; i < 3; i++)
        high[i] = fcntl(from[i], F_DUPFD, HIGH);
    for (int i = 0; i < 3; i++)
        (void)dup2(high[i], LIFELINE + i);
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < LIFELINE; i++)
        (void)dup2(null, i); /* who waits for the end of our output does not wait for the guard */
#ifdef SYS_close_range
    if (syscall(SYS_close_range, FIRST_FREE, ~0U, 0) == 0)
        return;
#endif
    for (int fd = FIRST_FREE; fd < FDS_MAX; fd++)
        (void)close(fd);
}

static void arrange_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int i = 1; i <= SIGNALS; i++)
        (void)sigaction(i, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL); /* we may be gone */
    (void)sigaction(SIGTERM, &action, NULL); /* it goes to the whole group */
    action.sa_handler = on_child;
    (void)sigaction(SIGCHLD, &action, NULL);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &child, NULL);
}

_Noreturn static void become_program(const struct plan *plan)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)dup2(ERR, STDERR_FILENO);
    for (int fd = LIFELINE; fd < FIRST_FREE; fd++)
        (void)close(fd);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execve(plan->path, plan->argv, plan->envp);
    _exit(EXIT_NOT_EXECUTED);
}

static void say(int kind, int value)
{
    struct vmtp_guard_report report = {.kind = kind, .value = value};
    (void)!write(REPORT, &report, sizeof report);
}

/* Waits for the end of the program, or of whoever holds the lifeline. */
static int watch(pid_t program)
{
    int status = 0;
    sigset_t none;
    sigemptyset(&none);
    for (int asked = 0;;) {
        if (waitpid(program, &status, WNOHANG) == program)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        struct pollfd pfd = {.fd = asked ? -1 : LIFELINE, .events = POLLIN};
        int n = ppoll(&pfd, 1, asked ? &GRACE : NULL, &none);
        if (n > 0) {
            (void)kill(0, SIGTERM); /* helpers of the program, too */
            asked = 1;
        } else if (n == 0) {
            (void)kill(program, SIGKILL);
        }
    }
}

_Noreturn static void guard_main(const struct plan *plan)
{
    (void)setsid(); /* no terminal: nobody but us is asked, and Ctrl-C is for us */
    arrange_descriptors(plan);
    arrange_signals();
    pid_t program = fork();
    if (program == 0)
        become_program(plan);
    (void)close(ERR);
    say(VMTP_GUARD_STARTED, (int)program);
    int status = program > 0 ? watch(program) : EXIT_NOT_EXECUTED;
    for (size_t i = 0; plan->files[i]; i++)
        (void)unlink(plan->files[i]);
    (void)rmdir(plan->dir);
    say(VMTP_GUARD_ENDED, status);
    _exit(0);
}

/* ---- in our process ---- */

static void close_all(int fds[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

int vmtp_guard_start(vmtp_ctx *ctx, struct vmtp_guard *guard, const char *path, char *const argv[], char *const envp[],
                     const char *const files[], const char *dir)
{
    *guard = VMTP_GUARD_NONE;
    int fds[] = {-1, -1, -1, -1, -1, -1}; /* lifeline, report, err: ends to read and to write */
    for (int i = 0; i < 3; i++)
        if (pipe2(fds + 2 * i, O_CLOEXEC) < 0) {
            close_all(fds, 6);
            return vmtp_fail(ctx, VMTP_EFAIL, "cannot make a pipe: %s", vmtp_errno());
        }
    const struct plan plan = {.path = path, .argv = argv, .envp = envp, .files = files, .dir = dir,
                              .lifeline = fds[0], .report = fds[3], .err = fds[5]};
    sigset_t all, before; /* none of our handlers may run in the guard */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    guard->pid = fork();
    if (guard->pid == 0)
        guard_main(&plan);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    if (guard->pid < 0) {
        guard->pid = 0;
        close_all(fds, 6);
        return vmtp_fail(ctx, VMTP_EFAIL, "fork: %s", vmtp_errno());
    }
    close_all((int[]){fds[0], fds[3], fds[5]}, 3);
    guard->lifeline = fds[1];
    guard->report = fds[2];
    guard->err = fds[4];
    (void)fcntl(guard->report, F_SETFL, O_NONBLOCK);
    (void)fcntl(guard->err, F_SETFL, O_NONBLOCK);
    return VMTP_OK;
}

void vmtp_guard_stop(struct vmtp_guard *guard)
{
    close_all((int[]){guard->lifeline, guard->report, guard->err}, 3);
    while (guard->pid > 0 && waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *guard = VMTP_GUARD_NONE;
}
