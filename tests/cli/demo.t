#!/bin/sh
# The main job on the shipped examples: 2 DIs x 4 chains to a finished 1080p video, and what it promises, measured
# in the file that a viewer gets.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

desc=$SRC/examples/demo/shootout.json
run shootout check "$desc"
check 'the description is fine' status_is 0
run shootout run --json "$desc" -o run
check 'run: exit 0' status_is 0
check 'eight tones' sh -c 'jq -e ".tones | length == 8" out'
check 'eight FLAC files, metrics, timeline, manifest, database' sh -c 'cd run && [ "$(ls audio/*.flac | wc -l)" = 8 ] &&
	[ "$(wc -l <metrics.jsonl)" = 8 ] && [ "$(wc -l <timeline.jsonl)" = 10 ] && [ "$(wc -l <manifest.jsonl)" -gt 30 ] &&
	shootout-db -d shootout.db list | jq -e .'
check 'no source or sink of the manifest is missing a hash' sh -c \
	'jq -se "map(.inputs[]?, .outputs[]?) | length > 50 and all(.[]; .sha256 | test(\"^[0-9a-f]{64}$\"))" run/manifest.jsonl'
check 'verify agrees' shootout verify run

ffprobe -v error -show_streams -show_chapters -show_format -of json run/shootout.mp4 >probe.json
check '1080p, 30 pictures a second, H.264 and stereo AAC' sh -c 'jq -e "
	(.streams[] | select(.codec_type == \"video\") | .width == 1920 and .height == 1080 and .codec_name == \"h264\" and .r_frame_rate == \"30/1\")
	and (.streams[] | select(.codec_type == \"audio\") | .codec_name == \"aac\" and .channels == 2 and .sample_rate == \"48000\")" probe.json | sort -u >shape && [ "$(cat shape)" = true ]'
check 'nine chapters at the segments, to the millisecond' sh -c '
	jq -r ".chapters[].start_time" probe.json >got
	jq -r "select(.at_frame != null) | .at_frame / 48000" run/timeline.jsonl >want
	[ "$(wc -l <got)" = 9 ] && paste got want | awk "{ d = \$1 - \$2; if (d > 0.001 || d < -0.001) { print; bad = 1 } } END { exit bad }"'
check 'as many pictures as the timeline says' sh -c '
	[ "$(jq -r ".streams[] | select(.codec_type == \"video\") | .nb_frames" probe.json)" = "$(jq -s "map(select(.at_frame != null).video_frames) | add" run/timeline.jsonl)" ]'

# ---- the audio as a viewer gets it
ffmpeg -nostdin -v error -y -i run/shootout.mp4 -map 0:a -c:a pcm_f32le video.wav
frames=$(jq -r 'select(.kind == "timeline") | .frames' run/timeline.jsonl)
audio-prep --length-frames "$frames" -o seen.wav video.wav
run audio-diff run/work/master.wav seen.wav
check 'it lies on the master to the sample, through AAC' sh -c 'jq -e ".delay_frames | fabs < 0.5" out'
check 'and is the master' sh -c 'jq -e ".polarity == 1 and ([.. | .esr_db? // empty] | min < -25)" out'
jq -r 'select(.kind == "segment") | "\(.at_frame) \(.length_frames) \(.name)"' run/timeline.jsonl >segments
target=$(jq .target_lufs run/work/target.json)
while read -r at len name; do
	lufs=$(ffmpeg -nostdin -hide_banner -i video.wav -af "atrim=start_sample=$at:end_sample=$((at + len)),ebur128=framelog=verbose" \
		-f null - 2>&1 | awk '/I:/ { v = $2 } END { print v }')
	check "$name is heard at $target LUFS, by ffmpeg's meter" near "$lufs" "$target" 0.1001
done <segments
check 'segments follow each other without a gap' awk 'NR > 1 && $1 != next_at { print; bad = 1 } { next_at = $1 + $2 } END { exit bad }' segments
# A click is a jump that the playing around it does not have: the fades must end at zero on both sides of each cut.
while read -r at len name; do
	audio-prep --start-frame $((at - 2)) --length-frames 4 -o cut.wav run/work/master.wav
	check "$name begins without a click" sh -c 'audio-metrics --only levels -o cut.json cut.wav && jq -e "has(\"levels\") and (.levels.peak_dbfs == null or .levels.peak_dbfs < -50)" cut.json'
done <segments

# ---- the pictures: the card changes at the timeline's frame
jq -r 'select(.kind == "segment") | "\(.video_frame) \(.label)"' run/timeline.jsonl | head -4 >pictures
ffmpeg -nostdin -v error -i run/shootout.mp4 -vf 'crop=8:8:90:80,scale=1:1,format=rgb24' -f rawvideo badge.rgb
badge() { od -An -tu1 -j $((3 * $1)) -N 3 badge.rgb; }
while read -r at label; do
	check "card $label comes at picture $at" sh -c '
		before="'"$(badge $((at - 1)))"'" now="'"$(badge "$at")"'" after="'"$(badge $((at + 1)))"'"
		echo "$before | $now | $after"
		set -- $before $now $after
		d=$(( ($1 - $4) * ($1 - $4) + ($2 - $5) * ($2 - $5) + ($3 - $6) * ($3 - $6) ))
		s=$(( ($4 - $7) * ($4 - $7) + ($5 - $8) * ($5 - $8) + ($6 - $9) * ($6 - $9) ))
		[ $d -gt 1000 ] && [ $s -lt 200 ]'
done <pictures
check 'a second run does nothing' sh -c 'shootout run -v --json "$0" -o run 2>&1 | grep -q "nothing to do"' "$desc"
done_testing
