# SPDX-License-Identifier: Apache-2.0
# Runs a program with a secret and looks for that secret in the command lines and environments of all processes, as
# often as it can while the program runs.
#
#   perl canary.pl [--tty|--crash] SECRET-FILE MARKS-FILE HITS-FILE PROGRAM [WORD...]
#
# @C@ in a word or in the value of a variable becomes the secret, in the program's process only. A hit is a line in
# HITS-FILE: where one of the marks (a line each, parts of the secret) was found. --tty gives the program a terminal
# of its own, answers questions with the secret, or with an empty line where that is offered; what the terminal
# showed is appended to HITS-FILE.tty. --crash ends the program by SIGSEGV soon after its command line is clean. Exits
# like the program; 128 + n for signal n.
use strict;
use warnings;
use Fcntl;
use POSIX ();
use Time::HiRes qw(time);

use constant { TIOCSPTLCK => 0x40045431, TIOCGPTN => 0x80045430, TIOCSCTTY => 0x540E };
use constant SETTLED => 0.6;    # s within which a program must have hidden what it was started with

my $mode = @ARGV && $ARGV[0] =~ /^--/ ? shift : '';
my $tty = $mode eq '--tty';
my ($secret_file, $marks_file, $hits_file, @command) = @ARGV;

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or return;
    local $/;
    return scalar <$file>;
}

my $secret = slurp($secret_file) // die "$secret_file: $!\n";
chomp $secret;
my $marks = join '|', map { quotemeta } split /\n/, slurp($marks_file);
my $marked = qr/$marks/;

sub open_terminal {
    open my $master, '+<', '/dev/ptmx' or die "/dev/ptmx: $!\n";
    my $number = pack 'i', 0;
    ioctl $master, TIOCSPTLCK, $number or die "TIOCSPTLCK: $!\n";
    ioctl $master, TIOCGPTN, $number or die "TIOCGPTN: $!\n";
    return ($master, '/dev/pts/' . unpack 'i', $number);
}

my ($master, $slave) = $tty ? open_terminal() : ();
my $pid = fork // die "fork: $!\n";
if (!$pid) {
    if ($tty) {
        POSIX::setsid();
        open my $terminal, '+<', $slave or die "$slave: $!\n";
        ioctl $terminal, TIOCSCTTY, 0;
    }
    s/\@C\@/$secret/g for values %ENV, @command;
    exec { $command[0] } @command or POSIX::_exit(127);
}

open my $hits, '>>', $hits_file or die "$hits_file: $!\n";
$hits->autoflush(1);
my (%clean, %told, $begin);
my ($answered, $shown) = (0, '');

# What the program was started with is its argument for a moment; once gone it must not come back.
sub look {
    my ($process, $what) = @_;
    my $text = slurp("/proc/$process/$what") // return;
    return if $text eq '';
    my $hit = $text =~ $marked;
    my $begun = $process == $pid && $text !~ /\@C\@/; # before, it was this program
    $begin //= time if $begun;
    my $starting = $process == $pid && !$clean{$what} && time - ($begin // time) < SETTLED;
    $clean{$what} = 1 if $begun && !$hit;
    print $hits "process $process: $what\n" if $hit && !$starting && !$told{"$process $what"}++;
}

sub look_everywhere {
    opendir my $proc, '/proc' or die "/proc: $!\n";
    for my $process (grep { /^\d+$/ && $_ != $$ } readdir $proc) {
        look($process, $_) for qw(cmdline environ);
    }
}

sub talk {
    my $ready = '';
    vec($ready, fileno $master, 1) = 1;
    return if select($ready, undef, undef, 0.01) <= 0;
    sysread $master, my $text, 65536 or return;
    $shown .= $text;
    my @questions = $shown =~ /((?:password|passphrase) [^\n]*: )/gi;
    while ($answered < @questions) {
        syswrite $master, $questions[$answered++] =~ /empty/ ? "\n" : "$secret\n";
    }
}

$SIG{$_} = sub { kill 'TERM', $pid } for qw(TERM INT HUP);
my $status;
my $looks = 0;
until (defined $status) {
    talk() if $tty;
    look_everywhere();
    kill "KILL", $pid if $tty && time - ($begin // time) > 60; # nobody answers
    kill 'SEGV', $pid if $mode eq '--crash' && $clean{cmdline} && ++$looks == 100;
    $status = $? if waitpid($pid, POSIX::WNOHANG()) > 0;
    select undef, undef, undef, 0.005;
}
if ($tty) {
    talk();
    open my $log, '>>', "$hits_file.tty" or die "$hits_file.tty: $!\n";
    print $log $shown;
}
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
