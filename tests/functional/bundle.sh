#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Targets that lack the tool: VMTP brings its own along, runs it there and takes it away again.
# shellcheck disable=SC2016,SC2034,SC2154 # for other shells; what sshd.sh reads and sets
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/sshd.sh"
requires nuttcp python3
busybox=$(command -v busybox) || skip_all "busybox is not installed"
requires dash nsenter cksum
if ldd "$busybox" >/dev/null 2>&1; then
    skip_all "busybox is not a static program (busybox-static)"
fi
sshd_lacks=nuttcp
no_sftp='Subsystem other /bin/false'

hosts_make
mkdir -p "$HOME/.ssh"
a=root@192.0.2.1
b=root@192.0.2.2
printf 'tcp_tp_loop_count: 1\nssh_timeout: 5\nprivate_key_file: %s\n' "$tmp/keys/ed25519" >"$tmp/quick.yaml"
vmtp() { # vmtp OPTION...: sets $status, $out, $err
    rm -f "$tmp/out.json"
    run on_operator "$VMTP" -c "$tmp/quick.yaml" -t 1 --json "$tmp/out.json" "$@"
}
json() { json_query "$tmp/out.json" "$1"; }
inside() { # inside HOST COMMAND...: in the mount namespace of its server
    eval "inside_pid=\$sshd_$1"
    shift
    nsenter -t "$inside_pid" -m "$@"
}
left() { # left HOST: what is still there
    inside "$1" find /mnt/tmp /mnt/var/tmp -name 'vmtp-*' 2>/dev/null | head -n 5
}

make_root() { # make_root DIRECTORY: busybox and nothing else
    mkdir -p "$1/bin" "$1/tmp" "$1/var/tmp" "$1/etc" "$1/proc" "$1/dev" "$1/root"
    chmod 1777 "$1/var/tmp"
    cp "$busybox" "$1/bin/busybox"
    for applet in $("$busybox" --list); do
        [ "$applet" = busybox ] || ln "$1/bin/busybox" "$1/bin/$applet"
    done
    rm -f "$1/bin/scp" "$1/bin/nuttcp"
}
make_root "$tmp/root-a"
make_root "$tmp/root-b"
# busybox's shell asks no files for its applets: on this one they can be replaced. busybox may have no cksum.
for program in dash cksum; do
    program=$(command -v "$program")
    for library in $(ldd "$program" | grep -o '/[^ ]*'); do
        mkdir -p "$tmp/root-a${library%/*}"
        cp "$library" "$tmp/root-a$library"
    done
    rm -f "$tmp/root-a/bin/${program##*/}"
    cp "$program" "$tmp/root-a/bin/"
done
ln -sf dash "$tmp/root-a/bin/sh"

# ---- nothing but busybox there, on one side no SFTP either ----

sshd_root a "$tmp/root-a"
sshd_root b "$tmp/root-b"
sshd_start a && sshd_start b "$no_sftp" || exit 99
vmtp --host "$a" --host "$b" --inter-node-only --protocols T
is "two hosts that have only busybox are measured" "$status" 0 || diag "$err"
is "with numbers" "$(json 'len(items) > 0 and all(i["throughput_kbps"] > 1000 for i in items)')" True
like "what was brought where is told" "$err" \
    "$a has no nuttcp: brought /usr/bin/nuttcp with its .* \\([0-9]+ files, [0-9.]+ MB\\) to /tmp/vmtp-[0-9a-f]{16} in"
is "once per host" "$(printf '%s\n' "$err" | grep -c 'brought /')" 2
is "nothing is left there" "$(left a)$(left b)" ""
is "nothing of ours runs there any more" \
    "$(ip netns pids "$net-a" | xargs ps -o comm= -p | sort -u)" sshd

probe -k "$keys/ed25519" "$a" bring nuttcp -V
like "the program is started by one word" "$out" '^program /tmp/vmtp-[0-9a-f]{16}/nuttcp '
like "and runs" "$out" '^nuttcp-[0-9]'
probe -k "$keys/ed25519" "$b" bring nuttcp -V
like "also where there is neither SFTP nor scp" "$out" '^nuttcp-[0-9]'

# ---- what ping and settings say ----

