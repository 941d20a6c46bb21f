# SPDX-License-Identifier: Apache-2.0
# embed.pl NAME=FILE...: each file as a C string html_NAME, and its SHA-256 in base64 as html_NAME_digest.
use strict;
use warnings;
use Digest::SHA 'sha256_base64';

print qq(#include "plugins/sinks/html/render.h"\n);
for my $argument (@ARGV) {
    my ($name, $file) = split /=/, $argument, 2;
    open my $in, '<', $file or die "$file: $!\n";
    my $text = join '', <$in>;
    $text =~ s/^ *\/\*.*?\*\/\n//gm; # comments on lines of their own, indents and empty lines stay at home
    $text =~ s/^ +//gm;
    $text =~ s/\n+/\n/g;
    my $digest = sha256_base64($text);
    $digest .= '=' while length($digest) % 4;
    $text =~ s/([\\"])/\\$1/g;
    $text =~ s/^(.*)\n/    "$1\\n"\n/gm;
    print qq(\nconst char html_${name}_digest[] = "$digest";\nconst char html_${name}[] =\n$text    ;\n);
}
