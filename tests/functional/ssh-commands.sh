#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Commands on real SSH servers: what arrives, what is kept, what ends when, files.
# shellcheck disable=SC1003,SC2016,SC2317 # text that must arrive as it is; functions that are called by name
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"

requires ps cmp

hosts_make
sshd_start a || exit 99
a=root@192.0.2.1
on_a() { probe -k "$keys/ed25519" "$@"; }
alive() { ps -o stat= -p "$1" | grep -q '^[^Z]'; }
gone() { # gone PID: within 3 s
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        alive "$1" || return 0
        sleep 0.2
    done
    return 1
}

# ---- what arrives ----

on_a "$a" exec printf '%s|' \
    'a b' '' "it's" '"$HOME"' '`id`' 'back\\slash\' '!x' '*' '~' 'a=b' ';|&<>(){}[]#%^' '-n' 'café'
is "arguments arrive as they are" "$(printf '%s\n' "$out" | head -n 1)" \
    'a b||it'\''s|"$HOME"|`id`|back\\slash\|!x|*|~|a=b|;|&<>(){}[]#%^|-n|café|exit 0 71 0'
on_a "$a" exec sh -c 'echo out; echo err >&2; exit 7'
is "both outputs and the exit status" "$out" 'out
err: err
exit 7 4 4'
on_a "$a" exec sh -c 'kill -9 $$'
is "a program that was killed" "$out" 'exit 137 0 0'
on_a "$a" exec no-such-program
like "a program that is not there" "$out" '^err: .*no-such-program: not found'
like "has status 127" "$out" '^exit 127 '
on_a "$a" exec cat
is "standard input is empty" "$out" 'exit 0 0 0'
on_a "$a" exec sh -c 'echo "$PATH $LC_ALL"'
like "the system directories are in the PATH, the language is C" "$out" ':/usr/local/sbin:/usr/sbin:/sbin C$'
on_a "$a" exec sh -c 'sleep 0.1 & wait; echo "$? $(ps -o ppid= -p $$ | xargs ps -o comm= -p)"'
is "the program's children and parent are as without us" "$(printf '%s\n' "$out" | head -n 1)" '0 sshd'
on_a "$a" exec sh -c 'head -c 5000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 3'
is "of much output 1 MiB each is kept, and the program ends" "$out" 'exit 3 1048576 1048576'
on_a "$a" flood sh -c 'while :; do echo 0123456789012345678901234567890123456789012345678901234567890123; done'
is "a program that floods does not keep others from running" "$out" 'others fine, kept 1048576'
on_a "$a" latency 30 true
like "a command costs little" "$out" '^latency 0\.0[0-4]'
diag "median of 30 commands: $out s"

# ---- login shells ----

sshd_shell=/bin/bash
if [ -x /bin/bash ]; then
    mkdir -p "$tmp/host-b/home"
    echo 'echo "Welcome!"; echo oops >&2; printf "no newline"' >"$tmp/host-b/home/.bashrc"
    sshd_start b || exit 99
    on_a root@192.0.2.2 exec echo hello
    is "what login scripts print is not output of the program" "$(printf '%s\n' "$out" | head -n 1)" hello
    sshd_stop b
    rm "$tmp/host-b/home/.bashrc"
else
    skip "what login scripts print is not output of the program" "bash is not installed"
fi
for shell in busybox zsh fish tcsh; do
    sshd_shell=$(command -v "$shell") || {
        skip "login shell $shell" "$shell is not installed"
        continue
    }
    if [ "$shell" = busybox ]; then
        mkdir -p "$tmp/busybox"
        cp "$sshd_shell" "$tmp/busybox/sh"
        sshd_shell=$tmp/busybox/sh
    fi
    sshd_start b || exit 99
    on_a root@192.0.2.2 exec printf '%s|' "it's" 'a\\b' "a\\'b" '!x !!' '$HOME' '*' 'a b'
    is "login shell $shell" "$(printf '%s\n' "$out" | head -n 1)" 'it'\''s|a\\b|a\'\''b|!x !!|$HOME|*|a b|exit 0 33 0'
    sshd_stop b
done
sshd_shell=

# ---- what ends when ----

on_a -c 1 "$a" exec sh -c 'echo $$ >'"$tmp"'/pid; trap "" TERM; while :; do sleep 1; done'
like "an interrupt ends a command" "$out" '^error interrupted'
within "within 1 s" 2500
ok "it is gone, although it ignores SIGTERM" gone "$(cat "$tmp/pid")"

