#!/bin/sh
# tone-fetch get, against a service that follows the documented API and has its faults.  Never against the real one.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/standin.sh
. "$SRC/tests/standin.sh"
common_checks tone-fetch
key=t3k_cs_secret
export TONE3000_API_KEY=$key
sha() { sha256sum "$1" | cut -c1-64; }
anvil=$(sha "$SRC/examples/demo/models/anvil.nam")
# few waits, the same for all: -g as "get"
get() { run tone-fetch get --retry-wait 0.05 "$@"; }
no_secrets() { ! grep -rqE 't3k_cs_secret|eyJ-access|r-refresh|Bearer' out err "$MODEL_CACHE_DIR"; }
nothing_left() { [ "$(find store/objects store/models -type f 2>/dev/null | wc -l)" -eq 0 ]; }

# ---- the command line ----
run tone-fetch
check 'no command: exit 2' status_is 2
run tone-fetch fetch 1
check 'unknown command: exit 2' status_is 2
check '--rate past the limit: exit 2 against the real service' env TONE3000_BASE_URL= sh -c 'tone-fetch get --rate 101 1; test $? -eq 2'
for o in '--parallel 0' '--tries 0' '--timeout 0' '--model x' '--rate -1' '--offline --refresh'; do
	# shellcheck disable=SC2086
	run tone-fetch get $o 1
	check "$o: exit 2" status_is 2
done
run env TONE3000_BASE_URL=https://tone3000.com.evil.example tone-fetch get 1
check 'another base than loopback is refused' err_says 'TONE3000_BASE_URL is for tests'
run env TONE3000_BASE_URL=https://127.0.0.1:1@evil.example tone-fetch get 1
check 'also with a user name that looks like one' err_says 'TONE3000_BASE_URL is for tests'
run env TONE3000_BASE_URL=http://127.0.0.1:1 tone-fetch get 1
check 'also plain http' err_says 'TONE3000_BASE_URL is for tests'
run env TONE3000_API_KEY=t3k_pub_x tone-fetch get 1
check 'a publishable key is no secret key' status_is 1
run env TONE3000_CLIENT_ID=$key tone-fetch get 1
check 'a secret key is no client id' err_says 'TONE3000_CLIENT_ID holds no key that begins with t3k_pub_'
check 'and is not printed' no_secrets
check 'nobody was asked' test ! -e srv/log 

# ---- one model ----
get 100/1001
check 'get TONE/MODEL' status_is 0
check 'one line, with whose it is and under what licence' jq -e '.schema == "tone-file/1" and .tone_id == "100" and .model_id == "1001" and
	.creator == "brucew" and .license == "t3k" and .redistribution == "no" and .validated == "model" and .cached == false' out
file=$(jq -r .file out)
check 'the bytes of the service' test "$(sha "$file")" = "$anvil"
check 'the hash in the record' test "$(jq -r .sha256 out)" = "$anvil"
check 'and in the name' test "${file##*/}" = "$anvil.nam"
check 'nam-render takes it' nam-render --info "$file"
check 'nothing partial stays' sh -c 'test -z "$(ls store/partial)"'
check 'three requests, each with the key' test "$(asked '.auth == "Bearer t3k_cs_secret"')" -eq 3
check 'no secret in the output or the store' no_secrets
rm srv/log
get tone3000:100/1001
check 'again, from the store: asks nobody' test ! -e srv/log
check 'cached' jq -e .cached out
get --progress json 100/1001
check '--progress counts files, on standard error' jq -es 'map(select(.event == "progress")) | last | .label == "files" and .done == 1' err
get --refresh 100/1001
check '--refresh fetches' test "$(asked true)" -eq 3
get https://www.tone3000.com/tones/plexi-100 -m 1003
check 'the page of a tone, one model of it, the hidden architecture' jq -e '.model_id == "1003" and .architecture == "2"' out
get -v "$API/api/v1/models/1002/download/m1002.nam"
check 'the address of a model' jq -e '.model_id == "1002" and .name == "../../../etc/passwd"' out
get 200/1001
check 'a model of another tone' status_is 5
for name in x 1/x 1/2/3 -1 12345678901234567890 http://127.0.0.1/tones/1 https://evil.example/tones/x-100 '{}' '{"id":-3}' "1
2"; do
	get -- "$name"
	check "no name: $name" status_is 1
