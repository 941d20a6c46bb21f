#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The canary on real SSH servers: passwords and passphrases that let us in leave no trace here or there. The processes
# of the hosts are among those that the hunt sees.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
. "$srcdir/tests/functional/hunt.sh"
requires nuttcp

password=$canary
passphrase=$canary
hosts_make
sshd_start a && sshd_start b || exit 99
watch_prefix="ip netns exec $net-op"
hunted_also="$tmp/host-a $tmp/host-b"
a=tester@192.0.2.1
b=tester@192.0.2.2
{ printf 'hosts:\n'
  for address in 192.0.2.1 192.0.2.2; do
      printf -- '- {user: tester, host: %s, password: @C@}\n' "$address"
  done; } >"$given/template"
perl -e 'my $c = <STDIN>; chomp $c; $c =~ s/\x27/\x27\x27/g; while (<>) { s/\@C\@/\x27$c\x27/g; print }' \
    "$given/template" <"$given/secret" >"$given/password.cfg"
chmod 600 "$given/password.cfg"
printf 'key_passphrase_file: %s\n' "$given/secret" >"$given/passphrase.cfg"

measure() { # measure NAME OPTION...: between a and b; nothing may be found, and it must have worked
    measured=$1
    shift
    rm -f "$hunted/json"
    vmtp -d --log-file "$hunted/log" --json "$hunted/json" -t 1 --inter-node-only "$@"
    is "$transport: $measured lets us in" "$status" 0 || tail -n 3 "$hunted/err" | sed 's/^/# /'
    nothing_found "and leaves no trace"
}

ways() { # every way to give a secret, with $transport
    measure "a password in the command line" --host "$a:@C@:" --host "$b:@C@:"
    VMTP_HOST_PASSWORD=@C@
    export VMTP_HOST_PASSWORD
    measure "a password in the environment" --host "$a" --host "$b"
    VMTP_HOST_PASSWORD=wrong VMTP_HOST_PASSWORD_A=@C@
    export VMTP_HOST_PASSWORD_A
    measure "one for each host" --host "$a?password_env=VMTP_HOST_PASSWORD_A" \
        --host "$b?password_env=VMTP_HOST_PASSWORD_A"
    unset VMTP_HOST_PASSWORD VMTP_HOST_PASSWORD_A
    measure "a password in a file" --host "$a?password_file=$given/secret" --host "$b?password_file=$given/secret"
    measure "a password in the configuration" -c "$given/password.cfg"
    unlike "a configuration that only its owner reads gets no warning" "$(cat "$hunted/err")" 'holds a secret'
    vmtp replay last --json "$hunted/json" --debug
    nothing_found "a replay has none either"

    watch_options=--tty
    measure "a password that is asked for" --ask-password --host "$a" --host "$b"
    like "one question for each host" "$(cat "$hunted/hits.tty")" 'Password of tester@192.0.2.1: '
    like "the second can be answered by the first" "$(cat "$hunted/hits.tty")" \
        'Password of tester@192.0.2.2 \(empty: the same\): '
    rm -f "$hunted/hits.tty"
    measure "a passphrase that is asked for" --host "$a?key=$keys/locked" --host "$b?key=$keys/locked"
    like "for a key" "$(cat "$hunted/hits.tty")" '[Pp]assphrase .*/keys/locked'
    rm -f "$hunted/hits.tty"
    watch_options=

    VMTP_KEY_PASSPHRASE=@C@
    export VMTP_KEY_PASSPHRASE
    measure "a passphrase in the environment" --host "$a?key=$keys/locked" --host "$b?key=$keys/locked"
    unset VMTP_KEY_PASSPHRASE
    measure "a passphrase in a file" -c "$given/passphrase.cfg" \
        --host "$a?key=$keys/locked" --host "$b?key=$keys/locked"

    vmtp -d --log-file "$hunted/log" --json "$hunted/json" -t 1 --host "$a:x@C@:" --host "$b:@C@:"
    is "a password that is wrong" "$status" 1
    nothing_found "is not told"
    VMTP_KEY_PASSPHRASE=x@C@
    export VMTP_KEY_PASSPHRASE
    vmtp -d --log-file "$hunted/log" --json "$hunted/json" -t 1 --host "$a?key=$keys/locked" --host "$b:@C@:"
    is "nor is a passphrase" "$status" 1
    nothing_found "that is wrong"
    unset VMTP_KEY_PASSPHRASE
}

use_transport() {
    printf 'protocols: T\ntcp_tp_loop_count: 1\nssh_timeout: 10\nssh_transport: %s\n' "$transport" >"$HOME/.vmtp.yaml"
}
for transport in libssh2 openssh; do
    use_transport
    ways
done
sshd_stop b
sshd_start b 'PasswordAuthentication no' 'KbdInteractiveAuthentication yes' || exit 99
for transport in libssh2 openssh; do
    use_transport
    measure "an answer to a question of the server" --host "$a:@C@:" --host "$b:@C@:"
done

# What a run that was killed has left is on hosts whose passwords stand in no ledger.
left_behind() { # sets $left, a directory such as a run makes, on host a
    left=/tmp/vmtp-$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
    mkdir "$left" && chown 64711 "$left" && at_exit "rm -rf '$left'"
    mkdir -p "$XDG_STATE_HOME/vmtp/runs"
    login='{"transport":"'$transport'","user":"tester","host":"192.0.2.1"}'
    cat >"$XDG_STATE_HOME/vmtp/runs/01234567-0000-4000-8000-000000000000.ledger" <<END
{"vmtp_ledger":1,"run":"01234567-0000-4000-8000-000000000000"}
{"made":{"endpoint":"$a","kind":"directory","id":"$left","login":$login}}
END
}
gone() { # gone WHAT OPTION...: cleanup removes it
    gone_how=$1
    shift
    left_behind
    vmtp cleanup last --log-file "$hunted/log" "$@"
    is "$transport: cleanup with $gone_how" "$status $([ -e "$left" ] && echo there)" '0 ' ||
        sed 's/^/# /' "$hunted/err"
    nothing_found "and leaves no trace"
}
for transport in ssh openssh; do
    VMTP_HOST_PASSWORD=@C@
    export VMTP_HOST_PASSWORD
    gone "a password in the environment"
    unset VMTP_HOST_PASSWORD
    watch_options=--tty
    gone "a password that is asked for" --ask-password
    like "by a question" "$(cat "$hunted/hits.tty")" 'Password of tester@192.0.2.1: '
    rm -f "$hunted/hits.tty"
    watch_options=
done

run on_operator setsid "$VMTP" --protocols T -t 1 --ask-password --host "$a" --host "$b"
is "without a terminal nobody is asked" "$status" 2
like "and other ways are told" "$err" 'ask_password: there is no terminal .* password_file.* VMTP_HOST_PASSWORD'

done_testing
