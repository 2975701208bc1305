/* What a power cut would undo of our own files: bytes that were not synced, names whose folder was not. Of several, a
 * disk may have any. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

#define MOST 32
#define LONGEST 512

static struct unsynced {
	bool name;          /* else bytes */
	char path[LONGEST]; /* where it is now */
	char from[LONGEST]; /* of a name: what it was called before */
	char *old;          /* and what bore the name; NULL: nothing */
	size_t old_n;
} list[MOST];
static size_t count;

int __real_rename(const char *from, const char *to);

static void drop(size_t i)
{
	free(list[i].old);
	memmove(&list[i], &list[i + 1], (--count - i) * sizeof(list[0]));
}

void unsynced_forget(void)
{
	while (count)
		drop(count - 1);
}

static struct unsynced *add(void)
{
	if (count == MOST)
		abort();
	memset(&list[count], 0, sizeof(list[0]));
	return &list[count++];
}

static void path_of(int fd, char *ret)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, LONGEST - 1);
	ret[n > 0 ? n : 0] = '\0';
}

static void path_in(int at, const char *name, char *ret)
{
	char folder[LONGEST];

	if (at == AT_FDCWD || name[0] == '/')
		folder[0] = '\0';
	else
		path_of(at, folder);
	if (snprintf(ret, LONGEST, "%s%s%s", folder, *folder ? "/" : "", name) >= LONGEST)
		abort();
}

static bool is_in(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

void unsynced_written(int fd)
{
	char path[LONGEST];
	struct stat st;

	if (!fault_armed() || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	path_of(fd, path);
	for (size_t i = 0; i < count; i++) {
		if (!list[i].name && strcmp(list[i].path, path) == 0)
			return;
	}
	memcpy(add()->path, path, sizeof(path));
}

void unsynced_synced(int fd)
{
	char path[LONGEST];

	path_of(fd, path);
	for (size_t i = count; i-- > 0;) {
		if (list[i].name ? is_in(list[i].path, path) : strcmp(list[i].path, path) == 0)
			drop(i);
	}
}

static void keep_old(struct unsynced *u)
{
	FILE *in = fopen(u->path, "re");
	char text[65536];

	if (!in)
		return;
	u->old_n = fread(text, 1, sizeof(text), in);
	u->old = malloc(u->old_n + 1);
	memcpy(u->old, text, u->old_n);
	fclose(in);
}

void unsynced_renames(int at, const char *from, const char *to)
{
	char was[LONGEST], is[LONGEST];
	struct unsynced *u;

	if (!fault_armed())
		return;
	path_in(at, from, was);
	path_in(at, to, is);
	for (size_t i = count; i-- > 0;) {
		if (list[i].name)
			continue;
		if (strcmp(list[i].path, is) == 0)
			drop(i);
		else if (strcmp(list[i].path, was) == 0)
			memcpy(list[i].path, is, sizeof(is));
	}
	u = add();
	u->name = true;
	memcpy(u->path, is, sizeof(is));
	memcpy(u->from, was, sizeof(was));
	keep_old(u);
}

static void undo(const struct unsynced *u)
{
	FILE *out;

	if (!u->name) {
		if (truncate(u->path, 0) < 0 && errno != ENOENT)
			abort();
		return;
	}
	if (__real_rename(u->path, u->from) < 0 && errno != ENOENT)
		abort();
	if (!u->old)
		return;
	out = fopen(u->path, "we");
	if (!out || fwrite(u->old, 1, u->old_n, out) != u->old_n || fclose(out))
		abort();
}

/* Bytes first: they are where their file is called now. */
void unsynced_power_cut(unsigned long seed)
{
	unsigned long random = seed * 2654435761u + 54321;

	for (int names = 0; names < 2; names++) {
		for (size_t i = count; i-- > 0;) {
			if (list[i].name != names)
				continue;
			random = random * 6364136223846793005u + 1442695040888963407u;
			if (seed % 2 == 0 || random >> 63)
				undo(&list[i]);
		}
	}
}
