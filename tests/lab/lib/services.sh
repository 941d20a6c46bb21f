# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Starting and stopping; the order is that of the dependencies.
port_open() { node_exec ctl /bin/bash -c "exec 3<>/dev/tcp/127.0.0.1/$1"; }
mysql_() { node_exec ctl mariadb --no-defaults -uroot -S "$STATE/mysql/mysql.sock" "$@"; }

start_infra() {
    local log=$LOG/mysql-install.log
    if [ ! -d "$STATE/mysql/data/mysql" ]; then
        mkdir -p "$STATE/mysql/data"
        chown -R mysql: "$STATE/mysql"
        mariadb-install-db --no-defaults --user=mysql --datadir="$STATE/mysql/data" --skip-test-db \
            --auth-root-authentication-method=socket >"$log" 2>&1 || die "mariadb-install-db failed, see $log"
    fi
    svc_start ctl mariadb mariadbd --no-defaults --user=mysql --datadir="$STATE/mysql/data" \
        --socket="$STATE/mysql/mysql.sock" --pid-file="$STATE/mysql/mysql.pid" --bind-address=0.0.0.0 \
        --skip-name-resolve --skip-log-bin --max-connections=600 --innodb-flush-log-at-trx-commit=0 \
        --innodb-doublewrite=0 --innodb-flush-method=nosync --sync-binlog=0 --innodb-buffer-pool-size=192M \
        --character-set-server=utf8mb3 --performance-schema=0
    mkdir -p "$STATE/rabbitmq"/{mnesia,log}
    chown -R rabbitmq: "$STATE/rabbitmq"
    svc_start ctl rabbitmq setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups env HOME="$STATE/rabbitmq" \
        RABBITMQ_NODENAME=rabbit@localhost RABBITMQ_MNESIA_BASE="$STATE/rabbitmq/mnesia" \
        RABBITMQ_LOG_BASE="$STATE/rabbitmq/log" RABBITMQ_CONFIG_FILE="$ETC/rabbitmq/rabbitmq" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$STATE/rabbitmq/enabled_plugins" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +sbwt none" /usr/lib/rabbitmq/bin/rabbitmq-server
    svc_start ctl memcached memcached -u nobody -l 127.0.0.1 -m 64
    wait_for 60 mariadb mysql_ -e 'select 1'
    wait_for 60 rabbitmq port_open 5672
}

uwsgi_() { # uwsgi_ NAME PORT PROCESSES WSGI-FILE ENV...
    local name=$1 port=$2 processes=$3 wsgi=$4
    shift 4
    svc_start ctl "$name" env "$@" uwsgi --plugins-dir /usr/lib/uwsgi/plugins --plugin python3 \
        --http-socket "0.0.0.0:$port" --wsgi-file "$wsgi" --master --processes "$processes" --threads 4 \
        --enable-threads --lazy-apps --buffer-size 65535 --thunder-lock --die-on-term --need-app \
        --add-header "Connection: close" --disable-logging --procname-prefix-spaced "$name"
}

start_keystone() {
    uwsgi_ keystone 5000 2 /usr/bin/keystone-wsgi-public OS_KEYSTONE_CONFIG_FILES="$ETC/keystone/keystone.conf"
}

start_apis() {
    local nova=(--config-file "$ETC/nova/nova.conf" --config-file "$ETC/nova/ctl.conf")
    uwsgi_ placement 8778 1 /usr/bin/placement-api OS_PLACEMENT_CONFIG_DIR="$ETC/placement"
    svc_start ctl glance-api glance-api --config-file "$ETC/glance/glance-api.conf"
    svc_start ctl neutron-server neutron-server --config-file "$ETC/neutron/neutron.conf" \
        --config-file "$ETC/neutron/ml2_conf.ini" --config-file "$ETC/neutron/ctl.conf"
    svc_start ctl nova-conductor nova-conductor "${nova[@]}"
    svc_start ctl nova-api nova-api "${nova[@]}"
    svc_start ctl nova-scheduler nova-scheduler "${nova[@]}"
    svc_start ctl stunnel stunnel4 "$ETC/stunnel.conf"
}

start_agents() {
    local node common=(--config-file "$ETC/neutron/neutron.conf")
    for node in ctl compute1 compute2; do
        svc_start $node linuxbridge-agent neutron-linuxbridge-agent "${common[@]}" \
            --config-file "$ETC/neutron/$node.conf" --config-file "$ETC/neutron/linuxbridge-$node.ini"
    done
    common+=(--config-file "$ETC/neutron/ctl.conf")
    svc_start ctl dhcp-agent neutron-dhcp-agent "${common[@]}" --config-file "$ETC/neutron/dhcp_agent.ini"
    svc_start ctl l3-agent neutron-l3-agent "${common[@]}" --config-file "$ETC/neutron/l3_agent.ini"
    svc_start ctl metadata-agent neutron-metadata-agent "${common[@]}" \
        --config-file "$ETC/neutron/metadata_agent.ini"
}

start_computes() {
    local node
    for node in compute1 compute2; do
        svc_start $node libvirtd libvirtd --config /etc/libvirt/libvirtd.conf --pid-file "/run/libvirt/libvirtd.pid"
    done
    for node in compute1 compute2; do
        wait_for 30 "libvirtd of $node" node_exec $node virsh -q -c qemu:///system list
        svc_start $node nova-compute nova-compute --config-file "$ETC/nova/nova.conf" \
            --config-file "$ETC/nova/$node.conf"
    done
}

