/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on channels of one SSH session per endpoint, by libssh2, in this process. */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/dial.h"
#include "core/ssh-command.h"
#include "core/ssh-copy.h"
#include "core/ssh-config.h"
#include "core/ssh.h"
#include "core/transport.h"
#include "core/units.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"

static const double NAP = 0.05;              /* how long an interrupt may go unnoticed */
static const double BANNER_S = 15;           /* for the server's first words and the exchange of keys */
/* From then on: PAM may ask other servers; a prompt is not counted. libssh2 itself waits 60 s for an answer, and says
 * then that the key is refused. */
static const double LOGIN_S = 55;
static const double FRESH_TIMES = 3;          /* ssh_timeout for a machine that boots for the first time */
static const double GOODBYE_S = 0.2;
enum {
    WINDOW = 256 << 10,     /* of a channel: what the far side may send ahead */
    READS_IN_TURN = 32,     /* chunks of one channel before the next one's turn */
    NOT_FOUND = 127,
};

struct vmtp_ssh_defaults vmtp_ssh_defaults;

struct vmtp_ssh_channel {
    struct vmtp_ssh_channel *next;
    struct vmtp_process *process; /* NULL: given up, to be freed when the server has closed it too */
    LIBSSH2_CHANNEL *handle;
    struct vmtp_ssh_head head;
};

/* ---- the session ---- */

bool vmtp_ssh_wait(vmtp_ctx *ctx, struct vmtp_ssh *ssh)
{
    double left = fmin(vmtp_remaining(ctx), NAP);
    if (vmtp_cancelled(ctx) || left <= 0)
        return false;
    int directions = libssh2_session_block_directions(ssh->session);
    struct pollfd pfd = {.fd = ssh->fd, .events = directions & LIBSSH2_SESSION_BLOCK_OUTBOUND ? POLLOUT : 0};
    if (directions & LIBSSH2_SESSION_BLOCK_INBOUND || pfd.events == 0)
        pfd.events |= POLLIN;
    (void)poll(&pfd, 1, (int)ceil(left * 1000));
    return true;
}

static bool means_lost(int error)
{
    return error == LIBSSH2_ERROR_SOCKET_DISCONNECT || error == LIBSSH2_ERROR_SOCKET_RECV ||
           error == LIBSSH2_ERROR_SOCKET_SEND || error == LIBSSH2_ERROR_BAD_SOCKET ||
           error == LIBSSH2_ERROR_SOCKET_NONE || error == LIBSSH2_ERROR_INVALID_MAC ||
           error == LIBSSH2_ERROR_DECRYPT || error == LIBSSH2_ERROR_ENCRYPT || error == LIBSSH2_ERROR_BAD_USE;
}

int vmtp_ssh_fail(vmtp_ctx *ctx, struct vmtp_ssh *ssh, int status, const char *what)
{
    char *words = NULL;
    int error = libssh2_session_last_error(ssh->session, &words, NULL, 0);
    if (error == LIBSSH2_ERROR_EAGAIN) {
        int rc = vmtp_ctx_check(ctx);
        vmtp_ctx_frame(ctx, "%s: %s", ssh->name, what);
        return rc < 0 ? rc : vmtp_fail(ctx, VMTP_ETIMEOUT, "%s: %s", ssh->name, what);
    }
    if (means_lost(error)) {
        ssh->lost = true;
        return vmtp_fail(ctx, VMTP_EUNREACH, "the connection to %s is lost (%s)", ssh->name, what);
    }
    return vmtp_fail(ctx, status, "%s: %s: %s", ssh->name, what, words && *words ? words : "refused");
}

/* ---- connecting ---- */

static void init_libssh2(void)
{
    (void)libssh2_init(0); /* fails only when out of memory, and then so does the first session */
}

