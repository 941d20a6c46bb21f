#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All protocols on all six scenarios, as admin over http; and as an ordinary user.
. "${srcdir:-.}/tests/openstack/lab.sh"

measured() { # measured NAME FLOWS: all of it passed with numbers
    is "$1: all flows passed" "$(flows '[f["status"] for f in d["flows"]].count("passed")')" "$2"
    is "... three TCP, three UDP, three ping results each" "$(flows '{tuple(len([i for i in f["results"]
        if i["protocol"] == p]) if p != "ICMP" else len([i for i in f["results"] if i["protocol"] == p][0]["rtt"])
        if f["results"] and "rtt" in [i for i in f["results"] if i["protocol"] == p][0] else 3
        for p in ("TCP", "UDP", "ICMP")) for f in d["flows"]}')" "{(3, 3, 3)}"
    is "... each with a number" "$(flows '[i for f in d["flows"] for i in f["results"]
        if i["protocol"] != "ICMP" and not i.get("throughput_bps", 0) > 1e5]')" "[]"
}

remember
vmtp --protocols TUI -t 2 --json "$tmp/out.json"
is "a run as admin" "$status" 0 || told
same "... nothing is left"
measured "admin" 6

who=demo
remember
vmtp --protocols TI -t 1 --json "$tmp/out.json"
is "a run as an ordinary user" "$status" 0 || told
same "... nothing is left"
# Who may not see hosts gets the placement that nova chose: intra or inter, by the machines' host ids.
ok "... measures three scenarios or six" [ "$(flows 'len(d["flows"])')" -ge 3 ]
is "... which pass" "$(flows '{f["status"] for f in d["flows"]}')" "{'passed'}"
done_testing
