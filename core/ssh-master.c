/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ssh-master.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/ssh-config.h"
#include "core/ssh-key.h"
#include "core/transport.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/prompt.h"
#include "core/util/sigpipe.h"
#include "core/util/str.h"

enum {
    SAID_MAX = 8192,
    ARGS_MAX = 96,
    ENV_MAX = 64,
    DIR_MAX = 80,       /* the path of a socket has at most 107 bytes, and ssh adds 17 for a moment */
    TURN_MS = 5,        /* between two looks for the control socket */
    CONNECT_S = 15,     /* for the connection and the server's first words */
    ALIVE_S = 5,        /* between two keep-alive questions while nothing comes */
};
static const double LOST_S = 10; /* of silence, beyond that of a measurement that overloads the path */
static const double ANSWER_S = 2; /* for the askpass script to take its answer */

extern char **environ;

/* Asks us through a pipe, and takes the answer from another: no secret in an argument, the environment or a file. A
 * question is one line of at most PIPE_BUF bytes, written at once: what a server puts into it is never a second one. */
static const char askpass_script[] =
    "#!/bin/sh\n"
    "cd \"${0%/*}\" && q=$(printf '%s' \"$1\" | tr '\\n' ' ' | cut -b 1-4000) && "
    "printf '%s %s\\n' \"$PPID\" \"$q\" >ask && IFS= read -r a <answer && printf '%s\\n' \"$a\"\n";

static char *inside(const struct vmtp_ssh_master *master, const char *name)
{
    return vmtp_format("%s/%s", master->dir, name);
}

/* ---- the private directory ---- */