/* Reads what is known of the host's key, unless keys are not checked. */
static int load_known_hosts(vmtp_ctx *ctx, struct vmtp_ssh *ssh, const struct vmtp_login *login)
{
    int rc = vmtp_known_hosts_init(ctx, &ssh->known, login->host, login->port);
    if (rc == VMTP_OK && vmtp_ssh_defaults.host_key != VMTP_HOST_KEY_OFF && !ssh->fresh)
        rc = vmtp_known_hosts_load(ctx, &ssh->known);
    if (rc == VMTP_OK && vmtp_known_hosts_authority(&ssh->known))
        ssh->cannot = "an authority of host keys (@cert-authority)";
    if (ssh->cannot)
        rc = vmtp_fail(ctx, VMTP_ENOTSUP, "%s: known_hosts has an authority for its key (@cert-authority), which "
                       "libssh2 cannot check", ssh->name);
    return rc;
}

/* Of the types of keys that are known, those that libssh2 can do, with commas. True: all of them, and there are some.
 * It has to be given no others: to take one out libssh2 1.10 copies its list over itself by memcpy(). */
static bool take_known_types(struct vmtp_ssh *ssh, struct vmtp_buf *types)
{
    VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(2000);
    (void)vmtp_known_hosts_algorithms(&ssh->known, &list);
    const char **ours = NULL;
    const int n = list.len ? libssh2_session_supported_algs(ssh->session, LIBSSH2_METHOD_HOSTKEY, &ours) : 0;
    bool all = n > 0;
    char *rest = NULL;
    for (char *type = all ? strtok_r(list.data, ",", &rest) : NULL; type; type = strtok_r(NULL, ",", &rest)) {
        int i = 0;
        while (i < n && strcmp(type, ours[i]) != 0)
            i++;
        all = all && i < n;
        if (i < n)
            (void)vmtp_buf_printf(types, "%s%s", types->len ? "," : "", type);
    }
    if (n > 0)
        libssh2_free(ssh->session, ours);
    return all;
}

/* A server has several keys: only those that can be compared are asked for. */
static int ask_for_known_keys(vmtp_ctx *ctx, struct vmtp_ssh *ssh)
{
    VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(2000), types = VMTP_BUF(2000);
    (void)vmtp_known_hosts_algorithms(&ssh->known, &list);
    (void)take_known_types(ssh, &types);
    if (list.len == 0 ||
        (types.len && libssh2_session_method_pref(ssh->session, LIBSSH2_METHOD_HOSTKEY, vmtp_buf_text(&types)) == 0))
        return VMTP_OK;
    ssh->cannot = "the type of a known host key";
    return vmtp_fail(ctx, VMTP_EFAIL, "%s: libssh2 %s knows none of the types of its known host keys (%s, %s)",
                     ssh->name, libssh2_version(0), vmtp_buf_text(&list), ssh->known.keys[0].place);
}

static int check_host_key(vmtp_ctx *ctx, struct vmtp_ssh *ssh)
{
    size_t len = 0;
    int type = 0;
    const char *blob = libssh2_session_hostkey(ssh->session, &len, &type);
    if (!blob || len == 0)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: the server shows no host key", ssh->name);
    if (ssh->fresh)
        return VMTP_OK;
    return vmtp_host_key_check(ctx, ssh->name, &ssh->known, (const unsigned char *)blob, len);
}

/* True when the types of keys were limited, and libssh2 can do each of them: then the server has none, or the limit is
 * not why. A server may well have an RSA key that is known, and sign with SHA-2 only. */
static bool can_known_types(struct vmtp_ssh *ssh)
{
    VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(2000);
    return take_known_types(ssh, &list);
}

/* When the types of keys were limited, that may be why. */
static int nothing_in_common(vmtp_ctx *ctx, struct vmtp_ssh *ssh, const char *words)
{
    VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(2000), known = VMTP_BUF(10000);
    (void)vmtp_known_hosts_algorithms(&ssh->known, &list);
    ssh->cannot = "the algorithms of the server";
    if (can_known_types(ssh)) { /* any type has been asked for as well */
        (void)vmtp_buf_text_add(&known, ". Its host key may have changed, too: ");
        vmtp_known_hosts_remedy(&ssh->known, &known);
    } else if (list.len) {
        (void)vmtp_buf_printf(&known, "; its host key must be one of those known from %s (%s)",
                              ssh->known.keys[0].place, vmtp_buf_text(&list));
    }
    return vmtp_fail(ctx, VMTP_ENOTSUP,
                     "%s: no algorithms in common: libssh2 %s knows none of those that the server (%s) allows (%s)%s",
                     ssh->name, libssh2_version(0), libssh2_session_banner_get(ssh->session), words,
                     vmtp_buf_text(&known));
}

