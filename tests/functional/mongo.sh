#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The mongo sink against a real server: stored once whatever happens, or kept and told how to store it later.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/mongo-server.sh"

journal=$srcdir/tests/fixtures/journal/1.jsonl
run_uuid=0a1b2c3d-1111-4222-8333-444455556666

query() { # query EXPRESSION: in Python; docs: all documents of the collection
    probe dump >"$tmp/dump" && python3 -c 'import json, sys
docs = [json.loads(line) for line in open(sys.argv[1])]
print(eval(sys.argv[2]))' "$tmp/dump" "$1"
}
store() { # store JOURNAL MORE...: replays it into the sink at $uri
    replayed=$1
    shift
    run "$VMTP" replay "$replayed" --sink "mongo:uri=$uri,db=$db,collection=$collection" "$@"
}

mongo_any
if [ -n "${MONGODB_URI-}" ] || [ -z "$ferretdb" ]; then sort=MongoDB; else sort=FerretDB; fi
echo "# server: $sort, driver: $(pkg-config --modversion libmongoc-1.0 2>/dev/null || echo '?')"

# --- the document

store "$journal"
is "a replay stores the run" "$status" 0 || diag "$err"
like "... and says where" "$err" "INFO.*results stored in $db\.$collection at [^ ]* as $run_uuid"
is "... as one document, by its run_uuid" "$(query '[d["_id"] for d in docs]')" "['$run_uuid']"
run "$VMTP" replay "$journal" --json "$tmp/json"
python3 - "$tmp/dump" "$tmp/json" >"$tmp/same" <<'END'
import json, sys
stored, written = json.loads(open(sys.argv[1]).readline()), json.load(open(sys.argv[2]))
del stored["_id"]
print(stored == written)
END
is "... which is what the json sink writes" "$(cat "$tmp/same")" True
is "... with an index per question" "$(probe indexes | python3 -c 'import json, sys
print(sorted((i["name"], list(i["key"])[0]) for i in map(json.loads, sys.stdin)))')" \
    "[('_id_', '_id'), ('vmtp_date', 'date'), ('vmtp_description', 'test_description'), ('vmtp_flow', 'flows.desc')]"
store "$journal"
is "a second replay is fine" "$status" 0 || diag "$err"
like "... says that the run is there" "$err" 'INFO.*already stored'
is "... and changes nothing" "$(query 'len(docs)')" 1

# a run that was not complete when it was replayed first
sed 's/0a1b2c3d-1111/0a1b2c3d-2222/g' "$journal" >"$tmp/whole.jsonl"
head -c 12000 "$tmp/whole.jsonl" >"$tmp/torn.jsonl"
store "$tmp/torn.jsonl"
is "the journal of a run that was cut off is stored" "$(query 'docs[1]["status"]')" incomplete
store "$tmp/whole.jsonl"
is "... and replaced by the complete one" "$status $(query '[d["status"] for d in docs]')" "0 ['failed', 'failed']"
like "... with the words for it" "$err" 'incomplete document of this run is replaced'
store "$tmp/torn.jsonl"
is "... never the other way round" "$(query '[d["status"] for d in docs]')" "['failed', 'failed']"

# names of members: properties of a run become members
# shellcheck disable=SC2016 # no variable
names='["a.b","1"],["$set","2"],["","3"],'
sed -e 's/0a1b2c3d-1111/0a1b2c3d-3333/g' -e "s/\\[\"hostname\",\"bench-1\"\\],\\[\"protocols\"/$names&/" "$journal" \
    >"$tmp/names.jsonl"
store "$tmp/names.jsonl"
is "names that MongoDB gives a meaning to are no obstacle" "$status" 0 || diag "$err"
is "... they lose their dots and dollars" "$(query '[docs[2].get(n) for n in ("a_b", "_set", "_")]')" "['1', '2', '3']"

# --- real runs

if "$VMTP" --topology namespace --protocols I --no-journal -q >/dev/null 2>&1; then
    measure() { "$VMTP" --topology namespace --protocols I --icmp-pkt-sizes 64 --sink table "$@"; }
    before=$(query 'len(docs)')
    measure --sink "mongo:uri=$uri,db=$db" --test-description "number 1" >"$tmp/run1" 2>&1 &
    one=$!
    measure --sink "mongo:uri=$uri,db=$db" --test-description "number 2" >"$tmp/run2" 2>&1
    two=$?
    wait $one
    is "two runs at once pass" "$? $two" '0 0' || diag "$(cat "$tmp/run1" "$tmp/run2")"
    is "... and both are stored" "$(query "len(docs) - $before, sorted(d['test_description'] for d in docs)[-2:]")" \
        "(2, ['number 1', 'number 2'])"
    can_measure=yes
else
    can_measure=
