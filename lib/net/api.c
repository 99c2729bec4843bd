/* api.c - the service's JSON. */
#include "net/api.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "net/store.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PAGES = 1000000 };

json_t *
api_parse(const char *body, size_t len, const char *what, struct err *e)
{
	json_error_t je;
	/* a name may hold a NUL: it is passed on, and is no path */
	json_t *o = json_loadb(body, len, JSON_ALLOW_NUL, &je);

	if (json_is_object(o))
		return o;
	err_set(e, ERR_DAMAGED, "'%.200s': the answer is %s%.100s", what, o ? "no JSON object" : "no JSON: ", o ? "" : je.text);
	json_decref(o);
	return NULL;
}

json_t *
api_get(const struct api *a, const char *path, int flags, struct err *e)
{
	char *url = str_printf("%s%s", a->origin, path), *body = NULL;
	json_t *o = NULL;
	size_t len;

	if (!url)
		err_set(e, ERR_NOMEM, "out of memory");
	else if (!http_do(a->h, url, NULL, flags | HTTP_BEARER, API_MAX_PAGE_BYTES, NULL, &body, &len, e))
		o = api_parse(body, len, path, e);
	free(body);
	free(url);
	return o;
}

int
api_id(const json_t *id, char *out)
{
	const char *s = json_string_value(id);

	out[0] = '\0';
	if (json_is_integer(id) && json_integer_value(id) > 0)
		snprintf(out, STORE_ID_MAX, "%lld", (long long)json_integer_value(id));
	else if (s && store_is_id(s))
		snprintf(out, STORE_ID_MAX, "%s", s);
	return store_is_id(out) ? 0 : -1;
}

int
api_each(const struct api *a, const char *path, int page_size, long long limit, int flags,
         int (*fn)(void *ctx, json_t *item, struct err *e), void *ctx, struct err *e)
{
	long long given = 0, pages = 1;
	int r = 0;

	for (long long page = 1; !r && page <= pages && (!limit || given < limit); page++) {
		char *full = page_size ? str_printf("%s%cpage=%lld&page_size=%d", path, strchr(path, '?') ? '&' : '?', page, page_size) :
		    str_printf("%s", path);
		json_t *o = full ? api_get(a, full, flags, e) : NULL, *data = json_object_get(o, "data"), *item;
		size_t i;

		if (!full)
			err_set(e, ERR_NOMEM, "out of memory");
		if (o && !json_is_array(data))
			r = json_is_null(data) ? 0 : err_set(e, ERR_DAMAGED, "'%.200s': the answer has no list", path);
		else if (!o)
			r = -1;
		pages = page_size ? json_integer_value(json_object_get(o, "total_pages")) : 1;
		if (!json_array_size(data) || pages > MAX_PAGES)
			pages = 0;      /* a count that promises more is wrong */
		json_array_foreach(data, i, item) {
			if (r || (limit && given >= limit))
				break;
			if (!json_is_object(item))
				continue;
			r = fn(ctx, item, e);
			given++;
		}
		json_decref(o);
		free(full);
	}
	return r;
}

static void
id_to_text(json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	char text[32];

	if (!json_is_integer(v))
		return;
	snprintf(text, sizeof text, "%lld", (long long)json_integer_value(v));
	jl_str(o, key, text);
}

json_t *
api_line(const char *schema, const json_t *item)
{
	json_t *o = jl_new(schema), *user;
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)item, key, v)
		if (o && strcmp(key, "schema") && strcmp(key, "tool") && strcmp(key, "version"))
			json_object_set(o, key, v);
	id_to_text(o, "id");
	id_to_text(o, "tone_id");
	id_to_text(o, "user_id");
	user = json_object_get(o, "user");
	if (json_is_object(user))
		id_to_text(user, "id");
	return o;
}
