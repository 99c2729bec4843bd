#!/bin/sh
# audio-level on the command line.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

common_checks audio-level

# tone NAME AMPLITUDE SECONDS [2]: a 1 kHz sine in one or two channels
tone() {
	s="$2*sin(2*PI*1000*t)"
	ffmpeg -v error -f lavfi -i "aevalsrc=$s${4:+|$s}:s=48000:d=$3" -c:a pcm_f32le "$1"
}
# + 0: newer versions of jq print a number as it was written, -23.0
key() { jq -r ".$2 | if type == \"number\" then . + 0 else . end" "$1"; }
# valid SCHEMA FILE
valid() {
	python3 - "$SRC/lib/schema/$1.json" "$2" <<'PY'
import json, sys, jsonschema
jsonschema.validate(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])))
PY
}
samples() { ffmpeg -v error -i "$1" -f f32le -c:a pcm_f32le -; }
# integrated FILE: ffmpeg's word
integrated() {
	ffmpeg -nostats -hide_banner -i "$1" -af ebur128 -f null - 2>&1 |
		awk '$1 == "I:" { v = $2 } END { print v }'
}

tone a.wav 0.25 3 2
tone b.wav 0.5 3 2
tone mono.wav 0.1 3
tone short.wav 0.1 0.2
tone silent.wav 0 1
head -c 100000 a.wav >cut.wav

run audio-level --lufs -20 -o out.wav --report r.json a.wav
check 'a target: exit 0' status_is 0
check 'nothing on stdout and stderr' test ! -s out -a ! -s err
check 'ffmpeg finds the target' near "$(integrated out.wav)" -20 0.1
check 'the report says the gain' near "$(key r.json gain_db)" \
	"$(jq '.target_lufs - .measured_lufs' r.json)" 0.000001
check 'the report says the loudness after' near "$(key r.json loudness_lufs)" -20 0.01
check 'a sine of 0.25 on both channels is at -12.04 LUFS' near "$(key r.json measured_lufs)" -12.04 0.05
check 'the report names input and output' test "$(key r.json input) $(key r.json output)" = 'a.wav out.wav'
check 'the report has the hash of the input' test "$(key r.json sha256)" = "$(sha256sum a.wav | cut -d' ' -f1)"

# shellcheck disable=SC2016
run sh -c 'cat a.wav | audio-level --lufs -20 --report p.json >piped.wav'
check 'stdin to stdout' status_is 0
samples out.wav >want.f32
samples piped.wav >got.f32
check 'a pipe gives the same samples' cmp want.f32 got.f32
check 'and the same hash of the input' test "$(key p.json sha256)" = "$(key r.json sha256)"

run audio-level --gain-db 0 -o copy.wav a.wav
samples a.wav >want.f32
samples copy.wav >got.f32
check '0 dB copies bit for bit' cmp want.f32 got.f32
run audio-level --gain-db 6.0206 -o double.wav --report d.json a.wav
check 'a fixed gain' near "$(jq '.true_peak_dbtp - .measured_true_peak_dbtp' d.json)" 6.0206 0.001
check 'no target with a fixed gain' test "$(key d.json target_lufs)" = null
run audio-level --gain-db 20 --ceiling -1 -o no.wav a.wav
check 'a fixed gain over a ceiling: exit 3' status_is 3

run audio-level --lufs 0 -o no.wav --report no.json a.wav
check 'over the ceiling: exit 3' status_is 3
check 'it names the highest target' err_says 'the highest target that fits is -1'
check 'and leaves nothing' absent no.wav no.json
highest=$(sed 's/.*that fits is \([-0-9.]*\) LUFS.*/\1/' err)
check 'that target is -1 dBTP, rounded down' near "$highest" -1.05 0.1
run audio-level --lufs "$highest" -o most.wav a.wav
check 'and it does fit' status_is 0
run audio-level --lufs 6 --ceiling none -o over.wav --report o.json a.wav
check '--ceiling none lifts it' status_is 0
check 'then the peak may pass full scale' near "$(key o.json true_peak_dbtp)" 6.0 0.2
check 'no ceiling is null' test "$(key o.json ceiling_dbtp)" = null
run audio-level --lufs 6 --ceiling none -o over.flac a.wav
check 'but not clip in integers: exit 1' status_is 1
check 'the message counts and advises' err_says "samples of 'over.flac' would clip"
check 'a clipped file does not appear' absent over.flac
run audio-level --lufs -20 -o out.flac a.wav
check 'FLAC out' near "$(integrated out.flac)" -20 0.1

