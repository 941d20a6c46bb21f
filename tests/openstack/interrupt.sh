#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ctrl-C in each phase of a run: exit 130, and nothing is left. With VMTP_FULL in all of them, else in three.
. "${srcdir:-.}/tests/openstack/lab.sh"

remember
interrupted() { # interrupted PHASE: the run is under way, and in that phase
    stop_vmtp INT
    began=$(date +%s)
    wait_vmtp
    is "$1: exit 130" "$status" 130 || told
    ok "... within a minute" [ $(($(date +%s) - began)) -le 60 ]
    same "... nothing is left" || told
    is "... no ledger either" "$(ledgers)" 0
}
run_up() { start_vmtp --protocols T -t 20 --same-network-only --inter-node-only --json "$tmp/out.json"; }

if [ -n "${VMTP_FULL-}" ]; then
    run_up
    interrupted "at the start"
fi
run_up
ok "a network comes" comes 60 network
interrupted "while networks are made"
run_up
ok "a machine comes" comes 60 server
interrupted "while machines boot"
if [ -n "${VMTP_FULL-}" ]; then
    run_up
    ok "a machine is active" comes 90 server status=ACTIVE
    interrupted "while SSH is awaited"
fi
run_up
ok "a measurement begins" wait_journal 180 '"type":"flow-begin"'
sleep 5
interrupted "while it is measured"
is "... the results are written" "$(flows '[f["desc"] for f in d["flows"]]')" \
    "['VM to VM same network fixed IP (inter-node)']"
if [ -n "${VMTP_FULL-}" ]; then
    start_vmtp --protocols T -t 1 --same-network-only --inter-node-only
    ok "a flow ends" wait_journal 180 '"type":"flow-end"'
    sleep 0.5
    stop_vmtp INT
    wait_vmtp
    like "while it is removed: exit 0 or 130" "$status" '^(0|130)$'
    same "... nothing is left"
fi
done_testing
