#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The openssh transport, and the choice between both, on real servers.
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # for other shells; what others read and set
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
requires ssh setsid

hosts_make
sshd_start a || exit 99
a=192.0.2.1 b=192.0.2.2
own=$XDG_STATE_HOME/vmtp/known_hosts
mkdir -p "$HOME/.ssh"
TMPDIR=$tmp/t # where control sockets go
export TMPDIR
mkdir "$TMPDIR"

# ssh(1) reads the files of the home directory in passwd(5): that of the test, in a namespace of its own.
sed "s#^root:.*#root:x:0:0:root:$HOME:/bin/sh#" /etc/passwd >"$tmp/operator-passwd"
in_home() { # in_home COMMAND...
    on_operator unshare -m sh -c 'mount --make-rprivate / && mount --bind "$0" /etc/passwd && exec "$@"' \
        "$tmp/operator-passwd" "$@"
}
probe() { # probe ARG...: ssh-probe; sets $status, $out, $err and $elapsed
    probe_begin=$(date +%s%N)
    run in_home "$builddir/tests/functional/ssh-probe" "$@"
    elapsed=$((($(date +%s%N) - probe_begin) / 1000000))
}
nothing_left() { # nothing_left NAME: no process and no file of the transport
    is "$1" "$(ls -A "$TMPDIR"; pgrep -f "$TMPDIR/" | wc -l)" 0
}
libssh2_is_old=true
pkg-config --atleast-version=1.11 libssh2 2>/dev/null && libssh2_is_old=false

# ---- commands ----

probe -T openssh -k "$keys/ed25519" "root@$a" exec echo hello
is "a command" "$out" 'hello
exit 0 6 0'
is "the host key is remembered in VMTP's own file" "$(cut -d ' ' -f 1 "$own")" "$a"
nothing_left "afterwards nothing is left"
probe -T openssh -k "$keys/ed25519" "root@$a" connect
is "the address of the host" "$out" "connected $a"
probe -T openssh -k "$keys/ed25519" 'root@[2001:db8::1]:22' connect
is "IPv6, and a port" "$out" "connected 2001:db8::1"
probe -T openssh -k "$keys/ed25519" "root@$a" exec sh -c 'echo out; echo err >&2; exit 7'
is "streams and exit status" "$out" 'out
err: err
exit 7 4 4'
probe -T openssh -k "$keys/ed25519" "root@$a" exec echo 'a b' "it's" '$HOME' '*' ''
like "arguments stay as they are" "$out" "^a b it's \\\$HOME \\* \$"
probe -T openssh -k "$keys/ed25519" "root@$a" exec no-such-program
like "a program that is not there" "$out" 'exit 127'
probe -T openssh -k "$keys/ed25519" "root@$a" exec sh -c 'head -c 3000000 /dev/zero; echo done >&2'
like "much output" "$out" 'exit 0 1048576 5'
probe -T openssh -k "$keys/ed25519" "root@$a" flood sh -c 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done'
like "a command that nobody reads does not hold the others" "$out" 'others fine'
probe -T openssh -k "$keys/ed25519" "root@$a" latency 20 true
note_latency=$(printf '%s\n' "$out" | sed -n 's/^latency //p')
ok "a command takes less than 0.1 s ($note_latency)" perl -e "exit !($note_latency < 0.1)"
head -c 5000000 /dev/urandom >"$tmp/file"
probe -T openssh -k "$keys/ed25519" "root@$a" upload "$tmp/file" "$tmp/there"
is "a file" "$out" uploaded
ok "arrives whole" cmp "$tmp/file" "$tmp/there"
is "with its mode" "$(stat -c %a "$tmp/there")" 750
probe -T openssh -k "$keys/ed25519" "root@$a" upload "$tmp/file" /no/such/place
like "a place that is not there" "$out" '^error remote: .*/no/such/place: .*(nonexistent|No such file)'

