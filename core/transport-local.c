/* SPDX-License-Identifier: Apache-2.0 */
/* Programs on this machine, also inside the namespaces of a holder process (login.netns). */
#include "core/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

static const double BLIND_TURN = 0.02; /* s between two looks for the end where the kernel has no pidfd (before 5.3) */
static const double REAP_WAIT = 0.1;   /* s that a killed process may take to disappear */
enum { SIGNALS = 64, EXIT_NOT_FOUND = 127, EXIT_NOT_STARTED = 126 };
static const char system_dirs[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/* The namespaces of an endpoint, kept open: a holder's process id could be another's by the next command. */
struct local_link {
    int user_ns, net_ns; /* -1: ours */
};

struct local_process {
    pid_t pid;
    int out, err, pidfd; /* -1: closed; no pidfd in this kernel */
};

/* All that the child needs, made before fork(): behind it only async-signal-safe calls are allowed, since other threads
 * may have held any lock at that moment. */
struct child_plan {
    const char *path; /* NULL: not found */
    const char *const *argv;
    char **envp;
    pid_t parent;
    int in, out, err, report;
    int user_ns, net_ns;
};

/* What the child says when it could not become the program. */
struct child_report {
    int step, error;
};
enum { STEP_USER_NS = 1, STEP_NET_NS, STEP_SETUP };

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- connect ---- */

static bool is_our_namespace(int fd, const char *ours)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(ours, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int open_namespace(vmtp_ctx *ctx, int64_t pid, const char *name, int *fd)
{
    char path[64], ours[64];
    snprintf(path, sizeof path, "/proc/%lld/ns/%s", (long long)pid, name);
    snprintf(ours, sizeof ours, "/proc/self/ns/%s", name);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot join the %s namespace of process %lld: %s", name, (long long)pid,
                         vmtp_errno());
    if (is_our_namespace(*fd, ours))
        close_fd(fd); /* setns() into one's own user namespace is an error */
    return VMTP_OK;
}

static void local_disconnect(struct vmtp_endpoint *ep)
{
    struct local_link *link = ep->link;
    if (!link)
        return;
    close_fd(&link->user_ns);
    close_fd(&link->net_ns);
    free(link);
    ep->link = NULL;
}

static int local_connect(vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    struct local_link *link = malloc(sizeof *link);
    if (!link)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    *link = (struct local_link){.user_ns = -1, .net_ns = -1};
    ep->link = link;
    if (!ep->login.netns)
        return VMTP_OK;

    int64_t pid;
    int rc = VMTP_OK;
    if (!vmtp_parse_int(ep->login.netns, &pid) || pid <= 0)
        rc = vmtp_fail(ctx, VMTP_ECONFIG, "netns: \"%s\" is not a process id", ep->login.netns);
    if (rc == VMTP_OK)
        rc = open_namespace(ctx, pid, "user", &link->user_ns);
    if (rc == VMTP_OK)
        rc = open_namespace(ctx, pid, "net", &link->net_ns);
    if (rc < 0)
        local_disconnect(ep);
    return rc;
}

/* ---- spawn ---- */

int vmtp_find_here(const char *name, char **path)
{
    *path = NULL;
    if (strchr(name, '/'))
        return vmtp_set_text(path, name);
    const char *env = getenv("PATH");
    VMTP_CLEAN(mem) char *dirs = vmtp_format("%s:%s", env ? env : "", system_dirs);
    if (!dirs)
        return VMTP_ENOMEM;
    for (char *dir = dirs, *next = NULL; dir && !*path; dir = next) {
        next = strchr(dir, ':');
        if (next)
            *next++ = '\0';
        if (*dir != '/')
            continue; /* a relative directory is an invitation */
        VMTP_CLEAN(mem) char *candidate = vmtp_format("%s/%s", dir, name);
        struct stat st;
        if (!candidate)
            return VMTP_ENOMEM;
        if (stat(candidate, &st) == 0 && S_ISREG(st.st_mode) && access(candidate, X_OK) == 0)
            *path = VMTP_TAKE(candidate);
    }
    return VMTP_OK;
}

/* A small environment: what programs need to run here, and the language of their output. Ours may hold secrets. */
static char **make_environment(void)
{
    static const char *const kept[] = {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH"};
    enum { KEPT = sizeof kept / sizeof kept[0] };
    char **envp = calloc(KEPT + 2, sizeof *envp);
    size_t n = 0;
    for (size_t i = 0; envp && i < KEPT; i++) {
        const char *value = getenv(kept[i]);
        if (value && (envp[n] = vmtp_format("%s=%s", kept[i], value)))
            n++;
    }
    if (envp)
        envp[n] = strdup("LC_ALL=C");
    return envp;
}

static void free_environment(char **envp)
{
    for (size_t i = 0; envp && envp[i]; i++)
        free(envp[i]);
    free(envp);
}

/* Keeps a descriptor clear of 0 to 2, where the child's dup2() would run over it. */
static int above_stdio(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return moved;
}

static bool make_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) < 0) {
        ends[0] = ends[1] = -1;
        return false;
    }
    ends[0] = above_stdio(ends[0]);
    ends[1] = above_stdio(ends[1]);
    return ends[0] >= 0 && ends[1] >= 0;
}

