#!/usr/bin/perl
# wav.pl - float WAV files for the tests, without any audio program.
#   wav.pl make FILE RATE CHANNELS FRAMES EXPR   EXPR: a sample of frame $t, channel $c
#   wav.pl dump FILE                             one frame a line (float32, 16 or 24 bits)
#   wav.pl shape FILE                            rate, channels, frames, bits
use strict;
use warnings;

my ($what, $file, @a) = @ARGV;
if ($what eq 'make') {
	my ($rate, $ch, $n, $expr) = @a;
	my $f = eval "sub { my (\$t, \$c) = \@_; $expr }" or die $@;
	my $data = '';
	for my $t (0 .. $n - 1) {
		$data .= pack 'f<*', map { $f->($t, $_) } 0 .. $ch - 1;
	}
	open my $out, '>:raw', $file or die "$file: $!";
	print $out pack('a4Va4a4VvvVVvva4V', 'RIFF', 36 + length $data, 'WAVE', 'fmt ', 16, 3, $ch, $rate,
	    4 * $ch * $rate, 4 * $ch, 32, 'data', length $data), $data;
	close $out or die "$file: $!";
	exit;
}
open my $in, '<:raw', $file or die "$file: $!";
my $all = do { local $/; <$in> };
my ($at, $ch, $rate, $bits) = (12);
while ($at + 8 <= length $all) {
	my ($id, $size) = unpack 'a4V', substr $all, $at, 8;
	(undef, $ch, $rate, undef, undef, $bits) = unpack 'vvVVvv', substr $all, $at + 8, 16 if $id eq 'fmt ';
	last if $id eq 'data';
	$at += 8 + $size + ($size & 1);
}
my $data = substr $all, $at + 8;
my $n = int(length($data) / ($ch * $bits / 8));
if ($what eq 'shape') {
	print "$rate $ch $n $bits\n";
	exit;
}
my @x = $bits == 32 ? unpack('f<*', $data) : $bits == 16 ? map { $_ / 32768 } unpack('s<*', $data) :
    map { unpack('l<', "\0" . substr $data, 3 * $_, 3) / 2147483648 } 0 .. $n * $ch - 1;
for my $t (0 .. $n - 1) {
	print join(' ', map { sprintf '%.9g', $_ } @x[$t * $ch .. ($t + 1) * $ch - 1]), "\n";
}
