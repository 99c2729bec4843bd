#!/bin/sh
# audio-prep on the command line.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

common_checks audio-prep

wav() { perl "$SRC/tests/wav.pl" "$@"; }
same() { wav dump "$1" >s1; wav dump "$2" >s2; cmp s1 s2; } # sample for sample
# lines FILE FROM COUNT: those frames as text
lines() { wav dump "$1" | tail -n +$(($2 + 1)) | head -n "$3"; }
noise='(($t * 7919 + $c * 104729 + ($t * $t) % 8191) % 2003 / 1001.5 - 1)'
wav make st.wav 48000 2 48000 "0.4 * $noise"
wav make mono.wav 48000 1 48000 "0.4 * $noise"
wav make dual.wav 48000 2 3000 '$c = 0; 0.4 * '"$noise"
wav make anti.wav 48000 2 3000 '($c ? -1 : 1) * sin($t / 10)'
wav make three.wav 48000 3 200 '$c / 8 + $t / 1000'

# An exact copy.
run audio-prep --report r.json --provenance p.json -o copy.wav st.wav
check 'no option: exit 0' status_is 0
check 'nothing is said' test ! -s err
check 'no option: a copy, bit for bit' same copy.wav st.wav
check 'the report says so' jq -e '.schema == "audio-prep/1" and .copy == true and .frames == 48000 and .out_frames == 48000 and
	.channels == 2 and .out_channels == 2 and .encoding == "f32" and .dc_offset == null' r.json
check 'the provenance names input and output' sh -c '
	jq -r "(.inputs + .outputs)[] | .sha256 + \"  \" + .file" p.json | sha256sum -c'
audio-prep -o again.wav copy.wav
check 'a copy of a copy has the same bytes' cmp again.wav copy.wav
cp r.json r0.json
# is_copy WANTED ARGUMENTS: whether the report says it is a copy
is_copy() {
	want=$1
	shift
	audio-prep --report ic.json "$@" && jq -e ".copy == $want" ic.json
}
check 'rounding to 24 bits is no copy' is_copy false -e s24 -o c24.wav st.wav
check 'nor is it by the name of a format' is_copy false -o c24.flac st.wav
check '24 bits in 24 bits are one' is_copy true -o c24.aiff c24.flac
check 'in 16 they are not' is_copy false -e s16 -o c16.wav c24.flac
check '16 in 24 are' is_copy true -e s24 -o c16.flac c16.wav
check 'a joined one may be of more bits' is_copy false --concat -e s24 -o cj.wav c16.wav st.wav
audio-prep <st.wav >pipe.wav
check 'standard input to standard output' same pipe.wav st.wav
audio-prep -g 0 -r 48000 --start 0 --length 1 -o zero.wav st.wav
check 'options that change nothing copy too' cmp zero.wav copy.wav

# Channels.
audio-prep -c left -o l.wav st.wav
audio-prep -c right -o r.wav st.wav
audio-prep -c 2 -o r2.wav st.wav
check 'left and right are what they are' sh -c '
	for f in l r st; do perl "$SRC/tests/wav.pl" dump $f.wav >$f.txt; done; paste -d " " l.txt r.txt | cmp - st.txt'
check 'right is channel 2' cmp r.wav r2.wav
audio-prep -c mono --report r.json -o m.wav dual.wav
audio-prep -c left -o l.wav dual.wav
check 'mono of identical channels is the left, bit for bit' cmp m.wav l.wav
check 'and the report says why' jq -e '.channels_rule == "identical channels" and .channel == 1 and .copy == false' r.json
wav make half.wav 48000 2 3000 '$c ? '"$noise"' : 0'
audio-prep -c mono --report r.json -o m.wav half.wav
audio-prep -c right -o r.wav half.wav
check 'mono takes the channel that sounds' cmp m.wav r.wav
check 'and says so' jq -e '.channels_rule == "other channel silent" and .channel == 2' r.json
audio-prep -c mono --report r.json -o m.wav st.wav 2>err
check 'mono of different channels is their mean' sh -c '
	perl "$SRC/tests/wav.pl" dump m.wav | paste -d " " - st.txt | awk "(\$1 - (\$2 + \$3) / 2) ^ 2 > 1e-14 { exit 1 } END { exit NR != 48000 }"'
check 'correlation and loss are reported' jq -e '.channels_rule == "mid" and .channel == null and .correlation > -0.5 and .correlation < 0.5 and .mix_loss_db > 1 and .mix_loss_db < 5' r.json
audio-prep -q -c mid -o m2.wav st.wav
check 'mid is the same' cmp m.wav m2.wav
audio-prep -c sum -o s.wav three.wav
check 'sum of three' sh -c '
	perl "$SRC/tests/wav.pl" dump three.wav >3.txt; perl "$SRC/tests/wav.pl" dump s.wav | paste -d " " - 3.txt | awk "(\$1 - \$2 - \$3 - \$4) ^ 2 > 1e-12 { exit 1 } END { exit NR != 200 }"'
wav make near.wav 48000 2 3000 '($c ? -0.5 : 1) * sin($t / 10)'
run audio-prep -c mono -o m.wav near.wav
check 'partial cancelling is a warning' sh -c "test $status = 0 && grep -q 'warning: left and right of .near.wav. cancel in part: correlation -1.000' err"
audio-prep -q -c mono -o m.wav near.wav 2>err
check '-q: no warning' test ! -s err

