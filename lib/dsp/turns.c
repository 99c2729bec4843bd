/* turns.c - the two tables. */
#include "dsp/turns.h"
#include "base/mem.h"
#include "dsp/turn.h"

int
turns_make(struct turns *u, unsigned bits)
{
	size_t coarse = (size_t)1 << (bits - bits / 2), fine = (size_t)1 << bits / 2;

	u->bits = bits;
	u->fine_bits = bits / 2;
	u->coarse = mem_zalloc(coarse, 2 * sizeof *u->coarse);
	u->fine = mem_zalloc(fine, 2 * sizeof *u->fine);
	if (!u->coarse || !u->fine) {
		turns_free(u);
		return -1;
	}
	for (size_t k = 0; k < coarse; k++)
		dsp_turn(k, bits - bits / 2, &u->coarse[2 * k], &u->coarse[2 * k + 1]);
	for (size_t k = 0; k < fine; k++)
		dsp_turn(k, bits, &u->fine[2 * k], &u->fine[2 * k + 1]);
	return 0;
}

void
turns_free(struct turns *u)
{
	mem_free(u->coarse);
	mem_free(u->fine);
	u->coarse = u->fine = NULL;
}