static int handshake_failed(vmtp_ctx *ctx, struct vmtp_ssh *ssh, long rc)
{
    if (rc == LIBSSH2_ERROR_EAGAIN && vmtp_cancelled(ctx))
        return vmtp_ctx_check(ctx);
    if (!libssh2_session_banner_get(ssh->session)) /* a machine that boots, or a server with too many logins */
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s: %s", ssh->name,
                         rc == LIBSSH2_ERROR_EAGAIN ? "connected, but no SSH server answers"
                                                    : "the server closed the connection before its first word");
    if (rc == LIBSSH2_ERROR_EAGAIN)
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s: the server stops answering during the exchange of keys", ssh->name);
    char *words = NULL;
    libssh2_session_last_error(ssh->session, &words, NULL, 0);
    if (rc == LIBSSH2_ERROR_KEX_FAILURE || rc == LIBSSH2_ERROR_METHOD_NONE)
        return nothing_in_common(ctx, ssh, words ? words : "");
    return vmtp_fail(ctx, VMTP_EFAIL, "%s: the exchange of keys failed: %s", ssh->name, words ? words : "");
}

static int handshake(vmtp_ctx *ctx, struct vmtp_ssh *ssh)
{
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, BANNER_S);
    long rc = VMTP_SSH_CALL(&own, ssh, libssh2_session_handshake(ssh->session, ssh->fd));
    int status = rc == 0 ? VMTP_OK : handshake_failed(&own, ssh, rc);
    if (status < 0)
        (void)vmtp_fail(ctx, status, "%s", vmtp_ctx_error(&own, status));
    vmtp_ctx_clear(&own);
    return status;
}

static void end_session(struct vmtp_ssh *ssh)
{
    if (ssh->session) {
        struct vmtp_ctx own;
        vmtp_ctx_init(&own, NULL);
        own.deadline = vmtp_now() + GOODBYE_S;
        if (!ssh->lost)
            (void)VMTP_SSH_CALL(&own, ssh, libssh2_session_disconnect(ssh->session, "done"));
        vmtp_ctx_clear(&own);
        (void)shutdown(ssh->fd, SHUT_RDWR); /* with this, freeing waits for nobody */
        for (int i = 0; i < 1000 && libssh2_session_free(ssh->session) == LIBSSH2_ERROR_EAGAIN; i++)
            ;
        ssh->session = NULL;
    }
    if (ssh->fd >= 0)
        close(ssh->fd);
    ssh->fd = -1;
}

/* The host is reached: how long that may take no longer counts. */
static int log_in(vmtp_ctx *ctx, const vmtp_ctx *outer, struct vmtp_ssh *ssh, const struct vmtp_login *login)
{
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, outer, LOGIN_S);
    int rc = vmtp_ssh_authenticate(&own, ssh, login);
    if (rc < 0)
        (void)vmtp_fail(ctx, rc, "%s", vmtp_ctx_error(&own, rc));
    vmtp_ctx_clear(&own);
    return rc;
}

static void give_up(struct vmtp_endpoint *ep)
{
    end_session(ep->link);
}

