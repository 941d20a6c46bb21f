#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a cloud has already: it is found by name or id, nothing is guessed, it is used and stays as it was. And what
# those see who are no administrators. The cloud was recorded, what it has beyond that is put into it.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/openstack.sh"

dialogue=$srcdir/tests/fixtures/openstack/run-one.jsonl
project=1c1339d37c8440248e7e26444739450b
external=aec05ecf-9adf-4ba2-b0bf-fe45ead8bc15
echo 'vm_boot_timeout: 20' >>"$tmp/lab.yaml"
cp "$tmp/lab.yaml" "$tmp/lab.yaml.kept"
sent() { printf '%s\n' "$log" | grep -v '^MISSING' | grep -cE -- "$1"; } # sent REGEX: how many requests match
# What was recorded is told after the changes that came before it, and here some of them are left out.
active='{"match": "GET .*/servers/detail", "times": 0, "set": {"servers.0.status": "ACTIVE",
    "servers.1.status": "ACTIVE", "servers.2.status": "ACTIVE"}}'
configure() { # configure LINE...: the lab's configuration with these lines
    cp "$tmp/lab.yaml.kept" "$tmp/lab.yaml"
    for line in "$@"; do printf '%s\n' "$line" >>"$tmp/lab.yaml"; done
}
one() { # one RULES [OPTION...]: a run of one flow
    rules=$1
    shift
    play "$dialogue" "$rules" --topology "fixed-ip:dialogue=$tmp/hosts.json" --same-network-only --inter-node-only \
        --json "$tmp/out.json" "$@"
}
plan() { # plan RULES [OPTION...]
    rules=$1
    shift
    play "$dialogue" "$rules" plan --same-network-only --inter-node-only "$@"
}
refused() { # refused NAME STATUS REGEX RULES [OPTION...]: a plan that ends like this, and nothing is made
    what=$1 wanted=$2 regex=$3
    shift 3
    plan "$@"
    is "$what: exit $wanted" "$status" "$wanted" || told
    like "... and why" "$err" "$regex"
    is "... nothing was made" "$(sent 'POST .*(networks|servers|routers|groups|ports|keypairs|flavors|images)')" 0
}
answers() { # answers REGEX KEY OBJECT...: a rule
    printf '{"match": "GET .*%s", "times": 0, "status": 200, "answer": {"%s": [' "$1" "$2"
    shift 2
    (IFS=, && printf '%s' "$*")
    printf ']}}'
}
u() { printf '%s' "$1$1$1$1$1$1$1$1-$1$1$1$1-4$1$1$1-8$1$1$1-$1$1$1$1$1$1$1$1$1$1$1$1"; } # u DIGIT: a UUID
network() { # network ID NAME [MORE]
    printf '{"id": "%s", "name": "%s", "admin_state_up": true, "project_id": "%s", "shared": false, "mtu": 1400,
        "description": "", "port_security_enabled": true%s}' "$1" "$2" $project "${3-}"
}
router() { # router ID NAME
    printf '{"id": "%s", "name": "%s", "admin_state_up": true, "project_id": "%s", "description": "",
        "external_gateway_info": {"network_id": "%s", "external_fixed_ips": [{"ip_address": "172.24.5.5"}]}}' \
        "$1" "$2" $project $external
}
group() { printf '{"id": "%s", "name": "%s", "description": "mine"}' "$1" "$2"; } # group ID NAME
subnet() { # subnet ID NETWORK CIDR
    printf '{"id": "%s", "network_id": "%s", "cidr": "%s", "ip_version": 4}' "$1" "$2" "$3"
}
interface() { printf '{"id": "p", "fixed_ips": [{"subnet_id": "%s"}]}' "$1"; } # interface SUBNET

# --- names and ids
networks=$(answers 'networks.name' networks "$(network "$(u 1)" pns-internal-net)" \
    "$(network "$(u 2)" pns-internal-net)")
refused "two networks of one name" 1 "internal_network_name.*pns-internal-net.*$(u 1), $(u 2)" "[$networks]"
both=$(answers 'routers.project' routers "$(router "$(u 1)" pns-router)" "$(router "$(u 2)" pns-router)")
refused "two routers of one name" 1 "router_name.*$(u 1), $(u 2)" "[$both]"
groups=$(answers 'security-groups.name' security_groups "$(group "$(u 1)" pns-security)" \
    "$(group "$(u 2)" pns-security)")
