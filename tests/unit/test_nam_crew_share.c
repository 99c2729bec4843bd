/* How a crew shares channels among threads, on a model that only takes time: it sleeps for each frame, so that
 * the threads run at once on any machine.  The samples count the frames that the stream has seen since its reset. */
#include "render/nam_crew.h"
#include "nam/nam_net.h"
#include "../tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { RECEPTIVE = 4093, MINUTE = 60 * 48000, MAX_THREADS = 16 };
static const double frame_ns = 250;

/* ---- the model, in place of lib/nam ---- */

struct nam_model { struct nam_info info; };
struct nam_stream { int64_t seen; };
static atomic_llong frames, resets;
static atomic_llong by_thread[MAX_THREADS];
static atomic_int n_threads, most_lanes, at_work, most_at_work;
static _Thread_local int me = -1;

const struct nam_net *
nam_model_net(const struct nam_model *m)
{
	(void)m;
	return NULL;
}

uint64_t
nam_model_serial(const struct nam_model *m)
{
	(void)m;
	return 0;
}

const struct nam_info *
nam_model_info(const struct nam_model *m)
{
	return &m->info;
}

int
nam_stream_new(struct nam_stream **s, const struct nam_model *m, struct err *e)
{
	(void)m;
	*s = calloc(1, sizeof **s);
	return *s ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

void
nam_stream_free(struct nam_stream *s)
{
	free(s);
}

void
nam_reset(struct nam_stream *s)
{
	s->seen = 0;
	resets++;
}

static void
raise_to(atomic_int *most, int n)
{
	int old = *most;

	while (n > old && !atomic_compare_exchange_weak(most, &old, n))
		;
}

void
nam_process(struct nam_stream *s, const float *in, float *out, size_t n)
{
	struct timespec t;
	long long ns;

	raise_to(&most_lanes, 1);
	raise_to(&most_at_work, atomic_fetch_add(&at_work, 1) + 1);
	clock_gettime(CLOCK_MONOTONIC, &t);
	ns = t.tv_nsec + (long long)((double)n * frame_ns);
	t.tv_sec += ns / 1000000000;
	t.tv_nsec = (long)(ns % 1000000000);
	for (size_t i = 0; i < n; i++)  /* 1 when the stream knows all that it must: its whole past, or the start */
		out[i] = s->seen + (int64_t)i >= RECEPTIVE - 1 || s->seen + (int64_t)i >= (int64_t)in[i] ? 1 : 0;
	s->seen += (int64_t)n;
	me = me < 0 ? n_threads++ % MAX_THREADS : me;
	by_thread[me] += (long long)n;
	frames += (long long)n;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	at_work--;
}

void
nam_process_many(struct nam_stream *const *s, size_t n_streams, const float *const *in, float *const *out, size_t n)
{
	raise_to(&most_lanes, (int)n_streams);
	for (size_t i = 0; i < n_streams; i++)
		nam_process(s[i], in[i], out[i], n);
}

/* ---- the signal: its frame numbers ---- */

static int64_t length = MINUTE, asked, written, wrong;
static atomic_int begun;
static struct nam_flow flow;

static int64_t
give(void *ctx, float *const *x, size_t max, struct err *e)
{
	int64_t n = length - asked;

	(void)ctx;
	(void)e;
	n = n < (int64_t)max ? n : (int64_t)max;
	for (int c = 0; c < flow.channels; c++)
		for (int64_t i = 0; i < n; i++)
			x[c][i] = (float)(asked + i);
	asked += n;
	return n;
}

static int
take(void *ctx, const float *const *x, size_t n, struct err *e)
{
	(void)ctx;
	(void)e;
	for (int c = 0; c < flow.channels; c++)
		for (size_t i = 0; i < n; i++)
			wrong += x[c][i] < 1;
	written += (int64_t)n;
	return 0;
}

static void
end(void *ctx, const struct err *failed)
{
	(void)ctx;
	wrong += failed != NULL;
}

static enum nam_crew_next
next(void *ctx, struct nam_flow **f)
{
	(void)ctx;
	*f = &flow;
	return atomic_exchange(&begun, 1) ? NAM_CREW_NO_MORE : NAM_CREW_FLOW;
}

static void
run(const struct nam_model *m, int threads, int channels, int64_t known)
{
	struct nam_crew *c = nam_crew_new(NULL, threads, 1, next, NULL, NULL);

	if (!c)
		exit(1);
	flow = (struct nam_flow){ m, channels, known, NULL, give, take, end, NULL, NULL, "", "" };
	asked = written = wrong = 0;
	begun = n_threads = most_lanes = most_at_work = 0;
	frames = resets = 0;
	me = -1;
	for (int i = 0; i < MAX_THREADS; i++)
		by_thread[i] = 0;
	nam_crew_run(c);
	nam_crew_free(c);
}

static void
test_share(const struct nam_model *m, int threads, int64_t known, double most_extra)
{
	double extra, least = 1;
	char name[96];

	run(m, threads, 1, known);
	extra = (double)(frames - MINUTE) / MINUTE;
	for (int i = 0; i < threads; i++)
		least = (double)by_thread[i] / MINUTE < least ? (double)by_thread[i] / MINUTE : least;
	snprintf(name, sizeof name, "%d threads: every frame once, by a stream that has heard what it must", threads);
	ok(written == MINUTE && wrong == 0, name);
	snprintf(name, sizeof name, "%d threads: no more than %g %% of work twice", threads, 100 * most_extra);
	ok(extra <= most_extra, name);
	snprintf(name, sizeof name, "%d threads: each does at least a third of its share", threads);
	ok(least >= 0.33 / threads, name);
	printf("# %d threads: %.2f %% extra in %lld restarts, the laziest did %.1f %%\n", threads, 100 * extra,
	    (long long)resets, 100 * least * threads);
}

/* lanes: that many streams of a recurrent model a thread should run together. */
static void
test_lanes(const struct nam_model *m, int threads, int channels, int lanes)
{
	char name[96];

	run(m, threads, channels, length);
	snprintf(name, sizeof name, "%d recurrent channels on %d threads: %d together, all threads at work", channels,
	    threads, lanes);
	ok(written == length && wrong == 0 && frames == channels * length && most_lanes == lanes &&
	    most_at_work == (channels < threads ? channels : threads), name);
	printf("# %d together, %d threads at work\n", most_lanes, most_at_work);
}

int
main(void)
{
	struct nam_model m;

	memset(&m, 0, sizeof m);
	m.info.receptive_field = RECEPTIVE;
	m.info.macs = 13320;
	run(&m, 1, 1, MINUTE);
	ok(written == MINUTE && wrong == 0 && resets == 0 && frames == MINUTE, "one thread: nothing twice");
	/* 0.4 and 2 % on a quiet machine; a busy one wakes threads late, and others help them out */
	test_share(&m, 2, MINUTE, 0.02);
	test_share(&m, 2, -1, 0.02);
	test_share(&m, 8, MINUTE, 0.15);
	m.info.recurrent = 1;
	run(&m, 4, 1, MINUTE);
	ok(written == MINUTE && wrong == 0 && resets == 0 && frames == MINUTE, "a recurrent channel is not shared");
	length = MINUTE / 20;
	test_lanes(&m, 1, 2, 2);
	test_lanes(&m, 2, 2, 1);
	test_lanes(&m, 2, 16, 8);
	test_lanes(&m, 3, 16, 6);
	test_lanes(&m, 4, 3, 1);
	test_lanes(&m, 2, 40, 20);
	test_lanes(&m, 2, 70, 32);
	return done();
}