_Noreturn static void child_fail(const struct child_plan *plan, int step)
{
    struct child_report report = {.step = step, .error = errno};
    ssize_t n = write(plan->report, &report, sizeof report);
    _exit(n < 0 ? EXIT_NOT_FOUND : EXIT_NOT_STARTED);
}

static void child_reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int i = 1; i <= SIGNALS; i++)
        (void)sigaction(i, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* As a shell would say it: the caller sees exit status 127 or 126 and the words, whatever the transport. */
_Noreturn static void child_not_executed(const struct child_plan *plan)
{
    const char *why = !plan->path || errno == ENOENT ? ": not found\n"
                      : errno == EACCES              ? ": permission denied\n"
                                                     : ": cannot be executed\n";
    int status = !plan->path || errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_STARTED;
    if (write(STDERR_FILENO, plan->argv[0], strlen(plan->argv[0])) < 0 || write(STDERR_FILENO, why, strlen(why)) < 0)
        _exit(status);
    _exit(status);
}

_Noreturn static void child_main(const struct child_plan *plan)
{
    if (plan->user_ns >= 0 && setns(plan->user_ns, CLONE_NEWUSER) < 0)
        child_fail(plan, STEP_USER_NS);
    if (plan->net_ns >= 0 && setns(plan->net_ns, CLONE_NEWNET) < 0)
        child_fail(plan, STEP_NET_NS);
    /* After setns(), which clears it. From here on this process ends with vmtp, however that ends. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != plan->parent)
        child_fail(plan, STEP_SETUP);
    /* Ctrl-C on the terminal is for vmtp, which ends its programs in order; a group can be ended as a whole. */
    if (setpgid(0, 0) < 0)
        child_fail(plan, STEP_SETUP);
    if (dup2(plan->in, STDIN_FILENO) < 0 || dup2(plan->out, STDOUT_FILENO) < 0 || dup2(plan->err, STDERR_FILENO) < 0)
        child_fail(plan, STEP_SETUP);
#ifdef SYS_close_range
    (void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); /* what others have left open */
#endif
    child_reset_signals();
    if (plan->path)
        execve(plan->path, (char *const *)plan->argv, plan->envp);
    child_not_executed(plan);
}

/* Waits until the child has become the program (the pipe closes) or has said why not. */
static int await_exec(vmtp_ctx *ctx, int report_fd, const struct vmtp_endpoint *ep)
{
    struct child_report report;
    ssize_t n;
    do
        n = read(report_fd, &report, sizeof report);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof report)
        return VMTP_OK;
    errno = report.error;
    if (report.step == STEP_SETUP)
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot set up a process: %s", vmtp_errno());
    return vmtp_fail(ctx, VMTP_EFAIL, "cannot join the %s namespace of process %s: %s",
                     report.step == STEP_USER_NS ? "user" : "network", ep->login.netns, vmtp_errno());
}