# Cutting.
audio-prep --start-frame 100 --length-frames 50 --report r.json -o c.wav st.wav
check 'frames 100 to 149' sh -c 'tail -n +101 st.txt | head -n 50 >w; perl "$SRC/tests/wav.pl" dump c.wav | cmp - w'
check 'the report has the place' jq -e '.start_frame == 100 and .length_frames == 50 and .copy == false' r.json
audio-prep -s 0.25 -l 0.5 -o c.wav st.wav
check 'seconds are frames at the rate' sh -c 'tail -n +12001 st.txt | head -n 24000 >w; perl "$SRC/tests/wav.pl" dump c.wav | cmp - w'
audio-prep -s 0.25 -l 0.5 <st.wav >p.wav
check 'the same from a pipe' same p.wav c.wav
audio-prep --length-frames 7 --report r.json -o c.wav st.wav
check 'the head alone is no copy' jq -e '.copy == false and .frames == 48000' r.json
run sh -c '{ perl -e "print STDERR q(); open F, q(<), q(st.wav); print while <F>; close STDOUT or exit 9"; echo "up $?" >up; } | audio-prep -l 0.001 -o c.wav'
check 'the program before is read to its end' grep -qx 'up 0' up

# Silence.
wav make quiet.wav 48000 1 20000 '$t < 3000 || $t > 15000 ? 0.001 * (-1) ** $t : $t == 9000 ? 0 : 0.5 * cos($t)'
audio-prep -t -40 --report r.json -o t.wav quiet.wav
check 'trim: both ends' jq -e '.trimmed_start_frames == 3000 and .trimmed_end_frames == 4999 and .length_frames == 12001 and .start_frame == 3000' r.json
lines quiet.wav 3000 12001 >w
check 'trim: what is left is untouched' sh -c 'perl "$SRC/tests/wav.pl" dump t.wav | cmp - w'
audio-prep -t -40 <quiet.wav >p.wav
check 'trim: the same from a pipe' same p.wav t.wav
audio-prep -t -80 -o t.wav quiet.wav
check 'trim: a lower threshold keeps it all' same t.wav quiet.wav
audio-prep -s 0.1 -t -40 --report r.json -o t.wav quiet.wav
check 'trim after cut: places are those of the input' jq -e '.start_frame == 4800 and .trimmed_start_frames == 0 and .trimmed_end_frames == 4999' r.json

# DC, gain, polarity.
wav make dc.wav 48000 2 10000 '($c ? -0.1 : 0.2) + 0.25 * sin(6.283185307179586 * $t / 100)'
audio-prep --remove-dc --report r.json -o d.wav dc.wav
check 'remove-dc: each channel by its own mean' sh -c '
	perl "$SRC/tests/wav.pl" dump d.wav | awk "{ a += \$1; b += \$2; if (\$1 > p) p = \$1 } END { a /= NR; b /= NR; exit !(a ^ 2 < 1e-16 && b ^ 2 < 1e-16 && p > 0.2499 && p < 0.2501) }"'
check 'remove-dc: reported' jq -e '(.dc_offset[0] - 0.2) * (.dc_offset[0] - 0.2) < 1e-12 and (.dc_offset[1] + 0.1) * (.dc_offset[1] + 0.1) < 1e-12' r.json
audio-prep --remove-dc <dc.wav >p.wav
check 'remove-dc: the same from a pipe' same p.wav d.wav
audio-prep --remove-dc -t -40 --report r.json -o d.wav dc.wav
check 'silence is sought without the DC' jq -e '.trimmed_start_frames == 1' r.json
audio-prep -g 6.020599913279624 --invert -o g.wav mono.wav
check 'gain and polarity' sh -c '
	perl "$SRC/tests/wav.pl" dump mono.wav >a; perl "$SRC/tests/wav.pl" dump g.wav | paste - a | awk "(\$1 + 2 * \$2) ^ 2 > 1e-14 { exit 1 } END { exit NR != 48000 }"'
audio-prep --invert -o i.wav g.wav
audio-prep --invert -o ii.wav i.wav
check 'inverted twice is the same' cmp ii.wav g.wav

# Fades and padding.
wav make one.wav 48000 1 4800 1
audio-prep --fade-in 10 --fade-out 20 --report r.json -o f.wav one.wav
check 'fades: 3t^2 - 2t^3 over 480 and 960 frames' sh -c '
	perl "$SRC/tests/wav.pl" dump f.wav | awk "{ n = NR - 1; t = n < 480 ? n / 480 : 1; u = 4799 - n; u = u < 960 ? u / 960 : 1
		w = t * t * (3 - 2 * t) * u * u * (3 - 2 * u); if ((\$1 - w) ^ 2 > 1e-13) exit 1 } END { exit NR != 4800 }"'
