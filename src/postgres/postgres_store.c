/* The calls of store/db_backend.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "postgres/postgres.h"
#include "postgres/postgres_impl.h"

#define WAIT_MS 10000
#define SCRIPT_MS (INT64_C(600) * 1000) /* a step of a migration */
#define NUMBER_CHARS 24
/* "dsne"; see postgres_schema.c. */
#define LOCK_OF_EVENTS "1685286501"

/* Of pg_type.dat: each value has its type, so that none has to be guessed from where it stands. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25 };

static struct error *check_not_lost(const struct postgres *pg, const char *what)
{
	if (!pg->lost)
		return NULL;
	return error_new(
		ERROR_UNAVAILABLE,
		"%s: %.60s: the connection was lost in this transaction, and all of it is undone: begin it again",
		pg->db->place, what);
}

/* --- statements --- */

struct parameters {
	Oid oids[DB_VALUES];
	const char *values[DB_VALUES];
	int lengths[DB_VALUES], formats[DB_VALUES];
	char types[DB_VALUES + 1], numbers[DB_VALUES][NUMBER_CHARS];
};

static struct error *fill(struct parameters *p, const struct db *db, const char *sql, const struct db_value *values,
			  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct db_value *v = &values[i];

		p->types[i] = v->type;
		p->lengths[i] = 0;
		p->formats[i] = v->type == 'b';
		if (v->type == 's') {
			p->oids[i] = OID_TEXT;
			p->values[i] = v->text;
		} else if (v->type == 'i') {
			p->oids[i] = OID_INT8;
			snprintf(p->numbers[i], NUMBER_CHARS, "%" PRId64, v->number);
			p->values[i] = p->numbers[i];
		} else {
			if (v->len > INT32_MAX)
				return error_new(ERROR_LIMIT, "%s: %.60s: %zu bytes in one value", db->place, sql,
						 v->len);
			p->oids[i] = OID_BYTEA;
			p->values[i] = v->bytes;
			p->lengths[i] = (int)v->len;
		}
	}
	p->types[count] = '\0';
	return NULL;
}

static struct error *prepare(struct postgres *pg, const char *sql, const struct parameters *p, size_t count,
			     const char **ret_name)
{
	struct postgres_statement *s = pg->statements;
	PGresult *result = NULL;
	char *numbered = NULL;
	struct error *e;

	while (s && (strcmp(s->sql, sql) != 0 || strcmp(s->types, p->types) != 0))
		s = s->next;
	if (!s) {
		TRY(postgres_sql(pg, sql, count, &numbered));
		s = mem_new(pg, struct postgres_statement);
		s->sql = mem_strdup(s, sql);
		s->types = mem_strdup(s, p->types);
		snprintf(s->name, sizeof(s->name), "s%lu", ++pg->statement_count);
		e = postgres_await(pg, &(struct postgres_question){sql, WAIT_MS},
				   PQsendPrepare(pg->conn, s->name, numbered, (int)count, p->oids), &result);
		mem_free(numbered);
		if (!e)
			e = postgres_result_error(pg, sql, result);
		PQclear(result);
		if (e) {
			mem_free(s);
			return e;
		}
		s->next = pg->statements;
		pg->statements = s;
	}
	*ret_name = s->name;
	return NULL;
}

/* --- rows --- */

struct at {
	PGresult *result;
	int row;
	void *bytes; /* owner of those that were asked for */
};

static struct error *each_row(PGresult *result, db_row_fn *fn, void *arg)
{
	struct at at = {.result = result};
	const struct db_row row = {&postgres_backend, &at};

	for (; at.row < PQntuples(result); at.row++) {
		at.bytes = mem_new(NULL, char);
		struct error *e = fn(&row, arg);

		mem_free(at.bytes);
		if (e)
			return e; // cppcheck-suppress returnDanglingLifetime
	}
	return NULL;
}

static const char *postgres_text(const struct db_row *row, int column)
{
	const struct at *at = row->at;

	return PQgetisnull(at->result, at->row, column) ? NULL : PQgetvalue(at->result, at->row, column);
}

static int64_t postgres_number(const struct db_row *row, int column)
{
	const struct at *at = row->at;
	const char *text = postgres_text(row, column);

	if (!text)
		return 0;
	return PQftype(at->result, column) == OID_BOOL ? *text == 't' : strtoll(text, NULL, 10);
}

static const void *postgres_blob(const struct db_row *row, int column, size_t *ret_len)
{
	const struct at *at = row->at;
	const char *text = postgres_text(row, column);
	size_t len = text ? strlen(text) : 0;
	uint8_t *bytes;
	struct error *e;

	*ret_len = len;
	if (!text || PQftype(at->result, column) != OID_BYTEA || strncmp(text, "\\x", 2) != 0)
		return text ? text : "";
	*ret_len = len / 2 - 1;
	bytes = mem_array(at->bytes, uint8_t, *ret_len + 1);
	e = hex_decode(text + 2, bytes, *ret_len);
	if (e) { /* the server writes nothing else */
		error_free(e);
		*ret_len = 0;
	}
	return bytes;
}

struct error *postgres_run(struct db *db, db_row_fn *fn, void *arg, const char *sql, const struct db_value *values,
			   size_t count)
{
	struct postgres *pg = db->handle;
	struct parameters p;
	const char *name = NULL;
	PGresult *result = NULL;
	struct error *e;

	TRY(check_not_lost(pg, sql));
	TRY(postgres_connect(pg));
	TRY(fill(&p, db, sql, values, count));
	TRY(prepare(pg, sql, &p, count, &name));
	e = postgres_await(pg, &(struct postgres_question){sql, WAIT_MS},
			   PQsendQueryPrepared(pg->conn, name, (int)count, p.values, p.lengths, p.formats, 0), &result);
	if (e && !pg->in_transaction)
		db->unknown = true;
	if (!e)
		e = postgres_result_error(pg, sql, result);
	if (!e)
		pg->changes = strtoll(PQcmdTuples(result), NULL, 10);
	if (!e && fn)
		e = each_row(result, fn, arg);
	PQclear(result);
	return e;
}