static int open_session(vmtp_ctx *ctx, struct vmtp_endpoint *ep, bool any_key, char *peer, size_t size)
{
    struct vmtp_ssh *ssh = ep->link;
    uint16_t port = ep->login.port ? ep->login.port : VMTP_SSH_PORT;
    int rc = vmtp_dial(ctx, ep->login.host, port, &ssh->fd, peer, size);
    if (rc < 0)
        return rc;
    ssh->lost = false;
    ssh->session = libssh2_session_init_ex(NULL, NULL, NULL, NULL);
    if (!ssh->session)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    libssh2_session_set_blocking(ssh->session, 0);
    rc = any_key ? VMTP_OK : ask_for_known_keys(ctx, ssh);
    return rc == VMTP_OK ? handshake(ctx, ssh) : rc;
}

static int connect_once(vmtp_ctx *ctx, const vmtp_ctx *outer, struct vmtp_endpoint *ep)
{
    struct vmtp_ssh *ssh = ep->link;
    char peer[80];
    int rc = open_session(ctx, ep, false, peer, sizeof peer);
    if (rc == VMTP_ENOTSUP && can_known_types(ssh)) { /* one of another type is refused, with its fingerprint */
        end_session(ssh);
        ssh->cannot = NULL;
        vmtp_ctx_forget(ctx);
        rc = open_session(ctx, ep, true, peer, sizeof peer);
    }
    if (rc == VMTP_ENOTSUP)
        rc = VMTP_EFAIL;
    if (rc == VMTP_OK)
        rc = check_host_key(ctx, ssh); /* before anything secret is said */
    if (rc == VMTP_OK)
        rc = log_in(ctx, outer, ssh, &ep->login);
    if (rc == VMTP_EFAIL && ssh->fresh)
        rc = VMTP_EUNREACH; /* it boots: keys are installed and users let in when it is done */
    if (rc == VMTP_OK && vmtp_pairs_set(&ep->properties, "peer_address", peer) < 0)
        rc = vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    return rc;
}

static int new_link(vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    int rc = vmtp_ssh_check_login(ctx, ep);
    if (rc < 0)
        return rc;
    struct vmtp_ssh *ssh = calloc(1, sizeof *ssh);
    if (!ssh)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    ssh->fd = -1;
    vmtp_ssh_make_name(&ep->login, ssh->name, sizeof ssh->name);
    rc = vmtp_ssh_make_mark(ctx, ssh->mark);
    if (rc < 0) {
        free(ssh);
        return rc;
    }
    ssh->cannot = ep->login.via                                   ? "jump hosts"
                  : vmtp_ssh_defaults.transport == VMTP_SSH_AUTO && !ep->login.fresh
                                                                 ? vmtp_ssh_config_wants(ctx, &ep->login)
                                                                 : NULL;
    ssh->fresh = ep->login.fresh;
    ep->link = ssh;
    return VMTP_OK;
}

static void free_channels(struct vmtp_ssh *ssh)
{
    while (ssh->channels) {
        struct vmtp_ssh_channel *channel = ssh->channels;
        ssh->channels = channel->next;
        if (channel->process) {
            channel->process->ended = true;
            channel->process->exit_status = VMTP_SSH_CONNECTION_LOST;
            channel->process->link = NULL;
        }
        vmtp_buf_clear(&channel->head.text);
        free(channel);
    }
}

static void ssh_disconnect(struct vmtp_endpoint *ep)
{
    struct vmtp_ssh *ssh = ep->link;
    if (!ssh)
        return;
    end_session(ssh); /* frees the handles of the channels */
    free_channels(ssh);
    vmtp_known_hosts_clear(&ssh->known);
    free(ssh);
    ep->link = NULL;
}

static int connect_libssh2(vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_libssh2);
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, vmtp_ssh_defaults.timeout * (ep->login.fresh ? FRESH_TIMES : 1));
    int rc = load_known_hosts(&own, ep->link, &ep->login);
    if (rc == VMTP_OK)
        rc = vmtp_ssh_patiently(&own, ctx, ep, connect_once, give_up);
    if (rc < 0)
        (void)vmtp_fail(ctx, rc, "%s", vmtp_ctx_error(&own, rc));
    vmtp_ctx_clear(&own);
    return rc;
}

