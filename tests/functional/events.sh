#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page vmtp-events(5) names all that can be in a journal: what the code says, and what journals hold.
# shellcheck disable=SC2016 # perl's variables
. "${srcdir:-.}/tests/functional/functions.sh"
requires perl python3
page=$srcdir/docs/man/vmtp-events.5.pod

names() { # names FILE PERL: the names that a piece of the source has, as the expression finds them
    text=$(perl -0ne "$2" "$srcdir/$1") || exit 99
    printf '%s\n' "$text" | sort -u
}
documented() { # documented NAME MARKUP [FEWEST]: each line of standard input stands in the page in that markup
    missing='' count=0
    while read -r word; do
        [ -n "$word" ] || continue
        count=$((count + 1))
        # shellcheck disable=SC2059 # the markup is a format
        grep -qF -- "$(printf "$2" "$word")" "$page" || missing="$missing $word"
    done
    ok "$1 ($count)" [ "$count" -ge "${3:-1}" ] && is "... are all in the page" "$missing" ''
}

# What the code has.
names core/event.c 'print "$1\n" while /\[VMTP_EV_\w+\] = "([^"]+)"/g' >"$tmp/types"
documented "types of events" '=item B<%s>' 8 <"$tmp/types"
names core/event.c 'print "$1\n" while /\[VMTP_\w+\] = "([A-Z]\w+)"/g' >"$tmp/protos"
documented "protocols" 'C<%s>' 4 <"$tmp/protos"
names core/metrics.def 'print "B<$1> ($2)\n" while /^METRIC\("(\w+)", "([^"]+)"/mg' >"$tmp/metrics"
documented "metrics with their units" '%s' 20 <"$tmp/metrics"
names core/event.c 'my ($f) = /(json_of_load\(.*?\n\})/s; print "$1\n" while $f =~ /put_\w+\(json, "(\w+)"/g' \
    >"$tmp/load"
documented "members of a load" 'B<%s>' 12 <"$tmp/load"
names core/event.c 'my ($f) = /(\nj\w+ \*vmtp_event_to_json\(.*?\n\})/s; print "$1\n" while $f =~ /\(json, "(\w+)"/g' \
    >"$tmp/members"
documented "members of an event" 'B<%s>' 10 <"$tmp/members"
names core/ctx.c 'print "$1\n" while /\{VMTP_E\w+, "([^"]+)"/g' >"$tmp/statuses"
documented "kinds of failures" 'C<%s>' 9 <"$tmp/statuses"
{ names core/run.c 'for my $f (qw(emit_begin emit_end)) { my ($b) = /(static void $f\(.*?\n\})/s;
        print "$1\n" while $b =~ /\{"(\w+)",/g }'
    names core/runner.c 'my ($b) = /(static void emit_flow_begin\(.*?\n\})/s; print "$1\n" while $b =~ /\{"(\w+)",/g;
        print "$1\n" while /recorder_property\([^,;]+, "(\w+)"/g; print "$1\n" while /status = \{"(\w+)"/g'
    names core/endpoint.c 'print "$1\n" while /\{"\w+=", "(\w+)"\}/g'
    for file in "$srcdir"/core/transport-*.c; do
        names "core/${file##*/}" 'print "$1\n" while /pairs_set\(&\w+->properties, "(\w+)"/g'
    done
    for file in "$srcdir"/plugins/tools/*/*.c; do
        names "${file#"$srcdir"/}" 'print "$1\n" while /vmtp_property\(\w+, "(\w+)"/g'
    done
    if [ -f "$srcdir/core/openstack/cloud.c" ]; then
        names core/openstack/cloud.c 'print "$1\n" while /note_fact\(\w+, "(\w+)"/g;
            my ($b) = /\} properties\[\] = (\{.*?\n    \};)/s; $b //= "";
            while ($b =~ /\{"(\w+)",/g) { print "$1\n" unless $1 eq "az" }' # az is az_from and az_to
    fi; } >"$tmp/properties"
documented "properties" 'B<%s>' 35 <"$tmp/properties"

# What the page has, and the code has not.
sed -n '/^=head1 METRICS/,/^=head1 PROPERTIES/p' "$page" | grep -o 'B<[a-z_]*> ([a-z/]*)' | sort -u >"$tmp/told"
sort -u "$tmp/metrics" >"$tmp/there"
is "no metric is made up" "$(comm -23 "$tmp/told" "$tmp/there")" ''
sed -n '/^=head1 TYPES/,/^=head1 LOAD/p' "$page" | sed -n 's/^=item B<\(.*\)>$/\1/p' | sort >"$tmp/told"
is "no type is made up" "$(comm -23 "$tmp/told" "$tmp/types")" ''

# What journals hold.
journal_names() { # journal_names FILE: members, then what the lists in them name
    python3 -c 'import json, sys
for line in open(sys.argv[1]).readlines()[1:]:
    e = json.loads(line)
    for name in list(e) + list(e.get("load", {})) + [v[0] for v in e.get("values", [])] + [
            p[0][7:] if p[0].startswith("server_") else p[0] for p in e.get("properties", [])]:
        print(name)
    print(e["type"])' "$1" | sort -u
}
journal_names "$srcdir/tests/fixtures/journal/1.jsonl" >"$tmp/journal"
documented "names in a journal of version 1" 'B<%s>' 40 <"$tmp/journal"
printf 'sample_interval: 0.5\ntcp_tp_loop_count: 2\n' >"$tmp/samples.yaml"
run "$VMTP" --topology namespace -c "$tmp/samples.yaml" --protocols TUI --udpbuf 1024 --bandwidth 50M -t 1 -q
if [ "$status" = 0 ]; then
    journal_names "$XDG_STATE_HOME"/vmtp/runs/*.jsonl >"$tmp/journal"
    documented "names in the journal of a run" 'B<%s>' 40 <"$tmp/journal"
else
    skip "names in the journal of a run" "no run is possible here: $(printf '%s\n' "$err" | tail -n 1)"
fi
done_testing
