#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Multicast between two namespaces. NUTTCP8: a nuttcp that has its options, when the installed one is older; else that
# of the Debian 13 of tests/roots.sh, if it has been made.
roots=${VMTP_TEST_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/vmtp/roots}
. "${srcdir:-.}/tests/functional/functions.sh"
requires ip nuttcp python3
run "$VMTP" --topology namespace --tp-tool nuttcp --protocols T -t 1 --no-journal -q
case $err in *"this system does not allow"* | *"user namespace"*) skip_all "no namespaces here: $err" ;; esac

json() { json_query "$tmp/out.json" "$1"; }
printf 'multicast_route: true\n' >"$tmp/route.cfg"
measure() { # measure TOOL OPTION...
    tool=$1
    shift
    run "$VMTP" --topology namespace --tp-tool "$tool" -t 1 --udpbuf 1024 --json "$tmp/out.json" "$@"
}
good_result() { # good_result NAME
    is "$1: passes" "$status" 0 || diag "$err"
    is "$1: the results are multicast ones, in both directions" \
        "$(json '[(i["protocol"], i.get("direction", "")) for i in items]')" \
        "[('Multicast', ''), ('Multicast', 'reverse')]"
    is "$1: something arrived, none of it above the cap" \
        "$(json '[i for i in items if not 1e6 < i["throughput_bps"] < 22e6]')" '[]'
    is "$1: the flow names the group" "$(json 'flow["multicast_address"]')" 231.1.1.9
    is "$1: with jitter" "$(json '["jitter_ms" in i for i in items]')" '[True, True]' || diag "$(json items)"
}

# Another system's program, started by its own loader.
foreign_nuttcp() { # foreign_nuttcp ROOT: prints the path of a script that is it
    foreign_loader=$(find "$1"/lib64/ -name 'ld-linux*' 2>/dev/null | head -n 1)
    foreign_libraries=$(find "$1/usr/lib/" -name libc.so.6 2>/dev/null | head -n 1)
    [ -x "$1/usr/bin/nuttcp" ] && [ -n "$foreign_loader" ] && [ -n "$foreign_libraries" ] || return 0
    printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$foreign_loader" "${foreign_libraries%/*}" \
        "$1/usr/bin/nuttcp" >"$tmp/nuttcp8"
    chmod 755 "$tmp" "$tmp/nuttcp8"
    case $("$tmp/nuttcp8" -V 2>&1) in nuttcp-[89].*) echo "$tmp/nuttcp8" ;; esac
}

case $(nuttcp -V 2>&1) in
nuttcp-[1-7].*)
    measure nuttcp --protocols M
    is "a nuttcp without multicast options fails" "$status" 1
    like "with its version" "$(json 'items[0]["error"]')" 'nuttcp [0-9.]+ cannot measure Multicast'
    like "and the remedies" "$(json 'items[0]["error"]')" 'version 8 .*nuttcp:path=.*--tp-tool iperf'
    nuttcp=${NUTTCP8:-$(command -v nuttcp8 || foreign_nuttcp "$roots/debian-13")}
    ;;
*) nuttcp=$(command -v nuttcp) ;;
esac

if [ -n "$nuttcp" ]; then
    measure "nuttcp:path=$nuttcp" --protocols M --bandwidth 20M
    is "without a route it fails" "$status" 1
    like "... and the way to get one is told" "$(json 'items[0]["error"]')" "unreachable: .*'multicast_route: true'"
    measure "nuttcp:path=$nuttcp" -c "$tmp/route.cfg" --multicast-addr 231.1.1.9 --protocols M --bandwidth 20M \
        --direction both
    good_result nuttcp
    measure "nuttcp:path=$nuttcp" -c "$tmp/route.cfg" --protocols M
    is "the rate is searched without a cap" "$(json '["search" in i for i in items]')" '[True]' || diag "$err"
    is "the usual group" "$(json 'flow["multicast_address"]')" 231.1.1.1
else
    skip "multicast with nuttcp" "no nuttcp of version 8: NUTTCP8 may name one, make check-roots gets one"
fi

if ! command -v iperf >/dev/null || ! "$VMTP" plugin show iperf | grep -q multicast; then
    skip "multicast with iperf" "iperf is not installed"
else
    measure iperf -c "$tmp/route.cfg" --multicast-addr 231.1.1.9 --protocols M --bandwidth 20M --direction both
    good_result iperf
    measure iperf --protocols M --bandwidth 20M
    is "without a route it fails" "$status" 1
    like "... and the way to get one is told" "$(json 'items[0]["error"]')" "unreachable: .*'multicast_route: true'"
fi

run "$VMTP" --topology namespace --tp-tool iperf3 --protocols M
is "a tool that cannot is refused" "$status" 2
like "naming those that can" "$err" 'nuttcp \(version 8 or later\) and --tp-tool iperf can'
run "$VMTP" plan --topology namespace --protocols M
like "the plan has it" "$out" 'Multicast .*rate search'
done_testing
