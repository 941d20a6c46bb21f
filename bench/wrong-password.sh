#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A wrong password at a real sshd with PAM: how long until VMTP says so. (The Python program: 109 s, exit 0, no JSON.)
. "$(dirname "$0")/common.sh"
two_hosts

for _ in 1 2 3; do
    rm -f "$tmp/result.json"
    on_operator "$tmp/usage" "$tmp/used" "$VMTP" --host tester@192.0.2.1:wrong --json "$tmp/result.json" \
        >"$tmp/out" 2>"$tmp/err"
    [ "$(status_of "$tmp/used")" = 1 ] || { echo "exit $(status_of "$tmp/used"), not 1"; cat "$tmp/err"; exit 1; }
    python3 -m json.tool "$tmp/result.json" >/dev/null || { echo "no JSON was written"; exit 1; }
done
head_row "wrong password, exit 1, JSON written, median of 3"
row "wall" "$(wall_of "$tmp/used" | median)" s 3
cat "$tmp/err"
exit $bench_failed
