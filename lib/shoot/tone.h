/* tone.h - models and IRs named by their ids at TONE3000 instead of by a file.
 *
 * "tone3000:TONE/MODEL" in a description is looked up in the store of tone-fetch(1); what is not there, or is damaged there, is
 * fetched by running `tone-fetch get`, which knows the login. */
#ifndef SHOOT_TONE_H
#define SHOOT_TONE_H
#include "base/err.h"

/* Whether text is such a name; what begins like one and is none is a name too, and an error later. */
int tone_is_name(const char *text);

struct tone {
	char *file;            /* absolute */
	char *name;            /* what people read; or NULL */
	char *credit;          /* whose it is, under what licence; or NULL */
	char *licence;         /* the service's word; or NULL */
	int may_pass_on;       /* 1; 0: the licence does not let the file be passed on, or is not known */
};
int tone_find(struct tone *t, const char *name, struct err *e);
void tone_free(struct tone *t);

/* The symbolic link uses what it leads to, for as long as it does: the store keeps that. */
int tone_in_use(const char *link, struct err *e);
#endif
