#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plugins and VMTP of different ages. See tests/abi/README.md.
# shellcheck disable=SC2317 # functions that are called through ok
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/plugin-kit.sh"
# shellcheck disable=SC2154
requires python3 "${cc%% *}"

flags_of() { # flags_of VARIABLE SUFFIX: the value of what is named like X_SUFFIX in a variable of the Makefile
    for flags_name in $(from_makefile "$1" | grep -o "[A-Z0-9_]*_$2" | grep -v "^AM_"); do
        from_makefile "$flags_name"
    done | tr '\n' ' '
}
kept() { # kept DIRECTORY HEADERS FLAG...: builds the kept plugins against the plugin.h of HEADERS
    kept_to=$1
    kept_headers=$2
    shift 2
    mkdir -p "$kept_to"
    for kind in tool sink topology; do
        # shellcheck disable=SC2086 # $sanitize: none or one option
        $cc $sanitize -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden "$@" -I"$kept_headers" -I"$srcdir" \
            -o "$kept_to/$kind-kept.so" "$srcdir/tests/abi/3.0.0/$kind-kept.c" -L"$builddir/core/.libs" -lvmtp ||
            return 1
    done
}
measure() { # measure NAME: a run of nothing but kept plugins; $tmp/NAME and $tmp/NAME.json are what the sink wrote
    run "$VMTP" --topology kept --tp-tool kept --sink "kept:file=$tmp/$1" --protocols T -t 1 -q
}

ok "plugins of 3.0.0 build against their own header" kept "$tmp/of-3.0.0" "$srcdir/tests/abi/3.0.0" || exit 99
mkdir -p "$tmp/later/vmtp"
"$srcdir/tests/abi/grow" <"$srcdir/include/vmtp/plugin.h" >"$tmp/later/vmtp/plugin.h"
ok "the grown header has grown" test "$(grep -c later_number "$tmp/later/vmtp/plugin.h")" -ge 13
ok "plugins of a later VMTP build" kept "$tmp/of-later" "$tmp/later" -DLATER || exit 99
own_path=$VMTP_PLUGIN_PATH

# --- here, from their own header ---

VMTP_PLUGIN_PATH=$tmp/of-3.0.0:$own_path
run "$VMTP" plugin list
for kind in tool sink topology; do
    like "the $kind of 3.0.0 is listed" "$out" "^$kind +kept +3\.0\.0 +ok"
    ok "... and keeps the rules" "$VMTP" plugin check "$kind-kept"
done
measure here
is "a run with them passes" "$status" 0 || diag "$err"
like "... in the order of the flows" "$(grep '^2 ' "$tmp/here" | tr '\n' ' ')" 'kept-forth.*kept-back'
like "... with values" "$(cat "$tmp/here")" '^5 .* throughput=1e\+09 bit/s retransmits=7 count'
like "... and samples" "$(cat "$tmp/here")" '^3 .* from=0 s to=1 s throughput=1e\+09 bit/s retransmits=7 .* cwnd=500000'
like "... and properties" "$(cat "$tmp/here")" 'flag=kept'
is "... and a document" "$(json_query "$tmp/here.json" '[i["throughput_kbps"] for i in of("TCP")]')" \
    '[1000000, 1000000, 1000000]'

# --- here, from a header that is larger ---

VMTP_PLUGIN_PATH=$tmp/of-later:$own_path
run "$VMTP" plugin list
for kind in tool sink topology; do
    like "the $kind of a later VMTP is listed" "$out" "^$kind +kept +3\.0\.0 +ok"
    ok "... and keeps the rules" "$VMTP" plugin check "$kind-kept"
done
measure newer
is "a run with plugins of a later VMTP passes" "$status" 0 || diag "$err"
ok "... and writes the same" cmp "$tmp/here" "$tmp/newer"

# --- in a VMTP that is compiled with that header: every plugin that there is has smaller structs ---

