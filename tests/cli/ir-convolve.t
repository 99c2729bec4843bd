#!/bin/sh
# ir-convolve on the command line.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

common_checks ir-convolve

wav() { perl "$SRC/tests/wav.pl" "$@"; }
same() { wav dump "$1" >s1; wav dump "$2" >s2; cmp s1 s2; } # sample for sample
noise='($t * 7919 + $c * 104729 + ($t * $t) % 8191) % 2003 / 1001.5 - 1'
wav make di.wav 48000 1 30000 "0.3 * ($noise)"
wav make st.wav 48000 2 5000 "0.3 * ($noise)"
wav make cab.wav 48000 1 700 "($noise) * exp(-\$t / 100) / 4"
wav make two.wav 48000 2 3 '$c ? $t == 2 ? 0.5 : 0 : $t == 0'
wav make unit.wav 48000 1 1 1
wav make zero.wav 48000 1 100 0

# direct IR IN OUT: the sum itself, in perl's doubles; prints the error in dB of the output
direct() {
	wav dump "$1" >h.txt
	wav dump "$2" >x.txt
	wav dump "$3" | awk -v every="${4:-37}" '
		FILENAME == "h.txt" { h[L++] = $1; next }
		FILENAME == "x.txt" { x[N++] = $1; next }
		{ t = M++; if (t % every) next
		  a = 0
		  for (i = 0; i < L; i++) if (t - i >= 0 && t - i < N) a += h[i] * x[t - i]
		  e += (a - $1) ^ 2; s += a ^ 2 }
		END { if (M != N + L - 1) { print "frames", M; exit 1 }
		      print 10 * log(e / s + 1e-30) / log(10) }' h.txt x.txt -
}
db_at_most() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a <= b) }' || { echo "$1 dB"; return 1; }; }

run ir-convolve -i cab.wav -o wet.wav --report r.json --provenance p.json di.wav
check 'convolve: exit 0' status_is 0
check 'nothing is said' test ! -s err
check 'the error against a direct sum is under -140 dB' db_at_most "$(direct cab.wav di.wav wet.wav)" -140
check 'the tail is whole' test "$(wav shape wet.wav)" = '48000 1 30699 32'
check 'the report' sh -c 'jq -e ".schema == \"ir-convolve/1\" and .input == \"di.wav\" and .frames == 30000 and .out_frames == 30699 and .ir.frames == 700 and .norm_gain_db == 0 and .clipped_samples == 0" r.json'
check 'the provenance names both inputs and the output' sh -c '
	jq -r "(.inputs + .outputs)[] | .sha256 + \"  \" + .file" p.json | sha256sum -c &&
	test "$(jq ".inputs | length" p.json)" = 2'

ir-convolve -q -i unit.wav -o same.wav di.wav
check 'a unit impulse copies bit for bit' same same.wav di.wav

# One render, one hash: instruction sets, pipes, blocks.
for isa in generic avx2 avx512 neon; do
	SHOOTOUT_ISA=$isa ir-convolve -i cab.wav -o isa.wav di.wav
	check "SHOOTOUT_ISA=$isa gives the same bytes" cmp isa.wav wet.wav
done
run env SHOOTOUT_ISA=avx1024 SHOOTOUT_THREADS=many ir-convolve -i cab.wav -o isa.wav di.wav
check 'a SHOOTOUT_ISA that is no name is said and ignored' err_says "SHOOTOUT_ISA is 'avx1024', not generic"
check 'and so is a SHOOTOUT_THREADS that is no number' err_says "SHOOTOUT_THREADS is 'many', not a number within 1..1024: ignored"
check 'the bytes are the same' cmp isa.wav wet.wav
run ir-convolve -j 1025 -i cab.wav -o isa.wav di.wav
check 'too many threads: exit 2' status_is 2
wav dump wet.wav >want
ir-convolve -i cab.wav <di.wav >pipe.wav
check 'a pipe gives the same samples' sh -c 'perl "$SRC/tests/wav.pl" dump pipe.wav | cmp - want'
# shellcheck disable=SC2002
cat di.wav | (dd bs=1001 2>/dev/null) | ir-convolve -i cab.wav - -o - | cat >pipe.wav
check 'slow pipes of odd blocks too' sh -c 'perl "$SRC/tests/wav.pl" dump pipe.wav | cmp - want'
for j in 1 2 4; do
	ir-convolve -i cab.wav -j $j <di.wav >pipe.wav
	check "-j $j gives the same samples" sh -c 'perl "$SRC/tests/wav.pl" dump pipe.wav | cmp - want'
	ir-convolve -i two.wav --delay compensate --tail cut -j $j <st.wav >st-$j.wav
	check "-j $j in stereo too" cmp st-$j.wav st-1.wav