serve() { # serve SIGNAL: starts a server by ssh-probe and ends the probe
    mkfifo "$tmp/serve"
    in_home "$builddir/tests/functional/ssh-probe" -T openssh -k "$keys/ed25519" "root@$a" serve 0 sleep 987 \
        <"$tmp/serve" >"$tmp/serve-out" 2>&1 &
    serving=$!
    exec 9>"$tmp/serve"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        grep -q '^pid' "$tmp/serve-out" && break
        sleep 0.1
    done
    [ "$1" = none ] || kill "-$1" "$serving"
    exec 9>&-
    wait "$serving" 2>/dev/null
    rm "$tmp/serve"
    served=$(sed -n 's/^pid //p' "$tmp/serve-out")
}
gone() { # gone PID: within 5 s
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.5
    done
    return 1
}
serve none
like "a server is stopped" "$(cat "$tmp/serve-out")" '^stopped'
ok "and gone" gone "$served"
serve KILL
ok "when we are killed, what ran on the host ends" gone "$served"
for _ in 1 2 3 4 5 6 7 8 9 10; do # the guard gives ssh a second
    [ -z "$(ls -A "$TMPDIR")" ] || sleep 0.3
done
nothing_left "and so do ssh and its files"

# ---- logins ----

probe -T openssh -p "$password" "tester@$a" exec id -un
like "a password" "$out" '^tester$'
before=$(sshd_log a 'Failed password')
probe -T openssh -p 'not it' "tester@$a" connect
like "a wrong password" "$out" \
    '^error failed: tester@192\.0\.2\.1 does not let us in; refused: password\. The server takes'
unlike "is not in the error" "$out$err" 'not it'
within "it fails at once, but for the delay of PAM" 8000
is "after one try" "$(($(sshd_log a 'Failed password') - before))" 1
VMTP_KEY_PASSPHRASE=$passphrase
export VMTP_KEY_PASSPHRASE
probe -T openssh -k "$keys/locked" "root@$a" exec echo hello
like "an encrypted key" "$out" '^hello$'
VMTP_KEY_PASSPHRASE=wrong
probe -T openssh -k "$keys/locked" "root@$a" connect
like "a wrong passphrase" "$out" 'does not let us in; refused: .*/locked \(or its passphrase is wrong\)\.'
unset VMTP_KEY_PASSPHRASE
probe -T openssh -k "$keys/locked" "root@$a" connect </dev/null
like "no passphrase" "$out" 'refused: .*/locked \(it is encrypted, and there is no passphrase: VMTP_KEY_PASSPHRASE'
echo none >"$tmp/no-key"
chmod 600 "$tmp/no-key"
probe -T openssh -k "$tmp/no-key" "root@$a" connect
like "a file that is no key" "$out" 'refused: .*/no-key \(Load key .*/no-key'
probe -T openssh -k /nonexistent/key "root@$a" connect
like "a file that is not there" "$out" 'refused: /nonexistent/key \(.*not accessible: No such file'
probe -T openssh -k "$keys/stranger" "root@$a" connect
like "a key that the server does not know" "$out" \
    'does not let us in; refused: .*/stranger\. The server takes publickey'
eval "$(ssh-agent -s)" >/dev/null
at_exit "kill $SSH_AGENT_PID"
for n in 1 2 3 4 5 6 7 8; do
    ssh-keygen -q -t ed25519 -N '' -C "extra$n" -f "$keys/extra$n"
    ssh-add -q "$keys/extra$n" 2>"$tmp/ssh-add"
done
probe -T openssh -k "$keys/ed25519" "root@$a" exec echo hello
like "a key of the host, beside an agent with more keys than a server takes" "$out" '^hello$'
probe -T openssh -K "$keys/ed25519" "root@$a" exec echo hello
like "the configured key, beside that agent" "$out" '^hello$'
probe -T openssh "root@$a" connect
like "too many keys are told" "$out" '^error failed: .*Too many authentication failures'
unset SSH_AUTH_SOCK
probe -T openssh -k "$keys/ed25519" root@no-such-host.invalid connect
like "an unknown host name" "$out" '^error failed: .*Could not resolve hostname'
probe -T openssh -k "$keys/ed25519" -t 1 "root@$b" connect
like "a host that refuses is tried again" "$out" '^error unreachable: tried for [0-9] s: .*Connection refused'
nothing_left "after failures nothing is left"

sshd_start b 'PasswordAuthentication no' 'KbdInteractiveAuthentication yes' || exit 99
probe -T openssh -p "$password" "tester@$b" exec id -un
like "a password by keyboard-interactive" "$out" '^tester$'
printf 'BatchMode yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n' >"$HOME/.ssh/config"
probe -T openssh -p "$password" "tester@$b" exec id -un
like "whatever ssh_config says of passwords" "$out" '^tester$'
probe -T openssh -p "$password" "tester@$a" exec id -un
like "... by the method password as well" "$out" '^tester$'
VMTP_KEY_PASSPHRASE=$passphrase
export VMTP_KEY_PASSPHRASE
probe -T openssh -k "$keys/locked" "root@$a" exec echo hello
like "... and of questions" "$out" '^hello$'
unset VMTP_KEY_PASSPHRASE
rm "$HOME/.ssh/config"
sshd_stop b

