# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Packages and the guest image.
PACKAGES="conntrack cpio curl dnsmasq-base e2fsprogs ebtables extlinux fdisk genisoimage glance-api iperf iproute2 ipset
    iptables iputils-ping jq keystone libvirt-clients libvirt-daemon-system mariadb-server memcached mmdebstrap
    neutron-common neutron-dhcp-agent neutron-l3-agent neutron-linuxbridge-agent neutron-metadata-agent nova-api
    nova-compute nova-compute-kvm nova-conductor nova-scheduler nuttcp openssh-client openssh-server openssl
    placement-api procps python3-memcache python3-openstackclient python3-osc-placement python3-pymysql qemu-system-x86
    qemu-utils rabbitmq-server sshpass stunnel4 sudo tcpdump tini uwsgi-core uwsgi-plugin-python3"

missing_lab_packages() {
    local package installed
    # shellcheck disable=SC2086 # a list of words
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $PACKAGES 2>/dev/null | sed -n 's/^installed //p')
    for package in $PACKAGES; do
        grep -qxF "$package" <<<"$installed" || echo "$package"
    done
}

lab_install() {
    local began=$SECONDS missing
    missing=$(missing_lab_packages)
    if [ -n "$missing" ]; then
        # Their installation would make databases of its own, and ask.
        printf '%s boolean false\n' 'dbconfig-common dbconfig-common/dbconfig-install' \
            'glance-common glance/configure_db' 'keystone keystone/configure_db' \
            'neutron-common neutron/configure_db' 'nova-common nova/configure_db' \
            'placement-common placement/configure_db' | debconf-set-selections 2>/dev/null || :
        say "installing packages: $(tr '\n' ' ' <<<"$missing")"
        # shellcheck disable=SC2086 # a list of words
        sh "$LAB_DIR/../../scripts/install-packages.sh" $missing || die "the packages could not be installed"
        say "packages there ($((SECONDS - began)) s)"
    fi
    lab_image keep ""
}

lab_image() { # lab_image keep|force ""|cloud-init
    local began=$SECONDS file=$STATE/image/debian12.qcow2 flavour=small
    if [ "$2" = cloud-init ]; then
        flavour=cloud-init
        file=$STATE/image/debian12-cloudinit.qcow2
    fi
    if [ "$1" = keep ] && [ -s "$file" ]; then
        return 0
    fi
    mkdir -p "$STATE/image"
    say "building the guest image ($flavour; log: $file.log)"
    "$LAB_DIR/image/build.sh" "$file" "$flavour" >"$file.log" 2>&1 || {
        tail -20 "$file.log" >&2
        die "the guest image could not be built"
    }
    say "guest image there: $file ($((SECONDS - began)) s)"
}
