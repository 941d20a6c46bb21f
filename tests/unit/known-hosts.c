/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of known_hosts files, hashed by the real ssh-keygen and hostile ones. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/ssh-hostkey.h"
#include "core/ssh-key.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"
#include "tests/fixture.h"

static const char ED25519[] = "AAAAC3NzaC1lZDI1NTE5AAAAIJQgE2dEfSlpny1GCs5JyP08DvwkCFJnoY6m3SPJksGZ";
static const char OTHER[] = "AAAAC3NzaC1lZDI1NTE5AAAAIM1oysRSxMkiN9MTmjWDQt7ABz2RSRsDIPgYs6u/EKzM";
static const char ECDSA[] = "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPiT9mro5rcZVY/GX2RShrcQj3HVT"
                            "+LEmnH3FA1U9V"
                            "pwoUxV8ZyJ06cPnnFO+1DOT+VrrnlZGIo4TuXyU57HqH0=";

/* What a server shows, and what is thought of it. */
static const struct {
    const char *host;
    uint16_t port;
    const char *shown;
    enum vmtp_known_verdict verdict;
    const char *place, *algorithms;
} cases[] = {
    {"h1.example", 0, ED25519, VMTP_KNOWN_SAME, "f:3", "ssh-ed25519"},
    {"H1.Example", 22, ED25519, VMTP_KNOWN_SAME, "f:3", "ssh-ed25519"},
    {"h1.example", 0, OTHER, VMTP_KNOWN_BAD, "f:16", "ssh-ed25519"},
    {"h1.example", 0, ECDSA, VMTP_KNOWN_CHANGED, "f:3", "ssh-ed25519"},
    {"h1.example", 2222, ECDSA, VMTP_KNOWN_NEW, NULL, ""},
    {"h1.example", 2222, ED25519, VMTP_KNOWN_SAME, "f:3", ""},
    {"h2.example", 2222, ED25519, VMTP_KNOWN_SAME, "f:4", "ssh-ed25519"},
    {"h2.example", 22, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"192.0.2.7", 0, ECDSA, VMTP_KNOWN_SAME, "f:5", "ecdsa-sha2-nistp256"},
    {"2001:DB8::7", 0, ECDSA, VMTP_KNOWN_SAME, "f:6", "ecdsa-sha2-nistp256"},
    {"plain.example", 0, ED25519, VMTP_KNOWN_SAME, "f:7", "ssh-ed25519"},
    {"any.many.example", 0, ED25519, VMTP_KNOWN_SAME, "f:7", "ssh-ed25519"},
    {"not.many.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"many.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"tab.example", 0, ECDSA, VMTP_KNOWN_SAME, "f:8", "ecdsa-sha2-nistp256"},
    {"upper.example", 0, ED25519, VMTP_KNOWN_SAME, "f:9", "ssh-ed25519"},
    {"port.example", 2022, ED25519, VMTP_KNOWN_SAME, "f:10", "ssh-ed25519"},
    {"port.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"both.example", 2022, ECDSA, VMTP_KNOWN_SAME, "f:12", "ssh-ed25519,ecdsa-sha2-nistp256"},
    {"two.example", 0, ED25519, VMTP_KNOWN_SAME, "f:13", "ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa"},
    {"two.example", 0, ECDSA, VMTP_KNOWN_CHANGED, "f:13", "ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa"},
    {"revoked.example", 0, OTHER, VMTP_KNOWN_BAD, "f:15", "ssh-ed25519"},
    {"revoked.example", 0, ED25519, VMTP_KNOWN_SAME, "f:17", "ssh-ed25519"},
    {"a.signed.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"marker.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"wrong.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"broken.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"short.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"old.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"qx.example", 0, ED25519, VMTP_KNOWN_SAME, "f:24", "ssh-ed25519"},
    {"q.example", 0, ED25519, VMTP_KNOWN_NEW, NULL, ""},
    {"|1|AAAA|BBBB", 0, ED25519, VMTP_KNOWN_NEW, NULL, NULL},
    {"crlf.example", 0, ED25519, VMTP_KNOWN_SAME, "f:27", "ssh-ed25519"},
};

static unsigned char *decode(const char *base64, size_t *len)
{
    unsigned char *bytes = NULL;
    return vmtp_ssh_base64(base64, strlen(base64), &bytes, len) == VMTP_OK ? bytes : NULL;
}

static void test_table(const char *text)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(known_hosts) struct vmtp_known_hosts known;
        if (vmtp_known_hosts_init(&ctx, &known, cases[i].host, cases[i].port) < 0) {
            ok(!cases[i].algorithms, "%s is no name", cases[i].host);
            continue;
        }
        ok(vmtp_known_hosts_parse(&known, "f", text) == VMTP_OK, "%s is looked up", known.name);
        size_t len;
        VMTP_CLEAN(mem) unsigned char *blob = decode(cases[i].shown, &len);
        const struct vmtp_known_key *reason = NULL;
        is_int(vmtp_known_hosts_judge(&known, blob, len, &reason), cases[i].verdict, "the verdict");
        is(reason ? reason->place : NULL, cases[i].place, "by the line");
        VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(500);
        (void)vmtp_known_hosts_algorithms(&known, &list);
        is(vmtp_buf_text(&list), cases[i].algorithms, "asked for");
    }
}

