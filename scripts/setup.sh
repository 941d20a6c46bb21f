# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034 # what is set here is read by those that source it
# Sourced by try, check and .ci/run (POSIX sh): what VMTP needs, and how it is built out of tree. $top: the source tree.

# The lists are Debian's names; elsewhere missing_requirements() names the programs and headers themselves.
build_packages='autoconf automake gcc libc6-dev libcurl4-openssl-dev libexpat1-dev libjansson-dev libltdl-dev
    libmongoc-dev libssh2-1-dev libssl-dev libtool libyaml-dev make perl pkg-config'
# msgpack-c has another name from Debian 13 on.
if apt-cache show libmsgpack-c-dev >/dev/null 2>&1; then
    build_packages="$build_packages libmsgpack-c-dev"
else
    build_packages="$build_packages libmsgpack-dev"
fi
run_packages='iperf iperf3 iproute2 iputils-ping nuttcp'
test_packages='g++ iptables openssh-client openssh-server openssl procps python3'
ci_packages='busybox-static chromium clang cmark-gfm debootstrap fish git libclang-rt-14-dev shellcheck tcsh
    util-linux valgrind xz-utils zsh'

build=${VMTP_BUILD:-$top/build}
jobs=$(nproc 2>/dev/null || echo 2)

say() { printf '==> %s\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# ip and friends are in the system's directories, which an ordinary user's PATH may lack.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

# quietly LOG COMMAND...: the output goes to LOG, and its end to the screen if the command fails.
quietly() {
    quietly_log=$1
    shift
    if "$@" >"$quietly_log" 2>&1; then
        return 0
    fi
    tail -n 40 "$quietly_log" >&2
    printf '%s: failed: %s (all of its output: %s)\n' "${0##*/}" "$*" "$quietly_log" >&2
    return 1
}

missing_packages() { # missing_packages PACKAGE...
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        *' installed') ;;
        *) echo "$package" ;;
        esac
    done
}

# Installs what is missing, as root or by sudo. That it cannot is not the end: missing_requirements() decides.
ensure_packages() { # ensure_packages PACKAGE...
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        say "Not a Debian-like system: nothing is installed, what is there is used"
        return 0
    fi
    say "Packages: $(printf '%s ' "$@")"
    packages=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    say "To be installed: $packages"
    # shellcheck disable=SC2086 # a list of words
    if [ "$(id -u)" = 0 ]; then
        sh "$top/scripts/install-packages.sh" $packages
    elif command -v sudo >/dev/null; then
        sudo sh "$top/scripts/install-packages.sh" $packages
    else
        say "Not root, and no sudo: root can install them with apt-get install --no-install-recommends $packages"
    fi || say "The packages could not be installed"
}

has_header() { printf '#include <%s>\n' "$1" | ${CC:-cc} -E - >/dev/null 2>&1; }

missing_requirements() { # one line for each thing that the build cannot do without
    for program in autoreconf libtoolize make pkg-config pod2man; do
        command -v "$program" >/dev/null || echo "the program $program"
    done
    command -v "${CC:-cc}" >/dev/null || command -v gcc >/dev/null || echo "a C compiler"
    for library in 'libssh2 >= 1.9' 'jansson >= 2.12' yaml-0.1 'libcrypto >= 1.1.1' 'libcurl >= 7.68' \
        'expat >= 2.2.6'; do
        pkg-config --exists "$library" 2>/dev/null || echo "the library $library with its headers"
    done
    has_header ltdl.h || echo "the library libltdl with its header ltdl.h"
}

require_build() {
    missing=$(missing_requirements)
    [ -z "$missing" ] || die "VMTP cannot be built here, missing:
$missing"
    for folder in "$top" "$build"; do
        [ ! -e "$folder" ] || [ -w "$folder" ] || die "$folder is not writable for $(id -un): use its owner's account"
    done
}

# Builds into $1; what was built before is kept, unless the arguments of configure are others now.
build_in() { # build_in DIR [CONFIGURE-ARGUMENT...]
    dir=$1
    shift
    mkdir -p "$dir" || return 1
    [ -x "$top/configure" ] || quietly "$dir/autoreconf.log" autoreconf -fi "$top" || return 1
    if [ ! -f "$dir/config.status" ] || [ "$(cat "$dir/configured-with" 2>/dev/null)" != "$*" ]; then
        (cd "$dir" && quietly "$dir/configure.log" "$top/configure" "$@") || return 1
        printf '%s' "$*" >"$dir/configured-with"
        [ ! -f "$dir/built" ] || make -C "$dir" clean >/dev/null || return 1
    fi
    quietly "$dir/make.log" make -C "$dir" -j "$jobs" all || return 1
    touch "$dir/built"
}

# Counts the points of every test in a build directory: sets $passed, $failed, $skipped.
count_tests() { # count_tests DIR
    points=$(find "$1" -name '*.trs' -exec cat {} + 2>/dev/null | awk '
        /^:test-result: (PASS|XFAIL)/ { passed++ }
        /^:test-result: (FAIL|XPASS|ERROR)/ { failed++ }
        /^:test-result: SKIP/ { skipped++ }
        END { printf "%d %d %d", passed, failed, skipped }')
    passed=${points%% *} skipped=${points##* }
    failed=${points#* } failed=${failed% *}
}

# Runs the tests of a build directory and counts them; a run that failed without a failing test counts as one. What make
# is told by TESTS=... are names of lists in tests/Makefile.inc. Tests run side by side; many have to do with time, so
# one that fails gets a second run with the machine to itself, which counts, and is named.
test_in() { # test_in DIR [MAKE-ARGUMENT...]
    dir=$1
    shift
    find "$dir" -name '*.trs' -exec rm -f {} +
    test_status=0
    make -C "$dir" -k -j "$jobs" check "$@" || test_status=1
    count_tests "$dir"
    if [ "$failed" != 0 ]; then
        say "Again, one by one: $(grep -lE '^:test-result: (FAIL|XPASS|ERROR)' -r "$dir/tests" --include='*.trs' |
            sed "s#^$dir/##; s#\.trs\$##" | tr '\n' ' ')"
        test_status=0
        make -C "$dir" -k recheck "$@" || test_status=1
        count_tests "$dir"
    fi
    [ $test_status = 0 ] || [ "$failed" != 0 ] || failed=1
    [ "$((passed + failed + skipped))" != 0 ] || failed=1
    [ "$failed" = 0 ]
}

print_counts() { echo "$passed passed, $failed failed, $skipped skipped"; }
