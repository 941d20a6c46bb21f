#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the mongo sink sends to a replica set and to a sharded cluster. Both are played by mongo-cluster.py, which knows
# no elections and stores nothing: this shows where a write goes and what it asks for, not that a real cluster keeps it.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3
"$VMTP" plugin show mongo >/dev/null 2>&1 || skip_all "the mongo sink was not built"
journal=$srcdir/tests/fixtures/journal/1.jsonl

cluster() { # cluster KIND: starts it, sets $one, $two
    at=$tmp/$1
    mkdir "$at"
    python3 "$srcdir/tests/functional/mongo-cluster.py" "$1" "$at" 2>"$at/err" &
    at_exit "kill $! 2>/dev/null"
    tries=0
    until [ -s "$at/ports" ]; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { diag "$(cat "$at/err")"; exit 99; }
        sleep 0.1
    done
    read -r one two <"$at/ports"
}
sent() { # sent EXPRESSION: in Python; all: the commands in order, of(word): those of a kind
    python3 -c 'import json, sys
all = [json.loads(line) for line in open(sys.argv[1])]
def of(word): return [c for c in all if word in c]
print(eval(sys.argv[2]))' "$at/commands" "$1"
}

cluster replica-set
run "$VMTP" replay "$journal" --sink "mongo:uri=mongodb://127.0.0.1:$one,127.0.0.1:$two/?replicaSet=rs0"
is "a replica set takes a run" "$status" 0 || diag "$err $(cat "$at/err")"
is "the document goes to the primary, wherever it stands" "$(sent '[c["server"] for c in of("insert")]')" '[1]'
is "... with the run as its id" "$(sent 'of("insert")[0]["documents"][0]["_id"]')" 0a1b2c3d-1111-4222-8333-444455556666
is "... for the majority, within a time" "$(sent 'of("insert")[0]["writeConcern"]')" \
    "{'w': 'majority', 'wtimeout': 4000}"
is "... so that a retry is known as one" "$(sent '("txnNumber" in of("insert")[0], "lsid" in of("insert")[0])')" \
    '(True, True)'
is "three indexes, one command for each" \
    "$(sent '[(c["server"], [i["name"] for i in c["indexes"]]) for c in of("createIndexes")]')" \
    "[(1, ['vmtp_date']), (1, ['vmtp_description']), (1, ['vmtp_flow'])]"
is "VMTP says who it is" "$(sent '{c["client"]["application"]["name"] for c in all if "client" in c}')" "{'vmtp'}"

rm "$at/commands"
run "$VMTP" replay "$journal" --sink "mongo:uri=mongodb://127.0.0.1:$one/?replicaSet=rs0&w=1&appName=mine,indexes=false"
is "one member leads to the others" "$status $(sent '[c["server"] for c in of("insert")]')" '0 [1]' || diag "$err"
is "w of the connection string counts" "$(sent 'of("insert")[0].get("writeConcern")')" "{'w': 1}"
is "... and its appName" "$(sent '{c["client"]["application"]["name"] for c in all if "client" in c}')" "{'mine'}"
is "indexes=false" "$(sent 'len(of("createIndexes"))')" 0

rm "$at/commands"
touch "$at/step-down"
run "$VMTP" replay "$journal" --sink "mongo:uri=mongodb://127.0.0.1:$one,127.0.0.1:$two/?replicaSet=rs0"
is "a primary that steps down is no loss" "$status" 0 || diag "$err"
is "... the document is sent again" "$(sent '[c["documents"][0]["_id"][:8] for c in of("insert")]')" \
    "['0a1b2c3d', '0a1b2c3d']"

run "$VMTP" replay "$journal" --sink "mongo:uri=mongodb://127.0.0.1:$one,127.0.0.1:$two/?replicaSet=other,timeout=1"
is "another replica set is none of ours" "$status" 3
like "... and told with the hosts" "$err" "at 127\.0\.0\.1:$one,127\.0\.0\.1:$two: "

cluster sharded
run "$VMTP" replay "$journal" --sink "mongo:uri=mongodb://127.0.0.1:$one,127.0.0.1:$two/"
is "a sharded cluster takes a run" "$status" 0 || diag "$err $(cat "$at/err")"
is "one of its mongos gets the document" "$(sent 'len(of("insert"))')" 1
is "... for the majority" "$(sent 'of("insert")[0]["writeConcern"]["w"]')" majority
done_testing
