#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the guest image: build.sh OUT.qcow2 [cloud-init]
# A Debian 12 made by mmdebstrap, its own cloud kernel, one ext4 partition, extlinux, a module-only initramfs. Needs
# root and loop devices.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
flavour=${2:-small}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/lab-image.XXXXXX")
loop=
cleanup() {
    mountpoint -q "$work/mnt" && umount "$work/mnt"
    [ -n "$loop" ] && losetup -d "$loop"
    rm -rf "$work"
}
trap cleanup EXIT
root=$work/root
pkgs="linux-image-cloud-amd64 systemd systemd-sysv udev kmod openssh-server iproute2 iputils-ping \
procps sudo curl ca-certificates busybox-static less netbase"
skip=(--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*'
      --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*')
[ "$flavour" = cloud-init ] && pkgs="$pkgs cloud-init python3"
# The machine's own package sources, whatever they are; the guest keeps none of them.
cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null >"$work/sources" || true
printf '%s\n' 'do_initrd = no' 'do_symlinks = no' >"$work/kernel-img.conf"
mmdebstrap --mode=root --variant=minbase --format=directory "${skip[@]}" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
    --aptopt='APT::Install-Recommends "false"' \
    --include="${pkgs// /,}" \
    --essential-hook="cp '$work/kernel-img.conf' \"\$1/etc/kernel-img.conf\"" \
    bookworm "$root" "$work/sources" || {
    echo "build.sh: mmdebstrap failed" >&2
    exit 1
}
rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/* \
    "$root"/var/cache/apt/*

kver=$(ls "$root/lib/modules")
# --- modules: only what a guest of this lab uses ---
keep="virtio_blk virtio_pci ext4 virtio_net virtio_rng virtio_balloon isofs cdrom sr_mod ata_piix ata_generic \
button evdev serio_raw nls_utf8 nls_iso8859-1 autofs4 af_packet ipv6 tcp_bbr sch_fq sch_fq_codel sch_tbf sch_netem \
nf_tables nfnetlink x_tables ip_tables vfat configfs dm_mod loop 8139cp 8139too e1000 virtio_scsi sd_mod virtio_console"
: >"$work/keep"
for m in $keep; do
    chroot "$root" modprobe -S "$kver" --show-depends "$m" 2>/dev/null |
        awk '$1=="insmod"{print $2}' >>"$work/keep" || true
done
sort -u "$work/keep" | sed "s#^#$root#" >"$work/keep.abs"
find "$root/lib/modules/$kver" -name '*.ko' | sort | grep -vxFf "$work/keep.abs" | xargs -r rm -f
chroot "$root" depmod "$kver"
# --- initramfs ---
ir=$work/ir
mkdir -p "$ir/bin" "$ir/modules"
cp "$root/bin/busybox" "$ir/bin/"
install -m755 "$here/initramfs-init" "$ir/init"
for m in virtio_pci virtio_blk ext4; do
    chroot "$root" modprobe -S "$kver" --show-depends "$m" | awk '$1=="insmod"{print $2}'
done | awk '!s[$0]++' | while read -r p; do
    cp "$root$p" "$ir/modules/"
    basename "$p" >>"$ir/modules/order"
done
(cd "$ir" && find . | cpio -o -H newc --quiet) >"$root/boot/initrd" # not compressed: an emulator unpacks slowly
mv "$root/boot/vmlinuz-$kver" "$root/boot/vmlinuz"
rm -f "$root"/boot/System.map* "$root"/boot/initrd.img*

# --- the system ---
for u in debian cloud; do
    chroot "$root" useradd -m -s /bin/bash "$u"
    echo "$u ALL=(ALL) NOPASSWD:ALL" >"$root/etc/sudoers.d/90-$u"
    chmod 440 "$root/etc/sudoers.d/90-$u"
done
chroot "$root" passwd -l root >/dev/null
echo debian12 >"$root/etc/hostname"
printf '127.0.0.1 localhost debian12\n::1 localhost\n' >"$root/etc/hosts"
echo '/dev/vda1 / ext4 rw,noatime 0 0' >"$root/etc/fstab"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
rm -f "$root"/etc/ssh/ssh_host_*
cat >"$root/etc/ssh/sshd_config.d/lab.conf" <<'E2'
UseDNS no
PasswordAuthentication no
MaxStartups 50:30:100
MaxSessions 50
E2
mkdir -p "$root/etc/systemd/network" "$root/etc/systemd/journald.conf.d" "$root/etc/systemd/system.conf.d"
cat >"$root/etc/systemd/network/10-dhcp.network" <<'E2'
[Match]
Name=eth*
[Network]
DHCP=yes
IPv6AcceptRA=yes
LinkLocalAddressing=ipv6
[DHCPv4]
UseMTU=yes
UseHostname=no
ClientIdentifier=mac
[DHCPv6]
DUIDType=link-layer
UseHostname=no
E2
cat >"$root/etc/systemd/journald.conf.d/lab.conf" <<'E2'
[Journal]
Storage=volatile
RuntimeMaxUse=8M
ForwardToConsole=no
E2
cat >"$root/etc/systemd/system.conf.d/lab.conf" <<'E2'
[Manager]
DefaultTimeoutStartSec=60s
DefaultTimeoutStopSec=5s
E2
cat >"$root/etc/systemd/system/lab-hostkeys.service" <<'E2'
[Unit]
Description=ssh host keys
Before=ssh.service
DefaultDependencies=no
After=local-fs.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cd /etc/ssh; [ -s ssh_host_ed25519_key ] || { rm -f ssh_host_*; \
    ssh-keygen -q -t ed25519 -N "" -f ssh_host_ed25519_key; ssh-keygen -q -t ecdsa -N "" -f ssh_host_ecdsa_key; }'
RemainAfterExit=yes
[Install]
WantedBy=multi-user.target
E2
en="systemd-networkd.service ssh.service lab-hostkeys.service"
if [ "$flavour" = cloud-init ]; then
    cat >"$root/etc/cloud/cloud.cfg.d/90_lab.cfg" <<'E2'
datasource_list: [ ConfigDrive, OpenStack, Ec2, None ]
apt_preserve_sources_list: true
package_update: false
E2
else
    install -m755 "$here/lab-guest-init" "$root/usr/sbin/lab-guest-init"
    cat >"$root/etc/systemd/system/lab-guest-init.service" <<'E2'
[Unit]
Description=instance metadata (ssh key, host name, user-data)
DefaultDependencies=no
After=systemd-networkd.service local-fs.target
Conflicts=shutdown.target
[Service]
Type=oneshot
ExecStart=/usr/sbin/lab-guest-init
RemainAfterExit=yes
TimeoutStartSec=infinity
[Install]
WantedBy=multi-user.target
E2
    en="$en lab-guest-init.service"
fi
# shellcheck disable=SC2086 # a list of words
chroot "$root" systemctl enable -q $en
mask="apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
systemd-timesyncd.service systemd-pstore.service systemd-random-seed.service systemd-update-utmp.service \
systemd-update-utmp-runlevel.service systemd-networkd-wait-online.service systemd-machine-id-commit.service \
systemd-journal-flush.service systemd-journal-catalog-update.service systemd-hwdb-update.service \
systemd-binfmt.service systemd-remount-fs.service systemd-boot-update.service \
modprobe@drm.service modprobe@efi_pstore.service \
modprobe@configfs.service modprobe@dm_mod.service modprobe@loop.service modprobe@fuse.service \
sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount getty@tty1.service \
systemd-udev-settle.service ldconfig.service systemd-firstboot.service console-getty.service"
# shellcheck disable=SC2086 # a list of words
chroot "$root" systemctl mask -q $mask
: >"$root/etc/machine-id"
# Spares the guest the work of a first boot. It is the same in all VMs: DHCP goes by the MAC address.
[ "$flavour" = cloud-init ] || tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
mkdir -p "$root/boot/extlinux"
append="root=/dev/vda1 rw console=tty0 console=ttyS0,115200 net.ifnames=0 mitigations=off nokaslr \
random.trust_cpu=on quiet loglevel=4 systemd.show_status=false audit=0 raid=noautodetect \
tsc=reliable no_timer_check ipv6.disable_ipv6=0 fsck.mode=skip"
cat >"$root/boot/extlinux/extlinux.conf" <<E2
DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
  LINUX /boot/vmlinuz
  INITRD /boot/initrd
  APPEND $append
E2
# --- disk ---
used=$(du -sm "$root" | cut -f1)
size=$((used + 200))
raw=$work/disk.raw
truncate -s $((size + 1))M "$raw"
printf 'label: dos\nstart=2048, type=83, bootable\n' | sfdisk -q "$raw"
mkfs.ext4 -q -b 4096 -O ^64bit,^metadata_csum,^has_journal -L root -m 0 -E offset=1048576,root_owner=0:0 \
    -d "$root" "$raw" "${size}M"
loop=$(losetup -f --show -o 1048576 "$raw")
mkdir -p "$work/mnt"
mount "$loop" "$work/mnt"
for f in vmlinuz initrd; do     # mkfs -d leaves holes, which extlinux cannot read
    rm "$work/mnt/boot/$f"; cp --sparse=never "$root/boot/$f" "$work/mnt/boot/$f"
done
sync -f "$work/mnt"
extlinux --install "$work/mnt/boot/extlinux" >/dev/null 2>&1 || extlinux --install "$work/mnt/boot/extlinux"
umount "$work/mnt"
losetup -d "$loop"
loop=
dd if=/usr/lib/EXTLINUX/mbr.bin of="$raw" bs=440 count=1 conv=notrunc status=none
qemu-img convert -O qcow2 "$raw" "$out.tmp"
mv "$out.tmp" "$out"
qemu-img info "$out" | sed -n '/virtual size/p;/disk size/p'
