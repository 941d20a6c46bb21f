/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keys.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "core/settings.h"
#include "core/units.h"

/* ---- what a text must look like ---- */

static bool is_ip(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool is_network(const char *text, int family, int64_t bits_max)
{
    unsigned char binary[sizeof(struct in6_addr)];
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/");
    int64_t bits;
    if (!text[len] || len >= sizeof address || !vmtp_parse_int(text + len + 1, &bits) || bits < 0 || bits > bits_max)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    return inet_pton(family, address, binary) == 1;
}

static bool is_network_v4(const char *text)
{
    return is_network(text, AF_INET, 32);
}

static bool is_network_v6(const char *text)
{
    return is_network(text, AF_INET6, 128);
}

static bool is_any_network(const char *text)
{
    return is_network_v4(text) || is_network_v6(text);
}

static bool is_group(const char *text)
{
    struct in_addr in;
    return inet_pton(AF_INET, text, &in) == 1 && (ntohl(in.s_addr) >> 28) == 0xE; /* 224.0.0.0/4 */
}

static bool is_server(const char *text)
{
    char host[VMTP_HOST_SIZE];
    uint16_t port;
    return vmtp_server_split(text, host, &port);
}

/* [ZONE:]HOST */
static bool is_hypervisor(const char *text)
{
    const char *colon = strrchr(text, ':');
    return colon != text && vmtp_host_is_valid(colon ? colon + 1 : text);
}

static bool is_image_url(const char *text)
{
    static const char *const schemes[] = {"file:///", "http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            return text[strlen(schemes[i])] != '\0';
    return false;
}

/* "sha256:HEX", or HEX of one of these lengths by itself */
static bool is_checksum(const char *text)
{
    static const struct {
        const char *name;
        size_t digits;
    } kinds[] = {{"md5", 32}, {"sha256", 64}, {"sha512", 128}};
    size_t name_len = strchr(text, ':') ? strcspn(text, ":") : 0;
    const char *hex = name_len ? text + name_len + 1 : text;
    for (size_t i = 0; hex[i]; i++)
        if (!isxdigit((unsigned char)hex[i]))
            return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strlen(hex) == kinds[i].digits &&
            (name_len == 0 || (strlen(kinds[i].name) == name_len && strncmp(text, kinds[i].name, name_len) == 0)))
            return true;
    return false;
}

/* ---- the table ---- */

static const char *const directions[] = {"forward", "reverse", "both", NULL}; /* enum vmtp_direction */
static const char *const udp_searches[] = {"classic", NULL};         /* enum vmtp_udp_search */
static const char *const host_keys[] = {"accept-new", "strict", "off", NULL}; /* enum vmtp_host_key */
static const char *const transports[] = {"auto", "libssh2", "openssh", NULL}; /* enum vmtp_ssh_transport */
static const char *const ports[] = {"auto", "fixed", NULL};          /* enum vmtp_ports */
static const char *const ipv6_modes[] = {"", "slaac", "dhcpv6-stateful", "dhcpv6-stateless", NULL};
static const char *const vnic_types[] = { /* enum vmtp_vnic_type */
    "", "normal", "direct", "macvtap", "direct-physical", "virtio-forwarder", "vdpa", "remote-managed", NULL};

/* The type of the member is checked where KEY names it: a mistake does not compile. */
typedef const char *text_member;
typedef struct vmtp_text_list texts_member;
typedef struct vmtp_int_list ints_member;
typedef struct vmtp_hostspec host_member;
typedef const struct vmtp_node *node_member;
#define MEMBER(member, C)                                                                           \
    (offsetof(struct vmtp_settings, member) +                                                       \
     0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((struct vmtp_settings *)0)->member), C) ? 1 : -1]))
#define KEY(n, T, C, member, ...) {.name = n, .type = VMTP_KEY_##T, .offset = MEMBER(member, C), ##__VA_ARGS__}

