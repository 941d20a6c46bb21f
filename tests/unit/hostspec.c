/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hostspec.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/util/cleanup.h"
#include "tests/tap.h"

static void test_good(void)
{
    static const struct {
        const char *text, *user, *host, *password, *interface, *key_file;
        int port;
    } cases[] = {
        {"root@10.0.0.1", "root", "10.0.0.1", NULL, NULL, NULL, 0},
        {"root@10.0.0.1:", "root", "10.0.0.1", NULL, NULL, NULL, 0},
        {"root@10.0.0.1:secret", "root", "10.0.0.1", "secret", NULL, NULL, 0},
        {"u@10.0.0.1::eth5", "u", "10.0.0.1", NULL, "eth5", NULL, 0},
        {"u@10.0.0.1:pw:", "u", "10.0.0.1", "pw", NULL, NULL, 0},
        {"u@10.0.0.1:pw:bond0.100", "u", "10.0.0.1", "pw", "bond0.100", NULL, 0},
        {"u@10.0.0.1:p:w:eth0", "u", "10.0.0.1", "p:w", "eth0", NULL, 0},
        {"u@10.0.0.1:p@ss?word", "u", "10.0.0.1", "p@ss?word", NULL, NULL, 0},
        {"u@10.0.0.1:pw?port=2222", "u", "10.0.0.1", "pw", NULL, NULL, 2222},
        {"u@host.example.org", "u", "host.example.org", NULL, NULL, NULL, 0},
        {"u@node_1", "u", "node_1", NULL, NULL, NULL, 0},
        {"u@[2001:db8::1]", "u", "2001:db8::1", NULL, NULL, NULL, 0},
        {"u@[2001:db8::1]:pw:eth0", "u", "2001:db8::1", "pw", "eth0", NULL, 0},
        {"u@[fe80::1%eth0]?port=22&key=/k/id_ed25519", "u", "fe80::1%eth0", NULL, NULL, "/k/id_ed25519", 22},
        {"u@h::eth5?key=/a?b", "u", "h", NULL, "eth5", "/a?b", 0},
        {"u@h?key=~/.ssh/k", "u", "h", NULL, NULL, "/home/me/.ssh/k", 0},
    };
    setenv("HOME", "/home/me", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(node) struct vmtp_node *node = vmtp_node_scalar("--host", cases[i].text);
        VMTP_CLEAN(hostspec) struct vmtp_hostspec spec;
        int rc = vmtp_hostspec_parse(&ctx, node, true, &spec);
        if (!ok(rc == VMTP_OK, "%s", cases[i].text)) {
            printf("# %s\n", vmtp_ctx_error(&ctx, rc));
            continue;
        }
        is(spec.user, cases[i].user, "user");
        is(spec.host, cases[i].host, "host");
        is(spec.password, cases[i].password, "password");
        is(spec.interface, cases[i].interface, "interface");
        is(spec.key_file, cases[i].key_file, "key file");
        is_int(spec.port, cases[i].port, "port");
    }
}

static void test_bad(void)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "--host: '' is not of the form user@host[:password[:interface]]"},
        {"10.0.0.1:SECRET", "--host: '10.0.0.1' is not of the form user@host[:password[:interface]]"},
        {"u@", "--host: '' is not an IPv4 address"},
        {"@10.0.0.1:SECRET", "--host: the user name is empty or not one"},
        {"-oProxyCommand=x@h", "--host: the user name is empty or not one"},
        {"a b@h", "--host: the user name is empty or not one"},
        {"u:SECRET@10.0.0.1",
         "--host: the user name has a ':' in it; a password stands behind the host, user@host:password"},
        {"u@10.0.0.256:SECRET:eth0", "--host: '10.0.0.256' is not an IPv4 address"},
        {"u@10.0.0:SECRET", "--host: '10.0.0' is not an IPv4 address"},
        {"u@-h:SECRET", "--host: '-h' is neither an address nor a host name"},
        {"u@h..x", "--host: 'h..x' is neither an address nor a host name"},
        {"u@h;reboot", "--host: 'h;reboot' is neither an address nor a host name"},
        {"u@2001:db8::1", "--host: an IPv6 address stands in brackets: user@[2001:db8::1]"},
        {"u@[2001:db8::1", "--host: ']' is missing behind the IPv6 address"},
        {"u@[10.0.0.1]", "--host: '10.0.0.1' is not an IPv6 address"},
        {"u@[::1%]", "--host: '::1%' is not an IPv6 address"},
        {"u@[::1]SECRET", "--host: only ':' or '?' can follow ']'"},
        {"u@h:SECRET:eth0/x", "--host: what follows the last ':' is not the name of an interface"},
        {"u@h:pw:SECRET0123456789", "--host: what follows the last ':' is not the name of an interface"},
        {"u@h?port=0", "--host: the port is not a number from 1 to 65535"},
        {"u@h?prot=22", "--host: unknown key 'prot' behind '?': did you mean 'port'?"},
        {"u@h?hush=SECRET", "--host: unknown key 'hush' behind '?'; port, key, password_file and password_env can "
                            "stand there"},
        {"u@h?port=ssh", "--host: the port is not a number from 1 to 65535"},
        {"u@h?key=", "--host: the key file is empty"},
        {"u@h?port=22&user=x", "--host: only port=NUMBER, key=FILE, password_file=FILE and password_env=NAME can "
                               "follow '?', joined by '&'"},
        {"u@h?password_file=", "--host: the path of the password file is empty"},
        {"u@h?password_env=SECRET", "--host: password_env: not the name of a variable that begins with "
                                    "VMTP_HOST_PASSWORD, as in VMTP_HOST_PASSWORD_A"},
        {"u@h?password_env=VMTP_HOST_PASSWORD-SECRET", "--host: password_env: not the name of a variable that begins "
                                                       "with VMTP_HOST_PASSWORD, as in VMTP_HOST_PASSWORD_A"},
        {"u@h:SECRET?password_file=/x", "--host: one host takes one of password, password_file and password_env, not "
                                        "two"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(node) struct vmtp_node *node = vmtp_node_scalar("--host", cases[i].text);
        VMTP_CLEAN(hostspec) struct vmtp_hostspec spec;
        int rc = vmtp_hostspec_parse(&ctx, node, true, &spec);
        is_int(rc, VMTP_ECONFIG, cases[i].text);
        is(vmtp_ctx_error(&ctx, rc), cases[i].error, "its words");
        ok(!strstr(vmtp_ctx_error(&ctx, rc), "SECRET"), "which keep the password to themselves");
    }
}

