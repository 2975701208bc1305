/* What the files of the backend share. */
#ifndef DSN_POSTGRES_POSTGRES_IMPL_H
#define DSN_POSTGRES_POSTGRES_IMPL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/db_backend.h"

/* --- the URL (postgres_url.c) --- */

struct postgres_url {
	const char **keywords, **values; /* for PQconnectdbParams(), ends with NULL */
	char *place;                     /* for messages: no user, no password */
};
struct error *postgres_url_read(const void *ctx, const char *url, struct postgres_url **ret) MUST_CHECK;

/* --- statements (postgres_sql.c) --- */

/* The same with $1, $2, ... for each ?, but in strings, quoted names and comments. ERROR_INVALID: not `count` of them,
 * or a string, name or comment that does not end. */
struct error *postgres_sql(const void *ctx, const char *sql, size_t count, char **ret_sql) MUST_CHECK;

/* --- the connection (postgres_link.c) --- */

struct postgres_statement {
	struct postgres_statement *next;
	char *sql, *types; /* its key */
	char name[24];     /* on the server */
};

struct postgres {
	struct db *db;
	struct postgres_url *url;
	PGconn *conn; /* NULL: not connected */
	struct postgres_statement *statements;
	unsigned long statement_count; /* ever */
	bool in_transaction, lost;     /* lost: with the connection; its owner has not ended it yet */
	bool opened;                   /* the version was looked at once */
	int64_t changes;
	int64_t failed_ms; /* monotonic: of the last try to connect that failed; 0: it did not */
	int64_t pause_ms;  /* after it */
	struct error *failed;
};

/* What the server was told, and how long it may take. */
struct postgres_question {
	const char *what; /* for the error */
	int64_t wait_ms;
};

/* Connected, now or since long. Not inside of a transaction that was lost. */
struct error *postgres_connect(struct postgres *pg) MUST_CHECK;
void postgres_disconnect(struct postgres *pg);
/* What the server says to what was just sent (`sent`: PQsend...()'s return): the last result, or the first that is an
 * error. ERROR_UNAVAILABLE: the connection was lost, and is closed. The caller clears the result. */
struct error *postgres_await(struct postgres *pg, const struct postgres_question *q, int sent,
			     PGresult **ret_result) MUST_CHECK;
/* NULL when the result is none of an error; else by its SQLSTATE. */
struct error *postgres_result_error(struct postgres *pg, const char *what, const PGresult *result) MUST_CHECK;
/* Several statements as one text. */
struct error *postgres_script(struct postgres *pg, const struct postgres_question *q, const char *sql) MUST_CHECK;

/* --- whether it is there (postgres_alive.c) --- */

/* Does the server that pg is connected to say anything to a new connection, or an answer come, until `until_ms`
 * (monotonic)? Blocks until then at most. */
bool postgres_is_alive(const struct postgres *pg, int64_t until_ms);

/* --- the backend (postgres_store.c, postgres_schema.c) --- */

extern const struct db_backend postgres_backend;

struct error *postgres_run(struct db *db, db_row_fn *fn, void *arg, const char *sql, const struct db_value *values,
			   size_t count) MUST_CHECK;
struct error *postgres_begin_migration(struct db *db) MUST_CHECK;
struct error *postgres_read_kind(struct db *db, int64_t *ret_id, int64_t *ret_version) MUST_CHECK;
struct error *postgres_write_kind(struct db *db, uint32_t id, size_t version) MUST_CHECK;

#endif
