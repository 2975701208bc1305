/* What becomes of what an order has stored, by what time passes and who has been told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "manager/host.h"
#include "manager/jobs/order_rows.h"
#include "manager/jobs/recording_rows.h"
#include "store/events.h"

#define OWNER "a11ce00000000000000000000000000000000000"
#define STORAGE "5000000000000000000000000000000000000005"
#define STANDBY "5000000000000000000000000000000000000006"
#define FORMER "5000000000000000000000000000000000000007"
#define HOUR_MS (INT64_C(3600) * 1000)
#define DAY_MS (24 * HOUR_MS)

struct world {
	char folder[32];
	struct db *db;
	char types[512]; /* of all events, a blank behind each */
};

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-kept-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	must(db_open(w, file_join(w, w->folder, "dsnd.db"), &manager_database, &w->db));
	for (size_t i = 0; i < ORDER_MIGRATIONS; i++) {
		for (const char *const *sql = order_migrations[i].statements; *sql; sql++)
			must(db_exec(w->db, *sql, ""));
	}
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *folder = mem_strdup(NULL, w->folder);

	mem_free(w);
	must(file_remove_tree(folder));
	mem_free(folder);
	return 0;
}

static int drop(struct order_row *row)
{
	json_decref(row->document);
	json_decref(row->tasks);
	return 0;
}

/* One that has run and was stopped. */
static struct order_row *ended(struct world *w, int64_t days)
{
	struct order_row *row = mem_new(w, struct order_row);

	talloc_set_destructor(row, drop);
	must(order_rows_next(w->db, row));
	row->owner = mem_strdup(row, OWNER);
	row->document = json_pack("{s:{s:[{s:s,s:s},{s:s,s:s,s:s}]}}", "pipeline", "nodes", "node_id", "1", "type",
				  "transcoder", "node_id", STORAGE, "type", "storage", "failover_node_id", STANDBY);
	row->tasks = json_object();
	row->state = ORDER_STARTING;
	row->retain_days = days;
	must(order_rows_create(w->db, row, NULL));
	must(order_rows_move(w->db, row, ORDER_RUNNING));
	must(order_rows_move(w->db, row, ORDER_STOPPING));
	assert_int_equal(row->delete_at_ms, 0);
	must(order_rows_move(w->db, row, ORDER_STOPPED));
	return row;
}

static struct error *on_event(struct db *db, const struct event *event, void *arg)
{
	struct world *w = arg;

	(void)db;
	if (strncmp(event->type, "recording.", 10) == 0) {
		strcat(w->types, event->type + 10);
		strcat(w->types, " ");
	}
	return NULL;
}

/* What was told of recordings so far. */
static const char *told(struct world *w)
{
	size_t count = 0;

	w->types[0] = '\0';
	must(events_read(w->db, 0, 100, on_event, w, &count));
	return w->types;
}

static size_t due(struct world *w, int64_t now_ms, struct recording_row **ret_list)
{
	size_t count = 0;

	must(recording_rows_due(w, w->db, now_ms, ret_list, &count));
	return count;
}

