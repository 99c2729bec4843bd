#!/bin/sh
# shootout-db on the command line.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

if ! [ -x "$BIN/shootout-db" ]; then
	skip 'shootout-db' 'built without SQLite'
	done_testing
	exit
fi
common_checks shootout-db
db() { shootout-db -d t.db "$@"; }
sql() { sqlite3 t.db "$@"; }
h() { printf '%s' "$1" | sha256sum | cut -c1-64; }

# make_run DIR NAME: a finished run as the orchestrator leaves it.  NAME goes into JSON as it is.
make_run() {
	mkdir -p "$1"
	cat >"$1/shootout.json" <<X
{"schema":"shootout/1","name":"$2","title":"Four shades of Britain","author":"Zoë Gruß","rate_hz":48000,
 "level":{"lufs":-16.0,"ceiling_dbtp":-1.0},
 "dis":[{"id":"riff","name":"Palm-muted riff","file":"$T/$1/riff.wav","start_s":0.0,"length_s":10.0}],
 "chains":[{"id":"plexi","name":"British crunch","stages":[{"nam":"models/jtm45.nam","input_gain_db":0.1},{"ir":"ir/v30.wav"}]},
           {"id":"clean","name":"Clean","stages":[{"nam":"models/twin.nam"}]}],
 "video":{"fps":30,"size":"1920x1080","title_s":3.0}}
X
	cat >"$1/timeline.jsonl" <<X
{"schema":"timeline/1","tool":"shootout-cut","version":"1","kind":"timeline","rate_hz":48000,"channels":2,"frames":1104000,"fps_num":30,"fps_den":1,"segments":3}
{"schema":"segment/1","kind":"title","name":"title","title":"Britain","at_frame":0,"length_frames":144000,"video_frame":0,"video_frames":90}
{"schema":"segment/1","kind":"segment","label":"A","name":"riff__plexi","title":"British crunch","di":"Riff","chain":"Crunch → V30","file":"audio/riff__plexi.flac","start_frame":0,"length_frames":480000,"at_frame":144000,"video_frame":90,"video_frames":300,"gain_db":-3.25,"loudness_lufs":-16.02,"true_peak_dbtp":null,"card":"cards/a.png"}
{"schema":"segment/1","kind":"segment","label":"B","name":"riff__clean","title":"Clean","di":"Riff","chain":"Clean","file":"audio/riff__clean.flac","start_frame":0,"length_frames":480000,"at_frame":624000,"video_frame":390,"video_frames":300,"gain_db":2.5,"loudness_lufs":-15.98,"true_peak_dbtp":-4.1,"card":"cards/b.png"}
X
	cat >"$1/metrics.jsonl" <<X
{"schema":"audio-metrics/1","tool":"audio-metrics","version":"1","file":"audio/riff__plexi.flac","frames":480000,"loudness":{"integrated_lufs":-16.02,"range_lu":null},"spectrum":{"bands_db":[-30.5,-20.0],"centroid_hz":900.0},"ok":true}
{"schema":"audio-metrics/1","tool":"audio-metrics","version":"1","file":"audio/riff__clean.flac","frames":480000,"loudness":{"integrated_lufs":-15.98,"range_lu":1.25},"spectrum":{"bands_db":[-31.5,-21.0]},"ok":true}
X
	cat >"$1/manifest.jsonl" <<X
{"schema":"input/1","tool":"shootout","version":"1","file":"in/plexi-1.nam","source":"/home/me/JTM 45.nam","sha256":"$(h model)"}
{"schema":"provenance/1","tool":"nam-render","version":"1","argv":["nam-render"],"inputs":[{"role":"model","file":"in/plexi-1.nam","sha256":"$(h model)"}],"outputs":[{"role":"audio","file":"work/a.wav","sha256":"$(h a)"}],"seconds":1.5}
{"schema":"provenance/1","tool":"audio-level","version":"1","argv":["audio-level"],"inputs":[{"role":"audio","file":"work/a.wav","sha256":"$(h a)"}],"outputs":[{"role":"audio","file":"audio/riff__plexi.flac","sha256":"$(h b)"}],"seconds":0.5}
X
}
make_run run 'British amps'

