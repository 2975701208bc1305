#include "node/runtime/runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "node/runtime/folders.h"

#define DEADLINE_MS 15000

struct fixture {
	uv_loop_t loop;
	void *ctx;
	char *folder;
	void *runtime;
	struct runtime_options options;
};

/* What a unit's owner hears. */
struct heard {
	int done, exited;
	enum error_code failure;
	char message[256];
	struct child_exit exit;
	void *unit;
};

static void open_runtime(struct fixture *f)
{
	const struct runtime_node node = {
		.node_id = "1d940000000000000000000000000000000000aa", .role = "transcoder", .folder = f->folder};
	struct error *e = folders_open(f->folder, &f->options);
	if (!e)
		e = runtime_process.open(f->ctx, &f->loop, &f->options, &node, &f->runtime);
	if (e)
		fail_msg("%s", e->message);
}

/* Another agent: forgets all it knew, as one that was killed. */
static void reopen(struct fixture *f)
{
	mem_free(f->ctx);
	f->ctx = talloc_new(NULL);
	open_runtime(f);
}

static int setup(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	struct fixture *f = calloc(1, sizeof *f);
	uv_loop_init(&f->loop);
	f->ctx = talloc_new(NULL);
	char folder[] = "/tmp/node_runtime_process_test.XXXXXX";
	assert_non_null(mkdtemp(folder));
	chmod(folder, 0755);
	f->folder = strdup(folder);
	open_runtime(f);
	*state = f;
	return 0;
}

static void swept(struct error *e, void *arg)
{
	assert_null(e);
	*(bool *)arg = true;
}

static void wake_up(void *arg)
{
	(void)arg;
}

static void until(struct fixture *f, bool (*condition)(void *), void *arg)
{
	int64_t deadline = clock_mono_ms() + DEADLINE_MS;
	struct timer *tick = timer_start(f->ctx, &f->loop, 10, 10, wake_up, NULL);
	while (!condition(arg)) {
		if (clock_mono_ms() > deadline)
			fail_msg("not within the deadline");
		uv_run(&f->loop, UV_RUN_ONCE);
	}
	mem_free(tick);
}

static bool is_set(void *arg)
{
	return *(bool *)arg;
}

static void sweep(struct fixture *f, const char *const *keep)
{
	bool over = false;
	runtime_process.sweep(f->runtime, keep, swept, &over);
	assert_false(over);
	until(f, is_set, &over);
}

/* Does no process work in the folder? */
static bool is_unused(void *folder)
{
	bool used = false;
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	while ((entry = readdir(proc))) {
		char path[512], cwd[512];
		snprintf(path, sizeof path, "/proc/%s/cwd", entry->d_name);
		ssize_t n = readlink(path, cwd, sizeof cwd - 1);
		cwd[n > 0 ? n : 0] = '\0';
		used |= strcmp(cwd, folder) == 0;
	}
	closedir(proc);
	return !used;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	bool over = false;
	reopen(f); /* what the units would tell is on a stack that is gone */
	runtime_process.purge(f->runtime, swept, &over);
	until(f, is_set, &over);
	until(f, is_unused, f->folder); /* helpers of a unit die right after it */
	mem_free(f->ctx);
	loop_drain(&f->loop);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	struct error *e = file_remove_tree(f->folder);
	assert_null(e);
	free(f->folder);
	free(f);
	return 0;
}

static void on_done(struct error *e, void *arg)
{
	struct heard *h = arg;
	h->done++;
	h->failure = e ? e->code : 0;
	snprintf(h->message, sizeof h->message, "%s", e ? e->message : "");
	error_free(e);
}

static void on_exit_(const struct child_exit *ex, void *arg)
{
	struct heard *h = arg;
	assert_int_equal(h->done, 1);
	h->exited++;
	h->exit = *ex;
}

static bool is_done(void *arg)
{
	return ((struct heard *)arg)->done > 0;
}

static bool is_over(void *arg)
{
	return ((struct heard *)arg)->exited > 0;
}

static char *path_of(struct fixture *f, const char *name)
{
	return mem_printf(f->ctx, "%s/%s", f->folder, name);
}

