/* stft_generic.c - windows in plain C, one after the other; the reference. */
#include "dsp/stft_impl.h"
#define W 1
#define STFT_FN stft_generic
typedef float V;
#include "dsp/stft_kernel.h"