# ---- create, import ----
run db create
check 'create: exit 0 and no output' sh -c "test $status = 0 && ! [ -s out ]"
check 'application id and layout are in the file' sh -c '
	test "$(sqlite3 t.db "PRAGMA application_id; PRAGMA user_version; PRAGMA journal_mode")" = "$(printf "1397247828\n1\ndelete")"'
cp t.db before.db
run db create
check 'create again: exit 0, the file is as it was' cmp t.db before.db
check 'no journal is left' absent t.db-journal t.db-wal
run db list
check 'an empty list is no error' sh -c "test $status = 0 && ! [ -s out ]"
run db import run
check 'import: exit 0' status_is 0
check 'import says what it put in' jq -e '.kind == "import" and .name == "British amps" and (.id | length) == 64 and .replaced == false' out
id=$(jq -r .id out)
sql .dump | grep -v search_ >dump1
run db import run/
check 'import again replaces' jq -e '.replaced == true' out
sql .dump | grep -v search_ >dump2
check 'and changes nothing but the time' sh -c 'sed "s/20..-..-..T..:..:..Z//" dump1 >d1; sed "s/20..-..-..T..:..:..Z//" dump2 >d2; sort d1 >s1; sort d2 | cmp - s1'
run shootout-db -d made.db import run
check 'import makes the database' test -s made.db

# What another reader of SQLite sees
check 'segments belong to their DI and tone' sh -c '
	test "$(sqlite3 t.db "SELECT di_key, tone_key, gain_db FROM segment WHERE kind = '"'segment'"' ORDER BY position")" = "$(printf "riff|plexi|-3.25\nriff|clean|2.5")"'
check 'every number by its path, null where there is none' sh -c '
	sqlite3 t.db "SELECT key, value FROM metric JOIN measurement m ON m.id = measurement_id WHERE name = '"'riff__plexi'"' ORDER BY key" >got
	printf "%s\n" "frames|480000.0" "loudness.integrated_lufs|-16.02" "loudness.range_lu|" "spectrum.bands_db.0|-30.5" "spectrum.bands_db.1|-20.0" "spectrum.centroid_hz|900.0" | cmp - got'
check 'null is NULL' test "$(sql "SELECT typeof(true_peak_dbtp) FROM segment WHERE label = 'A'")" = null
check 'all tables are STRICT' test "$(sql "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'search%' AND sql NOT LIKE '%STRICT%'")" = 0
check 'sqlite3 finds nothing wrong' test "$(sql 'PRAGMA integrity_check; PRAGMA foreign_key_check')" = ok

# ---- list, show ----
run db list
check 'list: one object' jq -e --arg id "$id" '.kind == "entry" and .id == $id and .dis == 1 and .tones == 2 and .segments == 2 and .duration_s == 23' out
run db list --table
check 'list --table: a heading and a row' sh -c 'test "$(wc -l <out)" = 2 && grep -q "^'"$(echo "$id" | cut -c1-12)"'  British amps  .* 23.0 s" out'
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	run script -qec 'shootout-db -d t.db list' /dev/null
	check 'a table on a terminal' grep -q '^ID  *NAME' out
else
	skip 'a table on a terminal' 'script(1) gives no terminal here'
fi
for s in 'british' 'BRIT amps' 'plexi' 'v30' 'jtm45' 'zoe gruß' 'Palm-muted' 'JTM 45' 'crunch shades'; do
	run db list --search "$s"
	check "search '$s' finds it" grep -q "$id" out
done
for s in 'zzz' 'british zzz' 'a"b' '"' 'NEAR(' 'name:british' 'british OR zzz' 'british NOT amps' '***' '^x' "'; DROP TABLE shootout; --" '{a b}' '-british-' 'AND' "\\" 'ł'; do
	run db list --search "$s"
	check "search '$s' finds nothing: exit 3, no error" sh -c "test $status = 3 || test $status = 0 && ! [ -s err ]"
done
run db list --search 'british OR zzz'
check 'OR is a word, not an operator' status_is 3
for name in "$id" "$(echo "$id" | cut -c1-8)" 'British amps'; do
	run db show "$name"
	check "show '$name'" jq -e '.name == "British amps" and (.segments | length) == 3 and (.tones[0].stages | length) == 2 and
		.metrics[1].values["loudness.range_lu"] == 1.25 and (.metrics[0].values | has("loudness.range_lu"))' out
