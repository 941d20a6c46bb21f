/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in: password, the key named for this host, the configured key, the agent's keys, the user's own keys. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/secret.h"
#include "core/ssh-agent.h"
#include "core/ssh-key.h"
#include "core/ssh.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/file.h"
#include "core/util/prompt.h"
#include "core/util/str.h"

enum {
    TRIES_MAX = 5,   /* servers cut off at the 6th (OpenSSH: MaxAuthTries) */
    PROMPTS_MAX = 3, /* for one passphrase */
    SEEN_MAX = 80,
    REFUSED = 1,     /* beside vmtp_status: go on with the next way */
};

static const double FRESH_PAUSE_S = 1;

struct auth {
    vmtp_ctx *ctx;
    struct vmtp_ssh *ssh;
    const struct vmtp_login *login;
    char *methods;         /* "publickey,password": what the server offers */
    unsigned tries;        /* that the server has counted */
    struct vmtp_agent agent;
    const struct vmtp_agent_key *signing; /* the agent's key that is being tried */
    bool wanted;           /* the server would take the key that was shown to it */
    int prompts;           /* of keyboard-interactive that were answered */
    struct vmtp_buf tried, unusable;
    unsigned char *seen[SEEN_MAX]; /* public keys that were tried: none is shown twice */
    size_t seen_len[SEEN_MAX], n_seen;
};

__attribute__((format(printf, 2, 3))) static void note(struct vmtp_buf *list, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (list->len)
        (void)vmtp_buf_text_add(list, "; ");
    (void)vmtp_buf_vprintf(list, fmt, args);
    va_end(args);
}

static void forget_seen(struct auth *auth)
{
    while (auth->n_seen > 0)
        free(auth->seen[--auth->n_seen]);
}

static bool offers(const struct auth *auth, const char *method)
{
    size_t len = strlen(method);
    for (const char *p = auth->methods; p && *p; p += strcspn(p, ","), p += *p == ',')
        if (strncmp(p, method, len) == 0 && (p[len] == ',' || p[len] == '\0'))
            return true;
    return false;
}

/* What a try has come to. A refusal is no error yet. */
static int outcome(struct auth *auth, long rc, const char *what)
{
    if (rc == 0)
        return VMTP_OK;
    if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED || rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED ||
        rc == LIBSSH2_ERROR_METHOD_NOT_SUPPORTED || rc == LIBSSH2_ERROR_REQUEST_DENIED) {
        auth->tries++;
        vmtp_debug(auth->ctx, "%s: the server refuses the %s", auth->ssh->name, what);
        return REFUSED;
    }
    if (rc == LIBSSH2_ERROR_PASSWORD_EXPIRED)
        return vmtp_fail(auth->ctx, VMTP_EFAIL, "%s: the password has expired: log in by hand and change it",
                         auth->ssh->name);
    if (rc == LIBSSH2_ERROR_SOCKET_DISCONNECT || rc == LIBSSH2_ERROR_SOCKET_RECV || rc == LIBSSH2_ERROR_SOCKET_SEND)
        return vmtp_fail(auth->ctx, VMTP_EFAIL, "%s: the server closed the connection during the login (%s)",
                         auth->ssh->name, what);
    return vmtp_ssh_fail(auth->ctx, auth->ssh, VMTP_EFAIL, what);
}

/* ---- passwords ---- */

/* Each prompt without echo gets the password; one that asks again has refused it. libssh2 frees the answers. */
static void answer_prompts(const char *name, int name_len, const char *instruction, int instruction_len, int n,
                           const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts, LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses,
                           void **abstract)
{
    (void)name, (void)name_len, (void)instruction, (void)instruction_len;
    struct auth *auth = *abstract;
    for (int i = 0; i < n; i++) {
        bool secret = !prompts[i].echo && auth->prompts++ == 0;
        responses[i].text = strdup(secret ? auth->login->password : "");
        responses[i].length = responses[i].text ? (unsigned)strlen(responses[i].text) : 0;
    }
}

