#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Logging in to real SSH servers: what is offered, in which order, and what a user is told when nothing works.
# shellcheck disable=SC2016,SC2034,SC2154 # for other shells; what others read and set
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
requires ssh-agent ssh-add setsid

hosts_make
sshd_start a || exit 99
a=192.0.2.1

await() { # await TEXT FILE: for up to 10 s
    for _ in $(seq 100); do
        ! grep -q "$1" "$2" || return 0
        sleep 0.1
    done
    return 1
}

# ---- keys ----

for key in ed25519 ecdsa pem; do
    probe -k "$keys/$key" "root@$a" exec echo hello
    is "a key: $key" "$out" 'hello
exit 0 6 0'
done
VMTP_KEY_PASSPHRASE=$passphrase
export VMTP_KEY_PASSPHRASE
for key in locked locked-pem; do
    probe -k "$keys/$key" "root@$a" exec echo hello
    like "an encrypted key and its passphrase in the environment: $key" "$out" '^hello$'
done
VMTP_KEY_PASSPHRASE=wrong
probe -k "$keys/locked" "root@$a" connect
like "a wrong passphrase is told" "$out" 'keys/locked: the passphrase in VMTP_KEY_PASSPHRASE is wrong'
unset VMTP_KEY_PASSPHRASE
probe_program=$builddir/tests/functional/ssh-probe
run on_operator setsid -w "$probe_program" -k "$keys/locked" "root@$a" connect
like "without a terminal the error names both ways" "$out" 'is encrypted: set VMTP_KEY_PASSPHRASE .*, run on a terminal'
if command -v script >/dev/null; then
    run sh -c '{ sleep 0.5; printf "%s\n" "$1"; sleep 1; } |
        script -qec "ip netns exec $2-op $3 -k $4 root@$5 exec echo hello" /dev/null' \
        sh "$passphrase" "$net" "$probe_program" "$keys/locked" "$a"
    like "a passphrase is asked for on the terminal" "$out" 'Passphrase of the key .*/locked: .*'
    like "and opens the key" "$out" 'hello'
    unlike "it is not echoed" "$out" "$passphrase"

    # b falls silent when it has the signature: it looks up keys for two questions before. a is up only after that.
    cat >"$tmp/lookup" <<END
echo >>"$tmp/lookups"
[ "\$(wc -l <"$tmp/lookups")" != 3 ] || cat "$tmp/silent"
cat "$tmp/authorized_keys"
END
    mkfifo "$tmp/silent" "$tmp/terminal"
    sshd_stop a
    sshd_start b "AuthorizedKeysCommand /bin/sh $tmp/lookup" 'AuthorizedKeysCommandUser root' \
        'AuthorizedKeysFile none' || exit 99
    on_operator script -qec "$probe_program -k $keys/locked root@192.0.2.2,root@$a connect" /dev/null \
        <"$tmp/terminal" >"$tmp/asked" 2>&1 &
    asking=$!
    exec 9>"$tmp/terminal"
    await 'Passphrase of the key' "$tmp/asked"
    printf '%s\n' "$passphrase" >&9
    exec 8>"$tmp/silent" # waits for its reader
    sshd_start a || exit 99
    ok "a host that falls silent does not hold others that need the passphrase" \
        await 'Accepted publickey' "$tmp/host-a/log"
    exec 8>&-
    wait $asking
    exec 9>&-
    is "... and is logged in to when it goes on" "$(grep -c '^connected' "$tmp/asked")" 2 || diag "$(cat "$tmp/asked")"
    is "... with one question" "$(grep -c 'Passphrase of' "$tmp/asked")" 1
    sshd_stop b
else
    skip "a passphrase is asked for on the terminal" "script is not installed"
fi

probe -k "$keys/stranger" "root@$a" connect
like "a key that the server does not know is refused" "$out" \
    '^error failed: root@192\.0\.2\.1 does not let us in; refused: key .*/stranger\. The server takes publickey'
within "at once" 1000
# A machine that boots installs its key when its server is up already.
before=$(sshd_log a 'Connection from')
cp "$tmp/authorized_keys" "$tmp/without"
{ sleep 1.5; cat "$keys/stranger.pub" >>"$tmp/authorized_keys"; } &
probe -f -k "$keys/stranger" "root@$a" connect
wait $!
like "a machine that boots is asked again" "$out" '^connected'
is "... in the same connection" "$(($(sshd_log a 'Connection from') - before))" 1
cat "$tmp/without" >"$tmp/authorized_keys"
before=$(sshd_log a 'Connection from')
probe -f -t 3 -k "$keys/stranger" "root@$a" connect
like "... and in others, for as long as it may take" "$out" '^error unreachable: tried for .*refused: key'
ok "... few times in each" [ "$(($(sshd_log a 'Connection from') - before))" -ge 2 ] || diag "$out"
is "... never until it is cut off" "$(sshd_log a 'Too many authentication failures')" 0

