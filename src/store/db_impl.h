/* What the files of the connection share. */
#ifndef DSN_STORE_DB_IMPL_H
#define DSN_STORE_DB_IMPL_H

#include "store/db.h"
#include "store/schema.h"

/* Run statements without parameters; `what` is their purpose, for the error. */
struct error *db_script(struct db *db, const char *what, const char *sql) MUST_CHECK;

/* Is the file of this kind, and of a version that is known? Nothing is written. ERROR_REFUSED says what to do. */
struct error *db_look_version(struct db *db, const struct db_schema *schema, size_t *ret_version) MUST_CHECK;
/* From whatever version it has, another process may just have raised it, to the newest: wholly or not at all. */
struct error *db_migrate(struct db *db, const struct db_schema *schema) MUST_CHECK;

#endif
