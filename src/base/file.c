#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define SECRET_FILE_BYTES 4096

static struct error *read_all(int fd, const char *path, struct buf *b)
{
	char part[16384];

	for (;;) {
		ssize_t n = read(fd, part, sizeof(part));

		if (n == 0)
			return NULL;
		if (n < 0 && errno != EINTR)
			return error_sys(errno, "%s: reading", path);
		if (n > 0) {
			struct error *e = buf_append(b, part, (size_t)n);

			if (e) {
				error_free(e);
				return error_new(ERROR_LIMIT, "%s: longer than %zu bytes", path, b->limit);
			}
		}
	}
}

struct error *file_read(const void *ctx, const char *path, size_t limit, char **ret_text, size_t *ret_len)
{
	struct buf *b = NULL;
	struct error *e = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(errno, "%s", path);
	b = buf_new(NULL, limit);
	e = read_all(fd, path, b);
	close(fd);
	if (!e) {
		*ret_text = talloc_steal(ctx, b->data);
		if (ret_len)
			*ret_len = b->len;
	}
	mem_free(b);
	return e;
}

static struct error *write_all(int fd, const char *path, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return error_sys(errno, "%s: writing", path);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return NULL;
}

static char *parent_of(const void *ctx, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_strdup(ctx, ".");
	return slash == path ? mem_strdup(ctx, "/") : mem_strndup(ctx, path, (size_t)(slash - path));
}

struct error *file_sync_name(const char *path)
{
	char *folder = parent_of(NULL, path);
	struct error *e = NULL;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		e = error_sys(errno, "%s: writing the folder to disk", folder);
	if (fd >= 0)
		close(fd);
	mem_free(folder);
	return e;
}

static struct error *fill_temporary(int fd, const char *path, const void *bytes, size_t len, mode_t mode, bool synced)
{
	TRY(write_all(fd, path, bytes, len));
	/* mkstemp() made it 0600; only now, with all bytes in it, may others see it. */
	if (fchmod(fd, mode) < 0)
		return error_sys(errno, "%s: setting the mode", path);
	if (synced && fsync(fd) < 0)
		return error_sys(errno, "%s: writing to disk", path);
	return NULL;
}

static struct error *replace(const char *path, const void *bytes, size_t len, mode_t mode, bool synced)
{
	char *temporary = mem_printf(NULL, "%s.XXXXXX", path);
	struct error *e = NULL;
	int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0) {
		e = error_sys(errno, "%s: making a temporary file beside it", path);
		mem_free(temporary);
		return e;
	}
	e = fill_temporary(fd, path, bytes, len, mode, synced);
	if (close(fd) < 0 && !e)
		e = error_sys(errno, "%s: closing", path);
	if (!e && rename(temporary, path) < 0)
		e = error_sys(errno, "%s: renaming into place", path);
	if (e)
		unlink(temporary);
	mem_free(temporary);
	return e || !synced ? e : file_sync_name(path);
}

struct error *file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode)
{
	return replace(path, bytes, len, mode, true);
}

struct error *file_replace(const char *path, const void *bytes, size_t len, mode_t mode)
{
	return replace(path, bytes, len, mode, false);
}

static struct error *make_folder(const char *path, mode_t mode)
{
	struct stat st;
	int err = 0;

	if (mkdir(path, mode) == 0)
		return NULL;
	err = errno;
	if (err == EEXIST) {
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return NULL;
		err = ENOTDIR;
	}
	return error_sys(err, "%s: making the folder", path);
}

struct error *file_mkdirs(const char *path, mode_t mode)
{
	char *part = mem_strdup(NULL, path);
	struct error *e = NULL;

	for (char *p = part; *p && !e; p++) {
		if (*p != '/' || p == part)
			continue;
		*p = '\0';
		e = make_folder(part, mode);
		*p = '/';
	}
	if (!e)
		e = make_folder(part, mode);
	mem_free(part);
	return e;
}

struct error *file_remove(const char *path)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return error_sys(errno, "%s: removing", path);
	return NULL;
}

bool file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

struct error *file_lock(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = 0;

	if (fd < 0)
		return error_sys(errno, "%s", path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = errno;
		if (err == EINTR)
			continue;
		close(fd);
		if (err == EWOULDBLOCK)
			return error_new(ERROR_EXISTS, "%s: another process holds this lock", path);
		return error_sys(err, "%s: locking", path);
	}
	*ret_fd = fd;
	return NULL;
}

static struct error *check_secret_file(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_sys(errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_new(ERROR_REFUSED, "%s: is no ordinary file", path);
	if (st.st_uid != geteuid())
		return error_new(ERROR_REFUSED, "%s: belongs to another user; a secret's file must be one's own", path);
	if (st.st_mode & 077)
		return error_new(ERROR_REFUSED, "%s: mode %04o lets others at the secret; chmod 600 it", path,
				 (unsigned)(st.st_mode & 07777));
	return NULL;
}

/* Into the one buffer that is wiped; one that grew would leave copies. */
static struct error *read_text(int fd, const char *path, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, size - len);
		if (n < 0 && errno != EINTR)
			return error_sys(errno, "%s: reading", path);
		len += n > 0 ? (size_t)n : 0;
		if (len == size)
			return error_new(ERROR_LIMIT, "%s: longer than %zu bytes", path, size - 1);
	} while (n != 0);
	text[len] = '\0';
	return NULL;
}

struct error *file_read_secret(const void *ctx, const char *path, char **ret_secret)
{
	char text[SECRET_FILE_BYTES + 1];
	struct error *e = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(errno, "%s", path);
	e = check_secret_file(fd, path);
	if (!e)
		e = read_text(fd, path, text, sizeof(text));
	close(fd);
	if (!e) {
		text[strcspn(text, "\r\n")] = '\0';
		if (text[0])
			*ret_secret = mem_strdup(ctx, text);
		else
			e = error_new(ERROR_INVALID, "%s: its first line is empty, there is no secret in it", path);
	}
	explicit_bzero(text, sizeof(text));
	return e;
}

struct error *file_free_bytes(const char *path, unsigned long long *ret_bytes)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return error_sys(errno, "%s: asking for free space", path);
	*ret_bytes = (unsigned long long)st.f_bavail * st.f_frsize;
	return NULL;
}

char *file_join(const void *ctx, const char *folder, const char *name)
{
	size_t n = strlen(folder);

	return mem_printf(ctx, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
}
