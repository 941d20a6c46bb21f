/* SPDX-License-Identifier: Apache-2.0 */
#include "core/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/keys.h"
#include "core/log.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"
#include "tests/tap.h"

static char *directory; /* $HOME of this test */

static char *write_file(const char *name, const char *text)
{
    char *path = vmtp_format("%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    if (file) {
        fputs(text, file);
        fclose(file);
    }
    return path;
}

/* Loads a file with this content (NULL: none) and these options, "key=value" (NULL-ended; NULL: none). */
static int load(struct vmtp_ctx *ctx, const char *yaml, const char *const options[], struct vmtp_settings *settings)
{
    VMTP_CLEAN(mem) char *path = yaml ? write_file("t.cfg", yaml) : NULL;
    struct vmtp_node *tree = vmtp_node_new(VMTP_NODE_MAP, "command line");
    for (size_t i = 0; options && options[i]; i++) {
        size_t len = strcspn(options[i], "=");
        VMTP_CLEAN(mem) char *key = strndup(options[i], len);
        VMTP_CLEAN(mem) char *source = vmtp_format("--%s", key);
        (void)vmtp_node_set(tree, key, vmtp_node_scalar(source, options[i] + len + 1));
    }
    int rc = vmtp_settings_load(ctx, path, tree, settings);
    if (path)
        unlink(path);
    return rc;
}

static const char *printed(const struct vmtp_settings *settings, char **text)
{
    size_t len;
    FILE *out = open_memstream(text, &len);
    vmtp_settings_print(settings, out);
    fclose(out);
    return *text;
}

static void test_defaults(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(settings) struct vmtp_settings s;
    int rc = load(&ctx, NULL, NULL, &s);
    is(vmtp_ctx_error(&ctx, rc), "no error", "the default alone");
    is_number(s.time, 10, "10 s");
    is(s.tp_tool, "nuttcp", "nuttcp");
    is_int(s.protocols, VMTP_ASK_TCP | VMTP_ASK_UDP | VMTP_ASK_ICMP, "TUI");
    ok(s.tcp_pkt_sizes.n == 1 && s.tcp_pkt_sizes.items[0] == 65536, "one TCP size");
    ok(s.udp_pkt_sizes.n == 3 && s.udp_pkt_sizes.items[2] == 8192, "three UDP sizes");
    ok(s.icmp_pkt_sizes.n == 3 && s.icmp_pkt_sizes.items[1] == 391, "three ping sizes");
    is_int(s.tcp_tp_loop_count, 3, "three TCP measurements");
    is_int(s.ping_count, 10, "ten pings");
    is_number(s.ping_interval, 0.2, "0.2 s apart");
    is_number(s.udp_loss_min, 0.02, "loss of 2 %");
    is_number(s.udp_loss_max, 0.05, "to 5 %");
    is_number(s.ssh_timeout, 100, "100 s to reach a host");
    is_number(s.vm_boot_timeout, 100, "and for a VM");
    is_int((long long)s.bandwidth_bps, 0, "no cap");
    is_int(s.flavor.ram, 2048, "a member of a map");
    is_int(s.vmtp_mongod_port, 27017, "the port of MongoDB");
    ok(s.n_hosts == 0 && !s.hosts, "no host");
    ok(!s.multicast_addr && !s.json && !s.private_key_file && !s.rc && !s.external_host.host, "nothing else is asked");
    ok(!s.ports_fixed && !s.debug && !s.inter_node_only && !s.no_floatingip, "no flag is set");
    ok(!s.cloud_option && !s.later_option, "the default asks for no cloud");
    ok(s.dns_nameservers.n == 1 && s.internal_cidr.n == 2, "lists of a cloud");
}

