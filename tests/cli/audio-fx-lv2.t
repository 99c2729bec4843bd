#!/bin/sh
# LV2 plugins in audio-fx: some of our own, and of x42-plugins.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

wav() { perl "$SRC/tests/wav.pl" "$@"; }
noise='(($t * 7919 + $c * 104729 + ($t * $t) % 8191) % 2003 / 1001.5 - 1)'
wav make st.wav 48000 2 6000 "0.4 * $noise"
wav make mono.wav 48000 1 6000 "0.4 * $noise"

run audio-fx -x lv2:urn:nothing -o no.wav mono.wav
if grep -q 'without lilv' err; then
	check 'a build without lilv says so' status_is 2
	skip 'LV2' 'this build has no lilv'
	done_testing
	exit
fi
check 'no such plugin: exit 2' status_is 2
check 'no such plugin: says so' err_says "there is no plugin 'urn:nothing'"
run audio-fx -x lv2 -o no.wav mono.wav
check 'no URI: exit 2' status_is 2

mkdir -p lv2/test.lv2
if ! "${CC:-cc}" -shared -fPIC -o lv2/test.lv2/test.so "$SRC/tests/lv2-plugin.c" 2>cc.err; then
	skip 'plugins of our own' "no C compiler: $(head -n 1 cc.err)"
	done_testing
	exit
fi
{
	echo '@prefix lv2: <http://lv2plug.in/ns/lv2core#> . @prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .'
	for k in d n m b f x; do
		echo "<urn:shootout:test-$k> a lv2:Plugin ; lv2:binary <test.so> ; rdfs:seeAlso <test.ttl> ."
	done
	echo '<urn:shootout:half> a pset:Preset ; lv2:appliesTo <urn:shootout:test-d> ; rdfs:seeAlso <test.ttl> .'
} >lv2/test.lv2/manifest.ttl
{
	echo '@prefix lv2: <http://lv2plug.in/ns/lv2core#> . @prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix doap: <http://usefulinc.com/ns/doap#> .'
	for k in d n m b f x; do
		echo "<urn:shootout:test-$k> a lv2:Plugin ; doap:name \"Test $k\" ;"
		[ $k != f ] || echo 'lv2:requiredFeature <urn:shootout:nobody-has-this> ;'
		[ $k != x ] || echo 'lv2:requiredFeature <http://lv2plug.in/ns/ext/buf-size#fixedBlockLength> ;'
		echo 'lv2:port [ a lv2:InputPort, lv2:AudioPort ; lv2:index 0 ; lv2:symbol "in" ; lv2:name "In" ],
 [ a lv2:OutputPort, lv2:AudioPort ; lv2:index 1 ; lv2:symbol "out" ; lv2:name "Out" ],
 [ a lv2:InputPort, lv2:ControlPort ; lv2:index 2 ; lv2:symbol "gain" ; lv2:name "Gain" ;
   lv2:default 1.0 ; lv2:minimum 0.0 ; lv2:maximum 2.0 ],
 [ a lv2:OutputPort, lv2:ControlPort ; lv2:index 3 ; lv2:symbol "latency" ; lv2:name "Latency" ;
   lv2:portProperty lv2:reportsLatency ; lv2:designation lv2:latency ] .'
	done
	echo '<urn:shootout:half> a pset:Preset ; lv2:appliesTo <urn:shootout:test-d> ; rdfs:label "Half of it" ;
 lv2:port [ lv2:symbol "gain" ; pset:value 0.5 ] .'
} >lv2/test.lv2/test.ttl
LV2_PATH=$T/lv2:/usr/lib/lv2:/usr/local/lib/lv2
export LV2_PATH
d=lv2:urn:shootout:test-d

run audio-fx -x $d,tail_s=0 --report r.json -o a.wav st.wav
check 'a plugin: exit 0' status_is 0
check 'a plugin of one channel on two: late by 100 frames, which is taken out' sh -c '
	perl "$SRC/tests/wav.pl" dump a.wav >a; perl "$SRC/tests/wav.pl" dump st.wav | cmp - a && jq -e ".latency_frames == 100 and
	.effects[0].uri == \"urn:shootout:test-d\" and .effects[0].gain == 1" r.json'
