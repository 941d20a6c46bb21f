/* SPDX-License-Identifier: Apache-2.0 */
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DESCRIPTORS = 1024 }; /* closed one by one where the kernel has no close_range() */

enum step { STEP_NONE, STEP_USER, STEP_MAP, STEP_JOIN, STEP_NET, STEP_SETUP };

struct report {
    enum step step;
    int error;
};

/* Made before fork(): behind it only async-signal-safe calls are allowed, since this process may have threads. */
struct order {
    enum holder_kind kind;
    pid_t parent;
    int user_ns, report; /* descriptors */
    char uid_map[48], gid_map[48];
};

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t n = strlen(text);
    bool written = write(fd, text, n) == (ssize_t)n;
    int error = errno;
    close(fd);
    errno = error;
    return written ? 0 : -1;
}

/* Becomes root in a new user namespace; for all files of the machine it stays the user that it was. */
static enum step become_root(const struct order *order)
{
    if (unshare(CLONE_NEWUSER) < 0)
        return STEP_USER;
    /* Since Linux 3.19 a user may map a group only after giving up setgroups(); before that the file is missing. */
    if (write_file("/proc/self/setgroups", "deny") < 0 && errno != ENOENT)
        return STEP_MAP;
    if (write_file("/proc/self/uid_map", order->uid_map) < 0 || write_file("/proc/self/gid_map", order->gid_map) < 0)
        return STEP_MAP;
    return STEP_NONE;
}

static enum step enter(const struct order *order)
{
    enum step failed = order->kind == HOLDER_NEW_USER ? become_root(order) : STEP_NONE;
    if (failed != STEP_NONE)
        return failed;
    if (order->kind == HOLDER_JOINED && setns(order->user_ns, CLONE_NEWUSER) < 0)
        return STEP_JOIN;
    if (unshare(CLONE_NEWNET) < 0)
        return STEP_NET;
    /* After the change of user namespace, which may clear it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != order->parent)
        return STEP_SETUP;
    (void)prctl(PR_SET_NAME, "vmtp-netns");
    return setpgid(0, 0) < 0 ? STEP_SETUP : STEP_NONE; /* Ctrl-C on the terminal is not for it */
}

static void close_all(void)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 0, ~0U, 0) == 0)
        return;
#endif
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        close(fd);
}

_Noreturn static void hold(const struct order *order)
{
    struct report report = {.step = enter(order)};
    report.error = errno;
    if (write(order->report, &report, sizeof report) != sizeof report || report.step != STEP_NONE)
        _exit(1);
    close_all(); /* a pipe that vmtp writes to must not stay open because of us */
    for (;;)
        pause();
}

static bool setting_is(const char *path, char value)
{
    char text[2] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool same = read(fd, text, 1) == 1 && text[0] == value;
    close(fd);
    return same;
}

static const char *error_text(int error, locale_t locale)
{
    return locale ? strerror_l(error, locale) : "error";
}

/* Why this system refuses, as far as its settings tell, and what to do about it. */
static int explain(vmtp_ctx *ctx, const struct report *report)
{
    static const struct {
        const char *path;
        char value;
        const char *remedy;
    } causes[] = {
        {"/proc/sys/kernel/unprivileged_userns_clone", '0', "sysctl kernel.unprivileged_userns_clone=1"},
        {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1',
         "sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
        {"/proc/sys/user/max_user_namespaces", '0', "sysctl user.max_user_namespaces=1000"},
        {"/proc/sys/user/max_net_namespaces", '0', "sysctl user.max_net_namespaces=1000"},
    };
    static const char *const steps[] = {"",
                                        "a user namespace",
                                        "root in a user namespace",
                                        "a user namespace",
                                        "a network namespace",
                                        "a process"};
    const char *remedy = geteuid() == 0 ? "grant CAP_SYS_ADMIN to the container that this runs in"
                                        : "this looks like a container or a security policy";
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (setting_is(causes[i].path, causes[i].value))
            remedy = causes[i].remedy;
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    int rc = vmtp_fail(ctx, VMTP_ENOTSUP, "this system does not allow %s to this user: %s: %s%s", steps[report->step],
                       error_text(report->error, locale), remedy, geteuid() == 0 ? "" : ", or run vmtp with sudo");
    if (locale)
        freelocale(locale);
    return rc;
}

static int await_report(vmtp_ctx *ctx, int fd)
{
    struct report report;
    ssize_t n;
    do
        n = read(fd, &report, sizeof report);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof report)
        return vmtp_fail(ctx, VMTP_EFAIL, "the process that holds a network namespace has died");
    return report.step == STEP_NONE ? VMTP_OK : explain(ctx, &report);
}

static int start(vmtp_ctx *ctx, struct order *order, struct holder *holder)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot make a pipe");
    order->report = ends[1];
    /* Nothing but SIGKILL ends a holder: all signals stay blocked in it. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    holder->pid = fork();
    if (holder->pid == 0)
        hold(order);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    int rc = VMTP_OK;
    if (holder->pid < 0) {
        holder->pid = 0;
        rc = vmtp_fail(ctx, VMTP_EFAIL, "cannot start a process");
    } else {
        rc = await_report(ctx, ends[0]);
    }
    close(ends[0]);
    if (rc < 0)
        holder_end(holder);
    return rc;
}

int holder_start(vmtp_ctx *ctx, enum holder_kind kind, const struct holder *other, struct holder *holder)
{
    *holder = (struct holder){0};
    struct order order = {.kind = kind, .parent = getpid(), .user_ns = -1};
    snprintf(order.uid_map, sizeof order.uid_map, "0 %lu 1", (unsigned long)geteuid());
    snprintf(order.gid_map, sizeof order.gid_map, "0 %lu 1", (unsigned long)getegid());
    if (kind == HOLDER_JOINED) {
        char path[48];
        snprintf(path, sizeof path, "/proc/%ld/ns/user", (long)other->pid);
        order.user_ns = open(path, O_RDONLY | O_CLOEXEC);
        if (order.user_ns < 0)
            return vmtp_fail(ctx, VMTP_EFAIL, "the process that holds the user namespace has died");
    }
    int rc = start(ctx, &order, holder);
    if (order.user_ns >= 0)
        close(order.user_ns);
    return rc;
}

void holder_end(struct holder *holder)
{
    if (holder->pid == 0)
        return;
    kill(holder->pid, SIGKILL);
    while (waitpid(holder->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    holder->pid = 0;
}
