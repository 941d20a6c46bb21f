#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plugins that crash or hang in a run: it ends with the plugin's name, its journal is good, its processes are gone.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/plugin-kit.sh"
# shellcheck disable=SC2154
requires "${cc%% *}" python3
[ "$(id -u)" = 0 ] || unshare -Urn true 2>/dev/null || skip_all "user namespaces are not allowed here"
# shellcheck disable=SC3045 # a shell without it may leave a core behind, no more
ulimit -c 0 2>/dev/null

mkdir "$tmp/plugins"
build() { # build FILE SOURCE FLAG...: $tmp/plugins/FILE.so
    build_file=$tmp/plugins/$1.so
    shift
    # shellcheck disable=SC2086 # lists of options
    $cc $sanitize -Wall -Wextra -Werror -Wno-unknown-warning-option -Wno-infinite-recursion -Wno-override-init \
        -Wno-initializer-overrides -fPIC -shared -fvisibility=hidden -I"$srcdir/include" -o "$build_file" "$@" \
        -L"$builddir/core/.libs" -lvmtp
}
ok "the faulty tool builds" build tool-faulty "$srcdir/tests/abi/faulty.c" || exit 99
ok "the faulty sink builds" build sink-faulty "$srcdir/tests/abi/faulty.c" -DFAULTY_SINK || exit 99
ok "the faulty topology builds" build topology-faulty "$srcdir/tests/abi/faulty.c" -DFAULTY_TOPOLOGY || exit 99
VMTP_PLUGIN_PATH=$tmp/plugins:$VMTP_PLUGIN_PATH
far=7777.$$ # what its far end sleeps: a mark in the list of processes

# shellcheck disable=SC2317 # called through run and hang
measure() { # measure TOOL-OPTIONS MORE...: a run whose three measurements take no time
    measure_tool=faulty:far=$far,$1
    shift
    "$VMTP" --topology namespace --protocols T -t 1 --tp-tool "$measure_tool" --json "$tmp/out.json" -q "$@"
}

left() { # what is still there of such a run
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        left_found=
        for left_pid in /proc/[0-9]*; do
            left_line=$({ tr '\0' ' ' <"$left_pid/cmdline"; } 2>/dev/null) || continue
            case "$left_line " in
            "sleep $far"* | *"far=$far"*) left_found="$left_found ${left_pid#/proc/}" ;;
            esac
        done
        [ "$left_found" ] || return 0
        sleep 0.2
    done
    printf %s "$left_found"
}

# shellcheck disable=SC2317 # called through ok
killed_by() { # killed_by NUMBER: the status that the shell makes of it, or that of a sanitizer
    [ "$status" = $((128 + $1)) ] || { [ "$sanitize" ] && [ "$status" != 0 ]; }
}

run measure how=nothing
is "the faulty tool measures when nothing is wrong" "$status" 0 || diag "$err"

