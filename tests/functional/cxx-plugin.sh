#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A plugin written in C++ is built, loaded, shown and measured with.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/plugin-kit.sh"
# shellcheck disable=SC2154
requires "$cxx" python3

mkdir "$tmp/plugins"
# shellcheck disable=SC2086 # $sanitize: none or one option
ok "it compiles without a warning and is complete" "$cxx" -std=c++20 -Wall -Wextra -Werror \
    -Wno-missing-field-initializers $sanitize -fPIC -shared -fvisibility=hidden -I"$srcdir/include" \
    -o "$tmp/plugins/tool-cxx.so" "$srcdir/tests/abi/cxx-tool.cc" -L"$builddir/core/.libs" -lvmtp

VMTP_PLUGIN_PATH=$tmp/plugins:$VMTP_PLUGIN_PATH
run "$VMTP" plugin list
like "it is listed as loaded" "$out" '^tool +cxx +1\.0 +ok '
run "$VMTP" plugin show cxx
is "it can be shown" "$status" 0
for option in quick answer size rate pause word mood; do
    like "... with its option $option" "$out" "$option"
done

if [ "$(id -u)" = 0 ] || unshare -Urn true 2>/dev/null; then
    run "$VMTP" --topology namespace --tp-tool cxx:answer=7,word=good --protocols T -t 1 --json "$tmp/result.json"
    is "a run with it passes" "$status" 0
    [ "$status" = 0 ] || diag "$err"
    is "... and reports what its option says" \
        "$(json_query "$tmp/result.json" '{(i["tool"], i["throughput_kbps"]) for i in items}')" "{('cxx', 7000)}"
    run "$VMTP" --topology namespace --tp-tool cxx:answer=1001 --protocols T
    is "a value out of its range is a usage error" "$status" 2
    like "... that names the option" "$err" 'answer'
else
    skip "a run with it passes" "user namespaces are not allowed here"
fi

done_testing
