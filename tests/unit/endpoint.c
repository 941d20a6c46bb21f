/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/listener.h"
#include "tests/tap.h"

static void test_pairs(void)
{
    struct vmtp_pairs pairs = {0};
    is(vmtp_pairs_get(&pairs, "fixed"), NULL, "nothing is in an empty list");
    vmtp_pairs_set(&pairs, "fixed", "192.0.2.1");
    vmtp_pairs_set(&pairs, "floating", "198.51.100.1");
    vmtp_pairs_set(&pairs, "fixed", "192.0.2.2");
    is(vmtp_pairs_get(&pairs, "fixed"), "192.0.2.2", "the last one counts");
    is(vmtp_pairs_get(&pairs, "floating"), "198.51.100.1", "the others stay");
    is_int((long long)pairs.n, 2, "a name stands there once");
    vmtp_pairs_clear(&pairs);
    is_int((long long)pairs.n, 0, "cleared");
}

static void test_facts(void)
{
    struct vmtp_pairs facts = {0};
    vmtp_facts_parse(&facts, "kernel=6.1.0-18-amd64\narch=x86_64\nhostname=h\033[2J1\nPRETTY_NAME=\"Debian 12\"\n"
                             "ID=debian\nID_LIKE=x\nVERSION_ID=\"12\"\nBUG_ID=5\n");
    is(vmtp_pairs_get(&facts, "kernel"), "6.1.0-18-amd64", "kernel");
    is(vmtp_pairs_get(&facts, "arch"), "x86_64", "architecture");
    is(vmtp_pairs_get(&facts, "hostname"), "h?[2J1", "a hostile host name is made harmless");
    is(vmtp_pairs_get(&facts, "distro_id"), "debian", "ID as it stands there");
    is(vmtp_pairs_get(&facts, "distro_version"), "12", "quotes are not part of a value");
    vmtp_pairs_clear(&facts);

    vmtp_facts_parse(&facts, "kernel=\nID='al\"pine'\nVERSION_ID=\"3\\\"1");
    is(vmtp_pairs_get(&facts, "kernel"), NULL, "an empty answer is none");
    is(vmtp_pairs_get(&facts, "distro_id"), "al\"pine", "single quotes");
    is(vmtp_pairs_get(&facts, "distro_version"), "3\"1", "an escape, and a quote that is not closed");
    vmtp_pairs_clear(&facts);

    char *endless = malloc(200001);
    memset(endless, 'x', 200000);
    memcpy(endless, "ID=", 3);
    endless[200000] = '\0';
    vmtp_facts_parse(&facts, endless);
    const char *id = vmtp_pairs_get(&facts, "distro_id");
    ok(id && strlen(id) < 200, "an endless value is cut");
    free(endless);
    vmtp_pairs_clear(&facts);
}

static void test_login(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_endpoint *ep = vmtp_endpoint_new("vm-a");
    is(vmtp_endpoint_id(ep), "vm-a", "an endpoint keeps its id");
    char host[] = "192.0.2.7", user[] = "root";
    struct vmtp_login login = {.struct_size = sizeof login, .host = host, .user = user, .port = 2222};
    is_int(vmtp_endpoint_login(&ctx, ep, &login), VMTP_OK, "a login is taken");
    host[0] = user[0] = '\0';
    is(ep->login.host, "192.0.2.7", "its text is copied");
    is(ep->login.transport, "ssh", "ssh is the default");
    is_int(ep->login.port, 2222, "numbers too");

    struct vmtp_login old = {.transport = "local", .dialogue = "/not/read"};
    old.struct_size = offsetof(struct vmtp_login, netns);
    is_int(vmtp_endpoint_login(&ctx, ep, &old), VMTP_OK, "a login of an older plugin is taken");
    is(ep->login.dialogue, NULL, "members that it did not know are not read");

    vmtp_fail(&ctx, VMTP_EUNREACH, "no route");
    vmtp_endpoint_failed(&ctx, ep, VMTP_EUNREACH);
    ok(!vmtp_endpoint_usable(ep), "a failed endpoint is not usable");
    is(vmtp_ctx_error(&ctx, VMTP_OK), "no error", "its words have left the ctx");
    vmtp_endpoint_failed(&ctx, ep, VMTP_EFAIL);
    is(ep->error, "no route", "the first cause stays");
    vmtp_endpoint_free(ep);
    vmtp_endpoint_free(NULL);
}

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
static const char tcp[] =
    HEAD "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5881 1 0 100 0\n"
         "   1: 0100007F:138B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 777001 1 0 100 0\n"
         "   2: 0100007F:138C 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000  1000        0 777002 1 0 20 4\n"
         "   3: 0100007F:D2F0 0100007F:138A 06 00000000:00000000 03:000008AA 00000000     0        0 0 3 0\n"
    HEAD "   0: 00000000000000000000000000000000:138A 00000000000000000000000000000000:0000 0A 00000000:00000000 "
         "00:00000000 00000000    33        0 999 1 0 100 0 0 10 0\n";
