/* jsonl.c - JSON lines out, on top of jansson. */
#include "cli/jsonl.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/diag.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(10))

json_t *
jl_new(const char *schema)
{
	json_t *o = json_object();

	jl_str(o, "schema", schema);
	jl_str(o, "tool", diag_prog);
	jl_str(o, "version", VERSION);
	return o;
}

void
jl_str(json_t *o, const char *key, const char *s)
{
	json_t *v = s ? json_string(s) : NULL;
	size_t n;
	char *fixed;

	if (s && !v) {  /* a file name need not be UTF-8 */
		fixed = utf8_repair(s, strlen(s), &n);
		v = fixed ? json_stringn(fixed, n) : NULL;
		free(fixed);
	}
	jl_set(o, key, v);
}

void
jl_num(json_t *o, const char *key, double v)
{
	jl_set(o, key, isfinite(v) ? json_real(v) : NULL);
}

void
jl_int(json_t *o, const char *key, long long v)
{
	jl_set(o, key, json_integer(v));
}

void
jl_bool(json_t *o, const char *key, int v)
{
	jl_set(o, key, json_boolean(v));
}

void
jl_set(json_t *o, const char *key, json_t *v)
{
	v = v ? v : json_null();
	if (o)
		json_object_set_new(o, key, v);
	else
		json_decref(v);
}

char *
jl_text(const json_t *o)
{
	return o ? json_dumps(o, FLAGS) : NULL;
}

int
jl_print(json_t *o, FILE *f)
{
	char *text = jl_text(o);
	int r = -1;

	if (text && fputs(text, f) >= 0 && putc('\n', f) != EOF && !fflush(f))
		r = 0;
	free(text);
	json_decref(o);
	return r;
}

int
jl_write(json_t *o, const char *name, struct err *e)
{
	char *text = jl_text(o);
	struct outfile out;
	FILE *f;
	int r = -1, fd;

	json_decref(o);
	if (!text)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (outfile_open(&out, name, e))
		goto done;
	if (!out.name) {
		r = fputs(text, stdout) < 0 || putc('\n', stdout) == EOF || fflush(stdout) ?
		    err_sys(e, "cannot write standard output") : 0;
		outfile_commit(&out, NULL);
		goto done;
	}
	fd = dup(out.fd);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		err_sys(e, "cannot write '%s'", name);
		if (fd >= 0)
			close(fd);
		outfile_abort(&out);
		goto done;
	}
	r = fputs(text, f) < 0 || putc('\n', f) == EOF;
	if (fclose(f) || r) {
		r = err_sys(e, "cannot write '%s'", name);
		outfile_abort(&out);
		goto done;
	}
	r = outfile_commit(&out, e);
done:
	free(text);
	return r;
}

const char *
jl_why(const json_error_t *e)
{
	return json_error_code(e) == json_error_null_character ? "a string holds a NUL" : e->text;
}

json_t *
jl_load(const char *name, size_t max, struct err *e)
{
	json_error_t je;
	json_t *v;
	char *text;
	size_t len;

	if (file_read(name, max, &text, &len, e))
		return NULL;
	v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	free(text);
	if (!v)
		err_set(e, ERR_INPUT, "'%s' is not JSON: line %d, column %d: %s", name, je.line, je.column,
		    jl_why(&je));
	return v;
}
