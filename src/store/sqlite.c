/* A database in a file: SQLite, WAL, synchronous FULL. */
#include <assert.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/db_backend.h"

#define BUSY_LOOK_MS 10

struct statement {
	struct statement *next;
	sqlite3_stmt *stmt;
	char *sql;
	bool busy; /* in use by a db_query() that is still running */
};

struct sqlite {
	sqlite3 *handle;
	struct statement *statements;
	sqlite3_stmt *rollback; /* made beforehand: it has to work when memory has run out */
};

static int sqlite_destroy(struct sqlite *lite)
{
	for (struct statement *s = lite->statements; s; s = s->next)
		sqlite3_finalize(s->stmt);
	sqlite3_finalize(lite->rollback);
	sqlite3_close(lite->handle);
	return 0;
}

static struct sqlite *of(const struct db *db)
{
	return db->handle;
}

static struct error *sqlite_error(const struct db *db, const char *what)
{
	sqlite3 *handle = of(db)->handle;
	static const struct {
		int reason;
		enum error_code code;
	} rows[] = {
		{SQLITE_FULL, ERROR_LIMIT},         {SQLITE_TOOBIG, ERROR_LIMIT},      {SQLITE_BUSY, ERROR_UNAVAILABLE},
		{SQLITE_LOCKED, ERROR_UNAVAILABLE}, {SQLITE_CONSTRAINT, ERROR_EXISTS}, {SQLITE_PERM, ERROR_REFUSED},
		{SQLITE_READONLY, ERROR_REFUSED},
	};
	int reason = handle ? sqlite3_errcode(handle) & 0xff : SQLITE_NOMEM;
	enum error_code code = ERROR_IO;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].reason == reason)
			code = rows[i].code;
	}
	return error_new(code, "%s: %.60s: %s", db->place, what,
			 handle ? sqlite3_errmsg(handle) : sqlite3_errstr(reason));
}

static struct error *sqlite_script(struct db *db, const char *what, const char *sql)
{
	return sqlite3_exec(of(db)->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? NULL : sqlite_error(db, what);
}

/* As one look: another process may just bring it to a newer version. A transaction that fails ends with the file. */
static struct error *look(struct db *db, const struct db_schema *schema, size_t *ret_version)
{
	TRY(sqlite_script(db, "looking", "begin"));
	TRY(db_look_version(db, schema, ret_version));
	return sqlite_script(db, "looking", "commit");
}

/* SQLite does not wait by itself for who writes the file, where that is not its mode yet: two make it at once. */
static struct error *use_log(struct db *db)
{
	const char *sql = "pragma journal_mode=wal; pragma synchronous=full;";
	int64_t until_ms = clock_mono_ms() + DB_BUSY_MS;
	int reason;

	while ((reason = sqlite3_exec(of(db)->handle, sql, NULL, NULL, NULL)) == SQLITE_BUSY &&
	       clock_mono_ms() < until_ms)
		sqlite3_sleep(BUSY_LOOK_MS);
	return reason == SQLITE_OK ? NULL : sqlite_error(db, "journal mode");
}

/* A file that is refused is left as it is, and its log too: nothing is written before its version is known. */
static struct error *prepare_file(struct db *db, const struct db_schema *schema)
{
	size_t version = 0;

