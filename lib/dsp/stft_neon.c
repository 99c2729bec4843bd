/* stft_neon.c - 4 windows at a time. */
#include "dsp/stft_impl.h"
#define W 4
#define STFT_FN stft_neon
typedef float V __attribute__((vector_size(16), may_alias));
#include "dsp/stft_kernel.h"
