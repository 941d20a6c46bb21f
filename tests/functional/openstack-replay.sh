#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A whole run in a cloud that was recorded: what is made, in which order, with which words, and that it is all removed.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/openstack.sh"

play "$srcdir/tests/fixtures/openstack/run-admin.jsonl" '[]' --topology "fixed-ip:dialogue=$tmp/hosts.json" \
    --topology "floating-ip:dialogue=$tmp/hosts.json" --debug --json "$tmp/out.json"
is "a run" "$status" 0 || told
is "... asks for nothing that was not asked before" "$(printf '%s\n' "$log" | grep '^UNEXPECTED')" ""
is "... sends the same bodies" "$(printf '%s\n' "$log" | grep '^BODY')" ""
is "... leaves out no change" "$(printf '%s\n' "$log" | grep '^MISSING')" ""
is "... without requests that fail" "$(printf '%s\n' "$log" | grep -E '^5|^4' | grep -v '^404 GET')" ""
changes=$(printf '%s\n' "$log" | grep -E '^2[0-9]* (POST|PUT|DELETE)' |
    sed 's#^2[0-9]* \([A-Z]*\) http://[^/]*/v[0-9.]*/\([a-z-]*\).*#\1 \2#' | uniq)
before() { # before FIRST SECOND: the last of the first kind comes before the first of the second kind
    # shellcheck disable=SC2317 # called by ok
    printf '%s\n' "$changes" | awk -v a="$1" -v b="$2" '
        $0 == a { last = NR } $0 == b && !first { first = NR } END { exit !(last && first && last < first) }'
}
ok "... networks before machines" before "POST networks" "POST servers"
ok "... machines go before ports and groups" before "DELETE servers" "DELETE security-groups"
ok "... routers go before networks" before "DELETE routers" "DELETE networks"
is "... each machine is asked for its nuttcp before the first flow, while others boot" \
    "$(sed '/Flow 1:/q' "$tmp/run.err" | grep -cE 'DEBUG on Test[A-Za-z0-9]*: .*nuttcp -V$')" 5
is "... all machines are asked for before one of them is looked at" "$(printf '%s\n' "$log" |
    awk '/POST .*\/servers$/ { n++ } /GET .*\/servers\/detail/ { print n; exit }')" 5
is "... the ports of a machine that is ours alone are not searched: one look before its server starts" \
    "$(sed -n '/Flow 1:/,/nuttcp -S/p' "$tmp/run.err" | grep -cE 'DEBUG flow 1: on TestServer1: grep')" 1
for flow in 2 3 4 5 6; do
    is "... flow $flow runs one command to try the path and one for each measurement" \
        "$(grep -cE "DEBUG flow $flow: on Test" "$tmp/run.err")" 4
done
is "... passes all flows" "$(json_query "$tmp/out.json" '{f["status"] for f in d["flows"]}')" "{'passed'}"
is "... with the numbers of the hosts" "$(json_query "$tmp/out.json" \
    '{i["throughput_bps"] for f in d["flows"] for i in f["results"]}')" "{478896800}"
is "... and no secret in the output" "$(grep -l abracadabra "$tmp/out.json" "$tmp/run.out" "$tmp/run.err")" ""
done_testing