exec 9<"$keys/stranger"
probe -t 1 -k /proc/$$/fd/9 "root@$a" connect
like "a key in memory is not told by its path" "$out" 'refused: key made for this run\. The server'
exec 9<&-

ssh-keygen -q -t ed25519 -N secret -C other -f "$keys/other"
probe -k "$keys/other" "root@$a" connect
like "nobody is asked for the passphrase of a key that is refused anyway" "$out" 'refused: key .*/other\. The server'

probe -k "$keys/rsa" "root@$a" connect
if pkg-config --atleast-version=1.11 libssh2 2>/dev/null; then
    like "an RSA key works with this libssh2" "$out" '^connected'
else
    like "an RSA key is not offered to a libssh2 that signs with SHA-1" "$out" \
        'RSA key .*/rsa cannot be used with libssh2 1\.[0-9.]+, which signs with SHA-1 that OpenSSH >= 8\.8 refuses'
fi
probe -k "$keys/none" "root@$a" connect
like "a key file that is missing is told" "$out" 'keys/none: No such file'
probe -k "$keys/ed25519.pub" "root@$a" connect
like "a public key is told from a private one" "$out" 'is a public key: name the file of the private key'

mkdir -p "$HOME/.ssh"
cp "$keys/ed25519" "$HOME/.ssh/id_ed25519"
probe "root@$a" exec echo hello
like "the user's own key, when nothing is named" "$out" '^hello$'
rm "$HOME/.ssh/id_ed25519"
probe -K "$keys/ecdsa" "root@$a" exec echo hello
like "the key of the configuration" "$out" '^hello$'
probe "root@$a" connect
like "no credentials at all" "$out" 'there is no password and no key to try'

# ---- agent ----

eval "$(ssh-agent -s)" >/dev/null
at_exit "kill $SSH_AGENT_PID"
ssh-add -q "$keys/rsa" "$keys/stranger" "$keys/ed25519" 2>"$tmp/ssh-add"
probe "root@$a" exec echo hello
like "a key of the agent" "$out" '^hello$'
ssh-add -q -D 2>"$tmp/ssh-add"
SSH_ASKPASS=$tmp/askpass
printf '#!/bin/sh\necho "$passphrase"\n' >"$SSH_ASKPASS"
chmod 755 "$SSH_ASKPASS"
SSH_ASKPASS_REQUIRE=force passphrase=$passphrase SSH_ASKPASS=$SSH_ASKPASS ssh-add -q "$keys/locked" 2>"$tmp/ssh-add"
probe -k "$keys/locked" "root@$a" exec echo hello
like "an encrypted key that the agent holds needs no passphrase" "$out" '^hello$'
ssh-add -q -D 2>"$tmp/ssh-add"
for n in 1 2 3 4 5 6 7 8; do
    ssh-keygen -q -t ed25519 -N '' -C "extra$n" -f "$keys/extra$n"
    ssh-add -q "$keys/extra$n" 2>"$tmp/ssh-add"
done
before=$(sshd_log a 'Failed publickey')
probe -k "$keys/stranger" "root@$a" connect
like "five keys are tried" "$out" 'refused: key .*/stranger; agent key extra1 .*; agent key extra4 \(ssh-ed25519\)\. '
unlike "not more" "$out" 'extra5'
is "as the server counts them" "$(($(sshd_log a 'Failed publickey') - before))" 5
probe -k "$keys/ed25519" "root@$a" exec echo hello
like "the key that is named comes before those of the agent" "$out" '^hello$'
SSH_AUTH_SOCK=$tmp/nothing
probe -k "$keys/ed25519" "root@$a" exec echo hello
like "an agent that is gone does no harm" "$out" '^hello$'
unset SSH_AUTH_SOCK

# ---- passwords ----

