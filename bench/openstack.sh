#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whole runs in the lab (tests/lab, which has to be up): wall time, memory, CPU time, requests to the cloud, VMTP's own
# time per flow. As root.
#   bench/openstack.sh          six flows, --protocols T -t 2
#   bench/openstack.sh serial   the same beside --serial-vms
#   bench/openstack.sh search   six flows, --protocols TUI -t 2, with the classic search
. "$(dirname "$0")/common.sh"
requires_root "the lab is made of namespaces"
requires python3 flock

lab=$srcdir/tests/lab/lab
cat >"$tmp/lab.yaml" <<'END'
image_name: Debian 12
ssh_vm_username: debian
flavor_type: m1.small
END

in_cloud() { # in_cloud NAME OPTION...: one run; its files are $tmp/NAME.*
    name=$1
    shift
    XDG_STATE_HOME=$tmp/$name.state
    export XDG_STATE_HOME
    flock -o "${LAB_STATE:-/var/lib/vmtp-lab}/lock" "$lab" exec "$tmp/usage" "$tmp/$name.used" "$VMTP" \
        -c "$tmp/lab.yaml" -t 2 --debug --json "$tmp/$name.json" "$@" >"$tmp/$name.out" 2>"$tmp/$name.err" || {
        cat "$tmp/$name.out"
        tail -n 40 "$tmp/$name.err"
        exit 1
    }
}

# A poll is a look at the servers that was sent before.
requests() { # requests NAME: "all without-polls"
    grep -oE '(GET|POST|PUT|PATCH|DELETE) https?://[^ ]+: [0-9]+, [0-9.]+ s' "$tmp/$1.err" |
        sed 's/: [0-9]*, [0-9.]* s$//' |
        awk '{ all++; if ($2 !~ /servers.detail/ || !seen[$0]++) once++ } END { print all + 0, once + 0 }'
}

# What each flow took beyond the commands that measured, as the log has it; the first flow starts the server.
own_time() { # own_time NAME
    python3 - "$tmp/$1.err" <<'END'
import re, sys
def seconds(line):
    h, m, s = line[11:23].replace(",", ".").split(":")
    return int(h) * 3600 + int(m) * 60 + float(s)
flows, command, tools = [], None, 0.0
for line in open(sys.argv[1], errors="replace"):
    if not re.match(r"\d{4}-\d\d-\d\d ", line):
        continue
    if command is not None:
        tools += seconds(line) - command
        command = None
    if re.search(r" Flow \d+: ", line):
        flows.append([seconds(line), 0.0])
    elif flows and re.search(r"flow \d+: (TCP|UDP|ICMP), |trial", line):
        flows[-1][1] = seconds(line) - flows[-1][0] - tools
    if re.search(r"nuttcp .* -T\d|ping -", line):
        command = seconds(line)
    if re.search(r" Flow \d+: ", line):
        tools = 0.0
print(" ".join("%.2f" % own for _, own in flows))
END
}

whole_run() { # whole_run NAME LIMIT-OF-WALL
    # shellcheck disable=SC2046 # two words
    set -- "$1" "$2" $(requests "$1")
    row "wall" "$(wall_of "$tmp/$1.used")" s "$2"
    row "requests, polls apart ($3 with them)" "$4" '' 80
    row "peak RSS" "$(rss_of "$tmp/$1.used")" MB 25
    row "CPU time" "$(cpu_of "$tmp/$1.used")" s 0.6
    own=$(own_time "$1")
    note "flows beyond their tools' run time, each" "$own s"
    row "... the median" "$(printf '%s\n' "$own" | tr ' ' '\n' | median)" s 0.5
    grep -hE 'after [0-9]+ s' "$tmp/$1.err" | sed 's/^/    /'
}

case ${1-} in
'' | serial)
    in_cloud together --protocols T
    head_row "six flows in the lab, --protocols T -t 2"
    whole_run together 140
    [ -n "${1-}" ] || exit $bench_failed
    in_cloud serial --protocols T --serial-vms
    together=$(wall_of "$tmp/together.used") serial=$(wall_of "$tmp/serial.used")
    row "against one VM after the other ($serial s)" \
        "$(awk "BEGIN { printf \"%.2f\", $together / $serial }")" '' 0.8
    ;;
search)
    in_cloud search --protocols TUI
    head_row "six flows in the lab, --protocols TUI -t 2"
    whole_run search 620
    note "trials of the search" "$(cat "$tmp"/search.state/vmtp/runs/*.jsonl | grep -c '"type":"trial"')"
    ;;
*)
    echo "usage: bench/openstack.sh [serial|search]" >&2
    exit 2
    ;;
esac
exit $bench_failed
