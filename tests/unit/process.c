/* SPDX-License-Identifier: Apache-2.0 */
/* Programs on this machine through the services that plugins use. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/quote.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/str.h"
#include "tests/tap.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SH(script) ARGV("sh", "-c", script)

static struct vmtp_endpoint *here(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = vmtp_endpoint_new("here");
    struct vmtp_login login = {.struct_size = sizeof login, .transport = "local"};
    if (vmtp_endpoint_login(&ctx, ep, &login) < 0 || vmtp_connect(&ctx, &ep, 1) < 0)
        ok(false, "cannot connect to this machine");
    return ep;
}

static void test_quote(void)
{
    static const char *const words[] = {
        "plain",      "",        "two words", "it's",          "'",   "''a'",      "$(id)", "`id`", "a\nb",       "-n",
        "*",          "~",       "A=b",       "\\",            "\"x", "a;b|c&d>e", "#no",   "!x",   "\xff\x01\t",
        "{a,b}",
        "gr\xc3\xbc", "$HOME",   "%1",        "[a-z]",         "\\'", "x'; rm y",
    };
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = here();
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        VMTP_CLEAN(buf) struct vmtp_buf script = VMTP_BUF(1000);
        vmtp_quote_argv(&script, ARGV("printf", "%s|", words[i], words[i]));
        VMTP_CLEAN(output) struct vmtp_output out = {0};
        VMTP_CLEAN(mem) char *want = vmtp_format("%s|%s|", words[i], words[i]);
        int rc = vmtp_exec(&ctx, ep, SH(vmtp_buf_text(&script)), &out);
        is(rc == VMTP_OK ? out.out : "failed", want, "a word comes through a shell unchanged");
    }
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(100);
    vmtp_quote_argv(&text, ARGV("/usr/bin/nuttcp", "-T10", "fe80::1%eth0"));
    is(vmtp_buf_text(&text), "/usr/bin/nuttcp -T10 fe80::1%eth0", "what needs no quotes has none");
    VMTP_CLEAN(buf) struct vmtp_buf small = VMTP_BUF(4);
    is_int(vmtp_quote_word(&small, "two words"), VMTP_EFAIL, "a word that does not fit is an error");
    vmtp_endpoint_free(ep);
}

static void test_exec(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = here();
    ok(vmtp_pairs_get(&ep->properties, "kernel") && vmtp_pairs_get(&ep->properties, "arch"),
       "connecting asks what the host is");

    VMTP_CLEAN(output) struct vmtp_output out = {0};
    is_int(vmtp_exec(&ctx, ep, SH("echo out; echo err >&2; exit 3"), &out), VMTP_OK, "a failing program is no error");
    is(out.out, "out\n", "standard output");
    is(out.err, "err\n", "standard error");
    is_int(out.exit_status, 3, "exit status");
    is_int((long long)out.out_len, 4, "length");

    is_int(vmtp_exec(&ctx, ep, SH("kill -9 $$"), &out), VMTP_OK, "a program that is killed");
    is_int(out.exit_status, 128 + SIGKILL, "has 128 + signal as its status");

    is_int(vmtp_exec(&ctx, ep, ARGV("no-such-program-here"), &out), VMTP_OK, "a program that is not there");
    is_int(out.exit_status, 127, "is status 127, as in a shell");
    is(out.err, "no-such-program-here: not found\n", "with its name");
    is_int(vmtp_exec(&ctx, ep, ARGV("/etc/passwd"), &out), VMTP_OK, "a file that is no program");
    is_int(out.exit_status, 126, "is status 126");

    is_int(vmtp_exec(&ctx, ep, ARGV("cat"), &out), VMTP_OK, "standard input is empty");
    is(out.out, "", "and at its end");
    is_int(vmtp_exec(&ctx, ep, SH("yes | head -c 3000000; echo end >&2"), &out), VMTP_OK, "a program that talks a lot");
    is_int((long long)out.out_len, VMTP_OUTPUT_MAX, "is cut at the limit");
    is(out.err, "end\n", "but runs to its end");

    double begin = vmtp_now();
    is_int(vmtp_exec(&ctx, ep, SH("echo now; sleep 30 & exit 0"), &out), VMTP_OK, "a child that keeps the output open");
    ok(vmtp_now() - begin < within(5), "is not waited for");
    is(out.out, "now\n", "and what was written is there");
    vmtp_endpoint_free(ep);
}

static void test_child_state(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    setenv("OS_PASSWORD", "hunter2", 1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    int leak = open("/dev/null", O_RDONLY); /* without close-on-exec, as a careless library would leave it */
    struct vmtp_endpoint *ep = here();

    VMTP_CLEAN(output) struct vmtp_output out = {0};
    is_int(vmtp_exec(&ctx, ep, ARGV("env"), &out), VMTP_OK, "env runs");
    ok(!strstr(out.out, "hunter2"), "a secret in the environment is not handed on");
    contains(out.out, "LC_ALL=C\n", "programs speak English");
    is_int(vmtp_exec(&ctx, ep, ARGV("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"), &out), VMTP_OK, "status");
    contains(out.out, "SigBlk:\t0000000000000000", "no signal is blocked in a program");
    const char *ignored = strstr(out.out, "SigIgn:\t");
    unsigned long long ours = 1ULL << (SIGPIPE - 1) | 1ULL << (SIGTERM - 1);
    ok(ignored && (strtoull(ignored + 8, NULL, 16) & ours) == 0, "or ignored");
    if (syscall(436 /* close_range */, ~0U, ~0U, 0) == 0) {
        is_int(vmtp_exec(&ctx, ep, SH("ls /proc/self/fd | wc -l"), &out), VMTP_OK, "descriptors");
        /* 0 1 2 and ls reads the directory */
        is_int(strtoll(out.out, NULL, 10), 4, "no descriptor of ours is open in a program");
    } else {
        skip(2, "the kernel has no close_range()");
    }
    vmtp_endpoint_free(ep);
    close(leak);
    signal(SIGTERM, SIG_DFL);
}

