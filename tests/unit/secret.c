/* SPDX-License-Identifier: Apache-2.0 */
#include "core/secret.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "core/util/prompt.h"
#include "core/util/str.h"
#include "tests/tap.h"

static char directory[] = "/tmp/vmtp-secret.XXXXXX";

static char *write_file(const char *name, const char *text, size_t len, mode_t mode)
{
    char *path = vmtp_format("%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    if (file) {
        fwrite(text, 1, len, file);
        fclose(file);
    }
    chmod(path, mode);
    return path;
}

static void test_names(void)
{
    static const struct {
        const char *name;
        bool secret;
    } cases[] = {
        {"password", true}, {"passwd", true}, {"PWD", true}, {"tlsCertificateKeyFilePassword", true},
        {"api_key", true}, {"OS_TOKEN", true}, {"client-secret", true}, {"password_file", false},
        {"password_env", false}, {"key_file", false}, {"user", false}, {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        is_int(vmtp_secret_name(cases[i].name, strlen(cases[i].name)), cases[i].secret, cases[i].name);
}

static void test_files(void)
{
    char large[VMTP_SECRET_MAX + 2];
    memset(large, 'x', sizeof large);
    large[VMTP_SECRET_MAX] = '\n';
    const struct {
        const char *what, *text;
        size_t len;
        const char *secret, *error;
    } cases[] = {
        {"a line", "s3 cret\n", 8, "s3 cret", NULL},
        {"one without an end", "s3cret", 6, "s3cret", NULL},
        {"one of DOS", "s3cret\r\n", 8, "s3cret", NULL},
        {"the largest", large, VMTP_SECRET_MAX + 1, NULL, NULL},
        {"empty", "", 0, NULL, "it is empty, where one line with a secret is expected"},
        {"an empty line", "\n", 1, NULL, "it is empty, where one line with a secret is expected"},
        {"two lines", "SECRET\nSECRET\n", 14, NULL, "not one line of text"},
        {"a NUL", "SEC\0RET", 7, NULL, "not one line of text"},
        {"too large", large, VMTP_SECRET_MAX + 2, NULL, "more than 1024 bytes: not a file with one secret"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(mem) char *path = write_file("s", cases[i].text, cases[i].len, 0600);
        VMTP_CLEAN(secret) char *secret = NULL;
        VMTP_CLEAN(mem) char *error = cases[i].error ? vmtp_format("%s: %s", path, cases[i].error) : NULL;
        int rc = vmtp_secret_file(&ctx, path, &secret);
        is(vmtp_ctx_error(&ctx, rc), error ? error : "no error", cases[i].what);
        if (cases[i].secret)
            is(secret, cases[i].secret, "its secret");
        unlink(path);
    }
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(secret) char *secret = NULL;
    is(vmtp_ctx_error(&ctx, vmtp_secret_file(&ctx, "/dev/zero", &secret)), "/dev/zero: not a regular file",
       "what has no end is no secret");
    VMTP_CLEAN(mem) char *fifo = vmtp_format("%s/fifo", directory);
    (void)mkfifo(fifo, 0600);
    is_int(vmtp_secret_file(&ctx, fifo, &secret), VMTP_ECONFIG, "nobody waits for a pipe without a writer");
    unlink(fifo);
}

static char *variable_shown(const char *name)
{
    char text[65536];
    FILE *file = fopen("/proc/self/environ", "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[n] = '\0';
    for (char *p = text; p < text + n; p += strlen(p) + 1)
        if (strncmp(p, name, strlen(name)) == 0)
            return strdup(p);
    return NULL;
}

/* Runs itself again with variables, as only those that a program begins with are shown by the kernel. */
static void test_environment(char *self)
{
    if (!getenv("VMTP_HOST_PASSWORD")) {
        setenv("VMTP_HOST_PASSWORD", "s3cret", 1);
        setenv("VMTP_HOST_PASSWORD_B", "s3cret-b", 1);
        setenv("OS_TOKEN", "s3cret-token", 1);
        setenv("OS_USERNAME", "me", 1);
        fflush(stdout);
        execl(self, self, NULL);
    }
    VMTP_CLEAN(mem) char *before = variable_shown("VMTP_HOST_PASSWORD=");
    is(before, "VMTP_HOST_PASSWORD=s3cret", "a variable is seen from outside");
    vmtp_secrets_guard();
    VMTP_CLEAN(mem) char *after = variable_shown("VMTP_HOST_PASSWORD=");
    is(after, "VMTP_HOST_PASSWORD=", "and not any more when it is taken");
    ok(!getenv("VMTP_HOST_PASSWORD") && !getenv("OS_TOKEN"), "it is out of the environment");
    is(getenv("OS_USERNAME"), "me", "what is not secret stays");
    is(vmtp_secret_env("VMTP_HOST_PASSWORD"), "s3cret", "it is kept");
    is(vmtp_secret_env("VMTP_HOST_PASSWORD_B"), "s3cret-b", "each by its name");
    ok(!vmtp_secret_env("VMTP_KEY_PASSPHRASE"), "one that is not there is not");
    struct rlimit limit;
    getrlimit(RLIMIT_CORE, &limit);
    ok(limit.rlim_cur <= 1, "no core dump");
}

static int load(struct vmtp_ctx *ctx, const char *yaml, struct vmtp_settings *settings)
{
    VMTP_CLEAN(mem) char *path = write_file("c", yaml, strlen(yaml), 0600);
    int rc = vmtp_settings_load(ctx, path, vmtp_node_new(VMTP_NODE_MAP, ""), settings);
    unlink(path);
    return rc < 0 ? rc : vmtp_secrets_find(ctx, settings, false);
}

static const char pem[] = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";

/* After test_environment(): VMTP_HOST_PASSWORD is set. */
static void test_find(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(settings) struct vmtp_settings settings = {0};
    VMTP_CLEAN(mem) char *path = write_file("pw", "from-file\n", 10, 0600);
    VMTP_CLEAN(mem) char *key = write_file("key", pem, sizeof pem - 1, 0600);
    VMTP_CLEAN(mem) char *yaml = vmtp_format("hosts: ['u@a:own', 'u@b?password_file=%s',\n"
                                             "  {user: u, host: c, password_env: VMTP_HOST_PASSWORD_B}, u@d,\n"
                                             "  'u@e?key=%s', 'u@f::eth1']\n"
                                             "os_password_file: %s\nkey_passphrase_file: %s\n", path, key, path, path);
    int rc = load(&ctx, yaml, &settings);
    is(vmtp_ctx_error(&ctx, rc), "no error", "secrets are found");
    static const char *const passwords[] = {"own", "from-file", "s3cret-b", "s3cret", NULL, "s3cret"};
    for (size_t i = 0; i < 6 && i < settings.n_hosts; i++)
        is(settings.hosts[i].password, passwords[i], settings.hosts[i].host);
    is(settings.password, "from-file", "the OpenStack password");
    is(settings.key_passphrase, "from-file", "the passphrase");
    unlink(path);
    unlink(key);

    static const char *const bad[][2] = {
        {"hosts: ['u@b?key=/nonexistent']\n", "key file of u@b: /nonexistent: No such file or directory"},
        {"hosts: ['u@b?key=/nonexistent']\nssh_transport: openssh\n",
         "key file of u@b: /nonexistent: No such file or directory"},
        {"hosts: [{user: u, host: b, key_file: /dev/null}]\n",
         "key file of u@b: /dev/null is not a private key in OpenSSH or PEM format"},
        {"hosts: ['u@b?key=/dev/null']\nssh_transport: openssh\n", "no error"},
        {"hosts: ['u@b?password_file=/nonexistent']\n",
         "password_file of u@b: /nonexistent: No such file or directory"},
        {"hosts: ['u@b?password_env=VMTP_HOST_PASSWORD_C']\n",
         "password_env of u@b: there is no VMTP_HOST_PASSWORD_C in the environment"},
        {"key_passphrase_file: /dev/null\n", "key_passphrase_file: /dev/null: not a regular file"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        VMTP_CLEAN(settings) struct vmtp_settings other = {0};
        vmtp_ctx_forget(&ctx);
        rc = load(&ctx, bad[i][0], &other);
        is(vmtp_ctx_error(&ctx, rc), bad[i][1], bad[i][0]);
    }
}

static void test_layers(void)
{
    static const struct {
        const char *yaml;
        bool secret;
    } cases[] = {
        {"hosts: [u@h, 'u@h::eth1', 'u@h?key=/a:b', 'u@h?password_file=/x']\n", false},
        {"hosts: ['u@h:pw']\n", true},
        {"hosts: u@h:pw\n", true},
        {"hosts: [{user: u, host: h, password: pw}]\n", true},
        {"hosts: [{user: u, host: h, password: }]\n", false},
        {"hosts: [{user: u, host: h, password_file: /x}]\n", false},
        {"controller_node: u@h:pw\n", true},
        {"password: pw\n", true},
        {"password: ''\nos_password_file: /x\nkey_passphrase_file: /y\nask_password: yes\n", false},
        {"sink: ['mongo:server=mongodb://u:pw@h']\n", true},
        {"sink: ['mongo:server=h,password=x']\n", true},
        {"sinks: {mongo: {password: x}}\n", true},
        {"sinks: {mongo: {server: h}}\n", false},
        {"vm_image_url: http://u:pw@h/image\n", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vmtp_node *root = NULL;
        (void)vmtp_config_parse(NULL, cases[i].yaml, strlen(cases[i].yaml), "f", &root);
        ok(root && vmtp_settings_hold_secret(root) == cases[i].secret, "%s", cases[i].yaml);
        vmtp_node_free(root);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    test_environment(argv[0]);
    if (!mkdtemp(directory))
        return 1;
    setenv("HOME", directory, 1);
    test_names();
    test_files();
    test_find();
    test_layers();
    rmdir(directory);
    return done_testing();
}