static void test_authority(const char *text)
{
    VMTP_CLEAN(known_hosts) struct vmtp_known_hosts signed_ = {.name = strdup("a.signed.example")},
                                                    plain = {.name = strdup("plain.example")};
    (void)vmtp_known_hosts_parse(&signed_, "f", text);
    (void)vmtp_known_hosts_parse(&plain, "f", text);
    ok(vmtp_known_hosts_authority(&signed_), "an authority is seen");
    ok(!vmtp_known_hosts_authority(&plain), "only where it is responsible");
}

static void test_fingerprint(void)
{
    size_t len;
    VMTP_CLEAN(mem) unsigned char *blob = decode(ED25519, &len);
    char out[VMTP_FINGERPRINT];
    is(vmtp_ssh_fingerprint(blob, len, out), "SHA256:BX08gHB+OKdJ8Hbrzr3rPSVDDh8IyGjcWmbmmabU+sc",
       "the fingerprint is that of ssh-keygen");
}

static void test_remembering(void)
{
    char dir[] = "/tmp/vmtp-known-hosts.XXXXXX";
    if (!mkdtemp(dir))
        return;
    setenv("XDG_STATE_HOME", dir, 1);
    setenv("HOME", dir, 1);
    size_t len, other_len;
    VMTP_CLEAN(mem) unsigned char *blob = decode(ED25519, &len), *other = decode(OTHER, &other_len);
    for (int i = 0; i < 3; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(known_hosts) struct vmtp_known_hosts known;
        (void)vmtp_known_hosts_init(&ctx, &known, "new.example", 2022);
        int rc = vmtp_host_key_check(&ctx, "new", &known, i == 2 ? other : blob, len);
        is_int(rc, i == 2 ? VMTP_EFAIL : VMTP_OK, i == 2 ? "a second connection with another key is refused" : "taken");
        if (i == 2)
            contains(vmtp_ctx_error(&ctx, rc), "/vmtp/known_hosts:1 holds ssh-ed25519 SHA256:BX08gHB",
                     "with its place");
    }
    VMTP_CLEAN(mem) char *path = vmtp_known_hosts_own(), *text = NULL;
    struct stat st;
    is_int(stat(path, &st) == 0 ? st.st_mode & 07777 : 0, 0600, "only the owner reads VMTP's own file");
    if (vmtp_file_read(NULL, path, 10000, &text, &len) == VMTP_OK) {
        VMTP_CLEAN(mem) char *want = vmtp_format("[new.example]:2022 ssh-ed25519 %s\n", ED25519);
        is(text, want, "it has one line");
    }
    unlink(path);
    VMTP_CLEAN(mem) char *inner = vmtp_format("%s/vmtp", dir);
    rmdir(inner);
    rmdir(dir);
}

static void try_text(const char *text, size_t len)
{
    (void)len;
    VMTP_CLEAN(known_hosts) struct vmtp_known_hosts known = {.name = strdup("[two.example]:2022"),
                                                             .host = strdup("h1.example")};
    (void)vmtp_known_hosts_parse(&known, "f", text);
}

/* Nothing grows faster than the file: neither stars nor many lines. */
static void test_time(void)
{
    enum { STARS = 4000, LINES = 5000 };
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(16 << 20);
    for (int i = 0; i < STARS; i++)
        (void)vmtp_buf_text_add(&text, "*a");
    (void)vmtp_buf_printf(&text, "b ssh-ed25519 %s\n", ED25519);
    for (int i = 0; i < LINES; i++)
        (void)vmtp_buf_printf(&text, "many.example ssh-ed25519 %s\n", ED25519);
    char name[256];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    VMTP_CLEAN(known_hosts) struct vmtp_known_hosts stars = {.name = strdup(name)},
                                                    many = {.name = strdup("many.example")};
    double begin = vmtp_now();
    (void)vmtp_known_hosts_parse(&stars, "f", vmtp_buf_text(&text));
    (void)vmtp_known_hosts_parse(&many, "f", vmtp_buf_text(&text));
    VMTP_CLEAN(buf) struct vmtp_buf list = VMTP_BUF(500);
    (void)vmtp_known_hosts_algorithms(&many, &list);
    is_int((long long)many.n, LINES, "all lines are read");
    ok(vmtp_now() - begin < within(5), "a large file does not take long");
}

int main(void)
{
    size_t len;
    VMTP_CLEAN(mem) char *text = fixture("known_hosts", &len);
    test_table(text);
    test_authority(text);
    test_fingerprint();
    test_remembering();
    batter(strstr(text, "@revoked"), 400, try_text);
    test_time();
    return done_testing();
}
