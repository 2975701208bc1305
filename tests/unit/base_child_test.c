#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"

#define DEADLINE_MS 10000

struct fixture {
	uv_loop_t loop;
	void *ctx;
	struct child_exit exit;
	int exits;
	int results;
	int code;
	enum error_code error;
	char out[256], err[5000];
	size_t out_len;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	uv_loop_init(&f->loop);
	f->ctx = talloc_new(NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	mem_free(f->ctx);
	loop_drain(&f->loop);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	free(f);
	return 0;
}

static void ended(const struct child_exit *ex, void *arg)
{
	struct fixture *f = arg;
	f->exit = *ex;
	f->exits++;
	uv_stop(&f->loop);
}

static void too_late(void *arg)
{
	(void)arg;
	fail_msg("nothing happened within the deadline");
}

static void run(struct fixture *f)
{
	struct timer *t = timer_start(f->ctx, &f->loop, DEADLINE_MS, 0, too_late, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	mem_free(t);
}

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void fails(struct error *e, enum error_code code, const char *words)
{
	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, words))
		fail_msg("\"%s\" does not say \"%s\"", e->message, words);
	error_free(e);
}

#define SPEC(...)                                                                                                   \
	&(const struct child_spec)                                                                                  \
	{                                                                                                           \
		.argv = (const char *const[]){__VA_ARGS__, NULL}, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, \
		.extra_fd = -1                                                                                      \
	}

static struct child *start(struct fixture *f, const struct child_spec *spec)
{
	struct child *c = NULL;
	ok(child_start(f->ctx, &f->loop, spec, ended, f, &c));
	return c;
}

static void test_exit_code(void **state)
{
	struct fixture *f = *state;
	struct child *c = start(f, SPEC("sh", "-c", "exit 7"));
	assert_true(child_alive(c));
	run(f);
	assert_true(f->exit.known);
	assert_int_equal(f->exit.code, 7);
	assert_int_equal(f->exit.signal, 0);
	assert_false(child_alive(c));
	child_signal(c, SIGTERM);
	child_stop(c, SIGTERM, 1);
	assert_int_equal(f->exits, 1);
}

static void test_ran_ms(void **state)
{
	struct fixture *f = *state;
	start(f, SPEC("sleep", "0.3"));
	run(f);
	assert_in_range(f->exit.ran_ms, 280, 5000);
}

static void test_own_session(void **state)
{
	struct fixture *f = *state;
	struct child *c = start(f, SPEC("sleep", "60"));
	pid_t pid = child_identity(c).pid;
	assert_int_equal(getsid(pid), pid);
	child_signal(c, SIGKILL);
	run(f);
	assert_int_equal(f->exit.signal, SIGKILL);
}

