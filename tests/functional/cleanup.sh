#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a run makes outside its own process is removed: at its end, after an interrupt, and by `vmtp cleanup` after it
# was killed. The plugins of this test make a directory as topology, one on each endpoint as tool.
. "${srcdir:-.}/tests/functional/functions.sh"
. "$srcdir/tests/functional/plugin-kit.sh"
# shellcheck disable=SC2154 # $cc and $sanitize come from there
requires "${cc%% *}"

mkdir -p "$tmp/plugins" "$tmp/made"
cat >"$tmp/topology-maker.c" <<'END'
#include <vmtp/plugin.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
struct opts { const char *base, *token; double linger; bool stays; };
static const struct vmtp_option options[] = {
    VMTP_OPTION(struct opts, base, STRING, .help = "where", .flags = VMTP_OPT_REQUIRED),
    VMTP_OPTION(struct opts, token, STRING, .help = "a secret", .flags = VMTP_OPT_SECRET),
    VMTP_OPTION(struct opts, linger, SECONDS, .help = "how long release takes"),
    VMTP_OPTION(struct opts, stays, BOOL, .help = "release does not work"), {0} };
static const struct opts *of(void *state) { return state; }
static int open_it(vmtp_ctx *c, const void *o, void **s) { (void)c; *s = (void *)o; return 0; }
static int plan(vmtp_ctx *c, void *s, vmtp_plan *p) {
    (void)c; (void)s;
    const struct vmtp_flow flow = { .struct_size = sizeof flow, .id = "f", .client = "one", .server = "two",
                                    .path = "p", .scenario = "9", .label = "made" };
    return vmtp_plan_endpoint(p, "one") < 0 || vmtp_plan_endpoint(p, "two") < 0 ? -1 : vmtp_plan_flow(p, &flow);
}
static void place(void *s, const char *id, char out[500]) { snprintf(out, 500, "%s/%s", of(s)->base, id); }
static int acquire(vmtp_ctx *c, void *s, vmtp_endpoint *const *eps, size_t n) {
    char path[500];
    const struct vmtp_login login = { .struct_size = sizeof login, .transport = "local" };
    place(s, "thing", path);
    int rc = vmtp_track(c, "directory", "thing");
    if (rc == 0 && mkdir(path, 0700) < 0) rc = vmtp_fail(c, VMTP_EFAIL, "mkdir %s", path);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = vmtp_endpoint_login(c, eps[i], &login);
        if (rc == 0) rc = vmtp_endpoint_address(c, eps[i], "p", "127.0.0.1");
    }
    return rc;
}
static int take_away(vmtp_ctx *c, void *s, const char *kind, const char *id) {
    char path[500];
    place(s, id, path);
    if (strcmp(kind, "directory")) return vmtp_fail(c, VMTP_EFAIL, "what is a %s?", kind);
    if (of(s)->stays) return vmtp_fail(c, VMTP_EFAIL, "it stays");
    rmdir(path);
    return 0;
}
static int release(vmtp_ctx *c, void *s, vmtp_endpoint *const *eps, size_t n) {
    (void)eps; (void)n;
    int rc = of(s)->linger > 0 ? vmtp_wait(c, of(s)->linger) : 0;
    if (rc == 0) rc = take_away(c, s, "directory", "thing");
    return rc < 0 ? rc : vmtp_untrack(c, "directory", "thing");
}
static const struct vmtp_topology_ops ops = { .struct_size = sizeof ops, .caps = VMTP_TOPO_CREATES, .open = open_it,
    .plan = plan, .acquire = acquire, .release = release, .remove = take_away };
VMTP_PLUGIN(topology_maker) = { VMTP_PLUGIN_HEAD, .name = "maker", .version = "1", .summary = "a test",
    .options = options, .option_size = sizeof options[0], .opts_size = sizeof(struct opts), .topology = &ops };