static void test_values(void)
{
    static const char yaml[] = "# all kinds of values\n"
                               "time: 2m\n"
                               "vm_bandwidth: 128\n"
                               "tcp_pkt_sizes: 1000, 2000\n"
                               "udp_pkt_sizes: [64]\n"
                               "udp_loss_rate_range: [0, 0.5%]\n"
                               "protocols: mt\n"
                               "tp_tool: IPERF:path=/opt/IPERF\n"
                               "hosts: ['root@10.0.0.1::eth5', {user: u, host: h, port: 2222, password: 'a:b'}]\n"
                               "ports: fixed\n"
                               "json: ~/r.json\n"
                               "private_key_file: /dev/null/nowhere\n"
                               "sink: [Table, 'json:file=x,y']\n"
                               "tools: {nuttcp: {port: 5}, iperf: }\n"
                               "flavor: {ram: 4096, extra_specs: {'hw:mem_page_size': 2048}}\n"
                               "test_description: ''\n"
                               "ping_count: ~\n"
                               "dns_nameservers: []\n"
                               "ssh_retry_count: 7\n";
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(settings) struct vmtp_settings s;
    int rc = load(&ctx, yaml, NULL, &s);
    if (!is(vmtp_ctx_error(&ctx, rc), "no error", "a file with all kinds of values"))
        return;
    is_number(s.time, 120, "seconds with a unit");
    is_int((long long)s.bandwidth_bps, 128000, "a plain bandwidth is kbit/s");
    ok(s.tcp_pkt_sizes.n == 2 && s.tcp_pkt_sizes.items[1] == 2000, "a text with commas is a list");
    is_number(s.udp_loss_max, 0.005, "percent with its sign");
    is_int(s.protocols, VMTP_ASK_TCP | VMTP_ASK_MULTICAST, "protocols in any order and case");
    is(s.multicast_addr, "231.1.1.1", "M without a group has the usual one");
    is(s.tp_tool, "iperf:path=/opt/IPERF", "the tool's name in any case, its options as they are");
    if (ok(s.n_hosts == 2, "two hosts")) {
        is(s.hosts[0].interface, "eth5", "one as text");
        is(s.hosts[1].password, "a:b", "one as map");
    }
    ok(s.ports_fixed, "fixed ports");
    VMTP_CLEAN(mem) char *json = vmtp_format("%s/r.json", directory);
    is(s.json, json, "~ is expanded");
    ok(!s.private_key_file, "a key file that is not there is left out");
    ok(s.sink.n == 2 && strcmp(s.sink.items[0], "table") == 0 && strcmp(s.sink.items[1], "json:file=x,y") == 0,
       "specs are not cut at commas");
    ok(vmtp_node_get(s.tools, "nuttcp.port"), "options of a plugin");
    is_int(s.flavor.ram, 4096, "a member of a map");
    is_int(s.flavor.vcpus, 1, "the other members stay");
    ok(vmtp_node_get(s.flavor.extra_specs, "hw:mem_page_size"), "keys of the user's own");
    ok(!s.test_description, "an empty text is no text");
    is_int(s.ping_count, 10, "null brings the default back");
    is_int((long long)s.dns_nameservers.n, 0, "an empty list is empty");
    is_number(s.ssh_timeout, 14, "7 retries are 14 s");
    ok(!s.cloud_option, "names of resources wait for a cloud run");
}

static void test_layers(void)
{
    static const char *const options[] = {"time=5", "vm_bandwidth=32M", NULL};
    VMTP_CLEAN(mem) char *home = write_file(".vmtp.yaml", "time: 3\nping_count: 4\nflavor: {disk: 7}\nssh_timeout: 60\n"
                                                          "tcpbuf: [1, 2, 3]\nfloating_ip: true\n");
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(settings) struct vmtp_settings s;
    int rc = load(&ctx, "time: 4\nflavor: {vcpus: 2}\nssh_retry_count: 3\ntcp_pkt_sizes: 9\nping_count: 6\n", options,
                  &s);
    is(vmtp_ctx_error(&ctx, rc), "no error", "three layers");
    is_number(s.time, 5, "the command line wins");
    is_int((long long)s.bandwidth_bps, 32000000, "a bandwidth with a unit");
    is_int(s.ping_count, 6, "-c wins over ~/.vmtp.yaml");
    ok(s.flavor.disk == 7 && s.flavor.vcpus == 2 && s.flavor.ram == 2048, "maps are merged from all layers");
    is_number(s.ssh_timeout, 60, "the new name wins over the old one");
    is_int((long long)s.tcp_pkt_sizes.n, 1, "an alias below gives way to the key above");
    ok(!s.no_floatingip && !s.cloud_option, "floating_ip: true is the default");
    unlink(home);

    VMTP_CLEAN(mem) char *empty = write_file(".vmtp.yaml", "");
    VMTP_CLEAN(settings) struct vmtp_settings e;
    is_int(load(&ctx, "# nothing\n", NULL, &e), VMTP_OK, "empty files are fine");
    unlink(empty);
    mkdir(empty, 0700);
    VMTP_CLEAN(settings) struct vmtp_settings d;
    is_int(load(&ctx, NULL, NULL, &d), VMTP_OK, "a directory ~/.vmtp.yaml is not a file");
    rmdir(empty);
}