check 'fades: reported' jq -e '.fade_in_frames == 480 and .fade_out_frames == 960' r.json
audio-prep --fade-in 10 --fade-out 20 <one.wav >p.wav
check 'fades: the same from a pipe' same p.wav f.wav
perl -e 'open F, "<:raw", "one.wav"; local $/; $_ = <F>; substr($_, 40, 4) = "\xff" x 4; print' >open.wav
# shellcheck disable=SC2002
cat open.wav | audio-prep --fade-out 20 --fade-in 10 >p.wav
check 'fades: and from a pipe that does not tell its length' same p.wav f.wav
audio-prep --pad-start 0.01 --pad-end 0.02 -o p.wav one.wav
check 'padding' sh -c 'perl "$SRC/tests/wav.pl" dump p.wav | awk "\$1 != (NR > 480 && NR <= 5280) { exit 1 } END { exit NR != 6240 }"'

# Rate.
wav make sine.wav 48000 1 48000 'sin(6.283185307179586 * 1000 * $t / 48000) / 2'
audio-prep -r 44100 --report r.json -o s.wav sine.wav
check 'resampled: the length' jq -e '.out_rate_hz == 44100 and .out_frames == 44100 and .rate_hz == 48000' r.json
check 'resampled: the same sine at the same time' sh -c '
	perl "$SRC/tests/wav.pl" dump s.wav | awk "NR > 500 && NR < 43600 { w = sin(6.283185307179586 * 1000 * (NR - 1) / 44100) / 2; e += (\$1 - w) ^ 2; n++ }
		END { exit !(n > 43000 && e / n < 1e-10) }"'
audio-prep -r 44100 <sine.wav >p.wav
check 'resampled: the same from a pipe' same p.wav s.wav
audio-prep -r 96000 --pad-start 0.5 --report r.json -o s.wav sine.wav
check 'padding is at the new rate, and silent' sh -c '
	jq -e ".pad_start_frames == 48000 and .out_frames == 144000" r.json && perl "$SRC/tests/wav.pl" dump s.wav | head -n 48000 | awk "\$1 != 0 { exit 1 }"'

for how in medium fast exact; do
	audio-prep -r 44100 --resampler $how --report r.json -o q.wav sine.wav
	check "resampler $how: the same sine at the same time" sh -c '
	perl "$SRC/tests/wav.pl" dump q.wav | awk "NR > 500 && NR < 43600 { w = sin(6.283185307179586 * 1000 * (NR - 1) / 44100) / 2; e += (\$1 - w) ^ 2; n++ }
		END { exit !(n > 43000 && e / n < 1e-10) }"'
	check "resampler $how: reported" jq -e --arg h $how '.resampler == $h and .out_frames == 44100' r.json
done
check 'no rate, no resampler' jq -e '.resampler == null' r0.json
if command -v sox >/dev/null && command -v ffmpeg >/dev/null; then
	wav make music.wav 48000 2 48000 '0.2 * sin($t / 3 + $c) + 0.2 * sin($t / 7.7) + 0.1 * sin($t * $t / 90000)'
	audio-prep -r 44100 -o ours.wav music.wav
	sox music.wav -b 32 -e float sox.wav rate -v -s 44100 2>/dev/null
	ffmpeg -nostdin -v error -i music.wav -af aresample=44100:resampler=soxr:precision=28 -c:a pcm_f32le soxr.wav ||
		cp sox.wav soxr.wav
	for peer in sox soxr; do
		perl "$SRC/tests/wav.pl" dump $peer.wav >p.txt
		check "resampled: null against $peer under -100 dB" sh -c '
	perl "$SRC/tests/wav.pl" dump ours.wav | paste -d " " - p.txt | awk "NR > 1000 && NR < 43000 { e += (\$1 - \$3) ^ 2; s += \$1 ^ 2 } END { exit !(s > 1 && e / s < 1e-10) }"'
	done
else
	skip 'resampled: null against sox' 'sox or ffmpeg is not installed'
fi

# Delay.
audio-prep --delay-frames 480 --report r.json -o d.wav one.wav
check 'delay: whole frames, the length stays' sh -c '
	perl "$SRC/tests/wav.pl" dump d.wav | awk "\$1 != (NR > 480) { exit 1 } END { exit NR != 4800 }" && jq -e ".delay_frames == 480 and .copy == false" r.json'
audio-prep --delay 10 <one.wav >p.wav
check 'delay: in milliseconds, from a pipe' same p.wav d.wav
# shellcheck disable=SC2002
cat open.wav | audio-prep --delay 10 >p.wav
check 'delay: from a pipe that does not tell its length' same p.wav d.wav
audio-prep --delay -10 -o d.wav one.wav
check 'delay: earlier' sh -c 'perl "$SRC/tests/wav.pl" dump d.wav | awk "\$1 != (NR <= 4320) { exit 1 } END { exit NR != 4800 }"'
audio-prep --delay-frames 100.37 -o d.wav sine.wav
check 'delay: parts of a frame, the sine moved' sh -c '
	perl "$SRC/tests/wav.pl" dump d.wav | awk "NR > 600 && NR < 47000 { w = sin(6.283185307179586 * 1000 * (NR - 101.37) / 48000) / 2; d = \$1 - w; if (d > 1e-6 || d < -1e-6) exit 1 } END { exit NR != 48000 }"'
audio-prep --delay-frames -100.37 -o b.wav d.wav
check 'delay: there and back' sh -c '
	perl "$SRC/tests/wav.pl" dump sine.wav >a; perl "$SRC/tests/wav.pl" dump b.wav | paste -d " " - a | awk "NR > 400 && NR < 47000 { d = \$1 - \$2; if (d > 1e-6 || d < -1e-6) exit 1 }"'