/* True when the program ssh can do what libssh2 cannot, and may. */
static bool may_use_openssh(const struct vmtp_ssh *ssh)
{
    VMTP_CLEAN(mem) char *path = NULL;
    return ssh->cannot && vmtp_ssh_defaults.transport == VMTP_SSH_AUTO &&
           vmtp_find_here("ssh", &path) == VMTP_OK && path;
}

static int connect_by_openssh(vmtp_ctx *ctx, struct vmtp_endpoint *ep, bool without_password)
{
    ep->transport = &vmtp_transport_openssh;
    return vmtp_openssh_connect(ctx, ep, without_password);
}

static void say_once(vmtp_ctx *ctx, const struct vmtp_ssh *ssh)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        vmtp_info(ctx, "%s: libssh2 %s cannot do %s: the program ssh is used for such hosts", ssh->name,
                  libssh2_version(0), ssh->cannot);
}

static int ssh_connect(vmtp_ctx *ctx, struct vmtp_endpoint *ep)
{
    if (vmtp_ssh_defaults.transport == VMTP_SSH_OPENSSH)
        return connect_by_openssh(ctx, ep, false);
    int rc = new_link(ctx, ep);
    if (rc < 0)
        return rc;
    struct vmtp_ssh *ssh = ep->link;
    VMTP_CLEAN(ctx) struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, 0);
    rc = ssh->cannot ? VMTP_ENOTSUP : connect_libssh2(&own, ep);
    if (rc == VMTP_OK)
        return rc;
    const bool other = (rc == VMTP_EFAIL || rc == VMTP_ENOTSUP) && may_use_openssh(ssh);
    const bool password_refused = ssh->password_refused;
    if (other)
        say_once(ctx, ssh);
    else if (ssh->cannot)
        (void)vmtp_fail(ctx, rc, "%s; the program ssh can do %s: install it, or set ssh_transport to auto",
                        vmtp_ctx_error(&own, rc), ssh->cannot);
    else
        (void)vmtp_fail(ctx, rc, "%s", vmtp_ctx_error(&own, rc));
    ssh_disconnect(ep);
    return other ? connect_by_openssh(ctx, ep, password_refused) : rc;
}

/* ---- output ---- */

static void keep(struct vmtp_ssh *ssh, struct vmtp_ssh_channel *channel, int stream, const char *bytes, size_t n)
{
    struct vmtp_process *process = channel->process;
    if (process && stream != 0)
        (void)vmtp_buf_add(&process->err, bytes, n); /* what does not fit is dropped */
    else if (process)
        vmtp_ssh_head_take(&channel->head, ssh->mark, process, bytes, n);
}

/* The number of bytes that came, or libssh2's error. */
static long read_stream(struct vmtp_ssh *ssh, struct vmtp_ssh_channel *channel, int stream)
{
    char chunk[16384];
    long all = 0;
    for (int i = 0; i < READS_IN_TURN; i++) {
        long n = libssh2_channel_read_ex(channel->handle, stream, chunk, sizeof chunk);
        if (n == LIBSSH2_ERROR_EAGAIN || n == 0)
            break;
        if (n < 0)
            return n;
        keep(ssh, channel, stream, chunk, (size_t)n);
        all += n;
    }
    return all;
}

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},   {"HUP", SIGHUP},   {"ILL", SIGILL},
    {"INT", SIGINT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},
    {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
};

static int exit_status_of(LIBSSH2_CHANNEL *handle)
{
    char *name = NULL;
    size_t len = 0;
    (void)libssh2_channel_get_exit_signal(handle, &name, &len, NULL, NULL, NULL, NULL);
    if (!name)
        return libssh2_channel_get_exit_status(handle);
    int number = SIGKILL;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (strcmp(name, signals[i].name) == 0)
            number = signals[i].number;
    free(name);
    return 128 + number;
}

static void channel_ended(struct vmtp_ssh_channel *channel)
{
    struct vmtp_process *process = channel->process;
    if (!process)
        return;
    process->ended = true;
    process->exit_status = exit_status_of(channel->handle);
    if (!channel->head.started) /* no shell, or one that never came to our line: what it said is the reason */
        (void)vmtp_buf_add(&process->err, vmtp_buf_text(&channel->head.text), channel->head.text.len);
}