refused "two groups of one name" 1 "security_group_name.*$(u 1), $(u 2)" "[$groups]"
externals=$(answers 'networks.router' networks "$(network "$(u 1)" out)" "$(network "$(u 2)" out)")
configure "ext_net_name: out"
refused "two external networks of one name" 1 "ext_net_name.*$(u 1), $(u 2)" "[$externals]"
configure "ext_net_name: $(u 3)"
refused "an external network by an id that is none" 1 "ext_net_name.*$(u 3)" "[$externals]"
configure "ext_net_name: nowhere"
refused "one that is not there" 1 "nowhere.*out" "[$externals]"
configure "internal_network_name: [$(u 3)]"
refused "a network by an id that is none" 1 "internal_network_name.*$(u 3)" \
    "[$(answers 'networks$' networks "$(network "$(u 1)" other)")]"
configure "internal_network_name: [$(u 1)]" "router_name: $(u 2)" "security_group_name: $(u 4)"
subnets=$(answers 'subnets$' subnets "$(subnet "$(u 5)" "$(u 1)" 10.9.0.0/24)")
plan "[$(answers 'networks$' networks "$(network "$(u 9)" other)" "$(network "$(u 1)" mine)"),
    $(answers 'routers.project' routers "$(router "$(u 2)" way-out)"), $(answers 'ports.device' ports),
    $(answers 'security-groups.id' security_groups "$(group "$(u 4)" doors)"), $subnets]"
is "all by id: a plan" "$status" 0 || told
like "... tells the network" "$out" 'network: mine, 10\.9\.0\.0/24, which is there'
like "... the router" "$out" 'router: way-out, which is there'
like "... and the group" "$out" 'security group: .*which is there'

# --- what another run has made, and pages
configure
marked=$(network "$(u 1)" pns-internal-net | sed 's/"description": ""/"description": "vmtp run x"/')
plan "[$(answers 'networks.name' networks "$marked")]"
like "a network of another run is not used" "$out" 'network: pns-internal-net, .*to be made' || told
plan "[{\"match\": \"GET .*networks.name=pns-internal-net\$\", \"times\": 0, \"status\": 200, \"answer\": {
    \"networks\": [$(network "$(u 9)" other)],
    \"networks_links\": [{\"rel\": \"next\", \"href\": \"http://x/v2.0/networks?page=2\"}]}},
    $(answers 'networks.page=2' networks "$(network "$(u 1)" pns-internal-net)"), $subnets]"
like "a network on the second page is found" "$out" 'network: pns-internal-net, 10\.9\.0\.0/24, which is there' || told

# --- the default range of addresses is taken
plan "[$(answers 'routers.project' routers "$(router "$(u 2)" other)"),
    $(answers 'ports.device' ports "$(interface "$(u 5)")"),
    $(answers 'subnets$' subnets "$(subnet "$(u 5)" "$(u 9)" 192.168.0.0/16)")]"
is "a router whose networks have our addresses: a plan" "$status" 0 || told
unlike "... with other ones" "$out" 'pns-internal-net, 192\.168'