printf 'bring_tools: false\n' | cat "$tmp/quick.yaml" - >"$tmp/none.yaml"
run on_operator "$VMTP" -c "$tmp/none.yaml" -t 1 --host "$a" --protocols T
is "bring_tools: false" "$status" 1
like "names the remedy" "$err" \
    "$a has no nuttcp: install the package nuttcp on it or name its path with --tp-tool nuttcp:path="
vmtp --host "$a" --protocols T --tp-tool nuttcp:path=/opt/nuttcp
like "a configured path is not replaced" "$err" '/opt/nuttcp is not a program on'
mv "$tmp/root-a/bin/ping" "$tmp/root-a/ping"
vmtp --host "$a" --protocols I
is "ping is never brought" "$status" 1
like "but asked for" "$err" 'has no ping: install the package'
mv "$tmp/root-a/ping" "$tmp/root-a/bin/ping"

# ---- another machine ----

rm "$tmp/root-a/bin/uname"
printf '#!/bin/sh\necho "$(/bin/busybox uname -nr) sparc64"\n' >"$tmp/root-a/bin/uname"
chmod 755 "$tmp/root-a/bin/uname"
vmtp --host "$a" --protocols T
is "a target of another architecture" "$status" 1
like "is told before anything is copied" "$err" \
    "is sparc64 and /usr/bin/nuttcp, which is installed here, is for $(uname -m)"
like "with the option to set" "$err" '--tp-tool nuttcp:path='
rm "$tmp/root-a/bin/uname"
ln "$tmp/root-a/bin/busybox" "$tmp/root-a/bin/uname"

# ---- no sha256sum; interrupted ----

rm "$tmp/root-a/bin/sha256sum"
vmtp --host "$a" --protocols T
is "without sha256sum it is verified by cksum" "$status" 0 || diag "$err"
on_operator "$VMTP" -c "$tmp/quick.yaml" -t 20 --host "$a" --protocols T >"$tmp/run.out" 2>"$tmp/run.err" &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q 'brought /' "$tmp/run.err" && break
    sleep 0.2
done
sleep 0.5
pkill -INT -P "$pid" 2>/dev/null || kill -INT "$pid"
wait "$pid"
is "an interrupted run" "$?" 130
is "takes it away too" "$(left a)" ""
sshd_stop a
sshd_stop b

# ---- /tmp cannot be used ----

sshd_root a "$tmp/root-a" mode=1777,noexec
sshd_start a || exit 99
vmtp --host "$a" --protocols T
is "/tmp that is mounted noexec" "$status" 0 || diag "$err"
like "is passed over" "$err" 'to /var/tmp/vmtp-[0-9a-f]{16} in'
is "nothing is left there either" "$(left a)" ""
sshd_stop a
sshd_root a "$tmp/root-a" ro
sshd_start a || exit 99
vmtp --host "$a" --protocols T
like "so is one that is read-only" "$err" 'to /var/tmp/vmtp-[0-9a-f]{16} in'
sshd_stop a
sshd_root a "$tmp/root-a" mode=777
sshd_start a || exit 99
vmtp --host "$a" --protocols T
like "and one where everybody could put a program in its place" "$err" 'to /var/tmp/vmtp-[0-9a-f]{16} in'
sshd_stop a
for owner in uid=0,gid=100 uid=64711,gid=64711; do
    sshd_root a "$tmp/root-a" "mode=775,$owner"
    sshd_start a || exit 99
    vmtp --host "$a" --protocols T
    like "and one where a group could: $owner" "$err" 'to /var/tmp/vmtp-[0-9a-f]{16} in'
    sshd_stop a
done
sshd_root a "$tmp/root-a" mode=775,uid=0,gid=0
sshd_start a || exit 99
vmtp --host "$a" --protocols T
like "not if the group is the user's own" "$err" 'to /tmp/vmtp-[0-9a-f]{16} in'
sshd_stop a
sshd_root a "$tmp/root-a" mode=1775,gid=100
sshd_start a || exit 99
vmtp --host "$a" --protocols T
like "or the sticky bit keeps others from it" "$err" 'to /tmp/vmtp-[0-9a-f]{16} in'
sshd_stop a
sshd_root a "$tmp/root-a" mode=1777,noexec
chmod 777 "$tmp/root-a/var/tmp"
sshd_home=/root
sshd_start a || exit 99
vmtp --host "$a" --protocols T
like "then the home directory is left" "$err" 'to /root/vmtp-[0-9a-f]{16} in'
is "which is as it was" "$status $(find "$tmp/root-a/root" -mindepth 1)" "0 "
sshd_stop a
sshd_home=/nowhere
sshd_start a || exit 99
vmtp --host "$a" --protocols T
is "no place at all" "$status" 1
like "is told" "$err" 'has no place for files: neither /tmp nor /var/tmp nor the home directory'
chmod 1777 "$tmp/root-a/var/tmp"
sshd_home=
sshd_stop a

