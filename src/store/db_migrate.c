#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "store/db_backend.h"

/* The four letters, where it is four letters. */
static void format_id(uint32_t id, char ret_text[16])
{
	const char letters[4] = {(char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};

	for (size_t i = 0; i < sizeof(letters); i++) {
		if (!isalnum((unsigned char)letters[i])) {
			snprintf(ret_text, 16, "0x%08" PRIx32, id);
			return;
		}
	}
	snprintf(ret_text, 16, "%.4s", letters);
}

static struct error *refuse_id(struct db *db, const struct db_schema *schema, uint32_t id)
{
	char is[16], wanted[16];

	format_id(id, is);
	format_id(schema->application_id, wanted);
	return error_new(ERROR_REFUSED,
			 "%s: this is not %s but another kind of database (application id %s, not %s): %s", db_path(db),
			 schema->name, is, wanted, db->backend->mend_kind);
}

struct tables {
	struct db *db;
	const struct db_schema *schema;
};

static struct error *on_table(const struct db_row *row, void *arg)
{
	const struct tables *t = arg;
	const char *name = db_text(row, 0);

	for (const char *const *known = t->schema->first_tables; known && *known; known++) {
		if (strcmp(*known, name) == 0)
			return NULL;
	}
	return error_new(ERROR_REFUSED,
			 "%s: this is not %s but another program's database (it has a table \"%.60s\"): %s",
			 db_path(t->db), t->schema->name, name, t->db->backend->mend_kind);
}

/* A file that does not say what it is: new, or made before files said it. */
static struct error *check_tables(struct db *db, const struct db_schema *schema)
{
	struct tables t = {db, schema};

	return db_query(db, on_table, &t, db->backend->tables, "");
}

struct error *db_look_version(struct db *db, const struct db_schema *schema, size_t *ret_version)
{
	int64_t id = 0, version = 0;

	/* cppcheck-suppress returnDanglingLifetime ; an error holds a text, no pointer */
	TRY(db->backend->read_kind(db, &id, &version));
	if ((uint32_t)id != schema->application_id && (id != 0 || version != 0))
		return refuse_id(db, schema, (uint32_t)id);
	if (id == 0)
		TRY(check_tables(db, schema));
	if (version < 0 || (uint64_t)version > schema->count)
		return error_new(ERROR_REFUSED,
				 "%s: made by a newer dsn (schema %" PRId64 ", this one knows %zu): install that "
				 "version, or %s",
				 db_path(db), version, schema->count, db->backend->mend_version);
	*ret_version = (size_t)version;
	return NULL;
}

/* A statement that not every kind of server takes names the one that it is for. */
static bool is_for(const char *sql, const char *backend)
{
	static const char *const backends[] = {"sqlite", "postgresql"};
	char mark[32];

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		snprintf(mark, sizeof(mark), "/* %s */", backends[i]);
		if (strncmp(sql, mark, strlen(mark)) == 0)
			return strcmp(backends[i], backend) == 0;
	}
	return true;
}

static struct error *step(struct db *db, const struct db_schema *schema, size_t version)
{
	char what[32];

	snprintf(what, sizeof(what), "schema %zu", version + 1);
	for (const char *const *sql = schema->migrations[version].statements; *sql; sql++) {
		if (is_for(*sql, db->backend->name))
			TRY(db->backend->script(db, what, *sql));
	}
	return NULL;
}

static struct error *all_steps(struct db *db, const struct db_schema *schema)
{
	size_t version = 0;

	TRY(db_look_version(db, schema, &version));
	while (version < schema->count)
		TRY(step(db, schema, version++));
	return db->backend->write_kind(db, schema->application_id, schema->count);
}

struct error *db_migrate(struct db *db, const struct db_schema *schema)
{
	struct error *e;

	TRY(db->backend->begin_migration(db));
	e = all_steps(db, schema);
	if (!e)
		e = db->backend->commit(db);
	if (e)
		db->backend->rollback(db);
	return e;
}
