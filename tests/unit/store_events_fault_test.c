/* The event log and leases when the disk, memory or the process ends in the middle of a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fault/fault.h"
#include "store/events.h"
#include "store/lease.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char *const tables[] = {"create table done(id bigint primary key)", NULL};

static struct error *open_log(struct fault_world *w)
{
	static struct db_migration steps[3];
	static struct db_schema schema = {
		.application_id = DB_APPLICATION_ID('t'), .name = "events", .migrations = steps, .count = 3};
	struct db *db = NULL;

	steps[0].statements = events_tables;
	steps[1].statements = lease_tables;
	steps[2].statements = tables;
	TRY(db_open(w->ctx, file_join(w->ctx, w->folder, "x.db"), &schema, &db));
	w->handle = db;
	return NULL;
}

/* What counts of the tables: not instants of the machine's clock, nor a holder's random key. */
static char *look(const char *folder, bool crashed)
{
	static const char *const sqls[] = {
		"select id, at_ms, type, subject, body, cause from event order by id",
		"select name, id from event_cursor order by name",
		"select id from event_removed",
		"select id from done order by id",
		"select name, term, holder from lease order by name",
	};
	char *path = mem_printf(NULL, "%s/x.db", folder), *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	sqlite3 *db = NULL;

	(void)crashed;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
	for (size_t i = 0; i < COUNT(sqls); i++) {
		sqlite3_stmt *rows = NULL;

		assert_int_equal(sqlite3_prepare_v2(db, sqls[i], -1, &rows, NULL), SQLITE_OK);
		fprintf(out, "%s\n", sqls[i]);
		while (sqlite3_step(rows) == SQLITE_ROW) {
			for (int c = 0; c < sqlite3_column_count(rows); c++)
				fprintf(out, " %s", (const char *)sqlite3_column_text(rows, c));
			fputc('\n', out);
		}
		sqlite3_finalize(rows);
	}
	sqlite3_close(db);
	fclose(out);
	mem_free(path);
	return text;
}

static struct error *append(struct fault_world *w, const char *subject)
{
	json_t *body = json_pack("{ss}", "of", subject);
	int64_t id = 0;
	struct error *e = events_append(w->handle, "job.placed", subject, body, 0, &id);

	json_decref(body);
	return e;
}

static struct error *prepare(struct fault_world *w)
{
	TRY(append(w, "a"));
	TRY(append(w, "b"));
	TRY(append(w, "c"));
	TRY(events_cursor_make(w->handle, "billing", false));
	return events_cursor_move(w->handle, "billing", 1);
}

static struct error *run_append(struct fault_world *w)
{
	return append(w, "d");
}

static struct error *work(struct db *db, const struct event *event, void *arg)
{
	(void)arg;
	return db_exec(db, "insert into done values(?)", "i", event->id);
}

static struct error *run_take(struct fault_world *w)
{
	size_t count = 0;

	return events_take(w->handle, "billing", 1, work, NULL, &count);
}

static struct error *run_make(struct fault_world *w)
{
	return events_cursor_make(w->handle, "notify", true);
}

static struct error *run_move(struct fault_world *w)
{
	return events_cursor_move(w->handle, "billing", 2);
}

static struct error *run_remove(struct fault_world *w)
{
	return events_cursor_remove(w->handle, "billing");
}

static struct error *run_expire(struct fault_world *w)
{
	const struct events_bounds bounds = {
		.now_ms = FAULT_NOW_MS + 1000, .age_ms = 0, .silent_ms = EVENTS_SILENT_MIN_MS, .limit = 10};
	size_t removed = 0;

	return events_expire(w->handle, &bounds, &removed);
}

/* Each time a holder of its own: that of before is not there to renew. */
static struct error *run_lease(struct fault_world *w)
{
	struct lease *lease = NULL;
	struct error *e;

	TRY(lease_new(w->ctx, w->handle, "jobs", "me", NULL, &lease));
	e = lease_ask(lease, lease_clock_ms());
	/* Of a failure nothing may be believed. */
	assert_true(e == NULL || lease_term(lease, lease_clock_ms()) == 0);
	mem_free(lease);
	return e;
}

static const struct fault_case cases[] = {
	{.name = "append", .run = run_append},          {.name = "take", .run = run_take},
	{.name = "make a cursor", .run = run_make},     {.name = "move a cursor", .run = run_move},
	{.name = "remove a cursor", .run = run_remove}, {.name = "expire", .run = run_expire},
	{.name = "take a lease", .run = run_lease},
};

static void with_faults(void **state)
{
	const struct fault_suite suite = {.open = open_log,
					  .prepare = prepare,
					  .look = look,
					  .place = "x.db",
					  .cases = cases,
					  .count = COUNT(cases)};

	(void)state;
	fault_run(&suite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_faults),
	};

	mem_init();
	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
