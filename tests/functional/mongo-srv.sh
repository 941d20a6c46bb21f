#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mongodb+srv:// - the servers of a connection string from DNS. The name server is the test's, in namespaces of its own.
if [ -z "${VMTP_TEST_INSIDE-}" ]; then
    if ! unshare -Urmn true 2>/dev/null; then
        echo "1..0 # SKIP user namespaces are not allowed here"
        exit 0
    fi
    # Inside the user is another one, and with it the home directory.
    home=$(getent passwd "$(id -u)" | cut -d: -f6)
    VMTP_TEST_CACHE=${VMTP_TEST_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/vmtp-tests} VMTP_TEST_INSIDE=yes
    export VMTP_TEST_CACHE VMTP_TEST_INSIDE
    unset MONGODB_URI # it cannot be reached from inside
    exec unshare -Urmn sh "$0"
fi
. "${srcdir:-.}/tests/functional/functions.sh"
requires python3 ip mount
. "$srcdir/tests/functional/mongo-server.sh"
journal=$srcdir/tests/fixtures/journal/1.jsonl
run_uuid=0a1b2c3d-1111-4222-8333-444455556666

mkdir "$tmp/cluster"
echo 'nameserver 127.0.0.1' >"$tmp/resolv.conf"
echo 'hosts: files dns' >"$tmp/nsswitch.conf"
ip link set lo up
for file in resolv.conf nsswitch.conf; do
    mount --bind "$tmp/$file" "/etc/$file" || skip_all "the resolver cannot be told another name server"
done
python3 "$srcdir/tests/functional/mongo-cluster.py" replica-set "$tmp/cluster" 2>"$tmp/cluster/err" &
at_exit "kill $! 2>/dev/null"
: >"$tmp/records"
python3 "$srcdir/tests/functional/dns-server.py" 127.0.0.1 "$tmp/records" >"$tmp/ready" 2>"$tmp/dns.err" &
at_exit "kill $! 2>/dev/null"
tries=0
until [ -s "$tmp/cluster/ports" ] && [ -s "$tmp/ready" ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { diag "$(cat "$tmp/cluster/err" "$tmp/dns.err")"; exit 99; }
    sleep 0.1
done
read -r one two <"$tmp/cluster/ports"
cat >"$tmp/records" <<END
_mongodb._tcp.cluster.vmtp.test SRV $one db1.vmtp.test
_mongodb._tcp.cluster.vmtp.test SRV $two db2.vmtp.test
cluster.vmtp.test TXT replicaSet=rs0
db1.vmtp.test A 127.0.0.1
db2.vmtp.test A 127.0.0.1
_mongodb._tcp.astray.vmtp.test SRV $one db.other.test
_mongodb._tcp.mute.vmtp.test MUTE
END
store() { # store REST-OF-THE-URI: behind mongodb+srv://
    run "$VMTP" replay "$journal" --sink "mongo:uri=mongodb+srv://$1,db=$db"
}
sent() { # sent EXPRESSION: in Python; of(word): the commands of a kind
    python3 -c 'import json, sys
all = [json.loads(line) for line in open(sys.argv[1])]
def of(word): return [c for c in all if word in c]
print(eval(sys.argv[2]))' "$tmp/cluster/commands" "$1"
}

# --- a replica set, as far as what is sent to it

store 'cluster.vmtp.test/?tls=false'
is "a cluster that DNS names takes a run" "$status" 0 || diag "$err $(cat "$tmp/dns.err")"
like "... under the name that was given" "$err" "stored in $db\.pns_web_entry at cluster\.vmtp\.test as $run_uuid"
like "... and it is said where the servers are looked for" "$err" 'servers of cluster\.vmtp\.test are looked up in DNS'
is "... by its primary, for the majority" \
    "$(sent '[(c["server"], c["writeConcern"]["w"]) for c in of("insert")]')" "[(1, 'majority')]"
rm "$tmp/cluster/commands"
store "$user:CANARY@cluster.vmtp.test/?connectTimeoutMS=1000"
is "without tls=false nothing is said before TLS" "$status $(ls "$tmp/cluster/commands" 2>/dev/null)" '3 '
unlike "... and the login is not shown" "$err" CANARY

# --- a real server: over TLS, with a login, the source of logins from DNS

mongo_server real auth tls
cat >>"$tmp/records" <<END
_mongodb._tcp.real.vmtp.test SRV $port db1.vmtp.test
real.vmtp.test TXT authSource=admin
END
store "$user:$password_in_uri@real.vmtp.test/?tlsCAFile=$tmp/tls/ca.crt"
is "a server that DNS names, over TLS with a login" "$status" 0 || diag "$err"
is "... has the run" "$(probe dump | grep -c "$run_uuid")" 1
store "$user:$password_in_uri@real.vmtp.test/?tlsCAFile=$tmp/tls/other.crt"
is "one whose certificate is by another CA is refused" "$status" 3
unlike "... without the password" "$err" 'p%40ss|p@ss'
mongo_end

# --- what DNS does not say

store 'nowhere.vmtp.test/'
is "a name without records" "$status" 3
like "... is told, with what would be needed" "$err" \
    '_mongodb\._tcp\.nowhere\.vmtp\.test.*mongodb\+srv:// needs records in DNS'
store "$user:CANARY@astray.vmtp.test/"
is "records that lead out of the domain are refused" "$status" 3
like "... by name" "$err" 'db\.other\.test'
unlike "... and the login is not shown" "$err" CANARY
echo 'options timeout:1 attempts:1' >>"$tmp/resolv.conf"
store 'mute.vmtp.test/'
is "a name server that does not answer" "$status" 3
like "... is told" "$err" 'mute\.vmtp\.test'
done_testing
