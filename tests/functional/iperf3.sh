#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tool iperf3 with the real program, between two namespaces.
. "${srcdir:-.}/tests/functional/functions.sh"
requires iperf3 ip tc python3
run "$VMTP" --topology namespace --tp-tool iperf3 --protocols T -t 1 --no-journal -q
case $err in *"this system does not allow"* | *"user namespace"*) skip_all "no namespaces here: $err" ;; esac

json() { json_query "$tmp/out.json" "$1"; }
measure() { # measure TOPOLOGY-OPTIONS OPTION...
    topology=namespace$1
    shift
    run "$VMTP" --topology "$topology" --tp-tool iperf3 -t 1 --json "$tmp/out.json" "$@"
}

measure :rate=100M --protocols TU --udpbuf 1024
is "a run passes" "$status" 0 || diag "$err"
version=$(iperf3 --version | sed -n 's/^iperf \([0-9.]*\).*/\1/p')
is "the tool has its version" "$(json 'items[0]["tool"]')" "iperf3-$version"
is "three TCP results below the rate of the path" \
    "$(json '[80e6 < i["throughput_bps"] < 100e6 for i in of("TCP")]')" '[True, True, True]'
is "with what the kernel knows" "$(json '[k in of("TCP")[0] for k in ("retrans", "cwnd_bytes", "rtt_ms")]')" \
    '[True, True, True]'
is "the CPU of both ends" "$(json '[k in of("TCP")[0] for k in ("cpu_sender", "cpu_receiver")]')" '[True, True]'
tcp='of("TCP")[0]'
is "bytes, seconds and throughput are of one sum" \
    "$(json "abs(${tcp}['bytes'] * 8 / ${tcp}['seconds'] / ${tcp}['throughput_bps'] - 1) < 0.01")" True
is "and intervals" "$(json 'len(of("TCP")[0]["samples"]["throughput_bps"]) >= 1')" True
udp='of("UDP")[0]'
is "one UDP answer, found by the search" "$(json "len(of('UDP')), ${udp}['search']")" "(1, 'classic')"
is "near the rate of the path" "$(json "60e6 < ${udp}['throughput_bps'] < 100e6")" True || diag "$(json "$udp")"
is "with jitter and datagrams" \
    "$(json "[k in $udp for k in ('jitter_ms', 'sent', 'received', 'lost', 'out_of_order')]")" \
    '[True, True, True, True, True]' || diag "$(json "$udp")"

measure :rate=100M,family=ipv6 --protocols TU --udpbuf 1024 --bandwidth 20M
is "IPv6 with a cap passes" "$status" 0 || diag "$err"
is "the cap is kept" "$(json '[17e6 < i["throughput_bps"] < 22e6 for i in items]')" '[True, True, True, True]'
is "no search then" "$(json "'search' in $udp")" False

run "$VMTP" --topology namespace --tp-tool "iperf3:path=$(command -v nuttcp || command -v true)" --protocols T -t 1 \
    --json "$tmp/out.json"
is "another program under that path fails" "$status" 1
like "and is named" "$(json 'items[0]["error"]')" 'is not iperf3'

# A server that is killed is started again: the repetitions go on.
"$VMTP" --topology namespace --tp-tool iperf3 --protocols T -t 2 --json "$tmp/out.json" >"$tmp/kill.out" 2>&1 &
pid=$!
at_exit "kill -9 $pid 2>/dev/null"
for _ in $(seq 100); do
    grep -q 'INFO flow 1: TCP' "$tmp/kill.out" && break
    sleep 0.1
done
server=
for child in $(ps -eo pid=,args= | awk '$2 ~ /iperf3$/ && $3 == "-s" { print $1 }'); do
    ancestor=$child # ours are below the run
    while [ "${ancestor:-1}" -gt 1 ] && [ "$ancestor" != $pid ]; do
        ancestor=$(ps -o ppid= -p "$ancestor" | tr -d ' ')
    done
    [ "$ancestor" != $pid ] || server=$child
done
if [ -n "$server" ]; then
    kill -9 "$server"
    wait $pid
    is "a server that dies spoils one measurement at most" \
        "$(json 'sum("throughput_bps" in i for i in of("TCP")) >= 1')" True || diag "$(cat "$tmp/kill.out")"
else
    kill $pid
    wait $pid
    skip "a server that dies" "its process was not found"
fi
done_testing