# Join and split.
audio-prep -l 0.25 -o j1.wav st.wav
audio-prep -s 0.25 -l 0.5 -o j2.wav st.wav
audio-prep -s 0.75 -o j3.wav st.wav
audio-prep --concat --report r.json --provenance p.json -o j.wav j1.wav j2.wav j3.wav
check 'concat: the whole again' same j.wav st.wav
check 'concat: reported' jq -e '.frames == 48000 and ([.joined[].frames] == [12000, 24000, 12000]) and .joined[1].file == "j2.wav"' r.json
check 'concat: every input has its hash' sh -c 'test "$(jq -r ".joined[2].sha256" r.json)" = "$(sha256sum <j3.wav | cut -d" " -f1)" && jq -e ".inputs | length == 3" p.json'
# shellcheck disable=SC2002
cat j2.wav | audio-prep --concat --remove-dc j1.wav - j3.wav >p.wav
audio-prep --remove-dc -o d.wav st.wav
check 'concat: with a pipe in it, in two passes' same p.wav d.wav
audio-prep --concat -s 0.2 -l 0.7 j1.wav j2.wav j3.wav >p.wav
audio-prep -s 0.2 -l 0.7 -o d.wav st.wav
check 'concat: a part over all three' same p.wav d.wav
audio-prep --concat --fade-in 3 -o p.wav mono.wav
audio-prep --fade-in 3 -o d.wav mono.wav
check 'concat: of one' same p.wav d.wav
audio-prep --split-every 0.3 --report r.json --provenance p.json -o 'piece-%02d.wav' st.wav
check 'split: four parts, named and reported' jq -e '[.parts[] | .file, .start_frame, .length_frames] == ["piece-01.wav", 0, 14400, "piece-02.wav", 14400, 14400,
	"piece-03.wav", 28800, 14400, "piece-04.wav", 43200, 4800]' r.json
check 'split: hashes of all' sh -c 'jq -r "(.inputs + .outputs)[] | select(.role == \"audio\") | .sha256 + \"  \" + .file" p.json | sha256sum -c'
audio-prep --concat -o w.wav piece-0?.wav
check 'split: together again the same' same w.wav st.wav
audio-prep --split-at 0.5,0.5001,0.9 --report r.json -o 'at%d.flac' mono.wav
check 'split: at places' jq -e '[.parts[].length_frames] == [24000, 5, 19195, 4800]' r.json
audio-prep --split-every 0.25 -o 'four%d.wav' mono.wav
check 'split: no empty part at the end' test -e four4.wav -a ! -e four5.wav
audio-prep --split-at 5 --report r.json -o 'all%%%d.wav' mono.wav
check 'split: a place behind the end is none' sh -c 'jq -e ".parts | length == 1" r.json && test -e all%1.wav'
run audio-prep -e s16 --split-every 0.001 -g 12 -o 'clip%d.wav' one.wav
check 'split: a failure leaves no part' sh -c "test $status = 1 && ! ls clip*"
run audio-prep --split-at 0.5,0.500001 -o 'clip%d.wav' mono.wav
check 'split: two places in one frame: exit 1' status_is 1

# Many channels and rates.
wav make wide.wav 384000 64 3000 'sin($t / 9 + $c) / 3'
audio-prep -o w.wav wide.wav
check '64 channels at 384 kHz: a copy' same w.wav wide.wav
audio-prep --concat --delay-frames 0.5 --remove-dc -r 8000 --resampler exact --report r.json -o w.wav wide.wav wide.wav
check 'and worked on' jq -e '.out_channels == 64 and .out_frames == 125' r.json
wav make cancel.wav 48000 4 3000 '[1, -1, 1, -1]->[$c] * sin($t / 10)'
run audio-prep -c sum -o no.wav cancel.wav
check 'four channels that cancel: exit 1' sh -c "test $status = 1 && grep -q 'the 4 channels cancel' err && test ! -e no.wav"
wav make four.wav 48000 4 3000 '0.1 * sin($t * (1 + $c) / 10)'
run audio-prep -c sum -o m.wav four.wav
check 'four that do not: no word' sh -c "test $status = 0 && test ! -s err"

