#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --monitor: the CPU load of the nodes from a gmond, here one that plays what it is told, with recorded hosts. Their
# program takes less than the 30 s that it is asked for; tests/functional/monitor-gmond.sh has a whole run.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3

feed=$tmp/feed.xml
grid=$srcdir/tests/fixtures/ganglia/3.7.2/grid.xml
gmond() { # gmond [OPTION...]: starts one; sets $port, $gmond
    rm -f "$tmp/ready" "$feed.how" "$tmp/asked"
    cat "$grid" >"$feed" # writable, whatever the source tree is
    python3 "$srcdir/tests/fake/gmond.py" "$tmp/ready" "$feed" --log "$tmp/asked" "$@" 2>"$tmp/gmond.err" &
    gmond=$!
    at_exit "kill $gmond 2>/dev/null"
    for _ in $(seq 100); do
        [ ! -f "$tmp/ready" ] || break
        sleep 0.1
    done
    port=$(cat "$tmp/ready" 2>/dev/null)
}
how() { # how HOW...: what it does from now on, one for each time that it is asked
    echo "$*" >"$feed.how"
}
asked() { # how often it was asked
    wc -l <"$tmp/asked" | tr -d ' '
}

tcp='megabytes=115.3750 real_seconds=2.02 rate_Mbps=478.8968 tx_cpu=1 rx_cpu=1 retrans=0 rtt_ms=0.21'
udp='megabytes=42.6396 real_seconds=1.00 rate_Mbps=357.6737 tx_cpu=60 rx_cpu=10 drop=1650 pkt=55000 data_loss=3.00000'
hosts() { # hosts SECONDS [LINE]: how long the second nuttcp and those after it take; the first tries the way
    line=${2-$tcp}
    cat >"$tmp/dialogue.json" <<JSON
{"programs": {"nuttcp": "/usr/bin/nuttcp"}, "commands": [
 {"argv": ["sh", "-c", "*", "vmtp-facts"], "stdout": "kernel=6.1.0\nhostname=one\nID=debian\nVERSION_ID=\"12\"\n"},
 {"argv": ["nuttcp", "-V"], "stdout": "nuttcp-6.1.2\n"},
 {"argv": ["nuttcp", "-S"], "listens": [{"proto": "tcp", "port": 5002}]},
 {"argv": ["nuttcp"], "stdout": "$line\n"},
 {"argv": ["nuttcp"], "stdout": "$line\n", "seconds": $1}
]}
JSON
}
printf 'tcp_tp_loop_count: 1\n' >"$tmp/once.yaml"
vmtp() {
    rm -f "$tmp/out.json"
    run timeout -k 5 100 "$VMTP" -c "$tmp/once.yaml" --topology "native-host:dialogue=$tmp/dialogue.json" \
        --host u@192.0.2.1 --protocols T --json "$tmp/out.json" "$@"
}
json() { json_query "$tmp/out.json" "$1"; }

# Two readings, of a measurement of a little more than 10 s.
gmond
hosts 10.7
vmtp -m "localhost:$port" --sink "html:file=$tmp/page.html" --sink "csv:file=$tmp/out.csv"
is "a run with a monitor" "$status" 0 || diag "$err"
is "the hosts of both clusters, by address; a metric that is missing counts as 0" "$(json 'items[0]["cpu_load"]')" \
    "{'127.0.0.1': [2.0, 2.0], '192.0.2.11': [4.24, 4.24], '192.0.2.12': [0.0, 0.0], '192.0.2.13': [31.92, 31.92]}"
is "asked before anything, at the begin and after 10 s" "$(asked)" 3
is "10 s apart" "$(python3 -c 'import sys
t = [float(line) for line in open(sys.argv[1])]
print(round(t[2] - t[1]))' "$tmp/asked")" 10
like "it is told that runs take longer" "$err" 'each throughput measurement takes 30 s instead of 10 s'
like "what is recorded" "$err" "gmond at localhost port $port: the CPU load of 4 hosts in 2 clusters is recorded"
like "what is missing" "$err" \
    'WARNING gmond does not tell cpu_user, cpu_system and cpu_num of 1 of 4 hosts .192\.0\.2\.12'
like "the busiest node" "$err" \
    'flow 1: CPU load of 4 nodes in 2 readings, the busiest is 192\.0\.2\.13 \(c3\): 31\.9 processors'
