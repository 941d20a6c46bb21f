/* SPDX-License-Identifier: Apache-2.0 */
/* Key files and answers of an agent, hostile ones too. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/ctx.h"
#include "core/ssh-agent.h"
#include "core/ssh-key.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"
#include "tests/tap.h"

static void put_string(struct vmtp_buf *out, const char *bytes, size_t n)
{
    const unsigned char head[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
                                   (unsigned char)n};
    (void)vmtp_buf_add(out, head, 4);
    (void)vmtp_buf_add(out, bytes, n);
}

static void put_text(struct vmtp_buf *out, const char *text)
{
    put_string(out, text, strlen(text));
}

/* The bytes of an OpenSSH key with a public half of the given type. */
static void make_key(struct vmtp_buf *out, const char *cipher, unsigned char keys, const char *type)
{
    VMTP_CLEAN(buf) struct vmtp_buf blob = VMTP_BUF(500);
    put_text(&blob, type);
    put_string(&blob, "0123456789abcdef0123456789abcdef", 32);
    (void)vmtp_buf_add(out, "openssh-key-v1", 15);
    put_text(out, cipher);
    put_text(out, "kdf");
    put_text(out, "options");
    (void)vmtp_buf_add(out, (const unsigned char[]){0, 0, 0, keys}, 4);
    put_string(out, blob.data, blob.len);
    put_text(out, "the private half");
}

static int parse(struct vmtp_ctx *ctx, const char *text, struct vmtp_ssh_key *key)
{
    vmtp_ctx_forget(ctx);
    return vmtp_ssh_key_parse(ctx, "file", text, strlen(text), key);
}