# Metadata.  ffprobe reads what we wrote.
bext() { # TIME: a WAV with bext and a title, of the samples of mono.wav
	perl -e '
		my ($time) = @ARGV; local $/; open F, "<:raw", "mono.wav"; $_ = <F>;
		my $bext = pack("a256 a32 a32 a10 a8 V V v a64 v5 a180", "A riff", "REAPER", "ref", "2025-12-25", "22-39-48", $time, 0, 2, "UMID", (7) x 5, "")
			. "A=PCM,F=48000,W=24,M=mono,T=REAPER\r\n";
		my $info = "INFO" . "INAM" . pack("V", 5) . "Riff\0\0" . "ICMT" . pack("V", 4) . "low\0";
		my $add = "bext" . pack("V", length $bext) . $bext . "LIST" . pack("V", length $info) . $info;
		s/(?=data)/$add/; substr($_, 4, 4) = pack("V", length($_) - 8); binmode STDOUT; print' "$1"
}
bext 96000 >tagged.wav
audio-prep --report r.json -o t.wav tagged.wav
check 'metadata: kept and reported' jq -e '.metadata == ["bext", "title", "comment"]' r.json
audio-prep <tagged.wav >p.wav
check 'metadata: through pipes' sh -c 'audio-prep <tagged.wav | cat | audio-prep -o q.wav && cmp q.wav p.wav && cmp p.wav t.wav'
if command -v ffprobe >/dev/null; then
	tag() { ffprobe -v error -show_entries "format_tags=$2" -of default=nw=1:nk=1 "$1"; }
	check 'metadata: a copy says the same' sh -c 'for f in tagged t p; do ffprobe -v error -show_entries format_tags $f.wav >$f.tags; done
		test -s t.tags && cmp tagged.tags t.tags && cmp t.tags p.tags'
	audio-prep -s 0.5 -r 44100 --pad-start 0.1 -o t.wav tagged.wav
	check 'metadata: the time of what is written' test "$(tag t.wav time_reference)" = $(((96000 + 24000) * 441 / 480 - 4410))
	check 'metadata: the history goes on' sh -c "ffprobe -v error -show_entries format_tags=coding_history t.wav | grep -q 'A=PCM,F=44100,W=32,M=mono,T=audio-prep'"
	check 'metadata: and has what was there' sh -c "ffprobe -v error -show_entries format_tags=coding_history t.wav | grep -q T=REAPER"
	audio-prep --split-every 0.25 -o 't%d.wav' tagged.wav
	check 'metadata: each part has its time' test "$(tag t1.wav time_reference) $(tag t3.wav time_reference)" = '96000 120000'
	audio-prep -o t.flac tagged.wav
	check 'metadata: texts in FLAC' test "$(tag t.flac TITLE) $(tag t.flac COMMENT)" = 'Riff low'
	audio-prep -o t.wav t.flac
	check 'metadata: and back' test "$(tag t.wav title)" = Riff
	audio-prep --no-metadata -o t.wav tagged.wav
	check 'metadata: none' test -z "$(tag t.wav title)$(tag t.wav time_reference)"
	audio-level --gain-db -3 -o t.wav tagged.wav
	check 'metadata: audio-level keeps it too' test "$(tag t.wav title) $(tag t.wav time_reference)" = 'Riff 96000'
else
	skip 'metadata as ffprobe reads it' 'ffprobe is not installed'
fi

# Batch.
cat >jobs.jsonl <<'J'
{"id": 7, "input": "st.wav", "output": "b1.wav", "channels": "mono", "sample_rate": 44100}
{"input": ["j1.wav", "j2.wav", "j3.wav"], "output": "b2.wav"}
{"input": "st.wav", "output": "b3.wav", "start": -1}
{"input": "st.wav"}
{"input": "mono.wav", "output": "b5-%d.wav", "split_every": 0.5, "report": "b5.json", "provenance": "b5p.json"}
{"input": 3, "output": "b6.wav"}
{"input": "near.wav", "output": "b7.wav", "channels": "mono"}
J
run audio-prep --batch -g -6 -j 2 <jobs.jsonl
check 'batch: a failed job is exit 1, said once' sh -c "test $status = 1 && grep -q '3 of 7 jobs failed' err && test \$(wc -l <err) = 1"
check 'batch: answers in order' test "$(jq -r '[.job, .id, .status] | join(" ")' out | tr '\n' ,)" = \
	'1 7 done,2  done,3  failed,4  failed,5  done,6  failed,7  done,'
audio-prep -q -g -6 -c mono -r 44100 -o b.wav st.wav
check 'batch: the bytes of a job alone' cmp b.wav b1.wav
audio-prep -g -6 -o b.wav st.wav
check 'batch: joins' same b.wav b2.wav
check 'batch: parts, report, provenance' sh -c 'test -e b5-2.wav && jq -e ".parts | length == 2" b5.json && jq -e ".outputs | length == 3" b5p.json'
check 'batch: a warning is in the report' sh -c 'jq -r "select(.job == 7).report.warning" out | grep -q "cancel in part" && jq -s -e ".[1].report.warning == null" out'
check 'batch: why' sh -c 'jq -r "select(.job == 3).error" out | grep -q "^start: -1 is not within"'

# Encodings.
audio-prep -e s16 -o a.wav mono.wav
check 's16: to the nearest' sh -c 'perl "$SRC/tests/wav.pl" shape a.wav | grep -q " 16$" && perl "$SRC/tests/wav.pl" dump mono.wav >a
	perl "$SRC/tests/wav.pl" dump a.wav | paste - a | awk "{ d = (\$1 - \$2) * 32768; if (d > 0.5001 || d < -0.5001) exit 1 }"'
audio-prep -e s24 -o a.wav mono.wav
audio-prep -e s24 -o b.wav a.wav
check 's24: again is the same' cmp a.wav b.wav
wav make faint.wav 48000 1 48000 '0.4 / 32768'
audio-prep -e s16 -o a.wav faint.wav
check 'without dither what is under a step is lost' sh -c 'perl "$SRC/tests/wav.pl" dump a.wav | awk "\$1 != 0 { exit 1 }"'
audio-prep -e s16 --dither --report r.json -o d.wav faint.wav
check 'with dither it is kept on average' sh -c '
	perl "$SRC/tests/wav.pl" dump d.wav | awk "{ s += \$1 * 32768 } END { m = s / NR; exit !(m > 0.38 && m < 0.42) }"'
