/* kweight_kernel.h - blocks of the filter, written once for every width; no include guard.
 *
 * The includer defines W, the type V of W doubles, the type S of SW doubles (SW is W, or KWEIGHT_STATE if that is less), and
 * KWEIGHT_FN, the name of the function. */
#define PARTS (KWEIGHT_BLOCK / W)
#define STATES (KWEIGHT_STATE / SW)
#define OUTPUT(row, p) (*(const V *)(const void *)((row) + (p) * W))
#define STATE(row, p) (*(const S *)(const void *)((row) + (p) * SW))

double
KWEIGHT_FN(const struct kweight_block *b, double *state, const float *x, size_t blocks)
{
	_Alignas(64) double s[KWEIGHT_STATE], squares[KWEIGHT_BLOCK];
	V sum[PARTS] = { 0 };

	for (size_t k = 0; k < KWEIGHT_STATE; k++)
		s[k] = state[k];
	for (size_t n = 0; n < blocks; n++, x += KWEIGHT_BLOCK) {
		V y[PARTS];
		S next[STATES];

		for (size_t p = 0; p < PARTS; p++)
			y[p] = OUTPUT(b->now[0], p) * (double)x[0];
		for (size_t p = 0; p < STATES; p++)
			next[p] = STATE(b->in[0], p) * (double)x[0];
#pragma GCC unroll 8
		for (size_t i = 1; i < KWEIGHT_BLOCK; i++) {
			double v = (double)x[i];

			for (size_t p = i / W; p < PARTS; p++) /* no output before its input */
				y[p] += OUTPUT(b->now[i], p) * v;
			for (size_t p = 0; p < STATES; p++)
				next[p] += STATE(b->in[i], p) * v;
		}
#pragma GCC unroll 4
		for (size_t k = 0; k < KWEIGHT_STATE; k++) {
			for (size_t p = 0; p < PARTS; p++)
				y[p] += OUTPUT(b->later[k], p) * s[k];
			for (size_t p = 0; p < STATES; p++)
				next[p] += STATE(b->stay[k], p) * s[k];
		}
		for (size_t p = 0; p < PARTS; p++)
			sum[p] += y[p] * y[p];
		for (size_t p = 0; p < STATES; p++)
			*(S *)(void *)(s + p * SW) = next[p];
	}
	for (size_t k = 0; k < KWEIGHT_STATE; k++)
		state[k] = s[k];
	for (size_t p = 0; p < PARTS; p++)
		*(V *)(void *)(squares + p * W) = sum[p];
	return ((squares[0] + squares[1]) + (squares[2] + squares[3])) + ((squares[4] + squares[5]) + (squares[6] + squares[7]));
}