/* Reads what has come for a channel. False when the connection is lost. */
static bool drain(struct vmtp_ssh *ssh, struct vmtp_ssh_channel *channel)
{
    if (channel->process && channel->process->ended)
        return true;
    if (read_stream(ssh, channel, 0) < 0 || read_stream(ssh, channel, SSH_EXTENDED_DATA_STDERR) < 0)
        return !means_lost(libssh2_session_last_errno(ssh->session));
    if (libssh2_channel_eof(channel->handle) == 1 && libssh2_channel_wait_closed(channel->handle) == 0)
        channel_ended(channel);
    return true;
}

static void channel_free(struct vmtp_ssh *ssh, struct vmtp_ssh_channel *channel)
{
    struct vmtp_ssh_channel **place = &ssh->channels;
    while (*place != channel)
        place = &(*place)->next;
    *place = channel->next;
    vmtp_buf_clear(&channel->head.text);
    free(channel);
}

/* Every channel is read, whoever asked: one that nobody reads would fill its window and block its program. The one that
 * is waited for comes last: reading any of them takes packets of all from the socket, and poll() does not see those. */
static bool drain_all(struct vmtp_ssh *ssh, struct vmtp_ssh_channel *last)
{
    struct vmtp_ssh_channel *next;
    for (struct vmtp_ssh_channel *channel = ssh->channels; channel; channel = next) {
        next = channel->next;
        if (channel != last && !drain(ssh, channel))
            return false;
        if (!channel->process && libssh2_channel_free(channel->handle) != LIBSSH2_ERROR_EAGAIN)
            channel_free(ssh, channel);
    }
    return drain(ssh, last);
}

/* True when libssh2 holds output of the channel: reading one stream may have brought the other's. */
static bool has_more(struct vmtp_ssh_channel *channel)
{
    unsigned long waiting = 0;
    (void)libssh2_channel_window_read_ex(channel->handle, &waiting, NULL);
    return waiting > 0;
}

static int connection_lost(vmtp_ctx *ctx, struct vmtp_ssh *ssh, struct vmtp_process *process)
{
    process->ended = true;
    process->exit_status = VMTP_SSH_CONNECTION_LOST;
    return vmtp_fail(ctx, VMTP_EUNREACH, "the connection to %s is lost", ssh->name);
}

static int ssh_pump(vmtp_ctx *ctx, struct vmtp_process *process, double seconds)
{
    struct vmtp_ssh *ssh = process->ep->link;
    double end = vmtp_now() + seconds;
    size_t out = process->out.len, err = process->err.len;
    while (!process->ended) {
        ssh->lost = ssh->lost || !drain_all(ssh, process->link);
        if (ssh->lost)
            return connection_lost(ctx, ssh, process);
        int rc = vmtp_ssh_head_check(ctx, &((struct vmtp_ssh_channel *)process->link)->head, ssh->name, process);
        if (rc < 0)
            return rc;
        double left = end - vmtp_now();
        if (process->ended || left <= 0 || process->out.len != out || process->err.len != err)
            break;
        if (has_more(process->link))
            continue;
        int directions = libssh2_session_block_directions(ssh->session);
        struct pollfd pfd = {.fd = ssh->fd,
                             .events = directions & LIBSSH2_SESSION_BLOCK_OUTBOUND ? POLLIN | POLLOUT : POLLIN};
        if (poll(&pfd, 1, (int)ceil(fmin(left, 1) * 1000)) < 0 && errno == EINTR)
            break; /* the caller looks at the interrupt */
    }
    return VMTP_OK;
}

/* ---- commands ---- */

/* Opens a channel and starts a command line of the login shell on it. The channel is in the list from then on. An
 * interrupted open leaves libssh2 in its middle; the next one takes it up again, and gets that channel. */
