#!/bin/sh
# audio-fx on the command line.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

common_checks audio-fx

wav() { perl "$SRC/tests/wav.pl" "$@"; }
same() { wav dump "$1" >s1; wav dump "$2" >s2; cmp s1 s2; } # sample for sample
# null A B DB: the difference of two files is that far below the first
null() {
	wav dump "$1" >n1
	wav dump "$2" >n2
	paste -d ' ' n1 n2 | awk -v db="$3" '{ h = NF / 2; for (i = 1; i <= h; i++) { s += $i ^ 2; d += ($i - $(i + h)) ^ 2 } }
		END { v = d > 0 ? 10 * log(d / s) / log(10) : -999; if (!(v <= db && s > 0 && NR > 100)) { print v " dB"; exit 1 } }'
}
noise='(($t * 7919 + $c * 104729 + ($t * $t) % 8191) % 2003 / 1001.5 - 1)'
wav make st.wav 48000 2 20000 "0.4 * $noise"
wav make mono.wav 44100 1 20000 "0.4 * $noise"
wav make wide.wav 8000 64 300 "0.4 * $noise"

# An exact copy.
run audio-fx --report r.json --provenance p.json -o copy.wav st.wav
check 'no effect: exit 0' status_is 0
check 'nothing is said' test ! -s err
check 'no effect: a copy, bit for bit' same copy.wav st.wav
check 'the report' jq -e '.schema == "audio-fx/1" and .frames == 20000 and .out_frames == 20000 and .latency_frames == 0 and
	.channels == 2 and .effects == []' r.json
check 'the provenance names input and output' sh -c '
	jq -r "(.inputs + .outputs)[] | .sha256 + \"  \" + .file" p.json | sha256sum -c'
audio-fx -x gain:0 -x boost:0dB -x eq -x eq:mid_scoop,bypass=1 -o zero.wav st.wav
check 'gain 0 dB, flat and bypassed effects copy too' cmp zero.wav copy.wav
audio-fx <st.wav >pipe.wav
check 'standard input to standard output' same pipe.wav st.wav
audio-fx -x gain:-6 -o g.wav wide.wav
check '64 channels at 8 kHz' null g.wav g.wav -200
audio-fx -x gain:-6.020599913279624 -o g.wav mono.wav
check 'a gain is one' sh -c 'perl "$SRC/tests/wav.pl" dump mono.wav >a; perl "$SRC/tests/wav.pl" dump g.wav | paste - a | awk "(2 * \$1 - \$2) ^ 2 > 1e-14 { exit 1 } END { exit NR != 20000 }"'
audio-fx --stereo -o s.wav mono.wav
check '--stereo: two channels of one' sh -c 'perl "$SRC/tests/wav.pl" dump s.wav | awk "\$1 != \$2 { exit 1 } { print \$1 }" >a && perl "$SRC/tests/wav.pl" dump mono.wav | cmp - a'

# Against others.
if command -v ffmpeg >/dev/null; then
	ff() {
		ffmpeg -v error -y -i st.wav -af "aformat=dblp,$2" -c:a pcm_f32le ff.wav
		audio-fx --tail cut -x "$1" -o fx.wav st.wav
		check "$1 is ffmpeg's $2" null ff.wav fx.wav -110
	}
	ff eq:band1_type=bell,band1_hz=1000,band1_q=2,band1_gain_db=6 equalizer=f=1000:t=q:w=2:g=6:r=f64
	ff eq:low_cut_hz=300 highpass=f=300:t=q:w=0.70710678118:r=f64
	ff eq:high_cut_hz=3000 lowpass=f=3000:t=q:w=0.70710678118:r=f64
	ff eq:highpass_80hz highpass=f=80:p=1:r=f64
	ff eq:band1_type=notch,band1_hz=1000,band1_q=3 bandreject=f=1000:t=q:w=3:r=f64
	ff eq:band1_type=band_pass,band1_hz=1000,band1_q=3 bandpass=f=1000:t=q:w=3:r=f64
	ff eq:low_gain_db=6,low_hz=200,low_q=0.7 lowshelf=f=200:g=6:t=q:w=0.7:r=f64
	ff eq:high_gain_db=-9,high_hz=5000,high_q=1 highshelf=f=5000:g=-9:t=q:w=1:r=f64
	# of the same filter under these names the root of 2 A stands where the cookbook has 2 times the root of A
	ff eq:low_gain_db=6,low_hz=200,low_q=1 bass=f=200:g=6:t=q:w=0.70710678118:r=f64
	ff eq:high_gain_db=-9,high_hz=5000,high_q=1 treble=f=5000:g=-9:t=q:w=0.70710678118:r=f64
