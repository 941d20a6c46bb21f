#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pnsdb_summary over files: upstream's options and reports, filters, formats, and documents that mean harm. How it reads
# from a server is in mongo.sh.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3
summary=$builddir/reports/pnsdb_summary
old=$srcdir/tests/fixtures/upstream

rows() { # rows EXPRESSION OPTION...: in Python; rows: what --format json prints
    expression=$1
    shift
    "$summary" --format json "$@" >"$tmp/rows.json" 2>"$tmp/rows.err" || diag "$(cat "$tmp/rows.err")"
    python3 -c 'import json, sys
rows = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$tmp/rows.json" "$expression"
}

# --- files of the old program, of ours, of a server

run "$summary" --report 0 "$old/old-program-openstack-TUI.json"
is "a file of the old program" "$status" 0 || diag "$err"
like "... its run" "$out" '^RUN: 2026-11-23 02:35:39$'
like "... its flows by what they are" "$out" \
    '^\| VM to VM same network fixed IP \(intra-node\) \| L2 Network \| Intra-node \| Fixed IP'
like "... TCP" "$out" '^\| 2414133 +\| TCP +\| nuttcp-8\.1\.4 \| 2\.26 +\| +\| 65536 +\| +\|$'
like "... UDP" "$out" '^\| 23594 +\| UDP +\| nuttcp-8\.1\.4 \| +\| 4\.57 +\| 128 '
like "... and pings" "$out" '^\| +\| ICMP +\| ping +\| +\| +\| 64 +\| 1\.928 '
unlike "... without columns that nothing has" "$out" 'distro|error'
run "$summary" -r 0 "$old"/old-program-*.json
is "several files, native flows among them" "$status $(printf '%s\n' "$out" | grep -c '^RUN: ')" '0 3'
cat "$old"/old-program-*.json >"$tmp/export.json"
is "one file of several documents" "$(rows 'len({r["run_id"] for r in rows})' "$tmp/export.json")" 3
"$VMTP" replay "$srcdir/tests/fixtures/journal/1.jsonl" -q --json "$tmp/ours.json"
is "a file of ours" "$(rows '[(r["protocol"], r["throughput_kbps"]) for r in rows[:2]]' "$tmp/ours.json")" \
    "[('TCP', 188006), ('TCP', 186467)]"
is "... with what failed" "$(rows 'sum("refused" in (r["error"] or "") for r in rows)' "$tmp/ours.json")" 3

# --- the reports

python3 - "$old/old-program-openstack-TUI.json" "$tmp/vlan.json" <<'END'
import json, sys
document = json.load(open(sys.argv[1]))
document.update(encapsulation="vlan", distro="Debian GNU/Linux 12", openstack_version="2024.1",
                test_description="Rack TWELVE", run_id="abcdef0", date="2026-02-01 08:00:00")
json.dump(document, open(sys.argv[2], "w"))
END
run "$summary" --report 1 "$tmp/vlan.json" "$old"/old-program-*.json
like "report 1 is TCP" "$out" '\| TCP '
unlike "... alone" "$out" '\| (UDP|ICMP) '
is "... of runs on vlan" "$(printf '%s\n' "$out" | grep '^RUN: ')" 'RUN: 2026-02-01 08:00:00'
like "... with what the controller told" "$out" '\| Debian GNU/Linux 12 \| 2024\.1 +\| vlan '
run "$summary" --report=2 "$tmp/vlan.json"
like "report 2 is UDP, with its columns" "$out" '^\| throughput_kbps \| protocol \| loss_rate \| pkt_size \|$'
unlike "... alone" "$out" '\| (TCP|ICMP) '
run "$summary" -r 1 --encapsulation any "$old/old-program-native-TUI.json"
like "... of any runs when asked for" "$out" '\| TCP '
run sh -c "echo 1 | '$summary' '$tmp/vlan.json'"
like "without a number it shows a menu" "$out" '^0: all results'
like "... and reads one" "$out" 'RUN: 2026-02-01'
for answer in x 3 -1 ''; do
    run sh -c "echo '$answer' | '$summary' '$tmp/vlan.json'"
    is "... '$answer' is none" "$status" 2
    like "... and told" "$err" 'Invalid option'
done

# --- filters

