#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Host keys of real SSH servers: known, new, changed, revoked.
# shellcheck disable=SC2016,SC2034,SC2154 # for other shells; what others read and set
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
requires ssh-keyscan

hosts_make
sshd_start a 'Port 22' 'Port 2022' || exit 99
a=192.0.2.1
dir=$tmp/host-a
own=$XDG_STATE_HOME/vmtp/known_hosts
mkdir -p "$HOME/.ssh"
user=$HOME/.ssh/known_hosts
fingerprint() { ssh-keygen -lf "$1" | cut -d ' ' -f 2; }
keep=$(cut -d ' ' -f 1,2 "$dir/host_key.pub")

# ---- a new host ----

probe -k "$keys/ed25519" -s strict "root@$a" connect
like "strict refuses a host that is not known" "$out" \
    "^error failed: root@192\\.0\\.2\\.1: the host key, ssh-ed25519 SHA256:.* is not known, and ssh_host_key is strict"
like "with the fingerprint" "$out" "$(fingerprint "$dir/host_key.pub" | sed 's/[+.]/\\&/g')"
like "and the remedy" "$out" 'ssh-keyscan 192\.0\.2\.1 >>~/\.ssh/known_hosts'
is "before anybody logs in" "$(sshd_log a 'Accepted|Failed|userauth')" 0
probe -k "$keys/ed25519" -s off "root@$a" connect
is "off does not look" "$out" "connected $a"
ok "and remembers nothing" [ ! -e "$own" ]
probe -k "$keys/ed25519" "root@$a" connect
is "accept-new takes it" "$out" "connected $a"
is "and remembers it in VMTP's own file" "$(cat "$own")" "$a $keep"
is "which only its owner reads" "$(stat -c %a "$own")" 600
like "and says so" "$err" "new host key SHA256:.*, remembered in $own"
probe -k "$keys/ed25519" -s strict "root@$a" connect
is "from then on strict knows it" "$out" "connected $a"
rm "$own"
probe -k "$keys/ed25519" "root@$a:2022" connect
is "another port is another host" "$(cat "$own")" "[$a]:2022 $keep"
rm "$own"
probe -k "$keys/ed25519" "root@$a,root@$a,root@$a,root@$a" connect
is "four connections at once remember one line" "$(wc -l <"$own")" 1

# ---- files of the user ----

rm "$own"
on_operator ssh-keyscan -t ed25519 "$a" >"$user" 2>"$tmp/keyscan"
ssh-keygen -q -H -f "$user" >"$tmp/keygen" 2>&1
unlike "the name is hashed" "$(cat "$user")" "$a"
probe -k "$keys/ed25519" -s strict "root@$a" connect
is "a hashed entry" "$out" "connected $a"
ok "what is known is not remembered again" [ ! -e "$own" ]
on_operator ssh-keyscan -t ed25519 -p 2022 "$a" >"$user" 2>"$tmp/keyscan"
probe -k "$keys/ed25519" -s strict "root@$a:2022" connect
is "an entry with a port" "$out" "connected $a"
probe -k "$keys/ed25519" -s strict "root@$a" connect
like "is for that port only" "$out" 'is not known'
printf '# comment\n\n192.0.2.*,!192.0.2.2 %s\n' "$keep" >"$user"
probe -k "$keys/ed25519" -s strict "root@$a" connect
is "a pattern" "$out" "connected $a"

ssh-keygen -q -t ed25519 -N '' -f "$tmp/another"
ssh-keygen -q -t ecdsa -N '' -f "$tmp/another-ecdsa"
another=$(cut -d ' ' -f 1,2 "$tmp/another.pub")
printf '%s %s\n' "$a" "$another" >"$user"
before=$(sshd_log a 'Accepted|Failed|userauth')
for rule in accept-new strict; do
    probe -p "$password" -s "$rule" "tester@$a" connect
    like "a changed key is refused: $rule" "$out" '^error failed: .*the host key has changed'