done
ir-convolve -i - -o stdin-ir.wav di.wav <cab.wav
check 'the response may come from standard input' cmp stdin-ir.wav wet.wav

ir-convolve -i cab.wav --tail cut -o cut.wav di.wav
check '--tail cut: as long as the input' test "$(wav shape cut.wav)" = '48000 1 30000 32'
check '--tail cut: the same samples' sh -c 'head -n 30000 want >w; perl "$SRC/tests/wav.pl" dump cut.wav | cmp - w'
ir-convolve -i cab.wav --tail 0.01 -o cut.wav di.wav
check '--tail 0.01: 480 frames more' sh -c 'head -n 30480 want >w; perl "$SRC/tests/wav.pl" dump cut.wav | cmp - w'
ir-convolve -i cab.wav --tail 0.5 -o long.wav di.wav
ir-convolve -i cab.wav --tail 0.5 <di.wav >long-pipe.wav
check '--tail 0.5: in a pipe too' same long.wav long-pipe.wav
check '--tail 0.5: silence after the tail' sh -c '
	perl "$SRC/tests/wav.pl" dump long.wav >got && head -n 30699 got | cmp - want &&
	tail -n +30700 got | awk "\$1 != 0 { exit 1 } END { exit NR != 24000 - 699 }"'

# Channels.
ir-convolve -i two.wav -o mono-two.wav di.wav
check 'mono through stereo is stereo' sh -c '
	perl "$SRC/tests/wav.pl" dump mono-two.wav >got; perl "$SRC/tests/wav.pl" dump di.wav >x.txt
	awk "FILENAME == \"x.txt\" { x[n++] = \$1; next }
	     { t = m++; l = t < n ? x[t] : 0; r = t >= 2 ? x[t - 2] / 2 : 0
	       if ((\$1 - l) ^ 2 > 1e-13 || (\$2 - r) ^ 2 > 1e-13) exit 1 } END { exit m != n + 2 }" x.txt got'
ir-convolve -i two.wav -o st-two.wav st.wav
check 'stereo through stereo: left to left, right to right' sh -c '
	perl "$SRC/tests/wav.pl" dump st-two.wav >got; perl "$SRC/tests/wav.pl" dump st.wav >x.txt
	awk "FILENAME == \"x.txt\" { l[n + 0] = \$1; r[n++] = \$2; next }
	     { t = m++; a = t < n ? l[t] : 0; b = t >= 2 ? r[t - 2] / 2 : 0
	       if ((\$1 - a) ^ 2 > 1e-13 || (\$2 - b) ^ 2 > 1e-13) exit 1 } END { exit m != n + 2 }" x.txt got'
wav make three.wav 48000 3 400 "\$c / 4 + $noise"
ir-convolve -i unit.wav -o three-out.wav three.wav
check 'mono serves three channels' same three.wav three-out.wav
run ir-convolve -i two.wav -o no.wav three.wav
check 'stereo with three channels: exit 1' status_is 1
check 'and says why' err_says "'two.wav' does not fit a signal of 3 channels: it has 2"
check 'nothing is left' absent no.wav