all="$tmp/vlan.json $old/old-program-native-TUI.json $old/old-program-openstack-T.json"
runs='sorted({r["run_id"] for r in rows})'
# shellcheck disable=SC2086 # a list of files
{
    is "--since" "$(rows "$runs" --since 2026-11-23 $all)" "['88a066f', '8b4a282']"
    is "--since, to the second" "$(rows "$runs" --since '2026-11-23 02:31:41' $all)" "['88a066f']"
    is "--until is inclusive" "$(rows "$runs" --until 2026-02-01 $all)" "['abcdef0']"
    is "--until, to the minute" "$(rows "$runs" --until 2026-11-23T01:17 $all)" "['8b4a282', 'abcdef0']"
    is "--description, whatever the case" "$(rows "$runs" --description twelve $all)" "['abcdef0']"
    is "--flow" "$(rows 'sorted({r["flow"] for r in rows})' --flow 'intra-host' $all)" "['Native intra-host']"
    is "--flow by its id" "$(rows 'sorted({r["flow"] for r in rows})' --flow namespace "$tmp/ours.json")" \
        "['Namespaces on this machine']"
    run "$summary" -r 0 --flow 'no such flow' $all
}
is "nothing that fits is no error" "$status $out" '0 '
like "... but told" "$err" 'no results'

# --- formats

run "$summary" --format csv "$tmp/vlan.json"
is "csv has a line per result" "$(python3 -c 'import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
r = rows[0]
print(len(rows) > 20, {len(r) for r in rows}, r["throughput_kbps"], r["test_description"])' "$tmp/run.out")" \
    "True {20} 2414133 Rack TWELVE"
is "json without results is a list" "$(rows rows --flow nothing "$tmp/vlan.json")" '[]'

# --- hostile documents

python3 - "$tmp" <<'END'
import json, sys
evil = "\x1b]0;owned\x07\x1b[2J\r\n=cmd|' /C calc'!A0,\"x\"\u202e<script>alert(1)</script>"
base = {"date": evil, "run_id": evil, "encapsulation": "vlan", "distro": evil, "openstack_version": {"a": evil},
        "test_description": evil, "flows": [{"desc": evil, "results": [
            {"protocol": evil, "tool": evil, "throughput_kbps": evil, "rtt_ms": [1], "pkt_size": 10**18, "error": evil},
            evil, 7, None, [], {"protocol": "TCP", "throughput_kbps": "=1+1"}]}]}
def write(name, value): json.dump(value, open(f"{sys.argv[1]}/{name}.json", "w"))
write("evil", base)
write("shapes", {"flows": [None, 3, "x", {}, {"results": 3}, {"results": "error: no VM"}, {"results": {}},
                           {"desc": 5, "results": [{}]}], "date": 4})
write("flat", {"flows": "x"})
write("none", {})
write("long", {"date": "9" * 100000, "flows": [{"desc": "\u00e4" * 5000, "results": [{"tool": "x" * 100000}]}]})
write("many", {"flows": [{"desc": "f", "results": [{}] * 300000}]})
open(sys.argv[1] + "/deep.json", "w").write("[" * 100000)
open(sys.argv[1] + "/text.json", "w").write("no json")
open(sys.argv[1] + "/list.json", "w").write("[1]")
END
for format in table csv json; do
    run "$summary" -r 0 --format $format "$tmp/evil.json"
    is "hostile text as $format" "$status" 0 || diag "$err"
    is "... nothing that a terminal obeys" "$(tr -d '\r\n' <"$tmp/run.out" | LC_ALL=C tr -d '\40-\176' | wc -c)" 0
done
is "... no formula in csv" "$("$summary" --format csv "$tmp/evil.json" | grep -cE '(^|,)"?[=+@-]')" 0
run "$summary" -r 0 "$tmp/shapes.json" "$tmp/flat.json" "$tmp/none.json"
is "members of other types" "$status" 0
like "... what is there is shown" "$out" 'error: no VM'
run "$summary" -r 0 "$tmp/long.json"
is "long text" "$status" 0
unlike "... is cut off" "$out" '.{600}'
run "$summary" --format csv "$tmp/many.json"
is "a run with ever so many results is cut" "$status $(wc -l <"$tmp/run.out")" '0 20001'
like "... and told" "$err" 'more than 20000 results'
for name in deep text list missing; do
    run "$summary" -r 0 "$tmp/$name.json"
    is "no document: $name" "$status" 1
    like "... with the file's name" "$err" "^pnsdb_summary: .*$name\.json"
done

# --- usage

run "$summary" --help
is "--help" "$status" 0
for option in server-ip server-port official; do
    like "... has --$option" "$out" "--$option"
done
like "--version" "$("$summary" -v)" '^pnsdb_summary [0-9]'
run "$summary" --server_port abc
is "options with underscores, and a port that is none" "$status" 2
like "... told" "$err" '--server-port.*abc'
for wrong in --nonsense '-r 5' '-r' '--format xml' '--since tomorrow' '-s h --uri-file x' '-p 0'; do
    # shellcheck disable=SC2086 # a list of words
    run "$summary" $wrong "$tmp/vlan.json"
    is "usage: $wrong" "$status" 2
done
if [ -w /dev/full ]; then
    "$summary" -r 0 "$tmp/vlan.json" >/dev/full 2>/dev/null
    is "a full disk is an error" "$?" 1
fi
done_testing
