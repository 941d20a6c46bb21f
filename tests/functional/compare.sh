#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# vmtp compare: pairs, intervals, gates and their exit codes, warnings, formats, what is no result, hostile text.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3

old=$srcdir/tests/fixtures/upstream
new=$srcdir/tests/fixtures/report
cd "$tmp" || exit 99

# Results as the program writes them, with one thing or another changed.
cat >make.py <<'END'
import copy, json, sys
def tcp(*mbit, **more):
    return [dict({"protocol": "TCP", "tool": "nuttcp-6.1.2", "pkt_size": 65536, "throughput_bps": m * 1000000,
                  "throughput_kbps": m * 1000, "retrans": 10, "rtt_ms": 0.5, "seconds": 10.0}, **more) for m in mbit]
def udp(mbit, loss, size=1024):
    return {"protocol": "UDP", "tool": "nuttcp-6.1.2", "pkt_size": size, "throughput_bps": mbit * 1000000,
            "loss_rate": loss, "search": "classic"}
def ping(avg, stddev, size=64):
    return {"packet_size": size, "tx_packets": "10", "rx_packets": "10", "rtt_min_ms": "0.1", "rtt_avg_ms": str(avg),
            "rtt_max_ms": "9", "rtt_stddev": str(stddev), "loss_rate": 0.0}
def icmp(*pings):
    return {"protocol": "ICMP", "tool": "ping", "results": list(pings)}
def flow(id, desc, *results, **more):
    return dict({"id": id, "desc": desc, "status": "passed", "kernel": "6.1.0-18", "server_kernel": "6.1.0-18",
                 "flavor": "m1.small", "mtu": "1450", "network_type": "vxlan", "results": list(results)}, **more)
def run(uuid, *flows, **more):
    return dict({"schema_version": 1, "run_uuid": uuid, "run_id": uuid, "version": "3.0.0", "status": "passed",
                 "date": "2026-01-15 10:20:30", "date_utc": "2026-01-15T10:20:3%sZ" % (uuid == "b"),
                 "protocols": "TUI", "flows": list(flows)}, **more)
def save(name, document):
    json.dump(document, open(name + ".json", "w"))
same, other = "VM to VM same network fixed IP (intra-node)", "VM to VM different network fixed IP (inter-node)"
before = run("a", flow("1", same, *tcp(1000, 1010, 990), udp(500, 1.0), icmp(ping(0.50, 0.01), ping(0.60, 0.01, 1500))),
             flow("2", other, *tcp(900, 905, 895), udp(400, 2.0), icmp(ping(0.50, 0.01))))
def after(*flows, **more):
    return run("b", *flows, **more)
def like(f, **more):
    return dict(copy.deepcopy(f), **more)
one, two = before["flows"]
save("before", before)
save("equal", after(one, two))
save("slower", after(flow("1", same, *tcp(900, 905, 895), udp(400, 3.0),
                          icmp(ping(0.70, 0.01), ping(0.6, 0.01, 1500))), two))
save("noisy", after(flow("1", same, *tcp(960, 900, 1050), *one["results"][3:]), two))
save("few", after(flow("1", same, *tcp(500, 510), *one["results"][3:]), two))
broken = {"protocol": "TCP", "error": "connection refused"}
save("broken", after(flow("1", same, broken, *one["results"][3:], status="failed"), two))
save("partly", after(flow("1", same, *tcp(1000, 1010, 990), dict(broken, pkt_size=65536), *one["results"][3:]), two))
save("vanished", after(one))
save("string", after(dict(desc=same, id="1", results="error: no VM"), two))
save("no-udp", after(flow("1", same, *one["results"][:3], one["results"][4]), two))
save("swapped", after(two, one))
save("renamed", after(like(one, id="x"), like(two, id="y")))
save("more", after(one, two, flow("3", "Another flow", *tcp(1, 2, 3))))
save("unlike", after(like(one, kernel="6.12.0", mtu="8950", flavor="m1.large", network_type="vlan",
                          results=tcp(1000, 1010, 990, tool="iperf-2.1.8", streams=4, seconds=30.0)),
                     like(two, kernel="6.12.0"), status="interrupted"))
no_loss = [dict(i, retrans=0) for i in tcp(1000, 1010, 990)]
save("clean", run("a", flow("1", same, *no_loss)))
save("lossy", after(flow("1", same, *[dict(i, retrans=r) for i, r in zip(no_loss, (100, 110, 120))])))
twins = [flow("", same, *tcp(m, m + 10, m - 10)) for m in (1000, 500, 200)]
for f in twins:
    del f["id"]