# direct_matrix IR IN OUT: all paths, inputs first; the error in dB
direct_matrix() {
	wav dump "$1" >h.txt
	wav dump "$2" >x.txt
	wav dump "$3" | awk '
		FILENAME == "h.txt" { for (c = 1; c <= NF; c++) h[L + 0, c - 1] = $c; H = NF; L++; next }
		FILENAME == "x.txt" { for (c = 1; c <= NF; c++) x[N + 0, c - 1] = $c; I = NF; N++; next }
		{ t = M++; O = NF; if (t % 37) next
		  for (o = 0; o < O; o++) {
			a = 0
			for (i = 0; i < I; i++) for (k = 0; k < L; k++)
				if (t - k >= 0 && t - k < N) a += h[k, i * O + o] * x[t - k, i]
			e += (a - $(o + 1)) ^ 2; s += a ^ 2
		  } }
		END { if (O * I != H || M != N + L - 1) { print "shape"; exit 1 }
		      print 10 * log(e / s + 1e-30) / log(10) }' h.txt x.txt -
}
wav make lr.wav 48000 2 3000 "$noise"
wav make four.wav 48000 4 300 "($noise) * exp(-\$t / 50)"
wav make six.wav 48000 6 200 "($noise) * exp(-\$t / 50)"
ir-convolve -i four.wav --report r.json -o ts.wav lr.wav
check 'true stereo, exact' db_at_most "$(direct_matrix four.wav lr.wav ts.wav)" -140
check 'true stereo: two channels, by matrix' jq -e '.routing == "matrix" and .out_channels == 2' r.json
ir-convolve -i six.wav -o ts.wav lr.wav
check 'two channels to three, exact' db_at_most "$(direct_matrix six.wav lr.wav ts.wav)" -140
ir-convolve -i two.wav --routing matrix -o ts.wav lr.wav
check 'two channels to one, exact' db_at_most "$(direct_matrix two.wav lr.wav ts.wav)" -140
ir-convolve -i six.wav -o ts.wav di.wav
check 'one channel to six' test "$(wav shape ts.wav)" = '48000 6 30199 32'
wav make fl.wav 48000 2 300 "(\$t * 7919 + \$c * 104729 + (\$t * \$t) % 8191) % 2003 / 1001.5 * exp(-\$t / 50) - exp(-\$t / 50)"
wav make fr.wav 48000 2 300 "((\$t * 7919 + (\$c + 2) * 104729 + (\$t * \$t) % 8191) % 2003 / 1001.5 - 1) * exp(-\$t / 50)"
ir-convolve -i four.wav -o a.wav lr.wav
ir-convolve --join -i fl.wav -i fr.wav -o b.wav lr.wav
check '--join: two stereo files are true stereo' sh -c '
	perl "$SRC/tests/wav.pl" dump a.wav >a.txt; perl "$SRC/tests/wav.pl" dump b.wav | paste - a.txt |
	awk "{ e += (\$1 - \$3) ^ 2 + (\$2 - \$4) ^ 2; s += \$3 ^ 2 } END { exit !(s > 0 && e / s < 1e-10) }"'
run ir-convolve -i three.wav --routing each -o no.wav lr.wav
check '--routing each: what does not fit is refused' sh -c "test $status = 1 && test ! -e no.wav"

# Delay, length, cuts.
wav make late.wav 48000 1 400 '$t == 100 ? 0.001 : $t == 110 ? -0.8 : $t == 111 ? 0.4 : 0'
ir-convolve -i late.wav --delay trim --report r.json -o n.wav unit.wav
check '--delay trim: 60 dB under the peak is where it begins' jq -e '.trimmed_frames == 100 and .taps == 300 and .onset_frame == 10' r.json
check '--delay trim: the response begins there' sh -c '
	perl "$SRC/tests/wav.pl" dump n.wav | awk "NR == 11 && (\$1 + 0.8) ^ 2 > 1e-10 { exit 1 } END { exit NR != 300 }"'
ir-convolve -i late.wav --delay compensate --tail cut --report r.json -o n.wav di.wav
check '--delay compensate: the output lies where the input does' sh -c '
	jq -e ".compensated_frames == 110 and .out_frames == 30000" r.json &&
	perl "$SRC/tests/wav.pl" dump di.wav >x.txt; perl "$SRC/tests/wav.pl" dump n.wav | paste - x.txt |
	awk "{ a = -0.8 * \$2 + 0.4 * p; p = \$2; e += (a - \$1) ^ 2; s += a ^ 2 } END { exit !(NR == 30000 && e / s < 1e-4) }"'
ir-convolve -i late.wav --delay compensate --report r.json -o n.wav di.wav
check '--delay compensate: the tail ends as much earlier' jq -e '.out_frames == 30000 + 399 - 110' r.json
ir-convolve -i late.wav --mix 0.5 --delay compensate --tail cut -o n.wav unit.wav
check '--mix: the dry signal meets the wet one' sh -c 'perl "$SRC/tests/wav.pl" dump n.wav | awk "{ exit !((\$1 - 0.1) ^ 2 < 1e-10) }"'
ir-convolve -i cab.wav --trim 0.01 --fade 0.005 --report r.json -o n.wav unit.wav
check '--trim, --fade: shorter, and out to nothing' sh -c '
	jq -e ".taps == 480" r.json && perl "$SRC/tests/wav.pl" dump cab.wav >x.txt
	perl "$SRC/tests/wav.pl" dump n.wav | paste - x.txt | head -n 480 | awk "
		NR <= 240 { if ((\$1 - \$2) ^ 2 > 1e-12) exit 1; next }
		{ u = (480 - NR) / 240; a = \$2 * u * u * (3 - 2 * u); if ((\$1 - a) ^ 2 > 1e-12) exit 1 } END { exit NR != 480 }"'
