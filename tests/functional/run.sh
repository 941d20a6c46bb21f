#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job, end to end: two namespaces, real tools, results, exit codes, interrupts, replays.
. "${srcdir:-.}/tests/functional/functions.sh"
requires nuttcp ping ip python3
run "$VMTP" --topology namespace --protocols I --no-journal -q
case $err in *"user namespace"*) skip_all "neither root nor user namespaces: $err" ;; esac

run "$VMTP" --topology namespace --protocols TUI -t 1 --udpbuf 1024 --icmp_pkt_sizes 64,1500 \
    --test-description "rack 'twelve' <b>" --json "$tmp/out.json"
is "a run passes" "$status" 0 || diag "$err"
like "the table is on standard output" "$out" '^Summary of results'
like "with the scenario" "$out" 'Namespaces.*TCP'
unlike "no log record is on standard output" "$out" ' INFO '
like "the log tells each flow" "$err" 'INFO Flow 1: Namespaces'

json() { json_query "$tmp/out.json" "$1"; }
is "the file is valid JSON with one flow" "$(json 'len(d["flows"])')" 1
is "the description is kept to the letter" "$(json 'd["test_description"]')" "rack 'twelve' <b>"
like "run_id has seven hex digits" "$(json 'd["run_id"]')" '^[0-9a-f]{7}$'
like "run_uuid is a random UUID" "$(json 'd["run_uuid"]')" '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f-]{16}$'
is "three TCP samples" "$(json 'len(of("TCP"))')" 3
is "each with a rate" "$(json 'all(i["throughput_kbps"] > 1000 for i in of("TCP"))')" True
is "one UDP answer" "$(json 'len(of("UDP"))')" 1
is "with its trials" "$(json 'len(of("UDP")[0]["trials"]) > 1')" True
is "ICMP is the last item" "$(json 'items[-1]["protocol"]')" ICMP
is "a ping size is the size of the IP packet that was asked for" \
    "$(json '[r["packet_size"] for r in items[-1]["results"]]')" '[64, 1500]'
like "the tool says its version" "$(json 'items[0]["tool"]')" '^nuttcp-[0-9.]+$'
like "the distribution is its ID, not its version" "$(json 'flow["distro_id"]')" '^[a-z]'
is "kbit are 1000 bit" \
    "$(json 'all(abs(i["throughput_bps"] / 1000 - i["throughput_kbps"]) < 1 for i in of("TCP"))')" True

"$VMTP" replay last --json "$tmp/replayed.json" -q >/dev/null 2>&1
is "a replay exits 0" "$?" 0
ok "a replay writes the same file" cmp "$tmp/out.json" "$tmp/replayed.json"
uuid=$(json 'd["run_uuid"]')
run "$VMTP" replay "$(json 'd["run_id"]')"
like "a run is found by its run_id, and the table is printed" "$out" 'Summary of results'
run "$VMTP" replay "$tmp/state/vmtp/runs/$uuid.jsonl" --sink table:rows=measured
is "a journal is found by its path" "$status" 0
run "$VMTP" replay nothing-like-it
is "a run that is not there is an unknown name" "$status" 2

if command -v iperf >/dev/null; then
    run "$VMTP" --topology namespace --protocols T -t 1 --tp-tool iperf --json "$tmp/iperf.json"
    is "iperf measures" "$status" 0 || diag "$err"
    is "retransmits are there, 0 too" "$(json_query "$tmp/iperf.json" 'all("retrans" in i for i in of("TCP"))')" True
else
    skip "iperf measures" "iperf is not installed"
fi

# interrupted in the middle: results so far are kept
"$VMTP" --topology namespace --protocols T -t 30 --json "$tmp/cut.json" >"$tmp/cut.out" 2>"$tmp/cut.err" &
pid=$!
at_exit "kill -KILL $pid 2>/dev/null"
for _ in $(seq 100); do
    grep -q 'Flow 1' "$tmp/cut.err" && break
    sleep 0.1
done
sleep 1
kill -INT $pid
begin=$(date +%s)
wait $pid
is "an interrupt exits 130" "$?" 130
ok "soon" test $(($(date +%s) - begin)) -le 5
is "and leaves a valid file" "$(json_query "$tmp/cut.json" 'd["status"]')" interrupted

run "$VMTP" --topology namespace --protocols I --json "$tmp/no/such/directory/out.json"
is "a sink that cannot write is told before anything is measured" "$status" 3
unlike "nothing is measured then" "$err" 'Flow 1'

run "$VMTP" --topology namespace --protocols T -t 1 --tp-tool nuttcp:path=/nonexistent/nuttcp --json "$tmp/fail.json"
is "a tool that is not there fails the flow: exit 1" "$status" 1
like "and the file says why" "$(json_query "$tmp/fail.json" '[i.get("error") for i in items]')" nonexistent
is "and the run failed" "$(json_query "$tmp/fail.json" 'd["status"]')" failed

run "$VMTP" plan --topology namespace
is "a plan exits 0" "$status" 0
like "it names the flow" "$out" '^Flow 1: Namespaces'
like "and the time" "$out" 'about .* of measuring'
run "$VMTP"
is "nothing to measure is a usage error" "$status" 2
like "that teaches" "$err" '\-\-host USER@'
like "both ways" "$err" '\-\-topology namespace'
for wrong in '-t abc' '--protocols X' '--tp-tool nosuch' '--bandwidth 5' '--tcpbuf a,b' '--no-such-option' 'stray' \
    '-c /nonexistent' '--topology nosuch' '--sink nosuch' '-r /etc/hostname' \
    '--vnic-type direct' '-m 127.0.0.1:x'; do
    # shellcheck disable=SC2086 # the option and its value are two words
    run "$VMTP" --topology namespace $wrong
    is "'$wrong' exits 2" "$status" 2
done
done_testing
