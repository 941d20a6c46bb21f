# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034 # what is set here is read by the other parts
# Settings and the nodes: each node is a set of namespaces (pid, mount, net, uts, ipc) that one process holds, so ending
# that process ends the node.
STATE=${LAB_STATE:-/var/lib/vmtp-lab}
RUN=$STATE/run
LOG=$STATE/log
ETC=$STATE/etc
PATH=/usr/sbin:/usr/bin:/sbin:/bin
PYTHONDONTWRITEBYTECODE=1
export PATH PYTHONDONTWRITEBYTECODE
unset PYTHONPATH PYTHONHOME || :

NODES="ctl compute1 compute2 ext"
CTL=10.20.0.10
EXT_CIDR=172.24.4.0/22 # the external network; the operator's host is its gateway
EXT_GW=172.24.4.1
EXT_CTL=172.24.4.3
EXT_POOL_START=172.24.5.1
EXT_POOL_END=172.24.6.254
EXT6_GW=2001:db8:4::1
EXT6_CTL=2001:db8:4::3
UNDERLAY_MTU=${LAB_UNDERLAY_MTU:-1500}
MEMORY_MIB=11000  # what the lab and four of its machines take
MACHINES_MIB=4500 # the machines alone, when the lab runs already

netns_of() { # the name of a node's network namespace, as ip netns shows it
    case $1 in
    compute1) echo cmp1 ;;
    compute2) echo cmp2 ;;
    *) echo "$1" ;;
    esac
}

node_number() { # the last number of its addresses in all networks of the lab
    case $1 in
    ctl) echo 10 ;;
    compute1) echo 11 ;;
    compute2) echo 12 ;;
    ext) echo 20 ;;
    esac
}
mgmt_ip() { echo "10.20.0.$(node_number "$1")"; }
tun_ip() { echo "10.30.0.$(node_number "$1")"; }

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

die() {
    echo "lab: $*" >&2
    exit 1
}

secret() {
    mkdir -p "$STATE"
    [ -s "$STATE/secret" ] || (umask 077 && openssl rand -hex 12 >"$STATE/secret")
    cat "$STATE/secret"
}