save("twins", run("a", *twins))
save("fewer-twins", after(*twins[:2]))
save("reverse", after(flow("1", same, *one["results"], *tcp(700, 710, 690, direction="reverse"))))
save("reverse-before", run("a", flow("1", same, *one["results"], *tcp(900, 910, 890, direction="reverse"))))
evil = "\x1b[31mred\u202e</testcase><x>&\"' \ud83d\ude00 \x00 \x07 " + "A" * 5000
save("evil", run("a", flow(evil, evil, *tcp(1000, 1010, 990, tool=evil), {"protocol": "UDP", "error": evil},
                           error=evil, kernel=evil), test_description=evil, date=evil, version=evil))
save("evil-after", run(evil, flow(evil, evil, *tcp(10, 11, 9), {"protocol": "ICMP", "error": evil}, kernel="2" + evil),
                       status=evil, date_utc="1" + evil))
END
ok "results to compare" python3 make.py
compare() { run "$VMTP" compare "$@"; }

# --- what is said ---
compare before.json equal.json
is "equal results: 0" "$status" 0
like "... a table with both files" "$out" '^OLD  before\.json, 2026-01-15 10:20:30, vmtp 3\.0\.0, run a$'
like "... each with its interval" "$out" \
    'throughput +1\.00 Gbit/s +1\.00 Gbit/s +3, 3 +0\.0 % +-2\.3 % to \+2\.3 % +no sure change'
like "... UDP, which is measured once, cannot be told" "$out" \
    'UDP 1024 B +throughput +500 Mbit/s +500 Mbit/s +1, 1 +0\.0 % +cannot tell'
unlike "... and no warning" "$out" 'WARNING'
is "... nothing on standard error" "$err" ''
compare before.json slower.json
is "without a gate slower is no failure" "$status" 0
like "... but is said" "$out" 'TCP 65536 B +throughput .* -10\.0 % +-12\.[0-9] % to -7\.[0-9] % +worse'
like "... round trips, too" "$out" 'ICMP 64 B +rtt .* \+40\.0 % .*worse'
like "... loss in percentage points" "$out" 'UDP 1024 B +loss +1\.00 % +3\.00 % +1, 1 +\+2\.00 pp +cannot tell'
compare slower.json before.json
like "the other way round it is better" "$out" 'TCP 65536 B +throughput .* better'
like "... with a question" "$out" 'WARNING OLD was measured after NEW.* swapped'