static const char udp[] =
    HEAD "  120: 00000000:1389 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4242 2 0 0\n"
         "  121: 0100007F:138E 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 4243 2 0 0\n";

static void test_unanswered(void)
{
    static const char ipv4[] =
        "   7: 020200C0:BA3C 010200C0:138A 02 00000001:00000000 01:00000064 00000003     0        0 4711 2 f0 800 0\n";
    static const char mapped[] =
        "   7: 0000000000000000FFFF0000020200C0:BA3C 0000000000000000FFFF0000010200C0:138A 02 00000001:00000000 01:\n";
    static const char ipv6[] =
        "   7: B80D0120000000000000000002000000:BA3C B80D0120000000000000000001000000:138A 02 00000001:00000000 01:\n";
    static const char big[] =
        "   7: C0000202:BA3C C0000201:138A 02 00000001:00000000 01:\n"
        "   8: 20010DB8000000000000000000000002:BA3C 20010DB8000000000000000000000001:138B 02 00000001:00000000 01:\n";
    ok(vmtp_unanswered_parse(ipv4, "192.0.2.1", 5002), "a connection in the making is found");
    ok(!vmtp_unanswered_parse(ipv4, "192.0.2.1", 47676), "by the port of the other side");
    ok(!vmtp_unanswered_parse(ipv4, "192.0.2.3", 5002), "one to another host is somebody else's");
    ok(!vmtp_unanswered_parse(ipv4, "192.0.2.2", 5002), "its own address is not the other side's");
    ok(vmtp_unanswered_parse(ipv4, "::ffff:192.0.2.1", 5002), "a target that is written as IPv6");
    ok(vmtp_unanswered_parse(mapped, "192.0.2.1", 5002), "IPv4 over a socket of IPv6");
    ok(!vmtp_unanswered_parse(mapped, "192.0.2.3", 5002), "... to another host");
    ok(vmtp_unanswered_parse(ipv6, "2001:db8::1", 5002), "IPv6");
    ok(vmtp_unanswered_parse(ipv6, "2001:db8::1%eth0", 5002), "... with a zone");
    ok(!vmtp_unanswered_parse(ipv6, "2001:db8::3", 5002), "... to another host");
    ok(!vmtp_unanswered_parse(ipv6, "0.0.0.1", 5002), "... whose end looks like IPv4");
    ok(vmtp_unanswered_parse(big, "192.0.2.1", 5002) && vmtp_unanswered_parse(big, "2001:db8::1", 5003),
       "a host with the bytes the other way round");
    ok(!vmtp_unanswered_parse(ipv4, "server", 5002) && !vmtp_unanswered_parse(ipv4, "", 5002) &&
       !vmtp_unanswered_parse(ipv4, "192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1", 5002),
       "nothing is said of a name");
    ok(!vmtp_unanswered_parse(tcp, "0.0.0.0", 22) && !vmtp_unanswered_parse("", "192.0.2.1", 1), "a server is none");
}

static void test_listeners(void)
{
    struct vmtp_listener found;
    vmtp_listener_parse(tcp, VMTP_TCP, 22, &found);
    ok(found.found && found.inode == 5881 && found.uid == 0, "a TCP socket that listens");
    vmtp_listener_parse(tcp, VMTP_TCP, 5003, &found);
    ok(found.found && found.inode == 777001 && found.uid == 1000, "another one, of a user");
    vmtp_listener_parse(tcp, VMTP_TCP, 5002, &found);
    ok(found.found && found.inode == 999, "one that listens on IPv6");
    vmtp_listener_parse(tcp, VMTP_TCP, 5004, &found);
    ok(!found.found, "a connection is no listener");
    vmtp_listener_parse(tcp, VMTP_TCP, 54000, &found);
    ok(!found.found, "a remote port is no listener");
    vmtp_listener_parse(udp, VMTP_UDP, 5001, &found);
    ok(found.found && found.inode == 4242, "a bound UDP socket");
    vmtp_listener_parse(udp, VMTP_UDP, 5006, &found);
    ok(!found.found, "a connected UDP socket is a client");
    vmtp_listener_parse("", VMTP_UDP, 5001, &found);
    ok(!found.found, "nothing in nothing");
    vmtp_listener_parse("0: :::: 0A\n\n 1: 00000000:13890 0 0A 0 0 0 0 0 0\n\xff\xff", VMTP_TCP, 5001, &found);
    ok(!found.found, "nothing in garbage");

    char text[VMTP_LISTENER_TEXT];
    found = (struct vmtp_listener){.found = true, .uid = 33};
    is(vmtp_listener_text(&found, text), "a process of user id 33", "a holder that cannot be named");
    found.pid = 4711;
    memcpy(found.program, "iperf", 6);
    is(vmtp_listener_text(&found, text), "iperf (process 4711)", "a holder that can");
}

int main(void)
{
    test_pairs();
    test_facts();
    test_login();
    test_unanswered();
    test_listeners();
    return done_testing();
}
