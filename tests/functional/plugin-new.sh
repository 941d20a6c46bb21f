#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# vmtp plugin new and check: what is written builds, keeps the rules and works; plugins that break rules are told so.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/plugin-kit.sh"
# shellcheck disable=SC2154
requires make pkg-config python3 "${cc%% *}"
unset MAKEFLAGS MFLAGS MAKELEVEL

# VMTP as if it were installed
mkdir "$tmp/plugins"
cat >"$tmp/vmtp.pc" <<END
plugindir=$tmp/plugins
Name: vmtp
Description: the build tree
Version: 3
Libs: -L$builddir/core/.libs -lvmtp
Cflags: -I$srcdir/include
END
PKG_CONFIG_PATH=$tmp
LD_LIBRARY_PATH=$builddir/core/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH LD_LIBRARY_PATH
cd "$tmp" || exit 99
if [ "$(id -u)" = 0 ] || unshare -Urn true 2>/dev/null; then namespaces=yes; else namespaces=; fi

for kind in tool sink topology; do
    run "$VMTP" plugin new "$kind" my-own
    is "plugin new $kind exits 0" "$status" 0 || diag "$err"
    like "... and says what comes next" "$out" "cd $kind-my-own && make"
    is "... and writes three files" "$(cd "$kind-my-own" && echo *)" "Makefile README.md $kind-my-own.c"
    is "... with nothing left to fill in" "$(grep -rh '@[A-Z]*@' "$kind-my-own")" ''
    # shellcheck disable=SC2086 # $sanitize: none or one option
    ok "... that build without a warning" make -C "$kind-my-own" CC="$cc" \
        CFLAGS="-O2 -Wall -Wextra -Werror $sanitize"
    ok "... and are checked" make -C "$kind-my-own" check VMTP="$VMTP"
    ok "... and installed" make -C "$kind-my-own" install
done
VMTP_PLUGIN_PATH=$tmp/plugins:$VMTP_PLUGIN_PATH
run "$VMTP" plugin list
for kind in tool sink topology; do
    like "the $kind is listed" "$out" "^$kind +my-own +0\.1 +ok"
done
if [ "$namespaces" ]; then
    run "$VMTP" --topology namespace --tp-tool my-own --protocols T -t 1 --sink my-own:prefix=got --json "$tmp/out.json"
    is "the tool and the sink work in a run" "$status" 0 || diag "$err"
    is "... and measure" "$(json_query "$tmp/out.json" 'all(i["throughput_kbps"] > 1000 for i in of("TCP"))')" True
    like "... and print" "$out" '^got: .* [GM]bit/s$'
else
    skip "the tool and the sink work in a run" "user namespaces are not allowed here"
fi
run "$VMTP" --topology my-own --tp-tool my-own --protocols T -t 1
is "the topology works in a run" "$status" 0 || diag "$err"
like "... and its flow is logged" "$err" 'Flow 1: my-own: this machine to itself'

# --- what is there stays ---

run "$VMTP" plugin new tool my-own
is "nothing is overwritten" "$status" 1
like "... and the file is named" "$err" 'tool-my-own/tool-my-own\.c: File exists'
mkdir "$tmp/taken" && echo mine >"$tmp/taken/README.md"
run "$VMTP" plugin new sink other "$tmp/taken"
is "not the last one of the files either" "$status" 1
is "... and then none is written" "$(ls "$tmp/taken")" README.md
is "... the one that was there is as it was" "$(cat "$tmp/taken/README.md")" mine
run "$VMTP" plugin new sink other "$tmp/made"
is "a directory can be named" "$status" 0
ok "... and is made" test -f "$tmp/made/sink-other.c"
run "$VMTP" plugin new sink other "$tmp/no/such/directory"
is "but not those above it" "$status" 1
for wrong in Tool/x ../x -x 'a b' X "$(printf '%041d' 0 | tr 0 a)" ''; do
    run "$VMTP" plugin new tool -- "$wrong"
    is "'$wrong' is no name" "$status" 2
done
run "$VMTP" plugin new gadget x
is "gadget is no kind" "$status" 2
like "... which teaches" "$err" 'tool, sink or topology'
run "$VMTP" plugin new tool
is "a name is needed" "$status" 2

# --- check ---

