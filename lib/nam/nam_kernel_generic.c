/* nam_kernel_generic.c - the kernels in portable C, one lane; the reference for the others. */
#define ISA_NAME "generic"
#define ISA_TABLE nam_kernel_generic
#define VL 1
#define DL 1
#define RU 4 /* units of a recurrent layer and vectors of streams at once, with a stream in each lane */
#define LV 1
#define OB_MAX 4
#define TV_MAX 1
#define TV_OF(ob) 1
typedef double D;
#include "nam/nam_scalar.h"
static inline V v_load(const float *p) { return *p; }
static inline void v_store(float *p, V a) { *p = a; }
static inline V v_min_bits(V a, V b) { return bits_of(a) < bits_of(b) ? a : b; }
static inline void v_columns(const float *p, size_t stride, V x[4]) { (void)stride; memcpy(x, p, 4 * sizeof *x); }
static inline D d_set1(double a) { return a; }
static inline D d_load(const float *p) { return (double)*p; }
static inline void d_store(float *p, D a) { *p = (float)a; }
static inline D d_fma(D a, D b, D c) { return fma(a, b, c); }

#include "nam/nam_kernel_impl.h"
