#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Hosts that run another distribution, another libc: VMTP brings nuttcp, iperf and iperf3 along, and they measure there.
# The roots are those of tests/roots.sh; make check-roots makes them before it runs this.
# shellcheck disable=SC2016,SC2034,SC2154 # for other shells; what sshd.sh reads and sets
roots=${VMTP_TEST_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/vmtp/roots}
. "${srcdir:-.}/tests/functional/functions.sh"
[ -n "$(ls "$roots" 2>/dev/null)" ] || skip_all "no roots of other distributions: make check-roots makes them in $roots"
. "$srcdir/tests/functional/sshd.sh"
requires nuttcp nsenter python3
sshd_lacks='nuttcp iperf iperf3'

hosts_make
mkdir -p "$HOME/.ssh"
a=root@192.0.2.1
b=root@192.0.2.2
printf 'tcp_tp_loop_count: 1\nssh_timeout: 5\nprivate_key_file: %s\n' "$tmp/keys/ed25519" >"$tmp/quick.yaml"
json() { json_query "$tmp/out.json" "$1"; }
inside() { # inside HOST COMMAND...: in the mount namespace of its server
    eval "inside_pid=\$sshd_$1"
    shift
    nsenter -t "$inside_pid" -m "$@"
}
left() { inside a find /mnt/tmp /mnt/var/tmp -name 'vmtp-*' | head -n 5; }

measured() { # measured WHERE TOOL
    rm -f "$tmp/out.json"
    run on_operator "$VMTP" -c "$tmp/quick.yaml" -t 1 --json "$tmp/out.json" --host "$a" --host "$b" \
        --inter-node-only --protocols TU --udpbuf 1024 --bandwidth 50M --tp-tool "$2"
    is "$2 measures between two hosts with $1" "$status $(json '[f["status"] for f in d["flows"]]')" "0 ['passed']" ||
        diag "$err"
    is "... TCP and UDP, with numbers" "$(json '[len(of(p)) > 0 and all(i["throughput_kbps"] > 1000 for i in of(p))
        for p in ("TCP", "UDP")]')" '[True, True]'
    is "... it was brought to both" "$(printf '%s\n' "$err" | grep -c "has no $2: brought /")" 2
    is "... and is gone" "$(left)" ""
}

for root in debian-11 debian-13 musl; do
    if ! [ -d "$roots/$root" ]; then
        skip "$root" "there is no $roots/$root: make check-roots makes it"
        continue
    fi
    name=$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' "$roots/$root/etc/os-release")
    sshd_root a "$roots/$root"
    sshd_root b "$roots/$root"
    sshd_start a && sshd_start b || exit 99
    if [ "$root" = musl ]; then
        like "a target with musl's loader" "$(inside a chroot /mnt /bin/sh -c '/lib/ld-musl-* 2>&1')" '^musl libc'
        is "... and no other" "$(inside a find /mnt/lib /mnt/usr -name 'ld-linux*' -o -name 'libc.so.[0-9]*')" ""
    fi
    for tool in nuttcp iperf iperf3; do
        if command -v $tool >/dev/null; then
            measured "$name" $tool
        else
            skip "$tool, $name" "$tool is not installed"
        fi
    done
    sshd_stop a
    sshd_stop b
done
done_testing