run audio-level --lufs -20 -o no.wav silent.wav
check 'silence: exit 1' status_is 1
check 'and it says so' err_says "'silent.wav' is silent"
check 'no output of silence' absent no.wav
run audio-level --measure silent.wav
check 'silence can be measured: null' test "$status $(key out measured_lufs)" = '0 null'
run audio-level --gain-db 3 -o s.wav silent.wav
check 'and have a fixed gain' status_is 0
run audio-level --lufs -20 -o short20.wav --report short.json short.wav
check 'under 0.4 s: by the ungated loudness' test "$(key short.json loudness_kind)" = ungated
check 'which comes out right' near "$(key short.json loudness_lufs)" -20 0.01

run audio-level --measure mono.wav
cp out mono.json
run audio-level --measure --dual-mono mono.wav
cp out dual.json
check 'dual mono is 3.01 LU louder' near \
	"$(jq -s '.[1].measured_lufs - .[0].measured_lufs' mono.json dual.json)" 3.0103 0.0001
check 'and stated' test "$(key dual.json dual_mono) $(key mono.json dual_mono)" = 'true false'

# one second loud, two seconds 12 dB down
ffmpeg -v error -f lavfi -i 'aevalsrc=if(lt(t\,1)\,0.4\,0.1)*sin(2*PI*1000*t):s=48000:d=3' -c:a pcm_f32le steps.wav
run audio-level --lufs -30 --start-frame 48000 --length-frames 96000 -o region.wav --report reg.json steps.wav
check 'a region is measured' near "$(key reg.json measured_lufs)" -23.01 0.1
check 'and stated' test "$(jq -c .region reg.json)" = '{"start_frame":48000,"length_frames":96000}'
check 'the peak is of the whole' near "$(key reg.json measured_true_peak_dbtp)" -7.96 0.05
check 'the gain is on the whole' near "$(key reg.json true_peak_dbtp)" -14.95 0.1
run audio-level --measure --start-frame 144000 steps.wav
check 'a region after the end: exit 1' status_is 1
run audio-level --measure --start-frame 48000 --length-frames 96001 steps.wav
check 'a region over the end: exit 1' status_is 1
check 'with the length of the file' err_says 'has 144000 frames'

audio-level --measure --report a.json a.wav
audio-level --measure --report b.json b.wav
run audio-level --match --lufs -23 -o level.json --report match.json a.json b.json
check 'match: what fits is taken as wanted' test \
	"$status $(key level.json target_lufs) $(key match.json limited_by)" = '0 -23 null'