/* A file and what is said of it, behind its name. */
#define LETTERS_64 "abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmnop"
#define LETTERS_256 LETTERS_64 LETTERS_64 LETTERS_64 LETTERS_64

static const struct {
    const char *yaml, *error;
} bad_files[] = {
    {"tme: 1\n", ":1:1: unknown key 'tme': did you mean 'time'?"},
    {"tcp-pkt-sizes: 1\n", ":1:1: unknown key 'tcp-pkt-sizes': did you mean 'tcp_pkt_sizes'?"},
    {"qqqqqqqqqqqq: 1\n", ":1:1: unknown key 'qqqqqqqqqqqq'; vmtp.yaml(5) and `vmtp -sc` show all"},
    {"flavor:\n  rma: 1\n", ":2:3: unknown key 'flavor.rma': did you mean 'flavor.ram'?"},
    {"flavor.ram: 1\n", ":1:1: unknown key 'flavor.ram': did you mean 'flavor'?"},
    {"flavor: 1\n", ":1:9: flavor: a text where a map is expected"},
    {"time: abc\n", ":1:7: time: 'abc' is not a time such as 10 or 200ms"},
    {"time: 0\n", ":1:7: time: '0' is out of range: 1 to 86400 s"},
    {"time: 1.5\n", ":1:7: time: '1.5' is not a whole number of seconds"},
    {"time: [1]\n", ":1:7: time: a list where one value is expected"},
    {"ping_interval: 0\n", ":1:16: ping_interval: '0' is not above 0"},
    {"ping_count: 0\n", ":1:13: ping_count: '0' is out of range: 1 to 100000"},
    {"debug: maybe\n", ":1:8: debug: 'maybe' is neither true nor false"},
    {"vm_bandwidth: 1.5\n",
     ":1:15: vm_bandwidth: '1.5' is not a rate: a number of kbit/s, or one with a unit such as 100M"},
    {"vm_bandwidth: -1\n",
     ":1:15: vm_bandwidth: '-1' is not a rate: a number of kbit/s, or one with a unit such as 100M"},
    {"vm_bandwidth: 9999999999999999999999M\n",
     ":1:15: vm_bandwidth: '9999999999999999999999M' is not a rate: a number of kbit/s, or one with a unit such as "
     "100M"},
    {"protocols: TX\n",
     ":1:12: protocols: 'TX' is not made of the letters T (TCP), U (UDP), I (ICMP), M (multicast)"},
    {"protocols: ''\n",
     ":1:12: protocols: '' is not made of the letters T (TCP), U (UDP), I (ICMP), M (multicast)"},
    {"multicast_addr: 10.0.0.1\n",
     ":1:17: multicast_addr: '10.0.0.1' is not an IPv4 multicast group, 224.0.0.0 to 239.255.255.255"},
    {"tcp_pkt_sizes: [1, x]\n", ":1:20: tcp_pkt_sizes: 'x' is not a whole number"},
    {"tcp_pkt_sizes: 1,,2\n", ":1:16: tcp_pkt_sizes: '' is not a whole number"},
    {"tcp_pkt_sizes: []\n", ":1:16: tcp_pkt_sizes: a list of 0, where 1 to 64 are expected"},
    {"tcp_pkt_sizes: {a: 1}\n", ":1:16: tcp_pkt_sizes: a map where a list is expected"},
    {"tcp_pkt_sizes: [[1]]\n", ":1:17: tcp_pkt_sizes: a list in a list of single values"},
    {"udp_pkt_sizes: 65508\n", ":1:16: udp_pkt_sizes: '65508' is out of range: 1 to 65507"},
    {"icmp_pkt_sizes: [27]\n", ":1:18: icmp_pkt_sizes: '27' is out of range: 28 to 65535"},
    {"udp_loss_rate_range: [5, 2]\n", ":1:22: udp_loss_rate_range: the minimum is above the maximum"},
    {"udp_loss_rate_range: [2]\n", ":1:22: udp_loss_rate_range: a list of 1, where 2 are expected"},
    {"udp_loss_rate_range: [2, 101]\n",
     ":1:26: udp_loss_rate_range: '101' is not a number of percent, 0 to 100"},
    {"direction: sideways\n", ":1:12: direction: 'sideways' is none of forward, reverse, both"},
    {"streams: 0\n", ":1:10: streams: '0' is out of range: 1 to 128"},
    {"udp_search: binary\n", ":1:13: udp_search: 'binary' is none of classic"},
    {"ports: some\n", ":1:8: ports: 'some' is none of auto, fixed"},
    {"hosts: [10.0.0.1]\n", ":1:9: '10.0.0.1' is not of the form user@host[:password[:interface]]"},
    {"hosts: [u@h, {user: u}]\n", ":1:14: a host needs 'user' and 'host'"},
    {"external_host: u@h@x:SECRET\n", ":1:16: 'h@x' is neither an address nor a host name"},
    {"tp_tool: a b\n", ":1:10: tp_tool: not of the form NAME[:option=value,...]"},
    {"sink: ['']\n", ":1:8: sink: not of the form NAME[:option=value,...]"},
    {"tools: [nuttcp]\n", ":1:8: tools: a list where a map is expected"},
    {"tools: {nuttcp: 1}\n",
     ":1:17: tools: nuttcp: a text where the options of this plugin, as 'name: value', are expected"},
    {"internal_cidr: [192.168.1.0]\n",
     ":1:17: internal_cidr: '192.168.1.0' is not an IPv4 network such as 192.168.1.0/24"},
    {"dns_nameservers: [dns]\n", ":1:19: dns_nameservers: 'dns' is not an IP address"},
    {"vm_image_url: ftp://x/y\n",
     ":1:15: vm_image_url: 'ftp://x/y' is not a URL that begins with file:///, http:// or https://"},
    {"vm_image_checksum: sha256:abc\n",
     ":1:20: vm_image_checksum: 'sha256:abc' is not of the form sha256:HEX, sha512:HEX or md5:HEX"},
    {"mongod_server: mongodb://u:SECRET@h\n", ":1:16: mongod_server: it is not of the form HOST[:PORT]"},
    {"monitor: 10.0.0.1:x\n", ":1:10: monitor: '10.0.0.1:x' is not of the form HOST[:PORT]"},
    {"ipv6_mode: dhcp\n", ":1:12: ipv6_mode: 'dhcp' is none of slaac, dhcpv6-stateful, dhcpv6-stateless"},
    {"vnic_type: x\n", ":1:12: vnic_type: 'x' is none of normal, direct, macvtap, direct-physical, "
                      "virtio-forwarder, vdpa, remote-managed"},
    {"ssh_retry_count: x\n", ":1:18: ssh_retry_count: 'x' is not a whole number"},
    {"floating_ip: maybe\n", ":1:14: floating_ip: neither true nor false"},
    {"floating_ip: true\nno_floatingip: true\n",
     ":1:1: 'floating_ip' is another name of 'no_floatingip', which is given too"},
    {"reuse_existing_vm: yes\n", ":1:1: 'reuse_existing_vm' is not supported: machines that run already are "
                                 "measured with 'hosts' (--host)"},
    {"boot_from_volume: true\n", ":1:1: 'boot_from_volume' is not supported: set 'flavor_type' to the name or id of a "
                                 "flavor with a disk"},
    {"fluentd: {prot: 1}\n", ":1:11: unknown key 'fluentd.prot': did you mean 'fluentd.port'?"},
    {"password: [SECRET]\n", ":1:11: password: a list where a text is expected"},
    {"flavor: {extra_specs: {" LETTERS_256 ": 1}}\n",
     ":1:282: flavor.extra_specs: abcdefghijklmnopabcdefghijklmnopabcdefgh...: a name of more than 255 bytes"},
};

