/* validate.c - is a file what it is said to be? */
#include "net/validate.h"
#include "audio/audio.h"
#include "base/mem.h"
#include "base/str.h"
#include "nam/nam.h"

#include <stdio.h>
#include <string.h>

static const struct { const char *ext, *as; } known[] = {
	{ "nam", "model" }, { "aidax", "model" }, { "json", "model" },
	{ "wav", "audio" }, { "flac", "audio" }, { "aif", "audio" }, { "aiff", "audio" },
};

const char *
validate_ext(const char *format, const char *url)
{
	char path[1024], ext[16];

	snprintf(path, sizeof path, "%.*s", (int)strcspn(url, "?#"), url);
	path_ext(path, ext);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(ext, known[i].ext))
			return known[i].ext;
	return !strcmp(format, "nam") ? "nam" : !strcmp(format, "ir") ? "wav" : !strcmp(format, "aida-x") ? "aidax" :
	    !strcmp(format, "proteus") ? "json" : "bin";
}

static int
read_audio(const char *path, struct err *e)
{
	enum { BLOCK = 4096 };
	float *buf = NULL;
	struct au_in *in;
	int64_t n, all = 0;

	if (au_open(&in, path, e))
		return -1;
	buf = mem_zalloc((size_t)BLOCK * (size_t)au_info(in)->channels, sizeof *buf);
	n = buf ? 0 : err_set(e, ERR_NOMEM, "out of memory");
	while (buf && (n = au_read(in, buf, BLOCK, e)) > 0)
		all += n;
	mem_free(buf);
	au_close(in);
	return n < 0 ? -1 : all ? 0 : err_set(e, ERR_DAMAGED, "'%s' holds no sound", path);
}

static int
read_other(const char *path, struct err *e)
{
	char head[16] = "";
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return err_sys(e, "cannot open '%s'", path);
	n = fread(head, 1, sizeof head - 1, f);
	fclose(f);
	return n && head[strspn(head, " \t\r\n")] != '<' ? 0 : err_set(e, ERR_DAMAGED, "'%s' is %s", path,
	    n ? "a page, not a file" : "empty");
}

int
validate_file(const char *path, const char *ext, const char **as, struct err *e)
{
	struct nam_model *m;
	int r;

	*as = NULL;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(ext, known[i].ext))
			*as = known[i].as;
	if (!*as)
		return read_other(path, e);
	if (!strcmp(*as, "model")) {
		r = nam_open(&m, path, -1, e);
		if (!r)
			nam_close(m);
	} else {
		r = read_audio(path, e);
	}
	if (r && e->code == ERR_INPUT)
		e->code = ERR_DAMAGED;
	return r;
}
