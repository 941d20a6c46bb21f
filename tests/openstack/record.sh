#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: record.sh DIALOGUE OPTION...: as root, a run of vmtp in the lab with these options, and all that it says to the
# cloud and hears from it written to DIALOGUE, for the tests that play it again (tests/fake/cloud.py). VMTP is the
# program.
. "${srcdir:-.}/tests/openstack/lab.sh"

dialogue=$1
shift
# shellcheck disable=SC2317 # called by run
vmtp_recorded() {
    # shellcheck disable=SC2016 # expanded in the lab
    in_lab sh -c '
        dialogue=$1 port=$2
        /usr/bin/python3 "$0" record "$dialogue" "$port" &
        recorder=$!
        shift 2
        until [ -s "$port" ]; do sleep 0.1; done
        http_proxy=http://127.0.0.1:$(cat "$port") "$@"
        status=$?
        kill "$recorder"
        wait "$recorder"
        exit $status' "$srcdir/tests/fake/cloud.py" "$dialogue" "$tmp/port" "$VMTP" -c "$tmp/lab.yaml" "$@"
}
remember
run vmtp_recorded "$@"
printf '%s\n%s\n' "$out" "$err" | sed 's/^/# /'
is "the recorded run" "$status" 0
same "nothing is left"
diag "$(wc -l <"$dialogue") exchanges, $(wc -c <"$dialogue") bytes"
done_testing
