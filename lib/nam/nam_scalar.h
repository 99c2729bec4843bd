/* nam_scalar.h - the v_ operations of nam_math_impl.h with a vector of one float, in plain C. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef float V;

static inline uint32_t bits_of(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
static inline float float_of(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }

static inline V v_set1(float a) { return a; }
static inline V v_add(V a, V b) { return a + b; }
static inline V v_sub(V a, V b) { return a - b; }
static inline V v_mul(V a, V b) { return a * b; }
static inline V v_div(V a, V b) { return a / b; }
static inline V v_fma(V a, V b, V c) { return fmaf(a, b, c); }
static inline V v_fnma(V a, V b, V c) { return fmaf(-a, b, c); }
static inline V v_min(V a, V b) { return a < b ? a : b; }
static inline V v_max(V a, V b) { return a > b ? a : b; }
static inline V v_gt(V a, V b, V yes, V no) { return a > b ? yes : no; }
static inline V v_abs(V a) { return float_of(bits_of(a) & 0x7fffffffu); }
static inline V v_sign_of(V mag, V s) { return float_of(bits_of(mag) | (bits_of(s) & 0x80000000u)); }
static inline V v_shift23(V a) { return float_of(bits_of(a) << 23); }
typedef uint32_t VI;
typedef struct { uint32_t bits[16]; } V_TABLE_TYPE;
#define V_TABLE(...) { { __VA_ARGS__ } }
static inline VI v_index(V y) { return bits_of(y) >> 21 & 15; }
static inline V v_table(const V_TABLE_TYPE *t, VI i) { return float_of(t->bits[i]); }
