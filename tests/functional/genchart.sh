#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# vmtp-genchart: options, what it says when something is wrong, old and new results, Markdown, the browser. What a page
# looks like in a browser is in html-page.sh.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3

genchart=$builddir/reports/vmtp-genchart
old=$srcdir/tests/fixtures/upstream
new=$srcdir/tests/fixtures/report
cd "$tmp" || exit 99

# The page as a parser sees it: balanced, no script but ours, no address outside, no handler.
cat >check.py <<'END'
import html.parser, json, re, sys
VOID = {'meta', 'link', 'br', 'path', 'rect'}
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.bad, self.data, self.words = [], [], [], []
    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            address = name in ('src', 'href', 'action', 'xlink:href') and value != 'data:,'
            if address or name.startswith('on') or name == 'style':
                self.bad.append('%s %s=%s' % (tag, name, value))
        self.imply(tag)
        if tag not in VOID:
            self.open.append(tag)
    def imply(self, tag):
        if tag in ('td', 'th', 'tr', '/tbody', '/tr') and self.open[-1:] in (['td'], ['th']):
            self.open.pop()
        if tag in ('tr', '/tbody') and self.open[-1:] == ['tr']:
            self.open.pop()
    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()
    def handle_endtag(self, tag):
        self.imply('/' + tag)
        if not self.open or self.open.pop() != tag:
            self.bad.append('</%s> out of place' % tag)
    def handle_data(self, data):
        (self.data if self.open[-1:] == ['script'] else self.words).append(data)
page = Page()
text = open(sys.argv[1], encoding='utf-8').read()
page.feed(text)
page.close()
page.bad += page.open
if re.search(r'@import|url\(|https?://(?!10\.|192)', text.split('<script type')[0].replace('&#58;', ':')):
    page.bad.append('a request')
if page.bad:
    sys.exit('\n'.join(page.bad))
if len(sys.argv) > 2:
    same = [json.loads(t) for t in page.data[:-1]] == [json.load(open(f)) for f in sys.argv[2:]]
    sys.exit(not same)
END

# --- options ---
run "$genchart" --version
is "--version needs no file" "$status" 0
like "... and says it" "$out" '^vmtp-genchart 3\.'
run "$genchart" -h
like "-h lists the options" "$out" '--markdown'
run "$genchart"
is "without a file: usage" "$status" 2
like "... in words" "$err" 'at least one JSON file'
run "$genchart" -c x.html missing.json
is "a missing file: 1" "$status" 1
like "... named" "$err" 'missing\.json: No such file'
is "... and no page" "$(ls x.html 2>/dev/null)" ''
run "$genchart" -p sctp -c x.html "$old/old-program-native-TUI.json"
is "an unknown protocol: usage" "$status" 2
run "$genchart" --colour "$old/old-program-native-TUI.json"
is "an unknown option: usage" "$status" 2
run "$genchart" -b "$old/old-program-native-TUI.json"
is "-b without -c: usage" "$status" 2
printf '{"flows": [' >broken.json
run "$genchart" -c x.html broken.json
is "what is not JSON: 1" "$status" 1
like "... with its place" "$err" 'broken\.json:1:[0-9]+: not JSON'
echo '[1, 2]' >other.json
run "$genchart" -c x.html other.json
like "what is no result is named" "$err" 'other\.json: not a result of VMTP'
run "$genchart" -c "$tmp/no/such/folder/x.html" "$old/old-program-native-TUI.json"
is "a file that cannot be written: 1" "$status" 1

# --- pages ---
run "$genchart" -c old.html "$old/old-program-openstack-TUI.json"
is "a result of the old program" "$status" 0
like "... the file is named" "$out" '^Generating old\.html$'
ok "... gives a sound page with all of its data" python3 check.py old.html "$old/old-program-openstack-TUI.json"
for file in "$old"/*.json "$new"/*.json; do
    run "$genchart" -c page.html "$file"
    ok "${file##*/}: a sound page" python3 check.py page.html "$file"
done
run "$genchart" -c both.html "$old"/old-program-openstack-T*.json
sed 's/"throughput_kbps": [0-9]*/"error": "refused"/' "$old/old-program-openstack-T.json" >failed.json
"$genchart" -c failed.html failed.json "$old/old-program-openstack-T.json" >/dev/null
ok "one that failed beside one that did not: a sound page" python3 check.py failed.html failed.json \
    "$old/old-program-openstack-T.json"
like "... with crosses beside the columns" "$(tr '\n' ' ' <failed.html)" \
    '<g class="m r0"><title>L2, intra-node TCP 65536 B failed: refused</title>.*<path class="cross"'
ok "two results: a sound page" python3 check.py both.html "$old"/old-program-openstack-T*.json
like "... with the change" "$(sed -n '/<main>/,/application.json/p' both.html)" '<td class="down">-10\.4 %<'
"$genchart" "$old/old-program-openstack-T.json" >stdout.html
ok "without -c: to standard output" python3 check.py stdout.html "$old/old-program-openstack-T.json"
"$genchart" -p tcp "$old/old-program-native-TUI.json" >tcp.html
is "-p tcp draws no UDP" "$(grep -c 'UDP 1024 B' tcp.html)" 0
"$genchart" -p UDP "$old/old-program-native-TUI.json" >udp.html
is "-p UDP draws no TCP" "$(grep -c 'TCP 65536 B' udp.html)" 0