static int start_child(vmtp_ctx *ctx, struct child_plan *plan, struct local_process *local)
{
    /* No signal may reach the child while it still has our handlers. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    local->pid = fork();
    if (local->pid == 0)
        child_main(plan);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    if (local->pid < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "fork: %s", vmtp_errno());
#ifdef SYS_pidfd_open
    local->pidfd = (int)syscall(SYS_pidfd_open, local->pid, 0);
#endif
    return VMTP_OK;
}

static int open_and_start(vmtp_ctx *ctx, struct vmtp_process *process, struct child_plan *plan)
{
    struct local_process *local = process->link;
    int out[2] = {-1, -1}, err[2] = {-1, -1}, report[2] = {-1, -1};
    int in = above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));
    int rc = VMTP_OK;
    if (in < 0 || !make_pipe(out) || !make_pipe(err) || !make_pipe(report))
        rc = vmtp_fail(ctx, VMTP_EFAIL, "cannot make a pipe: %s", vmtp_errno());
    if (rc == VMTP_OK) {
        plan->in = in;
        plan->out = out[1];
        plan->err = err[1];
        plan->report = report[1];
        rc = start_child(ctx, plan, local);
    }
    close_fd(&in);
    close_fd(&out[1]);
    close_fd(&err[1]);
    close_fd(&report[1]);
    local->out = out[0];
    local->err = err[0];
    if (rc == VMTP_OK)
        rc = await_exec(ctx, report[0], process->ep);
    close_fd(&report[0]);
    (void)fcntl(local->out, F_SETFL, O_NONBLOCK);
    (void)fcntl(local->err, F_SETFL, O_NONBLOCK);
    return rc;
}

static int local_spawn(vmtp_ctx *ctx, struct vmtp_process *process, const char *const argv[])
{
    const struct local_link *link = process->ep->link;
    struct local_process *local = calloc(1, sizeof *local);
    if (!local)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    local->out = local->err = local->pidfd = -1;
    process->link = local;

    VMTP_CLEAN(mem) char *path = NULL;
    char **envp = make_environment();
    if (!envp || vmtp_find_here(argv[0], &path) < 0) {
        free_environment(envp);
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    struct child_plan plan = {.path = path,
                              .argv = argv,
                              .envp = envp,
                              .parent = getpid(),
                              .user_ns = link->user_ns,
                              .net_ns = link->net_ns};
    int rc = open_and_start(ctx, process, &plan);
    process->pid = local->pid > 0 ? local->pid : 0;
    free_environment(envp);
    return rc;
}

/* ---- pump ---- */

/* Reads what is there. Closes at the end of the stream. */
static int read_some(vmtp_ctx *ctx, int *fd, struct vmtp_buf *buf)
{
    char chunk[16384];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return VMTP_OK;
    if (n <= 0) {
        close_fd(fd);
        return VMTP_OK;
    }
    int rc = vmtp_buf_add(buf, chunk, (size_t)n); /* VMTP_EFAIL: full; the rest is dropped, so that nobody blocks */
    return rc == VMTP_ENOMEM ? vmtp_fail(ctx, rc, "out of memory") : VMTP_OK;
}

/* What the program had written before its end is in the pipe by now. A child of it may hold the pipe open for ever, so
 * there is no waiting for its end; a pipe holds 1 MiB at most. */
static int read_rest(vmtp_ctx *ctx, int *fd, struct vmtp_buf *buf)
{
    for (int i = 0; i < 2 * VMTP_OUTPUT_MAX / 16384; i++) {
        struct pollfd ready = {.fd = *fd, .events = POLLIN};
        if (*fd < 0 || poll(&ready, 1, 0) <= 0)
            return VMTP_OK;
        int rc = read_some(ctx, fd, buf);
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

/* Looks for the end without reaping: as long as the process is a zombie nobody else can get its id. */
static bool has_ended(const struct local_process *local, int *exit_status)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)local->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
        *exit_status = EXIT_NOT_FOUND;
        return errno == ECHILD;
    }
    if (info.si_pid != local->pid)
        return false;
    *exit_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    return true;
}

