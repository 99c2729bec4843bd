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
run audio-diff --fail-if 'esr_db > -60' ref.wav short.wav
check 'one that breaks off is not' status_is 3
check 'and why' err_says "'short.wav' fails 'length_difference_frames < -480': length_difference_frames is -8000"
run audio-diff --fail-if 'esr_db > -60' --fail-if 'compared_frames < 40000' ref.wav short.wav
check 'unless a rule says how long it must be' status_is 0
run audio-diff --fail-if 'esr_db > -60' short.wav ref.wav
check 'one that goes on is' status_is 0
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
run audio-diff ref.wav late.wav - <same.wav
check 'standard input among several: exit 2' status_is 2
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
run audio-diff -q -o e.json ref.wav same.wav missing.wav
check '-o: nothing when a pair cannot be compared' test "$status $(ls e.json* 2>/dev/null)" = '1 '
cp ref.wav mine.wav
run audio-diff --null mine.wav mine.wav late.wav
check 'a null over an input: exit 2, nothing lost' cmp mine.wav ref.wav
run audio-diff --null - ref.wav late.wav
check 'two things on standard output: exit 2' status_is 2
run audio-diff --null - -o f.json ref.wav late.wav
check 'one: the null is a WAV' test "$(head -c 4 out)" = RIFF
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


# a recording of half a minute that another clock has made 60 ppm longer, 10 ms later
demo=$SRC/examples/demo/di
if [ -e "$demo/riff.wav" ] && command -v sox >/dev/null; then
	audio-prep --concat -o long.wav "$demo/riff.wav" "$demo/chords.wav" "$demo/lead.wav"
	sox long.wav -b 32 -e float slow.wav speed 0.9999400036 rate 48000 pad 0.01 2>/dev/null
	run audio-diff long.wav slow.wav
	check 'a drift is told' near "$(of drift_ppm)" 60 0.5
	check 'and the delay in the middle' near "$(of delay_frames)" "$(jq '480 + 30e-6 * .ref_frames' out)" 1
else
	skip 'a drift' 'no examples, or no sox'
fi

# ---- several tests, the null, tables ----
run audio-diff -q --fail-if 'null_depth_db < 60' --junit j.xml --markdown m.md ref.wav same.wav missing.wav other.wav
check 'several tests: the worst status' status_is 1
check 'a line for each that could be compared' test "$(jq -r .test out | tr '\n' ' ')" = 'same.wav other.wav '
check 'the JUnit file counts' grep -q 'tests="3" failures="1" errors="1"' j.xml
check 'and is XML' perl -0777 -ne '$x = $_; $x =~ s/<\?[^>]*\?>//; while ($x =~ s{<(\w+)[^<>]*/>|<(\w+)(?:\s[^<>]*)?>[^<>]*</\2>}{}) {} exit($x =~ /\S/)' j.xml
check 'the failure with its value' grep -q 'failure message="null_depth_db &#60; 60: null_depth_db is' j.xml
check 'the missing file is an error' grep -q "error message=.*missing.wav" j.xml
check 'a table of three rows' test "$(grep -c '^| `ref.wav`' m.md)" = 3
check 'with the result' grep -q 'other.wav.*failed.*null_depth_db' m.md
cp other.wav '<a&b>|`.wav'
run audio-diff -q --junit j.xml --markdown m.md ref.wav '<a&b>|`.wav'
check 'names cannot break the XML' grep -qF 'name="&#60;a&#38;b&#62;|`.wav against ref.wav"' j.xml
check 'nor the table' test "$(tail -n 1 m.md | sed 's/\\|//g' | tr -cd '|' | wc -c)" = 12
run audio-diff --null n.wav --provenance p.json ref.wav late.wav
check '--null: as long as the reference' test "$(audio-diff n.wav ref.wav | jq -c '[.ref_frames, .channels, .rate_hz]')" = '[48000,1,48000]'
check 'a fitted copy leaves nothing' near "$(audio-metrics n.wav | jq '.levels.peak_dbfs // -200')" -200 60
check 'provenance of it' test "$(jq -r '[.inputs[].role, .outputs[].role] | join(" ")' p.json)" = 'ref test null'
run audio-diff --null n2.wav ref.wav silent.wav
check 'against silence it is the reference' audio-diff --tolerance exact ref.wav n2.wav
run audio-diff --null bad/n.wav ref.wav late.wav
check 'a null that cannot be made: exit 1' status_is 1
run audio-diff --null n3.wav ref.wav cut.wav
check 'a null of a broken file: none' absent n3.wav
run audio-diff --null n3.wav ref.wav late.wav same.wav
check 'a null of two: exit 2' status_is 2
for t in 1 2 5; do audio-diff -j "$t" ref.wav late.wav >"t$t"; done
check 'the same bytes for every number of threads' sh -c 'cmp t1 t2 && cmp t1 t5'
audio-diff --max-delay 0.1 - half.wav <ref.wav >piped
audio-diff --max-delay 0.1 ref.wav half.wav >filed
check 'and from a pipe' test "$(jq -c 'del(.ref)' piped)" = "$(jq -c 'del(.ref)' filed)"

