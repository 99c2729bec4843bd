#!/bin/sh
# shootout-video on the command line: a real encode of 6 s, read back.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
unset SHOOTOUT_FONT

common_checks shootout-video

if ! command -v ffmpeg >/dev/null || ! command -v ffprobe >/dev/null; then
	skip 'encoding' 'ffmpeg is not installed'
	done_testing
	exit
fi

# Two tones of known loudness with a click of one sample 100 ms after their start; cards of known colour.
tone() { # FILE AMPLITUDE
	ffmpeg -nostdin -v error -y -f lavfi -i \
		"aevalsrc='$2*sin(2*PI*997*t)+if(eq(n,4800),0.8,0)':s=48000:d=3" -c:a pcm_f32le "$1"
}
tone a.wav 0.1
tone b.wav 0.05
hostile='it'\''s: %{n} = ; # \\ $(touch x) \ud83c\udfb8 \u05e9\u05dc <b>\nline'
seg() { # KIND LABEL NAME TITLE LENGTH
	printf '{"schema":"segment/1","kind":"%s","label":"%s","name":"%s","title":"%s","length_frames":%d,"card":"%s.png"' "$1" "$2" "$3" "$4" "$5" "$3"
	[ "$1" = title ] || printf ',"file":"%s.wav","start_frame":0,"di":"Riff"' "$3"
	printf ',"credits":["by me"]}\n'
}
{ seg title '' t 'My shootout' 48000; seg segment A a "$hostile" 144000; seg segment B b 'Two' 96000; } >seg.jsonl
echo '{"schema":"card/1","kind":"title","title":"My shootout"}' | shootout-card --size 640x360 -o t.png
for l in a b; do
	printf '{"schema":"card/1","kind":"segment","label":"%s"}' "$(echo $l | tr ab AB)" |
		shootout-card --size 640x360 --audio $l.wav -o $l.png
done
run shootout-cut -q -o m.wav -t t.jsonl seg.jsonl
check 'the master is cut' status_is 0

run shootout-video --threads 2 -t t.jsonl -a m.wav -o v.mp4 --report r.json --provenance p.json --chapters-text d.txt
check 'encode: exit 0' status_is 0
check 'chapters under 10 s are warned of' err_says 'here are 2, the shortest of 2.0 s'
check 'nothing else is left' sh -c '! ls | grep -E "tmp|chapters"'
check 'a hostile title ran nothing' test ! -e x

# the pictures: luma and chroma of one 2 x 2 block of each
block() { ffmpeg -nostdin -v error -i v.mp4 -vf "crop=2:2:$1:$2" -f rawvideo -pix_fmt yuv420p - | od -An -v -tu1 -w6; }
block 32 80 >pixels
check '180 pictures' test "$(wc -l <pixels)" -eq 180
# ground, amber 164 63 168 (BT.601 would be 166 58 172), sky; within what x264 adds
check 'the cards change at pictures 30 and 120, in BT.709' awk '
	function off(a, b) { return a - b > 2 || b - a > 2 }
	{ f = NR - 1; y = f < 30 ? 30 : f < 120 ? 164 : 159; u = f < 30 ? 131 : f < 120 ? 63 : 170; v = f < 30 ? 126 : f < 120 ? 168 : 78 }
	off($1, y) || off($5, u) || off($6, v) { print "picture", f, $0, "want", y, u, v; bad = 1 } END { exit bad || NR != 180 }' pixels
block 224 150 >line
check 'the playhead passes a third of the way at picture 60, and only then' awk '
	$1 > 200 { seen = seen (NR - 1) " " } END { print seen; exit seen != "60 " }' line

# the sound: the clicks, to the sample
ffmpeg -nostdin -v error -i v.mp4 -map 0:a -f f32le - | od -An -v -tf4 -w8 >snd
check 'the sound is complete' test "$(wc -l <snd)" -ge 288000
clicks() {
	awk '{ x = $1 < 0 ? -$1 : $1; s = NR <= 192000 ? 0 : 1; if (x > m[s]) { m[s] = x; at[s] = NR - 1 } }
		END { print at[0], at[1]; exit !(at[0] == 52800 && at[1] == 196800) }' "$1"
}
check 'both clicks are at their sample' clicks snd
check 'the title is silent' awk 'NR <= 47000 && ($1 > 0.001 || $1 < -0.001) { bad = 1 } END { exit bad || !NR }' snd
# lufs FROM TO: integrated loudness of a part
lufs() {
	ffmpeg -nostdin -i v.mp4 -map 0:a -af "atrim=$1:$2,ebur128=framelog=verbose" -f null - 2>&1 |
		awk '/Integrated loudness/ { on = 1 } on && $1 == "I:" { v = $2 } END { print v }'
}
check 'the loudness of the first tone' near "$(lufs 1 4)" -20 0.11
check 'the loudness of the second' near "$(lufs 4 6)" -26 0.11

check 'chapters at their times' sh -c '
	ffprobe -v error -show_chapters -of json v.mp4 >c.json
	jq -e "[.chapters[] | [.start_time, .end_time]] == [[\"0.000000\",\"1.000000\"],[\"1.000000\",\"4.000000\"],[\"4.000000\",\"6.000000\"]]" c.json'