static void *cancel_soon(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void test_limits(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = here();
    VMTP_CLEAN(output) struct vmtp_output out = {0};

    VMTP_CLEAN(ctx) struct vmtp_ctx brief;
    vmtp_ctx_child(&brief, &ctx, 0.2);
    double begin = vmtp_now();
    is_int(vmtp_exec(&brief, ep, SH("echo first; sleep 30"), &out), VMTP_ETIMEOUT, "a deadline ends a program");
    ok(vmtp_now() - begin < within(1.2), "within a second of it");
    is(out.out, "first\n", "what it wrote is kept");
    is_int(out.exit_status, 128 + SIGTERM, "it was asked to end");
    contains(vmtp_ctx_error(&brief, VMTP_ETIMEOUT), "sh on here", "the error names program and endpoint");

    begin = vmtp_now();
    is_int(vmtp_exec_within(&ctx, ep, SH("echo first; sleep 30"), 0.2, &out), VMTP_ETIMEOUT, "so does a limit");
    ok(vmtp_now() - begin < within(1.2), "within a second of it");
    is(out.out, "first\n", "what it wrote is kept, too");
    is(vmtp_ctx_error(&ctx, VMTP_ETIMEOUT), "timed out", "the words are left to the caller");
    is_int(vmtp_exec_within(&brief, ep, ARGV("true"), 10, &out), VMTP_ETIMEOUT, "a deadline counts, too");
    contains(vmtp_ctx_error(&brief, VMTP_ETIMEOUT), "no answer in time", "with its own words");
    is_int(vmtp_exec_within(&ctx, ep, SH("exit 3"), 10, &out), VMTP_OK, "a program that ends in time");
    is_int(out.exit_status, 3, "is as without a limit");

    atomic_bool cancel = false;
    VMTP_CLEAN(ctx) struct vmtp_ctx stopped;
    vmtp_ctx_init(&stopped, &cancel);
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_soon, &cancel);
    begin = vmtp_now();
    is_int(vmtp_exec(&stopped, ep, SH("trap '' TERM; echo $$; while :; do sleep 0.1; done"), &out), VMTP_ECANCELED,
           "an interrupt ends a program that does not want to");
    ok(vmtp_now() - begin < within(1.3), "within a second");
    pthread_join(thread, NULL);
    is_int(out.exit_status, 128 + SIGKILL, "it was killed");
    ok(strtol(out.out, NULL, 10) > 0 && kill((pid_t)strtol(out.out, NULL, 10), 0) < 0, "and is gone");
    is_int(vmtp_exec(&stopped, ep, ARGV("true"), &out), VMTP_ECANCELED, "after an interrupt nothing is started");
    vmtp_endpoint_free(ep);
}

/* A port that is free on this machine now. */
static uint16_t free_port(int *fd)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof any;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *)&any, len) < 0 || getsockname(*fd, (struct sockaddr *)&any, &len) < 0)
        return 0;
    return ntohs(any.sin_port);
}

/* This program again, as a server: see main(). */
static const char *self_path(void)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    return n > 0 ? path : "/nonexistent";
}

