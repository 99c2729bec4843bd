#!/bin/sh
# nam-render --batch: jobs in, answers out.
# shellcheck disable=SC2016,SC3045
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

wav() { perl "$SRC/tests/wav.pl" "$@"; }
# model FILE ARCHITECTURE CONFIG WEIGHTS RATE
model() {
	perl -e '
		my ($arch, $config, $n, $rate) = @ARGV;
		my $seed = $n;
		my @w = map { $seed = ($seed * 1103515245 + 12345) % 2147483648; sprintf "%.6f", $seed / 2147483648 - 0.5 } 1 .. $n;
		print "{\"version\":\"0.5.4\",\"architecture\":\"$arch\",\"sample_rate\":$rate,\"metadata\":{\"loudness\":-20.0},",
		    "\"config\":{$config},\"weights\":[", join(",", @w), "]}\n"' "$2" "$3" "$4" "$5" >"$1"
}
wavenet='"head":null,"head_scale":1,"layers":[{"input_size":1,"condition_size":1,"channels":4,"head_size":1,"head_bias":false,"kernel_size":3,"dilations":[1,16],"activation":"Tanh","gated":false}]'
model amp.nam WaveNet "$wavenet" 161 48000
model amp44.nam WaveNet "$wavenet" 161 44100
model lstm.nam LSTM '"num_layers":1,"input_size":1,"hidden_size":4' 109 48000
for i in 1 2 3 4 5; do
	wav make di$i.wav 48000 $((1 + i % 2)) $((3001 * i)) "sin(\$t * \$t / 4000$i) * 0.5 + 0.1 * \$c"
done
wav make di6.wav 44100 1 5000 'sin($t / 20) * 0.5'
wav make zero.wav 48000 1 0 0

# ---- every job is as if it were alone ----
mkdir alone
: >jobs.jsonl
k=0
for m in lstm amp amp44; do
	for i in 1 2 3 4 5 6; do
		for gain in 0 -6.5; do
			k=$((k + 1))
			echo "{\"id\":[\"$m\",$i],\"model\":\"$m.nam\",\"input\":\"di$i.wav\",\"output\":\"$k.wav\",\"input_gain_db\":$gain}" >>jobs.jsonl
			nam-render -j 1 -m $m.nam --input-gain-db $gain -o alone/$k.wav di$i.wav
		done
	done
done
for t in 1 2 5; do
	rm -f [0-9]*.wav
	run nam-render --batch -j $t --provenance p.jsonl <jobs.jsonl
	check "$t threads: exit 0, nothing said" sh -c "test $status = 0 && test ! -s err"
	check "$t threads: every output is that of a single run" sh -c 'for f in alone/*.wav; do cmp "$f" "${f#alone/}" || exit; done'
	check "$t threads: an answer a job, in order" sh -c 'test "$(jq -c .job out | tr "\n" " ")" = "$(seq -s " " 1 36) "'
	check "$t threads: with the ids" sh -c 'test "$(jq -c .id out)" = "$(jq -c .id jobs.jsonl)"'
done
check 'answers have the report' jq -se 'all(.schema == "nam-batch/1" and .status == "done" and .error == null and .report.schema == "nam-render/1" and
	.report.output == "\(.job).wav")' out
check 'a line of provenance for each output, in order, with its job' sh -c '
	jq -r "(.inputs + .outputs)[] | .sha256 + \"  \" + .file" p.jsonl | sha256sum -c --quiet &&
	test "$(jq -r ".outputs[0].file" p.jsonl | tr "\n" " ")" = "$(seq -s ".wav " 1 36).wav " && jq -se "all(.job.model == .inputs[1].file)" p.jsonl'

# ---- options: the command line's are the defaults ----
cat >jobs.jsonl <<'E'
{"model":"amp.nam","input":"di2.wav","output":"a.wav"}
{"input":"di2.wav","output":"b.wav","level":"raw"}
{"input":"di2.wav","output":"c.wav","level":null,"tail":0.5}
{"input":"di1.wav","output":"d.wav","channel":2,"encoding":"s24","tail":"full","dc_block_hz":5,"output_gain_db":-20}