static void test_errors(void)
{
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/t.cfg", directory);
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(settings) struct vmtp_settings s;
        VMTP_CLEAN(mem) char *error = vmtp_format("%s%s", path, bad_files[i].error);
        int rc = load(&ctx, bad_files[i].yaml, NULL, &s);
        is_int(rc, VMTP_ECONFIG, bad_files[i].error);
        is(vmtp_ctx_error(&ctx, rc), error, "its words");
    }
}

static void test_option_errors(void)
{
    static const struct {
        const char *option, *error;
    } cases[] = {
        {"time=abc", "--time: 'abc' is not a time such as 10 or 200ms"},
        {"tcpbuf=1,x", "--tcpbuf: 'x' is not a whole number"},
        {"vnic_type=x", "--vnic_type: 'x' is none of normal, direct, macvtap, direct-physical, "
                      "virtio-forwarder, vdpa, remote-managed"},
        {"hosts=h", "--hosts: 'h' is not of the form user@host[:password[:interface]]"},
        {"nonsense=1", "--nonsense: unknown key 'nonsense'; vmtp.yaml(5) and `vmtp -sc` show all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(settings) struct vmtp_settings s;
        const char *options[] = {cases[i].option, NULL};
        int rc = load(&ctx, NULL, options, &s);
        is_int(rc, VMTP_ECONFIG, cases[i].option);
        is(vmtp_ctx_error(&ctx, rc), cases[i].error, "names the option");
    }
}

/* What may not be ignored, and what may. */
static void test_refusals(void)
{
    static const struct {
        const char *yaml, *option, *cloud, *later;
    } cases[] = {
        {NULL, "rc=openrc", "--rc", NULL},
        {NULL, "password=x", "--password", NULL},
        {NULL, "availability_zone=nova", "--availability_zone", NULL},
        {NULL, "vm_image_url=file:///x", "--vm_image_url", NULL},
        {NULL, "os_dataplane_network=physnet2", "--os_dataplane_network", "--os_dataplane_network"},
        {NULL, "os_dataplane_network=physnet1", NULL, NULL},
        {NULL, "external_host=u@h", "--external_host", "--external_host"},
        {NULL, "hypervisor=h", "--hypervisor", NULL},
        {NULL, "no_dhcp=true", "--no_dhcp", "--no_dhcp"},
        {NULL, "no_dhcp=false", NULL, NULL},
        {NULL, "no_env=true", NULL, NULL},
        {NULL, "rc=", NULL, NULL},
        {NULL, "mongod_server=h", NULL, NULL},
        {NULL, "monitor=[::1]:8649", NULL, NULL},
        {"availability_zone: nova\nimage_name: x\nflavor: {ram: 1}\nrc: x\nhypervisor: h\n", NULL, NULL, NULL},
        {"ipv6_mode: slaac\n", NULL, ":1:1: ipv6_mode", ":1:1: ipv6_mode"},
        {"\nvnic_type: direct\n", NULL, ":2:1: vnic_type", ":2:1: vnic_type"},
        {"vnic_type: remote-managed\n", NULL, ":1:1: vnic_type", ":1:1: vnic_type"},
        {"boot_from_volume: no\n", NULL, NULL, NULL},
        {"floating_ip: false\n", NULL, ":1:1: no_floatingip", ":1:1: no_floatingip"},
        {"fluentd: {logging_tag: x}\n", NULL, NULL, NULL},
        {"reuse_existing_vm:\nfloating_ip: True\nping_pass_threshold: 80\nconfig_drive:\n", NULL, NULL, NULL},
    };
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/t.cfg", directory);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(settings) struct vmtp_settings s;
        const char *options[] = {cases[i].option, NULL};
        const char *front = cases[i].yaml ? path : "";
        VMTP_CLEAN(mem) char *cloud = cases[i].cloud ? vmtp_format("%s%s", front, cases[i].cloud) : NULL;
        VMTP_CLEAN(mem) char *later = cases[i].later ? vmtp_format("%s%s", front, cases[i].later) : NULL;
        int rc = load(&ctx, cases[i].yaml, options, &s);
        is(vmtp_ctx_error(&ctx, rc), "no error", cases[i].option ? cases[i].option : cases[i].yaml);
        is(s.cloud_option, cloud, "what needs a cloud");
        is(s.later_option, later, "what this version lacks");
    }
}

