/* SPDX-License-Identifier: Apache-2.0 */
/* Commands by the system's ssh(1): one per endpoint holds the connection, with whatever the user's ssh_config says of
 * the host; each command is a session on its control socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/ssh-command.h"
#include "core/ssh-copy.h"
#include "core/ssh-master.h"
#include "core/ssh-mux.h"
#include "core/ssh.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"

static const double NAP = 0.05;     /* s that an interrupt may go unnoticed */
static const double TURN = 0.1;     /* s that the output of another command may wait */
static const double LOGIN_S = 60;   /* beyond reaching the host: PAM may ask other servers; a prompt is not counted */
static const double LAST_WORDS_S = 0.3; /* for ssh to end when its connection is lost */
static const double ANSWER_S = 5;   /* for a host that keeps silent to open a session */
enum { READS_IN_TURN = 32 };

struct channel {
    struct channel *next;
    struct vmtp_process *process;
    struct vmtp_mux mux;
    struct vmtp_ssh_head head;
    int signal; /* the last one that was sent */
};

struct openssh {
    struct vmtp_ssh_master master;
    bool lost;
    double heard;    /* vmtp_now() when the host has said something */
    double patience; /* s that it may keep silent; 0: ssh itself asks, by its keep-alive, and rather late */
    char mark[24], name[300];
    struct channel *channels;
};

/* ---- output ---- */

static void take(struct openssh *link, struct channel *channel, bool is_err, const char *bytes, size_t n)
{
    if (is_err)
        (void)vmtp_buf_add(&channel->process->err, bytes, n); /* what does not fit is dropped */
    else
        vmtp_ssh_head_take(&channel->head, link->mark, channel->process, bytes, n);
}

static void read_stream(struct openssh *link, struct channel *channel, int *fd, bool is_err)
{
    char chunk[16384];
    for (int i = 0; *fd >= 0 && i < READS_IN_TURN; i++) {
        ssize_t n = read(*fd, chunk, sizeof chunk);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n > 0) {
            link->heard = vmtp_now();
            take(link, channel, is_err, chunk, (size_t)n);
            continue;
        }
        close(*fd);
        *fd = -1;
    }
}

/* The session is over. Without an exit status its program was ended by a signal, or the connection is lost. */
static void channel_ended(struct openssh *link, struct channel *channel)
{
    struct vmtp_process *process = channel->process;
    process->ended = true;
    process->exit_status = channel->mux.exit_status;
    if (!channel->head.started)
        (void)vmtp_buf_add(&process->err, vmtp_buf_text(&channel->head.text), channel->head.text.len);
    if (channel->mux.exited)
        return;
    process->exit_status = channel->signal ? 128 + channel->signal : VMTP_SSH_CONNECTION_LOST;
    struct pollfd pfd = {.fd = link->master.guard.report, .events = POLLIN};
    if (!vmtp_mux_alive(link->master.socket_path))
        (void)poll(&pfd, 1, (int)(LAST_WORDS_S * 1000));
    link->lost = link->lost || !vmtp_ssh_master_tend(&link->master);
}

/* Every command is read, whoever asked: one that nobody reads would block. */
static void drain_all(struct openssh *link)
{
    for (struct channel *channel = link->channels; channel; channel = channel->next) {
        if (channel->process->ended)
            continue;
        vmtp_mux_read(&channel->mux);
        read_stream(link, channel, &channel->mux.out, false);
        read_stream(link, channel, &channel->mux.err, true);
        if (channel->mux.control < 0 && channel->mux.out < 0 && channel->mux.err < 0)
            channel_ended(link, channel);
    }
}

static void wait_for_news(const struct channel *channel, double seconds)
{
    struct pollfd fds[] = {
        {.fd = channel->mux.control, .events = POLLIN},
        {.fd = channel->mux.out, .events = POLLIN},
        {.fd = channel->mux.err, .events = POLLIN},
    };
    (void)poll(fds, 3, (int)ceil(fmin(seconds, TURN) * 1000));
}

