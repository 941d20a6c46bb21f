#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The house rules that a program can check. Each point lists the places that break it. make check-style runs only this.
. "${srcdir:-.}/tests/functional/functions.sh"

cd "$srcdir" || exit 99

# In a clone what git knows or would take; in an unpacked release everything but what the build has made.
if files=$(git ls-files -co --exclude-standard 2>/dev/null) && [ -n "$files" ]; then
    :
else
    files=$(find . \( -name '.[!.]*' -o -name _build -o -name _inst -o -name build -o -name build-aux \
        -o -name autom4te.cache -o -name 'lib*.m4' -o -name 'lt*.m4' -o -name aclocal.m4 -o -name configure \
        -o -name Makefile.in -o -name '*.[135]' \) -prune -o -type f -print | sed 's#^\./##')
fi
printf '%s\n' "$files" | grep -v '^tests/fuzz/seeds/' | while read -r file; do # any bytes
    [ ! -f "$file" ] || printf '%s\n' "$file"
done | sort >"$tmp/files"

matching() { # matching REGEX: the files whose name matches
    grep -E -- "$1" "$tmp/files"
}

# Code without comments, character and string constants: names and line numbers stay as they are.
strip() {
    perl -0pe '
        s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*")|(\x27(?:\\.|[^\x27\\\n])*\x27)}
         { my $c = $1; defined $2 ? q("") : defined $3 ? q(0) : ($c =~ s/[^\n]//gr) }gsex;
        s{^(\s*\#\s*include\s*)""}{$1<quoted>}gm' "$1"
}

mkdir -p "$tmp/code"
c_files=$(matching '\.(c|h|cc|def)$')
scripts=$(matching '(\.sh|^try|^check|^\.ci/run|^tests/lab/(lab|image/.*))$')
for file in $c_files; do
    mkdir -p "$tmp/code/${file%/*}"
    strip "$file" >"$tmp/code/$file"
done

none() { # none NAME PLACES: passes when there are no places
    if [ -z "$2" ]; then
        tap_result 0 "$1"
    else
        tap_result 1 "$1"
        printf '%s\n' "$2" | head -n 40 | sed 's/^/# /'
    fi
}

# The places where REGEX (perl's) matches in files. code: only outside comments and constants; a FILES of "" is fine.
in_code() { # in_code REGEX FILES
    (cd "$tmp/code" && in_text "$1" "$2")
}
in_text() { # in_text REGEX FILES
    # shellcheck disable=SC2016 # perl's variables
    [ -z "$2" ] || printf '%s\n' "$2" | regex=$1 xargs perl -CSD -ne \
        'print "$ARGV:$.: $_" if /$ENV{regex}/; close ARGV if eof'
}
except() { # except REGEX: drops the places in files that match
    grep -Ev -- "$1" || :
}

all=$(cat "$tmp/files")
plugins=$(printf '%s\n' "$c_files" | grep '^plugins/')
core=$(printf '%s\n' "$c_files" | grep '^core/')
headers=$(printf '%s\n' "$c_files" | grep '^include/')

banned='alloca|strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|system|popen|strerror|localtime|gmtime'
none "no banned function" "$(in_code "\b($banned)\s*\(" "$c_files")"
none "no line is longer than 120 columns" "$(in_text '^.{121,}$' "$c_files
$scripts
$(matching '\.(py|m4|ac|am|inc)$')")"
none "no tabs and no trailing blanks in C and scripts" "$(in_text '\t|[ \t]+$' "$c_files
$scripts")"
none "each source says its licence" "$(for file in $c_files $scripts $(matching '(\.py|\.m4|\.ac|\.am)$'); do
    head -n 5 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"
done)"
none "no function body is longer than 60 lines" "$(for file in $(printf '%s\n' "$c_files" | grep '\.c'); do
    awk -v file="$file" '
        /^\{$/ { start = NR }
        /^\}/ {
            if (start && NR - start - 1 > 60)
                print file ":" start ": " NR - start - 1 " lines"
            start = 0
        }' "$file"
done)"
none "statics are defined before they are used" "$(in_code '^static [^=;]*\)( __attribute__.*)?;$' \
    "$(printf '%s\n' "$c_files" | grep '\.c$')")"
none "no marks of unfinished work" "$(in_text '\b(TOD[O]|FIXM[E]|XX[X]|HAC[K]|stu[b]|not implemente[d])\b' "$c_files
$scripts
$(matching '\.(py|m4|ac|am|inc|pod|yaml)$')")"
machine='(^|[^A-Za-z0-9_])/wor[k]/|/tmp/(bash_job[s]|[wb]/[a-z])'
registry='(deb|security)[.]debian[.]org|registry[.]npmjs|proxy[.]golang|pypi[.]org'
none "no path or host of one machine" "$(in_text "$machine|$registry" "$all")"
none "a plugin includes vmtp/plugin.h, its own headers and libraries" "$(for file in $plugins; do
    sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\(.*\)".*/\1/p' "$file" | while read -r header; do
        case $header in
        vmtp/plugin.h | plugins/tools/common.h | plugins/sinks/document.h | plugins/topologies/cloud.h) ;;
        core/openstack/* | core/results.h | core/util/xml.h) ;;
        *) [ -f "${file%/*}/${header##*/}" ] || echo "$file: $header" ;;
        esac
    done
done)"
none "a plugin's state is in its instance" "$(in_code '^static (?!const|inline|pthread_once_t)[^()]*(=.*|;)$' \
    "$plugins")"
