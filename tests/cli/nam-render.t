#!/bin/sh
# nam-render on the command line.
# shellcheck disable=SC2016,SC3045
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

common_checks nam-render

wav() { perl "$SRC/tests/wav.pl" "$@"; }
# model FILE RATE WEIGHTS CHANNELS: a small WaveNet
model() {
	perl -e '
		my ($rate, $seed, $c) = @ARGV;
		my $n = $c + 2 * (3 * $c * $c + $c + $c + $c * $c + $c) + $c + 1;
		my @w = map { $seed = ($seed * 1103515245 + 12345) % 2147483648; sprintf "%.6f", $seed / 2147483648 - 0.5 } 1 .. $n;
		print "{\"version\":\"0.5.4\",\"architecture\":\"WaveNet\",", $rate ? "\"sample_rate\":$rate," : "",
		    "\"metadata\":{\"name\":\"Tester\",\"gear_type\":\"amp\",\"loudness\":-20.5},\"config\":{\"head\":null,\"head_scale\":1,",
		    "\"layers\":[{\"input_size\":1,\"condition_size\":1,\"channels\":$c,\"head_size\":1,\"head_bias\":false,\"kernel_size\":3,",
		    "\"dilations\":[1,16],\"activation\":\"Tanh\",\"gated\":false}]},\"weights\":[", join(",", @w), "]}\n"' "$2" "$3" "$4" >"$1"
}
model amp.nam 48000 1 4
model old.nam 0 2 5
model amp44.nam 44100 3 2
wav make di.wav 48000 1 20000 'sin($t * $t / 40000) * 0.5'
wav make st.wav 48000 2 3000 '$c ? sin($t / 20) * 0.5 : 0'
wav make di44.wav 44100 1 2000 'sin($t / 20) * 0.5'
wav make none.wav 48000 1 0 0

run nam-render -m amp.nam -o out.wav --report r.json --provenance p.json di.wav
check 'render: exit 0' status_is 0
check 'nothing is said' test ! -s err
check 'as many frames as came in' test "$(wav shape out.wav)" = '48000 1 20000 32'
check 'the report' sh -c 'jq -e ".schema == \"nam-render/1\" and .input == \"di.wav\" and .frames == 20000 and .rate_hz == 48000 and
	(.rate_assumed | not) and .model.architecture == \"WaveNet\" and .model.name == \"Tester\" and .device == \"cpu\" and
	(.isa | length > 0) and .clipped_samples == 0" r.json'
check 'the provenance names both inputs, the output and the report' sh -c '
	jq -r "(.inputs + .outputs)[] | .sha256 + \"  \" + .file" p.json | sha256sum -c &&
	test "$(jq -c "[.inputs[].role, .outputs[].role]" p.json)" = "[\"audio\",\"model\",\"audio\",\"report\"]" &&
	jq -e ".device == \"cpu\" and .isa and .model.sha256" p.json'
check 'the output is no silence' sh -c 'jq -e ".peak_dbfs > -60 and .peak_dbfs < 40" r.json'

# One render, one hash: instruction sets, pipes, blocks.
for isa in generic avx2 avx512 neon; do
	SHOOTOUT_ISA=$isa nam-render -m amp.nam -o isa.wav di.wav
	check "SHOOTOUT_ISA=$isa gives the same bytes" cmp isa.wav out.wav
done
wav dump out.wav >want
nam-render -m amp.nam <di.wav >pipe.wav
check 'a pipe gives the same samples' sh -c 'perl "$SRC/tests/wav.pl" dump pipe.wav | cmp - want'
# shellcheck disable=SC2002
cat di.wav | (dd bs=1001 2>/dev/null) | nam-render -m amp.nam - -o - | cat >pipe.wav
check 'slow pipes of odd blocks too' sh -c 'perl "$SRC/tests/wav.pl" dump pipe.wav | cmp - want'
nam-render -m - -o stdin-model.wav di.wav <amp.nam
check 'the model may come from standard input' cmp stdin-model.wav out.wav
cp di.wav same.wav && nam-render -q -m amp.nam -o same.wav same.wav
check 'the output may replace the input' cmp same.wav out.wav
mkfifo fifo
check 'output starts before the input ends' sh -c '
	(cat di.wav; dd if=/dev/zero bs=65536 count=8 2>/dev/null; sleep 5) | nam-render -q -m amp.nam >fifo 2>/dev/null &
	timeout 4 head -c 30000 fifo | wc -c | grep -qx 30000'