static int connection_lost(vmtp_ctx *ctx, const struct openssh *link, struct vmtp_process *process)
{
    process->ended = true;
    process->exit_status = VMTP_SSH_CONNECTION_LOST;
    return vmtp_fail(ctx, VMTP_EUNREACH, "the connection to %s is lost", link->name);
}

/* Opens a session: only the host itself can say yes or no to that. False when it says nothing. */
static bool answers(const vmtp_ctx *parent, struct openssh *link)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_child(&ctx, parent, 0);
    ctx.deadline = vmtp_now() + ANSWER_S;
    struct vmtp_mux mux = VMTP_MUX_NONE;
    int rc = vmtp_mux_open(&ctx, link->master.socket_path, ":", &mux);
    vmtp_mux_close(&mux);
    if (rc == VMTP_OK || rc == VMTP_EREMOTE)
        link->heard = vmtp_now();
    return rc != VMTP_ETIMEOUT && rc != VMTP_EUNREACH;
}

static bool vanished(const vmtp_ctx *ctx, struct openssh *link)
{
    return link->patience > 0 && vmtp_now() - link->heard > link->patience - ANSWER_S && !answers(ctx, link);
}

static int openssh_pump(vmtp_ctx *ctx, struct vmtp_process *process, double seconds)
{
    struct openssh *link = process->ep->link;
    double end = vmtp_now() + seconds;
    size_t out = process->out.len, err = process->err.len;
    while (!process->ended) {
        drain_all(link);
        link->lost = link->lost || !vmtp_ssh_master_tend(&link->master) || vanished(ctx, link);
        if (process->ended && !link->lost)
            break;
        if (link->lost)
            return connection_lost(ctx, link, process);
        int rc = vmtp_ssh_head_check(ctx, &((struct channel *)process->link)->head, link->name, process);
        if (rc < 0)
            return rc;
        double left = end - vmtp_now();
        if (left <= 0 || process->out.len != out || process->err.len != err)
            break;
        wait_for_news(process->link, left);
        if (vmtp_cancelled(ctx))
            break;
    }
    return VMTP_OK;
}

/* ---- commands ---- */

/* A host that does not even refuse the session has vanished. */
static int open_session(vmtp_ctx *parent, struct openssh *link, const char *command, struct vmtp_mux *mux)
{
    struct vmtp_ctx ctx;
    const double begin = vmtp_now();
    vmtp_ctx_child(&ctx, parent, link->patience);
    int rc = vmtp_mux_open(&ctx, link->master.socket_path, command, mux);
    if (rc == VMTP_OK || rc == VMTP_EREMOTE)
        link->heard = vmtp_now();
    const bool silent = rc == VMTP_ETIMEOUT && link->patience > 0 && vmtp_now() - begin >= link->patience;
    if (silent || rc == VMTP_EUNREACH) { /* unreachable: ssh has ended */
        link->lost = true;
        rc = vmtp_fail(parent, VMTP_EUNREACH, "the connection to %s is lost", link->name);
    } else if (rc < 0) {
        (void)vmtp_fail(parent, rc, "%s: %s", link->name, vmtp_ctx_error(&ctx, rc));
    }
    vmtp_ctx_clear(&ctx);
    return rc;
}

static int start(vmtp_ctx *ctx, struct vmtp_process *process, const char *command, bool has_head)
{
    struct openssh *link = process->ep->link;
    if (link->lost || !vmtp_ssh_master_tend(&link->master))
        return vmtp_fail(ctx, VMTP_EUNREACH, "the connection to %s is lost", link->name);
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    vmtp_ssh_head_init(&channel->head);
    channel->head.started = !has_head;
    int rc = open_session(ctx, link, command, &channel->mux);
    if (rc < 0) {
        vmtp_mux_close(&channel->mux);
        free(channel);
        return rc;
    }
    channel->process = process;
    channel->next = link->channels;
    link->channels = channel;
    process->link = channel;
    return VMTP_OK;
}

