#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC3045 # perl's variables; without ulimit -c a skip
# A marked secret goes into VMTP by every way there is, and is hunted for in everything that comes out: what is printed,
# logged, journalled and stored, other files, the processes of this machine (which are those of the hosts, too), a core
# dump. It must be found nowhere, and the hunt must find what is planted.
. "${srcdir:-.}/tests/functional/functions.sh"

. "$srcdir/tests/functional/hunt.sh"

# --- the hunt finds

quiet=yes # what is planted is no news
watch perl -e 'select undef, undef, undef, 1; select undef, undef, undef, 2' @C@
planted "the hunt finds a secret in a command line"
PLANTED=@C@ watch perl -e 'select undef, undef, undef, 3'
planted "in an environment"
watch perl -e 'print STDERR "an error with $ARGV[0]\n"; $0 = "hidden"' @C@
planted "in what is printed"
watch perl -e 'open my $f, ">", "state-file"; print $f substr $ARGV[0], 2, 14; $0 = "hidden"' @C@
planted "a part of it in a file"
watch sh -c 'printf "%s\n" "$1"' sh "$mark_2"
planted "another part of it"
quiet=

# --- every spelling of every option that takes one

# % is the value. What stands behind a letter is joined to it or follows '='; long names are cut, and take both dashes.
while read -r value words; do
    case $words in
    '' | \#*) continue ;;
    esac
    case $value in
    plain) value=@C@ ;;
    host) value='u@127.0.0.1:@C@:?port=1' ;;
    other-host) value='u@127.0.0.1:@C@?port=1' ;;
    esac
    set --
    for word in $words; do
        case $word in
        *%) set -- "$@" "${word%\%}$value" ;;
        *) set -- "$@" "$word" ;;
        esac
    done
    for command in run plan 'config show' 'config check'; do
        # shellcheck disable=SC2086 # a list of words
        vmtp $command "$@" -d --log-file "$hunted/log" --json "$hunted/json"
    done
done <<'END'
host --host %
host --host=%
host --hos %
host --hos=%
host --ho=%
other-host --external-host %
other-host --external-host=%
other-host --external_host %
other-host --external_host=%
other-host --ext %
other-host --ext=%
other-host --controller-node %
other-host --controller-node=%
other-host --controller_node %
other-host --controller_node=%
other-host --contr %
other-host --contr=%
plain -p %
plain -p%
plain -p=%
plain -dp%
plain -dp=%
plain -dp %
plain --password %
plain --password=%
plain --passw %
plain --pass=%
x --sink json:password=@C@
x --sink=json:pass_word=@C@
x --sin=json:file=out.json,api-key=@C@
x --sink=json:mongodb://u:@C@@h/db
x --sink mongo:mongodb://u:@C@@h/db
x --sink mongo=mongodb://u:@C@@h/db
x --sink mongo:server=mongodb://u:@C@@h/db
x --sink mongo:uri=mongodb://u:@C@@127.0.0.1:1/db
x --sink=mongo:uri=mongodb://127.0.0.1:1/?tlsCertificateKeyFilePassword=@C@
x --sink=mongo:uri=mongodb://u:x@127.0.0.1:1/?tlsCertificateKeyFilePassword=@C@,db=x
x --tp-tool nuttcp:token=@C@
x --tp_tool=nuttcp:secret=@C@
x --tp-t=nuttcp:path=http://u:@C@@h/
x --topology namespace:passwd=@C@
x --topology=namespace:secret-token=@C@
x --topo namespace:password=@C@
x --mongod-server mongodb://u:@C@@h/db
x --mongod_server=mongodb://u:@C@@h/db
x --vm-image-url http://u:@C@@h/image
x --vm_image_url=http://u:@C@@h/image
x --monitor http://u:@C@@h
END
nothing_found "options, in every spelling"

# --- words that are wrong in a way that people get wrong

vmtp --passwrd @C@
vmtp --passwrd=@C@
vmtp --password@C@
vmtp --host@C@
vmtp --host u:@C@@127.0.0.1
vmtp --host u@127.0.0.1:@C@:eth0/x
vmtp --host 'u@127.0.0.1?password_env=@C@'
vmtp --host 'u@127.0.0.1?port=@C@'
vmtp --host u@127.0.0.1 :@C@
vmtp -p x @C@
vmtp @C@
vmtp run -p @C@ --no-such-option
vmtp -p @C@ --time abc
vmtp -x@C@
nothing_found "options that are wrong"

# --- the configuration

