/* plan_dir.c - the run directory of a plan: its folders and files, links to what is outside, and nothing that is left over. */
#include "base/file.h"
#include "base/sha256.h"
#include "cli/jsonl.h"
#include "shoot/plan_impl.h"
#include "shoot/tone.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
plan_fail(struct planner *p)
{
	p->failed = 1;
	return -1;
}

void
plan_free(struct planner *p)
{
	str_free(&p->mk);
	str_free(&p->provs);
	str_free(&p->beside);
	str_free(&p->made);
	for (size_t i = 0; i < p->ins; i++) {
		free(p->in[i].file);
		free(p->in[i].link);
		free(p->in[i].slug);
	}
	for (size_t i = 0; i < p->nodes; i++) {
		free(p->node[i].key);
		free(p->node[i].file);
	}
	free(p->in);
	free(p->node);
}

static void
put(struct planner *p, const char *name, const char *text, size_t len)
{
	char *path = str_printf("%s/%s", p->o->run, name);
	int r = path ? file_write_if_changed(path, text, len, p->e) : err_set(p->e, ERR_NOMEM, "out of memory");

	if (r < 0)
		plan_fail(p);
	else
		p->changed += r;
	free(path);
}

void
plan_put(struct planner *p, const char *name, struct str *s)
{
	if (s->failed)
		plan_fail(p), err_set(p->e, ERR_NOMEM, "out of memory");
	else if (!p->failed)
		put(p, name, s->s ? s->s : "", s->len);
	str_free(s);
}

void
plan_add_json(struct planner *p, struct str *s, json_t *o)
{
	char *text = jl_text(o);

	if (text)
		str_addf(s, "%s\n", text);
	else
		plan_fail(p), err_set(p->e, ERR_NOMEM, "out of memory");
	free(text);
	json_decref(o);
}

int
plan_link(struct planner *p, const struct plan_input *in)
{
	char *path = str_printf("%s/%s", p->o->run, in->link), *tmp = str_printf("%s/%s.tmp", p->o->run, in->link);
	char old[4096];
	ssize_t n = path ? readlink(path, old, sizeof old - 1) : -1;
	int r = 0;

	if (!path || !tmp)
		r = err_set(p->e, ERR_NOMEM, "out of memory");
	if (!r && !(n >= 0 && (size_t)n == strlen(in->file) && !memcmp(old, in->file, (size_t)n))) {
		unlink(tmp);
		if (symlink(in->file, tmp) || rename(tmp, path))
			r = err_sys(p->e, "cannot create '%s'", path);
		p->changed++;
	}
	free(path);
	free(tmp);
	return r;
}

