#include "store/db.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/mem.h"
#include "store/db_backend.h"

#define GIVEN_UP "given up after %d tries"
#define PAUSE_MS 2 /* at most, before the first repetition; twice as long before each other one */

struct db *db_make(const void *ctx, const struct db_backend *backend, const char *place, const struct db_schema *schema)
{
	struct db *db = mem_new(ctx, struct db);

	db->backend = backend;
	db->place = mem_strdup(db, place);
	db->schema = schema;
	return db;
}

struct db *db_fenced(const void *ctx, struct db *db, db_fence_fn *fence, const void *arg)
{
	struct db *view = db_make(ctx, db->backend, db->place, db->schema);

	view->whole = db;
	view->fence = fence;
	view->fence_arg = arg;
	return view;
}

static struct db *whole_of(struct db *db)
{
	return db->whole ? db->whole : db;
}

const char *db_path(const struct db *db)
{
	return db->place;
}

/* The values stay the caller's: they outlive the statement's run, so nothing is copied. */
static size_t take_values(struct db_value *values, const char *types, va_list ap)
{
	size_t n = 0;

	for (; *types; types++, n++) {
		struct db_value *v = &values[n];

		assert(n < DB_VALUES);
		*v = (struct db_value){.type = *types};
		if (*types == 's') {
			v->text = va_arg(ap, const char *);
		} else if (*types == 'i') {
			v->number = va_arg(ap, int64_t);
		} else {
			assert(*types == 'b');
			v->bytes = va_arg(ap, const void *);
			v->len = va_arg(ap, size_t);
			if (!v->bytes) /* no bytes are still bytes, and not SQL's NULL */
				v->bytes = "";
		}
	}
	return n;
}

/* Two that were in each other's way are not to meet again in step. */
static void pause_before(unsigned repetition)
{
	uint16_t random = 0;
	int64_t most_us = (INT64_C(1000) * PAUSE_MS) << (repetition < 6 ? repetition : 6);
	struct timespec wait = {0};

	if (getrandom(&random, sizeof(random), 0) == sizeof(random))
		wait.tv_nsec = most_us * random / UINT16_MAX * 1000;
	nanosleep(&wait, NULL);
}

/* A transaction of its own. No row was told of when it meets another one. */
static struct error *run_alone(struct db *db, db_row_fn *fn, void *arg, const char *sql, const struct db_value *values,
			       size_t count)
{
	struct error *e = NULL;

	db->unknown = false;
	for (unsigned done = 0; done < DB_TRIES; done++) {
		error_free(e);
		if (done)
			pause_before(done - 1);
		db->again = DB_AGAIN_NO;
		e = db->backend->run(db, fn, arg, sql, values, count);
		if (!e || db->again != DB_AGAIN)
			return e;
	}
	return error_wrap(e, GIVEN_UP, DB_TRIES);
}

static struct error *run(struct db *db, db_row_fn *fn, void *arg, const char *sql, const struct db_value *values,
			 size_t n)
{
	return db->backend->in_transaction(db) ? db->backend->run(db, fn, arg, sql, values, n)
					       : run_alone(db, fn, arg, sql, values, n);
}

struct statement {
	const char *sql;
	struct db_value values[DB_VALUES];
	size_t count;
};

static struct error *run_statement(struct db *db, const void *arg)
{
	const struct statement *s = arg;

	return run(db, NULL, NULL, s->sql, s->values, s->count);
}

struct error *db_exec(struct db *db, const char *sql, const char *types, ...)
{
	struct statement s = {.sql = sql};
	va_list ap;

	va_start(ap, types);
	s.count = take_values(s.values, types ? types : "", ap);
	va_end(ap);
	return db->fence ? db_together(db, run_statement, &s) : run_statement(db, &s);
}

struct error *db_query(struct db *db, db_row_fn *fn, void *arg, const char *sql, const char *types, ...)
{
	struct statement s = {.sql = sql};
	va_list ap;

	va_start(ap, types);
	s.count = take_values(s.values, types ? types : "", ap);
	va_end(ap);
	return run(whole_of(db), fn, arg, sql, s.values, s.count);
}

int64_t db_changes(struct db *db)
{
	return db->backend->changes(whole_of(db));
}

struct error *db_begin(struct db *db)
{
	struct db *whole = whole_of(db);
	struct error *e;

	whole->again = DB_AGAIN_NO;
	whole->unknown = false;
	TRY(whole->backend->begin(whole));
	e = db->fence ? db->fence(whole, db->fence_arg) : NULL;
	if (e)
		whole->backend->rollback(whole);
	return e;
}

struct error *db_commit(struct db *db)
{
	return db->backend->commit(whole_of(db));
}

void db_rollback(struct db *db)
{
	db->backend->rollback(whole_of(db));
}

static struct error *together_once(struct db *db, db_together_fn *fn, const void *arg)
{
	struct error *e;

	TRY(db_begin(db));
	e = fn(whole_of(db), arg);
	if (!e)
		e = db_commit(db);
	if (e)
		db_rollback(db);
	return e;
}

struct error *db_together(struct db *db, db_together_fn *fn, const void *arg)
{
	struct db *whole = whole_of(db);
	struct error *e = NULL;

	if (whole->backend->in_transaction(whole))
		return fn(whole, arg);
	for (unsigned done = 0; done < DB_TRIES; done++) {
		error_free(e);
		if (done)
			pause_before(done - 1);
		e = together_once(db, fn, arg);
		if (!e || whole->again == DB_AGAIN_NO || (whole->again == DB_AGAIN_ONCE && done > 0))
			return e;
	}
	return error_wrap(e, GIVEN_UP, DB_TRIES);
}

bool db_outcome_unknown(const struct db *db)
{
	return db->whole ? db->whole->unknown : db->unknown;
}

struct error *db_now(struct db *db, struct db_time *ret)
{
	return db->backend->now(whole_of(db), ret);
}

const char *db_text(const struct db_row *row, int column)
{
	return row->backend->text(row, column);
}

int64_t db_int(const struct db_row *row, int column)
{
	return row->backend->number(row, column);
}

const void *db_blob(const struct db_row *row, int column, size_t *ret_len)
{
	return row->backend->blob(row, column, ret_len);
}