none "a plugin reads no environment, no YAML, and never waits blindly" "$(in_code \
    '\b((secure_)?getenv|yaml_\w+|u?sleep|nanosleep|exit|abort)\s*\(' "$plugins")"
none "a tool that is brought along has the text of its licence in legal/" "$(for file in $plugins; do
    ! grep -q '\bVMTP_TOOL_BRING\b' "$file" || [ -s "legal/$(basename "$file" .c).txt" ] || echo "$file"
done)"
none "nobody asks for a tool by its name" "$(in_text \
    'str\w*cmp\w*\([^"]*"(nuttcp|iperf3?|ping)"' "$core
$(printf '%s\n' "$plugins" | grep '^plugins/[st]')")"
none "secrets of the environment come from secret.c" "$(in_text \
    'getenv\("(VMTP|OS)_\w*(PASS|SECRET|TOKEN|CREDENTIAL)' "$core" | except '^core/secret\.c:')"
none "a plugin is called through VMTP_CALL" "$(in_code \
    '(->|\.)(tool|sink|topology|ops)(->|\.)\w+\s*\(|\bops->\w+\s*\(' "$core" | except '^core/(transport|ssh|call\.h)')"
none "only the loader includes ltdl.h" "$(in_text '#\s*include\s*<ltdl\.h>' "$c_files" | except '^core/loader\.c:')"
none "libssh2 stays behind its transport" "$(in_text '#\s*include\s*<libssh2' "$core
$plugins" |
    except '^(core/(main|ssh-?[a-z]*|transport-ssh[a-z-]*)|bench/[a-z]*)\.[ch]:')"
none "libcurl stays behind its one place" "$(in_text '#\s*include\s*<curl/' "$core
$plugins" | except '^core/openstack/http(-stream|-words)?\.c:')"
none "the public headers include the C standard only" "$(in_text '#\s*include' "$headers" |
    except '<std(arg|bool|def|int|io)\.h>|"vmtp/(plugin|version)\.h"|<vmtp/(plugin|version)\.h>')"
none "exit() is called by main.c only" "$(in_code '(?<![\w.>])exit\s*\(' "$core" | except '^core/main\.c:')"

if command -v shellcheck >/dev/null; then
    # shellcheck disable=SC2086 # a list of names
    ok "shellcheck finds nothing" shellcheck -x -P SCRIPTDIR -P . $scripts
else
    skip "shellcheck finds nothing" "shellcheck is not installed"
fi
if command -v podchecker >/dev/null && [ -n "$(matching '\.pod$')" ]; then
    # shellcheck disable=SC2046
    ok "podchecker finds nothing" podchecker -warnings $(matching '\.pod$')
else
    skip "podchecker finds nothing" "podchecker is not installed, or there are no pages"
fi

done_testing
