/* SPDX-License-Identifier: Apache-2.0 */
/* What the program ssh says when it cannot log in, and control sockets that answer as none should. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/ssh-config.h"
#include "core/ssh-hostkey.h"
#include "core/ssh-master.h"
#include "core/ssh-mux.h"
#include "core/util/cleanup.h"
#include "core/util/clock.h"
#include "core/util/str.h"
#include "tests/tap.h"

/* Words of OpenSSH 8.4 to 9.9. */
static const struct {
    const char *said;
    int status;
    const char *words;
} cases[] = {
    {"ssh: connect to host 192.0.2.1 port 22: Connection refused\r\n", VMTP_EUNREACH, "Connection refused"},
    {"ssh: connect to host 192.0.2.1 port 22: Connection timed out\r\n", VMTP_EUNREACH, "timed out"},
    {"ssh: connect to host 192.0.2.1 port 22: No route to host\r\n", VMTP_EUNREACH, "No route"},
    {"ssh: connect to host 192.0.2.1 port 22: Network is unreachable\r\n", VMTP_EUNREACH, "unreachable"},
    {"Connection timed out during banner exchange\r\nConnection to 192.0.2.1 port 22 timed out\r\n", VMTP_EUNREACH,
     "timed out"},
    {"kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 192.0.2.1 port 22\r\n",
     VMTP_EUNREACH, "onnection closed"},
    {"kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 192.0.2.1 port 22\r\n",
     VMTP_EUNREACH, "onnection reset"},
    {"ssh: Could not resolve hostname nowhere.invalid: Name or service not known\r\n", VMTP_EFAIL, "Could not resolve"},
    {"Unable to negotiate with 192.0.2.1 port 22: no matching host key type found. Their offer: ssh-rsa\r\n",
     VMTP_EFAIL, "no matching host key type found. Their offer: ssh-rsa"},
    {"Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures\r\nDisconnected from "
     "192.0.2.1 port 22\r\n", VMTP_EFAIL, "Too many authentication failures"},
    {"root@192.0.2.1: Permission denied (publickey,password).\r\n", VMTP_EFAIL,
     "does not let us in; refused: /k. The server takes publickey,password."},
    {"No ED25519 host key is known for h and you have requested strict checking.\r\nHost key verification failed.\r\n",
     VMTP_EFAIL, "not accepted: No ED25519 host key is known"},
    {"Permission denied (", VMTP_EFAIL, "does not let us in"},
    {"Offending  in \nREMOTE HOST IDENTIFICATION HAS CHANGED!", VMTP_EFAIL, "has changed"},
    {"Bad configuration option: nonsense\n\x1b[31m\n", VMTP_EFAIL, "cannot log in: ?[31m"},
    {"", VMTP_EFAIL, "it said nothing"},
};

static void test_failures(void)
{
    const struct vmtp_login login = {.struct_size = sizeof login, .user = "root", .host = "h", .key_file = "/k"};
    struct vmtp_ssh_master master = {.login = &login, .name = "root@h", .known = {.name = "h"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        int rc = vmtp_ssh_master_failure(&ctx, &master, cases[i].said);
        is_int(rc, cases[i].status, "the status");
        contains(vmtp_ctx_error(&ctx, rc), cases[i].words, "the words");
    }
}

static void test_other_type(void)
{
    static const char none[] = "Unable to negotiate with h port 22: no matching host key type found. Their offer: ";
    static const struct {
        const char *offer;
        bool changed;
    } offers[] = {
        {"rsa-sha2-512,rsa-sha2-256\r\n", true},
        {"ssh-ed25519,rsa-sha2-512\r\n", false},
        {"rsa-sha2-512\r\nkex_exchange_identification: Connection closed\r\n", false}, /* a jump host's */
    };
    const struct vmtp_login login = {.struct_size = sizeof login, .user = "root", .host = "h"};
    struct vmtp_ssh_master master = {.login = &login, .name = "root@h", .known = {.name = "h"}};
    is_int(vmtp_known_hosts_parse(&master.known, "/known", "h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIORBE98NBPz+E+tz"
                                  "3vYkUucyuJWRiCfUN8xStxr+rTDd\n"),
           VMTP_OK, "a key that is known");
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        VMTP_CLEAN(mem) char *said = vmtp_format("%s%s", none, offers[i].offer);
        vmtp_ctx_init(&ctx, NULL);
        const char *words = vmtp_ctx_error(&ctx, vmtp_ssh_master_failure(&ctx, &master, said));
        ok((strstr(words, "has changed") != NULL) == offers[i].changed, "%s a changed key",
           offers[i].changed ? "it is" : "it is not");
    }
    free(master.known.keys[0].blob);
    free(master.known.keys[0].place);
    free(master.known.keys);
}

/* ---- ssh_config ---- */

