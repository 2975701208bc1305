/* Our own calls to the system and to talloc, by the linker's --wrap (tests/CMakeLists.txt lists them). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "fault.h"

/* --- files --- */

int __real_open(const char *path, int flags, ...);
int __real_openat(int at, const char *path, int flags, ...);
int __real_mkostemp(char *path, int flags);
DIR *__real_opendir(const char *path);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int __real_fchmod(int fd, mode_t mode);
int __real_close(int fd);
int __real_rename(const char *from, const char *to);
int __real_renameat(int from_at, const char *from, int to_at, const char *to);
int __real_unlink(const char *path);
int __real_unlinkat(int at, const char *path, int flags);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
int __wrap_mkostemp(char *path, int flags);
DIR *__wrap_opendir(const char *path);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_close(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int from_at, const char *from, int to_at, const char *to);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int at, const char *path, int flags);

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

int __wrap_openat(int at, const char *path, int flags, ...)
{
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return fails(EIO) ? -1 : __real_openat(at, path, flags, mode);
}

int __wrap_mkostemp(char *path, int flags)
{
	return fails(ENOSPC) ? -1 : __real_mkostemp(path, flags);
}

DIR *__wrap_opendir(const char *path)
{
	return fails(EMFILE) ? NULL : __real_opendir(path);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	bool half = false;
	ssize_t done;

	if (fault_now(FAULT_DISK, &half) && !half) {
		errno = ENOSPC;
		return -1;
	}
	unsynced_written(fd);
	done = __real_write(fd, bytes, half ? n / 2 : n);
	if (half)
		fault_end();
	return done;
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return fails(EIO) ? -1 : __real_fchmod(fd, mode);
}

/* Not done: who looks afterwards is on the same machine. */
int __wrap_fsync(int fd)
{
	if (fails(EIO))
		return -1;
	unsynced_synced(fd);
	return 0;
}

int __wrap_fdatasync(int fd)
{
	return __wrap_fsync(fd);
}

int __wrap_close(int fd)
{
	int rc = __real_close(fd);

	return fails(EIO) ? -1 : rc;
}

int __wrap_rename(const char *from, const char *to)
{
	if (fails(EIO))
		return -1;
	unsynced_renames(AT_FDCWD, from, to);
	return __real_rename(from, to);
}

int __wrap_renameat(int from_at, const char *from, int to_at, const char *to)
{
	if (fails(EIO))
		return -1;
	if (from_at != to_at)
		abort(); /* nobody does that yet */
	unsynced_renames(to_at, from, to);
	return __real_renameat(from_at, from, to_at, to);
}

int __wrap_unlink(const char *path)
{
	return fails(EIO) ? -1 : __real_unlink(path);
}

int __wrap_unlinkat(int at, const char *path, int flags)
{
	return fails(EIO) ? -1 : __real_unlinkat(at, path, flags);
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
