#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is expected in the configuration: verdicts in every output, the exit status, what cannot be checked. Hosts are a
# recorded dialogue, so all numbers are known.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3
cd "$tmp" || exit 99

pings='PING 192.0.2.1 (192.0.2.1) 36(64) bytes of data.\n\n--- 192.0.2.1 ping statistics ---\n10 packets transmitted, '
pings=$pings'9 received, 10% packet loss, time 1801ms\nrtt min/avg/max/mdev = 0.200/0.300/0.400/0.050 ms\n'

dialogue() { # dialogue TCP-LINE [EXIT]: writes dialogue.json
    cat >dialogue.json <<JSON
{"programs": {"nuttcp": "/usr/bin/nuttcp", "ping": "/bin/ping"}, "commands": [
 {"argv": ["sh", "-c", "*", "vmtp-facts"], "stdout": "kernel=6.1.0\nhostname=one\nID=debian\nVERSION_ID=\"12\"\n"},
 {"argv": ["nuttcp", "-V"], "stdout": "nuttcp-6.1.2\n"},
 {"argv": ["nuttcp", "-S"], "listens": [{"proto": "tcp", "port": 5002}]},
 {"argv": ["nuttcp"], "stdout": "$1\n", "exit": ${2:-0}},
 {"argv": ["ping", "-V"], "stdout": "ping from iputils 20221126\n"},
 {"argv": ["ping"], "stdout": "$pings"}
]}
JSON
}
vmtp() { # vmtp CONFIGURATION ARGUMENT...
    printf '%s\n' "$1" >expect.cfg
    shift
    run "$VMTP" "$@" -c expect.cfg --topology native-host:dialogue=dialogue.json -t 1 --host u@192.0.2.1 \
        --host u@192.0.2.2
}
measure() { # measure CONFIGURATION ARGUMENT...
    configuration=$1
    shift
    vmtp "$configuration" run --json out.json --sink table "$@"
}
json() { json_query out.json "$1"; }

tcp='megabytes=115.3750 real_seconds=2.02 rate_Mbps=478.8968 tx_cpu=1 rx_cpu=1 retrans=7 rtt_ms=0.21'
dialogue "$tcp"

# --- met ---
measure 'expect: {tcp.throughput: 400M, tcp.rtt: 1ms, icmp.loss: 10%, icmp.rtt: 0.3 ms}' --protocols TI
is "all is as expected" "$status" 0 || diag "$err"
like "... the last line says so" "$out" '^PASSED: all 4 measured scenarios passed, 16 expectations met, run '
like "... the rows, too" "$out" '2 expectations met'
like "... the log, each" "$err" 'INFO flow 2: TCP throughput 479 Mbit/s is at least the expected 400 Mbit/s'
is "... and the document" "$(json '[v["status"] for f in d["flows"] for v in f["verdicts"]] == ["passed"] * 16')" True
is "... with its numbers" "$(json '[(v["expect"], v["operator"], v["limit"], v["measured"], v["unit"], v["protocol"],
    v["pkt_size"]) for v in flow["verdicts"] if v["protocol"] == "TCP"][0]')" \
    "('tcp.throughput', '>=', 400000000, 478896800, 'bit/s', 'TCP', 65536)"

# --- missed ---
measure 'tcp_tp_loop_count: 2
expect: {tcp.throughput: 5G, tcp.rtt: 1ms, icmp.loss: 1%}' --protocols TI --icmp_pkt_sizes 64 \
    --sink html:file=out.html --sink junit:file=out.xml --sink prometheus:file=out.prom --sink csv:file=out.csv
is "what is missed fails the run" "$status" 1 || diag "$err"
like "... the table says in what" "$(printf '%s' "$out" | tr -d '\n|' | tr -s ' ')" \
    'FAILED 65536 B: 479 Mbit/s.*TCP throughput 479 Mbit/s is below the expected 5 Gbit/s'