# An address space that holds the program and a model; builds with sanitizers need more to start.
limit=300000
(ulimit -v $limit && nam-render --version) >/dev/null 2>&1 || limit=unlimited
export limit
check 'ten minutes of audio in constant memory' sh -c '
	perl "$SRC/tests/wav.pl" make head.wav 48000 1 1 0
	(head -c 40 head.wav; printf "\377\377\377\377"; head -c 115200000 /dev/zero) |
		(ulimit -v $limit && nam-render -q -m amp.nam) | wc -c | awk "{ exit !(\$1 > 115200000 && \$1 < 115200200) }"'
run nam-render -m amp.nam -o empty.wav none.wav
check 'no frames in, no frames out' test "$status:$(wav shape empty.wav)" = '0:48000 1 0 32'

# Gains: before and after.
nam-render -m amp.nam --output-gain-db -6.020599913279624 -o half.wav di.wav
check '--output-gain-db halves exactly' sh -c 'perl "$SRC/tests/wav.pl" dump half.wav | paste - want | awk "(\$1 - \$2 / 2) ^ 2 > 1e-15 { exit 1 }"'
wav make loud.wav 48000 1 20000 'sin($t * $t / 40000)'
nam-render -m amp.nam --input-gain-db 6.020599913279624 -o a.wav di.wav
nam-render -m amp.nam -o b.wav loud.wav
check '--input-gain-db is a louder input' sh -c '
	perl "$SRC/tests/wav.pl" dump a.wav >a; perl "$SRC/tests/wav.pl" dump b.wav | paste - a | awk "(\$1 - \$2) ^ 2 > 1e-11 { exit 1 }"'
check 'and not the output made louder' sh -c '! cmp -s a.wav out.wav'

# Rates: another one is converted there and back, nothing shifted.
echo '{"version":"0.5.4","architecture":"Linear","sample_rate":48000,"config":{"receptive_field":1,"bias":false},"weights":[1]}' >identity.nam
for rate in 22050 44100 96000; do
	wav make tone.wav $rate 1 20001 'sin(3.14159265358979 * $t / 20000) ** 2 * (0.4 * sin($t * 0.1) + 0.3 * sin($t * 0.7 + 1))'
	nam-render -m identity.nam --report r.json -o back.wav tone.wav
	check "$rate Hz through a model for 48000 Hz: as many frames at the same rate" test "$(wav shape back.wav)" = "$rate 1 20001 32"
	wav dump tone.wav >tone
	check "$rate Hz there and back is the same within -140 dB" sh -c 'perl "$SRC/tests/wav.pl" dump back.wav | paste tone - |
		awk "{ d += (\$1 - \$2) ^ 2; s += \$1 ^ 2 } END { print 10 * log(d / s) / log(10); exit !(d / s < 1e-14) }"'
	check "$rate Hz: the report says so" jq -e ".rate_hz == $rate and .model_rate_hz == 48000 and .resample == \"best\" and .out_frames == 20001" r.json
	wav make click.wav $rate 1 3001 '$t == 1234 ? 1 : 0'
	nam-render -m identity.nam --resample fast -o back.wav click.wav
	wav dump back.wav >back
	check "$rate Hz: a click stays where it was" sh -c 'awk "\$1 > m { m = \$1; at = NR - 1 } END { print at, m; exit at != 1234 }" back'
done
for isa in generic avx2; do
	SHOOTOUT_ISA=$isa nam-render -j 1 -m amp.nam -o isa.wav di44.wav
	nam-render -j 3 -m amp.nam <di44.wav | cat >pipe.wav
	check "SHOOTOUT_ISA=$isa, threads, pipes: the same samples at another rate" sh -c \
		'perl "$SRC/tests/wav.pl" dump isa.wav >isa && perl "$SRC/tests/wav.pl" dump pipe.wav | cmp - isa'
