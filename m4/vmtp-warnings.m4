# SPDX-License-Identifier: Apache-2.0
#
# VMTP_WARNINGS: -Wall -Wextra and friends into VMTP_CFLAGS; --enable-werror makes them errors.
AC_DEFUN([VMTP_WARNINGS], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [compiler warnings are errors])])
VMTP_CFLAGS="-std=gnu11 -fvisibility=hidden -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
-Wformat=2 -Wvla -Wpointer-arith -Wundef"
AS_IF([test "$enable_werror" = yes], [VMTP_CFLAGS="$VMTP_CFLAGS -Werror"])
AC_SUBST([VMTP_CFLAGS])
])

# VMTP_SANITIZER: --with-sanitizer=address,undefined
AC_DEFUN([VMTP_SANITIZER], [
AC_ARG_WITH([sanitizer], [AS_HELP_STRING([--with-sanitizer=LIST], [build with -fsanitize=LIST])],
    [vmtp_sanitizer=$withval], [vmtp_sanitizer=])
AS_IF([test "$vmtp_sanitizer" = no], [vmtp_sanitizer=])
VMTP_FUZZER
VMTP_ZDEFS="-Wl,-z,defs"
AS_IF([test -n "$vmtp_sanitizer"], [
    VMTP_CFLAGS="$VMTP_CFLAGS -fsanitize=$vmtp_sanitizer -fno-sanitize-recover=all -fno-omit-frame-pointer"
    VMTP_LDFLAGS="-fsanitize=$vmtp_sanitizer"
    VMTP_ZDEFS= # clang leaves the sanitizer's own symbols undefined in shared objects
])
AC_SUBST([VMTP_LDFLAGS])
AC_SUBST([VMTP_ZDEFS])
AM_CONDITIONAL([SANITIZER], [test -n "$vmtp_sanitizer"])
])

# VMTP_FUZZER: --with-fuzzer makes tests/fuzz/* programs of libFuzzer, with its sanitizers, for `make fuzz`.
AC_DEFUN([VMTP_FUZZER], [
AC_ARG_WITH([fuzzer], [AS_HELP_STRING([--with-fuzzer], [fuzz targets with libFuzzer of clang])], [], [with_fuzzer=no])
AS_IF([test "$with_fuzzer" != no], [
    AS_IF([test -n "$vmtp_sanitizer"], [AC_MSG_ERROR([--with-fuzzer brings its own sanitizers])])
    vmtp_sanitizer=fuzzer-no-link,address,undefined
    vmtp_flags=$CFLAGS
    CFLAGS="$CFLAGS -fsanitize=fuzzer"
    AC_MSG_CHECKING([for libFuzzer])
    AC_LINK_IFELSE([AC_LANG_SOURCE([[#include <stddef.h>
        int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n) { return data && n > 9 ? 0 : 0; }]])],
        [AC_MSG_RESULT([yes])],
        [AC_MSG_ERROR([--with-fuzzer wants CC=clang and its run-time library (libclang-rt-dev)])])
    CFLAGS=$vmtp_flags
])
AM_CONDITIONAL([FUZZER], [test "$with_fuzzer" != no])
])

# VMTP_HARDENING: stack protector, fortified libc calls, PIE, full RELRO. What the user's flags say stays: -O0, a
# _FORTIFY_SOURCE or -fno-pie of their own. Sanitizers have better checks than the fortified calls. VMTP_PIE_CFLAGS and
# VMTP_PIE_LDFLAGS are for programs alone, and empty where the compiler makes position-independent ones by itself.
AC_DEFUN([VMTP_HARDENING], [
AS_IF([test -z "$vmtp_sanitizer"], [
    VMTP_CFLAGS="$VMTP_CFLAGS -fstack-protector-strong"
    AS_CASE(["$CPPFLAGS $CFLAGS"], [*_FORTIFY_SOURCE*], [], [*-O0*], [],
        [*-O*], [VMTP_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
])
AS_CASE(["$CFLAGS $LDFLAGS"], [*-no-pie* | *-fno-pi* | *-fno-PI* | *-static*], [],
    [AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#ifndef __PIE__
#error no
#endif
]])], [], [VMTP_PIE_CFLAGS=-fPIE VMTP_PIE_LDFLAGS=-pie])])
AC_SUBST([VMTP_PIE_CFLAGS])
AC_SUBST([VMTP_PIE_LDFLAGS])
VMTP_LDFLAGS="$VMTP_LDFLAGS -Wl,-z,relro -Wl,-z,now"
AC_SUBST([VMTP_CPPFLAGS])
])
