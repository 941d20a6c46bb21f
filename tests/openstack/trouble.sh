#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A cloud that does not do what it is asked: every run ends with the reason and leaves nothing.
. "${srcdir:-.}/tests/openstack/lab.sh"

remember
fails() { # fails NAME WORD OPTION...; A&B: both are told
    what=$1 words=$2
    shift 2
    began=$(date +%s)
    vmtp --protocols T -t 1 --json "$tmp/out.json" "$@"
    is "$what: exit 1" "$status" 1 || told
    tells "... and why" "${words%%&*}" "${words##*&}"
    same "... nothing is left" || told
    is "... no ledger either" "$(ledgers)" 0
    diag "$(($(date +%s) - began)) s"
}

# Text where a disk image should be: the machine goes to ERROR, or never boots.
cloud make image vt-broken >/dev/null
at_exit 'cloud remove image vt-broken'
remember
cp "$tmp/lab.yaml" "$tmp/lab.yaml.kept"
{
    sed 's/Debian 12/vt-broken/' "$tmp/lab.yaml.kept"
    printf 'ssh_timeout: 20\n'
} >"$tmp/lab.yaml"
fails "an image that is none" 'TestServer1|TestClient1' --same-network-only --inter-node-only
cp "$tmp/lab.yaml.kept" "$tmp/lab.yaml"

# Nobody logs in by this name: SSH is refused, and the console is shown.
sed 's/ssh_vm_username: debian/ssh_vm_username: nobody-here/' "$tmp/lab.yaml.kept" >"$tmp/lab.yaml"
printf 'ssh_timeout: 60\n' >>"$tmp/lab.yaml"
fails "a user that the image lacks" 'nobody-here' --same-network-only --inter-node-only
cp "$tmp/lab.yaml.kept" "$tmp/lab.yaml"

# A flavor whose memory no host has: nova finds no host.
cloud make flavor vt-huge ram=900000 vcpus=1 disk=2 >/dev/null
at_exit 'cloud remove flavor vt-huge'
remember
old=$(cloud quota ram=-1)
sed 's/m1.small/vt-huge/' "$tmp/lab.yaml.kept" >"$tmp/lab.yaml"
fails "a machine that goes to ERROR" 'No valid host|no host|memory'
cp "$tmp/lab.yaml.kept" "$tmp/lab.yaml"
# shellcheck disable=SC2086 # KEY=VALUE
cloud quota $old >/dev/null

# A flavor that the image does not fit into is told beforehand.
cloud make flavor vt-small ram=64 vcpus=1 disk=0 >/dev/null
at_exit 'cloud remove flavor vt-small'
cloud make image vt-large min_ram=1024 min_disk=5 >/dev/null
at_exit 'cloud remove image vt-large'
remember
printf 'image_name: vt-large\nssh_vm_username: debian\nflavor_type: vt-small\n' >"$tmp/lab.yaml"
fails "a flavor that is too small for the image" 'vt-small&vt-large'
cp "$tmp/lab.yaml.kept" "$tmp/lab.yaml"

# A server without a client measures nothing; with two machines the clients come one after the other.
old=$(cloud quota instances=1)
fails "a quota for one machine" 'quota'
# shellcheck disable=SC2086
cloud quota $old >/dev/null

# No external network for us.
cat >>"$tmp/lab.yaml" <<'END'
ext_net_name: no-such-network
END
fails "an external network that is not there" 'no-such-network&ext-net'
done_testing