done
check 'inputs are what no program made, by the name they had' jq -e --arg s "$(h model)" '.inputs == [{"role":"model","file":"/home/me/JTM 45.nam","sha256":$s}]' out
check 'outputs' jq -e '[.outputs[].file] == ["audio/riff__plexi.flac", "work/a.wav"]' out
run db show nothing
check 'show: no such shootout: exit 3' status_is 3
check 'and says so' err_says "no shootout 'nothing'"
run db show "$(echo "$id" | cut -c1-7)"
check 'seven digits are no id' status_is 3

# ---- export ----
run db export
cp out e.jsonl
check 'export: each line has its schema' sh -c 'test "$(jq -r .schema e.jsonl | sort | uniq -c | tr -s " " | tr "\n" ";")" = " 2 audio-metrics/1; 1 input/1; 2 provenance/1; 3 segment/1; 1 shootout-db/1; 1 timeline/1;"'
check 'the lines are those of the run' sh -c '
	for f in timeline metrics manifest; do jq -cS . run/$f.jsonl; done >want; sed 1d e.jsonl | jq -cS . | cmp - want'
run sh -c 'shootout-db -d copy.db import - <e.jsonl && shootout-db -d copy.db export | cmp - e.jsonl'
check 'export, import, export: the same bytes' status_is 0
check 'and the same id' sh -c 'test "$(shootout-db -d copy.db list | jq -r .id)" = '"$id"
make_run run2 'Other amps'
db import run2 >/dev/null
run db export
check 'export without a name has all' sh -c 'test "$(grep -c \"export\" out)" = 2'
cp out two.jsonl
run shootout-db -d both.db import two.jsonl
check 'import of an export of two' sh -c "test $status = 0 && test \$(wc -l <out) = 2"
sed 's/-3.25/-3.5/' e.jsonl >changed.jsonl
run db import changed.jsonl
check 'a changed export: exit 1' status_is 1
check 'a changed export is told' err_says 'changed.jsonl:1: the content does not fit its id'
sed '$d' e.jsonl >short.jsonl
run db import short.jsonl
check 'a shortened export is told' err_says 'short.jsonl:9: the export ends 1 lines too early'
cat e.jsonl short.jsonl >half.jsonl
run shootout-db -d half.db import half.jsonl
check 'the second run of an export is bad: none is there' sh -c '! [ -e half.db ] || ! shootout-db -d half.db list | grep .'
run sh -c 'shootout-db -d t.db import - </dev/null'
check 'nothing to import: exit 1' err_says "'standard input' holds no run"
cp -r run moved
sed -i 's|/run/riff.wav|/moved/riff.wav|' moved/shootout.json
run db import moved
check 'a run that was moved keeps its id' jq -e --arg id "$id" '.id == $id and .replaced' out
sed 's/1.5}/9.5}/; 2{h;d}; ${G}' run/manifest.jsonl >moved/manifest.jsonl
run db import moved
check 'so does one made again in another order and time' jq -e --arg id "$id" '.id == $id and .replaced' out
sed -i 's/"gain_db":2.5/"gain_db":2.25/' moved/timeline.jsonl
run db import moved
check 'other content is another shootout' jq -e --arg id "$id" '.id != $id and (.replaced | not)' out
new=$(jq -r .id out)
run db show 'British amps'
check 'a name is the newest of that name' jq -e --arg id "$new" '.id == $id' out

# ---- the examples of the manual ----
mkdir ex && cp -r run ex/british-amps.run
sed -n '/^.Bd -literal/,/^.Ed/{/^[.]/d;s/^\$ //;p}' "$SRC/man/shootout-db.1" >ex/all
run sh -ec 'cd ex && . ./all'
check 'the examples of the man page run' status_is 0
check 'and say what they say they do' sh -c 'grep -q "\[\"British crunch\",-16.02\]" out && grep -q "JTM 45" out && grep -q "riff__plexi|900.0" out && test -s ex/copy.db'

# ---- names that mean something elsewhere ----
make_run evil "x'); 日本 \\u001b[31m \\\" DROP TABLE shootout; -- % *"
run db import evil
check 'a hostile name: exit 0' status_is 0
run db show "x'); 日本 $(printf '\033')[31m \" DROP TABLE shootout; -- % *"
check 'and is found by it' jq -e '.kind == "shootout"' out
run db list --table
check 'no control character reaches the terminal' sh -c "! LC_ALL=C grep -q '$(printf '\033')' out"
check 'what does is still UTF-8' sh -c 'grep -q "日本" out && iconv -f UTF-8 -t UTF-8 out >/dev/null'
run shootout-db -d ':memory:' import run
check "a database named ':memory:' is a file" test -s ./:memory:
run shootout-db -d 'file:x?mode=memory' import run
check 'a database named like a URI is a file' test -s 'file:x?mode=memory'