# --- gates ---
gate() { # gate STATUS NEW WORDS EXPR [OPTION...]: before.json against NEW
    gate_expect=$1 gate_file=$2 gate_words=$3
    shift 3
    compare before.json "$gate_file.json" --fail-if "$@"
    is "$gate_file: $*: $gate_expect" "$status" "$gate_expect"
    like "... in words" "$out" "$gate_words"
}
gate 0 equal '^gate passed: tcp' 'tcp.throughput < -5%'
gate 1 slower '^gate FAILED: tcp' 'tcp.throughput < -5%'
gate 0 slower '^gate passed: tcp' 'tcp.throughput < -15%'
gate 1 slower '^gate FAILED' 'tcp.throughput < -50M'
gate 0 slower '^gate passed' 'tcp.throughput < -200 Mbit/s'
gate 0 slower '^gate passed' 'tcp.throughput < -5% in different network'
gate 1 slower '^gate FAILED' 'tcp.throughput < -5% in SAME network'
gate 1 slower '^gate FAILED' 'tcp.throughput < -5% in 1'
gate 1 slower '^gate FAILED' 'icmp.rtt > +20%'
gate 1 slower '^gate FAILED' 'icmp[64].rtt > +0.1ms'
gate 0 slower '^gate passed' 'icmp[1500].rtt > +20%'
gate 0 noisy 'the limit is within the interval' 'tcp.throughput < -5%'
gate 1 noisy '1 cannot tell, which fails' 'tcp.throughput < -5%' --strict
gate 0 noisy '^gate passed' 'tcp.throughput.mean < -5%'
gate 1 noisy '^gate FAILED' 'tcp.throughput.mean < -2%'
gate 0 few 'cannot tell: tcp.*' 'tcp.throughput < -5%'
like "... and why" "$out" '-49\.5 %: 3 samples in OLD, 2 in NEW: 3 on both sides are needed'
gate 1 few '^gate FAILED' 'tcp.throughput.mean < -5%'
gate 0 slower '1 sample in OLD, 1 in NEW' 'udp.throughput < -10%'
gate 1 slower '^gate FAILED' 'udp.loss.mean > +1pp'
gate 0 slower '^gate passed' 'udp.loss.mean > +3pp'
gate 0 equal 'nothing in OLD is what it looks at' 'multicast.throughput < -5%'
gate 1 equal 'nothing in OLD is what it looks at' 'multicast.throughput < -5%' --strict
gate 1 equal 'results that are equal are beyond this limit' 'tcp.throughput < 5%'
gate 1 broken 'measured in OLD, failed in NEW' 'tcp.throughput < -5%'
like "... with the reason" "$out" 'TCP 65536 B failed in NEW: connection refused'
gate 1 broken '^gate FAILED: tcp.failed' tcp.failed
gate 0 broken '^gate passed: udp.failed' udp.failed
gate 1 partly '^gate FAILED' any.failed
gate 0 equal '^gate passed' any.failed
gate 1 string 'measured in OLD, failed in NEW' any.failed
gate 1 vanished '^gate FAILED' any.missing
like "... the flow is shown" "$out" 'not in NEW: what was measured here in OLD has no partner'
like "... and what it measured" "$out" 'TCP 65536 B +throughput +900 Mbit/s +- .*missing in NEW'
gate 0 vanished 'measured in OLD, not measured in NEW' 'tcp.throughput < -5%'
gate 1 vanished 'measured in OLD, not measured in NEW' 'tcp.throughput < -5%' --strict
gate 1 no-udp '^gate FAILED: udp.missing' udp.missing
gate 0 no-udp '^gate passed: tcp.missing' tcp.missing
compare before.json slower.json --fail-if 'tcp.throughput < -50%' --fail-if 'icmp.rtt > +20%' --fail-if 'udp.loss > 1pp'
is "several gates: one is enough" "$status" 1
like "... all are counted" "$out" '^Gates: 1 passed, 1 failed, 1 cannot tell$'
compare clean.json lossy.json --fail-if 'tcp.retransmits > +50%'
is "a rise from 0 is beyond any percentage" "$status" 1
like "... shown as an amount" "$out" 'retransmits +0 +110 +3, 3 +\+110 '
compare reverse-before.json reverse.json --fail-if 'tcp[reverse].throughput < -5%'
is "the other direction is compared for itself" "$status" 1
compare reverse-before.json reverse.json --fail-if 'tcp[forward].throughput < -5%'
is "... and so is this one" "$status" 0

# --- pairs ---
compare before.json swapped.json --format json
is "flows in another order go by their ids" \
    "$(printf %s "$out" | python3 -c 'import json, sys
print([(f["old_id"], f["new_id"], f["paired_by"]) for f in json.load(sys.stdin)["flows"]])')" \
    "[('1', '1', 'id'), ('2', '2', 'id')]"
compare before.json renamed.json
like "other ids: by description, and said" "$out" 'WARNING flow, paired by its description: 1 in OLD, x in NEW'
compare before.json more.json --fail-if any.failed
like "what only NEW has is shown" "$out" 'only in NEW: nothing to compare with'
is "... and passes" "$status" 0
compare twins.json fewer-twins.json --fail-if any.missing
is "the same description several times: in their order, and one is missing" "$status" 1
like "... the others are compared" "$out" '^Gates: 0 passed, 1 failed'
is "... as they come" "$(printf '%s\n' "$out" | grep -c 'throughput .* 0\.0 % .*no sure change')" 2

# --- warnings ---
compare before.json unlike.json
for words in 'tool: nuttcp-6.1.2 in OLD, iperf-2.1.8 in NEW' 'MTU: 1450 in OLD, 8950 in NEW' \
    'flavor: m1.small in OLD, m1.large in NEW' 'network type: vxlan in OLD, vlan in NEW' \
    'kernel: 6.1.0-18 in OLD, 6.12.0 in NEW .* and 1 more' 'streams: 1 in OLD, 4 in NEW' \
    'length of a measurement: 10 s in OLD, 30 s in NEW' 'NEW is not the whole of a run: its status is "interrupted"'; do
    like "a warning: $words" "$out" "^WARNING $words"
done
compare before.json before.json
like "the same run twice is said" "$out" 'WARNING both files are of the same run, a'

# --- results of the old program ---
for file in "$old"/*.json "$new"/*.json; do
    compare "$file" "$file" --fail-if 'any.throughput < -0.1%' --fail-if any.failed --fail-if any.missing
    is "${file##*/} with itself: 0" "$status" 0
    unlike "... nothing differs" "$out" '(worse|better|FAILED in NEW|missing in NEW)$'
