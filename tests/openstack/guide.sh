#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The commands of the user guide that want a cloud, as they stand, one after the other in one folder.
. "${srcdir:-.}/tests/openstack/lab.sh"
. "$srcdir/tests/functional/guide-blocks.sh"

remember
mkdir -p "$tmp/work" "$tmp/bin" "$HOME/.ssh"
ln -s "$VMTP" "$tmp/bin/vmtp"
cp "$lab_state/openrc" "$tmp/work/openrc"
# A key that libssh2 can use: the program ssh looks for keys in the home of the account, and not in $HOME.
ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/id_ed25519"
keys=$lab_state/ext/authorized_keys
cp "$keys" "$tmp/keys"
at_exit "cat '$tmp/keys' >'$keys'"
cat "$HOME/.ssh/id_ed25519.pub" >>"$keys"
follow() { # follow WHERE
    for number in $(blocks "$1"); do
        block "$number" >"$tmp/block.sh"
        # The node, and not `lab exec`: the guide's reader has no OS_* variables.
        # shellcheck disable=SC2016 # expanded there
        ok "lines $number of the guide" "$lab_dir/lab" node ext sh -c 'cd "$1" && PATH=$2:$PATH sh -e "$3"' sh \
            "$tmp/work" "$tmp/bin" "$tmp/block.sh"
    done
}
follow 'run in the lab'
same "... leave nothing in the cloud"
follow 'run in the lab: native'
is "hosts are measured" "$(json_query "$tmp/work/hosts.json" 'flow["status"]')" passed
if [ -n "${VMTP_FULL-}" ]; then
    follow 'run in the lab, full'
    is "the complete run has six flows" "$(json_query "$tmp/work/result.json" 'len(d["flows"])')" 6
    same "... and leaves nothing"
fi
done_testing