printf '%s\n' "A: it's: %{n} = ; # \\ \$(touch x) 🎸 של <b> line (Riff)" >want
check 'a hostile title comes back as it was' sh -c 'jq -r ".chapters[1].tags.title" c.json | cmp - want'
check 'the file has a title' sh -c 'ffprobe -v error -show_entries format_tags=title -of csv=p=0 v.mp4 | grep -qx "My shootout"'
check 'H.264 High, tagged BT.709' sh -c '
	ffprobe -v error -select_streams v:0 -show_entries stream=profile,color_space,color_range,color_transfer,color_primaries -of csv=p=0 v.mp4 |
	grep -qx "High,tv,bt709,bt709,bt709"'
check 'the index is at the front' sh -c 'head -c 4096 v.mp4 | grep -q moov'
check 'the description' sh -c '
	printf "%s\n" "My shootout" "" "$(sed "s/</‹/; s/>/›/; s/^/0:00 /" want)" "0:04 B: Two (Riff)" "" "by me" | cmp - d.txt'
check 'the report' sh -c '
	jq -e ".schema == \"video/1\" and .video_frames == 180 and .master_frames == 288000 and .chapters == 3 and .audio_snr_db > 15" r.json'
check 'provenance: inputs and output' sh -c '
	jq -e "[.inputs[].file] == [\"t.jsonl\",\"m.wav\",\"t.png\",\"a.png\",\"b.png\"]" p.json &&
	test "$(jq -r ".outputs[0].sha256" p.json)" = "$(sha256sum <v.mp4 | cut -c1-64)"'
valid() {
	python3 - "$SRC/lib/schema" r.json t.jsonl seg.jsonl <<'PY'
import json, sys, jsonschema
load = lambda n: json.load(open(sys.argv[1] + '/' + n + '-1.json'))
jsonschema.validate(json.load(open(sys.argv[2])), load('video'))
lines = [json.loads(l) for l in open(sys.argv[3])]
jsonschema.validate(lines[0], load('timeline'))
for o in lines[1:] + [json.loads(l) for l in open(sys.argv[4])]:
    jsonschema.validate(o, load('segment'))
PY
}
if python3 -c 'import jsonschema' 2>/dev/null; then
	check 'report, timeline and segments follow their schemas' valid
else
	skip 'report, timeline and segments follow their schemas' 'no python3 jsonschema'
fi
run shootout-video -q --threads 2 -t t.jsonl -a m.wav -o v2.mp4
check 'the same inputs and threads give the same bytes' cmp v.mp4 v2.mp4

# lossless sound, no edit list; other containers
run shootout-video -q --preset ultrafast --crf 30 --audio flac -t t.jsonl -a m.wav -o f.mp4 --report r2.json
check 'FLAC in MP4: exit 0' status_is 0
check 'its sound is that of the master' sh -c 'jq -e ".audio_snr_db > 100 and .audio_frames == 288000" r2.json'
check 'it has no edit list' sh -c '! grep -q elst f.mp4'
for o in 'pcm p.mov' 'pcm p.mkv' 'flac f.mkv' 'aac a.mov'; do
	# shellcheck disable=SC2086
	set -- $o
	run shootout-video -q --preset ultrafast --crf 30 --audio "$1" -t t.jsonl -a m.wav -o "$2"
	check "$1 in $2: exit 0" status_is 0
done

# refuse NAME TEXT ARGUMENTS...
refuse() {
	what=$1 text=$2
	shift 2
	run shootout-video --preset ultrafast -o bad.mp4 "$@"
	check "$what: exit 1" status_is 1
	check "$what: the message says so" err_says "$text"
	check "$what: nothing is left behind" sh -c '! ls | grep "^bad"'
}
refuse 'a missing timeline' "cannot open 'none.jsonl'" -t none.jsonl -a m.wav
refuse 'a missing master' "cannot open 'none.wav'" -t t.jsonl -a none.wav
refuse 'another master' 'not of one run' -t t.jsonl -a a.wav
head -c 500000 m.wav >cut.wav
refuse 'a truncated master' 'cut.wav' -t t.jsonl -a cut.wav
sed '$d' t.jsonl >cut.jsonl
refuse 'a truncated timeline' 'cut short' -t cut.jsonl -a m.wav
sed 's/a\.png/none.png/' t.jsonl >t2.jsonl
refuse 'a missing card' "cannot open 'none.png'" -t t2.jsonl -a m.wav
sed 's/"card":"a\.png"/"card":null/' t.jsonl >t2.jsonl
refuse 'no card' 'no "card" is named' -t t2.jsonl -a m.wav
shootout-card --size 320x180 -o small.png <<'J'
{"schema":"card/1","kind":"segment","label":"A"}
J
sed 's/a\.png/small.png/' t.jsonl >t2.jsonl
refuse 'a card of another size' "'small.png' is 320 x 180, the first card is 640 x 360" -t t2.jsonl -a m.wav
sed 's/a\.png/m.wav/' t.jsonl >t2.jsonl
refuse 'a card that is no picture' "'m.wav' is not a PNG" -t t2.jsonl -a m.wav
head -c 3000 a.png >half.png
sed 's/a\.png/half.png/' t.jsonl >t2.jsonl
refuse 'a truncated card' "half.png" -t t2.jsonl -a m.wav
refuse 'PCM in MP4' '.mov' --audio pcm -t t.jsonl -a m.wav
run shootout-video -t t.jsonl -a m.wav -o bad.avi
check '.avi: exit 1' status_is 1
run shootout-video -t t.jsonl -a m.wav -o nodir/bad.mp4
check 'no such folder: exit 1' status_is 1
run shootout-video -t t.jsonl -a m.wav -o /dev/full
check '/dev/full: exit 1' status_is 1
run sh -c 'ulimit -f 40; shootout-video -t t.jsonl -a m.wav -o bad.mp4'
check 'a full disk: exit 1' status_is 1
check 'a full disk: nothing is left behind' sh -c '! ls | grep "^bad"'
run sh -c 'shootout-video -q --preset ultrafast -t t.jsonl -a m.wav -o ok.mp4 --report - >/dev/full'
check 'full disk, the report: exit 1' status_is 1