else
	skip 'filters against ffmpeg' 'ffmpeg is not installed'
fi

if command -v sox >/dev/null; then
	so() {
		fx=$1
		shift
		sox -D st.wav -e floating-point -b 32 so.wav "$@" 2>/dev/null
		audio-fx --tail cut -x "$fx" -o fx.wav st.wav
		check "$fx is SoX's $*" null so.wav fx.wav -105
	}
	so eq:low_gain_db=6,low_hz=200,low_q=0.7 gain -3 bass +6 200 0.7q gain +3
	so eq:high_gain_db=-9,high_hz=5000,high_q=1 treble -9 5000 1q
	so eq:mid_gain_db=-6,mid_hz=700,mid_q=0.8 equalizer 700 0.8q -6
	so eq:low_cut_hz=300 highpass -2 300 0.70710678q
	so eq:high_cut_hz=3000 lowpass -2 3000 0.70710678q
	so eq:band1_type=notch,band1_hz=1000,band1_q=3 bandreject 1000 3q
	so eq:band1_type=band_pass,band1_hz=1000,band1_q=3 bandpass 1000 3q
else
	skip 'filters against SoX' 'sox is not installed'
fi

# Chains.
audio-fx -x gain:-3 -x eq:mid_scoop,high_gain_db=2 -a 1.gain_db=0s:0,0.2s:-9:s -o a.wav st.wav
cat >chain.json <<'E'
{"schema": "fx-chain/1", "effects": [{"effect": "gain", "gain_db": -3, "automation": {"gain_db": "0s:0,0.2s:-9:s"}},
 {"effect": "eq", "preset": "mid_scoop", "high_gain_db": 2}]}
E
audio-fx -c chain.json --report r.json -o b.wav st.wav
check 'a chain from a file' cmp a.wav b.wav
check 'its report has every parameter' jq -e '.effects[0].gain_db == -3 and .effects[0].automation.gain_db == "0s:0,0.2s:-9:s" and
	.effects[1].mid_gain_db == -6 and .effects[1].high_gain_db == 2 and .effects[1].low_cut_slope == "12"' r.json
# shellcheck disable=SC2002
cat chain.json | audio-fx -c - -o c.wav st.wav
check 'a chain from standard input' cmp a.wav c.wav
audio-fx -c chain.json <st.wav >d.wav
check 'the same from a pipe' same d.wav b.wav
audio-fx -c chain.json -x gain:1 -x gain:-1 -o c.wav st.wav
check 'the command line goes on after the file' null b.wav c.wav -140
audio-fx --tempo 60 -x gain -a gain.gain_db=0b:0,0.1b:-20:hold -o t.wav mono.wav
audio-fx -x gain -a gain.gain_db=0f:0,4410f:-20:hold -o u.wav mono.wav
check 'beats' cmp t.wav u.wav

# Tail.
audio-fx --tail cut -x eq:mid_scoop -o c.wav st.wav
check '--tail cut: as long as the input' sh -c 'test "$(perl "$SRC/tests/wav.pl" shape c.wav)" = "48000 2 20000 32"'
audio-fx --tail 0.5 -x eq:mid_scoop -o c.wav st.wav
check '--tail 0.5: half a second more' sh -c 'test "$(perl "$SRC/tests/wav.pl" shape c.wav)" = "48000 2 44000 32"'
audio-fx -x eq:mid_scoop -o c.wav st.wav
check 'the full tail ends in what cannot be heard' sh -c 'perl "$SRC/tests/wav.pl" dump c.wav | awk "NR > 20000 { n++; p = \$1 } END { exit !(n > 300 && n < 48000 && p ^ 2 < 1e-11) }"'