END
cat >"$tmp/tool-waiter.c" <<'END'
#include <vmtp/plugin.h>
#include <stdio.h>
struct opts { double wait; };
static const struct vmtp_option options[] = { VMTP_OPTION(struct opts, wait, SECONDS, .help = "s"), {0} };
static int open_it(vmtp_ctx *c, const void *o, void **s) { (void)c; *s = (void *)o; return 0; }
static int prepare(vmtp_ctx *c, void *s, vmtp_endpoint *ep, uint32_t *caps) {
    (void)s; (void)caps;
    const char *path, *again;
    VMTP_CLEAN(output) struct vmtp_output out = {0};
    int rc = vmtp_workdir(c, ep, &path);
    const char *const argv[] = { "touch", path, NULL };
    if (rc == 0) rc = vmtp_workdir(c, ep, &again);
    if (rc == 0 && path != again) return vmtp_fail(c, VMTP_EFAIL, "two directories");
    if (rc == 0) rc = vmtp_exec(c, ep, argv, &out);
    if (rc == 0) vmtp_warn(c, "workdir %s", path);
    return rc;
}
static int measure(vmtp_ctx *c, void *s, const struct vmtp_job *j) {
    (void)j;
    vmtp_warn(c, "measuring");
    int rc = vmtp_wait(c, ((const struct opts *)s)->wait);
    return rc < 0 ? rc : vmtp_metric(c, "throughput", 1e6);
}
static const struct vmtp_tool_ops ops = { .struct_size = sizeof ops, .caps = VMTP_TOOL_TCP, .open = open_it,
    .prepare = prepare, .measure = measure };
VMTP_PLUGIN(tool_waiter) = { VMTP_PLUGIN_HEAD, .name = "waiter", .version = "1", .summary = "a test",
    .options = options, .option_size = sizeof options[0], .opts_size = sizeof(struct opts), .tool = &ops };
END
for name in topology-maker tool-waiter; do
    # shellcheck disable=SC2086 # lists of options
    $cc -I"$srcdir/include" -fPIC -shared $sanitize -o "$tmp/plugins/$name.so" "$tmp/$name.c" || exit 99
done
VMTP_PLUGIN_PATH=$tmp/plugins:$VMTP_PLUGIN_PATH
runs=$XDG_STATE_HOME/vmtp/runs

