#include "base/process.h"

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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

/* More than one page of /proc/.../children. */
#define MANY 1200
#define OLDER 300

static pid_t fork_waiting(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static size_t count_of(pid_t pid, const pid_t *looked_for, size_t looked_for_count)
{
	pid_t *pids = NULL;
	size_t count = 0, found = 0;
	struct error *e = process_children(NULL, pid, &pids, &count);

	if (e)
		fail_msg("%s", e->message);
	for (size_t i = 0; i < looked_for_count; i++)
		for (size_t k = 0; k < count; k++)
			found += pids[k] == looked_for[i];
	mem_free(pids);
	return found;
}

static void test_children(void **state)
{
	static pid_t pids[MANY];

	(void)state;
	pids[0] = fork_waiting();
	assert_int_equal(count_of(getpid(), pids, 1), 1);
	assert_int_equal(count_of(pids[0], pids, 1), 0);
	for (size_t i = 1; i < MANY; i++)
		pids[i] = fork_waiting();
	assert_int_equal(count_of(getpid(), pids, MANY), MANY);
	for (size_t i = 0; i < MANY; i++)
		end(pids[i]);
	assert_int_equal(count_of(getpid(), pids, MANY), 0);
}

/* Lists the parent's children until nothing can be read from `fd` any more; 0: each list had all of `pids`. */
static int watch(pid_t parent, int fd, const pid_t *pids, size_t count)
{
	size_t lists = 0;
	char byte;

	while (read(fd, &byte, 1) < 0 && errno == EAGAIN) {
		pid_t *listed = NULL;
		size_t listed_count = 0, found = 0;
		struct error *e = process_children(NULL, parent, &listed, &listed_count);

		if (e && e->code != ERROR_UNAVAILABLE)
			return 1;
		/* Both are in the order in which they were started. */
		for (size_t i = 0; i < listed_count && found < count; i++)
			found += listed[i] == pids[found];
		if (!e && found < count)
			return 2;
		lists += !e;
		error_free(e);
		mem_free(listed);
	}
	return lists ? 0 : 3;
}

/* While children are buried the kernel's list may lack others: ours never does. */
static void test_children_are_buried_meanwhile(void **state)
{
	static pid_t older[OLDER], pids[MANY];
	int over[2], status = 0;

	(void)state;
	for (size_t i = 0; i < OLDER; i++)
		older[i] = fork_waiting();
	for (size_t i = 0; i < MANY; i++)
		pids[i] = fork_waiting();
	assert_int_equal(pipe2(over, O_NONBLOCK), 0);
	pid_t parent = getpid(), watcher = fork();
	assert_true(watcher >= 0);
	if (watcher == 0) {
		close(over[1]);
		_exit(watch(parent, over[0], pids, MANY));
	}
	for (size_t i = 0; i < OLDER; i++) {
		end(older[i]);
		usleep(2000);
	}
	close(over[1]);
	assert_int_equal(waitpid(watcher, &status, 0), watcher);
	for (size_t i = 0; i < MANY; i++)
		end(pids[i]);
	close(over[0]);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_process(void **state)
{
	pid_t pid = fork_waiting(), *pids = NULL;
	size_t count = 7;

	(void)state;
	end(pid);
	struct error *e = process_children(NULL, pid, &pids, &count);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
	assert_null(pids);
	assert_int_equal(count, 7);
	error_free(e);
	char *title = process_title(NULL, pid);
	assert_string_equal(title, "");
	mem_free(title);
}

static void test_title(void **state)
{
	int hold[2];
	char *title;

	(void)state;
	assert_int_equal(pipe(hold), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(hold[0], 0);
		close(hold[1]);
		execlp("cat", "nginx: worker process", "-u", "-", (char *)NULL);
		_exit(1);
	}
	close(hold[0]);
	while (title = process_title(NULL, pid), strncmp(title, "nginx", 5) != 0) /* not there yet */
		mem_free(title);
	assert_string_equal(title, "nginx: worker process -u -");
	mem_free(title);
	end(pid);
	close(hold[1]);
}

static void test_processor_time(void **state)
{
	struct process_stat first, now;

	(void)state;
	assert_null(process_stat_read(getpid(), &first));
	do
		assert_null(process_stat_read(getpid(), &now));
	while (now.cpu_ms < first.cpu_ms + 50);
	assert_int_equal(now.start_time, first.start_time);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children),       cmocka_unit_test(test_children_are_buried_meanwhile),
		cmocka_unit_test(test_no_process),     cmocka_unit_test(test_title),
		cmocka_unit_test(test_processor_time),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