start_ext() { # the external host's sshd: user vmtp, password = the lab's secret
    local dir=$STATE/ext
    mkdir -p "$dir"
    [ -s "$dir/hostkey" ] || ssh-keygen -q -t ed25519 -N '' -f "$dir/hostkey"
    [ -s "$dir/id" ] || ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f "$dir/id"
    cp "$dir/id.pub" "$dir/authorized_keys"
    chmod 644 "$dir/authorized_keys"
    cat >"$dir/sshd_config" <<E2
Port 22
ListenAddress 0.0.0.0
ListenAddress ::
HostKey $dir/hostkey
AuthorizedKeysFile $dir/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication yes
PermitRootLogin no
AllowUsers vmtp
UseDNS no
PidFile none
Subsystem sftp internal-sftp
E2
    svc_start ext sshd /usr/sbin/sshd -D -e -f "$dir/sshd_config"
}

services_of() { # services_of NODE: in the order of the start
    case $1 in
    ctl)
        echo mariadb rabbitmq memcached keystone placement glance-api neutron-server nova-conductor nova-api \
            nova-scheduler stunnel linuxbridge-agent dhcp-agent l3-agent metadata-agent
        ;;
    compute*) echo linuxbridge-agent libvirtd nova-compute ;;
    ext) echo sshd ;;
    esac
}

lab_complete() { # whether everything runs
    local node name
    for node in $NODES; do
        node_pid "$node" >/dev/null || return 1
        for name in $(services_of "$node"); do svc_running "$node" "$name" || return 1; done
    done
    [ -e "$STATE/bootstrapped" ] && cloud_ready >/dev/null 2>&1
}

cloud_ready() { node_exec ext /usr/bin/python3 "$LAB_DIR/lib/ready.py" "$STATE/clouds.yaml"; }

lab_up() {
    local began=$SECONDS node port
    mkdir -p "$RUN" "$LOG"
    exec 9>"$RUN/up.lock"
    flock 9
    if lab_complete; then
        say "lab up: it was already; openrc files and clouds.yaml in $STATE"
        return 0
    fi
    lab_able
    lab_install 9>&-
    secret >/dev/null
    start_all 9>&-
    say "lab up ($((SECONDS - began)) s): openrc files and clouds.yaml in $STATE"
}

start_all() {
    local began=$SECONDS node port
    for node in $NODES; do node_start "$node"; done
    fabric_up
    write_config
    say "nodes and fabric up ($((SECONDS - began)) s)"
    start_infra
    start_ext
    say "database, message queue up ($((SECONDS - began)) s)"
    if [ ! -e "$STATE/bootstrapped" ]; then
        init_databases
        bootstrap_keystone
        say "databases created ($((SECONDS - began)) s)"
    fi
    start_keystone
    wait_for 60 keystone node_exec ctl curl -sf --max-time 5 http://127.0.0.1:5000/v3
    [ -e "$STATE/bootstrapped" ] || bootstrap_identity
    start_apis
    for port in 8778 9292 9696 8774 8775; do wait_for 120 "port $port" port_open $port; done
    say "APIs up ($((SECONDS - began)) s)"
    start_agents
    start_computes
    if [ ! -e "$STATE/bootstrapped" ]; then
        bootstrap_cloud
        touch "$STATE/bootstrapped"
    fi
    say "contents there ($((SECONDS - began)) s)"
    wait_for 120 "compute services" cloud_ready
}

lab_down() {
    local node name
    for node in compute1 compute2 ext; do node_stop "$node"; done
    # The database and the queue end in good order, after their clients.
    if node_pid ctl >/dev/null; then
        for name in $(services_of ctl); do
            case $name in
            mariadb | rabbitmq) ;;
            *) node_exec ctl kill -KILL "$(cat "$RUN/ctl.$name.pid" 2>/dev/null)" 2>/dev/null || : ;;
            esac
        done
        svc_stop ctl mariadb 20
        svc_stop ctl rabbitmq 10
    fi
    node_stop ctl
    netns_drop sw
    rm -f "$RUN"/*.pid "$RUN"/*.ready
    say "lab down"
}

lab_wipe() {
    lab_down
    rm -rf "${STATE:?}"/{bootstrapped,clouds.yaml,etc,ext,glance,keystone,log,mysql,neutron,node,nova}
    rm -rf "${STATE:?}"/{openrc,openrc-demo,openrc-tls,placement,rabbitmq,run,secret,tls}
}

lab_status() {
    local node name pid
    for node in $NODES; do
        if ! pid=$(node_pid "$node"); then
            echo "node $node: down"
            continue
        fi
        echo "node $node: up (holder pid $pid, netns $(netns_of "$node"))"
        for name in $(services_of "$node"); do
            if svc_running "$node" "$name"; then
                printf '  %-20s running\n' "$name"
            else
                printf '  %-20s NOT RUNNING (log %s)\n' "$name" "$LOG/$node.$name.log"
            fi
        done
        printf '  memory (RSS of all its processes): %s MiB\n' \
            "$(node_exec "$node" ps -eo rss= | awk '{ s += $1 } END { print int(s / 1024) }')"
    done
    node_pid ctl >/dev/null || return 0
    lab_exec "$STATE/openrc" openstack compute service list -c Binary -c Host -c Zone -c State || :
    lab_exec "$STATE/openrc" openstack hypervisor list || :
    lab_exec "$STATE/openrc" openstack network agent list -c "Agent Type" -c Host -c Alive || :
    free -m | sed -n 1,2p
}
