# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Writes every service's configuration under $STATE/etc; nothing in the machine's own /etc is changed.
db() { echo "mysql+pymysql://lab:$PW@127.0.0.1:3306/$1?charset=utf8"; }
authtoken() { # authtoken USER [SECTION]
    cat <<E2
[${2:-keystone_authtoken}]
www_authenticate_uri = http://$CTL:5000/
auth_url = http://$CTL:5000/
memcached_servers = 127.0.0.1:11211
auth_type = password
project_domain_name = Default
user_domain_name = Default
project_name = service
username = $1
password = $PW
region_name = RegionOne
service_token_roles_required = true
E2
}
write_small_services() {
    cat >"$ETC/rabbitmq/rabbitmq.conf" <<E2
listeners.tcp.1 = 0.0.0.0:5672
default_user = openstack
default_pass = $PW
loopback_users = none
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 200MB
E2
    cat >"$ETC/keystone/keystone.conf" <<E2
[DEFAULT]
log_file =
use_stderr = true
max_token_size = 512
[database]
connection = $(db keystone)
[token]
provider = fernet
expiration = 14400
[fernet_tokens]
key_repository = $ETC/keystone/fernet-keys
[fernet_receipts]
key_repository = $ETC/keystone/fernet-keys
[credential]
key_repository = $ETC/keystone/credential-keys
[cache]
enabled = true
backend = dogpile.cache.memcached
memcache_servers = 127.0.0.1:11211
E2
    cat >"$ETC/glance/glance-api.conf" <<E2
[DEFAULT]
bind_host = 0.0.0.0
bind_port = 9292
workers = 1
use_stderr = true
enabled_backends = file:file
node_staging_uri = file://$STATE/glance/staging
[database]
connection = $(db glance)
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = $STATE/glance/images
[paste_deploy]
flavor = keystone
config_file = /etc/glance/glance-api-paste.ini
[oslo_concurrency]
lock_path = $STATE/glance/lock
$(authtoken glance)
E2
    cat >"$ETC/placement/placement.conf" <<E2
[DEFAULT]
use_stderr = true
[api]
auth_strategy = keystone
[placement_database]
connection = $(db placement)
$(authtoken placement)
E2
}

# One common file, and a small one for each host.
write_nova() {
    local n
    cat >"$ETC/nova/nova.conf" <<E2
[DEFAULT]
use_stderr = true
log_file =
transport_url = rabbit://openstack:$PW@$CTL:5672/
enabled_apis = osapi_compute,metadata
osapi_compute_workers = 1
metadata_workers = 1
compute_driver = libvirt.LibvirtDriver
rpc_response_timeout = 120
vif_plugging_timeout = 240
vif_plugging_is_fatal = true
cpu_allocation_ratio = 16.0
ram_allocation_ratio = 2.0
disk_allocation_ratio = 4.0
reserved_host_memory_mb = 1024
reserved_host_disk_mb = 1024
block_device_allocate_retries = 60
ssl_only = false
instance_usage_audit = false
[api]
auth_strategy = keystone
[wsgi]
api_paste_config = /etc/nova/api-paste.ini
[oslo_concurrency]
lock_path = $STATE/nova/lock
[conductor]
workers = 1
[scheduler]
workers = 1
discover_hosts_in_cells_interval = 30
[glance]
api_servers = http://$CTL:9292
[cinder]
catalog_info = volumev3::publicURL
[vnc]
enabled = false
[libvirt]
virt_type = ${LAB_VIRT:-qemu}
cpu_mode = none
connection_uri = qemu:///system
images_type = qcow2
inject_partition = -2
wait_soft_reboot_seconds = 20
[workarounds]
disable_rootwrap = true
[privsep]
helper_command = privsep-helper --config-file $ETC/nova/nova.conf
[nova_sys_admin]
helper_command = privsep-helper --config-file $ETC/nova/nova.conf
[vif_plug_linux_bridge_privileged]
helper_command = privsep-helper --config-file $ETC/nova/nova.conf
[privsep_osbrick]
helper_command = privsep-helper --config-file $ETC/nova/nova.conf
[vif_plug_linux_bridge]
use_ipv6 = true
$(authtoken nova)
$(authtoken placement placement)
$(authtoken nova service_user)
send_service_user_token = true
$(authtoken neutron neutron)
service_metadata_proxy = true
metadata_proxy_shared_secret = $PW
E2
    for n in ctl compute1 compute2; do
        mkdir -p "$STATE/nova/$n/instances"
        cat >"$ETC/nova/$n.conf" <<E2
[DEFAULT]
host = $n
my_ip = $(mgmt_ip "$n")
state_path = $STATE/nova/$n
instances_path = $STATE/nova/$n/instances
E2
    done
    # Only the control node reaches the databases.
    cat >>"$ETC/nova/ctl.conf" <<E2
[api_database]
connection = $(db nova_api)
[database]
connection = $(db nova)
E2
}

