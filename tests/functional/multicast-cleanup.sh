#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The route for multicast that a run has added is removed by vmtp cleanup when the run could not: over SSH, and in
# namespaces, which are gone by then. NUTTCP8: a nuttcp that can measure multicast, when there is no iperf.
# shellcheck disable=SC2154 # what sshd.sh sets
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
requires python3
if command -v iperf >/dev/null; then
    tool=iperf
else
    nuttcp=${NUTTCP8:-$(command -v nuttcp8)} || skip_all "no tool can measure multicast here: iperf is not installed"
    tool=nuttcp:path=$nuttcp
fi

hosts_make
sshd_start a && sshd_start b || exit 99
mkdir -p "$HOME/.ssh"
cp "$keys/ed25519" "$HOME/.ssh/id_ed25519"
a=root@192.0.2.1
b=root@192.0.2.2
printf 'multicast_route: true\nssh_timeout: 5\n' >"$tmp/route.cfg"
start() { # start TIME OPTION...: in the background; sets $pid to the program
    # shellcheck disable=SC2016 # for the other shell
    on_operator sh -c 'echo $$ >"$0"; exec "$@"' "$tmp/pid" "$VMTP" -c "$tmp/route.cfg" --tp-tool "$tool" \
        --protocols M --udpbuf 1024 --bandwidth 20M -t "$@" >"$tmp/out" 2>"$tmp/err" &
    job=$!
}
routes() { # of both hosts
    for space in a b; do
        ip -n "$net-$space" route show 224.0.0.0/4
    done
}
routed() {
    for _ in $(seq 100); do
        [ "$(routes | wc -l)" != 2 ] || return 0
        sleep 0.1
    done
    return 1
}
ledgers() { find "$XDG_STATE_HOME/vmtp/runs" -name '*.ledger' | wc -l; }

# ---- over SSH ----

start 1 --host "$a" --host "$b" --inter-node-only
wait "$job"
is "a run over SSH with routes" "$?" 0 || diag "$(cat "$tmp/err")"
is "... removes them" "$(routes)" ""

# A route that is there may be another run's, which ends before this one.
start 2 --host "$a" --host "$b" --inter-node-only --direction both
routed
sleep 1
ip -n "$net-a" route del 224.0.0.0/4 dev eth0
ip -n "$net-b" route del 224.0.0.0/4 dev eth0
wait "$job"
is "routes that go between two measurements are added again" "$? $(routes)" "0 " || diag "$(cat "$tmp/err")"

start 30 --host "$a" --host "$b" --inter-node-only
ok "a run over SSH adds a route on both hosts" routed
kill -KILL "$(cat "$tmp/pid")"
wait "$job" 2>/dev/null
is "kill -9 leaves them there" "$(routes | wc -l)" 2
run on_operator "$VMTP" -c "$tmp/route.cfg" cleanup last --dry-run
is "cleanup --dry-run names both" "$(printf '%s\n' "$out$err" | grep -c '224\.0\.0\.0/4')" 2 || diag "$out$err"
is "... and removes none" "$(routes | wc -l)" 2
ip -n "$net-b" route add 225.0.0.0/8 dev eth1
run on_operator "$VMTP" -c "$tmp/route.cfg" cleanup last
is "cleanup removes them" "$status $(routes) $(ledgers)" "0  0" || diag "$err"
is "... and no other" "$(ip -n "$net-b" route show 225.0.0.0/8 | wc -l)" 1

start 30 --host "$a" --host "$b" --inter-node-only
routed
kill -KILL "$(cat "$tmp/pid")"
wait "$job" 2>/dev/null
ip -n "$net-a" route del 224.0.0.0/4 dev eth0
run on_operator "$VMTP" -c "$tmp/route.cfg" cleanup last
is "one that somebody has removed already is none" "$status $(routes) $(ledgers)" "0  0" || diag "$err"

# ---- in namespaces: a route goes with its namespace, and is in no ledger ----

start 30 --topology namespace --debug
for _ in $(seq 100); do
    ! grep -q 'ip route add 224' "$tmp/err" || break
    sleep 0.2
done
if grep -q 'ip route add 224' "$tmp/err"; then
    kill -KILL "$(cat "$tmp/pid")"
    wait "$job" 2>/dev/null
    run "$VMTP" cleanup last
    is "after kill -9 in a namespace nothing is left to remove" "$status $(ledgers)" "0 0" || diag "$out$err"
else
    skip "a route in a namespace" "no namespaces here: $(tail -n 1 "$tmp/err")"
fi
done_testing
