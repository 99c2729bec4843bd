/* licence.c - what the licences of the service mean for a file. */
#include "net/licence.h"

#include <stddef.h>
#include <string.h>

const char *
licence_redistribution(const char *word)
{
	static const struct { const char *word, *may; } known[] = {
		{ "t3k", "no" }, { "cc-by", "yes" }, { "cc-by-sa", "yes" }, { "cc-by-nd", "yes" },
		{ "cc-by-nc", "non-commercial" }, { "cc-by-nc-sa", "non-commercial" }, { "cc-by-nc-nd", "non-commercial" },
		{ "cco", "yes" }, { "cc0", "yes" },     /* "cco" is how the service spells it */
	};

	for (size_t i = 0; word && i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i].word, word))
			return known[i].may;
	return NULL;
}
