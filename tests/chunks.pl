#!/usr/bin/perl
# chunks.pl - places in WAV files, for the tests: what chunks cue, LIST adtl, smpl and inst have, read and written by hand.
#   chunks.pl show FILE          print them, one a line, in the order of the file
#   chunks.pl add FILE <LINES    put them, given as such lines, behind the data
use strict;
use warnings;

my ($what, $name) = @ARGV;
open my $f, '<:raw', $name or die "$name: $!";
my $all = do { local $/; <$f> };
die "$name is no WAV file" unless $all =~ /^RIFF....WAVE/s;

sub chunk { my ($id, $data) = @_; $id . pack('V', length $data) . $data . (length($data) & 1 ? "\0" : '') }

if ($what eq 'add') {
	my (@cue, $adtl, @loop, $note, $inst);
	while (<STDIN>) {
		chomp;
		my ($kind, $id, $text) = split / /, $_, 3;
		if ($kind eq 'cue') { push @cue, pack('VVa4VVV', $id, $text, 'data', 0, 0, $text) }
		elsif ($kind eq 'labl' || $kind eq 'note') { $adtl .= chunk($kind, pack('V', $id) . "$text\0") }
		elsif ($kind eq 'ltxt') { my ($len, $said) = split / /, $text, 2; $adtl .= chunk('ltxt', pack('VVa4v4', $id, $len, 'rgn ', 0, 0, 0, 0) . ($said // '')) }
		elsif ($kind eq 'loop') { my ($type, $from, $to, $count) = split / /, $text; push @loop, pack('V6', $id, $type, $from, $to, 0, $count) }
		elsif ($kind eq 'unity') { $note = $id }
		elsif ($kind eq 'inst') { $inst = pack('cccC4', $id, 0, 0, 0, 127, 1, 127) }
		else { die "what is '$_'" }
	}
	$all .= chunk('cue ', pack('V', scalar @cue) . join '', @cue) if @cue;
	$all .= chunk('LIST', "adtl$adtl") if $adtl;
	$all .= chunk('smpl', pack('V9', 0, 0, 20833, $note // 60, 0, 0, 0, scalar @loop, 0) . join '', @loop) if @loop || defined $note;
	$all .= chunk('inst', $inst) if defined $inst;
	substr($all, 4, 4) = pack 'V', length($all) - 8;
	open my $o, '>:raw', $name or die "$name: $!";
	print $o $all;
	close $o or die "$name: $!";
	exit;
}
for (my $at = 12; $at + 8 <= length $all;) {
	my ($id, $size) = unpack 'a4V', substr $all, $at, 8;
	my $data = substr $all, $at + 8, $size;
	$at += 8 + $size + ($size & 1);
	if ($id eq 'cue ') {
		my @v = unpack 'V(VVa4VVV)*', $data;
		die 'cue: count' unless shift(@v) * 6 == @v;
		while (my ($n, $play, $in, $start, $block, $off) = splice @v, 0, 6) {
			die "cue: $n" unless $in eq 'data' && $play == $off && !$start && !$block;
			print "cue $n $off\n";
		}
	} elsif ($id eq 'LIST' && $data =~ s/^adtl//) {
		while (length $data) {
			my ($k, $len) = unpack 'a4V', $data;
			my ($n, $rest) = unpack 'Va*', substr $data, 8, $len;
			substr($data, 0, 8 + $len + ($len & 1)) = '';
			if ($k eq 'ltxt') { my ($l, $p, @no) = unpack 'Va4v4', $rest; die 'ltxt' unless $p eq 'rgn '; $rest = "$l " . substr $rest, 16 }
			$rest =~ s/\0.*//s;
			$rest =~ s/ $//;
			print "$k $n $rest\n";
		}
	} elsif ($id eq 'smpl') {
		my @v = unpack 'V*', $data;
		print "unity $v[3]\nperiod $v[2]\n";
		die 'smpl: count' unless 9 + 6 * $v[7] == @v;
		for (my $i = 9; $i < @v; $i += 6) { print "loop $v[$i] $v[$i + 1] $v[$i + 2] $v[$i + 3] $v[$i + 5]\n" }
	} elsif ($id eq 'inst') {
		die 'inst: length' unless $size == 7;
		print 'inst ', unpack('c', $data), "\n";
	}
}
