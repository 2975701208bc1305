#include "manager/host_db.h"

#include "base/mem.h"
#include "manager/host.h"
#include "store/events.h"
#include "store/lease.h"

static const char *const services_table[] = {
	"create table service(name text primary key, version bigint not null)",
	NULL,
};
static const struct db_migration own_migrations[] = {{events_tables}, {services_table}, {lease_tables}};

const struct db_schema manager_database = {
	.application_id = DB_APPLICATION_ID('M'),
	.name = "dsnd's database",
	.migrations = own_migrations,
	.count = sizeof(own_migrations) / sizeof(own_migrations[0]),
};

static struct error *on_version(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

struct migration {
	const struct service_ops *ops;
	bool continues;
};

/* Of two processes that start at once, one waits here for the other: PostgreSQL undoes and repeats the second. */
static struct error *migrate(struct db *db, const void *arg)
{
	const struct migration *m = arg;
	const struct service_ops *ops = m->ops;
	int64_t version = 0;

	TRY(db_query(db, on_version, &version, "select version from service where name=?", "s", ops->name));
	if (version > (int64_t)ops->migration_count)
		return error_new(
			ERROR_REFUSED,
			"%s: the tables of %s were made by a newer dsnd (version %lld, this one knows %zu): install that one",
			db_path(db), ops->name, (long long)version, ops->migration_count);
	if (version == (int64_t)ops->migration_count)
		return NULL;
	TRY(db_exec(db, "insert into service values(?,?) on conflict(name) do update set version=excluded.version",
		    "si", ops->name, (int64_t)ops->migration_count));
	for (size_t i = (size_t)version; i < ops->migration_count; i++) {
		for (const char *const *sql = ops->migrations[i].statements; *sql; sql++)
			TRY(db_exec(db, *sql, ""));
	}
	return version == 0 && ops->made ? ops->made(db, m->continues) : NULL;
}

static struct error *continue_all(struct db *db, const struct service_ops *const *known)
{
	for (const struct service_ops *const *s = known; *s; s++) {
		TRY(host_db_migrate(db, *s, true));
		if ((*s)->made)
			TRY((*s)->made(db, true));
	}
	return NULL;
}

struct error *manager_restored(const char *path, const struct service_ops *const *known)
{
	struct db *db = NULL;
	struct error *e;

	TRY(db_open(NULL, path, &manager_database, &db));
	e = continue_all(db, known);
	mem_free(db);
	return e;
}

struct error *host_db_migrate(struct db *db, const struct service_ops *ops, bool continues)
{
	return db_together(db, migrate, &(struct migration){ops, continues});
}
