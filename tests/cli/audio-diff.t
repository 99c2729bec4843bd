#!/bin/sh
# audio-diff on the command line.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

common_checks audio-diff

make_wav() { perl "$SRC/tests/wav.pl" make "$@"; }
of() { jq -r ".$1" out; }

# a decaying chord that does not repeat, and what can happen to it
chord='exp(-$n / 20000) * (sin(0.031 * $n) + sin(0.0473 * $n) + sin(0.0911 * $n + $n * $n * 1e-7)) * 0.2'
make_wav ref.wav 48000 1 48000 "my \$n = \$t; $chord"
make_wav late.wav 48000 1 48000 "my \$n = \$t - 37; \$n < 0 ? 0 : -0.3 * $chord"
make_wav half.wav 48000 1 48000 "my \$n = \$t - 0.5; $chord"
make_wav other.wav 48000 1 48000 '0.2 * sin(0.2 * $t + $t * $t * 1e-6)'
make_wav short.wav 48000 1 40000 "my \$n = \$t; $chord"
make_wav silent.wav 48000 1 48000 '0'
make_wav stereo.wav 48000 2 4800 '0.1 * sin($t * 0.1 + $c)'
make_wav slow.wav 44100 1 48000 '0.1 * sin($t * 0.1)'
make_wav empty.wav 48000 1 0 '0'
cp ref.wav same.wav
head -c 100000 ref.wav >cut.wav

run audio-diff ref.wav same.wav
check 'the same: exit 0' status_is 0
check 'nothing on stderr, one line' test ! -s err -a "$(wc -l <out)" = 1
check 'exact, no delay, no gain' jq -e '[.sample_exact, .delay_frames, .gain_db, .polarity] == [true, 0, 0, 1]' out
check 'no difference is null, with the reason' test "$(jq -r '[.esr_db, .reasons.esr_db] | join("|")' out)" = '|there is no difference'
check 'hashes of both' test "$(of ref_sha256) $(of test_sha256)" = \
	"$(sha256sum ref.wav | cut -d' ' -f1) $(sha256sum ref.wav | cut -d' ' -f1)"
run audio-diff ref.wav late.wav
check 'later by 37 frames' near "$(of delay_frames)" 37 0.0001
check 'inverted' test "$(of polarity)" = -1
check '10 dB quieter' near "$(of gain_db)" 10.4576 0.0001
check 'as it is: far off' near "$(of esr_db)" 1.5 4
check 'fitted: it cancels' near "$(of null_depth_db)" 160 40
check 'quieter by 10 LU' near "$(of loudness_difference_lu)" -10.46 0.1
check 'the same spectrum' near "$(of ltas_rms_difference_db)" 0 0.2
run audio-diff late.wav ref.wav
check 'the other way round' near "$(of delay_frames)" -37 0.0001
run audio-diff ref.wav half.wav
check 'half a sample' near "$(of delay_frames)" 0.5 0.001
# both begin with a step, which no band-limited delay can move: it is 4e-4 of the energy of a frame
check 'cancels too' near "$(of null_depth_db)" 75 25
run audio-diff ref.wav other.wav
check 'another signal does not cancel' near "$(of esr_fitted_db)" 0 1

run audio-diff --tolerance exact ref.wav same.wav
check '--tolerance exact: 0 for the same' status_is 0
run audio-diff --tolerance exact ref.wav late.wav
check '--tolerance exact: 3 for another' status_is 3
check 'the object says what failed' test "$(jq -c .failed out)" = '["tolerance exact"]'
run audio-diff --tolerance exact ref.wav short.wav
check 'shorter is not exact' status_is 3
check 'though the rest is' jq -e '[.compared_frames, .max_difference_fs] == [40000, 0]' out
run audio-diff --fail-if 'esr_db > -60' ref.wav same.wav
check 'no difference is under every limit' status_is 0
run audio-diff --fail-if 'null_depth_db < 200' ref.wav same.wav
check 'and a null deeper than any' status_is 0
run audio-diff --fail-if 'esr_fitted_db>-60' --fail-if 'delay_frames != 0' --fail-if 'gain_db <= 1' ref.wav late.wav
check 'a rule that holds: exit 3' status_is 3
check 'that rule, with the value' err_says "'late.wav' fails 'delay_frames != 0': delay_frames is 37"
check 'and no other' test "$(jq -c .failed out)" = '["delay_frames != 0"]'
run audio-diff --fail-if 'polarity == -1' --fail-if 'sample_exact < 1' -q ref.wav late.wav
check 'integers and truths too' test "$(jq '.failed | length' out)" = 2
run audio-diff --fail-if 'esr_db > 100' silent.wav ref.wav
check 'what is not defined fails: exit 3' status_is 3
check 'and says so' err_says 'esr_db is not defined'
for rule in 'esr_db' 'esr_db > ' 'esr_db > low' 'esr_db ~ 3' 'depth > 3' '> 3' 'esr_db > 3 dB' 'file == 1'; do
	run audio-diff --fail-if "$rule" ref.wav missing.wav
	check "a rule that is none ('$rule'): exit 2, before the work" status_is 2