static int64_t postgres_changes(struct db *db)
{
	return ((struct postgres *)db->handle)->changes;
}

/* --- transactions --- */

static struct error *postgres_db_script(struct db *db, const char *what, const char *sql)
{
	struct postgres *pg = db->handle;

	TRY(check_not_lost(pg, what));
	TRY(postgres_connect(pg));
	return postgres_script(pg, &(struct postgres_question){what, SCRIPT_MS}, sql);
}

static bool postgres_in_transaction(const struct db *db)
{
	return ((const struct postgres *)db->handle)->in_transaction;
}

static struct error *postgres_begin(struct db *db)
{
	struct postgres *pg = db->handle;

	if (pg->in_transaction)
		return error_new(ERROR_IO, "%s: begin: a transaction is under way", db->place);
	TRY(postgres_connect(pg));
	TRY(postgres_script(pg, &(struct postgres_question){"begin", WAIT_MS}, "begin isolation level serializable"));
	pg->in_transaction = true;
	return NULL;
}

static struct error *ended(struct postgres *pg, PGresult *result)
{
	TRY(postgres_result_error(pg, "commit", result));
	if (strcmp(PQcmdStatus(result), "COMMIT") == 0)
		return NULL;
	return error_new(ERROR_FAILED,
			 "%s: commit: a statement before it has failed, and all of the transaction is undone",
			 pg->db->place);
}

static struct error *postgres_commit(struct db *db)
{
	struct postgres *pg = db->handle;
	PGresult *result = NULL;
	struct error *e = check_not_lost(pg, "commit");

	if (!e && !pg->in_transaction)
		return error_new(ERROR_IO, "%s: commit: no transaction is under way", db->place);
	pg->in_transaction = false;
	pg->lost = false;
	if (e)
		return e;
	e = postgres_await(pg, &(struct postgres_question){"commit", WAIT_MS}, PQsendQuery(pg->conn, "commit"),
			   &result);
	if (e) {
		db->unknown = true;
		return error_wrap(e, "whether it is stored is unknown");
	}
	e = ended(pg, result);
	PQclear(result);
	return e;
}

static void postgres_rollback(struct db *db)
{
	struct postgres *pg = db->handle;
	bool was = pg->in_transaction && !pg->lost && pg->conn;
	struct error *e;

	pg->in_transaction = false;
	pg->lost = false;
	if (!was)
		return;
	e = postgres_script(pg, &(struct postgres_question){"rollback", WAIT_MS}, "rollback");
	if (e) /* the server undoes it when the connection goes */
		postgres_disconnect(pg);
	error_free(e);
}

/* --- time and order --- */

static struct error *on_number(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static struct error *postgres_now(struct db *db, struct db_time *ret)
{
	*ret = (struct db_time){.clock = "server"};
	return db_query(db, on_number, &ret->ms, "select (extract(epoch from clock_timestamp()) * 1000)::bigint", "");
}

/* Two statements: an id is drawn only when the lock is held. See store/events.c. */
static struct error *postgres_next_event(struct db *db, int64_t *ret_id)
{
	TRY(db_query(db, NULL, NULL, "select pg_advisory_xact_lock(" LOCK_OF_EVENTS ", hashtext(current_schema()))",
		     ""));
	return db_query(db, on_number, ret_id, "select nextval('dsn_event_id')", "");
}

const struct db_backend postgres_backend = {
	.name = "postgresql",
	.run = postgres_run,
	.script = postgres_db_script,
	.changes = postgres_changes,
	.begin = postgres_begin,
	.begin_migration = postgres_begin_migration,
	.commit = postgres_commit,
	.rollback = postgres_rollback,
	.in_transaction = postgres_in_transaction,
	.read_kind = postgres_read_kind,
	.write_kind = postgres_write_kind,
	.mend_kind = "name the right one in the URL",
	.mend_version = "name another one in the URL",
	.tables =
		"select tablename from pg_catalog.pg_tables where schemaname = current_schema() and tablename <> 'dsn_schema'",
	.now = postgres_now,
	.next_event = postgres_next_event,
	.text = postgres_text,
	.number = postgres_number,
	.blob = postgres_blob,
};

/* --- opening --- */

static int postgres_destroy(struct postgres *pg)
{
	PQfinish(pg->conn);
	error_free(pg->failed);
	return 0;
}

static struct error *prepare_schema(struct postgres *pg, const struct db_schema *schema)
{
	size_t version = 0;

	TRY(db_look_version(pg->db, schema, &version));
	if (version < schema->count)
		TRY(db_migrate(pg->db, schema));
	pg->opened = true;
	return NULL;
}

struct error *postgres_open(const void *ctx, const char *where, const struct db_schema *schema, struct db **ret_db)
{
	struct postgres_url *url = NULL;
	struct postgres *pg;
	struct db *db;
	struct error *e;

	if (!postgres_is_url(where))
		return db_open(ctx, where, schema, ret_db);
	TRY(postgres_url_read(ctx, where, &url));
	db = db_make(ctx, &postgres_backend, url->place, schema);
	pg = mem_new(db, struct postgres);
	talloc_set_destructor(pg, postgres_destroy);
	pg->db = db;
	pg->url = talloc_steal(pg, url);
	db->handle = pg;
	e = prepare_schema(pg, schema);
	if (e) {
		mem_free(db);
		return e;
	}
	*ret_db = db;
	return NULL;
}
