/* What a schema says of itself: a row in its table dsn_schema. */
#include <inttypes.h>
#include <stdio.h>

#include "postgres/postgres_impl.h"

#define MIGRATION_MS (INT64_C(600) * 1000)
/* The first of two keys of our advisory locks ("dsnv"); the second is the schema's. */
#define LOCK_OF_VERSION "1685286518"

static struct error *on_number(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

/* Not SERIALIZABLE: what is seen behind the lock is what the one before has committed. */
struct error *postgres_begin_migration(struct db *db)
{
	struct postgres *pg = db->handle;

	struct error *e;

	TRY(postgres_connect(pg));
	pg->in_transaction = true;
	e = postgres_script(pg, &(struct postgres_question){"schema", MIGRATION_MS},
			    "begin isolation level read committed; set local statement_timeout = 0; "
			    "set local idle_in_transaction_session_timeout = 60000; "
			    "select pg_advisory_xact_lock(" LOCK_OF_VERSION ", hashtext(current_schema()))");
	if (e)
		db->backend->rollback(db);
	return e;
}

static struct error *on_kind(const struct db_row *row, void *arg)
{
	int64_t *kind = arg;

	kind[0] = db_int(row, 0);
	kind[1] = db_int(row, 1);
	return NULL;
}

struct error *postgres_read_kind(struct db *db, int64_t *ret_id, int64_t *ret_version)
{
	int64_t there = 0, is_schema = 0, kind[2] = {0, 0};

	TRY(db_query(db, on_number, &is_schema, "select current_schema() is not null", ""));
	if (!is_schema)
		return error_new(ERROR_NOT_FOUND,
				 "%s: no schema of its search_path is there: create one, or name another", db_path(db));
	TRY(db_query(
		db, on_number, &there,
		"select count(*) from pg_catalog.pg_tables where schemaname = current_schema() and tablename = 'dsn_schema'",
		""));
	if (there)
		TRY(db_query(db, on_kind, kind, "select application_id, version from dsn_schema", ""));
	*ret_id = kind[0];
	*ret_version = kind[1];
	return NULL;
}

static struct error *on_narrow(const struct db_row *row, void *arg)
{
	const struct db *db = arg;

	return error_new(ERROR_INVALID,
			 "%s: schema: %s.%s is of type %s: what both kinds of databases take is bigint, text and bytea",
			 db_path(db), db_text(row, 0), db_text(row, 1), db_text(row, 2));
}

struct error *postgres_write_kind(struct db *db, uint32_t id, size_t version)
{
	TRY(db->backend->script(
		db, "schema version",
		"create table if not exists dsn_schema(one bigint primary key, application_id bigint not null, "
		"version bigint not null); create sequence if not exists dsn_event_id"));
	/* SQLite's integer has 64 bits. */
	TRY(db_query(db, on_narrow, db,
		     "select table_name, column_name, data_type from information_schema.columns where table_schema = "
		     "current_schema() and data_type in ('integer', 'smallint') limit 1",
		     ""));
	return db_exec(db,
		       "insert into dsn_schema values(1, ?, ?) on conflict(one) do update set application_id = "
		       "excluded.application_id, version = excluded.version",
		       "ii", (int64_t)id, (int64_t)version);
}
