# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154 # for the tests that source it, behind functions.sh
# A cloud that was recorded (tests/fake/cloud.py) in place of a real one: no root, no network beyond the loopback.
#
#   play DIALOGUE RULES OPTION...   a run; RULES: a JSON list, see cloud.py; sets $status, $out, $err, $log
#   asked REGEX                     how many lines of the player's log match

requires python3
cat >"$tmp/rc" <<'END'
export OS_AUTH_URL=http://10.20.0.10:5000/v3
export OS_USERNAME=admin
export OS_PASSWORD=abracadabra
export OS_PROJECT_NAME=admin
export OS_USER_DOMAIN_NAME=Default
export OS_PROJECT_DOMAIN_NAME=Default
export OS_REGION_NAME=RegionOne
END
chmod 600 "$tmp/rc"
cat >"$tmp/lab.yaml" <<'END'
image_name: Debian 12
ssh_vm_username: debian
flavor_type: m1.small
END
cat >"$tmp/hosts.json" <<'END'
{"programs": {"nuttcp": "/usr/bin/nuttcp"}, "commands": [
 {"argv": ["sh", "-c", "*", "vmtp-facts"], "stdout": "kernel=6.1.0\nhostname=one\nID=debian\nVERSION_ID=\"12\"\n"},
 {"argv": ["nuttcp", "-V"], "stdout": "nuttcp-6.1.2\n"},
 {"argv": ["nuttcp", "-S"], "listens": [{"proto": "tcp", "port": 5002}]},
 {"argv": ["nuttcp"], "stdout":
  "megabytes=115.3750 real_seconds=2.02 rate_Mbps=478.8968 tx_cpu=1 rx_cpu=1 retrans=0 rtt_ms=0.21\n"}
]}
END
unset no_proxy NO_PROXY all_proxy ALL_PROXY https_proxy HTTPS_PROXY

play_start() { # play_start DIALOGUE RULES
    rm -f "$tmp/port"
    printf '%s\n' "$2" >"$tmp/rules"
    python3 "$srcdir/tests/fake/cloud.py" play "$1" "$tmp/port" "$tmp/player.log" "$tmp/rules" 2>"$tmp/player.err" &
    player=$!
    at_exit "kill $player 2>/dev/null"
    for _ in $(seq 100); do
        [ -s "$tmp/port" ] && break
        sleep 0.1
    done
    http_proxy=http://127.0.0.1:$(cat "$tmp/port")
    export http_proxy
}
play_stop() {
    kill "$player" 2>/dev/null
    wait "$player"
    log=$(cat "$tmp/player.log" "$tmp/player.err")
}
play() {
    play_start "$1" "$2"
    shift 2
    run "$VMTP" "$@" -c "$tmp/lab.yaml" -r "$tmp/rc" --no-env --protocols T -t 1
    play_stop
}
asked() { printf '%s\n' "$log" | grep -cE -- "$1"; }
told() {
    printf '%s\n' "$err" | tail -n 30 | sed 's/^/# /'
    printf '%s\n' "$log" | tail -n 30 | sed 's/^/#   /'
}