# --- reuse: used, and left as it was
play_two() { # play_two RULES: two networks, in the other dialogue
    play "$srcdir/tests/fixtures/openstack/run-admin.jsonl" "$1" --topology "fixed-ip:dialogue=$tmp/hosts.json" \
        --inter-node-only --json "$tmp/out.json"
}
there="$(answers 'networks.name' networks "$(network "$(u 1)" pns-internal-net)" \
    "$(network "$(u 2)" pns-internal-net2)"),
    $(answers 'routers.project' routers "$(router "$(u 3)" other)"),
    $(answers 'security-groups.name' security_groups "$(group "$(u 4)" pns-security)"),
    $(answers 'subnets$' subnets "$(subnet "$(u 5)" "$(u 1)" 10.9.1.0/24)" "$(subnet "$(u 6)" "$(u 2)" 10.9.2.0/24)"),
    $(answers 'ports.device' ports "$(interface "$(u 5)")"),
    {\"match\": \"PUT .*router_interface\", \"times\": 0, \"status\": 200, \"answer\": {}}, $active"
play_two "[$there]"
is "networks, router and group are there: a run" "$status" 0 || told
is "... makes none of them" "$(sent 'POST .*/(networks|subnets|routers|security-groups|security-group-rules)$')" 0
is "... removes none of them" "$(sent 'DELETE .*/(networks|subnets|routers|security-groups)')" 0
is "... attaches the one subnet that is not on the router" "$(sent "PUT .*/$(u 3)/add_router_interface")" 1
is "... and detaches it" "$(sent "PUT .*/$(u 3)/remove_router_interface")" 1
like "... that one" "$log" "add_router_interface .*$(u 6)"

# --- port security is off: no groups
open=$(network "$(u 1)" pns-internal-net | sed 's/"port_security_enabled": true/"port_security_enabled": false/')
one "[$(answers 'networks.name' networks "$open"), $subnets, $active]"
is "a network without port security: a run" "$status" 0 || told
is "... its ports have no groups" "$(printf '%s\n' "$log" | grep 'POST .*/ports' | grep -c security_groups)" 0
one '[{"match": "POST .*/networks$", "set": {"network.port_security_enabled": false}}]'
is "a cloud without port security: a run" "$status" 0 || told
is "... its ports have no groups" "$(printf '%s\n' "$log" | grep 'POST .*/ports' | grep -c security_groups)" 0

# --- what the VMs are given
printf 'Hello' >"$tmp/data"
configure "user_data_file: $tmp/data" "config_drive: true" "dns_nameservers: [192.0.2.53]" "ssh_source: 192.0.2.0/24"
one '[]' --keep-first-flow-and-exit
is "a run that keeps its first flow" "$status" 0 || told
is "... user data and a config drive for both VMs" "$(printf '%s\n' "$log" | grep 'POST .*/servers ' |
    grep '"config_drive": true' | grep -c '"user_data": "SGVsbG8="')" 2
like "... name servers" "$log" 'POST .*/subnets .*"dns_nameservers": \["192\.0\.2\.53"\]'
like "... SSH from there only" "$log" \
    'security-group-rules .*"port_range_min": 22, "protocol": "tcp", "remote_ip_prefix": "192\.0\.2\.0/24"'
unlike "... nothing from anywhere" "$(printf '%s\n' "$log" | grep 'security-group-rules ')" '0\.0\.0\.0/0'
is "... nothing is removed" "$(sent DELETE)" 0
like "... how all of it is removed" "$err" 'vmtp cleanup [0-9a-f-]{36}'
like "... the key will not let anybody in" "$err" 'temporary key.*private_key_file'
rm -rf "$XDG_STATE_HOME/vmtp/runs"
configure

# --- the agent that carries packets
agents() { printf '{"match": "GET .*/agents", "times": 0, "status": 200, "answer": {"agents": [%s]}}' "$1"; }
one "[$(agents '{"agent_type": "Open vSwitch agent", "alive": false},
    {"agent_type": "OVN Metadata agent", "alive": true},
    {"agent_type": "OVN Controller Gateway agent", "alive": true}')]"
is "OVN in a cloud that had Open vSwitch" "$(json_query "$tmp/out.json" 'd["l2agent_type"]')" OVN || told
one "[$(agents '{"agent_type": "DHCP agent", "alive": true}, {"agent_type": "Open vSwitch agent", "alive": true}')]"
is "Open vSwitch" "$(json_query "$tmp/out.json" 'd["l2agent_type"]')" "Open vSwitch agent"

# --- an ordinary user
member='{"match": "auth/tokens", "times": 0, "set": {"token.roles": [{"name": "member"}]}},
    {"match": "GET .*/(agents|os-services|os-hypervisors)", "times": 0, "status": 403, "answer": {"forbidden": {}}},
    {"match": "POST .*/os-server-groups", "times": 0, "status": 200, "answer": {"server_group": {"id": "together"}}}'
