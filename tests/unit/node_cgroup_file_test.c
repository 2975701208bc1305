#include "node/runtime/cgroup_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

#define FAILS(call, code_)                           \
	do {                                         \
		struct error *e_ = (call);           \
		assert_non_null(e_);                 \
		assert_int_equal(e_->code, (code_)); \
		error_free(e_);                      \
	} while (0)

static int setup(void **state)
{
	*state = talloc_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	mem_free(*state);
	return 0;
}

static void test_own(void **state)
{
	char *group = NULL, *text;

	assert_null(cgroup_file_own(*state, "0::/system.slice/dsn-agent.service\n", &group));
	assert_string_equal(group, "/system.slice/dsn-agent.service");
	assert_null(cgroup_file_own(*state, "9:name=systemd:/\n4:memory:/a\n0::/\n", &group));
	assert_string_equal(group, "/");
	assert_null(cgroup_file_own(*state, "0::/a b:c", &group));
	assert_string_equal(group, "/a b:c");
	FAILS(cgroup_file_own(*state, "", &group), ERROR_NOT_FOUND);
	FAILS(cgroup_file_own(*state, "4:memory:/a\n10::/b\n0:x:/c\n0::c\n", &group), ERROR_NOT_FOUND);
	FAILS(cgroup_file_own(*state, "0::/../other\n", &group), ERROR_NOT_FOUND);
	FAILS(cgroup_file_own(*state, "0::/..\n", &group), ERROR_NOT_FOUND);
	text = mem_printf(*state, "0::/%05000d\n", 1);
	FAILS(cgroup_file_own(*state, text, &group), ERROR_LIMIT);
}

#define LINE(root, point, type) "38 31 0:28 " root " " point " rw,nosuid shared:9 master:1 - " type " cgroup2 rw\n"

static void test_place(void **state)
{
	char *path = NULL, *text;

	assert_null(cgroup_file_place(*state, LINE("/", "/", "ext4") LINE("/", "/sys/fs/cgroup", "cgroup2"), "/a/b",
				      &path));
	assert_string_equal(path, "/sys/fs/cgroup/a/b");
	assert_null(cgroup_file_place(*state, LINE("/", "/sys/fs/cgroup", "cgroup2"), "/", &path));
	assert_string_equal(path, "/sys/fs/cgroup");
	assert_null(cgroup_file_place(*state, LINE("/a", "/mnt", "cgroup2"), "/a", &path));
	assert_string_equal(path, "/mnt");
	/* A part of it is mounted, with a blank and a backslash; no optional field. */
	text = "1 2 0:28 /a\\040b /mnt\\134x rw - cgroup2 cgroup2 rw";
	assert_null(cgroup_file_place(*state, text, "/a b/c", &path));
	assert_string_equal(path, "/mnt\\x/c");
	FAILS(cgroup_file_place(*state, LINE("/a", "/mnt", "cgroup2"), "/ab", &path), ERROR_NOT_FOUND);
	FAILS(cgroup_file_place(*state, LINE("/a", "/mnt", "cgroup2"), "/", &path), ERROR_NOT_FOUND);
	FAILS(cgroup_file_place(*state, LINE("/..", "/mnt", "cgroup2"), "/a", &path), ERROR_NOT_FOUND);
	FAILS(cgroup_file_place(*state, LINE("/", "/sys/fs/cgroup/pids", "cgroup"), "/a", &path), ERROR_NOT_FOUND);
	FAILS(cgroup_file_place(*state, "", "/a", &path), ERROR_NOT_FOUND);
	FAILS(cgroup_file_place(*state, "1 2 - cgroup2\n- cgroup2\n1 2 3 4 5 6 7\n\n", "/a", &path), ERROR_NOT_FOUND);
	FAILS(cgroup_file_place(*state, "1 2 3 relative too rw - cgroup2 c rw\n", "/a", &path), ERROR_NOT_FOUND);
	text = mem_printf(*state, "1 2 0:28 / /%020000d rw - cgroup2 cgroup2 rw\n", 1);
	FAILS(cgroup_file_place(*state, text, "/a", &path), ERROR_NOT_FOUND);
}

