#include "vcli/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/printable.h"

struct guard {
	int fd;
	struct printable printable;
};

static struct guard guards[] = {{.fd = STDOUT_FILENO}, {.fd = STDERR_FILENO}};

static bool write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t wrote = write(fd, bytes, n);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		bytes += wrote;
		n -= (size_t)wrote;
	}
	return true;
}

/* 0 is how a stream is told that nothing could be written. */
static ssize_t on_write(void *cookie, const char *bytes, size_t n)
{
	struct guard *g = cookie;
	char *shown = mem_array(NULL, char, PRINTABLE_GROWTH *(n + PRINTABLE_HELD));
	bool well = write_all(g->fd, shown, printable_add(&g->printable, bytes, n, shown));

	mem_free(shown);
	return well ? (ssize_t)n : 0;
}

static int on_close(void *cookie)
{
	struct guard *g = cookie;
	char shown[PRINTABLE_GROWTH * PRINTABLE_HELD];

	return write_all(g->fd, shown, printable_end(&g->printable, shown)) ? 0 : EOF;
}

static FILE *guarded(struct guard *g, int buffering)
{
	FILE *f = fopencookie(g, "w", (cookie_io_functions_t){.write = on_write, .close = on_close});

	if (f)
		setvbuf(f, NULL, buffering, BUFSIZ);
	return f;
}

void terminal_guard(void)
{
	FILE *out = guarded(&guards[0], isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF);
	FILE *err = guarded(&guards[1], _IONBF);

	if (!out || !err)
		abort(); /* out of memory, as everywhere (base/mem.h) */
	stdout = out;
	stderr = err;
}

void terminal_json(bool on)
{
	guards[0].printable.json = on;
}

void terminal_control(FILE *to, const char *sequence)
{
	fflush(to);
	/* Of a terminal that is gone nobody needs to be told here: what is printed next says so. */
	(void)!write(to == stdout ? STDOUT_FILENO : STDERR_FILENO, sequence, strlen(sequence));
}