ir-convolve -i unit.wav --low-cut-hz 100 --high-cut-hz 5000 -o cuts.wav unit.wav
check 'the cuts: 3 dB down at their frequencies, 12 dB an octave' sh -c '
	ir-convolve --info cuts.wav | jq -e ".response_hz as \$f | .per_channel[0].response_db as \$d |
		def at(f): \$d[\$f | index(f)]; (at(100) > -3.6 and at(100) < -2.6) and (at(5000) > -3.8 and at(5000) < -2.6) and
		(at(25) > -25 and at(25) < -22.5) and (at(1000) > -0.1 and at(1000) < 0.1) and at(20000) < -25"'
run ir-convolve -i unit.wav --low-cut-hz 24000 -o no.wav unit.wav
check 'a cut at half the rate is refused' sh -c "test $status = 1 && grep -q 'low_cut_hz' err"

# Several responses.
wav make lp96.wav 96000 1 1024 '(1 - cos(6.283185307179586 * $t / 1024)) / 512'
wav make a1.wav 48000 1 600 '$t < 40 ? 0 : exp(-($t - 40) / 20) * sin(($t - 40) * 0.7)'
wav make a2.wav 48000 1 600 '$t < 47.25 ? 0 : -exp(-($t - 47.25) / 20) * sin(($t - 47.25) * 0.7)'
run ir-convolve -i a1.wav -i a2.wav --report r.json -o n.wav unit.wav
check 'a blend: lag and polarity are found' jq -e '.irs[1].correlation < -0.99 and (.irs[1].lag_frames - 7.25 | fabs) < 0.02 and .irs[1].inverted == false' r.json
check 'opposite polarity is said' sh -c "test $status = 0 && grep -q 'opposite polarity' err"
check 'and it takes away' sh -c 'perl "$SRC/tests/wav.pl" dump n.wav | awk "{ s += \$1 ^ 2 } END { exit !(s < 0.02) }"'
run ir-convolve -i a1.wav -i a2.wav --fix-polarity --ir-gain-db -6 --ir-gain-db -6 --report r.json -o n.wav unit.wav
check '--fix-polarity turns it and says nothing' sh -c "test $status = 0 && test ! -s err && jq -e .irs[1].inverted r.json"
check 'and they add up to the first' sh -c '
	perl "$SRC/tests/wav.pl" dump a1.wav >x.txt; perl "$SRC/tests/wav.pl" dump n.wav | paste - x.txt | head -n 560 |
	awk "{ a = \$2 * 2 * 10 ^ (-6 / 20); e += (\$1 - a) ^ 2; s += a ^ 2 } END { exit !(e / s < 0.001) }"'
ir-convolve -q -i a1.wav -i a2.wav --align off -o n.wav unit.wav
check '--align off: the plain sum' sh -c '
	perl "$SRC/tests/wav.pl" dump a1.wav >x.txt; perl "$SRC/tests/wav.pl" dump a2.wav >z.txt
	perl "$SRC/tests/wav.pl" dump n.wav | paste - x.txt z.txt | awk "(\$1 - \$2 - \$3) ^ 2 > 1e-12 { exit 1 } END { exit NR != 600 }"'
wav make other.wav 48000 1 600 '$t < 300 ? 0 : (($t * 5077 + ($t * $t) % 6007) % 1009 / 504.5 - 1) * exp(-($t - 300) / 80)'
run ir-convolve -i a1.wav -i other.wav --fix-polarity --report r.json -o n.wav unit.wav
check 'responses that have nothing in common stay as they are' sh -c "
	jq -e '.irs[1].delay_frames == 0 and .irs[1].inverted == false' r.json && grep -q 'little in common' err"
for isa in generic avx2 avx512 neon; do
	SHOOTOUT_ISA=$isa ir-convolve -q -i a1.wav -i lp96.wav -i a2.wav --ir-gain-db -1 --min-phase --low-cut-hz 70 --norm loudness --mix 0.9 -o isa.wav lr.wav
	[ "$isa" = generic ] && cp isa.wav first.wav
	check "SHOOTOUT_ISA=$isa gives the same blend" cmp isa.wav first.wav