static void start(struct fixture *f, struct heard *h, const char *name, const char *fingerprint,
		  const char *const *argv)
{
	*h = (struct heard){0};
	const struct runtime_unit_spec spec = {
		.name = name,
		.argv = argv,
		.fingerprint = fingerprint,
		.log_path = mem_printf(f->ctx, "%s/log/%s.log", f->folder, name),
		.log_limit = 1000,
		.progress_path = mem_printf(f->ctx, "%s/progress/%s.progress", f->folder, name),
	};
	runtime_process.start(f->runtime, f->ctx, &spec, on_done, on_exit_, h, &h->unit);
	assert_int_equal(h->done, 0);
}
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SLEEP ARGV("sleep", "300")

static void started(struct fixture *f, struct heard *h, const char *name, const char *fingerprint,
		    const char *const *argv)
{
	start(f, h, name, fingerprint, argv);
	until(f, is_done, h);
	if (h->failure)
		fail_msg("%s", h->message);
}

static char *text_of(struct fixture *f, const char *name)
{
	char *text = NULL;
	struct error *e = file_read(f->ctx, path_of(f, name), 1 << 20, &text, NULL);
	if (e)
		fail_msg("%s", e->message);
	return text;
}

static pid_t pid_of(struct fixture *f, const char *name)
{
	const char *field = strstr(text_of(f, mem_printf(f->ctx, "agent/%s.json", name)), "\"pid\":");
	assert_non_null(field);
	return (pid_t)atoi(strpbrk(field, "123456789"));
}

static bool has_record(struct fixture *f, const char *name)
{
	return file_exists(path_of(f, mem_printf(f->ctx, "agent/%s.json", name)));
}

static bool is_gone(void *arg)
{
	struct process_stat stat;
	struct error *e = process_stat_read(*(pid_t *)arg, &stat);
	bool gone = e || stat.ended;
	error_free(e);
	return gone;
}

static void test_start_and_exit(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	started(f, &h, "job-encode", "aa", ARGV("sh", "-c", "echo out; echo err >&2; echo frame=1 >&3; pwd; exit 7"));
	until(f, is_over, &h);
	assert_true(h.exit.known);
	assert_int_equal(h.exit.code, 7);
	assert_string_equal(text_of(f, "log/job-encode.log"), mem_printf(f->ctx, "out\nerr\n%s\n", f->folder));
	assert_string_equal(text_of(f, "progress/job-encode.progress"), "frame=1\n");
	assert_false(has_record(f, "job-encode"));
	/* the log goes on, progress begins anew */
	started(f, &h, "job-encode", "aa", ARGV("sh", "-c", "echo again; echo frame=2 >&3"));
	until(f, is_over, &h);
	assert_non_null(strstr(text_of(f, "log/job-encode.log"), "err\n"));
	assert_non_null(strstr(text_of(f, "log/job-encode.log"), "again\n"));
	assert_string_equal(text_of(f, "progress/job-encode.progress"), "frame=2\n");
	assert_int_equal(h.done, 1);
	assert_int_equal(h.exited, 1);
}

static void test_start_fails(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	start(f, &h, "u", "aa", ARGV("/no/such/program"));
	until(f, is_done, &h);
	assert_int_equal(h.failure, ERROR_NOT_FOUND);
	assert_non_null(strstr(h.message, "/no/such/program"));
	assert_false(has_record(f, "u"));
	assert_int_equal(h.exited, 0);
}

static void test_links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	char *victim = path_of(f, "victim");
	assert_int_equal(symlink(victim, path_of(f, "log/u.log")), 0);
	start(f, &h, "u", "aa", SLEEP);
	until(f, is_done, &h);
	assert_true(h.failure != 0);
	assert_false(file_exists(victim));
}

static void test_signal_and_stop(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	started(f, &h, "u", "aa", SLEEP);
	runtime_process.signal(f->runtime, h.unit, SIGINT);
	until(f, is_over, &h);
	assert_int_equal(h.exit.signal, SIGINT);
	started(f, &h, "u", "aa", ARGV("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"));
	while (strcmp(text_of(f, "log/u.log"), "ready\n") != 0)
		usleep(1000);
	runtime_process.stop(f->runtime, h.unit, SIGTERM, 100);
	until(f, is_over, &h);
	assert_int_equal(h.exit.signal, SIGKILL);
}