# ---- batch ----
printf '%s\n' '{"id":7,"ref":"ref.wav","test":"late.wav","null":"b.wav"}' '' '{"ref":"ref.wav","test":"missing.wav"}' nonsense \
	'{"ref":"ref.wav","test":"other.wav","fail_if":["esr_fitted_db > -3"],"max_delay_s":0.01}' \
	'{"ref":"ref.wav"}' '{"ref":"ref.wav","test":"-"}' '{"ref":"ref.wav","test":"same.wav","gain":1}' \
	'{"ref":"ref.wav","test":"same.wav","fail_if":["gain > x"]}' '{"ref":"ref.wav","test":"same.wav","tolerance":"exact"}' '{"ref":"ref.wav","test":"same.wav","null":"-"}' >jobs.jsonl
run audio-diff --batch --junit b.xml --markdown b.md -j 3 <jobs.jsonl
check '--batch: exit 1, as one failed' status_is 1
check 'an answer for each, in order' test "$(jq -r '"\(.job) \(.status)"' out | tr '\n' ';')" = \
	'1 done;2 failed;3 failed;4 done;5 failed;6 failed;7 failed;8 failed;9 done;10 failed;'
check 'the id comes back' test "$(jq -c '[.id] | .[0]' out | tr '\n' ' ')" = '7 null null null null null null null null null '
check 'each with its reason' sh -c 'for w in missing.wav "not JSON" "two files" "two files" "unknown key .gain" "does not end in a number" "name a file"; do
	jq -r "select(.error).error" out | grep -q "$w" || { echo "$w"; exit 1; }; done; test "$(jq -r "select(.error).error" out | wc -l)" = 7'
check 'the same object as of one pair' test "$(jq -c 'select(.job == 1).report' out)" = "$(audio-diff ref.wav late.wav | jq -c .)"
check 'demands of a job' test "$(jq -c 'select(.job == 4).report.failed' out)" = '["esr_fitted_db > -3"]'
check 'its null' test -s b.wav
check 'and a case for each that is JSON' grep -q 'tests="9" failures="1" errors="6"' b.xml
run sh -c 'head -n 1 jobs.jsonl | audio-diff --batch --fail-if "delay_frames != 0"'
check 'a demand of the command line, not met: exit 3' status_is 3
run sh -c 'head -n 1 jobs.jsonl | audio-diff --batch >/dev/full'
check '--batch on a full disk: exit 1' status_is 1
run audio-diff --batch ref.wav same.wav
check '--batch with files: exit 2' status_is 2
run audio-diff --batch -o x.json
check '--batch with -o: exit 2' status_is 2

# ---- matrix ----
make_wav like.wav 48000 1 48000 "my \$n = \$t; 0.5 * $chord + 0.001 * sin(0.3 * \$n)"
run audio-diff --matrix ref.wav other.wav like.wav half.wav
check '--matrix: one object' test "$status $(wc -l <out)" = '0 1'
check 'the same across the diagonal, which is null' jq -e '.distances as $d | [range(4)] | all(. as $a | $d[$a][$a] == null and
	([range(4)] | all($d[$a][.] == $d[.][$a])))' out
check 'what is like is nearest' test "$(jq -c '[.nearest[0][2], .nearest[2][2], .by]' out)" = '[1,1,"ltas_rms_difference_db"]'
check 'hashes' test "$(jq -r '.files[1].sha256' out)" = "$(sha256sum other.wav | cut -d' ' -f1)"
run audio-diff --matrix --by si_sdr_db -o m.json ref.wav other.wav like.wav same.wav
check 'the larger the nearer' test "$(jq -c '.nearest[0]' m.json)" = '[3,2,1]'
check 'no difference is told' test "$(jq -c '.reasons' m.json)" = '[{"pair":[0,3],"reason":"there is no difference"}]'
check 'the number is that of the pair' test "$(jq '.distances[0][1]' m.json)" = "$(audio-diff ref.wav other.wav | jq .si_sdr_db)"
run audio-diff --matrix ref.wav missing.wav same.wav
check 'a missing file: exit 1, no matrix' test "$status $(wc -c <out)" = '1 0'
for o in '--by delay_ms' '--by nothing' '--tolerance exact' '--junit x'; do
	# shellcheck disable=SC2086
	run audio-diff --matrix $o ref.wav same.wav
	check "--matrix $o: exit 2" status_is 2
done
run audio-diff --by esr_db ref.wav same.wav
check '--by alone: exit 2' status_is 2
run audio-diff --matrix ref.wav
check 'a matrix of one: exit 2' status_is 2

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