done
compare "$old/old-program-openstack-T.json" "$old/old-program-openstack-TUI.json" --fail-if 'tcp.throughput < -5%'
is "two of the old program: a gate fails" "$status" 1
like "... in its kilobits" "$out" \
    'TCP 65536 B +throughput +2\.68 Gbit/s +1\.96 Gbit/s +3, 3 +-26\.9 % +-47\.8 % to -6\.1 % +worse'
compare "$old/old-program-native-TUI.json" "$new/native.json"
is "one of the old, one of the new program" "$status" 0
like "... are paired by description" "$out" 'TCP 65536 B +throughput +12\.9 Gbit/s +10\.4 Gbit/s +3, 3 +-19\.7 %'
like "... with a warning of the unit" "$out" '^WARNING OLD is of the Python program.* 2\.4 % too high'
like "... and of what the old one does not tell" "$out" '^WARNING OLD does not tell, so it is not compared: kernel'

# --- formats ---
compare before.json slower.json --format table --format json:x.json --format junit:x.xml \
    --fail-if 'tcp.throughput < -5%' --fail-if 'udp.loss > 1pp'
is "several formats at once" "$status" 1
like "... the table on standard output" "$out" '^gate FAILED'
# By hand: means 1000 and 900, standard deviations 10 and 5, so df = (100/3 + 25/3)^2 / ((100/3)^2/2 + (25/3)^2/2); and
# 95 % of the t density, integrated here by Simpson's rule, are within half the interval by the standard error.
ok "... the interval in JSON is Welch's" python3 - x.json <<'END'
import json, math, sys
d = json.load(open(sys.argv[1]))
c = d["flows"][0]["measured"][0]["changes"][0]
low, high = c["interval"]
df, t, n = c["degrees_of_freedom"], (high - low) / 2e6 / math.sqrt(125 / 3), 2000
front = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
density = [front * (1 + (t * i / n) ** 2 / df) ** (-(df + 1) / 2) for i in range(n + 1)]
inside = 2 * t / n / 3 * sum(d * (1 if i in (0, n) else 2 + i % 2 * 2) for i, d in enumerate(density))
assert abs(inside - 0.95) < 1e-9, inside
assert abs(high + low + 2e8) < 1 and abs(df - 2 * 125 ** 2 / (100 ** 2 + 25 ** 2)) < 1e-9, c
assert c["metric"] == "throughput" and c["unit"] == "bit/s" and c["result"] == "worse" and c["better"] == "higher", c
assert c["change"] == -1e8 and c["change_percent"] == -10 and abs(c["interval_percent"][0] - low / 1e7) < 1e-6, c
assert c["old"] == {"mean": 1e9, "n": 3, "stddev": 1e7} and c["new"]["n"] == 3, c
u = d["flows"][0]["measured"][1]["changes"][1]
assert u["metric"] == "loss" and u["result"] == "cannot_tell" and "3 on both" in u["reason"] and "interval" not in u, u
assert [g["result"] for g in d["gates"]] == ["failed", "cannot_tell"] and d["result"] == "failed", d["gates"]
assert [j["result"] for j in d["gates"][0]["judged"]] == ["failed", "passed"], d["gates"]
END
cat >junit.py <<'END'
import sys, xml.etree.ElementTree as E
root = E.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites"
def count(e, what): return len(list(e.iter(what)))
for suite in [root] + list(root):
    for name, what in ("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped"):
        assert int(suite.get(name)) == count(suite, what), (suite.attrib, what)
for case in root.iter("testcase"):
    if case.find("failure") is not None:
        print(case.get("classname"), "|", case.get("name"), "|", case.find("failure").get("message"))
END
is "... the failure in JUnit" "$(python3 junit.py x.xml)" \
    "VM to VM same network fixed IP (intra-node) | tcp.throughput < -5%: TCP 65536 B | \
the whole interval is beyond the limit"
compare before.json slower.json --format junit:x.xml --strict --fail-if 'udp.loss > 1pp' \
    --fail-if 'multicast.loss > 1pp'
is "with --strict what cannot be told fails" "$status" 1
is "... in JUnit, too" "$(python3 junit.py x.xml | wc -l)" 3
is "... nothing on standard output" "$out" ''
like "... the gates on standard error" "$err" '^gate cannot tell: udp'
compare before.json slower.json --format json
# shellcheck disable=SC2016 # expanded by the inner shell
ok "JSON on standard output is the document alone" sh -c 'printf %s "$1" | python3 -m json.tool' sh "$out"