# A whole rig in one process.
rig='-x gate:-50 -x comp:sustain -x saturate:warm -x eq:mid_scoop -x delay:slapback -x reverb:room,decay_s=0.3'
# shellcheck disable=SC2086
audio-fx $rig --report r.json -o a.wav st.wav
# shellcheck disable=SC2086
audio-fx $rig <st.wav >b.wav
check 'a rig: a pipe gives what a file gives' same a.wav b.wav
audio-fx -x gate -x delay:2000 --report long.json -o long.wav st.wav
check 'how long a gate was open is of the input, not of a tail' jq -e '.out_frames > 4 * .frames and .effects[0].facts.open_ratio > 0.95' long.json
check 'latency is taken out, facts are told' jq -e '.latency_frames == 79 and .effects[0].facts.openings == 1 and
	.effects[1].facts.max_reduction_db > 3 and .effects[3].facts == null and .out_frames > 20000 + 0.6 * 48000' r.json
audio-fx -x delay:quarter,mix_pct=100 --tempo 120 --report r.json -o a.wav st.wav
check '--tempo is what the delay follows' jq -e '.effects[0].bpm == 120' r.json
run audio-fx -x delay:feedback_pct=100 -o no.wav st.wav
check 'an endless tail is refused' sh -c "test $status = 1 && grep -q 'say how long with --tail' err && test ! -e no.wav"
audio-fx -x delay:feedback_pct=100 -t 1 -o a.wav st.wav
check 'unless its length is given' sh -c 'test "$(perl "$SRC/tests/wav.pl" shape a.wav)" = "48000 2 68000 32"'
audio-fx -x reverb:hall -x saturate -x delay -x comp -x gate --tail 0.1 -o a.wav wide.wav
check 'all on 64 channels at 8 kHz' sh -c 'test "$(perl "$SRC/tests/wav.pl" shape a.wav)" = "8000 64 1100 32"'

# The examples.
for f in tight-high-gain clean-room swell; do
	run audio-fx -c "$SRC/examples/fx/$f.json" --stereo --report r.json -o e.wav mono.wav
	check "example $f" sh -c "test $status = 0 && jq -e '.out_channels == 2 and .peak_dbfs > -80 and .peak_dbfs < 6' r.json"
done

# Batch.
cat >jobs.jsonl <<'J'
{"id": 7, "input": "st.wav", "output": "b1.wav", "fx": ["gain:-3", {"effect": "eq", "preset": "mid_scoop"}], "automate": ["gain.gain_db=0s:0,0.2s:-9"]}
{"input": "mono.wav", "output": "b2.wav", "tail": 0.25, "stereo": true, "report": "b2.json", "provenance": "b2p.json"}
{"input": "st.wav", "output": "b3.wav", "fx": ["boost:99"]}
{"input": "st.wav"}
{"input": "st.wav", "output": "b5.wav", "fx": "gain"}
{"input": "st.wav", "output": "b6.wav", "chain": "chain.json", "fx": []}
J
run audio-fx --batch -x delay:80 -j 2 <jobs.jsonl
check 'batch: a failed job is exit 1, said once' sh -c "test $status = 1 && grep -q '3 of 6 jobs failed' err && test \$(wc -l <err) = 1"
check 'batch: answers in order' test "$(jq -r '[.job, .id, .status] | join(" ")' out | tr '\n' ,)" = \
	'1 7 done,2  done,3  failed,4  failed,5  failed,6  done,'
