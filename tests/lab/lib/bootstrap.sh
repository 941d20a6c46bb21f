# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The first start: databases, then the cloud's contents.
in_ctl_log() { # in_ctl_log NAME CMD...
    local log=$LOG/bootstrap-$1.log
    shift
    node_exec ctl "$@" >>"$log" 2>&1 || die "the first start failed, see $log"
}

create_databases() {
    local name host
    {
        for name in keystone glance placement nova nova_api nova_cell0 neutron; do
            echo "CREATE DATABASE IF NOT EXISTS $name CHARACTER SET utf8mb3;"
        done
        for host in localhost 127.0.0.1 %; do
            echo "CREATE USER IF NOT EXISTS 'lab'@'$host' IDENTIFIED BY '$PW'; GRANT ALL ON *.* TO 'lab'@'$host';"
        done
    } | mysql_
}

NOVA_MANAGE="nova-manage --config-file $ETC/nova/nova.conf --config-file $ETC/nova/ctl.conf"

fill_nova() {
    # shellcheck disable=SC2086 # a list of words
    {
        in_ctl_log nova $NOVA_MANAGE api_db sync
        in_ctl_log nova $NOVA_MANAGE cell_v2 map_cell0 --database_connection "$(db nova_cell0)"
        node_exec ctl $NOVA_MANAGE cell_v2 list_cells 2>/dev/null | grep -q cell1 ||
            in_ctl_log nova $NOVA_MANAGE cell_v2 create_cell --name cell1
        in_ctl_log nova $NOVA_MANAGE db sync
    }
}

fill_others() {
    in_ctl_log keystone keystone-manage --config-file "$ETC/keystone/keystone.conf" db_sync
    in_ctl_log glance glance-manage --config-file "$ETC/glance/glance-api.conf" db_sync
    in_ctl_log placement placement-manage --config-file "$ETC/placement/placement.conf" db sync
}

fill_neutron() {
    in_ctl_log neutron neutron-db-manage --config-file "$ETC/neutron/neutron.conf" \
        --config-file "$ETC/neutron/ml2_conf.ini" upgrade heads
}

init_databases() {
    local pids=() pid
    create_databases
    (fill_others) &
    pids+=($!)
    (fill_nova) &
    pids+=($!)
    (fill_neutron) &
    pids+=($!)
    for pid in "${pids[@]}"; do
        wait "$pid" || die "a database could not be made"
    done
}

bootstrap_keystone() { # before keystone's first start: it wants its keys
    local manage=(keystone-manage --config-file "$ETC/keystone/keystone.conf") url=http://$CTL:5000/v3
    in_ctl_log keystone "${manage[@]}" fernet_setup --keystone-user root --keystone-group root
    in_ctl_log keystone "${manage[@]}" credential_setup --keystone-user root --keystone-group root
    in_ctl_log keystone "${manage[@]}" bootstrap --bootstrap-password "$PW" --bootstrap-region-id RegionOne \
        --bootstrap-admin-url "$url" --bootstrap-internal-url "$url" --bootstrap-public-url "$url"
}

bootstrap_identity() {
    in_ctl_log cloud /usr/bin/python3 "$LAB_DIR/lib/bootstrap.py" identity "$STATE/clouds.yaml" "$PW" "$CTL"
}

bootstrap_cloud() {
    in_ctl_log cloud /usr/bin/python3 "$LAB_DIR/lib/bootstrap.py" cloud "$STATE/clouds.yaml" \
        "$STATE/image/debian12.qcow2" "$EXT_CIDR" "$EXT_GW" "$EXT_POOL_START" "$EXT_POOL_END"
    # shellcheck disable=SC2086 # a list of words
    in_ctl_log nova $NOVA_MANAGE cell_v2 discover_hosts --by-service
}
