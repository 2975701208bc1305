/* What somebody who may write a folder can put there, and what becomes of it. */
#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/beneath_impl.h"
#include "base/file.h"
#include "base/mem.h"

#define STRANGER 4242
#define OTHER 4243
#define DEEP 300
#define RACES 300

struct fixture {
	char top[64];   /* what we trust */
	char other[64]; /* what must not be reached */
};

static char *path(const char *folder, const char *name)
{
	static char texts[32][512];
	static unsigned turn;
	char *text = texts[turn++ % 32];

	snprintf(text, sizeof(texts[0]), "%s/%s", folder, name);
	return text;
}

static void put(const char *at, const char *text)
{
	int fd = open(at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void holds(const char *at, const char *text)
{
	char *found;
	struct error *e = file_read(NULL, at, 4096, &found, NULL);

	assert_null(e);
	assert_string_equal(found, text);
	mem_free(found);
}

static void fails(struct error *e, enum error_code code, const char *word)
{
	assert_non_null(e);
	if (e->code != code || !strstr(e->message, word))
		fail_msg("code %d: %s", (int)e->code, e->message);
	error_free(e);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->top, "/tmp/base_beneath_test.XXXXXX");
	strcpy(f->other, "/tmp/base_beneath_other.XXXXXX");
	assert_non_null(mkdtemp(f->top));
	assert_non_null(mkdtemp(f->other));
	assert_int_equal(mkdir(path(f->top, "data"), 0755), 0);
	put(path(f->other, "secret"), "root's");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_null(file_remove_tree(f->top));
	assert_null(file_remove_tree(f->other));
	free(f);
	return 0;
}

static void test_plain(void **state)
{
	struct fixture *f = *state;
	char *text;
	size_t len;
	int fd;

	assert_null(beneath_mkdirs(f->top, "data/hls/job", 0755, BENEATH_KEEP));
	assert_null(beneath_write(f->top, "data/hls/job/index", "list", 4, 0644, BENEATH_KEEP, true));
	assert_null(beneath_write(f->top, "data/hls/job/index", "again", 5, 0644, BENEATH_KEEP, false));
	assert_null(beneath_read(NULL, f->top, "data/hls/job/index", 100, &text, &len));
	assert_string_equal(text, "again");
	assert_int_equal(len, 5);
	mem_free(text);
	assert_true(beneath_exists(f->top, "data/hls/job/index"));
	assert_null(beneath_open(f->top, "data/hls/job/index", O_WRONLY | O_TRUNC, 0, &fd));
	close(fd);
	holds(path(f->top, "data/hls/job/index"), "");
	assert_null(beneath_remove(f->top, "data/hls/job/index"));
	assert_null(beneath_remove(f->top, "data/hls/job/index"));
	assert_null(beneath_remove(f->top, "data/nowhere/index"));
	assert_false(beneath_exists(f->top, "data/hls/job/index"));
	assert_null(beneath_remove_tree(f->top, "data"));
	assert_null(beneath_remove_tree(f->top, "data"));
	assert_false(beneath_exists(f->top, "data"));
}

static void test_names_that_climb(void **state)
{
	static const char *const names[] = {"..", "../x", "data/../../x", "/etc/passwd", "", "data/.."};
	struct fixture *f = *state;
	char *text;
	int fd;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fails(beneath_open(f->top, names[i], O_RDONLY, 0, &fd), ERROR_INVALID, "no path below");
		fails(beneath_read(NULL, f->top, names[i], 100, &text, NULL), ERROR_INVALID, "no path below");
		fails(beneath_write(f->top, names[i], "x", 1, 0644, BENEATH_KEEP, false), ERROR_INVALID,
		      "no path below");
		fails(beneath_mkdirs(f->top, names[i], 0755, BENEATH_KEEP), ERROR_INVALID, "no path below");
		fails(beneath_remove_tree(f->top, names[i]), ERROR_INVALID, "no path below");
	}
}

