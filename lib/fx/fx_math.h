/* fx_math.h - logarithm, exponential and tangent in IEEE operations of a fixed order, for every sample; fast enough for
 * that, and without fma, which plain x86-64 has not.  Relative (exp) and absolute (log) error below 1e-13. */
#ifndef FX_MATH_H
#define FX_MATH_H
#include <stdint.h>
#include <string.h>

static inline uint64_t
fx_bits(double x)
{
	uint64_t b;

	memcpy(&b, &x, sizeof b);
	return b;
}

static inline double
fx_double(uint64_t b)
{
	double x;

	memcpy(&x, &b, sizeof x);
	return x;
}

/* Binary logarithm of a normal x > 0: with m = x / 2^e near 1 and s = (m - 1) / (m + 1) it is e + 2 atanh(s) / ln 2. */
static inline double
fx_log2(double x)
{
	static const double two_over_ln2 = 2.8853900817779268;
	uint64_t b = fx_bits(x), past = b - 0x3fe6a09e667f3bcd; /* from the square root of a half on */
	double e = (double)((int64_t)past >> 52), m = fx_double(b - (past & 0xfff0000000000000));
	double s = (m - 1) / (m + 1), q = s * s, p = 1.0 / 19;

	p = p * q + 1.0 / 17;
	p = p * q + 1.0 / 15;
	p = p * q + 1.0 / 13;
	p = p * q + 1.0 / 11;
	p = p * q + 1.0 / 9;
	p = p * q + 1.0 / 7;
	p = p * q + 1.0 / 5;
	p = p * q + 1.0 / 3;
	p = p * q + 1;
	return e + two_over_ln2 * (s * p);
}

/* 2^x, x limited to -1000..1000; exactly 1 for 0. */
static inline double
fx_exp2(double x)
{
	static const double ln2 = 0.69314718055994531, magic = 6755399441055744.0; /* 1.5 * 2^52 */
	double k, t, p = 1.0 / 479001600;

	x = x < -1000 ? -1000 : x > 1000 ? 1000 : x;
	k = x + magic;
	t = (x - (k - magic)) * ln2;
	p = p * t + 1.0 / 39916800;
	p = p * t + 1.0 / 3628800;
	p = p * t + 1.0 / 362880;
	p = p * t + 1.0 / 40320;
	p = p * t + 1.0 / 5040;
	p = p * t + 1.0 / 720;
	p = p * t + 1.0 / 120;
	p = p * t + 1.0 / 24;
	p = p * t + 1.0 / 6;
	p = p * t + 0.5;
	p = p * t + 1;
	p = p * t + 1;
	return p * fx_double((fx_bits(k) + 1023) << 52);
}

/* tan(pi x) for 0 <= x < 1/2; the tangents of both halves of the range are each other's inverses. */
static inline double
fx_tanpi(double x)
{
	static const double pi = 3.14159265358979324;
	double t = pi * (x > 0.25 ? 0.5 - x : x), q = t * t, s = 1.0 / 355687428096000, c = 1.0 / 20922789888000;

	s = s * q - 1.0 / 1307674368000;
	s = s * q + 1.0 / 6227020800;
	s = s * q - 1.0 / 39916800;
	s = s * q + 1.0 / 362880;
	s = s * q - 1.0 / 5040;
	s = s * q + 1.0 / 120;
	s = s * q - 1.0 / 6;
	s = t + t * q * s;
	c = c * q - 1.0 / 87178291200;
	c = c * q + 1.0 / 479001600;
	c = c * q - 1.0 / 3628800;
	c = c * q + 1.0 / 40320;
	c = c * q - 1.0 / 720;
	c = c * q + 1.0 / 24;
	c = c * q - 0.5;
	c = 1 + q * c;
	return x > 0.25 ? c / s : s / c;
}

/* What is left of a value that decays with this time constant, after one frame. */
static inline double
fx_decay(double tau_s, double rate_hz)
{
	return tau_s > 0 ? fx_exp2(-1.4426950408889634 / (tau_s * rate_hz)) : 0;
}
#endif
