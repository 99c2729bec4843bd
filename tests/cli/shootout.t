#!/bin/sh
# shootout on the command line, and the main job on small material: plan, run, resume, change, verify.
# shellcheck source=tests/lib.sh
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib.sh"

common_checks shootout

# Material: two DIs of 1.2 s, a tiny LSTM and a tiny WaveNet of our own, an IR.
ffmpeg -v error -f lavfi -i 'aevalsrc=0.4*sin(2*PI*110*t)*exp(-3*mod(t\,0.4)):s=48000:d=1.3' -c:a pcm_s24le one.wav
ffmpeg -v error -f lavfi -i 'aevalsrc=0.3*sin(2*PI*196*t)*exp(-4*mod(t\,0.3)):s=44100:d=1.3' -ac 2 -c:a pcm_s16le two.wav
ffmpeg -v error -f lavfi -i 'aevalsrc=0.5*exp(-300*t)*sin(2*PI*900*t+1.5):s=48000:d=0.05' -c:a pcm_f32le cab.wav
python3 - <<'PY'
import json, random
random.seed(1)
r = lambda n, s: [round(random.uniform(-s, s), 6) for _ in range(n)]
h = 4
json.dump({"version": "0.5.4", "architecture": "LSTM", "config": {"input_size": 1, "hidden_size": h, "num_layers": 1},
    "weights": r(4*h*(1+h), .6) + r(4*h, .2) + [0.0]*(2*h) + r(h, .8) + [0.0], "sample_rate": 48000}, open("lstm.nam", "w"))
layer = {"input_size": 1, "condition_size": 1, "channels": 2, "head_size": 1, "kernel_size": 3, "dilations": [1, 2, 4],
    "activation": "Tanh", "gated": False, "head_bias": True}
n = 2 + 3*(2*2*3 + 2 + 2 + 2*2 + 2) + 2 + 1
json.dump({"version": "0.5.4", "architecture": "WaveNet", "config": {"layers": [layer], "head": None, "head_scale": 0.5},
    "weights": r(n, .7) + [0.5], "sample_rate": 48000, "metadata": {"gear_type": "amp_cab"}}, open("wave.nam", "w"))
PY
cat >s.json <<'J'
{"schema": "shootout/1", "name": "Test \"shoot\" $(out)", "author": "nobody",
 "dis": [{"id": "one", "name": "First DI", "file": "one.wav", "start_s": 0.1, "length_s": 1.0},
         {"name": "Second: DI", "file": "two.wav"}],
 "chains": [
  {"id": "lstm", "name": "Small #1; `x` 'y'", "stages": [{"nam": "lstm.nam", "input_gain_db": 3}, {"ir": "cab.wav"}]},
  {"id": "wave", "name": "Wave %s", "stages": [{"nam": "wave.nam"}, {"effect": "gain", "gain_db": -6},
   {"effect": "eq", "preset": "mid_scoop", "high_gain_db": 2, "automation": {"high_gain_db": "0s:2,0.5s:-2:s,smooth_ms=5"}},
   {"effect": "reverb", "preset": "room", "decay_s": 0.2, "stereo": true}]}],
 "tempo_bpm": 90, "video": {"size": "320x180", "title_s": 0.5, "preset": "ultrafast"}}
J

run shootout
check 'no command: exit 2' status_is 2
run shootout frobnicate x
check 'unknown command: exit 2' status_is 2
run shootout run s.json
check 'run without a run directory: exit 2' status_is 2

