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
hosts_make && sshd_root a / && sshd_root b / || exit 1
sshd_start a && sshd_start b 'Subsystem other /bin/false' || exit 1

head_row "nuttcp is brought to a host, over SSH"
for way in a:192.0.2.1:SFTP b:192.0.2.2:SCP; do
    address=${way#*:}
    for _ in $(seq 11); do
        on_operator "$probe" -k "$keys/ed25519" "root@${address%:*}" bring nuttcp || exit 1
    done 2>"$tmp/log" >"$tmp/times-${way%%:*}"
    first=$(awk '/^program/ && ++n % 2 == 1 { print $3 }' "$tmp/times-${way%%:*}" | median)
    next=$(awk '/^program/ && ++n % 2 == 0 { print $3 }' "$tmp/times-${way%%:*}" | median)
    row "by ${way##*:}: first use" "$first" s 0.5
    row "by ${way##*:}: next use in the same run" "$next" s 0.05
done
exit $bench_failed
