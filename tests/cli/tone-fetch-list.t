#!/bin/sh
# tone-fetch's lists: every page, every filter, JSON lines and the table.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
STANDIN_LIST=205
export STANDIN_LIST
# shellcheck source=tests/standin.sh
. "$SRC/tests/standin.sh"
TONE3000_API_KEY=t3k_cs_secret
export TONE3000_API_KEY
list() { rm -f srv/log; run tone-fetch "$@"; }
asked_for() { # the query of the last request has this, as jq sees it decoded
	tail -n 1 srv/log | jq -r .path | python3 -c 'import sys, urllib.parse as u
p = u.urlsplit(sys.stdin.read().strip())
print(p.path, *("%s=%s" % q for q in u.parse_qsl(p.query) if q[0] not in ("page", "page_size")))' >path
	grep -qxF -- "$1" path || { cat path; return 1; }
}
line_count() { [ "$(wc -l <out)" -eq "$1" ] || { wc -l out; cat err; return 1; }; }

# ---- the command line ----
for bad in 'models' 'show' 'favorited 5' 'models x' 'trending --sort x' 'favorited --tag x' 'makes --gear amp' 'latest --query x' \
    'favorited --gear a --gear b' 'show 1 --verified' 'favorited --offline' 'favorited --table perhaps' 'whoami 3'; do
	# shellcheck disable=SC2086
	list $bad
	check "$bad: exit 2" status_is 2
	check '  and asks nobody' test ! -e srv/log
done
list favorited --tag x
check 'it says which filter' err_says '--tag is no filter of this list'

# ---- pages ----
list favorited
check 'favorited: all of 205' line_count 205
check 'in three pages of the most' test "$(asked '.path | test("page=[123]&page_size=100$")')" -eq 3
check 'each once' test "$(jq -r .id out | sort -u | wc -l)" -eq 205
check 'ids are text' jq -se 'all(.[]; .schema == "tone/1" and (.id | type) == "string")' out
list favorited -n 101
check '--limit' line_count 101
check 'asks for no more pages than it needs' test "$(asked true)" -eq 2
list downloaded; check 'downloaded' line_count 205
list created; check 'created: an empty list is none, and fine' sh -c "test $status -eq 0 && test ! -s out"
for l in trending latest; do
	list $l; check "$l: ten" line_count 10
	check '  without pages' sh -c '! grep -q page srv/log'
done
run env -u TONE3000_API_KEY tone-fetch trending; check 'trending needs no login' line_count 10
run env -u TONE3000_API_KEY tone-fetch latest; check 'latest does: exit 4' status_is 4
list users; check 'users: ids that are numbers' jq -se 'length == 12 and all(.[]; .id | type == "string")' out
list makes; check 'makes' line_count 30
list tags --query cr --sort name; check 'tags' asked_for '/api/v1/tags query=cr sort=name'
list show 400; check 'show: words and keys of tomorrow pass' jq -e '.gear == "hovercraft" and .new_key.deep == [1, null]' out
list show 999; check 'show: not found, exit 5' status_is 5
list models 100; check 'models: of all architectures' test "$(jq -r .architecture_version out | tr '\n' ' ')" = '1 1 2 custom '
check 'each list asked for by its word' test "$(asked '.path | test("architecture=(1|2|custom)&")')" -eq 3
list models 100 -a custom; check 'one architecture' test "$(jq -r .id out)" = 1004
list models 200; check 'IRs: no architecture is named' sh -c "test \$(wc -l <out) -eq 2 && ! grep -q architecture= srv/log"
check 'size null' jq -se 'all(.[]; .size == null and .architecture_version == null)' out

# ---- filters ----
list favorited --gear amp-cab --query 'a b&c=d/é'
check 'one gear, and text that needs quoting' asked_for '/api/v1/tones/favorited query=a b&c=d/é gear=amp-cab'
list trending --gear pedal; check 'trending --gear' asked_for '/api/v1/tones/trending gear=pedal'
list users --sort downloads --query x; check 'users' asked_for '/api/v1/users query=x sort=downloads'
list search -a 1 --gear amp --gear cab --size lite --size nano --make 'Marshall Plexi' --make Vox --tag a --tag b \
	--creator one_two --creator three --format nam --sort newest --calibrated --verified --query plexi -n 1
