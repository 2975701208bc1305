/* Whole trees beneath a folder: removed, taken back, handed over. Walks go by descriptor. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath_impl.h"

/* Folders inside each other that a walk holds open at once. */
#define MAX_LEVELS 32
/* Somebody who makes folders inside each other while we remove them is not followed for ever. */
#define MAX_MOVES 100000

struct walk {
	const char *top, *name; /* for errors */
	int root_fd;            /* where the walk began */
	unsigned moved;         /* folders that lay too deep */
	uid_t from;
	struct beneath_owner to;
};

static struct error *failed(const struct walk *w, const char *name, const char *what)
{
	return error_sys(errno, "%s/%s: below it: %s %s", w->top, w->name, what, name);
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The folder as a stream of names; takes fd. */
static struct error *list(const struct walk *w, int fd, DIR **ret_dir)
{
	struct error *e;

	*ret_dir = fdopendir(fd);
	if (*ret_dir)
		return NULL;
	e = failed(w, "", "listing");
	close(fd);
	return e;
}

/* --- removing --- */

static struct error *empty_folder(struct walk *w, int fd, int level);

/* Ours and closed to others from here on. Where we may not (we are not root, it is not ours) the removal tells. */
static void seize(int fd)
{
	if (fchown(fd, geteuid(), (gid_t)-1) == 0)
		(void)fchmod(fd, 0700);
}

/* Too deep to go on: up to where the walk began, whose turn comes once more. */
static struct error *move_up(struct walk *w, int at, const char *name)
{
	char up[32];

	if (w->moved > MAX_MOVES)
		return error_new(ERROR_LIMIT, "%s/%s: folders lie too deep in each other to be removed", w->top,
				 w->name);
	do {
		snprintf(up, sizeof(up), ".deep.%u", w->moved++);
		if (renameat2(at, name, w->root_fd, up, RENAME_NOREPLACE) == 0)
			return NULL;
	} while (errno == EEXIST);
	return failed(w, name, "moving");
}

static struct error *remove_folder(struct walk *w, int at, const char *name, int level)
{
	int fd;

	if (level == MAX_LEVELS)
		return move_up(w, at, name);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Its owner has closed it to himself, and we are he. */
	if (fd < 0 && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? NULL : failed(w, name, "opening");
	TRY(empty_folder(w, fd, level + 1));
	if (unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return failed(w, name, "removing");
	return NULL;
}

/* Whatever it is by now: a name that was a file may be a folder when its turn comes. */
static struct error *remove_entry(struct walk *w, int at, const char *name, int level)
{
	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return NULL;
	if (errno != EISDIR && errno != EPERM)
		return failed(w, name, "removing");
	return remove_folder(w, at, name, level);
}

/* Takes fd. */
static struct error *empty_folder(struct walk *w, int fd, int level)
{
	struct error *e = NULL;
	unsigned moved;
	DIR *dir = NULL;

	seize(fd);
	TRY(list(w, fd, &dir));
	do {
		moved = w->moved;
		rewinddir(dir);
		for (struct dirent *entry = NULL; !e && (entry = readdir(dir));) {
			if (!is_dot(entry->d_name))
				e = remove_entry(w, dirfd(dir), entry->d_name, level);
		}
	} while (!e && level == 1 && w->moved != moved);
	closedir(dir);
	return e;
}

struct error *beneath_remove_tree(const char *top, const char *name)
{
	struct walk w = {.top = top, .name = name, .root_fd = -1};
	const char *last = "";
	struct error *e = beneath_parent(top, name, &w.root_fd, &last);
	int at = w.root_fd;

	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	w.root_fd = openat(at, last, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	e = remove_entry(&w, at, last, 0);
	if (w.root_fd >= 0)
		close(w.root_fd);
	close(at);
	return e;
}

/* --- owners --- */

static bool is_single(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1;
}

/* By a descriptor of the very file that was looked at. */
static struct error *take_entry(const struct walk *w, int at, const char *name)
{
	int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct error *e = NULL;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? NULL : failed(w, name, "opening");
	if (fstat(fd, &st) < 0)
		e = failed(w, name, "looking at");
	else if (is_single(&st)) {
		if (fchownat(fd, "", w->to.uid, w->to.gid, AT_EMPTY_PATH) < 0)
			e = failed(w, name, "taking back");
	} else if (!S_ISDIR(st.st_mode) && unlinkat(at, name, 0) < 0 && errno != ENOENT) {
		e = failed(w, name, "removing");
	}
	close(fd);
	return e;
}

struct error *beneath_take_back(const char *top, const char *name, mode_t mode, struct beneath_owner owner)
{
	struct walk w = {.top = top, .name = name, .to = owner};
	struct error *e = NULL;
	const char *last = "";
	DIR *dir = NULL;
	int at = -1, fd;

	TRY(beneath_parent(top, name, &at, &last));
	fd = openat(at, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		e = beneath_failure(errno, top, name, "cannot open");
	close(at);
	TRY(e);
	/* First: then nobody changes what is in it while we look. */
	if (fchown(fd, owner.uid, owner.gid) < 0 || fchmod(fd, mode) < 0) {
		e = error_sys(errno, "%s/%s: taking it back", top, name);
		close(fd);
		return e;
	}
	TRY(list(&w, fd, &dir));
	for (struct dirent *entry = NULL; !e && (entry = readdir(dir));) {
		if (!is_dot(entry->d_name))
			e = take_entry(&w, dirfd(dir), entry->d_name);
	}
	closedir(dir);
	return e;
}

static struct error *hand_over_folder(struct walk *w, int fd, int level);

static struct error *hand_over_entry(struct walk *w, int at, const char *name, int level)
{
	int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), below;
	struct error *e = NULL;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? NULL : failed(w, name, "opening");
	if (fstat(fd, &st) < 0)
		e = failed(w, name, "looking at");
	else if (st.st_uid == w->from && (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode) || st.st_nlink == 1) &&
		 fchownat(fd, "", w->to.uid, w->to.gid, AT_EMPTY_PATH) < 0)
		e = failed(w, name, "giving away");
	if (!e && S_ISDIR(st.st_mode) && level < MAX_LEVELS) {
		below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		e = below < 0 ? failed(w, name, "opening") : hand_over_folder(w, below, level + 1);
	}
	close(fd);
	return e;
}

/* Takes fd. */
static struct error *hand_over_folder(struct walk *w, int fd, int level)
{
	struct error *e = NULL;
	DIR *dir = NULL;

	TRY(list(w, fd, &dir));
	for (struct dirent *entry = NULL; !e && (entry = readdir(dir));) {
		if (!is_dot(entry->d_name))
			e = hand_over_entry(w, dirfd(dir), entry->d_name, level);
	}
	closedir(dir);
	return e;
}

struct error *beneath_hand_over(const char *top, const char *name, uid_t from, struct beneath_owner to)
{
	struct walk w = {.top = top, .name = name, .from = from, .to = to};
	const char *last = "";
	struct error *e;
	int at = -1;

	TRY(beneath_parent(top, name, &at, &last));
	e = hand_over_entry(&w, at, last, 0);
	close(at);
	return e;
}
