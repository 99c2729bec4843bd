#!/bin/sh
# tone-fetch login, logout, whoami: sessions, and many processes that share one.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/standin.sh
. "$SRC/tests/standin.sh"
token=config/tone-fetch/token.json
no_secrets() { ! grep -qE 'eyJ-access|r-refresh|code-[0-9]|Bearer' out err; }
refreshes() { asked '.path == "/api/v1/oauth/token"'; }
whoami() { run tone-fetch whoami --retry-wait 0.05; }
# a browser that a person has: first things that nobody asked for, then the way back
cat >browser <<'X'
#!/bin/sh
back=$(curl -s --cacert "$TONE3000_CA_FILE" -o /dev/null -w '%{redirect_url}' "$1")
base=${back%%\?*}
curl -s -o favicon "${base%/callback}/favicon.ico"
curl -s -o wrong "$base?code=stolen&state=wrong"
curl -s -o post -X POST "$back"
case ${HOW-} in
denied) curl -s -o page "$base?error=access_denied&state=${back##*state=}" ;;
canceled) curl -s -o page "$base?canceled=true&state=${back##*state=}" ;;
canceled-code) curl -s -o page "$back&canceled=true" ;;
*) curl -s -o page "$back" ;;
esac
X
chmod +x browser
BROWSER=$T/browser
export BROWSER

# ---- loopback ----
whoami; check 'nobody: exit 4' status_is 4
run env -u TONE3000_CLIENT_ID tone-fetch login; check 'no client id: exit 1' status_is 1
check 'and where to get one' err_says 'Settings, API Keys'
run tone-fetch login; check 'login with a browser' status_is 0
check 'the address is said too' grep -q '/api/v1/oauth/authorize?client_id=t3k_pub_test&redirect_uri=http%3A%2F%2F127.0.0.1%3A' err
check 'a page says it' grep -q 'Logged in' page
check 'what was not the way back is refused' sh -c 'grep -q "not the login" wrong && grep -q "nothing here" favicon && test ! -s post'
check 'the token is private' test "$(stat -c %a $token) $(stat -c %a config/tone-fetch)" = '600 700'
check 'nothing secret is printed' no_secrets
whoami; check 'whoami' jq -e '.schema == "tone-user/1" and .username == "testuser" and (.id | type) == "string"' out
run tone-fetch logout; check 'logout' sh -c "test $status -eq 0 && test ! -e $token"
run tone-fetch logout -v; check 'twice' sh -c "test $status -eq 0 && grep -q 'no login' err"
for how in denied canceled; do
	run env HOW=$how tone-fetch login; check "$how in the browser: exit 4" sh -c "test $status -eq 4 && test ! -e $token"
done
run env HOW=canceled-code tone-fetch login; check 'canceled, but signed in: the code counts' status_is 0
faults '/api/v1/oauth/token status 503'
run tone-fetch login; check 'a service in trouble: exit 75' status_is 75
faults '/api/v1/oauth/token redirect https://localhost:1/token 307'
run tone-fetch login; check 'a redirect of the token endpoint is not followed' sh -c "test $status -ne 0 && test $(asked '.where != "api"') -eq 0"
no_faults

# ---- device ----
rm -f $token
{ sleep 1.2; command_standin approve; } &
run tone-fetch login --device; check 'login with a code' status_is 0
check 'the code and the page' sh -c 'grep -q BCDF-GHJK err && grep -q https://www.tone3000.com/activate err'
check 'nothing else' no_secrets
faults '/api/v1/oauth/token status 503' '/api/v1/oauth/token drop'
{ sleep 2.2; command_standin deny; } &
run tone-fetch login --device; check 'denied, after trouble: exit 4' status_is 4
check 'the session before stays' test -e $token
wait $! || true
faults '/api/v1/oauth/token status 400' '/api/v1/oauth/device_authorization json {"device_code":"D9","user_code":"X","verification_uri":"u","interval":0}'
run tone-fetch login --device; check 'never typed: exit 4' status_is 4
faults '/api/v1/oauth/device_authorization json {}'
run tone-fetch login --device; check 'no code: exit 7' status_is 7
no_faults

