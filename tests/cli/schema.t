#!/bin/sh
# Everything the programs print as JSON is what lib/schema says.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

PY=
for p in python3 /usr/bin/python3; do
	[ -n "$PY" ] || ! "$p" -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null || PY=$p
done
if [ -z "$PY" ]; then
	skip 'schemas' 'python3-jsonschema is not installed'
	done_testing
	exit
fi
export PY
valid() { "$PY" -W ignore "$SRC/tests/validate-json.py" "$SRC/lib/schema" "$@"; }

# ---- the schemas, and the validator itself ----
check 'every schema is valid, and named like its word' valid --schemas
check 'every schema word in the sources has its file' valid --words "$SRC"/cmd/*.c "$SRC"/lib/*/*.c
check 'every key is in shootout-formats(5)' valid --documented "$SRC/man/shootout-formats.5"
# A test that passes everything is none: these must be refused.  TEXT is one object.
refused() {
	printf '%s\n' "$2" >bad.json
	check "refused: $1" sh -c '! "$PY" -W ignore "$SRC/tests/validate-json.py" "$SRC/lib/schema" bad.json 2>bad.err && cat bad.err && test -s bad.err'
}
sha=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
good='"schema":"provenance/1","tool":"t","version":"1","argv":["t"],"inputs":[],"seconds":1.0'
refused 'no schema' '{"tool":"t"}'
refused 'a schema that nobody knows' '{"schema":"nothing/1"}'
refused 'NaN' '{"schema":"input/1","x":NaN}'
refused 'a key twice' '{"schema":"input/1","schema":"input/1"}'
refused 'a missing key' "{$good}"
refused 'a short hash' "{$good,\"outputs\":[{\"role\":\"a\",\"file\":\"b\",\"sha256\":\"0123\"}]}"
refused 'nothing made' "{$good,\"outputs\":[]}"
printf '%s\n' "{$good,\"outputs\":[{\"role\":\"a\",\"file\":\"b\",\"sha256\":\"$sha\"}]}" >good.json
check 'not refused: the same, whole' valid good.json
desc='"schema":"shootout/1","name":"n","dis":[{"file":"a.wav"}],"chains":[{"name":"c","stages"'
printf '%s\n' "{$desc:[{\"nam\":\"x.nam\"},{\"ir\":\"y.wav\",\"mix\":0.5},{\"effect\":\"gain\",\"gain_db\":-3}]}]}" >good.json
check 'not refused: a description' valid good.json
sed -n '/^.Bd -literal/,/^.Ed/{/^[.]/d;p}' "$SRC/man/shootout-formats.5" >man.json
check 'the description in shootout-formats(5) is one' sh -c 'test "$("$PY" -W ignore "$SRC/tests/validate-json.py" "$SRC/lib/schema" man.json)" = shootout/1'
refused 'a stage that is a model and a cab' "{$desc:[{\"nam\":\"x.nam\",\"ir\":\"y.wav\"}]}]}"
refused 'an effect that is none' "{$desc:[{\"effect\":\"flanger\",\"gain_db\":0}]}]}"
refused 'a misspelt key' "{$desc:[{\"nam\":\"x.nam\",\"gain\":3}]}]}"
refused 'a chain of nothing' "{$desc:[]}]}"

# ---- material: sound, silence, an impulse response, a model, all our own ----
"$PY" - <<'X'
import json, math, random, struct, wave

def put(name, channels, seconds, f):
    with wave.open(name, "wb") as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(48000)
        w.writeframes(b"".join(struct.pack("<h", int(32767 * f(i / 48000, c)))
                               for i in range(int(48000 * seconds)) for c in range(channels)))

pluck = lambda t, c: 0.4 * math.sin(2 * math.pi * (110 + c) * t) * math.exp(-4 * (t % 0.25))
put("di.wav", 1, 1.2, pluck)
put("stereo.wav", 2, 1.2, pluck)
put("silence.wav", 1, 0.5, lambda t, c: 0)
put("short.wav", 1, 0.01, pluck)
put("ir.wav", 1, 0.02, lambda t, c: 0.7 * math.cos(2 * math.pi * 900 * t) * math.exp(-400 * t))
random.seed(1)
h = 3
json.dump({"version": "0.5.4", "architecture": "LSTM", "sample_rate": 48000,
           "config": {"input_size": 1, "hidden_size": h, "num_layers": 1}, "metadata": {"name": "t", "gain": 0.5},
           "weights": [round(random.uniform(-.5, .5), 4) for _ in range(4 * h * (1 + h) + 4 * h + 2 * h + h + 1)]},
          open("amp.nam", "w"))