static void wait_for_news(const struct local_process *local, double seconds)
{
    struct pollfd fds[] = {
        {.fd = local->out, .events = POLLIN},
        {.fd = local->err, .events = POLLIN},
        {.fd = local->pidfd, .events = POLLIN},
    };
    if (local->pidfd < 0 && seconds > BLIND_TURN)
        seconds = BLIND_TURN;
    struct timespec timeout = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)ppoll(fds, 3, &timeout, NULL); /* an interrupt ends the wait: the caller looks at its cause */
}

static int local_pump(vmtp_ctx *ctx, struct vmtp_process *process, double seconds)
{
    struct local_process *local = process->link;
    wait_for_news(local, seconds > 0 ? seconds : 0);
    int status = 0;
    bool ended = has_ended(local, &status);
    int rc = VMTP_OK;
    if (ended) {
        rc = read_rest(ctx, &local->out, &process->out);
        if (rc == VMTP_OK)
            rc = read_rest(ctx, &local->err, &process->err);
        process->exit_status = status;
        process->ended = true;
        return rc;
    }
    if (local->out >= 0)
        rc = read_some(ctx, &local->out, &process->out);
    if (rc == VMTP_OK && local->err >= 0)
        rc = read_some(ctx, &local->err, &process->err);
    return rc;
}

/* ---- the end ---- */

/* The whole group: what the program has started itself ends with it. It was not reaped yet, so the id is its. */
static int local_signal(vmtp_ctx *ctx, struct vmtp_process *process, int signal_number)
{
    const struct local_process *local = process->link;
    if (kill(-local->pid, signal_number) < 0 && kill(local->pid, signal_number) < 0 && errno != ESRCH)
        return vmtp_fail(ctx, VMTP_EFAIL, "cannot signal process %ld: %s", (long)local->pid, vmtp_errno());
    return VMTP_OK;
}

static void local_reap(struct vmtp_process *process)
{
    struct local_process *local = process->link;
    if (local->pid > 0) {
        (void)kill(-local->pid, SIGKILL);
        (void)kill(local->pid, SIGKILL); /* when it has not become the leader of its group yet */
        double end = vmtp_now() + REAP_WAIT;
        while (waitpid(local->pid, NULL, WNOHANG) == 0 && vmtp_now() < end)
            nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    close_fd(&local->out);
    close_fd(&local->err);
    close_fd(&local->pidfd);
    free(local);
    process->link = NULL;
}

/* ---- upload ---- */

static int copy_bytes(vmtp_ctx *ctx, int from, int to)
{
    char chunk[65536];
    for (;;) {
        ssize_t n = read(from, chunk, sizeof chunk);
        if (n == 0)
            return VMTP_OK;
        for (ssize_t done = 0; done < n;) {
            ssize_t written = write(to, chunk + done, (size_t)(n - done));
            if (written < 0 && errno != EINTR)
                return vmtp_fail(ctx, VMTP_EFAIL, "cannot write: %s", vmtp_errno());
            done += written > 0 ? written : 0;
        }
        if (n < 0 && errno != EINTR)
            return vmtp_fail(ctx, VMTP_EFAIL, "cannot read: %s", vmtp_errno());
        int rc = vmtp_ctx_check(ctx);
        if (rc < 0)
            return rc;
    }
}

/* Written beside and renamed: a link that somebody has planted at the place is replaced, not followed. */
static int local_upload(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *local, const char *remote, unsigned mode)
{
    (void)ep;
    VMTP_CLEAN(fd) int from = open(local, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", local, vmtp_errno());
    VMTP_CLEAN(mem) char *beside = vmtp_format("%s.XXXXXX", remote);
    if (!beside)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    VMTP_CLEAN(fd) int to = mkostemp(beside, O_CLOEXEC);
    if (to < 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", remote, vmtp_errno());
    int rc = copy_bytes(ctx, from, to);
    if (rc == VMTP_OK && (fchmod(to, mode & 07777) < 0 || rename(beside, remote) < 0))
        rc = vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", remote, vmtp_errno());
    if (rc < 0)
        unlink(beside);
    return rc;
}

const struct vmtp_transport vmtp_transport_local = {
    .name = "local",
    .connect = local_connect,
    .disconnect = local_disconnect,
    .spawn = local_spawn,
    .pump = local_pump,
    .signal = local_signal,
    .reap = local_reap,
    .upload = local_upload,
};