check 'batch: why' sh -c 'jq -r "select(.job == 3).error" out | grep -q "^fx: effect 1: boost: gain_db 99 dB is not within 0..24 dB"'
check 'batch: failed jobs leave nothing' absent b3.wav b5.wav
audio-fx -x gain:-3 -x eq:mid_scoop -a gain.gain_db=0s:0,0.2s:-9 -o b.wav st.wav
check 'batch: the bytes of a job alone' cmp b.wav b1.wav
audio-fx -x delay:80 -t 0.25 --stereo -o b.wav mono.wav
check 'batch: the command line is for what a job does not say' cmp b.wav b2.wav
check 'batch: report, provenance' sh -c 'jq -e ".out_channels == 2" b2.json && jq -e ".outputs | length == 2" b2p.json'
audio-fx -c chain.json -o b.wav st.wav
check 'batch: a chain from a file' cmp b.wav b6.wav
cat >tails.jsonl <<'E'
{"input": "mono.wav", "output": "t1.wav", "tail": -1}
{"input": "mono.wav", "output": "t2.wav", "tail": true}
{"input": "mono.wav", "output": "t3.wav", "tail": "long"}
E
run audio-fx --batch -x delay:80 <tails.jsonl
check 'batch: a wrong tail is named' sh -c 'jq -r .error out | cut -c 1-20 | tr "\n" , | grep -qx "tail: -1 s are not w,tail: it is full, cu,tail: .long. is not ,"'
run audio-fx --batch -o x.wav </dev/null
check 'batch: no output of its own' status_is 2

# The list.
run audio-fx --list
jq -r '.effect as $e | .params[] | [$e, .name, (if .words then .words[0, -1] elif .kind == "switch" then 0, 1 else .min, .max end | tostring)] |
	join(" ")' out >every
while read -r e p from to; do
	audio-fx -x "$e" -a "1.$p=0f:$from,300f:$to" --tail 0.01 -o a.wav mono.wav || echo "$e.$p"
done <every >moved 2>&1
check 'every parameter can be moved over its range' sh -c 'test $(wc -l <every) -gt 80 && ! grep . moved'
check '--list: gain, boost and eq' jq -es '[.[].effect] | contains(["gain", "boost", "eq"])' out
check '--list: what the seed had, with its ranges' jq -es '
	[.[] | .effect as $e | .params[] | {key: "\($e).\(.name)", value: [.min, .max]}] | from_entries as $p |
	$p["boost.gain_db"] == [0, 24] and all("low", "mid", "high"; $p["eq.\(.)_gain_db"] == [-12, 12]) and
	$p["delay.time_ms"] == [0, 2000] and $p["delay.feedback_pct"] == [0, 100] and $p["delay.mix_pct"] == [0, 100] and
	$p["reverb.size_pct"] == [0, 100] and $p["reverb.decay_s"] == [0, 10] and $p["reverb.mix_pct"] == [0, 100] and
	$p["comp.threshold_db"] == [-60, 0] and $p["comp.ratio"] == [1, 20] and $p["comp.attack_ms"] == [0, 100] and
	$p["comp.release_ms"] == [0, 1000] and $p["gate.threshold_db"] == [-80, 0] and
	all("eq", "delay", "reverb", "comp", "gate", "boost"; $p["\(.).bypass"] == [null, null])' out
for p in eq:highpass_80hz eq:lowpass_12k eq:highshelf_presence eq:mid_scoop reverb:room reverb:hall reverb:spring reverb:plate \
    delay:slapback delay:slap delay:quarter delay:dotted_eighth gain:+6db; do
	check "the seed's $p" audio-fx -x $p -o p.wav mono.wav
done
sed -n '/effects: begin/,/effects: end/p' "$SRC/man/audio-fx.1" | sed '1d;$d' >listed
BIN=$BIN "$SRC/scripts/fx-man" >made
check 'the manual lists them all (scripts/fx-man --update)' cmp listed made