done

# ---- tones, standard input, a folder ----
forget
get -o got 100 200
check 'two tones' status_is 0
check 'six files in order' test "$(jq -r .model_id out | tr '\n' ' ')" = '1001 1002 1003 1004 2001 2002 '
check 'copies are the same bytes' cmp got/100-1004.nam "$SRC/examples/demo/models/mudlark.nam"
check 'records beside them' jq -e '.license == "cc-by-nc" and .redistribution == "non-commercial"' got/200-2002.wav.json
check 'an IR is validated as audio' jq -se 'any(.[]; .validated == "audio")' out
check 'nothing else in the folder' test "$(find got -type f | wc -l)" -eq 12
check 'the file says where it is' jq -se 'all(.[]; .file | startswith("got/"))' out
get -a 2 100
check '--architecture' test "$(jq -r .model_id out)" = 1003
rm -f srv/log
printf '100/1001\n\n  {"tone_id": 200, "id": 2001}\n{"tone_id":"100","model_id":"1002"}\n' >names
run tone-fetch get --offline - <names
check 'names and JSON from standard input, offline' test "$(jq -r .model_id out | tr '\n' ' ')" = '1001 2001 1002 '
run tone-fetch get --offline 100
check 'a tone offline: what the store has of it' test "$(wc -l <out)" -eq 4
check 'offline asks nobody' test ! -e srv/log
run tone-fetch get --offline 100/4001
check 'offline and not there: exit 5' status_is 5
get 400
check 'hostile names' status_is 0
check 'come as they are' jq -se '.[1].name == "a\u0000b" and .[8].name == ".bashrc" and (.[3].name | length) == 300' out
check 'a licence of tomorrow: unknown' jq -se 'all(.[]; .redistribution == null and .license == "a-licence-of-tomorrow")' out
check 'paths are of hashes only' sh -c '! find store | grep -vE "^store(/(objects|models|partial|objects/[0-9a-f]{2}(/[0-9a-f]{64}\.[a-z]+)?|models/[0-9]+\.json))?$"'
get 700
check 'a kind that nothing here reads is kept and says so' jq -e '.validated == null' out

# ---- each status ----
forget
get 300; check 'private: exit 6' status_is 6
faults '/api/v1/tones/100 html 403'
get 100; check 'a firewall page: exit 6' status_is 6
get 999; check 'no such tone: exit 5' status_is 5
get 600; check 'a tone without models: exit 5' status_is 5
run env -u TONE3000_API_KEY tone-fetch get 100; check 'no key: exit 4' status_is 4
check 'and what to do' err_says 'login'
run env TONE3000_API_KEY=t3k_cs_wrong tone-fetch get 100; check 'a wrong key: exit 4' status_is 4
for m in 500/5001 500/5002 500/5003 510/5101; do
	get $m; check "damaged $m: exit 7" status_is 7
done
check 'nothing of it was kept' nothing_left
check 'not even partial' sh -c 'test -z "$(ls store/partial)"'
get 999 100/1001 500/5003
check 'several: the worst, and the good one is there' sh -c "test $status -eq 7 && test \$(wc -l <out) -eq 1"
run sh -c 'tone-fetch get 100/1001 >/dev/full'
check 'full output: exit 1' status_is 1
run sh -c 'tone-fetch get 100/1001 --offline | true'
check 'closed pipe: no noise' test ! -s err

# ---- try again ----
for f in 'status 429' 'status 503' 'status 500' 'status 502' 'status 504' 'status 408' drop; do
	forget
	faults "/api/v1/models/1001/ $f" "/api/v1/models/1001 $f" "/api/v1/tones/100 $f"
	get 100/1001
	check "$f once each: done all the same" status_is 0
	check '  six requests' test "$(asked true)" -eq 6
