#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make check-full: everything that can be checked, one after the other, a line each; the log of a stage is named when it
# fails. In a build directory, out of the source tree. FUZZ_SECONDS is for each fuzz target.
set -u
: "${MAKE:=make}" "${FUZZ_SECONDS:=60}" "${FULL_STAGES:?}"
logs=check-full.logs
mkdir -p "$logs" || exit 99
failed=0
for stage in $FULL_STAGES; do
    began=$(date +%s) result=ok
    case $stage in
    fuzz) "$MAKE" fuzz FUZZ_SECONDS="$FUZZ_SECONDS" >"$logs/$stage" 2>&1 || result=FAILED ;;
    *) "$MAKE" "$stage" >"$logs/$stage" 2>&1 || result=FAILED ;;
    esac
    words=$(sed -n 's/^# \(PASS\|FAIL\|SKIP\|ERROR\): *\([0-9]\)/\1 \2/p' "$logs/$stage" | tail -n 4 | tr '\n' ' ')
    printf '%-22s %-6s %6d s  %s\n' "$stage" "$result" $(($(date +%s) - began)) "$words"
    if [ "$result" != ok ]; then
        failed=$((failed + 1))
        grep -E '^(FAIL|ERROR): |\*\*\* |FAILED ' "$logs/$stage" | head -n 10 | sed 's/^/    /'
        echo "    all of it: $PWD/$logs/$stage"
    fi
done
[ "$failed" = 0 ]
