# Answers questions about Debian versions by dpkg's own library: see ../peers.ts for the lines.
use strict;
use warnings;
use Dpkg::Version;

while (my $line = <STDIN>) {
    chomp $line;
    my ($kind, $first, $second) = split /\t/, $line, -1;
    my ($x, $y) = map { Dpkg::Version->new($_, check => 1) } $first, $second;
    print !defined $x || !defined $y ? "?" : ('<', '=', '>')[($x <=> $y) + 1], "\n";
}
