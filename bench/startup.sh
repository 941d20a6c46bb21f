#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How long vmtp --help and -sc take, and their peak memory. (The Python program: 0.67 s, 66 MB.)
. "$(dirname "$0")/common.sh"

head_row "start of the program, median of 31"
for option in --help -sc; do
    for _ in $(seq 31); do
        "$tmp/usage" "$tmp/usage$option" "$VMTP" "$option" >"$tmp/out" || exit 1
    done
    row "vmtp $option: wall" "$(wall_of "$tmp/usage$option" | median | awk '{ printf "%.1f", $1 * 1000 }')" ms 20
    row "vmtp $option: peak RSS" "$(rss_of "$tmp/usage$option" | median)" MB 12
done
exit $bench_failed