start() { # start WAIT OPTIONS: a run in the background, until it measures; sets $pid, $dirs (two workdirs), $ledger
    rm -f "$tmp/err"
    "$VMTP" --topology "maker:base=$tmp/made,token=abracadabra$2" --tp-tool "waiter:wait=$1" --protocols T -t 1 \
        --json "$tmp/out.json" >"$tmp/out" 2>"$tmp/err" &
    pid=$!
    at_exit "kill -KILL $pid 2>/dev/null"
    for _ in $(seq 100); do
        grep -qs 'measuring' "$tmp/err" && break
        sleep 0.1
    done
    dirs=$(sed -n 's/.*workdir \(\/.*\)/\1/p' "$tmp/err")
    ledger=$(ls "$runs"/*.ledger)
}
there() { # there PATH...: how many exist
    count=0
    for path; do [ ! -e "$path" ] || count=$((count + 1)); done
    echo $count
}
ledgers() { find "$runs" -name '*.ledger' | wc -l | tr -d ' '; }

# a run that goes well
run "$VMTP" --topology "maker:base=$tmp/made" --tp-tool waiter:wait=0 --protocols T -t 1 -q
is "a run passes" "$status" 0 || diag "$err"
dirs=$(printf '%s\n' "$err" | sed -n 's/.*workdir \(\/.*\)/\1/p')
is "it has used a directory on each endpoint" "$(printf '%s\n' "$dirs" | sort -u | wc -l | tr -d ' ')" 2
# shellcheck disable=SC2086 # two words
is "... removed at the end" "$(there $dirs "$tmp/made/thing")" 0
is "no ledger stays" "$(ledgers)" 0

# one that is alive
start 60 ''
# shellcheck disable=SC2086
is "while it runs everything is there" "$(there $dirs "$tmp/made/thing")" 3
is "... for its owner only" "$(for d in $dirs; do stat -c %a "$d"; done | sort -u)" 700
is "... and in the ledger" "$(grep -c '"made"' "$ledger")" 3
is "no secret is in the ledger" "$(grep -c abracadabra "$ledger")" 0
is "the ledger is its owner's" "$(stat -c %a "$ledger")" 600
run "$VMTP" cleanup --all
is "cleanup --all leaves a run alone that is alive" "$status $(there "$tmp/made/thing") $(ledgers)" '0 1 1'
like "... and says so" "$err" 'still alive'
run "$VMTP" cleanup last
is "one that is named is an error" "$status" 1
like "... that says why" "$err" 'still alive'

# killed
kill -KILL $pid
wait $pid 2>/dev/null
# shellcheck disable=SC2086
is "after kill -9 everything is still there" "$(there $dirs "$tmp/made/thing")" 3
run "$VMTP" replay last
is "its journal can be replayed" "$status" 0
run "$VMTP" cleanup --all --dry-run
is "a dry run exits 4" "$status" 4
is "... lists it" "$(printf '%s\n' "$out" | grep -c '^would remove ')" 3
# shellcheck disable=SC2086
is "... and touches nothing" "$(there $dirs "$tmp/made/thing")" 3
printf '{"made":{"endpoint":"one","kind":"directory","id":"/tmp/vmtp-torn' >>"$ledger"
id=$(basename "$ledger" .ledger)
run "$VMTP" cleanup "$(printf %.9s "$id")"
is "cleanup of the run exits 0, also with a torn last line" "$status" 0 || diag "$err"
like "... says what it does" "$out" "removed directory thing of topology maker"
# shellcheck disable=SC2086
is "... and does it" "$(there $dirs "$tmp/made/thing")" 0
is "the ledger is gone" "$(ledgers)" 0
run "$VMTP" cleanup -q "$id"
is "a second time there is nothing to do" "$status" 0
like "... which is said, as the name may be wrong" "$err" "no ledger in .* is named \"$id\""
run "$VMTP" cleanup -q last
is "... but not of the last one" "$status $err" '0 '

# interrupted once, and twice
for signal in INT TERM HUP; do
    start 60 ''
    kill -$signal $pid
    wait $pid
    is "SIG$signal: exit 130" "$?" 130
    # shellcheck disable=SC2086
    is "... and nothing is left" "$(there $dirs "$tmp/made/thing") $(ledgers)" '0 0'
done
start 60 ,linger=25
kill -INT $pid
sleep 1
kill -0 $pid && kill -INT $pid
begin=$(date +%s)
wait $pid
is "a second signal: exit 130" "$?" 130
ok "... at once" test $(($(date +%s) - begin)) -le 3
like "... says what is left" "$(cat "$tmp/err")" 'left behind: directory thing of topology maker'
like "... and how to remove it" "$(cat "$tmp/err")" "vmtp cleanup $(basename "$ledger" .ledger)"
ok "... the results are written" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$tmp/out.json"
run "$VMTP" cleanup last
is "... which works, with the options of the run" "$status $(there "$tmp/made/thing") $(ledgers)" '0 0 0'

# As one presses Ctrl-C who is in a hurry: no more than 0.3 s between any two of them.
start 60 ,linger=25
for _ in 1 2 3 4 5; do
    kill -INT $pid 2>/dev/null
    sleep 0.1
done
begin=$(date +%s)
wait $pid
is "signals in quick succession: exit 130" "$?" 130
ok "... the second that counts ends the cleaning up" test $(($(date +%s) - begin)) -le 3
like "... says what is left" "$(cat "$tmp/err")" 'left behind: directory thing of topology maker'
run "$VMTP" cleanup last
is "... which can be removed" "$status $(there "$tmp/made/thing") $(ledgers)" '0 0 0'

# what cannot be removed
run "$VMTP" --topology "maker:base=$tmp/made,stays=yes" --tp-tool waiter:wait=0 --protocols T -t 1 -q
is "a run that leaves something behind exits 4" "$status" 4
like "... and says what" "$err" 'left behind: directory thing of topology maker'
run "$VMTP" cleanup --all
is "cleanup that cannot remove it exits 4" "$status $(ledgers)" '4 1'
like "... and says why" "$err" 'it stays'
run "$VMTP" cleanup --all --topology maker:stays=no
is "cleanup with other options removes it" "$status $(there "$tmp/made/thing") $(ledgers)" '0 0 0'

# not ours
ledger=$runs/01234567-0000-4000-8000-000000000000.ledger
mkdir "$tmp/precious"
cat >"$ledger" <<END
{"vmtp_ledger":1,"run":"01234567-0000-4000-8000-000000000000"}
{"made":{"endpoint":"here","kind":"directory","id":"$tmp/precious","login":{"transport":"local"}}}
END
run "$VMTP" cleanup last
is "a directory that VMTP did not make is never removed" "$status $(there "$tmp/precious")" '4 1'
echo '{"vmtp_ledger":99,"run":"x"}' >"$ledger"
run "$VMTP" cleanup last
is "a ledger of a newer VMTP is not touched" "$status $(ledgers)" '1 1'
run "$VMTP" cleanup ''
is "an empty name is a usage error, and not the only ledger's" "$status" 2
like "... which is said" "$err" 'name of the run is empty'
rm "$ledger"
ln -s "$tmp/no/such/file" "$ledger" # it is in the directory and cannot be opened, as one whose run has just ended
run "$VMTP" cleanup --all
is "a ledger that has vanished meanwhile is no error" "$status $err" '0 '
rm "$ledger"
for wrong in '' '--all last' '--dry-run' '--all --json x'; do
    # shellcheck disable=SC2086
    run "$VMTP" cleanup $wrong
    is "'cleanup $wrong' is a usage error" "$status" 2
done
done_testing
