/* timeline_regions.c - places and names. */
#include "shoot/timeline_regions.h"
#include "cli/jsonl.h"
#include <stdlib.h>

struct measure_region *
timeline_regions(const struct timeline *t, size_t *n)
{
	struct measure_region *r = calloc(t->n + 1, sizeof *r);

	*n = 0;
	for (size_t i = 0; r && i < t->n; i++) {
		const struct tl_segment *s = &t->seg[i];
		json_t *o;

		if (s->is_title)
			continue;
		o = json_object();
		jl_int(o, "number", (long long)*n + 1);
		jl_str(o, "label", s->label);
		jl_str(o, "name", s->name);
		jl_str(o, "title", s->title);
		jl_str(o, "di", s->di);
		r[(*n)++] = (struct measure_region){ s->at_frame, s->length_frames, o };
	}
	return r;
}

void
timeline_regions_free(struct measure_region *r, size_t n)
{
	for (size_t i = 0; r && i < n; i++)
		json_decref((json_t *)(uintptr_t)r[i].segment);
	free(r);
}
