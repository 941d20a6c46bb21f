#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each public header compiles alone, as C11 and as C++20, without a warning; and so does a plugin written in C++.
. "${srcdir:-.}/tests/functional/functions.sh"

strict='-Wall -Wextra -pedantic -Werror -fsyntax-only'
seen_headers=
include="-I$srcdir/include -I$builddir/include"

compiles() { # compiles HEADER LANGUAGE STANDARD COMPILER
    name="vmtp/$1 compiles alone as $3 with $4"
    if ! command -v "$4" >/dev/null; then
        skip "$name" "$4 is not installed"
        return 0
    fi
    printf '#include <vmtp/%s>\nextern int alone;\n' "$1" >"$tmp/alone.$2"
    # shellcheck disable=SC2086 # lists of options
    ok "$name" "$4" -std="$3" $strict $include "$tmp/alone.$2"
}

for header in "$srcdir"/include/vmtp/*.h "$builddir/include/vmtp/version.h"; do
    header=${header##*/}
    case " $seen_headers" in
    *" $header "*) continue ;;
    esac
    seen_headers="$seen_headers$header "
    for compiler in gcc clang; do
        compiles "$header" c c11 $compiler
    done
    for compiler in g++ clang++; do
        compiles "$header" cc c++20 $compiler
    done
done

done_testing