static void test_adoption(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	started(f, &h, "u", "aa", SLEEP);
	pid_t pid = pid_of(f, "u");
	reopen(f);
	assert_int_equal(kill(pid, 0), 0);
	started(f, &h, "u", "aa", SLEEP);
	assert_int_equal(pid_of(f, "u"), pid);
	assert_int_equal(runtime_process.pid(f->runtime, h.unit), pid);
	runtime_process.stop(f->runtime, h.unit, SIGTERM, DEADLINE_MS);
	until(f, is_over, &h);
	assert_false(has_record(f, "u"));
}

static void test_another_fingerprint_replaces(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	started(f, &h, "u", "aa", SLEEP);
	pid_t pid = pid_of(f, "u");
	reopen(f);
	started(f, &h, "u", "ab", SLEEP);
	assert_int_not_equal(pid_of(f, "u"), pid);
	assert_true(is_gone(&pid));
	assert_int_equal(h.exited, 0);
}

/* Both in one agent: the record of the new one survives the end of the old one. */
static void test_replaced_by_the_same_agent(void **state)
{
	struct fixture *f = *state;
	struct heard old, new;
	started(f, &old, "u", "aa", SLEEP);
	pid_t pid = pid_of(f, "u");
	started(f, &new, "u", "ab", SLEEP);
	until(f, is_over, &old);
	assert_true(is_gone(&pid));
	pid = pid_of(f, "u");
	assert_false(is_gone(&pid));
	assert_int_equal(new.exited, 0);
}

static void test_stopped_while_it_replaces(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	started(f, &h, "u", "aa", SLEEP);
	pid_t pid = pid_of(f, "u");
	reopen(f);
	start(f, &h, "u", "ab", SLEEP);
	runtime_process.stop(f->runtime, h.unit, SIGTERM, 100);
	until(f, is_done, &h);
	assert_int_equal(h.failure, ERROR_REFUSED);
	assert_true(is_gone(&pid));
}

/* The agent itself is a process that dies by SIGKILL; its unit goes on writing and is found again. */
static void test_killed_owner(void **state)
{
	struct fixture *f = *state;
	pid_t agent = fork();
	if (agent == 0) {
		struct fixture own = {.folder = f->folder, .ctx = talloc_new(NULL)};
		uv_loop_init(&own.loop);
		open_runtime(&own);
		struct heard h;
		started(&own, &h, "u", "aa", ARGV("sh", "-c", "while :; do echo frame=1 >&3; sleep 0.02; done"));
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(agent, &status, 0), agent);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	pid_t pid = pid_of(f, "u");
	assert_int_equal(kill(pid, 0), 0);
	struct heard h;
	started(f, &h, "u", "aa", ARGV("false"));
	assert_int_equal(pid_of(f, "u"), pid);
	size_t before = strlen(text_of(f, "progress/u.progress"));
	int64_t deadline = clock_mono_ms() + DEADLINE_MS;
	while (strlen(text_of(f, "progress/u.progress")) <= before && clock_mono_ms() < deadline)
		usleep(10000);
	assert_true(strlen(text_of(f, "progress/u.progress")) > before);
	runtime_process.stop(f->runtime, h.unit, SIGTERM, 1000);
	until(f, is_over, &h);
	assert_false(h.exit.known);
	assert_true(is_gone(&pid));
}

static void test_sweep(void **state)
{
	struct fixture *f = *state;
	struct heard a, b, c;
	started(f, &a, "a", "aa", SLEEP);
	started(f, &b, "b", "aa", SLEEP);
	pid_t pid_a = pid_of(f, "a"), pid_b = pid_of(f, "b");
	reopen(f);
	started(f, &c, "c", "aa", SLEEP);
	pid_t pid_c = pid_of(f, "c");
	sweep(f, ARGV("b"));
	assert_true(is_gone(&pid_a));
	assert_true(is_gone(&pid_c));
	assert_int_equal(kill(pid_b, 0), 0);
	assert_false(has_record(f, "a"));
	assert_false(has_record(f, "c"));
	assert_int_equal(c.exited, 1);
	sweep(f, NULL);
	assert_true(is_gone(&pid_b));
	sweep(f, NULL);
}

