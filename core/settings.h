/* SPDX-License-Identifier: Apache-2.0 */
/* What a run was asked, checked and in base units: default file < ~/.vmtp.yaml < -c FILE < command line. */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/config.h"
#include "core/expect.h"
#include "core/hostspec.h"

struct vmtp_text_list {
    const char **items;
    size_t n;
};
struct vmtp_int_list {
    int64_t *items;
    size_t n;
};

enum vmtp_protocols { VMTP_ASK_TCP = 1, VMTP_ASK_UDP = 2, VMTP_ASK_ICMP = 4, VMTP_ASK_MULTICAST = 8 };
enum vmtp_direction { VMTP_DIRECTION_FORWARD, VMTP_DIRECTION_REVERSE, VMTP_DIRECTION_BOTH };
enum vmtp_udp_search { VMTP_UDP_SEARCH_CLASSIC };
enum vmtp_ports { VMTP_PORTS_AUTO, VMTP_PORTS_FIXED };
enum vmtp_ipv6_mode { VMTP_IPV6_OFF, VMTP_IPV6_SLAAC, VMTP_IPV6_DHCPV6_STATEFUL, VMTP_IPV6_DHCPV6_STATELESS };
enum vmtp_vnic_type {
    VMTP_VNIC_DEFAULT, VMTP_VNIC_NORMAL, VMTP_VNIC_DIRECT, VMTP_VNIC_MACVTAP,
    VMTP_VNIC_DIRECT_PHYSICAL, VMTP_VNIC_VIRTIO_FORWARDER, VMTP_VNIC_VDPA, VMTP_VNIC_REMOTE_MANAGED,
};

/* Members that a later feature reads are still parsed and checked. Text points into `tree`. The member of a key has the
 * key's name; a member in other units says so. An empty text is NULL; a list that is empty has n == 0. */
struct vmtp_settings {
    struct vmtp_node *tree; /* merged, the old names of keys replaced by the new ones; owns the text below */

    /* what is run */
    struct vmtp_text_list topology, sink; /* specs */
    const char *tp_tool;                  /* spec, the name in lower case: "nuttcp", "iperf:path=/opt/iperf" */
    const char *plugin_path;
    const struct vmtp_node *tools, *sinks, *topologies; /* per plugin name: its options, from the files; or NULL */
    struct vmtp_hostspec *hosts;
    size_t n_hosts;
    unsigned protocols; /* enum vmtp_protocols */
    bool inter_node_only, same_network_only, serial_vms, stop_on_error, keep_first_flow_and_exit;

    /* how it is measured */
    double time; /* s */
    double time_asked; /* s, as the user has it; less than time when the monitor needs more */
    struct vmtp_int_list tcp_pkt_sizes, udp_pkt_sizes, icmp_pkt_sizes; /* bytes */
    int64_t tcp_tp_loop_count, ping_count;
    double ping_interval;              /* s */
    double sample_interval;            /* s; 0: no intervals */
    double udp_loss_min, udp_loss_max; /* udp_loss_rate_range, ratio */
    int udp_search;                    /* enum vmtp_udp_search */
    int direction;                     /* enum vmtp_direction, of throughput */
    int64_t streams;                   /* parallel, of throughput */
    int64_t udp_search_max_trials;
    uint64_t bandwidth_bps; /* --bandwidth, vm_bandwidth; 0: none */
    const char *multicast_addr; /* group; set when protocols has multicast */
    bool multicast_route;       /* hosts get a route for it while the run lasts */

    struct vmtp_expect expect; /* what the run has to come to */

    /* hosts */
    const char *private_key_file, *public_key_file; /* files that are there */
    double ssh_timeout;                             /* s to reach a host */
    const char *key_passphrase_file;
    char *key_passphrase; /* what is in it; vmtp_secrets_find() looks */
    bool ask_password;
    int ssh_transport;                              /* enum vmtp_ssh_transport */
    int ssh_host_key;                               /* enum vmtp_host_key */
    bool bring_tools;
    int ports;                                      /* enum vmtp_ports */
    bool ports_fixed;                               /* ports: fixed */

    /* output */
    const char *json, *logfile, *test_description;
    bool debug, quiet;
    bool no_journal;

    /* stores of results; sinks.c hands them to their plugins */
    const char *mongod_server, *vmtp_db, *vmtp_collection;
    int64_t vmtp_mongod_port;
    struct {
        const char *logging_tag, *ip;
        int64_t port;
    } fluentd;
    const char *monitor; /* HOST[:PORT] of a gmond */

    /* cloud */
    const char *rc, *os_cloud, *password, *os_password_file;
    bool no_env;
    const char *image_name, *ssh_vm_username, *vm_image_url, *vm_image_checksum;
    bool delete_image_after_run;
    const char *flavor_type;
    struct {
        int64_t vcpus, ram, disk, ephemeral; /* MB, GB, GB */
        const struct vmtp_node *extra_specs; /* map of scalars; or NULL */
    } flavor;
    const char *availability_zone;
    struct vmtp_text_list hypervisor; /* [ZONE:]HOST */
    const char *router_name, *ext_net_name, *reuse_network_name, *os_dataplane_network;
    const char *security_group_name, *ssh_source;
    struct vmtp_text_list internal_network_name, internal_subnet_name, internal_subnet_name_v6;
    struct vmtp_text_list internal_cidr, internal_cidr_v6, dns_nameservers;
    int ipv6_mode; /* enum vmtp_ipv6_mode */
    int vnic_type; /* enum vmtp_vnic_type */
    bool no_dhcp, no_floatingip, config_drive;
    const char *user_data_file, *public_key_name, *vm_name_server, *vm_name_client;
    double vm_boot_timeout;                             /* s */
    struct vmtp_hostspec external_host, controller_node; /* host is NULL: not given */

    /* An option or key that asks for what a run between given hosts cannot do, as the user wrote it: "--vnic-type" or
     * "vmtp.cfg:3:1: vnic_type"; NULL: none. later_option: one that no topology of this version can serve; then
     * cloud_option is set too. */
    char *cloud_option, *later_option;
};

/* Reads and checks what the user has set (consumed, also on failure), laid over the default file. Unknown keys:
 * VMTP_ECONFIG with the nearest name; dead ones: a warning. settings is to be cleared also on failure. */
int vmtp_settings_read(vmtp_ctx *ctx, struct vmtp_node *tree, struct vmtp_settings *settings);
void vmtp_settings_clear(struct vmtp_settings *settings);

/* The text of cfg/default.yaml as compiled in. */
extern const char vmtp_default_yaml[];

/* All layers: the default file, ~/.vmtp.yaml, config_file (may be NULL), the command line (consumed). */
int vmtp_settings_load(vmtp_ctx *ctx, const char *config_file, struct vmtp_node *command_line,
                       struct vmtp_settings *settings);

/* The merged configuration as YAML. What is or may hide a secret is replaced: passwords, the options of plugins. */
void vmtp_settings_print(const struct vmtp_settings *settings, FILE *out);

/* Whether a value of the merged tree is that of the default file. */
bool vmtp_settings_is_default(const struct vmtp_node *node);

/* Whether a layer (a map of keys) holds a secret, as far as the names of its keys tell. */
bool vmtp_settings_hold_secret(const struct vmtp_node *layer);

static inline void vmtp_clean_settings(struct vmtp_settings *settings)
{
    vmtp_settings_clear(settings);
}
#endif