fi

# --- the old options

mongo_server old
run "$VMTP" replay "$journal" --mongod-server "127.0.0.1:$port"
is "--mongod-server HOST:PORT" "$status" 0 || diag "$err"
db=client_db
is "... stores in client_db.pns_web_entry" "$(query 'len(docs)')" 1
unlike "... and prints no table beside" "$out" 'Summary of results'
cat >"$tmp/old.cfg" <<END
mongod_server: 127.0.0.1
vmtp_mongod_port: $port
vmtp_db: of_old
vmtp_collection: entries
END
run "$VMTP" replay "$journal" -c "$tmp/old.cfg"
db=of_old collection=entries
is "the keys of the old configuration" "$status $(query 'len(docs)')" '0 1' || diag "$err"
printf 'sinks: {mongo: {uri: "mongodb://127.0.0.1:%s/in_uri"}}\nsink: mongo\n' "$port" >"$tmp/uri.cfg"
run "$VMTP" replay "$journal" -c "$tmp/uri.cfg"
db=in_uri collection=pns_web_entry
is "the database of a connection string" "$status $(query 'len(docs)')" '0 1' || diag "$err"
run "$VMTP" replay "$journal" --sink "mongo:port=$port,db=by_option"
db=by_option
is "localhost is the default" "$status $(query 'len(docs)')" '0 1' || diag "$err"
run "$VMTP" replay "$journal" --sink "mongo:port=$port,db=plain,indexes=false"
db=plain
is "without indexes when they are not wanted" "$(probe indexes | wc -l)" 1

# --- pnsdb_summary reads what is stored, where it is stored by default

