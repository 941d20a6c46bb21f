#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # the scripts of wrappers are for their own shell
# nuttcp, iperf and ping through the program: what they measure between two namespaces, and what is said when they fail.
. "${srcdir:-.}/tests/functional/functions.sh"
requires nuttcp iperf ping ip tc ps

"$VMTP" --topology namespace --protocols I >"$tmp/first.out" 2>&1
if grep -q 'this system does not allow' "$tmp/first.out"; then
    skip_all "$(grep 'this system does not allow' "$tmp/first.out" | head -n 1)"
fi
json() { json_query "$tmp/out.json" "$1"; }
measure() { # measure ARGUMENTS...: over a path of 100 Mbit/s
    run "$VMTP" --topology namespace:rate=100M --json "$tmp/out.json" -t 1 "$@"
}

# wrapper NAME SCRIPT: a program of that name in a directory of its own, which runs SCRIPT with $real the true one
wrapper() {
    mkdir -p "$tmp/$1"
    real=$(PATH=$PATH:/usr/sbin:/sbin command -v "$1")
    printf '#!/bin/sh\nreal=%s state=%s\n%s\n' "$real" "$tmp/$1" "$2" >"$tmp/$1/$1"
    chmod +x "$tmp/$1/$1"
}

living() { # living FILE: how many of the processes whose numbers are in it run
    n=0
    while read -r pid; do
        case $(ps -o stat= -p "$pid") in '' | Z*) ;; *) n=$((n + 1)) ;; esac
    done <"$1"
    echo $n
}

is "nuttcp, iperf and ping are installed" \
    "$("$VMTP" plugin list 2>/dev/null | grep -Ec '^tool +(nuttcp|iperf|ping) ')" 3

# --- what they measure ---

for tool in nuttcp iperf; do
    wrapper $tool 'case " $* " in *" -S "* | *" -s "*) echo $$ >>"$state/servers" ;; esac; exec "$real" "$@"'
    measure --tp-tool "$tool:path=$tmp/$tool/$tool" --protocols TU --udpbuf 64,1000 --bandwidth 40M
    is "$tool: a run passes" "$status" 0 || diag "$err"
    is "$tool: three of TCP, one of each UDP size" "$(json '(len(of("TCP")), len(of("UDP")))')" "(3, 2)"
    is "$tool: the rate is kept" "$(json 'all(i["throughput_kbps"] <= 41500 for i in items)')" True
    is "$tool: and reached" "$(json 'all(i["throughput_kbps"] > 30000 for i in of("UDP")[1:])')" True
    is "$tool: UDP has its counts" \
        "$(json 'all(i["sent"] == i["received"] + i["lost"] and i["sent"] > 100 for i in of("UDP"))')" True
    like "$tool: the version is that of the program" "$(json 'items[0]["tool"]')" "^$tool-[0-9]+\.[0-9.]+$"
    ok "$tool: servers were started" test -s "$tmp/$tool/servers"
    is "$tool: none of them is left" "$(living "$tmp/$tool/servers")" 0

    measure --tp-tool "$tool" --protocols T
    is "$tool: TCP without a limit" "$status" 0 || diag "$err"
    is "$tool: is what the path takes, 1 kbit = 1000 bit" \
        "$(json 'all(80000 < i["throughput_kbps"] < 101000 for i in items)')" True
done
is "iperf: retransmissions and window are there" \
    "$(json 'all(i["retrans"] >= 0 and i["cwnd_bytes"] > 1000 for i in items)')" True

measure --protocols I
is "ping: a run passes" "$status" 0 || diag "$err"
is "ping: nothing is lost, and it is said" "$(json '{r["loss_rate"] for r in items[0]["results"]}')" "{0.0}"
is "ping: 1500 bytes are the whole packet" "$(json '[r["packet_size"] for r in items[0]["results"]]')" "[64, 391, 1500]"
echo 'icmp_pkt_sizes: [40]' >"$tmp/small.yaml"
run "$VMTP" --topology namespace:family=ipv6 --json "$tmp/out.json" --protocols I -c "$tmp/small.yaml"
is "ping: a packet smaller than its headers fails" "$status" 1
like "ping: saying how large they are" "$err" '40 bytes cannot be.* 48 to 65535'

# --- servers that end ---

wrapper nuttcp 'case " $* " in
*" -S "*) echo $$ >"$state/server"; echo one >>"$state/starts"; exec "$real" "$@" ;;
*" -V "*) exec "$real" "$@" ;;
esac
"$real" "$@"
status=$?
case " $* " in *" -n2 "*) exit $status ;; esac
server=$(cat "$state/server")
kill "$server"
while case $(ps -o stat= -p "$server") in "" | Z*) false ;; esac; do sleep 0.01; done
exit $status'
measure --tp-tool "nuttcp:path=$tmp/nuttcp/nuttcp" --protocols T
is "nuttcp: a server that has died is started again" "$status" 0 || diag "$err"
is "nuttcp: for each measurement" "$(wc -l <"$tmp/nuttcp/starts")" 3