# ---- its disk is full: a real one, of 300 kB ----

sshd_root a "$tmp/root-a" size=300k,mode=1777
for transport in libssh2 openssh; do
    sshd_start a || exit 99
    printf 'ssh_transport: %s\n' "$transport" | cat "$tmp/quick.yaml" - >"$tmp/transport.yaml"
    run on_operator timeout 60 "$VMTP" -c "$tmp/transport.yaml" -t 1 --host "$a" --protocols T
    is "a disk that is full, $transport" "$status" 1
    like "... is told as that" "$err" 'has no nuttcp .* and none can be brought there.*([Nn]o space left|disk full)'
    is "... and it is left clean" "$(left a)" ""
    sshd_stop a
done

# ---- it cannot be verified there ----

sshd_root a "$tmp/root-a"
sshd_start a "$no_sftp" || exit 99
mv "$tmp/root-a/bin/cksum" "$tmp/root-a/cksum"
vmtp --host "$a" --protocols T
is "without sha256sum and without cksum" "$status" 1
like "nothing is started, and both are named" "$err" \
    'none can be brought there.*cannot be verified: neither sha256sum nor cksum'
is "nothing stays there" "$(left a)" ""
mv "$tmp/root-a/cksum" "$tmp/root-a/bin/cksum"
printf '#!/bin/sh\n/bin/busybox cat "$@" | /bin/busybox tr x y\n' >"$tmp/cat"
chmod 755 "$tmp/cat"
mv "$tmp/root-a/bin/cat" "$tmp/root-a/other-cat"
cp "$tmp/cat" "$tmp/root-a/bin/cat"
vmtp --host "$a" --protocols T
is "what does not arrive as it was sent" "$status" 1
like "is not started either" "$err" 'none can be brought there.*did not arrive unchanged'
is "and does not stay" "$(left a)" ""

# ---- killed while it copies ----

cat >"$tmp/root-a/bin/cat" <<'END'
#!/bin/sh
[ $# = 0 ] || exec /bin/busybox cat "$@"
/bin/busybox head -c 1000
/bin/busybox sleep 8
exec /bin/busybox cat
END
on_operator "$VMTP" -c "$tmp/quick.yaml" -t 1 --host "$a" --protocols T >"$tmp/run.out" 2>"$tmp/run.err" &
pid=$!
half() { [ -n "$(inside a find /mnt/tmp -path '*nuttcp.d/nuttcp')" ]; }
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    half && break
    sleep 0.2
done
ok "a file is half there" half
# shellcheck disable=SC2046 # there is one, or it is the program itself
kill -KILL $(pgrep -P "$pid") "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
rm "$tmp/root-a/bin/cat"
mv "$tmp/root-a/other-cat" "$tmp/root-a/bin/cat"
like "kill -9 leaves it there" "$(left a)" '^/mnt/tmp/vmtp-'
run on_operator "$VMTP" -c "$tmp/quick.yaml" cleanup last --dry-run
like "cleanup --dry-run says it" "$out$err" '/tmp/vmtp-[0-9a-f]{16}'
like "and touches nothing" "$(left a)" '^/mnt/tmp/vmtp-'
run on_operator "$VMTP" -c "$tmp/quick.yaml" cleanup last
is "cleanup takes it away" "$status $(left a)" "0 " || diag "$err"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    ip netns pids "$net-a" | xargs ps -o comm= -p | grep -qv sshd || break
    sleep 0.5
done
is "and nothing runs on there" "$(ip netns pids "$net-a" | xargs ps -o comm= -p | sort -u)" sshd
sshd_stop a

# ---- hosts that are this machine ----

vmtp --topology namespace --protocols T
is "namespaces need nothing brought" "$status $(printf '%s\n' "$err" | grep -c 'brought /')" "0 0" || diag "$err"

done_testing
