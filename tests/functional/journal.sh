#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Journals stay readable for ever: those of every version that there was lie in tests/fixtures/journal/ and are never
# changed. A new version of the journal adds a file and a part here.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3

journals=$srcdir/tests/fixtures/journal
json() { json_query "$tmp/out.json" "$1"; }
replay() { run "$VMTP" replay "$1" --json "$tmp/out.json" --sink table; }

replay "$journals/1.jsonl"
is "a journal of version 1 is replayed" "$status" 0 || diag "$err"
like "... the table" "$out" '^FAILED|FAILED: 3 of 6|Failed Scenarios: *3'
is "... the run" "$(json '(d["run_uuid"], d["status"], d["test_description"])')" \
    "('0a1b2c3d-1111-4222-8333-444455556666', 'failed', 'journal of version 1')"
is "... its flows" "$(json '[(f["desc"], f["status"]) for f in d["flows"]]')" \
    "[('Namespaces on this machine', 'passed'), ('Native inter-host', 'failed')]"
is "... TCP" "$(json '[(i["pkt_size"], i["throughput_kbps"]) for i in of("TCP")]')" \
    '[(65536, 188006), (65536, 186467)]'
is "... UDP and its trials" "$(json '[(i["pkt_size"], i["throughput_kbps"], len(i["trials"])) for i in of("UDP")]')" \
    '[(1024, 118620, 11)]'
is "... intervals" "$(json 'len(of("TCP")[0]["samples"])')" 5
is "... pings" "$(json '[(r["packet_size"], r["rtt_avg_ms"]) for r in items[-1]["results"]]')" \
    "[(64, '0.046'), (1500, '0.034')]"
like "... and what failed" "$(json 'd["flows"][1]["results"][0]["error"]')" \
    '^root@192\.0\.2\.2: tried for 3 s: .*Connection refused$'

# cut off anywhere behind the first event: what was finished by then
for bytes in 800 5000 12000 18000; do
    head -c $bytes "$journals/1.jsonl" >"$tmp/torn.jsonl"
    replay "$tmp/torn.jsonl"
    is "cut off after $bytes bytes it is replayed" "$status $(json 'd["status"]')" '0 incomplete' || diag "$err"
done
is "... with the results that are whole" "$(json '[(i["pkt_size"], i["throughput_kbps"]) for i in of("TCP")][:1]')" \
    '[(65536, 188006)]'
sed '1s/"vmtp_journal":1/"vmtp_journal":99/' "$journals/1.jsonl" >"$tmp/newer.jsonl"
replay "$tmp/newer.jsonl"
is "one of a newer version is refused" "$status" 1
like "... with the words for it" "$err" 'version 99'

# A run that could not begin is not the last one.
runs=$XDG_STATE_HOME/vmtp/runs
mkdir -p "$runs"
cp "$journals/1.jsonl" "$runs/0a1b2c3d-1111-4222-8333-444455556666.jsonl"
run "$VMTP" --topology namespace --protocols T -t 1 --json "$tmp/no/such/directory/out.json"
is "a run whose output cannot be written: exit 3" "$status" 3
is "... leaves no journal" "$(ls "$runs")" 0a1b2c3d-1111-4222-8333-444455556666.jsonl
replay last
is "... and the last run is still the one before" "$status $(json 'd["run_uuid"]')" \
    '0 0a1b2c3d-1111-4222-8333-444455556666'

# a place that cannot be written
run env XDG_STATE_HOME=/proc/nowhere "$VMTP" --topology namespace --protocols T -t 1
is "no place for the journal: exit 3" "$status" 3
like "... it is said what for, and how to do without" "$err" 'journal of the run .*--no-journal .*cannot make directory'

# what is no journal
printf '{\n    "flows": []\n}\n' >"$tmp/result.json"
run "$VMTP" replay "$tmp/result.json"
is "a JSON result is no journal" "$status" 1
like "... and what reads it is told" "$err" \
    '^vmtp: .*result\.json:1: not a journal of VMTP; a result in a JSON file .* vmtp compare'
for name in "$tmp/nothing.jsonl" nothing; do
    run "$VMTP" replay "$name"
    is "$name: one that is not there is a usage error" "$status" 2
    like "... that names it" "$err" 'nothing'
done
done_testing
