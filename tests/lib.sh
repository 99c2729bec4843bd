# shellcheck shell=sh
# lib.sh - sourced by tests/cli/*.t: an empty folder, and TAP helpers.
set -u
: "${BIN:?run through make check-cli}"
PATH=$BIN:$PATH
SRC=$(cd "$(dirname "$0")/../.." && pwd)
TESTDATA=${TESTDATA:-$SRC/../shared/data}
export SRC TESTDATA
LC_ALL=C.UTF-8
export LC_ALL
# the make that runs the tests is no business of a make that a test runs
unset MAKEFLAGS MFLAGS MAKELEVEL
T=$(mktemp -d) || exit
trap 'rm -rf "$T"' EXIT
cd "$T" || exit
n=0

# check NAME COMMAND...: ok if COMMAND succeeds
check() {
	name=$1 n=$((n + 1))
	shift
	if "$@" >log 2>&1; then echo "ok $n - $name"
	else echo "not ok $n - $name"; sed 's/^/# /' log; fi
}
# skip NAME REASON
skip() { n=$((n + 1)); echo "ok $n - $1 # skip $2"; }
# run COMMAND...: keeps out, err and status for the checks that follow
run() { "$@" >out 2>err && status=0 || status=$?; }
status_is() { [ "$status" -eq "$1" ] || { echo "status $status, want $1"; cat err; return 1; }; }
# err_says TEXT: the last run's stderr is one line that has TEXT
err_says() { grep -qF -- "$1" err || { echo "stderr lacks: $1"; cat err; return 1; }; }
# near GOT WANT TOLERANCE
near() {
	awk -v g="$1" -v w="$2" -v t="$3" 'BEGIN { d = g - w; if (d < 0) d = -d; exit !(g != "" && g != "null" && d <= t) }' ||
		{ echo "got $1, want $2 +- $3"; return 1; }
}
# absent FILE...: nothing was left behind, no temporary either
absent() {
	for f; do
		if [ -e "$f" ] || [ -e "$f.tmp" ]; then echo "$f or its .tmp is there"; return 1; fi
	done
}

# Every program keeps these promises: PROGRAM
common_checks() {
	run "$1" --help
	check '--help: exit 0 and usage on stdout' grep -q "^usage: $1" out
	check '--help fits a screen of 80 x 50' sh -c "test \$(wc -l <out) -le 50 && ! grep -q '.\\{101\\}' out"
	check '--help ends with examples' grep -q '^examples:' out
	run "$1" --version
	check '--version' grep -q "^$1 $(cat "$SRC/VERSION")\$" out
	run "$1" --no-such-option
	check 'unknown option: exit 2' status_is 2
	check 'usage error prints nothing on stdout' test ! -s out
	"$1" --opts | cut -f1 >names
	# shellcheck disable=SC2016
	check 'every option is in the man page' env P="$1" sh -c \
		'while read -r o; do grep -qF -- "-$o" "$SRC/man/$P.1" || { echo "$o"; exit 1; }; done <names'
	check 'the man page has EXIT STATUS and EXAMPLES' sh -c \
		"grep -q '^.Sh EXIT STATUS' '$SRC/man/$1.1' && grep -q '^.Sh EXAMPLES' '$SRC/man/$1.1'"
}
done_testing() { echo "1..$n"; }