static int try_password(struct auth *auth)
{
    const struct vmtp_login *login = auth->login;
    LIBSSH2_SESSION *session = auth->ssh->session;
    if (!login->password || !login->password[0])
        return REFUSED;
    long rc;
    if (offers(auth, "password")) {
        rc = VMTP_SSH_CALL(auth->ctx, auth->ssh,
                           libssh2_userauth_password_ex(session, login->user, (unsigned)strlen(login->user),
                                                        login->password, (unsigned)strlen(login->password), NULL));
    } else if (offers(auth, "keyboard-interactive")) {
        rc = VMTP_SSH_CALL(auth->ctx, auth->ssh,
                           libssh2_userauth_keyboard_interactive_ex(session, login->user,
                                                                    (unsigned)strlen(login->user), answer_prompts));
    } else {
        note(&auth->unusable, "the password: the server takes only %s", auth->methods);
        return REFUSED;
    }
    note(&auth->tried, "password");
    int tried = outcome(auth, rc, "password");
    auth->ssh->password_refused = tried == REFUSED;
    return tried;
}

/* ---- keys ---- */

/* The key of a run in a cloud is in memory only: its path says nothing to a user. */
static const char *key_name(const struct vmtp_ssh_key *key)
{
    return strncmp(key->path, "/proc/", 6) == 0 ? "made for this run" : key->path;
}

/* False, with a note, when libssh2 cannot use a key of this type. */
static bool usable_type(struct auth *auth, const char *type, const char *what)
{
    if (strcmp(type, "ssh-rsa") == 0) {
        if (libssh2_version(VMTP_SSH_FIRST_RSA_SHA2))
            return true;
        auth->ssh->cannot = "RSA keys as servers want them today (SHA-2)";
        note(&auth->unusable,
             "RSA %s cannot be used with libssh2 %s, which signs with SHA-1 that OpenSSH >= 8.8 refuses: use an "
             "ed25519 or ecdsa key",
             what, libssh2_version(0));
        return false;
    }
    if (type[0] == '\0' || strcmp(type, "ssh-ed25519") == 0 || strcmp(type, "ecdsa") == 0 ||
        strncmp(type, "ecdsa-sha2-nistp", 16) == 0)
        return true;
    auth->ssh->cannot = "keys of that type";
    note(&auth->unusable, "%s is of type %s: use an ed25519 or ecdsa key", what, type);
    return false;
}

/* True when the key is new to the server; it is remembered. */
static bool first_time(struct auth *auth, const unsigned char *blob, size_t len)
{
    for (size_t i = 0; i < auth->n_seen; i++)
        if (auth->seen_len[i] == len && memcmp(auth->seen[i], blob, len) == 0)
            return false;
    if (auth->n_seen == SEEN_MAX)
        return true;
    unsigned char *copy = malloc(len);
    if (copy) {
        memcpy(copy, blob, len);
        auth->seen_len[auth->n_seen] = len;
        auth->seen[auth->n_seen++] = copy;
    }
    return true;
}

static int sign_by_agent(LIBSSH2_SESSION *session, unsigned char **sig, size_t *sig_len, const unsigned char *data,
                         size_t data_len, void **abstract)
{
    (void)session;
    struct auth *auth = *abstract;
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, auth->ctx, 0);
    int rc = vmtp_agent_sign(&own, &auth->agent, auth->signing, data, data_len, sig, sig_len);
    if (rc < 0)
        note(&auth->unusable, "agent key %s: %s", auth->signing->comment, vmtp_ctx_error(&own, rc));
    vmtp_ctx_clear(&own);
    return rc < 0 ? -1 : 0;
}

static int try_agent_key(struct auth *auth, const struct vmtp_agent_key *key)
{
    char what[160];
    snprintf(what, sizeof what, "agent key %s (%s)", key->comment, key->type);
    if (auth->tries >= TRIES_MAX || !usable_type(auth, key->type, what) || !first_time(auth, key->blob, key->blob_len))
        return REFUSED;
    auth->signing = key;
    void *self = auth;
    long rc = VMTP_SSH_CALL(auth->ctx, auth->ssh,
                            libssh2_userauth_publickey(auth->ssh->session, auth->login->user, key->blob, key->blob_len,
                                                       sign_by_agent, &self));
    note(&auth->tried, "%s", what);
    return outcome(auth, rc, what);
}

static const struct vmtp_agent_key *agent_has(const struct auth *auth, const struct vmtp_ssh_key *key)
{
    for (size_t i = 0; key->blob && i < auth->agent.n; i++)
        if (auth->agent.keys[i].blob_len == key->blob_len &&
            memcmp(auth->agent.keys[i].blob, key->blob, key->blob_len) == 0)
            return &auth->agent.keys[i];
    return NULL;
}

