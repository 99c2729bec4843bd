#!/bin/sh
# audio-metrics on the command line.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

common_checks audio-metrics

# make NAME RATE CHANNELS FRAMES EXPR
make_wav() { perl "$SRC/tests/wav.pl" make "$@"; }
# of KEY [FILE]: a value of the last output
of() { jq -r ".$1" "${2:-out}"; }
ffmpeg_loudness() {
	ffmpeg -nostats -hide_banner -i "$1" -af ebur128=peak=true -f null - 2>&1 |
		awk -v k="$2" '$1 == k { v = $2 } END { print v }'
}

make_wav sine.wav 48000 1 240000 '0.5 * sin(2 * 3.14159265358979 * 1000 * $t / 48000)'
make_wav stereo.wav 44100 2 44100 '$c ? -0.25 * sin($t * 0.1) : 0.5 * sin($t * 0.1)'
make_wav silent.wav 48000 2 48000 '0'
make_wav short.wav 48000 1 4800 '0.1 * sin($t * 0.1309)'
make_wav empty.wav 48000 1 0 '0'
make_wav clipped.wav 48000 1 48000 'my $x = 2 * sin($t * 0.05); $x > 1 ? 1 : $x < -1 ? -1 : $x'
head -c 100000 sine.wav >cut.wav

run audio-metrics sine.wav
check 'a file: exit 0' status_is 0
check 'nothing on stderr' test ! -s err
check 'one line' test "$(wc -l <out)" = 1
check 'file, shape and hash' jq -e --arg hash "$(sha256sum sine.wav | cut -d' ' -f1)" \
	'[.file, .rate_hz, .channels, .frames, .duration_s, .sha256] == ["sine.wav", 48000, 1, 240000, 5, $hash]' out
check 'RMS of a sine' near "$(of levels.rms_dbfs)" -9.0309 0.001
check 'peak of a sine' near "$(of levels.peak_dbfs)" -6.0206 0.001
check 'crest factor of a sine' near "$(of levels.crest_factor_db)" 3.0103 0.002
check 'loudness of a sine in one channel' near "$(of loudness.integrated_lufs)" -9.03 0.05
check 'true peak' near "$(of loudness.true_peak_dbtp)" -6.02 0.05
check 'centroid' near "$(of spectrum.centroid_hz)" 1000 5
check 'its third octave' near "$(jq '.spectrum | .third_octave_dbfs[.third_octave_hz | index(1000)]' out)" -9.0309 0.01
check 'all values are there: no reasons' test "$(jq -c '.reasons | del(.["envelope.attack_median_ms"],
	.["envelope.decay_rate_db_s"], .["envelope.sustain_median_db"], .["spectrum.third_octave_dbfs"], .["dynamics.dr14_db"],
	.["spectrum.slope_db_per_octave"], .["faults.hum_50hz_dbfs"], .["faults.hum_60hz_dbfs"],
	.["stereo.correlation"], .["stereo.width_ratio"], .["stereo.balance_db"])' out)" = '{}'
check 'mono has no stereo, and why' test "$(of stereo.correlation) $(jq -r '.reasons["stereo.correlation"]' out)" = 'null not two channels'

run audio-metrics --dual-mono sine.wav
check 'dual mono: 3.01 LU more, and stated' near "$(of loudness.integrated_lufs)" -6.02 0.05
check 'dual mono is stated' test "$(of dual_mono)" = true
run audio-metrics stereo.wav
check 'correlation of an inverted channel' near "$(of stereo.correlation)" -1 0.000001
check 'RMS over both' near "$(of levels.rms_dbfs)" -11.07 0.01
run audio-metrics silent.wav
check 'silence: exit 0' status_is 0
check 'null with a reason' test "$(jq -c '[.levels.rms_dbfs, .loudness.integrated_lufs, .spectrum.centroid_hz, .reasons["levels.rms_dbfs"]]' out)" = \
	'[null,null,null,"silent"]'