done
forget; faults 'always /api/v1/tones/100 status 503'
get --tries 2 100; check 'always 503: exit 75' status_is 75
check 'after two tries' test "$(asked true)" -eq 2
forget; faults '/api/v1/tones/100 status 429 Retry-After=1'
get -v 100/1001
check 'Retry-After in seconds is waited for' err_says 'try 2 of 5 in 1.'
forget; faults "/api/v1/tones/100 status 429 Retry-After=$(date -u -d '+2 seconds' '+%a,_%d_%b_%Y_%H:%M:%S_GMT')"
get -v 100/1001
check 'and as a date' sh -c 'grep -qE "try 2 of 5 in [12]\." err'
forget; faults '/api/v1/tones/100 status 429 Retry-After=9999'
get 100; check 'a longer one than --max-wait: exit 75' status_is 75
check 'and says how long' err_says '9999 s'
forget; faults '/api/v1/models/1001/ stall 5'
get --timeout 1 100/1001; check 'a stalled download is given up and tried again' status_is 0
forget; faults 'always /api/v1/tones/100 stall 5'
get --timeout 1 --tries 1 100; check 'a stalled answer: exit 75' status_is 75
run env TONE3000_BASE_URL=https://127.0.0.1:1 tone-fetch get --tries 2 --retry-wait 0.05 100
check 'nobody there: exit 75' status_is 75
run env -u TONE3000_CA_FILE tone-fetch get --tries 1 100
check 'a certificate that nobody vouches for: exit 1' status_is 1

# ---- redirects and the key ----
forget; faults "/api/v1/models/1001/ redirect $STORAGE/models/m1001.nam"
get 100/1001; check 'a redirect to a storage host' status_is 0
check 'it gets no key' test "$(asked '.where == "storage" and .auth == null and .cookie == null')" -eq 1
forget; faults "/api/v1/models/1001/ redirect ${STORAGE%:*}:${API##*:}/api/v1/models/1001/download/m1001.nam"
get 100/1001; check 'a redirect to another name of the same port: 401 there, exit 4' status_is 4
check 'it gets no key either' test "$(asked '.auth == null')" -ge 1
forget; faults "/api/v1/models/1001/ redirect https://127.0.0.1:${STORAGE##*:}/m1001.nam 308"
get 100/1001; check 'the same host, another port: no key, done' status_is 0
forget; faults "/api/v1/models/1001/ redirect /api/v1/models/1001/download/m1001.nam 307"
get 100/1001; check 'within the service: with the key' test "$(asked '.auth != null')" -eq 4
for to in "$PLAIN/m1001.nam" file:///etc/passwd "https://user@127.0.0.1:${API##*:}/x" ftp://127.0.0.1/x //; do
	forget; faults "/api/v1/models/1001/ redirect $to"
	get 100/1001; check "redirect to $to: exit 7" status_is 7
	check '  not followed, nothing kept' sh -c "test $(asked '.where == "plain"') -eq 0 && ! ls store/objects 2>/dev/null"
done
forget; faults 'always /api/v1/models/1001/ loop'
get 100/1001; check 'a redirect loop: exit 7' status_is 7

# ---- bodies that lie ----
forget; faults '/api/v1/tones/100 bomb'
get 100; check 'a compressed bomb: exit 7' status_is 7
forget; faults '/api/v1/models/1001/ bomb'
get 100/1001; check 'as a file: exit 7' status_is 7
forget; faults '/api/v1/models/1001/ endless'
get 100/1001; check 'an endless file: exit 7' status_is 7
check 'the limit' err_says 'is larger than 67108864 bytes'
forget; faults '/api/v1/tones/100 endless'
get 100; check 'an endless answer: exit 7' status_is 7
forget; faults '/api/v1/tones/100 html 200'
get 100; check 'a page where JSON is due: exit 7' status_is 7
forget; faults '/api/v1/models/1001/ html 200'
get 100/1001; check 'a page where a model is due: exit 7' status_is 7
forget; faults '/api/v1/models/1001/ encoded'
get 100/1001; check 'compression that was not asked for: exit 7' status_is 7
for j in '[]' 3 '{"data":null}' '{"id":' '{"format":"nam","a1_models_count":99999999999999999999}'; do
	forget; faults "/api/v1/tones/100 json $j"
	get -m 1 100; check "an answer of $j: a clean refusal" sh -c "case $status in 5|7) ;; *) exit 1; esac"
