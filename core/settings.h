/* SPDX-License-Identifier: Apache-2.0 */
/* What a run was asked, checked and in base units: default file < ~/.vmtp.yaml < -c FILE < command line. */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
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
enum vmtp_udp_search { VMTP_UDP_SEARCH_CLASSIC };

/* Members that a later feature reads are still parsed and checked. Text points into `tree`. The member of a key has the
 * key's name; a member in other units says so. NULL or "" is: not given. */
struct vmtp_settings {
    struct vmtp_node *tree; /* merged; owns the text below */

    /* what is run */
    struct vmtp_text_list topology, sink; /* specs */
    const char *tp_tool;                  /* spec: "nuttcp", "iperf:path=/opt/iperf" */
    const char *plugin_path;
    const struct vmtp_node *tools, *sinks, *topologies; /* per plugin name: its options, from the files */
    struct vmtp_hostspec *hosts;
    size_t n_hosts;
    unsigned protocols; /* enum vmtp_protocols */
    bool inter_node_only, same_network_only, stop_on_error, keep_first_flow_and_exit;

    /* how it is measured */
    double time; /* s */
    struct vmtp_int_list tcp_pkt_sizes, udp_pkt_sizes, icmp_pkt_sizes; /* bytes */
    int64_t tcp_tp_loop_count, ping_count;
    double ping_interval, sample_interval; /* s */
    double udp_loss_min, udp_loss_max;     /* ratio */
    enum vmtp_udp_search udp_search;
    int64_t udp_search_max_trials;
    uint64_t bandwidth_bps; /* --bandwidth, vm_bandwidth; 0: none */
    const char *multicast_addr;

    /* hosts */
    const char *private_key_file, *public_key_file;
    double ssh_timeout; /* s to reach a host */
    bool ports_fixed;   /* ports: fixed */

    /* output */
    const char *json, *logfile, *test_description;
    bool debug, quiet;
    bool no_journal;

    /* cloud: parsed and checked, refused as long as no topology serves them */
    const char *cloud_option; /* the first option or key of a cloud feature that was asked for, as the user wrote it;
                                 NULL: none */
};

/* Reads and checks the merged tree (consumed, also on failure). Unknown keys: VMTP_ECONFIG with the nearest name; dead
 * ones: a warning. */
int vmtp_settings_read(vmtp_ctx *ctx, struct vmtp_node *tree, struct vmtp_settings *settings);
void vmtp_settings_clear(struct vmtp_settings *settings);

/* The text of cfg/default.yaml as compiled in. */
extern const char vmtp_default_yaml[];

/* The three layers below the command line, merged with it. command_line is consumed; config_file may be NULL. */
int vmtp_settings_load(vmtp_ctx *ctx, const char *config_file, struct vmtp_node *command_line,
                       struct vmtp_settings *settings);

static inline void vmtp_clean_settings(struct vmtp_settings *settings)
{
    vmtp_settings_clear(settings);
}
#endif
