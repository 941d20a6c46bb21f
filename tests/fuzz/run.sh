#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the fuzz targets with libFuzzer: make fuzz FUZZ_SECONDS=... FUZZ_RUNS=... FUZZ_TARGETS=...; a line for each. What
# it has learnt stays in corpus/NAME; an input that fails is named, and belongs into tests/fuzz/seeds/NAME.
set -u
cd "${builddir:-.}" || exit 99
: "${srcdir:?}"
: "${FUZZ_SECONDS:=60}" "${FUZZ_RUNS:=10000000}" "${FUZZ_TARGETS:?the names of targets}"
: "${FUZZ_TIMEOUT:=20}" # s of the clock for one input: more where the machine is stopped now and then
LONG=65536    # bytes: the longest of all inputs
LONG_SHARE=20 # one part in so many, of executions and seconds, is for inputs of any length
# The sanitizer's defaults (256 MB of freed memory kept away, 30 callers noted for each piece, 4 KB of each filled) take
# half of the time. 4 MB hold what one input frees; one that fails is to be run again with the defaults.
export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=4:malloc_context_size=1:max_malloc_fill_size=256

# Most inputs are no longer than this: enough for all that the parser tells apart, and each takes little time.
short_of() {
    case $1 in
    hostspec) echo 256 ;;
    facts | native-host | nuttcp) echo 512 ;;
    report | journal | ssh-key) echo 1600 ;;
    *) echo 1024 ;;
    esac
}

gather_seeds() { # gather_seeds NAME FOLDER FIND-TEST...: those files into the folder
    gathered=$2 of="$srcdir/tests/fuzz/seeds/$1 $srcdir/tests/fixtures/$1"
    shift 2
    mkdir -p "$gathered"
    # shellcheck disable=SC2086 # two words
    find $of -type f "$@" 2>/dev/null | while read -r file; do
        cp "$file" "$gathered/seed-$(cksum <"$file" | tr ' ' -)"
    done
}

# Of all children until now, as an integer. A shell of its own would have none: hence the file.
processor_seconds() { # processor_seconds VARIABLE
    times >"corpus/times.$$"
    eval "$1"='$(awk "NR == 2" "corpus/times.$$" | tr "ms" "  " | awk "{ print int(\$1 * 60 + \$2 + \$3 * 60 + \$4) }")'
}

# Adds to runs and sets result.
fuzz() { # fuzz NAME RUNS SECONDS LONGEST
    [ "$2" -gt 0 ] && [ "$3" -gt 0 ] || return
    FUZZ_PROCESSOR_SECONDS=$3 "tests/fuzz/$1.t" -runs="$2" -max_len="$4" -timeout="$FUZZ_TIMEOUT" -reload=0 \
        -rss_limit_mb=2048 -print_funcs=0 -print_final_stats=1 -artifact_prefix="$corpus.found-" "$corpus" \
        >"$log.now" 2>&1 || result=FAILED
    done_now=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log.now")
    cat "$log.now" >>"$log"
    rm -f "$log.now"
    runs=$((runs + ${done_now:-0}))
}

mkdir -p corpus
trap 'rm -f "corpus/times.$$"' EXIT
status=0 first=0 now=0
for name in $FUZZ_TARGETS; do
    corpus=corpus/$name log=corpus/$name.log
    short=$(short_of "$name") runs=0 result=ok
    processor_seconds first
    : >"$log"
    gather_seeds "$name" "$corpus" -size -"$((short + 1))c"
    fuzz "$name" $((FUZZ_RUNS - FUZZ_RUNS / LONG_SHARE)) $((FUZZ_SECONDS - FUZZ_SECONDS / LONG_SHARE)) "$short"
    if [ "$result" = ok ]; then
        gather_seeds "$name" "$corpus" -size +"${short}c"
        processor_seconds now
        fuzz "$name" $((FUZZ_RUNS - runs)) $((FUZZ_SECONDS - now + first)) "$LONG" # until either is reached
    fi
    processor_seconds now
    printf '%-14s %-6s %10d executions, %5d s of processor time\n' "$name" "$result" "$runs" $((now - first))
    if [ "$result" != ok ]; then
        status=1
        grep -E '^(==|SUMMARY|.*runtime error|.*does not hold|artifact_prefix)' "$log" | tail -n 5 | sed 's/^/    /'
        echo "    all of it: $log; when it is mended, its input belongs into tests/fuzz/seeds/$name"
    fi
done
exit $status
