/* fuzz_fx - feed text to the readers of effects: a line that begins with @ is automation, one with { or " is JSON, any other is
 * an effect as after audio-fx -x.  What is accepted must come back from its own text, and is run for a few frames.
 *
 * With clang -fsanitize=fuzzer this is a libFuzzer target; else a program that replays files:
 * fuzz_fx FILE... */
#include "fuzz.h"
#include "fx/fx.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
take(struct fx_spec *s, const char *line, struct err *e)
{
	json_t *v;
	int r;

	if (*line == '@')
		return fx_spec_automate(s, line + 1, e);
	if (*line != '{' && *line != '"')
		return fx_spec_add(s, line, e);
	v = json_loads(line, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!v)
		return err_set(e, ERR_INPUT, "not JSON");
	r = fx_spec_add_json(s, v, e);
	json_decref(v);
	return r;
}

/* The text of a chain says all of it. */
static void
again(const struct fx_spec *s)
{
	struct fx_spec *t;
	struct err e;

	if (fx_spec_new(&t, &e))
		return;
	for (size_t i = 0; i < fx_spec_count(s); i++) {
		char *text = fx_spec_text(s, i), *move;

		if (!text || fx_spec_add(t, text, &e))
			abort();
		free(text);
		for (int k = 0; k < fx_spec_info(s, i)->params; k++)
			if (fx_spec_value(s, i, k) != fx_spec_value(t, i, k))
				abort();
		for (size_t k = 0; (move = fx_spec_lane_text(s, i, k)) != NULL; k++) {
			if (fx_spec_automate(t, move, &e))
				abort();
			free(move);
		}
	}
	fx_spec_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static float x[3 * 600], y[3 * (600 + FX_GRID)];
	char *text = malloc(size + 1), *line, *next;
	struct fx_spec *s;
	struct fx *fx;
	struct err e;
	int64_t n;

	if (!text || fx_spec_new(&s, &e))
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		e.msg[0] = 0;
		/* plugins of this machine are not what is tested */
		if (*line && !strstr(line, "lv2") && take(s, line, &e) && !e.msg[0])
			abort();        /* a refusal says why */
	}
	again(s);
	for (int i = 0; i < 3 * 600; i++)
		x[i] = (float)((i * 7919 % 2003) / 1001.5 - 1);
	e.msg[0] = 0;
	if (fx_open(&fx, s, 8000, 3, &e)) {
		if (!e.msg[0])
			abort();
	} else {
		fx_tail_frames(fx);
		n = fx_process(fx, x, 600, y, &e);
		for (int64_t i = 0; i < 3 * n; i++)
			if (!isfinite(y[i]))
				abort();
		fx_tail_frames(fx);
		while (n >= 0 && (n = fx_finish(fx, 500, y, &e)) > 0)
			;
		for (size_t i = 0; i < fx_spec_count(s); i++)
			json_decref(fx_facts(fx, i));
		fx_close(fx);
	}
	json_decref(fx_spec_json(s));
	fx_spec_free(s);
	free(text);
	return 0;
}
