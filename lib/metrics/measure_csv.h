/* measure_csv.h - objects of audio-metrics as rows of a table (RFC 4180, but for lines that end as everywhere here). */
#ifndef METRICS_MEASURE_CSV_H
#define METRICS_MEASURE_CSV_H
#include "base/str.h"
#include <jansson.h>

/* The columns are the values of shape by their paths ("loudness.integrated_lufs"), a list by those of its bands
 * ("spectrum.third_octave_dbfs.1000"); reasons and series are left out.  A row has what o has of them; null and what is not there is empty. */
void measure_csv_head(struct str *to, const json_t *shape);
void measure_csv_row(struct str *to, const json_t *shape, const json_t *o);
#endif