check 'dither is reported' jq -e '.dithered == true and .clipped_samples == 0' r.json
audio-prep -e s16 --dither <faint.wav >p.wav
check 'dither is the same every time' same p.wav d.wav
audio-prep -d -e s16 --pad-start 0.1 -o d.wav faint.wav
check 'added silence is not dithered' sh -c 'perl "$SRC/tests/wav.pl" dump d.wav | head -n 4800 | awk "\$1 != 0 { exit 1 }"'
if command -v ffmpeg >/dev/null; then
	audio-prep -o a.flac mono.wav
	audio-prep -o b.wav a.flac
	audio-prep -e s24 -o c.wav mono.wav
	check 'FLAC by name, 24 bits, and back' same b.wav c.wav
	ffmpeg -nostdin -v error -i mono.wav -f wav -c:a pcm_f32le - | audio-prep -c mono -t -60 -o p.wav
	check 'from ffmpeg through a pipe' same p.wav mono.wav
else
	skip 'from ffmpeg through a pipe' 'ffmpeg is not installed'
fi

# Bad input.
bad() { # NAME TEXT ARGS...
	name=$1 text=$2
	shift 2
	run audio-prep "$@" -o no.wav --report no.json
	check "$name: exit 1" status_is 1
	check "$name: one line" test "$(wc -l <err)" -eq 1
	check "$name: says so" err_says "$text"
	check "$name: nothing is left" absent no.wav no.json
}
wav make none.wav 48000 1 0 0
wav make zero.wav 48000 1 100 0
wav make nan.wav 48000 1 100 '$t == 50 ? 9**9**9 / 9**9**9 : 0.1'
wav make loud.wav 48000 1 100 '1.5'
wav make huge.wav 48000 1 100 3e38
head -c 2000 mono.wav >short.wav
bad 'channels that cancel' "cannot use 'anti.wav': left and right cancel (correlation -1.000" -c mono anti.wav
bad 'their sum' 'take one of them, with --channels left or right' -c sum anti.wav
bad 'no right channel' "cannot use 'mono.wav': channel 2 of 1 is asked for" -c right mono.wav
bad 'no fourth channel' 'channel 4 of 3' -c 4 three.wav
bad 'mono of three' '3 different channels have no middle' -c mono three.wav
bad 'a start behind the end' "'st.wav' has 48000 frames, the part asked for starts at frame 96000" -s 2 st.wav
bad 'a length behind the end' 'ends at frame 48001' --length-frames 48001 st.wav
bad 'fades longer than the sound' 'the fades of 4320 frames are longer than the 3000 frames kept' --fade-in 40 --fade-out 50 dual.wav
bad 'only silence' "'zero.wav' never reaches -60 dBFS" -t -60 zero.wav
bad 'no frames' "'none.wav' has no frames" none.wav
bad 'a delay of more than all' 'would move all of' --delay -2000 mono.wav
bad 'another rate to join' "conform them before they are joined" --concat sine.wav wide.wav
bad 'a missing file to join' "cannot open 'gone.wav'" --concat mono.wav gone.wav
bad 'a part over the end of all' 'the part asked for is not within' --concat -s 3 mono.wav mono.wav
bad 'NaN' 'is not a number, at frame 50' nan.wav
bad 'a truncated file' "'short.wav' is truncated" short.wav
bad 'a missing file' "cannot open 'gone.wav': No such file" gone.wav
bad 'clipping' '100 samples of' -e s16 loud.wav
bad 'beyond float32' 'beyond the range of float32' -g 120 huge.wav
run sh -c 'head -c 3000 st.wav | audio-prep -o no.wav'
check 'a pipe that breaks off: exit 1, nothing left' sh -c "test $status = 1 && test ! -e no.wav"
run sh -c 'cat open.wav | audio-prep --length-frames 5000 -o no.wav'
check 'a pipe shorter than asked for: exit 1, nothing left' sh -c "test $status = 1 && grep -q 'has 4800 frames, the part asked for ends at frame 5000' err && test ! -e no.wav"
run sh -c 'cat open.wav | audio-prep --fade-in 200 -o no.wav'
check 'a pipe shorter than its fade: exit 1' sh -c "test $status = 1 && grep -q 'longer than the 4800 frames' err && test ! -e no.wav"
run sh -c 'TMPDIR=/nowhere audio-prep -t -60 -o no.wav <mono.wav'
check 'no room for a temporary file: says TMPDIR' err_says 'TMPDIR'
echo old >keep.wav
run audio-prep -t -60 -o keep.wav zero.wav
check 'a failure leaves the old file as it was' grep -qx old keep.wav

# What is said, and written beside.
run audio-prep -v -o v.wav mono.wav
check '-v says what was done' err_says 'all channels, frames 0 to 48000'
run audio-prep --progress=json -o v.wav mono.wav
check '--progress=json: events on stderr' sh -c 'test -s err && jq -e ".event == \"progress\"" err'
audio-prep -c mono --provenance p.json <mono.wav >v.wav
check 'the provenance of a pipe has the hashes of what went through' sh -c '
	test "$(jq -r ".inputs[0].sha256" p.json)" = "$(sha256sum <mono.wav | cut -d" " -f1)" &&
	test "$(jq -r ".outputs[0].sha256" p.json)" = "$(sha256sum <v.wav | cut -d" " -f1)"'
