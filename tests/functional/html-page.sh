#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page in a browser: nothing on its console, no request, whatever text is in the result; what is drawn are the
# numbers of the file; narrow screens; what its buttons save. VMTP_TEST_KEEP=DIRECTORY keeps screenshots there.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || skip_all "chromium is not installed"

genchart=$builddir/reports/vmtp-genchart
old=$srcdir/tests/fixtures/upstream/old-program-openstack-TUI.json
new=$srcdir/tests/fixtures/report/native.json
cd "$tmp" || exit 99

browse() { # browse ARGUMENT...: what browser.py says is in seen.json, or the test ends
    python3 "$srcdir/tests/functional/browser.py" "$@" >seen.json 2>browser.err || {
        diag "$(cat browser.err)"
        ok "the browser works" false
        done_testing
    }
}
seen() { # seen EXPRESSION: in Python; s: what was seen
    python3 -c 'import json, sys
s = json.load(open("seen.json"))
print(eval(sys.argv[1]))' "$1"
}
quiet='[s[k] for k in ("console", "exceptions", "log", "dialogs", "requests")]'
shot() { # shot NAME PAGE [ARGUMENT...]
    shot_file=${VMTP_TEST_KEEP:-}/$1.png shot_page=$2
    shift 2
    [ -z "${VMTP_TEST_KEEP:-}" ] || browse --shot "$shot_file" "$@" "$shot_page"
}

# --- what is drawn ---
cat >drawn.js <<'END'
[...document.querySelectorAll('section')].filter(s => s.firstChild.textContent === 'Throughput').flatMap(section =>
    [...section.querySelectorAll('figure')].flatMap(figure => {
        const ticks = [...figure.querySelectorAll('.tick text')].slice(0, -1);
        const axis = ticks.map(t => [+t.textContent, +t.getAttribute('y') - 3.5]);
        const [low, high] = [axis[0], axis[axis.length - 1]];
        const unit = [...figure.querySelectorAll('.tick text')].pop().textContent;
        return [...figure.querySelectorAll('.m')].map(m => {
            const d = m.querySelector('.fill').getAttribute('d').match(/-?[\d.]+/g).map(Number);
            const top = d[2] + d[6];
            return {family: figure.querySelector('figcaption').textContent, css: m.getAttribute('class'),
                    title: m.querySelector('title').textContent,
                    label: +m.querySelector('text').textContent, unit: unit,
                    height: (low[1] - top) / (low[1] - high[1]) * high[0], pixel: high[0] / (low[1] - high[1])};
        });
    }))
END
cat >compare.py <<'END'
import json, re, sys
FAMILIES = [('same network', 'L2'), ('floating', 'L3 floating'), ('different', 'L3 fixed'), ('Native', 'Native')]
FACTOR = {'kbit/s': 1e3, 'Mbit/s': 1e6, 'Gbit/s': 1e9}
drawn = json.load(open('seen.json'))['values'][0]
want = {}
several = len(sys.argv) > 2
for run, name in enumerate(sys.argv[1:]):
    for flow in json.load(open(name))['flows']:
        for item in flow['results']:
            if item['protocol'] != 'ICMP':
                desc = flow['desc']
                family = next(name for words, name in FAMILIES if words in desc)
                place = family + ', ' + re.search('int(ra|er)-(node|host)', desc)[0]
                want.setdefault((run, place, '%s %d B' % (item['protocol'], item['pkt_size'])), []).append(
                    item.get('throughput_bps', item['throughput_kbps'] * 1000))
bad = []
for mark in drawn:
    desc, rest = mark['title'].split('\n')[:2]
    run = int(mark['css'].split('r')[-1]) if several else 0 # "m r1"
    values = want.pop((run, desc, rest.split(':')[0].split(',')[0]), None)
    if not values:
        bad.append('not in the file: %s' % mark['title'])
        continue
    mean = sum(values) / len(values) / FACTOR[mark['unit']]
    if abs(mark['label'] - mean) > max(0.005 * mean, 0.0006):
        bad.append('%s: label %s, mean %s' % (desc, mark['label'], mean))
    if abs(mark['height'] - mean) > 1.1 * mark['pixel']:
        bad.append('%s: height %s, mean %s' % (desc, mark['height'], mean))
    if len(values) > 1 and 'mean of %d' % len(values) not in mark['title']:
        bad.append('%s: %s' % (desc, mark['title']))
