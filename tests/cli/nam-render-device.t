#!/bin/sh
# nam-render --device: what chooses, shares and survives GPUs, with a backend that computes on the CPU and fails as it
# is told (tests/fake/fake_gpu.c).  A real one is scripts/check-gpu's.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

FAKE=${O:?}/tests/fake-gpu.so
M=$TESTDATA/nam/models/mikeoliphant__BossWN-nano.nam
R=$TESTDATA/nam/models/mikeoliphant__BossLSTM-1x16.nam

run env SHOOTOUT_GPU=/no/such.so nam-render --device gpu -m x.nam -o y.wav z.wav
check 'an unknown device: exit 2' status_is 2
check 'and the ones there are' err_says 'cuda:all'
for bad in cuda: cuda:x 'cuda:0,' cuda:0,0 cuda:-1 cuda0 cuda:99999999999; do
	run env SHOOTOUT_GPU="$FAKE" nam-render --device $bad -m x.nam -o y.wav z.wav
	check "--device $bad: exit 2" status_is 2
done
run env SHOOTOUT_GPU="$FAKE" nam-render --device cuda:2 -m x.nam -o y.wav z.wav
check 'a device that is not there: exit 2' status_is 2
check 'and how many there are' err_says 'there is no device 2, only 2'
run env SHOOTOUT_GPU=/no/such.so nam-render --device cuda -m x.nam -o y.wav z.wav
check 'no backend: exit 1' status_is 1
check 'and why' err_says '/no/such.so'
run env SHOOTOUT_GPU="$FAKE" FAKE_GPU=abi nam-render --device cuda -m x.nam -o y.wav z.wav
check 'a backend of another version: exit 1' status_is 1
check 'and what to do' err_says 'install both from one version'
run env SHOOTOUT_GPU="$FAKE" FAKE_GPU=none nam-render --device cuda:1 -m x.nam -o y.wav z.wav
check 'no device: exit 1' status_is 1
check 'and why' err_says 'no fake device'

if [ ! -e "$M" ]; then
	skip 'renders on devices' 'no $TESTDATA/nam'
	echo "1..$n"
	exit
fi

# one and two channels, at another rate
SHOOTOUT_GPU=$FAKE
export SHOOTOUT_GPU
perl "$SRC/tests/wav.pl" make di.wav 48000 1 7200 '0.6 * sin($t * 0.05) * sin($t * 0.0007)'
perl "$SRC/tests/wav.pl" make two.wav 44100 2 5000 '(0.5 - $c) * sin($t * 0.06) * sin($t * 0.001)'
nam-render -m "$M" -o cpu.wav di.wav
nam-render -m "$M" --tail full -o cpu2.wav two.wav
nam-render -m "$R" -o cpu3.wav two.wav

# same FILE WORDS OPTIONS...: exit 0, the bytes of FILE, nothing but `device` in the report
same() {
	want=$1 FAKE_GPU=$2
	shift 2
	export FAKE_GPU
	rm -f got.wav log.gpu
	FAKE_GPU_LOG=log.gpu nam-render --report report.json -o got.wav "$@" || return
	unset FAKE_GPU
	cmp "$want" got.wav
}
check 'one device: the bytes of the CPU' same cpu.wav '' --device cuda -m "$M" di.wav
check 'and the report names it' grep -q '"device":"fake:0 Fake"' report.json
check 'it was used, in pieces' grep -q '^0 [2-9]' log.gpu
check 'auto takes all' same cpu.wav '' --device auto -m "$M" di.wav
check 'and says so' grep -q '"device":"fake:0,1 Fake"' report.json
check 'two channels at another rate, with a tail' same cpu2.wav '' --device cuda:1,0 -m "$M" --tail full two.wav
check 'a recurrent model' same cpu3.wav '' --device cuda -m "$R" two.wav
check 'from and to a pipe' sh -c \
	'nam-render --device cuda -m "$1" <di.wav | cat >pipe.wav; nam-render -m "$1" <di.wav | cat | cmp - pipe.wav' sh "$M"
check 'auto without devices: the CPU' same cpu.wav none --device auto -m "$M" di.wav
check 'and the report says so' grep -q '"device":"cpu"' report.json
run env FAKE_GPU=none nam-render -v --device auto -m "$M" -o got.wav di.wav
check '-v says why it is the CPU' err_says 'on the CPU'
check 'with the reason' err_says 'no fake device'
check 'an empty recording' sh -c \
	'head -c 44 di.wav | nam-render --device cuda -m "$1" | cat >empty.wav; head -c 44 di.wav | nam-render -m "$1" | cmp - empty.wav' sh "$M"