done
run ir-convolve -i four.wav -i two.wav -o no.wav lr.wav
check 'a blend of four channels and two is refused' sh -c "test $status = 1 && grep -q 'cannot be blended' err && test ! -e no.wav"
run ir-convolve -i unit.wav -i two.wav -i four.wav -o no.wav lr.wav
check 'a blend of one, two and four channels too' sh -c "test $status = 1 && grep -q 'cannot be blended' err && test ! -e no.wav"
ir-convolve -i late.wav --min-phase --report r.json -o n.wav unit.wav
check '--min-phase: early, and the same magnitude' jq -e '.onset_frame == 0 and .irs[0].minimum_phase_error_db < 0.001' r.json

# Levels.
ir-convolve -i cab.wav --norm energy --report r.json -o n.wav unit.wav
check '--norm energy: the energy is 1' sh -c '
	perl "$SRC/tests/wav.pl" dump n.wav | awk "{ s += \$1 ^ 2 } END { exit !(s > 0.999999 && s < 1.000001) }"'
check 'and the gain is minus the energy' sh -c '
	near() { awk -v g="$1" -v w="$2" "BEGIN { exit !((g - w) ^ 2 < 1e-8) }"; }
	near "$(jq .norm_gain_db r.json)" "$(ir-convolve --info cab.wav | jq "0 - .energy_db")"'
ir-convolve -i cab.wav --norm peak -g -6.020599913279624 -o n.wav unit.wav
check '--norm peak, --gain-db: the peak is a half' sh -c '
	perl "$SRC/tests/wav.pl" dump n.wav | awk "{ a = \$1 < 0 ? -\$1 : \$1; if (a > p) p = a } END { exit !(p > 0.4999999 && p < 0.5000001) }"'
ir-convolve -i cab.wav --norm juce --report r.json -o n.wav unit.wav
check '--norm juce: a root energy of an eighth' sh -c '
	perl "$SRC/tests/wav.pl" dump n.wav | awk "{ s += \$1 ^ 2 } END { exit !(s > 0.0156249 && s < 0.0156251) }"'
ir-convolve -i cab.wav --norm nam-plugin --report r.json -o n.wav unit.wav
check '--norm nam-plugin: 18 dB down' near "$(jq .norm_gain_db r.json)" -18 0.000001
run ir-convolve -i two.wav --norm nam-plugin -o no.wav di.wav
check '--norm nam-plugin takes no stereo' sh -c "test $status = 1 && test ! -e no.wav"
ir-convolve -i unit.wav --norm loudness --report r.json -o n.wav unit.wav
check '--norm loudness: a unit impulse is as loud as nothing' near "$(jq .norm_gain_db r.json)" 0 0.000001
ir-convolve -i cab.wav --norm loudness -o n.wav unit.wav
ir-convolve -i n.wav --norm loudness --report r.json -o n2.wav unit.wav
check '--norm loudness: once is enough' near "$(jq .norm_gain_db r.json)" 0 0.0001
ir-convolve -i cab.wav --mix 0 --tail cut -o dry.wav di.wav
check '--mix 0 is the input, bit for bit' same dry.wav di.wav
ir-convolve -i cab.wav --mix 0.25 --tail cut -o mixed.wav di.wav
check '--mix 0.25: a quarter of the wet, three of the dry' sh -c '
	perl "$SRC/tests/wav.pl" dump di.wav >x.txt; perl "$SRC/tests/wav.pl" dump mixed.wav | paste - x.txt want | head -n 30000 |
	awk "(\$1 - 0.75 * \$2 - 0.25 * \$3) ^ 2 > 1e-13 { exit 1 } END { exit NR != 30000 }"'

# Rates: an octave down and back, the response of a sine stays.
wav make sine.wav 96000 1 20000 'sin(6.283185307179586 * 1000 * $t / 96000) / 2'
wav make lp48.wav 48000 1 512 '(1 - cos(6.283185307179586 * $t / 512)) / 256'
ir-convolve -i lp48.wav --report r.json -o a.wav sine.wav
ir-convolve -i lp96.wav -o b.wav sine.wav
check 'a response at another rate is resampled' sh -c 'jq -e ".ir.rate_hz == 48000 and .rate_hz == 96000 and .ir.used_frames == 1024" r.json'
check 'and sounds the same' sh -c '
	perl "$SRC/tests/wav.pl" dump a.wav >a.txt; perl "$SRC/tests/wav.pl" dump b.wav | paste - a.txt | head -n 20000 |
	awk "{ e += (\$1 - \$2) ^ 2; s += \$1 ^ 2 } END { exit !(s > 0 && e / s < 1e-5) }"'