touch -d '2020-01-01' level.json
run audio-level --match --lufs -23 -o level.json a.json b.json
check 'the same target again is not written' test "$(find level.json ! -newermt 2020-01-02)" = level.json
for f in a b; do audio-level --target level.json -o m$f.wav --report m$f.json $f.wav; done
check 'the target makes both alike' near "$(integrated ma.wav)" "$(integrated mb.wav)" 0.1
check 'with different gains' near "$(jq -s '.[0].gain_db - .[1].gain_db' ma.json mb.json)" 6.02 0.01
# an impulse in mono.wav's place: high peak, low loudness
ffmpeg -v error -f lavfi -i 'aevalsrc=0.05*sin(2*PI*1000*t)+if(eq(n\,60000)\,0.8\,0):s=48000:d=3' -c:a pcm_f32le peaky.wav
audio-level --measure --report peaky.json peaky.wav
run audio-level --match --lufs -10 -o tight.json --report why.json a.json peaky.json
check 'the peak of one limits all' test "$(key why.json limited_by)" = peaky.wav
check 'the target file says nothing of who was asked' sh -c "jq -e 'has(\"files\") | not' tight.json"
check 'rounded down to a tenth' sh -c "jq -e '.target_lufs * 10 | . == floor' tight.json"
run audio-level --target tight.json -o p.wav --report p.json peaky.wav
check 'and then it fits under the ceiling' sh -c "jq -e '.true_peak_dbtp <= -1 and .true_peak_dbtp > -1.2' p.json"
run audio-level --match --lufs -10 --ceiling none a.json peaky.json
check 'match to stdout, without a ceiling' test "$(key out target_lufs) $(key out ceiling_dbtp)" = '-10 null'
audio-level --measure --report silent.json silent.wav
run audio-level --match --lufs -20 -o no.json a.json silent.json
check 'silence cannot be matched: exit 1' status_is 1
check 'it is named' err_says "'silent.wav' is silent"
check 'no target then' absent no.json
run audio-level --match --lufs -20 mono.json dual.json
check 'mono counted two ways cannot be matched' err_says 'measure all alike'
echo '{"schema":"level-match/1"}' >bad.json
run audio-level --target bad.json -o no.wav a.wav
check 'a target without a target: exit 1' status_is 1
run audio-level --target a.json -o no.wav a.wav
check 'a measure is no target: exit 1' err_says 'is no level-match/1 object'
echo '{"schema":"audio-level/1","input":"x","measured_lufs":1e999}' >bad.json
run audio-level --match --lufs -20 bad.json
check 'a number that is none: exit 1' status_is 1
printf '[[[[[[' >bad.json
run audio-level --match --lufs -20 bad.json
check 'broken JSON: exit 1, with the line' err_says 'line 1'

# every kind of target, against ffmpeg or what the wave is
stat() { ffmpeg -nostats -hide_banner -i "$1" -af astats=measure_perchannel=none -f null - 2>&1 | awk -F': ' -v k="$2" 'index($0, k) { print $2; exit }'; }
run audio-level --rms-dbfs -25 -o k.wav --report k.json steps.wav
check 'RMS: as ffmpeg has it' near "$(stat k.wav 'RMS level dB')" -25 0.001
check 'RMS: reported' test "$(key k.json measure) $(key k.json target) $(key k.json target_lufs)" = 'rms -25 null'
run audio-level --peak-dbfs -6 -o k.wav --report k.json steps.wav
check 'sample peak: as ffmpeg has it' near "$(stat k.wav 'Peak level dB')" -6 0.001
# a sine of a quarter of the rate, 45 degrees off: its samples are at 0.7071 of its peak
ffmpeg -v error -f lavfi -i 'aevalsrc=0.5*sin(PI/2*n+PI/4):s=48000:d=4,afade=d=0.1,afade=t=out:st=3.9:d=0.1' -c:a pcm_f32le between.wav
run audio-level --true-peak-dbtp -1 -o k.wav --report k.json between.wav
check 'true peak: the samples are 3 dB lower' near "$(stat k.wav 'Peak level dB')" -4.01 0.1
check 'true peak: reported' near "$(key k.json true_peak_dbtp)" -1 0.000001
run audio-level --momentary-lufs -20 -o k.wav --report k.json steps.wav
check 'max momentary: of the loud second' near "$(key k.json measured_momentary_lufs)" -10.97 0.05
check 'max momentary: comes out right' near "$(key k.json momentary_lufs)" -20 0.000001
run audio-level --short-term-lufs -20 -o k.wav --report k.json steps.wav
check 'max short-term: comes out right' near "$(key k.json short_term_lufs)" -20 0.000001
max_s=$(ffmpeg -nostats -hide_banner -i k.wav -af ebur128=framelog=verbose -loglevel verbose -f null - 2>&1 |
	sed -n 's/.* S: *\([-0-9.]*\).*/\1/p' | sort -n | tail -n 1)
