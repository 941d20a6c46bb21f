#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: tally.sh TITLE TEST...
# Runs functional tests one by one and prints each of their points in a line, then "TITLE: N" with the number of those
# that failed. make check-faults and make check-secrets. The environment is that of the tests.
set -u
title=$1
shift
lines=$(mktemp) || exit 99
trap 'rm -f "$lines"' EXIT
trap 'exit 130' INT TERM HUP
broken=0
for test in "$@"; do
    sh "${srcdir:-.}/tests/functional/$test.sh" >"$lines.one" 2>&1 || broken=$((broken + 1))
    grep -q '^1\.\.' "$lines.one" || { echo "not ok - it has not come to its end" >>"$lines.one"; }
    sed -n "s/^ok [0-9]* - \(.*\) # SKIP \(.*\)/skipped  $test: \1 (\2)/p; t
        s/^1\.\.0 # SKIP \(.*\)/skipped  $test (\1)/p; t
        s/^ok [0-9]* - /held     $test: /p; t
        s/^not ok [0-9]*[ -]*/FAILED   $test: /p; t
        s/^# \(secrets found: .*\)/         $test: \1/p" "$lines.one" | tee -a "$lines"
    rm -f "$lines.one"
done
failed=$(grep -c '^FAILED' "$lines")
[ "$failed" -ge "$broken" ] || failed=$broken
echo "$(grep -c '^held' "$lines") points held, $(grep -c '^skipped' "$lines") skipped"
echo "$title: $failed"
[ "$failed" = 0 ]