# ---- check: every mistake is reported with its place, and nothing is written
run shootout check s.json
check 'a good description passes' status_is 0
check 'and says nothing' sh -c 'test ! -s out && test ! -s err'
bad() { # NAME EXPECTED-TEXT PYTHON-EDIT
	python3 -c "import json; d = json.load(open('s.json')); $3; json.dump(d, open('bad.json', 'w'))"
	run shootout run bad.json -o nope
	check "$1: exit 1" status_is 1
	check "$1: says where and what" err_says "$2"
	check "$1: no work was begun" absent nope
}
bad 'unknown effect' "/chains/1/stages/1/effect: unknown effect 'flanger'" "d['chains'][1]['stages'][1]['effect'] = 'flanger'"
fx="d['chains'][1]['stages'].append"
bad 'unknown parameter of an effect' "/chains/1/stages/4: delay: there is no parameter 'mix'; did you mean 'mix_pct'?" "$fx({'effect': 'delay', 'mix': 3})"
bad 'out of range of an effect' '/chains/1/stages/4: boost: gain_db 30 dB is not within 0..24 dB' "$fx({'effect': 'boost', 'gain_db': 30})"
bad 'unknown preset' '/chains/1/stages/4: reverb: unknown preset' "$fx({'effect': 'reverb', 'preset': 'cave'})"
bad 'automation that is none' 'a point is TIME:VALUE' "$fx({'effect': 'gain', 'automation': {'gain_db': '3; rm -rf /'}})"
bad 'an echo for ever' 'never dies away' "$fx({'effect': 'delay', 'feedback_pct': 100})"
bad 'an echo that is too long' 'at most 8 s' "$fx({'effect': 'delay', 'beats': 16, 'bpm': 30})"
bad 'a model after a stereo effect' "but 'Reverb' before it makes two" "d['chains'][1]['stages'].insert(0, {'effect': 'reverb', 'stereo': True})"
python3 -c "import json; m = json.load(open('wave.nam')); m['metadata']['gear_type'] = 'amp'; json.dump(m, open('amp.nam', 'w'))"
bad 'an amp without a cab' '"no_cab": true' "d['chains'][1]['stages'][0]['nam'] = 'amp.nam'"
python3 -c "import json; d = json.load(open('s.json')); d['chains'][1]['stages'][0]['nam'] = 'amp.nam'; d['chains'][1]['no_cab'] = True; json.dump(d, open('meant.json', 'w'))"
run shootout check meant.json
check 'unless it is meant' status_is 0
bad 'missing model' "/chains/0/stages/0: cannot open" "d['chains'][0]['stages'][0]['nam'] = 'none.nam'"
bad 'missing DI' "/dis/0/file: cannot open" "d['dis'][0]['file'] = 'none.wav'"
bad 'two cabs' '/chains/0/stages/2: is a second cab' "d['chains'][0]['stages'].append({'ir': 'cab.wav'})"
bad 'an IR after a model with a cab' 'holds a cab already' "d['chains'][1]['stages'].append({'ir': 'cab.wav'})"
bad 'a rate the model cannot take' 'set "rate_hz": 48000' "d['rate_hz'] = 96000"
bad 'a picture rate that drifts' '/video/fps' "d['video']['fps'] = 29"
bad 'misspelt key' "did you mean 'input_gain_db'?" "d['chains'][0]['stages'][0]['input_gian_db'] = 1"
bad 'out of range' '/level/lufs: must be -60 to -5' "d['level'] = {'lufs': 3}"
bad 'wrong type' '/chains: must be a list' "d['chains'] = 'all'"
bad 'missing key' "/dis/1: the key 'file' is missing" "del d['dis'][1]['file']"
bad 'same id twice' "has the same id, 'lstm'" "d['chains'][1]['id'] = 'lstm'"
bad 'an id that is a path' "'etc-passwd' would do" "d['chains'][1]['id'] = '../etc/passwd'"
bad 'longer than the recording' "shorten 'length_s'" "d['dis'][0]['length_s'] = 5"
bad 'other schema' "reads 'shootout/1'" "d['schema'] = 'shootout/2'"
bad 'a stage that is two' "exactly one of 'nam', 'ir' and 'effect'" "d['chains'][0]['stages'][0]['ir'] = 'cab.wav'"
printf '{"schema": "shootout/1",\n "name": }' >bad.json
run shootout check bad.json
check 'broken JSON: file, line and column' err_says 'bad.json:2:'
printf '{"title":"a\\u0000b"}' >nul.json
run shootout check nul.json
check 'a NUL in a string' err_says 'nul.json:1:19: not JSON: a string holds a NUL'
mkdir full && echo precious >full/file
run shootout run s.json -o full
check 'a folder with other things in it is refused' err_says 'is no run directory'
check 'and left alone' sh -c 'test "$(ls full)" = file'
if [ "$(id -u)" != 0 ]; then
	mkdir closed && chmod 555 closed
	run shootout check s.json -o closed/run
	check 'a directory that cannot be written: exit 1' status_is 1
