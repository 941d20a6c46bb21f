# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # $srcdir comes from functions.sh
# The commands of the user guide: a block of ```sh, with <!-- WHERE --> in the line before.
guide=$srcdir/docs/guide.md
blocks() { # blocks WHERE: the numbers of the lines where they begin
    awk -v where="<!-- $1 -->" '/^```sh/ && before == where { print NR } { before = $0 }' "$guide"
}
block() { # block NUMBER
    awk -v from="$1" 'NR > from && /^```/ { exit } NR > from' "$guide"
}
