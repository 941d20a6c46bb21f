#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make install DESTDIR=: what lies where, and that a plugin and a program outside the tree build against it with nothing
# but pkg-config, load, and measure.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/plugin-kit.sh"
# shellcheck disable=SC2154
requires make pkg-config python3 perl "${cc%% *}"
unset MAKEFLAGS MFLAGS MAKELEVEL

stage=$tmp/stage
prefix=$(from_makefile prefix)
ok "make install with DESTDIR" make -C "$builddir" install DESTDIR="$stage" || { done_testing; }

PKG_CONFIG_SYSROOT_DIR=$stage
PKG_CONFIG_PATH=$(find "$stage" -type d -name pkgconfig)
PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1
PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH PKG_CONFIG_ALLOW_SYSTEM_CFLAGS PKG_CONFIG_ALLOW_SYSTEM_LIBS
plugindir=$(from_makefile plugindir | sed "s#\${libdir}#$(pkg-config --variable=libdir vmtp)#")
plugindir=${plugindir#"$stage"}
LD_LIBRARY_PATH=$(dirname "$(find "$stage" -name 'libvmtp.so*' | head -n 1)")
VMTP_PLUGIN_PATH=$stage$plugindir
export LD_LIBRARY_PATH
VMTP=$stage$prefix/bin/vmtp

for file in bin/vmtp include/vmtp/plugin.h include/vmtp/vmtp.h include/vmtp/version.h share/man/man1/vmtp.1; do
    ok "installed: $file" test -f "$stage$prefix/$file"
done
is "the ABI number is the header's" "$(pkg-config --variable=abi vmtp)" \
    "$(sed -n 's/^#define VMTP_PLUGIN_ABI \([0-9]*\)u$/\1/p' "$srcdir/include/vmtp/plugin.h")"
is "nothing installed names the build tree" \
    "$(grep -rlF "$builddir" "$stage$prefix/lib/pkgconfig" "$stage$prefix/include" "$stage$prefix/share")" ''
run "$VMTP" --version
like "the installed program runs" "$out" '^[0-9a-z ]*3\.'

cp -R "$srcdir/examples/out-of-tree-tool" "$srcdir/examples/library" "$tmp/" &&
    chmod -R u+w "$tmp/library" "$tmp/out-of-tree-tool"
# shellcheck disable=SC2154
ok "the plugin outside the tree builds" make -C "$tmp/out-of-tree-tool" CC="$cc" \
    CFLAGS="-O2 -Wall -Wextra -Werror $sanitize"
ok "... and installs" make -C "$tmp/out-of-tree-tool" install DESTDIR="$stage" plugindir="$plugindir"
run "$VMTP" plugin list
like "... and is listed" "$out" '^tool +perltcp +1\.0'
# shellcheck disable=SC2046,SC2086 # lists of options
ok "the program on the library builds" $cc -Wall -Wextra -Werror $sanitize -o "$tmp/measure" "$tmp/library/measure.c" \
    $(pkg-config --cflags --libs vmtp)

if [ "$(id -u)" = 0 ] || unshare -Urn true 2>/dev/null; then
    run "$VMTP" --topology namespace --tp-tool perltcp:chunk=32K --protocols T -t 1 --json "$tmp/result.json"
    is "the plugin measures" "$status" 0 || diag "$err"
    is "... something" "$(json_query "$tmp/result.json" 'all(i["throughput_kbps"] > 1000 for i in items)')" True
    run "$tmp/measure" 1
    is "the program on the library measures" "$status" 0 || diag "$err"
    printf '%s\n' "$out" >"$tmp/library.json"
    is "... and has the document" \
        "$(json_query "$tmp/library.json" 'sorted({i["protocol"] for i in items})')" "['ICMP', 'TCP']"
    like "... and was told of the progress" "$err" 'TCP'
else
    skip "the plugin measures" "user namespaces are not allowed here"
fi

ok "make uninstall" make -C "$builddir" uninstall DESTDIR="$stage"
is "... leaves only what others have installed" "$(cd "$stage" && find . -type f -o -type l)" \
    ".$plugindir/tool-perltcp.so"

done_testing
