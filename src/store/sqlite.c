#include "store/db_impl.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define BUSY_MS 5000
#define BUSY_LOOK_MS 10

struct statement {
	struct statement *next;
	sqlite3_stmt *stmt;
	char *sql;
	bool busy; /* in use by a db_query() that is still running */
};

struct db {
	sqlite3 *handle;
	char *path;
	struct statement *statements;
	sqlite3_stmt *rollback; /* made beforehand: it has to work when memory has run out */
};

struct db_row {
	sqlite3_stmt *stmt;
};

static int db_destroy(struct db *db)
{
	for (struct statement *s = db->statements; s; s = s->next)
		sqlite3_finalize(s->stmt);
	sqlite3_finalize(db->rollback);
	sqlite3_close(db->handle);
	return 0;
}

static struct error *db_error(const struct db *db, const char *what)
{
	static const struct {
		int reason;
		enum error_code code;
	} rows[] = {
		{SQLITE_FULL, ERROR_LIMIT},         {SQLITE_TOOBIG, ERROR_LIMIT},      {SQLITE_BUSY, ERROR_UNAVAILABLE},
		{SQLITE_LOCKED, ERROR_UNAVAILABLE}, {SQLITE_CONSTRAINT, ERROR_EXISTS}, {SQLITE_PERM, ERROR_REFUSED},
		{SQLITE_READONLY, ERROR_REFUSED},
	};
	int reason = db->handle ? sqlite3_errcode(db->handle) & 0xff : SQLITE_NOMEM;
	enum error_code code = ERROR_IO;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].reason == reason)
			code = rows[i].code;
	}
	return error_new(code, "%s: %.60s: %s", db->path, what,
			 db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(reason));
}

struct error *db_script(struct db *db, const char *what, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? NULL : db_error(db, what);
}

/* As one look: another process may just bring it to a newer version. A transaction that fails ends with the file. */
static struct error *look(struct db *db, const struct db_schema *schema, size_t *ret_version)
{
	TRY(db_script(db, "looking", "begin"));
	TRY(db_look_version(db, schema, ret_version));
	return db_script(db, "looking", "commit");
}

/* SQLite does not wait by itself for who writes the file, where that is not its mode yet: two make it at once. */
static struct error *use_log(struct db *db)
{
	const char *sql = "pragma journal_mode=wal; pragma synchronous=full;";
	int64_t until_ms = clock_mono_ms() + BUSY_MS;
	int reason;

	while ((reason = sqlite3_exec(db->handle, sql, NULL, NULL, NULL)) == SQLITE_BUSY && clock_mono_ms() < until_ms)
		sqlite3_sleep(BUSY_LOOK_MS);
	return reason == SQLITE_OK ? NULL : db_error(db, "journal mode");
}

/* A file that is refused is left as it is, and its log too: nothing is written before its version is known. */
static struct error *db_prepare_file(struct db *db, const struct db_schema *schema)
{
	size_t version = 0;

	if (sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return db_error(db, "opening");
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	TRY(look(db, schema, &version));
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	TRY(use_log(db));
	if (version < schema->count)
		TRY(db_migrate(db, schema));
	TRY(db_script(db, "foreign keys", "pragma foreign_keys=on"));
	/* Behind the migrations: a statement that is older than the tables is prepared again, which takes memory. */
	return sqlite3_prepare_v2(db->handle, "rollback", -1, &db->rollback, NULL) == SQLITE_OK
		       ? NULL
		       : db_error(db, "rollback");
}

struct error *db_open(const void *ctx, const char *path, const struct db_schema *schema, struct db **ret_db)
{
	struct db *db = mem_new(ctx, struct db);
	struct error *e = NULL;

	db->path = mem_strdup(db, path);
	talloc_set_destructor(db, db_destroy);
	e = db_prepare_file(db, schema);
	if (e) {
		mem_free(db);
		return e;
	}
	*ret_db = db;
	return NULL;
}

const char *db_path(const struct db *db)
{
	return db->path;
}

static struct error *statement_get(struct db *db, const char *sql, struct statement **ret)
{
	struct statement *s = db->statements;
	sqlite3_stmt *stmt = NULL;