# Formats.
if command -v ffmpeg >/dev/null; then
	ir-convolve -i unit.wav -o out.flac di.wav
	check 'FLAC by the name of the file' sh -c 'ffmpeg -v error -i out.flac -f f32le - | od -An -v -tf4 -w4 | wc -l | grep -qx 30000'
else
	skip 'FLAC by the name of the file' 'ffmpeg is not installed'
fi
ir-convolve -i unit.wav -e s16 -o s16.wav di.wav
check '--encoding s16' test "$(wav shape s16.wav)" = '48000 1 30000 16'
run ir-convolve -i cab.wav -g 40 -e s24 -o no.wav di.wav
check 'a clipped sample is an error' status_is 1
check 'it says how to avoid it' err_says 'would clip'
check 'and leaves nothing' absent no.wav

# --info
ir-convolve --info two.wav >info.json
check '--info' jq -e '.schema == "ir-info/1" and .channels == 2 and .frames == 3 and .rate_hz == 48000 and .peak_dbfs == 0 and
	.peak_frame == 0 and .polarity == 1 and .onset_frame == 0 and .per_channel[1].onset_frame == 2 and
	.per_channel[1].length_60db_frames == 3 and .per_channel[0].length_60db_frames == 1 and .per_channel[0].dc_gain_db == 0' info.json
wav make neg.wav 48000 1 9 '$t == 4 ? -0.5 : $t == 5 ? 0.25 : 0'
check '--info: polarity and onset' sh -c 'ir-convolve --info neg.wav | jq -e ".polarity == -1 and .onset_frame == 4 and .peak_frame == 4"'

# --plot
run ir-convolve --info two.wav --plot two.svg
if grep -q 'without cairo' err; then
	skip '--plot' 'built without cairo'
else
	check '--plot: the object is printed too' sh -c "test $status = 0 && jq -e .channels out"
	check '--plot: an SVG with a curve for each channel' grep -q '^<svg\|^<?xml' two.svg
	run ir-convolve --info two.wav --plot two.png
	check '--plot: or PNG' sh -c 'head -c 4 two.png | od -An -c | grep -q "211 *P *N *G"'
	run ir-convolve --info two.wav --plot two.txt
	check '--plot: another name is refused' sh -c "test $status = 1 && test ! -s out && test ! -e two.txt"
	run ir-convolve --info cab.wav --plot /dev/full
	check '--plot: no room is exit 1' status_is 1
fi

# Bad input.
bad() { # NAME TEXT ARGS...
	name=$1 text=$2
	shift 2
	rm -f no.wav
	run ir-convolve "$@" -o no.wav
	check "$name: exit 1" status_is 1
	check "$name: one line" test "$(wc -l <err)" -eq 1
	check "$name: says so" err_says "$text"
	check "$name: nothing is left" absent no.wav
}
wav make none.wav 48000 1 0 0
wav make nan.wav 48000 1 100 '$t == 50 ? 9**9**9 / 9**9**9 : 0.1'
head -c 2000 cab.wav >short.wav
wav make low.wav 8000 1 488000 '$t == 0'
bad 'a silent response' "'zero.wav' is silent" -i zero.wav di.wav
bad 'an empty response' "'none.wav' has no samples" -i none.wav di.wav
bad 'a response with NaN' "'nan.wav' has a sample that is not a number, at frame 50" -i nan.wav di.wav
bad 'a truncated response' "'short.wav' is truncated" -i short.wav di.wav
bad 'a response of 61 seconds' "'low.wav' is 61.0 seconds long" -i low.wav di.wav
bad 'a missing response' "cannot open 'gone.wav'" -i gone.wav di.wav
bad 'a missing input' "cannot open 'gone.wav'" -i cab.wav gone.wav
bad 'a truncated input' "'short.wav' is truncated" -i cab.wav short.wav
bad 'an input with NaN' 'is not a number, at frame 50' -i cab.wav nan.wav
echo 'not audio' >text.wav
bad 'an input that is no audio' "cannot read 'text.wav'" -i cab.wav text.wav
wav make big.wav 48000 1 4 3e38
bad 'an output beyond float32' "'no.wav' would be beyond the range of float32" -i big.wav big.wav
run sh -c 'ir-convolve -i cab.wav -o no.wav <nan.wav'
check 'NaN through a pipe: exit 1, and why' sh -c "test $status = 1 && grep -q 'is not a number, at frame 50' err && test ! -e no.wav"
run sh -c 'ir-convolve -i big.wav -o no.wav <big.wav'
check 'beyond float32 through a pipe: exit 1, and why' sh -c "test $status = 1 && grep -q 'beyond the range of float32' err && test ! -e no.wav"
run sh -c 'head -c 50000 di.wav | ir-convolve -i cab.wav -o no.wav'
check 'a pipe that breaks off: exit 1' status_is 1
check 'a pipe that breaks off: nothing is left' absent no.wav
ir-convolve -i cab.wav -o empty.wav none.wav
check 'no frames in, none out' test "$(wav shape empty.wav)" = '48000 1 0 32'
echo old >keep.wav
run ir-convolve -i zero.wav -o keep.wav di.wav
check 'a failure leaves the old file as it was' grep -qx old keep.wav