# ---- host keys ----

rm "$own"
probe -T openssh -k "$keys/ed25519" -s strict "root@$a" connect
like "strict refuses a new host" "$out" 'the host key is not accepted: No ED25519 host key is known for 192\.0\.2\.1'
probe -T openssh -k "$keys/ed25519" -s off "root@$a" connect
is "off does not look" "$out" "connected $a"
ssh-keygen -q -t ed25519 -N '' -f "$tmp/another"
printf '%s %s\n' "$a" "$(cut -d ' ' -f 1,2 "$tmp/another.pub")" >"$HOME/.ssh/known_hosts"
probe -T openssh -p "$password" "tester@$a" connect
like "a changed key is refused" "$out" \
    'the host key has changed: the server shows SHA256:.* .*/known_hosts:1 holds SHA256:'
printf '@revoked * %s\n' "$(cut -d ' ' -f 1,2 "$tmp/host-a/host_key.pub")" >"$HOME/.ssh/known_hosts"
probe -T openssh -k "$keys/ed25519" "root@$a" connect
like "a revoked key is refused" "$out" '^error failed: .*the host key is revoked'
mv "$HOME/.ssh/known_hosts" "$HOME/.ssh/known_hosts2"
probe -T openssh -k "$keys/ed25519" "root@$a" connect
like "and so is one that known_hosts2 revokes" "$out" '^error failed: .*the host key is revoked'
printf '%s %s\n' "$a" "$(cut -d ' ' -f 1,2 "$tmp/another.pub")" >"$HOME/.ssh/known_hosts2"
probe -T openssh -k "$keys/ed25519" "root@$a" connect
like "or knows another of" "$out" 'the host key has changed: .*/known_hosts2:1 holds SHA256:'
rm "$HOME/.ssh/known_hosts2"
sshd_stop a
mkdir "$tmp/kept"
mv "$tmp/host-a/host_key" "$tmp/host-a/host_key.pub" "$tmp/kept"
ssh-keygen -q -t ecdsa -N '' -f "$tmp/host-a/host_key"
ssh-keygen -q -t rsa -b 2048 -N '' -f "$tmp/host-a/rsa"
sshd_start a "HostKey $tmp/host-a/rsa" || exit 99
held() { ssh-keygen -lf "$1" | cut -d ' ' -f 2 | sed 's/[+.]/\\&/g'; }
printf '%s %s\n' "$a" "$(cut -d ' ' -f 1,2 "$tmp/another.pub")" >"$HOME/.ssh/known_hosts"
probe -T openssh -k "$keys/ed25519" "root@$a" connect
like "a changed key of another type is refused" "$out" \
    "key has changed, to one of another type: .* offer: .*/known_hosts:1 holds ssh-ed25519 $(held "$tmp/another.pub")"