	while (s && (s->busy || strcmp(s->sql, sql) != 0))
		s = s->next;
	if (!s) {
		if (sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL) != SQLITE_OK)
			return db_error(db, sql);
		s = mem_new(db, struct statement);
		s->sql = mem_strdup(s, sql);
		s->stmt = stmt;
		s->next = db->statements;
		db->statements = s;
	}
	*ret = s;
	return NULL;
}

/* The values stay the caller's: they outlive the statement's run, so nothing is copied. */
static int bind_all(sqlite3_stmt *stmt, const char *types, va_list ap)
{
	int rc = SQLITE_OK;

	for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
		if (*types == 's') {
			rc = sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
		} else if (*types == 'i') {
			rc = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
		} else {
			const void *bytes = va_arg(ap, const void *);
			size_t n = va_arg(ap, size_t);

			assert(*types == 'b');
			/* A NULL pointer would bind SQL NULL; no bytes are still bytes. */
			rc = sqlite3_bind_blob64(stmt, i, bytes ? bytes : "", n, SQLITE_STATIC);
		}
	}
	return rc;
}

static struct error *statement_run(struct db *db, struct statement *s, db_row_fn *fn, void *arg)
{
	struct db_row row = {s->stmt};
	struct error *e = NULL;
	int rc = SQLITE_ROW;

	while (!e && (rc = sqlite3_step(s->stmt)) == SQLITE_ROW) {
		if (fn)
			e = fn(&row, arg);
	}
	if (!e && rc != SQLITE_DONE)
		e = db_error(db, s->sql);
	return e;
}

static struct error *db_run(struct db *db, db_row_fn *fn, void *arg, const char *sql, const char *types, va_list ap)
{
	struct statement *s = NULL;
	struct error *e = NULL;

	TRY(statement_get(db, sql, &s));
	assert(s);
	s->busy = true;
	if (bind_all(s->stmt, types ? types : "", ap) != SQLITE_OK)
		e = db_error(db, sql);
	if (!e)
		e = statement_run(db, s, fn, arg);
	sqlite3_reset(s->stmt);
	sqlite3_clear_bindings(s->stmt);
	s->busy = false;
	return e;
}

struct error *db_exec(struct db *db, const char *sql, const char *types, ...)
{
	va_list ap;
	struct error *e = NULL;

	va_start(ap, types);
	e = db_run(db, NULL, NULL, sql, types, ap);
	va_end(ap);
	return e;
}

struct error *db_query(struct db *db, db_row_fn *fn, void *arg, const char *sql, const char *types, ...)
{
	va_list ap;
	struct error *e = NULL;

	va_start(ap, types);
	e = db_run(db, fn, arg, sql, types, ap);
	va_end(ap);
	return e;
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

struct error *db_begin(struct db *db)
{
	return db_script(db, "begin", "begin immediate");
}

struct error *db_commit(struct db *db)
{
	return db_script(db, "commit", "commit");
}

void db_rollback(struct db *db)
{
	/* SQLite may have rolled back by itself (a full disk); then there is nothing left to do. A migration is rolled
	 * back by closing the file. */
	if (db->rollback && !sqlite3_get_autocommit(db->handle)) {
		sqlite3_step(db->rollback);
		sqlite3_reset(db->rollback);
	}
}

struct error *db_together(struct db *db, db_together_fn *fn, const void *arg)
{
	struct error *e;

	if (!sqlite3_get_autocommit(db->handle))
		return fn(db, arg);
	TRY(db_begin(db));
	e = fn(db, arg);
	if (!e)
		e = db_commit(db);
	if (e)
		db_rollback(db);
	return e;
}

const char *db_text(const struct db_row *row, int column)
{
	return (const char *)sqlite3_column_text(row->stmt, column);
}

int64_t db_int(const struct db_row *row, int column)
{
	return sqlite3_column_int64(row->stmt, column);
}

const void *db_blob(const struct db_row *row, int column, size_t *ret_len)
{
	const void *bytes = sqlite3_column_blob(row->stmt, column);

	*ret_len = (size_t)sqlite3_column_bytes(row->stmt, column);
	return bytes ? bytes : "";
}
