# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034 # what is set here is read by the tests
# Sourced by the tests that run in the lab (tests/lab). One test at a time: each starts itself again under the lab's
# lock. Without a lab that runs, and without the means to start one, the test is a skip that says why.
#
#   vmtp OPTION...            with the lab's image and flavor, in the project $who (admin or demo); sets $status, $out,
#                             $err
#   start_vmtp OPTION...      the same in the background; stop_vmtp SIGNAL, wait_vmtp
#   cloud COMMAND...          tests/openstack/cloud.py in that project
#   comes SECONDS KIND [FIELD=VALUE]
#                             until the run has made one that is in this state
#   same NAME                 nothing has come and nothing has gone since `remember`

lab_dir=$(cd "${srcdir:-.}" && pwd)/tests/lab
lab_state=${LAB_STATE:-/var/lib/vmtp-lab}
if [ -z "${VMTP_LAB_LOCKED-}" ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$lab_state"
    VMTP_LAB_LOCKED=1
    export VMTP_LAB_LOCKED
    exec flock -o "$lab_state/lock" "${VMTP_LAB_SHELL:-sh}" "$0" "$@"
fi
. "${srcdir:-.}/tests/functional/functions.sh"
requires_root "the lab is made of namespaces"
requires python3 flock unshare

why=$("$lab_dir/lab" able 2>&1) || skip_all "no lab: ${why#lab: }"
"$lab_dir/lab" up >"$tmp/lab.log" 2>&1 || {
    sed 's/^/# /' "$tmp/lab.log"
    echo "Bail out! The lab does not start"
    exit 1
}

who='admin' # or demo
in_lab() { # in_lab CMD...: on the operator's host
    case $who in
    demo) "$lab_dir/lab" demo "$@" ;;
    *) "$lab_dir/lab" exec "$@" ;;
    esac
}
cloud() { in_lab /usr/bin/python3 "$srcdir/tests/openstack/cloud.py" "$@"; }

# The images of the lab and what fits into it; a test may add lines.
cat >"$tmp/lab.yaml" <<'END'
image_name: Debian 12
ssh_vm_username: debian
flavor_type: m1.small
END

# The shell that writes its pid becomes the program: signals do not pass through the lab's namespaces by themselves.
# shellcheck disable=SC2016 # expanded in the lab
vmtp_in_lab() {
    in_lab sh -c 'echo $$ >"$0"; exec "$@"' "$tmp/vmtp.pid" "$VMTP" "$@"
}
with_config() { # with_config OPTION...: the configuration of the lab, unless the options are of a command without one
    case $1 in
    cleanup | replay) vmtp_in_lab "$@" ;;
    plan)
        shift
        vmtp_in_lab plan -c "$tmp/lab.yaml" "$@"
        ;;
    *) vmtp_in_lab -c "$tmp/lab.yaml" "$@" ;;
    esac
}
vmtp() { run with_config "$@"; }

start_vmtp() {
    rm -f "$tmp/vmtp.pid"
    with_config "$@" >"$tmp/run.out" 2>"$tmp/run.err" &
    vmtp_job=$!
    at_exit "[ ! -e /proc/$vmtp_job ] || stop_vmtp KILL"
    until [ -s "$tmp/vmtp.pid" ]; do sleep 0.1; done
    vmtp_pid=$(cat "$tmp/vmtp.pid")
}
stop_vmtp() { "$lab_dir/lab" node ext kill -s "$1" "$vmtp_pid"; } # stop_vmtp SIGNAL
wait_vmtp() { # sets $status, $out, $err
    wait "$vmtp_job"
    status=$?
    out=$(cat "$tmp/run.out")
    err=$(cat "$tmp/run.err")
}

# shellcheck disable=SC2012 # the newest; the names are ids
journal() { ls -t "$XDG_STATE_HOME/vmtp/runs"/*.jsonl 2>/dev/null | head -n 1; }
# The journal is begun before the cloud is asked for anything.
wait_journal() { # wait_journal SECONDS PATTERN [COUNT]: until as many lines of the newest journal match
    for _ in $(seq $(($1 * 5))); do
        file=$(journal)
        [ -n "$file" ] && [ "$(grep -c -- "$2" "$file")" -ge "${3:-1}" ] && return 0
        [ -e "/proc/$vmtp_job" ] || return 1
        sleep 0.2
    done
    return 1
}
comes() {
    until_s=$(($(date +%s) + $1))
    shift
    while [ -e "/proc/$vmtp_job" ] && [ "$(date +%s)" -lt $until_s ]; do
        cloud wait 3 "$@" && return 0
    done
    return 1
}
ledgers() { find "$XDG_STATE_HOME/vmtp/runs" -name '*.ledger' 2>/dev/null | wc -l | tr -d ' '; }

remember() {
    cloud census >"$tmp/census" || exit 99
    KNOWN=$(awk '{ print $2 }' "$tmp/census" | tr '\n' ' ')
    export KNOWN
}
same() { # same NAME
    if cloud census >"$tmp/census.now" && diff "$tmp/census" "$tmp/census.now" >"$tmp/census.diff"; then
        tap_result 0 "$1"
    else
        tap_result 1 "$1"
        sed 's/^/# /' "$tmp/census.diff"
        return 1
    fi
}
tells() { # tells NAME REGEX...: standard error has them all, on whatever lines
    name=$1
    shift
    for regex in "$@"; do
        grep -Eq -- "$regex" "$tmp/run.err" || {
            tap_result 1 "$name"
            diag "no match: $regex"
            told
            return 1
        }
    done
    tap_result 0 "$name"
}
told() { # told: what the program said, after a failed point
    printf '%s\n' "$err" | tail -n 60 | sed 's/^/# /'
}

# What a test has left in the cloud although it should not have is removed, or the next one suffers.
sweep() {
    [ -s "$tmp/census" ] && ! cloud census 2>/dev/null | diff -q "$tmp/census" - >/dev/null || return 0
    VMTP_PLUGIN_PATH=$VMTP_PLUGIN_PATH in_lab "$VMTP" cleanup --all >/dev/null 2>&1
    for kind in floatingip server router port network security_group keypair flavor; do
        cloud census | awk -v kind=$kind '$1 == kind { print $2 }' | while read -r id; do
            grep -q " $id " "$tmp/census" || cloud remove $kind "$id" >/dev/null 2>&1
        done
    done
}
at_exit sweep

flows() { json_query "$tmp/out.json" "$1"; }
