/* store_export.c - a file of the store where the user wants it. */
#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "net/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
copy_file(const char *from, const char *to, struct err *e)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC), r = -1;
	struct outfile out;
	char buf[65536];
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "cannot open '%s'", from);
	if (outfile_open(&out, to, e)) {
		close(fd);
		return -1;
	}
	while ((n = read(fd, buf, sizeof buf)) > 0)
		if (write(out.fd, buf, (size_t)n) != n)
			break;
	if (n == 0)
		r = outfile_commit(&out, e);
	else {
		err_sys(e, "cannot copy '%s' to '%s'", from, to);
		outfile_abort(&out);
	}
	close(fd);
	return r;
}

int
store_export(const struct store *s, const json_t *record, const char *dir, char **path, struct err *e)
{
	const char *tone = json_string_value(json_object_get(record, "tone_id"));
	const char *model = json_string_value(json_object_get(record, "model_id"));
	const char *ext = json_string_value(json_object_get(record, "ext"));
	const char *hash = json_string_value(json_object_get(record, "sha256"));
	char *from = store_path(s, record), *to = str_printf("%s/%s-%s.%s", dir, tone, model, ext), *beside = NULL, hex[65];
	int r = -1;

	*path = NULL;
	beside = to ? str_printf("%s.json", to) : NULL;
	if (!from || !beside)
		err_set(e, ERR_NOMEM, "out of memory");
	/* the record first: where the file is, its licence is */
	else if (!file_mkdirs(dir, e) && !jl_write(json_incref((json_t *)record), beside, e))
		r = !access(to, R_OK) && !sha256_file(to, hex, NULL) && !strcmp(hex, hash) ? 0 : copy_file(from, to, e);
	free(from);
	free(beside);
	if (r)
		free(to);
	else
		*path = to;
	return r;
}