{"input":"di6.wav","output":"e.flac","resample":"fast","output_gain_db":-20}
E
run nam-render --batch -m lstm.nam --level loudness --input-gain-db 3 <jobs.jsonl
check 'defaults: exit 0' status_is 0
check 'an empty line is no job' test "$(wc -l <out)" = 5
check 'the job wins over the command line, null is the default' jq -se 'map(.report | [.level, .input_gain_db, .tail, .model.architecture]) ==
	[["loudness", 3, "cut", "WaveNet"], ["raw", 3, "cut", "LSTM"], ["raw", 3, "0.5", "LSTM"], ["loudness", 3, "full", "LSTM"],
	["loudness", 3, "cut", "LSTM"]]' out
check 'the outputs are what was asked for' test "$(wav shape c.wav) $(wav shape d.wav)" = '48000 1 30002 32 48000 1 27001 24'
check 'and so is e.flac' sh -c 'head -c 4 e.flac | grep -q fLaC'

# ---- one bad job is no other's problem ----
cat >jobs.jsonl <<'E'
{"model":"amp.nam","input":"di1.wav","output":"ok1.wav"}
nonsense
[1]
{"model":"amp.nam","input":"di1.wav"}
{"model":"amp.nam","input":"di1.wav","output":"no2.wav","gain":3}
{"model":"amp.nam","input":"di1.wav","output":"no3.wav","input_gain_db":"loud"}
{"model":"amp.nam","input":"di1.wav","output":"no4.wav","input_gain_db":500}
{"model":"amp.nam","input":"di1.wav","output":"no5.wav","channel":1.5}
{"model":"missing.nam","input":"di1.wav","output":"no6.wav"}
{"model":"amp.nam","input":"missing.wav","output":"no7.wav"}
{"model":"di1.wav","input":"di1.wav","output":"no8.wav"}
{"model":"amp.nam","input":"amp.nam","output":"no9.wav"}
{"model":"amp.nam","input":"-","output":"no10.wav"}
{"model":"amp.nam","input":"di1.wav","output":"no/dir.wav"}
{"model":"amp.nam","input":"di1.wav","output":"./ok1.wav"}
{"model":"amp.nam","input":"di1.wav","output":"no11.wav","input_dbu":3}
{"model":"amp.nam","input":"di1.wav","output":"no12.wav","input_gain_db":120,"encoding":"s16","output_gain_db":100}
{"model":"amp.nam","input":"no7.wav","output":"no13.wav"}
{"model":"amp.nam","input":"ok1.wav","output":"ok2.wav"}
{"model":"amp.nam","input":"zero.wav","output":"ok3.wav"}
{"id":1,"id":2}
E
{
	printf '{"model":"amp.nam","input":"di1.wav","output":"%066000d"}\n' 0
	printf '%s\n' '{"model":"amp.nam","input":"di1.wav","output":"no\u0000.wav"}'
	printf '{"model":"amp.nam","input":"di3.wav","output":"ok4.wav"}'
} >>jobs.jsonl
run nam-render --batch --provenance p.jsonl <jobs.jsonl
check 'some bad jobs: exit 1' status_is 1
check 'how many is on standard error' err_says '20 of 24 jobs failed'
check 'every line has its answer' sh -c 'test "$(jq -c .job out | tr "\n" " ")" = "$(seq -s " " 1 24) "'
check 'the good ones are done' sh -c 'test "$(jq -c "select(.status == \"done\") | .job" out | tr "\n" " ")" = "1 19 20 24 " && ls ok1.wav ok2.wav ok3.wav ok4.wav'
check 'nothing is left of the others' sh -c '! ls no*.wav ./*.tmp 2>/dev/null'
check 'failed ones say why, and have no report' jq -se 'map(select(.status == "failed")) | all(.report == null and (.error | length > 5))' out
check 'provenance is of the good ones' sh -c 'test "$(jq -r ".outputs[0].file" p.jsonl | tr "\n" " ")" = "ok1.wav ok2.wav ok3.wav ok4.wav "'
# why JOB TEXT
why() { jq -r "select(.job == $1).error" out | grep -qF -- "$2" || { jq -c "select(.job == $1)" out; return 1; }; }
check 'not JSON' why 2 'not JSON: column'
check 'no object' why 3 'not a JSON object'
check 'a missing key' why 4 'output: missing'
check 'an unknown key' why 5 "unknown key 'gain'"
check 'a text for a number' why 6 'input_gain_db: not a number'
check 'out of range' why 7 'input_gain_db: 500 is not within -120..120'
check 'half a channel' why 8 'channel: not a whole number'
check 'a missing model' why 9 "'missing.nam'"
check 'a missing input' why 10 "'missing.wav'"
check 'standard input' why 13 'input: the standard streams'
check 'the output of another job' why 15 "'./ok1.wav' is the output of job 1 already"
check 'a level that the model does not have' why 16 'input_level_dbu'
check 'a clipped output' why 17 'would clip'
check 'an input that another job failed to make' why 18 "'no7.wav' is the output of job 10, which failed"
check 'an id twice' why 21 'not JSON'
check 'a line too long' why 22 'longer than 65536 bytes'
check 'a NUL, and no word of a library' sh -c 'jq -r "select(.job == 23).error" out | grep -q "a string holds a NUL\$"'
nam-render -m amp.nam -o want.wav ok1.wav
check 'a job whose input is the output of another waits for it' cmp ok2.wav want.wav