#define TEXT(n, member, ...)    KEY(n, TEXT, text_member, member, ##__VA_ARGS__)
#define PATH(n, member, ...)    KEY(n, PATH, text_member, member, ##__VA_ARGS__)
#define FILE_(n, member, ...)   KEY(n, FILE, text_member, member, ##__VA_ARGS__)
#define INT(n, member, lo, hi)  KEY(n, INT, int64_t, member, .min = lo, .max = hi)
#define BOOL(n, member, ...)    KEY(n, BOOL, bool, member, ##__VA_ARGS__)
#define SECONDS(n, member, lo, hi, ...) KEY(n, SECONDS, double, member, .min = lo, .max = hi, ##__VA_ARGS__)
#define CHOICE(n, member, list, ...) KEY(n, CHOICE, int, member, .choices = list, ##__VA_ARGS__)
#define TEXTS(n, member, lo, hi, ...) KEY(n, TEXTS, texts_member, member, .min = lo, .max = hi, ##__VA_ARGS__)
#define INTS(n, member, lo, hi) KEY(n, INTS, ints_member, member, .min = lo, .max = hi)
#define ALIAS(n, of, ...)       {.name = n, .type = VMTP_KEY_ALIAS, .target = of, ##__VA_ARGS__}
#define CHECK(fn, words)        .check = fn, .expected = words
#define CLOUD_CLI               .flags = VMTP_KEY_CLOUD_CLI
#define LATER                   .flags = VMTP_KEY_LATER
#define CLOUD_LATER             .flags = VMTP_KEY_CLOUD | VMTP_KEY_LATER
#define CLI_LATER               .flags = VMTP_KEY_CLOUD_CLI | VMTP_KEY_LATER

