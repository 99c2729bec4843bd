/* run.c - carry out a plan with make, and check what it made. */
#include "shoot/run.h"
#include "base/file.h"
#include "base/par.h"
#include "base/proc.h"
#include "base/sha256.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARK "step: "

int
run_lock(const char *run, struct err *e)
{
	char *path = str_printf("%s/.lock", run);
	/* no O_CLOEXEC: if we are killed, make and the step it is in keep the lock until they end */
	int fd = path ? open(path, O_RDWR | O_CREAT, 0666) : -1;

	if (fd < 0) {
		err_sys(e, "cannot lock the run directory '%s'", run);
	} else if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			err_set(e, ERR_RETRY, "another process is working in '%s'; wait for it, or name another "
			    "run directory", run);
		else
			err_sys(e, "cannot lock the run directory '%s'", run);
		close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

/* A make that called us must not leak its flags into ours. */
static void
clean_env(void)
{
	unsetenv("MAKEFLAGS");
	unsetenv("MFLAGS");
	unsetenv("MAKELEVEL");
}

/* Is some tone older than the loudness it should have? */
static int
target_moved(const char *run)
{
	char *target = str_printf("%s/work/target.json", run), *audio = str_printf("%s/audio", run);
	DIR *dir = audio ? opendir(audio) : NULL;
	struct stat t, s;
	struct dirent *d;
	int moved = 0;

	while (dir && target && !stat(target, &t) && (d = readdir(dir)) != NULL)
		if (!fstatat(dirfd(dir), d->d_name, &s, 0) && S_ISREG(s.st_mode))
			moved |= s.st_mtim.tv_sec < t.st_mtim.tv_sec ||
			    (s.st_mtim.tv_sec == t.st_mtim.tv_sec && s.st_mtim.tv_nsec < t.st_mtim.tv_nsec);
	if (dir)
		closedir(dir);
	free(target);
	free(audio);
	return moved;
}

int
run_pending(const char *run, struct err *e)
{
	char *dir = str_printf("%s", run);
	/* With -n make cannot know that the target will stay, and would count every tone: -o takes it as it is,
	 * and with it what it stands on, which is then asked for by name. */
	char *argv[] = { (char[]){ "make" }, (char[]){ "-n" }, (char[]){ "--no-print-directory" }, (char[]){ "-C" }, dir,
		(char[]){ "STEP=@echo " MARK }, (char[]){ "all" }, (char[]){ "work/match.json" }, (char[]){ "-o" },
		(char[]){ "work/target.json" }, NULL };
	struct str out = { 0 };
	int status, n = 0;

	clean_env();
	if (target_moved(run))
		argv[8] = NULL;
	status = dir ? proc_capture(argv, &out, e) : err_set(e, ERR_NOMEM, "out of memory");
	for (char *line = out.s; status == 0 && line && *line; line = strchr(line, '\n') + 1) {
		n += !strncmp(line, "echo " MARK, strlen("echo " MARK));
		if (!strchr(line, '\n'))
			break;
	}
	if (status > 0)
		status = err_set(e, ERR_INPUT, "make cannot read the plan '%s/Makefile'", run);
	str_free(&out);
	free(dir);
	return status ? -1 : n;
}

/* Who hears of events: the file and the caller. */
struct events {
	FILE *file;           /* NULL when it cannot be opened: no reason to stop */
	run_event_fn *on;
	void *ctx;
	double start_s;
	int n, total;
};

static void
event(struct events *v, const char *what, const char *text)
{
	json_t *o = json_object();

	jl_str(o, "schema", "event/1");
	jl_str(o, "event", what);
	jl_int(o, "unix_s", (long long)time(NULL));
	jl_num(o, "seconds", par_clock_s() - v->start_s);
	jl_int(o, "step", v->n);
	jl_int(o, "steps", v->total);
	jl_str(o, "text", text);
	v->on(v->ctx, o, NULL);
	if (v->file)
		jl_print(o, v->file);
	else
		json_decref(o);
}

/* Steps that run side by side share the CPUs instead of each taking them all. */
static void
share_cpus(int jobs)
{
	const int each = jobs > 0 ? par_cpus() / jobs : 1;
	char text[16];

	snprintf(text, sizeof text, "%d", each > 1 ? each : 1);
	setenv("SHOOTOUT_THREADS", text, 0);    /* what the user has set stays */
}

int
run_make(const char *run, int jobs, run_event_fn *on, void *ctx, int *steps, struct err *e)
{
	char *dir = str_printf("%s", run), *j = str_printf("-j%d", jobs), *path = str_printf("%s/events.jsonl", run);
	char *argv[] = { (char[]){ "make" }, (char[]){ "-s" }, (char[]){ "--no-print-directory" }, j, (char[]){ "-C" }, dir,
		(char[]){ "STEP=@echo " MARK }, NULL };
	struct events v = { .on = on, .ctx = ctx, .start_s = par_clock_s() };
	int status = -1;
	char line[4096];
	struct proc p;

	*steps = 0;
	if (!dir || !j || !path) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	share_cpus(jobs);
	v.file = fopen(path, "ae");
	v.total = run_pending(run, e);
	if (v.total < 0)
		goto out;
	event(&v, "start", "");
	if (proc_start(&p, argv, PROC_OUT, e)) {
		event(&v, "failed", e->msg);
		goto out;
	}
	while (fgets(line, sizeof line, p.out)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, MARK, strlen(MARK))) {
			on(ctx, NULL, line);
			continue;
		}
		v.n++;
		v.total = v.total > v.n ? v.total : v.n;
		event(&v, "step", line + strlen(MARK));
	}
	status = proc_wait(&p, e);
	event(&v, status ? "failed" : "done", status < 0 ? e->msg : "");
	*steps = v.n;
