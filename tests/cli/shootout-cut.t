#!/bin/sh
# shootout-cut on the command line.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

common_checks shootout-cut

# wav FILE RATE VALUE: a second of a constant, so that any gap or shift is seen
wav() { ffmpeg -nostdin -v error -y -f lavfi -i "aevalsrc=$3:s=$2:d=1" -c:a pcm_f32le "$1"; }
seg() { # NAME FILE START LENGTH [MORE]
	echo "{\"schema\":\"segment/1\",\"kind\":\"segment\",\"name\":\"$1\",\"file\":\"$2\",\"start_frame\":$3,\"length_frames\":$4${5:-}}"
}
title() { echo "{\"schema\":\"segment/1\",\"kind\":\"title\",\"name\":\"t\",\"title\":\"T\",\"length_frames\":$1}"; }

if ! command -v ffmpeg >/dev/null; then
	skip 'cutting' 'ffmpeg is not installed'
	done_testing
	exit
fi
wav a.wav 48000 0.5
wav b.wav 48000 0.25
wav c.wav 44100 0.25
{ title 4800; seg a a.wav 1000 16000 ',"label":"A","mine":{"x":1}'; seg b b.wav 0 17599; } >seg.jsonl

run shootout-cut -o m.wav -t t.jsonl seg.jsonl
check 'cut: exit 0' status_is 0
check 'the length that is no whole picture is reported' err_says 'cut by 1599 frames to 10 whole pictures'
check 'the head of the timeline' grep -q '"rate_hz":48000,"channels":2,"frames":36800,"fps_num":30,"fps_den":1,"frames_per_picture":1600,"video_frames":23,"segments":3' t.jsonl
check 'unknown keys are kept' grep -q '"mine":{"x":1}' t.jsonl
check 'places' sh -c '
	jq -c "select(.schema == \"segment/1\") | [.at_frame, .length_frames, .video_frame, .video_frames]" t.jsonl >got
	printf "[0,4800,0,3]\n[4800,16000,3,10]\n[20800,16000,13,10]\n" | cmp - got'
# The master as text: the frame and its two samples
ffmpeg -nostdin -v error -i m.wav -f f32le - | od -An -v -tf4 -w8 >m.txt
check 'no gap: the length is the sum' test "$(wc -l <m.txt)" -eq 36800
check 'sound starts and ends at its frames, to the sample' awk '
	$1 != $2 { print "channels differ at", NR - 1; bad = 1 }
	{ f = NR - 1; want = f < 4800 ? 0 : f < 20800 ? 0.5 : 0.25
	  at = f < 4800 ? 999 : f < 20800 ? f - 4800 : f - 20800; left = f < 4800 ? 999 : 15999 - at
	  k = at < left ? at : left
	  if (k < 240) want *= (1 - cos(3.14159265358979 * (k + 0.5) / 240)) / 2
	  if ($1 - want > 1e-6 || want - $1 > 1e-6) { print "frame", f, $1, "want", want; bad = 1 } }
	END { exit bad || !NR }' m.txt
check 'no click: no step above that of the fade' awk '
	NR > 1 && ($1 - p > 0.0035 || p - $1 > 0.0035) { print NR, p, $1; bad = 1 } { p = $1 } END { exit bad || !NR }' m.txt

shootout-cut -q -o m2.wav seg.jsonl
check 'the same input gives the same bytes' cmp m.wav m2.wav
run sh -c 'shootout-cut -q <seg.jsonl >pipe.wav'
check 'standard input to standard output' status_is 0
check 'the pipe holds the same samples' sh -c '
	ffmpeg -nostdin -v error -i pipe.wav -f f32le - | od -An -v -tf4 -w8 | cmp - m.txt'
run shootout-cut -q --channels 1 --fade-ms 0 --fps 60/2 -o mono.wav -t mono.jsonl seg.jsonl
check 'one channel, no fades' sh -c '
	ffmpeg -nostdin -v error -i mono.wav -f f32le - | od -An -v -tf4 -w4 |
	awk "NR == 4800 && \$1 != 0 || NR == 4801 && \$1 != 0.5 || NR == 20800 && \$1 != 0.5 || NR == 20801 && \$1 != 0.25 { bad = 1 } END { exit bad || NR != 36800 }"'
