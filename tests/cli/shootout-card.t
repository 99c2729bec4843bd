#!/bin/sh
# shootout-card on the command line.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
unset SHOOTOUT_FONT

common_checks shootout-card

# size FILE: what the PNG says it is
size() { od -An -j16 -N8 -tu1 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'; }
is_png() { [ "$(head -c 8 "$1" | od -An -c | tr -d ' \n')" = '211PNG\r\n032\n' ]; }
# pixel FILE X Y: rrggbb
pixel() {
	ffmpeg -nostdin -v error -i "$1" -vf "crop=1:1:$2:$3" -pix_fmt rgb24 -f rawvideo - | od -An -tx1 | tr -d ' \n'
}
has_ffmpeg=$(command -v ffmpeg || :)

echo '{"schema":"card/1","kind":"segment","label":"A","title":"British","di":"Riff","chain":["amp","cab"],"credits":["CC0"]}' >a.json
printf '%s\n' '{"schema":"card/1","kind":"title","title":"T","subtitle":"s","lines":["A\tone",{"label":"B","title":"two"},"three"]}' >t.json

run shootout-card -o a.png a.json
check 'a card: exit 0' status_is 0
check 'stderr is empty' test ! -s err
check 'a PNG' is_png a.png
check 'of 1920 x 1080' test "$(size a.png)" = 1920x1080
run shootout-card -o a2.png a.json
check 'the same input gives the same bytes' cmp a.png a2.png
run sh -c 'shootout-card <t.json >t.png'
check 'standard input to standard output' is_png t.png
run shootout-card --size 640x360 -o s.png t.json
check '--size' test "$(size s.png)" = 640x360

# hostile text: everything must give a card, or an error
printf '{"schema":"card/1","kind":"segment","label":"\\u202e","title":"x\377\303","di":"a\\nb\\tc\\u0007","subtitle":"%%{n} '"'"':;#\\\\ =","chain":["\360\237\216\270","\327\251\327\234"]}' >h.json
run shootout-card -o h.png h.json
check 'bad UTF-8, newlines, controls, emoji, right to left: exit 0' status_is 0
awk 'BEGIN { printf "{\"schema\":\"card/1\",\"kind\":\"title\",\"title\":\""; for (i = 0; i < 500000; i++) printf "W"; print "\"}" }' >h.json
run shootout-card -o h.png h.json
check 'a title of 500000 letters: exit 0' status_is 0
awk 'BEGIN { printf "{\"schema\":\"card/1\",\"kind\":\"title\",\"title\":\""; for (i = 0; i < 1100000; i++) printf "W"; print "\"}" }' >h.json
run shootout-card -o bad.png h.json
check 'a card above 1 MiB: exit 1' status_is 1

# refuse NAME TEXT ARGUMENTS...
refuse() {
	what=$1 text=$2
	shift 2
	run shootout-card -o bad.png "$@"
	check "$what: exit 1" status_is 1
	check "$what: the message says so" err_says "$text"
	check "$what: nothing is left behind" absent bad.png
}
refuse 'a missing card' "cannot open 'none.json'" none.json
echo '{"schema":"card/1",' >b.json
refuse 'broken JSON' "'b.json' is not JSON: line" b.json
echo '{"schema":"card/9","kind":"title"}' >b.json
refuse 'another schema' 'card/1' b.json
echo '{"schema":"card/1","kind":"segment","chain":"amp"}' >b.json
refuse 'a chain that is no array' '"chain" must be an array' b.json
refuse 'a missing audio file' "cannot open 'none.wav'" --audio none.wav a.json
refuse 'a missing level report' "none.json" --level none.json a.json
run env SHOOTOUT_FONT='No Such Font' shootout-card -o bad.png a.json
check 'a missing font: exit 1' status_is 1
check 'the font is named' err_says 'No Such Font'
run env SHOOTOUT_FONT='Noto Color Emoji' shootout-card -o bad.png a.json
check 'an emoji font: exit 1' status_is 1
for o in '--size 1x1' '--size 1921x1080' '--size 99999x99999' '--size 1920' '--size 640x360x' \
    '--start-frame 1' '--audio x.wav --length-frames 0' '--audio x.wav --start-frame -1'; do
	# shellcheck disable=SC2086
	run shootout-card $o -o bad.png a.json
	check "$o: exit 2" status_is 2
done
run shootout-card -o bad.png a.json t.json
check 'two cards: exit 2' status_is 2
run sh -c 'shootout-card a.json >/dev/full'
check 'full disk, standard output: exit 1' status_is 1
run shootout-card -o /dev/full a.json
check 'full disk, a file: exit 1' status_is 1
run shootout-card -o nodir/a.png a.json
check 'no such folder: exit 1' status_is 1
run sh -c '{ shootout-card a.json; echo $? >st; } | head -c 10 >/dev/null; exit "$(cat st)"'
check 'closed pipe: killed by SIGPIPE' status_is 141

if [ -z "$has_ffmpeg" ]; then
	skip 'waveform and levels' 'ffmpeg is not installed'
	done_testing
	exit
fi
ffmpeg -nostdin -v error -y -f lavfi -i "aevalsrc='if(lt(t,0.5),0,0.9*sin(2*PI*5000*t))':s=48000:d=1" -c:a pcm_f32le w.wav
echo '{"gain_db":-3.25,"loudness_lufs":-18.0,"true_peak_dbtp":null}' >l.json
run shootout-card --audio w.wav --level l.json --provenance p.json -o w.png a.json
check 'a card with audio and levels: exit 0' status_is 0
check 'the badge is amber' test "$(pixel w.png 100 240)" = f5a524
check 'the silent half has no wave' test "$(pixel w.png 500 500)" = 171d26
check 'the loud half has' test "$(pixel w.png 1500 500)" = f5a524
check 'the gain is a tile' test "$(pixel w.png 90 950)" = 171d26
check 'a peak that is null is not' test "$(pixel a.png 700 950)" = 0d1117
check 'provenance' sh -c 'jq -e "([.inputs[].file] == [\"a.json\", \"w.wav\", \"l.json\"]) and .outputs[0].file == \"w.png\"" p.json'
run shootout-card --audio w.wav --start-frame 24000 --length-frames 24000 -o w2.png a.json
check 'a range of it is all loud' test "$(pixel w2.png 500 500)" = f5a524
run sh -c 'shootout-card --audio - --length-frames 48000 -o w3.png a.json <w.wav'
check 'audio from a pipe' status_is 0
refuse 'a range past the end' 'not enough' --audio w.wav --start-frame 24000 --length-frames 24001 a.json
refuse 'audio on a title' 'is a title' --audio w.wav t.json
head -c 9000 w.wav >cut.wav
refuse 'truncated audio' 'cut.wav' --audio cut.wav a.json
done_testing
