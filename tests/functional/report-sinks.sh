#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The sinks csv, junit and prometheus: from a journal, with the numbers of the json sink; failures; text that each of
# the formats would stumble over.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3

journal=$srcdir/tests/fixtures/journal/1.jsonl
cd "$tmp" || exit 99

replay() { # replay JOURNAL
    run "$VMTP" replay "$1" --json r.json --sink csv:file=r.csv --sink junit:file=r.xml --sink prometheus:file=r.prom
    is "replay of ${1##*/}" "$status" 0 || diag "$err"
}

# The numbers of the json sink, found again. d: the document.
cat >check.py <<'END'
import csv, json, sys, xml.etree.ElementTree as tree
d = json.load(open('r.json'))
items = [(flow, item) for flow in d['flows'] for item in flow['results']]
def check_csv():
    text = open('r.csv', newline='', encoding='utf-8').read()
    rows = list(csv.reader(text.splitlines(keepends=True), strict=True))
    assert text.endswith('\r\n') and len({len(row) for row in rows}) == 1, 'rows differ in length'
    rows = list(csv.DictReader(open('r.csv', newline='', encoding='utf-8')))
    want = []
    for flow, item in items:
        for ping in item.get('results', [None]):
            of = ping or item
            want.append([flow['id'], item['protocol'], str(of.get('packet_size') or of.get('pkt_size') or ''),
                         str(item.get('throughput_bps', '')), str(of.get('loss_rate', '')), of.get('rtt_avg_ms', '')])
    got = [[row[k] for k in ('flow_id', 'protocol', 'pkt_size', 'throughput_bps', 'loss_percent', 'rtt_avg_ms')]
           for row in rows]
    assert got == want, (got, want)
def check_junit():
    root = tree.parse('r.xml').getroot()
    cases = root.findall('.//testcase')
    assert int(root.get('tests')) == len(cases) and int(root.get('failures')) == len(root.findall('.//failure'))
    for suite in root.findall('testsuite'):
        assert int(suite.get('tests')) == len(suite.findall('testcase'))
        assert int(suite.get('skipped')) == len(suite.findall('.//skipped'))
    want = {(flow['desc'], item['protocol']): False for flow, item in items}
    for flow, item in items:
        failed = 'error' in item or any('error' in ping for ping in item.get('results', []))
        want[flow['desc'], item['protocol']] |= failed
    got = {(case.get('classname'), case.get('name').split()[-1]): case.find('failure') is not None
           for case in cases if case.find('skipped') is None and case.get('classname') != 'run'}
    assert got == want, (got, want)
def check_prometheus():
    values, typed = {}, set()
    for line in open('r.prom', encoding='utf-8'):
        if line.startswith('#'):
            name = line.split()[2]
            assert line.startswith('# HELP') or name not in typed, 'twice: ' + name
            typed |= {name} if line.startswith('# TYPE') else set()
            continue
        series, value = line.rsplit(' ', 1)
        assert series not in values and series.split('{')[0] in typed, series
        values[series] = float(value)
    kinds = {}
    for flow, item in items:
        if 'throughput_bps' in item and 'error' not in item:
            kinds.setdefault((flow['id'], item['protocol'], item['pkt_size'], item.get('direction'), item['tool']),
                             []).append(item['throughput_bps'] / 8)
    want = sorted(sum(v) / len(v) for v in kinds.values())
    got = sorted(v for k, v in values.items() if k.startswith('vmtp_throughput_bytes_per_second'))
    assert len(got) == len(want) and all(abs(a - b) <= 1e-9 * b for a, b in zip(got, want)), (got, want)
    assert values['vmtp_run_success'] == (d['status'] == 'passed')
globals()['check_' + sys.argv[1]]()
END

replay "$journal"
for format in csv junit prometheus; do
    ok "$format has the numbers of the json sink" python3 check.py $format
done
like "a failure has its reason in the test report" "$(cat r.xml)" '<failure message="[^"]+"/>'

# --- hostile text ---
# shellcheck disable=SC2016 # it is text
python3 - "$journal" >hostile.jsonl <<'END'
import json, sys
POISON = ['=1+2', '"quoted", and, commas', 'line\nbreak\r\n', ']]></testcase><b a="', "&amp; ' \"", 'back\\slash',
          '\x01\x1b[31m', '} 1\nvmtp_fake 1', '\ufffe\uffff\u2028', '@cmd', '#{x}']
turn = seq = 0
def tell(event):
    global seq
    seq += 'seq' in event
    print(json.dumps(dict(event, seq=seq) if 'seq' in event else event))
for line in open(sys.argv[1]):
    event = json.loads(line)
    for pair in event.get('properties', []):
        if pair[0] in ('label', 'test_description', 'client', 'ip_from', 'tool_version', 'args'):
            turn += 1
            pair[1] = POISON[turn % len(POISON)]
    if 'error' in event:
        event['error'] = POISON[turn % len(POISON)]
    if event.get('type') == 'flow-end': # what was expected, from somebody else's journal
        for text in POISON:
            tell(dict(event, type='verdict', load={'proto': 'UDP', 'message_bytes': 64}, properties=[
                ['status', 'passed'], ['text', text], ['expect', text], ['operator', text], ['limit', text]]))
    tell(event)
END
replay "$PWD/hostile.jsonl"
for format in csv junit prometheus; do
    ok "$format with hostile text has the same numbers" python3 check.py $format
done
is "no cell is a formula" "$(python3 -c 'import csv
print(sum(c[:1] in tuple("=@+") for r in csv.reader(open("r.csv", newline="")) for c in r))')" 0

# --- a run as a whole that did not work, and one that was cut off ---
head -n 12 "$journal" >cut.jsonl
run "$VMTP" replay "$PWD/cut.jsonl" --sink junit:file=cut.xml --sink prometheus:file=cut.prom
like "what a run that was killed did not measure is skipped" "$(cat cut.xml)" '<skipped '
like "... and it is no success" "$(cat cut.prom)" '^vmtp_run_success 0$'

for sink in csv junit prometheus; do
    run "$VMTP" replay "$journal" --sink "$sink:file=/no/such/folder/x"
    like "$sink says at once when it cannot write" "$status $err" '^[13] .*no/such/folder'
done

# --- their own readers ---
if command -v promtool >/dev/null; then
    ok "promtool finds nothing" sh -c 'promtool check metrics <r.prom'
else
    skip "promtool finds nothing" "promtool is not installed (package prometheus)"
fi
head -n 1 r.csv | tr -d '\r' | tr ',' '\n' | sort >columns.sink
sed -n "/^var ofRun/,/^function asItem/s/'[^']*'/\n&\n/gp" "$srcdir/plugins/sinks/html/page.js" |
    sed -n "s/^'\(.*\)'\$/\1/p" | sed 's/^id$/flow_id/; s/^desc$/flow/; s/^loss_rate$/loss_percent/; $a protocol' |
    sort >columns.page
ok "the page saves the same columns" diff columns.sink columns.page

done_testing