static void test_unit_freed_while_swept(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	started(f, &h, "u", "aa", SLEEP);
	pid_t pid = pid_of(f, "u");
	bool over = false;
	runtime_process.sweep(f->runtime, NULL, swept, &over);
	mem_free(h.unit);
	assert_false(over);
	until(f, is_set, &over);
	until(f, is_gone, &pid);
	assert_int_equal(h.exited, 0);
}

static void write_record(struct fixture *f, const char *name, pid_t pid, const char *start_time, const char *boot_id)
{
	char *text =
		mem_printf(f->ctx, "{\"pid\":\"%d\",\"start_time\":\"%s\",\"boot_id\":\"%s\",\"fingerprint\":\"aa\"}",
			   (int)pid, start_time, boot_id);
	struct error *e =
		file_write_atomic(path_of(f, mem_printf(f->ctx, "agent/%s.json", name)), text, strlen(text), 0600);
	assert_null(e);
}

static char *boot_id(struct fixture *f)
{
	char *id = NULL;
	struct error *e = file_read(f->ctx, "/proc/sys/kernel/random/boot_id", 128, &id, NULL);
	assert_null(e);
	id[strcspn(id, "\n")] = '\0';
	return id;
}

/* A bystander must never be adopted, stopped or killed for what an old or forged record says. */
static void test_records_that_lie(void **state)
{
	struct fixture *f = *state;
	pid_t bystander = fork();
	if (bystander == 0) {
		setsid();
		execlp("sleep", "sleep", "300", NULL);
		_exit(127);
	}
	struct process_stat stat;
	assert_null(process_stat_read(bystander, &stat));
	char *start_time = mem_printf(f->ctx, "%llu", (unsigned long long)stat.start_time);
	char *other_time = mem_printf(f->ctx, "%llu", (unsigned long long)stat.start_time - 1);
	struct heard h;
	write_record(f, "reused", bystander, other_time, boot_id(f));
	write_record(f, "rebooted", bystander, start_time, "00000000-0000-0000-0000-000000000000");
	sweep(f, NULL);
	write_record(f, "reused", bystander, other_time, boot_id(f));
	started(f, &h, "reused", "aa", SLEEP);
	assert_int_not_equal(pid_of(f, "reused"), bystander);
	write_record(f, "rebooted", bystander, start_time, "00000000-0000-0000-0000-000000000000");
	started(f, &h, "rebooted", "aa", SLEEP);
	assert_int_not_equal(pid_of(f, "rebooted"), bystander);
	if (geteuid() == 0) {
		write_record(f, "forged", bystander, start_time, boot_id(f));
		assert_int_equal(chown(path_of(f, "agent/forged.json"), 65534, 65534), 0);
		sweep(f, ARGV("reused", "rebooted"));
	}
	static const char *const garbage[] = {"", "{}", "[1]", "{\"pid\":1}", "{\"pid\":\"-1\"}", "\xff"};
	for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
		assert_null(file_write_atomic(path_of(f, "agent/garbage.json"), garbage[i], strlen(garbage[i]), 0600));
		sweep(f, ARGV("reused", "rebooted"));
		assert_false(has_record(f, "garbage"));
	}
	assert_int_equal(waitpid(bystander, NULL, WNOHANG), 0);
	/* and when all is true, it is ours */
	write_record(f, "true", bystander, start_time, boot_id(f));
	started(f, &h, "true", "aa", SLEEP);
	assert_int_equal(pid_of(f, "true"), bystander);
	runtime_process.stop(f->runtime, h.unit, SIGTERM, DEADLINE_MS);
	until(f, is_over, &h);
}

