/* SQLite in a few calls: one file, WAL, synchronous FULL, prepared statements kept by their text.
 *
 * Durable when a call returns. Errors name the file, the statement's purpose and SQLite's reason (disk full is
 * ERROR_LIMIT). Threads: one thread per struct db.
 */
#ifndef DSN_STORE_DB_H
#define DSN_STORE_DB_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/schema.h"

struct db;
struct db_row;

/* Open or create `path`, and bring it to the newest version of its schema (schema.h), which outlives the call. Freed
 * with mem_free(). ERROR_REFUSED: a file of another kind, or made by a newer version of dsn; it is left as it is. */
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
 * owner rolls back when this fails. */
typedef struct error *db_together_fn(struct db *db, const void *arg);
struct error *db_together(struct db *db, db_together_fn *fn, const void *arg) MUST_CHECK;

/* Column values, valid inside the row function. */
const char *db_text(const struct db_row *row, int column); /* NULL for SQL NULL */
int64_t db_int(const struct db_row *row, int column);
const void *db_blob(const struct db_row *row, int column, size_t *ret_len);

#endif
