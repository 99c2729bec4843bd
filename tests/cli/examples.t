#!/bin/sh
# The example recordings and responses can be made again from their sources.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

run "$SRC/scripts/examples/make-examples.sh" -o "$T/again"
check 'the recipe runs with a C compiler only' status_is 0
for f in di/riff.wav di/chords.wav di/lead.wav ir/american-1x12-open.wav ir/british-4x12-closed.wav ir/oversize-2x12-stereo.wav; do
	# another libm may round a sine elsewhere; what can be heard may not differ
	check "$f is what is shipped" sh -c 'cmp "$1" "$2" || audio-diff --fail-if "esr_db > -90" "$1" "$2"' sh \
		"$SRC/examples/demo/$f" "again/$f"
done
for m in harbor crown anvil mudlark; do
	nam-render --info "$SRC/examples/demo/models/$m.nam" >info
	check "$m.nam says who made it, its rate and its error" jq -e \
		'.name != null and .modeled_by != null and .sample_rate_hz == 48000 and .validation_esr < 0.02' info
done
done_testing
