/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of interfaces, as printed by iproute2 6.1, busybox 1.35, net-tools 2.10 and 1.60. */
#include "plugins/topologies/native-host/parse.h"
#include "tests/tap.h"

static const char iproute2[] =
    "3: eth0    inet 192.0.2.7/24 scope global eth0\\       valid_lft forever preferred_lft forever\n"
    "3: eth0    inet6 2001:db8::8/64 scope global tentative \\       valid_lft forever preferred_lft forever\n"
    "3: eth0    inet6 2001:db8::9/64 scope global nodad deprecated \\       valid_lft forever preferred_lft 0sec\n"
    "3: eth0    inet6 2001:db8::7/64 scope global nodad \\       valid_lft forever preferred_lft forever\n"
    "3: eth0    inet6 fe80::30ac:faff:fe59:5fe7/64 scope link tentative \\       valid_lft forever\n";

static const char busybox_ip[] =
    "3: eth0    inet 192.0.2.7/24 scope global eth0\\       valid_lft forever preferred_lft forever\n"
    "3: eth0    inet6 2001:db8::9/64 scope global deprecated flags 02 \\       valid_lft forever preferred_lft 0sec\n"
    "3: eth0    inet6 2001:db8::7/64 scope global flags 02 \\       valid_lft forever preferred_lft forever\n"
    "3: eth0    inet6 fe80::30ac:faff:fe59:5fe7/64 scope link \\       valid_lft forever preferred_lft forever\n";

static const char busybox_ifconfig[] = "eth0      Link encap:Ethernet  HWaddr 32:AC:FA:59:5F:E7  \n"
                                       "          inet addr:192.0.2.7  Bcast:0.0.0.0  Mask:255.255.255.0\n"
                                       "          inet6 addr: fe80::30ac:faff:fe59:5fe7/64 Scope:Link\n"
                                       "          inet6 addr: 2001:db8::7/64 Scope:Global\n"
                                       "          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n"
                                       "          RX packets:1 errors:0 dropped:0 overruns:0 frame:0\n"
                                       "          RX bytes:90 (90.0 B)  TX bytes:150 (150.0 B)\n\n";

static const char net_tools[] = "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n"
                                "        inet 192.0.2.7  netmask 255.255.255.0  broadcast 192.0.2.255\n"
                                "        inet6 fe80::30ac:faff:fe59:5fe7  prefixlen 64  scopeid 0x20<link>\n"
                                "        inet6 2001:db8::7  prefixlen 64  scopeid 0x0<global>\n"
                                "        ether 32:ac:fa:59:5f:e7  txqueuelen 1000  (Ethernet)\n"
                                "        RX packets 1  bytes 90 (90.0 B)\n";

static const char *address_of(const char *text, bool ipv6)
{
    static char address[ADDRESS_TEXT];
    return parse_interface_address(text, ipv6, address) ? address : "none";
}

int main(void)
{
    static const struct {
        const char *name, *text;
    } formats[] = {{"ip of iproute2", iproute2},
                   {"ip of busybox", busybox_ip},
                   {"ifconfig of busybox and old net-tools", busybox_ifconfig},
                   {"ifconfig of net-tools", net_tools}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        is(address_of(formats[i].text, false), "192.0.2.7", formats[i].name);
        is(address_of(formats[i].text, true), "2001:db8::7", "an IPv6 address that can be dialled and lasts");
    }

    is(address_of("4: tun0    inet 10.8.0.6 peer 10.8.0.5/32 scope global tun0\\ valid_lft forever\n", false),
       "10.8.0.6", "the near end of a tunnel");
    is(address_of("2: eth1    inet6 2001:db8::2/64 scope global \\ valid_lft forever\n", false), "2001:db8::2",
       "the other family when there is no address of the wanted one");
    is(address_of("2: eth1    inet6 2001:db8::2/64 scope global temporary deprecated \\ valid\n", true), "2001:db8::2",
       "a fading address when there is no other");
    is(address_of("2: eth1    inet6 2001:db8::2/64 scope global dadfailed tentative \\ valid\n", true), "none",
       "an address that somebody else has is not used");
    is(address_of("2: eth1    inet6 fe80::1/64 scope link \\ valid\n", true), "none", "nor one of the local link");
    is(address_of("", false), "none", "an interface without an address");
    is(address_of("inet\ninet6 addr:\ninet 1.2.3\ninet 999.1.1.1/24\ninet6 zz::1\ninet inet inet\n", false), "none",
       "nonsense");
    is(address_of("x: inet 192.0.2.1111111111111111111111111111111111111111111111111111111111111111111111/24\n", false),
       "none", "a word that is too long");
    is(address_of("inet 192.0.2.3", false), "192.0.2.3", "no newline at the end");

    ok(parse_is_link_local("fe80::1%eth0") && parse_is_link_local("febf::1"), "addresses of the local link");
    ok(!parse_is_link_local("fec0::1") && !parse_is_link_local("192.0.2.1") && !parse_is_link_local("host"),
       "and others");
    return done_testing();
}
