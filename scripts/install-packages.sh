#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage, as root: install-packages.sh PACKAGE...
# Installs Debian packages without their recommendations, and so that no daemon that they bring starts, now or at boot.
set -eu

policy=/usr/sbin/policy-rc.d
aside=$policy.before-vmtp
ours='#!/bin/sh
# vmtp: packages are being installed, nothing is started
exit 101'

restore() {
    if [ -e "$aside" ] || [ -h "$aside" ]; then
        mv -f "$aside" "$policy"
    elif [ "$(cat "$policy" 2>/dev/null)" = "$ours" ]; then
        rm -f "$policy"
    fi
}

log=$(mktemp)
finish() {
    status=$?
    trap - EXIT
    restore
    rm -f "$log"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

restore # what a killed run has left
if [ -e "$policy" ] || [ -h "$policy" ]; then
    mv "$policy" "$aside"
fi
printf '%s\n' "$ours" >"$policy"
chmod 755 "$policy"

DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
apt-get update >"$log" 2>&1 || echo "apt-get update failed, the lists that are there are used" >&2
if ! apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 -- "$@" >>"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    exit 1
fi
for package in "$@"; do
    for script in $(dpkg -L "$package" | sed -n 's#^/etc/init\.d/##p'); do
        # What only sets the machine up at boot (run level S) is no daemon.
        grep -q '^# Default-Start:.*[2345]' "/etc/init.d/$script" || continue
        update-rc.d "$script" disable >/dev/null 2>&1 || :
        echo "The service $script came with $package and stays off"
    done
done
