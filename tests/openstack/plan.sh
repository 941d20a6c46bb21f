#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is told before anything is made: the plan, and whatever would fail.
. "${srcdir:-.}/tests/openstack/lab.sh"

remember
refused() { # refused STATUS NAME WORD OPTION...: a run that makes nothing; A&B: both are told
    wanted=$1 what=$2 words=$3
    shift 3
    vmtp --protocols T -t 1 "$@"
    is "$what: exit $wanted" "$status" "$wanted" || told
    tells "... and why" "${words%%&*}" "${words##*&}"
}

vmtp plan --protocols T -t 2
is "a plan" "$status" 0 || told
like "... of six flows" "$out" 'Flow 6: VM to VM different network floating IP \(inter-node\)'
like "... with the hosts" "$out" 'nova:compute[12]'
like "... with the machines" "$out" 'TestServer1'
like "... with the networks" "$out" 'pns-internal-net2'
like "... with image and flavor" "$out" 'Debian 12'
like "... with the time" "$out" 'min'

vmtp plan --same-network-only
is "the plan of one network" "$(printf '%s\n' "$out" | grep -c '^Flow ')" 2
vmtp plan --inter-node-only
is "the plan without intra-node flows" "$(printf '%s\n' "$out" | grep -c '^Flow ')" 3
vmtp plan --topology floating-ip
is "the plan of one topology" "$(printf '%s\n' "$out" | grep -c '^Flow ')" 2

vmtp plan --hypervisor compute2 --hypervisor nova:compute1
like "the hosts that were asked for" "$(printf '%s' "$out" | tr '\n' ' ')" 'nova:compute2.*nova:compute1'
refused 5 "an unknown host" 'no-such-host&compute1' --hypervisor no-such-host
refused 5 "an unknown zone" 'no-such-zone' --availability-zone no-such-zone

sed 's/OS_PASSWORD=.*/OS_PASSWORD=wrong/' "$lab_state/openrc" >"$tmp/wrong"
refused 2 "a wrong password" '401|[Uu]nauthori[sz]ed|refused' -r "$tmp/wrong" --no-env
like "... says whose" "$err" 'admin'
sed 's/OS_PROJECT_NAME=.*/OS_PROJECT_NAME=nowhere/' "$lab_state/openrc" >"$tmp/wrong"
refused 2 "a wrong project" 'nowhere' -r "$tmp/wrong" --no-env
sed 's/:5000/:5999/' "$lab_state/openrc" >"$tmp/wrong"
refused 1 "nobody there" '5999' -r "$tmp/wrong" --no-env
grep -v OS_USERNAME "$lab_state/openrc" | grep -v OS_PROJECT_NAME >"$tmp/wrong"
refused 2 "an openrc file that is not complete" 'OS_USERNAME&OS_PROJECT_NAME' -r "$tmp/wrong" --no-env
refused 2 "an openrc file that is not there" 'no-such-file' -r "$tmp/no-such-file"

cp "$tmp/lab.yaml" "$tmp/lab.yaml.kept"
sed 's/Debian 12/No such image/' "$tmp/lab.yaml.kept" >"$tmp/lab.yaml"
echo 'vm_image_url: ""' >>"$tmp/lab.yaml"
refused 1 "an image that is not there" 'No such image&Debian 12'
sed 's/m1.small/m1.nothing/' "$tmp/lab.yaml.kept" >"$tmp/lab.yaml"
who=demo
refused 1 "a flavor that is not there and cannot be made" 'm1.nothing'
who='admin'
cp "$tmp/lab.yaml.kept" "$tmp/lab.yaml"

old=$(cloud quota instances=1)
refused 1 "a quota that is too small" 'quota&(instances|servers|VMs)'
# shellcheck disable=SC2086 # KEY=VALUE
cloud quota $old >/dev/null
old=$(cloud quota network=0)
refused 1 "no network is allowed" 'quota&network'
# shellcheck disable=SC2086
cloud quota $old >/dev/null

for option in '--external-host u@192.0.2.1' '--reuse_network_name x' '--controller-node u@192.0.2.1' \
    '--vnic-type direct' --no-floatingip --no-dhcp; do
    # shellcheck disable=SC2086 # a list of words
    refused 2 "$option is refused" "$(echo "${option%% *}" | sed 's/^--//; s/_/[-_]/g')" $option
done
same "nothing was made"
done_testing
