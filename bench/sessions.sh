#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# 50 SSH sessions opened at once, one command each: VMTP's transports against the least that a program on libssh2 does,
# and against 50 ssh; and at a server with OpenSSH's own limit for logins that have not succeeded yet. Each round has
# both sides one after the other, in turns, and gives a ratio: what else the machine does hits both. ROUNDS: how many.
# shellcheck disable=SC2317 # functions that in_turns calls
. "$(dirname "$0")/common.sh"
. "$srcdir/tests/functional/sshd.sh"
: "${ROUNDS:=9}"
probe=$builddir/tests/functional/ssh-probe
[ -x "$probe" ] || { echo "no program $probe: make check TESTS= first" >&2; exit 1; }
# shellcheck disable=SC2046 # a list of options
${CC:-cc} -O2 -o "$tmp/sessions" "$srcdir/bench/sessions.c" $(pkg-config --cflags --libs libssh2) -lpthread || exit 1

n=50
hosts_make && sshd_start a 'MaxStartups 200' || exit 1
hosts=$(perl -e "print join ',', ('root@192.0.2.1') x $n")

timed() { # timed FILE COMMAND...
    timed_file=$1
    shift
    on_operator "$tmp/usage" "$timed_file" "$@" >"$tmp/out" 2>"$tmp/err"
    [ "$(status_of "$timed_file")" = 0 ] || { cat "$tmp/out" "$tmp/err"; exit 1; }
}
with_vmtp() { # with_vmtp FILE TRANSPORT
    timed "$1" "$probe" -k "$keys/ed25519" -T "$2" "$hosts" connect
    [ "$(grep -c '^connected' "$tmp/out")" = "$n" ] || { cat "$tmp/out" "$tmp/err"; exit 1; }
}
by_libssh2() { with_vmtp "$tmp/libssh2" libssh2; }
by_openssh() { with_vmtp "$tmp/openssh" openssh; }
bare_libssh2() { timed "$tmp/bare" "$tmp/sessions" "$n" 192.0.2.1 root "$keys/ed25519"; }
bare_ssh() {
    # shellcheck disable=SC2016 # for the other shell
    timed "$tmp/ssh" sh -c 'for i in $(seq "$1"); do
            ssh -F /dev/null -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o BatchMode=yes -i "$0" \
                root@192.0.2.1 true & pids="$pids $!"
        done; for pid in $pids; do wait "$pid" || exit 1; done' "$keys/ed25519" "$n"
}
in_turns() { # in_turns ROUNDS ONE OTHER
    for round in $(seq "$1"); do
        if [ $((round % 2)) = 0 ]; then
            "$2" && "$3"
        else
            "$3" && "$2"
        fi
    done
}
ratio_of() { # ratio_of FILE FILE: the median of the rounds
    paste -d ' ' "$1" "$2" | awk '{ print $1 / $5 }' | median | awk '{ printf "%.2f", $1 }'
}

with_vmtp "$tmp/warm" libssh2
in_turns "$ROUNDS" bare_libssh2 by_libssh2
in_turns "$(((ROUNDS + 1) / 2))" bare_ssh by_openssh
libssh2=$(wall_of "$tmp/libssh2" | median) ssh=$(wall_of "$tmp/ssh" | median)
head_row "$n sessions at once, 1 command each, ed25519, medians of $ROUNDS rounds"
note "bare libssh2" "$(wall_of "$tmp/bare" | median) s"
note "bare ssh" "$ssh s"
note "VMTP, libssh2" "$libssh2 s"
note "VMTP, openssh" "$(wall_of "$tmp/openssh" | median) s"
row "VMTP, libssh2 / bare libssh2" "$(ratio_of "$tmp/libssh2" "$tmp/bare")" x 1.2
row "VMTP, libssh2 / bare ssh" "$(awk "BEGIN { printf \"%.2f\", $libssh2 / $ssh }")" x 1.2
row "VMTP, openssh / bare ssh" "$(ratio_of "$tmp/openssh" "$tmp/ssh")" x 1.2

sshd_stop a
sshd_start a 'MaxStartups 10:30:100' || exit 1
with_vmtp "$tmp/default" libssh2
with_vmtp "$tmp/default" openssh
row "a default server, all $n, libssh2" "$(wall_of "$tmp/default" | sed -n 1p)" s 10
row "a default server, all $n, openssh" "$(wall_of "$tmp/default" | sed -n 2p)" s 10
exit "$bench_failed"
