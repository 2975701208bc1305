/* SQLite's online backup (sqlite.org/backup.html). */
#include "store/db_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/db_backend.h"

#define PAGES 1024 /* at once; others write between */
#define WAIT_MS 20
#define REASON_BYTES 200

static struct error *failed(const char *path, const char *what, sqlite3 *handle)
{
	int reason = handle ? sqlite3_errcode(handle) & 0xff : SQLITE_NOMEM;
	enum error_code code = reason == SQLITE_NOTADB                            ? ERROR_REFUSED
			       : reason == SQLITE_CORRUPT                         ? ERROR_FAILED
			       : reason == SQLITE_FULL                            ? ERROR_LIMIT
			       : reason == SQLITE_BUSY || reason == SQLITE_LOCKED ? ERROR_UNAVAILABLE
										  : ERROR_IO;

	return error_new(code, "%s: %s: %s", path, what, handle ? sqlite3_errmsg(handle) : "no memory");
}

static struct error *open_file(const char *path, sqlite3 **ret_handle)
{
	int done = sqlite3_open_v2(path, ret_handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (done != SQLITE_OK)
		return failed(path, "opening", *ret_handle);
	sqlite3_busy_timeout(*ret_handle, DB_BUSY_MS);
	return NULL;
}

/* The first value of what the statement answers. */
static struct error *ask(sqlite3 *handle, const char *path, const char *sql, char ret_text[REASON_BYTES])
{
	sqlite3_stmt *stmt = NULL;
	struct error *e = NULL;

	if (sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_ROW)
		e = failed(path, sql, handle);
	else
		snprintf(ret_text, REASON_BYTES, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return e;
}

static struct error *check_kind(sqlite3 *handle, const char *path, const struct db_schema *schema)
{
	char is[REASON_BYTES], wanted[REASON_BYTES];

	TRY(ask(handle, path, "pragma application_id", is));
	snprintf(wanted, sizeof(wanted), "%d", (int)schema->application_id);
	if (strcmp(is, wanted) == 0)
		return NULL;
	return error_new(ERROR_REFUSED, "%s: this is not %s but another kind of database (application id %s, not %s)",
			 path, schema->name, is, wanted);
}

static struct error *copy_pages(sqlite3 *from, sqlite3 *to, const char *path)
{
	int64_t until_ms = clock_mono_ms() + DB_BUSY_MS;
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int done = SQLITE_OK;

	while (b &&
	       (done == SQLITE_OK || ((done == SQLITE_BUSY || done == SQLITE_LOCKED) && clock_mono_ms() < until_ms))) {
		if (done != SQLITE_OK)
			sqlite3_sleep(WAIT_MS);
		done = sqlite3_backup_step(b, PAGES);
	}
	sqlite3_backup_finish(b);
	return b && done == SQLITE_DONE ? NULL : failed(path, "copying", to);
}

/* One file, without a log beside it. */
static struct error *check_whole(sqlite3 *handle, const char *path)
{
	char said[REASON_BYTES];

	TRY(ask(handle, path, "pragma journal_mode=delete", said));
	TRY(ask(handle, path, "pragma integrity_check(1)", said));
	if (strcmp(said, "ok") == 0)
		return NULL;
	return error_new(ERROR_FAILED, "%s: it is damaged: %.150s", path, said);
}

static struct error *copy_into(const char *from, const char *to, const struct db_schema *schema)
{
	sqlite3 *source = NULL, *copy = NULL;
	struct error *e = open_file(from, &source);

	if (!e)
		e = check_kind(source, from, schema);
	if (!e)
		e = open_file(to, &copy);
	if (!e)
		e = copy_pages(source, copy, from);
	if (!e)
		e = check_whole(copy, from);
	sqlite3_close(copy);
	sqlite3_close(source);
	return e;
}

/* Nothing that is there gives way. */
static struct error *put(const char *part, const char *to)
{
	int fd = open(part, O_RDONLY | O_CLOEXEC);
	bool safe = fd >= 0 && fsync(fd) == 0;
	int reason = errno;

	if (fd >= 0)
		close(fd);
	if (!safe)
		return error_sys(reason, "%s", part);
	if (link(part, to) != 0)
		return error_sys(errno, "%s", to);
	return file_sync_name(to);
}

struct error *db_copy(const char *from, const char *to, const struct db_schema *schema)
{
	char *part = mem_printf(NULL, "%s.%ld.part", to, (long)getpid());
	struct error *e = NULL;
	int fd;

	if (access(from, F_OK) != 0)
		e = error_sys(errno, "%s", from);
	else if (file_exists(to))
		e = error_new(ERROR_EXISTS, "%s: there is such a file: name another one", to);
	fd = e ? -1 : open(part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (!e && fd < 0)
		e = error_sys(errno, "%s", part);
	if (fd >= 0) {
		close(fd);
		e = copy_into(from, part, schema);
		if (!e)
			e = put(part, to);
		unlink(part);
	}
	mem_free(part);
	return e;
}

/* --- in the place of another --- */

/* What is in the log beside it goes into the file, so that it is all there is. */
static bool is_one_file(const char *path)
{
	sqlite3 *handle = NULL;
	char said[REASON_BYTES] = "";
	struct error *e = open_file(path, &handle);

	if (!e)
		e = ask(handle, path, "pragma journal_mode=delete", said);
	sqlite3_close(handle);
	error_free(e);
	return strcmp(said, "delete") == 0;
}

static struct error *move_aside(const char *path, const char *before, const char *suffix)
{
	void *scope = mem_strdup(NULL, "");
	const char *from = mem_printf(scope, "%s%s", path, suffix), *to = mem_printf(scope, "%s%s", before, suffix);
	struct error *e = NULL;

	if (rename(from, to) != 0 && errno != ENOENT)
		e = error_sys(errno, "%s", from);
	mem_free(scope);
	return e;
}

struct error *db_replace(const char *from, const char *path, const char *before)
{
	if (file_exists(before))
		return error_new(ERROR_EXISTS, "%s: is there from an earlier time: move it away first", before);
	if (file_exists(path) && is_one_file(path)) {
		if (link(path, before) != 0)
			return error_sys(errno, "%s", before);
	} else {
		/* Damaged, so nothing is lost when this ends in the middle. */
		TRY(move_aside(path, before, ""));
		TRY(move_aside(path, before, "-wal"));
		TRY(move_aside(path, before, "-shm"));
	}
	if (rename(from, path) != 0)
		return error_sys(errno, "%s", path);
	return file_sync_name(path);
}
