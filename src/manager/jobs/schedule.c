/* Orders that begin and end by themselves. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "manager/jobs/jobs_impl.h"
#include "manager/jobs/order.h"
#include "manager/jobs/placements.h"

#define AGAIN_MS 5000
#define PATIENCE_MS (INT64_C(3600) * 1000) /* of an order that says no end */

static void say(const char *event, const struct order_row *row, const struct error *e)
{
	log_warn(event, "job=%s why=%s", row->job, log_q(e->message));
}

/* --- the beginning --- */

struct begun {
	struct order_row *row;
	const json_t *record;
};

static struct error *write_down(struct db *db, const void *arg)
{
	const struct begun *b = arg;

	TRY(placements_add(db, b->row->job, PLACEMENTS_ORDER, b->record));
	return order_rows_give_nodes(db, b->row);
}

static struct error *choose(struct jobs *j, struct order_row *row)
{
	json_t *order = order_bare(row->document), *record = NULL;
	struct error *e = jobs_choose(j, row, order, &record);

	if (!e)
		e = db_together(j->host->db, write_down, &(struct begun){row, record});
	json_decref(order);
	json_decref(record);
	return e;
}

static bool is_too_late(const struct order_row *row, int64_t now_ms)
{
	return now_ms >= (row->end_at_ms ? row->end_at_ms : row->start_at_ms + PATIENCE_MS);
}

/* It waits for room, as long as it makes sense. */
static void put_off(struct jobs *j, struct order_row *row, struct error *why)
{
	struct error *e;

	placing_release(j->placing, row->job);
	row->why = mem_strdup(row, why->message);
	if (is_too_late(row, clock_wall_ms()))
		e = order_rows_move(j->host->db, row, ORDER_FAILED);
	else
		e = order_rows_wait(j->host->db, row);
	say("jobs.schedule", row, e ? e : why);
	error_free(e);
	error_free(why);
}

static void begin_one(struct jobs *j, struct order_row *row)
{
	struct error *e = is_too_late(row, clock_wall_ms())
				  ? error_new(ERROR_UNAVAILABLE, "%s",
					      row->why ? row->why : "no dsnd was there from its beginning to its end")
				  : choose(j, row);

	if (e) {
		put_off(j, row, e);
		return;
	}
	placing_keep(j->placing, row->job);
	watch_order(j->watch, row);
	run_begin(j->runs, row, NULL, NULL);
}

static struct error *begin_due(const void *scope, struct jobs *j)
{
	const int64_t now_ms = clock_mono_ms();
	const bool again = now_ms >= j->waiting_ms;
	struct order_row **rows = NULL;
	size_t count = 0;

	TRY(order_rows_to_begin(scope, j->host->db, clock_wall_ms(), &rows, &count));
	for (size_t i = 0; i < count; i++) {
		if (!rows[i]->unreadable && (again || !rows[i]->why))
			begin_one(j, rows[i]);
	}
	if (again)
		j->waiting_ms = now_ms + AGAIN_MS;
	return NULL;
}

static void on_fresh(const struct error *away, void *arg)
{
	struct jobs *j = arg;
	void *scope = mem_strdup(NULL, "");
	struct error *e = away ? error_copy(away) : begin_due(scope, j);

	j->choosing = false;
	if (e)
		log_error("jobs.schedule", "why=%s", log_q(e->message));
	error_free(e);
	mem_free(scope);
}

/* --- the end --- */

static void end_one(struct jobs *j, struct order_row *row)
{
	struct error *e;

	row->why = mem_strdup(row, "its end_at has come");
	e = order_rows_move(j->host->db, row, ORDER_STOPPING);
	if (e) {
		say("jobs.schedule", row, e);
		error_free(e);
		return;
	}
	runs_drop(j->runs, row->job, "its end_at has come");
	watch_order(j->watch, row);
	run_begin(j->runs, row, NULL, NULL);
}

static struct error *look(const void *scope, struct jobs *j)
{
	const int64_t now_ms = clock_wall_ms();
	struct order_row **rows = NULL;
	size_t count = 0;

	TRY(order_rows_to_end(scope, j->host->db, now_ms, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		if (!rows[i]->unreadable)
			end_one(j, rows[i]);
	}
	TRY(order_rows_to_begin(scope, j->host->db, now_ms, &rows, &count));
	if (count && !j->choosing) {
		j->choosing = true;
		placing_refresh(j->placing, on_fresh, j);
	}
	return NULL;
}

void jobs_schedule(struct jobs *j)
{
	void *scope = mem_strdup(NULL, "");
	struct error *e = look(scope, j);

	if (e)
		log_error("jobs.schedule", "why=%s", log_q(e->message));
	error_free(e);
	mem_free(scope);
}
