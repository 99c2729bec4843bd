/* bend_generic.c - 4 floats side by side: any x86-64, any AArch64. */
#define W 4
#define BEND bend_generic
#include "fx/bend_kernel.h"
