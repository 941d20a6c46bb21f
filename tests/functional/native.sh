#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Flows between hosts that exist: vmtp --host, over real SSH servers, end to end.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
requires nuttcp python3

hosts_make
sshd_start a && sshd_start b || exit 99
mkdir -p "$HOME/.ssh"
cp "$keys/ed25519" "$HOME/.ssh/id_ed25519"
a=root@192.0.2.1
b=root@192.0.2.2
printf 'tcp_tp_loop_count: 1\nssh_timeout: 2\n' >"$tmp/quick.yaml"
vmtp() { # vmtp OPTION...: sets $status, $out, $err, $elapsed
    rm -f "$tmp/out.json"
    vmtp_begin=$(date +%s%N)
    run on_operator "$VMTP" -c "$tmp/quick.yaml" --protocols T -t 1 --json "$tmp/out.json" "$@"
    elapsed=$((($(date +%s%N) - vmtp_begin) / 1000000))
}
json() { json_query "$tmp/out.json" "$1"; }
flows() { json '[(f["desc"], f["client"], f["ip_from"], f["ip_to"], f["status"]) for f in d["flows"]]'; }

vmtp --host "$a" --host "$b"
is "two hosts" "$status" 0 || diag "$err"
is "give two flows, the server's own host first" "$(flows)" \
    "[('Native intra-host', '$a', '192.0.2.1', '192.0.2.1', 'passed'), \
('Native inter-host', '$b', '192.0.2.2', '192.0.2.1', 'passed')]"
is "each with its numbers" "$(json 'all(i["throughput_kbps"] > 1000 for f in d["flows"] for i in f["results"])')" True
is "and the name of its host" "$(json '[f["hostname"] for f in d["flows"]]')" "['host-a', 'host-b']"
is "nothing of ours runs there any more" "$(ip netns pids "$net-a" | xargs ps -o comm= -p | sort -u)" sshd

vmtp --host "$b" --host "$a" --host "$b"
is "the first host is the server; one that is named twice is measured once" "$(flows)" \
    "[('Native intra-host', '$b', '192.0.2.2', '192.0.2.2', 'passed'), \
('Native inter-host', '$a', '192.0.2.1', '192.0.2.2', 'passed')]"
vmtp --host "$a" --host "$b" --inter-node-only
is "--inter-node-only" "$(flows)" "[('Native inter-host', '$b', '192.0.2.2', '192.0.2.1', 'passed')]"
vmtp --host "$a" --inter-node-only
is "with one host there is still its own flow" "$(json '[f["desc"] for f in d["flows"]]')" "['Native intra-host']"

vmtp --host "$a::eth1" --host "$b" --inter-node-only
is "the address of a named interface is dialled" "$(json 'd["flows"][0]["ip_to"]')" 198.51.100.1
vmtp --host 'root@[2001:db8::1]::eth1' --host 'root@[2001:db8::2]' --inter-node-only
is "of the family of the SSH connection" "$(flows)" \
    "[('Native inter-host', 'root@2001:db8::2', '2001:db8::2', '2001:db8:1::1', 'passed')]"
vmtp --host "$a::eth7" --host "$b" --inter-node-only
is "an interface that is not there" "$status" 1
like "is told, with those that are" "$(json 'd["flows"][0]["results"][0]["error"]')" \
    "^$a has no interface eth7; it has: eth0 eth1 lo\$"

vmtp --host "$a" --host root@192.0.2.77 --host "$b"
is "a host that is not there" "$status" 1
is "fails its flow, the others run" "$(json '[(f["client"], f["status"]) for f in d["flows"]]')" \
    "[('$a', 'passed'), ('root@192.0.2.77', 'failed'), ('$b', 'passed')]"
like "the reason is told" "$(json 'd["flows"][1]["results"][0]["error"]')" \
    '^root@192\.0\.2\.77: tried for [0-9] s: cannot connect to 192\.0\.2\.77 port 22: '
vmtp --host root@192.0.2.77 --host "$b"
is "a server that is not there fails all" "$status $(json '[f["status"] for f in d["flows"]]')" "1 ['failed', 'failed']"
# longer than a topology may take that only answers
echo 'ssh_timeout: 45' >"$tmp/patient.yaml"
vmtp -c "$tmp/patient.yaml" --host root@192.0.2.77 --host "$b" --inter-node-only
like "a host that is silent is tried for as long as asked" "$status $(json 'd["flows"][0]["results"][0]["error"]')" \
    '^1 root@192\.0\.2\.77: tried for 4[0-9] s: cannot connect'

rm "$HOME/.ssh/id_ed25519" # it would be tried next
vmtp --host "tester@192.0.2.1:not-it" --host "$b"
is "a wrong password exits 1" "$status" 1
ok "... without trying again for as long as a host may take to boot" [ "$elapsed" -lt 20000 ] || diag "$elapsed ms"
like "with the reason in the result file" "$(json 'd["flows"][0]["results"][0]["error"]')" \
    '^tester@192\.0\.2\.1 does not let us in; refused: password'
unlike "the password is nowhere" "$out$err$(cat "$tmp/out.json" "$tmp/state/vmtp/runs/"*)" 'not-it'

run "$VMTP" plan --protocols T --host "$a" --host "$b"
like "a plan names the flows" "$out" 'Native intra-host'
is "without reaching a host" "$status" 0

done_testing
