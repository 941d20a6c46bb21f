/* SPDX-License-Identifier: Apache-2.0 */
/* Programs on endpoints: run, started, watched, ended. Written once, on top of the transports. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bundle.h"
#include "core/ctx.h"
#include "core/listener.h"
#include "core/log.h"
#include "core/quote.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"
#include "core/watch.h"

static const double TURN = 0.1;         /* s that an interrupt may go unnoticed */
static const double EXEC_GRACE = 0.4;   /* s between SIGTERM and SIGKILL for a command whose time is over */
static const double STOP_GRACE = 2.0;   /* s between SIGTERM and SIGKILL for a server */
static const double KILL_WAIT = 0.4;    /* s to see the end after SIGKILL */
static const double LISTEN_WITHIN = 15.0; /* s that a server may need until it listens; an emulated machine is slow */
static const double LOSER_WITHIN = 1.5; /* s that a server needs to find out that its port is taken */
static const double POLL_FIRST = 0.005, POLL_LAST = 0.1; /* s between two looks at the ports */
enum { SAID_MAX = 400 }; /* characters of a program's words that go into an error */

static const struct vmtp_transport *const transports[] = {
    &vmtp_transport_local,
    &vmtp_transport_ssh,
    &vmtp_transport_openssh,
    &vmtp_transport_replay,
};

const struct vmtp_transport *vmtp_transport_find(const char *name)
{
    for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++)
        if (strcmp(transports[i]->name, name) == 0)
            return transports[i];
    return NULL;
}

void vmtp_output_clear(struct vmtp_output *output)
{
    free(output->out);
    free(output->err);
    *output = (struct vmtp_output){0};
}

static void process_free(struct vmtp_process *process)
{
    if (!process)
        return;
    if (process->link)
        process->ep->transport->reap(process);
    vmtp_buf_clear(&process->out);
    vmtp_buf_clear(&process->err);
    free(process);
}

static void log_command(vmtp_ctx *ctx, const struct vmtp_endpoint *ep, const char *const argv[])
{
    if (vmtp_log_get_level() < VMTP_LOG_DEBUG)
        return;
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(1000);
    (void)vmtp_quote_argv(&text, argv);
    vmtp_debug(ctx, "on %s: %s", ep->id, vmtp_buf_text(&text));
}

static int process_new(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *const argv[], struct vmtp_process **process)
{
    *process = NULL;
    int rc = vmtp_ctx_check(ctx);
    if (rc < 0)
        return rc;
    if (ep->state != VMTP_EP_CONNECTED)
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s is not connected", ep->id);
    struct vmtp_process *made = calloc(1, sizeof *made);
    if (!made)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    made->ep = ep;
    made->out = made->err = VMTP_BUF(VMTP_OUTPUT_MAX);
    log_command(ctx, ep, argv);
    rc = ep->transport->spawn(ctx, made, argv);
    if (rc < 0) {
        process_free(made);
        return vmtp_fail(ctx, rc, "cannot run %s on %s", argv[0], ep->id);
    }
    *process = made;
    return VMTP_OK;
}

/* Waits for the end, also when the user has interrupted or the deadline of the caller has passed. */
static void await_end(struct vmtp_ctx *ctx, struct vmtp_process *process, double seconds)
{
    double end = vmtp_now() + seconds;
    for (double left = seconds; !process->ended && left > 0; left = end - vmtp_now())
        if (process->ep->transport->pump(ctx, process, fmin(left, TURN)) < 0)
            return;
}

/* SIGTERM, then SIGKILL. What it still writes is kept. */
static void process_end(struct vmtp_process *process, double grace)
{
    static const int signals[] = {SIGTERM, SIGKILL};
    const double waits[] = {grace, KILL_WAIT};
    for (size_t i = 0; i < 2 && !process->ended; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx own; /* the caller's may be cancelled */
        vmtp_ctx_init(&own, NULL);
        own.deadline = vmtp_now() + waits[i];
        if (process->ep->transport->signal(&own, process, signals[i]) == VMTP_OK)
            await_end(&own, process, vmtp_remaining(&own));
    }
}

static int run_to_end(vmtp_ctx *ctx, struct vmtp_process *process)
{
    struct vmtp_watch *watch = ctx->watch && ctx->watch->client == process->ep ? ctx->watch : NULL;
    double begin = vmtp_now();
    while (!process->ended) {
        int rc = vmtp_ctx_check(ctx);
        if (rc == VMTP_OK && watch)
            rc = vmtp_watch_look(ctx, watch, vmtp_now() - begin);
        if (rc == VMTP_OK)
            rc = process->ep->transport->pump(ctx, process, fmin(vmtp_remaining(ctx), TURN));
        if (rc < 0)
            return rc;
    }
    return VMTP_OK;
}

