#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What VMTP adds to a measurement over SSH: the time from one result in the journal to the next, less the time that the
# tool's client process ran on its host. A wrapper around nuttcp on the hosts notes when that process begins and ends.
# KEY=rsa: by an RSA key on servers as OpenSSH delivers them, with --protocols TI -t 2.
. "$(dirname "$0")/common.sh"
key=${KEY:-ed25519}
seconds=1
[ "$key" != rsa ] || seconds=2
two_hosts "$key"
requires python3 nuttcp

cat >"$tmp/nuttcp" <<END
#!/bin/sh
case " \$* " in
*' -S '* | *' -1 '* | *' -V '*) exec nuttcp "\$@" ;;
esac
begin=\$(date +%s.%N)
nuttcp "\$@"
status=\$?
echo "\$begin \$(date +%s.%N) \$*" >>"$tmp/clients"
exit \$status
END
chmod 755 "$tmp/nuttcp"
: >"$tmp/clients"
cat >"$tmp/bench.yaml" <<END
tcp_tp_loop_count: 11
END
on_operator "$VMTP" -c "$tmp/bench.yaml" --host "$host_a" --host "$host_b" --inter-node-only \
    --protocols TI -t "$seconds" -q --tp-tool "nuttcp:path=$tmp/nuttcp" >"$tmp/out" 2>"$tmp/err" || {
    cat "$tmp/out" "$tmp/err"
    exit 1
}

head_row "VMTP's own time per measurement, over SSH, key $key, 10 measurements"
journal=$(find "$XDG_STATE_HOME" -name '*.jsonl')
python3 - "$journal" "$tmp/clients" >"$tmp/own" <<'END' || exit 1
import json, sys
results = [event["time_ns"] / 1e9 for event in map(json.loads, open(sys.argv[1]))
           if event.get("type") == "result" and event["load"]["proto"] == "TCP"]
# What else VMTP runs there, a probe of the path for example, counts as its own time.
clients = [[float(word) for word in line.split()[:2]] for line in open(sys.argv[2]) if " -T" in line]
if len(results) != 11 or len(clients) != 11:
    sys.exit("%d results, %d clients" % (len(results), len(clients)))
for i in range(1, 11):
    begin, end = clients[i]
    print("%.4f" % (results[i] - results[i - 1] - (end - begin)))
END
case $key in rsa) limit=0.3 ;; *) limit=0.15 ;; esac
row "median" "$(median <"$tmp/own")" s $limit
note "most" "$(sort -g "$tmp/own" | tail -n 1) s"
exit $bench_failed
