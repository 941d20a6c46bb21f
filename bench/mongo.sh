#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One run stored through the mongo sink, against a bare insert of the same document by the same driver, taking turns on
# the same server (MONGODB_URI, mongod or FerretDB) and collection.
. "$(dirname "$0")/common.sh"
. "$srcdir/tests/functional/mongo-server.sh"
rounds=${ROUNDS:-200}
journal=${JOURNAL:-$srcdir/tests/fixtures/journal/1.jsonl}

driver=libmongoc-1.0
pkg-config --exists $driver || driver=mongoc2
# shellcheck disable=SC2046 # flags
sh "$builddir/libtool" --quiet --tag=CC --mode=link "${CC:-cc}" -O2 -D_GNU_SOURCE -I"$srcdir" -I"$srcdir/include" \
    -I"$builddir/include" $(pkg-config --cflags jansson $driver) -o "$tmp/mongo" "$srcdir/bench/mongo.c" \
    "$builddir/core/libcore.la" $(pkg-config --libs jansson $driver) || exit 1

mongo_any
"$tmp/mongo" "$uri" "$db" "$journal" "$rounds" >"$tmp/rounds" 2>"$tmp/err" || { tail -n 3 "$tmp/err"; exit 1; }
[ -z "${KEEP-}" ] || cp "$tmp/rounds" "$KEEP"
ms() { awk "{ print \$$1 * 1e3 }" "$tmp/rounds" | median | awk '{ printf "%.3f", $1 }'; }

head_row "one run in MongoDB, medians of $rounds, taking turns"
sink=$(ms 1) bare=$(ms 2)
note "a bare insert of the document" "$bare ms"
row "the sink's part at the end of a run" "$sink" ms "$(awk "BEGIN { printf \"%.3f\", $bare * 1.25 }")"
note "against the bare insert" "$(awk "BEGIN { printf \"%+.1f %%\", ($sink / $bare - 1) * 100 }")"
note "before the first measurement: connect, log in, three indexes" "$(ms 3) ms"
exit $bench_failed
