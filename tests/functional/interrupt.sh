#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs over SSH that are interrupted or killed: what was measured is kept, nothing of ours stays on the hosts. And two
# runs at once on the same hosts.
# shellcheck disable=SC2016,SC2317 # perl's variables; functions that are called by name
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
requires nuttcp python3 ps

hosts_make
sshd_start a && sshd_start b || exit 99
mkdir -p "$HOME/.ssh"
cp "$keys/ed25519" "$HOME/.ssh/id_ed25519"
printf 'tcp_tp_loop_count: 1\nssh_timeout: 20\n' >"$tmp/quick.yaml"
printf 'ports: fixed\n' >"$tmp/fixed.yaml"
a=root@192.0.2.1
b=root@192.0.2.2

vmtp() { # vmtp NAME OPTION...: in this process
    vmtp_name=$1
    shift
    exec ip netns exec "$net-op" "$VMTP" -c "$tmp/quick.yaml" --host "$a" --host "$b" \
        --json "$tmp/$vmtp_name.json" "$@" >"$tmp/$vmtp_name.out" 2>"$tmp/$vmtp_name.err"
}
start() { # start NAME OPTION...: sets $pid, which is vmtp itself
    rm -f "$tmp/$1.err" "$tmp/$1.json"
    (vmtp "$@") &
    pid=$!
    at_exit "kill -KILL $pid 2>/dev/null"
}
await() { # await SECONDS COMMAND...: until it succeeds
    await_turns=$(($1 * 10))
    shift
    while ! "$@" >/dev/null 2>&1; do
        await_turns=$((await_turns - 1))
        [ $await_turns -gt 0 ] || return 1
        sleep 0.1
    done
}
tools() { # the processes of nuttcp on both hosts
    for p in $(ip netns pids "$net-a") $(ip netns pids "$net-b"); do
        [ "$(cat "/proc/$p/comm" 2>/dev/null)" = nuttcp ] && echo "$p"
    done
}
none_left() { [ -z "$(tools)" ]; }
in_second_flow() { grep -qs 'Flow 2' "$tmp/$1.err" && [ "$(tools | wc -l)" -ge 2 ]; }
json() { json_query "$tmp/$1.json" "$2"; }

for signal in INT TERM HUP; do
    start cut --protocols T -t 3
    await 20 in_second_flow cut
    sleep 0.5
    kill -$signal $pid
    begin=$(date +%s%N)
    wait $pid
    is "SIG$signal: exit 130" "$?" 130
    elapsed=$((($(date +%s%N) - begin) / 1000000))
    ok "... soon" test "$elapsed" -le 3000 || diag "$elapsed ms"
    ok "... nothing of ours runs on the hosts" none_left
    is "... the result is written, with what was measured" \
        "$(json cut '(d["status"], [f["status"] for f in d["flows"]], len(d["flows"][0]["results"]))')" \
        "('interrupted', ['passed', 'interrupted'], 1)"
done

start hosts --protocols T -t 30
await 20 grep -qs 'Flow 1' "$tmp/hosts.err"
kill -INT $pid
wait $pid
is "an interrupt while the first flow begins: exit 130" "$?" 130
ok "... nothing of ours runs on the hosts" none_left

if "$VMTP" plugin show fluentd >/dev/null 2>&1; then
    ip -n "$net-op" neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev bridge nud permanent # answers nothing
    start sink --protocols T -t 1 --sink fluentd:server=192.0.2.77
    await 20 sh -c "ip netns exec $net-op ss -Hnt state syn-sent | grep -q 192.0.2.77"
    kill -INT $pid
    wait $pid
    is "an interrupt while a sink is opened: exit 130" "$?" 130 || diag "$(cat "$tmp/sink.err")"
else
    skip "an interrupt while a sink is opened" "the fluentd sink was not built"
fi

trap '' HUP # as nohup does
start nohup --protocols T -t 2 --inter-node-only
trap 'exit 143' HUP
await 20 grep -qs 'Flow 1' "$tmp/nohup.err"
kill -HUP $pid
sleep 0.5
kill -HUP $pid
wait $pid
is "SIGHUP that was ignored at the start: the run passes" "$?" 0