run "$VMTP" plugin check json
is "an installed plugin is checked by its name" "$status" 0
like "... a line per rule" "$out" '^ok +ignores an event type that it does not know$'
unlike "... all kept" "$out" '^broken'
like "... and a sum" "$out" 'json(\.so)? keeps all [0-9]+ rules'
is "... leaving nothing behind" "$(ls -d "${TMPDIR:-/tmp}"/vmtp-check.* 2>/dev/null)" ''

bad() { # bad KIND NAME SED-SCRIPT: the skeleton with something wrong, in $tmp/bad
    rm -rf "$tmp/source" && "$VMTP" plugin new "$1" "$2" "$tmp/source" >/dev/null || exit 99
    sed -i "$3" "$tmp/source/$1-$2.c"
    make -C "$tmp/source" CC="$cc" CFLAGS="$sanitize -w" >"$tmp/make.log" 2>&1 || { cat "$tmp/make.log"; exit 99; }
    mkdir -p "$tmp/bad" && cp "$tmp/source/$1-$2.so" "$tmp/bad/"
}
broken() { # broken FILE RULE NAME
    run "$VMTP" plugin check "$tmp/bad/$1"
    is "$3: exit 1" "$status" 1
    like "... and the rule is named" "$out" "^broken +$2"
    like "... and counted" "$err" "$1: [0-9]+ of [0-9]+ rules are broken"
}
bad tool unclosed '/\.close/d'
broken tool-unclosed.so 'has open and close as a pair' "open without close"
bad tool mute 's/\.caps = VMTP_TOOL_TCP,//'
broken tool-mute.so 'says which protocols it measures' "a tool without protocols"
bad tool port 's/\.caps = VMTP_TOOL_TCP,/& .port = 77,/'
broken tool-port.so 'declares its port if it serves' "a port that nobody serves"
bad tool fallback 's/"64M"/"lots"/'
broken tool-fallback.so 'loads, and its description is complete: .*option amount' "a default that is none"
bad tool helpless 's/\.help = "bytes through the pipe",//'
broken tool-helpless.so 'loads, and .*option amount: it has no help' "an option without help"
bad sink strict '/default:/{n;s/return VMTP_OK;/return vmtp_fail(ctx, VMTP_EFAIL, "what is this");/;}'
broken sink-strict.so 'ignores an event type .*: what is this' "a sink that knows everything"
bad sink strides 's/^    switch (ev->type) {/    for (size_t i = 0; i < ev->n_properties; i++)\
        if ((uintptr_t)ev->properties[i].text < 4096 || (uintptr_t)ev->properties[i].text == UINTPTR_MAX)\
            return vmtp_fail(ctx, VMTP_EFAIL, "not a property");\
&/'
broken sink-strides.so 'takes a run whose events are longer.*: not a property' "a sink that walks by index"
bad sink crash 's/^    switch (ev->type) {/    __builtin_trap();\
&/'
broken sink-crash.so 'returns from every call: signal' "a sink that crashes"
like "... with the function" "$err" '^vmtp: sink crash: event: crashed with SIG(ILL|TRAP|SEGV)'
like "... behind what it kept" "$out" '^ok +opens'
bad topology careless 's/\.caps = VMTP_TOPO_IPV4/& | VMTP_TOPO_CREATES/'
broken topology-careless.so 'can release what it creates' "a topology that never releases"
bad tool slow 's/^    \*state = tool;/    for (;;) { }\
&/'
broken tool-slow.so 'returns from every call: the call behind the last line' "a tool that hangs in open"
like "... with the function" "$err" '^vmtp: tool slow: open: does not return'

cp "$tmp/bad/tool-mute.so" "$tmp/bad/tool-renamed.so"
broken tool-renamed.so 'loads, .*exports no tool_renamed' "a file of another name"
echo text >"$tmp/bad/tool-text.so"
broken tool-text.so 'loads' "no shared object"
(cd "$tmp/bad" && "$VMTP" plugin check tool-mute.so) >"$tmp/run.out" 2>&1
like "a file in the working directory" "$(cat "$tmp/run.out")" '^broken +says which protocols'
run "$VMTP" plugin check "$tmp/bad/tool-missing.so"
is "a file that is not there is a usage error" "$status" 2
run "$VMTP" plugin check "$tmp/vmtp.pc"
is "so is one that cannot be a plugin" "$status" 2
run "$VMTP" plugin check jsno
is "and a name that nobody has" "$status" 2
like "... with the nearest" "$err" "did you mean 'json'"
done_testing