# --- what there is in the wild: pings of before 2.3, texts instead of lists, nothing at all ---
cat >wild.json <<'END'
{"args": "vmtp", "date": "2014-11-20 12:00:00", "version": "2.0.0", "nic_name": "82599ES", "cpu_info": null,
 "flows": [
  {"desc": "VM to VM same network fixed IP (inter-node)", "results": [
    {"protocol": "ICMP", "tool": "ping", "rtt_avg_ms": "0.527", "rtt_max_ms": "2.313", "rtt_min_ms": "0.356",
     "rtt_stddev": "0.601", "rx_packets": "10", "tx_packets": "10"},
    {"protocol": "TCP", "throughput_kbps": 9000000, "pkt_size": 65536, "tool": "nuttcp-7.3.2", "rtt_ms": 0.62,
     "cpu_load": {"192.0.2.11": [6.4, 7.6], "192.0.2.12": []}}]},
  {"desc": "External-VM", "results": [
    {"protocol": "TCP", "throughput_kbps": 941000, "pkt_size": 65536},
    {"protocol": "TCP", "throughput_kbps": 800000, "pkt_size": 65536, "direction": "reverse"},
    {"protocol": "ICMP", "results": [{"packet_size": 64, "error": "ping failed"}, "?"]}]},
  {"desc": "Native inter-host", "results": "error: no VM"},
  {"desc": "Native intra-host", "results": ["error: no VM"]},
  {"results": {}}, {}, 7, null, "x"
 ]}
END
run "$genchart" -c wild.html wild.json
is "files of other generations" "$status" 0
ok "... give a sound page" python3 check.py wild.html wild.json
page=$(sed -n '/<main>/,/application.json/p' wild.html | tr '\n' ' ')
like "... with pings of before 2.3" "$page" '<td>0\.356 ms<td>0\.527 ms<td>2\.31 ms<td>0\.601 ms<'
like "... up and down" "$page" '>Upload</text>.*>Download</text>'
like "... the failure of a flow" "$page" 'error: no VM'
like "... which is a cross in the chart" "$page" \
    '<g class="m lost"><title>Native, inter-host failed: error: no VM</title>'
like "... the load of the nodes" "$page" '192\.0\.2\.11: 7\.00 \(largest 7\.60\)'
like "... the properties" "$page" 'NIC name<td>82599ES'
unlike "... and no property without a value" "$page" 'CPU Info'
echo '{"flows": []}' >empty.json
run "$genchart" -c empty.html empty.json
ok "a result without flows gives a sound page" python3 check.py empty.html empty.json
like "... which says so" "$(sed -n '/<main>/,/application.json/p' empty.html)" 'Nothing measured'

# --- what VMTP does not measure yet is drawn when it is there ---
cat >later.json <<'END'
{"schema_version": 1, "verdicts": ["the sender limits"], "flows": [
  {"desc": "VM to VM same network fixed IP (inter-node)", "scenario": "2", "status": "failed",
   "verdict": {"text": "TCP below what was expected", "status": "failed"}, "results": [
    {"protocol": "TCP", "throughput_bps": 9000000000, "pkt_size": 65536, "verdict": "the receiver is busy",
     "rtt_min_ms": 0.31, "rtt_avg_ms": 0.72, "rtt_max_ms": 4.05, "rtt_stddev_ms": 0.21,
     "cpu_load": [{"host": "cmp-1", "load": [3.5, 4.5]}]},
    {"protocol": "ICMP", "results": [{"packet_size": 64, "rtt_min_ms": "0.4", "rtt_avg_ms": "0.9", "rtt_max_ms": "8.1",
                                      "rtt_stddev": "0.5", "load": "UDP 1024 B"}]}]}]}
END
run "$genchart" -c later.html later.json
ok "a result with more than ours has" python3 check.py later.html later.json
page=$(sed -n '/<main>/,/application.json/p' later.html | tr '\n' ' ')
like "... verdicts of the run, a flow, a result" "$page" \
    '<li class="bad"><b>VM to VM[^<]*</b>: TCP below what was expected.*the sender limits.*the receiver is busy'
like "... round trips under load" "$page" 'UDP 1024 B<td><td>0\.400 ms<td>0\.900 ms<td>8\.10 ms'
like "... as a measurement tells them itself" "$page" \
    '<td>0\.310 ms<td>0\.720 ms<td>4\.05 ms<td>0\.210 ms'
like "... and the load of nodes" "$page" 'cmp-1: 4\.00 \(largest 4\.50\)'
python3 -c 'import json
def tcp(loads):
    return {"protocol": "TCP", "throughput_bps": 9e9, "pkt_size": 65536, "cpu_load": loads}