check 'max short-term: as ffmpeg has it' near "$max_s" -20 0.1
run audio-level --short-term-lufs -20 -o no.wav short.wav
check 'short-term of 0.2 s: exit 1, and why' sh -c "test $status = 1 && grep -q 'needs 3' err"
run audio-level --normalize-rms -20 -o k.wav --report k.json a.wav
check 'normalize-rms: a gain' near "$(key k.json rms_dbfs)" -20 0.0001
run audio-level --normalize-rms -1 -o k.wav --report k.json a.wav
check 'normalize-rms: a peak stops it' test "$status $(key k.json peak_limited)" = '0 true'
check 'normalize-rms: at -0.1 dBFS' near "$(key k.json peak_dbfs)" -0.1 0.0001
run audio-level --normalize-rms -14 -o k.wav silent.wav
check 'normalize-rms: silence is copied, with a warning' sh -c "test $status = 0 && grep -q 'stays as it is' err"

run audio-level --match --lufs -10 --report both.json -o both.t.json a.wav peaky.wav
check 'match of audio files: as of their measures' test "$(key both.t.json target) $(key both.json limited_by)" = "$(key tight.json target) peaky.wav"
mkfifo measured
audio-level --measure a.wav >measured &
run audio-level --match --lufs -10 --report both.json -o both.t.json measured peaky.wav
wait
check 'match of a measure from a pipe' test "$(key both.t.json target)" = "$(key tight.json target)"
run audio-level --match --report none.json -o none.t.json a.wav b.wav mono.wav
check 'match without a target: the quietest' near "$(key none.t.json target)" "$(key mono.json measured_lufs)" 0.000001
check 'match without a target: nothing gets louder' sh -c "jq -e '[.files[].gain_db] | max == 0 and min < -10' none.json"
perl "$SRC/tests/wav.pl" make wide.wav 384000 64 9600 '0.1 * sin($t / 9 + $c)'
run audio-level --lufs -20 --limit -o k.wav --report k.json wide.wav
check '64 channels at 384 kHz' near "$(key k.json loudness_lufs)" -20 0.001
run audio-level --gain-db 0 -o k.wav wide.wav
samples wide.wav >want.f32
samples k.wav >got.f32
check '64 channels at 384 kHz: 0 dB copies' cmp want.f32 got.f32
perl "$SRC/tests/wav.pl" make slow.wav 8000 1 24000 '0.1 * sin($t / 9)'
run audio-level --lufs -20 -o k.wav --report k.json slow.wav
check '8 kHz' near "$(integrated k.wav)" -20 0.1
run audio-level --match --rms-dbfs -30 -o rms.json a.wav peaky.wav
audio-level --target rms.json -o k.wav peaky.wav
check 'match by RMS' near "$(stat k.wav 'RMS level dB')" -30 0.001

