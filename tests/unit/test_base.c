/* test_base.c - strings, files, hashes, threads and child processes. */
#include "base/file.h"
#include "base/mem.h"
#include "base/par.h"
#include "base/proc.h"
#include "base/sha256.h"
#include "base/str.h"
#include "../tap.h"
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int seen[1000];

static void
mark(void *ctx, size_t i, int thread)
{
	(void)ctx;
	(void)thread;
	atomic_fetch_add(&seen[i], 1);
}

int
main(void)
{
	char hex[65], ext[16], slug[16], dir[] = "/tmp/test-base-XXXXXX", *data;
	struct str s = { 0 };
	struct err e = { 0 };
	struct outfile o, o2;
	struct outname on, on2;
	struct stat st;
	size_t n;
	int once = 1;
	char *cat[] = { (char[]){ "cat" }, NULL }, *nope[] = { (char[]){ "no-such-program" }, NULL };
	char *seven[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "echo hi; exit 7" }, NULL };
	struct proc p;

	ok(size_mul(SIZE_MAX, 2, &n) == -1 && !size_mul(3, 4, &n) && n == 12, "size_mul() refuses to overflow");
	ok(!mem_zalloc(SIZE_MAX, 2), "mem_zalloc() refuses to overflow");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%d,", i);
	ok(!s.failed && s.len == 3890 && !strcmp(s.s + s.len - 4, "999,"), "a string grows");
	str_free(&s);
	ok(!strcmp(path_ext("a.b/C.WAV", ext), "wav") && !strcmp(path_ext("a.b/c", ext), "") &&
	    !strcmp(path_ext(".hidden", ext), ""), "path_ext()");
	data = path_stem("a.b/c.d.wav");
	ok(data && !strcmp(data, "c.d"), "path_stem()");
	free(data);
	path_slug("../..//Ünder $(rm) A!", slug, sizeof slug);
	ok(!strcmp(slug, "nder-rm-a"), "path_slug() leaves nothing that a shell or make reads");
	path_slug("///", slug, sizeof slug);
	ok(!strcmp(slug, "x"), "path_slug() is never empty");

	/* FIPS 180-4 example */
	sha256_bytes("abc", 3, hex);
	ok(!strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "SHA-256 of \"abc\"");

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	ok(file_write_if_changed("a", "one", 3, &e) == 1 && file_write_if_changed("a", "one", 3, &e) == 0 &&
	    file_write_if_changed("a", "two", 3, &e) == 1, "a file is written only if it changes");
	ok(!outfile_open(&o, "a", &e) && write(o.fd, "x", 1) == 1, "an output is open");
	ok(!file_read("a", 10, &data, &n, &e) && n == 3 && !strcmp(data, "two"), "the old file stays until commit");
	free(data);
	outfile_abort(&o);
	ok(stat("a.tmp", &st) != 0 && !stat("a", &st) && st.st_size == 3, "abort leaves the old file and no .tmp");
	ok(!outfile_open(&o, "a", &e) && write(o.fd, "x", 1) == 1 && !outfile_commit(&o, &e) && !stat("a", &st) &&
	    st.st_size == 1, "commit replaces it");
	ok(!file_write("b.tmp", "left by a killed process", 24, &e) && !outfile_open(&o, "b", &e) &&
	    outfile_open(&o2, "b", &e) == -1 && e.code == ERR_RETRY && strstr(e.msg, "'b'"),
	    "a second writer of one output is refused");
	ok(write(o.fd, "x", 1) == 1 && !outfile_commit(&o, &e) && !stat("b", &st) && st.st_size == 1 &&
	    stat("b.tmp", &st) != 0, "the first is not disturbed, nor by what was left there");
	ok(!outfile_open(&o, "b", &e) && !outfile_commit(&o, &e), "and the next one may");
	ok(!outname_open(&on, "c.mp4", &e) && outname_open(&on2, "c.mp4", &e) == -1 && e.code == ERR_RETRY &&
	    !strcmp(on.tmp, "c.mp4.tmp.mp4") && !outname_commit(&on, &e) && !stat("c.mp4", &st),
	    "the same for what another program writes");
	outname_abort(&on2);
	ok(outfile_open(&o, "", &e) == -1 && outname_open(&on, "", &e) == -1 && stat(".tmp", &st) != 0,
	    "an output needs a name");
	ok(!symlink("a", "l") && file_write_if_changed("l", "through", 7, &e) == 1 && !lstat("l", &st) &&
	    S_ISLNK(st.st_mode) && !stat("a", &st) && st.st_size == 7, "through a symbolic link");
	ok(file_read("a", 0, &data, &n, &e) == -1 && strstr(e.msg, "larger"), "a file over the bound is refused");
	ok(outfile_open(&o, "no/such/dir/a", &e) == -1 && strstr(e.msg, "no/such/dir/a"), "an error names the file");
	ok(!file_mkdirs("x/y/z", &e) && !stat("x/y/z", &st) && file_mkdirs("a/b", &e) == -1, "mkdir -p");
	ok(!sha256_file("a", hex, &e) && strlen(hex) == 64 && sha256_file("none", hex, &e) == -1, "hash of a file");

	par_for(4, 1000, mark, NULL);
	for (int i = 0; i < 1000; i++)
		once &= atomic_load(&seen[i]) == 1;
	ok(once, "par_for() does each job once");

	ok(proc_capture(seven, &s, &e) == 7 && !strcmp(s.s, "hi\n"), "output and status of a child");
	str_free(&s);
	ok(proc_start(&p, nope, 0, &e) == -1 && strstr(e.msg, "no-such-program"), "a program that is not there");
	ok(!proc_start(&p, cat, PROC_IN | PROC_OUT, &e) && fputs("ping\n", p.in) >= 0 && !fflush(p.in) &&
	    getc(p.out) == 'p' && proc_wait(&p, &e) >= 0, "a child's standard input and output");
	ok(strlen(proc_self_dir()) > 0, "the folder of this program is known");
	if (chdir("/") == 0 && fork() == 0)
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
	return done();
}
