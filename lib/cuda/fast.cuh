/* fast.cuh - LAYERS of fast plans on tensor cores.
 *
 * The sums of a layer are a product of matrices: frames x rows (the taps of each channel) times rows x outs, and the 1x1 behind the
 * activation another.  A float is two bfloat16, its nearest and the rest; of the four products three count (vm_fast_fma(), the twin).
 *
 * A warp has 64 frames of a tile in four matrices of 16.  What mma.sync gives in a thread, outs 2t and 2t + 1 of frames g and g + 8, is
 * what it takes from there as the left matrix of the next product, so that the stream between layers and what goes into the 1x1 never
 * leave their registers.  The weights are in shared memory, in the order in which the threads take them. */
#ifndef CUDA_FAST_CUH
#define CUDA_FAST_CUH

enum {
	FAST_TILES = 4,                    /* of 16 frames, of a warp */
	FAST_WARP = 16 * FAST_TILES,
	FAST_STEP = 16                     /* rows of a product */
};

#ifndef FAST_MMA /* tests/fake/cuda has its own */
/* Two floats as bfloat16, to the nearest. */
#define FAST_PACK(to, low, high) asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(to) : "f"(high), "f"(low))
#define FAST_MMA(c, a, b0, b1) asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 " \
	"{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
	: "+f"((c)[0]), "+f"((c)[1]), "+f"((c)[2]), "+f"((c)[3]) \
	: "r"((a)[0]), "r"((a)[1]), "r"((a)[2]), "r"((a)[3]), "r"(b0), "r"(b1))
#endif

/* [frames g, g, g + 8, g + 8][outs 2t, 2t + 1, 2t, 2t + 1] of each tile and each eight outs */
struct fast_thread {
	float y[FAST_TILES][2][4], head[FAST_TILES][2][4];
};

#define EACH_TILE UNROLL for (int i = 0; i < FAST_TILES; i++)
#define EACH_EIGHT UNROLL for (int e = 0; e < N; e++)
#define EACH_FOUR UNROLL for (int k = 0; k < 4; k++)

/* Two floats to their nearest bfloat16 and to what those leave. */
VM_FN void
fast_split(float low, float high, unsigned *near, unsigned *rest)
{
	FAST_PACK(*near, low, high);
	FAST_PACK(*rest, v_sub(low, __int_as_float((int)(*near << 16))), v_sub(high, __int_as_float((int)(*near & 0xffff0000u))));
}

/* Where the weights of a layer lie in `stage`: for each step of 16 rows, then for the 1x1, for each eight outs, a thread's four words,
 * then 16 floats each for the mixed input, the bias and the 1x1's bias. */
template <int N>
VM_FN void
fast_stage(const struct nam_vm *m, const struct nam_plan_step *layer, int number, int thread)
{
	const int C = layer->outs, rows = layer->taps * C, steps = (rows + FAST_STEP - 1) / FAST_STEP;
	const float *w = m->plan->weights + layer->w, *one = w + (rows + 2) * C;
	float *to = m->stage + (number & 1) * NAM_PLAN_MAX_WEIGHTS, *rest = to + (steps + 1) * N * 128;

	for (int k = thread; k < (steps + 1) * N * 32; k += m->threads) {
		const int t = k % 4, o = k / 32 % N * 8 + k % 32 / 4, step = k / 32 / N;
		const float *from = step < steps ? w + step * FAST_STEP * C : one;
		const int left = step < steps ? rows - step * FAST_STEP : C;
		unsigned *word = reinterpret_cast<unsigned *>(to) + k * 4;
		float x[4];

		for (int j = 0; j < 4; j++) {
			const int r = 2 * t + (j & 1) + (j >> 1) * 8;

			x[j] = o < C && r < left ? from[r * C + o] : 0.0f;
		}
		fast_split(x[0], x[1], &word[0], &word[2]);
		fast_split(x[2], x[3], &word[1], &word[3]);
	}
	for (int k = thread; k < 48; k += m->threads)
		rest[k] = k % 16 >= C ? 0.0f : k < 16 ? w[rows * C + k] : k < 32 ? w[(rows + 1) * C + k - 16] : one[C * C + k - 32];
}

/* acc += x times the weights at w: x[i] as left matrices, near and rest. */
template <int N>
VM_FN void
fast_product(float acc[FAST_TILES][2][4], const unsigned near[FAST_TILES][4], const unsigned rest[FAST_TILES][4], const float *w,
    int lane)
{
	EACH_EIGHT {
		float b[4];
		unsigned u[4];

		VM_LOAD4(b, w + (e * 32 + lane) * 4);
		EACH_FOUR
			u[k] = (unsigned)__float_as_int(b[k]);
		EACH_TILE {
			FAST_MMA(acc[i][e], rest[i], u[0], u[1]);
			FAST_MMA(acc[i][e], near[i], u[2], u[3]);
			FAST_MMA(acc[i][e], near[i], u[0], u[1]);
		}
	}
}

/* What lies in registers, as left matrices. */
template <int N>
VM_FN void
fast_left(const float x[FAST_TILES][2][4], unsigned near[FAST_TILES][4], unsigned rest[FAST_TILES][4])
{
	EACH_TILE {
		EACH_FOUR
			near[i][k] = rest[i][k] = 0;
		EACH_EIGHT {
			fast_split(x[i][e][0], x[i][e][1], &near[i][2 * e], &rest[i][2 * e]);
			fast_split(x[i][e][2], x[i][e][3], &near[i][2 * e + 1], &rest[i][2 * e + 1]);
		}
	}
}