audio-fx -x $d,mix_pct=50,tail_s=0 -o b.wav st.wav
check 'mix 50 %: the dry signal is as late' sh -c 'perl "$SRC/tests/wav.pl" dump b.wav | cmp - a'
audio-fx -x "$d,preset=Half of it,tail_s=0" -o a.wav mono.wav
audio-fx -x $d,gain=0.5,tail_s=0 -o b.wav mono.wav
check 'a preset by its label' cmp a.wav b.wav
audio-fx -x $d,preset=urn:shootout:half,tail_s=0 -o a.wav mono.wav
check 'a preset by its URI' cmp a.wav b.wav
audio-fx -x $d,tail_s=0.5 -o a.wav mono.wav
check 'the tail' sh -c 'test "$(perl "$SRC/tests/wav.pl" shape a.wav)" = "48000 1 30000 32"'
run audio-fx --list -x $d
check 'its parameters' jq -e '.uri == "urn:shootout:test-d" and .about == "Test d" and
	([.params[] | select(.name == "gain")] == [{"name": "gain", "kind": "number", "unit": null, "min": 0.0, "max": 2.0,
	"default": 1.0, "words": null, "automatable": true, "help": "Gain"}])' out
printf '%s\n' '{"schema": "fx-chain/1", "effects": [{"effect": "lv2", "uri": "urn:shootout:test-d", "gain": 0.5, "tail_s": 0,
	"automation": {"gain": "0f:0,6400f:2"}}]}' >c.json
audio-fx -c c.json -o a.wav mono.wav
# what comes out at frame s went in 100 frames before it came out of the plugin, with the gain of then
check 'automation: every frame has its own value' sh -c 'perl "$SRC/tests/wav.pl" dump mono.wav >m; perl "$SRC/tests/wav.pl" dump a.wav | paste - m |
	awk "{ g = (NR + 99) / 3200; d = \$1 - \$2 * (g > 2 ? 2 : g); if (d > 1e-6 || d < -1e-6) exit 1 } END { exit NR != 6000 }"'
audio-fx -c c.json <mono.wav >p.wav
check 'the same from a pipe' sh -c 'perl "$SRC/tests/wav.pl" dump a.wav >1; perl "$SRC/tests/wav.pl" dump p.wav | cmp - 1'
audio-fx -x lv2:urn:shootout:test-b,tail_s=0 -o a.wav mono.wav
check 'blocks are of 256 frames, to the end' sh -c 'perl "$SRC/tests/wav.pl" dump a.wav | sort -u | grep -qx 0.25 && test $(perl "$SRC/tests/wav.pl" dump a.wav | sort -u | wc -l) = 1'
runs() { audio-fx -x "lv2:urn:shootout:test-$1,tail_s=0" -a "$2" -o a.wav mono.wav && wav dump a.wav | uniq -c | awk '{ printf "%s of %s, ", $1, $2 * 1024 }'; }
check 'automation: one frame at a time while it moves, else all there are' test "$(runs b 1.gain=1000f:0,2000f:1)" = \
	'768 of 256, 232 of 232, 1000 of 1, 48 of 48, 3952 of 256, '
check 'automation: a step cuts the block' test "$(runs b 1.gain=0f:0,2000f:1:hold)" = '1792 of 256, 208 of 208, 48 of 48, 3952 of 256, '
audio-fx -x lv2:urn:shootout:test-b,tail_s=0 -a '1.bypass=0f:0,1000f:1,2000f:0' -o a.wav mono.wav
check 'automation: of what is ours the plugin sees nothing' test "$(wav dump a.wav | awk 'NR <= 1000 || NR > 2000' | uniq -c | xargs)" = '5000 0.25'
check 'automation: a plugin whose blocks may not differ has 32' test "$(runs x 1.gain=1000f:0,2000f:1)" = '6000 of 32, '
check 'and without it 256' test "$(runs x 1.gain=1000f:1,2000f:1)" = '6000 of 256, '
audio-fx -x $d -a '1.tail_s=0s:0,0.1s:0.5,0.12s:0.25:hold,9s:3:hold' -o a.wav mono.wav
check 'the tail, automated: the value where the input ends' sh -c 'test "$(perl "$SRC/tests/wav.pl" shape a.wav)" = "48000 1 18000 32"' # 0.25 s
for i in 1 2 3 4 5 6; do echo "{\"input\": \"mono.wav\", \"output\": \"j$i.wav\", \"fx\": [\"$d,gain=0.5,tail_s=0\"]}"; done |
	audio-fx --batch -j 4 >out
