#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A cloud that refuses, stutters, lies or falls silent, at every place of a run: it ends with the reason, and nothing is
# left. The cloud was recorded, the faults are put into it.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/openstack.sh"

dialogue=$srcdir/tests/fixtures/openstack/run-one.jsonl
one() { # one RULES [OPTION...]: a run of one flow
    rules=$1
    shift
    play "$dialogue" "$rules" --topology "fixed-ip:dialogue=$tmp/hosts.json" --same-network-only --inter-node-only "$@"
}
clean() { # everything that was made is gone: for each creation that was answered there is a deletion
    is "... nothing is left" "$(printf '%s\n' "$log" | awk '
        function name(url) { sub(/.*\/v[0-9.]*\//, "", url); sub(/[\/?].*/, "", url); return url }
        $1 ~ /^2/ && $2 == "POST" && $3 !~ /auth\/tokens|security-group-rules|subnets/ { made[name($3)]++ }
        $1 ~ /^(2|404)/ && $2 == "DELETE" { made[name($3)]-- }
        END { for (k in made) if (made[k] > 0) printf "%s %d ", k, made[k] }')" "" || told
    is "... no ledger either" "$(find "$XDG_STATE_HOME/vmtp/runs" -name '*.ledger' 2>/dev/null)" ""
    rm -rf "$XDG_STATE_HOME/vmtp/runs"
}
fails() { # fails NAME STATUS REGEX RULES [OPTION...]
    what=$1 wanted=$2 regex=$3
    shift 3
    one "$@"
    is "$what: exit $wanted" "$status" "$wanted" || told
    like "... and why" "$err" "$regex"
    clean
}
passes() { # passes NAME RULES [OPTION...]
    what=$1
    shift
    one "$@"
    is "$what: the run passes" "$status" 0 || told
    clean
}
req='{"x-openstack-request-id": "req-12345"}'

passes "no fault" '[]'

# --- logging in
denied='{"error": {"code": 401, "message": "The request you have made requires authentication."}}'
fails "a wrong password" 2 'requires authentication' \
    "[{\"match\": \"auth/tokens\", \"times\": 0, \"status\": 401, \"answer\": $denied}]"
is "... is tried once" "$(asked 'auth/tokens')" 1
fails "keystone is away" 1 '503|unavailable' '[{"match": "5000", "times": 0, "status": 503, "text": ""}]'
fails "keystone speaks no JSON" 1 'JSON|answer|understood' \
    '[{"match": "auth/tokens", "times": 0, "status": 201, "headers": {"X-Subject-Token": "a"}, "text": "<html>hello"}]'
passes "a token that is refused in the middle" \
    "[{\"match\": \"GET .*9696/v2.0/networks\", \"status\": 401, \"answer\": $denied}]"
is "... logs in again" "$(asked 'POST .*auth/tokens')" 2

# --- before anything is made
fails "no image of that name" 1 'Debian 12' \
    '[{"match": "GET .*/v2/images", "times": 0, "status": 200, "answer": {"images": []}}]' --vm-image-url ''
is "... nothing was made" "$(asked '^2.* POST .*(networks|servers|routers)')" 0
fails "no external network" 1 'external network' \
    '[{"match": "GET .*/networks", "times": 0, "status": 200, "answer": {"networks": []}}]'
fails "a list that is a text" 1 '.' '[{"match": "GET .*/networks", "times": 0, "status": 200, "text": "\"hello\""}]'
fails "a service that is broken" 1 'Database.*req-12345|req-12345.*Database' \
    "[{\"match\": \"GET .*/networks\", \"times\": 0, \"status\": 500, \"headers\": $req,
       \"answer\": {\"NeutronError\": {\"type\": \"Error\", \"message\": \"Database is locked\", \"detail\": \"\"}}}]"
passes "a service that is away for a moment" '[{"match": "GET .*/networks", "status": 503, "text": "busy"}]'
passes "too many requests" '[{"match": "GET .*/networks", "status": 429, "headers": {"Retry-After": "1"}, "text": ""}]'
passes "over the limit, as old services say it" \
    '[{"match": "POST .*/servers$", "status": 413, "headers": {"Retry-After": "1"},
       "answer": {"overLimit": {"code": 413, "message": "This request was rate-limited.", "retryAfter": "1"}}}]'
passes "an answer that is cut off" '[{"match": "GET .*/networks", "cut": 20}]'
passes "a connection that is closed" '[{"match": "GET .*/networks", "drop": true}]'
fails "answers that are always cut off" 1 '.' '[{"match": "GET .*/networks", "times": 0, "cut": 20}]'

