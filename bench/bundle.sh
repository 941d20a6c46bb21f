#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bringing nuttcp to a host that lacks it: the first time, and the next use in the same run, over SSH. Median of 11.
# shellcheck disable=SC2034 # sshd.sh reads it
. "$(dirname "$0")/common.sh"
requires nuttcp
. "$srcdir/tests/functional/sshd.sh"
probe=$builddir/tests/functional/ssh-probe
[ -x "$probe" ] || { echo "no program $probe: make tests/functional/ssh-probe" >&2; exit 1; }
sshd_lacks=nuttcp
hosts_make && sshd_root a / && sshd_start a || exit 1

head_row "nuttcp is brought to a host, over SSH"
for transport in libssh2 openssh; do
    for _ in $(seq 11); do
        on_operator "$probe" -T $transport -k "$keys/ed25519" root@192.0.2.1 bring nuttcp || exit 1
    done 2>"$tmp/log" >"$tmp/times-$transport"
    first=$(awk '/^program/ && ++n % 2 == 1 { print $3 }' "$tmp/times-$transport" | median)
    next=$(awk '/^program/ && ++n % 2 == 0 { print $3 }' "$tmp/times-$transport" | median)
    row "$transport: first use" "$first" s 0.5
    row "$transport: next use in the same run" "$next" s 0.05
done
exit $bench_failed