static int openssh_spawn(vmtp_ctx *ctx, struct vmtp_process *process, const char *const argv[])
{
    const struct openssh *link = process->ep->link;
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(VMTP_SSH_COMMAND_MAX);
    int rc = vmtp_ssh_launch_text(ctx, &text, link->mark, argv);
    return rc < 0 ? rc : start(ctx, process, vmtp_buf_text(&text), true);
}

static void openssh_reap(struct vmtp_process *process)
{
    struct openssh *link = process->ep->link;
    struct channel *channel = process->link;
    process->link = NULL;
    if (!channel || !link)
        return;
    struct channel **place = &link->channels;
    while (*place != channel)
        place = &(*place)->next;
    *place = channel->next;
    vmtp_mux_close(&channel->mux); /* the far side sees the end of its input, and ends what runs there */
    vmtp_buf_clear(&channel->head.text);
    free(channel);
}

static int run_to_end(vmtp_ctx *ctx, struct vmtp_process *process)
{
    int rc = VMTP_OK;
    while (rc == VMTP_OK && !process->ended) {
        rc = vmtp_ctx_check(ctx);
        if (rc == VMTP_OK)
            rc = openssh_pump(ctx, process, fmin(vmtp_remaining(ctx), NAP));
    }
    return rc;
}

/* Runs a command line of the login shell and waits for its end; keeps the first KBs of its output. */
static int run_command(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *command, bool has_head,
                       struct vmtp_buf *out, int *exit_status)
{
    enum { KEPT = 4096 };
    struct vmtp_process process = {.ep = ep, .out = VMTP_BUF(KEPT), .err = VMTP_BUF(KEPT)};
    int rc = start(ctx, &process, command, has_head);
    if (rc == VMTP_OK)
        rc = run_to_end(ctx, &process);
    if (process.link)
        openssh_reap(&process);
    if (rc == VMTP_OK && out)
        (void)vmtp_buf_text_add(out, vmtp_buf_text(&process.out));
    *exit_status = process.exit_status;
    vmtp_buf_clear(&process.out);
    vmtp_buf_clear(&process.err);
    return rc;
}

/* When no further session can be had, the end of standard input makes the far side end the program. */
static int end_input(const struct openssh *link, struct channel *channel, int signal_number)
{
    if (link->lost || channel->mux.in < 0 || (signal_number != SIGTERM && signal_number != SIGKILL))
        return VMTP_EFAIL;
    close(channel->mux.in);
    channel->mux.in = -1;
    return VMTP_OK;
}

static int openssh_signal(vmtp_ctx *ctx, struct vmtp_process *process, int signal_number)
{
    struct openssh *link = process->ep->link;
    struct channel *channel = process->link;
    while (!process->ended && process->pid == 0) { /* it was started a moment ago */
        int rc = vmtp_ctx_check(ctx);
        if (rc == VMTP_OK)
            rc = openssh_pump(ctx, process, fmin(vmtp_remaining(ctx), NAP));
        if (rc < 0)
            return end_input(link, channel, signal_number) == VMTP_OK ? VMTP_OK : rc;
    }
    if (process->ended)
        return VMTP_OK;
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(VMTP_SSH_COMMAND_MAX);
    int exit_status = 0;
    channel->signal = signal_number;
    int rc = vmtp_ssh_signal_text(ctx, &text, signal_number, process->pid, channel->head.begin);
    if (rc == VMTP_OK)
        rc = run_command(ctx, process->ep, vmtp_buf_text(&text), false, NULL, &exit_status);
    if (rc < 0)
        return end_input(link, channel, signal_number) == VMTP_OK ? VMTP_OK : rc;
    if (exit_status != 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "cannot signal process %ld of %s", process->pid, link->name);
    return VMTP_OK;
}

/* ---- connecting ---- */

static void give_up(struct vmtp_endpoint *ep)
{
    vmtp_ssh_master_stop(&((struct openssh *)ep->link)->master);
}