# --- while things are made
fails "nova refuses" 1 'Policy.*req-12345|req-12345.*Policy' \
    "[{\"match\": \"POST .*/servers\$\", \"times\": 0, \"status\": 403, \"headers\": $req,
       \"answer\": {\"forbidden\": {\"code\": 403, \"message\": \"Policy does not allow servers:create\"}}}]"
fails "the quota is used up while nobody looks" 1 'Quota exceeded' \
    '[{"match": "POST .*/networks$", "times": 0, "status": 409, "answer": {"NeutronError": {"type": "OverQuota",
       "message": "Quota exceeded for resources: [network].", "detail": ""}}}]'
fails "a machine goes to ERROR" 1 'No valid host was found' \
    '[{"match": "GET .*/servers/detail", "times": 0, "set": {"servers.0.status": "ERROR", "servers.0.fault":
       {"code": 500, "message": "No valid host was found.", "created": "2026-01-01T00:00:00Z"}}}]'
fails "a client's machine goes to ERROR" 1 'TestClient3.*No valid host was found' \
    '[{"match": "GET .*/servers/detail", "times": 0, "set": {"servers.0.name": "TestServer1", "servers.1.name":
       "TestClient3", "servers.1.status": "ERROR", "servers.1.fault": {"message": "No valid host was found."}}}]'
fails "a creation that is broken" 1 '.' '[{"match": "POST .*/routers$", "times": 0, "status": 500, "text": "oops"}]'
one '[{"match": "POST .*/networks$", "times": 0, "status": 201, "answer": {"network": {}}}]'
is "a creation that tells no id: exit 1" "$status" 1 || told
like "... and why" "$err" '"id"'
one '[{"match": "POST .*/networks$", "skip": 0, "times": 0, "drop": true}]'
is "a service that never answers a creation: exit 1" "$status" 1 || told
like "... and why" "$err" 'cannot make network'
clean
for thing in networks security-groups routers os-keypairs ports floatingips servers; do
    # the list of the key pairs was not asked for at that time when it was recorded
    passes "the answer to POST $thing is lost" "[{\"match\": \"POST .*/$thing\$\", \"drop\": true, \"done\": true},
        {\"match\": \"GET .*/os-keypairs\$\", \"skip\": 1, \"status\": 200,
         \"answer\": {\"keypairs\": [{\"keypair\": {\"name\": \"pns_public_key-{run7}\"}}]}}]"
    is "... what was made is found, and not made twice" "$(asked " POST .*/$thing\$")" \
        "$(grep -c "\"request\": \"POST [^\"]*/$thing\"" "$dialogue")"
done

passes "an address that is made, and refused as it is there" \
    '[{"match": "POST .*/floatingips$", "done": true, "status": 409, "answer": {"NeutronError": {"type":
       "FloatingIPPortAlreadyAssociated", "message": "that fixed IP already has a floating IP", "detail": ""}}}]'
fails "an address that is refused, and is not there" 1 'already has a floating IP' \
    '[{"match": "POST .*/floatingips$", "times": 0, "status": 409, "answer": {"NeutronError": {"type":
       "FloatingIPPortAlreadyAssociated", "message": "that fixed IP already has a floating IP", "detail": ""}}}]'

# --- while things are removed
busy='{"NeutronError": {"type": "RouterInUse", "message": "Router is in use.", "detail": ""}}'
passes "a conflict at first" "[{\"match\": \"DELETE .*/networks\", \"times\": 2, \"status\": 409, \"answer\": $busy}]"
passes "no server groups in this cloud" \
    '[{"match": "GET .*/os-server-groups", "times": 0, "status": 403, "answer": {"forbidden": {"message": "no"}}}]'
passes "somebody has removed it already" '[{"match": "DELETE .*/security-groups", "status": 404, "text": ""}]'
one "[{\"match\": \"DELETE .*/security-groups\", \"times\": 0, \"status\": 500, \"headers\": $req, \"text\": \"oops\"},
    {\"match\": \"GET .*/security-groups.description\", \"times\": 0, \"status\": 200,
     \"answer\": {\"security_groups\": [{\"id\": \"0f7c551c-7c15-402d-b668-df8e12389cda\",
                                         \"name\": \"pns-security\", \"description\": \"vmtp run {run}\"}]}}]"
is "a removal that is broken: exit 4" "$status" 4 || told
like "... what is left is named, and how it is removed" "$err" "left behind: security-group pns-security"
like "... how that is removed" "$err" 'vmtp cleanup [0-9a-f-]{36}'
unlike "... what is gone is not" "$err" 'left behind: (server|network|port|floating-ip|router|keypair) '
like "... the rest is gone" "$log" '204 DELETE .*/networks/'
rm -rf "$XDG_STATE_HOME/vmtp/runs"
passes "a deletion whose answer is lost" '[{"match": "DELETE .*/servers", "drop": true, "done": true}]'
done_testing
