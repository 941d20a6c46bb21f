#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# TCP by nuttcp through VMTP against the same nuttcp by hand, taking turns, between the same two hosts: a path over a
# router that is shaped to 500 Mbit/s there, then the same path unshaped (printed only: nuttcp against itself varies by
# several percent on a small machine).
. "$(dirname "$0")/common.sh"
two_hosts ed25519
requires nuttcp python3 tc
rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-5}

# a - r - b: eth2 of each host leads to the router.
router_make() {
    ip netns add "$net-r" || return 1
    at_exit "ip netns del $net-r"
    for end in a:1:2 b:129:130; do
        name=${end%%:*} number=${end#*:}
        ip -n "$net-r" link add "to-$name" type veth peer name eth2 netns "$net-$name" &&
            ip -n "$net-r" address add "203.0.113.${number#*:}/25" dev "to-$name" &&
            ip -n "$net-r" link set "to-$name" up &&
            ip -n "$net-$name" address add "203.0.113.${number%:*}/25" dev eth2 &&
            ip -n "$net-$name" link set eth2 up &&
            ip -n "$net-$name" route add 203.0.113.0/24 via "203.0.113.${number#*:}" || return 1
    done
    ip netns exec "$net-r" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

shape() { # shape RATE, on both ways out of the router
    for name in a b; do
        ip netns exec "$net-r" tc qdisc replace dev "to-$name" root tbf rate "$1" burst 256kb latency 20ms || return 1
    done
}

unshape() {
    for name in a b; do
        ip netns exec "$net-r" tc qdisc del dev "to-$name" root || return 1
    done
}

by_vmtp() { # adds bit/s to FILE
    on_operator "$VMTP" -c "$tmp/bench.yaml" --host "root@192.0.2.1::eth2?key=$keys/ed25519" --host "$host_b" \
        --inter-node-only --protocols T -t "$seconds" -q --json "$tmp/result.json" >"$tmp/out" 2>"$tmp/err" ||
        { cat "$tmp/out" "$tmp/err"; exit 1; }
    python3 - "$tmp/result.json" >>"$1" <<'END'
import json, sys
document = json.load(open(sys.argv[1]))
(item,) = document["flows"][0]["results"]
print(item["throughput_kbps"] * 1000)
END
}

by_hand() { # adds bit/s to FILE
    ip netns exec "$net-a" nuttcp -S --nofork -P 5002 & # not by on_host: its process id would be a shell's
    server=$!
    tries=0
    until on_host a ss -Hltn 'sport = 5002' | grep -q . || [ $tries = 50 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    on_host b nuttcp -T "$seconds" -l 65536 -P 5002 -fparse 203.0.113.1 >"$tmp/said" || exit 1
    kill $server
    wait $server 2>/dev/null
    sed -n 's/.*rate_Mbps=\([0-9.]*\).*/\1/p' "$tmp/said" | awk '{ printf "%.0f\n", $1 * 1e6 }' >>"$1"
}

take_turns() { # take_turns NAME: sets $apart
    rm -f "$tmp/vmtp" "$tmp/hand"
    for _ in $(seq "$rounds"); do
        by_vmtp "$tmp/vmtp"
        by_hand "$tmp/hand"
    done
    vmtp=$(median <"$tmp/vmtp") hand=$(median <"$tmp/hand")
    note "$1: through VMTP" "$(awk "BEGIN { printf \"%.2f\", $vmtp / 1e6 }") Mbit/s"
    note "$1: by hand" "$(awk "BEGIN { printf \"%.2f\", $hand / 1e6 }") Mbit/s"
    apart=$(awk "BEGIN { d = ($vmtp - $hand) / $hand * 100; printf \"%.2f\", d < 0 ? -d : d }")
}

echo 'tcp_tp_loop_count: 1' >"$tmp/bench.yaml"
router_make || { echo "cannot make the router"; exit 1; }
head_row "nuttcp, TCP, $seconds s, median of $rounds, taking turns"
shape 500mbit || exit 1
take_turns "500 Mbit/s behind a router"
row "apart" "$apart" % 1
unshape || exit 1
take_turns "unshaped"
note "apart" "$apart %"
exit $bench_failed