check '60/2 is 30 pictures a second' grep -q '"fps_num":30,"fps_den":1' mono.jsonl
run shootout-cut -q -o m.flac -t - seg.jsonl
check 'FLAC, and the timeline on standard output' grep -q '^{"schema":"timeline/1"' out
check 'the FLAC has all frames' sh -c '
	test "$(ffprobe -v error -show_entries stream=duration_ts -of csv=p=0 m.flac)" = 36800'

# level reports
seg a a.wav 0 1600 ',"level":"l.json"' >lev.jsonl
echo '{"schema":"audio-level/1","gain_db":-3.25,"loudness_lufs":-18.04,"true_peak_dbtp":null}' >l.json
run shootout-cut -q -o l.wav -t - lev.jsonl
check 'the level report is merged' grep -q '"gain_db":-3.25,"loudness_lufs":-18.04,"true_peak_dbtp":null' out
rm l.json
run shootout-cut -q -o l2.wav lev.jsonl
check 'a missing level report: exit 1' status_is 1
check 'and it is named' err_says "l.json"

# provenance
run shootout-cut -q -o p.wav -t p.jsonl --provenance prov.json seg.jsonl
check 'provenance names inputs and outputs' sh -c '
	jq -e "([.inputs[].file] == [\"seg.jsonl\", \"a.wav\", \"b.wav\"]) and ([.outputs[].file] == [\"p.wav\", \"p.jsonl\"])" prov.json'
check 'with true hashes' sh -c 'test "$(jq -r .outputs[0].sha256 prov.json)" = "$(sha256sum <p.wav | cut -c1-64)"'

# refusals: NAME TEXT, the list is in bad.jsonl
refuse() {
	run shootout-cut -o bad.wav -t bad.t bad.jsonl
	check "$1: exit 1" status_is 1
	check "$1: the message says so" err_says "$2"
	check "$1: nothing is left behind" absent bad.wav bad.t
}
{ seg a a.wav 0 16000; seg c c.wav 0 16000; } >bad.jsonl
refuse 'two rates' '44100 Hz'
seg a a.wav 40000 16000 >bad.jsonl
refuse 'more frames than the file has' 'only 48000'
seg a a.wav 0 1599 >bad.jsonl
refuse 'shorter than one picture' 'shorter than one picture'
seg a none.wav 0 1600 >bad.jsonl
refuse 'a missing file' "cannot open 'none.wav'"
title 1600 >bad.jsonl
refuse 'only silence' 'no segment has an audio file'
echo '{"schema":"segment/1"' >bad.jsonl
refuse 'broken JSON' "'bad.jsonl' line 1"
head -c 20000 a.wav >short.wav
seg a short.wav 0 16000 >bad.jsonl
refuse 'a truncated file' 'short.wav'
: >bad.jsonl
refuse 'an empty list' 'no segments'
run shootout-cut -o bad.wav none.jsonl
check 'a missing list: exit 1' status_is 1
check 'a missing list is named' err_says "cannot open 'none.jsonl'"
run shootout-cut --fps 30000/1001 -o bad.wav seg.jsonl
check '29.97: exit 1' status_is 1
check '29.97: the reason' err_says '1601.600 audio frames per picture'
for o in '--fps x' '--fps 0' '--channels 0' '--channels 65' '--fade-ms -1' '--fade-ms 2000'; do
	# shellcheck disable=SC2086
	run shootout-cut $o -o bad.wav seg.jsonl
	check "$o: exit 2" status_is 2
done
run shootout-cut -o bad.wav seg.jsonl b.jsonl
check 'two lists: exit 2' status_is 2
run sh -c 'shootout-cut -q seg.jsonl >/dev/full'
check 'full disk, standard output: exit 1' status_is 1
run shootout-cut -q -o /dev/full seg.jsonl
check 'full disk, a file: exit 1' status_is 1
run shootout-cut -q -o t.wav -t /dev/full seg.jsonl
check 'full disk, the timeline: exit 1' status_is 1
run sh -c '{ shootout-cut -q seg.jsonl; echo $? >st; } | head -c 100 >/dev/null; exit "$(cat st)"'
check 'closed pipe: killed by SIGPIPE' status_is 141
done_testing