static int take_output(vmtp_ctx *ctx, struct vmtp_process *process, struct vmtp_output *output)
{
    output->exit_status = process->exit_status;
    output->out_len = process->out.len;
    output->err_len = process->err.len;
    output->out = vmtp_buf_take(&process->out);
    output->err = vmtp_buf_take(&process->err);
    if (output->out && output->err)
        return VMTP_OK;
    vmtp_output_clear(output);
    return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
}

int vmtp_exec(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *const argv[], struct vmtp_output *output)
{
    vmtp_output_clear(output);
    struct vmtp_process *process = NULL;
    int rc = process_new(ctx, ep, argv, &process);
    if (rc < 0)
        return rc;
    rc = run_to_end(ctx, process);
    if (rc < 0) {
        process_end(process, EXEC_GRACE);
        rc = vmtp_fail(ctx, rc, "%s on %s", argv[0], ep->id);
    }
    int taken = take_output(ctx, process, output);
    process_free(process);
    return rc < 0 ? rc : taken;
}

int vmtp_exec_within(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *const argv[], double seconds,
                     struct vmtp_output *output)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx limited;
    vmtp_ctx_child(&limited, ctx, seconds);
    int rc = vmtp_exec(&limited, ep, argv, output);
    if (rc == VMTP_OK || (rc == VMTP_ETIMEOUT && vmtp_remaining(ctx) > 0))
        return rc;
    return vmtp_fail(ctx, rc, "%s", vmtp_ctx_error(&limited, rc));
}

/* What the program said last, for an error: standard error, or standard output when it left that empty. */
static char *last_words(const struct vmtp_process *process)
{
    const struct vmtp_buf *said = process->err.len ? &process->err : &process->out;
    const char *text = vmtp_buf_text(said);
    if (said->len > SAID_MAX)
        text += said->len - SAID_MAX;
    char *words = strdup(text);
    if (words)
        vmtp_printable(words);
    return words;
}

static int refuse_taken_port(vmtp_ctx *ctx, struct vmtp_endpoint *ep, uint32_t proto, uint16_t port)
{
    struct vmtp_listener listener;
    int rc = vmtp_port_listener(ctx, ep, proto, port, &listener);
    if (rc < 0 || !listener.found)
        return rc;
    char holder[VMTP_LISTENER_TEXT];
    return vmtp_fail(ctx, VMTP_EREMOTE, "%s port %u of %s is taken by %s: end it or choose another port",
                     proto == VMTP_UDP ? "UDP" : "TCP", port, ep->id, vmtp_listener_text(&listener, holder));
}

static int ended_early(vmtp_ctx *ctx, struct vmtp_process *process, const char *program)
{
    char *words = last_words(process);
    int rc = vmtp_fail(ctx, VMTP_EREMOTE, "%s on %s ended at once, exit %d: %s", program, process->ep->id,
                       process->exit_status, words && *words ? words : "it said nothing");
    free(words);
    return rc;
}

/* Waits, but not longer than until the program ends. */
static int pause_while_running(vmtp_ctx *ctx, struct vmtp_process *process, double seconds)
{
    double end = vmtp_now() + seconds;
    int rc = VMTP_OK;
    for (double left = seconds; rc == VMTP_OK && !process->ended && left > 0; left = end - vmtp_now())
        rc = process->ep->transport->pump(ctx, process, left);
    return rc;
}

/* $1 a process, $2 the inode of a socket */
static const char has_socket[] = "ls -l \"/proc/$1/fd\" 2>/dev/null | grep -q \"socket:.$2.\\$\"";

/* Another program may have been quicker with the port: what listens there is not a socket of our process, which then
 * ends soon. One that does not end may have left the socket to a child. */
static int await_loser(vmtp_ctx *ctx, struct vmtp_process *process, const struct vmtp_listener *listener)
{
    char pid[24], inode[24];
    snprintf(pid, sizeof pid, "%ld", process->pid);
    snprintf(inode, sizeof inode, "%lu", listener->inode);
    const char *const argv[] = {"sh", "-c", has_socket, "vmtp-socket", pid, inode, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, process->ep, argv, &out);
    if (rc < 0 || out.exit_status == 0)
        return rc;
    return pause_while_running(ctx, process, LOSER_WITHIN);
}

static int await_port(vmtp_ctx *ctx, struct vmtp_process *process, const char *program, uint32_t proto, uint16_t port)
{
    for (double pause = POLL_FIRST;; pause = fmin(pause * 2, POLL_LAST)) {
        struct vmtp_listener listener;
        int rc = vmtp_port_listens(ctx, process->ep, proto, port, &listener);
        if (rc == VMTP_OK) /* the end first: what listens then is somebody else's */
            rc = listener.found ? await_loser(ctx, process, &listener) : pause_while_running(ctx, process, pause);
        if (rc < 0)
            return rc;
        if (process->ended)
            return ended_early(ctx, process, program);
        if (listener.found)
            return VMTP_OK;
    }
}