static void test_start(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = here();
    int fd = -1;
    uint16_t port = free_port(&fd);
    char text[8];
    snprintf(text, sizeof text, "%u", port);

    listen(fd, 1);
    vmtp_process *process = NULL;
    is_int(vmtp_start(&ctx, ep, ARGV("sleep", "30"), VMTP_TCP, port, &process), VMTP_EREMOTE,
           "a taken port is refused");
    VMTP_CLEAN(mem) char *holder = vmtp_format("taken by process.t (process %ld)", (long)getpid());
    contains(vmtp_ctx_error(&ctx, VMTP_EREMOTE), holder, "naming who holds it");
    vmtp_ctx_forget(&ctx);
    close(fd);

    double begin = vmtp_now();
    is_int(vmtp_start(&ctx, ep, ARGV(self_path(), "tcp", text), VMTP_TCP, port, &process), VMTP_OK,
           "a server is started");
    ok(vmtp_now() - begin < within(2), "without waiting longer than it needs");
    ok(process && vmtp_running(&ctx, process), "it runs");
    struct vmtp_listener listener;
    is_int(vmtp_port_listener(&ctx, ep, VMTP_TCP, port, &listener), VMTP_OK, "who listens");
    ok(process && listener.pid == process->pid, "is the process that was started");
    pid_t pid = process ? (pid_t)process->pid : 0;
    begin = vmtp_now();
    vmtp_stop(&ctx, process);
    ok(vmtp_now() - begin < within(1), "it is stopped at once");
    ok(kill(pid, 0) < 0, "and gone");

    is_int(vmtp_start(&ctx, ep, ARGV(self_path(), "udp", text), VMTP_UDP, port, &process), VMTP_OK, "a UDP server");
    kill((pid_t)process->pid, SIGKILL);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    ok(!vmtp_running(&ctx, process), "a server that died is noticed");
    vmtp_stop(&ctx, process);

    begin = vmtp_now();
    is_int(vmtp_start(&ctx, ep, SH("echo cannot bind >&2; exit 1"), VMTP_TCP, port, &process), VMTP_EREMOTE,
           "a server that ends early is an error");
    ok(vmtp_now() - begin < within(2), "at once");
    ok(!process, "without a process");
    contains(vmtp_ctx_error(&ctx, VMTP_EREMOTE), "ended at once, exit 1: cannot bind", "with its own words");
    vmtp_ctx_forget(&ctx);

    VMTP_CLEAN(ctx) struct vmtp_ctx brief;
    vmtp_ctx_child(&brief, &ctx, 0.3);
    is_int(vmtp_start(&brief, ep, SH("echo waiting >&2; sleep 30"), VMTP_TCP, port, &process), VMTP_ETIMEOUT,
           "a server that never listens is given up");
    contains(vmtp_ctx_error(&brief, VMTP_ETIMEOUT), "does not listen on TCP port", "saying so");
    contains(vmtp_ctx_error(&brief, VMTP_ETIMEOUT), "waiting", "with its own words");

    is_int(vmtp_start(&ctx, ep, SH("trap '' TERM; while :; do sleep 0.1; done"), VMTP_TCP, 0, &process), VMTP_OK,
           "port 0: at once");
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    begin = vmtp_now();
    vmtp_stop(&ctx, process);
    ok(vmtp_now() - begin > 1.9 && vmtp_now() - begin < within(3), "what ignores SIGTERM has 2 s");
    vmtp_stop(&ctx, NULL);
    vmtp_endpoint_free(ep);
}

static void test_program(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = here();
    const char *path = NULL, *again = NULL;
    is_int(vmtp_program(&ctx, ep, "grep", NULL, &path), VMTP_OK, "a program in PATH is found");
    ok(path && path[0] == '/', "with its path");
    is_int(vmtp_program(&ctx, ep, "grep", "", &again), VMTP_OK, "again");
    ok(path == again, "from memory");
    is_int(vmtp_program(&ctx, ep, "nuttcp", "/bin/sh", &path), VMTP_OK, "a configured path");
    is(path, "/bin/sh", "wins");
    is_int(vmtp_program(&ctx, ep, "nuttcp", "/etc/passwd", &path), VMTP_ENOTSUP,
           "a configured file that is no program");
    contains(vmtp_ctx_error(&ctx, VMTP_ENOTSUP), "/etc/passwd is not a program on here", "is refused");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_program(&ctx, ep, "no'such;tool", NULL, &path), VMTP_ENOTSUP, "a missing one");
    contains(vmtp_ctx_error(&ctx, VMTP_ENOTSUP), "--tp-tool no'such;tool:path=", "is told with the remedy");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_program(&ctx, ep, "cd", NULL, &path), VMTP_ENOTSUP, "a shell builtin is not a program");
    vmtp_endpoint_free(ep);
}