/* Reached only when the server would take the key: the answer is known, so nothing is signed. */
static int sign_nothing(LIBSSH2_SESSION *session, unsigned char **sig, size_t *sig_len, const unsigned char *data,
                        size_t data_len, void **abstract)
{
    (void)session, (void)sig, (void)sig_len, (void)data, (void)data_len;
    ((struct auth *)*abstract)->wanted = true;
    return -1;
}

/* VMTP_OK when the server would take the key. */
static int ask_server(struct auth *auth, const struct vmtp_ssh_key *key)
{
    void *self = auth;
    auth->wanted = false;
    long rc = VMTP_SSH_CALL(auth->ctx, auth->ssh,
                            libssh2_userauth_publickey(auth->ssh->session, auth->login->user, key->blob, key->blob_len,
                                                       sign_nothing, &self));
    return auth->wanted ? VMTP_OK : outcome(auth, rc, key->path);
}

/* Several hosts log in at once: a passphrase is asked for once per key, and kept until the process ends. */
static struct {
    pthread_mutex_t lock;
    struct vmtp_pairs known;
} passphrases = {.lock = PTHREAD_MUTEX_INITIALIZER};

char *vmtp_ssh_passphrase(const char *key_path)
{
    const char *given = vmtp_secret_env("VMTP_KEY_PASSPHRASE");
    if (!given)
        given = vmtp_ssh_defaults.key_passphrase;
    if (given)
        return strdup(given);
    pthread_mutex_lock(&passphrases.lock);
    const char *known = vmtp_pairs_get(&passphrases.known, key_path);
    char *copy = known ? strdup(known) : NULL;
    pthread_mutex_unlock(&passphrases.lock);
    return copy;
}

void vmtp_ssh_passphrase_keep(const char *key_path, const char *passphrase)
{
    pthread_mutex_lock(&passphrases.lock);
    (void)vmtp_pairs_set(&passphrases.known, key_path, passphrase);
    pthread_mutex_unlock(&passphrases.lock);
}

/* The first call opens the key and then waits for nobody: it says that the passphrase is wrong, or that it is right. */
static long show_key(struct auth *auth, const struct vmtp_ssh_key *key, const char *passphrase)
{
    return libssh2_userauth_publickey_fromfile_ex(auth->ssh->session, auth->login->user,
                                                  (unsigned)strlen(auth->login->user), NULL, key->path, passphrase);
}

static bool not_opened(long rc)
{
    return rc == LIBSSH2_ERROR_FILE || rc == LIBSSH2_ERROR_METHOD_NONE || rc == LIBSSH2_ERROR_DECRYPT;
}

/* rc is what the first call has said. VMTP_ECONFIG: the server has not seen the key. */
static int use_key(struct auth *auth, const struct vmtp_ssh_key *key, const char *passphrase, long rc)
{
    if (rc == LIBSSH2_ERROR_EAGAIN)
        rc = VMTP_SSH_CALL(auth->ctx, auth->ssh, show_key(auth, key, passphrase));
    if (not_opened(rc))
        return VMTP_ECONFIG;
    note(&auth->tried, "key %s", key_name(key));
    return outcome(auth, rc, key->path);
}

/* *rc is that of the first call with the answer, which opens the key. VMTP_ECONFIG: none of the answers does. */
static int ask_user(struct auth *auth, const struct vmtp_ssh_key *key, char **passphrase, long *rc)
{
    VMTP_CLEAN(mem) char *question = vmtp_format("Passphrase of the key %s: ", key->path);
    int asked = question ? VMTP_ECONFIG : vmtp_fail(auth->ctx, VMTP_ENOMEM, "out of memory");
    for (int i = 0; asked == VMTP_ECONFIG && i < PROMPTS_MAX; i++) {
        vmtp_secret_free(VMTP_TAKE(*passphrase));
        asked = vmtp_prompt_secret(auth->ctx, question, passphrase);
        if (asked == VMTP_OK && not_opened(*rc = show_key(auth, key, *passphrase)))
            asked = VMTP_ECONFIG;
    }
    if (asked == VMTP_OK)
        vmtp_ssh_passphrase_keep(key->path, *passphrase);
    return asked;
}