else
	run shootout check s.json -o s.json/run
	check 'a directory that cannot be written: exit 1' status_is 1
fi

# ---- plan and run
run shootout plan s.json -o run
check 'plan: exit 0' status_is 0
check 'plan renders nothing' sh -c 'test -z "$(find run/audio run/cards run/work -type f)"'
check 'the Makefile holds plain command lines' grep -q '^	nam-render -m in/nam/lstm.nam --input-gain-db 3 ' run/Makefile
check 'effects are command lines of audio-fx' grep -qF 'audio-fx -x eq:mid_scoop,high_gain_db=2 -a 1.high_gain_db=0s:2,0.5s:-2:s,smooth_ms=5 --tempo 90 ' run/Makefile
check 'and to stereo' grep -qF 'audio-fx -x reverb:room,decay_s=0.2 --tempo 90 --stereo ' run/Makefile
check 'no name from outside is in the Makefile' sh -c '! grep -qE "First|Small|shoot\"" run/Makefile'
run shootout status --json run
check 'status counts the steps that are left' sh -c '[ "$(jq .steps_left out)" -gt 20 ] && [ "$(jq -r .state out)" = unfinished ]'
run shootout run --json s.json -o run
check 'run: exit 0' status_is 0
check 'everything is there' sh -c 'cd run && ls shootout.mp4 audio/one__lstm.flac audio/one__wave.flac audio/second-di__lstm.flac \
	audio/second-di__wave.flac metrics.jsonl timeline.jsonl manifest.jsonl shootout.db description.txt events.jsonl'
check 'four tones with their loudness' sh -c 'jq -e --argjson want "$(jq .target_lufs run/work/target.json)" \
	".state == \"done\" and (.tones | length == 4) and
	all(.tones[]; (.loudness_lufs - \$want | fabs) < 0.1 and .gain_db != null and .centroid_hz != null)" out'
check 'all at one loudness' sh -c 'jq -e "[.tones[].loudness_lufs] | max - min < 0.1" out'
check 'none above the ceiling' sh -c 'jq -e "[.tones[].true_peak_dbtp] | max <= -0.99" out'
check 'a second run does nothing' sh -c 'touch -d "1 minute ago" stamp && find run -newer stamp -type f >/dev/null;
	find run -type f ! -name events.jsonl ! -name .lock -exec stat -c "%n %Y %s" {} + | sort >before;
	shootout run -q --json s.json -o run >/dev/null;
	find run -type f ! -name events.jsonl ! -name .lock -exec stat -c "%n %Y %s" {} + | sort >after; cmp before after'
run make -C run -n --no-print-directory
check 'make by hand agrees' sh -c '! grep -q nam-render out'
run shootout status --table run
check 'status as a table' sh -c 'grep -q "Wave %s" out && grep -q "video: run/shootout.mp4" out'
run shootout verify run
check 'verify: exit 0' status_is 0