summary=$builddir/reports/pnsdb_summary
db=client_db
for file in "$srcdir"/tests/fixtures/upstream/*.json; do
    python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))))' "$file"
done | probe insert
is "documents as the old program stored them" "$(query 'len(docs)')" 4
run "$summary" --server-ip 127.0.0.1 --server-port "$port" --report 0
is "pnsdb_summary reads them and ours" "$status $(printf '%s\n' "$out" | sed -n 's/^RUN: //p' | tr '\n' ';')" \
    '0 2026-01-15 12:00:00;2026-11-23 01:17:41;2026-11-23 02:31:41;2026-11-23 02:35:39;' || diag "$err"
cp "$tmp/run.out" "$tmp/by-server"
printf '%s\n' "$uri" >"$tmp/uri"
chmod 600 "$tmp/uri"
run "$summary" --uri-file "$tmp/uri" -r 0
ok "... by a connection string, too" cmp "$tmp/run.out" "$tmp/by-server"
run "$summary" -s "127.0.0.1:$port" -r 0 --since 2026-11-23 --until '2026-11-23 02:31'
is "... by date" "$(printf '%s\n' "$out" | grep -c '^RUN: ')" 2
run "$summary" -s "127.0.0.1:$port" -r 0 --flow 'floating IP' --format csv
ok "... by flow" test "$(grep -c 'Floating IP' "$tmp/run.out")" -ge 4
db=pnsdb collection=officialdata
echo '{"date": "2015-05-05 05:05:05", "encapsulation": "vlan", "flows": [{"desc": "old", "results": [{"protocol":
"TCP", "throughput_kbps": 4711, "tool": "iperf"}]}]}' | tr '\n' ' ' | probe insert
run "$summary" -o -s "127.0.0.1:$port" -r 1
like "--official reads the old place" "$out" '\| 4711 '
ok "a document with types that JSON has not" probe insert <<'END'
{"date": {"$date": 0}, "flows": [{"desc": {"$oid": "0123456789abcdef01234567"}, "results": [{"protocol": "TCP"}]}]}
END
run "$summary" -o -s "127.0.0.1:$port" -r 0
is "... is no obstacle" "$status" 0 || diag "$err"
collection=pns_web_entry

# --- a server that is not there, or goes

mongo_end
begin=$(date +%s)
run "$summary" -s "127.0.0.1:$port" -r 0
like "pnsdb_summary without a server" "$status $err" '^1 pnsdb_summary: MongoDB: client_db\.pns_web_entry at 127'
run "$VMTP" --topology namespace --protocols I --mongod-server "127.0.0.1:$port"
is "an unreachable server is told before anything is measured" "$status" 3
like "... by name" "$err" "client_db\.pns_web_entry at 127\.0\.0\.1:$port: .*(refused|suitable)"
unlike "... nothing was measured" "$err" 'Flow 1'
ok "... soon" test $(($(date +%s) - begin)) -le 8
python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(5); print(s.getsockname()[1], flush=True); time.sleep(60)' \
    >"$tmp/mute" &
mute=$!
at_exit "kill $mute 2>/dev/null"
until [ -s "$tmp/mute" ]; do sleep 0.1; done
begin=$(date +%s)
run "$VMTP" replay "$journal" --mongod-server "127.0.0.1:$(cat "$tmp/mute")"
is "so is one that never answers" "$status" 3
like "... by name" "$err" 'client_db\.pns_web_entry at 127\.0\.0\.1'
ok "... soon" test $(($(date +%s) - begin)) -le 9

if [ -n "$can_measure" ]; then
    mongo_again old
    db=client_db
    "$VMTP" --topology namespace --protocols I --icmp-pkt-sizes 64 --sink table \
        --sink "mongo:uri=$uri,timeout=1" --json "$tmp/kept.json" >"$tmp/killed.out" 2>"$tmp/killed.err" &
    pid=$!
    until grep -qs 'Flow 1' "$tmp/killed.err" || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
    mongo_end
    wait $pid
    is "a run whose server dies in its middle exits 3" "$?" 3 || diag "$(cat "$tmp/killed.err")"
    like "... with its table" "$(cat "$tmp/killed.out")" 'PASSED'
    killed=$(json_query "$tmp/kept.json" 'd["run_uuid"]')
    like "... and the command that stores it later" "$(cat "$tmp/killed.err")" \
        "'vmtp replay $killed --sink '?mongo:uri=mongodb://127\.0\.0\.1:$port/,timeout=1"
    mongo_again old
    run "$VMTP" replay "$killed" --sink "mongo:uri=$uri"
    is "... which works" "$status $(query "sum(d['_id'] == '$killed' for d in docs)")" '0 1' || diag "$err"
    "$VMTP" --topology namespace --protocols I --icmp-pkt-sizes 64 --sink table \
        --sink "mongo:uri=$uri,timeout=6" >"$tmp/back.out" 2>"$tmp/back.err" &
    pid=$!
    until grep -qs 'Flow 1' "$tmp/back.err" || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
    mongo_end
    sleep 3 # the pings take two seconds: the server is back while the sink tries
    mongo_again old
    wait $pid
    is "a server that restarts at the end is waited for" "$?" 0 || diag "$(cat "$tmp/back.err")"
else
    skip "a server that dies in the middle of a run" "neither root nor user namespaces"
fi
mongo_end

# --- login and TLS

db=vmtp_test_$$ collection=pns_web_entry
mongo_server login auth
printf '%s\n' "$uri" >"$tmp/uri"
store "$journal" --debug
is "with user and password" "$status $(query 'len(docs)')" '0 1' || diag "$err"
right=$uri
unlike "... which are shown nowhere" "$err$out" 'rd%|rd%25|p@ss|p%40'
run "$summary" --uri-file "$tmp/uri" --db "$db" -r 0
like "pnsdb_summary logs in" "$status $out" '^0 #+'
uri=mongodb://$user:wrong@127.0.0.1:$port/
store "$journal"
is "a wrong password is an error" "$status" 3
like "... told as one" "$err" 'the login is refused'
unlike "... without it" "$err$out" 'wrong@|:wrong'
uri=mongodb://127.0.0.1:$port/
store "$journal"
like "without a login: refused" "$status $err" '^3 .*(login is needed|login is refused)'
uri=$right
mongo_end

mongo_server tls tls
store "$journal"
is "over TLS" "$status $(query 'len(docs)')" '0 1' || diag "$err"
right=$uri
uri="mongodb://127.0.0.1:$port/?tls=true&tlsCAFile=$tmp/tls/other.crt"
store "$journal"
is "a server whose certificate is by another CA is refused" "$status" 3
like "... with the reason" "$err" 'TLS|certificate|suitable'
uri="mongodb://127.0.0.1:$port/"
store "$journal"
is "no TLS to a server that wants it" "$status" 3
uri=$right
mongo_end

# --- what is wrong in the options

wrong() { # wrong NAME SPEC REGEX
    run "$VMTP" replay "$journal" --sink "$2"
    is "$1: exit 2" "$status" 2
    like "... $1" "$err" "$3"
    unlike "... nothing of it is shown" "$err" 'CANARY'
}
wrong "an unknown option of a connection string" 'mongo:uri=mongodb://u:CANARY@h/?tlsCAFlie=/x' "no option 'tlsCAFlie'"
wrong "a connection string that is none" 'mongo:uri=mongo//u:CANARY@h/' 'not valid'
wrong "a password that is not escaped" 'mongo:uri=mongodb://u:CAN@CANARY/x@h/' 'not valid'
wrong "a login in server" 'mongo:server=u:CANARY@h' 'not of the form'
wrong "uri and server" 'mongo:uri=mongodb://h/,server=h' 'either uri or server'
wrong "an empty database" 'mongo:db=' 'cannot be empty'
done_testing