journal=$(ls "$XDG_STATE_HOME"/vmtp/runs/*.jsonl)
is "the journal has an event for each node" "$(grep -c '"type":"node"' "$journal")" 4
is "... in front of the result" "$(grep -o '"type":"[a-z-]*"' "$journal" | tr -d '\n' | sed 's/"type"://g; s/"/ /g')" \
    ' run-begin  flow-begin  node  node  node  node  result  flow-end  run-end '
like "... with the time of each reading" "$(grep '"type":"node"' "$journal" | tail -n 1)" \
    '\["at","s",[0-9.e-]+\],\["cpu_load","count",31\.9[0-9]+\],\["at","s",10\.[0-9]+\],\["cpu_load"'
like "... and the tool was asked for 30 s" "$(grep '"type":"result"' "$journal")" '"seconds":30\.0'
ok "a replay" "$VMTP" replay last --json "$tmp/again.json" --sink "html:file=$tmp/again.html" -q
ok "... writes the same document" cmp "$tmp/out.json" "$tmp/again.json"
ok "... and the same page" cmp "$tmp/page.html" "$tmp/again.html"
ok "the page has the load of each node, the busiest first" \
    grep -q '192\.0\.2\.13: 31\.9 (largest 31\.9)<br>192\.0\.2\.11: 4\.24 (largest 4\.24)<br>' "$tmp/page.html"

hosts 0.4
vmtp -m "127.0.0.1:$port" -t 45
is "a time of 45 s stays" "$status $(json 'items[0]["cpu_load"]["192.0.2.11"]')" "0 [4.24]"
unlike "... without a word" "$err" 'instead of'
ok "... and is asked for" grep -q '"seconds":45\.0' -r "$XDG_STATE_HOME/vmtp/runs"
run "$VMTP" plan --topology namespace --protocols TU -m "127.0.0.1:$port" -t 5
is "a plan" "$status" 0 || diag "$err"
like "... says how long runs take" "$out" \
    "The gmond at 127\.0\.0\.1 port $port is asked .* takes 30 s for that, instead of 5 s"
like "... and counts with it" "$out" 'TCP .* about 9[0-9] s'

# A rate search: its steps are not sampled, the run at the rate that was found is.
hosts 0.4 "$udp"
before=$(asked)
vmtp -m "127.0.0.1:$port" --protocols U --udpbuf 1024
is "a rate search" "$status $(json 'items[0]["cpu_load"]["192.0.2.11"]')" "0 [4.24]" || diag "$err"
confirmed=$(json 'len([t for t in items[0]["trials"] if t["phase"] == "confirm"])')
is "... of several steps" "$(json "len(items[0]['trials']) > $confirmed > 0")" True
is "... asks once before, and once in each run of full length" "$(($(asked) - before))" "$((1 + confirmed))"
newest=$XDG_STATE_HOME/vmtp/runs/$(json 'd["run_uuid"]').jsonl
is "... in the result alone" "$(grep -c '"type":"node"' "$newest")" 4
like "... which is of 30 s" "$(grep '"type":"result"' "$newest")" '"load":\{[^}]*"seconds":30\.0'

hosts 0.4
before=$(asked)
vmtp -m "127.0.0.1:$port" --protocols I
like "without throughput nothing is asked" "$err" '--monitor: no throughput is measured'
is "... at all" "$(asked)" "$before"

# It fails while something is measured: the measurement goes on, in no more time.
hosts 2
for case in 'empty:its acl may not let' 'cut:the answer is cut off after' 'silent:no answer before the end of the' \
    'slow:no answer before the end of the' 'endless:junk after document element' \
    'deep:elements too deep inside of each other' 'tag:more memory than any feed' 'reset:Connection reset by peer'; do
    how whole "${case%%:*}"
    vmtp -m "127.0.0.1:$port"
    is "a gmond that turns ${case%%:*}: the run passes" "$status" 0 || diag "$err"
    like "... with a warning" "$err" "WARNING flow 1: 1 of 1 readings of the CPU load failed: gmond.*${case#*:}"
    like "... in the result, too" "$(json 'items[0]["warnings"]')" "${case#*:}"
    is "... and no load" "$(json '"cpu_load" in items[0]')" False
done
hosts 10.7
how whole empty whole
vmtp -m "127.0.0.1:$port"
is "a gmond that fails once" "$status $(json 'items[0]["cpu_load"]["192.0.2.11"]')" '0 [4.24]' || diag "$err"
like "... is told of" "$(json 'items[0]["warnings"]')" '1 of 2 readings'

# It fails before: the run ends there.
hosts 0.4
for case in 'empty:its acl may not let' 'cut:the answer is cut off after' 'deep:elements too deep'; do
    how "${case%%:*}"
    vmtp -m "127.0.0.1:$port"
    is "a gmond that is ${case%%:*} from the begin: exit 1" "$status" 1
    like "... with the reason and the remedy" "$err" "ERROR gmond at 127.* $port: .*${case#*:}.*leave out --monitor"
    is "... and nothing is measured" "$(json 'd["status"], d["flows"]')" "('failed', [])"
    like "... as the document says" "$(json 'd["errors"]')" "${case#*:}"
done
printf '<GANGLIA_XML VERSION="3.7.2" SOURCE="gmond">\n</GANGLIA_XML>\n' >"$feed"
how whole
vmtp -m "127.0.0.1:$port"
is "one that knows of no host: exit 1" "$status" 1
like "... with the reason" "$err" "ERROR gmond at 127.* port $port: it knows of no host, as one that is deaf"
kill "$gmond"
wait "$gmond" 2>/dev/null
vmtp -m "127.0.0.1:$port"
is "one that is not there: exit 1" "$status" 1
like "... with the reason and the remedy" "$err" \
    "ERROR gmond: cannot connect to 127\.0\.0\.1 port $port: Connection refused\. .*leave out --monitor"
vmtp -m no-such-host.invalid
is "a name that is none: exit 1" "$status" 1
like "... with the reason" "$err" 'ERROR gmond: cannot look up the host name no-such-host\.invalid'
for wrong in 127.0.0.1:x '[::1' http://h 'a b' h:0; do
    vmtp -m "$wrong"
    like "'$wrong' is refused" "$status $err" "^2 vmtp: -m: '.*' is not of the form HOST\[:PORT\]"
done

gmond --address ::1
if [ -n "$port" ]; then
    vmtp -m "[::1]:$port"
    is "over IPv6" "$status $(json 'len(items[0]["cpu_load"])')" '0 4' || diag "$err"
else
    skip "over IPv6" "no address ::1: $(tail -n 1 "$tmp/gmond.err")"
fi
done_testing