for case in segv:11:SIGSEGV bus:7:SIGBUS fpe:8:SIGFPE ill:4:SIGILL abort:6:SIGABRT overflow:11:SIGSEGV; do
    how=${case%%:*}
    name=${case##*:}
    number=${case#*:}
    rm -f "$tmp/out.json"
    run measure "where=measure,how=$how,after=2"
    ok "$how in measure ends the program by its signal" killed_by "${number%:*}" || diag "status $status: $err"
    like "... with the plugin's name" "$err" "^vmtp: tool faulty: measure: crashed with $name\$"
    is "... said once" "$(printf '%s\n' "$err" | grep -c 'crashed with')" 1
    is "... and nothing is left" "$(left)" ''
    ok "... its journal can be replayed" "$VMTP" replay last --json "$tmp/replayed.json" -q
    is "... up to then" "$(json_query "$tmp/replayed.json" 'len(of("TCP"))')" 2
    # shellcheck disable=SC2016
    ok "... and its file is absent or valid" sh -c '[ ! -e "$1" ] || python3 -m json.tool "$1"' - "$tmp/out.json"
done

for where in open prepare serve unserve close; do
    run measure "where=$where,how=segv"
    like "a crash in $where has its name" "$err" "^vmtp: tool faulty: $where: crashed with SIGSEGV\$"
    is "... and leaves nothing" "$(left)" ''
done
run "$VMTP" replay last -q
is "a run that crashed at its very end replays" "$status" 0
for where in open measure close; do
    run measure "where=$where,how=exit"
    is "exit(0) in $where is no success" "$status" 1
    like "... has its name" "$err" "^vmtp: tool faulty: $where: calls exit\(\): VMTP gives up\$"
    is "... and leaves nothing" "$(left)" ''
done
for where in open event close; do
    run measure how=nothing --sink "faulty:where=$where,how=abort"
    like "a sink's crash in $where has its name" "$err" "^vmtp: sink faulty: $where: crashed with SIGABRT\$"
done
printf 'ssh_timeout: 1\n' >"$tmp/impatient.yaml" # a topology may take that long, and 30 s
# shellcheck disable=SC2317 # called through run and hang
placed() { # placed TOPOLOGY-OPTIONS
    "$VMTP" -c "$tmp/impatient.yaml" --topology "faulty:$1" --protocols T -t 1 --tp-tool "faulty:far=$far" \
        --json "$tmp/placed.json" -q
}
run placed how=nothing
is "the faulty topology works when nothing is wrong" "$status" 0 || diag "$err"
for where in open plan acquire release close; do
    run placed "where=$where,how=segv"
    like "a topology's crash in $where has its name" "$err" "^vmtp: topology faulty: $where: crashed with SIGSEGV\$"
done
run "$VMTP" replay last --json "$tmp/replayed.json" -q
is "... and what was measured before it is kept" "$status $(json_query "$tmp/replayed.json" 'len(of("TCP"))')" '0 3'
is "nothing is left of them" "$(left)" ''

run "$VMTP" replay last --sink faulty:where=event,how=abort
like "so it is in a replay" "$err" '^vmtp: sink faulty: event: crashed with SIGABRT$'

# --- hanging: all at once, since each takes its time ---

hang() { # hang NAME COMMAND...: in the background; $tmp/NAME.err, .status, .seconds
    hang_name=$1
    shift
    (
        begin=$(date +%s)
        "$@" >/dev/null 2>"$tmp/$hang_name.err"
        echo $? >"$tmp/$hang_name.status"
        echo $(($(date +%s) - begin)) >"$tmp/$hang_name.seconds"
    ) &
    hanging="$hanging $!"
}
hung() { # hung NAME LINE SECONDS
    is "$1: the program ends with status 1" "$(cat "$tmp/$1.status")" 1
    like "... with the plugin's name" "$(cat "$tmp/$1.err")" "^vmtp: $2: does not return: VMTP gives up\$"
    ok "... in time ($(cat "$tmp/$1.seconds") s)" test "$(cat "$tmp/$1.seconds")" -le "$3"
}
echo '#include <unistd.h>
__attribute__((constructor)) static void hang(void) { for (;;) pause(); }' >"$tmp/hang.c"
echo '#include <stdlib.h>
__attribute__((constructor)) static void crash(void) { abort(); }' >"$tmp/crash.c"
build tool-hang "$tmp/hang.c" && build tool-crash "$tmp/crash.c" || exit 99
hanging=
hang tool-open measure where=open,how=hang
hang sink-open measure how=nothing --sink faulty:where=open,how=hang
hang sink-close measure how=nothing --sink faulty:where=close,how=hang
hang acquire placed where=acquire,how=hang
hang release placed where=release,how=hang
hang plan placed where=plan,how=hang
hang load "$VMTP" --topology namespace --protocols T --tp-tool hang
hang serve measure where=serve,how=hang,after=1
# shellcheck disable=SC2317 # called through hang
stop_for() { # stop_for SECONDS COMMAND...: as if Ctrl-Z were pressed soon after its start
    stop_seconds=$1
    shift
    "$@" &
    sleep 0.7
    kill -STOP $!
    sleep "$stop_seconds"
    kill -CONT $!
    wait $!
}
# One that closes all that it has not opened, and hangs: the end of its output is not its end.
echo '#include <unistd.h>
__attribute__((constructor)) static void hang(void)
{
    for (int i = 3; i < 1024; i++) close(i);
    for (;;) pause();
}' >"$tmp/closes.c"
build tool-closes "$tmp/closes.c" && mkdir "$tmp/closes" && mv "$tmp/plugins/tool-closes.so" "$tmp/closes" || exit 99
# shellcheck disable=SC2317 # called through hang
closes() { timeout -k 1 90 env VMTP_PLUGIN_PATH="$tmp/closes" "$VMTP" plugin "$@" >"$tmp/closes-$1.out"; }
hang closes-list closes list
hang closes-show closes show closes
hang closes-check closes check closes
# A terminal that is stopped, as by Ctrl-S, for longer than a sink may take. Tells what the file says meanwhile, whether
# the program waits, how it ends, and what it has printed then.
# shellcheck disable=SC2317 # called through hang
stopped_terminal() { # stopped_terminal FILE COMMAND...
    python3 -c 'import json, os, pty, subprocess, sys, termios, time
master, slave = pty.openpty()
termios.tcflow(slave, termios.TCOOFF)
program = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=slave)
status, tries = None, 0
while status != "passed" and tries < 300:
    time.sleep(0.1)
    tries += 1
    try: status = json.load(open(sys.argv[1]))["status"]
    except (OSError, ValueError): pass
time.sleep(43)
waits = program.poll() is None
termios.tcflow(slave, termios.TCOON)
os.close(slave)
text = b""
try:
    while (part := os.read(master, 4096)): text += part
except OSError: pass
print(status, waits, program.wait(), b"PASSED" in text)' "$@" >"$tmp/terminal.out"
}
hang terminal stopped_terminal "$tmp/terminal.json" "$VMTP" --topology namespace --protocols T -t 1 -q \
    --tp-tool "faulty:far=$far" --sink table --json "$tmp/terminal.json"
hang stopped stop_for 12 "$VMTP" --topology namespace --protocols T -t 1 -q --tp-tool "faulty:where=open,how=slow"

# --- fatal when asked for ---

echo '#include <stdlib.h>
__attribute__((constructor)) static void leave(void) { exit(0); }' >"$tmp/leaves.c"
build tool-leaves "$tmp/leaves.c" && mkdir "$tmp/leaves" && mv "$tmp/plugins/tool-leaves.so" "$tmp/leaves" || exit 99
# shellcheck disable=SC2317 # called through run
leaves() { env VMTP_PLUGIN_PATH="$tmp/leaves:$VMTP_PLUGIN_PATH" "$VMTP" "$@"; }
run leaves --topology namespace --protocols T --tp-tool leaves
is "exit(0) when it is loaded is no success" "$status" 1
like "... has its file" "$err" "^vmtp: plugin $tmp/leaves/tool-leaves\.so: load: calls exit\(\): VMTP gives up\$"
run leaves plugin list
like "... plugin list calls it broken" "$out" '^tool +leaves +- +broken'
run leaves plugin show leaves
is "... plugin show fails" "$status" 1
like "... with the reason" "$err" 'calls exit\(\) when loaded'
run leaves plugin check leaves
is "... plugin check fails" "$status" 1
like "... with the reason" "$out" '^broken +returns from every call: .* ends the program'

run "$VMTP" --topology namespace --protocols T --tp-tool crash
ok "one that crashes when it is loaded ends the program" killed_by 6
like "... with its file" "$err" "^vmtp: plugin $tmp/plugins/tool-crash\.so: load: crashed with SIGABRT\$"
run measure how=nothing
is "it is no matter to a run that does not ask for it" "$status" 0

mkdir "$tmp/hangs" "$tmp/checks" && cp "$tmp/plugins/tool-hang.so" "$tmp/hangs" || exit 99
for command in list 'show hang' 'check hang'; do
    # shellcheck disable=SC2086 # words
    TMPDIR=$tmp/checks VMTP_PLUGIN_PATH=$tmp/hangs "$VMTP" plugin $command >"$tmp/cut.out" 2>&1 &
    pid=$!
    sleep 1
    kill -INT $pid
    begin=$(date +%s%N)
    wait $pid
    is "plugin $command, interrupted once: exit 130" "$?" 130
    elapsed=$((($(date +%s%N) - begin) / 1000000))
    ok "... soon" test $elapsed -le 1500 || diag "$elapsed ms"
    is "... and no directory stays" "$(ls "$tmp/checks")" ''
done

lie() { # lie NAME MEMBERS: a tool that is fine but for these members, which come last and win
    cat >"$tmp/tool-$1.c" <<END
#include <vmtp/plugin.h>
static int measure(vmtp_ctx *c, void *s, const struct vmtp_job *j) { (void)c; (void)s; (void)j; return 0; }
static const struct vmtp_tool_ops ops = { .struct_size = sizeof ops, .caps = VMTP_TOOL_TCP, .measure = measure };
static const struct vmtp_option options[] = { { .name = "a", .type = VMTP_OPT_BOOL, .size = 1, .help = "h" }, { 0 } };
VMTP_PLUGIN(tool_$1) = { VMTP_PLUGIN_HEAD, .name = "$1", .version = "1", .summary = "s", .tool = &ops,
    .options = options, .option_size = sizeof options[0], .opts_size = 8, $2 };
END
    build "tool-$1" "$tmp/tool-$1.c" || exit 99
}
lie larger '.struct_size = 1u << 31'
lie none '.struct_size = 0'
lie stride '.option_size = 0'
lie wide '.option_size = 0x7ffffff8'
lie short '.opts_size = 0'
lie wild '.options = (const void *)16'
lie ops '.tool = (const void *)4096'
run "$VMTP" plugin list
like "a size that is too large: its tail is not looked at" "$out" 'tool +larger +1 +ok'
for case in none:struct_size stride:option_size wide:option_size short:outside wild:'signal 11' ops:'signal 11'; do
    like "${case%%:*}: named with what is wrong" \
        "$(printf '%s\n' "$out" | grep -A 1 "^tool *${case%%:*} ")" "${case#*:}"
done
for name in none stride wide short wild ops; do
    run "$VMTP" --topology namespace --protocols T --tp-tool "$name"
    ok "$name: fatal when asked for" test "$status" != 0
    like "... with its file" "$err" "tool-$name\.so"
done

for pid in $hanging; do
    wait "$pid"
done
hung tool-open 'tool faulty: open' 13
hung sink-open 'sink faulty: open' 13
hung sink-close 'sink faulty: close' 15
is "a program that was stopped for longer than that goes on" "$(cat "$tmp/stopped.status")" 0 ||
    diag "$(cat "$tmp/stopped.err")"
is "a plugin that closes the pipe and hangs: plugin list ends" "$(cat "$tmp/closes-list.status")" 0
like "... and names it" "$(cat "$tmp/closes-list.out")" '^tool +closes +- +hangs'
is "... plugin show too" "$(cat "$tmp/closes-show.status")" 1
like "... with the reason" "$(cat "$tmp/closes-show.err")" 'no answer in 5 s'
is "... plugin check too" "$(cat "$tmp/closes-check.status")" 1
like "... with the reason" "$(cat "$tmp/closes-check.out")" '^broken +returns from every call'
is "a stopped terminal is waited for, the file is not kept waiting" "$(cat "$tmp/terminal.out")" 'passed True 0 True' ||
    diag "$(cat "$tmp/terminal.err")"
hung plan 'topology faulty: plan' 13
hung acquire 'topology faulty: acquire' 45
hung release 'topology faulty: release' 45
hung load "plugin $tmp/plugins/tool-hang\\.so: load" 13
hung serve 'tool faulty: serve' 26
is "nothing is left of them" "$(left)" ''
done_testing
