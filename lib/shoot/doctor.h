/* doctor.h - what this machine has for a shootout: programs, libraries, instruction set, GPU. */
#ifndef SHOOT_DOCTOR_H
#define SHOOT_DOCTOR_H
#include "base/str.h"
#include <jansson.h>

/* {"schema": "shootout-doctor/1", tool, version, "cpus", "isa", "libraries": {name: version}, "programs":
 * {name: version or null}, "loudness_differs_lu": of a test signal, from libebur128, "gpu": [{name, memory_bytes, compute_capability}], "gpu_reason": why there is none,
 * or null, "missing": [what a run needs and is not there]}. */
json_t *doctor_look(void);

/* That object for people, appended to *out. */
void doctor_table(const json_t *look, struct str *out);
#endif