static void test_start_failures(void **state)
{
	struct fixture *f = *state;
	struct child *c = NULL;
	fails(child_start(f->ctx, &f->loop, SPEC("no-such-program-here"), ended, f, &c), ERROR_NOT_FOUND,
	      "no-such-program-here");
	fails(child_start(f->ctx, &f->loop, SPEC("/no/such/program"), ended, f, &c), ERROR_NOT_FOUND,
	      "/no/such/program: cannot start");
	struct child_spec spec = *SPEC("true");
	spec.folder = "/no/such/folder";
	fails(child_start(f->ctx, &f->loop, &spec, ended, f, &c), ERROR_NOT_FOUND, "/no/such/folder");
	assert_null(c);
	/* nothing is left to wait for */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_stop_kills_after_grace(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct child_spec spec = *SPEC("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done");
	spec.stdout_fd = fds[1];
	struct child *c = start(f, &spec);
	char byte;
	assert_int_equal(read(fds[0], &byte, 1), 1);
	int64_t from = clock_mono_ms();
	child_stop(c, SIGTERM, 200);
	run(f);
	assert_int_equal(f->exit.signal, SIGKILL);
	assert_true(clock_mono_ms() - from >= 199);
	close(fds[0]);
	close(fds[1]);
}

static void test_stop_is_polite(void **state)
{
	struct fixture *f = *state;
	struct child *c = start(f, SPEC("sleep", "60"));
	child_stop(c, SIGINT, DEADLINE_MS * 2);
	run(f);
	assert_int_equal(f->exit.signal, SIGINT);
}

/* A reader sees the end of the pipe once nobody holds its writer: the whole family is gone. */
static void wait_end(int fd)
{
	char bytes[64];
	alarm(DEADLINE_MS / 1000);
	while (read(fd, bytes, sizeof bytes) > 0)
		;
	alarm(0);
}

static void test_family_ends_with_its_head(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct child_spec spec = *SPEC("sh", "-c", "sleep 60 & echo ready; wait");
	spec.stdout_fd = fds[1];
	struct child *c = start(f, &spec);
	close(fds[1]);
	char byte;
	assert_int_equal(read(fds[0], &byte, 1), 1);
	child_signal(c, SIGKILL);
	run(f);
	wait_end(fds[0]);
	close(fds[0]);
}

static void test_descriptors(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/base_child_test.XXXXXX";
	int fd = mkstemp(path);
	int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	struct child_spec spec = *SPEC("sh", "-c", "echo three >&3; echo one; echo two >&2; [ ! -e /proc/self/fd/$0 ]",
				       mem_printf(f->ctx, "%d", leak));
	int append = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	spec.stdout_fd = append;
	spec.stderr_fd = append;
	spec.extra_fd = append;
	start(f, &spec);
	run(f);
	assert_int_equal(f->exit.code, 0);
	char text[64] = "";
	assert_int_equal(read(fd, text, sizeof text - 1), 14);
	assert_string_equal(text, "three\none\ntwo\n");
	close(append);
	close(leak);
	close(fd);
	unlink(path);
}

/* What the kernel is told through cgroup.procs, here by a pipe: 0 for the writer, before the program runs. */
static void test_control_group(void **state)
{
	struct fixture *f = *state;
	int fds[2], null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char text[8] = "";
	struct child *c = NULL;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	struct child_spec spec = *SPEC("sh", "-c", "[ ! -e /proc/self/fd/$0 ]", mem_printf(f->ctx, "%d", fds[1]));
	spec.group_fd = fds[1];
	start(f, &spec);
	run(f);
	assert_int_equal(f->exit.code, 0);
	assert_int_equal(read(fds[0], text, sizeof text - 1), 1);
	assert_string_equal(text, "0");
	/* Who is not let in does not run. */
	spec.group_fd = null_fd;
	fails(child_start(f->ctx, &f->loop, &spec, ended, f, &c), ERROR_IO, "sh: cannot start (control group)");
	assert_null(c);
	close(null_fd);
	close(fds[0]);
	close(fds[1]);
}

/* The caller's descriptors may be the very numbers that the child needs for something else. */
static void test_crossed_descriptors(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	int saved0 = fcntl(0, F_DUPFD_CLOEXEC, 20), saved3 = fcntl(3, F_DUPFD_CLOEXEC, 20);
	assert_int_equal(dup2(fds[1], 0), 0); /* a writer as our stdin */
	struct child_spec spec = *SPEC("sh", "-c", "echo out; echo extra >&3");
	spec.stdout_fd = 0;
	spec.extra_fd = 0;
	start(f, &spec);
	run(f);
	dup2(saved0, 0);
	if (saved3 >= 0)
		close(saved3);
	close(saved0);
	close(fds[1]);
	char text[64] = "";
	assert_int_equal(read(fds[0], text, sizeof text - 1), 10);
	assert_string_equal(text, "out\nextra\n");
	close(fds[0]);
}

static void result(const struct child_result *r, void *arg)
{
	struct fixture *f = arg;
	f->results++;
	f->code = r->code;
	f->error = r->error ? r->error->code : 0;
	f->out_len = r->out_len;
	snprintf(f->out, sizeof f->out, "%s", r->out);
	snprintf(f->err, sizeof f->err, "%s", r->err);
	uv_stop(&f->loop);
}

static void test_run(void **state)
{
	struct fixture *f = *state;
	ok(child_run(f->ctx, &f->loop, SPEC("sh", "-c", "echo out; echo err >&2; exit 3"), 5000, 1000, result, f));
	run(f);
	assert_int_equal(f->error, 0);
	assert_int_equal(f->code, 3);
	assert_string_equal(f->out, "out\n");
	assert_string_equal(f->err, "err\n");
	assert_int_equal(f->results, 1);
}

static void test_cpu_time(void **state)
{
	struct fixture *f = *state;
	struct child_result *r = child_run_sync(f->ctx, SPEC("sh", "-c", "while :; do :; done"), 300, 10);
	assert_in_range(r->cpu_ms, 20, 400);
	r = child_run_sync(f->ctx, SPEC("sleep", "0.3"), 5000, 10);
	assert_in_range(r->cpu_ms, 0, 100);
	start(f, SPEC("sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"));
	run(f);
	assert_in_range(f->exit.cpu_ms, 10, DEADLINE_MS);
}

static void test_run_bounds(void **state)
{
	struct fixture *f = *state;
	ok(child_run(f->ctx, &f->loop, SPEC("sleep", "60"), 100, 1000, result, f));
	run(f);
	assert_int_equal(f->error, ERROR_TIMEOUT);
	assert_int_equal(f->code, 128 + SIGKILL);
	ok(child_run(f->ctx, &f->loop, SPEC("sh", "-c", "while :; do echo 0123456789; done"), 5000, 1000, result, f));
	run(f);
	assert_int_equal(f->error, ERROR_LIMIT);
	ok(child_run(f->ctx, &f->loop, SPEC("sh", "-c", "seq 1 9999 >&2; echo the last >&2"), 5000, 10, result, f));
	run(f);
	assert_int_equal(f->error, 0);
	assert_in_range(strlen(f->err), 100, 4096);
	assert_string_equal(f->err + strlen(f->err) - 9, "the last\n");
	/* a helper in a session of its own keeps the pipe: do not wait for it */
	int64_t from = clock_mono_ms();
	ok(child_run(f->ctx, &f->loop,
		     SPEC("sh", "-c",
			  "setsid sleep 30 & until [ \"$(cut -d' ' -f6 /proc/$!/stat)\" = $! ]; do :; done; echo $!"),
		     60000, 1000, result, f));
	run(f);
	assert_int_equal(f->error, 0);
	assert_true(clock_mono_ms() - from < 9000);
	assert_int_equal(kill(atoi(f->out), SIGKILL), 0);
}

static void test_run_forgotten(void **state)
{
	struct fixture *f = *state;
	void *owner = talloc_new(f->ctx);
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct child_spec spec = *SPEC("sleep", "60");
	spec.extra_fd = fds[1];
	ok(child_run(owner, &f->loop, &spec, 60000, 1000, result, f));
	close(fds[1]);
	mem_free(owner);
	wait_end(fds[0]);
	close(fds[0]);
	assert_int_equal(f->results, 0);
}

static void test_run_sync(void **state)
{
	struct fixture *f = *state;
	struct child_result *r = child_run_sync(f->ctx, SPEC("sh", "-c", "echo out; echo err >&2; exit 3"), 5000, 99);
	assert_null(r->error);
	assert_int_equal(r->code, 3);
	assert_string_equal(r->out, "out\n");
	assert_string_equal(r->err, "err\n");
	r = child_run_sync(f->ctx, SPEC("sleep", "60"), 50, 99);
	assert_int_equal(r->error->code, ERROR_TIMEOUT);
	assert_int_equal(r->code, 128 + SIGKILL);
	r = child_run_sync(f->ctx, SPEC("yes"), 5000, 99);
	assert_int_equal(r->error->code, ERROR_LIMIT);
	r = child_run_sync(f->ctx, SPEC("/no/such/program"), 50, 99);
	assert_int_equal(r->error->code, ERROR_NOT_FOUND);
	assert_string_equal(r->out, "");
}

/* A parent starts a child and dies by SIGKILL, as an agent may; returns the orphan's identity. */
static struct child_identity orphan(const struct child_spec *spec)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t parent = fork();
	if (parent == 0) {
		uv_loop_t loop;
		uv_loop_init(&loop);
		struct child *c = NULL;
		if (child_start(NULL, &loop, spec, NULL, NULL, &c))
			_exit(1);
		struct child_identity id = child_identity(c);
		if (write(fds[1], &id, sizeof id) != sizeof id)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_true(WIFSIGNALED(status));
	struct child_identity id;
	assert_int_equal(read(fds[0], &id, sizeof id), sizeof id);
	close(fds[0]);
	close(fds[1]);
	return id;
}

static void test_adopt(void **state)
{
	struct fixture *f = *state;
	struct child_identity id = orphan(SPEC("sleep", "60"));
	struct child *c = NULL;
	ok(child_adopt(f->ctx, &f->loop, id, ended, f, &c));
	assert_true(child_alive(c));
	assert_int_equal(child_identity(c).pid, id.pid);
	assert_int_equal(kill(id.pid, 0), 0);
	child_stop(c, SIGTERM, DEADLINE_MS * 2);
	run(f);
	assert_int_equal(f->exits, 1);
	assert_false(f->exit.known);
	assert_false(child_alive(c));
}

static void test_adopt_and_kill_after_grace(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct child_spec spec = *SPEC("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done");
	spec.stdout_fd = fds[1];
	struct child_identity id = orphan(&spec);
	close(fds[1]);
	char byte;
	assert_int_equal(read(fds[0], &byte, 1), 1);
	struct child *c = NULL;
	ok(child_adopt(f->ctx, &f->loop, id, ended, f, &c));
	child_stop(c, SIGTERM, 100);
	run(f);
	wait_end(fds[0]);
	close(fds[0]);
}

static void test_adopt_refuses(void **state)
{
	struct fixture *f = *state;
	struct child *c = NULL;
	struct child_identity id = orphan(SPEC("sleep", "60"));
	struct child_identity other = {.pid = id.pid, .start_time = id.start_time - 1};
	fails(child_adopt(f->ctx, &f->loop, other, ended, f, &c), ERROR_NOT_FOUND, "another one");
	ok(child_adopt(f->ctx, &f->loop, id, ended, f, &c));
	child_signal(c, SIGKILL);
	run(f);
	/* its new parent may not have reaped it yet; gone it is either way */
	fails(child_adopt(f->ctx, &f->loop, id, ended, f, &c), ERROR_NOT_FOUND, "process");
	fails(child_adopt(f->ctx, &f->loop, (struct child_identity){.pid = 1}, ended, f, &c), ERROR_NOT_FOUND,
	      "process 1");
}

static void test_forgotten_child_lives_and_is_reaped(void **state)
{
	struct fixture *f = *state;
	struct child *c = start(f, SPEC("sleep", "60"));
	struct child_identity id = child_identity(c);
	mem_free(c);
	ok(child_adopt(f->ctx, &f->loop, id, ended, f, &c));
	child_signal(c, SIGKILL);
	run(f);
	int64_t until = clock_mono_ms() + DEADLINE_MS;
	while (kill(id.pid, 0) == 0 && clock_mono_ms() < until)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(kill(id.pid, 0), -1);
	assert_int_equal(f->exits, 1);
}

static struct error *make_note(struct child_identity id, void *arg)
{
	FILE *file = fopen(arg, "w");
	fprintf(file, "%d\n", (int)id.pid);
	fclose(file);
	return NULL;
}

static struct error *refuse(struct child_identity id, void *arg)
{
	*(pid_t *)arg = id.pid;
	return error_new(ERROR_LIMIT, "no room for a note");
}

static struct error *die(struct child_identity id, void *arg)
{
	(void)id;
	(void)arg;
	kill(getpid(), SIGKILL);
	return NULL;
}

static void test_prepare(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/base_child_test.XXXXXX";
	close(mkstemp(path));
	struct child_spec spec = *SPEC("sh", "-c", "[ \"$(cat $0)\" = $$ ]", path);
	spec.prepare = make_note;
	spec.prepare_arg = path;
	start(f, &spec);
	run(f);
	assert_int_equal(f->exit.code, 0);
	pid_t pid = 0;
	spec.prepare = refuse;
	spec.prepare_arg = &pid;
	struct child *c = NULL;
	fails(child_start(f->ctx, &f->loop, &spec, ended, f, &c), ERROR_LIMIT, "no room for a note");
	assert_true(pid > 0);
	assert_int_equal(kill(pid, 0), -1);
	unlink(path);
}

/* A parent that dies before it could make its note leaves nothing behind. */
static void test_death_in_prepare(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t parent = fork();
	if (parent == 0) {
		uv_loop_t loop;
		uv_loop_init(&loop);
		struct child_spec spec = *SPEC("sh", "-c", "echo it ran");
		spec.stdout_fd = fds[1];
		spec.prepare = die;
		struct child *c = NULL;
		error_free(child_start(NULL, &loop, &spec, NULL, NULL, &c));
		_exit(1);
	}
	close(fds[1]);
	int status;
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_true(WIFSIGNALED(status));
	char byte;
	alarm(DEADLINE_MS / 1000);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	alarm(0);
	close(fds[0]);
}

static void test_user(void **state)
{
	struct fixture *f = *state;
	if (geteuid() != 0)
		skip();
	struct child_spec spec = *SPEC("sh", "-c", "id -u; id -g; id -G");
	spec.set_user = true;
	spec.uid = 65534;
	spec.gid = 65534;
	struct child_result *r = child_run_sync(f->ctx, &spec, 5000, 99);
	assert_null(r->error);
	assert_string_equal(r->out, "65534\n65534\n65534\n");
}

static void test_environment(void **state)
{
	struct fixture *f = *state;
	setenv("DSN_SECRET_OF_TEST", "secret", 1);
	struct child_result *r = child_run_sync(f->ctx, SPEC("env"), 5000, 9999);
	assert_null(r->error);
	assert_non_null(strstr(r->out, "PATH="));
	assert_null(strstr(r->out, "secret"));
	struct child_spec spec = *SPEC("env");
	spec.env = (const char *const[]){"ONLY=this", NULL};
	r = child_run_sync(f->ctx, &spec, 5000, 9999);
	assert_string_equal(r->out, "ONLY=this\n");
}

static void test_signals_are_default(void **state)
{
	struct fixture *f = *state;
	signal(SIGPIPE, SIG_IGN);
	struct child_result *r = child_run_sync(f->ctx, SPEC("grep", "SigIgn", "/proc/self/status"), 5000, 9999);
	signal(SIGPIPE, SIG_DFL);
	assert_true(strncmp(r->out, "SigIgn:\t", 8) == 0);
	/* 32 and 33 are the C library's own: it lets nobody change them, so they stay as whoever started us left them.
	 */
	assert_int_equal(strtoull(r->out + 8, NULL, 16) & ~UINT64_C(0x180000000), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	mem_init();
	const struct CMUnitTest tests[] = {
		TEST(test_exit_code),
		TEST(test_ran_ms),
		TEST(test_own_session),
		TEST(test_start_failures),
		TEST(test_stop_kills_after_grace),
		TEST(test_stop_is_polite),
		TEST(test_family_ends_with_its_head),
		TEST(test_descriptors),
		TEST(test_crossed_descriptors),
		TEST(test_run),
		TEST(test_cpu_time),
		TEST(test_run_bounds),
		TEST(test_control_group),
		TEST(test_run_forgotten),
		TEST(test_run_sync),
		TEST(test_adopt),
		TEST(test_adopt_and_kill_after_grace),
		TEST(test_adopt_refuses),
		TEST(test_forgotten_child_lives_and_is_reaped),
		TEST(test_prepare),
		TEST(test_death_in_prepare),
		TEST(test_user),
		TEST(test_environment),
		TEST(test_signals_are_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
