#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The commands of the user guide do what it says. Those that want a cloud are run by tests/openstack/guide.sh.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/guide-blocks.sh"

is "every command of the guide says where it is run" "$(awk '
    /^```sh/ && before !~ /^<!-- run.*-->$/ { print NR ": " $0 }
    { before = $0 }' "$guide")" ""

mkdir -p "$tmp/work" "$tmp/bin"
ln -s "$VMTP" "$tmp/bin/vmtp"
ln -s "$builddir/reports/vmtp-genchart" "$tmp/bin/vmtp_genchart"
if "$VMTP" --topology namespace --protocols I -q >/dev/null 2>"$tmp/why"; then
    for number in $(blocks run); do
        block "$number" >"$tmp/block.sh"
        # shellcheck disable=SC2016 # expanded by the inner shell
        ok "lines $number of the guide" sh -c 'cd "$1" && PATH=$2:$PATH sh -e "$3"' sh "$tmp/work" "$tmp/bin" \
            "$tmp/block.sh"
    done
else
    skip "the commands of the guide" "no namespaces here: $(tail -n 1 "$tmp/why")"
fi

if command -v cmark-gfm >/dev/null; then
    # shellcheck disable=SC2016
    ok "the guide becomes HTML" sh -c 'sh "$1" "$2" >"$3"' sh "$srcdir/docs/html.sh" "$guide" "$tmp/guide.html"
    is "its links lead somewhere" "$(python3 - "$tmp/guide.html" <<'END'
import re, sys
page = open(sys.argv[1]).read()
print(*[link for link in re.findall(r'href="#([^"]*)"', page) if f'id="{link}"' not in page])
END
    )" ""
    unlike "what is for the tests is not in it" "$(cat "$tmp/guide.html")" 'run in the lab|<!-- run'
else
    skip "the guide becomes HTML" "cmark-gfm is not installed"
fi
done_testing