done
run nam-render -m amp44.nam --resample off -o no.wav di.wav
check '--resample off: another sample rate is exit 1' status_is 1
check 'it names both rates and what to do' sh -c 'grep -q "at 48000 Hz" err && grep -q "is for 44100 Hz: say best instead of off, or convert with audio-prep --sample-rate 44100" err && grep -q "error: --resample: " err'
check 'nothing is left' absent no.wav
nam-render -m amp44.nam --resample off -o ok44.wav di44.wav
check 'a model for 44100 Hz plays 44100 Hz' test "$(wav shape ok44.wav)" = '44100 1 2000 32'
nam-render -m old.nam --report r.json -o old.wav di.wav
check 'a model without a rate means 48000 Hz, and the report says so' jq -e '.rate_assumed and .model.sample_rate_hz == null and .resample == null' r.json
run nam-render -m old.nam --resample off -o no.wav di44.wav
check 'and refuses 44100 Hz' err_says 'audio-prep --sample-rate 48000'
nam-render -m amp.nam -o empty.wav --tail 1 none.wav
check 'no frames in, no frames out, whatever the tail' test "$(wav shape empty.wav)" = '48000 1 0 32'

# Channels: each on its own, or one of them.
nam-render -m amp.nam --report r.json -o both.wav st.wav
check 'stereo: as many channels out' test "$(wav shape both.wav)" = '48000 2 3000 32'
check 'and the report' jq -e '.channels == 2 and .channel == null and .out_channels == 2' r.json
nam-render -m amp.nam -c 2 --report r.json -o right.wav st.wav
check '--channel: the report' jq -e '.channels == 2 and .channel == 2 and .out_channels == 1' r.json
wav make right-in.wav 48000 1 3000 'sin($t / 20) * 0.5'
wav make left-in.wav 48000 1 3000 0
nam-render -m amp.nam -o right-want.wav right-in.wav
nam-render -m amp.nam -o left-want.wav left-in.wav
check '--channel 2 is the right one' cmp right.wav right-want.wav
wav dump left-want.wav >left && wav dump right-want.wav >right && paste -d ' ' left right >both
check 'each channel of stereo is as if it were alone' sh -c 'perl "$SRC/tests/wav.pl" dump both.wav | cmp - both'
run nam-render -m amp.nam -c 3 -o no.wav st.wav
check 'a channel that is not there' err_says 'no channel 3'

# Threads change nothing but the time.
wav make long.wav 48000 2 150001 'sin($t * $t / 40000000) * ($c ? 0.5 : 0.3)'
nam-render -j 1 -m amp.nam -o t1.wav long.wav
for t in 2 3 5; do
	nam-render -j $t -m amp.nam -o t.wav long.wav
	check "$t threads give the same bytes" cmp t.wav t1.wav
done
run env SHOOTOUT_THREADS=2 nam-render -m amp.nam -o t.wav long.wav
check 'SHOOTOUT_THREADS=2 too, and says nothing' sh -c 'cmp t.wav t1.wav && test ! -s err'
run env SHOOTOUT_THREADS=many nam-render -m amp.nam -o t.wav di.wav
check 'SHOOTOUT_THREADS that is no number: a warning' sh -c "test $status = 0 && grep -q \"SHOOTOUT_THREADS is 'many'\" err"

