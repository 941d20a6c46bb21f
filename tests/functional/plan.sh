#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is chosen and refused before anything is made, and what becomes of a plan that cannot be made.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/plugin-kit.sh"
# shellcheck disable=SC2154
requires "${cc%% *}" python3 setsid
mkdir "$tmp/plugins"
# shellcheck disable=SC2086,SC2154 # lists of options
$cc $sanitize -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -I"$srcdir/include" \
    -o "$tmp/plugins/topology-told.so" "$srcdir/tests/functional/topology-told.c" -L"$builddir/core/.libs" -lvmtp ||
    exit 99
VMTP_PLUGIN_PATH=$tmp/plugins:$VMTP_PLUGIN_PATH
for name in $(env | sed -n 's/^\(OS_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done

field() { # field FILE EXPRESSION: of the document d
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

run "$VMTP" plan --topology 'told:note=VM 1 on compute1' --bandwidth 8M --protocols T -t 10
is "a plan" "$status" 0 || diag "$err"
like "... with what the topology notes" "$out" '^  VM 1 on compute1$'
like "... of the topology" "$out" '^Topology told:$'
like "... and the most that is sent, by the cap" "$out" '^At most 0\.03[0-9]* GB of traffic, by the cap'
run "$VMTP" plan --topology told --protocols T -t 8
like "... or without one" "$out" '^At most 3[0-9.]+ GB of traffic for each 10 Gbit/s'
run "$VMTP" plan --topology told --protocols I
unlike "... but nothing for pings" "$out" 'traffic'

for case in place:5:'no room' fail:1:'the quota is too small'; do
    how=${case%%:*} words=${case##*:} code=${case#*:}
    code=${code%%:*}
    run "$VMTP" plan --topology "told:how=$how"
    is "a plan that cannot be made ($how)" "$status" "$code"
    like "... says why" "$err" "^vmtp: topology told: $words"
    run "$VMTP" --topology "told:how=$how" --json "$tmp/$how.json" -q
    is "... a run" "$status" "$code"
    is "... has a document that has failed" "$(field "$tmp/$how.json" 'd["status"]')" failed
    like "... and says why" "$(cat "$tmp/$how.json")" "$words"
done
run "$VMTP" --topology told:how=config --json "$tmp/config.json"
is "a wrong configuration is a usage error" "$status" 2
ok "... without a document" test ! -e "$tmp/config.json"

run "$VMTP" --topology told:how=acquire -q
is "a topology that does not come up" "$status" 1
unlike "... is released" "$err" 'thing 4711'
run "$VMTP" --topology told:how=acquire --stop-on-error -q
is "with --stop-on-error" "$status" 1
like "... what there is is kept" "$err" 'kept: thing 4711 of topology told'
like "... and the way to remove it is told" "$err" 'vmtp cleanup [0-9a-f-]+. removes what is kept'
run "$VMTP" cleanup last
is "... and works" "$status" 0 || diag "$out$err"

# --- what is expected of flows that turn out to be others ---
cat >"$tmp/expect.cfg" <<'END'
expect: {icmp.loss: 50%, flows: {inter-node: {icmp.rtt: 10s}}}
END
run "$VMTP" plan -c "$tmp/expect.cfg" --topology told:how=relabel --protocols I
like "what is planned is expected" "$out" 'expected: loss at most 50 %, round trip time at most 10 s'
if command -v ping >/dev/null; then
    run "$VMTP" -c "$tmp/expect.cfg" --topology told:how=relabel --protocols I --json "$tmp/relabel.json"
    is "a flow that is another one than was asked for passes" "$(field "$tmp/relabel.json" 'd["flows"][0]["status"]')" \
        passed || diag "$err"
    is "... the run does not: what was expected of the other one was not seen" \
        "$status $(field "$tmp/relabel.json" 'd["status"], d["verdicts"][0]["status"], d["verdicts"][0]["flows"]')" \
        "1 ('failed', 'failed', 'inter-node')"
    like "... which is told" "$out" '^Expectation: icmp\.rtt in inter-node was not checked, at most 10 s was expected'
    like "... at the end, too" "$out" '^FAILED: what was expected was not measured, 1 of 4 expectations missed'
else
    skip "a flow that is another one than was asked for" "ping is not installed"
fi

for option in '--external-host u@192.0.2.1' '--reuse_network_name x' '--controller-node u@192.0.2.1' \
    '--vnic-type direct' --no-floatingip --no-dhcp '--os-dataplane-network p2'; do
    # shellcheck disable=SC2086 # a list of words
    run "$VMTP" plan --topology told $option
    is "$option: exit 2" "$status" 2
    like "... refused by its name" "$err" "^vmtp: ${option%% *}: this version"
done
printf 'ipv6_mode: slaac\n' >"$tmp/six.yaml"
run "$VMTP" plan --topology told -c "$tmp/six.yaml"
like "... a key by its place" "$err" 'six.yaml:1:1: ipv6_mode: this version'

run "$VMTP" plan --topology namespace -r x
like "credentials for a topology that needs none" "$err" '^vmtp: -r: none of the topologies asked for uses a cloud'
run "$VMTP" plan --hypervisor x
is "a cloud that nobody names" "$status" 2
like "... is asked for" "$err" '^vmtp: --hypervisor is about OpenStack, and nothing tells which cloud: give -r FILE'
printf 'rc: nowhere\nhypervisor: h\n' >"$tmp/rc.yaml"
run "$VMTP" plan --topology namespace -c "$tmp/rc.yaml"
is "credentials in a file wait for a run that needs them" "$status" 0 || diag "$err"
run env OS_USERNAME=me "$VMTP" plan --host u@192.0.2.1
is "hosts, and an environment that says too little" "$status" 0 || diag "$err"
like "... are measured alone" "$err" 'only the hosts are measured.* no OS_AUTH_URL, no OS_PROJECT_NAME'
run env OS_USERNAME=me "$VMTP" plan --host u@192.0.2.1 --no-env
unlike "... without a word when it does not count" "$err" 'OS_'

# A dashboard's file asks for the password, and so do we, on the terminal.
cat >"$tmp/dashboard-rc" <<'END'
export OS_AUTH_URL=http://127.0.0.1:1/v3
export OS_PROJECT_ID=0123
export OS_USER_DOMAIN_NAME="Default"
export OS_USERNAME="me"
echo "Please enter your OpenStack Password for project $OS_PROJECT_NAME as user $OS_USERNAME: "
read -sr OS_PASSWORD_INPUT
export OS_PASSWORD=$OS_PASSWORD_INPUT
END
cat >"$tmp/ask.py" <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown = b""
try:
    while True:
        more = os.read(fd, 1000)
        if not more:
            break
        if b": " in more and b"password of" in more:
            os.write(fd, b"s3cret-typed\n")
        shown += more
except OSError:
    pass
print(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
run python3 "$tmp/ask.py" "$VMTP" plan -r "$tmp/dashboard-rc" --no-env
is "a password is asked for" "$status" 1 || diag "$out"
like "... with whose it is and where" "$out" 'OpenStack password of me at http://127\.0\.0\.1:1/v3: '
like "... and used" "$out" 'topology fixed-ip: .*127\.0\.0\.1'
unlike "... and not shown" "$out" 's3cret-typed'
run setsid "$VMTP" plan -r "$tmp/dashboard-rc" --no-env
is "without a terminal it is missing" "$status" 2
like "... and the ways to give it are told" "$err" 'no password, .*OS_PASSWORD.*--os-password-file'
done_testing