static const struct vmtp_key keys[] = {
    /* what is run */
    KEY("hosts", HOSTS, struct vmtp_hostspec *, hosts),
    ALIAS("host", "hosts"),
    KEY("topology", SPECS, texts_member, topology),
    KEY("topologies", PLUGINS, node_member, topologies),
    KEY("tp_tool", SPEC, text_member, tp_tool, .fallback = "nuttcp"),
    KEY("tools", PLUGINS, node_member, tools),
    KEY("protocols", PROTOCOLS, unsigned, protocols),
    TEXT("multicast_addr", multicast_addr, CHECK(is_group, "an IPv4 multicast group, 224.0.0.0 to 239.255.255.255")),
    BOOL("multicast_route", multicast_route),
    BOOL("inter_node_only", inter_node_only),
    BOOL("stop_on_error", stop_on_error),
    BOOL("keep_first_flow_and_exit", keep_first_flow_and_exit),

    /* how it is measured */
    SECONDS("time", time, 1, 86400, .flags = VMTP_KEY_WHOLE),
    KEY("vm_bandwidth", RATE, uint64_t, bandwidth_bps),
    ALIAS("bandwidth", "vm_bandwidth"),
    INTS("tcp_pkt_sizes", tcp_pkt_sizes, 1, 64 << 20),
    ALIAS("tcpbuf", "tcp_pkt_sizes"),
    INTS("udp_pkt_sizes", udp_pkt_sizes, 1, 65507),
    ALIAS("udpbuf", "udp_pkt_sizes"),
    INTS("icmp_pkt_sizes", icmp_pkt_sizes, 28, 65535),
    INT("tcp_tp_loop_count", tcp_tp_loop_count, 1, 1000),
    INT("ping_count", ping_count, 1, 100000),
    SECONDS("ping_interval", ping_interval, 0, 60, .flags = VMTP_KEY_POSITIVE),
    SECONDS("sample_interval", sample_interval, 0, 3600),
    CHOICE("direction", direction, directions),
    INT("streams", streams, 1, 128),
    CHOICE("udp_search", udp_search, udp_searches),
    INT("udp_search_max_trials", udp_search_max_trials, 1, 1000),
    KEY("udp_loss_rate_range", PERCENTS, double, udp_loss_min),
    CHOICE("ports", ports, ports),
    BOOL("bring_tools", bring_tools),
    KEY("expect", EXPECT, struct vmtp_expect, expect),
    TEXT("monitor", monitor, CHECK(is_server, "of the form HOST[:PORT]")),

    /* hosts */
    FILE_("private_key_file", private_key_file),
    FILE_("public_key_file", public_key_file),
    PATH("key_passphrase_file", key_passphrase_file),
    BOOL("ask_password", ask_password),
    SECONDS("ssh_timeout", ssh_timeout, 1, 86400, .fallback = "100"),
    CHOICE("ssh_transport", ssh_transport, transports),
    CHOICE("ssh_host_key", ssh_host_key, host_keys),
    {.name = "ssh_retry_count", .type = VMTP_KEY_RETRIES, .min = 1, .max = 43200, .target = "ssh_timeout"},

    /* results */
    KEY("sink", SPECS, texts_member, sink),
    KEY("sinks", PLUGINS, node_member, sinks),
    PATH("json", json),
    TEXT("test_description", test_description),
    PATH("log_file", logfile),
    ALIAS("logfile", "log_file"),
    BOOL("debug", debug),
    BOOL("quiet", quiet),
    BOOL("no_journal", no_journal),
    TEXT("plugin_path", plugin_path),
    TEXT("mongod_server", mongod_server, CHECK(is_server, "of the form HOST[:PORT]")),
    INT("vmtp_mongod_port", vmtp_mongod_port, 1, 65535),
    TEXT("vmtp_db", vmtp_db),
    TEXT("vmtp_collection", vmtp_collection),
    {.name = "fluentd", .type = VMTP_KEY_GROUP},
    TEXT("fluentd.logging_tag", fluentd.logging_tag),
    TEXT("fluentd.ip", fluentd.ip, CHECK(vmtp_host_is_valid, "an address or a host name")),
    INT("fluentd.port", fluentd.port, 1, 65535),

    /* OpenStack: credentials */
    PATH("rc", rc, CLOUD_CLI),
    TEXT("os_cloud", os_cloud, CLOUD_CLI),
    TEXT("password", password, .flags = VMTP_KEY_CLOUD_CLI | VMTP_KEY_SECRET),
    ALIAS("passwd", "password"),
    PATH("os_password_file", os_password_file, CLOUD_CLI),
    BOOL("no_env", no_env),

    /* OpenStack: VMs */
    TEXT("image_name", image_name),
    TEXT("ssh_vm_username", ssh_vm_username),
    TEXT("vm_image_url", vm_image_url, CHECK(is_image_url, "a URL that begins with file:///, http:// or https://"),
         CLOUD_CLI),
    TEXT("vm_image_checksum", vm_image_checksum, CHECK(is_checksum, "of the form sha256:HEX, sha512:HEX or md5:HEX")),
    BOOL("delete_image_after_run", delete_image_after_run, CLOUD_CLI),
    TEXT("flavor_type", flavor_type, .fallback = "vmtp"),
    {.name = "flavor", .type = VMTP_KEY_GROUP},
    INT("flavor.vcpus", flavor.vcpus, 1, 1024),
    INT("flavor.ram", flavor.ram, 1, 1 << 26),
    INT("flavor.disk", flavor.disk, 0, 1 << 20),
    INT("flavor.ephemeral", flavor.ephemeral, 0, 1 << 20),
    KEY("flavor.extra_specs", SCALARS, node_member, flavor.extra_specs),
    TEXT("availability_zone", availability_zone, CLOUD_CLI),
    ALIAS("availability_name", "availability_zone", .flags = VMTP_KEY_OLD_NAME),
    TEXTS("hypervisor", hypervisor, 0, 0, CHECK(is_hypervisor, "of the form [ZONE:]HOST"), CLOUD_CLI),
    ALIAS("hypervisors", "hypervisor"),
    TEXT("vm_name_server", vm_name_server),
    TEXT("vm_name_client", vm_name_client),
    TEXT("public_key_name", public_key_name),
    PATH("user_data_file", user_data_file),
    BOOL("config_drive", config_drive, CLOUD_CLI),
    ALIAS("use_config_drive", "config_drive"),
    SECONDS("vm_boot_timeout", vm_boot_timeout, 1, 86400, .fallback = "100"),
    {.name = "generic_retry_count", .type = VMTP_KEY_RETRIES, .min = 1, .max = 43200, .target = "vm_boot_timeout"},

    /* OpenStack: networks */
    TEXT("router_name", router_name),
    TEXT("ext_net_name", ext_net_name),
    TEXT("reuse_network_name", reuse_network_name, CLOUD_LATER),
    BOOL("same_network_only", same_network_only, CLOUD_CLI),
    BOOL("serial_vms", serial_vms, CLOUD_CLI),
    TEXTS("internal_network_name", internal_network_name, 1, 2),
    TEXTS("internal_subnet_name", internal_subnet_name, 1, 2),
    TEXTS("internal_subnet_name_v6", internal_subnet_name_v6, 1, 2),
    TEXTS("internal_cidr", internal_cidr, 1, 2, CHECK(is_network_v4, "an IPv4 network such as 192.168.1.0/24")),
    TEXTS("internal_cidr_v6", internal_cidr_v6, 1, 2, CHECK(is_network_v6, "an IPv6 network such as 2001:db8::/64")),
    TEXTS("dns_nameservers", dns_nameservers, 0, 16, CHECK(is_ip, "an IP address")),
    CHOICE("ipv6_mode", ipv6_mode, ipv6_modes, CLOUD_LATER),
    TEXT("security_group_name", security_group_name),
    TEXT("ssh_source", ssh_source, CHECK(is_any_network, "a network such as 192.0.2.0/24")),
    CHOICE("vnic_type", vnic_type, vnic_types, CLOUD_LATER),
    BOOL("no_dhcp", no_dhcp, CLOUD_LATER),
    BOOL("no_floatingip", no_floatingip, CLOUD_LATER),
    {.name = "floating_ip", .type = VMTP_KEY_INVERSE, .target = "no_floatingip", .flags = VMTP_KEY_OLD_NAME},

    /* OpenStack: other hosts */
    KEY("external_host", HOST, host_member, external_host, CLOUD_LATER),
    ALIAS("ext_host", "external_host"),
    KEY("controller_node", HOST, host_member, controller_node, CLOUD_LATER),
    TEXT("os_dataplane_network", os_dataplane_network, CLI_LATER),

    /* of the old program, and what people look for */
    {.name = "ping_pass_threshold", .type = VMTP_KEY_DEAD},
    {.name = "reuse_existing_vm", .type = VMTP_KEY_REFUSED,
     .target = "machines that run already are measured with 'hosts' (--host)"},
    {.name = "boot_from_volume", .type = VMTP_KEY_REFUSED,
     .target = "set 'flavor_type' to the name or id of a flavor with a disk"},
    {.name = "vm_server_internal_ip", .type = VMTP_KEY_DEAD},
    {.name = "vm_server_external_ip", .type = VMTP_KEY_DEAD},
    {.name = "vm_client_internal_ip", .type = VMTP_KEY_DEAD},
    {.name = "vm_client_external_ip", .type = VMTP_KEY_DEAD},
};

const struct vmtp_key *vmtp_key_at(size_t i)
{
    return i < sizeof keys / sizeof keys[0] ? &keys[i] : NULL;
}

const struct vmtp_key *vmtp_key_find(const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

bool vmtp_key_is_old(const struct vmtp_key *key)
{
    return key->type >= VMTP_KEY_ALIAS;
}
