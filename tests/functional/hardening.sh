#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program, the library and every plugin as the linker left them: position-independent, relocations read-only and
# resolved at start, no executable stack, fortified calls.
. "${srcdir:-.}/tests/functional/functions.sh"
requires readelf

flag() { # flag NAME: the value of a variable of the build
    sed -n "s/^$1 = *//p" "$builddir/Makefile"
}
fortified=$(flag VMTP_CPPFLAGS | grep _FORTIFY_SOURCE)
program=$builddir/core/.libs/vmtp
[ -f "$program" ] || program=$builddir/core/vmtp
library=$(find "$builddir/core/.libs" -name 'libvmtp.so.*.*' -type f | head -n 1)

headers() { readelf -hldW "$1" 2>/dev/null; }

calls() { # calls FILE: the functions of libc that it imports
    readelf --dyn-syms -W "$1" 2>/dev/null | awk '$7 == "UND" { print $8 }'
}

hardened() { # hardened NAME FILE
    case $(flag CFLAGS) in
    *-no-pie* | *-fno-pi* | *-static*) skip "$1 can lie at any address" "CFLAGS say otherwise" ;;
    *) like "$1 can lie at any address" "$(headers "$2")" 'Type: *DYN' ;;
    esac
    like "... its relocations are read-only" "$(headers "$2")" 'GNU_RELRO'
    like "... and resolved at start" "$(headers "$2")" 'BIND_NOW|Flags:.* NOW'
    like "... its stack is not executable" "$(headers "$2" | grep GNU_STACK)" 'GNU_STACK .* RW  *0x'
}

if [ -z "$library" ]; then
    skip_all "no shared library in this build"
fi
hardened "the program" "$program"
like "... it is a program all the same" "$(headers "$program")" 'Requesting program interpreter|Flags:.* PIE'
hardened "the library" "$library"
for plugin in "$builddir"/.libs/*.so; do
    [ -f "$plugin" ] || continue
    name=${plugin##*/}
    hardened "${name%.so}" "$plugin"
done

if [ -z "$fortified" ]; then
    skip "the library calls the fortified functions of libc" "this build is not fortified"
elif ! calls "$library" | grep -q '@GLIBC_'; then
    skip "the library calls the fortified functions of libc" "this libc has none"
else
    like "the library calls the fortified functions of libc" "$(calls "$library")" '^__(vs|s|v|f|vf)?n?printf_chk@'
fi
if flag VMTP_CFLAGS | grep -q stack-protector; then
    like "its stack is protected" "$(calls "$library")" '^__stack_chk_fail'
else
    skip "its stack is protected" "sanitizers watch it in this build"
fi
done_testing