static void test_the_way_of_a_recording(void **state)
{
	struct world *w = *state;
	struct order_row *row = ended(w, 3);
	struct recording_row *list = NULL;
	const int64_t end_ms = row->changed_ms + 3 * DAY_MS;

	assert_int_equal(row->delete_at_ms, end_ms);
	must(db_exec(w->db,
		     "insert into jobs_move(job,place,role,node_from,node_to,cause,why,state,at_ms) "
		     "values(?,1,'storage',?,?,'lost','','replaced',1)",
		     "sss", row->job, FORMER, STORAGE));
	must(recording_rows_look(w->db, end_ms - RECORDING_NOTICE_MS - 1));
	assert_string_equal(told(w), "");
	must(recording_rows_look(w->db, end_ms - RECORDING_NOTICE_MS));
	must(recording_rows_look(w->db, end_ms - 1));
	assert_string_equal(told(w), "expiring ");
	must(recording_rows_look(w->db, end_ms));
	must(recording_rows_look(w->db, end_ms));
	assert_string_equal(told(w), "expiring deleting ");
	assert_int_equal(due(w, end_ms, &list), 3);
	/* Who is away is told again a day later; who has done it, never. */
	for (size_t i = 0; i < 3; i++)
		must(strcmp(list[i].node_id, STANDBY) == 0 ? recording_rows_told(w->db, &list[i], end_ms)
							   : recording_rows_gone(w->db, &list[i]));
	assert_string_equal(told(w), "expiring deleting ");
	assert_int_equal(due(w, end_ms + RECORDING_AGAIN_MS - 1, &list), 0);
	assert_int_equal(due(w, end_ms + RECORDING_AGAIN_MS, &list), 1);
	assert_string_equal(list[0].node_id, STANDBY);
	must(recording_rows_gone(w->db, &list[0]));
	must(recording_rows_gone(w->db, &list[0]));
	assert_string_equal(told(w), "expiring deleting deleted ");
}

/* It comes back too late, or never. */
static void test_a_storage_that_stays_away(void **state)
{
	struct world *w = *state;
	struct order_row *row = ended(w, 1);
	struct recording_row *list = NULL;
	const int64_t end_ms = row->delete_at_ms;

	must(recording_rows_look(w->db, end_ms - HOUR_MS));
	must(recording_rows_look(w->db, end_ms));
	must(recording_rows_look(w->db, end_ms + RECORDING_PATIENCE_MS - 1));
	assert_int_equal(due(w, end_ms + RECORDING_PATIENCE_MS, &list), 2);
	must(recording_rows_look(w->db, end_ms + RECORDING_PATIENCE_MS));
	assert_int_equal(due(w, end_ms + RECORDING_PATIENCE_MS, &list), 0);
	assert_string_equal(told(w), "expiring deleting left left ");
}

/* The clock was wrong for a moment: what it made expire stays. */
static void test_a_clock_that_jumps(void **state)
{
	struct world *w = *state;
	struct order_row *row = ended(w, 30);
	struct recording_row *list = NULL;
	const int64_t now_ms = row->changed_ms, wrong_ms = now_ms + 400 * DAY_MS;

	for (int64_t ms = 0; ms < RECORDING_LEAST_MS; ms += RECORDING_LEAST_MS / 4)
		must(recording_rows_look(w->db, wrong_ms + ms));
	must(recording_rows_look(w->db, now_ms + HOUR_MS));
	assert_string_equal(told(w), "expiring ");
	assert_int_equal(due(w, wrong_ms, &list), 0);
	must(recording_rows_look(w->db, wrong_ms + RECORDING_LEAST_MS));
	assert_int_equal(due(w, wrong_ms + RECORDING_LEAST_MS, &list), 2);
}

/* What starts again keeps what it has, whatever is under way; its time begins anew with its next end. */
static void test_started_again(void **state)
{
	struct world *w = *state;
	struct order_row *row = ended(w, 1);
	struct recording_row *list = NULL;
	const int64_t end_ms = row->delete_at_ms;

	must(recording_rows_look(w->db, end_ms - HOUR_MS));
	must(recording_rows_look(w->db, end_ms));
	assert_int_equal(due(w, end_ms, &list), 2);
	must(order_rows_move(w->db, row, ORDER_STARTING));
	assert_int_equal(row->delete_at_ms, 0);
	assert_int_equal(due(w, end_ms, &list), 0);
	must(recording_rows_look(w->db, end_ms + 9 * DAY_MS));
	assert_string_equal(told(w), "expiring deleting ");
	must(order_rows_move(w->db, row, ORDER_CANCELLING));
	must(order_rows_move(w->db, row, ORDER_CANCELLED));
	assert_int_equal(row->delete_at_ms, row->changed_ms + DAY_MS);
}