wrapper iperf 'case " $* " in *" -s "*) echo one >>"$state/starts" ;; esac
exec "$real" "$@"'
measure --tp-tool "iperf:path=$tmp/iperf/iperf" --protocols U --udpbuf 200,400 --bandwidth 10M
is "iperf: UDP twice" "$status" 0 || diag "$err"
is "iperf: each has a new server" "$(wc -l <"$tmp/iperf/starts")" 2

# Nobody has its ports: others would not help, and above the second ones there are none.
wrapper nuttcp 'case " $* " in *" -S "*) echo one >>"$state/starts"; echo "no socket: out of luck" >&2; exit 1 ;; esac
exec "$real" "$@"'
for ports in port=5001,control_port=5002 port=65530,control_port=65531; do
    rm -f "$tmp/nuttcp/starts"
    measure --tp-tool "nuttcp:path=$tmp/nuttcp/nuttcp,$ports" --protocols T
    is "a server that does not start, $ports: exit 1" "$status" 1
    is "... it is started once more, not again and again" "$(wc -l <"$tmp/nuttcp/starts")" 2
    like "... the reason is told" "$(json 'items[0]["error"]')" 'server on ns-b: .*exit 1: no socket: out of luck'
    unlike "... and no other one" "$err" 'is taken by'
done

# --- what is said ---

broken() { # broken TOOL NAME SCRIPT-OF-THE-CLIENT WORDS PROTOCOL
    wrapper "$1" "case \" \$* \" in *' -S '*|*' -s '*|*' -V '*|*' -v '*) exec \"\$real\" \"\$@\" ;; esac
$3"
    begin=$(date +%s)
    measure --tp-tool "$1:path=$tmp/$1/$1" --protocols "$5" --udpbuf 1000
    is "$1: $2" "$status" 1
    like "$1: ... says so" "$err" "$4"
    is "$1: ... and where" "$(json '"error" in items[0]')" True
    seconds=$(($(date +%s) - begin))
    ok "$1: ... soon, after $seconds s" test $seconds -lt 12
}
broken nuttcp "a port that is filtered" 'exec sleep 60' 'TCP port 5002 .*TCP port 5001.*firewall or security group' T
broken iperf "a port that is filtered" 'exec sleep 60' 'TCP port 5001.*firewall or security group' T
broken nuttcp "datagrams that are filtered" \
    'echo "real_seconds=5.00 rate_Mbps=0.0000 drop=2 pkt=2"' 'UDP port 5001.*firewall or security group' U
broken iperf "datagrams that are filtered" \
    'echo "[  1] 0.0-1.0 sec  100 Bytes  800 bits/sec 1/0 1 pps"' 'firewall or security group' U
broken nuttcp "numbers that are none" \
    'echo "real_seconds=1.00 rate_Mbps=nan"' 'not understood.*rate_Mbps=nan' T
broken iperf "numbers that are none" \
    'echo "[  1] 0.0-1.0 sec  100 Bytes  inf bits/sec"' 'not understood.*inf' T
broken nuttcp "a port that another program has" \
    'echo "real_seconds=0.00 rate_Mbps=0.0000"' 'nothing has arrived.*5001' T
broken nuttcp "a client that gives up on the server" \
    'echo "Info=\"attempting_to_switch_to_deprecated_classic_mode\"" >&2; echo "1.0 MB / 1.00 sec = 8.0 Mbps"' \
    'no nuttcp server answers' T
broken nuttcp "a client that fails" 'echo "nuttcp-t: Error: out of luck" >&2; exit 7' 'exit 7: .*out of luck' T

wrapper ping 'case $1 in -V) exit 1 ;; esac
case " $* " in *" -i 0.2 "*) echo "ping: invalid number 0.2" >&2; exit 1 ;; esac
echo "3 packets transmitted, 3 packets received, 0% packet loss"
echo "round-trip min/avg/max = 0.048/0.063/0.072 ms"'
PATH=$tmp/ping:$PATH measure --protocols I
is "ping: one that takes whole seconds only is used with them" "$status" 0 || diag "$err"
like "ping: with a warning" "$err" 'whole seconds only'
wrapper ping 'echo "3 packets transmitted, 0 packets received, 100% packet loss"; exit 1'
PATH=$tmp/ping:$PATH measure --protocols I
is "ping: 100 % loss fails" "$status" 1
is "ping: but is a result" "$(json '{r["loss_rate"] for r in items[0]["results"]}')" "{100.0}"
wrapper ping 'echo "ping: connect: Network is unreachable" >&2; exit 2'
PATH=$tmp/ping:$PATH measure --protocols I
is "ping: one that could not send fails" "$status" 1
like "ping: with its own words" "$err" 'Network is unreachable'

done_testing
