#include "node/runtime/cgroup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* cgroup.procs of a group with as many processes as the kernel can number has 30 MiB; ours are bounded far below. */
#define FILE_LIMIT (1 << 20)
#define PATH_LIMIT 4096

/* --- what the kernel writes --- */

/* The next line, without its end; NULL: there is none. `*at` moves behind it. */
static const char *next_line(const char **at, size_t *ret_len)
{
	const char *line = *at;

	if (!*line)
		return NULL;
	*ret_len = strcspn(line, "\n");
	*at = line + *ret_len + (line[*ret_len] == '\n');
	return line;
}

struct error *cgroup_file_own(const void *ctx, const char *text, char **ret_group)
{
	const char *line;
	size_t len;

	while ((line = next_line(&text, &len))) {
		if (len < 4 || strncmp(line, "0::/", 4) != 0)
			continue;
		if (len - 3 >= PATH_LIMIT)
			return error_new(ERROR_LIMIT, "/proc/self/cgroup: a path of %zu characters", len - 3);
		if (len >= 6 && !strncmp(line + 3, "/..", 3))
			return error_new(ERROR_NOT_FOUND, "this process is of a control group that it cannot see");
		*ret_group = mem_strndup(ctx, line + 3, len - 3);
		return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "there are no control groups of version 2");
}

/* Blanks, ends of lines and backslashes are written there as \ooo. In place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* The fields of a mount of control groups of version 2: where in the hierarchy it begins, and where it is. */
static bool read_mount(const void *ctx, const char *line, size_t len, char **ret_root, char **ret_point)
{
	char *copy = mem_strndup(ctx, line, len), *rest = copy, *field, *root = NULL, *point = NULL;
	int number = 0;

	while ((field = strsep(&rest, " ")) && (number < 6 || strcmp(field, "-") != 0)) {
		number++;
		if (number == 4)
			root = field;
		else if (number == 5)
			point = field;
	}
	field = field ? strsep(&rest, " ") : NULL;
	if (!field || strcmp(field, "cgroup2") != 0 || !root || !point || *root != '/' || *point != '/')
		return false;
	unescape(root);
	unescape(point);
	*ret_root = root;
	*ret_point = point;
	return true;
}

/* What is left of a group's path below a mount's root, beginning with a slash or empty; NULL: it is not below. */
static const char *below(const char *group, const char *root)
{
	size_t len = strcmp(root, "/") ? strlen(root) : 0;

	if (strncmp(group, root, len) != 0 || (group[len] && group[len] != '/'))
		return NULL;
	return strcmp(group + len, "/") ? group + len : "";
}

struct error *cgroup_file_place(const void *ctx, const char *text, const char *group, char **ret_path)
{
	void *tmp = talloc_new(NULL);
	const char *line, *rest;
	char *root, *point, *found = NULL;
	size_t len;

	while (!found && (line = next_line(&text, &len))) {
		if (len >= 4 * PATH_LIMIT || !read_mount(tmp, line, len, &root, &point))
			continue;
		rest = below(group, root);
		if (rest)
			found = mem_printf(ctx, "%s%s", point, rest);
	}
	mem_free(tmp);
	if (!found)
		return error_new(ERROR_NOT_FOUND, "control group %s: is mounted nowhere", group);
	*ret_path = found;
	return NULL;
}

static struct error *read_number(const char *key, const char *digits, size_t len, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!len || len > 19 || strspn(digits, "0123456789") != len)
		return error_new(ERROR_INVALID, "%s: \"%.*s\" is no number", key, (int)(len > 40 ? 40 : len), digits);
	for (size_t i = 0; i < len; i++)
		number = number * 10 + (uint64_t)(digits[i] - '0');
	*ret_number = number;
	return NULL;
}

struct error *cgroup_file_number(const char *text, const char *key, uint64_t *ret_number)
{
	size_t key_len = strlen(key), len;
	const char *line;

	while ((line = next_line(&text, &len))) {
		if (len > key_len && line[key_len] == ' ' && !strncmp(line, key, key_len))
			return read_number(key, line + key_len + 1, len - key_len - 1, ret_number);
	}
	return error_new(ERROR_NOT_FOUND, "%s: is not told", key);
}

bool cgroup_file_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; *at;) {
		size_t n = strcspn(at, " \n");

		if (n == len && !strncmp(at, word, len))
			return true;
		at += n + (at[n] != '\0');
	}
	return false;
}

struct error *cgroup_file_pids(const void *ctx, const char *text, pid_t **ret_pids, size_t *ret_count)
{
	size_t count = 0, room = 16, len;
	pid_t *pids = mem_array(ctx, pid_t, room);
	const char *line;

	while ((line = next_line(&text, &len))) {
		uint64_t pid = 0;
		struct error *e = read_number("cgroup.procs", line, len, &pid);

		if (!e && pid > INT32_MAX)
			e = error_new(ERROR_INVALID, "cgroup.procs: %.*s is no process", (int)len, line);
		if (e) {
			mem_free(pids);
			return e;
		}
		if (!pid)
			continue;
		if (count == room)
			pids = mem_resize(ctx, pids, pid_t, room *= 2);
		pids[count++] = (pid_t)pid;
	}
	*ret_pids = pids;
	*ret_count = count;
	return NULL;
}

/* --- files --- */

struct error *cgroup_file_read(const void *ctx, int group_fd, const char *name, char **ret_text)
{
	int fd = openat(group_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t room = 4096, len = 0;
	char *text;
	ssize_t n = 0;
	int err;

	if (fd < 0)
		return error_sys(errno, "%s", name);
	text = mem_array(ctx, char, room);
	while ((n = read(fd, text + len, room - len - 1)) > 0 || (n < 0 && errno == EINTR)) {
		len += n > 0 ? (size_t)n : 0;
		if (len + 1 < room)
			continue;
		if (room >= FILE_LIMIT) {
			close(fd);
			mem_free(text);
			return error_new(ERROR_LIMIT, "%s: is longer than %d bytes", name, FILE_LIMIT);
		}
		text = mem_resize(ctx, text, char, room *= 2);
	}
	err = errno;
	close(fd);
	if (n < 0) {
		mem_free(text);
		return error_sys(err, "%s: cannot read", name);
	}
	text[len] = '\0';
	*ret_text = text;
	return NULL;
}

struct error *cgroup_file_write(int group_fd, const char *name, const char *text)
{
	int fd = openat(group_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;
	int err;

	if (fd < 0)
		return error_sys(errno, "%s", name);
	/* At once: each write is an order of its own. */
	do {
		n = write(fd, text, strlen(text));
	} while (n < 0 && errno == EINTR);
	err = errno;
	close(fd);
	if (n < 0 && err == ESRCH)
		return error_new(ERROR_NOT_FOUND, "process %s: has ended", text);
	return n < 0 ? error_sys(err, "%s: cannot write \"%s\"", name, text) : NULL;
}

struct error *cgroup_file_write_if(int group_fd, const char *name, const char *text)
{
	return faccessat(group_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT
		       ? NULL
		       : cgroup_file_write(group_fd, name, text);
}
