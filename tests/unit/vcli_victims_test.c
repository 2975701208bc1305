/* Whom a drill kills: the process that the network's own list means, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "vcli/drill/victims.h"

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void refused(struct error *e, const char *why)
{
	assert_non_null(e);
	if (!strstr(e->message, why))
		fail_msg("\"%s\" does not say \"%s\"", e->message, why);
	error_free(e);
}

/* A process in a session of its own that only waits, and when it was started. */
static pid_t start(uint64_t *ret_start_time)
{
	struct process_stat stat;
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		setsid();
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	must(process_stat_read(pid, &stat));
	*ret_start_time = stat.start_time;
	return pid;
}

static int ended_by(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static bool lives(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static json_t *process(pid_t pid, uint64_t start_time)
{
	return json_pack("{s:i,s:I}", "pid", (int)pid, "start_time", (json_int_t)start_time);
}

static void test_the_list_is_ours(void **state)
{
	char folder[] = "/tmp/dsn-victims-XXXXXX", *path;
	json_t *all = NULL;

	(void)state;
	assert_non_null(mkdtemp(folder));
	refused(victims_read(folder, &all), "the list of a development network's processes");
	path = file_join(NULL, folder, "processes.json");
	must(file_write_atomic(path, "{}\n", 3, 0644));
	refused(victims_read(folder, &all), "processes.json");
	assert_int_equal(chmod(path, 0600), 0);
	must(victims_read(folder, &all));
	json_decref(all);
	must(file_write_atomic(path, "kill all\n", 9, 0600));
	refused(victims_read(folder, &all), "the list of a development network's processes");
	must(file_remove(path));
	assert_int_equal(rmdir(folder), 0);
	mem_free(path);
}

static void test_choice(void **state)
{
	json_t *all = json_pack("{s:{s:i},s:[{s:s,s:[s,s]},{s:s,s:[s]},{s:s,s:[s]}]}", "dsnd", "pid", 5, "machines",
				"name", "first", "nodes", "d1", "t1", "name", "second", "nodes", "t2", "name", "third",
				"nodes", "t3");
	json_t *nodes = json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "node_id", "d1", "role", "distributor", "node_id",
				  "t1", "role", "transcoder", "node_id", "t2", "role", "transcoder");
	struct victim v;

	(void)state;
	must(victims_choose(all, "transcoder", nodes, &v));
	assert_string_equal(v.name, "second");
	assert_true(v.is_machine);
	must(victims_choose(all, "distributor", nodes, &v));
	assert_string_equal(v.name, "first");
	must(victims_choose(all, "dsnd", nodes, &v));
	assert_false(v.is_machine);
	refused(victims_choose(all, "storage", nodes, &v), "no storage that works for the job");
	refused(victims_choose(all, "broker", nodes, &v), "no broker");
	refused(victims_choose(all, "machines", nodes, &v), "no machines");
	json_decref(all);
	json_decref(nodes);
}

static void test_only_the_one_that_is_meant(void **state)
{
	uint64_t started = 0;
	pid_t pid = start(&started);
	struct victim v = {"dsnd", NULL, false};
	json_t *other = process(pid, started + 1), *none = process(1, 1), *empty = json_object(),
	       *right = process(pid, started);
	size_t count = 0;

	(void)state;
	v.process = other;
	refused(victims_kill(&v, &count), "is not the one that was started for it");
	v.process = none;
	refused(victims_kill(&v, &count), "no process id of it");
	v.process = empty;
	refused(victims_kill(&v, &count), "no process id of it");
	assert_true(lives(pid));
	v.process = right;
	must(victims_kill(&v, &count));
	assert_int_equal(count, 1);
	assert_int_equal(ended_by(pid), SIGKILL);
	refused(victims_kill(&v, &count), "");
	json_decref(other);
	json_decref(none);
	json_decref(empty);
	json_decref(right);
}

/* What is no regular file of ours, where the records are: a link, and a FIFO; as root also another user's file. */
static void plant(const void *scope, const char *folder, char *target, pid_t pid, uint64_t started)
{
	char *text =
		mem_printf(scope, "{\"pid\":\"%d\",\"start_time\":\"%llu\"}", (int)pid, (unsigned long long)started);
	char *theirs = mem_printf(scope, "%s/nodes/n1/agent/5.json", folder);
	int fd = mkstemp(target);

	assert_true(fd >= 0);
	close(fd);
	must(file_write_atomic(target, text, strlen(text), 0600));
	assert_int_equal(symlink(target, mem_printf(scope, "%s/nodes/n1/agent/3.json", folder)), 0);
	assert_int_equal(mkfifo(mem_printf(scope, "%s/nodes/n1/agent/4.json", folder), 0600), 0);
	if (geteuid() == 0) {
		must(file_write_atomic(theirs, text, strlen(text), 0600));
		assert_int_equal(chown(theirs, 65534, 65534), 0);
	}
}

/* With the programs that its agent has written down, those that are others' by now left alone. */
static void test_a_machine(void **state)
{
	uint64_t started[4] = {0};
	pid_t agent = start(&started[0]), program = start(&started[1]), stranger = start(&started[2]),
	      linked = start(&started[3]);
	char folder[] = "/tmp/dsn-victims-XXXXXX", link_target[] = "/tmp/dsn-victims-link-XXXXXX";
	json_t *machine = process(agent, started[0]);
	struct victim v = {"agent-1", machine, true};
	void *scope = mem_strdup(NULL, "");
	size_t count = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	json_object_set_new(machine, "state_dir", json_string(folder));
	must(file_mkdirs(mem_printf(scope, "%s/nodes/n1/agent", folder), 0700));
	for (int i = 1; i < 3; i++) {
		char *text = mem_printf(scope, "{\"pid\":\"%d\",\"start_time\":\"%llu\"}",
					(int)(i == 1 ? program : stranger), (unsigned long long)started[i] + (i == 2));

		must(file_write_atomic(mem_printf(scope, "%s/nodes/n1/agent/%d.json", folder, i), text, strlen(text),
				       0600));
	}
	plant(scope, folder, link_target, linked, started[3]);
	must(victims_kill(&v, &count));
	assert_int_equal(count, 2);
	assert_int_equal(ended_by(agent), SIGKILL);
	assert_int_equal(ended_by(program), SIGKILL);
	assert_true(lives(stranger));
	assert_true(lives(linked));
	kill(stranger, SIGKILL);
	ended_by(stranger);
	kill(linked, SIGKILL);
	ended_by(linked);
	must(file_remove(link_target));
	must(file_remove_tree(folder));
	json_decref(machine);
	mem_free(scope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_list_is_ours),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_only_the_one_that_is_meant),
		cmocka_unit_test(test_a_machine),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
