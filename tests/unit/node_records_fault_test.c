/* The notes of running units when the disk, memory or the process ends in the middle: none is taken for another, and a
 * unit that runs is never started a second time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "fault/fault.h"
#include "node/runtime/folders.h"
#include "node/runtime/runtime_process.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define UNIT "u1"
#define LIMIT_MS 15000

/* --- the notes --- */

static struct error *open_records(struct fault_world *w)
{
	struct runtime_process *self = mem_new(w->ctx, struct runtime_process);

	self->node_id = mem_strdup(self, "1111111111111111111111111111111111111111");
	self->folder = mem_strdup(self, w->folder);
	self->real_folder = self->folder;
	self->records = file_join(self, w->folder, "agent");
	self->boot_id = mem_strdup(self, "this boot");
	w->handle = self;
	return file_mkdirs(self->records, 0700);
}

/* Of this process, so that there is one. */
static struct child_identity us(void)
{
	struct process_stat stat = {.start_time = 0};

	assert_null(process_stat_read(getppid(), &stat));
	return (struct child_identity){.pid = getppid(), .start_time = stat.start_time};
}

static struct child_identity noted;

static struct error *prepare(struct fault_world *w)
{
	return runtime_process_record_write(w->handle, UNIT, noted, "old");
}

static struct error *run_write(struct fault_world *w)
{
	return runtime_process_record_write(w->handle, "u2", noted, "new");
}

static struct error *run_over(struct fault_world *w)
{
	return runtime_process_record_write(w->handle, UNIT, noted, "new");
}

static struct error *is_gone(struct fault_world *w)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/agent/" UNIT ".json", w->folder);
	return file_exists(path) ? error_new(ERROR_FAILED, "%s: could not be removed", path) : NULL;
}

static struct error *run_remove(struct fault_world *w)
{
	runtime_process_record_remove(w->handle, UNIT);
	return is_gone(w);
}

static struct error *run_forget(struct fault_world *w)
{
	runtime_process_record_forget(w->handle, UNIT, noted);
	return is_gone(w);
}

/* Nobody is told that there is none. */
static struct error *run_read(struct fault_world *w)
{
	struct runtime_process_record *r = NULL;
	struct error *e = runtime_process_record_read(w->ctx, w->handle, UNIT, &r);

	if (e && !runtime_process_record_withheld(e))
		fail_msg("taken for none: %s", e->message);
	if (!e &&
	    (r->id.pid != noted.pid || r->id.start_time != noted.start_time || strcmp(r->fingerprint, "old") != 0))
		fail_msg("not what was written");
	return e;
}

/* Whose the process is could not be seen: that is no reason to believe the note. */
static struct error *run_read_strangers(struct fault_world *w)
{
	struct runtime_process_record *r = NULL;
	struct error *e = runtime_process_record_read(w->ctx, w->handle, UNIT, &r);

	if (!e)
		fail_msg("a process of another user is believed to be a unit");
	if (runtime_process_record_withheld(e))
		return e;
	error_free(e);
	return NULL;
}

static struct error *run_list(struct fault_world *w)
{
	char **names = NULL;

	TRY(runtime_process_record_list(w->ctx, w->handle, &names));
	if (!names[0] || strcmp(names[0], UNIT) != 0 || names[1])
		fail_msg("not what was written");
	return NULL;
}

static struct child_identity strangers;

static struct error *prepare_strangers(struct fault_world *w)
{
	return runtime_process_record_write(w->handle, UNIT, strangers, "old");
}

static const struct fault_case records[] = {
	{.name = "write", .run = run_write, .fleeting = true},
	{.name = "over an old one", .run = run_over, .fleeting = true},
	{.name = "remove", .run = run_remove, .fleeting = true},
	{.name = "forget", .run = run_forget, .fleeting = true},
	{.name = "read", .run = run_read, .place = "/proc/"},
	{.name = "list", .run = run_list},
};

static void run_records(const struct fault_case *cases, size_t count)
{
	const struct fault_suite suite = {
		.open = open_records, .prepare = prepare, .place = "/work", .cases = cases, .count = count};

	fault_run(&suite);
}

static void notes(void **state)
{
	(void)state;
	noted = us();
	run_records(records, COUNT(records));
}

static void notes_of_strangers(void **state)
{
	static const struct fault_case of_strangers[] = {{.name = "read, of another user",
							  .prepare = prepare_strangers,
							  .run = run_read_strangers,
							  .place = "/proc/"}};
	struct process_stat stat = {.start_time = 0};
	uid_t uid = 0;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root has processes of two users */
	pid = fork();
	if (pid == 0) {
		if (setresuid(65534, 65534, 65534) == 0)
			pause();
		_exit(1);
	}
	assert_true(pid > 0);
	strangers.pid = pid;
	for (int64_t end_ms = clock_mono_ms() + LIMIT_MS; uid == 0 && clock_mono_ms() < end_ms;)
		assert_null(process_user(pid, &uid));
	assert_null(process_stat_read(pid, &stat));
	strangers.start_time = stat.start_time;
	run_records(of_strangers, COUNT(of_strangers));
}

static int end_stranger(void **state)
{
	(void)state;
	if (strangers.pid > 0 && (kill(strangers.pid, SIGKILL) < 0 || waitpid(strangers.pid, NULL, 0) < 0))
		return -1;
	return 0;
}

/* --- the next agent, beside a unit that runs --- */

struct agent {
	uv_loop_t loop;
	void *ctx, *runtime, *unit;
	struct runtime_options options;
	bool told, failed;
};