# Levels: what metadata says, in the direction of the trainer's player.
linear() { echo "{\"version\":\"0.5.4\",\"architecture\":\"Linear\",\"sample_rate\":48000,\"metadata\":{$1},\"config\":{\"receptive_field\":$2,\"bias\":$3},\"weights\":[$4]}"; }
linear '"loudness":-24.0,"input_level_dbu":12.0,"output_level_dbu":9.5' 1 false 1 >cal.nam
wav make half-in.wav 48000 1 100 0.5
# gain IN_DB OUT_DB OPTION...: what the report says, and what the samples do
gain() {
	in=$1 out=$2
	shift 2
	nam-render -m cal.nam "$@" --report r.json -o g.wav half-in.wav || return
	jq -e ".input_total_gain_db == $in and .output_total_gain_db == $out" r.json >/dev/null || { cat r.json; return 1; }
	wav dump g.wav | awk -v db="$((1)) $in $out" 'BEGIN { split(db, a, " ") } { x = 20 * log($1 / 0.5) / log(10) - a[2] - a[3]; if (x * x > 1e-10) exit 1 }'
}
check 'level raw' gain 0.0 0.0
check '--level loudness: to -18 dB' gain 0.0 6.0 --level loudness
check '--level-target-db' gain 0.0 3.5 --level loudness --level-target-db -20.5
check '--input-dbu: a hotter interface feeds more' gain 3.0 0.0 --input-dbu 15
check '--level calibrated: what the amp gives, at the interface' gain 0.0 -5.5 --level calibrated --output-dbu 15
check 'all gains add up' gain 5.0 4.0 --input-dbu 15 --input-gain-db 2 --level loudness --output-gain-db -2
run nam-render -m identity.nam --level loudness -o no.wav di.wav
check 'no loudness in the model: exit 1 and the key' sh -c "test $status = 1 && grep -q \"error: --level: the model 'identity.nam' does not say its loudness: choose another level\" err && test ! -e no.wav"
run nam-render -m amp.nam --input-dbu 12 -o no.wav di.wav
check 'no input_level_dbu: exit 1, and not the advice for levels' err_says "error: --input-dbu: the model 'amp.nam' does not say its input_level_dbu: leave this out, or give the gain before"
run nam-render -m amp.nam --level calibrated --output-dbu 12 -o no.wav di.wav
check 'no output_level_dbu: exit 1' err_says 'does not say its output_level_dbu'

# DC: a model that hums at 0.5 when nothing comes in.
linear '' 3 true 1,0,0.5,0.5 >dc.nam
wav make silence.wav 48000 1 2000 0
nam-render -m dc.nam -o dc.wav silence.wav
check 'without the DC blocker there is DC' sh -c 'perl "$SRC/tests/wav.pl" dump dc.wav | awk "\$1 != 0.5 { exit 1 }"'
nam-render -m dc.nam --dc-block-hz 5 --report r.json -o dc.wav silence.wav
check '--dc-block-hz takes it out, from the first frame' sh -c 'perl "$SRC/tests/wav.pl" dump dc.wav | awk "\$1 != 0 { exit 1 }"'
check 'and is in the report' jq -e '.dc_block_hz == 5' r.json
wav make step.wav 48000 1 48000 '0.25'
nam-render -m identity.nam --dc-block-hz 5 -o dc.wav step.wav
wav dump dc.wav >dc
# one pole at 5 Hz: after t seconds a step is exp(-2 pi 5 t) of itself
check 'its time constant' near "$(sed -n 4800p dc)" 0.0108 0.0001
wav make silence44.wav 44100 1 6000 0
nam-render -m dc.nam -o dc.wav silence44.wav
check 'no click at the ends through the converters' sh -c 'perl "$SRC/tests/wav.pl" dump dc.wav | awk "(\$1 - 0.5) ^ 2 > 1e-13 { exit 1 }"'

