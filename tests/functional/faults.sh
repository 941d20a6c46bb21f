#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Networks, hosts and tools that do not do what they should: the flow fails in time and with the reason, the others run.
# shellcheck disable=SC2016,SC2317 # scripts for others; functions that are called by name
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
. "$srcdir/tests/functional/plugin-kit.sh"
requires nuttcp python3 ps

hosts_make
sshd_start a && sshd_start b || exit 99
mkdir -p "$HOME/.ssh"
cp "$keys/ed25519" "$HOME/.ssh/id_ed25519"
printf 'tcp_tp_loop_count: 1\nssh_timeout: 3\n' >"$tmp/quick.yaml"
a=root@192.0.2.1
b=root@192.0.2.2
third=tester@192.0.2.2 # host b once more, in a session of its own

vmtp() { on_operator timeout -k 5 120 "$VMTP" -c "$tmp/quick.yaml" --json "$tmp/out.json" "$@"; }
start() { # start OPTION...: in the background; sets $pid
    rm -f "$tmp/err" "$tmp/out.json"
    vmtp "$@" >"$tmp/out" 2>"$tmp/err" &
    pid=$!
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
logged() { grep -qs "$1" "$tmp/err"; }
finish() { # sets $status, $err, $seconds since the mark
    wait $pid
    status=$?
    err=$(cat "$tmp/err")
    seconds=$(($(date +%s) - begin))
}
mark() { begin=$(date +%s); }
took() { # took FROM TO: seconds between the first log lines that hold these texts
    python3 -c 'import re, sys
from datetime import datetime
def at(text):
    line = next(l for l in open(sys.argv[1]) if text in l)
    return datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f")
print(round((at(sys.argv[3]) - at(sys.argv[2])).total_seconds(), 1))' "$tmp/err" "$1" "$2"
}
at_most() { python3 -c 'import sys; sys.exit(not float(sys.argv[1]) <= float(sys.argv[2]))' "$1" "$2"; }
json() { json_query "$tmp/out.json" "$1"; }
statuses() { json '" ".join(f["status"] for f in d["flows"])'; }
errors() { json '"; ".join(i["error"] for f in d["flows"] for i in f["results"] if "error" in i)'; }
servers() { pgrep_in a 'nuttcp.* -S'; }
pgrep_in() { # pgrep_in HOST PATTERN: the processes of a host's namespace with that command line
    for p in $(ip netns pids "$net-$1"); do
        tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -Eq "$2" && echo "$p"
    done
}
clients() { pgrep_in "${1:-b}" 'nuttcp.* -T'; }
any_client() { [ -n "$(clients "$1")" ]; }
session_of() { # session_of HOST USER: the sshd process of that session
    pgrep_in "$1" "^sshd: $2@notty" | head -n 1
}

# ---- a filter between the hosts ----

filtered() { # filtered NAME RULE ERROR OPTION...
    filtered_name=$1 filtered_rule=$2 filtered_error=$3
    shift 3
    # shellcheck disable=SC2086 # a rule is words
    on_host a "$iptables" -A INPUT -i eth0 $filtered_rule -j DROP
    start --host "$a" --host "$b" --inter-node-only "$@"
    mark
    finish
    on_host a "$iptables" -F INPUT
    is "$filtered_name: exit 1" "$status" 1
    like "... both addresses, port and remedy are named" "$(errors)" "$filtered_error.*firewall or security group"
    like "... and the tool" "$err" "tool $filtered_tool: "
    ok "... within 5 s" at_most "$(took 'Flow 1' ERROR)" 5.0 || diag "$(took 'Flow 1' ERROR) s"
}

iptables=$(command -v iptables-legacy || command -v iptables || echo /usr/sbin/iptables)
if on_host a "$iptables" -L -n >/dev/null 2>&1; then
    filtered_tool=nuttcp
    filtered "the control port is filtered" '-p tcp --dport 5002' '192.0.2.2.*192.0.2.1.*5002' --protocols T -t 1
    filtered "the data port is filtered" '-p tcp --dport 5001' '192.0.2.2.*192.0.2.1.*5001' --protocols T -t 1
    filtered "the UDP port is filtered" '-p udp --dport 5001' '192.0.2.2.*192.0.2.1.*UDP port 5001' --protocols U -t 1
    for filtered_tool in iperf iperf3; do
        command -v $filtered_tool >/dev/null || {
            skip "a filtered port, $filtered_tool" "$filtered_tool is not installed"
            continue
        }
        filtered "a filtered port, $filtered_tool" '-p tcp ! --dport 22' '192.0.2.2.*192.0.2.1.*5[0-9]+' \
            --protocols T -t 1 --tp-tool $filtered_tool
        filtered "a filtered UDP port, $filtered_tool" '-p udp' '192.0.2.1.*UDP port 5[0-9]+' --protocols U -t 1 \
            --udpbuf 1024 --tp-tool $filtered_tool
    done
    cp -R "$srcdir/examples/out-of-tree-tool" "$tmp/tool"
    # shellcheck disable=SC2086,SC2154 # lists of options
    if command -v perl >/dev/null && $cc -I"$srcdir/include" -I"$builddir/include" -fPIC -shared $sanitize \
        -o "$tmp/tool-perltcp.so" "$tmp"/tool/*.c; then
        filtered_tool=perltcp
        filtered "a tool that knows nothing of filters" '-p tcp ! --dport 22' '192.0.2.2.*192.0.2.1.*port [0-9]+' \
            --protocols T -t 1 --tp-tool perltcp --plugin-path "$tmp"
    else
        skip "a tool that knows nothing of filters" "perl or the compiler is missing"
    fi
else
    skip "a filtered port" "iptables is not installed or not allowed"
fi

# Somebody else's connection to the same port of another host, which is silent, is no filter.
ip -n "$net-b" neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent
ip netns exec "$net-b" perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => $ARGV[0])' 192.0.2.77:5001 &
stranger=$!
start --host "$a" --host "$b" --inter-node-only --protocols T -t 6
finish
ok "somebody else connects to that port of another host meanwhile" \
    sh -c "ip netns exec $net-b ss -Hnt state syn-sent | grep -q 192.0.2.77:5001"
is "... and the measurement passes" "$status $(statuses)" '0 passed' || diag "$(errors)"
kill $stranger

# ---- hosts ----

start --host "$a" --host "$b" --host "$third" --protocols T -t 3
await 20 any_client b
sleep 1
kill "$(session_of b root)"
mark
finish
is "the client's SSH session is killed: its flow fails, the others pass" "$status $(statuses)" \
    '1 passed failed passed'
like "... the reason is told" "$(errors)" "connection to $b is lost"
ok "... at once" at_most "$(took 'Flow 2' ERROR)" 4

start --host "$a" --host "$b" --host "$third" --protocols T -t 3
await 20 any_client b
sleep 1
kill "$(session_of a root)"
finish
is "the server's SSH session is killed: that flow fails, the next one connects again" "$status $(statuses)" \
    '1 passed failed passed'
like "... the reason is told" "$(errors)" "connection to $a.* is lost"

for transport in libssh2 openssh; do
    printf 'ssh_transport: %s\nprivate_key_file: %s\n' $transport "$keys/ed25519" >"$tmp/transport.yaml"
    start -c "$tmp/transport.yaml" --host "$a" --host "$b" --inter-node-only --protocols T -t 2
    await 20 any_client b
    sleep 1
    ip -n "$net-b" link set eth0 down
    mark
    finish
    is "the client's host vanishes in a measurement, $transport: exit 1" "$status $(statuses)" '1 failed'
    ok "... within its length and 10 s" test "$seconds" -le 14 || diag "$seconds s: $(errors)"
    like "... the reason is told" "$(errors)" "connection to $b is lost"
    ip -n "$net-b" link set eth0 up
    ok "... and nothing runs on there" await 60 sh -c "! ip netns pids $net-b | xargs ps -o args= -p | grep -q 'nuttcp'"

    start -c "$tmp/transport.yaml" --host "$b" --host "$a" --host "$third" --protocols T -t 12
    await 20 any_client b
    ip -n "$net-a" link set eth0 down
    await 90 logged 'Flow 2'
    mark
    await 30 logged 'Flow 3'
    silence=$(($(date +%s) - begin))
    ip -n "$net-a" link set eth0 up
    finish
    is "a host vanishes while it is idle, $transport: its flow fails, the others pass" "$status $(statuses)" \
        '1 passed failed passed'
    ok "... within 10 s" test "$silence" -le 10 || diag "$silence s: $(errors)"
    like "... the reason is told" "$(errors)" "connection (to $a is|was) lost"
done

# ---- tools ----

start --host "$a" --host "$b" --host "$third" --protocols T -t 3
await 20 any_client b
# shellcheck disable=SC2046 # there is one
kill -KILL $(servers)
finish
is "the server is killed in a measurement: that one fails, the next flow starts it again" "$status $(statuses)" \
    '1 passed failed passed'
like "... the reason is told" "$(errors)" 'tool nuttcp|exit|server'

start --host "$a" --host "$b" --host "$third" --protocols T -t 1
await 20 any_client b
# shellcheck disable=SC2046 # there is one
kill -STOP $(servers)
mark
finish
is "the server hangs: the measurement fails in time, the next flow gets another" "$status $(statuses)" \
    '1 passed failed passed'
ok "... in time" test "$seconds" -le 25 || diag "$seconds s"
is "... and none is left" "$(servers)" ''

fake=$tmp/fake-nuttcp
chmod 755 "$tmp"
cat >"$fake" <<END
#!/bin/sh
case " \$* " in
*' -V '* | *' -S '*) exec nuttcp "\$@" ;;
*' -n2 '*) exec nuttcp "\$@" ;;
esac
. $tmp/fake-mode
END
chmod 755 "$fake"
fake() { # fake SCRIPT OPTION...: the client is this script
    printf '%s\n' "$1" >"$tmp/fake-mode"
    chmod 644 "$tmp/fake-mode"
    shift
    start --host "$a" --host "$b" --inter-node-only --protocols T -t 1 --tp-tool "nuttcp:path=$fake" "$@"
    mark
    finish
}
fake 'head -c 20000 /dev/urandom'
is "a tool that prints garbage: exit 1" "$status $(statuses)" '1 failed'
like "... and it is told" "$(errors)" 'output of nuttcp'
fake 'echo "megabytes=nan real_seconds=1e999 rate_Mbps=-5"'
is "a tool that prints wrong numbers: exit 1" "$status $(statuses)" '1 failed'
fake "[ -e '$tmp/set' ] && exec nuttcp \"\$@\"; : >'$tmp/set'; echo megabytes=9 real_seconds=-0.40 rate_Mbps=-188"
is "a clock that is set back while nuttcp measures: measured again" "$status $(statuses)" '0 passed'
like "... and it is told" "$(cat "$tmp/err")" 'clock of .* was set back .*measuring again'
fake 'echo megabytes=9 real_seconds=-0.40 rate_Mbps=-188'
is "... one that is set back each time: exit 1" "$status $(statuses)" '1 failed'
like "... and it is told" "$(errors)" 'clock of .* was set back .*use another tool'
fake 'head -c 1000000000 /dev/zero | tr "\0" "x"'
is "a tool that prints 1 GB: exit 1" "$status $(statuses)" '1 failed'
ok "... in time" test "$seconds" -le 40 || diag "$seconds s"
fake 'trap "" TERM INT HUP; while :; do sleep 1; done'
is "a tool that never ends: exit 1" "$status $(statuses)" '1 failed'
like "... and it is told" "$(errors)" 'does not end'
ok "... in time" test "$seconds" -le 25 || diag "$seconds s"
ok "... and nothing of it is left" await 10 sh -c "! ip netns pids $net-b | xargs ps -o args= -p | grep -q fake-nuttcp"

# ---- a target that prints 1 GB before anything else ----

for transport in libssh2 openssh; do
    printf '#!/bin/sh\nhead -c 1000000000 /dev/zero | tr "\\0" "x"\nexec /bin/sh "$@"\n' >"$tmp/flood"
    chmod 755 "$tmp/flood"
    cp "$tmp/host-b/passwd" "$tmp/passwd"
    sed "s#^\(tester:.*\):[^:]*\$#\1:$tmp/flood#" "$tmp/passwd" >"$tmp/host-b/passwd" # not a new file: it is mounted
    printf 'ssh_transport: %s\nprivate_key_file: %s\n' $transport "$keys/ed25519" >"$tmp/transport.yaml"
    start -c "$tmp/transport.yaml" --host "$a" --host "$b" --host "$third" --protocols T -t 1
    mark
    finish
    is "a target that prints 1 GB, $transport: its flow fails, the others pass" "$status $(statuses)" \
        '1 passed passed failed' || diag "$err"
    ok "... in time" test "$seconds" -le 20 || diag "$seconds s"
    like "... the reason is told" "$(errors)" "$third prints more than 64 KiB before a command begins"
    ok "... and nothing prints on there" await 10 sh -c \
        "! ip netns pids $net-b | xargs ps -o args= -p | grep -q '$tmp/[f]lood'"
    cat "$tmp/passwd" >"$tmp/host-b/passwd"
done

# ---- disks ----

full() { # full OPTION...: the state and the result on a full tmpfs of 64k
    run unshare -m sh -c '
        mount --make-rprivate / && mkdir -p "$1" && mount -t tmpfs -o size=64k tmpfs "$1" || exit 99
        dir=$1 && shift
        head -c 53248 /dev/zero >"$dir/filler"
        XDG_STATE_HOME=$dir exec timeout -k 5 60 "$@"' sh "$tmp/small" "$VMTP" --topology namespace --protocols T -t 1 \
        --tcpbuf 1024,2048,4096,8192,16384,32768 "$@"
}
printf 'sample_interval: 0.1\ntcp_tp_loop_count: 1\n' >"$tmp/samples.yaml"
full -c "$tmp/samples.yaml" --json "$tmp/small/out.json"
is "a full disk on our side: exit 3" "$status" 3 || diag "$err"
like "... the journal's loss is told" "$err" 'journal'
like "... all was measured, and the table is there" "$out" 'Summary of results'
unlike "... and nothing has failed" "$out" 'FAILED'
done_testing