# faults
check 'little device memory: smaller pieces' same cpu.wav most=6000 --device cuda -m "$M" di.wav
check 'they were smaller' sh -c 'grep "^[0-9]" log.gpu | tail -1 | { read -r _ _ n; test "$n" -le 6000; }'
check 'also with the state of a recurrent model' same cpu3.wav most=3000 --device cuda -m "$R" two.wav
check 'its pieces were smaller' sh -c 'grep "^[0-9]" log.gpu | tail -1 | { read -r _ _ n; test "$n" -le 3000; }'
check 'an input that does not fit: its parts' same cpu.wav room=6500 --device cuda -m "$M" di.wav
check 'also of a recurrent model' same cpu3.wav 'most=3000 room=3000' --device cuda -m "$R" two.wav
check 'a device is lost while it gets its input: the other goes on' same cpu.wav lost-in=1 --device cuda:all -m "$M" di.wav
run env FAKE_GPU=lost-in=1 nam-render --device cuda -m "$M" -o none.wav di.wav
check 'the only one: exit 75' status_is 75
run env FAKE_GPU=most=100 nam-render --device cuda -m "$M" -o none.wav di.wav
check 'too little: exit 1' status_is 1
check 'and why' err_says 'out of memory on fake:0: the fake is full'
check 'no output is left' absent none.wav
check 'one device of two is lost: the other goes on' same cpu.wav lost=1 --device cuda:all -m "$M" di.wav
run env FAKE_GPU=lost=1 nam-render --device cuda -m "$M" -o none.wav di.wav
check 'the only one is lost: exit 75' status_is 75
check 'and why' err_says 'fake:0 is lost: the fake was told so'
check 'no output is left' absent none.wav
check 'auto goes on on the CPU' same cpu.wav lost-all=1 --device auto -m "$M" di.wav
check 'and warns' grep -q 'rendered on the CPU from some frame on: fake' report.json
check 'also with the state of a recurrent model' same cpu3.wav lost-all=1 --device auto -m "$R" two.wav
check 'a model that does not fit: the CPU, with auto' same cpu.wav load --device auto -m "$M" di.wav
check 'and warns' grep -q 'rendered on the CPU: the model does not fit' report.json
run env FAKE_GPU=load nam-render --device cuda -m "$M" -o none.wav di.wav
check 'else exit 1' status_is 1

# precision
run nam-render --precision fast -m "$M" -o none.wav di.wav
check '--precision fast on the CPU: exit 2' status_is 2
run nam-render --device cuda --precision loose -m "$M" -o none.wav di.wav
check 'an unknown precision: exit 2' status_is 2
run env FAKE_GPU=none nam-render --device auto --precision fast -m "$M" -o none.wav di.wav
check 'fast without a GPU: exit 1' status_is 1
check 'and what to do' err_says 'no fake device; exact is what a CPU has'
check 'exact is in the report' grep -q '"precision":"exact"' report.json
run nam-render --device cuda --precision fast --report report.json --provenance prov.json -m "$M" -o fast.wav di.wav
check 'fast' status_is 0
check 'it is in the report' grep -q '"precision":"fast"' report.json
check 'and in the provenance' grep -q '"precision":"fast"' prov.json
check 'other bytes' sh -c '! cmp -s cpu.wav fast.wav'
check 'an error below -60 dB' audio-diff --fail-if 'esr_db > -60' cpu.wav fast.wav
check 'a model without such layers is exact' same cpu3.wav '' --device cuda --precision fast -m "$R" two.wav
check 'and says so' grep -q '"precision":"exact"' report.json

# the CUDA plugin itself, on the CPU (tests/fake/cuda): its memory, and every call that can fail
if [ -e "$O/tests/cuda-host.so" ]; then
	SHOOTOUT_GPU=$O/tests/cuda-host.so
	check 'CUDA on the CPU: the same bytes' same cpu.wav '' --device cuda -m "$M" di.wav
	check 'on two devices' same cpu2.wav '' --device cuda:all -m "$M" --tail full two.wav
	check 'a recurrent model' same cpu3.wav '' --device cuda -m "$R" two.wav
	export CUDA_HOST=nopool
	check 'without memory pools' same cpu.wav '' --device cuda -m "$M" di.wav
	for bytes in 900000 600000 400000; do
		CUDA_HOST=bytes=$bytes
		check "with $bytes bytes of memory" same cpu.wav '' --device cuda -m "$M" di.wav
	done
	for bytes in 200000 170000 150000; do
		CUDA_HOST=bytes=$bytes
		check "a recurrent model with $bytes" same cpu3.wav '' --device cuda -m "$R" two.wav
	done
	CUDA_HOST=bytes=20000
	run nam-render --device cuda -m "$M" -o none.wav di.wav
	check 'too little: exit 1' status_is 1
	check 'and what failed' err_says 'out of memory'
	check 'no output is left' absent none.wav
	unset CUDA_HOST
	# matrices take their time here
	perl "$SRC/tests/wav.pl" make short.wav 48000 1 2400 '0.6 * sin($t * 0.05) * sin($t * 0.0007)'
	nam-render -m "$M" -o cpu.short.wav short.wav
	run nam-render --device cuda --precision fast -m "$M" -o fast.wav short.wav
	check 'fast, by the matrices of the plugin' status_is 0
	check 'other bytes' sh -c '! cmp -s cpu.short.wav fast.wav'
	check 'an error below -60 dB' audio-diff --fail-if 'esr_db > -60' cpu.short.wav fast.wav
	export CUDA_HOST
	# no call fails and is not seen: the bytes of the CPU, or an error and no output
	every() {
		for at in $(seq 60); do
			rm -f got.wav
			CUDA_HOST=fail=$at nam-render -q --device "$1" -m "$M" -o got.wav di.wav 2>err
			case $? in
			0) cmp cpu.wav got.wav || return ;;
			1|75) [ "$1" = cuda ] && ! [ -e got.wav ] && grep -q 'the fake was told so' err || return ;;
			*) return 1 ;;
			esac
		done
	}
	check 'every call of CUDA that may fail does: an error and no output' every cuda
	check 'or with auto the CPU' every auto
	unset CUDA_HOST
	SHOOTOUT_GPU=$FAKE