sleep 1000 &
foreign=$!
at_exit 'kill "$foreign"'
mkfifo "$tmp/hold"
start_server() { # start_server COMMAND...: sets $server and $probe_pid
    : >"$tmp/serve"
    ip netns exec "$net-op" "$builddir/tests/functional/ssh-probe" -k "$keys/ed25519" "$a" serve 0 "$@" \
        <"$tmp/hold" >"$tmp/serve" &
    probe_pid=$!
    exec 8>"$tmp/hold"
    until grep -q '^pid' "$tmp/serve"; do sleep 0.05; done
    server=$(sed -n 's/^pid //p' "$tmp/serve")
}
start_server sleep 1000
is "the pid is the program's own" "$(ps -o args= -p "$server")" 'sleep 1000'
exec 8>&-
wait "$probe_pid"
is "a server is stopped" "$(sed -n 2p "$tmp/serve")" stopped
ok "and is gone" gone "$server"

start_server sh -c 'sleep 999 & wait'
child=$(ps -o pid= --ppid "$server" | tr -d ' ')
kill -KILL "$probe_pid"
wait "$probe_pid" 2>/dev/null
ok "a server ends with the connection" gone "$server"
ok "and what it has started" gone "$child"
exec 8>&-
start_server sh -c 'trap "" TERM; while :; do sleep 1; done'
kill -KILL "$probe_pid"
wait "$probe_pid" 2>/dev/null
ok "also one that ignores SIGTERM" gone "$server"
exec 8>&-
ok "a program of the same name that we did not start is left alone" alive "$foreign"

(sleep 1 && on_host a ss -K dst 192.0.2.254 >/dev/null 2>&1) &
breaker=$!
on_a "$a" exec sh -c 'echo $PPID >'"$tmp"'/ppid; exec sleep 5'
wait "$breaker"
if [ "$elapsed" -lt 4000 ]; then
    like "a connection that breaks is told" "$out" '^error unreachable: .*the connection to root@192\.0\.2\.1 is lost'
else
    skip "a connection that breaks is told" "this kernel cannot close sockets of others"
fi

# ---- files ----

head -c 3000000 /dev/urandom >"$tmp/file"
mkdir "$tmp/far"
copies() { # copies NAME TRANSPORT HOST
    probe -T "$2" -k "$keys/ed25519" "root@$3" upload "$tmp/file" "$tmp/far/it's here"
    is "$1: a file" "$out" uploaded
    ok "$1: arrives whole" cmp "$tmp/file" "$tmp/far/it's here"
    is "$1: its mode" "$(stat -c %a "$tmp/far/it's here")" 750
    rm -f "$tmp/far/it's here"
    : >"$tmp/empty"
    probe -T "$2" -k "$keys/ed25519" "root@$3" upload "$tmp/empty" "$tmp/far/empty"
    is "$1: an empty file" "$out" uploaded
    probe -T "$2" -k "$keys/ed25519" "root@$3" upload "$tmp/file" "$tmp/far/none/file"
    like "$1: a directory that is not there" "$out" '^error remote: cannot copy .*([Nn]o such file|nonexistent)'
    probe -T "$2" -k "$keys/ed25519" "root@$3" upload "$tmp/file" /dev/full
    like "$1: a full disk" "$out" '^error remote: cannot copy .*[Nn]o space left'
}
copies libssh2 libssh2 192.0.2.1
copies openssh openssh 192.0.2.1
sshd_shell=$(command -v bash) || sshd_shell=
echo 'echo; echo "Welcome to a host that has no SFTP"' >"$tmp/host-b/home/.bashrc"
sshd_start b 'Subsystem other /bin/false' || exit 99
if [ "$sshd_shell" ]; then
    copies "libssh2, a login script that prints" libssh2 192.0.2.2
    copies "openssh, a login script that prints" openssh 192.0.2.2
    probe -T openssh -k "$keys/ed25519" root@192.0.2.2 connect
    is "... and the address of the host is not what it prints" "$out" "connected 192.0.2.2"
else
    skip "a login script that prints" "bash is not installed"
fi
on_a "$a" upload "$tmp/none" "$tmp/far/none"
like "a local file that is not there" "$out" 'none: No such file or directory'

done_testing
