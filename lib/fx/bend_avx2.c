/* bend_avx2.c - 8 floats side by side. */
#if !defined __AVX2__
#error "build this file with -mavx2; see the Makefile"
#endif
#define W 8
#define BEND bend_avx2
#include "fx/bend_kernel.h"
