/* The calls of base/file.c and base/mem.c, by the linker's --wrap (tests/CMakeLists.txt lists them). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "fault.h"

/* --- files --- */

/* What a power cut would undo: bytes that were not synced, names whose folder was not. */
static struct {
	bool written;                /* since the last sync */
	char written_path[PATH_MAX]; /* where the bytes are */
	bool renamed;
	char renamed_path[PATH_MAX];
	char *old; /* NULL: there was none */
	size_t old_n;
} unsafe;

int __real_open(const char *path, int flags, ...);
int __real_mkostemp(char *path, int flags);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int __real_fchmod(int fd, mode_t mode);
int __real_fsync(int fd);
int __real_close(int fd);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);

int __wrap_open(const char *path, int flags, ...);
int __wrap_mkostemp(char *path, int flags);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fsync(int fd);
int __wrap_close(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);

static bool fails(int error)
{
	if (!fault_now(FAULT_DISK, NULL))
		return false;
	errno = error;
	return true;
}

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return fails(EIO) ? -1 : __real_open(path, flags, mode);
}

int __wrap_mkostemp(char *path, int flags)
{
	int fd = fails(ENOSPC) ? -1 : __real_mkostemp(path, flags);

	if (fd >= 0)
		snprintf(unsafe.written_path, sizeof(unsafe.written_path), "%s", path);
	return fd;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	bool half = false;
	ssize_t done;

	if (fault_now(FAULT_DISK, &half) && !half) {
		errno = ENOSPC;
		return -1;
	}
	unsafe.written = fault_armed();
	done = __real_write(fd, bytes, half ? n / 2 : n);
	if (half)
		fault_end();
	return done;
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return fails(EIO) ? -1 : __real_fchmod(fd, mode);
}

int __wrap_fsync(int fd)
{
	struct stat st;

	if (fails(EIO))
		return -1;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		unsafe.renamed = false;
	else
		unsafe.written = false;
	return 0;
}

int __wrap_close(int fd)
{
	int rc = __real_close(fd);

	return fails(EIO) ? -1 : rc;
}

static void keep_old(const char *path)
{
	FILE *in = fopen(path, "re");
	char text[65536];

	free(unsafe.old);
	unsafe.old = NULL;
	unsafe.old_n = 0;
	if (!in)
		return;
	unsafe.old_n = fread(text, 1, sizeof(text), in);
	unsafe.old = malloc(unsafe.old_n + 1);
	memcpy(unsafe.old, text, unsafe.old_n);
	fclose(in);
}

int __wrap_rename(const char *from, const char *to)
{
	int rc;

	if (fails(EIO))
		return -1;
	keep_old(to);
	rc = __real_rename(from, to);
	if (rc == 0) {
		unsafe.renamed = fault_armed();
		snprintf(unsafe.renamed_path, sizeof(unsafe.renamed_path), "%s", to);
		snprintf(unsafe.written_path, sizeof(unsafe.written_path), "%s", to);
	}
	return rc;
}

int __wrap_unlink(const char *path)
{
	return fails(EIO) ? -1 : __real_unlink(path);
}

void fault_file_forget(void)
{
	unsafe.written = unsafe.renamed = false;
}

void fault_file_power_cut(void)
{
	if (unsafe.written && truncate(unsafe.written_path, 0) < 0 && errno != ENOENT)
		abort();
	if (unsafe.renamed && unsafe.old) {
		FILE *out = fopen(unsafe.renamed_path, "we");

		if (!out || fwrite(unsafe.old, 1, unsafe.old_n, out) != unsafe.old_n || fclose(out))
			abort();
	} else if (unsafe.renamed) {
		__real_unlink(unsafe.renamed_path);
	}
}

/* --- memory --- */

void *__real_talloc_named_const(const void *ctx, size_t n, const char *name);
void *__real__talloc_realloc(const void *ctx, void *p, size_t n, const char *name);
char *__real_talloc_strdup(const void *ctx, const char *s);
char *__real_talloc_strndup(const void *ctx, const char *s, size_t n);
char *__real_talloc_vasprintf(const void *ctx, const char *fmt, va_list ap);

void *__wrap_talloc_named_const(const void *ctx, size_t n, const char *name);
void *__wrap__talloc_realloc(const void *ctx, void *p, size_t n, const char *name);
char *__wrap_talloc_strdup(const void *ctx, const char *s);
char *__wrap_talloc_strndup(const void *ctx, const char *s, size_t n);
char *__wrap_talloc_vasprintf(const void *ctx, const char *fmt, va_list ap);

void *__wrap_talloc_named_const(const void *ctx, size_t n, const char *name)
{
	return fault_now(FAULT_TREE_MEMORY, NULL) ? NULL : __real_talloc_named_const(ctx, n, name);
}

void *__wrap__talloc_realloc(const void *ctx, void *p, size_t n, const char *name)
{
	return fault_now(FAULT_TREE_MEMORY, NULL) ? NULL : __real__talloc_realloc(ctx, p, n, name);
}

char *__wrap_talloc_strdup(const void *ctx, const char *s)
{
	return fault_now(FAULT_TREE_MEMORY, NULL) ? NULL : __real_talloc_strdup(ctx, s);
}

char *__wrap_talloc_strndup(const void *ctx, const char *s, size_t n)
{
	return fault_now(FAULT_TREE_MEMORY, NULL) ? NULL : __real_talloc_strndup(ctx, s, n);
}

char *__wrap_talloc_vasprintf(const void *ctx, const char *fmt, va_list ap)
{
	return fault_now(FAULT_TREE_MEMORY, NULL) ? NULL : __real_talloc_vasprintf(ctx, fmt, ap);
}
