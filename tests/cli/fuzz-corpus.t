#!/bin/sh
# The seeds of the fuzzers: each is read without a fault, and the script still writes them.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

for f in "$SRC"/tests/fuzz/corpus/nam/*; do
	check "${f##*/}: run by the fuzzer" "$O/tests/fuzz/fuzz_nam" "$f"
	check "${f##*/}: a model" nam-render --info "$f"
done
check 'WAV files: run by the fuzzer' "$O/tests/fuzz/fuzz_wav" "$SRC"/tests/fuzz/corpus/wav/*
for f in "$SRC"/tests/fuzz/corpus/fx/*; do
	check "${f##*/}: run by the fuzzer of effects" "$O/tests/fuzz/fuzz_fx" "$f"
done
for f in "$SRC"/tests/fuzz/corpus/net/*; do
	if [ -x "$O/tests/fuzz/fuzz_net" ]; then check "${f##*/}: run by the fuzzer" "$O/tests/fuzz/fuzz_net" "$f"
	else skip "${f##*/}: run by the fuzzer" 'built without libcurl'; fi
done
if command -v python3 >/dev/null; then
	check 'make-corpus runs' python3 "$SRC/tests/fuzz/make-corpus" again
	check 'make-corpus writes the same files' diff -r again "$SRC/tests/fuzz/corpus"
else
	skip 'make-corpus writes the same files' 'no python3'
fi
done_testing