hidden='{"match": "POST .*/networks$", "times": 0, "set": {"network.provider:network_type": ""}}'
unseen='"servers.0.status": "ACTIVE", "servers.1.status": "ACTIVE", "servers.0.OS-EXT-SRV-ATTR:host": "",
    "servers.1.OS-EXT-SRV-ATTR:host": ""'
where="{\"match\": \"GET .*/servers/detail\", \"times\": 0, \"set\": {$unseen}}"
same="{\"match\": \"GET .*/servers/detail\", \"times\": 0, \"set\": {$unseen, \"servers.0.hostId\": \"a\",
    \"servers.1.hostId\": \"a\"}}"
one "[$member, $hidden, $where]"
is "an ordinary user: a run" "$status" 0 || told
is "... the agent is not known" "$(json_query "$tmp/out.json" 'd["l2agent_type"]')" "Unknown agent"
like "... nor is the kind of the network" "$(json_query "$tmp/out.json" 'd.get("encapsulation")')" '^(Unknown|None)$'
like "... the scheduler is asked for another host" "$log" 'POST .*/servers .*different_host'
unlike "... and no host is named" "$(printf '%s\n' "$log" | grep 'POST .*/servers')" 'availability_zone'
is "... inter-node, as the hosts' ids differ" "$(json_query "$tmp/out.json" 'flow["desc"]')" \
    "VM to VM same network fixed IP (inter-node)"
one "[$member, $same]"
is "on one host all the same: it is called so" "$(json_query "$tmp/out.json" '(flow["desc"], flow["scenario"])')" \
    "('VM to VM same network fixed IP (intra-node)', '1')" || told
sed 's/m1.small/none-such/' "$tmp/lab.yaml.kept" >"$tmp/lab.yaml"
refused "a flavor that only an administrator can make" 1 "none-such.*admin.*m1\.small" "[$member]"
configure
zero="$member, {\"match\": \"GET .*/flavors/detail\", \"times\": 0, \"status\": 200, \"answer\": {\"flavors\": [
    {\"id\": \"z\", \"name\": \"m1.small\", \"vcpus\": 1, \"ram\": 512, \"disk\": 0},
    {\"id\": \"d\", \"name\": \"with-disk\", \"vcpus\": 1, \"ram\": 2048, \"disk\": 20}]}}"
plan "[$zero]"
like "a flavor without a disk: the plan warns" "$err" "m1\.small.*administrators.*with-disk" || told
one "[$zero, {\"match\": \"POST .*/servers\$\", \"times\": 0, \"status\": 403, \"answer\": {\"forbidden\": {
    \"message\": \"Only volume-backed servers are allowed for flavors with zero disk.\"}}}]"
is "... nova refuses it: exit 1" "$status" 1 || told
like "... with the remedy" "$err" 'zero disk.*set flavor_type'

# --- hosts
refused "a host that is not there" 5 'nowhere.*compute1' "[$(answers os-hypervisors hypervisors)]" --hypervisor nowhere
refused "no host is up" 5 'compute1 \(down\)' \
    '[{"match": "os-services", "times": 0, "set": {"services.0.state": "down", "services.1.state": "down"}}]'

# --- what is not built
for option in '--external-host u@192.0.2.1' '--reuse_network_name x' '--controller-node u@192.0.2.1' \
    '--vnic-type direct' '--vnic-type remote-managed' --no-floatingip --no-dhcp; do
    # shellcheck disable=SC2086 # a list of words
    refused "$option" 2 "$(echo "${option%% *}" | sed 's/^--//; s/_/[-_]/g')" '[]' $option
done
for line in 'ipv6_mode: slaac' 'boot_from_volume: true' 'reuse_network_name: provider' 'vnic_type: vdpa'; do
    configure "$line"
    refused "$line" 2 "${line%%:*}" '[]'
done

# --- one machine after the other
configure
one "[$active]" --serial-vms
is "--serial-vms: the run passes" "$status" 0 || told
is "... the next machine is asked for when the one before it is there" \
    "$(printf '%s\n' "$log" | grep -oE 'POST [^ ]*/servers$|GET [^ ]*/servers/detail' | sed 's#.*/##' | uniq |
        head -n 4 | tr '\n' ' ')" 'servers detail servers detail '
done_testing