static int start(vmtp_ctx *ctx, struct vmtp_ssh *ssh, struct vmtp_process *process, const char *command, bool has_head)
{
    if (ssh->lost)
        return vmtp_fail(ctx, VMTP_EUNREACH, "the connection to %s is lost", ssh->name);
    struct vmtp_ssh_channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    channel->handle = VMTP_SSH_GET(ctx, ssh,
                                   libssh2_channel_open_ex(ssh->session, "session", sizeof "session" - 1, WINDOW,
                                                           LIBSSH2_CHANNEL_PACKET_DEFAULT, NULL, 0));
    if (!channel->handle) {
        free(channel);
        return vmtp_ssh_fail(ctx, ssh, VMTP_EFAIL, "opening a channel");
    }
    vmtp_ssh_head_init(&channel->head);
    channel->head.started = !has_head;
    channel->next = ssh->channels;
    ssh->channels = channel;

    long rc = VMTP_SSH_CALL(ctx, ssh,
                            libssh2_channel_process_startup(channel->handle, "exec", sizeof "exec" - 1, command,
                                                            (unsigned)strlen(command)));
    if (rc < 0)
        return vmtp_ssh_fail(ctx, ssh, VMTP_EREMOTE, "starting a command"); /* the list frees the channel */
    channel->process = process;
    process->link = channel;
    return VMTP_OK;
}

static int ssh_spawn(vmtp_ctx *ctx, struct vmtp_process *process, const char *const argv[])
{
    struct vmtp_ssh *ssh = process->ep->link;
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(VMTP_SSH_COMMAND_MAX);
    int rc = vmtp_ssh_launch_text(ctx, &text, ssh->mark, argv);
    return rc < 0 ? rc : start(ctx, ssh, process, vmtp_buf_text(&text), true);
}

static void ssh_reap(struct vmtp_process *process)
{
    struct vmtp_ssh *ssh = process->ep->link;
    struct vmtp_ssh_channel *channel = process->link;
    process->link = NULL;
    if (!channel || !ssh)
        return;
    channel->process = NULL;
    if (!ssh->lost && libssh2_channel_free(channel->handle) == LIBSSH2_ERROR_EAGAIN)
        return; /* the server has not closed its side yet: drain_all() looks again */
    channel_free(ssh, channel);
}

/* Runs a command line of the login shell and waits for its end. */
static int run_command(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *command, int *exit_status)
{
    enum { KEPT = 4096 };
    struct vmtp_process process = {.ep = ep, .out = VMTP_BUF(KEPT), .err = VMTP_BUF(KEPT)};
    int rc = start(ctx, ep->link, &process, command, false);
    while (rc == VMTP_OK && !process.ended) {
        rc = vmtp_ctx_check(ctx);
        if (rc == VMTP_OK)
            rc = ssh_pump(ctx, &process, fmin(vmtp_remaining(ctx), NAP));
    }
    if (process.link)
        ssh_reap(&process);
    *exit_status = process.exit_status;
    vmtp_buf_clear(&process.out);
    vmtp_buf_clear(&process.err);
    return rc;
}

/* When no further channel can be had, the end of standard input makes the watcher end the program. */
static int end_input(struct vmtp_ssh *ssh, struct vmtp_ssh_channel *channel, int signal_number)
{
    if (ssh->lost || (signal_number != SIGTERM && signal_number != SIGKILL))
        return VMTP_EFAIL;
    int rc = libssh2_channel_send_eof(channel->handle);
    return rc == 0 || rc == LIBSSH2_ERROR_CHANNEL_EOF_SENT ? VMTP_OK : VMTP_EFAIL;
}