nodes = {"192.0.2.%d" % i: [i] for i in range(1, 12)}
print(json.dumps({"flows": [{"desc": "Native inter-host", "results": [
    {"protocol": "TCP", "throughput_bps": 1e9, "pkt_size": 65536}, tcp(nodes),
    tcp({"192.0.2.3": [31, 41], "x": []})]}]}))
' >nodes.json
run "$genchart" -c nodes.html nodes.json
ok "a result with many nodes" python3 check.py nodes.html nodes.json
page=$(sed -n '/<main>/,/application.json/p' nodes.html | tr '\n' ' ')
like "... over all samples, the busiest first" "$page" \
    '<td class="txt">192\.0\.2\.3: 25\.0 \(largest 41\.0\)<br>192\.0\.2\.11: 11\.0 \(largest 11\.0\)<br>'
like "... not all of them" "$page" '192\.0\.2\.5: [^<]*<br><span class="soft">and 3 that are less busy</span>'

# --- the sink ---
run "$VMTP" replay "$srcdir/tests/fixtures/journal/1.jsonl" --sink html:file=sink.html --json sink.json
is "the sink html" "$status" 0 || diag "$err"
"$genchart" -c again.html sink.json >/dev/null
ok "... makes the page of its document" cmp sink.html again.html
mkfifo pipe
cat pipe >piped.html &
run "$VMTP" replay "$srcdir/tests/fixtures/journal/1.jsonl" --sink html:file=pipe
wait
ok "... into a pipe, too" cmp piped.html again.html
run "$VMTP" replay "$srcdir/tests/fixtures/journal/1.jsonl" --sink html:file=/no/such/folder/x.html
like "... and says at once when it cannot write" "$status $err" '^[13] .*no/such/folder'
run "$VMTP" replay "$srcdir/tests/fixtures/journal/1.jsonl" --sink html
like "... or has no file" "$err" 'file'

# --- the example that is shipped ---
run "$genchart" -c example.html "$srcdir/examples/report/example.json"
ok "the example page is what the example result gives" cmp example.html "$srcdir/examples/report/example.html"

# --- Markdown ---
run "$genchart" --markdown "$old/old-program-native-TUI.json"
is "--markdown" "$status" 0
like "... has a row for a measurement" "$out" \
    '^\| Native intra-host \| TCP 65536 B \| 20\.8 Gbit/s \| 3 \| 18\.1 Gbit/s to 22\.7 Gbit/s \|'
like "... and one for a ping" "$out" \
    '^\| Native intra-host \| 64 \| 0\.032 ms \| 0\.023 ms \| 0\.041 ms \| 0\.006 ms \| 0 % \|'
is "... each with all of its columns" "$(printf '%s\n' "$out" | awk -F'|' '/^\|/ && NF != 4 && NF != 10')" ''
run "$genchart" --markdown later.json
like "... verdicts" "$out" '^\*\*VM to VM same network fixed IP \(inter-node\)\*\*: TCP below what was expected$'
like "... of the run, too" "$out" '^\*\*This run\*\*: the sender limits$'
cat >hostile.json <<'END'
{"test_description": "|\n\n| --- | www.evil.example you@evil.example", "flows": [
 {"desc": "a | b\n# c <b>@you</b> [x](http://y) `z` ![i](http://z/i) Www.evil.example https://evil.example",
  "verdict": {"text": "you@evil.example", "status": "failed"}, "warnings": ["| www.evil.example"],
  "results": [{"protocol": "TCP", "error": "~~s~~ *e* __b__ #123 <script>alert(1)</script> xmpp:a@b.example"}]}]}
END
run "$genchart" --markdown hostile.json
unlike "... and no markup from a result" "$out" '<b>|\]\(|@you|^# c|^\| --- \|$'
if command -v cmark-gfm >/dev/null; then
    cmark-gfm -e table -e autolink -e strikethrough --unsafe "$tmp/run.out" >rendered.html
    is "... nor when it is rendered" "$(grep -oE '<[a-z]+' rendered.html | sort -u | tr '\n' ' ')" \
        '<h <p <strong <table <tbody <td <th <thead <tr '
    unlike "... nothing that is looked for behind that" "$(sed 's/<[^>]*>//g' rendered.html)" \
        '@[a-z]|#[0-9]|://|[wW][wW][wW]\.'
else
    skip "... nor when it is rendered" "cmark-gfm is not installed"
fi

# --- the browser ---
cat >browser <<END
#!/bin/sh
for word; do printf '%s\n' "\$word"; done >"$tmp/opened"
END
chmod +x browser
BROWSER="$tmp/browser --new %s:other" "$genchart" -b -c 'a;page.html' "$old/old-program-native-TUI.json" >/dev/null
is "-b gives the page to BROWSER as one word" "$(cat opened)" "--new
file://$tmp/a;page.html"
BROWSER=false
export BROWSER
run "$genchart" -b -c x.html "$old/old-program-native-TUI.json"
is "a browser that fails: 1" "$status" 1
like "... with the remedy" "$err" 'set BROWSER'
unset BROWSER

done_testing