/* One host asks, and others that need the same passphrase wait for that, but not for its server. */
static int find_passphrase(struct auth *auth, const struct vmtp_ssh_key *key, char **passphrase, long *rc)
{
    static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;
    double deadline = auth->ctx->deadline, begin = vmtp_now();
    auth->ctx->deadline = 0;
    pthread_mutex_lock(&asking);
    *passphrase = vmtp_ssh_passphrase(key->path);
    int found = *passphrase ? VMTP_OK : ask_user(auth, key, passphrase, rc);
    pthread_mutex_unlock(&asking);
    if (deadline != 0)
        auth->ctx->deadline = deadline + vmtp_now() - begin; /* the user's time is not the host's */
    return found;
}

static int use_encrypted_key(struct auth *auth, const struct vmtp_ssh_key *key)
{
    const bool variable = vmtp_secret_env("VMTP_KEY_PASSPHRASE") != NULL;
    const bool configured = variable || vmtp_ssh_defaults.key_passphrase;
    VMTP_CLEAN(secret) char *passphrase = vmtp_ssh_passphrase(key->path);
    long first = LIBSSH2_ERROR_EAGAIN;
    int rc = passphrase ? VMTP_OK : find_passphrase(auth, key, &passphrase, &first);
    if (rc == VMTP_OK)
        rc = use_key(auth, key, passphrase, first);
    if (rc == VMTP_ENOTSUP)
        note(&auth->unusable,
             "key %s is encrypted: set VMTP_KEY_PASSPHRASE or key_passphrase_file, run on a terminal to be asked, or "
             "load it into an agent",
             key->path);
    else if (rc == VMTP_ECONFIG && configured)
        note(&auth->unusable, "key %s: the passphrase in %s is wrong", key->path,
             variable ? "VMTP_KEY_PASSPHRASE" : "key_passphrase_file");
    else if (rc == VMTP_ECONFIG)
        note(&auth->unusable, "key %s: wrong passphrase", key->path);
    return rc == VMTP_ENOTSUP || rc == VMTP_ECONFIG ? REFUSED : rc;
}

static int try_key(struct auth *auth, const struct vmtp_ssh_key *key)
{
    VMTP_CLEAN(mem) char *what = vmtp_format("key %s", key_name(key));
    if (auth->tries >= TRIES_MAX || !what || !usable_type(auth, key->type, what))
        return REFUSED;
    const struct vmtp_agent_key *held = agent_has(auth, key);
    if (held && key->encrypted)
        return try_agent_key(auth, held);
    if (key->blob && !first_time(auth, key->blob, key->blob_len))
        return REFUSED;
    if (key->encrypted && key->blob) {
        int rc = ask_server(auth, key);
        if (rc != VMTP_OK) {
            note(&auth->tried, "%s", what);
            return rc;
        }
    }
    int rc = key->encrypted ? use_encrypted_key(auth, key) : use_key(auth, key, NULL, LIBSSH2_ERROR_EAGAIN);
    if (rc != VMTP_ECONFIG)
        return rc;
    char *words = NULL;
    libssh2_session_last_error(auth->ssh->session, &words, NULL, 0);
    note(&auth->unusable, "%s: libssh2 %s cannot read it (%s)", what, libssh2_version(0), words ? words : "");
    return REFUSED;
}

/* libssh2 tries the bare key. When that is refused, the server may want what an authority has signed. */
static void look_for_certificate(struct auth *auth, const char *path)
{
    VMTP_CLEAN(mem) char *beside = vmtp_format("%s-cert.pub", path);
    if (!beside || access(beside, R_OK) < 0)
        return;
    auth->ssh->cannot = "certificates";
    note(&auth->unusable, "certificate %s", beside);
}

/* A key that somebody has named must be there; the user's own may be missing. */
static int try_key_file(struct auth *auth, const char *path, bool named)
{
    if (!path || !path[0] || !offers(auth, "publickey"))
        return REFUSED;
    VMTP_CLEAN(mem) char *full = vmtp_expand_home(path);
    if (!full || (!named && access(full, R_OK) < 0))
        return REFUSED;
    VMTP_CLEAN(ssh_key) struct vmtp_ssh_key key = {0};
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, auth->ctx, 0);
    int rc = vmtp_ssh_key_read(&own, full, &key);
    if (rc < 0)
        note(&auth->unusable, "key %s", vmtp_ctx_error(&own, rc));
    else
        look_for_certificate(auth, full);
    vmtp_ctx_clear(&own);
    return rc < 0 ? REFUSED : try_key(auth, &key);
}