# ---- the main promise, heard from the finished video
ffmpeg -v error -y -i run/shootout.mp4 -map 0:a -c:a pcm_f32le video.wav
jq -r 'select(.kind == "segment") | "\(.at_frame) \(.length_frames) \(.name)"' run/timeline.jsonl |
	while read -r at len name; do
		ffmpeg -nostdin -hide_banner -i video.wav -af "atrim=start_sample=$at:end_sample=$((at + len)),ebur128=framelog=verbose" \
			-f null - 2>&1 | awk -v n="$name" '/I:/ { v = $2 } END { print n, v }'
	done >heard
check 'four segments are heard' sh -c 'test "$(wc -l <heard)" = 4'
jq -r .target_lufs run/work/target.json >want
check 'each at the target within 0.1 LU' awk -v w="$(cat want)" '{ d = $2 - w; if (d > 0.1001 || d < -0.1001) { print; bad = 1 } } END { exit bad }' heard

# ---- one changed chain redoes that chain only
sed 's/"input_gain_db": 3/"input_gain_db": 6/' s.json >t.json && mv t.json s.json
sleep 1.1
touch mark
run shootout run -v --json s.json -o run
check 'a changed chain runs again' status_is 0
check 'its tones are new' sh -c 'test run/audio/one__lstm.flac -nt mark'
check 'the other amp was not rendered again' sh -c '! test run/work/one--wave.wav -nt mark && ! test run/work/second-di--wave.wav -nt mark'
check 'nor its level, if the target stayed' sh -c 'test "$(jq .target_lufs run/work/target.json)" != "$(cat want)" ||
	! test run/audio/one__wave.flac -nt mark'

# ---- a database that is gone comes back; a chain that is gone leaves nothing
rm run/shootout.db
run shootout run --json s.json -o run
check 'a deleted database is made again' sh -c 'shootout-db -d run/shootout.db list | jq -e ".segments == 4"'
python3 -c "import json; d = json.load(open('s.json')); del d['chains'][1]; json.dump(d, open('less.json', 'w'))"
touch run/audio/mine.flac
run shootout run --json less.json -o run
check 'a removed chain: exit 0' status_is 0
check 'its tones, cards and stages are gone' sh -c 'test -z "$(find run -name "*wave*" ! -path "run/in/*")"'
check 'the others and what is not ours are there' sh -c 'test -s run/audio/one__lstm.flac && test -e run/audio/mine.flac'
rm run/audio/mine.flac