done
run audio-diff --tolerance close ref.wav same.wav
check 'a tolerance that is none: exit 2' status_is 2

run audio-diff silent.wav silent.wav
check 'silence and silence: exact' test "$status $(of sample_exact) $(of esr_db)" = '0 true null'
run audio-diff ref.wav silent.wav
check 'against silence: nothing to fit' test "$(jq -c '[.delay_frames, .polarity, .gain_db, .reasons.gain_db]' out)" = \
	'[null,null,null,"one of them is silent"]'
run audio-diff empty.wav empty.wav
check 'nothing and nothing' test "$status $(of sample_exact) $(of max_difference_frame)" = '0 true null'
run audio-diff --max-delay 0.0005 ref.wav late.wav
check 'a delay is looked for up to the limit only' test "$(jq '.delay_frames | fabs <= 24.5' out)" = true

run sh -c 'audio-diff ref.wav - <late.wav'
check 'standard input as the test' near "$(of delay_frames)" 37 0.0001
run sh -c 'cat ref.wav | audio-diff - late.wav'
check 'or as the reference' test "$(of ref) $(of ref_sha256)" = "- $(sha256sum ref.wav | cut -d' ' -f1)"
run audio-diff - -
check 'both: exit 2' status_is 2
run audio-diff ref.wav
check 'one operand: exit 2' status_is 2
run audio-diff ref.wav same.wav late.wav
check 'three operands: exit 2' status_is 2
run audio-diff ref.wav slow.wav
check 'another rate: exit 1' status_is 1
check 'both shapes and what to do' err_says "'slow.wav' has 44100 Hz and 1 channels: bring both to one shape with audio-prep"
run audio-diff ref.wav stereo.wav
check 'other channels: exit 1' status_is 1
run audio-diff ref.wav missing.wav
check 'a missing file: exit 1' status_is 1
check 'it is named' err_says "'missing.wav'"
run audio-diff ref.wav cut.wav
check 'a truncated file: exit 1' status_is 1
check 'nothing on stdout' test ! -s out
run audio-diff -o d.json --provenance p.json ref.wav late.wav
check '-o' test "$(jq -r .test d.json)" = late.wav
check 'provenance' test "$(jq -r '[.inputs[].role, .outputs[].role] | join(" ")' p.json)" = 'ref test diff'
run audio-diff -o nowhere/d.json ref.wav late.wav
check 'an output that cannot be made: exit 1' status_is 1
run sh -c 'audio-diff ref.wav late.wav >/dev/full'
check 'full disk: exit 1' status_is 1
run audio-diff -o /dev/full ref.wav late.wav
check 'full disk with -o: exit 1' status_is 1
run sh -c '{ sleep 0.3; audio-diff ref.wav late.wav; echo $? >&2; } | true'
check 'a closed pipe ends it without a word' test "$(cat err)" = 141
run audio-diff --max-delay -1 ref.wav late.wav
check 'a negative delay: exit 2' status_is 2

ref=$TESTDATA/gts/reference
if [ -d "$ref" ]; then
	run audio-diff "$ref/nam_jcm800_mesafav_raw.wav" "$ref/nam_jcm800_mesafav_jucenorm.wav"
	check 'a cab with and without its gain cancels' near "$(of null_depth_db)" 145 10
	run audio-diff "$ref/nam_jcm800_mesafav_raw.wav" "$ref/nam_jcm800_mesaos_raw.wav"
	check 'two cabs do not' near "$(of null_depth_db)" 3 3
	check 'and differ in spectrum' near "$(of ltas_rms_difference_db)" 5 4
else
	skip 'renders of real captures' 'no TESTDATA'
fi
done_testing