# Batches.
printf '%s\n' '{"id": "a", "ir": "cab.wav", "input": "di.wav", "output": "ba.wav"}' \
	'{"ir": ["a1.wav", "a2.wav"], "ir_gain_db": [0, -3], "fix_polarity": true, "input": "di.wav", "output": "bb.wav", "tail": 0.01}' \
	'{"ir": "cab.wav", "input": "gone.wav", "output": "bc.wav"}' '{"ir": "cab.wav", "input": "di.wav"}' \
	'{"ir": "cab.wav", "input": "di.wav", "output": "-"}' '{"ir": "zero.wav", "input": "di.wav", "output": "bd.wav"}' \
	'{"ir": "cab.wav", "input": "di.wav", "output": "be.wav", "norm": "loud"}' '{"ir": 7, "input": "di.wav", "output": "be.wav"}' \
	'{"ir": "cab.wav", "input": "st.wav", "output": "bf.wav", "report": "bf.json", "provenance": "bf.prov"}' >jobs.jsonl
run ir-convolve --batch -j 2 <jobs.jsonl
check '--batch: a failed job is exit 1' status_is 1
check '--batch: answers in order' sh -c 'test "$(jq -r "[.job, .status] | join(\" \")" out | tr "\n" ,)" = "1 done,2 done,3 failed,4 failed,5 failed,6 failed,7 failed,8 failed,9 done,"'
check '--batch: why' sh -c 'jq -r "select(.error).error" out | cut -c1-22 | tr "\n" "|" | grep -qF "cannot open '"'gone.wav'"'|output: missing|the standard streams c|'"'zero.wav'"' is silent"'
check '--batch: the same bytes as alone' cmp ba.wav wet.wav
ir-convolve -q -i a1.wav -i a2.wav --ir-gain-db 0 --ir-gain-db -3 --fix-polarity --tail 0.01 -o alone.wav di.wav
check '--batch: a blend too' cmp bb.wav alone.wav
check '--batch: ids come back, reports are whole' jq -es '.[0].id == "a" and .[1].id == null and .[1].report.irs[1].inverted and .[8].report.channels == 2' out
check '--batch: report and provenance of a job' sh -c 'jq -e ".out_frames == 5699" bf.json && jq -e ".outputs | length == 2" bf.prov'
check '--batch: nothing is left of what failed' absent bc.wav bd.wav be.wav
run ir-convolve --batch --norm energy -i cab.wav </dev/null
check '--batch: no jobs, no answers' sh -c "test $status = 0 && test ! -s out"

# What is said, and written beside.
run ir-convolve -v -i cab.wav -o v.wav di.wav
check '-v says what is used' err_says 'response of 700 frames'
run ir-convolve --progress=json -i cab.wav -o v.wav di.wav
check '--progress=json: events on stderr' sh -c 'test -s err && jq -e ".event == \"progress\"" err'
ir-convolve -i cab.wav --provenance p.json <di.wav >v.wav
check 'the provenance of a pipe has the hashes of what went through' sh -c '
	test "$(jq -r ".inputs[0].sha256" p.json)" = "$(sha256sum <di.wav | cut -d" " -f1)" &&
	test "$(jq -r ".outputs[0].sha256" p.json)" = "$(sha256sum <v.wav | cut -d" " -f1)"'
