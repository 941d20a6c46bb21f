#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A wrong password at a real sshd with PAM: how long until VMTP says so. (The Python program: 109 s, exit 0, no JSON.)
# Nearly all of it is the server's: PAM waits 2 s, and sshd stretches that to a time between 2 and 4 s that depends on
# the user's name and its host keys, so the same login by ssh(1) stands beside it.
. "$(dirname "$0")/common.sh"
two_hosts ed25519

for _ in 1 2 3; do
    rm -f "$tmp/result.json"
    on_operator "$tmp/usage" "$tmp/used" "$VMTP" --host tester@192.0.2.1:wrong --json "$tmp/result.json" \
        >"$tmp/out" 2>"$tmp/err"
    [ "$(status_of "$tmp/used")" = 1 ] || { echo "exit $(status_of "$tmp/used"), not 1"; cat "$tmp/err"; exit 1; }
    python3 -m json.tool "$tmp/result.json" >/dev/null || { echo "no JSON was written"; exit 1; }
done
printf '#!/bin/sh\necho wrong\n' >"$tmp/askpass" && chmod 755 "$tmp/askpass"
for _ in 1 2 3; do
    on_operator "$tmp/usage" "$tmp/used-ssh" env SSH_ASKPASS="$tmp/askpass" SSH_ASKPASS_REQUIRE=force ssh -F none \
        -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no \
        -o PreferredAuthentications=password -o NumberOfPasswordPrompts=1 tester@192.0.2.1 true 2>/dev/null
done
head_row "wrong password, exit 1, JSON written, median of 3"
row "wall" "$(wall_of "$tmp/used" | median)" s 3
note "the same login by ssh(1)" "$(wall_of "$tmp/used-ssh" | median) s"
cat "$tmp/err"
exit $bench_failed
