/* progress.c - how far long work is, on stderr. */
#include "cli/progress.h"
#include "base/par.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OFF, LINE, JSON };

static void
show(struct progress *p, double done)
{
	double now = par_clock_s(), s = now - p->start_s;
	double left = p->total > 0 && done > 0 ? s * (p->total - done) / done : -1;

	p->next_s = now + (p->mode == JSON ? 1.0 : 0.16);
	if (p->mode == JSON) {
		json_t *o = json_object();

		jl_str(o, "schema", "event/1");
		jl_str(o, "event", "progress");
		jl_str(o, "tool", diag_prog);
		jl_str(o, "label", p->label);
		jl_num(o, "done", done);
		jl_set(o, "total", p->total > 0 ? json_real(p->total) : NULL);
		jl_num(o, "seconds", s);
		jl_print(o, stderr);
		return;
	}
	if (p->total > 0)
		fprintf(stderr, "\r\033[K%s: %s %3.0f %%", diag_prog, p->label, 100 * done / p->total);
	else
		fprintf(stderr, "\r\033[K%s: %s %.0f s", diag_prog, p->label, s);
	if (left >= 1)
		fprintf(stderr, ", %.0f s left", left);
	fflush(stderr);
}

void
progress_begin(struct progress *p, const char *label, double total)
{
	p->label = label;
	p->total = total;
	p->start_s = par_clock_s();
	p->next_s = p->start_s + 0.3;   /* short work shows nothing */
	p->mode = !strcmp(opt_progress, "json") ? JSON : !strcmp(opt_progress, "always") ? LINE :
	    !strcmp(opt_progress, "auto") && diag_level >= 0 && isatty(STDERR_FILENO) ? LINE : OFF;
	if (p->mode == JSON || !strcmp(opt_progress, "always"))
		show(p, 0);
}

void
progress_step(struct progress *p, double done)
{
	if (p->mode != OFF && par_clock_s() >= p->next_s)
		show(p, done);
}

void
progress_end(struct progress *p, double done)
{
	if (p->mode == JSON)
		show(p, done);
	else if (p->mode == LINE)
		fputs("\r\033[K", stderr);
	p->mode = OFF;
}