static void test_upload(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    char dir[] = "/tmp/vmtp-unit.XXXXXX";
    if (!mkdtemp(dir)) {
        ok(false, "a temporary directory");
        return;
    }
    struct vmtp_endpoint *ep = here();
    VMTP_CLEAN(mem) char *from = vmtp_format("%s/from", dir);
    VMTP_CLEAN(mem) char *to = vmtp_format("%s/to", dir);
    VMTP_CLEAN(mem) char *text = NULL;
    size_t len = 0;
    is_int(vmtp_file_replace(&ctx, from, "a\0b", 3), VMTP_OK, "a file to copy");
    is_int(symlink("/nonexistent/planted", to), 0, "and a link at its place");
    is_int(vmtp_upload(&ctx, ep, from, to, 0711), VMTP_OK, "a file is copied");
    is_int(vmtp_file_read(&ctx, to, 100, &text, &len), VMTP_OK, "it is there");
    ok(len == 3 && memcmp(text, "a\0b", 3) == 0, "with its content");
    struct stat st;
    ok(lstat(to, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0711, "and mode, the link replaced");
    is_int(vmtp_upload(&ctx, ep, "/nonexistent", to, 0700), VMTP_EFAIL, "a missing file is an error");
    contains(vmtp_ctx_error(&ctx, VMTP_EFAIL), "/nonexistent", "naming it");
    unlink(from);
    unlink(to);
    ok(rmdir(dir) == 0, "nothing else was left");
    vmtp_endpoint_free(ep);
}

static void test_connect(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    enum { N = 100 };
    struct vmtp_endpoint *eps[N];
    struct vmtp_login good = {.struct_size = sizeof good, .transport = "local"};
    struct vmtp_login bad = {.struct_size = sizeof bad, .transport = "pigeon"};
    for (int i = 0; i < N; i++) {
        eps[i] = vmtp_endpoint_new("many");
        if (vmtp_endpoint_login(&ctx, eps[i], i % 10 == 9 ? &bad : &good) < 0)
            ok(false, "login");
    }
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    is_int(vmtp_exec(&ctx, eps[0], ARGV("true"), &out), VMTP_EUNREACH, "nothing runs before the connection");
    vmtp_ctx_forget(&ctx);
    is_int(vmtp_connect(&ctx, eps, N), VMTP_OK, "many are connected at once");
    int usable = 0;
    for (int i = 0; i < N; i++)
        usable += vmtp_endpoint_usable(eps[i]) && vmtp_pairs_get(&eps[i]->properties, "kernel");
    is_int(usable, N - N / 10, "all but those that cannot be");
    contains(eps[9]->error, "pigeon", "which say why");
    for (int i = 0; i < N; i++)
        vmtp_endpoint_free(eps[i]);
}

static void test_namespace_login(void)
{
    static const char *const bad[][2] = {
        {"none", "not a process id"}, {"0", "not a process id"}, {"999999999", "process 999999999: No such file"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        struct vmtp_endpoint *ep = vmtp_endpoint_new("ns");
        struct vmtp_login login = {.struct_size = sizeof login, .transport = "local", .netns = bad[i][0]};
        is_int(vmtp_endpoint_login(&ctx, ep, &login), VMTP_OK, "a login");
        is_int(vmtp_connect(&ctx, &ep, 1), VMTP_OK, "to a namespace that is not there");
        contains(ep->error, bad[i][1], "fails, saying why");
        vmtp_endpoint_free(ep);
    }
}

/* Whoever started programs dies by force: they must not outlive it. */
static void test_orphans(void)
{
    int ends[2];
    if (pipe(ends) < 0) {
        ok(false, "pipe");
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        struct vmtp_endpoint *ep = here();
        vmtp_process *process = NULL;
        if (vmtp_start(&ctx, ep, ARGV("sleep", "60"), VMTP_TCP, 0, &process) < 0)
            _exit(1);
        long pid = process->pid;
        if (write(ends[1], &pid, sizeof pid) < 0)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    long pid = 0;
    ok(read(ends[0], &pid, sizeof pid) == sizeof pid && pid > 0, "a program runs in a process that is killed");
    waitpid(child, NULL, 0);
    bool gone = false;
    for (int i = 0; i < 100 && !gone; i++) {
        char state[64];
        snprintf(state, sizeof state, "/proc/%ld/stat", pid);
        VMTP_CLEAN(mem) char *text = NULL;
        size_t len = 0;
        gone = vmtp_file_read(NULL, state, 4096, &text, &len) < 0 || strstr(text, ") Z");
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    ok(gone, "and ends with it");
    close(ends[0]);
    close(ends[1]);
}

static int serve(const char *proto, const char *port)
{
    bool udp = strcmp(proto, "udp") == 0;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0 || (!udp && listen(fd, 1) < 0))
        return 1;
    alarm(60);
    pause();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return serve(argv[1], argv[2]);
    test_quote();
    test_exec();
    test_child_state();
    test_limits();
    test_start();
    test_program();
    test_upload();
    test_connect();
    test_namespace_login();
    test_orphans();
    return done_testing();
}