# the limiter: a riff of decaying plucks with a crest factor of 20 dB
ffmpeg -v error -f lavfi -i 'aevalsrc=0.5*exp(-12*mod(t\,0.5))*sin(2*PI*220*t)+0.3*exp(-60*mod(t\,0.5))*sin(2*PI*3000*t)|0.4*exp(-12*mod(t\,0.5))*sin(2*PI*221*t):s=48000:d=6' -c:a pcm_f32le riff.wav
run audio-level --lufs -9 -o no.wav riff.wav
check 'over the ceiling without --limit: exit 3, which is named' sh -c "test $status = 3 && grep -q -- '--limit limits peaks' err"
run audio-level --lufs -9 --limit -o lim.wav --report lim.json riff.wav
check 'limit: exit 0' status_is 0
check 'limit: ffmpeg finds the target' near "$(integrated lim.wav)" -9 0.1
check 'limit: the loudness is within 0.05 LU' near "$(key lim.json loudness_lufs)" -9 0.05
tp=$(ffmpeg -nostats -hide_banner -i lim.wav -af ebur128=peak=true:framelog=verbose -f null - 2>&1 | awk '/True peak/ { t = 1 } t && $1 == "Peak:" { print $2; exit }')
check 'limit: ffmpeg finds the true peak under the ceiling' sh -c "awk 'BEGIN { exit !($tp <= -0.9 && $tp > -1.3) }'"
check 'limit: the reduction is reported' sh -c "jq -e '.limiter | .max_reduction_db > 1 and .max_reduction_db < 20 and .limited_frames > 1000' lim.json"
check 'limit: the true peak is under the ceiling' jq -e '.true_peak_dbtp <= -1' lim.json
check 'limit: gain and reduction are not the same everywhere' sh -c "jq -e '.gain_db > .target - .measured_lufs' lim.json"
run audio-level --lufs -25 --limit -o lim2.wav --report lim2.json riff.wav
audio-level --lufs -25 -o nolim.wav riff.wav
check 'limit: what fits is not touched' cmp lim2.wav nolim.wav
check 'limit: and that is said' sh -c "jq -e '.limiter.max_reduction_db == 0 and .limiter.limit_dbtp == null' lim2.json"
run audio-level --gain-db 12 --ceiling -3 --limit -o lim.wav --report lim.json riff.wav
check 'limit: a fixed gain too' near "$(key lim.json true_peak_dbtp)" -3 0.1
check 'limit: and stays under' sh -c "jq -e '.true_peak_dbtp <= -2.999' lim.json"
run sh -c 'audio-level --lufs -9 --limit <riff.wav >limp.wav'
audio-level --lufs -9 --limit -o lim.wav riff.wav
samples lim.wav >want.f32
samples limp.wav >got.f32
check 'limit: the same from a pipe' cmp want.f32 got.f32
run audio-level --lufs 10 --limit -o no.wav --report no.json riff.wav
check 'limit: too much of it: exit 3' status_is 3
check 'limit: and nothing is left' absent no.wav no.json
run audio-level --lufs -69.5 --ceiling -65 --limit -o no.wav riff.wav
check 'limit: until all is under the gate: exit 3, and why' sh -c "test $status = 3 && grep -q 'all under the gate' err"
run audio-level --lufs -80 -o no.wav a.wav
check 'a target under the gate: exit 1, and why' err_says 'all under the gate of -70 LUFS'

# where the DI plays: 1 s of playing, 2 s of noise floor, 1 s of playing; the tone hums on
ffmpeg -v error -f lavfi -i 'aevalsrc=if(lt(mod(t\,3)\,1)\,0.3\,0.0005)*sin(2*PI*200*t):s=48000:d=4' -c:a pcm_f32le di.wav
ffmpeg -v error -f lavfi -i 'aevalsrc=if(lt(mod(t\,3)\,1)\,0.2\,0.1)*sin(2*PI*1000*t):s=48000:d=5' -c:a pcm_f32le tone.wav
run audio-level --measure --di di.wav tone.wav
cp out gated.json
check 'di: the parts that play, with 200 ms of hold' near "$(jq '.playing.parts[0].length_frames' gated.json)" 57600 300
check 'di: both of them' sh -c "jq -e '(.playing.parts | length) == 2 and .playing.parts[1].start_frame > 143900' gated.json"
check 'di: its hash' test "$(key gated.json playing.sha256)" = "$(sha256sum di.wav | cut -d' ' -f1)"
# 2 x 1 s at 0.2 and 0.2 s of hold at 0.1
check 'di: the RMS of them alone' near "$(key gated.json measured_rms_dbfs)" \
	"$(awk 'BEGIN { print 10 * log((2 * 0.04 + 0.2 * 0.01) / 2.2 / 2) / log(10) }')" 0.02