static int await_listening(vmtp_ctx *ctx, struct vmtp_process *process, const char *program, uint32_t proto,
                           uint16_t port)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx limited;
    vmtp_ctx_child(&limited, ctx, LISTEN_WITHIN);
    int rc = await_port(&limited, process, program, proto, port);
    if (rc == VMTP_ETIMEOUT) {
        char *words = last_words(process);
        rc = vmtp_fail(ctx, rc, "%s on %s does not listen on %s port %u in time%s%s", program, process->ep->id,
                       proto == VMTP_UDP ? "UDP" : "TCP", port, words && *words ? ": " : "", words ? words : "");
        free(words);
    } else if (rc < 0) {
        rc = vmtp_fail(ctx, rc, "%s", vmtp_ctx_error(&limited, rc));
    }
    return rc;
}

int vmtp_start(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *const argv[], uint32_t proto, uint16_t port,
               vmtp_process **process)
{
    *process = NULL;
    int rc = port ? refuse_taken_port(ctx, ep, proto, port) : VMTP_OK;
    struct vmtp_process *started = NULL;
    if (rc == VMTP_OK)
        rc = process_new(ctx, ep, argv, &started);
    if (rc == VMTP_OK && port)
        rc = await_listening(ctx, started, argv[0], proto, port);
    if (rc < 0) {
        if (started)
            process_end(started, EXEC_GRACE);
        process_free(started);
        return rc;
    }
    *process = started;
    return VMTP_OK;
}

bool vmtp_running(vmtp_ctx *ctx, vmtp_process *process)
{
    /* Everything that is there is read: a server that nobody listens to would block in write() some day. */
    size_t seen;
    do {
        seen = process->out.len + process->err.len;
        if (!process->ended && process->ep->transport->pump(ctx, process, 0) < 0)
            return false;
    } while (!process->ended && process->out.len + process->err.len != seen);
    return !process->ended;
}

void vmtp_stop(vmtp_ctx *ctx, vmtp_process *process)
{
    if (!process)
        return;
    int saved = errno;
    process_end(process, vmtp_cancelled(ctx) ? 0 : STOP_GRACE);
    if (!process->ended)
        vmtp_warn(ctx, "process %ld on %s does not end", process->pid, process->ep->id);
    process_free(process);
    errno = saved;
}

int vmtp_upload(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *local, const char *remote, unsigned mode)
{
    int rc = vmtp_ctx_check(ctx);
    if (rc < 0)
        return rc;
    if (ep->state != VMTP_EP_CONNECTED)
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s is not connected", ep->id);
    rc = ep->transport->upload(ctx, ep, local, remote, mode);
    return rc < 0 ? vmtp_fail(ctx, rc, "cannot copy %s to %s", local, ep->id) : rc;
}

/* $1: a name or a path. A login's PATH often lacks the system directories. */
static const char find_program[] = "case $1 in "
                                   "*/*) [ -f \"$1\" ] && [ -x \"$1\" ] && echo \"$1\" ;; "
                                   "*) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; command -v \"$1\" ;; "
                                   "esac";

/* What the endpoint does not have. Programs of this machine are on a local endpoint already. */
static int bring(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *name, char **path)
{
    static const char remedy[] = "install the package";
    if (!ctx->bundles || ep->transport == &vmtp_transport_local)
        return vmtp_fail(ctx, VMTP_ENOTSUP,
                         "%s has no %s: %s %s on it or name its path with --tp-tool %s:path=...", ep->id, name, remedy,
                         name, name);
    int rc = vmtp_bundle_bring(ctx, ctx->bundles, ep, name, path);
    if (rc < 0)
        return vmtp_fail(ctx, rc, "%s has no %s (%s %s on it or name its path with --tp-tool %s:path=...), and none "
                         "can be brought there", ep->id, name, remedy, name, name);
    return VMTP_OK;
}

int vmtp_program(vmtp_ctx *ctx, vmtp_endpoint *ep, const char *name, const char *configured, const char **path)
{
    bool given = configured && *configured;
    const char *asked = given ? configured : name;
    *path = vmtp_pairs_get(&ep->programs, asked);
    if (*path)
        return VMTP_OK;

    const char *const argv[] = {"sh", "-c", find_program, "vmtp-program", asked, NULL};
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_exec(ctx, ep, argv, &out);
    if (rc < 0)
        return rc;
    out.out[strcspn(out.out, "\r\n")] = '\0';
    bool found = out.exit_status == 0 && out.out[0] == '/'; /* anything else is a builtin or a relative PATH */
    if (!found && given)
        return vmtp_fail(ctx, VMTP_ENOTSUP, "%s is not a program on %s: install it there or correct the path", asked,
                         ep->id);
    VMTP_CLEAN(mem) char *brought = NULL;
    if (!found)
        rc = bring(ctx, ep, name, &brought);
    if (rc < 0)
        return rc;
    if (vmtp_pairs_set(&ep->programs, asked, found ? out.out : brought) < 0)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    *path = vmtp_pairs_get(&ep->programs, asked);
    return VMTP_OK;
}
