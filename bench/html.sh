#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page of a run with 30 scenarios: its size, and how long it takes. The replay of a long journal into files.
. "$(dirname "$0")/common.sh"
requires python3

python3 "$srcdir/bench/html.py" run >"$tmp/run.json"
python3 "$srcdir/bench/html.py" journal 100000 >"$tmp/journal.jsonl"
head_row "page of a run with 30 scenarios, median of 21"
for _ in $(seq 21); do
    "$tmp/usage" "$tmp/page" "$builddir/reports/vmtp-genchart" -c "$tmp/page.html" "$tmp/run.json" >"$tmp/out" || exit 1
done
row "size" "$(wc -c <"$tmp/page.html" | awk '{ printf "%.0f", $1 / 1000 }')" kB 300
row "wall" "$(wall_of "$tmp/page" | median | awk '{ printf "%.1f", $1 * 1000 }')" ms 50

head_row "replay of $(wc -l <"$tmp/journal.jsonl") events, median of 5"
sinks="--json $tmp/r.json --sink html:file=$tmp/r.html"
if [ -e "$builddir/.libs/sink-csv.so" ]; then
    sinks="$sinks --sink csv:file=$tmp/r.csv"
fi
for _ in 1 2 3 4 5; do
    # shellcheck disable=SC2086 # a list of options
    "$tmp/usage" "$tmp/replay" "$VMTP" replay "$tmp/journal.jsonl" $sinks 2>"$tmp/out" || exit 1
done
[ "$(status_of "$tmp/replay")" = 0 ] || { cat "$tmp/out" >&2; exit 1; }
row "wall" "$(wall_of "$tmp/replay" | median)" s 2
row "peak RSS" "$(rss_of "$tmp/replay" | median)" MB 60
exit $bench_failed