check 'di: the loudness is near it' near "$(key gated.json measured_lufs)" -17.2 0.3
run audio-level --measure --di di.wav --gate-dbfs -80 tone.wav
check 'di: a gate that is always open is all of it' near "$(key out counted_frames)" 192000 5
ffmpeg -v error -i di.wav -ar 44100 -c:a pcm_f32le di44.wav
run audio-level --measure --di di44.wav tone.wav
check 'di: at another rate' near "$(jq '.playing.parts[1].start_frame' out)" "$(jq '.playing.parts[1].start_frame' gated.json)" 60
run audio-level --lufs -20 --di di.wav -o k.wav --report k.json --provenance kp.json tone.wav
check 'di: a target' near "$(key k.json loudness_lufs)" -20 0.001
check 'di: in the provenance' test "$(jq -r '[.inputs[].role] | join(" ")' kp.json)" = 'audio di'
run audio-level --match --lufs -20 --di di.wav --report k.json tone.wav steps.wav
check 'di: a match' near "$(jq '.files[0].level' k.json)" "$(key gated.json measured_lufs)" 0.000001
run audio-level --measure --di silent.wav tone.wav
check 'di: silence plays nowhere: exit 1' err_says "'silent.wav' never reaches -50 dBFS"
head -c 50000 di.wav >cutdi.wav
run audio-level --measure --di cutdi.wav tone.wav
check 'di: a truncated one: exit 1' status_is 1
ffmpeg -v error -f lavfi -i 'aevalsrc=if(gt(t\,6)\,0.3\,0)*sin(2*PI*200*t):s=48000:d=7' -c:a pcm_f32le late.wav
run audio-level --measure --di late.wav tone.wav
check 'di: one that plays after the end: exit 1' err_says 'all that is to be measured is after them'

cat >jobs.jsonl <<'J'
{"id": "one", "input": "a.wav", "output": "j1.wav", "lufs": -20}

{"id": "two", "input": "mono.wav", "output": "j2.wav", "gain_db": 0, "report": "j2.json"}
{"input": "a.wav", "output": "j3.wav", "lufs": 0, "ceiling": -1}
{"input": "a.wav", "output": "j4.wav", "loud": 0}
{"input": "a.wav", "output": "-"}
{"input": "b.wav", "output": "j5.wav"}
{"input": "b.wav", "output": "j6.wav", "ceiling": "none", "lufs": 3}
J
run audio-level --batch --lufs -25 -j 2 <jobs.jsonl
check 'batch: a failed job is exit 1, said once' sh -c "test $status = 1 && test \$(wc -l <err) = 1"
check 'batch: answers in order' test "$(jq -r '[.job, .id, .status] | join(" ")' out | tr '\n' ,)" = \
	'1 one done,2 two done,3  failed,4  failed,5  failed,6  done,7  done,'
audio-level --lufs -20 -o alone.wav a.wav
check 'batch: the bytes of a job alone' cmp alone.wav j1.wav
check 'batch: the gain of a job is in place of the default target' test "$(key j2.json gain_db) $(key j2.json target)" = '0 null'
check 'batch: the ceiling of one' sh -c "jq -r 'select(.job == 3).error' out | grep -q 'above the ceiling of -1'"
check 'batch: a key that is none' sh -c "jq -r 'select(.job == 4).error' out | grep -q \"unknown key 'loud'\""
check 'batch: the default target' near "$(integrated j5.wav)" -25 0.1
check 'batch: no ceiling' near "$(jq -r 'select(.job == 7).report.loudness_lufs' out)" 3 0.000001
SHOOTOUT_THREADS=1 audio-level --batch --lufs -25 <jobs.jsonl >one 2>err
check 'batch: SHOOTOUT_THREADS, and the same answers' cmp one out
check 'batch: what failed left nothing' absent j3.wav j4.wav
run sh -c 'audio-level --batch <jobs.jsonl >/dev/full'
check 'batch: full disk: exit 1' status_is 1

run audio-level --target level.json -o q.wav --provenance prov.json b.wav
check 'provenance names two inputs and one output' test \
	"$(jq -r '[.inputs[].role, .outputs[].role] | join(" ")' prov.json)" = 'audio target audio'
check 'with the hash of the output' test \
	"$(jq -r '.outputs[0].sha256' prov.json)" = "$(sha256sum q.wav | cut -d' ' -f1)"