# ---- broken runs: what is broken, the command that breaks it in b/, what is said ----
# shellcheck disable=SC2317
broken() {
	rm -rf b
	make_run b 'Broken'
	(cd b && eval "$2")
	sql .dump >was
	run db import b
	check "$1: exit 1" status_is 1
	check "$1: '$3'" err_says "$3"
	check "$1: one line" test "$(wc -l <err)" -eq 1
	check "$1: nothing is imported" sh -c 'sqlite3 t.db .dump | cmp - was'
}
for f in shootout.json timeline.jsonl metrics.jsonl manifest.jsonl; do
	broken "no $f" "rm $f" "cannot open 'b/$f'"
done
broken 'a bad line' 'echo "{\"a\":" >>metrics.jsonl' 'b/metrics.jsonl:3: not JSON'
broken 'a line that is no object' 'echo "[1]" >>metrics.jsonl' 'b/metrics.jsonl:3: not a JSON object'
broken 'a key twice' 'echo "{\"a\":1,\"a\":2}" >>manifest.jsonl' 'b/manifest.jsonl:4: not JSON: duplicate object key'
broken 'a description that is cut short' 'head -c 300 shootout.json >x; mv x shootout.json' 'b/shootout.json:'
broken 'a description of another schema' 'sed -i s,shootout/1,shootout/9, shootout.json' 'must be "shootout/1"'
broken 'a description without DIs' 'sed -i s/\"dis\"/\"dus\"/ shootout.json' 'b/shootout.json: /dis must be a list'
broken 'two chains of one id' 'sed -i s/\"clean\"/\"plexi\"/ shootout.json' "/chains/1/id 'plexi' is there twice"
broken 'a timeline cut short' 'sed -i \$d timeline.jsonl' 'b/timeline.jsonl: has 2 segments, its first line says 3'
broken 'a timeline without its head' 'sed -i 1d timeline.jsonl' 'b/timeline.jsonl:1: a segment before'
broken 'an empty timeline' ': >timeline.jsonl' 'b/timeline.jsonl: has no timeline'
broken 'another rate' 'sed -i 1s/48000/44100/ timeline.jsonl' "rate_hz is not that of the description"
broken 'a text for a number' 'sed -i "3s/144000/\"x\"/" timeline.jsonl' 'b/timeline.jsonl:3: cannot store TEXT value in INTEGER column segment.at_frame'
broken 'a negative length' 'sed -i "3s/480000/-1/" timeline.jsonl' 'b/timeline.jsonl:3: CHECK constraint failed: length_frames'
broken 'no length' 'sed -i "3s/length_frames/lf/" timeline.jsonl' 'b/timeline.jsonl:3: NOT NULL constraint failed: segment.length_frames'
broken 'metrics of no file' 'sed -i 2s/file/fool/ metrics.jsonl' 'b/metrics.jsonl:2: /file must be a text'
broken 'one path twice' 'sed -i "2s/\"frames\"/\"loudness.range_lu\":1,\"frames\"/" metrics.jsonl' 'b/metrics.jsonl:2: UNIQUE constraint failed: metric'
broken 'metrics nested deep' 'printf "{\"schema\":\"audio-metrics/1\",\"file\":\"x\",\"a\":%s1%s}\n" "$(printf "%0100d" 0 | tr 0 "[")" "$(printf "%0100d" 0 | tr 0 "]")" >>metrics.jsonl' 'nested deeper than 32'
broken 'a line in the wrong file' 'cat metrics.jsonl >>manifest.jsonl' 'b/manifest.jsonl:4: /schema is not one of this file'
broken 'a hash that is none' "sed -i '2s/$(h model)/xyz/' manifest.jsonl" 'b/manifest.jsonl:2: /inputs/0 must have a file and its sha256'
run db import nowhere
check 'no such run: exit 1' status_is 1
check 'no such run is named' err_says "cannot open 'nowhere'"
run db import run nowhere run2
check 'the runs around a bad one are imported, exit 1' sh -c "test $status = 1 && test \$(wc -l <out) = 2"