static void test_numbers(void **state)
{
	const char *memory = "low 0\nhigh 3\nmax 17\noom 2\noom_kill 1\noom_group_kill 0\n";
	uint64_t n = 99;

	(void)state;
	assert_null(cgroup_file_number(memory, "oom_kill", &n));
	assert_int_equal(n, 1);
	assert_null(cgroup_file_number(memory, "max", &n));
	assert_int_equal(n, 17);
	assert_null(cgroup_file_number("populated 0\nfrozen 0", "frozen", &n));
	assert_int_equal(n, 0);
	FAILS(cgroup_file_number(memory, "kill", &n), ERROR_NOT_FOUND);
	FAILS(cgroup_file_number("", "oom", &n), ERROR_NOT_FOUND);
	FAILS(cgroup_file_number("oom\n", "oom", &n), ERROR_NOT_FOUND);
	FAILS(cgroup_file_number("oom \n", "oom", &n), ERROR_INVALID);
	FAILS(cgroup_file_number("oom -1\n", "oom", &n), ERROR_INVALID);
	FAILS(cgroup_file_number("oom 1 2\n", "oom", &n), ERROR_INVALID);
	FAILS(cgroup_file_number("oom max\n", "oom", &n), ERROR_INVALID);
	FAILS(cgroup_file_number("oom 12345678901234567890\n", "oom", &n), ERROR_INVALID);
	assert_int_equal(n, 0);
}

static void test_words(void **state)
{
	(void)state;
	assert_true(cgroup_file_word("cpuset cpu io memory pids\n", "memory"));
	assert_true(cgroup_file_word("cpuset cpu io memory pids\n", "pids"));
	assert_true(cgroup_file_word("pids", "pids"));
	assert_false(cgroup_file_word("cpuset\n", "cpu"));
	assert_false(cgroup_file_word("hugetlb pid\n", "pids"));
	assert_false(cgroup_file_word("\n", "pids"));
	assert_false(cgroup_file_word("", "pids"));
}

static void test_pids(void **state)
{
	char *text = mem_strdup(*state, "");
	pid_t *pids = NULL;
	size_t count = 9;

	assert_null(cgroup_file_pids(*state, "", &pids, &count));
	assert_int_equal(count, 0);
	assert_null(cgroup_file_pids(*state, "0\n7\n0\n2147483647\n", &pids, &count));
	assert_int_equal(count, 2);
	assert_int_equal(pids[0], 7);
	assert_int_equal(pids[1], INT32_MAX);
	for (int i = 1; i <= 100; i++)
		text = talloc_asprintf_append(text, "%d\n", i);
	assert_null(cgroup_file_pids(*state, text, &pids, &count));
	assert_int_equal(count, 100);
	assert_int_equal(pids[99], 100);
	FAILS(cgroup_file_pids(*state, "1\n\n2\n", &pids, &count), ERROR_INVALID);
	FAILS(cgroup_file_pids(*state, "1\n-2\n", &pids, &count), ERROR_INVALID);
	FAILS(cgroup_file_pids(*state, "2147483648\n", &pids, &count), ERROR_INVALID);
	FAILS(cgroup_file_pids(*state, "7 8\n", &pids, &count), ERROR_INVALID);
	assert_int_equal(count, 100);
}

static void test_files(void **state)
{
	char folder[] = "/tmp/node_cgroup_file_test.XXXXXX", *path, *text = NULL, *big;
	const size_t size = (1 << 20) + 1;
	int fd;

	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	path = file_join(*state, folder, "pids.max");
	assert_null(file_write_atomic(path, "old", 3, 0644));
	assert_null(cgroup_file_write(fd, "pids.max", "new"));
	assert_null(cgroup_file_read(*state, fd, "pids.max", &text));
	assert_string_equal(text, "new");
	FAILS(cgroup_file_write(fd, "memory.max", "1"), ERROR_NOT_FOUND);
	FAILS(cgroup_file_read(*state, fd, "memory.max", &text), ERROR_NOT_FOUND);
	assert_null(cgroup_file_write_if(fd, "memory.max", "1"));
	assert_false(file_exists(file_join(*state, folder, "memory.max")));
	assert_null(cgroup_file_write_if(fd, "pids.max", "NEW"));
	/* Longer than the first buffer, and longer than is read. */
	big = mem_array(*state, char, size);
	memset(big, 'x', size);
	assert_null(file_write_atomic(path, big, 100000, 0644));
	assert_null(cgroup_file_read(*state, fd, "pids.max", &text));
	assert_int_equal(strlen(text), 100000);
	assert_null(file_write_atomic(path, big, size, 0644));
	FAILS(cgroup_file_read(*state, fd, "pids.max", &text), ERROR_LIMIT);
	/* No link is followed. */
	assert_int_equal(symlinkat("pids.max", fd, "memory.max"), 0);
	FAILS(cgroup_file_write(fd, "memory.max", "1"), ERROR_IO);
	close(fd);
	assert_null(file_remove_tree(folder));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