config() { # config YAML...: lines of a file; @C@ becomes the secret as YAML has it
    printf '%s\n' 'ssh_timeout: 1' "$@" >"$given/template"
    perl -e 'my $c = <STDIN>; chomp $c; $c =~ s/\x27/\x27\x27/g; while (<>) { s/\@C\@/\x27$c\x27/g; print }' \
        "$given/template" <"$given/secret" >"$given/vmtp.cfg"
    chmod 600 "$given/vmtp.cfg"
    for command in run plan 'config show' 'config check'; do
        # shellcheck disable=SC2086 # a list of words
        vmtp $command -c "$given/vmtp.cfg" -d --log-file "$hunted/log" --json "$hunted/json"
    done
}

config 'hosts:' '  - {user: u, host: 127.0.0.1, port: 1, password: @C@}'
config 'hosts:' '  - {user: u, host: 127.0.0.1, prot: 1, password: @C@}'
config 'hosts: {user: u, host: 127.0.0.1, password: [@C@]}'
config 'hosts: {user: u, host: 127.0.0.1, passwrd: @C@}'
config 'hosts: {user: u, host: 127.0.0.1, password: @C@, password_file: /x}'
config 'external_host: {user: u, host: 127.0.0.1, password: @C@}'
config 'controller_node: {user: u, host: 127.0.0.1, password: @C@}'
config 'password: @C@'
config 'passwd: @C@' 'hosts: u@127.0.0.1?port=1'
config 'pasword: @C@'
config 'password: {secret: @C@}'
config 'sinks: {json: {password: @C@}}' 'sink: json' 'hosts: u@127.0.0.1?port=1'
config 'sinks: {json: {password: [@C@]}}' 'sink: json'
config 'tools: {nuttcp: {token: @C@}}' 'topology: namespace'
config 'password: @C@' 'password: @C@'
config 'password: @C@ x'
config "os_password_file: $given/secret"
config "key_passphrase_file: $given/secret" 'hosts: u@127.0.0.1?port=1'
config "hosts: u@127.0.0.1?port=1&password_file=$given/secret"
nothing_found "the configuration"

chmod 644 "$given/vmtp.cfg"
config 'hosts: {user: u, host: 127.0.0.1, port: 1, password: @C@}'
chmod 644 "$given/vmtp.cfg"
run "$VMTP" plan -c "$given/vmtp.cfg"
like "a configuration with a password that others can read gets a warning" "$err" \
    "vmtp.cfg holds a secret, and every user of this machine can read it: chmod 600 "
config 'hosts: u@127.0.0.1?port=1'
chmod 644 "$given/vmtp.cfg"
run "$VMTP" plan -c "$given/vmtp.cfg"
unlike "one without a secret does not" "$err" 'chmod'

# --- the environment, for us and for what we start

VMTP_HOST_PASSWORD=@C@ VMTP_HOST_PASSWORD_A=@C@ VMTP_KEY_PASSPHRASE=@C@ OS_PASSWORD=@C@ OS_TOKEN=@C@
OS_APPLICATION_CREDENTIAL_SECRET=@C@
export VMTP_HOST_PASSWORD VMTP_HOST_PASSWORD_A VMTP_KEY_PASSPHRASE OS_PASSWORD OS_TOKEN \
    OS_APPLICATION_CREDENTIAL_SECRET
for command in run plan 'config show' 'config check'; do
    # shellcheck disable=SC2086 # a list of words
    vmtp $command -d --log-file "$hunted/log" --json "$hunted/json" --host 'u@127.0.0.1?port=1' \
        --host 'u@127.0.0.1?port=2&password_env=VMTP_HOST_PASSWORD_A'
done
vmtp plugin list
vmtp plugin show json
rm -f "$hunted/json"
vmtp --topology namespace -t 1 --protocols T -d --log-file "$hunted/log" --json "$hunted/json"
namespace_status=$status
nothing_found "the environment"
if [ "$namespace_status" = 0 ]; then
    ok "a measurement was among them" grep -q '"throughput_kbps"' "$hunted/json"
else
    skip "a measurement was among them" "namespaces cannot be measured here: $(tail -n 1 "$hunted/err")"
fi
unset VMTP_HOST_PASSWORD VMTP_HOST_PASSWORD_A VMTP_KEY_PASSPHRASE OS_PASSWORD OS_TOKEN OS_APPLICATION_CREDENTIAL_SECRET

# --- the credentials of a cloud