if command -v ffmpeg >/dev/null; then
	audio-prep -o take.flac mono.wav
	cp mono.wav tone.wav
	ffmpeg -nostdin -v error -f lavfi -i 'sine=d=40:r=8000' -c:a aac song.m4a
	check 'the examples of the manual run' sh -c "sed -n 's/^\.Dl \\$ //p' '$SRC/man/audio-prep.1' >ex &&
		test \$(wc -l <ex) = 5 && sh -e ex && test -s di.wav && test -s part.wav && test -s cd.wav"
else
	skip 'the examples of the manual run' 'ffmpeg is not installed'
fi

# The command line.
for args in '-c both st.wav' '-c 0 st.wav' '-s -1 st.wav' '-l -1 st.wav' '--start-frame -1 st.wav' '--length-frames 0 st.wav' \
	'-s 1 --start-frame 1 st.wav' '-l 1 --length-frames 1 st.wav' '-t 3 st.wav' '-g 200 st.wav' '--fade-in -1 st.wav' \
	'--fade-out -1 st.wav' '--pad-start -1 st.wav' '--pad-end -1 st.wav' '-r 0 st.wav' '-r 1000000 st.wav' '-e s8 st.wav' '--dither st.wav' \
	'--dither -e f32 st.wav' 'st.wav mono.wav' '--report - st.wav' \
	'--resampler soxr -r 44100 st.wav' '--delay 1 --delay-frames 1 st.wav' '--delay 1e12 st.wav' '--split-every 1 -o x.wav st.wav' '--split-every 0 -o x%d.wav st.wav' \
	'--split-at 2,1 -o x%d.wav st.wav' '--split-at a -o x%d.wav st.wav' '--split-at 1 -o x%d%d.wav st.wav' '--split-at 1 -o x%s.wav st.wav' '--split-at 1 --split-every 1 -o x%d.wav st.wav' \
	'--batch st.wav' '--batch -o x.wav' '-j 2 st.wav' '--batch -j -1' '--concat - -'; do
	# shellcheck disable=SC2086
	run audio-prep $args
	check "usage: $args" sh -c "test $status = 2 && test ! -s out"
done
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	script -qec 'audio-prep mono.wav; echo "status $?"' /dev/null </dev/null >term 2>&1
	check 'no audio to a terminal' sh -c 'grep -q "is a terminal" term && grep -q "status 2" term'
else
	skip 'no audio to a terminal' 'script(1) gives no terminal here'
fi

# The system.
run sh -c 'audio-prep mono.wav >/dev/full'
check 'full disk: exit 1' status_is 1
run audio-prep -o /dev/full mono.wav
check '-o /dev/full: exit 1' status_is 1
run audio-prep -o no.wav --report /dev/full mono.wav
check 'no room for the report: exit 1, and no audio' sh -c "test $status = 1 && test ! -e no.wav"
run audio-prep -o nowhere/x.wav mono.wav
check 'no such folder: exit 1' status_is 1
run sh -c 'audio-prep -o closed.wav mono.wav <&- >&- 2>&-'
check 'closed standard files are not needed with -o: exit 0' status_is 0
check 'and nothing of ours is written through them' audio-diff --tolerance exact mono.wav closed.wav
run sh -c 'audio-prep -o closed2.wav --report - mono.wav >&-'
check 'a report to a closed standard output: exit 1' status_is 1
check 'and no audio is left' absent closed2.wav
run audio-prep -o same.wav --report same.wav mono.wav
check 'two outputs of one name: exit 75, nothing written' sh -c "test $status = 75 && test ! -e same.wav"
run audio-prep -o '' mono.wav
check 'an output without a name: exit 1' status_is 1
run sh -c '{ audio-prep st.wav; echo "status $?" >&2; } | head -c 100 >/dev/null'
check 'a closed pipe ends it, by the signal or as an error' grep -qE 'status (141|1)$' err

# Cues and loops: read from the bytes; ffprobe takes cues for chapters.
places() { perl "$SRC/tests/chunks.pl" show "$1"; }
cp mono.wav cued.wav
cat >places <<'E'
cue 1 0
cue 7 12001
cue 5 24000
cue 3 47999
cue 4 48000
labl 1 Start
labl 7 Verse, loud
note 7 as in the first take
ltxt 5 6000 Solo
labl 4 End
unity 52
loop 0 0 12000 23999 0
loop 1 1 100 200 3
inst 52
E
perl "$SRC/tests/chunks.pl" add cued.wav <places
sed 's/^unity 52/&\nperiod 20833/' places | sort >want
audio-prep --report r.json -o t.wav cued.wav
check 'cues: a copy has all' sh -c 'perl "$SRC/tests/chunks.pl" show t.wav | sort | cmp - want'
check 'cues: reported' jq -e '.metadata == ["cues", "loops", "sampler"] and .cues_dropped == 0 and .loops_dropped == 0 and .copy and
	.cues[1] == {"id": 7, "frame": 12001, "length_frames": null, "label": "Verse, loud"} and .cues[2].length_frames == 6000 and
	(.cues | length) == 5 and .loops[1] == {"start_frame": 100, "length_frames": 101}' r.json