probe -p "$password" "tester@$a" exec id -un
like "a password" "$out" '^tester$'
before=$(sshd_log a 'Failed password')
probe -p 'not it' "tester@$a" connect
like "a wrong password" "$out" '^error failed: tester@192\.0\.2\.1 does not let us in; refused: password\. '
unlike "is not in the error" "$out$err" 'not it'
within "it fails soon" 7000 # of one try PAM and sshd alone take up to 4 s
is "as the server counts them" "$(($(sshd_log a 'Failed password') - before))" 1
probe -d -p "$password" "tester@$a" connect
unlike "no password in the debug log" "$out$err" 'pass:'
is "the fingerprint of the host key is, as ssh-keygen says it" \
    "$(printf '%s\n' "$err" | sed -n 's/.*host key \(SHA256:[^,]*\), known from .*/\1/p')" \
    "$(ssh-keygen -lf "$tmp/host-a/host_key.pub" | cut -d ' ' -f 2)"

sshd_start b 'PasswordAuthentication no' 'KbdInteractiveAuthentication yes' || exit 99
b=192.0.2.2
probe -p "$password" "tester@$b" exec id -un
like "a password by keyboard-interactive" "$out" '^tester$'
probe -p 'not it' "tester@$a,tester@$b,tester@$a:22,tester@$b:22" connect
is "four logins are refused" "$(printf '%s\n' "$out" | grep -c 'refused: password')" 4
within "at the same time" 5900
sshd_stop b
sshd_start b 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' || exit 99
probe -p "$password" -k "$keys/ed25519" "root@$b" connect
like "a password that is not wanted does not keep a key from being tried" "$out" "^connected $b\$"
probe -p "$password" "root@$b" connect
like "what the server takes is told" "$out" 'not usable: the password: the server takes only publickey\. '

# ---- reaching ----

probe -k "$keys/ed25519" 'root@[2001:db8::1]:22' connect
is "IPv6, and a port" "$out" "connected 2001:db8::1"
hosts=$(perl -e "print join ',', ('root@$a') x 50")
probe -k "$keys/ed25519" "$hosts" connect
is "50 connections at once" "$(printf '%s\n' "$out" | grep -c '^connected')" 50
sshd_stop b
sshd_start b 'MaxStartups 10:30:100' || exit 99
hosts=$(perl -e "print join ',', ('root@$b') x 50")
probe -k "$keys/ed25519" -t 30 "$hosts" connect
is "50 at a server with OpenSSH's own limit, which drops some" "$(printf '%s\n' "$out" | grep -c '^connected')" 50 ||
    diag "$out" "$err"
dropped=$(sshd_log b 'past MaxStartups|drop connection')
[ "$dropped" -gt 0 ] || diag "it has dropped none"

sshd_stop b
probe -k "$keys/ed25519" -t 1 "root@$b" connect
like "a host that refuses" "$out" \
    '^error unreachable: tried for [01] s: cannot connect to 192\.0\.2\.2 port 22: Conn.* refused'
within "is given up at the deadline" 1500
(sleep 2 && sshd_start b && echo "$sshd_b" >"$tmp/late") &
late=$!
probe -k "$keys/ed25519" -t 20 "root@$b" connect
is "a host whose server starts 2 s later is reached" "$out" "connected $b"
like "that it is tried again is told" "$err" 'Connection refused; trying again for up to 20 s'
wait "$late"
kill "$(cat "$tmp/late")"

listener='use IO::Socket::IP; my ($n, $wait) = @ARGV;
    my $s = IO::Socket::IP->new(LocalHost => "192.0.2.2", LocalPort => 22, Listen => 5, ReuseAddr => 1) or die $@;
    print "ready\n"; close STDOUT; for (1 .. $n) { my $c = $s->accept; sleep $wait; close $c }'
listen() { # listen CONNECTIONS SECONDS: takes connections, and closes each after a time without a word
    mkfifo "$tmp/ready"
    on_host b perl -e "$listener" "$@" >"$tmp/ready" &
    listening=$!
    read -r _ <"$tmp/ready"
    rm "$tmp/ready"
}
listen 2 0
probe -k "$keys/ed25519" -t 1 "root@$b" connect
like "a connection that is closed before the server's first word is tried again" "$err" \
    'closed the connection before its first word; trying again'
wait "$listening"
listen 1 3
probe -k "$keys/ed25519" -t 1 "root@$b" connect
like "a server that says nothing" "$out" '^error unreachable: .*connected, but no SSH server answers'
within "does not hold us" 1500
wait "$listening"
listen 1 3
probe -k "$keys/ed25519" -c 1 -t 30 "root@$b" connect
like "an interrupt" "$out" '^error interrupted'
within "is obeyed within 1 s" 2000
wait "$listening"

probe -k "$keys/ed25519" root@no-such-host.invalid connect
like "an unknown host name" "$out" '^error failed: cannot look up the host name no-such-host\.invalid'
within "fails at once" 5000

done_testing