# ---- files that are no database of ours ----
# refused NAME FILE TEXT: by every command, and the file stays as it is
refused() {
	for c in create 'import run' list 'show x' export check; do
		cp "$2" was.bin
		# shellcheck disable=SC2086
		run shootout-db -d "$2" $c
		check "$1, $c: exit 1" status_is 1
		check "$1, $c: '$3'" err_says "$3"
		check "$1, $c: the file is as it was" cmp "$2" was.bin
		check "$1, $c: no journal" absent "$2-journal" "$2-wal"
	done
}
head -c 5000 /dev/urandom >noise
refused 'noise' noise 'is not a database'
sqlite3 foreign 'CREATE TABLE t(a); INSERT INTO t VALUES (1)'
refused "another program's database" foreign 'of another program'
sqlite3 newer 'CREATE TABLE t(a); PRAGMA application_id = 1397247828; PRAGMA user_version = 99'
refused 'a newer layout' newer 'has layout 99, this program knows up to 1: use a newer'
sqlite3 zero 'CREATE TABLE t(a); PRAGMA application_id = 1397247828'
refused 'a layout without a number' zero 'is damaged: its layout has no number'
head -c 20 t.db >stump
refused 'a stump' stump 'is not a database'
: >empty
run shootout-db -d empty list
check 'an empty file is no database to read: exit 1' err_says "'empty' is empty"
run shootout-db -d empty create
check 'but one to create' sh -c "test $status = 0 && test -s empty"
run shootout-db -d none.db list
check 'a missing database: exit 1' status_is 1
check 'and what to do' err_says "there is no database 'none.db': make it with"
check 'reading does not make it' absent none.db
run shootout-db -d no/such/folder/t.db create
check 'no folder: exit 1' status_is 1
run shootout-db -d . list
check 'a folder is no database' err_says 'is not a file'
run shootout-db -d /dev/full create
check '/dev/full is no database' err_says 'is not a file'

# damage in the middle: pages of a table are overwritten
cp t.db hurt.db
size=$(wc -c <hurt.db)
dd if=/dev/urandom of=hurt.db bs=4096 seek=3 count=$((size / 4096 - 6)) conv=notrunc 2>/dev/null
run shootout-db -d hurt.db check
check 'check of a damaged file says no' sh -c "test $status = 3 || test $status = 1"
check 'and what it found' sh -c 'jq -e ".ok == false and (.problems | length) > 0" out || grep -q damaged err'
for c in list 'show x' 'export' 'import run'; do
	# shellcheck disable=SC2086
	run shootout-db -d hurt.db $c
	check "$c of a damaged file does not crash" sh -c "test $status -le 3"
done
run db check
check 'check: a sound file' jq -e '.ok and .problems == [] and .journal_mode == "delete" and .user_version == 1 and (.sqlite | test("^3[.]"))' out
cp t.db orphan.db
sqlite3 orphan.db "PRAGMA foreign_keys = OFF; DELETE FROM shootout WHERE name = 'Other amps'"
run shootout-db -d orphan.db check
check 'rows without their shootout: exit 3' status_is 3
check 'and they are told' jq -e '[.problems[] | select(test("has no shootout"))] | length > 0' out
cp t.db index.db
sqlite3 -cmd '.dbconfig defensive off' index.db "UPDATE search_content SET c0 = 'gone'" >/dev/null
run shootout-db -d index.db check
check 'a search index that lies: exit 3' status_is 3
# a view in place of a table, and a trigger, are code from outside
cp t.db view.db
sqlite3 view.db "PRAGMA foreign_keys = OFF; ALTER TABLE tone RENAME TO t2; CREATE VIEW tone AS SELECT * FROM t2"
run shootout-db -d view.db list
check 'a view is not run' status_is 1
cp t.db trig.db
sqlite3 trig.db "CREATE TRIGGER x AFTER INSERT ON shootout BEGIN DELETE FROM shootout; END"
run shootout-db -d trig.db import run2
check 'a trigger is not run' sh -c "test $status = 0 && test \$(sqlite3 trig.db 'SELECT count(*) FROM shootout') -gt 1"
# tables of the right names with anything in them
sqlite3 odd.db "PRAGMA application_id = 1397247828; PRAGMA user_version = 1;
	CREATE TABLE shootout(id, run_sha256, name, title, author, rate_hz, channels, frames, imported_at, description, timeline);
	CREATE TABLE di(shootout_id, key, position, name, file, json); CREATE TABLE tone(shootout_id, key, position, name, json);
	CREATE TABLE segment(id, shootout_id, position, kind, json); CREATE TABLE measurement(id, shootout_id, position, name, file, json);
	CREATE TABLE metric(measurement_id, key, value); CREATE TABLE provenance(id, shootout_id, position, tool, version, json);
	CREATE TABLE provenance_file(provenance_id, direction, position, role, file, sha256);
	INSERT INTO shootout VALUES (1, x'ff', x'00', 9e999, -9e999, 0, 'x', NULL, char(27) || '[2J', '{', NULL), (NULL, 'a', 'odd', 1, 2, -1, 1, 1, 1, '[1', 'x'),
		(2, 'b', 'two', 't', 'a', 48000, 1, 1, 't', '{}', '{}');
	INSERT INTO di VALUES (2, 1, 1, 1, 1, 'nonsense'); INSERT INTO measurement VALUES (1, 2, 1, x'ff', 1, 1);
	INSERT INTO metric VALUES (1, x'ff', 9e999), (1, 'k', 'text'); INSERT INTO segment VALUES (1, 2, 1, 'segment', '[[');"