/* What is accepted with a warning, and says so once. */
static void test_warnings(void)
{
    static const struct {
        const char *yaml, *words;
    } cases[] = {
        {"ping_pass_threshold: 80\n",
         "t.cfg:1:1: 'ping_pass_threshold' has no effect, as it had none in earlier versions"},
        {"availability_name: nova\n", "t.cfg:1:1: 'availability_name' is the old name of 'availability_zone'"},
        {"floating_ip: false\n", "t.cfg:1:1: 'floating_ip' is the old name of 'no_floatingip', reversed"},
        {"private_key_file: /nonexistent\n", "t.cfg:1:19: private_key_file: '/nonexistent' is not a file: left out"},
        {"ping_pass_threshold:\nreuse_existing_vm:\nssh_retry_count: 3\n", NULL},
    };
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/log", directory);
    vmtp_log_set_level(VMTP_LOG_WARNING);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        VMTP_CLEAN(settings) struct vmtp_settings s;
        char log[1000] = "";
        (void)vmtp_log_open_file(&ctx, path);
        is_int(load(&ctx, cases[i].yaml, NULL, &s), VMTP_OK, cases[i].yaml);
        (void)vmtp_log_open_file(&ctx, NULL);
        VMTP_CLEAN(file) FILE *file = fopen(path, "r");
        size_t n = file ? fread(log, 1, sizeof log - 1, file) : 0;
        const char *line_end = strchr(log, '\n');
        if (cases[i].words)
            ok(strstr(log, cases[i].words) && line_end == log + n - 1, "one warning: %s", cases[i].words);
        else
            is(log, "", "without a warning");
    }
    unlink(path);
    vmtp_log_set_level(VMTP_LOG_ERROR);
}

