/* For the loader (LD_PRELOAD): the process is killed, as by a power cut, at one of the times it makes its files safe.
 * The file named by DSN_TEST_SYNC_KILL holds (an int64_t as it lies in memory) how many such calls are still to pass: 0
 * kills before the call, and an odd word behind it (a second int64_t) after it. Below 0: never. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int64_t *words(void)
{
	static volatile int64_t *at;
	static int64_t never[2] = {-1, 0};
	const char *path = getenv("DSN_TEST_SYNC_KILL");

	if (!at) {
		int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
		void *map = fd >= 0 ? mmap(NULL, sizeof(never), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

		at = map == MAP_FAILED ? never : map;
		if (fd >= 0)
			close(fd);
	}
	return at;
}

static int sync_now(long call, int fd)
{
	volatile int64_t *w = words();
	int64_t left = *w >= 0 ? (*w)-- : -1;
	int rc;

	if (left == 0 && !(w[1] & 1))
		kill(getpid(), SIGKILL);
	rc = (int)syscall(call, fd);
	if (left == 0)
		kill(getpid(), SIGKILL);
	return rc;
}

int fsync(int fd)
{
	return sync_now(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_now(SYS_fdatasync, fd);
}
