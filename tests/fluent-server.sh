#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the npm package @fluent-org/logger, whose FluentServer is a server of fluentd's forward protocol, and prints
# the directory that holds node_modules. Exit 77 with the reason when that cannot be done here. It is for tests only,
# and kept in $VMTP_TEST_CACHE, by default ~/.cache/vmtp-tests (XDG_CACHE_HOME counts): only the first call needs the
# network.
set -u
version=1.0.10

home=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6) # HOME is another one in a test
cache=${VMTP_TEST_CACHE:-${XDG_CACHE_HOME:-${home:-$HOME}/.cache}/vmtp-tests}
folder=$cache/fluent-logger-$version

cannot() {
    echo "FluentServer: $*" >&2
    exit 77
}

if [ ! -d "$folder/node_modules/@fluent-org/logger" ]; then
    for program in node npm; do
        command -v $program >/dev/null || cannot "$program is not installed"
    done
    mkdir -p "$cache" || cannot "$cache cannot be made"
    work=$(mktemp -d "$cache/npm.XXXXXX") || cannot "$cache cannot be written"
    trap 'rm -rf "$work"' EXIT
    npm install --no-audit --no-fund --ignore-scripts --cache "$work/cache" --prefix "$work/folder" \
        "@fluent-org/logger@$version" >&2 || cannot "the package cannot be had: no network?"
    mv "$work/folder" "$folder" 2>/dev/null || [ -d "$folder" ] || cannot "$folder cannot be made"
fi
echo "$folder"