# What is refused.
usage() { # NAME TEXT OPTION...
	what=$1 text=$2
	shift 2
	run audio-fx -o no.wav "$@" st.wav
	check "$what: exit 2" status_is 2
	check "$what: says so" err_says "$text"
	check "$what: no output" absent no.wav
}
usage 'unknown effect' "unknown effect 'flange'; the effects are: gain" -x flange
usage 'unknown preset' 'the presets are: highpass_80hz' -x eq:mid
usage 'unknown parameter' "did you mean 'mid_gain_db'" -x eq:mid_gain=3
usage 'out of range' 'gain_db 40 dB is not within 0..24 dB' -x boost:40
usage 'not a number' "'loud' is no PARAMETER=VALUE" -x gain:loud
usage 'a bad move' 'a point is TIME:VALUE' -x gain -a gain.gain_db=3
usage 'a move of nothing' "there is no effect 'eq' in this chain of 1" -x gain -a eq.mid_hz=0s:300
usage 'a move of two' 'there are 2 of that name' -x gain -x gain -a gain.gain_db=0s:3
usage 'a bad tail' "'long' is not full, cut or a number" -t long
usage 'a bad tempo' 'not within 20..400' --tempo 5
usage 'a bad encoding' "'s8' is not f32" -e s8
usage 'two inputs' 'one input at a time' st.wav
run audio-fx --list -o x.wav
check '--list alone' status_is 2
run audio-fx --list -x comp:sustain -x eq
check '--list of some' test "$(jq -r .effect out | tr '\n' ' ')" = 'comp eq '
fails() { # NAME TEXT FILE OPTION...
	what=$1 text=$2 file=$3
	shift 3
	run audio-fx -o no.wav --report no.json "$@" "$file"
	check "$what: exit 1" status_is 1
	check "$what: says so" err_says "$text"
	check "$what: no output" absent no.wav no.json
}
wav make nan.wav 48000 1 3000 '$t == 2500 ? 9 ** 9 ** 9 / 9 ** 9 ** 9 : 0.5'
wav make loud.wav 48000 1 3000 '1e30'
fails 'a missing file' "cannot open 'none.wav'" none.wav
fails 'NaN in the input' 'a sample that is not a number, at frame 2500' nan.wav -x gain:1
fails 'past float32' 'beyond the range of float32' loud.wav -x gain:120 -x gain:120
fails 'clipping' 'samples of' st.wav -x gain:30 -e s16
echo '{"schema": "fx-chain/1", "effects": [{"effect": "eq", "mid_gain_db": 13}]}' >bad.json
fails 'a chain out of range' "'bad.json': effect 1: eq: mid_gain_db 13 dB is not within -12..12 dB" st.wav -c bad.json
echo '{"schema": "fx-chain/1", "effects": [{"effect": "eq", "mid_gain_db": "3"}]}' >bad.json
fails 'a number as text' 'must be a number, -12..12 dB' st.wav -c bad.json
echo '{"schema": "fx-chain/1", "effects": [{"effect": "eq", "automation": {"mid_hz": 3}}]}' >bad.json
fails 'automation that is none' 'must be a text of points' st.wav -c bad.json
echo '{"schema": "fx-chain/1", "effects": [], "tempo": 3}' >bad.json
fails 'an unknown key' "unknown key 'tempo'" st.wav -c bad.json
echo '{"effects": []}' >bad.json
fails 'no chain' 'is no chain' st.wav -c bad.json
echo 'nonsense' >bad.json
fails 'not JSON' 'bad.json' st.wav -c bad.json

if [ -w /dev/full ]; then
	run sh -c 'audio-fx -x gain:1 st.wav >/dev/full'
	check 'a full disk: exit 1' status_is 1
	run audio-fx -o ok.wav --report /dev/full st.wav
	check 'a full disk for the report: exit 1, no output' sh -c "test $status = 1 && test ! -e ok.wav"
fi
run sh -c 'audio-fx --tail 1000 -x gain:1 st.wav | head -c 1000 >/dev/null; true'
check 'a closed pipe is no disaster' test ! -s err
done_testing
