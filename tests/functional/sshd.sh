# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2015,SC2016,SC2034,SC2154 # functions.sh is sourced before; tests use what is set here
# Real OpenSSH servers in network namespaces that the test makes, for functional tests. Source it behind functions.sh.
#
#   hosts_make                 three namespaces: the operator's, with a bridge, and the hosts a and b on it
#   sshd_start HOST [OPTION..] starts sshd on host a or b (each OPTION a line of sshd_config); sets sshd_HOST to its pid
#   sshd_root HOST ROOT [TMP]  before sshd_start: its sessions see ROOT as /, with /proc, /dev and a /tmp of its own,
#                              mounted with the options TMP; programs of $sshd_lacks are hidden there
#                              $sshd_home is the home of root there
#   sshd_stop HOST             ends the server, not its sessions
#   on_operator COMMAND...     runs a command in the operator's namespace
#   on_host HOST COMMAND...    runs a command in a host's namespace, not by SSH
#
# Addresses, the same in every run, as nothing outside the namespaces sees them:
#   operator 192.0.2.254 2001:db8::fe   a 192.0.2.1 2001:db8::1   b 192.0.2.2 2001:db8::2   (a, b: interface eth0)
#   a second link between the hosts, eth1: a 198.51.100.1 2001:db8:1::1   b 198.51.100.2 2001:db8:1::2
#
# Users: root, by the keys in $keys; tester, by key or by the password in $password. Keys: $keys/ed25519, ecdsa, rsa,
# locked (ed25519 with the passphrase in $passphrase), stranger (not authorised).

requires_root "network namespaces with sshd"
requires ip sshd ssh-keygen perl unshare mount
sshd_program=$(command -v sshd || echo /usr/sbin/sshd)
net=vmtp-$$-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
keys=$tmp/keys
password=$(printf 'pass:w\303\266rd $x') # a colon, UTF-8, a blank, a dollar sign
passphrase='open sesame'
chmod 711 "$tmp" # sshd reads authorized_keys as the user

keys_make() {
    mkdir -p "$keys"
    for type in ed25519 ecdsa; do
        ssh-keygen -q -t "$type" -N '' -C "$type" -f "$keys/$type"
    done
    ssh-keygen -q -t rsa -b 2048 -N '' -C rsa -f "$keys/rsa"
    ssh-keygen -q -t ed25519 -N '' -C stranger -f "$keys/stranger"
    ssh-keygen -q -t ed25519 -N "$passphrase" -C locked -f "$keys/locked"
    ssh-keygen -q -t ecdsa -m PEM -N "$passphrase" -C locked-pem -f "$keys/locked-pem"
    ssh-keygen -q -t ecdsa -m PEM -N '' -C pem -f "$keys/pem"
    cat "$keys/ed25519.pub" "$keys/ecdsa.pub" "$keys/rsa.pub" "$keys/locked.pub" "$keys/locked-pem.pub" \
        "$keys/pem.pub" >"$tmp/authorized_keys"
    chmod 644 "$tmp/authorized_keys"
}

on_operator() { ip netns exec "$net-op" "$@"; }
on_host() {
    on_host_name=$1
    shift
    ip netns exec "$net-$on_host_name" "$@"
}

hosts_remove() {
    for space in op a b; do
        space_pids=$(ip netns pids "$net-$space" 2>/dev/null) && [ -n "$space_pids" ] &&
            printf '%s\n' "$space_pids" | xargs kill -KILL
        ip netns del "$net-$space" 2>/dev/null
    done
    return 0
}

host_link() { # host_link HOST NUMBER
    ip -n "$net-op" link add "to-$1" type veth peer name eth0 netns "$net-$1" &&
        ip -n "$net-op" link set "to-$1" master bridge up &&
        ip -n "$net-$1" address add "192.0.2.$2/24" dev eth0 &&
        ip -n "$net-$1" address add "2001:db8::$2/64" dev eth0 nodad &&
        ip -n "$net-$1" link set lo up && ip -n "$net-$1" link set eth0 up
}

hosts_make() {
    at_exit hosts_remove
    for space in op a b; do
        ip netns add "$net-$space" || skip_all "network namespaces cannot be made here"
    done
    ip -n "$net-op" link set lo up &&
        ip -n "$net-op" link add bridge type bridge forward_delay 0 &&
        ip -n "$net-op" address add 192.0.2.254/24 dev bridge &&
        ip -n "$net-op" address add 2001:db8::fe/64 dev bridge nodad &&
        ip -n "$net-op" link set bridge up && host_link a 1 && host_link b 2 &&
        ip -n "$net-a" link add eth1 type veth peer name eth1 netns "$net-b" &&
        for end in a:1 b:2; do
            ip -n "$net-${end%:*}" address add "198.51.100.${end#*:}/24" dev eth1 &&
                ip -n "$net-${end%:*}" address add "2001:db8:1::${end#*:}/64" dev eth1 nodad &&
                ip -n "$net-${end%:*}" link set eth1 up || return 1
        done || { echo "Bail out! cannot set up the namespaces"; exit 99; }
}