# A command that makes something on a host may have made it when it is cut short.
if command -v iperf >/dev/null; then
    mkdir "$tmp/slow"
    printf '#!/bin/sh\nsleep 3\nexec %s "$@"\n' "$(command -v chmod)" >"$tmp/slow/chmod"
    chmod 755 "$tmp/slow" "$tmp/slow/chmod"
    sshd_stop a
    sshd_start a "SetEnv PATH=$tmp/slow:$PATH" || exit 99
    start folder --protocols M --tp-tool iperf --debug
    made() { folder=$(grep -o '/tmp/vmtp-[0-9a-f]\{16\}$' "$tmp/folder.err") && [ -e "$folder" ]; }
    ok "a run makes its folder" await 20 made
    kill -INT $pid
    wait $pid
    is "... and is interrupted meanwhile: exit 130" "$?" 130
    ok "... the folder is removed" [ ! -e "$folder" ]
    unlike "... and not told as left" "$(cat "$tmp/folder.err")" 'left behind|vmtp cleanup'
    sshd_stop a
    sshd_start a || exit 99
else
    skip "a run is interrupted while it makes its folder" "iperf is not installed"
fi

start killed --protocols T -t 3
await 20 in_second_flow killed
sleep 0.5
kill -KILL $pid
wait $pid 2>/dev/null
ok "kill -9: nothing of ours runs on the hosts after a while" await 60 none_left
ok "... and no result was half written" sh -c "[ ! -e '$tmp/killed.json' ] || python3 -m json.tool '$tmp/killed.json'"
run "$VMTP" replay last --json "$tmp/replayed.json"
is "... the run can be replayed" "$status" 0
is "... with all that was finished" \
    "$(json replayed '(d["status"], d["flows"][0]["status"], d["flows"][0]["results"][0]["throughput_kbps"] > 1000)')" \
    "('incomplete', 'passed', True)"
run "$VMTP" cleanup --all
is "... and nothing is left to be removed" "$status" 0

# At any moment, from the first log line to the last flow. Each has its own state.
lost='' states=$XDG_STATE_HOME
for moment in 0.0 0.1 0.2 0.4 0.7 1.1 1.6 2.2 2.9 3.7 4.6; do
    XDG_STATE_HOME=$tmp/state-$moment
    mkdir -p "$XDG_STATE_HOME"
    start moment --protocols T -t 1
    await 20 test -s "$tmp/moment.err"
    sleep $moment
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    told=$(grep -c 'TCP, .*: .* [GM]bit/s' "$tmp/moment.err")
    journals=$(find "$XDG_STATE_HOME" -name '*.jsonl' | wc -l)
    rm -f "$tmp/replayed.json"
    run "$VMTP" replay last --json "$tmp/replayed.json"
    if [ "$journals" = 1 ]; then
        kept=$(json replayed 'sum("throughput_kbps" in i for f in d["flows"] for i in f["results"])')
    else
        kept=0 status=0
    fi
    [ "$status" = 0 ] && [ "$kept" -ge "$told" ] || lost="$lost after $moment s: exit $status, $told told, $kept kept;"
    await 60 none_left || lost="$lost after $moment s: $(tools) run on;"
    run "$VMTP" cleanup --all
    [ "$status" = 0 ] || lost="$lost after $moment s: cleanup exits $status: $err;"
    [ -z "$(find "$XDG_STATE_HOME" -name '*.ledger')" ] || lost="$lost after $moment s: a ledger stays;"
done
XDG_STATE_HOME=$states
is "kill -9 at any moment: all that was told is in the journal, nothing is left" "$lost" ''

# ---- two runs at once ----

start one --protocols TU --udpbuf 1024 --bandwidth 5M -t 2
one=$pid
start two --protocols TU --udpbuf 1024 --bandwidth 10M -t 2
two=$pid
start three --protocols T --bandwidth 20M -t 2
wait $one
status_one=$?
wait $two
status_two=$?
wait $pid
is "three runs at once on the same hosts all pass" "$status_one $status_two $?" '0 0 0' ||
    diag "$(cat "$tmp/one.err" "$tmp/two.err" "$tmp/three.err")"