/* The server wants the password by keyboard-interactive: what it takes is known only from its refusal. */
static bool wants_interactive(const struct vmtp_ssh_master *master)
{
    const char *said = vmtp_buf_text(&master->said), *list = strstr(said, "Permission denied (");
    const char *password = master->login->password;
    return list && password && password[0] && !master->no_password && !master->asked_password &&
           !master->interactive && strstr(list, "keyboard-interactive") && !strstr(list, "password");
}

/* ssh offers the keys of an agent first, and servers close the connection at the sixth: before the configured one. */
static bool wants_fewer_keys(const struct vmtp_ssh_master *master)
{
    const char *file = vmtp_ssh_defaults.private_key_file;
    return file && file[0] && !master->named_only && !master->login->only_key &&
           strstr(vmtp_buf_text(&master->said), "Too many authentication failures");
}

/* Whether there is another way than the one that was refused: then master goes it from now on. */
static bool other_way(struct vmtp_ssh_master *master)
{
    if (wants_interactive(master))
        return master->interactive = true;
    return wants_fewer_keys(master) && (master->named_only = true);
}

static int connect_once(vmtp_ctx *ctx, const vmtp_ctx *outer, struct vmtp_endpoint *ep)
{
    struct vmtp_ssh_master *master = &((struct openssh *)ep->link)->master;
    master->connect_seconds = vmtp_remaining(ctx);
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, outer, master->connect_seconds + LOGIN_S);
    int rc = vmtp_ssh_master_start(&own, master);
    while (rc == VMTP_EFAIL && other_way(master)) {
        vmtp_ssh_master_stop(master);
        vmtp_ctx_forget(&own);
        rc = vmtp_ssh_master_start(&own, master);
    }
    if (rc < 0)
        (void)vmtp_fail(ctx, rc, "%s", vmtp_ctx_error(&own, rc));
    vmtp_ctx_clear(&own);
    return rc;
}

/* The server's own address, as it sees the connection: behind a jump host nobody else knows it. */
static void learn_address(vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    static const char script[] = "echo \"$1 $$\"; echo \"$SSH_CONNECTION\"";
    static const char *const none[] = {NULL};
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(VMTP_SSH_COMMAND_MAX), out = VMTP_BUF(500);
    VMTP_CLEAN(ctx) struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, LOGIN_S);
    int exit_status = 0;
    if (vmtp_ssh_script_text(&own, &text, script, ((struct openssh *)ep->link)->mark, none) < 0 ||
        run_command(&own, ep, vmtp_buf_text(&text), true, &out, &exit_status) < 0 || out.len == 0)
        return;
    char *rest = out.data, *word = NULL;
    struct in6_addr address;
    for (int i = 0; i < 3; i++) /* client, port, server, port */
        word = strsep(&rest, " \r\n");
    if (word && (inet_pton(AF_INET, word, &address) == 1 || inet_pton(AF_INET6, word, &address) == 1))
        (void)vmtp_pairs_set(&ep->properties, "peer_address", word);
}

static void openssh_disconnect(struct vmtp_endpoint *ep)
{
    struct openssh *link = ep->link;
    if (!link)
        return;
    while (link->channels) {
        struct vmtp_process *process = link->channels->process;
        process->ended = true;
        process->exit_status = VMTP_SSH_CONNECTION_LOST;
        openssh_reap(process);
    }
    vmtp_ssh_master_stop(&link->master);
    vmtp_known_hosts_clear(&link->master.known);
    free(link);
    ep->link = NULL;
}

