/* Walks below a folder by descriptor, so that a link put in meanwhile never leads outside. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define MAX_LEVELS 64

struct walk {
	/* Called after what is below an entry; `folder` says whether it is one. */
	struct error *(*visit)(const struct walk *w, int at, const char *name, bool folder);
	const char *path; /* for errors: where the walk began */
	uid_t uid;
	gid_t gid;
	int level;
};

static struct error *walk_folder(const struct walk *w, int fd);

static struct error *walk_entry(const struct walk *w, int at, const char *name)
{
	struct stat st;
	int fd = -1;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? NULL : error_sys(errno, "%s: below it: %s", w->path, name);
	if (S_ISDIR(st.st_mode)) {
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return error_sys(errno, "%s: below it: %s", w->path, name);
		TRY(walk_folder(w, fd));
	}
	return w->visit(w, at, name, S_ISDIR(st.st_mode));
}

/* Takes fd. */
static struct error *walk_folder(const struct walk *w, int fd)
{
	struct walk below = *w;
	struct error *e = NULL;
	DIR *dir = NULL;

	if (++below.level > MAX_LEVELS) {
		close(fd);
		return error_new(ERROR_LIMIT, "%s: more than %d folders inside each other", w->path, MAX_LEVELS);
	}
	dir = fdopendir(fd);
	if (!dir) {
		e = error_sys(errno, "%s", w->path);
		close(fd);
		return e;
	}
	for (struct dirent *entry = NULL; !e && (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			e = walk_entry(&below, dirfd(dir), entry->d_name);
	}
	closedir(dir);
	return e;
}

static struct error *visit_remove(const struct walk *w, int at, const char *name, bool folder)
{
	if (unlinkat(at, name, folder ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
		return error_sys(errno, "%s: removing %s", w->path, name);
	return NULL;
}

static struct error *visit_chown(const struct walk *w, int at, const char *name, bool folder)
{
	(void)folder;
	if (fchownat(at, name, w->uid, w->gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		return error_sys(errno, "%s: giving away %s", w->path, name);
	return NULL;
}

struct error *file_remove_tree(const char *path)
{
	struct walk w = {.visit = visit_remove, .path = path};

	return walk_entry(&w, AT_FDCWD, path);
}

struct error *file_chown_tree(const char *path, uid_t uid, gid_t gid)
{
	struct walk w = {.visit = visit_chown, .path = path, .uid = uid, .gid = gid};

	if (!file_exists(path))
		return error_sys(ENOENT, "%s", path);
	return walk_entry(&w, AT_FDCWD, path);
}