X
check 'material is made' test -s amp.nam

# says PROGRAM 'WORDS' SHELL: standard output holds only valid objects, of at least these schemas
says() {
	prog=$1 words=$2
	if ! [ -x "$BIN/$prog" ]; then
		skip "$prog: $words" "$prog is not built"
		return
	fi
	run sh -c "$3"
	check "$prog: runs for $words" status_is 0
	cp out json
	check "$prog: $words" sh -c 'seen=$("$PY" -W ignore "$SRC/tests/validate-json.py" "$SRC/lib/schema" json) || exit
		for w in '"$words"'; do case " $seen " in *" $w "*) ;; *) echo "no $w, only: $seen"; exit 1 ;; esac; done'
}
# the report, the provenance and the progress events of one command: R names the report option or is empty
three() { echo "$1 --report r.json --provenance p.json --progress json -o $2 2>e.json && cat r.json p.json e.json"; }

says audio-prep 'audio-prep/1 provenance/1 event/1' "$(three 'audio-prep --channels mono stereo.wav' prep.wav)"
says audio-prep 'audio-prep/1' 'audio-prep --report r.json --sample-rate 44100 --trim-silence -60 -o x.wav di.wav; cat r.json'
says audio-prep 'audio-prep-batch/1 audio-prep/1' '
	printf "%s\n" "{\"id\":1,\"input\":[\"di.wav\",\"di.wav\"],\"output\":\"b%d.wav\",\"split_at\":\"1\"}" nonsense >jobs.jsonl
	audio-prep --batch <jobs.jsonl >a.json; cat a.json; jq -c "select(.report).report" a.json'
says nam-render 'nam-info/1' 'nam-render --info amp.nam'
says nam-render 'nam-info/1' 'for f in "$SRC"/tests/fuzz/corpus/nam/*; do nam-render --info "$f" || exit; done'
says nam-render 'nam-check/1' 'nam-render --check amp.nam --loudness-input di.wav; test $? = 1'
says nam-render 'nam-batch/1 nam-render/1 provenance/1' '
	printf "%s\n" "{\"id\":1,\"model\":\"amp.nam\",\"input\":\"di.wav\",\"output\":\"b.wav\"}" nonsense >jobs.jsonl
	nam-render --batch --provenance p.json <jobs.jsonl >a.json; cat a.json p.json; jq -c "select(.report).report" a.json'
says nam-render 'nam-render/1 provenance/1 event/1' "$(three 'nam-render -m amp.nam di.wav' amp.wav)"
says ir-convolve 'ir-info/1' 'ir-convolve --info ir.wav'
says ir-convolve 'ir-convolve/1 provenance/1 event/1' "$(three 'ir-convolve -i ir.wav di.wav' cab.wav)"
says ir-convolve 'ir-convolve/1' 'ir-convolve -i ir.wav --report r.json --norm energy --mix 0.5 --tail cut -o x.wav stereo.wav; cat r.json'
says ir-convolve 'ir-convolve/1' 'ir-convolve -i ir.wav -i ir.wav --ir-gain-db -3 --min-phase --fix-polarity --delay trim --low-cut-hz 80 \
	--report r.json -o x.wav stereo.wav; cat r.json'
says ir-convolve 'ir-convolve-batch/1 ir-convolve/1' '
	printf "%s\n" "{\"id\":1,\"ir\":\"ir.wav\",\"input\":\"di.wav\",\"output\":\"b.wav\"}" nonsense >jobs.jsonl
	ir-convolve --batch <jobs.jsonl >a.json; cat a.json; jq -c "select(.report).report" a.json'
