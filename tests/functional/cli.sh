#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command line at its outside: status, which stream, what other users of the machine see.
. "${srcdir:-.}/tests/functional/functions.sh"

run "$VMTP" --help
is "--help: status 0" "$status" 0
like "--help: on standard output" "$out" '^Usage: vmtp'
is "--help: nothing on standard error" "$err" ''
for option in reuse-network-name external-host controller-node os-dataplane-network vnic-type no-dhcp no-floatingip; do
    like "--help: --$option is refused and says so" \
        "$(printf '%s\n' "$out" | sed -n "/ --$option/,/^  .* --/p" | tr -s ' \n' '  ')" \
        " --$option .*; not in this version: refused"
done
unlike "--help: others are not" "$(printf '%s\n' "$out" | sed -n '/ --serial-vms/,/ --reuse/p')" 'not in this version'
for words in plan replay 'plugin list' 'plugin show' 'config show' 'config check'; do
    # shellcheck disable=SC2086 # two words
    run "$VMTP" $words --help
    is "$words --help: status 0" "$status" 0
    like "$words --help: tells its own usage" "$out" "^(Usage:|      ) vmtp $words"
done

run "$VMTP" --version
is "--version: status 0" "$status" 0
like "--version: a number on standard output" "$out" '^vmtp [0-9]+\.[0-9]+'

run "$VMTP" -sc
is "-sc: status 0" "$status" 0
is "-sc: the default file, as it is" "$out" "$(cat "$srcdir/cfg/default.yaml")"

usage_error() { # usage_error NAME REGEX WORD...
    error_name=$1 error_regex=$2
    shift 2
    run "$VMTP" "$@"
    is "$error_name: status 2" "$status" 2
    is "$error_name: nothing on standard output" "$out" ''
    like "$error_name: the reason" "$err" "$error_regex"
    like "$error_name: where to read on" "$err" "[Tt]ry 'vmtp --help'"
}
usage_error "unknown option" "^vmtp: --protocls: no such option; did you mean --protocols\?" --protocls T
usage_error "stray word" "^vmtp: 'stray' is no command" stray
usage_error "missing value" "^vmtp: --time needs a value" --time
for option in --json --log-file -c --rc; do
    usage_error "$option without a name" "^vmtp: $option: the name of the file is empty" $option ''
done
usage_error "bad bandwidth" "^vmtp: --bandwidth: '32' is not an integer followed by" --bandwidth 32

run "$VMTP" --host "root@127.0.0.1?port=1&key=$tmp/nope" -t 1 -q
is "the key of a host that is not there: status 2" "$status" 2
like "... is named before anything is connected" "$err" "^vmtp: key file of root@127\.0\.0\.1: $tmp/nope: No such file"

# config check says what a run would say, as far as the plugins know.
checked() { # checked NAME REGEX WORD...
    checked_name=$1 checked_regex=$2
    shift 2
    run "$VMTP" config check "$@"
    is "config check, $checked_name: status 2" "$status" 2
    like "... and why" "$err" "^vmtp: .*$checked_regex"
}
check_file() { # check_file TEXT: a configuration with this text, in $tmp/check.cfg
    printf '%s\n' "$1" >"$tmp/check.cfg"
}
check_file 'tp_tool: iperf9'
checked "a tool that is not there" "no tool is called 'iperf9'" "$tmp/check.cfg"
check_file 'tools: {nuttcp: {portt: 5}}'
checked "an option of a tool" "check\.cfg:1:18: nuttcp: unknown option 'portt'" "$tmp/check.cfg"
check_file 'tools: {iperf: {path: [1]}}'
checked "an option of a tool that is not used" "check\.cfg:1:23: iperf: path: a list where" "$tmp/check.cfg"
checked "--tp-tool" "no tool is called 'iperf9'" --tp-tool iperf9
checked "--sink" "unknown option 'fil'" --sink json:fil=x
checked "--topology" "no topology is called 'bogus'" --topology bogus
checked "what no version can do yet" "--no-dhcp: this version of VMTP cannot do that yet" --no-dhcp
check_file 'sinks: {jason: {file: x}, json: {file: y}, mongo: {db: x}}
topologies: {native_host: {}}'
for words in "config check $tmp/check.cfg" "plan -c $tmp/check.cfg --host u@192.0.2.1"; do
    # shellcheck disable=SC2086 # words
    run "$VMTP" $words
    is "$words: a plugin that is not there may be on another machine" "$status" 0
    like "... but its name gets a warning" "$err" \
        "check\.cfg:1:9: sinks: no sink is called 'jason', but one is called 'json'"
    like "... also where a hyphen is an underline" "$err" "no topology is called 'native_host'.*'native-host'"
done
check_file 'hosts: [u@192.0.2.1]
tp_tool: nuttcp:port=7000
sinks: {json: {file: /nonexistent/x}}'
run "$VMTP" config check "$tmp/check.cfg" --protocols TI
is "a good one: status 0" "$status" 0
is "... without a word of warning" "$err" ''

# Two outputs, one file: the second would be written over the first.
ln -s "$tmp" "$tmp/link"
one_file() { # one_file NAME REGEX WORD...
    one_name=$1 one_regex=$2
    shift 2
    run "$VMTP" --topology namespace -t 1 "$@"
    is "$one_name: status 2" "$status" 2
    like "... both are named" "$err" "$one_regex would both write $tmp/.*one"
}
one_file "two sinks" "sink json and sink html" --sink "json:file=$tmp/one" --sink "html:file=$tmp/link/one"
one_file "--json and a sink" "sink csv and sink json" --json "$tmp/./one" --sink "csv:file=$tmp/one"
one_file "--json and the log" "the log and sink json" --json "$tmp/one" --log-file "$tmp/one"
run "$VMTP" plan --topology namespace --sink json:file=/dev/null --sink html:file=/dev/null
is "what is no file may be written by several" "$status" 0

# The configuration is a pipe: vmtp waits there, with its command line as everybody sees it.
if [ -r /proc/self/cmdline ]; then
    mkfifo "$tmp/pipe"
    "$VMTP" config show -c "$tmp/pipe" -p SECRET-1 --host root@h:SECRET-2 --password=SECRET-3 \
        --sink json:file=x,password=SECRET-4 >"$tmp/shown" 2>"$tmp/told" &
    pid=$!
    at_exit "kill $pid 2>/dev/null"
    exec 3>"$tmp/pipe" # opens when vmtp has opened it, so its command line has been read
    seen=$(tr '\0' ' ' <"/proc/$pid/cmdline")
    exec 3>&-
    wait "$pid"
    like "the list of processes shows the command" "$seen" 'config show -c'
    unlike "but no secret" "$seen" 'SECRET'
    unlike "nor does config show" "$(cat "$tmp/shown" "$tmp/told")" 'SECRET-[123]'
else
    skip "the list of processes shows no secret" "there is no /proc"
fi

done_testing
