#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# vmtp plugin list and show, with plugins that are fine, broken, lying, crashing and hanging.
. "${srcdir:-.}/tests/functional/functions.sh"
requires "${CC:-cc}"

# The build tree's program finds the plugins that were built with it, and one that lies elsewhere does not.
if [ -f "$builddir/core/.libs/vmtp" ] && [ -f "$builddir/.libs/sink-json.so" ] && [ -z "${VMTP_VALGRIND-}" ]; then
    run env -u VMTP_PLUGIN_PATH "$builddir/core/vmtp" plugin list
    like "a build tree needs no VMTP_PLUGIN_PATH" "$out" "sink +json .* ok +$builddir/\.libs/sink-json\.so"
    cp "$builddir/core/.libs/vmtp" "$tmp/vmtp-elsewhere"
    run env -u VMTP_PLUGIN_PATH LD_LIBRARY_PATH="$builddir/core/.libs" "$tmp/vmtp-elsewhere" plugin list
    is "the same program elsewhere runs" "$status" 0
    unlike "... and does not look there" "$out" "$builddir"
    run env -u VMTP_PLUGIN_PATH LD_LIBRARY_PATH="$builddir/core/.libs" "$tmp/vmtp-elsewhere" --topology nope
    like "without any plugin the error says where was looked" "$err" \
        "no topology is called 'nope'(; installed:|: there is none at all in /[^ ]*; --plugin-path or)"
else
    skip "a build tree needs no VMTP_PLUGIN_PATH" "there are no shared plugins, or valgrind is in between"
fi

build() { # build NAME LINK-FLAGS...: compiles $tmp/NAME.c into $tmp/plugins/NAME.so
    build_name=$1
    shift
    mkdir -p "$tmp/plugins"
    # shellcheck disable=SC2086 # CC may carry flags
    ${CC:-cc} -I"$srcdir/include" -fPIC -shared -o "$tmp/plugins/$build_name.so" "$tmp/$build_name.c" "$@"
}

plugin_source() { # plugin_source NAME MORE: a tool plugin with MORE in front of its descriptor
    symbol=$(printf %s "tool-$1" | tr -c 'a-z0-9' _)
    cat <<END
#include <vmtp/plugin.h>
#include <stdlib.h>
#include <unistd.h>
static int measure(vmtp_ctx *c, void *s, const struct vmtp_job *j) { (void)c; (void)s; (void)j; return 0; }
static const struct vmtp_tool_ops ops = { .struct_size = sizeof ops, .caps = VMTP_TOOL_TCP, .measure = measure };
$2
VMTP_PLUGIN($symbol) = { VMTP_PLUGIN_HEAD, .name = "$1", .version = "7.1", .summary = "a test", .tool = &ops };
END
}

plugin_source good '' >"$tmp/tool-good.c"
plugin_source crash '__attribute__((constructor)) static void crash(void) { abort(); }' >"$tmp/tool-crash.c"
plugin_source hang '__attribute__((constructor)) static void hang(void) { for (;;) pause(); }' >"$tmp/tool-hang.c"
plugin_source undefined 'int nowhere(void); int (*pointer)(void) = nowhere;' >"$tmp/tool-undefined.c"
plugin_source other '' >"$tmp/tool-liar.c"
sed 's/VMTP_PLUGIN_HEAD/.struct_size = sizeof(struct vmtp_plugin), .abi = 99/' "$tmp/tool-good.c" |
    sed 's/tool_good/tool_future/' >"$tmp/tool-future.c"
echo 'int nothing;' >"$tmp/tool-empty.c"
for name in good crash hang undefined liar future empty; do
    build "tool-$name" || exit 99
done
echo 'no shared object' >"$tmp/plugins/tool-text.so"
VMTP_PLUGIN_PATH=$tmp/plugins:$VMTP_PLUGIN_PATH

run "$VMTP" plugin list
is "plugin list ends well whatever the plugins are" "$status" 0
like "a good plugin is ok, with version and file" "$out" "tool +good +7\.1 +ok +$tmp/plugins/tool-good\.so"
like "one that crashes is a line" "$out" 'tool +crash +- +crashes'
like "with the signal" "$out" 'crashed with signal 6'
like "one that hangs is a line" "$out" 'tool +hang +- +hangs'
like "an undefined symbol is named" "$out" 'undefined symbol: nowhere'
like "another ABI is named" "$out" 'built for plugin ABI 99, this VMTP has 1'
like "a file that is no plugin is told" "$out" 'tool-empty\.so exports no tool_empty_LTX_vmtp_plugin'
like "a file that is no shared object is told by the linker" "$out" 'tool-text\.so: (invalid ELF header|file too short)'
like "our own plugins are there" "$out" 'sink +json .* ok '

run "$VMTP" plugin show nuttcp
is "plugin show" "$status" 0
like "capabilities" "$out" '^Can do: .*TCP'
like "ports" "$out" '^Ports: +5001, control 5002'
like "how to use it" "$out" '^Use: +--tp-tool nuttcp'
is "... below one heading" "$(printf '%s\n' "$out" | grep -c Options)" 1
like "options with help" "$out" '^ *path'

run "$VMTP" plugin show nutcp
is "an unknown plugin is a usage error" "$status" 2
like "with the nearest name" "$err" "did you mean 'nuttcp'"
run "$VMTP" plugin show metrics
like "the metrics can be shown" "$out" '^throughput +bit/s +higher is better'

run "$VMTP" --topology namespace --tp-tool crash --plugin-path "$tmp/nowhere" --protocols Q
is "a wrong protocol is a usage error" "$status" 2
run "$VMTP" --topology namespace --tp-tool future --protocols T
is "a broken plugin that is asked for is fatal" "$([ "$status" != 0 ] && echo fatal)" fatal
like "with the reason" "$err" 'built for plugin ABI 99'
run "$VMTP" --help
is "help works with any plugins" "$status" 0
like "and names those installed" "$out" 'nuttcp'
run "$VMTP" plugin show "$tmp/plugins/tool-good.so"
is "plugin show of a file" "$status" 0 || diag "$err"
like "... tells of that one" "$out" "^File: +$tmp/plugins/tool-good\\.so"
run "$VMTP" plugin show "$tmp/plugins/tool-nothing.so"
is "... of one that is not there" "$status" 2
like "... is told" "$err" 'tool-nothing\.so: No such file'
run "$VMTP" --plugin-path "$tmp/plugins:$tmp/nowhere" plugin list
is "a directory of --plugin-path that is not there: a warning" "$(printf '%s\n' "$err" | grep -c "$tmp/nowhere")" 1
is "... and no more" "$status" 0
done_testing