static int parse_bytes(struct vmtp_ctx *ctx, const struct vmtp_buf *bytes, size_t len, struct vmtp_ssh_key *key)
{
    unsigned char *base64 = malloc(len * 2 + 10);
    EVP_EncodeBlock(base64, (const unsigned char *)bytes->data, (int)len);
    VMTP_CLEAN(mem) char *text = vmtp_format(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n", (char *)base64);
    free(base64);
    return parse(ctx, text, key);
}

static void test_openssh(struct vmtp_ctx *ctx)
{
    VMTP_CLEAN(buf) struct vmtp_buf bytes = VMTP_BUF(1000);
    struct vmtp_ssh_key key;
    make_key(&bytes, "none", 1, "ssh-ed25519");
    ok(parse_bytes(ctx, &bytes, bytes.len, &key) == VMTP_OK && !key.encrypted, "a key that is not encrypted");
    is(key.type, "ssh-ed25519", "its type");
    is_int((long long)key.blob_len, 4 + 11 + 4 + 32, "its public half");
    vmtp_ssh_key_clear(&key);

    size_t whole = bytes.len - 4 - strlen("the private half");
    unsigned refused = 0;
    for (size_t len = 0; len < whole; len++)
        refused += parse_bytes(ctx, &bytes, len, &key) == VMTP_ECONFIG;
    is_int(refused, (long long)whole, "a key that is cut off anywhere in front of its private half");
    contains(vmtp_ctx_error(ctx, VMTP_ECONFIG), "file is damaged", "what is said of it");

    vmtp_buf_reset(&bytes);
    make_key(&bytes, "aes256-ctr", 1, "ecdsa-sha2-nistp256");
    ok(parse_bytes(ctx, &bytes, bytes.len, &key) == VMTP_OK && key.encrypted, "an encrypted key");
    is(key.type, "ecdsa-sha2-nistp256", "shows its type");
    vmtp_ssh_key_clear(&key);

    bytes.data[16] = '\xFF'; /* of the length of the cipher's name */
    is_int(parse_bytes(ctx, &bytes, bytes.len, &key), VMTP_ECONFIG, "a length beyond the end");
    vmtp_buf_reset(&bytes);
    make_key(&bytes, "none", 2, "ssh-ed25519");
    is_int(parse_bytes(ctx, &bytes, bytes.len, &key), VMTP_ECONFIG, "two keys in a file");
    vmtp_buf_reset(&bytes);
    make_key(&bytes, "none", 1, "a-type-of-key-whose-name-is-longer-than-any-that-there-is");
    is_int(parse_bytes(ctx, &bytes, bytes.len, &key), VMTP_ECONFIG, "a type with a long name");
    is_int(parse(ctx, "-----BEGIN OPENSSH PRIVATE KEY-----\n!!!\n-----END OPENSSH PRIVATE KEY-----\n", &key),
           VMTP_ECONFIG, "no base64");
    is_int(parse(ctx, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n", &key), VMTP_ECONFIG, "no end");
}

static void test_pem(struct vmtp_ctx *ctx)
{
    static const struct {
        const char *text, *type;
        bool encrypted;
    } files[] = {
        {"-----BEGIN RSA PRIVATE KEY-----\nMII\n", "ssh-rsa", false},
        {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n", "ssh-rsa", true},
        {"-----BEGIN EC PRIVATE KEY-----\nMII\n", "ecdsa", false},
        {"-----BEGIN DSA PRIVATE KEY-----\nMII\n", "ssh-dss", false},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n", "", true},
        {"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
         "-----END PRIVATE KEY-----\n", /* the example of RFC 8410, 10.3 */
         "ssh-ed25519", false},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct vmtp_ssh_key key = {0};
        ok(parse(ctx, files[i].text, &key) == VMTP_OK && key.encrypted == files[i].encrypted &&
               strcmp(key.type, files[i].type) == 0,
           "PEM %zu: type '%s'", i, key.type);
        vmtp_ssh_key_clear(&key);
    }
    struct vmtp_ssh_key key;
    is_int(parse(ctx, "PuTTY-User-Key-File-3: ssh-ed25519\n", &key), VMTP_ECONFIG, "PuTTY's format");
    contains(vmtp_ctx_error(ctx, VMTP_ECONFIG), "export it in OpenSSH format", "and the way out");
    is_int(parse(ctx, "ssh-ed25519 AAAA me\n", &key), VMTP_ECONFIG, "a public key");
    contains(vmtp_ctx_error(ctx, VMTP_ECONFIG), "name the file of the private key", "and the way out");
    is_int(parse(ctx, "", &key), VMTP_ECONFIG, "an empty file");
}

/* ---- an agent that says what it is told to ---- */

struct fake {
    int listener;
    int others; /* connections that fill its queue */
    const char *answer;
    size_t len;
};

static void *fake_agent(void *arg)
{
    const struct fake *fake = arg;
    if (fake->others)
        nanosleep(&(const struct timespec){.tv_nsec = 100000000}, NULL); /* until we have found the queue full */
    for (int i = 0; i < fake->others; i++)
        close(accept(fake->listener, NULL, NULL));
    int fd = accept(fake->listener, NULL, NULL);
    char request[5];
    (void)!read(fd, request, sizeof request);
    (void)!write(fd, fake->answer, fake->len);
    (void)!read(fd, request, sizeof request); /* until the other side closes */
    close(fd);
    return NULL;
}

/* Connects until the queue is full. Returns how many there are; *fds holds them. */
static int fill_queue(const struct sockaddr_un *address, int fds[8])
{
    for (int n = 0; n < 8; n++) {
        fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(fds[n], (const struct sockaddr *)address, sizeof *address) < 0) {
            close(fds[n]);
            return n;
        }
    }
    return 8;
}

static int ask_agent(struct vmtp_ctx *ctx, bool busy, const char *answer, size_t len, struct vmtp_agent *agent)
{
    int others[8];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char directory[] = "/tmp/vmtp-agent.XXXXXX";
    if (!mkdtemp(directory))
        return VMTP_EFAIL;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", directory);
    struct fake fake = {.listener = socket(AF_UNIX, SOCK_STREAM, 0), .answer = answer, .len = len};
    pthread_t thread;
    (void)bind(fake.listener, (struct sockaddr *)&address, sizeof address);
    (void)listen(fake.listener, 1);
    if (busy)
        fake.others = fill_queue(&address, others);
    pthread_create(&thread, NULL, fake_agent, &fake);
    setenv("SSH_AUTH_SOCK", address.sun_path, 1);
    vmtp_ctx_forget(ctx);
    int rc = vmtp_agent_open(ctx, agent);
    size_t n = agent->n;
    if (rc < 0)
        vmtp_agent_close(agent);
    else
        shutdown(agent->fd, SHUT_RDWR);
    if (rc < 0) /* it may still wait for us */
        shutdown(fake.listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    for (int i = 0; i < fake.others; i++)
        close(others[i]);
    close(fake.listener);
    unlink(address.sun_path);
    rmdir(directory);
    return rc < 0 ? rc : (int)n;
}
#define ASK(ctx, answer, agent) ask_agent(ctx, false, answer, sizeof(answer) - 1, agent)

static void test_agent(struct vmtp_ctx *ctx)
{
    struct vmtp_agent agent;
    unsetenv("SSH_AUTH_SOCK");
    ok(vmtp_agent_open(ctx, &agent) == VMTP_OK && agent.n == 0, "no agent");
    vmtp_agent_close(&agent);

    static const char one[] = "\0\0\0\x1C\x0C\0\0\0\1\0\0\0\x0B\0\0\0\7ssh-abc\0\0\0\4name";
    is_int(ASK(ctx, one, &agent), 1, "an agent with one key");
    is(agent.keys[0].type, "ssh-abc", "its type");
    is(agent.keys[0].comment, "name", "its comment");
    vmtp_agent_close(&agent);
    is_int(ask_agent(ctx, true, one, sizeof one - 1, &agent), 1, "one whose queue is full is waited for");
    vmtp_agent_close(&agent);
    static const char many[] = "\0\0\0\x1C\x0C\xFF\xFF\xFF\xFF\0\0\0\x0B\0\0\0\7ssh-abc\0\0\0\4name";
    is_int(ASK(ctx, many, &agent), 1, "one that promises four billion keys");
    vmtp_agent_close(&agent);
    is_int(ASK(ctx, "\0\0\0\1\5", &agent), VMTP_ENOTSUP, "one that refuses");
    is_int(ASK(ctx, "\xFF\xFF\xFF\xFF\x0C", &agent), VMTP_EFAIL, "an answer that is too long");
    is_int(ASK(ctx, "\0\0\0\0", &agent), VMTP_EFAIL, "an empty answer");
    is_int(ASK(ctx, "\0\0\0\2\x0C\0", &agent), VMTP_EFAIL, "an answer without a number of keys");
    static const char torn[] = "\0\0\0\x0D\x0C\0\0\0\1\0\0\xFF\x0B\0\0\0\7";
    is_int(ASK(ctx, torn, &agent), 0, "a key that is longer than the answer");
    vmtp_agent_close(&agent);

    ctx->deadline = vmtp_now() + 0.2;
    double begin = vmtp_now();
    is_int(ASK(ctx, "\0\0", &agent), VMTP_ETIMEOUT, "an agent that says no more");
    ok(vmtp_now() - begin < within(1), "is not waited for");
}

int main(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    test_openssh(&ctx);
    test_pem(&ctx);
    test_agent(&ctx);
    return done_testing();
}
