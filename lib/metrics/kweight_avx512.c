/* kweight_avx512.c - 8 outputs at a time. */
#ifndef __AVX512F__
#error "build this file with -mavx512f; see the Makefile"
#endif
#include "metrics/kweight_impl.h"
#define W 8
#define SW 4
#define KWEIGHT_FN kweight_avx512
typedef double V __attribute__((vector_size(64), may_alias));
typedef double S __attribute__((vector_size(32), may_alias));
#include "metrics/kweight_kernel.h"