static int new_link(vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    int rc = vmtp_ssh_check_login(ctx, ep);
    if (rc < 0)
        return rc;
    struct openssh *link = calloc(1, sizeof *link);
    if (!link)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    ep->link = link;
    link->master = (struct vmtp_ssh_master){
        .login = &ep->login, .name = link->name, .guard = VMTP_GUARD_NONE, .ask = -1};
    link->patience = VMTP_SILENCE_SECONDS;
    vmtp_ssh_make_name(&ep->login, link->name, sizeof link->name);
    rc = vmtp_ssh_make_mark(ctx, link->mark);
    if (rc == VMTP_OK)
        rc = vmtp_known_hosts_init(ctx, &link->master.known, ep->login.host, ep->login.port);
    if (rc == VMTP_OK && vmtp_ssh_defaults.host_key != VMTP_HOST_KEY_OFF)
        rc = vmtp_known_hosts_load(ctx, &link->master.known);
    if (rc < 0)
        openssh_disconnect(ep);
    return rc;
}

int vmtp_openssh_connect(vmtp_ctx *ctx, struct vmtp_endpoint *ep, bool without_password)
{
    int rc = new_link(ctx, ep);
    if (rc < 0)
        return rc;
    ((struct openssh *)ep->link)->master.no_password = without_password;
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, vmtp_ssh_defaults.timeout);
    rc = vmtp_ssh_patiently(&own, ctx, ep, connect_once, give_up);
    if (rc < 0) {
        (void)vmtp_fail(ctx, rc, "%s", vmtp_ctx_error(&own, rc));
        openssh_disconnect(ep);
    } else {
        learn_address(ctx, ep);
    }
    vmtp_ctx_clear(&own);
    return rc;
}

static int openssh_connect(vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    return vmtp_openssh_connect(ctx, ep, false);
}

/* ---- upload ---- */

static int start_receiver(vmtp_ctx *ctx, struct vmtp_process *process, const char *command)
{
    return start(ctx, process, command, true);
}

static long write_input(vmtp_ctx *ctx, struct vmtp_process *process, const char *bytes, size_t n)
{
    const struct channel *channel = process->link;
    ssize_t written = send(channel->mux.in, bytes, n, MSG_NOSIGNAL);
    if (written >= 0)
        return written;
    struct pollfd pfd = {.fd = channel->mux.in, .events = POLLOUT};
    const bool full = errno == EAGAIN || errno == EINTR; /* else it has ended, which pump tells */
    if (full && poll(&pfd, 1, (int)(NAP * 1000)) > 0)
        return 0;
    return openssh_pump(ctx, process, full ? 0 : NAP);
}

static int end_of_input(vmtp_ctx *ctx, struct vmtp_process *process)
{
    struct channel *channel = process->link;
    (void)ctx;
    close(channel->mux.in);
    channel->mux.in = -1;
    return VMTP_OK;
}

static int openssh_upload(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *local, const char *remote, unsigned mode)
{
    static const struct vmtp_ssh_input input = {start_receiver, write_input, end_of_input};
    struct openssh *link = ep->link;
    const char *const paths[] = {local, remote};
    const double patience = link->patience;
    link->patience = 0; /* an answer waits behind all that is sent: on a slow line for longer than that */
    int rc = vmtp_ssh_copy(ctx, ep, &input, link->mark, link->name, paths, mode);
    link->patience = patience;
    return rc;
}

/* ---- a host that vanishes ---- */

static void openssh_patience(struct vmtp_endpoint *ep, double seconds)
{
    struct openssh *link = ep->link;
    link->patience = seconds;
    link->heard = fmax(link->heard, vmtp_now() - seconds + ANSWER_S); /* nobody has listened while it was idle */
}

static bool openssh_lost(const struct vmtp_endpoint *ep)
{
    struct openssh *link = ep->link;
    return !link || link->lost || !vmtp_ssh_master_tend(&link->master);
}

const struct vmtp_transport vmtp_transport_openssh = {
    .name = "openssh",
    .connect = openssh_connect,
    .disconnect = openssh_disconnect,
    .spawn = openssh_spawn,
    .pump = openssh_pump,
    .signal = openssh_signal,
    .reap = openssh_reap,
    .patience = openssh_patience,
    .lost = openssh_lost,
    .upload = openssh_upload,
};
