#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The namespace topology through the program: a real measurement on this machine, as root and as an ordinary user.
. "${srcdir:-.}/tests/functional/functions.sh"
requires nuttcp ping ip tc ps pgrep
protocols=T
"$VMTP" plugin show ping >/dev/null 2>&1 && protocols=TI # a build may leave a plugin out

holders() { # holders PID: how many children of the process hold a namespace
    pgrep -c -P "$1" vmtp-netns
}

living() { # living "PID PID ...": how many of them run
    n=0
    for child in $1; do
        case $(ps -o stat= -p "$child") in '' | Z*) ;; *) n=$((n + 1)) ;; esac
    done
    echo $n
}

await_holders() { # await_holders PID: until the run holds its two namespaces
    i=0
    while [ "$(holders "$1")" != 2 ] && [ $i -lt 100 ]; do
        sleep 0.1
        i=$((i + 1))
    done
}

number() { # number NAME FILE: the first number of that name in a JSON file
    sed -n "s/^.*\"$1\": \([0-9.]*\),*\$/\1/p" "$2" | head -n 1
}

run "$VMTP" plan --protocols $protocols --topology namespace:rate=50M
is "plan exits with 0" "$status" 0
like "plan names the flow" "$out" 'Namespaces on this machine'

run "$VMTP" --topology namespace --protocols $protocols -t 1 --json "$tmp/direct.json"
if printf '%s' "$err" | grep -q 'this system does not allow'; then
    skip_all "$(printf '%s' "$err" | grep 'this system does not allow' | head -n 1)"
fi
is "a run exits with 0" "$status" 0 || diag "$err"
like "the table shows its TCP" "$out" '^\| 9\.1 .*PASSED .*bit/s'
ok "there is a result" test -s "$tmp/direct.json"

run "$VMTP" --topology namespace:rate=50M,family=ipv6,mtu=1400 --protocols TU --udpbuf 1000 --bandwidth 80M -t 1 \
    --json "$tmp/routed.json"
is "a run over a slow router exits with 0" "$status" 0 || diag "$err"
kbps=$(number throughput_kbps "$tmp/routed.json")
diag "throughput: $kbps kbit/s"
ok "TCP is a little below the rate" test "${kbps%%.*}" -gt 40000 -a "${kbps%%.*}" -lt 50000
loss=$(number loss_rate "$tmp/routed.json")
diag "loss: $loss %"
ok "UDP at 80 Mbit/s loses what does not fit" test "${loss%%.*}" -gt 25 -a "${loss%%.*}" -lt 50

run "$VMTP" --topology namespace:rate=1k
is "a rate that is too low is refused" "$status" 2
run "$VMTP" --topology namespace:family=ipv6,mtu=1000
is "an MTU that IPv6 does not allow is refused" "$status" 2
like "saying so" "$err" 'IPv6 needs 1280'

"$VMTP" --topology namespace --protocols T -t 30 >"$tmp/kill.out" 2>&1 &
pid=$!
at_exit "kill -9 $pid 2>/dev/null"
await_holders $pid
is "a run holds two namespaces" "$(holders $pid)" 2
children=$(ps -o pid= --ppid $pid)
kill -9 $pid
wait $pid 2>/dev/null
sleep 0.5
is "killed by force, it leaves no process" "$(living "$children")" 0

"$VMTP" --topology namespace --protocols T -t 30 >"$tmp/int.out" 2>&1 &
pid=$!
at_exit "kill -9 $pid 2>/dev/null"
await_holders $pid
children=$(ps -o pid= --ppid $pid)
kill -TERM $pid
wait $pid
is "interrupted, it exits with 130" "$?" 130
is "and leaves no process" "$(living "$children")" 0

if [ "$(id -u)" != 0 ]; then
    skip "an ordinary user" "all of this was one"
elif ! command -v setpriv >/dev/null 2>&1; then
    skip "an ordinary user" "setpriv is not installed"
else
    chmod 755 "$tmp"
    mkdir -p "$tmp/nobody"
    chown 65534:65534 "$tmp/nobody"
    as_nobody() {
        (cd "$tmp/nobody" && exec env HOME="$tmp/nobody" XDG_STATE_HOME="$tmp/nobody" \
            setpriv --reuid=65534 --regid=65534 --clear-groups "$@")
    }
    if as_nobody test -x "$VMTP" && as_nobody test -r "$builddir"; then
        run as_nobody "$VMTP" --topology namespace:rate=50M --protocols $protocols -t 1
        if printf '%s' "$err" | grep -q 'this system does not allow'; then
            skip "an ordinary user" "$(printf '%s' "$err" | grep 'this system does not allow' | head -n 1)"
        else
            is "an ordinary user measures, too" "$status" 0 || diag "$err"
        fi
    else
        skip "an ordinary user" "it may not enter $builddir"
    fi
fi
done_testing