# ---- jobs in a chain, one after the other ----
cp di3.wav c0.wav && rm -f c[1-9].wav
for i in 1 2 3 4 5; do
	echo "{\"model\":\"lstm.nam\",\"input\":\"c$((i - 1)).wav\",\"output\":\"c$i.wav\"}"
done >jobs.jsonl
run nam-render --batch -j 3 <jobs.jsonl
nam-render -m lstm.nam di3.wav | nam-render -m lstm.nam | nam-render -m lstm.nam | nam-render -m lstm.nam | nam-render -m lstm.nam -o want.wav
check 'five models in a chain' sh -c "test $status = 0 && cmp c5.wav want.wav"

# ---- an earlier job reads what a later one writes ----
# a name so long that the model takes a while to open, in which the second job would be done
perl -pe 'BEGIN { $name = "x" x 10_000_000 } s/"loudness"/"name":"$name","loudness"/' amp.nam >slow.nam
cp di5.wav w.wav
cat >jobs.jsonl <<'E'
{"model":"slow.nam","input":"w.wav","output":"w1.wav"}
{"model":"amp.nam","input":"di1.wav","output":"w.wav"}
{"model":"amp.nam","input":"w.wav","output":"w2.wav"}
E
nam-render -m amp.nam -o want1.wav di5.wav
nam-render -m amp.nam -o want2.wav ok1.wav
run nam-render --batch -j 3 <jobs.jsonl
check 'the first job hears the old input, the last one the new' sh -c "test $status = 0 && cmp w1.wav want1.wav &&
	cmp w.wav ok1.wav && cmp w2.wav want2.wav"
# a model under a name of audio, which a later job writes over
cp slow.nam m.wav
cat >jobs.jsonl <<'E'
{"model":"m.wav","input":"di1.wav","output":"m1.wav"}
{"model":"amp.nam","input":"zero.wav","output":"m.wav"}
{"model":"m.wav","input":"di1.wav","output":"m2.wav"}
E
run nam-render --batch -j 4 <jobs.jsonl
check 'a model too is what it was in the order of the jobs' sh -c 'test "$(jq -r .status out | tr "\n" " ")" = "done done failed " &&
	cmp m1.wav ok1.wav'