else
	skip 'the CUDA plugin on the CPU' 'no C++ compiler'
fi

# batches
for i in 1 2 3 4 5 6; do
	m=$M
	[ $((i % 3)) -ne 0 ] || m=$R
	printf '{"model": "%s", "input": "%s", "output": "b%d.wav", "id": %d}\n' "$m" "$(test $i -gt 3 && echo two || echo di).wav" $i $i
done >jobs.jsonl
nam-render --batch <jobs.jsonl >/dev/null
for i in 1 2 3 4 5 6; do mv b$i.wav want$i.wav; done
# batch WORDS STATUS: all or none of the outputs there are as the CPU's, the answers in order
batch() {
	rm -f b?.wav log.gpu
	FAKE_GPU=$1 FAKE_GPU_LOG=log.gpu nam-render --batch --device cuda:all <jobs.jsonl >answers 2>err
	[ $? -eq "$2" ] || { cat err answers; return 1; }
	for i in 1 2 3 4 5 6; do
		! [ -e b$i.wav ] || cmp b$i.wav want$i.wav || return
		[ "$2" -ne 0 ] || [ -e b$i.wav ] || return
	done
	[ "$(sed 's/.*"id":\([0-9]*\).*/\1/' answers | tr -d '\n')" = 123456 ]
}
check 'a batch on two devices: the bytes of the CPU, answers in order' batch '' 0
check 'a batch when one device is lost' batch lost=1 0
check 'a batch with little memory' batch most=20000 0
check 'a batch when all are lost: failed jobs have no output, finished ones theirs' batch lost-all=2 1
check 'and the answers say why' grep -q 'is lost: the fake was told so' answers
check 'a batch when there is hardly room for inputs' batch 'room=9000 most=9000' 0

# what is on a device already is not brought again: many models with one recording of two windows, 2^21 frames and a few
perl "$SRC/tests/wav.pl" make long.wav 48000 1 2100000 '0.5 * sin($t * 0.01)'
for i in 1 2 3 4 5 6 7 8 9; do
	m=$M
	[ $((i % 3)) -ne 0 ] || m=$R
	printf '{"model": "%s", "input": "long.wav", "output": "l%d.wav", "output_gain_db": %d}\n' "$m" "$i" "$i"
done >jobs.jsonl
# counted WORDS: log.gpu of the jobs on one device
counted() {
	rm -f log.gpu
	FAKE_GPU=copy\ $1 FAKE_GPU_LOG=log.gpu nam-render --batch --device cuda <jobs.jsonl >/dev/null
}
# lines N PATTERN: so many of log.gpu
lines() { [ "$(grep -c "$2" log.gpu)" -eq "$1" ] || { cat log.gpu; return 1; }; }
check 'nine jobs of two models and one input' counted ''
check 'each model is loaded once' lines 2 '^load'
check 'each part of the input is brought once, the second with its past' lines 2 '^in'
check 'the first' lines 1 '^in 0 2097152$'
check 'and the second' lines 1 '^in 0 11040$'
check 'all is given back' lines 2 '^out'
check 'also the models' lines 2 '^unload'
rm -f l?.wav
# inputs of one piece and 8000 bytes each, an eighth of 1 MiB for those that are not in use
for i in $(seq 30); do
	perl "$SRC/tests/wav.pl" make "s$i.wav" 48000 1 2000 "0.5 * sin(\$t * 0.0$((i + 10)))"
	printf '{"model": "%s", "input": "s%d.wav", "output": "s%d.out.wav"}\n' "$M" "$i" "$i"
done >jobs.jsonl
check 'thirty inputs on a device with little memory' counted memory=1
check 'each is brought once' lines 30 '^in'
check 'those of longest ago went before others came' sh -c \
	'awk "/^in/ { n += \$3 } /^out/ { n -= \$3 } n > most { most = n } END { exit !(most < 30 * 2000) }" log.gpu'
check 'with much memory all stay' counted memory=1024
check 'until the end' sh -c 'awk "/^out/ { out = 1 } /^in/ && out { exit 1 }" log.gpu'

echo "1..$n"