# Below its own cap, however busy the machine is, and not far below it.
rates() { # rates NAME MBIT
    json "$1" "[0.3 < i['throughput_kbps'] / 1000 / $2 < 1.1 for f in d['flows'] for i in f['results']]"
}
is "... and each has its own numbers" "$(rates one 5) $(rates two 10) $(rates three 20)" \
    '[True, True, True, True] [True, True, True, True] [True, True]'
ok "... on ports that were free" grep -q 'using ports from 50[1-9]' "$tmp/one.err" "$tmp/two.err" "$tmp/three.err"
ok "nothing of ours runs on the hosts" none_left

# The taker tries again until it has the port.
taker='use IO::Socket::INET;
    ($port, @how) = $ARGV[0] =~ /^udp(.*)/ ? ($1, Proto => "udp") : ($ARGV[0], Listen => 5, ReuseAddr => 1);
    select undef, undef, undef, 0.01 until $s = IO::Socket::INET->new(LocalPort => $port, @how);
    sleep 100'
take() { # take PORT: or udpPORT, on host a; sets $pid_taker
    ip netns exec "$net-a" perl -e "$taker" "$1" &
    pid_taker=$!
    at_exit "kill $pid_taker 2>/dev/null"
}
taken() { # taken PORT OPTION...: a run during whose first measurement a program takes the port; $taken_status
    taken_port=$1
    shift
    start one "$@"
    one=$pid
    await 20 grep -qs 'Flow 1' "$tmp/one.err"
    await 20 sh -c "ip netns exec $net-a ss -Hntu 'sport = :5001' | grep -qE 'ESTAB|UNCONN'"
    take "$taken_port"
    wait $one
    taken_status=$?
}
other_ports() { # other_ports NAME PORT FIRST: it passed, with the ports from FIRST on
    is "$1: the run passes" "$taken_status" 0 || diag "$(cat "$tmp/one.err")"
    ok "... on other ports" grep -q "port $2 on .* is taken by perl .*using ports from $3" "$tmp/one.err" ||
        diag "$(cat "$tmp/one.err")"
}

# nuttcp opens port 5001 only while it measures.
taken 5001 --protocols T -t 2
other_ports "a program takes nuttcp's idle port" 5001 5011
start fixed -c "$tmp/fixed.yaml" --protocols T -t 1
wait $pid
is "... unless they are fixed" "$?" 1
like "... which is told, with the program" "$(cat "$tmp/fixed.err")" 'port 5001 on .* is taken by perl .*ports: fixed'
kill $pid_taker

# Its control port is open only while it does not measure. Here its server looks alive for a while after it has lost it.
printf '#!/bin/sh\ncase $1 in -S) nuttcp "$@"; sleep 5 ;; *) exec nuttcp "$@" ;; esac\n' >"$tmp/lingering"
chmod 755 "$tmp/lingering"
taken 5002 --protocols TU --udpbuf 1024 --bandwidth 10M -t 1 --inter-node-only --tp-tool "nuttcp:path=$tmp/lingering"
other_ports "a program takes its control port meanwhile" 5002 5011
kill $pid_taker

# Each of its streams has a port, and the next ports that are tried are above all of them.
take 5012
await 10 sh -c "ip netns exec $net-a ss -Hlnt 'sport = :5012' | grep -q LISTEN"
start one --protocols T -t 1 --streams 12 --inter-node-only
wait $pid
taken_status=$?
other_ports "a program has the port of a stream" 5012 5021
kill $pid_taker

# iperf opens a port for multicast only while it measures.
if command -v iperf >/dev/null; then
    printf 'multicast_route: true\n' >"$tmp/route.yaml"
    taken udp5001 -c "$tmp/route.yaml" --tp-tool iperf --protocols M --udpbuf 200,400 --bandwidth 5M -t 1 \
        --inter-node-only
    other_ports "a program takes the port of multicast" 5001 5011
    kill $pid_taker
else
    skip "a program takes the port of multicast" "iperf is not installed"
fi
done_testing
