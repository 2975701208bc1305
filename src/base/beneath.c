#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/beneath_impl.h"
#include "base/buf.h"
#include "base/mem.h"

#define TEMPORARY_TRIES 16
#define SAFELY (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

struct error *beneath_failure(int err, const char *top, const char *name, const char *what)
{
	/* A link in the place of a folder is "not a directory" to O_DIRECTORY. */
	if (err == ELOOP || err == EXDEV || err == ENOTDIR)
		return error_new(
			ERROR_REFUSED,
			"%s/%s: %s: there is a link, or no folder, on the way, and none is followed here; put a folder or a mount in its place",
			top, name, what);
	return error_sys(err, "%s/%s: %s", top, name, what);
}

/* Relative, and down only. */
static bool is_below(const char *name)
{
	if (!*name || *name == '/')
		return false;
	for (const char *at = name; *at; at += strcspn(at, "/")) {
		at += strspn(at, "/");
		if (strncmp(at, "..", 2) == 0 && (at[2] == '\0' || at[2] == '/'))
			return false;
	}
	return true;
}

int beneath_walk(int top_fd, const char *name, int flags, mode_t mode)
{
	int at = top_fd, next, err;
	char part[256];

	for (;;) {
		size_t len = strcspn(name, "/"), gap = strspn(name + len, "/");

		if (len >= sizeof(part)) {
			errno = ENAMETOOLONG;
			next = -1;
			break;
		}
		memcpy(part, name, len);
		part[len] = '\0';
		name += len + gap;
		next = *name ? openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			     : openat(at, part, flags | O_NOFOLLOW | O_CLOEXEC, mode);
		if (next < 0 || !*name)
			break;
		if (at != top_fd)
			close(at);
		at = next;
	}
	err = errno;
	if (at != top_fd)
		close(at);
	errno = err;
	return next;
}

int beneath_resolve(int top_fd, const char *name, int flags, mode_t mode)
{
	const struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, top_fd, name, &how, sizeof(how));

	/* EPERM: a filter of system calls that does not know it, which the walk passes, or a refusal, which it meets
	 * too. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return beneath_walk(top_fd, name, flags, mode);
	return (int)fd;
}

static struct error *open_any(const char *top, const char *name, int flags, mode_t mode, int *ret_fd)
{
	int top_fd, fd, err;

	if (!is_below(name))
		return error_new(ERROR_INVALID, "%s: is no path below %s", name, top);
	top_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top_fd < 0)
		return error_sys(errno, "%s", top);
	fd = beneath_resolve(top_fd, name, flags, mode);
	err = errno;
	close(top_fd);
	if (fd < 0)
		return beneath_failure(err, top, name, "cannot open");
	*ret_fd = fd;
	return NULL;
}

/* Is it what one may read and write without reaching another file, and without waiting? */
static struct error *check_regular(int fd, const char *top, const char *name)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_sys(errno, "%s/%s", top, name);
	if (!S_ISREG(st.st_mode))
		return error_new(ERROR_REFUSED, "%s/%s: is no regular file", top, name);
	if (st.st_nlink > 1)
		return error_new(ERROR_REFUSED, "%s/%s: is another file's name too (a hard link)", top, name);
	return NULL;
}

struct error *beneath_open(const char *top, const char *name, int flags, mode_t mode, int *ret_fd)
{
	struct error *e;
	int fd = -1;

	TRY(open_any(top, name, (flags & ~O_TRUNC) | SAFELY, mode, &fd));
	e = check_regular(fd, top, name);
	if (!e && flags & O_TRUNC && ftruncate(fd, 0) < 0)
		e = error_sys(errno, "%s/%s: emptying", top, name);
	if (e) {
		close(fd);
		return e;
	}
	*ret_fd = fd;
	return NULL;
}

struct error *beneath_open_in(const char *path, int flags, mode_t mode, int *ret_fd)
{
	const char *slash = strrchr(path, '/');
	char *folder =
		!slash ? mem_strdup(NULL, ".") : mem_strndup(NULL, path, (size_t)(slash - path) + (slash == path));
	struct error *e = beneath_open(folder, slash ? slash + 1 : path, flags, mode, ret_fd);

	mem_free(folder);
	return e;
}

struct error *beneath_parent(const char *top, const char *name, int *ret_fd, const char **ret_last)
{
	const char *slash = strrchr(name, '/');
	char *folder;
	struct error *e;

	if (!is_below(name) || (slash && !slash[1]))
		return error_new(ERROR_INVALID, "%s: is no path below %s", name, top);
	folder = slash ? mem_strndup(NULL, name, (size_t)(slash - name)) : mem_strdup(NULL, ".");
	e = open_any(top, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd);
	mem_free(folder);
	if (!e)
		*ret_last = slash ? slash + 1 : name;
	return e;
}

struct error *beneath_stat(const char *top, const char *name, struct stat *ret_stat)
{
	const char *last = "";
	int at = -1, err;

