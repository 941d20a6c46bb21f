#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the program ssh asks, and who gets which answer: a server, and a jump host, ask whatever they like.
# shellcheck disable=SC2016,SC2034,SC2154 # for another shell; what others read and set
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
requires ssh "${CC:-cc}"

hosts_make
mkdir -p "$HOME/.ssh" "$tmp/t" "$tmp/bin"
TMPDIR=$tmp/t
PATH=$tmp/bin:$PATH
VMTP_KEY_PASSPHRASE='canary of the key'
export TMPDIR PATH VMTP_KEY_PASSPHRASE

sed "s#^root:.*#root:x:0:0:root:$HOME:/bin/sh#" /etc/passwd >"$tmp/operator-passwd"
probe() { # probe ARG...: ssh-probe, for which ssh(1) has the home of the test
    run on_operator unshare -m sh -c 'mount --make-rprivate / && mount --bind "$0" /etc/passwd && exec "$@"' \
        "$tmp/operator-passwd" "$builddir/tests/functional/ssh-probe" "$@" </dev/null
}

# ---- a real server that asks for a passphrase, as the target and as the jump host ----

${CC:-cc} -fPIC -shared -o "$tmp/pam-asks.so" "$srcdir/tests/functional/pam-asks.c" || exit 99
mkdir -p "$tmp/host-a"
echo "auth required $tmp/pam-asks.so $tmp/question $tmp/answers" >"$tmp/host-a/pam"
printf "Enter passphrase for key '%s': " "$HOME/.ssh/id_rsa" >"$tmp/question"
sshd_start a 'PasswordAuthentication no' 'KbdInteractiveAuthentication yes' 'PubkeyAuthentication no' || exit 99
sshd_start b || exit 99

: >"$tmp/answers"
probe -T openssh -p "$password" tester@192.0.2.1 connect
like "a server that asks only" "$out" '^error failed: tester@192\.0\.2\.1 does not let us in'
like "has asked, and gets the password" "$(cat "$tmp/answers")" '^answer: pass:w'
unlike "but not the passphrase of the key that it asks for" "$(cat "$tmp/answers")" canary

: >"$tmp/answers"
printf 'Host far\n HostName 198.51.100.2\n ProxyJump tester@192.0.2.1\n' >"$HOME/.ssh/config"
probe -T openssh -p "$password" -k "$keys/locked" root@far connect
like "a jump host that asks only" "$out" '^error failed: .*jump host.*tester@192\.0\.2\.1: Permission denied'
unlike "gets neither passphrase nor password" "$(cat "$tmp/answers")" 'canary|pass:w'
printf '%s %s\n' 192.0.2.1 "$(cut -d ' ' -f 1,2 "$keys/stranger.pub")" >"$HOME/.ssh/known_hosts"
probe -T openssh -k "$keys/ed25519" root@far connect
like "the changed key of a jump host" "$out" \
    '^error failed: root@far: the host key of its jump host has changed.*/known_hosts:1\.'
rm "$HOME/.ssh/known_hosts"
probe -T openssh -k "$keys/ed25519" -s strict root@far connect
like "its unknown key, strictly" "$out" '^error failed: root@far: the host key of its jump host is not known'
ip -n "$net-a" link set eth0 down
probe -T openssh -k "$keys/ed25519" -t 2 root@far connect
like "one that does not answer" "$out" \
    '^error unreachable: .*root@far: (its jump host or proxy does not answer|.*No route)'
ip -n "$net-a" link set eth0 up

rm "$HOME/.ssh/config"

# ---- questions one by one, from an ssh of the test's own ----

# asks.sh has the questions: ours QUESTION is asked by ssh itself, other QUESTION by another one, a jump host's.
cat >"$tmp/bin/ssh" <<'END'
#!/bin/sh
[ "$1" != -V ] || { echo "OpenSSH_$(cat "$FAKE/version"), OpenSSL 3" >&2; exit; }
[ "$1" != -G ] || exit 1
answered() { echo "$?:$a" >>"$FAKE/answers"; }
ours() { a=$("$SSH_ASKPASS" "$1"); answered; }
other() { a=$(sh -c '"$SSH_ASKPASS" "$1"; exit "$?"' sh "$1"); answered; }
. "$FAKE/asks.sh"
echo "Permission denied (publickey)." >&2
exit 255
END
sed -i "s#\$FAKE#$tmp#g" "$tmp/bin/ssh" # the environment of ssh is made anew
chmod 755 "$tmp/bin/ssh"
echo 9.2p1 >"$tmp/version"
asked() { # asked NAME EXPECTED-ANSWERS: the answers to what asks.sh asks, "STATUS:ANSWER" each
    : >"$tmp/answers"
    probe -T openssh -p secret root@192.0.2.2 connect
    is "$1" "$(cat "$tmp/answers")" "$2"
}

echo 'ours "root@192.0.2.2'\''s password: "' >"$tmp/asks.sh"
asked "the password is for ssh's own host" '0:secret'
echo 'other "root@192.0.2.2'\''s password: "' >"$tmp/asks.sh"
asked "and not for another ssh" '1:'
echo 'other "$(printf %1990d 7; printf %60s; echo "$$ root@192.0.2.2: password: ")"
other "password: "' >"$tmp/asks.sh"
asked "a long question with another one in it is one question" '1:
1:'
echo 'other "first
$$ password: "
other "password: "' >"$tmp/asks.sh"
asked "and so is one of two lines" '1:
1:'
cat >"$tmp/asks.sh" <<'END'
other "$(printf %100000d 7)
$$ password: "
other "password: "
END
asked "and one that is longer than a pipe takes at once" '1:
1:'
passphrase_asks="other \"Enter passphrase for key '/k': \"
ours \"Enter passphrase for key '/k': \"
other \"(tester@jump) Enter passphrase for key '/k': \""
echo "$passphrase_asks" >"$tmp/asks.sh"
asked "a passphrase is for ssh, and the jump host's ssh, not for who is behind it" "0:$VMTP_KEY_PASSPHRASE
0:$VMTP_KEY_PASSPHRASE
1:"
echo 8.4p1 >"$tmp/version"
asked "an ssh that does not say who asks: only from our own" "1:
0:$VMTP_KEY_PASSPHRASE
1:"
echo 'ours "Enter PIN for ED25519-SK key /k: "' >"$tmp/asks.sh"
asked "the password is no PIN of a hardware key" '1:'
echo 'ours "Confirm user presence for key ED25519-SK SHA256:x"
ours "root@192.0.2.2'\''s password: "' >"$tmp/asks.sh"
asked "a key to be touched is no question" '1:
0:secret'
like "it is told" "$err" 'Confirm user presence for key ED25519-SK'

done_testing
