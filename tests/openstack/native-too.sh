#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Hosts and a cloud in one command are one report, the hosts first.
. "${srcdir:-.}/tests/openstack/lab.sh"

remember
cp "$lab_state/ext/id" "$tmp/id"
chmod 600 "$tmp/id"
printf 'hosts: [{user: vmtp, host: 172.24.4.1, key_file: %s}]\n' "$tmp/id" >>"$tmp/lab.yaml"
vmtp --protocols T -t 1 --same-network-only --inter-node-only --json "$tmp/out.json"
is "a host and a cloud" "$status" 0 || told
is "... native first" "$(flows '[f["desc"] for f in d["flows"]]')" \
    "['Native intra-host', 'VM to VM same network fixed IP (inter-node)']"
is "... both passed" "$(flows '{f["status"] for f in d["flows"]}')" "{'passed'}"
same "... nothing is left"

vmtp --protocols T -t 1 --topology native-host --json "$tmp/out.json"
is "limited to hosts" "$(flows '[f["desc"] for f in d["flows"]]')" "['Native intra-host']"
done_testing