static bool write_script(const char *path)
{
    VMTP_CLEAN(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    const ssize_t len = sizeof askpass_script - 1;
    return fd >= 0 && fchmod(fd, 0700) == 0 && write(fd, askpass_script, (size_t)len) == len;
}

static bool fill_directory(struct vmtp_ssh_master *master)
{
    VMTP_CLEAN(mem) char *script = inside(master, "askpass"), *ask = inside(master, "ask"),
                         *answer = inside(master, "answer");
    master->socket_path = inside(master, "s");
    if (!script || !ask || !answer || !master->socket_path || !write_script(script) || mkfifo(ask, 0600) < 0 ||
        mkfifo(answer, 0600) < 0)
        return false;
    master->ask = open(ask, O_RDWR | O_NONBLOCK | O_CLOEXEC); /* also for writing: then it never is at its end */
    return master->ask >= 0 && access(script, X_OK) == 0;     /* mounted noexec: the next place */
}

static void empty_directory(struct vmtp_ssh_master *master)
{
    static const char *const names[] = {"askpass", "ask", "answer", "s"};
    for (size_t i = 0; master->dir && i < sizeof names / sizeof names[0]; i++) {
        VMTP_CLEAN(mem) char *path = inside(master, names[i]);
        if (path)
            (void)unlink(path);
    }
    if (master->dir)
        (void)rmdir(master->dir);
    if (master->ask >= 0)
        close(master->ask);
    master->ask = -1;
    free(VMTP_TAKE(master->dir));
    free(VMTP_TAKE(master->socket_path));
}

static int make_directory(vmtp_ctx *ctx, struct vmtp_ssh_master *master)
{
    const char *const places[] = {getenv("TMPDIR"), "/tmp", getenv("XDG_RUNTIME_DIR"), "/var/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!places[i] || places[i][0] != '/' || strlen(places[i]) > DIR_MAX - sizeof "/vmtp-XXXXXX")
            continue;
        master->dir = vmtp_format("%s/vmtp-XXXXXX", places[i]);
        if (!master->dir)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
        if (!mkdtemp(master->dir)) { /* mode 0700 */
            free(VMTP_TAKE(master->dir));
            continue;
        }
        if (fill_directory(master))
            return VMTP_OK;
        empty_directory(master);
    }
    return vmtp_fail(ctx, VMTP_EFAIL,
                     "no directory for the control socket of ssh: TMPDIR, /tmp and /var/tmp are full, not writable or "
                     "mounted noexec");
}

/* ---- arguments and environment ---- */

struct list {
    char *items[ARGS_MAX + 1];
    size_t n;
    bool failed;
};

VMTP_PRINTF(2) static void add(struct list *list, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    if (list->n >= ARGS_MAX || vasprintf(&text, fmt, args) < 0)
        list->failed = true;
    else
        list->items[list->n++] = text;
    va_end(args);
}

static void list_clear(struct list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
}

/* A path as ssh_config(5) reads it: in quotes, "%" doubled. NULL when it cannot be written so. */
static char *quoted_path(const char *path)
{
    VMTP_CLEAN(buf) struct vmtp_buf out = VMTP_BUF(8192);
    if (strpbrk(path, "\"\\\n") || strstr(path, "${"))
        return NULL;
    (void)vmtp_buf_text_add(&out, "\"");
    for (const char *p = path; *p; p++)
        (void)vmtp_buf_printf(&out, "%s%c", *p == '%' ? "%" : "", *p);
    (void)vmtp_buf_text_add(&out, "\"");
    return vmtp_buf_take(&out);
}

/* ssh checks the key itself, by the files and the rule that are ours, and remembers it in the first of the files. */
static int add_host_key(vmtp_ctx *ctx, struct list *list, const struct vmtp_ssh_master *master)
{
    if (vmtp_ssh_defaults.host_key == VMTP_HOST_KEY_OFF || master->login->fresh) {
        add(list, "-oStrictHostKeyChecking=no");
        add(list, "-oUserKnownHostsFile=/dev/null");
        add(list, "-oGlobalKnownHostsFile=/dev/null");
        return VMTP_OK;
    }
    VMTP_CLEAN(ctx) struct vmtp_ctx own;
    vmtp_ctx_child(&own, ctx, 0);
    VMTP_CLEAN(mem) char *path = NULL, *users = vmtp_expand_home("~/.ssh/known_hosts");
    int rc = vmtp_known_hosts_create(&own, &path);
    if (rc < 0)
        vmtp_warn(ctx, "%s: a new host key cannot be remembered: %s", master->name, vmtp_ctx_error(&own, rc));
    VMTP_CLEAN(mem) char *ours = path ? quoted_path(path) : NULL, *theirs = users ? quoted_path(users) : NULL;
    if (!ours || !theirs)
        return vmtp_fail(ctx, VMTP_EFAIL, "ssh cannot read the path of known_hosts: %s", path ? path : "");
    const int stem = (int)strlen(theirs) - 1; /* without the quote at its end */
    add(list, "-oUserKnownHostsFile=%s %s %.*s2\"", ours, theirs, stem, theirs);
    add(list, "-oStrictHostKeyChecking=%s",
        vmtp_ssh_defaults.host_key == VMTP_HOST_KEY_STRICT ? "yes" : "accept-new");
    add(list, "-oUpdateHostKeys=no");
    add(list, "-oHashKnownHosts=no");
    VMTP_CLEAN(buf) struct vmtp_buf types = VMTP_BUF(2000);
    (void)vmtp_known_hosts_algorithms(&master->known, &types);
    char *sha1 = types.len ? strstr(types.data, ",ssh-rsa") : NULL;
    if (sha1) /* signed with SHA-1: ssh can do better */
        memmove(sha1, sha1 + strlen(",ssh-rsa"), strlen(sha1 + strlen(",ssh-rsa")) + 1);
    if (types.len)
        add(list, "-oHostKeyAlgorithms=%s", types.data);
    return VMTP_OK;
}

static void add_key(struct list *list, const char *file)
{
    VMTP_CLEAN(mem) char *path = file && file[0] ? vmtp_expand_home(file) : NULL;
    if (!path)
        return;
    add(list, "-i");
    add(list, "%s", path);
}

static void add_credentials(struct list *list, const struct vmtp_ssh_master *master)
{
    const struct vmtp_login *login = master->login;
    const bool password = login->password && login->password[0] && !master->no_password;
    add(list, "-oPreferredAuthentications=%s",
        !password              ? "gssapi-with-mic,hostbased,publickey"
        : master->interactive ? "keyboard-interactive,publickey"
                              : "password,publickey");
    add(list, "-oNumberOfPasswordPrompts=1");
    add(list, "-oBatchMode=no"); /* ssh_config may say that nobody is there to answer: we are */
    if (password) {
        add(list, "-oPasswordAuthentication=yes");
        add(list, "-oKbdInteractiveAuthentication=yes");
    }
    if ((login->key_file && login->key_file[0]) || master->named_only)
        add(list, "-oIdentitiesOnly=yes"); /* a server that takes few keys gets the one that is meant */
    add_key(list, login->key_file);
    if (login->only_key)
        add(list, "-oIdentityAgent=none");
    else
        add_key(list, vmtp_ssh_defaults.private_key_file);
}

static int make_arguments(vmtp_ctx *ctx, struct list *list, const struct vmtp_ssh_master *master)
{
    static const char *const fixed[] = {
        "ssh", "-N", "-T", "-a", "-x", "-oControlMaster=yes", "-oControlPersist=no", "-oClearAllForwardings=yes",
        "-oPermitLocalCommand=no", "-oRemoteCommand=none", "-oTunnel=no", "-oLogLevel=INFO", "-oConnectionAttempts=1",
        "-oIgnoreUnknown=ForkAfterAuthentication,StdinNull,SessionType", "-oForkAfterAuthentication=no",
        "-oEscapeChar=none",
    };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        add(list, "%s", fixed[i]);
    add(list, "-S");
    add(list, "%s", master->socket_path);
    const double seconds = fmax(1, fmin(CONNECT_S, ceil(master->connect_seconds)));
    add(list, "-oConnectTimeout=%d", (int)seconds);
    add(list, "-oServerAliveInterval=%d", ALIVE_S);
    const double unanswered = floor((vmtp_ssh_defaults.busy + LOST_S) / ALIVE_S) - 1; /* it asks once more */
    add(list, "-oServerAliveCountMax=%d", (int)fmax(1, unanswered));
    int rc = add_host_key(ctx, list, master);
    if (rc < 0)
        return rc;
    add_credentials(list, master);
    if (master->login->via) {
        add(list, "-J");
        add(list, "%s", master->login->via);
    }
    if (master->login->port) {
        add(list, "-p");
        add(list, "%u", master->login->port);
    }
    add(list, "-l");
    add(list, "%s", master->login->user);
    add(list, "--");
    add(list, "%s", master->login->host);
    return list->failed ? vmtp_fail(ctx, VMTP_ENOMEM, "out of memory") : VMTP_OK;
}

/* What ssh, its agent, its proxies and Kerberos look for; ours may hold secrets. */
static int make_environment(vmtp_ctx *ctx, struct list *list, const struct vmtp_ssh_master *master)
{
    static const char *const kept[] = {
        "PATH=", "HOME=", "USER=", "LOGNAME=", "SHELL=", "TMPDIR=", "TZ=", "LANG=", "SSH_AUTH_SOCK=", "SSH_AGENT_PID=",
        "SSH_SK_PROVIDER=", "KRB5CCNAME=", "KRB5_CONFIG=", "LD_LIBRARY_PATH=", "XDG_RUNTIME_DIR=", "XDG_CONFIG_HOME=",
    };
    for (char **variable = environ; variable && *variable; variable++)
        for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
            if (strncmp(*variable, kept[i], strlen(kept[i])) == 0)
                add(list, "%s", *variable);
    add(list, "LC_ALL=C");
    add(list, "DISPLAY=none"); /* before 8.4 ssh asks a program only if there is one */
    add(list, "SSH_ASKPASS_REQUIRE=force");
    add(list, "SSH_ASKPASS=%s/askpass", master->dir);
    return list->failed ? vmtp_fail(ctx, VMTP_ENOMEM, "out of memory") : VMTP_OK;
}

/* ---- questions ---- */

/* Gives the script its answer; none at all makes it fail. */
static void give_answer(const struct vmtp_ssh_master *master, const char *text)
{
    VMTP_CLEAN(mem) char *path = inside(master, "answer");
    int fd = -1;
    for (double end = vmtp_now() + ANSWER_S; path && fd < 0 && vmtp_now() < end; (void)poll(NULL, 0, 1))
        fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC); /* fails until the script reads */
    if (fd < 0)
        return;
    VMTP_CLEAN(buf) struct vmtp_buf line = VMTP_BUF(4096);
    if (text && vmtp_buf_printf(&line, "%s\n", text) == VMTP_OK) {
        struct vmtp_sigpipe guard;
        vmtp_sigpipe_block(&guard); /* the script may be gone */
        (void)!write(fd, line.data, line.len);
        vmtp_sigpipe_restore(&guard);
    }
    if (line.data)
        explicit_bzero(line.data, line.len);
    close(fd);
}

