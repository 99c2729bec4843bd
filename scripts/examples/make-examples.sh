#!/bin/sh
# make-examples.sh - make the demo's takes, cabinets and amp models again.
#
#   make-examples.sh [-o DIR] [-w WORK] [-t VENV] [-m MINUTES] [AMP...]
#
# -o DIR      where di/, ir/ and models/ go (examples/demo of this checkout)
# -w WORK     where programs and training signals go (a fresh temporary folder)
# -t VENV     train too, with the Python of this virtual environment, which has
#             neural-amp-modeler 0.13.0; all four amps, or those named
# -m MINUTES  for each training (the README says what the kept models had)
# Takes and cabinets need a C compiler only, and are the same bytes each time.
set -eu

usage() { sed -n '4,12s/^# \{0,1\}//p' "$0"; }
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../examples/demo work='' venv='' minutes=30
while getopts o:w:t:m:h opt; do
	case $opt in
	o) out=$OPTARG ;;
	w) work=$OPTARG ;;
	t) venv=$OPTARG ;;
	m) minutes=$OPTARG ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ -z "$venv" ] || [ -x "$venv/bin/python" ] || {
	echo "make-examples.sh: error: no Python in '$venv' (python3 -m venv $venv; $venv/bin/pip install neural-amp-modeler==0.13.0)" >&2
	exit 1
}
if [ -z "$work" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work" "$out/di" "$out/ir" "$out/models"

for p in guitar cabinet babble signal ampsim; do
	${CC:-cc} -std=c11 -O2 -ffp-contract=off -D_POSIX_C_SOURCE=200809L \
		-o "$work/$p" "$here/$p.c" "$here/wav.c" -lm
done

for take in riff chords lead; do
	"$work/guitar" "$here/$take.score" "$work/$take.wav"
	mv "$work/$take.wav" "$out/di/$take.wav"
done
for cab in american-1x12-open british-4x12-closed oversize-2x12-stereo; do
	"$work/cabinet" "$cab" "$work/$cab.wav"
	mv "$work/$cab.wav" "$out/ir/$cab.wav"
done
[ -n "$venv" ] || exit 0

# Training takes: other notes, other pickups, other places to pick than the
# demo's.  The last one is for validation only.
babble() {
	n=$1 seconds=$2
	shift 2
	"$work/babble" "$n" "$seconds" "$@" >"$work/t$n.score"
	"$work/guitar" "$work/t$n.score" "$work/t$n.wav"
}
babble 1 14 pickup 0.045 peak -8
babble 2 14 pickup 0.15 coils 0.004 pick 0.12 resonance 4200 q 2.1 peak -8
babble 3 14 pickup 0.052 pick 0.075 resonance 3700 q 1.7 peak -7
babble 4 10 pickup 0.10 coils 0.004 pick 0.09 resonance 3900 peak -9
babble 5 9 pickup 0.048 pick 0.07 resonance 3400 peak -8
start=$("$work/signal" "$work/in.wav" "$work"/t[1-5].wav)

[ $# -gt 0 ] || set -- harbor crown anvil mudlark
for amp; do
	"$work/ampsim" "$amp" "$work/in.wav" "$work/$amp.wav"
	"$venv/bin/python" "$here/train.py" "$amp" "$work/in.wav" "$work/$amp.wav" "$start" \
		"$minutes" "$work/$amp.nam"
	mv "$work/$amp.nam" "$out/models/$amp.nam"
done
