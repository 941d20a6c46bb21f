#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks Debian's ganglia-monitor, with those of its libraries that are not installed, and prints the directory: its
# usr/sbin has gmond, its usr/bin gmetric. Nothing is installed, since the package would start a daemon. Where gmond is
# installed, that is /. Exit 77 with the reason when it cannot be done here. It is for tests only, and kept in
# $VMTP_TEST_CACHE, by default ~/.cache/vmtp-tests (XDG_CACHE_HOME counts): only the first call needs the network.
set -u

home=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6) # HOME is another one in a test
cache=${VMTP_TEST_CACHE:-${XDG_CACHE_HOME:-${home:-$HOME}/.cache}/vmtp-tests}
folder=$cache/ganglia-monitor

cannot() {
    echo "gmond: $*" >&2
    exit 77
}

if [ -x /usr/sbin/gmond ] && [ -x /usr/bin/gmetric ]; then
    echo /
    exit 0
fi
if [ ! -x "$folder/usr/sbin/gmond" ]; then
    for program in apt-get apt-cache dpkg dpkg-query; do
        command -v $program >/dev/null || cannot "is not installed, and there is no $program to unpack it with"
    done
    mkdir -p "$cache" || cannot "$cache cannot be made"
    work=$(mktemp -d "$cache/deb.XXXXXX") || cannot "$cache cannot be written"
    trap 'rm -rf "$work"' EXIT
    packages=ganglia-monitor
    for library in $(apt-cache depends -i ganglia-monitor libganglia1 2>/dev/null |
        sed -n 's/^ *Depends: \(lib[^ <]*\)$/\1/p' | sort -u); do
        case $(dpkg-query -W -f '${Status}' "$library" 2>/dev/null) in
        *' installed') ;;
        *) packages="$packages $library" ;;
        esac
    done
    # shellcheck disable=SC2086 # a list of words
    (cd "$work" && apt-get download $packages) >&2 || cannot "the package ganglia-monitor cannot be had: no network?"
    mkdir "$work/folder" || cannot "$cache cannot be written"
    for package in "$work"/*.deb; do
        dpkg -x "$package" "$work/folder" || cannot "${package##*/} cannot be unpacked"
    done
    mv "$work/folder" "$folder" 2>/dev/null || [ -d "$folder" ] || cannot "$folder cannot be made"
fi
echo "$folder"