done
forget; faults '/api/v1/models/1001/ length 50'
get 100/1001; check 'longer by its length than it is: again, whole' status_is 0
forget; faults '/api/v1/models/1001/ nolength'
get 100/1001; check 'no length at all' test "$(jq -r .sha256 out)" = "$anvil"
check 'nothing secret was printed or kept' no_secrets

# ---- resumed ----
whole() { [ "$status" -eq 0 ] && [ "$(jq -r .sha256 out)" = "$anvil" ]; }
forget; faults '/api/v1/models/1001/ cut 50000'
get 100/1001; check 'a body cut off goes on' whole
check 'from where it was, less what is compared' test "$(asked '.range == "bytes=45904-" and .if_range != null')" -eq 1
forget; faults '/api/v1/models/1001/ cut 50000' '/api/v1/models/1001/ cut 60000' '/api/v1/models/1001/ drop'
get 100/1001; check 'twice' whole
for f in norange badrange nocr unsatisfiable; do
	forget; faults '/api/v1/models/1001/ cut 50000' "/api/v1/models/1001/ $f"
	get 100/1001; check "then $f: whole all the same" whole
done
forget; faults '/api/v1/models/1001/ notag'
get 100/1001; check 'no tag' whole
new=$(sha "$SRC/examples/demo/models/crown.nam")
forget; faults '/api/v1/models/1001/ cut 50000' '/api/v1/models/1001/ swap 1'
get 100/1001; check 'another file meanwhile: that one, whole' test "$(jq -r .sha256 out)" = "$new"
faults '/api/v1/models/1002/ cut 50000' '/api/v1/models/1002/ swapsame 0'
get 100/1002; check 'another file under the same tag: found by what is compared' test "$(jq -r .sha256 out)" = "$anvil"
# a run that is killed leaves what it has to the next
forget; faults '/api/v1/models/1002/ cut 70000' 'always /api/v1/models/1002/ status 503'
get --tries 2 100/1002; check 'given up: exit 75' status_is 75
check 'what came is there' sh -c 'test "$(find store/partial -size +60k | wc -l)" -eq 1'
no_faults
get 100/1002
check 'and is taken up' sh -c "test $(asked '.range == "bytes=65904-"') -eq 2 && test -z \"\$(ls store/partial)\""
check 'whole' whole

# ---- damage in the store ----
file=$(jq -r .file out)
chmod u+w "$file" && printf X | dd of="$file" bs=1 seek=100 conv=notrunc 2>/dev/null
run tone-fetch get --offline 100/1002
check 'damaged, offline: exit 7' status_is 7
get 100/1002
check 'found and fetched again' jq -e '.cached == false' out
: >"$(jq -r .file out)"
get 100/1002
check 'emptied by a power cut: fetched again' jq -e '.cached == false' out
echo garbage >store/models/1002.json
get 100/1002
check 'a damaged record too' status_is 0

# ---- what is printed is what lib/schema says ----
if python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; then
	tone-fetch get --offline -o got 100/1002 >lines.json 2>/dev/null
	tone-fetch get 100 200 700 400 >>lines.json
	check 'schemas' python3 -W ignore "$SRC/tests/validate-json.py" "$SRC/lib/schema" lines.json got/*.json store/models/*.json
else
	skip 'schemas' 'python3-jsonschema is not installed'
fi
done_testing
