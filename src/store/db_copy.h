/* Copies of a database's file, whole as of one instant, while others read and write it. Threads: any; blocks. */
#ifndef DSN_STORE_DB_COPY_H
#define DSN_STORE_DB_COPY_H

#include "base/error.h"
#include "store/schema.h"

/* Makes the file `to` (mode 0600), and puts it there when all of it is on the disk and SQLite's integrity_check finds
 * nothing. Its version stays. ERROR_NOT_FOUND: there is no `from`; ERROR_EXISTS: there is a `to`; ERROR_REFUSED: `from`
 * is no database, or one of another kind; ERROR_FAILED: it is damaged. */
struct error *db_copy(const char *from, const char *to, const struct db_schema *schema) MUST_CHECK;
/* Puts the file `from`, which is ours from then on, in the place of the database `path`, which nobody has open. What
 * was there is `before` afterwards, with the names of SQLite's files beside it; ERROR_EXISTS: there is such a file. */
struct error *db_replace(const char *from, const char *path, const char *before) MUST_CHECK;

#endif