static int try_agent(struct auth *auth)
{
    int rc = REFUSED;
    for (size_t i = 0; rc == REFUSED && offers(auth, "publickey") && i < auth->agent.n; i++)
        rc = try_agent_key(auth, &auth->agent.keys[i]);
    return rc;
}

static void open_agent(struct auth *auth)
{
    struct vmtp_ctx own;
    vmtp_ctx_child(&own, auth->ctx, 0);
    int rc = vmtp_agent_open(&own, &auth->agent);
    if (rc < 0)
        note(&auth->unusable, "%s", vmtp_ctx_error(&own, rc));
    vmtp_ctx_clear(&own);
}

/* A machine that boots may answer before it has the key. Asking again costs it less than another exchange of keys. */
static int try_only_key(struct auth *auth)
{
    for (unsigned tries = 0;; tries = auth->tries) {
        int rc = try_key_file(auth, auth->login->key_file, true);
        if (rc != REFUSED || !auth->ssh->fresh || auth->tries == tries || auth->tries == TRIES_MAX)
            return rc;
        rc = vmtp_wait(auth->ctx, FRESH_PAUSE_S);
        if (rc < 0)
            return rc;
        vmtp_buf_clear(&auth->tried);
        forget_seen(auth);
    }
}

static int try_all(struct auth *auth)
{
    static const char *const own_keys[] = {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"};
    if (auth->login->only_key)
        return try_only_key(auth);
    int rc = try_password(auth);
    if (rc == REFUSED && offers(auth, "publickey"))
        open_agent(auth);
    if (rc == REFUSED)
        rc = try_key_file(auth, auth->login->key_file, true);
    if (rc == REFUSED)
        rc = try_key_file(auth, vmtp_ssh_defaults.private_key_file, true);
    if (rc == REFUSED)
        rc = try_agent(auth);
    for (size_t i = 0; rc == REFUSED && i < sizeof own_keys / sizeof own_keys[0]; i++)
        rc = try_key_file(auth, own_keys[i], false);
    return rc;
}

static int refused(struct auth *auth)
{
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(2000);
    (void)vmtp_buf_printf(&words, "%s does not let us in", auth->ssh->name);
    if (auth->tried.len)
        (void)vmtp_buf_printf(&words, "; refused: %s", vmtp_buf_text(&auth->tried));
    if (auth->unusable.len)
        (void)vmtp_buf_printf(&words, "; not usable: %s", vmtp_buf_text(&auth->unusable));
    if (!auth->tried.len && !auth->unusable.len)
        (void)vmtp_buf_text_add(&words, "; there is no password and no key to try");
    (void)vmtp_buf_printf(&words, ". The server takes %s. Check the user name, and give a password, the file of a key "
                                  "(private_key_file, or key_file of the host), or an ssh agent",
                          auth->methods);
    return vmtp_fail(auth->ctx, VMTP_EFAIL, "%s", vmtp_buf_text(&words));
}

static int list_methods(struct auth *auth)
{
    LIBSSH2_SESSION *session = auth->ssh->session;
    const char *user = auth->login->user;
    const char *list =
        VMTP_SSH_GET(auth->ctx, auth->ssh, libssh2_userauth_list(session, user, (unsigned)strlen(user)));
    if (!list && libssh2_userauth_authenticated(session))
        return VMTP_OK;
    if (!list)
        return outcome(auth, libssh2_session_last_errno(session), "login");
    auth->methods = strdup(list); /* libssh2's text is gone after the next packet */
    return auth->methods ? REFUSED : vmtp_fail(auth->ctx, VMTP_ENOMEM, "out of memory");
}

int vmtp_ssh_authenticate(vmtp_ctx *ctx, struct vmtp_ssh *ssh, const struct vmtp_login *login)
{
    struct auth auth = {.ctx = ctx,
                        .ssh = ssh,
                        .login = login,
                        .agent = {.fd = -1},
                        .tried = VMTP_BUF(1000),
                        .unusable = VMTP_BUF(1000)};
    *libssh2_session_abstract(ssh->session) = &auth;
    int rc = list_methods(&auth);
    if (rc == REFUSED)
        rc = try_all(&auth);
    if (rc == REFUSED)
        rc = refused(&auth);
    *libssh2_session_abstract(ssh->session) = NULL;
    vmtp_agent_close(&auth.agent);
    forget_seen(&auth);
    vmtp_buf_clear(&auth.tried);
    vmtp_buf_clear(&auth.unusable);
    free(auth.methods);
    return rc;
}
