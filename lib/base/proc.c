/* proc.c - run another program without a shell. */
#include "base/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
close_pair(int p[2])
{
	for (int i = 0; i < 2; i++)
		if (p[i] >= 0)
			close(p[i]);
}

/* In the child: wire up, exec, and tell the parent errno through `tell` if that fails. */
static void
child(char *const argv[], int flags, int in[2], int out[2], int tell)
{
	int zero = -1, why;

	if (flags & PROC_IN)
		dup2(in[0], STDIN_FILENO);
	else if ((zero = open("/dev/null", O_RDONLY)) >= 0)
		dup2(zero, STDIN_FILENO);
	if (zero > 2)
		close(zero);
	if (flags & PROC_OUT)
		dup2(out[1], STDOUT_FILENO);
	if (flags & PROC_ERR_OUT)
		dup2(STDOUT_FILENO, STDERR_FILENO);
	execvp(argv[0], argv);
	why = errno;
	while (write(tell, &why, sizeof why) < 0 && errno == EINTR)
		;
	_exit(127);
}

int
proc_start(struct proc *p, char *const argv[], int flags, struct err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, tell[2] = { -1, -1 }, why = 0;
	ssize_t n;

	memset(p, 0, sizeof *p);
	p->pid = -1;
	strncat(p->name, path_base(argv[0]), sizeof p->name - 1);
	if (((flags & PROC_IN) && pipe2(in, O_CLOEXEC)) ||
	    ((flags & PROC_OUT) && pipe2(out, O_CLOEXEC)) || pipe2(tell, O_CLOEXEC)) {
		err_sys(e, "cannot start '%s'", argv[0]);
		goto fail;
	}
	fflush(NULL);
	p->pid = fork();
	if (p->pid < 0) {
		err_sys(e, "cannot start '%s'", argv[0]);
		goto fail;
	}
	if (p->pid == 0)
		child(argv, flags, in, out, tell[1]);
	close(tell[1]);
	tell[1] = -1;
	while ((n = read(tell[0], &why, sizeof why)) < 0 && errno == EINTR)
		;
	if (n == (ssize_t)sizeof why) {         /* exec failed */
		waitpid(p->pid, NULL, 0);
		p->pid = -1;
		errno = why;
		err_sys(e, "cannot start '%s'", argv[0]);
		goto fail;
	}
	close(tell[0]);
	tell[0] = -1;
	if (flags & PROC_IN) {
		close(in[0]);
		in[0] = -1;
		p->in = fdopen(in[1], "wb");
	}
	if (flags & PROC_OUT) {
		close(out[1]);
		out[1] = -1;
		p->out = fdopen(out[0], "rb");
	}
	return 0;
fail:
	close_pair(in);
	close_pair(out);
	close_pair(tell);
	return -1;
}

int
proc_wait(struct proc *p, struct err *e)
{
	int status = 0, broken = 0;

	/* a failed flush matters only if the program says nothing of it itself */
	if (p->in && fclose(p->in))
		broken = errno;
	if (p->out)
		fclose(p->out);
	p->in = p->out = NULL;
	while (waitpid(p->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "cannot wait for '%s'", p->name);
	p->pid = -1;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	if (WEXITSTATUS(status) == 0 && broken) {
		errno = broken;
		return err_sys(e, "'%s' did not read all of its input", p->name);
	}
	return WEXITSTATUS(status);
}

int
proc_capture(char *const argv[], struct str *out, struct err *e)
{
	static const size_t max = (size_t)64 << 20;
	struct proc p;
	char buf[16384];
	size_t n;

	if (proc_start(&p, argv, PROC_OUT, e))
		return -1;
	str_addn(out, "", 0);
	while ((n = fread(buf, 1, sizeof buf, p.out)) > 0 && out->len + n <= max)
		str_addn(out, buf, n);
	if (n > 0 || out->failed) {
		proc_wait(&p, NULL);
		return err_set(e, ERR_NOMEM, "'%s' printed more than %zu bytes", argv[0], max);
	}
	return proc_wait(&p, e);
}

const char *
proc_self_dir(void)
{
	static char dir[4096];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
	char *slash;

	if (n <= 0)
		return "";
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	return dir;
}