	if (sqlite3_open_v2(db->place, &of(db)->handle,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return sqlite_error(db, "opening");
	sqlite3_busy_timeout(of(db)->handle, DB_BUSY_MS);
	sqlite3_db_config(of(db)->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	TRY(look(db, schema, &version));
	sqlite3_db_config(of(db)->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	TRY(use_log(db));
	if (version < schema->count)
		TRY(db_migrate(db, schema));
	TRY(sqlite_script(db, "foreign keys", "pragma foreign_keys=on"));
	/* Behind the migrations: a statement that is older than the tables is prepared again, which takes memory. */
	return sqlite3_prepare_v2(of(db)->handle, "rollback", -1, &of(db)->rollback, NULL) == SQLITE_OK
		       ? NULL
		       : sqlite_error(db, "rollback");
}

struct error *db_open(const void *ctx, const char *path, const struct db_schema *schema, struct db **ret_db)
{
	struct db *db;
	struct sqlite *lite;
	struct error *e = NULL;

	if (strncmp(path, "postgresql://", 13) == 0 || strncmp(path, "postgres://", 11) == 0)
		return error_new(ERROR_INVALID,
				 "this program keeps its state in a file, not on a PostgreSQL server: give a path");
	db = db_make(ctx, &db_sqlite, path, schema);
	lite = mem_new(db, struct sqlite);
	talloc_set_destructor(lite, sqlite_destroy);
	db->handle = lite;
	e = prepare_file(db, schema);
	if (e) {
		mem_free(db);
		return e;
	}
	*ret_db = db;
	return NULL;
}

static struct error *statement_get(struct db *db, const char *sql, struct statement **ret)
{
	struct statement *s = of(db)->statements;
	sqlite3_stmt *stmt = NULL;

	while (s && (s->busy || strcmp(s->sql, sql) != 0))
		s = s->next;
	if (!s) {
		if (sqlite3_prepare_v2(of(db)->handle, sql, -1, &stmt, NULL) != SQLITE_OK)
			return sqlite_error(db, sql);
		s = mem_new(of(db), struct statement);
		s->sql = mem_strdup(s, sql);
		s->stmt = stmt;
		s->next = of(db)->statements;
		of(db)->statements = s;
	}
	*ret = s;
	return NULL;
}

/* Values outlive the statement's run (db.c). */
static int bind_all(sqlite3_stmt *stmt, const struct db_value *values, size_t count)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
		const struct db_value *v = &values[i];
		int at = (int)i + 1;

		if (v->type == 's')
			rc = sqlite3_bind_text(stmt, at, v->text, -1, SQLITE_STATIC);
		else if (v->type == 'i')
			rc = sqlite3_bind_int64(stmt, at, v->number);
		else
			rc = sqlite3_bind_blob64(stmt, at, v->bytes, v->len, SQLITE_STATIC);
	}
	return rc;
}

static struct error *statement_run(struct db *db, struct statement *s, db_row_fn *fn, void *arg)
{
	struct db_row row = {&db_sqlite, s->stmt};
	struct error *e = NULL;
	int rc = SQLITE_ROW;

	while (!e && (rc = sqlite3_step(s->stmt)) == SQLITE_ROW) {
		if (fn)
			e = fn(&row, arg);
	}
	if (!e && rc != SQLITE_DONE)
		e = sqlite_error(db, s->sql);
	return e;
}

static struct error *sqlite_run(struct db *db, db_row_fn *fn, void *arg, const char *sql, const struct db_value *values,
				size_t count)
{
	struct statement *s = NULL;
	struct error *e = NULL;

	TRY(statement_get(db, sql, &s));
	assert(s);
	s->busy = true;
	if (bind_all(s->stmt, values, count) != SQLITE_OK)
		e = sqlite_error(db, sql);
	if (!e)
		e = statement_run(db, s, fn, arg);
	sqlite3_reset(s->stmt);
	sqlite3_clear_bindings(s->stmt);
	s->busy = false;
	return e;
}

static int64_t sqlite_changes(struct db *db)
{
	return sqlite3_changes64(of(db)->handle);
}

static struct error *sqlite_begin(struct db *db)
{
	return sqlite_script(db, "begin", "begin immediate");
}

static struct error *sqlite_commit(struct db *db)
{
	return sqlite_script(db, "commit", "commit");
}

static bool sqlite_in_transaction(const struct db *db)
{
	return !sqlite3_get_autocommit(of(db)->handle);
}

static void sqlite_rollback(struct db *db)
{
	/* SQLite may have rolled back by itself (a full disk); then there is nothing left to do. A migration is rolled
	 * back by closing the file. */
	if (of(db)->rollback && sqlite_in_transaction(db)) {
		sqlite3_step(of(db)->rollback);
		sqlite3_reset(of(db)->rollback);
	}
}

/* --- what a file says of itself --- */

static struct error *on_number(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static struct error *sqlite_read_kind(struct db *db, int64_t *ret_id, int64_t *ret_version)
{
	TRY(db_query(db, on_number, ret_id, "pragma application_id", ""));
	return db_query(db, on_number, ret_version, "pragma user_version", "");
}

static struct error *sqlite_write_kind(struct db *db, uint32_t id, size_t version)
{
	char says[96];

	snprintf(says, sizeof(says), "pragma application_id=%" PRIu32 "; pragma user_version=%zu", id, version);
	return sqlite_script(db, "schema version", says);
}

/* --- time and order --- */

/* A file's processes are on one machine: the time since it was started, which goes on while it sleeps and which nobody
 * sets (proc_sys_kernel(5), clock_getres(2)). */
static struct error *sqlite_now(struct db *db, struct db_time *ret)
{
	struct timespec now;
	FILE *boot = fopen("/proc/sys/kernel/random/boot_id", "re");

	(void)db;
	*ret = (struct db_time){0};
	if (boot) {
		if (!fgets(ret->clock, sizeof(ret->clock), boot))
			ret->clock[0] = '\0';
		ret->clock[strcspn(ret->clock, "\n")] = '\0';
		fclose(boot);
	}
	if (!ret->clock[0])
		return error_new(ERROR_IO, "/proc/sys/kernel/random/boot_id cannot be read: mount /proc");
	clock_gettime(CLOCK_BOOTTIME, &now);
	ret->ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	return NULL;
}

/* Who writes is alone, and the newest event is never removed. */
static struct error *sqlite_next_event(struct db *db, int64_t *ret_id)
{
	return db_query(db, on_number, ret_id, "select coalesce(max(id), 0) + 1 from event", "");
}

/* --- rows --- */

static const char *sqlite_text(const struct db_row *row, int column)
{
	return (const char *)sqlite3_column_text(row->at, column);
}

static int64_t sqlite_number(const struct db_row *row, int column)
{
	return sqlite3_column_int64(row->at, column);
}

static const void *sqlite_blob(const struct db_row *row, int column, size_t *ret_len)
{
	const void *bytes = sqlite3_column_blob(row->at, column);

	*ret_len = (size_t)sqlite3_column_bytes(row->at, column);
	return bytes ? bytes : "";
}

const struct db_backend db_sqlite = {
	.name = "sqlite",
	.run = sqlite_run,
	.script = sqlite_script,
	.changes = sqlite_changes,
	.begin = sqlite_begin,
	.begin_migration = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.in_transaction = sqlite_in_transaction,
	.read_kind = sqlite_read_kind,
	.write_kind = sqlite_write_kind,
	.mend_kind = "put the right file there, or move this one away",
	.mend_version = "move the file away",
	.tables = "select name from sqlite_master where type='table' and name not glob 'sqlite_*'",
	.now = sqlite_now,
	.next_event = sqlite_next_event,
	.text = sqlite_text,
	.number = sqlite_number,
	.blob = sqlite_blob,
};