cp di.wav amp.wav
cp a1.wav cab2.wav
check 'the examples of the manual run' sh -c "sed -n 's/^\.Dl \\$ //p' '$SRC/man/ir-convolve.1' | grep -v nam-render >ex &&
	test \$(wc -l <ex) = 3 && sh -e ex && test -s tone.wav"

# The command line.
for args in '-i cab.wav --tail never di.wav' '-i cab.wav --tail -1 di.wav' '-i cab.wav --norm loud di.wav' \
	'-i cab.wav --mix 1.5 di.wav' '-i cab.wav --gain-db 500 di.wav' '-i cab.wav -e s8 di.wav' 'di.wav' \
	'-i cab.wav di.wav st.wav' '-i - -' '--batch -o x.wav' '-i cab.wav --plot x.svg di.wav' '--info - --plot x.svg' '--batch di.wav' '-i cab.wav --delay never di.wav' '-i cab.wav --routing no di.wav' '-i cab.wav --ir-gain-db x di.wav' '-i cab.wav --ir-gain-db 1 --ir-gain-db 2 di.wav' '-i cab.wav --low-cut-hz 0 di.wav' '-i cab.wav -j -1 di.wav' '--info cab.wav di.wav' '--info cab.wav -o x.wav' '-i cab.wav --report - di.wav'; do
	# shellcheck disable=SC2086
	run ir-convolve $args
	check "usage: $args" sh -c "test $status = 2 && test ! -s out"
done
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	script -qec 'ir-convolve -i cab.wav di.wav; echo "status $?"' /dev/null </dev/null >term 2>&1
	check 'no audio to a terminal' sh -c 'grep -q "is a terminal" term && grep -q "status 2" term'
else
	skip 'no audio to a terminal' 'script(1) gives no terminal here'
fi

# The system.
run sh -c 'ir-convolve -i cab.wav di.wav >/dev/full'
check 'full disk: exit 1' status_is 1
run sh -c 'ir-convolve -i cab.wav <di.wav >/dev/full'
check 'full disk at the end of a pipe: exit 1, and why' sh -c "test $status = 1 && grep -q 'No space left' err"
run ir-convolve -i cab.wav -o /dev/full di.wav
check '-o /dev/full: exit 1' status_is 1
run ir-convolve -i cab.wav -o no.wav --report /dev/full di.wav
check 'no room for the report: exit 1, and no audio' sh -c "test $status = 1 && test ! -e no.wav"
run sh -c 'ir-convolve --info cab.wav >/dev/full'
check '--info to a full disk: exit 1' status_is 1
run ir-convolve -i cab.wav -o nowhere/x.wav di.wav
check 'no such folder: exit 1' status_is 1
wav make long.wav 48000 1 400000 '0.1'
run sh -c '{ ir-convolve -i cab.wav long.wav; echo "status $?" >&2; } | head -c 100 >/dev/null'
check 'a closed pipe ends it, by the signal or as an error' grep -qE 'status (141|1)$' err

# Real responses, real amp, and what another program made of them.
gts=$TESTDATA/gts
if [ -d "$gts" ]; then
	for c in 'fav:mesa fav' 'os:Mesa_OS_4x12_57_m160'; do
		ref=$gts/reference/nam_jcm800_mesa${c%%:*}_raw.wav
		ir-convolve -i "$gts/${c#*:}.wav" --tail cut -o real.wav "$gts/reference/nam_jcm800.wav"
		wav dump real.wav >got
		check "${c#*:} agrees with the reference to -140 dB" db_at_most "$(wav dump "$ref" | paste - got |
			awk '{ e += ($1 - $2) ^ 2; s += $1 ^ 2 } END { print 10 * log(e / s + 1e-30) / log(10) }')" -140
	done
	check 'the two cabinets have opposite polarity' sh -c '
		test "$(ir-convolve --info "$1/mesa fav.wav" | jq .polarity)" = -1 &&
		test "$(ir-convolve --info "$1/Mesa_OS_4x12_57_m160.wav" | jq .polarity)" = 1' sh "$gts"
	check 'the energy is the one known' near "$(ir-convolve --info "$gts/mesa fav.wav" | jq .energy_db)" 3.6309 0.0001
else
	skip 'real responses' 'no test data'
fi
done_testing
