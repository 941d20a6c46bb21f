#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds FerretDB, a server that speaks MongoDB's protocol, and prints the path of the program; what it says of the work
# goes to standard error. Exit 77 with the reason when that cannot be done here. It is for tests only.
#
# The program is kept in $VMTP_TEST_CACHE, by default ~/.cache/vmtp-tests (XDG_CACHE_HOME counts): the first call takes
# a few minutes and needs the network, the others none. The last word: prints the path only if it is there already.
set -u
version=v1.24.0
module=github.com/FerretDB/FerretDB

home=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6) # HOME is another one in a test
cache=${VMTP_TEST_CACHE:-${XDG_CACHE_HOME:-${home:-$HOME}/.cache}/vmtp-tests}
program=$cache/ferretdb-$version

cannot() {
    echo "FerretDB: $*" >&2
    exit 77
}

have() { [ -x "$program" ] && "$program" --version >/dev/null 2>&1; }

if have; then
    echo "$program"
    exit 0
fi
[ "${1-}" != --only-if-there ] || cannot "not built yet: sh tests/ferretdb.sh builds it"

# Debian keeps newer ones of backports aside.
go=
for candidate in go /usr/lib/go/bin/go /usr/lib/go-1.2[2-9]/bin/go /usr/local/go/bin/go; do
    release=$("$candidate" env GOVERSION 2>/dev/null) || continue
    release=${release#go1.}
    release=${release%%[!0-9]*}
    [ "${release:-0}" -lt 22 ] || { go=$candidate; break; }
done
[ -n "$go" ] || cannot "Go 1.22 or later is not installed"

mkdir -p "$cache" || cannot "$cache cannot be made"
exec 9>"$cache/lock" || cannot "$cache cannot be written"
! command -v flock >/dev/null || flock 9
if have; then # another one has built it meanwhile
    echo "$program"
    exit 0
fi

work=$(mktemp -d "$cache/build.XXXXXX") || cannot "$cache cannot be written"
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
export GOMODCACHE="$work/mod" GOCACHE="$work/cache" GOPATH="$work/go" GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
cd "$work" || exit 1
echo "FerretDB $version is built, once: a few minutes" >&2
folder=$("$go" mod download -json "$module@$version" | sed -n 's/^[ \t]*"Dir": "\(.*\)",*$/\1/p')
[ -n "$folder" ] || cannot "the module $module cannot be had: no network?"
cp -R "$folder" source && chmod -R u+w source && cd source || exit 1
echo "$version" >build/version/version.txt # it does not start without
nice -n 10 "$go" build -o "$work/ferretdb" ./cmd/ferretdb >"$work/log" 2>&1 || {
    tail -n 5 "$work/log" >&2
    cannot "it does not build with $("$go" version)"
}
mv "$work/ferretdb" "$program" || exit 1
have || cannot "the program that was built does not start"
echo "$program"
