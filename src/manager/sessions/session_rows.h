/* The logins that hold, in the database: of a token only its hash is kept, so who reads the database calls nobody.
 *
 * Bounds: SESSION_ROWS_EACH of an address, SESSION_ROWS_MOST in all. A new one of the same address takes the place of
 * that which was used longest ago. Where all are too many, one of lower standing gives way: of the lowest, that which
 * was used longest ago. Anybody can make a node and so become an owner: owners push out strangers only, as strangers
 * do. Nobody but an operator pushes out whom the callers' file names. Threads: loop thread.
 */
#ifndef DSN_MANAGER_SESSIONS_SESSION_ROWS_H
#define DSN_MANAGER_SESSIONS_SESSION_ROWS_H

#include <jansson.h>
#include <stdbool.h>

#include "manager/caller.h"
#include "store/db.h"

#define SESSION_ROWS_EACH 16
#define SESSION_ROWS_MOST 10000
#define SESSION_TOKEN_PREFIX "dsns_"
#define SESSION_TOKEN_BYTES (5 + 64 + 1) /* with the NUL */

#define SESSION_MIGRATIONS 1
extern const struct db_migration session_migrations[SESSION_MIGRATIONS];

enum session_standing { /* as the database has it */
			SESSION_STRANGER,
			SESSION_OWNER,  /* owns a node */
			SESSION_LISTED, /* the callers' file names it */
};

struct session_row {
	char id[CALLER_SESSION_DIGITS + 1]; /* the beginning of the hash: says which, and opens nothing */
	char address[ID_DIGITS + 1];
	int64_t made_ms, used_ms, expires_ms; /* wall clock */
	enum session_standing standing;
	bool always; /* there is room for this one, whoever gives way; not kept */
};

/* Makes one, and writes session.begun into the event log. `row`: all but the id, which it gets; the caller wipes the
 * token. ERROR_LIMIT: there are too many, and none gives way to this one. */
struct error *session_rows_add(struct db *db, struct session_row *row, char ret_token[SESSION_TOKEN_BYTES]) MUST_CHECK;
/* Whose token it is. It is used now, which is written down once a minute. ERROR_REFUSED: nobody's, or over. */
struct error *session_rows_find(struct db *db, const char *token, int64_t now_ms,
				struct session_row *ret_row) MUST_CHECK;
/* Those of an address (NULL: all), which was used last first: at most SESSION_ROWS_MOST as JSON. */
struct error *session_rows_list(struct db *db, const char *address, int64_t now_ms, json_t **ret_list) MUST_CHECK;
/* Ends those with this id (NULL: all) of this address (NULL: whoever's), and writes session.ended for each. */
struct error *session_rows_end(struct db *db, const char *id, const char *address, int64_t *ret_count) MUST_CHECK;
/* For service_ops.made: an older copy of the database has logins that have been ended since, so none of them holds. */
struct error *session_rows_made(struct db *db, bool continues) MUST_CHECK;
/* Removes those that are over. */
struct error *session_rows_expire(struct db *db, int64_t now_ms) MUST_CHECK;
struct error *session_rows_count(struct db *db, int64_t *ret_count) MUST_CHECK;

#endif