if python3 -c 'import jsonschema' 2>/dev/null; then
	for f in r.json d.json a.json silent.json reg.json short.json lim.json lim2.json gated.json; do
		check "$f is audio-level/1" valid audio-level-1 $f
	done
	for f in level.json tight.json why.json; do check "$f is level-match/1" valid level-match-1 $f; done
else
	skip 'reports follow their schemas' 'no python3 jsonschema'
fi

run audio-level --lufs -20 -o no.wav missing.wav
check 'missing file: exit 1' status_is 1
check 'it is named' err_says "'missing.wav'"
run audio-level --lufs -20 -o no.wav cut.wav
check 'truncated file: exit 1' status_is 1
check 'no output of it' absent no.wav
run audio-level --lufs -20 -o /dev/full a.wav
check 'full disk: exit 1' status_is 1
run sh -c 'audio-level --lufs -20 a.wav >/dev/full'
check 'full disk on stdout: exit 1' status_is 1
run sh -c 'audio-level --measure a.wav >/dev/full'
check 'full disk for the report: exit 1' status_is 1
run audio-level --lufs -20 -o no.wav --report nowhere/r.json a.wav
check 'a report that cannot be written: exit 1' status_is 1
check 'then there is no audio' absent no.wav
run audio-level --lufs -20 -o nowhere/no.wav --report no.json a.wav
check 'an output that cannot be written: no report' absent no.json
run sh -c '{ audio-level --lufs -20 b.wav; echo $? >st; } | head -c 10 >/dev/null; cat st'
check 'a closed pipe ends it without a word' test "$(cat out)" = 141 -a ! -s err
run env TMPDIR=/nonexistent sh -c 'audio-level --lufs -20 -o no.wav <a.wav; exit $?'
check 'nowhere to keep a pipe: exit 1' status_is 1
check 'TMPDIR is advised' err_says TMPDIR
run env TMPDIR=/nonexistent sh -c 'audio-level --measure <a.wav'
check 'measuring needs no such place' test "$(key out measured_lufs)" = "$(key a.json measured_lufs)"

mkdir -p manual/even
for f in di a b tone; do cp riff.wav manual/$f.wav; done
sed -n '/^.Sh EXAMPLES/,/^.Sh SEE/{s/^\.Dl \$ //p;s/^\$ //p;/^    /p;}' "$SRC/man/audio-level.1" | sed 's/\\e/\\/' >manual/ex
# shellcheck disable=SC2016
check 'the examples of the manual run' sh -c 'cd manual && test $(wc -l <ex) = 9 && sh -e ex && cmp even/a.wav even/tone.wav && test -s b.flac'

# samples of 1e36, which a gain of 120 dB takes past float32
perl "$SRC/tests/wav.pl" make huge.wav 48000 1 48000 '1e36'
run audio-level --gain-db 120 -o no.wav huge.wav
check 'a sample past float32: exit 1' status_is 1
check 'and no output' absent no.wav

run audio-level -o no.wav a.wav
check 'no target: exit 2' status_is 2
run audio-level --lufs -20 --gain-db 3 a.wav
check 'two targets: exit 2' status_is 2
run audio-level --lufs -20 -o no.wav a.wav b.wav
check 'two inputs: exit 2' status_is 2
run audio-level --lufs -20 --ceiling loud a.wav
check 'a ceiling that is no number: exit 2' status_is 2
for args in '--lufs -20 --rms-dbfs -20 a.wav' '--rms-dbfs -200 a.wav' '--normalize-rms 3 a.wav' '--peak-dbfs -1 --start-frame 5 a.wav' '--true-peak-dbtp -1 --length-frames 5 a.wav' '--peak-dbfs -1 --di a.wav a.wav' \
	'--batch a.wav' '--batch -o x.wav' '--match --lufs -20 -e s16 a.json' '--match --normalize-rms -14 a.wav' '--limit --peak-dbfs -3 a.wav' '--limit --normalize-rms -14 a.wav' '--measure --limit a.wav' \
	'--di a.wav --start-frame 0 --lufs -20 a.wav' '--di - --lufs -20 a.wav' '--gate-dbfs -50 --lufs -20 a.wav' '--di a.wav --gate-dbfs 1 --lufs -20 a.wav' '-j 2 --lufs -20 a.wav' '--batch -j 1025' \
	'--gain-db 121 a.wav' '--encoding s8 --lufs -20 a.wav' '--start-frame -1 --lufs -20 a.wav' '--measure -o x.wav a.wav'; do
	# shellcheck disable=SC2086
	run audio-level $args
	check "usage: $args" sh -c "test $status = 2 && test ! -s out"