write_libvirt() {
    local n d
    for n in compute1 compute2; do
        d=$STATE/node/$n/etc-libvirt
        mkdir -p "$d/qemu"
        [ -s "$STATE/node/$n/uuid" ] || cat /proc/sys/kernel/random/uuid >"$STATE/node/$n/uuid"
        cat >"$d/libvirtd.conf" <<E2
unix_sock_group = "root"
unix_sock_ro_perms = "0777"
unix_sock_rw_perms = "0770"
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "$(cat "$STATE/node/$n/uuid")"
log_outputs = "2:stderr"
max_clients = 200
E2
        cat >"$d/qemu.conf" <<E2
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
security_default_confined = 0
namespaces = [ ]
cgroup_controllers = [ ]
stdio_handler = "file"
max_core = 0
E2
        echo '# private to this node' >"$d/libvirt.conf"
    done
}

write_neutron() {
    local n
    cat >"$ETC/neutron/neutron.conf" <<E2
[DEFAULT]
use_stderr = true
log_file =
core_plugin = ml2
service_plugins = router
transport_url = rabbit://openstack:$PW@$CTL:5672/
auth_strategy = keystone
api_paste_config = /etc/neutron/api-paste.ini
bind_host = 0.0.0.0
api_workers = 1
rpc_workers = 1
rpc_state_report_workers = 0
rpc_response_timeout = 120
dhcp_agents_per_network = 1
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = true
global_physnet_mtu = $UNDERLAY_MTU
agent_down_time = 75
interface_driver = linuxbridge
[agent]
root_helper = sudo
report_interval = 30
[database]
connection = $(db neutron)
max_pool_size = 10
[oslo_concurrency]
lock_path = $STATE/neutron/lock
[oslo_policy]
policy_dirs = /etc/neutron/policy.d
[experimental]
linuxbridge = true
$(authtoken neutron)
$(authtoken nova nova)
$(authtoken placement placement)
E2
    cat >"$ETC/neutron/ml2_conf.ini" <<E2
[ml2]
type_drivers = flat,vxlan
tenant_network_types = vxlan
mechanism_drivers = linuxbridge,l2population
extension_drivers = port_security
path_mtu = $UNDERLAY_MTU
[ml2_type_flat]
flat_networks = physnet1
[ml2_type_vxlan]
vni_ranges = 1001:2000
[securitygroup]
enable_ipset = true
E2
    for n in ctl compute1 compute2; do
        mkdir -p "$STATE/neutron/$n"
        cat >"$ETC/neutron/$n.conf" <<E2
[DEFAULT]
host = $n
state_path = $STATE/neutron/$n
E2
        cat >"$ETC/neutron/linuxbridge-$n.ini" <<E2
[linux_bridge]
physical_interface_mappings = physnet1:eth2
[vxlan]
enable_vxlan = true
local_ip = $(tun_ip "$n")
l2_population = true
udp_dstport = 4789
[agent]
prevent_arp_spoofing = true
polling_interval = 2
[securitygroup]
enable_security_group = true
firewall_driver = iptables
enable_ipset = true
E2
    done
    cat >"$ETC/neutron/l3_agent.ini" <<E2
[DEFAULT]
interface_driver = linuxbridge
agent_mode = legacy
metadata_port = 9697
E2
    cat >"$ETC/neutron/dhcp_agent.ini" <<E2
[DEFAULT]
interface_driver = linuxbridge
dhcp_driver = neutron.agent.linux.dhcp.Dnsmasq
enable_isolated_metadata = true
force_metadata = true
dnsmasq_local_resolv = false
E2
    cat >"$ETC/neutron/metadata_agent.ini" <<E2
[DEFAULT]
nova_metadata_host = $CTL
metadata_proxy_shared_secret = $PW
metadata_workers = 1
E2
}

