#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static char *folder; /* of the running test */

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void refused(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" does not hold \"%s\"", e->message, part);
	error_free(e);
}

static char *at(const char *name)
{
	return file_join(folder, folder, name);
}

static int make_folder(void **state)
{
	char path[] = "/tmp/dsn-file-test-XXXXXX";

	(void)state;
	folder = mem_strdup(NULL, mkdtemp(path));
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	ok(file_remove_tree(folder));
	assert_false(file_exists(folder));
	mem_free(folder);
	return 0;
}

static size_t entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void write_and_read(void **state)
{
	char *text = NULL;
	size_t len = 0;
	struct stat st;

	(void)state;
	ok(file_write_atomic(at("a"), "x\0y", 3, 0640));
	ok(file_read(folder, at("a"), 3, &text, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(text, "x\0y", 4);
	stat(at("a"), &st);
	assert_int_equal(st.st_mode & 07777, 0640);
	ok(file_write_atomic(at("a"), "", 0, 0600));
	ok(file_read(folder, at("a"), 0, &text, NULL));
	assert_string_equal(text, "");
	assert_int_equal(entries(folder), 1);
	ok(file_write_atomic(at("a"), "four", 4, 0600));
	refused(file_read(folder, at("a"), 3, &text, &len), ERROR_LIMIT, "longer than 3 bytes");
	refused(file_read(folder, at("b"), 3, &text, &len), ERROR_NOT_FOUND, "/b: No such file");
	refused(file_read(folder, folder, 3, &text, &len), ERROR_IO, "Is a directory");
	refused(file_write_atomic(at("no/such"), "x", 1, 0600), ERROR_NOT_FOUND, "no/such");
	ok(file_replace(at("a"), "fifth", 5, 0640));
	assert_int_equal(stat(at("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_size, 5);
	refused(file_replace(at("no/such"), "x", 1, 0600), ERROR_NOT_FOUND, "no/such");
}

/* No room: the old file is whole and nothing lies beside it. A file size limit of the process stands for a full disk;
 * the write fails in the same place. */
static void no_room(void **state)
{
	char *text = NULL, big[9000];
	const struct rlimit limit = {4096, 4096};
	pid_t pid = 0;
	int status = 0;

	(void)state;
	memset(big, 'b', sizeof(big));
	ok(file_write_atomic(at("a"), "old", 3, 0600));
	pid = fork();
	if (pid == 0) {
		struct error *e = NULL;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		e = file_write_atomic(at("a"), big, sizeof(big), 0600);
		_exit(e && e->code == ERROR_LIMIT && strstr(e->message, "/a: writing: File too large") ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	ok(file_read(folder, at("a"), 100, &text, NULL));
	assert_string_equal(text, "old");
	assert_int_equal(entries(folder), 1);
}

static void folders(void **state)
{
	(void)state;
	ok(file_mkdirs(at("x/y/z"), 0755));
	ok(file_mkdirs(at("x/y/z"), 0755));
	ok(file_mkdirs(at("x/y//q/"), 0755));
	assert_true(file_exists(at("x/y/q")));
	ok(file_write_atomic(at("x/f"), "1", 1, 0644));
	refused(file_mkdirs(at("x/f/g"), 0755), ERROR_IO, "x/f: making the folder: Not a directory");
	refused(file_mkdirs(at("x/f"), 0755), ERROR_IO, "Not a directory");
}

static void trees_do_not_follow_links(void **state)
{
	(void)state;
	ok(file_mkdirs(at("tree/sub"), 0755));
	ok(file_mkdirs(at("outside"), 0755));
	ok(file_write_atomic(at("outside/kept"), "1", 1, 0644));
	ok(file_write_atomic(at("tree/sub/f"), "1", 1, 0644));
	assert_int_equal(symlink(at("outside"), at("tree/link")), 0);
	assert_int_equal(symlink("nowhere", at("tree/dangling")), 0);
	ok(file_chown_tree(at("tree"), geteuid(), getegid()));
	ok(file_remove_tree(at("tree")));
	assert_false(file_exists(at("tree")));
	assert_true(file_exists(at("outside/kept")));
	ok(file_remove_tree(at("tree")));
	assert_int_equal(symlink(at("outside"), at("link")), 0);
	ok(file_remove_tree(at("link")));
	assert_true(file_exists(at("outside/kept")));
	refused(file_chown_tree(at("tree"), 0, 0), ERROR_NOT_FOUND, "/tree");
	ok(file_remove(at("outside/kept")));
	ok(file_remove(at("outside/kept")));
	refused(file_remove(at("outside")), ERROR_IO, "outside: removing");
}

static void a_tree_has_a_bottom(void **state)
{
	char *deep = at("deep");

	(void)state;
	for (int i = 0; i < 70; i++)
		deep = file_join(folder, deep, "d");
	ok(file_mkdirs(deep, 0755));
	refused(file_remove_tree(at("deep")), ERROR_LIMIT, "more than 64 folders");
	/* from further down it is reachable */
	deep = at("deep");
	for (int i = 0; i < 30; i++)
		deep = file_join(folder, deep, "d");
	ok(file_remove_tree(deep));
	ok(file_remove_tree(at("deep")));
}

static void locks(void **state)
{
	int fd = -1, second = -1;

	(void)state;
	ok(file_lock(at("lock"), &fd));
	refused(file_lock(at("lock"), &second), ERROR_EXISTS, "/lock: another process holds this lock");
	assert_int_equal(second, -1);
	close(fd);
	ok(file_lock(at("lock"), &second));
	close(second);
	refused(file_lock(at("no/lock"), &fd), ERROR_NOT_FOUND, "no/lock");
}

static void secrets(void **state)
{
	char *secret = NULL;

	(void)state;
	ok(file_write_atomic(at("s"), "open sesame\r\nmore\n", 18, 0600));
	ok(file_read_secret(folder, at("s"), &secret));
	assert_string_equal(secret, "open sesame");
	chmod(at("s"), 0640);
	refused(file_read_secret(folder, at("s"), &secret), ERROR_REFUSED,
		"mode 0640 lets others at the secret; chmod 600");
	ok(file_write_atomic(at("s"), "\nx", 2, 0600));
	refused(file_read_secret(folder, at("s"), &secret), ERROR_INVALID, "first line is empty");
	refused(file_read_secret(folder, at("t"), &secret), ERROR_NOT_FOUND, "/t");
	refused(file_read_secret(folder, folder, &secret), ERROR_REFUSED, "no ordinary file");
	if (geteuid() == 0) {
		ok(file_write_atomic(at("s"), "x", 1, 0600));
		assert_int_equal(chown(at("s"), 1, 1), 0);
		refused(file_read_secret(folder, at("s"), &secret), ERROR_REFUSED, "belongs to another user");
	}
	assert_string_equal(secret, "open sesame");
}

static void space_and_names(void **state)
{
	unsigned long long bytes = 0;

	(void)state;
	ok(file_free_bytes(folder, &bytes));
	assert_true(bytes > 0);
	refused(file_free_bytes(at("none"), &bytes), ERROR_NOT_FOUND, "none: asking for free space");
	assert_string_equal(file_join(folder, "/a/", "b"), "/a/b");
	assert_string_equal(file_join(folder, "a", "b"), "a/b");
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(write_and_read),
		WITH_FOLDER(no_room),
		WITH_FOLDER(folders),
		WITH_FOLDER(trees_do_not_follow_links),
		WITH_FOLDER(a_tree_has_a_bottom),
		WITH_FOLDER(locks),
		WITH_FOLDER(secrets),
		WITH_FOLDER(space_and_names),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
