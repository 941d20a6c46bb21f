# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154 # functions.sh is sourced here; the benches use what is set
# Sourced by every bench, from any directory. Each prints rows: what, measured, the most it may be, their ratio (below 1
# is good). Nothing else should run on the machine meanwhile. The environment: builddir, default ./build of the tree.

srcdir=$(cd "$(dirname "$0")/.." && pwd)
builddir=${builddir:-$srcdir/build}
. "$srcdir/tests/functional/functions.sh"

# The program itself, not libtool's wrapper script around it.
VMTP=$builddir/core/.libs/vmtp
LD_LIBRARY_PATH=$builddir/core/.libs
export LD_LIBRARY_PATH
[ -x "$VMTP" ] || { echo "no program $VMTP: build first" >&2; exit 1; }
${CC:-cc} -O2 -o "$tmp/usage" "$srcdir/bench/usage.c" || exit 1

bench_failed=0

head_row() { printf '%-64s %12s %12s %7s\n' "$1" measured 'must reach' ratio; }

row() { # row WHAT VALUE UNIT LIMIT
    ratio=$(awk "BEGIN { printf \"%.2f\", $2 / $4 }")
    printf '%-64s %12s %12s %7s\n' "$1" "$2 $3" "<= $4 $3" "$ratio"
    awk "BEGIN { exit !($2 <= $4) }" || bench_failed=1
}

note() { printf '%-64s %12s\n' "$1" "$2"; }

# The median of numbers, one a line, on standard input.
median() {
    sort -g | awk '{ v[NR] = $1 } END {
        if (NR)
            print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2
        else
            print "nan"
    }'
}

# Columns of what usage has written: wall cpu rss status, in s, s, MB (10^6 bytes).
wall_of() { awk '{ print $1 }' "$1"; }
cpu_of() { awk '{ print $2 }' "$1"; }
rss_of() { awk '{ printf "%.1f\n", $3 * 1024 / 1e6 }' "$1"; }
status_of() { awk '{ s = $4 } END { print s }' "$1"; }

# Two hosts with sshd, root by key, as tests/functional/sshd.sh makes them.
two_hosts() { # two_hosts KEY
    . "$srcdir/tests/functional/sshd.sh"
    hosts_make && sshd_start a && sshd_start b || exit 1
    host_a="root@192.0.2.1?key=$keys/$1" host_b="root@192.0.2.2?key=$keys/$1"
}