# The tail: what the model still has to say.
wav make last.wav 48000 1 100 '$t == 99 ? 1 : 0'
linear '' 3 false 1,0,0.5 >echo.nam
nam-render -m echo.nam --tail full --report r.json -o tail.wav last.wav
check '--tail full: the receptive field less a frame' test "$(wav shape tail.wav)" = '48000 1 102 32'
check 'its last frame is the echo' test "$(wav dump tail.wav | tail -n 1)" = 0.5
check 'the report counts it' jq -e '.frames == 100 and .out_frames == 102 and .tail == "full"' r.json
nam-render -m echo.nam --tail 0.01 -o tail.wav last.wav
check '--tail 0.01: 480 frames more' test "$(wav shape tail.wav)" = '48000 1 580 32'
# lstm FILE RATE: one cell whose state decays by less than a hundredth a frame
lstm() { echo "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",${2:+\"sample_rate\":$2,}\"config\":{\"input_size\":1,\"hidden_size\":1,\"num_layers\":1},\"weights\":[0,0,0,0,2,0,0,0,0,5,0,0,0,0,1,0]}" >"$1"; }
lstm lstm.nam 48000
lstm lstm-no-rate.nam
for m in lstm lstm-no-rate; do
	nam-render -m $m.nam --tail full --report r.json -o tail.wav last.wav
	check "--tail full of $m: half a second" sh -c 'test "$(perl "$SRC/tests/wav.pl" shape tail.wav)" = "48000 1 24100 32" && jq -e ".out_frames == 24100" r.json'
done
# A model that answers its loudest after all it has heard: the converters still ring then.  What comes after the full
# tail (in a longer one) must be below -140 dB of that.
linear '' 2000 false "$(awk 'BEGIN { for (i = 0; i < 1999; i++) printf "0,"; print 1 }')" >far.nam
for rate in 96000 44100; do
	wav make last-in.wav $rate 1 1000 '$t == 999 ? 1 : 0'
	for how in best fast; do
		nam-render -m far.nam --resample $how --tail full -o tail.wav last-in.wav
		nam-render -m far.nam --resample $how --tail 0.2 -o longer.wav last-in.wav
		wav dump tail.wav >full
		wav dump longer.wav >longer
		check "--tail full at $rate Hz, $how: the converters have rung out" awk -v n="$(wc -l <full)" '
			{ a = $1 < 0 ? -$1 : $1; if (a > m) m = a; if (NR > n && a > r) r = a }
			END { print n, NR, m, r; exit !(n > 2850 && NR > n && m > 0.1 && r <= m * 1e-7) }' longer
		check "$rate Hz, $how: and it is the beginning of the longer one" sh -c 'head -n "$(wc -l <full)" longer | cmp - full'
	done
done

# --info.
run nam-render --info amp.nam
check '--info: one object' sh -c 'jq -e "select(.schema == \"nam-info/1\" and .architecture == \"WaveNet\" and .sample_rate_hz == 48000 and .weights == 161 and
	.receptive_field_frames == 35 and .name == \"Tester\" and .loudness_db == -20.5 and .gear_make == null)" out'
check '--info hashes the file' sh -c 'test "$(jq -r .sha256 out)" = "$(sha256sum <amp.nam | cut -d" " -f1)"'
run nam-render --info old.nam
check '--info: an unknown rate is null' jq -e '.sample_rate_hz == null' out
# --check: the loudness of the output for a recording.
linear '"loudness":-9.0309,"gain":0.0' 1 false 1 >honest.nam
linear '"loudness":-12.0' 1 false 1 >liar.nam
wav make sine.wav 48000 1 48000 'sin($t / 48000 * 6.283185307179586 * 1000) * 0.5'
for m in honest liar; do
	run nam-render --check $m.nam --loudness-input sine.wav
	check "--check of $m: with another recording there is no verdict" sh -c "test $status = 1 && jq -e '.schema == \"nam-check/1\" and .ok == null and
		(.input_is_trainers | not) and .loudness_db.verdict == \"not checked\" and (.loudness_db.measured + 9.0309 | fabs < 1e-4)' out"
	check "--check of $m: one line says which and what is wanted" sh -c "test \$(wc -l <err) = 1 && grep -q \"'sine.wav' is not the trainer's recording (loudness_input.wav, SHA-256 84f3\" err"
done
trainers=$TESTDATA/gts/reference/nam_trainer_loudness_input.wav
if [ -f "$trainers" ]; then
	nam-render --check honest.nam --loudness-input "$trainers" >measured.json 2>err
	linear "$(jq -r '"\"loudness\":\(.loudness_db.measured),\"gain\":\(.gain.measured)"' measured.json)" 1 false 1 >honest.nam
	run nam-render --check honest.nam --loudness-input "$trainers"
	check '--check: a file that is as loud as it says' sh -c "test $status = 0 && test ! -s err && jq -e '.ok and .slim == null and .loudness_db.verdict == \"ok\"' out"
	run nam-render --check liar.nam --loudness-input "$trainers"
	check '--check: one that is not: exit 3, with the figures' sh -c "test $status = 3 && jq -e '.ok == false and .loudness_db.verdict == \"differs\" and .gain.verdict == \"not claimed\"' out"
else
	skip '--check: verdicts' "no $trainers"
fi
# a model of two sizes, the small one half as loud
echo "{\"version\":\"0.7.0\",\"architecture\":\"SlimmableContainer\",\"sample_rate\":48000,\"config\":{\"submodels\":[{\"max_value\":0.5,\"model\":$(
	linear '' 1 false 0.5)},{\"max_value\":1.0,\"model\":$(linear '' 1 false 1)}]},\"weights\":[]}" >sizes.nam
for s in 0.2:-15.0515 1:-9.0309; do
	run nam-render --check sizes.nam --loudness-input sine.wav --slim ${s%:*}
	check "--check --slim ${s%:*} measures that size" jq -e ".slim == ${s%:*} and (.loudness_db.measured - ${s#*:} | fabs < 1e-4)" out
done
run nam-render --check honest.nam --loudness-input di44.wav
check '--check: a recording at another rate: exit 1' status_is 1
run nam-render --check honest.nam --loudness-input st.wav
check '--check: one in stereo: exit 1' err_says "'st.wav' is not mono"
run nam-render --info missing.nam
check '--info of nothing: exit 1' status_is 1
run sh -c 'nam-render --info amp.nam >/dev/full'
check '--info on a full disk: exit 1' status_is 1

# What can go wrong.
run nam-render -m missing.nam -o no.wav di.wav
check 'missing model: exit 1' status_is 1
check 'the message names it' err_says "missing.nam"
run nam-render -m amp.nam -o no.wav missing.wav
check 'missing input: exit 1' status_is 1
check 'the message names the input' err_says "missing.wav"
head -c 500 amp.nam >cut.nam
run nam-render -m cut.nam -o no.wav di.wav
check 'a model that is cut off: one line' sh -c "test $status = 1 && test \$(wc -l <err) = 1 && grep -q 'not JSON' err"
head -c 40000 di.wav >cut.wav
run nam-render -m amp.nam -o no.wav cut.wav
check 'an input that is cut off: exit 1' status_is 1
check 'and no output' absent no.wav
echo '{"version":"0.5.4","architecture":"Linear","config":{"receptive_field":1,"bias":false},"weights":[1e38]}' >big.nam
run nam-render -m big.nam --input-gain-db 60 -o no.wav di.wav
check 'output that is no number: exit 1' status_is 1
check 'it says where' err_says 'gives no number at frame '
check 'nothing is left of it' absent no.wav
echo '{"version":"0.5.4","architecture":"Linear","config":{"receptive_field":1,"bias":false},"weights":[8]}' >gain.nam
run nam-render -m gain.nam -e s16 -o no.wav di.wav
check 'a sample that would clip: exit 1' sh -c "test $status = 1 && grep -q 'would clip' err"
check 'and no clipped file' absent no.wav
run sh -c 'nam-render -m amp.nam di.wav >/dev/full'
check 'full disk: exit 1' status_is 1
run nam-render -m amp.nam -o no/such/dir.wav di.wav
check 'a folder that is not there: exit 1' status_is 1
check 'a closed pipe ends it quietly' sh -c 'nam-render -m amp.nam di.wav 2>e | head -c 100 >/dev/null; test ! -s e'
run nam-render -m amp.nam -o no.wav --report /no/such/r.json di.wav
check 'a report that cannot be written: exit 1' status_is 1
check 'and no audio without its report' absent no.wav

# The command line.
for bad in 'di.wav' '-m amp.nam a b' '-m - -' '--info amp.nam di.wav' '-m amp.nam --slim 2 di.wav' \
	'-m amp.nam --input-gain-db 500 di.wav' '-m amp.nam -c -1 di.wav' '-m amp.nam -e mp3 di.wav' '-m amp.nam --report - di.wav' \
	'-m amp.nam --level loud di.wav' '-m amp.nam --level calibrated di.wav' '-m amp.nam --output-dbu 3 di.wav' '-m amp.nam --level-target-db -20 di.wav' \
	'-m amp.nam --resample good di.wav' '-m amp.nam --tail long di.wav' '-m amp.nam --tail -1 di.wav' '-m amp.nam --dc-block-hz 1e3 di.wav' \
	'-m amp.nam -j -1 di.wav' '--check amp.nam' '-m amp.nam --loudness-input di.wav di.wav' '--check amp.nam --info amp.nam --loudness-input di.wav'; do
	# shellcheck disable=SC2086
	run nam-render $bad
	check "usage: $bad" status_is 2
done
for other in '-m amp.nam' '-o x' '-c 1' '--input-gain-db 0' '--output-gain-db 3' '--input-dbu 12' '--level raw' '--level-target-db -20' '--output-dbu 3' \
	'--dc-block-hz 5' '--resample best' '--tail cut' '-e f32' '-j 0' '--batch' '--report r' '--provenance p'; do
	for mode in '--info amp.nam' '--check amp.nam --loudness-input sine.wav'; do
		# shellcheck disable=SC2086
		run nam-render $other $mode
		name=$(nam-render --opts | awk -v o="${other%% *}" '"--" $1 == o || "-" $2 == o { print $1 }')
		check "${mode%% *} refuses ${other%% *} by name" sh -c "test $status = 2 && test ! -s out && grep -q -e 'not --$name\$' err"
	done
done
run nam-render --info amp.nam --loudness-input sine.wav
check '--info refuses --loudness-input' err_says 'not --loudness-input'
run nam-render --info amp.nam --check amp.nam
check '--info and --check at once' err_says 'not --check'
run nam-render -v --progress never --info amp.nam
check '--info with what every command takes' status_is 0
run nam-render -m amp.nam --level calibrated di.wav
check '--level calibrated names the option that is missing' err_says 'error: --output-dbu: missing'
run sh -c 'printf "%s\n" "{\"model\":\"cal.nam\",\"input\":\"half-in.wav\",\"output\":\"b1.wav\",\"output_dbu\":15}" \
	"{\"model\":\"cal.nam\",\"input\":\"half-in.wav\",\"output\":\"b2.wav\"}" \
	"{\"model\":\"amp.nam\",\"input\":\"half-in.wav\",\"output\":\"b3.wav\",\"level\":\"raw\",\"input_dbu\":12}" | nam-render --batch --level calibrated'
check '--batch --level calibrated: jobs bring their own output_dbu, or fail' sh -c 'jq -es "map(.status) == [\"done\", \"failed\", \"failed\"] and
	.[0].report.output_total_gain_db == -5.5 and (.[1].error | startswith(\"output_dbu: missing\"))" out'
check 'a job hears of its key, not of an option' jq -es '.[2].error | startswith("input_dbu: the model") and (contains("--") | not)' out
wav make odd.wav 44101 1 100 0.5
run nam-render -m amp.nam -o no.wav odd.wav
check 'a rate that no filter fits: what to do' err_says 'convert the file with audio-prep --sample-rate 48000 first'
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	run script -qec 'nam-render -m amp.nam di.wav' /dev/null
	check 'no audio to a terminal' sh -c "test $status = 2 && grep -q 'is a terminal' out"
else
	skip 'no audio to a terminal' 'script(1) gives no terminal here'
fi
run nam-render -m amp.nam --slim 0.5 -o no.wav di.wav
check 'a model that cannot be slimmed' err_says 'not slimmable'
run nam-render -v -m amp.nam -o v.wav di.wav
check '-v tells the model and the speed' sh -c 'grep -q "WaveNet, 161 weights" err && grep -q "times real time" err'

# Broken files made to hurt: each gets its one line in bounded time and memory, or plays.
if [ -d "$TESTDATA/nam/hostile" ]; then
	wav make short.wav 48000 1 500 'sin($t / 9)'
	for f in "$TESTDATA"/nam/hostile/*.nam; do
		( ulimit -v $limit; timeout 20 nam-render -q -m "$f" -o h.wav short.wav >out 2>err ) && status=0 || status=$?
		case ${f##*/} in
		bom.* | container_nested_50.* | lin_ok.* | lstm_zero_layers.* | meta_level_null.* | meta_null.* | sr_44100.* | sr_48000.4.* | sr_zero.* | \
			trailing.* | ver_0.5.0.* | ver_0.5.4.nam | ver_0.5.99.* | ver_0.6.* | ver_0.7.* | wn_zero_dilation.*)
			check "hostile: ${f##*/} plays" sh -c "test $status = 0 && test ! -s err" ;;
		*)
			check "hostile: ${f##*/} is refused in one line" sh -c "test $status = 1 && test \$(wc -l <err) = 1 && test ! -e h.wav" ;;
		esac
		rm -f h.wav
	done
else
	skip 'hostile files' "no $TESTDATA/nam/hostile"
fi
done_testing
