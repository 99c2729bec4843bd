/* diff_report.h - a comparison in words and numbers: JSON, rules, Markdown, JUnit. */
#ifndef METRICS_DIFF_REPORT_H
#define METRICS_DIFF_REPORT_H
#include "base/err.h"
#include "metrics/diff.h"
#include <jansson.h>

enum { DIFF_MAX_NUMBERS = 48, DIFF_MAX_RULES = 64 };

/* One number of the object by name: what rules and matrices can ask for. */
struct diff_number {
	const char *key;
	double v;
	const char *reason; /* why it is not a finite number; static */
	int whole;          /* 1: an integer in the object, 2: true or false */
	int nearer;         /* 1: the larger the nearer, -1: the smaller, 0: neither says */
};

/* All of them in the order of the object; how many. */
size_t diff_numbers(const struct diff_values *v, int rate_hz, struct diff_number n[DIFF_MAX_NUMBERS]);

/* 'KEY OP NUMBER', OP one of < <= > >= == !=. */
struct diff_rule {
	char key[48], op[3];
	double limit;
};
int diff_rule_parse(struct diff_rule *r, const char *text, struct err *e);
/* Whether it holds, which is bad.  What is not defined (NAN) fails every rule.  *is becomes the number. */
int diff_rule_holds(const struct diff_rule *r, const struct diff_number *n, size_t count, double *is);

/* Two files that were compared, or why they were not. */
struct diff_pair {
	const char *ref, *test;         /* borrowed */
	char ref_sha256[65], test_sha256[65];
	int rate_hz, channels;
	struct diff_values v;
	int exact;                      /* sample_exact is demanded */
	struct diff_rule rule[DIFF_MAX_RULES];
	size_t rules;
	struct err e;                   /* code ERR_NONE: compared */
};

/* The object audio-diff/1; NULL without memory.  *failed counts the demands that are not met. */
json_t *diff_json(const struct diff_pair *p, size_t *failed);

/* Demand i that is not met, in words: "esr_db > -60: esr_db is -52.1"; 0 when there are no more. */
int diff_failure(const struct diff_pair *p, size_t i, char text[160]);

/* Comparisons for people and for CI: a table in Markdown, test cases in the XML that JUnit made common. */
struct diff_log;
struct diff_log *diff_log_new(void); /* NULL: out of memory */
void diff_log_free(struct diff_log *l); /* NULL is fine */
/* Row `number`, from 1; in any order, from any thread. */
void diff_log_add(struct diff_log *l, size_t number, const struct diff_pair *p);
/* Write all rows by their numbers to files; NULL: that one is not wanted. */
int diff_log_write(struct diff_log *l, const char *markdown, const char *junit, struct err *e);
#endif
