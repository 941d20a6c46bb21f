#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: html.sh PAGE.md >PAGE.html. Needs cmark-gfm. Headings get the anchors that Markdown's links expect.
set -eu
command -v cmark-gfm >/dev/null || {
    echo "make html needs the program cmark-gfm (Debian: the package cmark-gfm)" >&2
    exit 1
}
title=$(sed -n 's/^# //p' "$1" | head -n 1)
cat <<END
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>VMTP: $title</title>
<style>
body { max-width: 50em; margin: 2em auto; padding: 0 1em; font-family: sans-serif; line-height: 1.5 }
pre { background: #eee; padding: .7em; overflow: auto }
td, th { padding: .2em .8em; text-align: left; vertical-align: top }
</style>
</head>
<body>
END
sed 's/^<!-- run.*-->$//' "$1" | cmark-gfm -e table --to html | perl -pe '
    s{^<h([1-6])>(.*)</h\1>}{
        my ($level, $text) = ($1, $2);
        my $id = lc $text;
        $id =~ s/<[^>]*>|[^\w\s-]//g;
        $id =~ s/\s+/-/g;
        "<h$level id=\"$id\">$text</h$level>"
    }e'
printf '</body>\n</html>\n'