sys.exit('\n'.join(bad + ['not drawn: %s' % (key,) for key in want]) if bad or want else 0)
END
"$genchart" -c old.html "$old" >/dev/null
browse old.html "$(cat drawn.js)" 'document.documentElement.scrollWidth <= innerWidth'
is "a result of the old program: nothing on the console, no request" "$(seen "$quiet")" '[[], [], [], [], []]'
ok "what is drawn are the means of the file, all of them" python3 compare.py "$old"
is "... nothing sticks out" "$(seen 's["values"][1]')" True
is "... in groups" "$(seen 'sorted({m["family"] for m in s["values"][0]})')" "['L2', 'L3 fixed', 'L3 floating']"
cat >point.js <<'END'
new Promise(done => {
    const at = element => {
        element.scrollIntoView({block: 'center'});
        const box = element.getBoundingClientRect();
        element.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: box.x + box.width / 2,
                                                               clientY: box.y + box.height / 2}));
        return document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent;
    };
    const said = [at(document.querySelector('.m .hit'))];
    for (const line of document.querySelectorAll('.dots.sure, .line')) said.push(at(line));
    said.push(at(document.querySelector('h1')));
    for (const name of ['csv', 'json', 'theme']) document.getElementById(name).click();
    setTimeout(() => done([said, document.documentElement.dataset.theme,
                           getComputedStyle(document.body).backgroundColor]), 1500);
})
END
"$genchart" -c new.html "$new" >/dev/null
mkdir saved
browse --downloads "$tmp/saved" new.html "$(cat drawn.js)" 'document.querySelectorAll("path[data-s]").length' \
    "$(cat point.js)"
is "a result of ours, pointing, the buttons: nothing on the console, no request" "$(seen "$quiet")" \
    '[[], [], [], [], []]'
ok "what is drawn are the means of the file, all of them" python3 compare.py "$new"
is "the search and the intervals are drawn" "$(seen 's["values"][1] > 4')" True

# --- pointing, saving ---
like "pointing at a column says its numbers" "$(seen 's["values"][2][0][0]')" 'bit/s'
like "... at a step of the search" "$(seen '[t for t in s["values"][2][0] if "confirming" in t]')" 'sent at .*loss'
like "... at an interval" "$(seen '[t for t in s["values"][2][0] if "sample" in t]')" '0 to 1 s: 22\.5 Gbit/s'
is "... at nothing: nothing" "$(seen 's["values"][2][0][-1]')" ''
is "the theme changes" "$(seen 's["values"][2][1:]')" "['dark', 'rgb(13, 17, 23)']"
ok "the JSON that is saved is the result" python3 -c 'import json, sys
sys.exit(json.load(open("saved/vmtp.json")) != json.load(open(sys.argv[1])))' "$new"
ok "the CSV that is saved has its numbers" python3 -c 'import csv, json, sys
rows = list(csv.DictReader(open("saved/vmtp.csv", newline="")))
items = [i for f in json.load(open(sys.argv[1]))["flows"] for i in f["results"]]
want = sorted(str(i["throughput_bps"]) for i in items if "throughput_bps" in i)
pings = sum(len(i["results"]) for i in items if i["protocol"] == "ICMP")
got = sorted(r["throughput_bps"] for r in rows if r["throughput_bps"])
sys.exit(got != want or sum(r["protocol"] == "ICMP" for r in rows) != pings)' "$new"

# --- screens ---
for page in old new; do
    browse --width 400 $page.html 'document.documentElement.scrollWidth' \
        'Math.min(...[...document.querySelectorAll("svg .m text")].map(t => t.getBoundingClientRect().height))'
    is "$page: 400 px wide, nothing sticks out" "$(seen 's["values"][0]')" 400
    ok "... and numbers can be read" test "$(seen 'int(s["values"][1] > 8)')" = 1
    for width in 400 1280; do
        shot "$page-$width" $page.html "--width=$width"
        shot "$page-$width-dark" $page.html "--width=$width" --dark
    done
done
"$genchart" -c both.html "$srcdir"/tests/fixtures/upstream/old-program-openstack-T*.json >/dev/null
browse both.html "$(cat drawn.js)" '[...document.querySelectorAll(".legend li")].slice(0, 2).map(e => e.textContent)'
is "two results: nothing on the console" "$(seen "$quiet")" '[[], [], [], [], []]'
ok "... what is drawn are the means of both files, all of them" python3 compare.py \
    "$srcdir"/tests/fixtures/upstream/old-program-openstack-T*.json