done
for v in nan inf -inf 1e999; do
	run audio-level --lufs -20 --ceiling "$v" -o no.wav a.wav
	check "--ceiling $v is no number: exit 2" status_is 2
done
run audio-level --limit --ceiling none --lufs -20 -o no.wav a.wav
check 'limit without a ceiling: exit 1' err_says 'there is no ceiling to limit to'
check 'a key becomes an option in what is said' sh -c 'audio-level --rms-dbfs -200 -o no.wav a.wav 2>&1 | grep -q -- "--rms-dbfs: -200 is not within"'
run audio-level --match --lufs -20
check 'match of nothing: exit 2' status_is 2
run audio-level --lufs -20 --report - a.wav
check 'audio and report on one stdout: exit 2' status_is 2
run audio-level --lufs -20 --length-frames 0 a.wav
check 'a region of nothing: exit 2' status_is 2

if [ -d "$TESTDATA/gts/reference" ]; then
	# a set of real tones: one target, applied, and measured by ffmpeg to a thousandth
	fine() { ffmpeg -nostats -hide_banner -v error -i "$1" -af ebur128=metadata=1,ametadata=print:key=lavfi.r128.I:file=- -f null - | sed -n 's/.*r128.I=//p' | tail -n 1; }
	set --
	for f in "$TESTDATA"/gts/reference/*.wav; do
		[ "$(audio-level --measure "$f" | jq .measured_lufs)" = null ] || set -- "$@" "$f"
	done
	run audio-level --match --lufs -14 -o real.json --report real.report.json "$@"
	check 'real tones: a target for all' test "$status" -eq 0 -a "$(jq '.files | length' real.report.json)" -eq $#
	for f; do
		audio-level --target real.json -o k.wav "$f"
		check "${f##*/}: within 0.05 LU of it" near "$(fine k.wav)" "$(key real.json target)" 0.05
	done
	# loud ones, limited by several dB
	for t in -12.5 -12 -11.5; do
		for f in "$TESTDATA"/gts/reference/nam_jcm800_mesa*_raw.wav; do
			rm -f k.wav k.json
			run audio-level --ceiling -2.5 --lufs $t --limit -o k.wav --report k.json "$f"
			check "${f##*/} limited to $t: within 0.03 LU of it" near "$(fine k.wav)" $t 0.031
			check "${f##*/} limited to $t: found at once, under the ceiling" jq -e '.true_peak_dbtp <= -2.5 and .limiter.max_reduction_db > 0.5 and .limiter.tries == 1' k.json
		done
	done
	# noise limited by 15 dB: what the model tells is some hundredths of a dB off
	run sh -c "audio-level --lufs -10.5 --limit --report k.json '$TESTDATA/gts/reference/nam_trainer_loudness_input.wav' >k.wav"
	check 'limited noise: found at the second try' test "$(jq .limiter.tries k.json)" = 2
	check 'limited noise: within 0.03 LU' near "$(fine k.wav)" -10.5 0.031
	for f in "$TESTDATA"/gts/reference/*.wav "$TESTDATA"/nam/inputs/*.wav; do
		[ -e "$f" ] || continue
		run audio-level --measure "$f"
		[ "$(key out measured_lufs)" = null ] ||
			check "${f##*/}: as ffmpeg" near "$(key out measured_lufs)" "$(integrated "$f")" 0.1
	done
else
	skip 'real recordings as ffmpeg measures them' 'no TESTDATA'
fi
done_testing