/* Rows step x 16 on of this thread, from the ring. */
VM_FN void
fast_rows(const struct nam_vm *m, const struct nam_plan_step *s, int step, int first, int t, unsigned near[FAST_TILES][4],
    unsigned rest[FAST_TILES][4])
{
	const int C = s->outs, rows = s->taps * C, base = m->g % s->in.len;
	const float *in = m->mem + s->in.at, *plane[4];
	int at[4];

	EACH_FOUR {
		const int r = step * FAST_STEP + 2 * t + (k & 1) + (k >> 1) * 8, tap = r / C;

		plane[k] = r < rows ? in + (size_t)(r - tap * C) * (size_t)s->in.len : NULL;
		at[k] = r < rows ? vm_ring(base + first - (s->taps - 1 - tap) * s->dilation, s->in.len) : 0;
	}
	EACH_TILE {
		float x[2][4];

		UNROLL for (int half = 0; half < 2; half++)
			EACH_FOUR {
				int f = at[k] + i * 16 + half * 8;

				f -= f >= s->in.len ? s->in.len : 0;
				x[half][k] = plane[k] ? plane[k][f] : 0.0f;
			}
		UNROLL for (int half = 0; half < 2; half++) {
			fast_split(x[half][0], x[half][1], &near[i][half], &rest[i][half]);
			fast_split(x[half][2], x[half][3], &near[i][2 + half], &rest[i][2 + half]);
		}
	}
}

template <int N>
VM_FN void
fast_layer(const struct nam_vm *m, const struct nam_plan_step *s, const float *w, int thread, struct fast_thread *th)
{
	const int C = s->outs, rows = s->taps * C, steps = (rows + FAST_STEP - 1) / FAST_STEP;
	const int lane = thread % 32, t = lane % 4, first = thread / 32 * FAST_WARP + lane / 4;
	const float *rest_w = w + (steps + 1) * N * 128;
	unsigned near[FAST_TILES][4], rest[FAST_TILES][4];
	float acc[FAST_TILES][2][4];

	EACH_TILE
		EACH_FOUR {
			const float x = *vm_frame(m, s->mix, first + i * 16 + (k >> 1) * 8, 0);

			EACH_EIGHT {
				const int o = e * 8 + 2 * t + (k & 1);

				acc[i][e][k] = v_fma(rest_w[o], x, rest_w[16 + o]);
			}
		}
	for (int step = 0; step < steps; step++, w += N * 128) {
		/* the last tap, where it is a matrix of its own */
		if (step == steps - 1 && C == 8 * N && (N == 2 || s->taps % 2))
			fast_left<N>(th->y, near, rest);
		else
			fast_rows(m, s, step, first, t, near, rest);
		fast_product<N>(acc, near, rest, w, lane);
	}
	EACH_TILE
		EACH_EIGHT
			EACH_FOUR {
				const float z = acc[i][e][k];

				acc[i][e][k] = s->fn == NAM_TANH_SUM ? vm_fast_tanh(z) : v_max(z, v_mul(z, s->p[0]));
				th->head[i][e][k] = v_add(th->head[i][e][k], acc[i][e][k]);
			}
	if (s->out.at < 0)
		return;
	fast_left<N>(acc, near, rest);
	EACH_TILE
		EACH_EIGHT
			EACH_FOUR
				acc[i][e][k] = rest_w[32 + e * 8 + 2 * t + (k & 1)];
	fast_product<N>(acc, near, rest, w, lane);
	EACH_TILE
		EACH_FOUR {
			const int f = first + i * 16 + (k >> 1) * 8;
			float *out = vm_frame(m, s->out, f, 0);

			EACH_EIGHT {
				const int o = e * 8 + 2 * t + (k & 1);

				th->y[i][e][k] = v_add(th->y[i][e][k], acc[i][e][k]);
				if (f < m->n && o < C)
					out[(size_t)o * (size_t)s->out.len] = th->y[i][e][k];
			}
		}
}

/* As vm_layers(): phase 0 fetches, phase i is layer i - 1. */
template <int N>
VM_FN void
fast_layers(const struct nam_vm *m, const struct nam_plan_step *s, int phase, int thread, struct fast_thread *th)
{
	const struct nam_plan_step *layer = s + phase;
	const int lane = thread % 32, t = lane % 4, first = thread / 32 * FAST_WARP + lane / 4;

	if (phase < s->taps)
		fast_stage<N>(m, layer + 1, phase, thread);
	if (phase > 0)
		fast_layer<N>(m, layer, m->stage + ((phase - 1) & 1) * NAM_PLAN_MAX_WEIGHTS, thread, th);
	if (phase > 0 && phase < s->taps)
		return;
	EACH_TILE
		EACH_FOUR {
			const int f = first + i * 16 + (k >> 1) * 8;
			const float *y = vm_frame(m, s->in, f, 0);
			float *head = vm_frame(m, s->add, f, 0);

			EACH_EIGHT {
				const int o = e * 8 + 2 * t + (k & 1), there = f < m->n && o < s->outs;

				if (phase == 0) {
					th->y[i][e][k] = there ? y[(size_t)o * (size_t)s->in.len] : 0.0f;
					th->head[i][e][k] = there && !s->fn ? head[(size_t)o * (size_t)s->add.len] : 0.0f;
				} else if (there) {
					head[(size_t)o * (size_t)s->add.len] = th->head[i][e][k];
				}
			}
		}
}
#undef EACH_TILE
#undef EACH_EIGHT
#undef EACH_FOUR
#endif