# --- what is wrong ---
wrong() { # wrong NAME WORDS ARGUMENT...
    wrong_name=$1 wrong_words=$2
    shift 2
    compare "$@"
    is "$wrong_name: 2" "$status" 2
    like "... in words" "$err" "$wrong_words"
    is "... and no output" "$out" ''
}
wrong "a gate that is wrong" \
    "--fail-if 'tcp\.thruput < -5%': column 5: .* did you mean throughput\? A gate is PROTOCOL" \
    before.json equal.json --fail-if 'tcp.thruput < -5%'
wrong "a gate is looked at before the files" 'column 12: .*percentage points' \
    none.json none.json --fail-if 'udp.loss > 1%'
wrong "a file that is not there" 'none\.json: No such file' before.json none.json
echo '{"flows": [' >cut.json
wrong "a file that is cut off" 'cut\.json:[0-9]+:[0-9]+: not JSON' before.json cut.json
echo '{"results": []}' >foreign.json
wrong "a file that is no result" 'foreign\.json: not a result of VMTP' foreign.json before.json
wrong "a directory" 'irectory' "$tmp" before.json
wrong "one file" 'OLD\.json NEW\.json' before.json
wrong "three files" 'not expected here' before.json equal.json equal.json
wrong "an unknown format" "--format: takes table, json or junit" before.json equal.json --format html
wrong "two formats for standard output" 'only one goes to standard output' \
    before.json equal.json --format json --format table
wrong "an option of a run" 'not an option of vmtp compare' before.json equal.json --time 5
compare before.json equal.json --format json:/no/such/folder/x.json
is "an output that cannot be written: 3" "$status" 3
compare before.json slower.json --format json:/no/such/folder/x.json --fail-if 'tcp.throughput < -5%'
is "... a gate that fails is more than that: 1" "$status" 1
"$VMTP" compare before.json equal.json >/dev/full 2>err
is "a full disk: 3" "$?" 3
like "... is said" "$(cat err)" 'standard output: No space left'
run "$VMTP" run --fail-if 'tcp.throughput < -5%'
is "--fail-if is no option of a run" "$status" 2
run "$VMTP" compare --help
like "the help has the grammar" "$out" 'PROTOCOL\[SELECTOR,...\]\.METRIC\[\.mean\] < or > LIMIT \[in FLOW\]'

# --- files of others ---
for pair in 'evil evil-after' 'evil-after evil'; do
    # shellcheck disable=SC2086 # two words
    set -- $pair
    compare "$1.json" "$2.json" --fail-if 'tcp.throughput < -5%' --fail-if any.failed \
        --format table --format json:e.json --format junit:e.xml
    # shellcheck disable=SC2016 # expanded by the inner shell
    ok "hostile text: the table has nothing for a terminal to obey" sh -c '! LC_ALL=C grep -q "[[:cntrl:]]" "$1"' \
        sh "$tmp/run.out"
    unlike "... nothing that turns the direction of writing" "$out" "$(printf '\342\200\256')"
    # shellcheck disable=SC2016 # awk's own variable
    ok "... and no endless line" awk 'length($0) > 1200 { exit 1 }' "$tmp/run.out"
    ok "... sound JSON" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' e.json
    ok "... sound XML" python3 junit.py e.xml
done
cat >wild.json <<'END'
{"flows": [7, null, "x", {}, {"results": {}}, {"desc": 5, "results": [1, "error: no VM", {"protocol": "TCP",
 "throughput_kbps": "NaN", "pkt_size": -1}, {"protocol": "ICMP", "results": ["?", {"rtt_avg_ms": "1e9"}]}]}]}
END
compare wild.json wild.json --fail-if 'any.throughput < -5%' --format table --format json:w.json --format junit:w.xml
is "what is in no order is compared as far as it goes" "$status" 0
ok "... sound XML" python3 junit.py w.xml
python3 - <<'END'
import json
flows = [{"desc": "flow %d" % (i % 5000), "results": [{"protocol": "UDP", "pkt_size": k, "throughput_kbps": 5}
          for k in range(3)]} for i in range(20000)]
wide = [{"protocol": "UDP", "pkt_size": k, "throughput_kbps": 5} for k in range(5000)]
flows.append({"desc": "wide", "results": wide + [
              {"protocol": "ICMP", "results": [{"packet_size": k, "rtt_avg_ms": "1"} for k in range(5000)]}]})
json.dump({"flows": flows}, open("large.json", "w"))
END
compare large.json large.json --fail-if any.missing
is "many flows, some with very many measurements" "$status" 0
like "... which are not all compared, and that is said" "$out" 'WARNING [0-9]+ measurements are left out'
done_testing