like "... and how much" "$out" '^FAILED: 4 of 4 measured scenarios failed, 4 of 6 expectations missed, run '
like "... the log" "$err" 'ERROR flow 1: TCP throughput 479 Mbit/s is below the expected 5 Gbit/s$'
is "... the document" "$(json '[(f["status"], [v["status"] for v in f["verdicts"]]) for f in d["flows"]]')" \
    "[('failed', ['failed', 'failed', 'passed']), ('failed', ['failed', 'failed', 'passed'])]"
is "... the whole run" "$(json 'd["status"]')" failed
is "... lost pings are held against it" "$(json 'flow["verdicts"][0]["text"]')" \
    'ICMP loss 10 % is above the expected 1 %'
page=$(tr '\n' ' ' <out.html)
like "... the page" "$page" '<li class="bad">[^/]*TCP throughput 479 Mbit/s is below the expected 5 Gbit/s'
like "... counts them" "$page" '<p>Expectations</p><p class="big">4 missed</p><p>of 6</p>'
like "... with what was met" "$page" '<li class="good">TCP round trip time 210 us is at most the expected 1 ms'
is "... the test report" "$(python3 -c 'import sys, xml.etree.ElementTree as tree
root = tree.parse("out.xml").getroot()
print(root.get("failures"), [c.get("message") for c in root.find("testsuite").iter("failure")])')" \
    "4 ['TCP throughput 479 Mbit/s is below the expected 5 Gbit/s', 'ICMP loss 10 % is above the expected 1 %']"
like "... with what was met there" "$(cat out.xml)" 'expected: TCP round trip time 210 us is at most the expected 1 ms'
is "... the metrics" "$(sed -n 's/^vmtp_expectation_success.*expect="\([a-z.]*\)".* \([01]\)$/\1 \2/p' out.prom |
    sort | uniq -c | tr -s ' \n' ' ')" ' 2 icmp.loss 0 2 tcp.rtt 1 2 tcp.throughput 0 '
is "... the rows of measurements" "$(python3 -c 'import csv
print([r["expected"] for r in csv.DictReader(open("out.csv", newline=""))][:3])')" \
    "['TCP throughput 479 Mbit/s is below the expected 5 Gbit/s', 'TCP throughput 479 Mbit/s is below the expected 5 \
Gbit/s', 'ICMP loss 10 % is above the expected 1 %']"

# --- again, from the journal ---
table=$(printf '%s\n' "$out")
for name in json html xml prom csv; do mv out.$name first.$name; done
run "$VMTP" replay last --sink table --json out.json --sink html:file=out.html --sink junit:file=out.xml \
    --sink prometheus:file=out.prom --sink csv:file=out.csv
is "a replay prints the same table" "$out" "$table"
for name in json html xml prom csv; do
    ok "... and makes the same out.$name" cmp out.$name first.$name
done

# --- flows, sizes, ranges ---
measure 'expect:
  tcp.throughput: 1G
  icmp[64].rtt: 0.1ms
  icmp.rtt: 1ms
  flows:
    inter-node: {tcp.throughput: [400M, <= 500M]}
    Native inter: {"icmp[64].rtt": }' --protocols TI
is "one flow may have other limits" "$status $(json '[f["status"] for f in d["flows"]]')" "1 ['failed', 'passed']"
is "... a size, too; an empty one takes it back" \
    "$(json '[[v["pkt_size"] for v in f["verdicts"] if v["protocol"] == "ICMP"] for f in d["flows"]]')" \
    '[[64, 391, 1500], [391, 1500]]'
is "... the size is named" "$(json 'flow["verdicts"][0]["text"]')" \
    'ICMP 64 B round trip time 300 us is above the expected 100 us'
is "... a range is two verdicts" \
    "$(json '[(v["operator"], v["flows"]) for v in d["flows"][1]["verdicts"] if v["protocol"] == "TCP"]')" \
    "[('>=', 'inter-node'), ('<=', 'inter-node')]"

