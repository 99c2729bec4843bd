# shellcheck shell=sh
# standin.sh - sourced after lib.sh: starts tests/standin.py in $T/srv with certificates of an authority made here, and points
# tone-fetch at it and at folders in $T.  Skips the whole test where something for it is missing.

command -v tone-fetch >/dev/null || { skip 'tone-fetch' 'built without libcurl'; done_testing; exit; }
for p in openssl python3 curl jq; do
	command -v $p >/dev/null || { skip 'tone-fetch' "no $p"; done_testing; exit; }
done
mkdir srv home
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout srv/ca.key -out srv/ca.pem -days 2 -subj '/CN=Test authority' \
		-addext basicConstraints=critical,CA:TRUE
	openssl req -newkey rsa:2048 -nodes -keyout srv/key.pem -out srv/csr.pem -subj '/CN=localhost'
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >srv/ext
	openssl x509 -req -in srv/csr.pem -CA srv/ca.pem -CAkey srv/ca.key -CAcreateserial -days 2 -extfile srv/ext -out srv/cert.pem
} >srv/openssl.log 2>&1 || { cat srv/openssl.log; exit 1; }
# every proxy in the environment would be asked for loopback addresses
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY TONE3000_API_KEY
HOME=$T/home XDG_CONFIG_HOME=$T/config XDG_CACHE_HOME=$T/cache TONE3000_CA_FILE=$T/srv/ca.pem
TONE3000_CLIENT_ID=t3k_pub_test MODEL_CACHE_DIR=$T/store
export HOME XDG_CONFIG_HOME XDG_CACHE_HOME TONE3000_CA_FILE TONE3000_CLIENT_ID MODEL_CACHE_DIR

python3 "$SRC/tests/standin.py" "$T/srv" "$T/srv/cert.pem" "$T/srv/key.pem" "$SRC/examples/demo" >srv/out 2>&1 &
standin=$!
trap 'kill $standin 2>/dev/null; rm -rf "$T"' EXIT
i=0
while [ ! -e srv/env ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
[ -e srv/env ] || { cat srv/out; echo "Bail out! the stand-in does not start"; exit 1; }
# shellcheck disable=SC1091
. srv/env
TONE3000_BASE_URL=$API
export TONE3000_BASE_URL
: "${STORAGE:?}" "${PLAIN:?}"

# faults LINE...: what the next requests meet
faults() { printf '%s\n' "$@" >srv/faults.tmp && mv srv/faults.tmp srv/faults; }
no_faults() { rm -f srv/faults; }
# forget: an empty store, and nothing logged
forget() { chmod -R u+w "$MODEL_CACHE_DIR" 2>/dev/null; rm -rf "$MODEL_CACHE_DIR" srv/log; no_faults; }
command_standin() { curl -s -X POST "$PLAIN/$1"; }
# asked FILTER: how many requests of the log pass jq's FILTER
asked() { if [ -e srv/log ]; then jq -c "select($1)" srv/log | wc -l; else echo 0; fi; }
