#!/bin/sh
# The store of tone-fetch: what the cache commands do, what a shootout takes from it, and what faults leave of it.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/standin.sh
. "$SRC/tests/standin.sh"
TONE3000_API_KEY=t3k_cs_secret
export TONE3000_API_KEY
cache() { rm -f srv/log; run tone-fetch cache "$@"; }
old() { touch -d "$1 days ago" "$(tone-fetch cache ls | jq -r "select(.model_id == \"$2\").file")"; }
ids() { tone-fetch cache ls | jq -r .model_id | sort | tr '\n' ' '; }

# ---- the command line ----
for bad in '' 'wash' 'ls x' 'add' 'export' 'gc x' 'add a b --as 1/2' 'ls --as 1/2' 'add a --as x'; do
	# shellcheck disable=SC2086
	cache $bad; check "cache $bad: exit 2" status_is 2
done
cache ls; check 'a store that is not there is empty' sh -c "test $status -eq 0 && test ! -s out && test ! -e store"
cache stat; check 'stat of it' jq -e '.models == 0 and .bytes == 0' out
cache gc; check 'gc of it' jq -e '.removed == 0' out

# ---- ls, stat, verify ----
tone-fetch get 100 200 >got
cache ls; check 'ls: all six, as get prints them' test "$(jq -r .model_id out | sort | tr '\n' ' ')" = '1001 1002 1003 1004 2001 2002 '
cache stat; check 'stat' jq -e --argjson b "$(jq -s 'map(.bytes) | add' got)" '.schema == "tone-store/1" and .models == 6 and .files == 6 and .bytes == $b' out
before=$(find store/objects -type f -printf '%p %T@\n' | sort)
cache verify; check 'verify: all is well' sh -c "test $status -eq 0 && test ! -s out"
check 'that is no use: the times stay' test "$before" = "$(find store/objects -type f -printf '%p %T@\n' | sort)"
f=$(jq -r 'select(.model_id == "1003").file' got)
chmod u+w "$f"; printf X >>"$f"
cache verify; check 'damage: exit 7, and which' sh -c "test $status -eq 7 && grep -q tone3000:100/1003 err"
check 'taken out' test ! -e "$f"
run tone-fetch get 100/1003; check 'so that get fetches it' jq -e '.cached == false' out
check 'the cache commands ask nobody' sh -c 'test "$(grep -c cache srv/log)" -eq 0'

# ---- gc ----
for m in 1001 1002 1003 1004 2001 2002; do old 3 $m; done
old 50 1001; old 40 1002
cache gc; check 'gc without limits removes nothing' jq -e '.removed == 0 and .max_age_days == null' out
cache gc --max-age 30 --dry-run; check 'dry: counts' sh -c 'jq -e ".removed == 2 and .dry_run" out'
check 'and removes nothing' test "$(ids)" = '1001 1002 1003 1004 2001 2002 '
run tone-fetch get --offline 100/1001
cache gc --max-age 30; check 'by age, but what was just used stays' jq -e '.removed == 1' out
check 'the file and its record are gone' test "$(ids)" = '1001 1003 1004 2001 2002 '
old 50 1001
run env MODEL_CACHE_MAX_AGE_DAYS=45 tone-fetch cache gc; check 'MODEL_CACHE_MAX_AGE_DAYS' test "$(ids)" = '1003 1004 2001 2002 '
old 9 2002; old 8 1004
left=$(tone-fetch cache ls | jq -s 'map(select(.model_id == "1003" or .model_id == "2001").bytes) | add')
cache gc --max-bytes "$left"; check 'by size: the least recently used first' test "$(ids)" = '1003 2001 '
check 'and says what is left' jq -e --argjson l "$left" '.left_bytes == $l and .removed == 2' out
touch -d '+400 days' "$(tone-fetch cache ls | jq -r 'select(.model_id == "1003").file')"
cache gc --max-age 30; check 'a use in the future (a clock that jumped) counts as now' test "$(ids)" = '1003 2001 '
touch -d '2 days ago' store/partial/9.host.1.aa
cache gc; check 'old partial files go' test ! -e store/partial/9.host.1.aa

# ---- add, export ----
tone-fetch get 100 200 >/dev/null
cache export out.d; check 'export: all, each with its record' test "$(find out.d -type f | wc -l)" -eq 12
cache export one.d 100/1001 tone3000:200/2001; check 'export: some' test "$(find one.d -type f | wc -l)" -eq 4
cache export one.d 7/7; check 'export of what is not there: exit 5' status_is 5
MODEL_CACHE_DIR=$T/other; export MODEL_CACHE_DIR
cache add out.d/*.nam out.d/*.wav; check 'add what was exported, elsewhere' test "$(ids)" = '1001 1002 1003 1004 2001 2002 '
check 'with its licence' jq -se 'any(.[]; .license == "cc-by-nc")' out
rm -f srv/log
run tone-fetch get --offline 100/1001; check 'get finds it there' jq -e '.cached and .license == "t3k"' out
cache add --as 55/66 "$SRC/examples/demo/ir/american-1x12-open.wav"; check 'add --as' jq -e '.tone_id == "55" and .validated == "audio" and .license == null' out
printf X >>out.d/100-1001.nam
cache add out.d/100-1001.nam; check 'a file that is not the one of its record: exit 7' status_is 7
head -c 5000 "$SRC/examples/demo/models/anvil.nam" >cut.nam
cache add --as 1/2 cut.nam; check 'a damaged file: exit 7' status_is 7
cache add cut.nam; check 'no record: exit 1' status_is 1
cache add --as 1/2 nothing.nam; check 'no file: exit 1' status_is 1
check 'nothing partial stays' sh -c 'test -z "$(ls other/partial)"'
MODEL_CACHE_DIR=$T/store

# ---- in a shootout ----
forget
cat >shoot.json <<X
{"schema": "shootout/1", "name": "t", "dis": [{"file": "$SRC/examples/demo/di/riff.wav", "length_s": 1}],
 "chains": [{"name": "A", "stages": [{"nam": "tone3000:100/1001"}, {"ir": "tone3000:200/2001"}]},
            {"name": "B", "stages": [{"nam": "tone3000:100/1001"}, {"ir": "$SRC/examples/demo/ir/british-4x12-closed.wav"}]}]}
X
run shootout check shoot.json; check 'shootout check: fetched' status_is 0
check 'the licences are warned of' sh -c 'grep -q "tone3000:100/1001.*t3k" err && ! grep -q "tone3000:200/2001.*cc-by-nc" err'
rm -f srv/log
run shootout plan shoot.json -o run; check 'shootout plan' status_is 0
check 'from the store: asks nobody' test ! -e srv/log
check 'links with plain names' test "$(readlink run/in/nam/tone3000-100-1001.nam)" = "$(tone-fetch get --offline 100/1001 | jq -r .file)"
check 'the description keeps the name' jq -e '.chains[0].stages[0].nam == "tone3000:100/1001"' run/shootout.json
check 'whose it is, under what licence, is on the cards' grep -rq 'by brucew, t3k' run/plan
check 'a run from its own description' shootout plan run/shootout.json -o run
if [ -x "$BIN/shootout-cut" ]; then
	check 'one step of it runs' make -s -C run work/riff--tone3000-100-1001.wav
fi
for m in 1001 2001; do old 99 $m; done
cache gc --max-age 1 --max-bytes 0; check 'gc keeps what a run leads to' jq -e '.kept_in_use == 2 and .removed == 0' out
cache stat; check 'stat knows of it' jq -e '.in_use_by_runs == 2' out
rm -r run
cache gc --max-age 1; check 'and no longer' jq -e '.removed == 2' out
check 'its roots went too' sh -c 'test -z "$(ls store/roots)"'
sed 's,tone3000:100/1001,tone3000:100/9999,' shoot.json >bad.json
run shootout check bad.json; check 'one that is not there: where and why' sh -c "test $status -eq 1 && grep -q /chains/0/stages/0 err"
sed 's,tone3000:100/1001,tone3000:../etc,' shoot.json >bad.json
run shootout check bad.json; check 'a name that is none' grep -q 'no name of a model' err

# ---- faults ----
forget
tone-fetch get 100/1001 >/dev/null
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	# root may write everywhere: as somebody else, to whom the folders are open
	chmod -R a+rX "$T"; as='setpriv --reuid 65534 --regid 65534 --clear-groups'
else
	as=
fi
chmod -R a-w store
if $as sh -c '! test -w store'; then
	# shellcheck disable=SC2086
	run $as env HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent tone-fetch get 100/1001
	check 'a store that is read-only serves' jq -e .cached out
	# shellcheck disable=SC2086
	run $as env HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent tone-fetch get 100/1002
	check 'and says so when it has to take something in: exit 1' status_is 1
else
	skip 'a store that is read-only serves' 'this user may write everywhere'
	skip 'and says so when it has to take something in: exit 1' 'this user may write everywhere'
fi
chmod -R u+w store
# a disk that is full: as many bytes as a file may have
run sh -c 'ulimit -f 100; trap "" XFSZ; exec tone-fetch get --refresh 100/1001'
check 'no room: exit 1' status_is 1
check 'what was there is there' tone-fetch cache verify
check 'nothing partial stays' sh -c 'test -z "$(ls store/partial)"'
# two processes, one file, many times
forget
for i in 1 2 3 4 5 6 7 8; do
	tone-fetch get 100 200 >"two.$i" &
	pids="${pids-} $!"
done
# shellcheck disable=SC2086
check 'eight processes fetch the same files' wait $pids
check 'all have all' test "$(cat two.* | jq -r .sha256 | sort | uniq -c | awk '$1 == 8' | wc -l)" -eq 6
check 'the store is whole' tone-fetch cache verify
# killed at any point
forget
for ms in 01 02 03 04 05 06 07 08 09 10 12 14 16 18 20 22 24 26 30 35 40 50; do
	tone-fetch get --refresh 100 200 >/dev/null 2>&1 &
	pid=$!
	sleep 0.0$ms
	kill -9 $pid
	wait $pid
	tone-fetch cache verify || echo "damaged after $ms"
done >killed 2>&1
check 'killed twenty-two times: never a damaged file' sh -c '! grep -q damaged killed'
run tone-fetch get 100 200; check 'then all is fetched' sh -c "test $status -eq 0 && test \$(wc -l <out) -eq 6"
check 'and what they left is taken up or gone' sh -c 'tone-fetch get --refresh 100 200 >/dev/null && find store/partial -type f -exec touch -d "2 days ago" {} + && tone-fetch cache gc >/dev/null && test -z "$(ls store/partial)"'
if python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; then
	{ tone-fetch cache ls; tone-fetch cache stat; tone-fetch cache gc --dry-run --max-age 0; } >lines.json
	check 'schemas' python3 -W ignore "$SRC/tests/validate-json.py" "$SRC/lib/schema" lines.json
else
	skip 'schemas' 'python3-jsonschema is not installed'
fi
done_testing