/* The time that the user needs is not the host's. */
static char *ask_user(vmtp_ctx *ctx, const char *question)
{
    char *answer = NULL;
    double deadline = ctx->deadline, begin = vmtp_now();
    ctx->deadline = 0;
    if (vmtp_prompt_secret(ctx, question, &answer) < 0)
        answer = NULL;
    vmtp_ctx_forget(ctx);
    if (deadline != 0)
        ctx->deadline = deadline + vmtp_now() - begin;
    return answer;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Whether a question that looks like ssh's own is ssh's own. What a server asks (keyboard-interactive, RFC 4256) has
 * "(user@host) " in front of it since OpenSSH 8.5; with an older ssh it looks like any other, and only the ssh that was
 * told not to speak that method is above suspicion: a jump host's is not. */
static bool is_from_ssh(vmtp_ctx *ctx, const struct vmtp_ssh_master *master, long pid)
{
    return (pid == master->ssh && !master->interactive) || vmtp_ssh_names_askers(ctx);
}

/* "Enter passphrase for key '/root/.ssh/id_rsa': " */
static char *find_passphrase(vmtp_ctx *ctx, struct vmtp_ssh_master *master, const char *prompt)
{
    const char *quote = strchr(prompt, '\''), *end = quote ? strrchr(prompt, '\'') : NULL;
    VMTP_CLEAN(mem) char *key = quote && end > quote ? strndup(quote + 1, (size_t)(end - quote - 1)) : strdup("");
    char *answer = key ? vmtp_ssh_passphrase(key) : NULL;
    master->about_key = "or its passphrase is wrong";
    if (answer || !key)
        return answer;
    answer = ask_user(ctx, prompt);
    if (!answer)
        master->about_key = "it is encrypted, and there is no passphrase: VMTP_KEY_PASSPHRASE, key_passphrase_file";
    if (answer && vmtp_set_text(&master->passphrase, answer) == VMTP_OK)
        (void)vmtp_set_text(&master->key, key);
    return answer;
}

/* Only ssh itself gets the password, for its own host: a jump host's ssh runs this script as well, and a hardware key
 * that gets a wrong PIN locks itself. */
static char *find_answer(vmtp_ctx *ctx, struct vmtp_ssh_master *master, long pid, const char *prompt)
{
    const char *password = master->login->password;
    if (begins(prompt, "Enter passphrase for key '") && is_from_ssh(ctx, master, pid))
        return find_passphrase(ctx, master, prompt);
    if (begins(prompt, "Confirm user presence")) { /* for a hardware key: nothing to type */
        vmtp_info(ctx, "%s: %s", master->name, prompt);
        return NULL;
    }
    if (strstr(prompt, "(yes/no")) /* a jump host that is new */
        return vmtp_ssh_defaults.host_key == VMTP_HOST_KEY_STRICT ? NULL : strdup("yes");
    if (pid != master->ssh || begins(prompt, "Enter ") || !password || !password[0] || master->no_password)
        return ask_user(ctx, prompt);
    if (master->asked_password)
        return NULL;
    master->asked_password = true;
    return strdup(password);
}

/* One line. False when there is none, or one that the script cannot have written. */
static bool read_question(const struct vmtp_ssh_master *master, char *line, size_t size)
{
    size_t n = 0;
    char c;
    while (read(master->ask, &c, 1) == 1) {
        if (c == '\n') {
            line[n < size ? n : 0] = '\0';
            return n > 0 && n < size;
        }
        if (n < size)
            line[n++] = c ? c : '?';
    }
    return false;
}

static void answer_question(vmtp_ctx *ctx, struct vmtp_ssh_master *master)
{
    char line[PIPE_BUF];
    if (!read_question(master, line, sizeof line))
        return;
    char *prompt = NULL;
    long pid = strtol(line, &prompt, 10);
    prompt += *prompt == ' ';
    vmtp_printable(prompt);
    char *answer = find_answer(ctx, master, pid, prompt);
    give_answer(master, answer);
    vmtp_secret_free(answer);
}

/* ---- the login ---- */

/* The line of what ssh has said that has a word in it; the last line without one. */
static void line_with(const char *said, const char *word, char *out, size_t size)
{
    snprintf(out, size, "it said nothing");
    while (*said) {
        size_t n = strcspn(said, "\r\n");
        VMTP_CLEAN(mem) char *line = strndup(said, n);
        if (line && n && (!word || strstr(line, word)))
            snprintf(out, size, "%s", line);
        said += n + strspn(said + n, "\r\n");
    }
    vmtp_printable(out);
}

/* The key that ssh was shown, against the known one. */
static int host_key_failure(vmtp_ctx *ctx, const struct vmtp_ssh_master *master, const char *said)
{
    char shown[300], place[600];
    line_with(said, "SHA256:", shown, sizeof shown);
    if (strstr(said, "REVOKED HOST KEY"))
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: the host key is revoked: do not use this host", master->name);
    if (!strstr(said, "IDENTIFICATION HAS CHANGED")) {
        line_with(said, "host key", place, sizeof place);
        return vmtp_fail(ctx, VMTP_EFAIL,
                         "%s: the host key is not accepted: %s Log in once by hand with ssh, or add the key with "
                         "ssh-keyscan",
                         master->name, place);
    }
    line_with(said, "Offending ", place, sizeof place);
    const char *in = strstr(place, " in ");
    in = in ? in + 4 : place;
    char known[VMTP_FINGERPRINT] = "another key";
    for (size_t i = 0; i < master->known.n; i++)
        if (strcmp(master->known.keys[i].place, in) == 0)
            (void)vmtp_ssh_fingerprint(master->known.keys[i].blob, master->known.keys[i].blob_len, known);
    return vmtp_fail(ctx, VMTP_EFAIL,
                     "%s: the host key has changed: the server shows %s %s holds %s. Somebody may be posing as this "
                     "host. If its key was changed on purpose, remove the old one: ssh-keygen -R '%s' -f '%.*s'",
                     master->name, shown, in, known, master->known.name, (int)strcspn(in, ":"), in);
}

static int refused(vmtp_ctx *ctx, const struct vmtp_ssh_master *master, const char *said)
{
    static const char *const signs[] = {"Load key ", "not accessible: "};
    char line[300], unusable[300];
    line_with(said, "Permission denied (", line, sizeof line);
    const char *open = strchr(line, '('), *close = open ? strchr(open, ')') : NULL;
    const char *key = master->login->key_file ? master->login->key_file : vmtp_ssh_defaults.private_key_file;
    const char *about = master->about_key;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strstr(said, signs[i])) {
            line_with(said, signs[i], unusable, sizeof unusable);
            about = unusable;
        }
    return vmtp_fail(ctx, VMTP_EFAIL,
                     "%s does not let us in; refused: %s%s%s%s%s%s. The server takes %.*s. Check the user name, and "
                     "give a password, the file of a key (private_key_file, or key_file of the host), or an ssh agent",
                     master->name, master->asked_password ? "password" : "", master->asked_password && key ? "; " : "",
                     key ? key : master->asked_password ? "" : "the keys of ~/.ssh and the agent", about ? " (" : "",
                     about ? about : "", about ? ")" : "",
                     close ? (int)(close - open - 1) : 0, open ? open + 1 : "");
}

