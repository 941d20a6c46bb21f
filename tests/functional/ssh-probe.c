/* SPDX-License-Identifier: Apache-2.0 */
/* Drives the ssh transport for the functional tests: one thing per call, said in lines a script can read.
 *
 *   ssh-probe [-p PASSWORD] [-k KEY] [-K CONFIGURED-KEY] [-t SECONDS] [-c CANCEL-AFTER] [-d]
 *             [-s accept-new|strict|off] [-T auto|libssh2|openssh] [-b BUSY-SECONDS] [-f] HOST[,HOST...] WHAT [ARG...]
 *
 * -f: the hosts boot for the first time, and take this key only. HOST is USER@ADDRESS[:PORT] or USER@[ADDRESS]:PORT.
 * WHAT:
 *   connect                 "connected PEER" per host
 *   exec ARGV...            the program's output, then "exit STATUS OUT-BYTES ERR-BYTES"
 *   late ARGV...            "ready", waits for the end of standard input, then as exec
 *   upload LOCAL REMOTE     "uploaded"
 *   bring NAME [ARGUMENT]   twice "program PATH SECONDS", as a tool finds it; then as exec with that argument
 *   latency N ARGV...       "latency SECONDS": the median of N commands
 *   serve PORT ARGV...      "pid PID", then waits for the end of standard input and stops it: "stopped"
 *   flood ARGV...           starts ARGV, reads nothing, runs another command 20 times: "others fine"
 * A failure is "error STATUS: words", exit 1. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bundle.h"
#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/log.h"
#include "core/ssh-hostkey.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"

enum { HOSTS_MAX = 64, COMMANDS_MAX = 1000 };

static atomic_bool cancelled;
static bool fresh;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&cancelled, true);
}

static int report(struct vmtp_ctx *ctx, int rc)
{
    if (rc < 0)
        printf("error %s: %s\n", vmtp_status_name(rc), vmtp_ctx_error(ctx, rc));
    fflush(stdout);
    return rc < 0;
}

static vmtp_endpoint *new_endpoint(struct vmtp_ctx *ctx, char *spec, const char *password, const char *key)
{
    struct vmtp_login login = {.struct_size = sizeof login,
                               .transport = "ssh",
                               .password = password,
                               .key_file = key,
                               .only_key = fresh,
                               .fresh = fresh};
    vmtp_endpoint *ep = vmtp_endpoint_new(spec);
    char *at = strchr(spec, '@'), *host = at + 1, *port = strrchr(host, ':');
    *at = '\0';
    if (*host == '[') {
        char *end = strchr(host++, ']');
        *end = '\0';
        port = end[1] == ':' ? end + 1 : NULL;
    }
    if (port) {
        *port++ = '\0';
        login.port = (uint16_t)strtoul(port, NULL, 10);
    }
    login.user = spec;
    login.host = host;
    return vmtp_endpoint_login(ctx, ep, &login) == VMTP_OK ? ep : NULL;
}

static int connect_all(struct vmtp_ctx *ctx, vmtp_endpoint *const *eps, size_t n, bool quiet)
{
    int failed = report(ctx, vmtp_connect(ctx, eps, n));
    for (size_t i = 0; i < n; i++) {
        if (!vmtp_endpoint_usable(eps[i])) {
            printf("error %s: %s\n", vmtp_status_name(eps[i]->status), eps[i]->error);
            failed = 1;
        } else if (!quiet) {
            printf("connected %s\n", vmtp_pairs_get(&eps[i]->properties, "peer_address"));
        }
    }
    return failed;
}

static int do_exec(struct vmtp_ctx *ctx, vmtp_endpoint *ep, char *const argv[])
{
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, (const char *const *)argv, &out);
    if (out.out && out.out_len < 10000)
        printf("%s", out.out);
    if (out.err && out.err_len && out.err_len < 10000)
        printf("err: %s", out.err);
    if (rc == VMTP_OK)
        printf("exit %d %zu %zu\n", out.exit_status, out.out_len, out.err_len);
    return report(ctx, rc);
}

static int do_late(struct vmtp_ctx *ctx, vmtp_endpoint *ep, char *const argv[])
{
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return do_exec(ctx, ep, argv);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int do_latency(struct vmtp_ctx *ctx, vmtp_endpoint *ep, size_t n, char *const argv[])
{
    static double seconds[COMMANDS_MAX];
    for (size_t i = 0; i < n && i < COMMANDS_MAX; i++) {
        VMTP_CLEAN(output) struct vmtp_output out = {0};
        double begin = vmtp_now();
        int rc = vmtp_exec(ctx, ep, (const char *const *)argv, &out);
        seconds[i] = vmtp_now() - begin;
        if (rc < 0)
            return report(ctx, rc);
    }
    qsort(seconds, n, sizeof seconds[0], by_size);
    printf("latency %.4f\n", seconds[n / 2]);
    return 0;
}

static int do_serve(struct vmtp_ctx *ctx, vmtp_endpoint *ep, uint16_t port, char *const argv[])
{
    vmtp_process *process;
    int rc = vmtp_start(ctx, ep, (const char *const *)argv, VMTP_TCP, port, &process);
    if (rc < 0)
        return report(ctx, rc);
    while (process->pid == 0 && vmtp_running(ctx, process) && vmtp_wait(ctx, 0.01) == VMTP_OK)
        ;
    printf("pid %ld\n", process->pid);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    vmtp_stop(ctx, process);
    puts("stopped");
    return 0;
}

static int do_flood(struct vmtp_ctx *ctx, vmtp_endpoint *ep, char *const argv[])
{
    static const char *const other[] = {"echo", "hello", NULL};
    vmtp_process *process;
    int rc = vmtp_start(ctx, ep, (const char *const *)argv, VMTP_TCP, 0, &process);
    for (int i = 0; rc == VMTP_OK && i < 20; i++) {
        VMTP_CLEAN(output) struct vmtp_output out = {0};
        rc = vmtp_exec(ctx, ep, other, &out);
        if (rc == VMTP_OK && strcmp(out.out, "hello\n") != 0)
            rc = vmtp_fail(ctx, VMTP_EFAIL, "got \"%s\"", out.out);
    }
    if (rc == VMTP_OK)
        printf("others fine, kept %zu\n", process->out.len);
    vmtp_stop(ctx, process);
    return report(ctx, rc);
}

/* As a tool does it: the first time it is brought there when it is missing, the second time it is there. */
static int do_bring(struct vmtp_ctx *ctx, vmtp_endpoint *ep, char *const argv[])
{
    ctx->bundles = vmtp_bundles_new();
    const char *path = NULL;
    int failed = 0;
    for (int i = 0; i < 2 && !failed; i++) {
        double begin = vmtp_now();
        failed = report(ctx, vmtp_program(ctx, ep, argv[0], NULL, &path));
        if (!failed)
            printf("program %s %.4f\n", path, vmtp_now() - begin);
    }
    if (!failed && argv[1]) {
        const char *words[3] = {path, argv[1], NULL};
        failed = do_exec(ctx, ep, (char *const *)words);
    }
    if (ep->workdir && vmtp_workdir_remove(ctx, ep, ep->workdir) < 0)
        failed = 1;
    vmtp_bundles_free(ctx->bundles);
    ctx->bundles = NULL;
    return failed;
}