# ---- killed in the middle, it resumes
rm -rf run
setsid sh -c 'exec shootout run -q --json -j1 s.json -o run' >/dev/null 2>&1 &
pid=$!
i=0
while [ ! -e run/work/one--lstm.wav ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done
kill -9 "-$pid"
wait "$pid" 2>/dev/null
check 'killed before the end' test ! -e run/shootout.mp4
touch mark
sleep 1.1
run shootout run --json s.json -o run
check 'run again: exit 0' status_is 0
check 'what was done is kept' sh -c '! test run/work/one.wav -nt mark'
check 'and the rest is there' test -s run/shootout.mp4
check 'no temporary file is left' sh -c 'test -z "$(find run -name "*.tmp*")"'

for gone in prov/one--lstm.wav.json one__lstm.level.json prov/one__lstm.flac.json prov/master.wav.json prov/shootout.mp4.json; do
	rm run/work/$gone
done
rm run/description.txt
run shootout run --json s.json -o run
check 'killed between a file and what is written beside it, it resumes: exit 0' status_is 0
check 'and all of it is there' sh -c 'jq -es "all(.[]; .schema)" run/manifest.jsonl && test -s run/description.txt &&
	test -s run/work/one__lstm.level.json'
run shootout run -v --json s.json -o run
check 'and the next run does nothing' err_says 'nothing to do'

# ---- verify notices
cp run/audio/one__wave.flac keep
printf x >>run/audio/one__wave.flac
run shootout verify run
check 'a changed result: exit 3' status_is 3
check 'and which' err_says "'audio/one__wave.flac' is not what the manifest says"
mv keep run/audio/one__wave.flac
run shootout verify --render -v run
check 'made again, every file is the same' status_is 0

mkdir odd && touch odd/f
printf '{"source":"x","file":"f","sha256":1}\n{"source":"x","file":2}\n' >odd/manifest.jsonl
run shootout verify odd
check 'a manifest with wrong types is no crash' status_is 0

# ---- names of people's files
cp one.wav master.wav
shootout new -d master.wav -i cab.wav -o master.json
run shootout plan master.json -o mrun
check 'a DI called master: exit 0' status_is 0
run make -n -C mrun
check 'make reads the plan, and nothing collides in it' sh -c 'test ! -s err && grep -q "work/master-2.wav in/di/master.wav" out'
python3 -c 'import json; d = json.load(open("mrun/shootout.json")); d["name"] = "a\nb\033[31m"; json.dump(d, open("mrun/shootout.json", "w"))'
run shootout status --table mrun
check 'nor does a table hold commands to the terminal' grep -q '^a b\[31m: ' out
cp one.wav "$(printf 'bad\377.wav')"
run shootout new -d "$(printf 'bad\377.wav')" -i cab.wav -o bad2.json
check 'a name that is not UTF-8 cannot be described: exit 1' status_is 1
check 'and says so' err_says 'is not UTF-8; rename it'
run shootout check "$(printf 'no\nsuch \033[31mfile')"
check 'a message stays one line, without commands to the terminal' grep -q "'no?such ?\[31mfile'" err

# ---- two at once, stdin, a failing step
flock run/.lock sleep 3 &
sleep 0.3
run shootout run s.json -o run
check 'a run directory in use: exit 75' status_is 75
wait
mkdir slow
printf '#!/bin/sh\ncase $1 in -n) exit 0 ;; esac\ntouch began\nsleep 2\n' >slow/make && chmod +x slow/make
PATH="$T/slow:$PATH" shootout run -q s.json -o run >/dev/null 2>&1 &
i=0
while [ ! -e began ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done
kill $!
wait $! 2>/dev/null
run shootout run s.json -o run
check 'killed alone, what it started still has the run directory: exit 75' status_is 75
flock run/.lock true
mkdir threads
printf '#!/bin/sh\ncase $1 in -n) exit 0 ;; esac\necho "$SHOOTOUT_THREADS" >share\n' >threads/make && chmod +x threads/make
PATH="$T/threads:$PATH" shootout run -q -j 1000 s.json -o run >/dev/null 2>&1
check 'steps side by side get their share of the CPUs, at least one' sh -c "cat run/share share 2>/dev/null | grep -qx 1"
SHOOTOUT_THREADS=7 PATH="$T/threads:$PATH" shootout run -q -j 1000 s.json -o run >/dev/null 2>&1
check 'and the SHOOTOUT_THREADS that was set before' sh -c "cat run/share share 2>/dev/null | grep -qx 7"
check 'description from standard input' sh -c 'shootout check - <s.json'
rm run/work/one.wav run/work/one--lstm.wav
printf '#!/bin/sh\nexit 9\n' >nam-render && chmod +x nam-render
run make -C run PATH="$T:$PATH"
check 'a failing step stops make' test "$status" -ne 0
check 'and leaves no output of it' absent run/work/one--lstm.wav
run shootout status nothing
check 'status of no run: exit 1' status_is 1
run sh -c 'shootout status --json run >/dev/full'
check 'full disk: exit 1' status_is 1

# ---- new
run shootout new -d one.wav -d two.wav -i cab.wav lstm.nam -o new.json
check 'new: exit 0' status_is 0
check 'new makes a description that passes' shootout check new.json
check 'with all combinations' sh -c 'jq -e "(.dis | length == 2) and (.chains | length == 1) and (.chains[0].stages | length == 2)" new.json'
run shootout new -d one.wav lstm.nam -o new.json
check 'an existing description is not overwritten' err_says 'exists'
run shootout new lstm.nam
check 'new without a DI: exit 2' status_is 2
done_testing
