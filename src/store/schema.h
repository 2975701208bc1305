/* Kinds of databases: what a file of each kind holds, by versions, and the way from one version to the next.
 *
 * A file says its kind (SQLite's application_id) and its version (user_version: how many migrations it has seen), a
 * PostgreSQL schema (what search_path names first) does in its table dsn_schema; it stands for a file here. A new
 * file begins at 0 and sees them all. Opening an older file brings it to the newest version in one transaction:
 * whatever happens meanwhile, the file is as it was or as it shall be. A file of a newer version or of another kind is
 * refused and left as it is.
 *
 * A migration, once released, stays as it is: another one is added behind it. Foreign keys are not enforced while
 * migrations run, so that a table can be made anew and take the old one's name.
 *
 * One text for SQLite and PostgreSQL: columns are bigint (also what is true, 1, or false, 0), text and bytea, which
 * SQLite takes for whole numbers, text and bytes. Where they differ, a statement begins with the comment "sqlite" or
 * "postgresql" (slash, star, blank, name, blank, star, slash) and is for that one alone.
 *
 * Constant; any thread.
 */
#ifndef DSN_STORE_SCHEMA_H
#define DSN_STORE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

/* SQL, each text one or more whole statements; ends with NULL. No transaction, no pragma. */
struct db_migration {
	const char *const *statements;
};

struct db_schema {
	uint32_t application_id; /* DB_APPLICATION_ID() of a letter of its own: src/store/README.md lists them */
	const char *name;        /* for messages: "an agent's database" */
	/* Tables that files had before they said their kind and version: one with no others is taken for version 0, and
	 * the first migration makes only what is missing. Ends with NULL; NULL: there were no such files. */
	const char *const *first_tables;
	const struct db_migration *migrations; /* the nth leads to version n + 1 */
	size_t count;
};

/* "dsn" and the letter. */
#define DB_APPLICATION_ID(letter) (UINT32_C(0x64736e00) | (uint8_t)(letter))

#endif