for c in list 'list --table' 'list --search x' 'show odd' 'show two' export check 'import run'; do
	# shellcheck disable=SC2086
	run shootout-db -d odd.db $c
	check "nonsense in the tables, $c: no crash" sh -c "test $status -le 3"
	check "nonsense in the tables, $c: what is printed is JSON or text" sh -c "case '$c' in *table) ! LC_ALL=C grep -q '$(printf '\033')' out ;; export) ;; *) jq . <out >/dev/null ;; esac"
done
cp t.db wal.db
sqlite3 wal.db 'PRAGMA journal_mode = WAL' >/dev/null
run shootout-db -d wal.db import run
check 'a database in WAL mode goes back to a journal' test "$(sqlite3 wal.db 'PRAGMA journal_mode')" = delete

# ---- many at once, and an end at any time ----
pids=
for i in 1 2 3 4 5 6 7 8; do shootout-db -d eight.db create 2>>eight.err & pids="$pids $!"; done
bad=0
for p in $pids; do wait "$p" || bad=$((bad + 1)); done
check 'eight creates at once, none fails' sh -c "cat eight.err; test $bad = 0"
check 'and make one database' sh -c 'shootout-db -d eight.db check | jq -e .ok'
mkdir many
for i in 1 2 3 4 5 6; do make_run many/$i "Many $i"; done
pids=
for i in 1 2 3 4 5 6; do
	shootout-db -q -d c.db import many/$i many/1 >/dev/null 2>c.err.$i & pids="$pids $!"
done
bad=0
for p in $pids; do wait "$p" || bad=$((bad + 1)); done
check 'six imports at once, none fails' sh -c "cat c.err.*; test $bad = 0"
check 'all are there, once' test "$(shootout-db -d c.db list | jq -r .name | sort | tr '\n' ',')" = 'Many 1,Many 2,Many 3,Many 4,Many 5,Many 6,'
check 'and the file is sound' shootout-db -d c.db check
sqlite3 c.db 'BEGIN IMMEDIATE' '.shell touch locked; while [ -e locked ]; do sleep 0.05; done' >/dev/null &
holder=$!
while ! [ -e locked ]; do sleep 0.05; done
run shootout-db -d c.db --wait 0.2 import run
check 'a locked database: exit 75' status_is 75
check 'and says so' err_says "'c.db' is in use by another program: try again later"
run shootout-db -d c.db list
check 'reading goes on meanwhile' status_is 0
(sleep 0.3; rm -f locked) &
run shootout-db -d c.db import run
check 'import waits for the lock' status_is 0
wait "$holder"

# A big run, so that an import takes a while and writes many pages
make_run big 'Big'
awk 'BEGIN { srand(1); for (i = 0; i < 400; i++) {
	printf "{\"schema\":\"audio-metrics/1\",\"file\":\"x%d.flac\"", i
	for (k = 0; k < 200; k++) printf ",\"k%d\":%.6f", k, rand()
	print "}" } }' >>big/metrics.jsonl
