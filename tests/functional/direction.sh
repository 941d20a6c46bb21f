#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Directions and parallel streams, with every throughput tool that is there. Which end sends is seen in the commands.
. "${srcdir:-.}/tests/functional/functions.sh"
requires ip tc python3
run "$VMTP" --topology namespace --tp-tool iperf3 --protocols I --no-journal -q
case $err in *"this system does not allow"* | *"user namespace"*) skip_all "no namespaces here: $err" ;; esac

json() { json_query "$tmp/out.json" "$1"; }
measure() { # measure TOOL OPTION...
    tool=$1
    shift
    run "$VMTP" --topology namespace:rate=100M --tp-tool "$tool" -t 1 --udpbuf 1024 --bandwidth 20M --debug \
        --json "$tmp/out.json" "$@"
}
commands() { printf '%s\n' "$err" | sed -n 's/.*DEBUG flow 1: on //p'; }

for tool in nuttcp iperf iperf3; do
    if ! command -v $tool >/dev/null; then
        skip "$tool in both directions" "$tool is not installed"
        continue
    fi
    protocols=TU
    [ $tool != iperf ] || protocols=T # 2.1.8 now and then sends one of two UDP streams only
    measure $tool --protocols TU --direction both
    is "$tool in both directions passes" "$status" 0 || diag "$err"
    is "$tool: TCP forward, then reverse" "$(json '[i.get("direction", "") for i in of("TCP")]')" \
        "['', '', '', 'reverse', 'reverse', 'reverse']"
    is "$tool: UDP in both directions" "$(json '[i.get("direction", "") for i in of("UDP")]')" "['', 'reverse']"
    is "$tool: statistics keep the directions apart" \
        "$(json '[(s["protocol"], s.get("direction", ""), s["n"]) for s in flow["statistics"]]')" \
        "[('TCP', '', 3), ('TCP', 'reverse', 3), ('UDP', '', 1), ('UDP', 'reverse', 1)]"
    # A second in which a stream did not get the processor says nothing; two streams with a cap each always have 40M.
    for try in 1 2 3; do
        measure "$tool" --protocols $protocols --direction both --streams 2
        outside=$(json '[i for i in items if not 14e6 < i.get("throughput_bps", 0) < 22e6]')
        [ "$status $outside" != "0 []" ] || break
        diag "try $try: exit $status, $outside"
    done
    is "$tool with two streams passes" "$status" 0 || diag "$err"
    is "$tool: the cap holds for all streams together" "$outside" '[]'
    is "$tool: the result says how many streams" "$(json '{i["streams"] for i in items}')" '{2}'
done

measure nuttcp --protocols U --direction reverse
if command -v nuttcp >/dev/null; then
    is "UDP reverse alone passes" "$status" 0 || diag "$err"
    like "nuttcp cannot: its server runs on the client" "$(commands)" '^ns-a: .*nuttcp -S '
    unlike "and not on the server" "$(commands)" '^ns-b: .*nuttcp -S '
    like "the server's side dials it" "$(commands)" '^ns-b: .*nuttcp .*-u .*-R20000K .*198\.18\.0\.1$'
    is "the result is a reverse one" "$(json '[i["direction"] for i in items]')" "['reverse']"
    is "the flow keeps its ends" "$(json 'flow["client"], flow["server"]')" "('ns-a', 'ns-b')"
    like "the table says so" "$out" '1024 B reverse: '
    like "the log, too" "$err" 'UDP reverse, 1024 bytes'
    "$VMTP" replay last --json "$tmp/again.json" -q >/dev/null 2>&1
    ok "a replay tells the same" cmp "$tmp/out.json" "$tmp/again.json"
fi
if command -v iperf3 >/dev/null; then
    measure iperf3 --protocols U --direction reverse
    like "iperf3 can: its server stays where it is" "$(commands)" '^ns-b: .*iperf3 -s '
    like "and the client asks for the other direction" "$(commands)" '^ns-a: .*iperf3 -c .* -R'
    run "$VMTP" --topology namespace:rate=100M --tp-tool iperf3 --protocols U -t 1 --udpbuf 1024 --direction reverse \
        --json "$tmp/out.json"
    is "the search works in the other direction" "$(json '[("search" in i, i["direction"]) for i in items]')" \
        "[(True, 'reverse')]" || diag "$err"
fi

run "$VMTP" plan --topology namespace --protocols TUI --direction both
like "the plan shows the direction" "$out" 'UDP .*reverse, rate search'
unlike "pings have none" "$out" 'ICMP .*reverse'
run "$VMTP" --topology namespace --direction sideways
is "another word is a usage error" "$status" 2
done_testing
