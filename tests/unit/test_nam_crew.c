/* Flows through a crew: the same samples as one stream gives, whatever the threads. */
#include "render/nam_crew.h"
#include "base/str.h"
#include "../tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { MAX_FLOWS = 40, MAX_CHANNELS = 3 };

static unsigned seed = 1;

static float
noise(void)
{
	seed = seed * 1664525u + 1013904223u;
	return (float)((double)seed / 4294967296.0 - 0.5);
}

static struct nam_model *
model_of(const char *head, size_t weights)
{
	struct nam_model *m = NULL;
	struct str b = { 0 };
	struct err e;

	str_addf(&b, "{\"version\":\"0.5.4\",\"sample_rate\":48000,%s,\"weights\":[", head);
	for (size_t i = 0; i < weights; i++)
		str_addf(&b, "%s%.4f", i ? "," : "", (double)noise());
	str_add(&b, "]}");
	if (nam_open_mem(&m, b.s, b.len, "test", -1, &e))
		printf("# %s\n", e.msg);
	str_free(&b);
	return m;
}

/* 8 channels, receptive field 4 * 511 + 1 */
static struct nam_model *
wavenet(void)
{
	return model_of("\"architecture\":\"WaveNet\",\"config\":{\"head\":null,\"head_scale\":1,\"layers\":[{"
	    "\"input_size\":1,\"condition_size\":1,\"channels\":8,\"head_size\":1,\"head_bias\":false,\"kernel_size\":3,"
	    "\"dilations\":[1,2,4,8,16,32,64,128,256,511],\"activation\":\"Tanh\",\"gated\":false}]}",
	    8 + 10 * (3 * 64 + 8 + 8 + 64 + 8) + 8 + 1);
}

static struct nam_model *
lstm(void)
{
	return model_of("\"architecture\":\"LSTM\",\"config\":{\"input_size\":1,\"hidden_size\":5,\"num_layers\":1}",
	    20 * 6 + 20 + 10 + 5 + 1);
}

struct signal {
	struct nam_flow flow;
	size_t length, at, got;
	float *x[MAX_CHANNELS], *want[MAX_CHANNELS];
	size_t differ;
	int64_t read_fails, write_fails;   /* at that frame; -1 never */
	int ends, failed;
	char why[sizeof ((struct err *)0)->msg];
	size_t piece;
};

static int64_t
give(void *ctx, float *const *x, size_t max, struct err *e)
{
	struct signal *s = ctx;
	size_t n = s->length - s->at;

	if (s->read_fails >= 0 && s->at >= (size_t)s->read_fails)
		return err_set(e, ERR_INPUT, "no more to read");
	n = n < max ? n : max;
	n = n < s->piece ? n : s->piece;
	for (int c = 0; c < s->flow.channels; c++)
		memcpy(x[c], s->x[c] + s->at, n * sizeof(float));
	s->at += n;
	return (int64_t)n;
}

static int
take(void *ctx, const float *const *x, size_t n, struct err *e)
{
	struct signal *s = ctx;

	if (s->write_fails >= 0 && s->got >= (size_t)s->write_fails)
		return err_set(e, ERR_IO, "no more to write");
	for (int c = 0; c < s->flow.channels; c++)
		s->differ += memcmp(x[c], s->want[c] + s->got, n * sizeof(float)) != 0;
	s->got += n;
	return 0;
}

static void
end(void *ctx, const struct err *failed)
{
	struct signal *s = ctx;

	s->ends++;
	s->failed = failed != NULL;
	snprintf(s->why, sizeof s->why, "%s", failed ? failed->msg : "");
}

static void
signal_new(struct signal *s, const struct nam_model *m, int channels, size_t length)
{
	memset(s, 0, sizeof *s);
	s->flow = (struct nam_flow){ m, channels, length % 2 ? (int64_t)length : -1, s, give, take, end, NULL, NULL, "", "" };
	s->length = length;
	s->read_fails = s->write_fails = -1;
	s->piece = SIZE_MAX;
	for (int c = 0; c < channels; c++) {
		struct nam_stream *stream;
		struct err e;

		s->x[c] = malloc((length + 1) * sizeof(float));
		s->want[c] = malloc((length + 1) * sizeof(float));
		if (!s->x[c] || !s->want[c] || nam_stream_new(&stream, m, &e))
			exit(1);
		for (size_t t = 0; t < length; t++)
			s->x[c][t] = noise();
		nam_process(stream, s->x[c], s->want[c], length);
		nam_stream_free(stream);
	}
}

static void
signal_again(struct signal *s)
{
	s->at = s->got = s->differ = 0;
	s->ends = s->failed = 0;
}

static void
signal_free(struct signal *s)
{
	for (int c = 0; c < s->flow.channels; c++) {
		free(s->x[c]);
		free(s->want[c]);
	}
}

