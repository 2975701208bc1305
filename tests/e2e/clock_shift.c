/* For the loader (LD_PRELOAD): a program whose wall clock is ahead of the machine's by so many milliseconds as the file
 * named by DSN_TEST_CLOCK holds (an int64_t as it lies in memory; negative: behind). The monotonic clock stays. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t shift_ms(void)
{
	static const volatile int64_t *shift;
	static const int64_t none;
	const char *path = getenv("DSN_TEST_CLOCK");

	if (!shift) {
		int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		void *at = fd >= 0 ? mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

		shift = at == MAP_FAILED ? &none : at;
		if (fd >= 0)
			close(fd);
	}
	return *shift;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		int64_t ns = ts->tv_nsec + shift_ms() % 1000 * 1000000;

		ts->tv_sec += shift_ms() / 1000;
		if (ns < 0 || ns >= 1000000000) {
			ts->tv_sec += ns < 0 ? -1 : 1;
			ns += ns < 0 ? 1000000000 : -1000000000;
		}
		ts->tv_nsec = ns;
	}
	return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}