check 'search: every filter, each list with its separator' asked_for '/api/v1/tones/search query=plexi gears=amp_cab sizes=lite_nano makes=Marshall Plexi_Vox tags=a_b creators=one_two,three format=nam sort=newest calibrated=true verified=true architecture=1'
check 'and says whose it is' err_says 'commercial agreement'
list search --query plexi
check 'search without a word: the hidden architecture too, no tone twice' line_count 205
check '  two passes of nine pages' test "$(asked true)" -eq 18
list search --format ir -n 30; check 'search for IRs: one pass' sh -c "test \$(wc -l <out) -eq 30 && ! grep -q architecture srv/log"
list search --format tomorrow -n 1; check 'a format of tomorrow' asked_for '/api/v1/tones/search format=tomorrow'
faults '/api/v1/tones/latest status 200 X-Tone3000-Deprecations=legacy_platform_key Deprecation=true'
list latest; check 'a deprecated use is reported' err_says 'legacy_platform_key'
no_faults

# ---- odd answers ----
for j in '{}' '{"data":5}' '[]' 'x'; do
	faults "/api/v1/tones/favorited json $j"
	list favorited; check "a list of $j: exit 7" status_is 7
done
faults '/api/v1/tones/favorited json {"data":null,"total_pages":0}'
list favorited; check 'a list of null: empty' sh -c "test $status -eq 0 && test ! -s out"
faults '/api/v1/tones/favorited json {"data":[{"id":1,"title":null,"schema":"x","tool":[],"user":3},null,5,{"id":"u-1"}],"total_pages":99999999999}'
list favorited; check 'odd objects: what is one is printed' sh -c "test $status -eq 0 && test \$(wc -l <out) -eq 2"
check 'a schema of the service does not replace ours' jq -se '.[0].schema == "tone/1" and .[0].tool == "tone-fetch"' out
faults '/api/v1/tones/favorited?page=2 status 500' '/api/v1/tones/favorited?page=2 status 429 Retry-After=1'
list favorited --retry-wait 0.05; check 'trouble in the middle: each once all the same' test "$(jq -r .id out | sort -u | wc -l)" -eq 205
faults 'always /api/v1/tones/favorited?page=2 status 403'
list favorited; check 'refused in the middle: exit 6 after the first page' sh -c "test $status -eq 6 && test \$(wc -l <out) -eq 100"
no_faults

# ---- the table ----
list models 400 --table always
check 'a table, a row each' line_count 11
check 'no control characters, no reversed text' sh -c '! LC_ALL=C grep -qP "[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae" out'
check 'columns do not run together' awk 'NR > 1 && substr($0, 9, 1) != " " { exit 1 }' out
list favorited --table never -n 1; check '--table never: JSON' jq -e .id out
run sh -c 'tone-fetch favorited >/dev/full'; check 'full output: exit 1' status_is 1
run sh -c 'tone-fetch favorited | head -n 1'; check 'closed pipe: no noise' sh -c 'test $(wc -l <out) -eq 1 && test ! -s err'

# ---- a list is what get reads ----
tone-fetch models 100 | tone-fetch get >got.json
check 'models | get' test "$(jq -r .model_id got.json | tr '\n' ' ')" = '1001 1002 1003 1004 '
tone-fetch show 200 | tone-fetch get >got.json
check 'show | get' test "$(jq -r .model_id got.json | tr '\n' ' ')" = '2001 2002 '
if python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; then
	{
		tone-fetch favorited -n 3; tone-fetch show 400; tone-fetch models 100; tone-fetch users; tone-fetch makes
		tone-fetch search -n 1 2>/dev/null
	} >lines.json
	check 'schemas' python3 -W ignore "$SRC/tests/validate-json.py" "$SRC/lib/schema" lines.json
else
	skip 'schemas' 'python3-jsonschema is not installed'
fi
done_testing
