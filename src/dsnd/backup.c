/* The database as a file: out of the state folder, and back. */
#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "dsnd/dsnd.h"
#include "postgres/postgres.h"
#include "store/db_copy.h"

static struct error *find_database(const void *ctx, const struct dsnd_settings *s, char **ret_path)
{
	if (s->store && postgres_is_url(s->store))
		return error_new(
			ERROR_REFUSED,
			"a PostgreSQL server has tools of its own for that: pg_dump and pg_restore (docs/dsnd.md)");
	*ret_path = s->store ? mem_strdup(ctx, s->store) : file_join(ctx, s->client.state.folder, "dsnd.db");
	return NULL;
}

/* --- as whom --- */

static const char *name_of(uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user ? user->pw_name : "ITS-USER";
}

/* A folder that is not there yet is made, by us. */
static struct error *check_folder(const char *folder)
{
	struct stat itself, there;

	if (lstat(folder, &itself) != 0 || stat(folder, &there) != 0)
		return errno == ENOENT ? NULL : error_sys(errno, "%s", folder);
	if (itself.st_uid == 0 && there.st_uid == 0)
		return NULL;
	if (itself.st_uid == 0)
		itself = there;
	return error_new(
		ERROR_REFUSED,
		"%s: belongs to user %lu, who could lead root to other files: run this as that user, runuser -u %s -- dsnd ...",
		folder, (unsigned long)itself.st_uid, name_of(itself.st_uid));
}

/* Root writes nothing where another user may put a link. */
static struct error *check_folders(const struct dsnd_settings *s)
{
	char *path;
	struct error *e;

	if (geteuid() != 0)
		return NULL;
	TRY(check_folder(s->client.state.folder));
	if (!s->store || postgres_is_url(s->store))
		return NULL;
	path = mem_strdup(NULL, s->store);
	e = check_folder(dirname(path));
	mem_free(path);
	return e;
}

struct error *dsnd_backup(const struct dsnd_settings *settings)
{
	void *scope = mem_strdup(NULL, "");
	char *path = NULL;
	struct error *e = check_folders(settings);

	if (!e)
		e = find_database(scope, settings, &path);
	if (!e)
		e = db_copy(path, settings->backup, &manager_database);
	mem_free(scope);
	return e;
}

/* First a copy beside it, which is checked: until that is in its place, all is as it was. */
static struct error *put_back(const char *from, const char *path, const char *before)
{
	char *copy = mem_printf(NULL, "%s.restored", path);
	struct error *e = file_remove(copy);

	if (!e)
		e = db_copy(from, copy, &manager_database);
	if (!e)
		e = manager_restored(copy, dsnd_services);
	if (!e)
		e = db_replace(copy, path, before);
	unlink(copy);
	mem_free(copy);
	return e;
}

struct error *dsnd_restore(const void *ctx, const struct dsnd_settings *settings, char **ret_before)
{
	const char *folder = settings->client.state.folder;
	char *path = NULL;
	struct error *e;
	int lock = -1;

	TRY(check_folders(settings));
	TRY(find_database(ctx, settings, &path));
	TRY(file_mkdirs(folder, 0700));
	e = file_lock(file_join(ctx, folder, "dsnd.lock"), &lock);
	if (e)
		return error_wrap(e, "end the dsnd of this folder first");
	*ret_before = mem_printf(ctx, "%s.before-%lld", path, (long long)(clock_wall_ms() / 1000));
	e = put_back(settings->restore, path, *ret_before);
	close(lock);
	return e;
}
