#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --monitor and the real gmond, on loopback with a configuration of its own: one run of 30 s, real tools and all, and
# what a gmond does that does not want to, or ends in between.
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3
root=$(sh "$srcdir/tests/gmond.sh" 2>"$tmp/unpack") || skip_all "$(tail -n 1 "$tmp/unpack")"
libraries=$(find "$root/usr/lib" -maxdepth 2 -name 'libganglia.so.0' 2>/dev/null | head -n 1)
module=$(find "$root/usr/lib" -maxdepth 4 -name modcpu.so 2>/dev/null | head -n 1)
[ -n "$module" ] || skip_all "gmond has no modcpu.so"

six=127.0.0.1 six_family=inet4
if python3 -c 'import socket; socket.create_server(("::1", 0), family=socket.AF_INET6)' 2>/dev/null; then
    six=::1 six_family=inet6
fi
# shellcheck disable=SC2046 # a list of numbers
set -- $(python3 -c 'import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for i in range(4)]
print(*[s.getsockname()[1] for s in sockets])')
port=$1 port6=$2 denied=$3 packed=$4
cat >"$tmp/gmond.conf" <<END
globals { daemonize = no setuid = no mute = no deaf = no send_metadata_interval = 5 }
cluster { name = "rack one" }
udp_send_channel { host = 127.0.0.1 port = $port }
udp_recv_channel { bind = 127.0.0.1 port = $port }
tcp_accept_channel { bind = 127.0.0.1 port = $port }
tcp_accept_channel { bind = "$six" port = $port6 family = $six_family }
tcp_accept_channel { bind = 127.0.0.1 port = $denied
    acl { default = "deny" access { ip = 192.0.2.1 mask = 32 action = "allow" } } }
tcp_accept_channel { bind = 127.0.0.1 port = $packed gzip_output = yes }
modules { module { name = "core_metrics" } module { name = "cpu_module" path = "$module" } }
collection_group { collect_once = yes time_threshold = 20 metric { name = "heartbeat" } }
collection_group { collect_once = yes time_threshold = 2 metric { name = "cpu_num" } }
collection_group { collect_every = 1 time_threshold = 1
    metric { name = "cpu_user" } metric { name = "cpu_system" } metric { name = "cpu_idle" } }
END
LD_LIBRARY_PATH=${libraries%/*} "$root/usr/sbin/gmond" -f -c "$tmp/gmond.conf" >"$tmp/gmond.log" 2>&1 &
gmond=$!
at_exit "kill $gmond 2>/dev/null"

gmetric() { LD_LIBRARY_PATH=${libraries%/*} "$root/usr/bin/gmetric" -c "$tmp/gmond.conf" -S 192.0.2.11:c1 "$@"; }
node() { # what another machine would tell; gmond keeps it for 80 s
    gmetric -H && gmetric -n cpu_user -v 12.5 -t float && gmetric -n cpu_system -v 7.5 -t float &&
        gmetric -n cpu_num -v 32 -t uint16
}
tells() { # tells WORDS: whether gmond tells that by now
    python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
text = b"".join(iter(lambda: s.recv(65536), b"")).decode("latin-1")
sys.exit(not all(word in text for word in sys.argv[2:]))' "$port" "$@" 2>/dev/null
}
for _ in $(seq 60); do
    kill -0 $gmond 2>/dev/null || break
    node 2>/dev/null
    ! tells 127.0.0.1 192.0.2.11 'NAME="cpu_user" VAL="12.5"' 'NAME="cpu_num" VAL="32"' || break
    sleep 0.5
done
if ! tells 192.0.2.11 127.0.0.1; then
    diag "$(head -n 20 "$tmp/gmond.log")"
    tap_result 1 "gmond tells of its hosts"
    done_testing
fi

printf 'tcp_tp_loop_count: 1\n' >"$tmp/once.yaml"
json() { json_query "$tmp/out.json" "$1"; }
run "$VMTP" --topology namespace --protocols I --no-journal -q
if [ "$status" = 0 ] && command -v nuttcp >/dev/null; then
    node
    run "$VMTP" -c "$tmp/once.yaml" --topology namespace:rate=100M --protocols T -t 1 -m "localhost:$port" \
        --json "$tmp/out.json"
    is "a whole run" "$status" 0 || diag "$err"
    like "... of 30 s although 1 s was asked for, as is told" "$err" 'throughput measurement takes 30 s instead of 1 s'
    is "... really" "$(json '30 <= items[0]["seconds"] < 32')" True
    is "a node with known numbers, three readings" "$(json 'items[0]["cpu_load"]["192.0.2.11"]')" '[6.4, 6.4, 6.4]'
    is "this machine, as busy as it is" "$(json '(lambda x: len(x) == 3 and all(v >= 0 for v in x) and sum(x) > 0)(
        items[0]["cpu_load"]["127.0.0.1"])')" True
    ok "a replay" "$VMTP" replay last --json "$tmp/again.json" -q
    ok "... makes the same document" cmp "$tmp/out.json" "$tmp/again.json"
else
    skip "a whole run" "no run between namespaces is possible here: $(printf '%s\n' "$err" | tail -n 1)"
fi

hosts() { # hosts SECONDS
    line='megabytes=115.3750 real_seconds=2.02 rate_Mbps=478.8968 tx_cpu=1 rx_cpu=1 retrans=0 rtt_ms=0.21'
    cat >"$tmp/dialogue.json" <<JSON
{"programs": {"nuttcp": "/usr/bin/nuttcp"}, "commands": [
 {"argv": ["sh", "-c", "*", "vmtp-facts"], "stdout": "kernel=6.1.0\nhostname=one\nID=debian\nVERSION_ID=\"12\"\n"},
 {"argv": ["nuttcp", "-V"], "stdout": "nuttcp-6.1.2\n"},
 {"argv": ["nuttcp", "-S"], "listens": [{"proto": "tcp", "port": 5002}]},
 {"argv": ["nuttcp"], "stdout": "$line\n"},
 {"argv": ["nuttcp"], "stdout": "$line\n", "seconds": $1}
]}
JSON
}
vmtp() {
    node
    "$VMTP" -c "$tmp/once.yaml" --topology "native-host:dialogue=$tmp/dialogue.json" --host u@192.0.2.1 --protocols T \
        --json "$tmp/out.json" "$@"
}
hosts 0.4
if [ $six = ::1 ]; then
    run vmtp -m "[::1]:$port6"
    is "over IPv6" "$status $(json 'items[0]["cpu_load"]["192.0.2.11"]')" '0 [6.4]' || diag "$err"
else
    skip "over IPv6" "this machine has no address ::1"
fi
run vmtp -m "127.0.0.1:$denied"
is "one whose acl does not let us in: exit 1" "$status" 1
like "... with the reason" "$err" "gmond at 127\.0\.0\.1 port $denied: .* its acl may not let this machine in"
run vmtp -m "127.0.0.1:$packed"
is "one that compresses: exit 1" "$status" 1
like "... with the remedy" "$err" 'set gzip_output to no'

hosts 11
vmtp -m "127.0.0.1:$port" >"$tmp/out" 2>"$tmp/err" &
vmtp=$!
for _ in $(seq 100); do
    ! grep -q 'Flow 1' "$tmp/err" || break
    sleep 0.1
done
sleep 2
kill $gmond
wait $vmtp
is "one that ends in between: the run passes" "$?" 0 || diag "$(cat "$tmp/err")"
is "... with the readings until then" "$(json 'items[0]["cpu_load"]["192.0.2.11"]')" '[6.4]'
like "... and a warning" "$(cat "$tmp/err")" '1 of 2 readings of the CPU load failed: gmond: .*Connection refused'
done_testing