# ffmpeg that is missing, fails, stops, or makes something else
real=$(command -v ffmpeg)
probe=$(command -v ffprobe)
mkdir fake none
ln -s "$probe" fake/ffprobe
run env PATH="$BIN" shootout-video -t t.jsonl -a m.wav -o bad.mp4
check 'ffmpeg is missing: exit 1' status_is 1
check 'it says to install it' err_says 'install it'
fake() { printf '#!/bin/sh\n%s\n' "$1" >fake/ffmpeg; chmod +x fake/ffmpeg; }
lie() { # NAME TEXT
	run env PATH="$T/fake:$PATH" shootout-video --preset ultrafast -t t.jsonl -a m.wav -o bad.mp4
	check "$1: exit 1" status_is 1
	check "$1: the message says so" err_says "$2"
	check "$1: nothing is left behind" sh -c '! ls | grep "^bad"'
}
fake 'echo first >&2; echo "the second line" >&2; exit 1'
lie 'ffmpeg fails' 'ffmpeg failed: the second line'
fake 'yes "a flood of words" | head -n 20000 >&2; cat >/dev/null; exit 3'
lie 'ffmpeg floods its stderr' 'a flood of words'
fake 'kill -9 $$'
lie 'ffmpeg is killed' 'signal 9'
fake 'cat >/dev/null'
lie 'ffmpeg writes nothing' 'ffprobe'
# with ARGUMENTS before the output, only when it encodes
with() { fake "case \"\$*\" in *yuv4mpegpipe*) i=0 n=\$#; for a; do shift; i=\$((i + 1)); [ \$i -lt \$n ] || set -- \"\$@\" $1; set -- \"\$@\" \"\$a\"; done;; esac; exec $real \"\$@\""; }
with '-af adelay=50:all=1'
lie 'the sound is shifted by 50 ms' 'not that of the master'
with '-frames:v 100'
lie 'ffmpeg ends early' 'stopped before the end'
tags='colorspace=bt709:color_trc=bt709:range=tv'
with "-vf trim=start_frame=5,setparams=color_primaries=bt709:$tags"
lie 'pictures are missing' 'nb_read_packets is 175, not 180'
with '-map_chapters -1'
lie 'chapters are missing' 'number of chapters'
with "-vf setparams=color_primaries=bt470bg:$tags -color_primaries bt470bg"
lie 'the colour tag is wrong' 'color_primaries is bt470bg'
rm fake/ffprobe
printf '#!/bin/sh\nexec %s "$@"\n' "$real" >fake/ffmpeg
run env PATH="$T/fake:$BIN" shootout-video --preset ultrafast -t t.jsonl -a m.wav -o bad.mp4
check 'ffprobe is missing: exit 1' status_is 1
check 'ffprobe is missing: nothing is left behind' sh -c '! ls | grep "^bad"'
run sh -c 'shootout-video -t t.jsonl -a m.wav -o bad.mp4 & p=$!; sleep 0.4; kill -TERM $p; wait $p'
check 'a signal ends it' test "$status" -ge 128
check 'a signal: nothing is left behind' sh -c 'sleep 0.3; ! ls | grep "^bad"'

for o in '' '-t t.jsonl' '-t t.jsonl -a m.wav' '-t - -a m.wav -o x.mp4' '-t t.jsonl -a m.wav -o -' \
    '-t t.jsonl -a m.wav -o x.mp4 --audio mp3' '-t t.jsonl -a m.wav -o x.mp4 --crf 52' \
    '-t t.jsonl -a m.wav -o x.mp4 --preset x' '-t t.jsonl -a m.wav -o x.mp4 --threads -1' \
    '-t t.jsonl -a m.wav -o x.mp4 more'; do
	# shellcheck disable=SC2086
	run shootout-video $o
	check "wrong command line '$o': exit 2" status_is 2
done
done_testing