/* The ssh to a jump host, or another proxy, has ended before it was through. VMTP_OK: not because it was not let in. */
static int proxy_failure(vmtp_ctx *ctx, const struct vmtp_ssh_master *master, const char *said)
{
    char line[400];
    if (strstr(said, "IDENTIFICATION HAS CHANGED") || strstr(said, "REVOKED HOST KEY")) {
        line_with(said, "Offending ", line, sizeof line);
        return vmtp_fail(ctx, VMTP_EFAIL,
                         "%s: the host key of its jump host has changed or is revoked: %s. Somebody may be posing as "
                         "the jump host: log in there by hand with ssh",
                         master->name, line);
    }
    if (strstr(said, "Host key verification failed"))
        return vmtp_fail(ctx, VMTP_EFAIL,
                         "%s: the host key of its jump host is not known: log in there once by hand with ssh",
                         master->name);
    if (!strstr(said, "Permission denied ("))
        return VMTP_OK;
    line_with(said, "Permission denied (", line, sizeof line);
    return vmtp_fail(ctx, VMTP_EFAIL,
                     "%s: its jump host does not let us in: %s It gets no password of ours: name a key for it in "
                     "ssh_config, or give the key to an ssh agent",
                     master->name, line);
}

/* The types of keys were limited to those known, and the server has none of them: one that it offers ssh does not want,
 * like RSA with SHA-1. A jump host's ssh has limits of its own, and then ours says that the connection was closed. */
