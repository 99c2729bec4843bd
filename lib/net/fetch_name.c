/* fetch_name.c - what a name means. */
#include "net/fetch.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The digits that end at `end`, after a '-', a '/' or nothing. */
static int
last_number(const char *s, const char *end, char *out)
{
	const char *p = end;

	while (p > s && isdigit((unsigned char)p[-1]))
		p--;
	if (p == end || end - p >= STORE_ID_MAX || (p > s && p[-1] != '-' && p[-1] != '/'))
		return -1;
	memcpy(out, p, (size_t)(end - p));
	out[end - p] = '\0';
	return store_is_id(out) ? 0 : -1;
}

static int
from_url(const char *url, const char *origin, char *tone, char *model)
{
	static const char *const mine[] = { "https://www.tone3000.com", "https://tone3000.com" };
	const char *path = NULL, *end;

	for (size_t i = 0; i < 3; i++) {
		const char *o = i < 2 ? mine[i] : origin;

		if (o && !strncasecmp(url, o, strlen(o)) && url[strlen(o)] == '/')
			path = url + strlen(o);
	}
	if (!path)
		return -1;
	if (!strncmp(path, "/api/v1/models/", 15)) {
		path += 15;
		return last_number(path, path + strspn(path, "0123456789"), model);
	}
	end = path + strcspn(path, "?#");
	while (end > path && end[-1] == '/')
		end--;
	return !strncmp(path, "/tones/", 7) || !strncmp(path, "/api/v1/tones/", 14) ? last_number(path, end, tone) : -1;
}

static int
from_json(const char *line, char *tone, char *model)
{
	json_t *o = json_loads(line, JSON_ALLOW_NUL, NULL);
	const json_t *id = json_object_get(o, "id"), *of = json_object_get(o, "tone_id"), *m = json_object_get(o, "model_id");
	int r;

	if (m || of)
		r = api_id(m ? m : id, model) || (of && api_id(of, tone)) ? -1 : 0;
	else
		r = api_id(id, tone);
	json_decref(o);
	return r;
}

int
fetch_parse(const char *name, const char *origin, char *tone, char *model)
{
	tone[0] = model[0] = '\0';
	if (*name == '{')
		return from_json(name, tone, model);
	if (!strncasecmp(name, "https://", 8))
		return from_url(name, origin, tone, model);
	if (strchr(name, '/'))
		return store_parse_name(name, tone, model);
	if (!strncmp(name, "tone3000:", 9))
		name += 9;
	if (!store_is_id(name))
		return -1;
	strcpy(tone, name);
	return 0;
}