is "... in a colour for each" "$(seen 'len(s["values"][1])')" 2
shot both-1280 both.html
browse --width 400 both.html 'document.documentElement.scrollWidth' \
    'Math.min(...[...document.querySelectorAll("svg .m text")].map(t => t.getBoundingClientRect().height))'
is "... 400 px wide, nothing sticks out, numbers can be read" "$(seen '(s["values"][0], s["values"][1] > 8)')" \
    '(400, True)'

# --- hostile text in every string and every name ---
cat >hostile.py <<'END'
import json, sys
POISON = ['</script><script>alert(1)</script>', '"><img src=x onerror=alert(2)>', "' onload='alert(3)",
          '<svg/onload=alert(4)>', 'javascript:alert(5)', '\u2028alert(6)\u2029', 'a\u0000<b onclick=alert(7)>',
          '\u202e</title><script>alert(8)</script>', '<!--<script>', '--></style><script>alert(9)</script>',
          ']]><script>alert(10)</script>', '&lt;img src=x&gt;&#60;b&#62;', '<iframe src="file:///etc/passwd">',
          '<link rel=stylesheet href=//192.0.2.1/x>', '<meta http-equiv=refresh content=0>',
          '${alert(11)}`;alert(12)//', '\\"};alert(13);//', '<a href="javascript:alert(14)">x</a>', '\ufeff\u2067<x>',
          '<math><mi//xlink:href="data:x,<script>alert(15)</script>">', '=cmd|"/c calc"!A1', 'x' * 3000 + '<script>']
KEEP = {'protocol', 'direction', 'phase'}
turn = [0]
def poison():
    turn[0] += 1
    return POISON[turn[0] % len(POISON)]
def walk(value, name=''):
    if isinstance(value, dict):
        out = {key: walk(member, key) for key, member in value.items()}
        out[poison().replace('\0', '')] = poison()
        return out
    if isinstance(value, list):
        more = [poison()] if value and not isinstance(value[0], (int, float)) else []
        return [walk(member, name) for member in value] + more
    return poison() if isinstance(value, str) and name not in KEEP else value
document = walk(json.load(open(sys.argv[1])))
document['verdicts'] = POISON + [{'text': text, 'status': text} for text in POISON]
for flow in document['flows']:
    if isinstance(flow, dict):
        flow['verdict'] = {'text': poison(), 'status': poison()}
        flow['results'] = [dict(item, cpu_load={text.replace('\0', ''): [1.5] for text in POISON},
                                samples=dict(item.get('samples', {}), **{POISON[0]: POISON}))
                           if isinstance(item, dict) else item for item in flow['results']]
json.dump(document, open(sys.argv[2], 'w'))
END
cat >inert.js <<'END'
(() => {
    document.querySelectorAll('details').forEach(d => d.open = true);
    for (const name of ['csv', 'json', 'theme']) document.getElementById(name).click();
    for (const m of document.querySelectorAll('.m .hit, path[data-s]')) {
        const box = m.getBoundingClientRect();
        m.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: box.x + 1, clientY: box.y + 1}));
    }
    const elements = [...document.querySelectorAll('*')];
    return [elements.filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length,
            document.querySelectorAll('img, iframe, object, embed, math, a, base, form').length,
            document.querySelectorAll('script:not([type])').length, document.querySelectorAll('style, link').length,
            document.body.textContent.includes('<img src=x onerror=alert(2)>'),
            document.querySelectorAll('.m').length > 0,
            /[\u202a-\u202e\u2066-\u2069\u2028\u2029]/.test(document.querySelector('main').textContent)];
})()
END
for file in native trouble; do
    python3 hostile.py "$srcdir/tests/fixtures/report/$file.json" $file.json
done
run "$genchart" -c hostile.html native.json
is "a page of hostile text" "$status" 0
browse --downloads "$tmp/saved" hostile.html "$(cat inert.js)"
is "... no dialog, nothing on the console, no request" "$(seen "$quiet")" '[[], [], [], [], []]'
is "... and all of it is text" "$(seen 's["values"][0]')" '[0, 0, 1, 2, True, True, False]'
"$genchart" -c hostile.html native.json trouble.json >/dev/null
browse hostile.html "$(cat inert.js)"
is "... side by side and with failures, too" "$(seen "$quiet + [s['values'][0]]")" \
    '[[], [], [], [], [], [0, 0, 1, 2, True, True, False]]'

done_testing