static bool lost_known_types(const struct vmtp_ssh_master *master, const char *said, const char *line)
{
    VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(2000);
    (void)vmtp_known_hosts_algorithms(&master->known, &list);
    bool lost = list.len && !strstr(said, "exchange_identification");
    for (size_t i = 0; i < master->known.n; i++)
        if (master->known.keys[i].marker == VMTP_KNOWN_KEY)
            lost = lost && !strstr(line, master->known.keys[i].type);
    return lost;
}

static int no_host_key_in_common(vmtp_ctx *ctx, const struct vmtp_ssh_master *master, const char *said)
{
    VMTP_CLEAN(buf) struct vmtp_buf known = VMTP_BUF(10000);
    char line[400];
    line_with(said, "no matching host key type found", line, sizeof line);
    if (!lost_known_types(master, said, line))
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: ssh: %s", master->name, line);
    vmtp_known_hosts_remedy(&master->known, &known);
    return vmtp_fail(ctx, VMTP_EFAIL, "%s: the host key has changed, to one of another type: %s. %s", master->name,
                     line, vmtp_buf_text(&known));
}

int vmtp_ssh_master_failure(vmtp_ctx *ctx, const struct vmtp_ssh_master *master, const char *said)
{
    static const struct {
        const char *words;
        int status;
    } signs[] = {
        {"Unable to negotiate", VMTP_EFAIL},       {"Too many authentication failures", VMTP_EFAIL},
        {"Could not resolve hostname", VMTP_EFAIL}, {"Connection refused", VMTP_EUNREACH},
        {"timed out", VMTP_EUNREACH},              {"No route to host", VMTP_EUNREACH},
        {"unreachable", VMTP_EUNREACH},            {"onnection reset", VMTP_EUNREACH},
        {"onnection closed", VMTP_EUNREACH},       {"exchange_identification", VMTP_EUNREACH},
        {"host is down", VMTP_EUNREACH},           {"not responding", VMTP_EUNREACH},
    };
    char line[400];
    /* a proxy has no address: ssh says so of the connection that has ended, or never was */
    int rc = strstr(said, "closed by UNKNOWN port") ? proxy_failure(ctx, master, said) : VMTP_OK;
    if (rc < 0)
        return rc;
    if (strstr(said, "to UNKNOWN port 65535 timed out"))
        return vmtp_fail(ctx, VMTP_EUNREACH, "%s: its jump host or proxy does not answer", master->name);
    if (strstr(said, "IDENTIFICATION HAS CHANGED") || strstr(said, "Host key verification failed") ||
        strstr(said, "REVOKED HOST KEY"))
        return host_key_failure(ctx, master, said);
    if (strstr(said, "Permission denied ("))
        return refused(ctx, master, said);
    if (strstr(said, "no matching host key type found"))
        return no_host_key_in_common(ctx, master, said);
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (!strstr(said, signs[i].words))
            continue;
        line_with(said, signs[i].words, line, sizeof line);
        return vmtp_fail(ctx, signs[i].status, "%s: ssh: %s", master->name, line);
    }
    line_with(said, NULL, line, sizeof line);
    return vmtp_fail(ctx, VMTP_EFAIL, "%s: ssh cannot log in: %s", master->name, line);
}

