#include "node/runtime/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define PROGRESS ".progress"
/* No more are looked at in one of the units' folders: they could make any number. */
#define MAX_ENTRIES 100000

enum whose { OURS, SHARED, UNITS };

static const struct {
	const char *name;
	mode_t mode;
	enum whose whose;
} folders[] = {
	{"conf", 0755, OURS},     {"agent", 0710, SHARED}, {"keys", 0710, SHARED},   {"log", 0755, OURS},
	{"progress", 0711, OURS}, {"data", 0755, OURS},    {"data/hls", 0755, OURS}, {"run", 0700, UNITS},
};

struct beneath_owner folders_units(const struct runtime_options *o)
{
	return o->set_user ? (struct beneath_owner){o->uid, o->gid} : BENEATH_KEEP;
}

struct beneath_owner folders_shared(const struct runtime_options *o)
{
	return o->set_user ? (struct beneath_owner){geteuid(), o->gid} : BENEATH_KEEP;
}

static struct beneath_owner owner(enum whose whose, const struct runtime_options *o)
{
	if (whose == UNITS)
		return folders_units(o);
	if (whose == SHARED)
		return folders_shared(o);
	return o->set_user ? (struct beneath_owner){geteuid(), getegid()} : BENEATH_KEEP;
}

/* --- those that are there --- */

typedef struct error *entry_fn(const char *folder, const char *name, const struct runtime_options *o);

static struct error *each_entry(const char *folder, const char *name, const struct runtime_options *o, entry_fn *fn)
{
	char *path = file_join(NULL, folder, name);
	const struct dirent *entry;
	struct error *e = NULL;
	DIR *dir = opendir(path);

	for (unsigned i = 0; !e && dir && i < MAX_ENTRIES && (entry = readdir(dir)); i++) {
		if (entry->d_name[0] == '.')
			continue;
		char *below = mem_printf(NULL, "%s/%s", name, entry->d_name);

		e = fn(folder, below, o);
		mem_free(below);
	}
	if (dir)
		closedir(dir);
	mem_free(path);
	return e;
}

/* A folder of stored media whose units had another user. */
static struct error *hand_over(const char *folder, const char *name, const struct runtime_options *o)
{
	struct stat st;

	TRY(beneath_stat(folder, name, &st));
	if (!S_ISDIR(st.st_mode) || st.st_uid == o->uid || st.st_uid == geteuid())
		return NULL;
	return beneath_hand_over(folder, name, st.st_uid, folders_units(o));
}

/* --- what lay in run/ --- */

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), tail = strlen(end);

	return len > tail && strcmp(name + len - tail, end) == 0;
}

/* The very file: the unit that reports has it open. */
static struct error *move_progress(const char *folder, const char *old, const char *new)
{
	char *from = file_join(NULL, folder, old), *to = file_join(from, folder, new);
	int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct error *e = NULL;
	struct stat st;

	/* run/ is a folder in one of ours, so this renames within the node; what it was is looked at behind it. */
	if (renameat(at, old, at, new) < 0 && errno != ENOENT)
		e = error_sys(errno, "%s: moving it to %s", from, to);
	if (!e)
		e = beneath_stat(folder, new, &st);
	if (!e && (!S_ISREG(st.st_mode) || st.st_nlink > 1 || st.st_uid != geteuid()))
		e = beneath_remove_tree(folder, new);
	if (at >= 0)
		close(at);
	mem_free(from);
	return e;
}

static struct error *move_out(const char *folder, const char *name, const struct runtime_options *o)
{
	char *new = mem_printf(NULL, "progress%s", strrchr(name, '/'));
	struct error *e = NULL;

	(void)o;
	if (ends_with(name, PROGRESS))
		e = move_progress(folder, name, new);
	else if (strcmp(name, "run/agent.sock") == 0)
		e = beneath_remove(folder, name);
	mem_free(new);
	return e;
}

/* --- all of them --- */

static struct error *open_folder(const char *folder, size_t i, const struct runtime_options *o)
{
	struct beneath_owner to = owner(folders[i].whose, o);
	const char *name = folders[i].name;
	struct stat st;

	if (!beneath_exists(folder, name))
		return beneath_mkdirs(folder, name, folders[i].mode, to);
	TRY(beneath_stat(folder, name, &st));
	if (!o->set_user || st.st_uid == to.uid)
		return beneath_mkdirs(folder, name, folders[i].mode, to);
	if (folders[i].whose != UNITS)
		return beneath_take_back(folder, name, folders[i].mode, to);
	TRY(beneath_hand_over(folder, name, st.st_uid, to));
	return beneath_mkdirs(folder, name, folders[i].mode, to);
}

struct error *folders_open(const char *folder, const struct runtime_options *o)
{
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		TRY(open_folder(folder, i, o));
	if (o->set_user) {
		TRY(each_entry(folder, "data", o, hand_over));
		TRY(each_entry(folder, "data/hls", o, hand_over));
	}
	return each_entry(folder, "run", o, move_out);
}