like "with the remedy" "$out" "ssh-keygen -R '192\\.0\\.2\\.1' -f '$HOME/.ssh/known_hosts'"
probe -T auto -k "$keys/ed25519" "root@$a" connect
like "also by auto" "$out" "the host key has changed: the server shows ecdsa-sha2-nistp256 SHA256:.* holds ssh-ed25519"
printf '%s %s\n' "$a" "$(cut -d ' ' -f 1,2 "$tmp/host-a/rsa.pub")" >"$HOME/.ssh/known_hosts"
probe -T auto -k "$keys/ed25519" "root@$a" connect
is "an RSA key that is known is no changed one" "$out" "connected $a"
sshd_stop a
sshd_start a 'HostKeyAlgorithms ssh-rsa' "HostKey $tmp/host-a/rsa" || exit 99
probe -T openssh -k "$keys/ed25519" "root@$a" connect
like "nor is one that signs with SHA-1" "$out" 'ssh: Unable to negotiate .* Their offer: ssh-rsa$'
sshd_stop a
mv "$tmp/kept"/* "$tmp/host-a"
sshd_start a || exit 99
rm "$HOME/.ssh/known_hosts"
ssh-keygen -q -t ed25519 -N '' -f "$tmp/authority"
cp "$tmp/host-a/host_key.pub" "$tmp/host-a/signed.pub"
ssh-keygen -q -s "$tmp/authority" -h -I host-a -n "$a" "$tmp/host-a/signed.pub"
sshd_stop a
sshd_start a "HostCertificate $tmp/host-a/signed-cert.pub" || exit 99
printf '@cert-authority * %s\n' "$(cut -d ' ' -f 1,2 "$tmp/authority.pub")" >"$HOME/.ssh/known_hosts"
probe -T auto -k "$keys/ed25519" -s strict "root@$a" connect
is "a key that an authority has signed" "$out" "connected $a"
rm -f "$HOME/.ssh/known_hosts" "$own"

# ---- auto ----

probe -T auto -k "$keys/ed25519" "root@$a" exec sh -c 'echo hello'
unlike "auto takes libssh2 where it can" "$err" 'the program ssh is used'
probe -T auto -k "$keys/rsa" "root@$a,root@$a" connect
is "an RSA key on a default server" "$out" "connected $a
connected $a"
told=$(printf '%s\n' "$err" | grep -c 'cannot do RSA keys .* the program ssh is used')
! $libssh2_is_old || is "which is told once" "$told" 1
probe -T auto -k "$keys/rsa" -p 'not it' "tester@$a" exec id -un
like "a refused password is not tried again with the key" "$out" '^tester$'
ssh-keygen -q -t rsa -b 2048 -N '' -f "$tmp/host-b-rsa"
for only in "HostKey $tmp/host-b-rsa" 'MACs hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com' \
    'Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com' 'Ciphers chacha20-poly1305@openssh.com'; do
    mkdir -p "$tmp/host-b"
    rm -f "$own"
    [ "${only#HostKey}" = "$only" ] || cp "$tmp/host-b-rsa" "$tmp/host-b/host_key"
    [ "${only#HostKey}" != "$only" ] || rm -f "$tmp/host-b/host_key"
    sshd_start b "$only" || exit 99
    probe -T auto -k "$keys/ed25519" "root@$b" exec echo hello
    like "a server with only: ${only%% /*}" "$out" '^hello$'
    sshd_stop b
done
nothing_left "and nothing is left"

# ---- a jump host ----

rm -f "$tmp/host-b/host_key" "$own"
sshd_start b || exit 99
cat >"$HOME/.ssh/config" <<END
Host far
    HostName 198.51.100.2
    ProxyJump root@$a
    IdentityFile $keys/ed25519
Host *
    IdentityFile $keys/ed25519
    LocalForward 9999 127.0.0.1:9
    RemoteCommand false
    ControlMaster auto
    ControlPath $tmp/users-own
END
probe -T openssh root@far exec sh -c 'hostname; echo hello'
like "a jump host of the user's ssh_config" "$out" '^hello$'
probe -T openssh root@far connect
is "and the far host's own address" "$out" "connected 198.51.100.2"
probe -T openssh -p "$password" tester@far exec id -un
like "a password is for the far host" "$out" '^tester$'
ok "the user's own control path is left alone" [ ! -e "$tmp/users-own" ]
nothing_left "nothing is left"

# ---- auto, and what ssh_config says ----

probe -T auto root@far exec echo hello
like "auto: a jump host of ssh_config" "$out" '^hello$'
like "is told, with the program ssh" "$err" 'cannot do the jump host or proxy that ssh_config gives it: the program'
probe -T auto -k "$keys/ed25519" "root@$a" exec echo hello
is "auto: a host that it says nothing of" "$out" 'hello
exit 0 6 0'
unlike "is libssh2's" "$err" 'the program ssh is used'
printf 'host near\n  hostname = %s\nHost %s\n  ProxyCommand none\n' "$a" "$b" >"$HOME/.ssh/config"
probe -T auto -k "$keys/ed25519" root@near connect
is "auto: a host that has another name there" "$out" "connected $a"
like "is told as well" "$err" 'cannot do the other name that ssh_config gives it'
probe -T auto -k "$keys/ed25519" "root@$b" connect
unlike "auto: no proxy is none" "$err" 'the program ssh is used'
probe -T libssh2 -k "$keys/ed25519" -t 1 root@near connect
like "libssh2 reads no ssh_config" "$out" '^error .*near'
printf 'Host *\n  IdentityFile %s\n' "$keys/ed25519" >"$HOME/.ssh/config"
probe -T auto "root@$a" connect
is "auto: a key of ssh_config, when no other is given" "$out" "connected $a"
probe -T auto -k "$keys/ecdsa" "root@$a" connect
unlike "and libssh2 when one is" "$err" 'the program ssh is used'
printf 'Nonsense yes\nHostName x\n' >"$HOME/.ssh/config"
probe -T auto -k "$keys/ed25519" "root@$a" connect
is "auto: one that ssh cannot read does not hold libssh2" "$out" "connected $a"
rm "$HOME/.ssh/config"

# ---- certificates ----

sshd_stop b
sshd_start b "TrustedUserCAKeys $tmp/authority.pub" || exit 99
cp "$keys/stranger" "$tmp/signed"
cp "$keys/stranger.pub" "$tmp/signed.pub"
probe -T auto -k "$tmp/signed" "root@$b" connect
like "a key without its certificate" "$out" 'does not let us in'
ssh-keygen -q -s "$tmp/authority" -I tester -n root "$tmp/signed.pub"
probe -T auto -k "$tmp/signed" "root@$b" connect
is "auto: a certificate beside the key" "$out" "connected $b"
like "is told" "$err" 'cannot do certificates: the program ssh is used'
probe -T libssh2 -k "$tmp/signed" "root@$b" connect
like "libssh2 says what it lacks" "$out" 'not usable: certificate .*/signed-cert\.pub.* ssh can do certificates'
cp "$tmp/signed-cert.pub" "$keys/ed25519-cert.pub"
probe -T auto -k "$keys/ed25519" "root@$b" connect
unlike "auto: a key that is good without it" "$out$err" 'the program ssh is used|error'
rm "$keys/ed25519-cert.pub"