/* The master was killed while no agent watched: its workers hold the port and must go before the new one comes. */
static void test_left_over_workers(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	started(f, &h, "nginx", "aa", ARGV("sh", "-c", "sleep 300 & echo $!; wait"));
	while (!strchr(text_of(f, "log/nginx.log"), '\n'))
		usleep(1000);
	pid_t master = pid_of(f, "nginx"), worker = (pid_t)atoi(text_of(f, "log/nginx.log"));
	/* nobody watches: not even the loop runs between */
	kill(master, SIGKILL);
	mem_free(h.unit);
	until(f, is_gone, &master);
	/* the forgotten child's watch has killed the group; a worker that nobody killed: */
	until(f, is_gone, &worker);
	pid_t agent = fork();
	if (agent == 0) {
		struct fixture own = {.folder = f->folder, .ctx = talloc_new(NULL)};
		uv_loop_init(&own.loop);
		open_runtime(&own);
		started(&own, &h, "other", "aa", ARGV("sh", "-c", "sleep 300 & echo $!; wait"));
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(agent, NULL, 0), agent);
	while (!file_exists(path_of(f, "log/other.log")) || !strchr(text_of(f, "log/other.log"), '\n'))
		usleep(1000);
	master = pid_of(f, "other");
	worker = (pid_t)atoi(text_of(f, "log/other.log"));
	kill(master, SIGKILL);
	until(f, is_gone, &master);
	assert_false(is_gone(&worker));
	started(f, &h, "other", "aa", SLEEP);
	assert_true(is_gone(&worker));
}

static void test_log_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	started(f, &h, "u", "aa", ARGV("sh", "-c", "seq 10000 19999; exec sleep 300"));
	struct stat st;
	int64_t deadline = clock_mono_ms() + DEADLINE_MS;
	do {
		uv_run(&f->loop, UV_RUN_NOWAIT);
		usleep(10000);
		assert_int_equal(stat(path_of(f, "log/u.log"), &st), 0);
	} while ((st.st_size == 0 || st.st_size > 1000) && clock_mono_ms() < deadline);
	char *text = text_of(f, "log/u.log");
	assert_in_range(strlen(text), 400, 500);
	assert_int_equal(strspn(text, "0123456789"), 5);
	assert_string_equal(text + strlen(text) - 6, "19999\n");
}

struct ran {
	bool over;
	int code;
	enum error_code error;
	char out[64], err[64];
};

static void on_ran(const struct child_result *r, void *arg)
{
	struct ran *ran = arg;
	ran->over = true;
	ran->code = r->code;
	ran->error = r->error ? r->error->code : 0;
	snprintf(ran->out, sizeof ran->out, "%s", r->out);
	snprintf(ran->err, sizeof ran->err, "%s", r->err);
}

static void test_run(void **state)
{
	struct fixture *f = *state;
	struct ran ran = {0};
	runtime_process.run(f->runtime, ARGV("sh", "-c", "echo out; echo err >&2; exit 4"), 5000, on_ran, &ran);
	assert_false(ran.over);
	until(f, is_set, &ran.over);
	assert_int_equal(ran.code, 4);
	assert_string_equal(ran.out, "out\n");
	assert_string_equal(ran.err, "err\n");
	ran = (struct ran){0};
	runtime_process.run(f->runtime, ARGV("/no/such/program"), 5000, on_ran, &ran);
	assert_false(ran.over);
	until(f, is_set, &ran.over);
	assert_int_equal(ran.error, ERROR_NOT_FOUND);
	ran = (struct ran){0};
	runtime_process.run(f->runtime, SLEEP, 50, on_ran, &ran);
	until(f, is_set, &ran.over);
	assert_int_equal(ran.error, ERROR_TIMEOUT);
}

struct listed {
	bool over;
	enum error_code error;
	size_t count;
	pid_t pid; /* of the first */
	char title[64];
};

static void on_listed(struct error *e, const struct runtime_child *list, size_t count, void *arg)
{
	struct listed *l = arg;
	l->over = true;
	l->error = e ? e->code : 0;
	l->count = count;
	if (count) {
		l->pid = list[0].pid;
		snprintf(l->title, sizeof l->title, "%s", list[0].title);
	}
	error_free(e);
}

static void listed(struct fixture *f, void *unit, struct listed *l)
{
	*l = (struct listed){0};
	runtime_process.list(f->runtime, unit, on_listed, l);
	assert_false(l->over);
	until(f, is_set, &l->over);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct heard h, other;
	struct listed l;
	started(f, &other, "other", "aa", SLEEP);
	started(f, &h, "u", "aa", ARGV("sh", "-c", "sleep 300 & echo $! >&2; wait; sleep 301; exit 0"));
	do
		listed(f, h.unit, &l);
	while (!l.count || strcmp(l.title, "sleep 300") != 0 || !strchr(text_of(f, "log/u.log"), '\n'));
	assert_int_equal(l.count, 1);
	assert_int_equal(l.pid, atoi(text_of(f, "log/u.log")));
	listed(f, other.unit, &l);
	assert_int_equal(l.error, 0);
	assert_int_equal(l.count, 0);
	/* adopted */
	reopen(f);
	started(f, &h, "u", "aa", ARGV("sh", "-c", "sleep 300 & echo $! >&2; wait; sleep 301; exit 0"));
	listed(f, h.unit, &l);
	assert_int_equal(l.count, 1);
	runtime_process.stop(f->runtime, h.unit, SIGKILL, 1000);
	until(f, is_over, &h);
	listed(f, h.unit, &l);
	assert_int_equal(l.error, ERROR_NOT_FOUND);
	assert_int_equal(l.count, 0);
}

