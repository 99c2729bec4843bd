#!/bin/sh
# One render, one hash: the shipped models on every instruction set that is here, against tests/golden/nam-render.sha256.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

golden=$SRC/tests/golden/nam-render.sha256
models=$SRC/examples/demo/models
cut -c67- "$golden" >names

check 'the file has every shipped model' sh -c \
	"ls '$models' | sed -n 's/\.nam\$//p' | while read -r m; do grep -q \"  \$m\\\$\" '$golden' || { echo \$m; exit 1; }; done"
for isa in generic neon avx2 avx512; do
	SHOOTOUT_ISA=$isa
	export SHOOTOUT_ISA
	# a name that is not there changes nothing, so ask what was used
	perl "$SRC/tests/wav.pl" make short.wav 48000 1 100 0
	run nam-render -q -m "$models/harbor.nam" --report report -o out.wav short.wav
	check "$isa or less: nam-render runs" status_is 0
	if ! grep -qs "\"isa\":\"$isa\"" report; then
		skip "$isa: the golden hashes" "this build or CPU has no $isa"
		continue
	fi
	run sh "$SRC/tests/golden/nam-render.sh"
	check "$isa: every case rendered" status_is 0
	while read -r hash name; do
		check "$isa: $name" grep -qx "$hash  $name" out
	done <"$golden"
	check "$isa: no case is without its hash" sh -c "cut -c67- out | cmp - names"
done
done_testing