# ---- a measurement ----

rm -f "$own"
printf 'tcp_tp_loop_count: 1\nprivate_key_file: %s\n' "$keys/rsa" >"$tmp/quick.yaml"
measure() { # measure OPTION...
    run in_home "$VMTP" -c "$tmp/quick.yaml" --protocols TI -t 1 --inter-node-only --json "$tmp/out.json" \
        --host "root@$a" --host "root@$b" "$@"
}
if command -v nuttcp >/dev/null; then
    measure
    is "a run with an RSA key" "$status" 0 || diag "$err"
    is "has its numbers" "$(json_query "$tmp/out.json" 'all(i.get("throughput_kbps", 1001) > 1000
        for f in d["flows"] for i in f["results"])')" True
    measure --ssh-transport openssh
    is "by ssh from the beginning" "$status" 0 || diag "$err"
    measure --ssh-transport libssh2
    ! $libssh2_is_old || is "libssh2 alone cannot" "$status" 1
    ! $libssh2_is_old || like "and says what can" "$err$out" 'ssh can do RSA keys'
    ok "nothing of ours runs there any more" [ "$(ip netns pids "$net-a" | xargs ps -o comm= -p | sort -u)" = sshd ]
    nothing_left "nothing is left here"
else
    skip "a run with an RSA key" "nuttcp is not installed"
fi

# ---- a host that vanishes ----

# In a run whose measurements may keep the path busy for a minute, nothing is measured at the moment.
lost() { # lost NAME: the error, within 10 s since $begin
    seconds=$(($(date +%s) - begin))
    like "$1" "$(cat "$tmp/lost")" "^error unreachable: .*connection to root@$a is lost"
    ok "... within 10 s" [ "$seconds" -le 11 ] || diag "$seconds s"
    ip -n "$net-a" link set eth0 up
}
for transport in libssh2 openssh; do
    mkfifo "$tmp/late"
    in_home "$builddir/tests/functional/ssh-probe" -b 60 -T $transport -k "$keys/ed25519" "root@$a" late echo hello \
        <"$tmp/late" >"$tmp/lost" 2>&1 &
    late=$!
    exec 9>"$tmp/late"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        ! grep -q ready "$tmp/lost" || break
        sleep 0.1
    done
    ip -n "$net-a" link set eth0 down
    begin=$(date +%s)
    exec 9>&-
    wait $late
    rm "$tmp/late"
    lost "a host vanishes before a command, $transport"

    in_home "$builddir/tests/functional/ssh-probe" -b 60 -T $transport -k "$keys/ed25519" "root@$a" \
        exec sh -c 'sleep 6; echo still there >&2; sleep 100' >"$tmp/lost" 2>&1 &
    late=$!
    sleep 7
    ip -n "$net-a" link set eth0 down
    begin=$(date +%s)
    wait $late
    grep -v '^err:' "$tmp/lost" >"$tmp/lost.error"
    mv "$tmp/lost.error" "$tmp/lost"
    lost "a host vanishes while a command is silent, $transport"
done

done_testing