# ---- renewed ----
fresh() { # a new session that everybody knows of
	no_faults
	tone-fetch login 2>/dev/null
	rm -f srv/log
}
fresh; command_standin revoke-access
whoami; check 'a token that is refused: renewed once' sh -c "test $status -eq 0 && test $(refreshes) -eq 1"
fresh; jq -c '.expires_s = 1' $token >t && cat t >$token
whoami; check 'one about to expire: renewed first' sh -c "test $status -eq 0 && test $(refreshes) -eq 1 && test $(asked true) -eq 2"
fresh; jq -c '.expires_s = 99999999999' $token >t && cat t >$token; command_standin revoke-access
whoami; check 'a clock that was wrong: the service says' status_is 0
fresh; command_standin revoke-access; command_standin revoke-refresh
whoami; check 'revoked: exit 4, the session ends' sh -c "test $status -eq 4 && test ! -e $token"
touch srv/gotrue
fresh; command_standin revoke-access; command_standin revoke-refresh
whoami; check 'the other shape of that answer' sh -c "test $status -eq 4 && test ! -e $token && grep -q refresh_token_not_found err"
rm srv/gotrue
for f in 'status 503' drop 'html 403' 'status 429'; do
	fresh; command_standin revoke-access; faults "/api/v1/oauth/token $f"
	whoami; check "$f when renewing: exit 75, the session stays" sh -c "test $status -eq 75 && test -s $token"
	whoami; check '  and works later' status_is 0
done
fresh; command_standin revoke-access; faults "/api/v1/oauth/token adopt $T/$token"
whoami; check 'renewed by another where locks do not work: adopted' sh -c "test $status -eq 0 && test $(refreshes) -eq 1"
fresh; chmod 644 $token
whoami; check 'a token others may read: said, and made private' sh -c "test $status -eq 0 && grep -q 'others could read' err && test $(stat -c %a $token) = 600"
fresh; jq -c '.origin = "https://www.tone3000.com"' $token >t && cat t >$token
whoami; check 'a token of another service is not sent' sh -c "test $status -eq 4 && test $(asked true) -eq 0"
fresh; echo '{' >$token
whoami; check 'a damaged token file: exit 4' status_is 4
fresh; command_standin revoke-access; chmod 500 config/tone-fetch
if [ "$(id -u)" = 0 ]; then
	skip 'a folder that cannot be written: nothing is asked' 'root may write everywhere'
else
	whoami; check 'a folder that cannot be written: nothing is asked' sh -c "test $status -eq 1 && test $(refreshes) -eq 0"
fi
chmod 700 config/tone-fetch

# ---- many processes, one session ----
many() {
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		{ tone-fetch whoami >"many.$i" 2>&1; echo $? >"many.$i.status"; } &
		pids="${pids-} $!"
	done
	# shellcheck disable=SC2086
	wait $pids
	pids=
	test "$(cat many.*.status | sort -u)" = 0 || { cat many.*; return 1; }
}
fresh; command_standin revoke-access
check 'twelve at once, all refused once: all go on' many
check 'with one renewal' test "$(refreshes)" -eq 1
echo 30 >srv/expires_in
fresh
check 'twelve at once with a token that is always about to expire' many
check 'each renewed in its turn, none used an old one' sh -c "test $(refreshes) -ge 12"
rm srv/expires_in
check 'the session lives' tone-fetch whoami
check 'nothing temporary stays' test "$(find config/tone-fetch -type f | wc -l)" -eq 2

# Killed at any point, what is left is a session or none, never half of one.  None: the service had answered and the
# answer was on its way, which nothing here can help.
fresh
halves=0 lost=0
for ms in 01 02 03 04 05 06 08 10 12 15 20 25; do
	command_standin revoke-access
	tone-fetch whoami >/dev/null 2>&1 &
	pid=$!
	sleep 0.0$ms
	kill -9 $pid
	wait $pid
	if [ ! -e $token ]; then fresh; lost=$((lost + 1))
	else jq -e '.access_token and .refresh_token' $token >/dev/null || halves=$((halves + 1)); fi
done 2>/dev/null
check "killed twelve times while renewing: the file is whole (sessions lost: $lost)" test $halves -eq 0
fresh
check 'and a later run works' tone-fetch whoami

# ---- keys in files ----
unset TONE3000_CLIENT_ID
printf 't3k_pub_file\n' >config/tone-fetch/client-id
rm -f srv/log
run tone-fetch login; check 'the client id from a file' test "$(asked '.path | contains("client_id=t3k_pub_file")')" -ge 1
printf 't3k_cs_secret\n' >config/tone-fetch/api-key
chmod 644 config/tone-fetch/api-key
whoami; check 'an API key that others may read is refused' sh -c "test $status -eq 1 && grep -q 'chmod 600' err"
chmod 600 config/tone-fetch/api-key
whoami; check 'a private one is used' test "$(asked '.auth == "Bearer t3k_cs_secret"')" -eq 1
printf 't3k_cs_secret\n' >config/tone-fetch/client-id
rm config/tone-fetch/api-key
whoami; check 'a secret key in the wrong file is refused' status_is 1
check 'and not printed' sh -c '! grep -q t3k_cs_ err'
if python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; then
	printf 't3k_pub_file\n' >config/tone-fetch/client-id
	tone-fetch whoami >lines.json
	check 'schemas' python3 -W ignore "$SRC/tests/validate-json.py" "$SRC/lib/schema" lines.json
else
	skip 'schemas' 'python3-jsonschema is not installed'
fi
done_testing
