#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One flow over https, with the CA of the cloud; and without it.
. "${srcdir:-.}/tests/openstack/lab.sh"

remember
vmtp -r "$lab_state/openrc-tls" --no-env --same-network-only --inter-node-only --protocols T -t 1 --json "$tmp/out.json"
ok "a run over https" [ "$status" = 0 ] || told
same "... leaves nothing"
is "one flow" "$(flows '[(f["desc"], f["status"]) for f in d["flows"]]')" \
    "[('VM to VM same network fixed IP (inter-node)', 'passed')]"
is "its auth URL" "$(flows 'd.get("auth_url")')" "https://10.20.0.10:15000/v3"

grep -v OS_CACERT "$lab_state/openrc-tls" >"$tmp/no-ca"
vmtp plan -r "$tmp/no-ca" --no-env
is "without the CA it is refused" "$status" 1
like "... with the reason and the remedy" "$err" 'certificate.*(CA|OS_CACERT)|(CA|OS_CACERT).*certificate'
echo 'export OS_INSECURE=true' >>"$tmp/no-ca"
vmtp plan -r "$tmp/no-ca" --no-env
is "OS_INSECURE does without" "$status" 0 || told
done_testing
