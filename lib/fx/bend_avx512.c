/* bend_avx512.c - 16 floats side by side. */
#if !defined __AVX512F__
#error "build this file with -mavx512f; see the Makefile"
#endif
#define W 16
#define BEND bend_avx512
#include "fx/bend_kernel.h"