rc_file() { # rc_file LINE...: of an rc file; @C@ becomes the secret as a shell has it
    printf '%s\n' 'OS_AUTH_URL=http://127.0.0.1:1/v3' "$@" >"$given/template"
    perl -e 'my $c = <STDIN>; chomp $c; $c =~ s/\x27/\x27\\\x27\x27/g; while (<>) { s/\@C\@/\x27$c\x27/g; print }' \
        "$given/template" <"$given/secret" >"$given/rc"
    chmod 600 "$given/rc"
    for command in run plan; do
        vmtp $command -r "$given/rc" -d --log-file "$hunted/log" --json "$hunted/json"
    done
}
rc_file OS_USERNAME=u OS_PROJECT_NAME=n 'export OS_PASSWORD=@C@'
rc_file OS_USERNAME=u OS_PROJECT_NAME=n 'P=@C@' 'OS_PASSWORD="$P"'
rc_file OS_USERNAME=u 'OS_PASSWORD=@C@'
rc_file OS_USERNAME=u OS_PROJECT_NAME=n 'OS_PASSWORD=@C@"'
rc_file OS_TOKEN=@C@ OS_AUTH_TYPE=token
rc_file OS_APPLICATION_CREDENTIAL_ID=i OS_APPLICATION_CREDENTIAL_SECRET=@C@
rc_file OS_USERNAME=u OS_PROJECT_NAME=n OS_AUTH_URL=@C@ OS_PASSWORD=x
nothing_found "an rc file"

clouds_file() { # clouds_file NAME YAML...
    clouds_name=$1
    shift
    printf '%s\n' "$@" >"$given/template"
    perl -e 'my $c = <STDIN>; chomp $c; $c =~ s/\x27/\x27\x27/g; while (<>) { s/\@C\@/\x27$c\x27/g; print }' \
        "$given/template" <"$given/secret" >"$given/$clouds_name"
    chmod 600 "$given/$clouds_name"
}
OS_CLIENT_CONFIG_FILE=$given/clouds.yaml OS_CLIENT_SECURE_FILE=$given/secure.yaml
export OS_CLIENT_CONFIG_FILE OS_CLIENT_SECURE_FILE
clouds_file clouds.yaml 'clouds:' \
    '  a: {auth: {auth_url: "http://127.0.0.1:1", username: u, project_name: n, password: @C@}}' \
    '  b: {auth: {auth_url: "http://127.0.0.1:1", username: u, project_name: n}}' \
    '  c: {auth: {username: u, password: @C@}}' \
    '  d: {auth: {password: @C@}, profile: x}'
clouds_file secure.yaml 'clouds:' '  b: {auth: {password: @C@}}'
for cloud in a b c d e; do
    vmtp plan --os-cloud "$cloud" -d --log-file "$hunted/log"
done
vmtp run --os-cloud b --log-file "$hunted/log" --json "$hunted/json"
clouds_file secure.yaml 'clouds:' '  b: {auth: @C@}' '  @C@: x'
vmtp plan --os-cloud b
unset OS_CLIENT_CONFIG_FILE OS_CLIENT_SECURE_FILE
nothing_found "clouds.yaml"

# --- a core dump

# A listener that takes connections and says nothing: who logs in there waits.
perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
    open my $f, ">", "$ARGV[0].new"; print $f $s->sockport; close $f; rename "$ARGV[0].new", $ARGV[0];
    my @kept; while (my $c = $s->accept) { push @kept, $c }' "$tmp/silent-port" &
silent_pid=$!
at_exit "kill $silent_pid 2>/dev/null"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ ! -s "$tmp/silent-port" ] || break
    sleep 0.1
done
silent_port=$(cat "$tmp/silent-port")

printf 'ssh_timeout: 60\n' >"$given/patient.cfg"

core_of() { # core_of WORD...: starts a program in a directory of its own and ends it by SIGSEGV: is there a core?
    mkdir -p "$tmp/core"
    rm -f "$tmp/core"/*
    (
        cd "$tmp/core" || exit 99
        ulimit -c unlimited && perl "$srcdir/tests/functional/canary.pl" --crash "$given/secret" "$given/marks" \
            "$tmp/core.hits" "$@" >>"$tmp/core.out" 2>&1
    )
    status=$?
}
core_of perl -e '$0 = "hidden"; my $kept = $ARGV[0]; sleep 10' @C@
if grep -r -a -q -F -f "$given/marks" "$tmp/core"; then
    tap_result 0 "the hunt finds a secret in a core dump"
    core_of "$VMTP" --host "u@127.0.0.1:@C@:?port=$silent_port" --no-journal -c "$given/patient.cfg"
    if grep -q -e '-fsanitize=' "$builddir/Makefile"; then # it takes the signal and exits
        ok "VMTP, ended by SIGSEGV" test "$status" != 0
    else
        is "VMTP, ended by SIGSEGV" "$status" 139
    fi
    is "writes no core dump" "$(find "$tmp/core" -type f)" ""
else
    skip "core dumps" "this machine writes none into the directory of a program ($(cat /proc/sys/kernel/core_pattern))"
fi

done_testing