/* A link in the place of a folder, to any folder: nothing is made, read, given away or removed there. */
static void test_link_for_a_folder(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char *text;
	int fd;

	assert_int_equal(symlink(f->other, path(f->top, "data/hls")), 0);
	fails(beneath_mkdirs(f->top, "data/hls/job", 0755, BENEATH_KEEP), ERROR_REFUSED, "link");
	fails(beneath_mkdirs(f->top, "data/hls", 0755, BENEATH_KEEP), ERROR_REFUSED, "link");
	fails(beneath_write(f->top, "data/hls/new", "x", 1, 0644, BENEATH_KEEP, true), ERROR_REFUSED, "link");
	fails(beneath_read(NULL, f->top, "data/hls/secret", 100, &text, NULL), ERROR_REFUSED, "link");
	fails(beneath_open(f->top, "data/hls/secret", O_WRONLY | O_TRUNC, 0, &fd), ERROR_REFUSED, "link");
	fails(beneath_remove(f->top, "data/hls/secret"), ERROR_REFUSED, "link");
	fails(beneath_remove_tree(f->top, "data/hls/secret"), ERROR_REFUSED, "link");
	fails(beneath_stat(f->top, "data/hls/secret", &st), ERROR_REFUSED, "link");
	fails(beneath_take_back(f->top, "data/hls", 0755, BENEATH_KEEP), ERROR_REFUSED, "link");
	holds(path(f->other, "secret"), "root's");
	assert_null(beneath_remove_tree(f->top, "data/hls")); /* the link itself */
	holds(path(f->other, "secret"), "root's");
	assert_false(file_exists(path(f->other, "job")));
}

static void test_link_for_a_file(void **state)
{
	struct fixture *f = *state;
	char *text;
	int fd;

	assert_int_equal(symlink(path(f->other, "secret"), path(f->top, "data/list")), 0);
	fails(beneath_read(NULL, f->top, "data/list", 100, &text, NULL), ERROR_REFUSED, "link");
	fails(beneath_open(f->top, "data/list", O_WRONLY | O_TRUNC | O_CREAT, 0644, &fd), ERROR_REFUSED, "link");
	assert_null(beneath_write(f->top, "data/list", "new", 3, 0644, BENEATH_KEEP, false)); /* in the link's place */
	holds(path(f->top, "data/list"), "new");
	holds(path(f->other, "secret"), "root's");
}

/* fs.protected_hardlinks may be off: then any file can have a name here. */
static void test_second_name_of_a_file(void **state)
{
	struct fixture *f = *state;
	char *text;
	int fd;

	assert_int_equal(link(path(f->other, "secret"), path(f->top, "data/list")), 0);
	fails(beneath_read(NULL, f->top, "data/list", 100, &text, NULL), ERROR_REFUSED, "hard link");
	fails(beneath_open(f->top, "data/list", O_RDWR | O_TRUNC, 0, &fd), ERROR_REFUSED, "hard link");
	holds(path(f->other, "secret"), "root's");
}

static void test_nothing_blocks(void **state)
{
	struct fixture *f = *state;
	char *text;
	int fd;

	assert_int_equal(mkfifo(path(f->top, "data/list"), 0666), 0);
	alarm(10);
	fails(beneath_read(NULL, f->top, "data/list", 100, &text, NULL), ERROR_REFUSED, "no regular file");
	fails(beneath_open(f->top, "data/list", O_RDWR, 0, &fd), ERROR_REFUSED, "no regular file");
	fails(beneath_read(NULL, f->top, "data", 100, &text, NULL), ERROR_REFUSED, "no regular file");
	alarm(0);
}