done
like "with the fingerprint that the server shows" "$out" \
    "shows ssh-ed25519 $(fingerprint "$dir/host_key.pub" | sed 's/[+.]/\\&/g'), "
like "the place and the fingerprint that is known" "$out" \
    "$user:1 holds ssh-ed25519 $(fingerprint "$tmp/another.pub" | sed 's/[+.]/\\&/g')\\."
like "and the remedy" "$out" "ssh-keygen -R '192\\.0\\.2\\.1' -f '$user'"
is "no password has been sent" "$(sshd_log a 'Accepted|Failed|userauth')" "$before"
ssh-keygen -q -R "$a" -f "$user" >"$tmp/keygen" 2>&1
probe -p "$password" "tester@$a" connect
is "after the remedy it is a new host" "$out" "connected $a"
rm "$own"

printf '@revoked * %s\n%s %s\n' "$keep" "$a" "$keep" >"$user"
probe -k "$keys/ed25519" "root@$a" connect
like "a revoked key is refused" "$out" "the host key, SHA256:.*, is revoked by $user:1"
printf '@cert-authority * %s\n' "$another" >"$user"
probe -k "$keys/ed25519" "root@$a" connect
like "an authority is not taken for the name of a host" "$out" '@cert-authority\), which libssh2 cannot check'
printf '%s %s\n' "$a" "$another" >"$user"
probe -k "$keys/ed25519" -s off "root@$a" connect
is "off takes any key" "$out" "connected $a"

# ---- two types of keys ----

sshd_stop a
ssh-keygen -q -t ecdsa -N '' -f "$dir/host_ecdsa"
sshd_start a "HostKey $dir/host_ecdsa" || exit 99
for key in host_key host_ecdsa; do
    printf '%s %s\n' "$a" "$(cut -d ' ' -f 1,2 "$dir/$key.pub")" >"$user"
    probe -k "$keys/ed25519" -s strict "root@$a" connect
    is "of two keys that one is asked for which is known: $key" "$out" "connected $a"
done
printf '%s %s\n' "$a" "$(cut -d ' ' -f 1,2 "$tmp/another-ecdsa.pub")" >"$user"
probe -k "$keys/ed25519" "root@$a" connect
like "another type does not get around a changed key" "$out" 'the host key has changed: the server shows ecdsa-'
sshd_stop a
sshd_start a || exit 99
probe -k "$keys/ed25519" "root@$a" connect
held="$user:1 holds ecdsa-sha2-nistp256 $(fingerprint "$tmp/another-ecdsa.pub" | sed 's/[+.]/\\&/g')\\. "
like "also when the server has lost the known type" "$out" \
    "has changed: the server shows ssh-ed25519 $(fingerprint "$dir/host_key.pub" | sed 's/[+.]/\\&/g'), $held"
sshd_stop a
sshd_start a 'Ciphers aes128-ctr' 'MACs umac-128-etm@openssh.com' || exit 99
probe -k "$keys/ed25519" "root@$a" connect
like "where the server's key cannot be seen either, the known one is told" "$out" \
    "no algorithms in common: .* Its host key may have changed, too: $held"
like "with the remedy" "$out" "ssh-keygen -R '192\\.0\\.2\\.1' -f '$user'; the program ssh can do the algorithms"
sshd_stop a
sshd_start a || exit 99
rm "$user"
mkdir "$user"
probe -k "$keys/ed25519" "root@$a" connect
like "a file that cannot be read is an error" "$out" 'reading the known hosts: .*/known_hosts: Is a directory'
rmdir "$user"
rm -rf "$XDG_STATE_HOME/vmtp"
: >"$XDG_STATE_HOME/vmtp"
probe -k "$keys/ed25519" "root@$a" connect
is "a host is measured though its key cannot be remembered" "$out" "connected $a"
like "with a warning" "$err" 'the host key is new and cannot be remembered: '

done_testing