later_vmtp() { # $tmp/later/libvmtp.so.1, vmtp and observe
    soname=$(readelf -d "$builddir/core/.libs/libvmtp.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
    observed='vmtp_kind_name; vmtp_registry_*; vmtp_candidates_free; vmtp_loaded_free; vmtp_option_at; vmtp_ctx_*;'
    sed "s/vmtp_main;/& $observed/" "$srcdir/core/libvmtp.map" >"$tmp/later/libvmtp.map"
    # shellcheck disable=SC2046,SC2086 # lists of options and of files
    $cc $sanitize -std=gnu11 -O0 -w -fPIC -shared -D_GNU_SOURCE -I"$tmp/later" -I"$srcdir" -I"$srcdir/include" \
        -I"$builddir/include" -DVMTP_PLUGINDIR='"/nonexistent"' -DVMTP_SYSCONFDIR='"/nonexistent"' \
        $(flags_of core_libcore_la_CFLAGS CFLAGS) \
        -Wl,-soname,"$soname" -Wl,--version-script="$tmp/later/libvmtp.map" -o "$tmp/later/$soname" \
        $(find "$srcdir/core" -name '*.c' ! -name main.c) "$builddir/core/default-yaml.c" "$builddir/core/skeletons.c" \
        $(flags_of core_libcore_la_LIBADD LIBS) $(from_makefile LIBS) || return 1
    for program in core/main.c tests/abi/observe.c; do
        # shellcheck disable=SC2086
        $cc $sanitize -std=gnu11 -D_GNU_SOURCE -I"$tmp/later" -I"$srcdir" -I"$srcdir/include" -I"$builddir/include" \
            -o "$tmp/later/$(basename "$program" .c)" "$srcdir/$program" "$tmp/later/$soname" \
            -Wl,-rpath,"$tmp/later" || return 1
    done
}
if ! command -v readelf >/dev/null; then
    skip "a VMTP to come" "readelf is not installed"
    done_testing
elif ! [ -e "${own_path%%:*}/sink-json.so" ]; then
    skip "a VMTP to come" "the plugins of this tree are built into its own VMTP"
    done_testing
fi
ok "a VMTP to come compiles" later_vmtp || { done_testing; }
LD_LIBRARY_PATH=$tmp/later${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
VMTP=$tmp/later/main
VMTP_PLUGIN_PATH=$tmp/of-3.0.0:$own_path
run "$tmp/later/observe"
is "it sees nothing where a plugin ends" "$(printf '%s\n' "$out" | grep -v ' nothing$')" ''
for plugin in 'tool kept' 'sink kept' 'topology kept' 'sink json'; do
    like "... in $plugin" "$out" "^$plugin nothing$"
done
run "$VMTP" plugin list
unlike "it lists nothing that does not load" "$out" '(broken|crashes|hangs) '
for plugin in tool-kept sink-kept topology-kept json table; do
    ok "$plugin keeps the rules there" "$VMTP" plugin check "$plugin"
done
measure older
is "a run of it with plugins of 3.0.0 passes" "$status" 0 || diag "$err"
ok "... and writes the same" cmp "$tmp/here" "$tmp/older"
is "... and the same results in the document" \
    "$(json_query "$tmp/older.json" '[i for f in d["flows"] for i in f["results"]]')" \
    "$(json_query "$tmp/here.json" '[i for f in d["flows"] for i in f["results"]]')"
run "$VMTP" replay last --sink "kept:file=$tmp/replayed" -q
ok "... also from the journal" cmp "$tmp/here" "$tmp/replayed"
run "$VMTP" --topology kept --tp-tool kept --json "$tmp/out.json" --protocols T -t 1
is "this tree's sinks work in it" "$(json_query "$tmp/out.json" '[i["throughput_kbps"] for i in of("TCP")]')" \
    '[1000000, 1000000, 1000000]'
like "... the table too" "$out" '1\.00 Gbit/s'
if [ "$(id -u)" = 0 ] && command -v nuttcp >/dev/null; then
    run "$VMTP" --topology namespace --protocols T -t 1 -q --json "$tmp/out.json"
    is "and its tools and topologies" "$status" 0 || diag "$err"
else
    skip "and its tools and topologies" "not root, or nuttcp is not installed"
fi
done_testing