# The same APIs over https, with a certificate of the lab's own CA.
write_tls() {
    local port
    if [ ! -s "$STATE/tls/server.pem" ]; then
        (
            cd "$STATE/tls" || exit
            openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=vmtp-lab CA" -keyout ca.key -out ca.crt \
                -addext basicConstraints=critical,CA:TRUE
            openssl req -newkey rsa:2048 -nodes -subj "/CN=ctl" -keyout server.key -out server.csr
            printf 'subjectAltName=IP:%s,DNS:ctl,DNS:lab-api\n' "$CTL" >san
            openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile san \
                -out server.crt
            cat server.crt server.key >server.pem
        ) >/dev/null 2>&1
    fi
    cat >"$ETC/stunnel.conf" <<E2
foreground = yes
pid =
syslog = no
client = no
cert = $STATE/tls/server.pem
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
E2
    for port in 5000 8774 8778 9292 9696; do
        printf '[p%s]\naccept = 0.0.0.0:1%04d\nconnect = 127.0.0.1:%s\n' $port $port $port
    done >>"$ETC/stunnel.conf"
}

write_rc() { # write_rc FILE USER PORT SCHEME REGION: the project is named like the user
    cat >"$1" <<E2
export OS_AUTH_URL=$4://$CTL:$3/v3
export OS_IDENTITY_API_VERSION=3
export OS_USERNAME=$2
export OS_PASSWORD=$PW
export OS_PROJECT_NAME=$2
export OS_USER_DOMAIN_NAME=Default
export OS_PROJECT_DOMAIN_NAME=Default
export OS_REGION_NAME=$5
E2
}

clouds_entry() { # clouds_entry NAME USER PORT SCHEME REGION
    cat <<E2
  $1:
    auth:
      auth_url: $4://$CTL:$3/v3
      username: $2
      password: $PW
      project_name: $2
      user_domain_name: Default
      project_domain_name: Default
    region_name: $5
    identity_api_version: 3
E2
    [ "$4" != https ] || echo "    cacert: $STATE/tls/ca.crt"
}

write_operator() {
    write_rc "$STATE/openrc" admin 5000 http RegionOne
    write_rc "$STATE/openrc-demo" demo 5000 http RegionOne
    write_rc "$STATE/openrc-tls" admin 15000 https RegionTLS
    echo "export OS_CACERT=$STATE/tls/ca.crt" >>"$STATE/openrc-tls"
    {
        echo "clouds:"
        clouds_entry lab admin 5000 http RegionOne
        clouds_entry lab-demo demo 5000 http RegionOne
        clouds_entry lab-tls admin 15000 https RegionTLS
    } >"$STATE/clouds.yaml"
    chmod 600 "$STATE"/openrc* "$STATE/clouds.yaml"
}

write_config() {
    PW=$(secret)
    mkdir -p "$ETC"/{keystone/fernet-keys,keystone/credential-keys,glance,placement,nova,neutron,rabbitmq}
    mkdir -p "$STATE"/{glance/images,nova,neutron,tls}
    chmod 755 "$STATE" "$ETC"
    write_small_services
    write_nova
    write_libvirt
    write_neutron
    write_tls
    write_operator
}
