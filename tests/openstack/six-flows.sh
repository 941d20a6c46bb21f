#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A whole run in a real OpenStack: six flows between virtual machines, and nothing left.
. "${srcdir:-.}/tests/openstack/lab.sh"

remember
vmtp --protocols T -t 2 --json "$tmp/out.json"
ok "a run passes" [ "$status" = 0 ] || told
same "... and leaves nothing" || told
is "no ledger stays" "$(ledgers)" 0
[ -s "$tmp/out.json" ] || {
    tap_result 1 "a result document"
    done_testing
}

is "six flows, as described, in order" "$(flows '"\n".join(f["desc"] for f in d["flows"])')" \
    "VM to VM same network fixed IP (intra-node)
VM to VM different network fixed IP (intra-node)
VM to VM different network floating IP (intra-node)
VM to VM same network fixed IP (inter-node)
VM to VM different network fixed IP (inter-node)
VM to VM different network floating IP (inter-node)"
is "their scenarios" "$(flows '" ".join(f["scenario"] for f in d["flows"])')" "1 3 5 2 4 6"
is "their numbers" "$(flows '" ".join(str(f["number"]) for f in d["flows"])')" "1 2 3 4 5 6"
is "all passed" "$(flows '{f["status"] for f in d["flows"]}')" "{'passed'}"
is "each with three TCP results" "$(flows '{len([i for i in f["results"] if i["protocol"] == "TCP"])
    for f in d["flows"]}')" "{3}"
is "numbers that can be" "$(flows '[i for f in d["flows"] for i in f["results"]
    if not 2e7 < i["throughput_bps"] < 2e11 or not 0.01 < i["rtt_ms"] < 500]')" "[]"
like "the tool with its version" "$(flows 'items[0]["tool"]')" '^nuttcp-[0-9.]+$'

is "the floating flows dial a floating address" "$(flows '[f["ip_to"].startswith("172.24.")
    for f in d["flows"]]')" "[False, False, True, False, False, True]"
is "the same network is the same network" "$(flows '[f["ip_from"].rsplit(".", 1)[0] == f["ip_to"].rsplit(".", 1)[0]
    for f in d["flows"]]')" "[True, False, False, True, False, False]"
is "intra-node is one host, inter-node are two" "$(flows '[f["az_from"] == f["az_to"] for f in d["flows"]]')" \
    "[True, True, True, False, False, False]"
like "zone and host are told" "$(flows 'flow["az_to"]')" '^nova:compute[12]$'
is "the guest" "$(flows '{(f["distro_id"], f["distro_version"]) for f in d["flows"]}')" "{('debian', '12')}"
like "... its kernel" "$(flows 'flow["kernel"]')" '^[0-9]+\.'

document() { flows "str(d.get('$1', flow.get('$1')))"; }
is "the network type" "$(document encapsulation)" vxlan
is "the L2 agent" "$(document l2agent_type)" "Linux bridge agent"
is "the auth URL" "$(document auth_url)" "http://10.20.0.10:5000/v3"
is "the image" "$(flows 'd.get("image", flow.get("image"))')" "Debian 12"
is "the flavor" "$(flows 'd.get("flavor", flow.get("flavor"))')" "m1.small"
is "the MTU" "$(flows 'str(d.get("mtu", flow.get("mtu")))')" 1450

like "the table has the row" "$out" '\| 6\.1 .*\| PASSED'
like "... and the sum" "$out" 'PASSED: all 6 measured scenarios passed'
secret=$(cat "$lab_state/secret")
is "the password is nowhere" "$(grep -rlF -- "$secret" "$tmp/out.json" "$tmp/run.out" "$tmp/run.err" \
    "$XDG_STATE_HOME")" ""
done_testing
