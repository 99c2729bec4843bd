/* conv_generic.c - the convolution in plain C, one lane after the other; the reference. */
#include "dsp/conv_impl.h"
#define W 1
#define CONV_FN conv_generic
typedef double V;
typedef double U;
#include "dsp/conv_kernel.h"