static void test_bound(void **state)
{
	struct fixture *f = *state;
	char *text;
	int fd = open(path(f->top, "data/list"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	close(fd);
	fails(beneath_read(NULL, f->top, "data/list", 4096, &text, NULL), ERROR_LIMIT, "4096");
}

static void test_walk_of_old_kernels(void **state)
{
	struct fixture *f = *state;
	int top = open(f->top, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	assert_int_equal(mkdir(path(f->top, "data/hls"), 0755), 0);
	put(path(f->top, "data/hls/list"), "x");
	assert_int_equal(symlink(f->other, path(f->top, "data/away")), 0);
	assert_int_equal(symlink("list", path(f->top, "data/hls/link")), 0);
	fd = beneath_walk(top, "data//hls/list", O_RDONLY, 0);
	assert_true(fd >= 0);
	close(fd);
	assert_true(beneath_walk(top, "data/away/secret", O_RDONLY, 0) < 0);
	assert_int_equal(errno, ENOTDIR);
	assert_true(beneath_walk(top, "data/hls/link", O_RDONLY, 0) < 0);
	assert_int_equal(errno, ELOOP);
	close(top);
}

/* Deeper than descriptors or the stack reach. */
static void test_deep_tree(void **state)
{
	struct fixture *f = *state;
	int at = open(path(f->top, "data"), O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;

	for (int i = 0; i < DEEP; i++) {
		assert_int_equal(mkdirat(at, "d", 0700), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(openat(at, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(at);
	assert_null(beneath_remove_tree(f->top, "data"));
	assert_false(beneath_exists(f->top, "data"));
}

/* Swaps a folder for a link to one of ours, again and again, until it is killed. */
static pid_t start_swapping(const struct fixture *f)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (;;) {
		if (mkdir(path(f->top, "data/x"), 0777) == 0)
			close(open(path(f->top, "data/x/secret"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		(void)rename(path(f->top, "data/x"), path(f->top, "data/y"));
		if (symlink(f->other, path(f->top, "data/x")) < 0 && errno == ENOENT)
			(void)mkdir(path(f->top, "data"), 0777);
		(void)unlink(path(f->top, "data/x"));
		(void)unlink(path(f->top, "data/y/secret"));
		(void)rmdir(path(f->top, "data/y"));
	}
}

static void test_swapped_while_removed(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_swapping(f);
	struct error *e;

	for (int i = 0; i < RACES; i++) {
		e = beneath_remove_tree(f->top, "data/x");
		error_free(e); /* it may have been filled again */
		e = beneath_write(f->top, "data/x/secret", "mine", 4, 0644, BENEATH_KEEP, false);
		error_free(e);
		e = beneath_mkdirs(f->top, "data/x/made", 0755, BENEATH_KEEP);
		error_free(e);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	holds(path(f->other, "secret"), "root's");
	assert_false(file_exists(path(f->other, "made")));
}

static uid_t owner_of(const char *at)
{
	struct stat st;

	assert_int_equal(lstat(at, &st), 0);
	return st.st_uid;
}

/* What was given to a stranger and comes back: only plain files stay, and nobody else's file changes hands. */
static void test_take_back(void **state)
{
	struct fixture *f = *state;
	char *secret = path(f->other, "secret");
	struct stat st;

	if (geteuid())
		skip();
	put(path(f->top, "data/log"), "lines");
	assert_int_equal(chown(path(f->top, "data/log"), STRANGER, STRANGER), 0);
	assert_int_equal(chown(path(f->top, "data"), STRANGER, STRANGER), 0);
	assert_int_equal(chown(secret, OTHER, OTHER), 0);
	assert_int_equal(link(secret, path(f->top, "data/linked")), 0);
	assert_int_equal(symlink(secret, path(f->top, "data/pointing")), 0);
	assert_int_equal(mkfifo(path(f->top, "data/fifo"), 0666), 0);
	assert_int_equal(mkdir(path(f->top, "data/folder"), 0700), 0);
	assert_null(beneath_take_back(f->top, "data", 0755, (struct beneath_owner){0, 0}));
	assert_int_equal(owner_of(path(f->top, "data")), 0);
	assert_int_equal(owner_of(path(f->top, "data/log")), 0);
	assert_int_equal(owner_of(secret), OTHER);
	assert_int_equal(lstat(path(f->top, "data/folder"), &st), 0);
	assert_int_not_equal(lstat(path(f->top, "data/linked"), &st), 0);
	assert_int_not_equal(lstat(path(f->top, "data/pointing"), &st), 0);
	assert_int_not_equal(lstat(path(f->top, "data/fifo"), &st), 0);
}

static void test_hand_over(void **state)
{
	struct fixture *f = *state;
	char *secret = path(f->other, "secret");

	if (geteuid())
		skip();
	assert_int_equal(mkdir(path(f->top, "data/hls"), 0755), 0);
	put(path(f->top, "data/hls/segment"), "x");
	put(path(f->top, "data/hls/ours"), "x");
	assert_int_equal(chown(path(f->top, "data/hls"), STRANGER, STRANGER), 0);
	assert_int_equal(chown(path(f->top, "data/hls/segment"), STRANGER, STRANGER), 0);
	assert_int_equal(chown(secret, STRANGER, STRANGER), 0);
	assert_int_equal(link(secret, path(f->top, "data/hls/linked")), 0);
	assert_int_equal(symlink(f->other, path(f->top, "data/hls/away")), 0);
	assert_null(beneath_hand_over(f->top, "data", STRANGER, (struct beneath_owner){OTHER, OTHER}));
	assert_int_equal(owner_of(path(f->top, "data")), 0);
	assert_int_equal(owner_of(path(f->top, "data/hls")), OTHER);
	assert_int_equal(owner_of(path(f->top, "data/hls/segment")), OTHER);
	assert_int_equal(owner_of(path(f->top, "data/hls/ours")), 0);
	assert_int_equal(owner_of(secret), STRANGER);
	assert_int_equal(owner_of(f->other), 0);
}

static void test_owner_and_mode(void **state)
{
	const struct beneath_owner stranger = {STRANGER, STRANGER};
	struct fixture *f = *state;
	struct stat st;

	if (geteuid())
		skip();
	assert_null(beneath_mkdirs(f->top, "data/hls", 0700, stranger));
	assert_null(beneath_write(f->top, "data/hls/list", "x", 1, 0640, stranger, false));
	assert_null(beneath_stat(f->top, "data/hls", &st));
	assert_int_equal(st.st_uid, STRANGER);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_null(beneath_stat(f->top, "data/hls/list", &st));
	assert_int_equal(st.st_gid, STRANGER);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(owner_of(path(f->top, "data")), 0);
}

static int listen_at(const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, at);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void test_socket(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int foreign = listen_at(path(f->other, "engine")), ours = listen_at(path(f->top, "data/control")), fd,
	    caller = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(symlink(path(f->other, "engine"), path(f->top, "data/linked")), 0);
	fails(beneath_socket(f->top, "data/linked", geteuid(), &fd), ERROR_REFUSED, "no socket");
	put(path(f->top, "data/file"), "");
	fails(beneath_socket(f->top, "data/file", geteuid(), &fd), ERROR_REFUSED, "no socket");
	fails(beneath_socket(f->top, "data/control", STRANGER, &fd), ERROR_REFUSED, "user 4242");
	fails(beneath_socket(f->top, "data/nothing", geteuid(), &fd), ERROR_NOT_FOUND, "nothing");
	assert_null(beneath_socket(f->top, "data/control", geteuid(), &fd));
	assert_int_equal(unlink(path(f->top, "data/control")), 0); /* it stays what it was */
	assert_int_equal(symlink(path(f->other, "engine"), path(f->top, "data/control")), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", fd);
	assert_int_equal(connect(caller, (struct sockaddr *)&address, sizeof(address)), 0);
	close(accept(ours, NULL, NULL));
	close(fd);
	close(caller);
	close(ours);
	close(foreign);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_that_climb, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_for_a_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_for_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_name_of_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walk_of_old_kernels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deep_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_swapped_while_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_take_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hand_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner_and_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