/* That it is cancelled after its end prolongs nothing; and orders of before have no term. */
static void test_when_it_is_counted_from(void **state)
{
	struct world *w = *state;
	struct order_row *row = ended(w, 5), *old = ended(w, 0);
	const int64_t end_ms = row->delete_at_ms;

	must(db_exec(w->db, "update jobs_order set changed_ms=changed_ms-1000", ""));
	must(order_rows_move(w->db, row, ORDER_CANCELLING));
	must(order_rows_move(w->db, row, ORDER_CANCELLED));
	assert_int_equal(row->delete_at_ms, end_ms);
	assert_int_equal(old->delete_at_ms, 0);
	must(recording_rows_look(w->db, end_ms + 9999 * DAY_MS));
	assert_string_equal(told(w), "expiring ");
}

/* --- schedule --- */

static void test_its_times(void **state)
{
	struct world *w = *state;
	struct order_row *row = mem_new(w, struct order_row), **list = NULL, *found = NULL;
	size_t count = 0;

	talloc_set_destructor(row, drop);
	must(order_rows_next(w->db, row));
	row->owner = mem_strdup(row, OWNER);
	row->document = json_pack("{s:{s:[]}}", "pipeline", "nodes");
	row->tasks = json_object();
	row->start_at_ms = 5000;
	row->end_at_ms = 9000;
	row->retain_days = 1;
	must(order_rows_create(w->db, row, NULL));
	must(order_rows_to_begin(w, w->db, 4999, &list, &count));
	assert_int_equal(count, 0);
	must(order_rows_to_end(w, w->db, 9000, &list, &count));
	assert_int_equal(count, 0);
	row->why = mem_strdup(row, "no room");
	must(order_rows_wait(w->db, row));
	must(order_rows_to_begin(w, w->db, 5000, &list, &count));
	assert_int_equal(count, 1);
	assert_string_equal(list[0]->why, "no room");
	row->key = mem_strdup(row, "0123456789abcdef");
	json_array_append_new(json_object_get(json_object_get(row->document, "pipeline"), "nodes"), json_object());
	must(order_rows_give_nodes(w->db, row));
	must(order_rows_find(w, w->db, row->job, OWNER, &found));
	assert_int_equal(found->state, ORDER_STARTING);
	assert_null(found->why);
	assert_string_equal(found->key, row->key);
	assert_int_equal(json_array_size(json_object_get(json_object_get(found->document, "pipeline"), "nodes")), 1);
	must(order_rows_to_begin(w, w->db, 5000, &list, &count));
	assert_int_equal(count, 0);
	must(order_rows_to_end(w, w->db, 8999, &list, &count));
	assert_int_equal(count, 0);
	must(order_rows_to_end(w, w->db, 9000, &list, &count));
	assert_int_equal(count, 1);
	must(order_rows_move(w->db, list[0], ORDER_STOPPING));
	must(order_rows_to_end(w, w->db, 9000, &list, &count));
	assert_int_equal(count, 0);
}

/* Cancelled before it began: it has stored nothing. And it does not begin then. */
static void test_cancelled_before(void **state)
{
	struct world *w = *state;
	struct order_row *row = mem_new(w, struct order_row), *twin = NULL;
	struct error *e;

	talloc_set_destructor(row, drop);
	must(order_rows_next(w->db, row));
	row->owner = mem_strdup(row, OWNER);
	row->document = json_pack("{s:{s:[]}}", "pipeline", "nodes");
	row->tasks = json_object();
	row->start_at_ms = 5000;
	row->retain_days = 1;
	must(order_rows_create(w->db, row, NULL));
	must(order_rows_find(w, w->db, row->job, NULL, &twin));
	must(order_rows_move(w->db, row, ORDER_CANCELLED));
	assert_int_equal(row->delete_at_ms, 0);
	e = order_rows_give_nodes(w->db, twin);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_REFUSED);
	assert_int_equal(twin->state, ORDER_SCHEDULED);
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_way_of_a_recording, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_storage_that_stays_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_clock_that_jumps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_started_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_when_it_is_counted_from, setup, teardown),
		cmocka_unit_test_setup_teardown(test_its_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled_before, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
