# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154 # for the tests that source it, behind functions.sh
# How this tree was configured, for tests that compile against it: $cc, $cxx, $sanitize (an option or nothing).

from_makefile() { # from_makefile VARIABLE: its value, all lines of it
    sed -n "/^$1 = /{ s///; :more; /\\\\\$/{ s///; N; s/\\n//; b more
        }; p; }" "$builddir/Makefile"
}
cc=$(from_makefile CC)
cxx=$(from_makefile CXX)
sanitize=$(from_makefile VMTP_LDFLAGS | grep -o -- '-fsanitize=[^ ]*')