# ---- the name of an output that was not made is free again ----
cat >jobs.jsonl <<'E'
{"model":"missing.nam","input":"di1.wav","output":"r.wav"}
{"model":"slow.nam","input":"missing.wav","output":"r.wav"}
{"model":"amp.nam","input":"r.wav","output":"r1.wav"}
{"model":"amp.nam","input":"di1.wav","output":"r.wav"}
{"model":"amp.nam","input":"r.wav","output":"r1.wav"}
{"model":"amp.nam","input":"di2.wav","output":"r.wav"}
E
for t in 1 3; do
	rm -f r.wav r1.wav
	run nam-render --batch -j $t <jobs.jsonl
	check "$t threads: a failed job leaves its output to a later one" test "$(jq -r .status out | tr '\n' ' ')" = \
		'failed failed failed done done failed '
	check "$t threads: one that was made stays" sh -c 'cmp r.wav ok1.wav && cmp r1.wav want2.wav &&
		jq -r "select(.job == 6).error" out | grep -q "r.wav. is the output of job 4 already"'
done

# ---- a co-process: one line, one answer, no end of input needed ----
mkfifo ask reply
nam-render --batch -m amp.nam <ask >reply &
exec 3>ask 4<reply
echo '{"input":"di1.wav","output":"co1.wav","id":"first"}' >&3
read -r line <&4
check 'the first answer comes while standard input is open' sh -c "echo '$line' | jq -e '.id == \"first\" and .status == \"done\"' && cmp co1.wav ok1.wav"
cp di2.wav change.wav
echo '{"input":"change.wav","output":"co2.wav"}' >&3
read -r line <&4
cp di1.wav change.wav
echo '{"input":"change.wav","output":"co3.wav"}' >&3
read -r line <&4
check 'a file that changed meanwhile is read again' cmp co3.wav ok1.wav
echo '{"input":"di1.wav","output":"co4.wav"}' >&3
exec 3>&-
read -r line <&4
check 'the last one too' sh -c "echo '$line' | jq -e '.job == 4 and .status == \"done\"'"
exec 4<&-
wait $!
check 'and it ends with its input' test $? = 0

# ---- what can go wrong with the whole ----
echo '{"model":"amp.nam","input":"di1.wav","output":"x.wav"}' >jobs.jsonl
run sh -c 'nam-render --batch <jobs.jsonl >/dev/full'
check 'answers on a full disk: exit 1' status_is 1
check 'and one line says why' sh -c 'test $(wc -l <err) = 1 && grep -q "No space left" err'
rm -f x.wav
run sh -c 'nam-render --batch --provenance p2.jsonl <jobs.jsonl >&-'
check 'closed standard output: exit 1 before any work' sh -c "test $status = 1 && test ! -e x.wav && test ! -e p2.jsonl"
check 'and one line says why, too' sh -c 'test $(wc -l <err) = 1 && grep -q "cannot write standard output" err'
mkfifo open
run timeout 20 sh -c 'exec 3<>open; cat jobs.jsonl >&3; nam-render --batch <open >/dev/full'
check 'and it does not wait for the end of input' status_is 1
run nam-render --batch --provenance no/such/p.jsonl <jobs.jsonl
check 'provenance that cannot be written: exit 1' status_is 1
run nam-render --batch </dev/null
check 'no jobs: exit 0' sh -c "test $status = 0 && test ! -s out"
run nam-render --batch --progress json <jobs.jsonl
check 'progress counts the jobs' sh -c 'tail -n 1 err | jq -e ".event == \"progress\" and .label == \"jobs\" and .done == 1"'
for bad in '--batch di1.wav' '--batch -o x.wav' '--batch --report r.json' '--batch --info amp.nam' '--batch --level loud' '--batch --provenance -'; do
	# shellcheck disable=SC2086
	run nam-render $bad </dev/null
	check "usage: $bad" status_is 2
done

# ---- memory does not grow with the jobs ----
perl -e 'print "{\"model\":\"amp.nam\",\"input\":\"zero.wav\",\"output\":\"many/$_.wav\"}\n" for 1 .. 3000' >jobs.jsonl
mkdir many
limit=300000
(ulimit -v $limit && nam-render --version) >/dev/null 2>&1 || limit=unlimited
export limit
run sh -c 'ulimit -v $limit; nam-render --batch -j 2 <jobs.jsonl'
check '3000 jobs' sh -c "test $status = 0 && test \$(wc -l <out) = 3000 && test \$(ls many | wc -l) = 3000"
done_testing