static int act(struct vmtp_ctx *ctx, vmtp_endpoint *const *eps, size_t n, char *const argv[])
{
    bool only_connect = strcmp(argv[0], "connect") == 0;
    if (connect_all(ctx, eps, n, !only_connect) || only_connect)
        return only_connect ? 0 : 1;
    if (strcmp(argv[0], "exec") == 0)
        return do_exec(ctx, eps[0], argv + 1);
    if (strcmp(argv[0], "late") == 0)
        return do_late(ctx, eps[0], argv + 1);
    if (strcmp(argv[0], "latency") == 0)
        return do_latency(ctx, eps[0], strtoul(argv[1], NULL, 10), argv + 2);
    if (strcmp(argv[0], "serve") == 0)
        return do_serve(ctx, eps[0], (uint16_t)strtoul(argv[1], NULL, 10), argv + 2);
    if (strcmp(argv[0], "flood") == 0)
        return do_flood(ctx, eps[0], argv + 1);
    if (strcmp(argv[0], "bring") == 0)
        return do_bring(ctx, eps[0], argv + 1);
    if (strcmp(argv[0], "upload") != 0)
        return 2;
    int failed = report(ctx, vmtp_upload(ctx, eps[0], argv[1], argv[2], 0750));
    if (!failed)
        puts("uploaded");
    return failed;
}

static int host_key(const char *text)
{
    return strcmp(text, "strict") == 0 ? VMTP_HOST_KEY_STRICT
           : strcmp(text, "off") == 0  ? VMTP_HOST_KEY_OFF
                                       : VMTP_HOST_KEY_ACCEPT_NEW;
}

static int transport(const char *text)
{
    return strcmp(text, "auto") == 0      ? VMTP_SSH_AUTO
           : strcmp(text, "openssh") == 0 ? VMTP_SSH_OPENSSH
                                          : VMTP_SSH_LIBSSH2;
}

int main(int argc, char **argv)
{
    const char *password = NULL, *key = NULL;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, &cancelled);
    signal(SIGALRM, on_signal);
    signal(SIGINT, on_signal);
    vmtp_ssh_defaults.timeout = 20;
    vmtp_ssh_defaults.transport = VMTP_SSH_LIBSSH2;
    for (int c; (c = getopt(argc, argv, "+b:p:k:K:t:c:dfs:T:")) != -1;) {
        if (c == 'b')
            vmtp_ssh_defaults.busy = strtod(optarg, NULL);
        else if (c == 'p')
            password = optarg;
        else if (c == 'k')
            key = optarg;
        else if (c == 'K')
            vmtp_ssh_defaults.private_key_file = optarg;
        else if (c == 't')
            vmtp_ssh_defaults.timeout = strtod(optarg, NULL);
        else if (c == 'c')
            alarm((unsigned)strtoul(optarg, NULL, 10));
        else if (c == 's')
            vmtp_ssh_defaults.host_key = host_key(optarg);
        else if (c == 'T')
            vmtp_ssh_defaults.transport = transport(optarg);
        else if (c == 'f')
            fresh = true;
        else if (c == 'd')
            vmtp_log_set_level(VMTP_LOG_DEBUG);
        else
            return 2;
    }
    if (optind + 2 > argc)
        return 2;
    vmtp_endpoint *eps[HOSTS_MAX];
    size_t n = 0;
    char *hosts = argv[optind];
    for (char *host; n < HOSTS_MAX && (host = strsep(&hosts, ","));)
        eps[n++] = new_endpoint(&ctx, host, password, key);
    int status = act(&ctx, eps, n, argv + optind + 1);
    for (size_t i = 0; i < n; i++)
        vmtp_endpoint_free(eps[i]);
    return status;
}