bool vmtp_ssh_master_tend(struct vmtp_ssh_master *master)
{
    struct vmtp_guard_report report;
    bool running = true;
    while (read(master->guard.report, &report, sizeof report) == (ssize_t)sizeof report) {
        master->ssh = report.kind == VMTP_GUARD_STARTED ? (pid_t)report.value : master->ssh;
        running = running && report.kind == VMTP_GUARD_STARTED;
    }
    char chunk[4096];
    ssize_t n;
    while ((n = read(master->guard.err, chunk, sizeof chunk)) > 0)
        for (ssize_t i = 0; i < n; i++)
            (void)vmtp_buf_add(&master->said, chunk[i] ? chunk + i : "?", 1);
    return running;
}

static int await_login(vmtp_ctx *ctx, struct vmtp_ssh_master *master)
{
    for (;;) {
        if (!vmtp_ssh_master_tend(master))
            return vmtp_ssh_master_failure(ctx, master, vmtp_buf_text(&master->said));
        if (access(master->socket_path, F_OK) == 0)
            return VMTP_OK;
        answer_question(ctx, master);
        int rc = vmtp_ctx_check(ctx);
        if (rc < 0) {
            vmtp_ctx_frame(ctx, "%s: ssh has not logged in", master->name);
            return rc;
        }
        struct pollfd fds[] = {{.fd = master->guard.report, .events = POLLIN}, {.fd = master->ask, .events = POLLIN}};
        (void)poll(fds, 2, TURN_MS);
    }
}

