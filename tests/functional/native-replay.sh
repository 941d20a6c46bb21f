#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# vmtp --host with a recorded dialogue in place of the hosts: no root, no network, no tool.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3

dialogue() { # dialogue CLIENT-STDOUT CLIENT-EXIT: writes $tmp/dialogue.json
    cat >"$tmp/dialogue.json" <<JSON
{"programs": {"nuttcp": "/usr/bin/nuttcp"}, "commands": [
 {"argv": ["sh", "-c", "*", "vmtp-facts"], "stdout": "kernel=6.1.0\nhostname=one\nID=debian\nVERSION_ID=\"12\"\n"},
 {"argv": ["sh", "-c", "*ip -o addr*", "sh", "eth1"],
  "stdout": "3: eth1    inet 198.51.100.1/24 brd 198.51.100.255 scope global eth1\\\\       valid_lft forever\n"},
 {"argv": ["sh", "-c", "*ip -o addr*", "sh", "eth2"], "stdout": "eth0\nlo\n", "exit": 1},
 {"argv": ["sh", "-c", "*ip -o addr*", "sh", "eth3"], "stdout": "4: eth3    inet6 fe80::1/64 scope link\n"},
 {"argv": ["nuttcp", "-V"], "stdout": "nuttcp-6.1.2\n"},
 {"argv": ["nuttcp", "-S"], "listens": [{"proto": "tcp", "port": 5002}]},
 {"argv": ["nuttcp"], "stdout": "$1", "exit": $2}
]}
JSON
}
vmtp() {
    run "$VMTP" --topology "native-host:dialogue=$tmp/dialogue.json" --protocols T -t 1 --json "$tmp/out.json" "$@"
}
json() { json_query "$tmp/out.json" "$1"; }

line='megabytes=115.3750 real_seconds=2.02 rate_Mbps=478.8968 tx_cpu=1 rx_cpu=1 retrans=0 rtt_ms=0.21'
dialogue "$line\n" 0
vmtp --host u@192.0.2.1::eth1 --host u@192.0.2.2 --inter-node-only
is "a run" "$status" 0 || diag "$err"
is "the address of the interface is dialled" "$(json 'd["flows"][0]["ip_to"]')" 198.51.100.1
is "the numbers are those of the dialogue" "$(json 'd["flows"][0]["results"][0]["throughput_bps"]')" 478896800

vmtp --host u@192.0.2.1::eth2
like "an interface that is not there" "$(json 'd["flows"][0]["results"][0]["error"]')" \
    '^u@192\.0\.2\.1 has no interface eth2; it has: eth0 lo$'
vmtp --host u@192.0.2.1::eth3
like "an interface that nobody can dial" "$(json 'd["flows"][0]["results"][0]["error"]')" \
    'interface eth3 of u@192\.0\.2\.1 has no address that other hosts can dial'
vmtp --host 'u@[fe80::1%lo]' --host u@192.0.2.2
like "an address of the local link" "$(json 'd["flows"][1]["results"][0]["error"]')" \
    'fe80::1%lo is an address of the local link, which other hosts cannot dial: name the server by another address'

dialogue 'what is this?\n' 0
vmtp --host u@192.0.2.1
is "output that is not understood" "$status $(json 'd["flows"][0]["status"]')" "1 failed"
run "$VMTP" --topology native-host --protocols T
is "without a host" "$status" 2
like "it is told what is missing" "$err" '--host USER@ADDRESS'

done_testing
