# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034 # what is set here is read by the tests
# Sourced by every functional test (POSIX sh). Output is TAP. The environment: VMTP (the program), srcdir, builddir.
#
#   . "${srcdir:-.}/tests/functional/functions.sh"
#   requires nuttcp ip          # or skip_all "reason"
#   ok "what is true" command args...
#   is "name" "$got" "$expected"
#   like "name" "$text" 'extended regular expression'
#   done_testing
#
# $tmp is a private directory, removed at the end; what at_exit is given runs before that, last first, also on a signal.

# Tests send SIGHUP. Under nohup(1) it is ignored, which VMTP honours and a shell cannot undo.
case $(sed -n 's/^SigIgn:.*\(.\)$/\1/p' /proc/self/status) in
[13579bdf]) exec perl -e '$SIG{HUP} = "DEFAULT"; exec @ARGV or die' sh "$0" "$@" ;;
esac

set -u
LC_ALL=C
export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd)
builddir=$(cd "${builddir:-.}" && pwd)
VMTP=${VMTP:-$builddir/core/vmtp}
VMTP_PLUGIN_PATH=${VMTP_PLUGIN_PATH-$builddir/.libs:$builddir}
export VMTP_PLUGIN_PATH
tmp=$(mktemp -d "${TMPDIR:-/tmp}/vmtp-test.XXXXXX") || exit 99
HOME=$tmp/home
XDG_STATE_HOME=$tmp/state
export HOME XDG_STATE_HOME
mkdir -p "$HOME" "$XDG_STATE_HOME"
if [ -n "${VMTP_VALGRIND-}" ]; then # make check-valgrind
    export srcdir builddir
    printf '#!/bin/sh\nexec sh "%s/tests/valgrind.sh" "%s" "$@"\n' "$srcdir" "$VMTP" >"$tmp/vmtp"
    chmod 700 "$tmp/vmtp"
    VMTP=$tmp/vmtp
fi
# shellcheck disable=SC2046 # a list of names
unset SSH_AUTH_SOCK $(env | sed -n 's/^\(OS_[A-Z_]*\)=.*/\1/p') # the user's agent and cloud are not ours

tap_n=0
tap_failed=0
at_exit_commands=

at_exit() { # at_exit COMMAND-TEXT
    at_exit_commands="$1
$at_exit_commands"
}

tap_cleanup() {
    status=$?
    trap - EXIT
    eval "$at_exit_commands"
    rm -rf "$tmp"
    exit $status
}
trap tap_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

skip_all() {
    echo "1..0 # SKIP $*"
    exit 0
}

requires() { # requires PROGRAM...
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || [ -x "/sbin/$program" ] ||
            skip_all "$program is not installed"
    done
}

requires_root() {
    [ "$(id -u)" = 0 ] || skip_all "needs root: $*"
}

tap_result() { # tap_result STATUS NAME
    tap_n=$((tap_n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tap_n - $2"
    else
        echo "not ok $tap_n - $2"
        tap_failed=$((tap_failed + 1))
    fi
    return "$1"
}

diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

skip() { # skip NAME REASON
    tap_n=$((tap_n + 1))
    echo "ok $tap_n - $1 # SKIP $2"
}

ok() { # ok NAME COMMAND [ARG...]
    tap_name=$1
    shift
    if "$@" >"$tmp/ok.log" 2>&1; then
        tap_result 0 "$tap_name"
    else
        tap_status=$?
        tap_result 1 "$tap_name"
        diag "exit $tap_status: $*"
        head -n 40 "$tmp/ok.log" | sed 's/^/# /'
        return 1
    fi
}

is() { # is NAME GOT EXPECTED
    if [ "$2" = "$3" ]; then
        tap_result 0 "$1"
    else
        tap_result 1 "$1"
        diag "     got: $2"
        diag "expected: $3"
        return 1
    fi
}

like() { # like NAME TEXT REGEX
    if printf '%s\n' "$2" | grep -Eq -- "$3"; then
        tap_result 0 "$1"
    else
        tap_result 1 "$1"
        diag "     got: $2"
        diag "no match: $3"
        return 1
    fi
}

unlike() { # unlike NAME TEXT REGEX
    if printf '%s\n' "$2" | grep -Eq -- "$3"; then
        tap_result 1 "$1"
        diag "     got: $2"
        diag "matches: $3"
        return 1
    fi
    tap_result 0 "$1"
}

run() { # run COMMAND...: sets $status, $out, $err
    "$@" >"$tmp/run.out" 2>"$tmp/run.err"
    status=$?
    out=$(cat "$tmp/run.out")
    err=$(cat "$tmp/run.err")
    return 0
}

json_query() { # json_query FILE EXPRESSION: in Python; d: the document, flow: its first flow, items: that one's results
    python3 -c 'import json, re, sys
d = json.load(open(sys.argv[1]))
flow = (d.get("flows") or [{}])[0]
items = flow.get("results") or []
def of(protocol): return [i for i in items if i.get("protocol") == protocol]
print(eval(sys.argv[2]))' "$1" "$2"
}

done_testing() {
    echo "1..$tap_n"
    [ "$tap_failed" = 0 ]
    exit $?
}