says audio-level 'audio-level/1 provenance/1 event/1' "$(three 'audio-level --lufs -30 di.wav' a.flac)"
says audio-level 'audio-level/1' 'audio-level --measure --dual-mono di.wav; audio-level --measure --start-frame 0 --length-frames 24000 stereo.wav'
says audio-level 'audio-level/1' 'audio-level --measure silence.wav; audio-level --measure short.wav; true'
says audio-level 'level-match/1' 'for f in di stereo; do audio-level --measure --report $f.json $f.wav; done
	audio-level --match --lufs -16 -o m.json di.json stereo.json && cat m.json'
says audio-level 'audio-level-batch/1 audio-level/1' '
	printf "%s\n" "{\"id\":1,\"lufs\":-30,\"input\":\"di.wav\",\"output\":\"b.wav\"}" nonsense >jobs.jsonl
	audio-level --batch <jobs.jsonl >a.json; cat a.json; jq -c "select(.report).report" a.json'
says audio-level 'level-match/1 audio-level/1' 'audio-level --match --rms-dbfs -30 di.wav stereo.wav; audio-level --peak-dbfs -3 --report r.json -o x.wav di.wav; cat r.json'
says audio-metrics 'audio-metrics/1' 'audio-metrics di.wav stereo.wav silence.wav short.wav'
says audio-metrics 'audio-metrics/1' 'audio-metrics --series --di di.wav amp.wav stereo.wav silence.wav short.wav'
says audio-metrics 'metrics-gts/1' 'audio-metrics --compat gts di.wav silence.wav'
says audio-metrics 'audio-metrics/1' 'audio-metrics --dual-mono --start-frame 0 --length-frames 24000 di.wav'
says audio-fx 'audio-fx/1 provenance/1 event/1' "$(three 'audio-fx -x gain:-3 -x eq:mid_scoop -a gain.gain_db=0s:0,1s:-6 stereo.wav' fx.wav)"
says audio-fx 'fx-info/1' 'audio-fx --list'
printf '%s\n' '{"schema":"fx-chain/1","tempo_bpm":90,"effects":["eq:mid_scoop",{"effect":"gain","gain_db":-3,"automation":{"gain_db":"0b:0,2b:-6"}}]}' >chain.json
check 'a chain of effects' valid chain.json
check 'the example chains' valid "$SRC"/examples/fx/*.json
says audio-fx 'audio-fx-batch/1 audio-fx/1' '
	printf "%s\n" "{\"id\":1,\"input\":\"di.wav\",\"output\":\"b.wav\",\"fx\":[\"comp\",\"gate\"]}" nonsense | audio-fx --batch >a.json; cat a.json; jq -c "select(.report).report" a.json'
says audio-fx 'audio-fx/1' 'audio-fx -c chain.json --report r.json -o x.wav silence.wav; cat r.json'
says audio-diff 'audio-diff/1' 'audio-diff di.wav di.wav; audio-diff di.wav amp.wav; audio-diff silence.wav silence.wav; true'
says audio-diff 'diff-batch/1 audio-diff/1' '
	printf "%s\n" "{\"id\":1,\"ref\":\"di.wav\",\"test\":\"amp.wav\"}" nonsense | audio-diff --batch >a.json; cat a.json; jq -c "select(.report).report" a.json'
says audio-diff 'diff-matrix/1' 'audio-diff --matrix di.wav amp.wav di.wav'

cat >segments.jsonl <<'X'
{"schema":"segment/1","kind":"title","name":"title","title":"T","length_frames":24000,"card":"title.png"}
{"schema":"segment/1","kind":"segment","label":"A","name":"di__a","title":"A tone","di":"Riff","chain":"A → B","file":"di.wav","start_frame":0,"length_frames":48000,"card":"a.png"}
{"schema":"segment/1","kind":"segment","label":"B","name":"di__b","title":"B tone","di":"Riff","chain":"B","file":"stereo.wav","start_frame":0,"length_frames":48000,"level":"r.json","card":"a.png"}
X
cat >a.json <<'X'
{"schema":"card/1","kind":"segment","label":"A","title":"A tone","di":"Riff","chain":["Amp","Cab"],"subtitle":"S"}
X
cat >title.json <<'X'
{"schema":"card/1","kind":"title","title":"T","subtitle":"S","lines":["A  A tone","B  B tone"]}
X
check 'segments and cards as we write them' valid segments.jsonl a.json title.json
says shootout-cut 'timeline/1 segment/1 provenance/1 event/1' 'echo "{\"schema\":\"audio-level/1\",\"gain_db\":-1.5,\"loudness_lufs\":-16.0,\"true_peak_dbtp\":null}" >r.json
	shootout-cut --provenance p.json --progress json -t t.jsonl -o master.wav segments.jsonl 2>e.json && cat t.jsonl p.json e.json'
says shootout-card 'provenance/1' 'shootout-card --size 640x360 -o title.png title.json &&
	shootout-card --size 640x360 --audio di.wav --start-frame 0 --length-frames 48000 --provenance p.json -o a.png a.json && cat p.json'
if command -v ffmpeg >/dev/null; then
	says shootout-video 'video/1 provenance/1 event/1' \
		"$(three 'shootout-video --preset ultrafast -t t.jsonl -a master.wav' v.mp4)"
else
	skip 'shootout-video' 'ffmpeg is not installed'
fi

# ---- a whole run: every JSON file that it leaves ----
cat >s.json <<'X'
{"schema": "shootout/1", "name": "Tiny", "author": "nobody", "dis": [{"id": "di", "file": "di.wav", "length_s": 1.0}],
 "chains": [{"name": "Amp", "stages": [{"nam": "amp.nam"}, {"ir": "ir.wav"}]}, {"name": "Soft", "stages": [{"nam": "amp.nam"},
 {"effect": "gain", "gain_db": -6}]}], "video": {"size": "320x180", "title_s": 0.5, "preset": "ultrafast"}}
X
check 'a description' valid s.json
says shootout 'shootout/1' 'shootout new -d di.wav -i ir.wav amp.nam'
says shootout 'shootout-doctor/1' 'shootout doctor --json || true'
whole=yes
for p in audio-prep nam-render ir-convolve audio-level audio-metrics shootout-cut shootout-card shootout-video shootout-db shootout; do
	[ -x "$BIN/$p" ] || whole=$p
done
command -v ffmpeg >/dev/null || whole=ffmpeg
if [ $whole = yes ]; then
	says shootout 'shootout-status/1' 'shootout plan s.json -o run && shootout status --json run'
	says shootout 'shootout-status/1 event/1' 'shootout run --json --progress json s.json -o run 2>e.json && grep "^{" e.json'
	find run \( -name '*.json' -o -name '*.jsonl' \) -type f | sort >files
	check 'a run leaves dozens of JSON files' test "$(wc -l <files)" -gt 20
	# shellcheck disable=SC2046
	run valid $(cat files)
	check 'all of them are valid' status_is 0
	for w in shootout/1 timeline/1 segment/1 audio-metrics/1 provenance/1 input/1 event/1 card/1 level-match/1 audio-level/1; do
		check "$w is among them" grep -qw "$w" out
	done
	cp run/shootout.json run/timeline.jsonl run/metrics.jsonl run/manifest.jsonl .
else
	skip 'a whole run' "$whole is not there"
fi
mkdir -p small
printf '%s\n' '{"schema":"shootout/1","name":"Small","rate_hz":48000,"dis":[{"id":"di","file":"di.wav"}],"chains":[{"id":"a","name":"A","stages":[{"nam":"amp.nam"}]}]}' >small/shootout.json
printf '%s\n' '{"schema":"timeline/1","tool":"t","version":"1","kind":"timeline","rate_hz":48000,"channels":2,"frames":48000,"fps_num":30,"fps_den":1,"segments":0}' >small/timeline.jsonl
: >small/metrics.jsonl
: >small/manifest.jsonl
says shootout-db 'shootout-db/1 event/1' 'shootout-db -d x.db --progress json import small 2>e.json; cat e.json; for c in list "show Small" check export; do shootout-db -d x.db $c; done | grep -v timeline/1'
if [ $whole = yes ]; then
	says shootout-db 'shootout-db/1 timeline/1 segment/1 audio-metrics/1 provenance/1 input/1' \
		'shootout-db -d y.db import run; for c in list "show Tiny" check export; do shootout-db -d y.db $c; done'
fi
done_testing
