#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two runs at once in one project: the first ends and removes its own while the second measures.
. "${srcdir:-.}/tests/openstack/lab.sh"

remember
set -- --same-network-only --inter-node-only --protocols T
start_vmtp "$@" -t 1 --json "$tmp/first.json"
ok "the first makes a network" comes 60 network
first_job=$vmtp_job first_err=$tmp/first.err
mv "$tmp/run.err" "$first_err"
mv "$tmp/run.out" "$tmp/first.out"
first_journal=$(journal)
rm -f "$tmp/vmtp.pid"
start_vmtp "$@" -t 20 --json "$tmp/second.json"
wait "$first_job"
status=$?
is "the first run passes" "$status" 0 || sed 's/^/# /' "$first_err"
ok "the second is still under way" test -e "/proc/$vmtp_job"
second_journal=$(find "$XDG_STATE_HOME/vmtp/runs" -name '*.jsonl' ! -path "$first_journal")
# shellcheck disable=SC2317 # called by ok
measures() {
    for _ in $(seq 900); do
        grep -q '"type":"flow-begin"' "$second_journal" && return
        sleep 0.2
    done
    return 1
}
ok "it measures, in a run of its own" measures
wait_vmtp
is "the second run passes" "$status" 0 || told
is "both have a flow" "$(for n in first second; do json_query "$tmp/$n.json" 'flow["status"]'; done | sort -u)" passed
same "nothing is left"
is "no ledger stays" "$(ledgers)" 0
done_testing