const struct plan_input *
plan_input(struct planner *p, const char *kind, const char *file, const char *source)
{
	char slug[40], ext[16], try[56];
	struct plan_input *in;
	int taken = 1;

	for (size_t i = 0; i < p->ins; i++)
		if (!strcmp(p->in[i].file, file) && !strncmp(p->in[i].link + 3, kind, strlen(kind)))
			return &p->in[i];
	in = realloc(p->in, (p->ins + 1) * sizeof *in);
	if (!in) {
		err_set(p->e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	p->in = in;
	in = &p->in[p->ins];
	memset(in, 0, sizeof *in);
	path_ext(file, ext);
	path_slug(source ? source : path_base(file), slug, sizeof slug);
	if (*ext && strlen(slug) > strlen(ext) + 1 && !strcmp(slug + strlen(slug) - strlen(ext), ext))
		slug[strlen(slug) - strlen(ext) - 1] = '\0';
	for (size_t i = 0; i < strlen(ext); i++)        /* an extension of other letters has no meaning to us */
		if (!((ext[i] >= 'a' && ext[i] <= 'z') || (ext[i] >= '0' && ext[i] <= '9')))
			ext[0] = '\0';
	for (int k = 1; taken; k++) {
		snprintf(try, sizeof try, k > 1 ? "%s-%d" : "%s", slug, k);
		free(in->link);
		in->link = str_printf("in/%s/%s%s%s", kind, try, *ext ? "." : "", ext);
		if (!in->link)
			break;
		taken = 0;
		for (size_t i = 0; i < p->ins; i++)
			taken |= !strcmp(p->in[i].link, in->link);
	}
	in->file = str_printf("%s", file);
	in->slug = str_printf("%s", try);
	p->ins++;
	if (!in->link || !in->file || !in->slug) {
		err_set(p->e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (sha256_file(file, in->sha256, p->e) || plan_link(p, in))
		return NULL;
	if (source) {           /* the store keeps what a run leads to */
		char *link = str_printf("%s/%s", p->o->run, in->link);
		int r = link ? tone_in_use(link, p->e) : err_set(p->e, ERR_NOMEM, "out of memory");

		free(link);
		if (r)
			return NULL;
	}
	return in;
}

void
plan_put_inputs(struct planner *p)
{
	struct str s = { 0 };

	for (size_t i = 0; i < p->ins; i++) {
		json_t *o = jl_new("input/1");

		jl_str(o, "file", p->in[i].link);
		jl_str(o, "source", p->in[i].file);
		jl_str(o, "sha256", p->in[i].sha256);
		plan_add_json(p, &s, o);
	}
	plan_put(p, "plan/inputs.jsonl", &s);
}

/* The words of a text as the keys of an object. */
static json_t *
word_set(const char *text)
{
	json_t *set = json_object();

	for (const char *w = text; w && *w;) {
		size_t n = strcspn(w, " \n");
		char *word = n ? str_printf("%.*s", (int)n, w) : NULL;

		if (word)
			json_object_set_new(set, word, json_true());
		free(word);
		w += n + (w[n] != '\0');
	}
	return set;
}

void
plan_remove_stale(struct planner *p)
{
	static const size_t max = (size_t)64 << 20;
	char *path = str_printf("%s/plan/made", p->o->run), *old = NULL;
	json_t *now = word_set(p->made.s), *before;
	const char *file;
	json_t *v;
	size_t len;

	if (path && !file_read(path, max, &old, &len, NULL)) {
		before = word_set(old);
		json_object_foreach(before, file, v) {
			char *full;

			if (json_object_get(now, file) || *file == '/' || strstr(file, ".."))
				continue;
			full = str_printf("%s/%s", p->o->run, file);
			if (full && !unlink(full))
				p->changed++;
			free(full);
		}
		json_decref(before);
	}
	json_decref(now);
	free(old);
	free(path);
}

int
plan_check_dir(const char *run, struct err *e)
{
	static const char *const ours[] = { ".", "..", ".lock", "lost+found" };
	char *desc = str_printf("%s/shootout.json", run), *parent;
	struct dirent *de;
	DIR *dir;
	int r = 0, others = 0;

	if (!desc)
		return err_set(e, ERR_NOMEM, "out of memory");
	dir = opendir(run);
	if (!dir && errno == ENOENT) {
		/* the nearest folder that is there must let us create it */
		parent = str_printf("%s", run);
		while (parent && access(parent, F_OK) && strrchr(parent, '/') && strrchr(parent, '/') != parent)
			*strrchr(parent, '/') = '\0';
		if (parent && access(parent, F_OK))
			strcpy(parent, *parent == '/' ? "/" : ".");
		if (parent && access(parent, W_OK | X_OK))
			r = err_sys(e, "cannot create the run directory '%s' in '%s'", run, parent);
		free(parent);
	} else if (!dir) {
		r = err_sys(e, "cannot use '%s' as the run directory", run);
	} else {
		while ((de = readdir(dir)) != NULL) {
			int known = 0;

			for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
				known |= !strcmp(de->d_name, ours[i]);
			others += !known;
		}
		closedir(dir);
		if (others && access(desc, F_OK))
			r = err_set(e, ERR_INPUT, "'%s' is not empty and is no run directory (it has no shootout.json); "
			    "name another", run);
		else if (access(run, W_OK | X_OK))
			r = err_sys(e, "cannot write to the run directory '%s'", run);
	}
	free(desc);
	return r;
}

int
plan_make_folders(struct planner *p)
{
	static const char *const dirs[] = { "plan/cmd", "in/di", "in/nam", "in/ir", "work/prov", "audio", "cards" };

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		char *path = str_printf("%s/%s", p->o->run, dirs[i]);
		int r = path ? file_mkdirs(path, p->e) : err_set(p->e, ERR_NOMEM, "out of memory");

		free(path);
		if (r)
			return r;
	}
	return 0;
}