static int run_ssh(vmtp_ctx *ctx, struct vmtp_ssh_master *master)
{
    struct list argv = {0}, envp = {0};
    VMTP_CLEAN(mem) char *path = NULL;
    VMTP_CLEAN(mem) char *script = inside(master, "askpass"), *ask = inside(master, "ask"),
                         *answer = inside(master, "answer");
    const char *const files[] = {master->socket_path, script, ask, answer, NULL};
    int rc = vmtp_find_here("ssh", &path);
    if (rc < 0 || !script || !ask || !answer)
        rc = vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    else if (!path)
        rc = vmtp_fail(ctx, VMTP_ENOTSUP, "there is no program ssh here: install the package openssh-client");
    if (rc == VMTP_OK)
        rc = make_arguments(ctx, &argv, master);
    if (rc == VMTP_OK)
        rc = make_environment(ctx, &envp, master);
    if (rc == VMTP_OK)
        rc = vmtp_guard_start(ctx, &master->guard, path, argv.items, envp.items, files, master->dir);
    list_clear(&argv);
    list_clear(&envp);
    return rc < 0 ? rc : await_login(ctx, master);
}

int vmtp_ssh_master_start(vmtp_ctx *ctx, struct vmtp_ssh_master *master)
{
    master->guard = VMTP_GUARD_NONE;
    master->said = VMTP_BUF(SAID_MAX);
    master->asked_password = false;
    master->about_key = NULL;
    master->ssh = 0;
    master->ask = -1;
    int rc = make_directory(ctx, master);
    if (rc == VMTP_OK)
        rc = run_ssh(ctx, master);
    if (rc == VMTP_OK && master->key)
        vmtp_ssh_passphrase_keep(master->key, master->passphrase);
    if (master->said.len)
        vmtp_debug(ctx, "%s: ssh says: %s", master->name, vmtp_buf_text(&master->said));
    vmtp_secret_free(VMTP_TAKE(master->passphrase));
    free(VMTP_TAKE(master->key));
    return rc;
}

void vmtp_ssh_master_stop(struct vmtp_ssh_master *master)
{
    if (master->guard.pid > 0)
        vmtp_guard_stop(&master->guard);
    empty_directory(master);
    vmtp_buf_clear(&master->said);
}
