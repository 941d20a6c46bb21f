#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the fuzz targets with libFuzzer: make fuzz FUZZ_SECONDS=... FUZZ_RUNS=... FUZZ_TARGETS=...; a line for each. What
# it has learnt stays in corpus/NAME; an input that fails is named, and belongs into tests/fuzz/seeds/NAME.
set -u
cd "${builddir:-.}" || exit 99
: "${srcdir:?}"
: "${FUZZ_SECONDS:=60}" "${FUZZ_RUNS:=10000000}" "${FUZZ_TARGETS:?the names of targets}"
SLICE=30 # s: libFuzzer's limit is of the clock, ours of the processor
export UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1

corpus_of() { # corpus_of NAME: makes and prints the folder
    mkdir -p "corpus/$1"
    find "$srcdir/tests/fuzz/seeds/$1" "$srcdir/tests/fixtures/$1" -type f 2>/dev/null | while read -r file; do
        cp "$file" "corpus/$1/seed-$(cksum <"$file" | tr ' ' -)"
    done
    echo "corpus/$1"
}

# Of all children until now, as an integer. A shell of its own would have none: hence the file.
processor_seconds() { # processor_seconds VARIABLE
    times >corpus/times
    eval "$1"='$(awk "NR == 2" corpus/times | tr "ms" "  " | awk "{ print int(\$1 * 60 + \$2 + \$3 * 60 + \$4) }")'
}

mkdir -p corpus
status=0 first=0 now=0
for name in $FUZZ_TARGETS; do
    corpus=$(corpus_of "$name")
    log=$corpus.log
    runs=0 used=0 result=ok
    processor_seconds first
    : >"$log"
    while [ "$runs" -lt "$FUZZ_RUNS" ] && [ "$used" -lt "$FUZZ_SECONDS" ]; do
        left=$((FUZZ_SECONDS - used))
        [ "$left" -lt "$SLICE" ] || left=$SLICE
        "tests/fuzz/$name.t" -max_total_time="$left" -runs=$((FUZZ_RUNS - runs)) -timeout=20 -rss_limit_mb=2048 \
            -print_final_stats=1 -artifact_prefix="$corpus.found-" "$corpus" >"$log.now" 2>&1 || result=FAILED
        done_now=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log.now")
        cat "$log.now" >>"$log"
        runs=$((runs + ${done_now:-0}))
        processor_seconds now
        used=$((now - first))
        [ "$result" = ok ] || break
    done
    rm -f "$log.now"
    printf '%-14s %-6s %10d executions, %5d s of processor time\n' "$name" "$result" "$runs" "$used"
    if [ "$result" != ok ]; then
        status=1
        grep -E '^(==|SUMMARY|.*runtime error|.*does not hold|artifact_prefix)' "$log" | tail -n 5 | sed 's/^/    /'
        echo "    all of it: $log; when it is mended, its input belongs into tests/fuzz/seeds/$name"
    fi
done
exit $status
