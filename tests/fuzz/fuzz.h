/* fuzz.h - a fuzzer as an ordinary program too: each file named on the command line is one input.
 *
 * For fuzzers (libFuzzer brings its own main()), and so that the tests can run the corpus with any compiler. */
#ifndef FUZZ_H
#define FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef FUZZER
int
main(int argc, char *argv[])
{
	static uint8_t buf[17 << 20]; /* more than any reader takes */

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n;

		if (!f) {
			perror(argv[i]);
			return 1;
		}
		n = fread(buf, 1, sizeof buf, f);
		fclose(f);
		LLVMFuzzerTestOneInput(buf, n);
	}
	printf("%d files\n", argc - 1);
	return 0;
}
#endif
#endif