static void test_print(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(settings) struct vmtp_settings s;
    int rc = load(&ctx,
                  "password: SECRET1\nhosts: ['u@h:SECRET2:eth0', {user: u, host: '::1', password: SECRET3}]\n"
                  "external_host: u@[::1]:SECRET4\n"
                  "sinks: {mongo: {uri: 'mongodb://u:SECRET5@h/db', api_token: SECRET5}}\n"
                  "sink: ['mongo:uri=mongodb://u:SECRET6@h', 'json:file=x.json', 'fluentd:token=SECRET6,tag=SECRET6']\n"
                  "vm_image_url: 'https://u:SECRET7@h/i'\ntopology: 'namespace:rate=1G'\n"
                  "test_description: \"a \\\"b\\\"\\n: c\"\ntime: 7\n",
                  NULL, &s);
    is(vmtp_ctx_error(&ctx, rc), "no error", "a configuration with secrets");
    VMTP_CLEAN(mem) char *text = NULL;
    printed(&s, &text);
    ok(!strstr(text, "SECRET"), "none of them is shown");
    contains(text, "u@h:<MASKED>", "the host is");
    contains(text, "json:file=x.json", "so is a specification without a secret");
    contains(text, "mongo:uri=mongodb://u:<MASKED>@h", "and the rest of one that has one");
    contains(text, "namespace:rate=1G", "and one that is a single word");
    VMTP_CLEAN(node) struct vmtp_node *again = NULL;
    rc = vmtp_config_parse(&ctx, text, strlen(text), "printed", &again);
    is(vmtp_ctx_error(&ctx, rc), "no error", "what is printed is YAML");
    const struct vmtp_node *description = vmtp_node_get(again, "test_description");
    is(description ? description->text : NULL, "a \"b\"\n: c", "with the values as they are");
    const struct vmtp_node *hosts = vmtp_node_get(again, "hosts");
    ok(hosts && hosts->n == 2 && hosts->items[1]->n == 3, "and maps in lists");
}

/* ---- the default file ---- */

/* A key at the beginning of a line, live ("key:") or commented out ("#key:"); its length, 0: none. */
static size_t key_at(const char *line, bool *commented)
{
    *commented = *line == '#';
    size_t len = strspn(line + *commented, "abcdefghijklmnopqrstuvwxyz_0123456789");
    return len && line[*commented + len] == ':' ? len : 0;
}

/* Loads one key of the default file alone. What it says must be what the default says; when it was commented out, it
 * must be good. */