static void test_config(void)
{
    static const char *const matter[] = {
        "Host a\n\tHostName b\n", "proxyjump=x", "  PROXYCOMMAND \"nc %h\"\r\n", "Include ~/.ssh/more\n",
        "# a\n\n \nInclude other", "Port 2222", "IdentityFile ~/.ssh/work",
    };
    static const char *const idle[] = {
        "", "\n", "#   ProxyCommand ssh -q\n", "Include /etc/ssh/ssh_config.d/*.conf\n", "ProxyJumper x\n", "HostName",
        "Host HostName\n User x\n", "HostNames a b\n",
    };
    static const struct {
        const char *text, *reason;
    } said[] = {
        {"user root\nhostname h\nport 22\nproxyusefdpass no\n", NULL},
        {"hostname H\r\n", NULL},
        {"hostname other\n", "other name"},
        {"hostname other\nproxyjump gate\n", "jump host"},
        {"hostname h\nproxycommand nc gate 22\n", "proxy"},
        {"hostname h\nproxycommand none\nproxyjump NONE\n", NULL},
        {"port 2222\n", "port"},
        {"identityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ed25519_sk\n", NULL},
        {"identityfile ~/.ssh/id_rsa2\n", "key"},
        {"identityfile ~/.ssh/work\nport 22\nhostname other\n", "other name"},
        {"", NULL},
    };
    struct vmtp_login login = {.struct_size = sizeof login, .user = "root", .host = "h"};
    for (size_t i = 0; i < sizeof matter / sizeof matter[0]; i++)
        ok(vmtp_ssh_config_matters(matter[i]), "it matters: case %zu", i);
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++)
        ok(!vmtp_ssh_config_matters(idle[i]), "it does not: case %zu", i);
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        const char *reason = vmtp_ssh_config_reason(said[i].text, &login);
        if (said[i].reason && reason)
            contains(reason, said[i].reason, "what ssh is used for");
        else
            ok(!said[i].reason && !reason, "libssh2 will do: case %zu", i);
    }
    login.port = 22;
    login.key_file = "/k";
    ok(!vmtp_ssh_config_reason("port 2222\nidentityfile /other\n", &login), "a port and a key that are given");
}

/* ---- a control socket that answers whatever a test wants ---- */

struct fake {
    int listener;
    const char *answer;
    size_t len;
};

static void *fake_run(void *arg)
{
    struct fake *fake = arg;
    char chunk[4096];
    int fd = accept(fake->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    (void)!write(fd, fake->answer, fake->len);
    shutdown(fd, SHUT_WR);
    while (read(fd, chunk, sizeof chunk) > 0)
        ;
    close(fd);
    return NULL;
}

#define HELLO "\0\0\0\x08\0\0\0\x01\0\0\0\x04"

static const struct {
    const char *what, *answer;
    size_t len;
    int status;
} answers[] = {
    {"nothing", "", 0, VMTP_EUNREACH},
    {"half a packet", "\0\0\0\x08\0\0", 6, VMTP_EUNREACH},
    {"a packet of 4 GB", "\xff\xff\xff\xff\0\0\0\x01", 8, VMTP_EUNREACH},
    {"another version", "\0\0\0\x08\0\0\0\x01\0\0\0\x05", 12, VMTP_ENOTSUP},
    {"an empty packet", "\0\0\0\0", 4, VMTP_ENOTSUP},
    {"a hello and no more", HELLO, 12, VMTP_EUNREACH},
    {"a refusal", HELLO "\0\0\0\x0e\x80\0\0\x03\0\0\0\x01\0\0\0\x02no", 30, VMTP_EREMOTE},
    {"a refusal whose words are cut", HELLO "\0\0\0\x0c\x80\0\0\x03\0\0\0\x01\0\xff\0\0", 28, VMTP_EREMOTE},
    {"a session", HELLO "\0\0\0\x0c\x80\0\0\x06\0\0\0\x01\0\0\0\0", 28, VMTP_OK},
    {"a session and its end",
     HELLO "\0\0\0\x0c\x80\0\0\x06\0\0\0\x01\0\0\0\0\0\0\0\x0c\x80\0\0\x04\0\0\0\0\0\0\0\x07", 44, VMTP_OK},
};

static void test_answer(size_t i, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    struct fake fake = {
        .listener = socket(AF_UNIX, SOCK_STREAM, 0), .answer = answers[i].answer, .len = answers[i].len};
    pthread_t thread;
    if (bind(fake.listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(fake.listener, 1) < 0 ||
        pthread_create(&thread, NULL, fake_run, &fake) != 0) {
        ok(false, "a fake socket");
        return;
    }
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    ctx.deadline = vmtp_now() + 5;
    struct vmtp_mux mux;
    is_int(vmtp_mux_open(&ctx, path, "true", &mux), answers[i].status, answers[i].what);
    if (answers[i].status == VMTP_OK) {
        for (int n = 0; n < 100 && mux.control >= 0; n++) {
            vmtp_mux_read(&mux);
            usleep(10000);
        }
        is_int(mux.control, -1, "its end is seen");
        is_int(mux.exited ? mux.exit_status : -1, answers[i].len > 30 ? 7 : -1, "and its status, if it had any");
    }
    vmtp_mux_close(&mux);
    pthread_join(thread, NULL);
    close(fake.listener);
    unlink(path);
}

int main(void)
{
    char dir[] = "/tmp/vmtp-mux.XXXXXX";
    test_failures();
    test_other_type();
    test_config();
    if (!mkdtemp(dir))
        return 99;
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/s", dir);
    ok(!vmtp_mux_alive(path), "nobody answers on a socket that is not there");
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        test_answer(i, path);
    rmdir(dir);
    return done_testing();
}
