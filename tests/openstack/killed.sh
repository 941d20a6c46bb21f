#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A run that was killed, and one that keeps all on purpose: `vmtp cleanup` removes it.
. "${srcdir:-.}/tests/openstack/lab.sh"

remember
set -- --same-network-only --inter-node-only --protocols T -t 20
cleaned() { # cleaned NAME
    vmtp cleanup last --dry-run
    is "$1: a dry run says what would go" "$status" 4 || told
    vmtp cleanup last
    is "... cleanup" "$status" 0 || told
    same "... removes it"
    is "... and the ledger" "$(ledgers)" 0
}
for phase in network server measured; do
    start_vmtp "$@"
    case $phase in
    measured) ok "a measurement begins" wait_journal 180 '"type":"flow-begin"' ;;
    *) ok "a $phase comes" comes 90 $phase ;;
    esac
    stop_vmtp KILL
    wait_vmtp 2>/dev/null
    cleaned "killed, phase $phase"
done

vmtp --same-network-only --protocols T -t 1 --keep-first-flow-and-exit --json "$tmp/out.json"
is "the first flow is kept" "$status" 0 || told
is "... and measured" "$(flows '[f["status"] for f in d["flows"]][0]')" passed
like "... it says how it is removed" "$out$err" 'vmtp cleanup [0-9a-f-]+'
ok "... machines run" [ "$(cloud count server)" -ge 1 ]
cleaned "what was kept"
done_testing