static void test_one_key(const char *block, size_t len, bool commented, const char *usual)
{
    VMTP_CLEAN(mem) char *yaml = strndup(block + commented, len - commented);
    VMTP_CLEAN(mem) char *name = strndup(yaml, strcspn(yaml, ":"));
    VMTP_CLEAN(mem) char *text = NULL;
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(settings) struct vmtp_settings s;
    int rc = load(&ctx, yaml, NULL, &s);
    is(vmtp_ctx_error(&ctx, rc), "no error", name);
    const struct vmtp_key *key = vmtp_key_find(name);
    if (!ok(key && !vmtp_key_is_old(key), "is a key of today"))
        return;
    if (!commented)
        is(printed(&s, &text), usual, "says what is so without it");
    else if (key->fallback)
        is(vmtp_node_get(s.tree, name)->text, key->fallback, "says what is so without it");
}

static void test_default_file(void)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(settings) struct vmtp_settings s;
    VMTP_CLEAN(mem) char *usual = NULL;
    (void)load(&ctx, NULL, NULL, &s);
    printed(&s, &usual);
    unsigned blocks = 0;
    for (const char *line = vmtp_default_yaml, *next; *line; line = next) {
        bool commented;
        next = strchr(line, '\n') + 1;
        if (!key_at(line, &commented))
            continue;
        while (*next == ' ')
            next = strchr(next, '\n') + 1;
        test_one_key(line, (size_t)(next - line), commented, usual);
        blocks++;
    }
    ok(blocks > 60, "%u keys", blocks);

    VMTP_CLEAN(settings) struct vmtp_settings whole;
    VMTP_CLEAN(mem) char *text = NULL;
    is_int(load(&ctx, vmtp_default_yaml, NULL, &whole), VMTP_OK, "the whole file works for -c");
    is(printed(&whole, &text), usual, "and changes nothing");
}

/* Whether a line of the default file is about this key, live or commented out. */
static bool in_default_file(const char *name, unsigned indent)
{
    for (const char *line = vmtp_default_yaml; *line; line = strchr(line, '\n') + 1) {
        bool commented;
        size_t len = strspn(line, " ") == indent ? key_at(line + indent, &commented) : 0;
        if (len == strlen(name) && strncmp(line + indent + commented, name, len) == 0)
            return true;
    }
    return false;
}

static bool contains_word(const char *text, const char *word)
{
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        const char *end = at + strlen(word);
        if (!isalnum((unsigned char)at[-1]) && at[-1] != '_' && !isalnum((unsigned char)*end) && *end != '_')
            return true;
    }
    return false;
}

__attribute__((unused)) static void test_documented(void)
{
    VMTP_CLEAN(mem) char *page = NULL;
    VMTP_CLEAN(mem) char *path = vmtp_format("%s/docs/man/vmtp.yaml.5.pod", getenv("srcdir") ? getenv("srcdir") : ".");
    VMTP_CLEAN(file) FILE *file = fopen(path, "r");
    size_t room = 0;
    ok(file && getdelim(&page, &room, '\0', file) > 0, "vmtp.yaml(5) is there");
    const struct vmtp_key *key;
    for (size_t i = 0; page && (key = vmtp_key_at(i)); i++) {
        const char *dot = strchr(key->name, '.');
        if (!vmtp_key_is_old(key))
            ok(in_default_file(dot ? dot + 1 : key->name, dot ? 2 : 0), "%s is in the default file", key->name);
        VMTP_CLEAN(mem) char *item = vmtp_format("=item B<%s>", key->name);
        if (vmtp_key_is_old(key))
            ok(contains_word(page, key->name), "%s, an old key, is in vmtp.yaml(5)", key->name);
        else
            ok(strstr(page, item) != NULL, "%s has its item in vmtp.yaml(5)", key->name);
    }
}

int main(void)
{
    char template[] = "/tmp/vmtp-settings.XXXXXX";
    directory = mkdtemp(template);
    if (!directory)
        return 99;
    setenv("HOME", directory, 1);
    vmtp_log_set_level(VMTP_LOG_ERROR);
    test_defaults();
    test_values();
    test_layers();
    test_errors();
    test_option_errors();
    test_refusals();
    test_warnings();
    test_print();
    test_default_file();
    rmdir(directory);
    return done_testing();
}
