/* fuzz_nam - feed bytes to the reader of model files; describe what it accepts, and run it for a few frames.
 *
 * With clang -fsanitize=fuzzer this is a libFuzzer target; else a program that replays files:
 * fuzz_nam FILE... */
#include "fuzz.h"
#include "nam/nam.h"
#include "nam/nam_json.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const double slims[] = { -1, 0, 0.5 };
	float x[200] = { 0.5f, -0.25f };
	struct nam_stream *s;
	struct nam_model *m;
	struct err e;

	for (size_t i = 0; i < sizeof slims / sizeof *slims; i++) {
		e.msg[0] = 0;
		if (nam_open_mem(&m, (const char *)data, size, "fuzz", slims[i], &e)) {
			if (!e.msg[0] || m)
				abort(); /* a refusal says why and leaves nothing */
			continue;
		}
		json_decref(nam_info_json("fuzz", m));
		/* pre-rolls that take seconds are bounded elsewhere; here they only slow the search */
		if ((!nam_model_info(m)->recurrent || (double)nam_model_info(m)->macs *
		    (double)nam_model_info(m)->receptive_field < 1e7) && nam_model_info(m)->macs < 1000000 &&
		    !nam_stream_new(&s, m, &e)) {
			nam_process(s, x, x, sizeof x / sizeof *x);
			nam_reset(s);
			nam_process(s, x, x, 7);
			nam_stream_free(s);
		}
		nam_close(m);
	}
	return 0;
}