# A passwd of its own: known users, and a home for root that is not the real one.
accounts_make() { # accounts_make DIRECTORY
    mkdir -p "$1/home"
    chmod 755 "$1" "$1/home"
    shell=${sshd_shell:-/bin/sh}
    hash=$(password=$password perl -e 'print crypt($ENV{password}, q($6$vmtptest$))')
    { echo "root:x:0:0:root:${sshd_home:-$1/home}:$shell"
      grep -v '^root:' /etc/passwd
      echo "tester:x:64711:64711:tester:$1/home:$shell"; } >"$1/passwd"
    { echo "root:*:19000:0:99999:7:::"
      grep -v '^root:' /etc/shadow
      echo "tester:$hash:19000:0:99999:7:::"; } >"$1/shadow"
    chmod 644 "$1/passwd"
    chmod 600 "$1/shadow"
}

# A place of its own in the mount namespace of that server: sshd refuses a root below /tmp.
sshd_root() { # sshd_root HOST ROOT [TMP]
    mkdir -p "$tmp/host-$1"
    { printf 'root=%s options=%s lacks="%s"\n' "$2" "${3:-mode=1777}" "${sshd_lacks-}"
      cat <<'END'
mount --rbind "$root" /mnt && mount --make-rprivate /mnt && mkdir -p /mnt/proc /mnt/dev /mnt/tmp || exit 99
mount -t proc proc /mnt/proc && mount --rbind /dev /mnt/dev && mount -t tmpfs -o "$options" tmpfs /mnt/tmp || exit 99
for program in $lacks; do
    for place in /mnt/bin /mnt/usr/bin /mnt/usr/local/bin /mnt/usr/sbin; do
        [ ! -e "$place/$program" ] || mount --bind /dev/null "$place/$program"
    done
done
END
    } >"$tmp/host-$1/root"
}

sshd_start() { # sshd_start HOST [OPTION...]
    sshd_host=$1
    shift
    sshd_dir=$tmp/host-$sshd_host
    [ -d "$keys" ] || keys_make
    mkdir -p "$sshd_dir"
    accounts_make "$sshd_dir"
    [ -f "$sshd_dir/host_key" ] || ssh-keygen -q -t ed25519 -N '' -f "$sshd_dir/host_key"
    case $* in *Subsystem*) subsystem='' ;; *) subsystem='Subsystem sftp internal-sftp' ;; esac
    { printf '%s\n' "$@" # sshd takes the first of two
      printf '%s\n' "HostKey $sshd_dir/host_key" "AuthorizedKeysFile $tmp/authorized_keys" 'Port 22' 'UsePAM yes' \
          'StrictModes no' 'PermitRootLogin yes' 'UseDNS no' 'LogLevel VERBOSE' 'MaxStartups 100' 'PidFile none' \
          "$subsystem"; } >"$sshd_dir/sshd_config"
    [ ! -f "$sshd_dir/root" ] || echo 'ChrootDirectory /mnt' >>"$sshd_dir/sshd_config"
    : >"$sshd_dir/log"
    ip netns exec "$net-$sshd_host" unshare -m -u sh -c '
        dir=$1 host=$2 sshd=$3
        mount --make-rprivate / && mount --bind "$dir/passwd" /etc/passwd && mount --bind "$dir/shadow" /etc/shadow &&
            mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd || exit 99
        [ ! -f "$dir/root" ] || . "$dir/root"
        [ ! -f "$dir/pam" ] || mount --bind "$dir/pam" /etc/pam.d/sshd || exit 99
        echo "host-$host" >/proc/sys/kernel/hostname
        exec "$sshd" -D -e -f "$dir/sshd_config"' sh "$sshd_dir" "$sshd_host" "$sshd_program" \
        >"$sshd_dir/log" 2>&1 &
    eval "sshd_$sshd_host=$!"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
        grep -q 'Server listening' "$sshd_dir/log" && return 0
        sleep 0.1
    done
    diag "sshd on host $sshd_host does not start:"
    sed 's/^/# /' "$sshd_dir/log"
    return 1
}

probe() { # probe ARG...: ssh-probe in the operator's namespace; sets $status, $out, $err and $elapsed, in milliseconds
    probe_begin=$(date +%s%N)
    run on_operator "$builddir/tests/functional/ssh-probe" "$@"
    elapsed=$((($(date +%s%N) - probe_begin) / 1000000))
}

within() { # within NAME MILLISECONDS: the last probe took no longer
    ok "$1" [ "$elapsed" -le "$2" ] || diag "it took $elapsed ms, not $2"
}

sshd_log() { # sshd_log HOST REGEX: the number of lines of its log that match
    grep -Ec -- "$2" "$tmp/host-$1/log"
}

sshd_stop() { # sshd_stop HOST
    eval "sshd_pid=\$sshd_$1"
    kill "$sshd_pid"
    wait "$sshd_pid" 2>/dev/null
    return 0
}
