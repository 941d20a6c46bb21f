#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage, as root: roots.sh [NAME...]
# Makes root file systems of targets that are no machine of ours, for tests/functional/bundle-roots.sh: Debian 11 and 13
# as debootstrap leaves them, and one that has musl and busybox and nothing of glibc. What is there already is kept. The
# nuttcp of Debian 13 is in its root, as it has multicast: for tests/functional/multicast.sh.
# They stay in $VMTP_TEST_ROOTS, by default the folder vmtp/roots of the user's cache.
set -eu
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
roots=${VMTP_TEST_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/vmtp/roots}
debians='debian-11:bullseye: debian-13:trixie:nuttcp'

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

mirror() { # where this machine has its packages from
    # shellcheck disable=SC2016 # apt's variable
    apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep '/debian/*$' | head -n 1
}

make_debian() { # make_debian SUITE DIRECTORY [PACKAGE]
    command -v debootstrap >/dev/null || die "debootstrap is not installed"
    # shellcheck disable=SC2046 # none: debootstrap's own
    debootstrap --variant=minbase ${3:+"--include=$3"} "$1" "$2" $(mirror) >"$2.log" 2>&1 || {
        tail -n 5 "$2.log" >&2
        die "debootstrap of $1 has failed"
    }
    rm -f "$2.log"
    rm -rf "${2:?}"/var/cache/apt/archives/*.deb "${2:?}"/var/lib/apt/lists/* "${2:?}/usr/share/doc"
}

# The packages are unpacked, not installed. Debian's busybox-static needs no library at all; musl's loader is there as
# it is on a distribution with musl, so that a program of another libc has to bring its own.
make_musl() { # make_musl DIRECTORY
    mkdir -p "$1/packages"
    (cd "$1/packages" && apt-get -qq -o APT::Sandbox::User=root download busybox-static musl) ||
        die "the packages busybox-static and musl cannot be had"
    for package in "$1"/packages/*.deb; do
        dpkg-deb -x "$package" "$1"
    done
    rm -rf "${1:?}/packages" "${1:?}/usr/share"
    for folder in tmp var/tmp proc dev root etc bin; do
        mkdir -p "$1/$folder"
    done
    chmod 1777 "$1/tmp" "$1/var/tmp"
    for applet in $("$1/bin/busybox" --list); do
        [ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
    done
    printf 'PRETTY_NAME="musl and busybox"\nID=musl\n' >"$1/etc/os-release"
    # shellcheck disable=SC2016 # for the other shell
    chroot "$1" /bin/sh -c 'for l in /lib/ld-musl-*; do "$l" 2>&1; done' | grep -q '^musl libc' ||
        die "musl's loader does not work there"
    [ -z "$(find "$1" -name 'ld-linux*' -o -name 'libc.so.6')" ] || die "there is a glibc"
}

make_root() { # make_root NAME: under another name until it is whole
    [ ! -d "$roots/$1" ] || return 0
    echo "making $roots/$1"
    rm -rf "$roots/$1.part"
    case $1 in
    musl) make_musl "$roots/$1.part" ;;
    *)
        for debian in $debians; do
            suite=${debian#*:}
            [ "${debian%%:*}" != "$1" ] || make_debian "${suite%:*}" "$roots/$1.part" "${suite#*:}"
        done
        [ -d "$roots/$1.part" ] || die "no root is called $1"
        ;;
    esac
    mv "$roots/$1.part" "$roots/$1"
}

[ "$(id -u)" = 0 ] || die "needs root"
mkdir -p "$roots"
chmod 755 "$roots"
[ $# != 0 ] || set -- debian-11 debian-13 musl
for name in "$@"; do
    make_root "$name"
done
