/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cli.h"

#define ON(command) (1u << VMTP_CMD_##command)

enum {
    MEASURE = ON(RUN) | ON(PLAN) | ON(CONFIG_SHOW) | ON(CONFIG_CHECK),
    OUTPUT = MEASURE | ON(REPLAY),
    REMOVE = ON(CLEANUP),
    COMPARE = ON(COMPARE),
    ALL = OUTPUT | ON(PLUGIN_LIST) | ON(PLUGIN_SHOW) | ON(PLUGIN_CHECK) | ON(PLUGIN_NEW) | REMOVE |
          COMPARE,
};

#define OLD    VMTP_CLI_OLD
#define SECRET VMTP_CLI_SECRET
#define SPEC   VMTP_CLI_SPEC

/* ROW(group, type, "long-name", key, argument, flags, commands, help, more members) */
#define ROW(g, t, n, k, a, f, c, h, ...) \
    {.group = VMTP_CLI_##g, .type = VMTP_CLI_##t, .name = n, .key = k, .arg = a, .flags = f, .commands = c, .help = h, \
     ##__VA_ARGS__}

static const struct vmtp_cli_option options[] = {
    ROW(WHAT, REPEAT, "host", "hosts", "HOST", OLD | SECRET, MEASURE | REMOVE,
      "measure between these hosts, each USER@ADDRESS[:PASSWORD[:INTERFACE]]; the first is the server, each one is a "
      "client in turn; repeat it per host"),
    ROW(WHAT, REPEAT, "topology", "topology", "NAME[:KEY=VALUE,...]", SPEC, MEASURE | REMOVE,
      "limit the run to this topology plugin; may be repeated"),
    ROW(WHAT, TEXT, "protocols", "protocols", "LETTERS", OLD, MEASURE,
      "T for TCP, U for UDP, I for ICMP, M for multicast [TUI]"),
    ROW(WHAT, TEXT, "multicast-addr", "multicast_addr", "GROUP", OLD, MEASURE,
      "multicast group; adds M to the protocols [231.1.1.1]"),
    ROW(WHAT, FLAG, "inter-node-only", "inter_node_only", NULL, OLD, MEASURE,
      "no flow from a host to itself"),
    ROW(WHAT, TEXT, "ssh-transport", "ssh_transport", "NAME", 0, MEASURE,
      "what speaks SSH: libssh2, openssh (the program ssh, with your ssh_config), or auto: libssh2 where it can "
      "[auto]"),
    ROW(WHAT, TEXT, "ssh-host-key", "ssh_host_key", "RULE", 0, MEASURE,
      "hosts whose SSH key is in no known_hosts file: accept-new, strict, or off to check no key at all [accept-new]"),
    ROW(WHAT, FLAG, "ask-password", "ask_password", NULL, 0, MEASURE | REMOVE,
      "ask on the terminal for the password of each host that has neither a password nor a key file of its own"),

    ROW(HOW, TEXT, "time", "time", "SECONDS", OLD, MEASURE,
      "length of each throughput measurement [10]", .brief = "t"),
    ROW(HOW, TEXT, "tp-tool", "tp_tool", "NAME[:KEY=VALUE,...]", OLD | SPEC, MEASURE,
      "tool plugin for throughput [nuttcp]"),
    ROW(HOW, BANDWIDTH, "bandwidth", "vm_bandwidth", "RATE", OLD, MEASURE,
      "cap for TCP and UDP in bit/s: an integer and K, M or G, as in 500M [no cap]"),
    ROW(HOW, COMMAS, "tcpbuf", "tcp_pkt_sizes", "BYTES,...", OLD, MEASURE,
      "sizes of TCP writes [65536]"),
    ROW(HOW, COMMAS, "udpbuf", "udp_pkt_sizes", "BYTES,...", OLD, MEASURE,
      "sizes of UDP and multicast datagrams [128,1024,8192]"),
    ROW(HOW, COMMAS, "icmp-pkt-sizes", "icmp_pkt_sizes", "BYTES,...", OLD, MEASURE,
      "sizes of the IP packets of pings [64,391,1500]"),
    ROW(HOW, TEXT, "direction", "direction", "WAY", 0, MEASURE,
      "forward: throughput from the client to the server; reverse: from the server to the client; both [forward]"),
    ROW(HOW, TEXT, "streams", "streams", "N", 0, MEASURE,
      "parallel streams of a throughput measurement [1]"),
    ROW(HOW, TEXT, "udp-search", "udp_search", "NAME", 0, MEASURE,
      "how the highest UDP rate is searched: classic [classic]"),
    ROW(HOW, TEXT, "monitor", "monitor", "HOST[:PORT]", OLD, MEASURE,
      "record the CPU load of all hosts from this Ganglia gmond; measurements then take 30 s or more [port 8649]",
      .brief = "m"),
    ROW(HOW, FLAG, "stop-on-error", "stop_on_error", NULL, OLD, MEASURE,
      "stop at the first error and keep what was made in the cloud"),
    ROW(HOW, FLAG, "keep-first-flow-and-exit", "keep_first_flow_and_exit", NULL, OLD, MEASURE,
      "measure one flow, keep what was made in the cloud"),

    ROW(RESULTS, TEXT, "json", "json", "FILE", OLD, OUTPUT,
      "write the result to this file"),
    ROW(RESULTS, REPEAT, "sink", "sink", "NAME[:KEY=VALUE,...]", SPEC, OUTPUT,
      "send the results to this sink plugin; may be repeated"),
    ROW(RESULTS, TEXT, "mongod-server", "mongod_server", "SERVER", OLD, OUTPUT,
      "store the result in this MongoDB server"),
    ROW(RESULTS, TEXT, "test-description", "test_description", "TEXT", OLD, MEASURE,
      "text that is stored with the result"),
    ROW(RESULTS, FLAG, "no-journal", "no_journal", NULL, 0, MEASURE,
      "do not keep a journal of the run: it cannot be replayed then"),
    ROW(RESULTS, TEXT, "log-file", "log_file", "FILE", OLD, OUTPUT | REMOVE,
      "write the log to this file too; it is emptied first", .alias = "logfile"),
    ROW(RESULTS, FLAG, "debug", "debug", NULL, OLD, OUTPUT | REMOVE,
      "log every remote command and what it answers", .brief = "d"),
    ROW(RESULTS, FLAG, "quiet", "quiet", NULL, 0, OUTPUT | REMOVE,
      "no progress, only warnings, errors and results", .brief = "q"),

    ROW(CONFIGURATION, CONFIG, "config", NULL, "FILE", OLD, OUTPUT | REMOVE,
      "YAML file that is laid over ~/.vmtp.yaml and the built-in default; options win over all of them", .brief = "c"),
    ROW(CONFIGURATION, COMMAND, "show-config", NULL, NULL, OLD, ALL,
      "print the built-in default file, with its comments, and exit", .brief = "sc", .command = VMTP_CMD_SHOW_CONFIG),
    ROW(CONFIGURATION, TEXT, "plugin-path", "plugin_path", "DIR:...", 0, ALL,
      "look for plugins here first"),

    ROW(OPENSTACK, TEXT, "rc", "rc", "FILE", OLD, MEASURE | REMOVE,
      "openrc file with the credentials of a cloud, which is measured then; it is read, not executed", .brief = "r"),
    ROW(OPENSTACK, TEXT, "password", "password", "PASSWORD", OLD | SECRET, MEASURE | REMOVE,
      "OpenStack password; wins over the openrc file and the environment; --os-password-file shows it to nobody",
      .brief = "p"),
    ROW(OPENSTACK, TEXT, "os-password-file", "os_password_file", "FILE", 0, MEASURE | REMOVE,
      "file whose only line is the OpenStack password"),
    ROW(OPENSTACK, TEXT, "os-cloud", "os_cloud", "NAME", 0, MEASURE | REMOVE,
      "take the credentials of this entry of clouds.yaml"),
    ROW(OPENSTACK, FLAG, "no-env", "no_env", NULL, OLD, MEASURE | REMOVE,
      "ignore the OS_* variables of the environment"),
    ROW(OPENSTACK, TEXT, "availability-zone", "availability_zone", "ZONE", OLD, MEASURE,
      "availability zone of the VMs"),
    ROW(OPENSTACK, REPEAT, "hypervisor", "hypervisor", "[ZONE:]HOST", OLD, MEASURE,
      "where the VMs go, by the name of the compute host or its hypervisor: the first for the server, the second for "
      "the client of the other node; repeat it"),
    ROW(OPENSTACK, FLAG, "same-network-only", "same_network_only", NULL, OLD, MEASURE,
      "only flows within one network; only one is made"),
    ROW(OPENSTACK, FLAG, "serial-vms", "serial_vms", NULL, 0, MEASURE,
      "one VM after the other instead of all at once"),
    ROW(OPENSTACK, TEXT, "reuse-network-name", "reuse_network_name", "NETWORK", OLD, MEASURE,
      "use this provider network: no router, no floating IP"),
    ROW(OPENSTACK, TEXT, "external-host", "external_host", "HOST", OLD | SECRET, MEASURE,
      "measure between a VM and this host, USER@ADDRESS[:PASSWORD]"),
    ROW(OPENSTACK, TEXT, "controller-node", "controller_node", "HOST", OLD | SECRET, MEASURE,
      "gather details of the deployment here, USER@ADDRESS[:PASSWORD]"),
    ROW(OPENSTACK, TEXT, "os-dataplane-network", "os_dataplane_network", "LABEL", OLD, MEASURE,
      "physical network that carries tenant traffic, for the details of the network card [physnet1]"),
    ROW(OPENSTACK, TEXT, "vm-image-url", "vm_image_url", "URL", OLD, MEASURE,
      "image to upload when the configured one is missing: file://PATH or a URL"),
    ROW(OPENSTACK, FLAG, "delete-image-after-run", "delete_image_after_run", NULL, OLD, MEASURE,
      "remove the image again if this run has uploaded it"),
    ROW(OPENSTACK, TEXT, "vnic-type", "vnic_type", "TYPE", OLD, MEASURE,
      "network card of the VMs: normal, direct, macvtap, direct-physical, virtio-forwarder, vdpa or remote-managed"),
    ROW(OPENSTACK, FLAG, "no-dhcp", "no_dhcp", NULL, OLD, MEASURE,
      "subnets without DHCP: addresses are put into the VMs"),
    ROW(OPENSTACK, FLAG, "no-floatingip", "no_floatingip", NULL, OLD, MEASURE,
      "reach the VMs on their fixed addresses"),
    ROW(OPENSTACK, FLAG, "use-config-drive", "config_drive", NULL, OLD, MEASURE,
      "give the VMs a config drive"),

    ROW(OTHER, SWITCH, "all", NULL, NULL, 0, REMOVE,
      "what all runs have left behind, but not of those that are still alive", .switches = VMTP_CLI_ALL),
    ROW(OTHER, SWITCH, "dry-run", NULL, NULL, 0, REMOVE,
      "print what would be removed; touches nothing", .switches = VMTP_CLI_DRY_RUN),
    ROW(OTHER, REPEAT, "fail-if", NULL, "EXPR", 0, COMPARE,
      "a gate: status 1 when the change is as bad as this, as in 'tcp.throughput < -5%'; may be repeated"),
    ROW(OTHER, SWITCH, "strict", NULL, NULL, 0, COMPARE,
      "a gate fails, too, when the samples cannot tell", .switches = VMTP_CLI_STRICT),
    ROW(OTHER, REPEAT, "format", NULL, "NAME[:FILE]", 0, COMPARE,
      "table, json or junit, on standard output or into a file; may be repeated [table]"),
    ROW(OTHER, COMMAND, "help", NULL, NULL, OLD, ALL,
      "print this help, or that of a command, and exit", .brief = "h", .command = VMTP_CMD_HELP),
    ROW(OTHER, COMMAND, "version", NULL, NULL, OLD, ALL,
      "print the version and exit", .brief = "v", .command = VMTP_CMD_VERSION),
};

_Static_assert(sizeof options / sizeof options[0] <= VMTP_CLI_OPTIONS_MAX, "the parser's arrays are too short");

const struct vmtp_cli_option *vmtp_cli_option_at(size_t i)
{
    return i < sizeof options / sizeof options[0] ? &options[i] : NULL;
}

static const struct vmtp_cli_command commands[] = {
    {"run", NULL, VMTP_CMD_RUN, NULL, 0, 0, "measure; this is what is done without a word"},
    {"plan", NULL, VMTP_CMD_PLAN, NULL, 0, 0, "print what a run with these options would do; makes nothing"},
    {"replay", NULL, VMTP_CMD_REPLAY, "JOURNAL|RUN|last", 1, 1, "make the outputs of an earlier run again"},
    {"cleanup", NULL, VMTP_CMD_CLEANUP, "RUN|last|--all", 0, 1,
     "remove what a run, or all of them, could not remove itself"},
    {"compare", NULL, VMTP_CMD_COMPARE, "OLD.json NEW.json", 2, 2, "tell what has changed between two results"},
    {"plugin", "list", VMTP_CMD_PLUGIN_LIST, NULL, 0, 0, "list the installed plugins and whether they load"},
    {"plugin", "show", VMTP_CMD_PLUGIN_SHOW, "FILE|NAME", 1, 1, "print what a plugin can do and its options"},
    {"plugin", "check", VMTP_CMD_PLUGIN_CHECK, "FILE|NAME", 1, 1, "check the rules that every plugin has to keep"},
    {"plugin", "new", VMTP_CMD_PLUGIN_NEW, "KIND NAME [DIRECTORY]", 2, 3,
     "write the beginning of a plugin; KIND is tool, sink or topology"},
    {"config", "show", VMTP_CMD_CONFIG_SHOW, NULL, 0, 0, "print the configuration as merged from files and options"},
    {"config", "check", VMTP_CMD_CONFIG_CHECK, "FILE", 0, 1, "check a configuration file and the options"},
    {"help", NULL, VMTP_CMD_HELP, "COMMAND", 0, 1, "print this help, or that of a command"},
};

const struct vmtp_cli_command *vmtp_cli_command_at(size_t i)
{
    return i < sizeof commands / sizeof commands[0] ? &commands[i] : NULL;
}