static int parse_yaml(struct vmtp_ctx *ctx, const char *yaml, bool with_interface, struct vmtp_hostspec *spec)
{
    VMTP_CLEAN(node) struct vmtp_node *root = NULL;
    *spec = (struct vmtp_hostspec){0};
    int rc = vmtp_config_parse(ctx, yaml, strlen(yaml), "f", &root);
    return rc < 0 ? rc : vmtp_hostspec_parse(ctx, vmtp_node_get(root, "h"), with_interface, spec);
}

static void test_map(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(hostspec) struct vmtp_hostspec spec;
    int rc = parse_yaml(&ctx,
                        "h: {user: u, host: '2001:db8::1', port: 2222, password: 'a:b?port=1', interface: eth1}\n",
                        true, &spec);
    is(vmtp_ctx_error(&ctx, rc), "no error", "a map");
    is(spec.host, "2001:db8::1", "needs no brackets");
    is(spec.password, "a:b?port=1", "and takes any password");
    is_int(spec.port, 2222, "a port");
    is(spec.interface, "eth1", "an interface");

    VMTP_CLEAN(hostspec) struct vmtp_hostspec other_places;
    rc = parse_yaml(&ctx, "h: 'u@h::eth1?port=23&password_file=~/pw'\n", true, &other_places);
    is(vmtp_ctx_error(&ctx, rc), "no error", "a password in a file");
    is(other_places.password_file, "/home/me/pw", "its path");
    ok(!other_places.password, "is not a password");
    vmtp_hostspec_clear(&other_places);
    rc = parse_yaml(&ctx, "h: {user: u, host: h, password_env: VMTP_HOST_PASSWORD_A}\n", true, &other_places);
    is(other_places.password_env, "VMTP_HOST_PASSWORD_A", "a password in the environment");

    static const struct {
        const char *yaml, *error;
    } bad[] = {
        {"h: {user: u, host: h, password: SECRET, password_file: /x}\n",
         "f:1:4: one host takes one of password, password_file and password_env, not two"},
        {"h: {user: u, hots: x}\n", "f:1:14: unknown key 'hots' of a host: did you mean 'host'?"},
        {"h: {user: u}\n", "f:1:4: a host needs 'user' and 'host'"},
        {"h: {user: u, host: h, password: [SECRET]}\n", "f:1:33: 'password' of a host must be a text, not a list"},
        {"h:\n", "f:1:3: nothing where a host is expected"},
        {"h: [a, b]\n", "f:1:4: a list where a host is expected"},
        {"h: {user: u, host: h, interface: eth0}\n", "f:1:34: an interface cannot be chosen for this host"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        VMTP_CLEAN(hostspec) struct vmtp_hostspec other;
        vmtp_ctx_forget(&ctx);
        rc = parse_yaml(&ctx, bad[i].yaml, false, &other);
        is(vmtp_ctx_error(&ctx, rc), bad[i].error, "an error in a map has its place");
    }
}

static void test_without_interface(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(node) struct vmtp_node *node = vmtp_node_scalar("--external-host", "u@10.0.0.1:p:w");
    VMTP_CLEAN(hostspec) struct vmtp_hostspec spec;
    is_int(vmtp_hostspec_parse(&ctx, node, false, &spec), VMTP_OK, "without an interface in the grammar");
    is(spec.password, "p:w", "the password may have a colon");
    ok(!spec.interface, "and there is no interface");
}

int main(void)
{
    test_good();
    test_bad();
    test_map();
    test_without_interface();
    return done_testing();
}
