/* What SQLite and PostgreSQL each do for store/db.h. Its users are the backends; everybody else includes store/db.h.
 *
 * A backend keeps one promise above all: a transaction whose connection was lost stays lost until its owner ends it, so
 * that its second half is never done alone.
 */
#ifndef DSN_STORE_DB_BACKEND_H
#define DSN_STORE_DB_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/db.h"

/* Of a statement; more are a caller's mistake. */
#define DB_VALUES 32
/* A lock that somebody else holds is waited for this long, then it is ERROR_UNAVAILABLE. */
#define DB_BUSY_MS 5000

struct db_value {
	char type; /* s, i or b, as in db_exec() */
	const char *text;
	int64_t number;
	const void *bytes;
	size_t len;
};

struct db_backend {
	const char *name; /* as migrations write it (store/schema.h) */
	/* One statement; fn may be NULL. What it returns ends the statement. */
	struct error *(*run)(struct db *db, db_row_fn *fn, void *arg, const char *sql, const struct db_value *values,
			     size_t count);
	/* Statements without parameters, and without rows that anybody wants; `what` is their purpose, for the error.
	 */
	struct error *(*script)(struct db *db, const char *what, const char *sql);
	int64_t (*changes)(struct db *db);
	struct error *(*begin)(struct db *db);
	/* To bring the tables to another version: one at a time, and each sees what the one before has done. */
	struct error *(*begin_migration)(struct db *db);
	struct error *(*commit)(struct db *db);
	void (*rollback)(struct db *db);
	bool (*in_transaction)(const struct db *db);

	/* The kind and the version that the database says, 0 and 0 where it says none. */
	struct error *(*read_kind)(struct db *db, int64_t *ret_id, int64_t *ret_version);
	struct error *(*write_kind)(struct db *db, uint32_t id, size_t version);
	const char *tables;       /* SQL: names of the tables that are no backend's own */
	const char *mend_kind;    /* what to do when it is not the right one; ends the sentence */
	const char *mend_version; /* what to do but installing a newer dsn */

	/* See db_now(). */
	struct error *(*now)(struct db *db, struct db_time *ret);
	/* The id of an event that is written in this transaction: greater than that of every event which was ever
	 * committed, and no other transaction gets one before this one has ended. */
	struct error *(*next_event)(struct db *db, int64_t *ret_id);

	const char *(*text)(const struct db_row *row, int column);
	int64_t (*number)(const struct db_row *row, int column);
	const void *(*blob)(const struct db_row *row, int column, size_t *ret_len);
};

/* Nothing speaks against doing a transaction again that failed because of another one. */
enum db_again {
	DB_AGAIN_NO,
	DB_AGAIN_ONCE, /* a key was there: of another transaction that this one did not see, or all along */
	DB_AGAIN,
};

struct db {
	const struct db_backend *backend;
	void *handle; /* the backend's; a child of the db */
	char *place;  /* for messages: a path, or a URL without a password */
	const struct db_schema *schema;
	enum db_again again;
	bool unknown; /* the connection was lost while it was told to commit */
	/* Of a fenced one: whose it is, and what its transactions begin with; NULL else. It has no connection. */
	struct db *whole;
	db_fence_fn *fence;
	const void *fence_arg;
};

struct db_row {
	const struct db_backend *backend;
	void *at; /* the backend's */
};

extern const struct db_backend db_sqlite;

/* One that is not open yet. The backend closes it when it is freed, by its handle's destructor. */
struct db *db_make(const void *ctx, const struct db_backend *backend, const char *place,
		   const struct db_schema *schema) MUST_CHECK;

/* Is the database of this kind, and of a version that is known? Nothing is written. ERROR_REFUSED says what to do. */
struct error *db_look_version(struct db *db, const struct db_schema *schema, size_t *ret_version) MUST_CHECK;
/* From whatever version it has, another process may just have raised it, to the newest: wholly or not at all. */
struct error *db_migrate(struct db *db, const struct db_schema *schema) MUST_CHECK;

#endif
