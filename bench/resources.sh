#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Peak memory and CPU time of a run over SSH with two hosts, --protocols TI -t 2. (The Python program, TUI: 83 MB,
# 1.6 s.)
. "$(dirname "$0")/common.sh"
two_hosts ed25519

for _ in 1 2 3; do
    on_operator "$tmp/usage" "$tmp/used" "$VMTP" --host "$host_a" --host "$host_b" --protocols TI -t 2 -q \
        --json "$tmp/result.json" >"$tmp/out" 2>"$tmp/err" || { cat "$tmp/out" "$tmp/err"; exit 1; }
done
head_row "two hosts, --protocols TI -t 2, median of 3"
row "peak RSS" "$(rss_of "$tmp/used" | median)" MB 20
row "CPU time" "$(cpu_of "$tmp/used" | median)" s 0.4
note "wall" "$(wall_of "$tmp/used" | median) s"
exit $bench_failed
