/* A database in a few calls: a file (SQLite: WAL, synchronous FULL), or a PostgreSQL server (postgres/postgres.h opens
 * it, for programs that several machines share); prepared statements kept by their text.
 *
 * Durable when a call returns. Errors name the database, the statement's purpose and the database's reason:
 * ERROR_LIMIT a full disk, ERROR_EXISTS a constraint, ERROR_UNAVAILABLE a lock that was not got within 5 s, or a server
 * that is away. Transactions are as if one ran after the other (SERIALIZABLE).
 * Threads: one thread per struct db.
 *
 * What is written for both: SQL that both take, upper bounds in each query that may find many rows (PostgreSQL's are
 * fetched before the first is told of), no statement that is meant to fail and be gone on from inside of a transaction
 * (PostgreSQL undoes the whole transaction: `on conflict do nothing` asks without failing). Tables: store/schema.h.
 */
#ifndef DSN_STORE_DB_H
#define DSN_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/schema.h"

struct db;
struct db_row;

/* Open or create the file `path`, and bring it to the newest version of its schema (schema.h), which outlives the db.
 * Freed with mem_free(). ERROR_REFUSED: a file of another kind, or made by a newer version of dsn; it is left as it is.
 * ERROR_INVALID: the URL of a server. */
struct error *db_open(const void *ctx, const char *path, const struct db_schema *schema, struct db **ret_db) MUST_CHECK;
/* For messages; belongs to db. */
const char *db_path(const struct db *db);

/* Called for each row; a non-NULL return stops the query and is returned by db_query(). */
typedef struct error *db_row_fn(const struct db_row *row, void *arg);

/* `types` has one letter for each parameter that follows: s (const char *, NULL is NULL), i (int64_t),
 * b (const void *, size_t). Example: db_exec(db, "insert into seen values(?,?)", "si", id, now) */
struct error *db_exec(struct db *db, const char *sql, const char *types, ...) MUST_CHECK;
struct error *db_query(struct db *db, db_row_fn *fn, void *arg, const char *sql, const char *types, ...) MUST_CHECK;
/* Rows changed by the last db_exec. */
int64_t db_changes(struct db *db);

struct error *db_begin(struct db *db) MUST_CHECK;
struct error *db_commit(struct db *db) MUST_CHECK;
void db_rollback(struct db *db);
/* What fn does is done wholly or not at all: as a transaction of its own, or as a part of the one under way, which its
 * owner rolls back when this fails. A transaction of its own that PostgreSQL undoes because of another one (SQLSTATE
 * 40001, 40P01) is done again from its beginning, DB_TRIES times at most, so fn changes nothing but the database. One
 * that found a key there (23505) is done again once: another transaction may have put it there since this one looked.
 */
#define DB_TRIES 10
typedef struct error *db_together_fn(struct db *db, const void *arg);
struct error *db_together(struct db *db, db_together_fn *fn, const void *arg) MUST_CHECK;
/* After a commit, or a statement of its own, that failed: whether it is stored cannot be told, because the connection
 * was lost meanwhile. Look before doing it again. Never so with a file. */
bool db_outcome_unknown(const struct db *db);

/* The same database for who may write only as long as something holds (store/lease.h): each transaction that is begun
 * with it, also that of a single db_exec(), begins with `fence`, whose error undoes it and is returned. What is read
 * outside of a transaction is not fenced. Both outlive it; what a db_together_fn gets is `db`. */
typedef struct error *db_fence_fn(struct db *db, const void *arg);
struct db *db_fenced(const void *ctx, struct db *db, db_fence_fn *fence, const void *arg);

/* The database's own time, for what several processes must agree on. */
struct db_time {
	int64_t ms;     /* never set back by who sets a clock, where it is a file */
	char clock[40]; /* instants of one clock can be compared. A file's is that of the machine since it was started
			 */
};
struct error *db_now(struct db *db, struct db_time *ret) MUST_CHECK;

/* Column values, valid inside the row function. */
const char *db_text(const struct db_row *row, int column); /* NULL for SQL NULL */
int64_t db_int(const struct db_row *row, int column);
const void *db_blob(const struct db_row *row, int column, size_t *ret_len);

#endif