measure 'expect: {"tcp[reverse].throughput": 1G}' --protocols T --direction both
is "one direction" "$status $(json '[(v["direction"], v["text"]) for v in flow["verdicts"]]')" \
    "1 [('reverse', 'TCP reverse throughput 479 Mbit/s is below the expected 1 Gbit/s')]"

measure 'stop_on_error: true
expect: {tcp.throughput: 1G}' --protocols T
is "a missed expectation is an error to stop at" "$status $(json 'len(d["flows"])')" '1 1'

# --- what was not measured ---
dialogue 'megabytes=115.3750 real_seconds=2.02 rate_Mbps=478.8968'
measure 'expect: {tcp.rtt: 1ms}' --protocols T
is "a number that the tool does not tell is missed" "$status $(json 'flow["verdicts"][0]["text"]')" \
    '1 TCP round trip time was not measured: nuttcp does not tell it, at most 1 ms was expected'
unlike "... and is in no output" "$(json 'flow["verdicts"]')" 'measured.:'
dialogue 'what is this?' 1
measure 'expect: {tcp.throughput: 100M}' --protocols T
is "... so is a measurement that failed" "$status $(json 'flow["verdicts"][0]["text"]')" \
    '1 TCP throughput was not measured, at least 100 Mbit/s was expected'

# --- what this run does not measure ---
dialogue "$tcp"
measure 'expect: {tcp.throughput: 100M, udp.loss: 1%, flows: {6: {tcp.throughput: 1G}}}' --protocols T \
    --sink junit:file=out.xml --sink html:file=out.html
is "what the run was not asked for is not checked" "$status" 0 || diag "$err"
like "... a warning says so" "$err" \
    'WARNING expect: udp\.loss was not checked, at most 1 % was expected: it is not part'
like "... and the table" "$out" '^Expectation: tcp\.throughput in 6 was not checked, at least 1 Gbit/s was expected'
like "... at its end, too" "$out" '^PASSED: .* passed, 2 expectations met, 2 not checked, run '
is "... the document" "$(json '[(v["status"], v["expect"]) for v in d["verdicts"]]')" \
    "[('skipped', 'udp.loss'), ('skipped', 'tcp.throughput')]"
like "... the test report" "$(cat out.xml)" 'name="expect udp\.loss"><skipped message="udp\.loss was not checked'
like "... and the page" "$(cat out.html)" '<li class="warn">udp\.loss was not checked'
measure 'expect: {udp.loss: 1%, flows: {6: {tcp.throughput: 1G}}}' --protocols T
is "a run that nothing is expected of is refused" "$status" 2
like "... with the place" "$err" \
    '^vmtp: expect\.cfg:1:20: expect: this run measures nothing of what is expected, such as'
rm -f out.json
measure 'expect: {tcp.throughput: 1M, flows: {inter-nod: {tcp.throughput: 1G}}}' --protocols T
is "a choice of no flow is refused" "$status" 2
like "... with the place and the nearest" "$err" "^vmtp: expect\.cfg:1:66: .*no flow of this run.*'inter-node'"
ok "... before anything is done" test ! -e out.json
measure 'expect: {tcp.througput: 1M}' --protocols T
is "an unknown key is refused" "$status" 2
like "... with the place and the nearest" "$err" "^vmtp: expect\.cfg:1:10: .*did you mean 'tcp\.throughput'"

# --- without measuring ---
vmtp 'expect: {tcp.throughput: 5G, udp.loss: 1%, flows: {intra-node: {tcp.throughput: [8G, <= 9G]}}}' plan --protocols T
is "vmtp plan" "$status" 0 || diag "$err"
like "... tells of a range" "$out" '^ *expected: throughput at least 8 Gbit/s, throughput at most 9 Gbit/s$'
like "... and of the others" "$out" '^ *expected: throughput at least 5 Gbit/s$'
like "... and of what will not be checked" "$out" '^Expectation: udp\.loss was not checked'
run "$VMTP" config show -c expect.cfg
like "vmtp config show has them" "$out" '^  tcp\.throughput: 5G$'
done_testing
