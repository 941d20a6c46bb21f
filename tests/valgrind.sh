#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a program of the build tree under memcheck: tests/valgrind.sh PROGRAM [ARGUMENT...]. For `make check-valgrind`.
# Its exit status is the program's own, or 99 when memcheck has found something: then the words are on standard error.
: "${srcdir:?}" "${builddir:?}"
# Tests that are about time allow for so much more of it.
VMTP_TEST_SLOWNESS=${VMTP_TEST_SLOWNESS:-50}
export VMTP_TEST_SLOWNESS
exec "$builddir/libtool" --silent --mode=execute valgrind --quiet --error-exitcode=99 --leak-check=full \
    --errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect --track-origins=no \
    --child-silent-after-fork=yes --suppressions="$srcdir/tests/valgrind.supp" "$@"
