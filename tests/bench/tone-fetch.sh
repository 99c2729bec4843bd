#!/bin/sh
# tone-fetch against its stand-in: 10 000 listed tones, 500 downloads against curl --parallel on the same files, memory, and
# the CPU time of a get that the store answers.  Run as: BIN=build/bin tests/bench/tone-fetch.sh
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
STANDIN_LIST=10000 STANDIN_BENCH=500
export STANDIN_LIST STANDIN_BENCH
# shellcheck source=tests/standin.sh
. "$SRC/tests/standin.sh"
TONE3000_API_KEY=t3k_cs_secret
export TONE3000_API_KEY
# timed COMMAND: wall seconds, CPU seconds and the most memory, KiB, to $s $cpu $kib
timed() {
	python3 - "$@" <<'X' >timed
import os, resource, sys, time
start = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)])
_, status, u = os.wait4(pid, 0)
print(f"s={time.monotonic() - start:.3f} cpu={u.ru_utime + u.ru_stime:.4f} kib={u.ru_maxrss} ended={os.waitstatus_to_exitcode(status)}")
X
	. ./timed
	[ "$ended" = 0 ] || echo "status $ended: $*"
}
timed tone-fetch favorited -n 100; echo "list of 100: $s s, $cpu s CPU, $kib KiB"
timed tone-fetch favorited; echo "list of $(wc -l <out): $s s, $cpu s CPU, $kib KiB"
n=0
while [ $n -lt 500 ]; do
	printf 'url = "%s/api/v1/models/%d/download/m%d.nam"\noutput = "curl/%d.nam"\n' "$API" $((100000 + n)) $((100000 + n)) $n
	n=$((n + 1))
done >urls
timed tone-fetch get 10000 -m 100000; echo "1 download: $s s, $cpu s CPU, $kib KiB"
best_ours=999 best_curl=999
for i in 1 2 3 4 5; do
	# new folders: ext4 is slow where much was just deleted
	MODEL_CACHE_DIR=$T/store.$i
	mkdir -p curl.$i && ln -sfn curl.$i curl
	timed tone-fetch get -j 8 10000 10001
	[ "$(wc -l <out)" -eq 500 ] || echo "only $(wc -l <out) of 500"
	echo "500 downloads $i: $s s, $cpu s CPU, $kib KiB"
	best_ours=$(echo "$s $best_ours" | awk '{ print $1 < $2 ? $1 : $2 }')
	timed curl -s --no-progress-meter --parallel --parallel-max 8 --cacert srv/ca.pem --oauth2-bearer "$TONE3000_API_KEY" -K urls
	[ "$(find curl/ -name '*.nam' | wc -l)" -eq 500 ] || echo 'curl: not all'
	echo "  curl --parallel: $s s, $cpu s CPU, $kib KiB"
	best_curl=$(echo "$s $best_curl" | awk '{ print $1 < $2 ? $1 : $2 }')
done
echo "$best_ours $best_curl" | awk '{ printf "ratio of the best: %.2f\n", $1 / $2 }'
for i in 1 2 3 4 5 6 7 8 9 10; do timed tone-fetch get --offline 10000/100000; echo "$cpu"; done | sort -n | head -n 1 | sed 's/^/a get that the store answers: /; s/$/ s CPU/'
