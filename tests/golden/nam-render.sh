#!/bin/sh
# nam-render.sh - "SHA-256  case" of what nam-render makes of the shipped models and a made signal, in the current folder.
# The instruction set is that of SHOOTOUT_ISA.  To remake what tests/cli/nam-golden.t compares with:
#   (cd $(mktemp -d) && PATH=$OLDPWD/build/bin:$PATH sh $OLDPWD/tests/golden/nam-render.sh) >tests/golden/nam-render.sha256
# The hashes change only with the arithmetic of the renderer or the converter of rates, never with a machine.
set -eu
src=$(cd "$(dirname "$0")/../.." && pwd)
models=$src/examples/demo/models

# Saws that decay, with noise: only operations that IEEE 754 rounds alike everywhere.
# signal RATE FRAMES
signal() {
	# shellcheck disable=SC2016
	[ -e "$1.wav" ] || perl "$src/tests/wav.pl" make "$1.wav" "$1" 1 "$2" \
		'($t * 7919 % 65536 / 32768 - 1) / 64 + ($t * 311 % 48000 / 24000 - 1) * (1 - $t % 9000 / 9000) / 2'
}
# render CASE RATE MODEL OPTION...
render() {
	name=$1 rate=$2 model=$3
	shift 3
	nam-render -q -m "$models/$model.nam" "$@" <"$rate.wav" >rendered.wav
	printf '%s  %s\n' "$(sha256sum <rendered.wav | cut -d' ' -f1)" "$name"
}

signal 48000 24000
signal 44100 11025
signal 96000 24000
render anvil 48000 anvil
render anvil-threads 48000 anvil -j 3
render crown 48000 crown
render harbor 48000 harbor
render mudlark 48000 mudlark
render mudlark-44100 44100 mudlark
render mudlark-96000-fast 96000 mudlark --resample fast
render mudlark-levels 48000 mudlark --input-gain-db 3 --level loudness --dc-block-hz 20 --tail full