shootout-db -q -d k.db import run >/dev/null
sqlite3 k.db .dump | sort >was
for ms in 005 010 020 040 060 080 100 150 200 300; do
	shootout-db -q -d k.db import big >/dev/null 2>&1 &
	p=$!
	sleep 0."$ms"
	kill -9 $p 2>/dev/null
	wait $p 2>/dev/null
	shootout-db -d k.db list >k.list 2>k.err || { echo "# after $ms ms: $(cat k.err)"; break; }
	test "$(sqlite3 k.db 'PRAGMA integrity_check')" = ok || { echo "# damaged after $ms ms"; break; }
	# all of it or nothing
	rows=$(sqlite3 k.db "SELECT count(*) FROM metric WHERE key = 'k1'")
	[ "$rows" = 0 ] || [ "$rows" = 400 ] || { echo "# $rows rows after $ms ms"; break; }
	echo "$ms $rows" >>kills
done
check 'killed at ten moments: all of the run or nothing, never damage' test "$(wc -l <kills)" -eq 10
check 'the first kill came before the end' grep -q ' 0$' kills
run shootout-db -d k.db import big
check 'and it can go in afterwards' status_is 0
check 'the import of 80000 numbers is whole' test "$(sqlite3 k.db "SELECT count(*) FROM metric WHERE key LIKE 'k%'")" = 80000

# ---- the system refuses ----
cp made.db full.db
run sh -c 'trap "" XFSZ; ulimit -f 400; shootout-db -d full.db import big'
check 'no room for the database: exit 1' status_is 1
check 'and what was there is there' sh -c 'sqlite3 full.db .dump | sort >f; sqlite3 made.db .dump | sort | cmp - f'
run sh -c 'trap "" XFSZ; ulimit -f 0; shootout-db -d noroom.db create'
check 'no room to create: exit 1, no file' sh -c "test $status = 1 && ! [ -e noroom.db ]"
for c in list 'list --table' 'show British' export check 'import run'; do
	[ "$c" = 'show British' ] && c="show $id"
	run sh -c "shootout-db -d t.db $c >/dev/full"
	check "full disk, $c: exit 1" status_is 1
done
run sh -c '{ shootout-db -d k.db export; echo $? >st; } | head -c 100 >/dev/null; exit "$(cat st)"'
check 'closed pipe: killed by SIGPIPE' status_is 141
# a reader that does not read must not keep writers away
mkfifo fifo
shootout-db -d k.db export >fifo 2>/dev/null &
reader=$!
exec 3<fifo
head -c 100 <&3 >/dev/null
run shootout-db -d k.db --wait 2 import run
check 'an export nobody reads does not lock the database' status_is 0
exec 3<&-
wait $reader 2>/dev/null

chmod 755 .
mkdir ro && cp t.db ro/ && chmod 555 ro && chmod 444 ro/t.db
if [ "$(id -u)" != 0 ]; then as=''
elif command -v setpriv >/dev/null && setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$BIN/shootout-db" -a -r ro/t.db; then
	as='setpriv --reuid 65534 --regid 65534 --clear-groups'
else as=no; fi
if [ "$as" = no ]; then
	skip 'a folder that cannot be written' 'the programs are out of reach for another user'
else
	for c in list "show $id" export check; do
		# shellcheck disable=SC2086
		run $as shootout-db -d ro/t.db $c
		check "read-only folder, $c: exit 0" status_is 0
	done
	for d in ro/t.db ro/new.db; do
		# shellcheck disable=SC2086
		run $as shootout-db -d $d import run
		check "read-only folder, import into $d: exit 1" status_is 1
		check "and why" err_says "$d"
	done
fi
chmod 755 ro

# ---- the command line ----
for a in '' 'frob' 'import' 'show' 'list x' 'check x' 'create x' 'show --search x y' 'list --table --json' 'list --wait -1' 'list --search=' 'check --table'; do
	# shellcheck disable=SC2086
	run shootout-db -d t.db $a
	check "'$a': exit 2" status_is 2
done
run shootout-db list
check 'no database named: exit 2' status_is 2
run shootout-db -d t.db list --search ' '
check 'a search for nothing: exit 2' status_is 2
done_testing