out:
	if (v.file)
		fclose(v.file);
	free(path);
	free(dir);
	free(j);
	return status;
}

/* ---- verify ---- */

/* file -> sha256 (and, if `made` is given, only files that some step wrote). */
static json_t *
load_manifest(const char *run, int only_outputs, struct err *e)
{
	static const size_t max = (size_t)256 << 20;
	char *path = str_printf("%s/manifest.jsonl", run), *text = NULL, *line, *next;
	json_t *map = json_object();
	size_t len;
	int n = 0, bad = 0;

	if (!path || !map || file_read(path, max, &text, &len, e)) {
		free(path);
		json_decref(map);
		return NULL;
	}
	for (line = text; *line && !bad; line = next) {
		size_t size = strcspn(line, "\n");
		json_t *o = json_loadb(line, size, 0, NULL), *f;
		const char *lists[] = { "inputs", "outputs" };
		size_t i;

		next = line + size + (line[size] == '\n');
		n++;
		for (int k = only_outputs; o && k < 2; k++)
			json_array_foreach(json_object_get(o, lists[k]), i, f)
				if (json_is_string(json_object_get(f, "file")) &&
				    json_is_string(json_object_get(f, "sha256")))
					json_object_set(map, json_string_value(json_object_get(f, "file")),
					    json_object_get(f, "sha256"));
		if (o && !only_outputs && json_is_string(json_object_get(o, "source")) &&
		    json_is_string(json_object_get(o, "file")) && json_is_string(json_object_get(o, "sha256")))
			json_object_set(map, json_string_value(json_object_get(o, "file")), json_object_get(o, "sha256"));
		bad = !o;
		json_decref(o);
	}
	if (bad) {
		err_set(e, ERR_INPUT, "%s:%d: not JSON", path, n);
		json_decref(map);
		map = NULL;
	}
	free(text);
	free(path);
	return map;
}

int
run_verify(const char *run, void (*bad)(void *ctx, const char *file, const char *why), void *ctx, size_t *files,
           struct err *e)
{
	json_t *map = load_manifest(run, 0, e), *v;
	const char *file;
	int wrong = 0;

	*files = 0;
	if (!map)
		return -1;
	json_object_foreach(map, file, v) {
		char *path, hex[65];
		struct err why;

		if (!strcmp(file, "-"))
			continue;
		path = *file == '/' ? str_printf("%s", file) : str_printf("%s/%s", run, file);
		++*files;
		if (!path || sha256_file(path, hex, &why)) {
			bad(ctx, file, path ? why.msg : "out of memory");
			wrong++;
		} else if (strcmp(hex, json_string_value(v))) {
			bad(ctx, file, "is not what the manifest says: it was changed after the run");
			wrong++;
		}
		free(path);
	}
	json_decref(map);
	return wrong;
}

int
run_compare(const char *a, const char *b, void (*bad)(void *ctx, const char *file, const char *why), void *ctx,
            size_t *files, struct err *e)
{
	json_t *ma = load_manifest(a, 1, e), *mb = ma ? load_manifest(b, 1, e) : NULL, *v;
	const char *file;
	int wrong = 0;

	*files = 0;
	if (!mb) {
		json_decref(ma);
		return -1;
	}
	json_object_foreach(ma, file, v) {
		const char *other = json_string_value(json_object_get(mb, file));

		++*files;
		if (!other || strcmp(other, json_string_value(v))) {
			bad(ctx, file, other ? "came out different" : "was not made again");
			wrong++;
		}
	}
	json_decref(ma);
	json_decref(mb);
	return wrong;
}