	TRY(beneath_parent(top, name, &at, &last));
	err = fstatat(at, last, ret_stat, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
	close(at);
	return err ? error_sys(err, "%s/%s", top, name) : NULL;
}

bool beneath_exists(const char *top, const char *name)
{
	struct stat st;
	struct error *e = beneath_stat(top, name, &st);

	error_free(e);
	return !e;
}

static struct error *read_all(int fd, const char *top, const char *name, struct buf *b)
{
	char part[16384];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) != 0) {
		struct error *e = NULL;

		if (n < 0 && errno != EINTR)
			return error_sys(errno, "%s/%s: reading", top, name);
		if (n > 0)
			e = buf_append(b, part, (size_t)n);
		if (e) {
			error_free(e);
			return error_new(ERROR_LIMIT, "%s/%s: longer than %zu bytes", top, name, b->limit);
		}
	}
	return NULL;
}

struct error *beneath_read(const void *ctx, const char *top, const char *name, size_t limit, char **ret_text,
			   size_t *ret_len)
{
	struct buf *b;
	struct error *e;
	struct stat st;
	int fd = -1;

	TRY(beneath_open(top, name, O_RDONLY, 0, &fd));
	b = buf_new(NULL, limit);
	/* Before any of it is read, and again when it grows meanwhile. */
	if (fstat(fd, &st) == 0 && (uintmax_t)st.st_size > limit)
		e = error_new(ERROR_LIMIT, "%s/%s: longer than %zu bytes", top, name, limit);
	else
		e = read_all(fd, top, name, b);
	close(fd);
	if (!e) {
		*ret_text = talloc_steal(ctx, b->data);
		if (ret_len)
			*ret_len = b->len;
	}
	mem_free(b);
	return e;
}

/* --- writing --- */

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int open_temporary(int at, char *name, size_t size)
{
	int fd = -1;

	for (int i = 0; fd < 0 && i < TEMPORARY_TRIES; i++) {
		uint64_t random = 0;

		if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return -1;
		snprintf(name, size, ".%016llx.new", (unsigned long long)random);
		fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | SAFELY, 0600);
		if (fd < 0 && errno != EEXIST)
			return -1;
	}
	return fd;
}

static int give(int fd, mode_t mode, struct beneath_owner owner)
{
	if ((owner.uid != (uid_t)-1 || owner.gid != (gid_t)-1) && fchown(fd, owner.uid, owner.gid) < 0)
		return -1;
	return fchmod(fd, mode);
}

/* 0, or errno. */
static int replace(int at, const char *last, const void *bytes, size_t len, mode_t mode, struct beneath_owner owner,
		   bool synced)
{
	char temporary[32];
	int fd = open_temporary(at, temporary, sizeof(temporary)), err = 0;

	if (fd < 0)
		return errno;
	if (write_all(fd, bytes, len) < 0 || give(fd, mode, owner) < 0 || (synced && fsync(fd) < 0))
		err = errno;
	if (close(fd) < 0 && !err)
		err = errno;
	if (!err && renameat(at, temporary, at, last) < 0)
		err = errno;
	if (err)
		unlinkat(at, temporary, 0);
	else if (synced && fsync(at) < 0)
		err = errno;
	return err;
}

struct error *beneath_write(const char *top, const char *name, const void *bytes, size_t len, mode_t mode,
			    struct beneath_owner owner, bool synced)
{
	const char *last = "";
	int at = -1, err;

	TRY(beneath_parent(top, name, &at, &last));
	err = replace(at, last, bytes, len, mode, owner, synced);
	close(at);
	return err ? error_sys(err, "%s/%s: writing", top, name) : NULL;
}

/* One part: opened, made first when it is missing. */
static int enter(int at, const char *part, mode_t mode, struct beneath_owner owner, bool last)
{
	bool made = mkdirat(at, part, 0700) == 0;
	int fd, err;

	if (!made && errno != EEXIST)
		return -1;
	fd = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (made || last) && give(fd, mode, owner) < 0) {
		err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

struct error *beneath_mkdirs(const char *top, const char *name, mode_t mode, struct beneath_owner owner)
{
	char *parts, *rest = NULL;
	int at, err = 0;

	if (!is_below(name))
		return error_new(ERROR_INVALID, "%s: is no path below %s", name, top);
	at = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return error_sys(errno, "%s", top);
	parts = mem_strdup(NULL, name);
	for (char *part = strtok_r(parts, "/", &rest); part && !err;) {
		char *following = strtok_r(NULL, "/", &rest);
		int fd = enter(at, part, mode, owner, !following);

		if (fd < 0) {
			err = errno;
		} else {
			close(at);
			at = fd;
		}
		part = following;
	}
	close(at);
	mem_free(parts);
	return err ? beneath_failure(err, top, name, "making the folder") : NULL;
}

struct error *beneath_remove(const char *top, const char *name)
{
	const char *last = "";
	struct error *e;
	int at = -1, err;

	e = beneath_parent(top, name, &at, &last);
	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	err = unlinkat(at, last, 0) < 0 && errno != ENOENT ? errno : 0;
	close(at);
	return err ? error_sys(err, "%s/%s: removing", top, name) : NULL;
}

struct error *beneath_socket(const char *top, const char *name, uid_t uid, int *ret_fd)
{
	struct stat st;
	int fd = -1;

	TRY(open_any(top, name, O_PATH | O_NOFOLLOW, 0, &fd));
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid != uid) {
		close(fd);
		return error_new(ERROR_REFUSED, "%s/%s: is no socket of user %u", top, name, (unsigned)uid);
	}
	*ret_fd = fd;
	return NULL;
}