struct queue {
	struct signal *s;
	int n;
	atomic_int next, asked, over;
	struct nam_crew *crew;
};

static void *
wake(void *ctx)
{
	struct queue *q = ctx;

	while (!q->over) {
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
		nam_crew_wake(q->crew);
	}
	return NULL;
}

static enum nam_crew_next
next(void *ctx, struct nam_flow **flow)
{
	struct queue *q = ctx;
	int i;

	/* now and then there is none yet: an end or a wake brings the next question */
	if (atomic_fetch_add(&q->asked, 1) % 4 == 3)
		return NAM_CREW_NONE_YET;
	i = atomic_fetch_add(&q->next, 1);
	if (i >= q->n)
		return NAM_CREW_NO_MORE;
	*flow = &q->s[i].flow;
	return NAM_CREW_FLOW;
}

static int
run(struct signal *s, int n, int threads, int max_flows)
{
	struct queue q = { .s = s, .n = n };
	pthread_t waker;

	q.crew = nam_crew_new(NULL, threads, max_flows, next, &q, NULL);
	if (!q.crew || pthread_create(&waker, NULL, wake, &q))
		return 0;
	nam_crew_run(q.crew);
	q.over = 1;
	pthread_join(waker, NULL);
	nam_crew_free(q.crew);
	return 1;
}

static int
all_well(const struct signal *s, int n)
{
	int good = 1;

	for (int i = 0; i < n; i++)
		good &= s[i].ends == 1 && !s[i].failed && s[i].got == s[i].length && s[i].differ == 0;
	return good;
}

static void
test_lengths(const struct nam_model *m, const char *what)
{
	static const size_t lengths[] = { 0, 1, 63, 2047, 4096, 4097, 65537, 300001 };
	static const int threads[] = { 1, 2, 3, 5 };
	char name[96];

	for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
		int good = 1;

		for (int channels = 1; channels <= MAX_CHANNELS; channels += 2) {
			struct signal s;

			signal_new(&s, m, channels, lengths[l]);
			for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
				for (size_t piece = 0; piece < 2; piece++) {
					signal_again(&s);
					s.piece = piece && lengths[l] < 70000 ? 1 + 61 * piece : SIZE_MAX;
					good &= run(&s, 1, threads[t], 1) && all_well(&s, 1);
				}
			signal_free(&s);
		}
		snprintf(name, sizeof name, "%s: %zu frames of 1 and 3 channels on 1 to 5 threads are the same bits", what,
		    lengths[l]);
		ok(good, name);
	}
}

/* Many flows of two models: recurrent ones share their lanes. */
static void
test_many(const struct nam_model *a, const struct nam_model *b)
{
	struct signal s[MAX_FLOWS];
	int good = 1;

	for (int i = 0; i < MAX_FLOWS; i++)
		signal_new(&s[i], i % 3 ? a : b, 1 + i % 2, 1000 + 997 * (size_t)i);
	for (int threads = 1; threads <= 4; threads++) {
		for (int i = 0; i < MAX_FLOWS; i++)
			signal_again(&s[i]);
		good &= run(s, MAX_FLOWS, threads, 37) && all_well(s, MAX_FLOWS);
	}
	ok(good, "40 flows of two models on 1 to 4 threads: each as if it were alone");
	for (int i = 0; i < MAX_FLOWS; i++)
		signal_again(&s[i]);
	ok(run(s, MAX_FLOWS, 3, 1) && all_well(s, MAX_FLOWS), "one at a time too");
	for (int i = 0; i < MAX_FLOWS; i++)
		signal_again(&s[i]);
	s[3].read_fails = 2000;
	s[4].write_fails = 0;
	good = run(s, MAX_FLOWS, 3, 20);
	ok(good && s[3].ends == 1 && s[3].failed && !strcmp(s[3].why, "no more to read"), "an input that fails ends its flow");
	ok(s[4].ends == 1 && s[4].failed && !strcmp(s[4].why, "no more to write"), "an output that fails too");
	ok(all_well(s, 3) && all_well(s + 5, MAX_FLOWS - 5), "and no other");
	for (int i = 0; i < MAX_FLOWS; i++)
		signal_free(&s[i]);
}

int
main(void)
{
	struct nam_model *w = wavenet(), *r = lstm();

	if (!w || !r)
		return 1;
	ok(nam_model_info(w)->receptive_field > 2000 && nam_model_info(r)->recurrent, "one model looks back, one remembers");
	test_lengths(w, "feed-forward");
	test_lengths(r, "recurrent");
	test_many(r, w);
	ok(run(NULL, 0, 3, 4), "nothing to do is done at once");
	nam_close(w);
	nam_close(r);
	return done();
}
