/* An operation again and again, the fault one call later each time; in a child where it ends the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "base/file.h"
#include "fault.h"

#define MOST_CALLS 5000 /* an operation that makes more does not end */
#define SAMPLE 97       /* every so manieth, where not all are wanted */

static const struct mode {
	const char *name;
	enum fault_site site;
	enum fault_act act;
	bool again; /* after the failure it is done again */
} modes[] = {
	{"one call to the disk fails", FAULT_DISK, FAULT_ONCE, false},
	{"one call to the disk fails, done again", FAULT_DISK, FAULT_ONCE, true},
	{"calls to the disk fail from here on", FAULT_DISK, FAULT_ON, false},
	{"calls to the disk fail from here on, done again", FAULT_DISK, FAULT_ON, true},
	{"killed", FAULT_DISK, FAULT_KILL, false},
	{"the power goes", FAULT_DISK, FAULT_POWER, false},
	{"SQLite gets no memory once", FAULT_SQLITE_MEMORY, FAULT_ONCE, false},
	{"SQLite gets no memory once, done again", FAULT_SQLITE_MEMORY, FAULT_ONCE, true},
	{"SQLite gets no memory from here on", FAULT_SQLITE_MEMORY, FAULT_ON, false},
	{"SQLite gets no memory from here on, done again", FAULT_SQLITE_MEMORY, FAULT_ON, true},
	{"no memory is left", FAULT_TREE_MEMORY, FAULT_ONCE, false},
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

/* Told to the parent, also by a child that is killed. */
struct told {
	bool ended, fired, failed, again_failed;
	long blocks;
	size_t tree;
	char message[512], again_message[512];
};

struct running {
	const struct fault_suite *suite;
	const struct fault_case *one;
	char folder[PATH_MAX], work[PATH_MAX], base[PATH_MAX];
	char *before, *after;
	struct told *told;
	unsigned long runs;
};

/* --- doing it --- */

static struct error *work(const struct running *r, struct fault_world *w)
{
	/* Opening is the operation, or has been done in peace. */
	if (!r->one->run)
		return r->suite->open(w);
	return r->one->run(w);
}

static void tell(char *ret, size_t n, struct error *e)
{
	snprintf(ret, n, "%s", e->message);
	error_free(e);
}

static void forget_world(struct fault_world *w)
{
	talloc_free(w->ctx);
	w->ctx = talloc_new(NULL);
	w->handle = NULL;
}

static void attempt(const struct running *r, const struct mode *m, unsigned long n)
{
	struct fault_world w = {.folder = r->work, .ctx = talloc_new(NULL)};
	size_t tree = talloc_total_blocks(NULL);
	long blocks = fault_blocks();
	struct told *t = r->told;
	struct error *e = NULL;

	if (r->one->run && r->suite->open)
		e = r->suite->open(&w);
	if (e)
		fail_msg("%s: opening in peace: %s", r->one->name, e->message);
	fault_arm(m->site, m->act, n);
	e = work(r, &w);
	fault_disarm();
	t->fired = fault_fired();
	t->failed = e != NULL;
	if (e)
		tell(t->message, sizeof(t->message), e);
	t->ended = true;
	if (m->act == FAULT_POWER)
		fault_power_cut();
	if (t->failed && m->again) {
		if (!r->one->run)
			forget_world(&w);
		e = work(r, &w);
		t->again_failed = e != NULL;
		if (e)
			tell(t->again_message, sizeof(t->again_message), e);
	}
	talloc_free(w.ctx);
	t->tree = talloc_total_blocks(NULL) - (tree - 1);
	t->blocks = fault_blocks() - blocks;
}

static void quiet(void)
{
	const struct rlimit none = {0, 0};
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	setrlimit(RLIMIT_CORE, &none);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* --- judging --- */

static void wrong(const struct running *r, const struct mode *m, unsigned long n, const char *what, const char *more)
{
	fail_msg("%s: %s, call %lu: %s%s%s", r->one->name, m->name, n, what, *more ? ": " : "", more);
}

/* Also the next process can work with what was left. */
static void opens(const struct running *r, const struct mode *m, unsigned long n)
{
	struct fault_world w = {.folder = r->work, .ctx = talloc_new(NULL)};
	struct error *e = r->suite->open ? r->suite->open(&w) : NULL;

	if (e)
		wrong(r, m, n, "it cannot be opened afterwards", e->message);
	talloc_free(w.ctx);
}

/* It comes to its end all the same. */
static void settles(const struct running *r, const struct mode *m, unsigned long n)
{
	struct fault_world w = {.folder = r->work, .ctx = talloc_new(NULL)};
	struct error *e = r->suite->settle(&w);

	if (e)
		wrong(r, m, n, "it cannot be brought to its end afterwards", e->message);
	talloc_free(w.ctx);
}

static char *look(const struct running *r, const char *folder, bool crashed)
{
	return r->suite->look ? r->suite->look(folder, crashed) : fault_look(folder, crashed);
}

static bool ends_process(const struct mode *m)
{
	return m->act == FAULT_KILL || m->act == FAULT_POWER || m->site == FAULT_TREE_MEMORY;
}

/* `signal`: that the process died of. */
static void judge(const struct running *r, const struct mode *m, unsigned long n, int signal)
{
	const struct told *t = r->told;
	char *now;

	if (!t->ended && signal != (m->site == FAULT_TREE_MEMORY ? SIGABRT : SIGKILL))
		wrong(r, m, n, "not the end that was meant for it", signal ? strsignal(signal) : "");
	if (t->failed && !t->fired)
		wrong(r, m, n, "failed without a fault", t->message);
	if (t->failed && !strstr(t->message, r->suite->place) && !(r->one->place && strstr(t->message, r->one->place)))
		wrong(r, m, n, "the error does not say where", t->message);
	if (t->again_failed)
		wrong(r, m, n, "failed again, now without a fault", t->again_message);
	if (!signal && (t->tree || t->blocks)) {
		char text[64];

		snprintf(text, sizeof(text), "%zu of the tree, %ld others", t->tree, t->blocks);
		wrong(r, m, n, "blocks are left", text);
	}
	if (r->suite->settle)
		settles(r, m, n);
	/* Opening makes what is missing, in steps; the next one goes on with them. */
	else if (!r->one->run)
		opens(r, m, n);
	/* Who cannot remove either leaves a temporary file. */
	now = look(r, r->work, signal != 0 || m->act == FAULT_ON);
	if ((r->suite->settle || (t->ended && (!t->failed || m->again))) && strcmp(now, r->after) != 0) {
		print_message("%s\n--- wanted:\n%s\n", now, r->after);
		wrong(r, m, n, "told as done, and not all of it is there", "");
	}
	if ((!r->one->run || strcmp(now, r->before) != 0) && strcmp(now, r->after) != 0) {
		print_message("%s\n--- before:\n%s\n--- after:\n%s\n", now, r->before, r->after);
		wrong(r, m, n, "a part of it was done", t->message);
	}
	free(now);
	opens(r, m, n);
}

/* --- running --- */

static int in_child(const struct running *r, const struct mode *m, unsigned long n)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		quiet();
		attempt(r, m, n);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Was the fault met? */
static bool once(struct running *r, const struct mode *m, unsigned long n)
{
	int signal = 0;

	fault_copy(r->base, r->work);
	memset(r->told, 0, sizeof(*r->told));
	if (ends_process(m))
		signal = in_child(r, m, n);
	else
		attempt(r, m, n);
	r->runs++;
	judge(r, m, n, signal);
	return r->told->fired || !r->told->ended;
}

static void run_mode(struct running *r, const struct mode *m, unsigned long first, unsigned long step)
{
	unsigned long n = first;

	while (once(r, m, n)) {
		n += step;
		if (n > MOST_CALLS)
			wrong(r, m, n, "there is no end to it", "");
	}
}

/* The state of before, and in peace that of after. */
static void learn(struct running *r)
{
	struct fault_world w = {.folder = r->base, .ctx = talloc_new(NULL)};
	fault_fn *prepare = r->one->prepare ? r->one->prepare : r->suite->prepare;
	struct error *e = NULL;

	assert_int_equal(mkdir(r->base, 0711), 0);
	if (prepare) {
		e = r->suite->open ? r->suite->open(&w) : NULL;
		if (!e)
			e = prepare(&w);
	}
	if (e)
		fail_msg("%s: preparing: %s", r->one->name, e->message);
	forget_world(&w);
	r->before = look(r, r->base, false);
	fault_copy(r->base, r->work);
	w.folder = r->work;
	if (r->one->run && r->suite->open)
		e = r->suite->open(&w);
	if (!e)
		e = work(r, &w);
	if (e)
		fail_msg("%s: in peace: %s", r->one->name, e->message);
	forget_world(&w);
	if (r->suite->settle)
		e = r->suite->settle(&w);
	if (e)
		fail_msg("%s: settling in peace: %s", r->one->name, e->message);
	talloc_free(w.ctx);
	r->after = look(r, r->work, false);
}

static void run_case(struct running *r, size_t number)
{
	const char *every = getenv("DSN_FAULT_EVERY");
	unsigned long step = every ? strtoul(every, NULL, 10) : SAMPLE;

	assert_true(step > 0);
	r->runs = 0;
	strcpy(r->folder, "/tmp/dsn-fault-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	assert_int_equal(chmod(r->folder, 0711), 0); /* an agent's units pass it */
	assert_true(snprintf(r->work, sizeof(r->work), "%s/work", r->folder) < (int)sizeof(r->work));
	assert_true(snprintf(r->base, sizeof(r->base), "%s/base", r->folder) < (int)sizeof(r->base));
	learn(r);
	for (size_t i = 0; i < MODES; i++) {
		if (modes[i].act != FAULT_POWER || !r->one->fleeting)
			run_mode(r, &modes[i], step == 1 ? 1 : 1 + (number + i) % step, step);
	}
	print_message("%s: %lu runs\n", r->one->name, r->runs);
	free(r->before);
	free(r->after);
	assert_null(file_remove_tree(r->folder));
}

void fault_run(const struct fault_suite *suite)
{
	struct running r = {.suite = suite};

	talloc_enable_null_tracking();
	r.told = mmap(NULL, sizeof(*r.told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(r.told != MAP_FAILED);
	for (size_t i = 0; i < suite->count; i++) {
		r.one = &suite->cases[i];
		run_case(&r, i);
	}
	munmap(r.told, sizeof(*r.told));
	talloc_disable_null_tracking();
}
