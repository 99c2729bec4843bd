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

# Rates and channels.
run nam-render -m amp44.nam -o no.wav di.wav
check 'another sample rate: exit 1' status_is 1
check 'it names both rates and what to do' sh -c 'grep -q "at 48000 Hz" err && grep -q "44100 Hz: convert with audio-prep --sample-rate 44100" err'
check 'nothing is left' absent no.wav
nam-render -m amp44.nam -o ok44.wav di44.wav
check 'a model for 44100 Hz plays 44100 Hz' test "$(wav shape ok44.wav)" = '44100 1 2000 32'
nam-render -m old.nam --report r.json -o old.wav di.wav
check 'a model without a rate means 48000 Hz, and the report says so' jq -e '.rate_assumed and .model.sample_rate_hz == null' r.json
run nam-render -m old.nam -o no.wav di44.wav
check 'and refuses 44100 Hz' err_says 'audio-prep --sample-rate 48000'
run nam-render -m amp.nam -o no.wav st.wav
check 'stereo: exit 1' status_is 1
check 'it says what to do' err_says 'audio-prep --channels mono'
nam-render -m amp.nam -c 2 -o right.wav st.wav
wav make right-in.wav 48000 1 3000 'sin($t / 20) * 0.5'
nam-render -m amp.nam -o right-want.wav right-in.wav
check '--channel 2 is the right one' cmp right.wav right-want.wav
run nam-render -m amp.nam -c 3 -o no.wav st.wav
check 'a channel that is not there' err_says 'no channel 3'

# --info.
run nam-render --info amp.nam
check '--info: one object' sh -c 'jq -e "select(.schema == \"nam-info/1\" and .architecture == \"WaveNet\" and .sample_rate_hz == 48000 and .weights == 161 and
	.receptive_field_frames == 35 and .name == \"Tester\" and .loudness_db == -20.5 and .gear_make == null)" out'
check '--info hashes the file' sh -c 'test "$(jq -r .sha256 out)" = "$(sha256sum <amp.nam | cut -d" " -f1)"'
run nam-render --info old.nam
check '--info: an unknown rate is null' jq -e '.sample_rate_hz == null' out
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
	'-m amp.nam --input-gain-db 500 di.wav' '-m amp.nam -c -1 di.wav' '-m amp.nam -e mp3 di.wav' '-m amp.nam --report - di.wav'; do
	# shellcheck disable=SC2086
	run nam-render $bad
	check "usage: $bad" status_is 2
done
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
		bom.* | container_nested_50.* | lin_ok.* | lstm_zero_layers.* | meta_level_null.* | meta_null.* | sr_48000.4.* | sr_zero.* | \
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