check 'every null has its reason' sh -c "jq -e '[paths(type == \"null\")
	| select(.[0] != \"region\") | .[0:2] | join(\".\")] - (.reasons | keys) == []' out"
check 'and every reason its null' sh -c "jq -e '. as \$o | [.reasons | keys[] | . / \".\" | . as \$p | \$o | getpath(\$p)
	| . == null or (type == \"array\" and any(. == null))] | all' out"
run audio-metrics short.wav
check 'too short: null and why' test "$(jq -c '[.loudness.integrated_lufs, .reasons["loudness.integrated_lufs"]]' out)" = \
	'[null,"shorter than 0.4 s"]'
check 'ungated is there' near "$(of loudness.ungated_lufs)" -23.0 0.15
run audio-metrics empty.wav
check 'no samples: all null, exit 0' test "$status $(of frames) $(of levels.dc_offset_fs)" = '0 0 null'
run audio-metrics clipped.wav
check 'clipped runs are counted' test "$(jq '.faults.clipped_runs >= 760 and .faults.clipped_samples > 20000' out)" = true

run sh -c 'cat sine.wav | audio-metrics'
check 'stdin, no operand' test "$(of file)" = -
check 'with the same hash' test "$(of sha256)" = "$(sha256sum sine.wav | cut -d' ' -f1)"
check 'and loudness' near "$(of loudness.integrated_lufs)" -9.03 0.05
run audio-metrics --only levels,stereo stereo.wav
check '--only: these groups and no more' test \
	"$(jq -c '[keys[] | select(. == ("loudness", "levels", "dynamics", "faults", "spectrum", "envelope", "stereo"))]' out)" = \
	'["levels","stereo"]'
run audio-metrics --only levels,pitch sine.wav
check 'a group that is none: exit 2' status_is 2
check 'it names those there are' err_says 'loudness, levels'

make_wav steps.wav 48000 1 96000 '($t < 48000 ? 0.5 : 0.05) * sin($t * 0.1)'
run audio-metrics --start-frame 48000 --length-frames 24000 steps.wav
check 'a region' near "$(of levels.rms_dbfs)" -29.03 0.05
check 'is stated' test "$(jq -c '[.region, .frames]' out)" = '[{"start_frame":48000,"length_frames":24000},24000]'
check 'the hash is of the whole' test "$(of sha256)" = "$(sha256sum steps.wav | cut -d' ' -f1)"
make_wav later.wav 48000 1 48000 '0.05 * sin(($t + 48000) * 0.1)'
run audio-metrics --start-frame 48000 steps.wav
jq -S 'del(.file, .sha256, .region)' out >a.json
run audio-metrics later.wav
jq -S 'del(.file, .sha256, .region)' out >b.json
check 'a region is measured as a file of it' cmp a.json b.json
run audio-metrics --start-frame 96000 steps.wav
check 'a region after the end: exit 1' status_is 1
run audio-metrics --length-frames 96001 steps.wav
check 'a region over the end: exit 1, with the length' err_says "'steps.wav' has 96000 frames"
run audio-metrics --length-frames 0 steps.wav
check 'a region of nothing: exit 2' status_is 2

run audio-metrics sine.wav missing.wav stereo.wav
check 'a missing file: exit 1' status_is 1
check 'it is named' err_says "'missing.wav'"
check 'the others are measured, in order' test "$(jq -r .file out | tr '\n' ' ')" = 'sine.wav stereo.wav '
run audio-metrics cut.wav
check 'a truncated file: exit 1' status_is 1
check 'no object of it' test ! -s out
make_wav nan.wav 48000 2 48000 '$t == 1000 && $c || $t == 30001 ? 9 ** 9 ** 9 / ($t == 1000 ? 9 ** 9 ** 9 : 1) : 0.3 * sin($t * 0.05)'
run audio-metrics nan.wav
check 'samples that are no numbers: a fault of the file, which is measured' test "$status $(jq .faults.not_a_number_samples out)" = '0 3'
check 'and a warning' err_says "'nan.wav': 3 samples are no numbers, and taken as 0"
check 'as 0' near "$(jq .levels.rms_dbfs out)" -13.47 0.02
run audio-metrics -j 3 --start-frame 29000 nan.wav
check 'in a region: those of the region' test "$(jq .faults.not_a_number_samples out)" = 2
run audio-metrics sine.wav
check 'none elsewhere' test "$(jq .faults.not_a_number_samples out)" = 0
run audio-metrics --only levels nan.wav
check 'where faults are not asked for it is an error' status_is 1
check 'that says where' err_says 'not a number, at frame 1000'
run audio-metrics --di nan.wav sine.wav
check 'and so it is for a DI' status_is 1
run audio-metrics -o m.jsonl --provenance p.json sine.wav stereo.wav
check '-o: both lines' test "$(wc -l <m.jsonl)" = 2
check 'the lines are those of stdout' sh -c 'audio-metrics sine.wav stereo.wav | cmp - m.jsonl'
check 'provenance: two inputs, one output' test \
	"$(jq -r '[.inputs[].file, .outputs[].file] | join(" ")' p.json)" = 'sine.wav stereo.wav m.jsonl'
run audio-metrics -o no.jsonl sine.wav missing.wav
check '-o: nothing when one fails' absent no.jsonl
check 'and exit 1' status_is 1
run sh -c 'audio-metrics sine.wav >/dev/full'
check 'full disk: exit 1' status_is 1
run audio-metrics -o /dev/full sine.wav
check 'full disk with -o: exit 1' status_is 1
run audio-metrics -o nowhere/m.jsonl sine.wav
check 'an output that cannot be made: exit 1' status_is 1
run sh -c '{ sleep 0.3; audio-metrics sine.wav; echo $? >&2; } | true'
check 'a closed pipe ends it without a word' test "$(cat err)" = 141
run audio-metrics --provenance p.json sine.wav
check 'provenance without -o: exit 2' status_is 2
printf 'RIFF\377\377\377\377WAVEfmt ' >bad.wav
run audio-metrics bad.wav
check 'a broken file: exit 1' status_is 1

# ---- with the DI ----
# notes every half second from 0.25 s on, then a second of nothing; the tone: hiss, and a drive that hides the onsets
make_wav di.wav 48000 1 144000 'my $s = ($t - 12000) % 24000; $t < 12000 || $t >= 96000 ? 0 : exp(-$s / 6000) * 0.4 * sin($t * 0.0288) * ($s < 240 ? $s / 240 : 1) * ($t > 90000 ? (96000 - $t) / 6000 : 1)'
make_wav tone.wav 44100 1 132300 'my $u = $t * 48000 / 44100; my $s = ($u - 12000); $s -= 24000 * int($s / 24000); my $x = $u < 12000 || $u >= 96000 ? 0 : exp(-$s / 6000) * 0.4 * sin($u * 0.0288) * ($u > 90000 ? (96000 - $u) / 6000 : 1); my $y = 20 * $x; ($y > 1 ? 1 : $y < -1 ? -1 : $y) * 0.2 + 0.001 * sin($t * $t)'
run audio-metrics --di di.wav tone.wav
check '--di: the notes of the DI, at another rate too' test "$(jq -c '[.envelope.onsets, .envelope.onsets_from]' out)" = '[4,"di"]'
check 'the noise floor is where it is silent' near "$(of faults.noise_floor_dbfs)" -63.01 0.5
check 'and says so' test "$(of faults.noise_floor_from)" = di
run audio-metrics --di di.wav --only envelope di.wav tone.wav
check 'the DI decays faster than the driven tone' jq -es '.[0].envelope.sustain_median_db < .[1].envelope.sustain_median_db - 3' out
check 'as it was made: 20 log10 e^-2 after 250 ms' near "$(jq -s '.[0].envelope.sustain_median_db' out)" -17.4 0.6
check 'and 69 dB a second' near "$(jq -s '.[0].envelope.decay_rate_db_s' out)" -69.5 2
run audio-metrics --di missing.wav tone.wav
check 'a DI that is not there: exit 1, nothing measured' test "$status $(wc -c <out)" = '1 0'
audio-prep --sample-rate 44100 -o di44.wav di.wav
run audio-metrics --di di44.wav --start-frame 54000 --length-frames 40000 --only envelope tone.wav
check 'a region is one of the DI too' test "$(of envelope.onsets)" = 2
run audio-metrics --di di.wav --start-frame 54000 tone.wav
check 'of one rate: exit 1' err_says "'tone.wav' has 44100 Hz and its DI 48000"

# ---- series, tables, pictures, timelines ----
run audio-metrics --series sine.wav
check '--series: loudness every 100 ms' test "$(jq -c '.series.loudness | [.step_ms, (.momentary_lufs | length), .momentary_lufs[2], (.momentary_lufs[3] | round)]' out)" = '[100,50,null,-9]'
check 'the spectrum adds up' near "$(jq '[.series.spectrum.level_dbfs[] | select(.) | pow(10; . / 10)] | add | log10 * 10' out)" -9.03 0.01
run audio-metrics --series --only envelope di.wav
check 'and every onset, near where it is' jq -e '.series.onsets | map(.time_s) as $t | [0.25, 0.75, 1.25, 1.75] | [range(4)] | all($t[.] - (0.25 + . / 2) | . >= 0 and . < 0.08)' out
run audio-metrics --csv sine.wav stereo.wav
check '--csv: a head and two rows' test "$(wc -l <out)" = 3
check 'all of as many cells' test "$(awk -F, '{ print NF }' out | sort -u | wc -l)" = 1
col() { awk -F, -v k="$1" -v r="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == k) c = i } NR == r { print $c }' out; }
check 'a value under its path' near "$(col levels.rms_dbfs 2)" -9.0309 0.001
check 'a band by its frequency' near "$(col spectrum.third_octave_dbfs.1000 2)" -9.0309 0.01
check 'what mono has not is empty' test "$(col stereo.correlation 2),$(col stereo.correlation 3)" = ',-1'
cp sine.wav 'a,"b.wav'
run audio-metrics --csv --only levels 'a,"b.wav'
check 'a name with a comma is quoted' grep -q '"a,""b.wav"' out
if audio-metrics --plot p.svg sine.wav >/dev/null 2>&1; then
	check '--plot: an SVG' grep -q '<svg' p.svg
	run audio-metrics --plot p.png -o p.json --provenance prov.json sine.wav stereo.wav
	check 'a PNG of two, beside the objects' test "$(head -c 4 p.png | tail -c 3) $(wc -l <p.json)" = 'PNG 2'
	check 'provenance of both' test "$(jq -r '[.outputs[].role] | join(" ")' prov.json)" = 'metrics plot'
	run audio-metrics --plot p2.png silent.wav
	check 'silence can be drawn' test "$status" = 0
	run audio-metrics --plot p3.png empty.wav
	check 'nothing too' test "$status" = 0
else
	skip 'pictures' "$(audio-metrics --plot p.svg sine.wav 2>&1 >/dev/null)"
fi
run audio-metrics --plot p.gif sine.wav
check 'another kind of picture: exit 2, before the work' test "$status $(wc -c <out)" = '2 0'
run sh -c 'audio-metrics --plot p.svg <sine.wav'
check '--plot of a pipe: exit 2' status_is 2
cat >segments.jsonl <<X
{"schema":"segment/1","kind":"title","name":"title","title":"T","length_frames":24000}
{"schema":"segment/1","kind":"segment","label":"A","name":"a","title":"Loud","di":"Riff","file":"steps.wav","start_frame":0,"length_frames":24000}
{"schema":"segment/1","kind":"segment","label":"B","name":"b","title":"Quiet","di":"Riff","file":"steps.wav","start_frame":48000,"length_frames":24000}
X
run shootout-cut --fade-ms 0 -t t.jsonl -o master.wav segments.jsonl
check 'a master and its timeline' status_is 0
run audio-metrics --timeline t.jsonl master.wav
check '--timeline: an object for each segment that sounds' test "$(jq -r '.segment | "\(.number) \(.label) \(.title)"' out | tr '\n' ';')" = '1 A Loud;2 B Quiet;'
check 'at its place' test "$(jq -c '.region' out | tr '\n' ' ')" = '{"start_frame":24000,"length_frames":24000} {"start_frame":48000,"length_frames":24000} '
check 'measured alone' jq -es '(.[0].levels.rms_dbfs - .[1].levels.rms_dbfs - 20 | fabs) < 0.1' out
check 'with the hash of the master' test "$(jq -r .sha256 out | sort -u)" = "$(sha256sum master.wav | cut -d' ' -f1)"
make_wav other.wav 44100 1 96000 '0.1 * sin($t)'
run audio-metrics --timeline t.jsonl other.wav
check 'the master of another timeline: exit 1' err_says "'other.wav' has 44100 Hz"
cp sine.wav in.wav
run audio-metrics -o in.wav in.wav
check 'over its input: exit 2, nothing lost' sh -c 'cmp in.wav sine.wav'
run audio-metrics --timeline t.jsonl sine.wav stereo.wav
check 'of two masters: exit 2' status_is 2
run audio-metrics --timeline sine.wav master.wav
check 'a timeline that is none: exit 1' status_is 1

# ---- the old values ----
run audio-metrics --compat gts sine.wav silent.wav
check '--compat gts: its names' test "$(jq -sc '[.[0].schema, (.[0].rms_dbfs + 9.0309 | fabs) < 0.001, .[0].transient_density, .[1].rms_dbfs, .[1].crest_factor_db]' out)" = \
	'["metrics-gts/1",true,0,null,0]'
run audio-metrics --compat gts --csv sine.wav
check 'as a table' test "$(col rms_dbfs 2 | cut -c1-6)" = -9.030
make_wav many.wav 8000 64 131080 '0.1'
run audio-metrics --compat gts many.wav
check 'more samples than may be, on 64 channels' err_says "'many.wav': 838"
run audio-metrics --compat gts --only levels sine.wav
check 'with other measures beside it: exit 2' status_is 2
run audio-metrics --compat old sine.wav
check 'another compatibility: exit 2' status_is 2
run audio-metrics --csv --series sine.wav
check '--csv and --series: exit 2' status_is 2
for j in 1 2 3 8; do audio-metrics --series -j $j stereo.wav >j$j; done
check 'the same bytes for every number of threads' sh -c 'cmp j1 j2 && cmp j1 j3 && cmp j1 j8'

# the notes of the example recordings are known: one line of the score each
for t in riff chords lead; do
	score=$SRC/scripts/examples/$t.score
	if [ -e "$SRC/examples/demo/di/$t.wav" ] && [ -e "$score" ]; then
		notes=$(grep -cE '^[0-9.]+ +[0-9x]' "$score")
		run audio-metrics "$SRC/examples/demo/di/$t.wav"
		check "$t: $notes notes, $(of envelope.onsets) onsets" near "$(of envelope.onsets)" "$notes" "$((notes / 12))"
	else
		skip "$t: the notes of the score" 'no examples'
	fi
done

# known-different tones: the more an amp distorts, the slower its notes decay and the less they differ in level
demo=$SRC/examples/demo
if [ -e "$demo/di/riff.wav" ]; then
	for m in harbor crown mudlark; do
		nam-render -q -m "$demo/models/$m.nam" -o $m.wav "$demo/di/riff.wav"
	done
	audio-metrics --di "$demo/di/riff.wav" --only envelope,dynamics,loudness "$demo/di/riff.wav" harbor.wav crown.wav mudlark.wav >out
	check 'DI, clean, crunch and fuzz are measured at the same notes' test "$(jq -s 'map(.envelope.onsets) | unique | length' out)" = 1
	for k in envelope.decay_rate_db_s dynamics.dynamic_range_db loudness.psr_median_db; do
		check "they are in their order by $k" jq -es "map(.$k) | . as \$v | (sort | if \$v[0] > \$v[3] then reverse else . end) == \$v" out
	done
	check 'and the distorted ones sustain' jq -es 'map(.envelope.sustain_median_db) | .[0] < .[1] and .[1] < .[2] and .[1] < .[3]' out
else
	skip 'known-different tones' 'no examples'
fi

# the measures of the tone that the numbers were once defined on, where the definitions are the same
ref=$TESTDATA/gts/reference
if [ -d "$ref" ]; then
	for t in di_left_mono nam_jcm800 nam_jcm800_mesafav_raw nam_jcm800_mesaos_jucenorm; do
		run audio-metrics "$ref/$t.wav"
		for k in rms_dbfs peak_dbfs crest_factor_db; do
			check "$t: $k" near "$(of levels.$k)" "$(of "$t.core.$k" "$ref/gts_metrics_reference.json")" 0.0001
		done
		check "$t: dynamic range" near "$(of dynamics.dynamic_range_db)" \
			"$(of "$t.core.dynamic_range_db" "$ref/gts_metrics_reference.json")" 0.0001
		for k in bass_energy_ratio mid_energy_ratio treble_energy_ratio; do # one window there, averaged here
			check "$t: $k" near "$(of spectrum.$k)" "$(of "$t.spectral.$k" "$ref/gts_metrics_reference.json")" 0.01
		done
		check "$t: loudness as ffmpeg" near "$(of loudness.integrated_lufs)" "$(ffmpeg_loudness "$ref/$t.wav" I:)" 0.1
		check "$t: true peak as ffmpeg" near "$(of loudness.true_peak_dbtp)" "$(ffmpeg_loudness "$ref/$t.wav" Peak:)" 0.1
		run audio-metrics --compat gts "$ref/$t.wav"
		for k in spectral.spectral_centroid_hz advanced.attack_time_ms advanced.sustain_decay_rate_db_s advanced.transient_density; do
			check "$t: $k as it was" near "$(of "${k#*.}")" "$(of "$t.$k" "$ref/gts_metrics_reference.json")" 0.01
		done
		run audio-metrics "$ref/$t.wav"
		# the riff has 20 notes; the old measure found 8 in the DI and none after the amp
		check "$t: the notes are heard" near "$(of envelope.onsets)" 20 2
	done
else
	skip 'the reference values of the seed' 'no TESTDATA'
fi
# loudness of all real recordings and renders there are, in both meters (ffmpeg rounds to 0.1)
for f in "$SRC"/examples/demo/di/*.wav "$SRC"/examples/demo/ir/*.wav "$TESTDATA"/gts/reference/*.wav "$TESTDATA"/nam/golden/*guitar-di.wav "$TESTDATA"/gts/*.wav "$TESTDATA"/gts/history/*.wav "$TESTDATA"/nam/inputs/*.wav; do
	[ -e "$f" ] || continue
	audio-metrics --only loudness "$f" >out
	of loudness.integrated_lufs
	ffmpeg_loudness "$f" I:
	echo "$f"
done | awk 'NR % 3 == 1 { a = $1 } NR % 3 == 2 { b = $1 } NR % 3 == 0 && a != "null" { d = a > b ? a - b : b - a; n++; if (d > 0.1) print $0, a, b }
	END { print n }' >meters
check "ffmpeg's loudness of all $(tail -n 1 meters) files within 0.1 LU" sh -c 'test "$(wc -l <meters)" = 1 && test "$(cat meters)" -ge 3'
done_testing