check 'a batch of them' sh -c 'for i in 1 2 3 4 5 6; do cmp b.wav j$i.wav || exit; done'

fails() { # NAME TEXT STATUS FX
	run audio-fx -x "$4" -o no.wav --report no.json mono.wav
	check "$1: exit $3" status_is "$3"
	check "$1: says so" err_says "$2"
	check "$1: no output" absent no.wav no.json
}
fails 'NaN from a plugin' "'urn:shootout:test-n' made a sample that is not a number, at 0.021 s" 1 lv2:urn:shootout:test-n
fails 'a latency that changes' 'was 100 frames late and is 7 now' 1 lv2:urn:shootout:test-m
fails 'a feature that nobody has' 'needs a host with urn:shootout:nobody-has-this' 2 lv2:urn:shootout:test-f
fails 'out of range' 'gain 3 is not within 0..2' 2 $d,gain=3
fails 'an unknown symbol' "did you mean 'gain'" 2 $d,gian=1
fails 'an unknown preset' "unknown preset 'None'; the presets are: Half of it" 2 "$d,preset=None"

if [ -e /usr/lib/lv2/fil4.lv2 ]; then
	# these do not free all of theirs
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	export ASAN_OPTIONS
	fil4=http://gareus.org/oss/lv2/fil4
	run audio-fx -x "lv2:$fil4#mono,gain=-6,tail_s=0" -o a.wav mono.wav
	check 'x42 fil4: runs' status_is 0
	audio-fx -x "lv2:$fil4#mono,tail_s=0" -o b.wav mono.wav
	check 'x42 fil4: 6 dB less' sh -c 'perl "$SRC/tests/wav.pl" dump b.wav >m; perl "$SRC/tests/wav.pl" dump a.wav | paste - m |
		awk "NR > 3000 { a += \$1 ^ 2; b += \$2 ^ 2 } END { d = 10 * log(a / b) / log(10); exit !(d > -6.01 && d < -5.99) }"'
	audio-fx -x "lv2:$fil4#stereo,gain1=9,freq1=500,tail_s=0" -o a.wav st.wav
	audio-fx -x "lv2:$fil4#mono,gain1=9,freq1=500,tail_s=0" -o b.wav st.wav
	check 'x42 fil4: stereo is mono twice' sh -c 'perl "$SRC/tests/wav.pl" dump a.wav >1; perl "$SRC/tests/wav.pl" dump b.wav | paste - 1 |
		awk "(\$1 - \$3) ^ 2 + (\$2 - \$4) ^ 2 > 1e-10 { exit 1 }"'
	run audio-fx -x "lv2:$fil4#stereo" -o no.wav mono.wav
	check 'two channels that are not there: says what to do' err_says 'the signal has 1 (stereo makes two of one)'
	audio-fx -x "lv2:http://gareus.org/oss/lv2/nodelay,delay=1000,tail_s=0" --report r.json -o a.wav mono.wav
	check 'x42 nodelay: a delay that is told is taken out' sh -c 'jq -e ".latency_frames == 1000" r.json &&
		perl "$SRC/tests/wav.pl" dump a.wav >1 && perl "$SRC/tests/wav.pl" dump mono.wav | paste - 1 | awk "NR > 2000 && (\$1 - \$2) ^ 2 > 1e-12 { exit 1 }"'
else
	skip 'x42 plugins' 'x42-plugins is not installed'
fi
done_testing
