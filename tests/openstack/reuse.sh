#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is there already is used and stays as it was: networks, router, security group, key pair, flavor, image.
. "${srcdir:-.}/tests/openstack/lab.sh"
requires ssh-keygen

mine="network:vt-net network:vt-net2 router:vt-router security_group:vt-group keypair:vt-key flavor:vt-flavor"
# shellcheck disable=SC2329 # called at the exit
take_away() {
    for thing in router:vt-router network:vt-net network:vt-net2 security_group:vt-group keypair:vt-key \
        flavor:vt-flavor; do
        cloud remove "${thing%:*}" "${thing#*:}"
    done >/dev/null 2>&1
}
take_away
at_exit take_away
ssh-keygen -q -t ed25519 -N '' -f "$tmp/key"
cloud make network vt-net cidr=10.77.1.0/24 >/dev/null
cloud make network vt-net2 cidr=10.77.2.0/24 >/dev/null
cloud make router vt-router external=ext-net >/dev/null
cloud make security_group vt-group >/dev/null
cloud make keypair vt-key file="$tmp/key.pub" >/dev/null
cloud make flavor vt-flavor ram=512 vcpus=1 disk=2 >/dev/null
describe() { # of all that is mine and of the image
    for thing in $mine 'image:Debian 12'; do
        cloud show "${thing%%:*}" "${thing#*:}"
    done
}
cat >"$tmp/lab.yaml" <<END
image_name: Debian 12
ssh_vm_username: debian
flavor_type: vt-flavor
internal_network_name: [vt-net, vt-net2]
router_name: vt-router
security_group_name: vt-group
public_key_name: vt-key
public_key_file: $tmp/key.pub
private_key_file: $tmp/key
END

for attached in no yes; do
    [ $attached = no ] || {
        cloud attach vt-router vt-net
        cloud attach vt-router vt-net2
    }
    describe >"$tmp/before"
    remember
    vmtp --protocols T -t 1 --json "$tmp/out.json"
    is "a run with all of it there, subnets attached: $attached" "$status" 0 || told
    is "... six flows" "$(flows '[f["status"] for f in d["flows"]].count("passed")')" 6
    is "... in these networks" "$(flows 'all(f["ip_from"].startswith("10.77.") for f in d["flows"])')" True
    same "... nothing has come or gone"
    describe >"$tmp/after"
    ok "... and nothing has changed" diff "$tmp/before" "$tmp/after"
    [ $attached = yes ] || {
        vmtp plan
        like "the plan says what is used" "$out" 'vt-net'
    }
done

# A router of another name that has the gateway is used as well, and gets rid of the run's subnets again.
cat >"$tmp/lab.yaml" <<'END'
image_name: Debian 12
ssh_vm_username: debian
flavor_type: m1.small
END
describe >"$tmp/before"
remember
vmtp --protocols T -t 1 --inter-node-only --json "$tmp/out.json"
is "a run with only a router there" "$status" 0 || told
same "... nothing has come or gone"
describe >"$tmp/after"
ok "... and nothing has changed" diff "$tmp/before" "$tmp/after"

# Ours gets out of the way of a network that has its addresses.
cloud remove router vt-router
cloud make network vt-taken cidr=192.168.1.0/24 >/dev/null
at_exit 'cloud remove network vt-taken >/dev/null 2>&1'
remember
vmtp plan
is "the default CIDR is taken: a plan" "$status" 0 || told
done_testing