static void never_listed(struct error *e, const struct runtime_child *list, size_t count, void *arg)
{
	(void)e;
	(void)list;
	(void)count;
	(void)arg;
	fail_msg("the unit was freed");
}

static void test_unit_freed_while_listed(void **state)
{
	struct fixture *f = *state;
	struct heard h;
	struct listed l;
	started(f, &h, "u", "aa", SLEEP);
	runtime_process.list(f->runtime, h.unit, never_listed, NULL);
	mem_free(h.unit);
	started(f, &h, "other", "aa", SLEEP);
	listed(f, h.unit, &l);
	assert_int_equal(l.error, 0);
}

static void test_unprivileged_user(void **state)
{
	struct fixture *f = *state;
	if (geteuid() != 0)
		skip();
	struct heard h;
	f->options = (struct runtime_options){.set_user = true, .uid = 65533, .gid = 65533};
	reopen(f);
	started(f, &h, "u", "aa", SLEEP);
	pid_t pid = pid_of(f, "u");
	f->options = (struct runtime_options){.set_user = true, .uid = 65534, .gid = 65534};
	reopen(f);
	/* the same arguments, but another user: replaced */
	started(f, &h, "u", "aa",
		ARGV("sh", "-c", "id -u; echo frame=1 >&3; touch run/mine; touch mine; exec sleep 300"));
	assert_int_not_equal(pid_of(f, "u"), pid);
	assert_true(is_gone(&pid));
	while (!strstr(text_of(f, "log/u.log"), "cannot touch"))
		usleep(1000);
	assert_non_null(strstr(text_of(f, "log/u.log"), "65534\n"));
	assert_true(file_exists(path_of(f, "run/mine")));
	assert_false(file_exists(path_of(f, "mine")));
	pid = pid_of(f, "u");
	reopen(f);
	started(f, &h, "u", "aa", SLEEP);
	assert_int_equal(pid_of(f, "u"), pid);
	/* a folder the user may not enter is refused by name */
	chmod(f->folder, 0700);
	const struct runtime_node node = {.node_id = "x", .role = "storage", .folder = f->folder};
	void *runtime = NULL;
	struct error *e = runtime_process.open(f->ctx, &f->loop, &f->options, &node, &runtime);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_REFUSED);
	assert_non_null(strstr(e->message, f->folder));
	error_free(e);
	chmod(f->folder, 0755);
}

static void test_table(void **state)
{
	struct fixture *f = *state;
	assert_ptr_equal(runtime_find("process"), &runtime_process);
	assert_ptr_equal(runtime_find("docker"), &runtime_docker);
	assert_null(runtime_find("lxc"));
	assert_string_equal(runtime_process.path(f->runtime), f->folder);
	assert_string_equal(runtime_process.progress_url(f->runtime, f->ctx, "/x"), "pipe:3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	mem_init();
	const struct CMUnitTest tests[] = {
		TEST(test_start_and_exit),
		TEST(test_start_fails),
		TEST(test_links_are_not_followed),
		TEST(test_signal_and_stop),
		TEST(test_adoption),
		TEST(test_another_fingerprint_replaces),
		TEST(test_replaced_by_the_same_agent),
		TEST(test_stopped_while_it_replaces),
		TEST(test_killed_owner),
		TEST(test_sweep),
		TEST(test_unit_freed_while_swept),
		TEST(test_records_that_lie),
		TEST(test_left_over_workers),
		TEST(test_log_is_bounded),
		TEST(test_run),
		TEST(test_list),
		TEST(test_unit_freed_while_listed),
		TEST(test_unprivileged_user),
		TEST(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