wait_for() { # wait_for SECONDS WHAT CMD...
    local seconds=$1 what=$2 i
    shift 2
    for ((i = 0; i < seconds * 4; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep .25
    done
    die "$what: not there after $seconds s (logs in $LOG)"
}

lab_lock() { # lab_lock CMD...
    mkdir -p "$STATE"
    exec flock -o "$STATE/lock" "$@"
}

lab_able() {
    local need=$MEMORY_MIB have
    [ "$(id -u)" = 0 ] || die "needs root"
    [ "$(uname -m)" = x86_64 ] || die "the guest image is for x86_64, this is $(uname -m)"
    grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release || die "needs Debian 12 for its packages of OpenStack"
    unshare --mount --net --pid --fork true 2>/dev/null || die "namespaces cannot be made here"
    ! node_pid ctl >/dev/null || need=$MACHINES_MIB
    have=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
    [ "$have" -ge "$need" ] || die "needs $need MiB of memory, $have are available"
}

# --- nodes ---
node_pid() { # the holder's pid; fails when the node is down
    local file=$RUN/node-$1.pid pid
    [ -s "$file" ] || return 1
    pid=$(cat "$file")
    # A pid file may outlive a restart of the machine: the holder carries its node's name.
    { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -q "lab-node-$1" || return 1
    echo "$pid"
}

node_exec() { # node_exec NODE CMD...
    local pid
    pid=$(node_pid "$1") || die "node $1 is not up"
    shift
    nsenter -t "$pid" -m -n -p -u -i -- "$@"
}

# Names of namespaces are the machine's: none that somebody else uses is taken.
netns_claim() {
    [ ! -e "/run/netns/$1" ] || [ -e "$RUN/netns-$1" ] ||
        die "a network namespace '$1' is there already, and it is not the lab's"
    ip netns del "$1" 2>/dev/null || :
    : >"$RUN/netns-$1"
}

netns_drop() {
    [ -e "$RUN/netns-$1" ] || return 0
    ip netns del "$1" 2>/dev/null || :
    rm -f "$RUN/netns-$1"
}

node_start() { # namespaces and their holder
    local node=$1 up i pid=
    node_pid "$node" >/dev/null && return 0
    # Of a node that was killed: its pids mean nothing in a new one.
    rm -f "$RUN/node-$node".{pid,ready} "$RUN/$node".*.pid
    netns_claim "$(netns_of "$node")"
    mkdir -p "$STATE/node/$node" "$RUN" "$LOG"
    setsid unshare --fork --kill-child --pid --mount --net --uts --ipc --propagation private --mount-proc \
        /bin/bash "$LAB_DIR/lib/node-init.sh" "$node" "$STATE" </dev/null >>"$LOG/node-$node.log" 2>&1 &
    up=$!
    for ((i = 0; i < 100; i++)); do
        pid=$(tr -d ' ' <"/proc/$up/task/$up/children" 2>/dev/null || :)
        [ -n "$pid" ] && [ -e "$RUN/node-$node.ready" ] && break
        sleep .1
    done
    [ -n "$pid" ] || die "node $node did not start, see $LOG/node-$node.log"
    echo "$pid" >"$RUN/node-$node.pid"
    wait_for 5 "node $node" node_pid "$node"
    ip netns attach "$(netns_of "$node")" "$pid"
    node_exec "$node" ip link set lo up
}

node_stop() {
    local pid i
    if pid=$(node_pid "$1"); then
        kill -KILL "$pid" # pid 1 of its pid namespace: the kernel ends the rest of it
        for ((i = 0; i < 100; i++)); do
            [ -e "/proc/$pid" ] || break
            sleep .1
        done
    fi
    rm -f "$RUN/node-$1.pid" "$RUN/node-$1.ready" "$RUN/$1".*.pid
    netns_drop "$(netns_of "$1")"
}

# --- services: their pid files hold pids of the node's own pid namespace ---
svc_running() { # svc_running NODE NAME
    local file=$RUN/$1.$2.pid
    [ -s "$file" ] && node_exec "$1" kill -0 "$(cat "$file")" 2>/dev/null
}

svc_start() { # svc_start NODE NAME CMD...
    local node=$1 name=$2
    shift 2
    svc_running "$node" "$name" && return 0
    # shellcheck disable=SC2016 # expanded inside the node
    node_exec "$node" /bin/bash -c '
        pidfile=$1 log=$2
        shift 2
        setsid "$@" </dev/null >>"$log" 2>&1 &
        echo $! >"$pidfile"' svc "$RUN/$node.$name.pid" "$LOG/$node.$name.log" "$@"
}

svc_stop() { # svc_stop NODE NAME [SECONDS]
    local i
    if svc_running "$1" "$2"; then
        node_exec "$1" kill "$(cat "$RUN/$1.$2.pid")" 2>/dev/null || :
        for ((i = 0; i < ${3:-10} * 10; i++)); do
            svc_running "$1" "$2" || break
            sleep .1
        done
    fi
    rm -f "$RUN/$1.$2.pid"
}

# --- the fabric: three switches in a namespace of their own ---
fabric_port() { # fabric_port NODE IFNAME SWITCH [ADDRESS]
    local ns
    ns=$(netns_of "$1")
    if ! ip -n "$ns" link show "$2" >/dev/null 2>&1; then
        ip -n sw link add "$ns-$2" type veth peer name "$2" netns "$ns"
        ip -n sw link set "$ns-$2" mtu "$UNDERLAY_MTU" master "$3" up
    fi
    ip -n "$ns" link set "$2" mtu "$UNDERLAY_MTU" up
    [ $# -lt 4 ] || ip -n "$ns" addr replace "$4" dev "$2"
}

fabric_up() {
    local node bridge
    if [ ! -e "$RUN/netns-sw" ] || [ ! -e /run/netns/sw ]; then
        netns_claim sw
        ip netns add sw
    fi
    for bridge in mg tn ph; do # management, tunnel underlay, physical external network
        ip -n sw link show $bridge >/dev/null 2>&1 || ip -n sw link add $bridge type bridge forward_delay 0
        ip -n sw link set $bridge mtu "$UNDERLAY_MTU" up
    done
    ip netns exec sw sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 \
        net.bridge.bridge-nf-call-arptables=0 net.ipv6.conf.all.disable_ipv6=1 2>/dev/null || :
    for node in $NODES; do fabric_port "$node" eth0 mg "$(mgmt_ip "$node")/24"; done
    for node in ctl compute1 compute2; do
        fabric_port "$node" eth1 tn "$(tun_ip "$node")/24"
        fabric_port "$node" eth2 ph # neutron's agent puts it into the external network's bridge
    done
    fabric_port ctl eth3 ph "$EXT_CTL/22"
    ip -n ctl -6 addr replace "$EXT6_CTL/64" dev eth3 nodad
    fabric_port ext eth1 ph "$EXT_GW/22"
    ip -n ext -6 addr replace "$EXT6_GW/64" dev eth1 nodad
}

lab_exec() { # lab_exec OPENRC CMD...
    local rc=$1
    shift
    [ -s "$rc" ] || die "the lab is not up: start it with $LAB_DIR/lab up"
    [ $# -gt 0 ] || set -- /bin/bash
    # shellcheck disable=SC2016 # expanded inside the node
    node_exec ext /bin/bash -c '
        . "$1"
        cd "$2" 2>/dev/null || cd /
        shift 2
        exec "$@"' lab "$rc" "$PWD" "$@"
}