audio-prep <t.wav >p.wav
check 'cues: through a pipe' sh -c 'perl "$SRC/tests/chunks.pl" show p.wav | sort | cmp - want'
audio-prep --start-frame 4800 --length-frames 24000 -r 44100 --pad-start 0.01 --report r.json -o t.wav cued.wav
# 441 + (12001 - 4800) * 441 / 480 = 7056.9; of the region 4800 frames are left, of the loops the first
check 'cues: moved with the sound, resampled, cut' test "$(places t.wav | tr '\n' ,)" = \
	'cue 7 7057,cue 5 18081,labl 7 Verse, loud,note 7 as in the first take,ltxt 5 4410 Solo,unity 52,period 22676,loop 0 0 7056 18080 0,inst 52,'
check 'cues: what is outside is counted' jq -e '.cues_dropped == 3 and .loops_dropped == 1 and (.cues | map(.frame)) == [7057, 18081]' r.json
audio-prep --delay-frames -100.4 --report r.json -o t.wav cued.wav
check 'cues: moved by a delay' jq -e '(.cues | map(.frame)) == [11901, 23900, 47899, 47900] and .cues_dropped == 1 and .loops_dropped == 1 and
	.loops[0].start_frame == 11900' r.json
audio-prep --split-at 0.3,0.6 --report r.json -o 'c%d.wav' cued.wav
check 'cues: each part has its own' test "$(for i in 1 2 3; do places c$i.wav; done | grep -E 'cue|ltxt|loop' | tr '\n' ,)" = \
	'cue 1 0,cue 7 12001,loop 1 1 100 200 3,cue 5 9600,ltxt 5 4800 Solo,cue 5 0,cue 3 19199,cue 4 19200,ltxt 5 1200 Solo,'
check 'cues: a loop that was cut is counted' jq -e '(.parts | map([.cues, .loops])) == [[2, 1], [1, 0], [3, 0]] and .loops_dropped == 1 and .cues_dropped == 0' r.json
audio-prep --split-every 0.5 --report r.json -o 'c%d.wav' cued.wav
check 'cues: one at the very end is in the last part' jq -e '.parts | map(.cues) == [2, 3]' r.json
audio-prep --concat --report r.json -o t.wav mono.wav cued.wav cued.wav
check 'cues: joined' jq -e '(.cues | map([.id, .frame])) == [[1, 48000], [7, 60001], [5, 72000], [3, 95999], [4, 96000], [9, 96000], [15, 108001],
	[13, 120000], [11, 143999], [12, 144000]] and .cues_dropped == 0 and (.loops | map(.start_frame)) == [60000, 48100, 108000, 96100]' r.json
check 'cues: the labels go along' test "$(places t.wav | grep -c '^labl 15 Verse, loud$')" = 1
audio-prep --no-metadata --report r.json -o t.wav cued.wav
check 'cues: none when there are to be none' sh -c 'test -z "$(perl "$SRC/tests/chunks.pl" show t.wav)" && jq -e ".cues == [] and .cues_dropped == 0" r.json'
audio-prep --report r.json -o t.aiff cued.wav
check 'cues: AIFF takes places and labels' jq -e '.metadata == ["cues"] and .loops_dropped == 2 and .cues[2].length_frames == null' r.json
audio-prep --report r.json -o t.wav t.aiff
check 'cues: and gives them back' sh -c 'perl "$SRC/tests/chunks.pl" show t.wav >t.txt && grep -qx "cue 2 12001" t.txt && grep -qx "labl 2 Verse, loud" t.txt && test $(wc -l <t.txt) = 8'
audio-prep --report r.json -o t.flac cued.wav
check 'cues: FLAC takes none, and that is said' jq -e '.metadata == [] and .cues == [] and .cues_dropped == 5 and .loops_dropped == 2' r.json
audio-level --gain-db -3 -o t.wav cued.wav
check 'cues: audio-level keeps them' sh -c 'perl "$SRC/tests/chunks.pl" show t.wav | sort | cmp - want'
if command -v ffprobe >/dev/null; then
	audio-prep -r 44100 -o t.wav cued.wav
	check 'cues: what ffprobe reads of ours' test "$(ffprobe -v error -show_entries chapter=start:chapter_tags=title -of csv=p=0 t.wav | tr '\n' ' ')" = \
		'0,Start 11026,"Verse, loud" 22050 44099 44100 '
else
	skip 'cues as ffprobe reads them' 'ffprobe is not installed'
fi

# A real take: 24 bits, a bext chunk, two identical channels.
gts=$TESTDATA/gts
if [ -d "$gts" ]; then
	audio-prep -c mono -o real.wav "$gts/gojira_left.wav"
	check 'a real DI becomes mono, sample for sample' same real.wav "$gts/reference/di_left_mono.wav"
	audio-prep -c mono -r 44100 --report r.json -o real.wav "$gts/gojira_left.wav"
	check 'and 44.1 kHz' jq -e '.out_frames == 154657 and .channels_rule == "identical channels"' r.json
else
	skip 'a real DI becomes mono' 'no test data'
fi
done_testing
