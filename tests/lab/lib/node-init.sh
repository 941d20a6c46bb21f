#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs as pid 1 of a new node's namespaces: private run-time directories, then it becomes the node's init. No route
# leads from here to the machine's interfaces.
set -eu
n=$1
state=$2
d=$state/node/$n
hostname "$n"
mount -t sysfs sysfs /sys
mkdir -p /run/netns /run/libvirt
mount -t tmpfs -o mode=755 tmpfs /run/netns
mount --make-shared /run/netns # as 'ip netns' makes it
cat >"$d/hosts" <<E2
127.0.0.1 localhost
::1 localhost
10.20.0.10 ctl lab-api
10.20.0.11 compute1
10.20.0.12 compute2
10.20.0.20 ext
E2
: >"$d/resolv.conf"
echo "$n" >"$d/hostname"
mount --bind "$d/hosts" /etc/hosts
mount --bind "$d/hostname" /etc/hostname
[ -e /etc/resolv.conf ] && mount --bind "$d/resolv.conf" /etc/resolv.conf
case $n in
compute*)
    mkdir -p "$d/etc-libvirt" "$d/lib-libvirt" "$d/cache-libvirt" "$d/log-libvirt" /var/cache/libvirt /var/log/libvirt
    [ -e "$d/etc-libvirt/qemu" ] || mkdir -p "$d/etc-libvirt/qemu"
    mount --bind "$d/etc-libvirt" /etc/libvirt
    mount --bind "$d/lib-libvirt" /var/lib/libvirt
    mount --bind "$d/cache-libvirt" /var/cache/libvirt
    mount --bind "$d/log-libvirt" /var/log/libvirt
    mount -t tmpfs -o mode=755 tmpfs /run/libvirt ;;
ext)
    # the external host has a user of its own, known here only
    mkdir -p "$d/home"
    for f in passwd shadow group; do
        cp -p /etc/$f "$d/$f"
        sed -i '/^vmtp:/d' "$d/$f"
    done
    echo "vmtp:x:5099:5099:external host user:$d/home:/bin/bash" >>"$d/passwd"
    echo "vmtp:x:5099:" >>"$d/group"
    echo "vmtp:$(openssl passwd -6 "$(cat "$state/secret")"):19000:0:99999:7:::" >>"$d/shadow"
    for f in passwd shadow group; do mount --bind "$d/$f" /etc/$f; done
    chown 5099:5099 "$d/home"
    mkdir -p /run/sshd ;;
esac
: >"$state/run/node-$n.ready"
exec /usr/bin/tini -s -- /bin/bash -c 'while :; do sleep 3600; done' "lab-node-$n"