static int ssh_signal(vmtp_ctx *ctx, struct vmtp_process *process, int signal_number)
{
    struct vmtp_ssh *ssh = process->ep->link;
    struct vmtp_ssh_channel *channel = process->link;
    while (!process->ended && process->pid == 0) { /* it was started a moment ago */
        int rc = vmtp_ctx_check(ctx);
        if (rc == VMTP_OK)
            rc = ssh_pump(ctx, process, fmin(vmtp_remaining(ctx), NAP));
        if (rc < 0)
            return end_input(ssh, channel, signal_number) == VMTP_OK ? VMTP_OK : rc;
    }
    if (process->ended)
        return VMTP_OK;

    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(VMTP_SSH_COMMAND_MAX);
    int exit_status = 0;
    int rc = vmtp_ssh_signal_text(ctx, &text, signal_number, process->pid, channel->head.begin);
    if (rc == VMTP_OK)
        rc = run_command(ctx, process->ep, vmtp_buf_text(&text), &exit_status);
    if (rc < 0)
        return end_input(ssh, channel, signal_number) == VMTP_OK ? VMTP_OK : rc;
    if (exit_status != 0)
        return vmtp_fail(ctx, VMTP_EREMOTE, "cannot signal process %ld of %s", process->pid, ssh->name);
    return VMTP_OK;
}

/* ---- upload ---- */

static int start_receiver(vmtp_ctx *ctx, struct vmtp_process *process, const char *command)
{
    return start(ctx, process->ep->link, process, command, true);
}

/* A packet that is on its way must be sent whole before anything else is: only a full window lets others be read. */
static long write_input(vmtp_ctx *ctx, struct vmtp_process *process, const char *bytes, size_t n)
{
    struct vmtp_ssh *ssh = process->ep->link;
    long rc = libssh2_channel_write_ex(((struct vmtp_ssh_channel *)process->link)->handle, 0, bytes, n);
    if (rc >= 0)
        return rc;
    if (rc != LIBSSH2_ERROR_EAGAIN)
        return vmtp_ssh_fail(ctx, ssh, VMTP_EREMOTE, "copying a file");
    const bool unsent = libssh2_session_block_directions(ssh->session) & LIBSSH2_SESSION_BLOCK_OUTBOUND;
    (void)vmtp_ssh_wait(ctx, ssh);
    return unsent ? 0 : ssh_pump(ctx, process, 0);
}

static int end_of_input(vmtp_ctx *ctx, struct vmtp_process *process)
{
    struct vmtp_ssh *ssh = process->ep->link;
    if (VMTP_SSH_CALL(ctx, ssh, libssh2_channel_send_eof(((struct vmtp_ssh_channel *)process->link)->handle)) < 0)
        return vmtp_ssh_fail(ctx, ssh, VMTP_EREMOTE, "copying a file");
    return VMTP_OK;
}

static int ssh_upload(vmtp_ctx *ctx, struct vmtp_endpoint *ep, const char *local, const char *remote, unsigned mode)
{
    static const struct vmtp_ssh_input input = {start_receiver, write_input, end_of_input};
    const struct vmtp_ssh *ssh = ep->link;
    const char *const paths[] = {local, remote};
    return vmtp_ssh_copy(ctx, ep, &input, ssh->mark, ssh->name, paths, mode);
}

/* ---- a host that vanishes ---- */

/* The kernel asks a host that keeps silent, and limits how long bytes stay unacknowledged: also while nobody reads. */
static void ssh_patience(struct vmtp_endpoint *ep, double seconds)
{
    const struct vmtp_ssh *ssh = ep->link;
    unsigned ms = (unsigned)fmin(seconds * 1000, 86400e3);
    (void)setsockopt(ssh->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

static bool ssh_lost(const struct vmtp_endpoint *ep)
{
    const struct vmtp_ssh *ssh = ep->link;
    struct pollfd pfd = {.fd = ssh ? ssh->fd : -1, .events = POLLRDHUP};
    return !ssh || ssh->lost || poll(&pfd, 1, 0) > 0;
}

const struct vmtp_transport vmtp_transport_ssh = {
    .name = "ssh",
    .connect = ssh_connect,
    .disconnect = ssh_disconnect,
    .spawn = ssh_spawn,
    .pump = ssh_pump,
    .signal = ssh_signal,
    .reap = ssh_reap,
    .patience = ssh_patience,
    .lost = ssh_lost,
    .upload = ssh_upload,
};