static void on_started(struct error *e, void *arg)
{
	struct agent *a = arg;

	a->told = true;
	a->failed = e != NULL;
	error_free(e);
}

static void on_exited(const struct child_exit *ex, void *arg)
{
	(void)ex;
	(void)arg;
}

static void wake(void *arg)
{
	(void)arg;
}

static void until_told(struct agent *a)
{
	int64_t end_ms = clock_mono_ms() + LIMIT_MS;
	struct timer *t = timer_start(a->ctx, &a->loop, 10, 10, wake, NULL);

	while (!a->told && clock_mono_ms() < end_ms)
		uv_run(&a->loop, UV_RUN_ONCE);
	mem_free(t);
	assert_true(a->told);
}

static struct error *open_agent(struct agent *a, const char *folder)
{
	const struct runtime_node node = {
		.node_id = "1111111111111111111111111111111111111111", .role = "transcoder", .folder = (char *)folder};

	memset(a, 0, sizeof(*a));
	assert_int_equal(uv_loop_init(&a->loop), 0);
	a->ctx = mem_strdup(NULL, "agent");
	TRY(folders_open(folder, &a->options));
	return runtime_process.open(a->ctx, &a->loop, &a->options, &node, &a->runtime);
}

static void start(struct agent *a, const char *fingerprint)
{
	static const char *const argv[] = {"/bin/sleep", "1000", NULL};
	const struct runtime_unit_spec spec = {.name = UNIT, .fingerprint = fingerprint, .argv = argv};

	runtime_process.start(a->runtime, a->ctx, &spec, on_started, on_exited, a, &a->unit);
	until_told(a);
}

/* As a killed agent does: what it has started runs on. */
static void leave(struct agent *a)
{
	mem_free(a->ctx);
	loop_drain(&a->loop);
	assert_int_equal(uv_loop_close(&a->loop), 0);
}

/* Those that work in the folder; the last one's number. */
static size_t count_there(const char *folder, pid_t *ret_pid)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(proc);
	while ((entry = readdir(proc))) {
		char path[512], cwd[512];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%s/cwd", entry->d_name);
		n = readlink(path, cwd, sizeof(cwd) - 1);
		cwd[n > 0 ? n : 0] = '\0';
		if (strcmp(cwd, folder) != 0)
			continue;
		*ret_pid = (pid_t)strtol(entry->d_name, NULL, 10);
		count++;
	}
	closedir(proc);
	return count;
}

/* Does the nth call fail before all is done? */
static bool next_agent(const char *folder, const char *fingerprint, enum fault_act act, unsigned long n)
{
	struct agent a;
	struct error *e;
	bool met;

	fault_arm(FAULT_DISK, act, n);
	e = open_agent(&a, folder);
	if (!e)
		start(&a, fingerprint);
	fault_disarm();
	met = fault_fired();
	assert_true(met || (!e && !a.failed));
	error_free(e);
	leave(&a);
	return met;
}

/* The same unit is adopted, another one takes its place, or it is said that it cannot be started. */
static void never_twice(void **state)
{
	static const enum fault_act acts[] = {FAULT_ONCE, FAULT_ON};
	char folder[] = "/tmp/dsn-fault-XXXXXX";
	struct agent first;
	pid_t pid = 0, now = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	assert_null(open_agent(&first, folder));
	start(&first, "same");
	assert_false(first.failed);
	leave(&first);
	assert_int_equal(count_there(folder, &pid), 1);
	for (size_t i = 0; i < COUNT(acts); i++) {
		for (unsigned long n = 1; next_agent(folder, "same", acts[i], n); n++) {
			assert_int_equal(count_there(folder, &now), 1);
			assert_int_equal(now, pid);
		}
	}
	for (unsigned long n = 1; next_agent(folder, n % 2 ? "one" : "other", FAULT_ONCE, n); n++)
		assert_in_range(count_there(folder, &now), 0, 1);
	assert_int_equal(count_there(folder, &now), 1);
	assert_int_equal(kill(now, SIGKILL), 0);
	assert_null(file_remove_tree(folder));
}

static void on_swept(struct error *e, void *arg)
{
	error_free(e);
	((struct agent *)arg)->told = true;
}

static void sweep(struct agent *a)
{
	static const char *const none[] = {NULL};

	a->told = false;
	runtime_process.sweep(a->runtime, none, on_swept, a);
	until_told(a);
}

/* Started in peace, swept with the fault; true: it was met. */
static bool sweep_with(const char *folder, unsigned long n)
{
	struct agent a;
	pid_t pid;
	bool met;

	assert_null(open_agent(&a, folder));
	start(&a, "same");
	leave(&a);
	assert_null(open_agent(&a, folder));
	fault_arm(FAULT_DISK, FAULT_ONCE, n);
	sweep(&a);
	fault_disarm();
	met = fault_fired();
	leave(&a);
	assert_null(open_agent(&a, folder));
	sweep(&a);
	leave(&a);
	assert_int_equal(count_there(folder, &pid), 0);
	return met;
}

/* What one sweep could not see, the next one ends. */
static void never_forgotten(void **state)
{
	char folder[] = "/tmp/dsn-fault-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	for (unsigned long n = 1; sweep_with(folder, n); n++)
		;
	assert_null(file_remove_tree(folder));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(notes),
					   cmocka_unit_test_teardown(notes_of_strangers, end_stranger),
					   cmocka_unit_test(never_twice), cmocka_unit_test(never_forgotten)};

	mem_init();
	fault_install();
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
