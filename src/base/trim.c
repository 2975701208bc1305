#include "base/trim.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One mapping of /proc/self/smaps (proc(5)). */
struct mapping {
	unsigned long start, end;
	bool file, writable, changed;
};

static void drop(const struct mapping *m)
{
	if (m->file && !m->writable && !m->changed)
		madvise((void *)m->start, m->end - m->start, MADV_DONTNEED);
}

/* "Anonymous:            12 kB" */
static unsigned long kilobytes(const char *line, const char *name)
{
	size_t len = strlen(name);

	return strncmp(line, name, len) ? 0 : strtoul(line + len, NULL, 10);
}

/* "7f00-7f10 r-xp 00000000 08:01 42   /usr/lib/libc.so.6" begins a mapping; lines about it follow. */
static bool read_range(const char *line, struct mapping *m)
{
	char *at;

	m->start = strtoul(line, &at, 16);
	if (at == line || *at != '-')
		return false;
	line = at + 1;
	m->end = strtoul(line, &at, 16);
	if (at == line || strlen(at) < 5 || *at != ' ')
		return false;
	m->writable = at[2] == 'w';
	m->file = strchr(at, '/') != NULL;
	m->changed = false;
	return true;
}

/* A changed page (a relocation) is anonymous memory: dropping it would lose the change. */
static void read_line(const char *line, struct mapping *m)
{
	struct mapping next;

	if (read_range(line, &next)) {
		drop(m);
		*m = next;
	} else if (kilobytes(line, "Anonymous:") || kilobytes(line, "Private_Dirty:")) {
		m->changed = true;
	}
}

void trim_memory(void)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	struct mapping m = {0};
	char line[512];

	malloc_trim(0);
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		read_line(line, &m);
	drop(&m);
	fclose(f);
}
