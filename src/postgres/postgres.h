/* A database on a PostgreSQL server, for programs that several machines share: store/db.h's calls over libpq.
 *
 * A call waits for the server, at most some 10 s. When the connection is lost, the call fails with ERROR_UNAVAILABLE, a
 * transaction under way is undone (each further call of it fails too, until it is rolled back or committed), and the
 * next call connects again, at most once a second, and after a pause of five times what a try has taken (10 s at most).
 * db_outcome_unknown() tells when it was lost at the commit. A transaction that does nothing for 10 s is ended by the
 * server: a process that was stopped in its middle holds nobody up.
 *
 * Threads: one thread per struct db. After fork() the child leaves it alone.
 */
#ifndef DSN_POSTGRES_POSTGRES_H
#define DSN_POSTGRES_POSTGRES_H

#include <stdbool.h>

#include "base/error.h"
#include "store/db.h"

/* postgresql:// or postgres://: the URL of a server, not a path. */
bool postgres_is_url(const char *where);

/* Opens a server's schema by its URL, postgresql://USER@HOST:PORT/DATABASE?OPTIONS, or a file by its path (db_open()).
 * Tables are in what the search_path names first; ?options=-csearch_path%3DNAME names another one.
 *
 * The password is never in the URL (ERROR_INVALID: a process list shows it), but in a file in libpq's format, a line
 * HOST:PORT:DATABASE:USER:PASSWORD, which ?passfile=FILE, PGPASSFILE or ~/.pgpass names. ERROR_REFUSED: others than its
 * owner may read that file. TLS by ?sslmode=verify-full&sslrootcert=FILE, as libpq says. */
struct error *postgres_open(const void *ctx, const char *where, const struct db_schema *schema,
			    struct db **ret_db) MUST_CHECK;

#endif
