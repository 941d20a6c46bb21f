# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154 # functions.sh is sourced before; tests use what is set here
# A marked secret, and the hunt for it. Source it behind functions.sh.
#
#   watch WORD...        runs a program; @C@ in a word or variable is the secret, only for that program. Sets status
#   vmtp WORD...         watch, with the vmtp program
#   nothing_found NAME   passes when nothing was found since the last call
#   planted NAME         passes when something was
#
# At the end it says "secrets found: N in M runs".
#
# $given holds the files that hold the secret rightly: secret, marks. All other files belong into $hunted, which is the
# current directory, HOME and all that.

requires perl

# In the build tree the program is a shell script that starts the real one, by way of processes that are not ours.
if head -c 2 "$VMTP" | grep -q '#!'; then
    LD_LIBRARY_PATH=${VMTP%/*}/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
    VMTP=${VMTP%/*}/.libs/${VMTP##*/}
fi
[ -x "$VMTP" ] || skip_all "$VMTP is not there"

# What a shell, YAML and a URL give a meaning to, between marks that survive any quoting, cutting and masking.
random_hex() { od -An -N6 -tx1 /dev/urandom | tr -d ' \n'; }
mark_1=$(random_hex) mark_2=$(random_hex)
canary="c'$mark_1:\"\$ $mark_2\\"
given=$tmp/given # what holds the secret rightly; not hunted in
hunted=$tmp/hunted
mkdir -p "$given" "$hunted/tmp"
chmod 700 "$given"
printf '%s\n' "$canary" >"$given/secret"
printf '%s\n%s\n' "$mark_1" "$mark_2" >"$given/marks"
chmod 600 "$given/secret" "$given/marks"
HOME=$hunted/home XDG_STATE_HOME=$hunted/state TMPDIR=$hunted/tmp
export HOME XDG_STATE_HOME TMPDIR
mkdir -p "$HOME"
cd "$hunted" || exit 99
printf 'ssh_timeout: 1\nprotocols: T\n' >"$HOME/.vmtp.yaml"
watch_prefix= # words in front of what watches
watch_options=
hunted_also= # more directories
quiet=
n_found=0
n_runs=0
all_found=0
all_runs=0
# shellcheck disable=SC2016 # its values then
at_exit 'diag "secrets found: $all_found in $all_runs runs"'

# The places below $hunted, and among the processes that were seen, where a part of the secret is.
found() {
    # shellcheck disable=SC2086 # lists of words
    grep -r -a -l -F -f "$given/marks" "$hunted" $hunted_also | sed 's/^/file /'
    [ ! -f "$hunted/hits" ] || grep '^process ' "$hunted/hits"
}

hunt_anew() { find "$hunted" -type f ! -name .vmtp.yaml -exec rm -f {} +; }

# watch WORD...: runs a program under the eyes of the hunt; @C@ is the secret. Sets status. What was found is told.
watch() {
    # shellcheck disable=SC2086 # a list of words
    $watch_prefix perl "$srcdir/tests/functional/canary.pl" $watch_options \
        "$given/secret" "$given/marks" "$hunted/hits" "$@" >>"$hunted/out" 2>>"$hunted/err"
    status=$?
    n_runs=$((n_runs + 1))
    places=$(found)
    if [ -n "$places" ]; then
        n_found=$((n_found + $(printf '%s\n' "$places" | wc -l)))
        [ -n "$quiet" ] || diag "found by $*:
$places"
        hunt_anew
    fi
}
vmtp() { watch "$VMTP" "$@"; }

nothing_found() { # nothing_found NAME: since the last call
    is "$1" "$n_found found in $n_runs runs" "0 found in $n_runs runs"
    all_found=$((all_found + n_found))
    all_runs=$((all_runs + n_runs))
    n_found=0
    n_runs=0
}

planted() { # planted NAME: the last run was seen, and the next ones begin anew
    found_now=$n_found
    n_found=0
    n_runs=0
    ok "$1" [ "$found_now" -ge 1 ]
}
