#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The fluentd sink against the FluentServer of @fluent-org/logger.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3 node
"$VMTP" plugin show fluentd >/dev/null 2>&1 || skip_all "the fluentd sink was not built"
package=$(sh "$srcdir/tests/fluent-server.sh" 2>"$tmp/npm.err") || skip_all "$(tail -n 1 "$tmp/npm.err")"
NODE_PATH=$package/node_modules
export NODE_PATH
journal=$srcdir/tests/fixtures/journal/1.jsonl

server() { # server [PORT [KEY]]: sets $port and $server_pid
    rm -f "$tmp/port"
    node "$srcdir/tests/functional/fluent-server.js" "$tmp" "$@" 2>"$tmp/server.err" &
    server_pid=$!
    at_exit "kill -KILL $server_pid 2>/dev/null; wait $server_pid 2>/dev/null"
    tries=0
    until [ -s "$tmp/port" ]; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || { diag "$(cat "$tmp/server.err")"; exit 99; }
        sleep 0.1
    done
    port=$(cat "$tmp/port")
}
server_end() {
    kill -KILL "$server_pid"
    wait "$server_pid" 2>/dev/null
}
records() { # records EXPRESSION: in Python; all: what arrived, of(level): those of a level
    python3 -c 'import json, sys
all = [json.loads(line) for line in open(sys.argv[1])]
def of(level): return [r for r in all if r["loglevel"] == level]
print(eval(sys.argv[2]))' "$tmp/records" "$1"
}

server
run "$VMTP" replay "$journal" --sink "fluentd:port=$port,tag=vmtp.test"
is "a run is sent" "$status" 0 || diag "$err"
is "with the tag" "$(records '{r["tag"] for r in all}')" "{'vmtp.test'}"
is "it begins with START" "$(records '(all[0]["loglevel"], all[0]["message"])')" "('START', 'VMTP run is started')"
is "... and its counters" "$(records '[all[0][n] for n in ("numloglevel", "numerrors", "numwarnings")]')" '[0, 0, 0]'
like "... then the command line" "$(records 'all[1]["message"]')" '^vmtp -c s\.yaml --topology namespace'
is "it ends with RUN_SUMMARY" "$(records '(all[-1]["loglevel"], all[-1]["message"], all[-1]["numloglevel"])')" \
    "('RUN_SUMMARY', 'RUN WITH ERRORS', 40)"
is "... which counts the errors" "$(records 'all[-1]["numerrors"] == len(of("ERROR")) > 0')" True
is "times are UTC with microseconds" "$(records '(all[0]["@timestamp"], all[0]["time"])')" \
    "('2026-01-15T12:00:00.000000+0000', 1768478400)"
is "... runlogdate is that of the run" "$(records '{r["runlogdate"] for r in all}')" \
    "{'2026-01-15T12:00:00.000000+0000'}"
is "results are in base units" "$(records '[r["throughput"] for r in all if r.get("protocol") == "TCP"][0]')" 188005600
like "... and in words" "$(records '[r["message"] for r in all if r.get("protocol") == "TCP"][0]')" \
    '^namespace: TCP 65536 bytes: 188 Mbit/s$'
sent=$(records 'len(all)')

# without confirmation, by the old keys
rm "$tmp/records"
printf 'fluentd: {logging_tag: old.tag, ip: 127.0.0.1, port: %s}\nsinks: {fluentd: {ack: false}}\n' "$port" >"$tmp/cfg"
run "$VMTP" replay "$journal" -c "$tmp/cfg"
sleep 0.5
is "fluentd.logging_tag, unconfirmed" "$status $(records '({r["tag"] for r in all}, len(all))')" \
    "0 ({'old.tag'}, $sent)" || diag "$err"

# a run that is told a password: of hosts that nobody can reach
rm "$tmp/records"
echo 'ssh_timeout: 1' >"$tmp/soon.cfg"
run "$VMTP" -c "$tmp/soon.cfg" --host 'u@127.0.0.1:CANARY?port=9' --host 'u@127.0.0.2:CANARY?port=9' --protocols I \
    --no-journal --sink "fluentd:port=$port"
is "a run that fails is sent" "$status $(records 'all[-1]["message"]')" '1 RUN WITH ERRORS'
like "its command line is masked" "$(records 'all[1]["message"]')" '--host .?<MASKED>'
is "... and the password is nowhere" "$(grep -c CANARY "$tmp/records")" 0

# a real run, its server away in between
if "$VMTP" --topology namespace --protocols I --no-journal -q >/dev/null 2>&1; then
    rm "$tmp/records"
    "$VMTP" --topology namespace --protocols I --icmp-pkt-sizes 64 --sink "fluentd:port=$port" --sink table \
        >"$tmp/out" 2>"$tmp/err" &
    pid=$!
    tries=0
    until grep -qs START "$tmp/records" || [ $tries = 200 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    server_end
    server "$port"
    wait $pid
    is "a run whose server restarts" "$?" 0 || diag "$(cat "$tmp/err")"
    is "... loses nothing" "$(records '[r["message"] for r in all if r["loglevel"] in ("START", "RUN_SUMMARY")]')" \
        "['VMTP run is started', 'GOOD RUN']"
    "$VMTP" --topology namespace --protocols I --icmp-pkt-sizes 64 --sink "fluentd:port=$port,timeout=1" --sink table \
        >"$tmp/away.out" 2>"$tmp/away.err" &
    pid=$!
    until grep -qs 'Flow 1' "$tmp/away.err" || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
    server_end
    wait $pid
    is "a server that stays away costs exit code 3" "$?" 3
    like "... and is named, with the replay" "$(cat "$tmp/away.err")" 'vmtp replay [0-9a-f-]+ --sink .?fluentd:port='
else
    skip "a run whose server restarts" "neither root nor user namespaces"
    server_end
fi

run "$VMTP" replay "$journal" --sink "fluentd:port=$port"
is "a server that is not there" "$status" 3
like "... is told" "$err" "fluentd at 127\.0\.0\.1, port $port: connection refused"
server 0 secret
run "$VMTP" replay "$journal" --sink "fluentd:port=$port"
is "one that wants a key" "$status" 3
like "... is told, too" "$err" 'wants a shared key'
server_end
python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(5); print(s.getsockname()[1], flush=True); time.sleep(60)' \
    >"$tmp/mute" &
mute=$!
at_exit "kill $mute 2>/dev/null"
until [ -s "$tmp/mute" ]; do sleep 0.1; done
run "$VMTP" replay "$journal" --sink "fluentd:port=$(cat "$tmp/mute"),timeout=1"
is "one that confirms nothing" "$status" 3
like "... is told, too" "$err" 'not confirmed'
done_testing
