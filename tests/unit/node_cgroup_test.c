/* What is written where: in folders with files of the kernel's names. What the kernel makes of it is shown by
 * tests/e2e/cgroup_test.py, where one can be had. */
#include "node/runtime/cgroup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "node/runtime/cgroup_impl.h"

#define NODE "1d940000000000000000000000000000000000aa"
#define OTHER "1d940000000000000000000000000000000000bb"
#define DEADLINE_MS 10000

#define FAILS(call, code_, words)                            \
	do {                                                 \
		struct error *e_ = (call);                   \
		assert_non_null(e_);                         \
		assert_int_equal(e_->code, (code_));         \
		assert_non_null(strstr(e_->message, words)); \
		error_free(e_);                              \
	} while (0)

struct fixture {
	uv_loop_t loop;
	struct cgroup *group;
	char folder[64];
};

static char *path_of(const struct fixture *f, const char *name)
{
	return file_join(f->group, f->folder, name);
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	FILE *file = fopen(path_of(f, name), "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static const char *get(const struct fixture *f, const char *name)
{
	char *text = NULL;
	struct error *e = file_read(f->group, path_of(f, name), 1 << 16, &text, NULL);

	if (e)
		fail_msg("%s", e->message);
	return text;
}

static bool is_there(const struct fixture *f, const char *name)
{
	return access(path_of(f, name), F_OK) == 0;
}

/* As the kernel makes one. */
static void make_group(const struct fixture *f, const char *name, bool populated)
{
	static const char *const files[] = {"cgroup.procs", "cgroup.kill",     "pids.max",
					    "memory.max",   "memory.swap.max", "memory.oom.group"};

	assert_int_equal(mkdir(path_of(f, name), 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		put(f, mem_printf(f->group, "%s/%s", name, files[i]), "");
	put(f, mem_printf(f->group, "%s/cgroup.events", name), populated ? "populated 1\nfrozen 0\n" : "populated 0\n");
	put(f, mem_printf(f->group, "%s/memory.events", name), "max 3\noom_kill 2\n");
}

static int setup(void **state)
{
	struct fixture *f = mem_new(NULL, struct fixture);

	uv_loop_init(&f->loop);
	strcpy(f->folder, "/tmp/node_cgroup_test.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->group = mem_new(f, struct cgroup);
	f->group->loop = &f->loop;
	f->group->path = mem_strdup(f->group, f->folder);
	f->group->fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->group->memory = f->group->pids = true;
	put(f, "cgroup.controllers", "cpu memory pids\n");
	put(f, "cgroup.procs", "");
	put(f, "cgroup.subtree_control", "");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct error *e = file_remove_tree(f->folder);

	close(f->group->fd);
	mem_free(f->group);
	loop_drain(&f->loop);
	uv_loop_close(&f->loop);
	mem_free(f);
	assert_null(e);
	return 0;
}

/* --- the agent's group --- */

static void test_prepare(void **state)
{
	struct fixture *f = *state;

	make_group(f, "agent", false);
	assert_null(cgroup_prepare(f->group));
	assert_string_equal(get(f, "cgroup.subtree_control"), "+memory +pids");
	assert_false(f->group->release); /* we are not of this group */
	put(f, "cgroup.controllers", "pids cpu\n");
	put(f, "cgroup.subtree_control", "");
	assert_null(cgroup_prepare(f->group));
	assert_string_equal(get(f, "cgroup.subtree_control"), "+pids");
	assert_false(f->group->memory);
	put(f, "cgroup.controllers", "memory\n");
	put(f, "cgroup.subtree_control", "");
	assert_null(cgroup_prepare(f->group));
	assert_string_equal(get(f, "cgroup.subtree_control"), "+memory");
}

static void test_prepare_without_controllers(void **state)
{
	struct fixture *f = *state;

	put(f, "cgroup.controllers", "cpu hugetlb\n");
	FAILS(cgroup_prepare(f->group), ERROR_NOT_FOUND, "subtree_control of the group above");
	assert_false(is_there(f, "agent")); /* nothing was begun */
	assert_int_equal(unlink(path_of(f, "cgroup.controllers")), 0);
	FAILS(cgroup_prepare(f->group), ERROR_NOT_FOUND, "cgroup.controllers");
}

/* The folder is no group, so its list of processes stays: the rounds are bounded. */
static void test_prepare_moves_what_is_in_it(void **state)
{
	struct fixture *f = *state;

	make_group(f, "agent", false);
	put(f, "cgroup.procs", mem_printf(f->group, "%d\n", (int)getpid()));
	FAILS(cgroup_prepare(f->group), ERROR_UNAVAILABLE, "faster than they can be moved");
	assert_string_equal(get(f, "agent/cgroup.procs"), mem_printf(f->group, "%d", (int)getpid()));
	assert_true(f->group->release); /* the next one will be started here, too */
	assert_string_equal(get(f, "cgroup.subtree_control"), "");
}

static void test_settings(void **state)
{
	struct fixture *f = *state;
	struct cgroup *g = f->group;

	assert_null(cgroup_open(f, &f->loop, NULL, &g));
	assert_null(g);
	assert_string_equal(cgroup_path(g), "none");
	assert_null(cgroup_open(f, &f->loop, "none", &g));
	assert_null(g);
	FAILS(cgroup_open(f, &f->loop, "relative", &g), ERROR_INVALID, "none of auto, none");
	FAILS(cgroup_open(f, &f->loop, "/nowhere/at/all", &g), ERROR_NOT_FOUND, "/nowhere/at/all");
	FAILS(cgroup_open(f, &f->loop, f->folder, &g), ERROR_INVALID, "no control group of version 2");
	FAILS(cgroup_open(f, &f->loop, "/dev/null", &g), ERROR_IO, "/dev/null");
	FAILS(cgroup_release(f->folder), ERROR_INVALID, "no control group of version 2");
	assert_null(cgroup_release("none"));
	assert_string_equal(cgroup_path(f->group), f->folder);
}

/* The folder of a hierarchy of version 2, which needs no controllers here; NULL: none that can be written. */
static char *make_real_group(const void *ctx)
{
	char line[4096], *path = NULL;
	FILE *mounts = fopen("/proc/self/mounts", "re");

	while (mounts && !path && fgets(line, sizeof(line), mounts)) {
		char *rest = line, *point;

		strsep(&rest, " ");
		point = strsep(&rest, " ");
		if (rest && strncmp(rest, "cgroup2 ", 8) == 0)
			path = mem_printf(ctx, "%s/dsn-unit-test-%d", point, (int)getpid());
	}
	if (mounts)
		fclose(mounts);
	return path && mkdir(path, 0755) == 0 ? path : NULL;
}

/* A lock needs no right but to open what is locked. */
static void test_nobody_else_can_lock_it(void **state)
{
	struct fixture *f = *state;
	char *path = make_real_group(f);
	struct stat st;
	int fd = -1, second = -1;
	struct error *e;

	if (!path)
		skip();
	e = cgroup_take(path, &fd);
	if (!e) {
		FAILS(cgroup_take(path, &second), ERROR_EXISTS, "another agent has this control group");
		assert_int_equal(fstat(fd, &st), 0);
		close(fd);
	}
	assert_int_equal(rmdir(path), 0);
	assert_null(e);
	assert_int_equal(st.st_mode & 07777, 0711);
}

/* --- those of units --- */

static void test_limits(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_limits some = {.memory_bytes = 1 << 30, .tasks = 64}, none = {0},
				   independent = {.one_by_one = true};
	int fd = -1;

	make_group(f, NODE "-nginx", false);
	assert_null(cgroup_unit_make(f->group, NODE, "nginx", &some, &fd));
	assert_int_equal(write(fd, "0", 1), 1);
	close(fd);
	assert_string_equal(get(f, NODE "-nginx/cgroup.procs"), "0");
	assert_string_equal(get(f, NODE "-nginx/pids.max"), "64");
	assert_string_equal(get(f, NODE "-nginx/memory.max"), "1073741824");
	assert_string_equal(get(f, NODE "-nginx/memory.swap.max"), "0");
	assert_string_equal(get(f, NODE "-nginx/memory.oom.group"), "1");
	assert_string_equal(get(f, NODE "-nginx/cgroup.kill"), "");
	put(f, NODE "-nginx/memory.oom.group", "");
	assert_null(cgroup_unit_make(f->group, NODE, "nginx", &independent, &fd));
	close(fd);
	assert_string_equal(get(f, NODE "-nginx/memory.oom.group"), "0");
	/* Not every kernel has them. */
	assert_int_equal(unlink(path_of(f, NODE "-nginx/memory.swap.max")), 0);
	assert_int_equal(unlink(path_of(f, NODE "-nginx/memory.oom.group")), 0);
	put(f, NODE "-nginx/pids.max", "");
	put(f, NODE "-nginx/memory.max", "");
	assert_null(cgroup_unit_make(f->group, NODE, "nginx", &none, &fd));
	close(fd);
	assert_string_equal(get(f, NODE "-nginx/pids.max"), "max");
	assert_string_equal(get(f, NODE "-nginx/memory.max"), "max");
}

static void test_only_the_controllers_that_are_there(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_limits some = {.memory_bytes = 1 << 30, .tasks = 64};
	int fd = -1;

	make_group(f, NODE "-nginx", false);
	f->group->memory = false;
	assert_null(cgroup_unit_make(f->group, NODE, "nginx", &some, &fd));
	close(fd);
	assert_string_equal(get(f, NODE "-nginx/memory.max"), "");
	assert_string_equal(get(f, NODE "-nginx/pids.max"), "64");
	assert_int_equal(cgroup_unit_oom_kills(f->group, NODE, "nginx"), 0);
}

static void test_what_an_earlier_run_left_is_killed(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_limits none = {0};
	int fd = -1;

	make_group(f, NODE "-nginx", true);
	assert_null(cgroup_unit_make(f->group, NODE, "nginx", &none, &fd));
	close(fd);
	assert_string_equal(get(f, NODE "-nginx/cgroup.kill"), "1");
}

static void test_a_group_that_cannot_be_had(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_limits none = {0};
	int fd = -1;

	put(f, NODE "-nginx", "no folder");
	FAILS(cgroup_unit_make(f->group, NODE, "nginx", &none, &fd), ERROR_IO, NODE "-nginx");
	assert_int_equal(unlink(path_of(f, NODE "-nginx")), 0);
	assert_int_equal(symlink("/tmp", path_of(f, NODE "-nginx")), 0);
	FAILS(cgroup_unit_make(f->group, NODE, "nginx", &none, &fd), ERROR_IO, NODE "-nginx");
	assert_int_equal(unlink(path_of(f, NODE "-nginx")), 0);
	/* In a folder that is no group there are no files to write. */
	FAILS(cgroup_unit_make(f->group, NODE, "nginx", &none, &fd), ERROR_NOT_FOUND, NODE "-nginx");
	assert_int_equal(fd, -1);
}

/* A test that fails leaves nothing behind. */
static void goes_with_its_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		_exit(1);
}

/* A process that waits to be killed. */
static struct child_identity process_start(void)
{
	struct child_identity id = {.pid = fork()};
	struct process_stat stat;

	if (id.pid == 0) {
		goes_with_its_parent();
		pause();
		_exit(0);
	}
	assert_null(process_stat_read(id.pid, &stat));
	id.start_time = stat.start_time;
	return id;
}

static void process_end(struct child_identity id)
{
	kill(id.pid, SIGKILL);
	assert_int_equal(waitpid(id.pid, NULL, 0), id.pid);
}

static void test_adopt(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_limits some = {.memory_bytes = 1 << 24, .tasks = 7};
	struct child_identity one = process_start(), other = process_start();
	char *members = mem_printf(f->group, "1\n%d\n", one.pid), *first = mem_printf(f->group, "%d", one.pid),
	     *second = mem_printf(f->group, "%d", other.pid);

	make_group(f, NODE "-a", true);
	put(f, NODE "-a/cgroup.procs", members);
	assert_null(cgroup_unit_adopt(f->group, NODE, "a", &some, one));
	assert_string_equal(get(f, NODE "-a/cgroup.procs"), members); /* it is there already */
	assert_string_equal(get(f, NODE "-a/pids.max"), "7");
	assert_string_equal(get(f, NODE "-a/cgroup.kill"), "");
	assert_int_equal(cgroup_unit_oom_kills(f->group, NODE, "a"), 2);
	assert_int_equal(cgroup_unit_oom_kills(f->group, NODE, "b"), 0);
	make_group(f, NODE "-b", false);
	assert_null(cgroup_unit_adopt(f->group, NODE, "b", &some, one));
	assert_string_equal(get(f, NODE "-b/cgroup.procs"), first);
	put(f, NODE "-b/cgroup.procs", "");
	assert_null(cgroup_unit_move(f->group, NODE, "b", other));
	assert_string_equal(get(f, NODE "-b/cgroup.procs"), second);
	FAILS(cgroup_unit_move(f->group, NODE, "c", other), ERROR_NOT_FOUND, NODE "-c");
	process_end(one);
	process_end(other);
}

/* The number was another's when it was looked at. */
static void test_a_pid_that_is_another_s_now(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_limits none = {0};
	struct child_identity id = process_start();

	id.start_time--;
	make_group(f, NODE "-b", false);
	FAILS(cgroup_unit_adopt(f->group, NODE, "b", &none, id), ERROR_NOT_FOUND, "another has its number");
	FAILS(cgroup_unit_move(f->group, NODE, "b", id), ERROR_NOT_FOUND, "another has its number");
	assert_string_equal(get(f, NODE "-b/cgroup.procs"), "");
	process_end(id);
	FAILS(cgroup_unit_move(f->group, NODE, "b", id), ERROR_NOT_FOUND, "");
	assert_string_equal(get(f, NODE "-b/cgroup.procs"), "");
}

/* The kernel's side of a group in which nobody is, into which a pid is written, and whose process is another by then:
 * on a FIFO in place of cgroup.procs, each opening waits for the next step of this. */
static void play_kernel(const char *fifo, struct child_identity id)
{
	char text[16] = "";
	int fd = open(fifo, O_WRONLY | O_CLOEXEC);

	close(fd); /* it reads that nobody is in it, and opens to write */
	kill(id.pid, SIGKILL);
	(void)waitpid(id.pid, NULL, 0);
	fd = open(fifo, O_RDONLY | O_CLOEXEC);
	if (read(fd, text, sizeof(text) - 1) < 0)
		_exit(1);
	close(fd);
	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	_exit(write(fd, text, strlen(text)) < 0);
}

/* It ends after it was looked at, and its number is written when it is another's: that one is let go. */
static void test_a_pid_that_changes_hands(void **state)
{
	struct fixture *f = *state;
	struct child_identity id;
	int told[2], status = 0;
	pid_t kernel;
	char *fifo;

	make_group(f, NODE "-b", false);
	make_group(f, "agent", false);
	fifo = path_of(f, NODE "-b/cgroup.procs");
	assert_int_equal(unlink(fifo), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(pipe(told), 0);
	kernel = fork();
	if (kernel == 0) {
		goes_with_its_parent();
		id = process_start(); /* its own child, so that it can be waited for */
		if (write(told[1], &id, sizeof(id)) != sizeof(id))
			_exit(1);
		play_kernel(fifo, id);
	}
	assert_int_equal(read(told[0], &id, sizeof(id)), sizeof(id));
	close(told[0]);
	close(told[1]);
	FAILS(cgroup_unit_move(f->group, NODE, "b", id), ERROR_NOT_FOUND, "");
	assert_string_equal(get(f, "agent/cgroup.procs"), mem_printf(f->group, "%d", id.pid));
	assert_int_equal(waitpid(kernel, &status, 0), kernel);
	assert_int_equal(status, 0);
}

/* --- ends --- */

static void run_until_ended(struct fixture *f)
{
	int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;

	while (f->group->endings && clock_mono_ms() < deadline_ms)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_null(f->group->endings);
	assert_null(f->group->timer);
}

static void test_end(void **state)
{
	struct fixture *f = *state;

	make_group(f, NODE "-a", true);
	cgroup_unit_end(f->group, NODE, "a");
	assert_string_equal(get(f, NODE "-a/cgroup.kill"), "1");
	assert_non_null(f->group->endings);
	cgroup_unit_end(f->group, NODE, "a"); /* once is enough */
	assert_null(f->group->endings->next);
	/* Files in a folder keep it from being removed, unlike the kernel's in a group. */
	assert_int_equal(rename(path_of(f, NODE "-a"), path_of(f, "away")), 0);
	run_until_ended(f);
	cgroup_unit_end(f->group, NODE, "never there");
	assert_null(f->group->endings);
	cgroup_unit_end(NULL, NODE, "a"); /* an agent without groups */
}

/* cgroup.kill came with Linux 5.14. */
static void test_end_one_by_one(void **state)
{
	struct fixture *f = *state;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(1);
	}
	make_group(f, NODE "-a", true);
	assert_int_equal(unlink(path_of(f, NODE "-a/cgroup.kill")), 0);
	put(f, NODE "-a/cgroup.procs", mem_printf(f->group, "%d\n", (int)pid));
	cgroup_unit_end(f->group, NODE, "a");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_made_again_while_it_ends(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_limits none = {0};
	int fd = -1;

	make_group(f, NODE "-a", true);
	cgroup_unit_end(f->group, NODE, "a");
	assert_non_null(f->group->endings);
	assert_null(cgroup_unit_make(f->group, NODE, "a", &none, &fd));
	close(fd);
	assert_null(f->group->endings); /* nothing ends the new one */
	assert_null(f->group->timer);
}

static bool is_of_node(const char *node_id, const char *unit, void *arg)
{
	(void)arg;
	assert_true(strcmp(unit, "a") == 0 || strcmp(unit, "job-x") == 0);
	return !strcmp(node_id, NODE);
}

static void test_sweep(void **state)
{
	struct fixture *f = *state;
	static const char *const others[] = {"agent", ".control", "operators-own", NODE, NODE "-", "XX" NODE "-a"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_int_equal(mkdir(path_of(f, others[i]), 0755), 0);
	make_group(f, NODE "-a", true);
	make_group(f, OTHER "-job-x", true);
	cgroup_sweep(f->group, is_of_node, NULL);
	assert_string_equal(get(f, NODE "-a/cgroup.kill"), "");
	assert_string_equal(get(f, OTHER "-job-x/cgroup.kill"), "1");
	assert_non_null(f->group->endings);
	assert_null(f->group->endings->next);
	cgroup_sweep(NULL, is_of_node, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_prepare, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prepare_without_controllers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prepare_moves_what_is_in_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_else_can_lock_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_the_controllers_that_are_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_an_earlier_run_left_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_group_that_cannot_be_had, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_pid_that_is_another_s_now, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_pid_that_changes_hands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_one_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_made_again_while_it_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
