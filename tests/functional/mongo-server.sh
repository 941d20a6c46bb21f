# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154 # functions.sh is sourced before; tests use what is set here
# Servers for tests of MongoDB, on the loopback, gone at the end. Source it behind functions.sh.
#
#   mongo_server NAME [auth] [tls]   starts one with data of its own: sets $port, $server_pid and $uri
#   mongo_again NAME                 starts it again, on its port, with its data
#   mongo_end                        ends the one of $server_pid at once, as a crash does
#   probe WORD [ARGUMENT]            mongo-probe at $uri, in $db and $collection
#
# With MONGODB_URI the tests that need only a server use that one, in a database of their own, which is dropped.
# Otherwise, and for servers that have to die or to refuse: mongod where it is installed, else FerretDB.

probe_program=$builddir/tests/functional/mongo-probe
[ -x "$probe_program" ] || skip_all "built without libmongoc"
"$VMTP" plugin show mongo >/dev/null 2>&1 || skip_all "the mongo sink was not built"
requires python3 openssl

db=vmtp_test_$$ collection=pns_web_entry
user=vmtp_user password='p@ss:w/rd%1'
password_in_uri='p%40ss%3Aw%2Frd%251'

probe() { "$probe_program" "$uri" "$db" "$collection" "$@"; }

ferretdb=
if ! command -v mongod >/dev/null; then
    ferretdb=$(sh "$srcdir/tests/ferretdb.sh" 2>"$tmp/ferretdb.err") ||
        [ -n "${MONGODB_URI-}" ] || skip_all "neither mongod nor FerretDB: $(tail -n 1 "$tmp/ferretdb.err")"
fi

free_port() {
    python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A CA, a certificate for 127.0.0.1, localhost and db1.vmtp.test by it, and another CA.
certificates() {
    [ ! -f "$tmp/tls/server.pem" ] || return 0
    mkdir -p "$tmp/tls"
    for ca in ca other; do
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=vmtp test $ca" -keyout "$tmp/tls/$ca.key" \
            -out "$tmp/tls/$ca.crt" 2>/dev/null || return 1
    done
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$tmp/tls/server.key" \
        -out "$tmp/tls/server.csr" 2>/dev/null || return 1
    echo 'subjectAltName=DNS:localhost,DNS:db1.vmtp.test,IP:127.0.0.1' >"$tmp/tls/extension"
    openssl x509 -req -in "$tmp/tls/server.csr" -CA "$tmp/tls/ca.crt" -CAkey "$tmp/tls/ca.key" -CAcreateserial \
        -days 2 -extfile "$tmp/tls/extension" -out "$tmp/tls/server.crt" 2>/dev/null || return 1
    cat "$tmp/tls/server.key" "$tmp/tls/server.crt" >"$tmp/tls/server.pem"
}

start_ferretdb() { # start_ferretdb DIR AUTH TLS
    set -- "$1" "$2" "$3" --handler=sqlite "--sqlite-url=file:$1/" "--state-dir=$1" --debug-addr=127.0.0.1:0 \
        --telemetry=disable --log-level=ERROR
    [ -z "$2" ] || set -- "$@" --test-enable-new-auth "--setup-username=$user" "--setup-password=$password" \
        "--setup-database=admin"
    if [ -n "$3" ]; then
        set -- "$@" --listen-addr= "--listen-tls=127.0.0.1:$port" "--listen-tls-cert-file=$tmp/tls/server.crt" \
            "--listen-tls-key-file=$tmp/tls/server.key"
    else
        set -- "$@" "--listen-addr=127.0.0.1:$port"
    fi
    data=$1
    shift 3
    "$ferretdb" "$@" >"$data/log" 2>&1 &
    server_pid=$!
}

start_mongod() { # start_mongod DIR AUTH TLS
    set -- "$1" "$2" "$3" --dbpath "$1" --port "$port" --bind_ip 127.0.0.1 --nounixsocket
    [ -z "$2" ] || set -- "$@" --auth
    [ -z "$3" ] || set -- "$@" --tlsMode requireTLS --tlsCertificateKeyFile "$tmp/tls/server.pem" \
        --tlsAllowConnectionsWithoutCertificates
    data=$1
    shift 3
    mongod "$@" >"$data/log" 2>&1 &
    server_pid=$!
}

# The first user of a mongod may be made by anybody on its own machine.
make_user() {
    [ -z "$ferretdb" ] && [ ! -f "$data/has-user" ] || return 0
    "$probe_program" "mongodb://127.0.0.1:$port/" admin x command \
        "{\"createUser\": \"$user\", \"pwd\": \"$password\", \"roles\": [\"root\"]}" >/dev/null || return 1
    touch "$data/has-user"
}

mongo_again() { # mongo_again NAME
    data=$tmp/mongo-$1
    read -r port auth tls <"$data/how"
    [ "$auth" != - ] || auth=
    [ "$tls" != - ] || tls=
    uri=mongodb://127.0.0.1:$port/
    if [ -n "$ferretdb" ]; then start_ferretdb "$data" "$auth" "$tls"; else start_mongod "$data" "$auth" "$tls"; fi
    at_exit "kill -KILL $server_pid 2>/dev/null; wait $server_pid 2>/dev/null"
    [ -z "$tls" ] || uri="$uri?tls=true&tlsCAFile=$tmp/tls/ca.crt"
    tries=0
    until probe ping >/dev/null 2>&1 || { [ -n "$auth" ] && [ -z "$ferretdb" ] && make_user; }; do
        tries=$((tries + 1))
        if [ $tries = 100 ] || ! kill -0 "$server_pid" 2>/dev/null; then
            diag "the server does not start: $(tail -n 5 "$data/log")"
            exit 99
        fi
        sleep 0.1
    done
    [ -z "$auth" ] || uri="mongodb://$user:$password_in_uri@${uri#mongodb://}"
}

mongo_server() { # mongo_server NAME [auth] [tls]
    name=$1 how=- secure=-
    shift
    for word in "$@"; do
        case $word in
        auth) how=auth ;;
        tls)
            certificates || exit 99
            secure=tls
            ;;
        esac
    done
    mkdir -p "$tmp/mongo-$name"
    echo "$(free_port) $how $secure" >"$tmp/mongo-$name/how"
    mongo_again "$name"
}

# A server for what any server can do.
mongo_any() {
    [ -n "${MONGODB_URI-}" ] || {
        mongo_server any
        return
    }
    uri=$MONGODB_URI
    probe ping >/dev/null 2>&1 || skip_all "the server of MONGODB_URI does not answer"
    at_exit "'$probe_program' \"\$MONGODB_URI\" $db x drop"
}

mongo_end() {
    kill -KILL "$server_pid"
    wait "$server_pid" 2>/dev/null
}
