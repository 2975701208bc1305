#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/mem.h"
#include "node/runtime/runtime_process.h"

struct error *runtime_process_log_open(const char *path, bool truncate, int *ret_fd)
{
	return beneath_open_in(path, O_WRONLY | O_CREAT | O_APPEND | (truncate ? O_TRUNC : 0), 0644, ret_fd);
}

/* `len` bytes from `from` on, or fewer where the file ends. */
static struct error *read_part(int fd, const char *path, off_t from, char *text, size_t len, size_t *ret_len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = pread(fd, text + done, len - done, from + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(errno, "%s: cannot read", path);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*ret_len = done;
	return NULL;
}

static struct error *bound_file(const void *ctx, int fd, const char *path, int64_t limit)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_sys(errno, "%s", path);
	if (st.st_size <= limit)
		return NULL;
	size_t keep = (size_t)(limit / 2), len = 0;
	char *text = mem_array(ctx, char, keep + 1);
	TRY(read_part(fd, path, st.st_size - (off_t)keep, text, keep, &len));
	char *line = memchr(text, '\n', len);
	size_t skip = line ? (size_t)(line + 1 - text) : 0;
	/* Cut and written again in place: the programs that write it hold the file open, for appending. */
	if (ftruncate(fd, 0) < 0)
		return error_sys(errno, "%s: cannot cut", path);
	if (write(fd, text + skip, len - skip) < 0)
		return error_sys(errno, "%s: cannot write", path);
	return NULL;
}

struct error *runtime_process_log_bound(const char *path, int64_t limit)
{
	int fd = -1;
	struct error *e = beneath_open_in(path, O_RDWR | O_APPEND, 0, &fd);
	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	if (e)
		return e;
	void *ctx = talloc_new(NULL);
	e = bound_file(ctx, fd, path, limit);
	mem_free(ctx);
	close(fd);
	return e;
}

/* Can the units' user walk down to the node's folder? Said here, for "permission denied" in nginx's log says nothing
 * of which folder. */
struct error *runtime_process_check_way(const void *ctx, const struct runtime_options *o, const char *folder)
{
	char *path = mem_printf(ctx, "%s/", folder);
	for (char *end = path; (end = strchr(end, '/')); end++) {
		char kept = end[1];
		end[1] = '\0';
		struct stat st;
		if (stat(path, &st) < 0)
			return error_sys(errno, "%s", path);
		end[1] = kept;
		mode_t bit = st.st_uid == o->uid ? S_IXUSR : st.st_gid == o->gid ? S_IXGRP : S_IXOTH;
		if (o->uid != 0 && !(st.st_mode & bit))
			return error_new(
				ERROR_REFUSED,
				"%.*s: user %u, whom nginx and ffmpeg run as, may not enter it; allow it (chmod o+x) or choose another state folder",
				end == path ? 1 : (int)(end - path), path, o->uid);
	}
	return NULL;
}

char **runtime_process_environment(const void *ctx, const struct runtime_process *self)
{
	/* The latter lead ffmpeg to a graphics card. */
	static const char *const names[] = {"PATH",
					    "LANG",
					    "TZ",
					    "LD_LIBRARY_PATH",
					    "LIBVA_DRIVER_NAME",
					    "LIBVA_DRIVERS_PATH",
					    "CUDA_VISIBLE_DEVICES"};
	const size_t count = sizeof names / sizeof *names;
	char **env = mem_array(ctx, char *, count + 2);
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);
		if (value)
			env[n++] = mem_printf(env, "%s=%s", names[i], value);
	}
	env[n++] = mem_printf(env, "HOME=%s", self->folder);
	return env;
}
