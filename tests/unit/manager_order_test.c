/* Orders: what a document may say, and orders on disk with their states and events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "manager/host.h"
#include "manager/jobs/order.h"
#include "manager/jobs/order_rows.h"
#include "store/events.h"

#define ALICE "a11ce00000000000000000000000000000000000"
#define BOB "b0b0000000000000000000000000000000000000"

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void refused(struct error *e, enum error_code code, const char *said)
{
	assert_non_null(e);
	if (!strstr(e->message, said))
		fail_msg("%s\nis not: %s", e->message, said);
	assert_int_equal(e->code, code);
	error_free(e);
}

static json_t *example(void)
{
	json_t *document = NULL;

	must(json_parse_file(TEST_SOURCE_DIR "/examples/order.json", 1 << 20, &document));
	return document;
}

/* --- the document --- */

static void test_document(void **state)
{
	void *scope = mem_strdup(NULL, "");
	json_t *document = example(), *pipeline = json_object_get(document, "pipeline"), *whole;
	struct api_pipeline *p = NULL;

	(void)state;
	must(order_read(scope, document, &p));
	assert_int_equal(p->rendition_count, 2);
	whole = order_complete(document, "job1", json_array());
	assert_null(json_object_get(pipeline, "nodes")); /* the order itself stays as it is */
	assert_string_equal(json_string_value(json_object_get(json_object_get(whole, "pipeline"), "job_id")), "job1");
	json_decref(whole);
	json_object_set_new(pipeline, "nodes", json_array());
	refused(order_read(scope, document, &p), ERROR_INVALID, "pipeline.nodes: leave it out of an order");
	json_object_del(pipeline, "nodes");
	json_object_set_new(pipeline, "job_id", json_string("mine"));
	refused(order_read(scope, document, &p), ERROR_INVALID, "pipeline.job_id: leave it out of an order");
	json_object_del(pipeline, "job_id");
	json_object_set_new(json_object_get(pipeline, "source"), "resolution", json_string("big"));
	refused(order_read(scope, document, &p), ERROR_INVALID, "pipeline.source.resolution");
	json_object_set_new(pipeline, "transcoding", json_array());
	refused(order_read(scope, document, &p), ERROR_INVALID, "pipeline.transcoding");
	json_object_set_new(document, "pipeline", json_string("x"));
	refused(order_read(scope, document, &p), ERROR_INVALID, "pipeline");
	json_decref(document);
	mem_free(scope);
}

/* Its times, from now on. */
static void test_times(void **state)
{
	const int64_t day_ms = INT64_C(24) * 3600 * 1000, now_ms = INT64_C(1893456000) * 1000; /* 2030-01-01 */
	struct api_wishes wishes = {0};
	json_t *document = NULL, *bare;

	(void)state;
	must(order_check_times(&wishes, now_ms));
	wishes.start_at_ms = now_ms + 30 * day_ms;
	wishes.end_at_ms = now_ms + 366 * day_ms;
	must(order_check_times(&wishes, now_ms));
	refused(order_check_times(&wishes, now_ms - 1), ERROR_INVALID,
		"pipeline.schedule.start_at: is more than 30 days ahead");
	wishes.start_at_ms = 1;
	refused(order_check_times(&wishes, now_ms - 1), ERROR_INVALID,
		"pipeline.schedule.end_at: is more than 366 days ahead");
	refused(order_check_times(&wishes, wishes.end_at_ms), ERROR_INVALID, "pipeline.schedule.end_at: is over");

	must(json_parse_file(TEST_SOURCE_DIR "/examples/order.json", 1 << 20, &document));
	assert_false(order_is_for_later(document, now_ms));
	json_object_set_new(json_object_get(document, "pipeline"), "schedule",
			    json_pack("{s:s}", "start_at", "2030-01-01T00:00:00Z"));
	assert_true(order_is_for_later(document, now_ms - 1));
	assert_false(order_is_for_later(document, now_ms));
	json_object_set_new(json_object_get(document, "pipeline"), "nodes", json_array());
	assert_false(order_is_for_later(document, now_ms - 1)); /* no order */
	bare = order_bare(document);
	assert_true(order_is_for_later(bare, now_ms - 1));
	json_decref(bare);
	json_decref(document);
}

/* --- on disk --- */

struct world {
	char folder[32];
	struct db *db;
	size_t events;
	char last[64];
};

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-orders-XXXXXX");
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

static struct order_row *create(struct world *w, const char *owner, const char *once)
{
	struct order_row *row = mem_new(w, struct order_row);

	talloc_set_destructor(row, drop);
	must(order_rows_next(w->db, row));
	row->owner = mem_strdup(row, owner);
	row->key = mem_strdup(row, "0123456789abcdef");
	row->document = json_pack("{s:{s:[{s:s,s:s}]}}", "pipeline", "nodes", "node_id", "1", "type", "storage");
	row->tasks = json_object();
	row->state = ORDER_STARTING;
	must(order_rows_create(w->db, row, once));
	return row;
}

static struct error *on_event(struct db *db, const struct event *event, void *arg)
{
	struct world *w = arg;

	(void)db;
	w->events++;
	strncpy(w->last, event->type, sizeof(w->last) - 1);
	assert_non_null(strstr(event->body, "\"owner\":"));
	return NULL;
}

static void test_whose(void **state)
{
	struct world *w = *state;
	struct order_row *mine = create(w, ALICE, "one"), *his = create(w, BOB, "one"), *found = NULL, **list = NULL;
	size_t count = 0;

	assert_string_equal(mine->job, "0200000000000000000001");
	assert_string_equal(his->job, "0200000000000000000002");
	must(order_rows_find(w, w->db, mine->job, ALICE, &found));
	assert_string_equal(found->key, mine->key);
	refused(order_rows_find(w, w->db, his->job, ALICE, &found), ERROR_NOT_FOUND, "of yours");
	refused(order_rows_find(w, w->db, "none", ALICE, &found), ERROR_NOT_FOUND, "of yours");
	must(order_rows_find(w, w->db, his->job, NULL, &found));
	must(order_rows_once(w, w->db, BOB, "one", &found));
	assert_string_equal(found->job, his->job);
	must(order_rows_once(w, w->db, BOB, "two", &found));
	assert_null(found);
	must(order_rows_list(w, w->db, ALICE, 9, &list, &count));
	assert_int_equal(count, 1);
	must(order_rows_list(w, w->db, NULL, 1, &list, &count));
	assert_int_equal(count, 1);
	assert_string_equal(list[0]->job, his->job);
	must(order_rows_unfinished(w, w->db, &list, &count));
	assert_int_equal(count, 2);
}

static void test_states(void **state)
{
	struct world *w = *state;
	struct order_row *row = create(w, ALICE, NULL), *found = NULL;
	int64_t counts[ORDER_STATES], open = 0;
	size_t count = 0;

	create(w, ALICE, NULL); /* no word said: no clash */
	refused(order_rows_move(w->db, row, ORDER_STOPPED), ERROR_REFUSED, "is starting: it cannot become stopped");
	assert_int_equal(row->state, ORDER_STARTING);
	row->ingest = mem_strdup(row, "rtmp://192.0.2.1:1935/ingest");
	must(order_rows_move(w->db, row, ORDER_RUNNING));
	row->why = mem_strdup(row, "because");
	must(order_rows_move(w->db, row, ORDER_CANCELLING));
	must(order_rows_move(w->db, row, ORDER_CANCELLED));
	for (enum order_state to = 0; to < ORDER_STATES; to++)
		assert_false(order_state_may(ORDER_CANCELLED, to));
	must(order_rows_find(w, w->db, row->job, ALICE, &found));
	assert_int_equal(found->state, ORDER_CANCELLED);
	assert_string_equal(found->why, "because");
	assert_string_equal(found->ingest, row->ingest);
	must(order_rows_open(w->db, ALICE, &open));
	assert_int_equal(open, 1); /* the other one */
	must(order_rows_open(w->db, BOB, &open));
	assert_int_equal(open, 0);
	must(order_rows_count(w->db, counts));
	assert_true(counts[ORDER_CANCELLED] == 1 && counts[ORDER_STARTING] == 1);
	must(events_read(w->db, 0, 100, on_event, w, &count));
	assert_int_equal(w->events, 5);
	assert_string_equal(w->last, "order.cancelled");
	w->events = 0;
	must(events_read(w->db, 3, 1, on_event, w, &count));
	assert_int_equal(w->events, 1);
}

/* One that was written by another program, or is damaged, does not hide the others. */
static void test_unreadable(void **state)
{
	struct world *w = *state;
	struct order_row *bad = create(w, ALICE, NULL), *good = create(w, ALICE, NULL), *found = NULL, **list = NULL;
	int64_t counts[ORDER_STATES];
	size_t count = 0;
	json_t *o;

	must(db_exec(w->db, "update jobs_order set tasks='{' where job=?", "s", bad->job));
	must(order_rows_unfinished(w, w->db, &list, &count));
	assert_int_equal(count, 2);
	assert_non_null(list[0]->unreadable);
	assert_null(list[1]->unreadable);
	assert_string_equal(list[1]->job, good->job);
	must(db_exec(w->db, "update jobs_order set state='flying' where job=?", "s", bad->job));
	must(order_rows_list(w, w->db, ALICE, 9, &list, &count));
	assert_int_equal(count, 2);
	assert_non_null(strstr(list[1]->unreadable, "flying"));
	o = order_row_json(list[1], false);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "unreadable");
	assert_non_null(strstr(json_string_value(json_object_get(o, "why")), "flying"));
	json_decref(o);
	must(order_rows_count(w->db, counts));
	assert_int_equal(counts[ORDER_STARTING], 1);
	refused(order_rows_find(w, w->db, bad->job, ALICE, &found), ERROR_FAILED, "flying");
}

/* Two that write: what one has read is not what the other has left. */
static void test_moved_meanwhile(void **state)
{
	struct world *w = *state;
	struct order_row *mine = create(w, ALICE, NULL), *found = NULL;

	must(order_rows_find(w, w->db, mine->job, ALICE, &found));
	must(order_rows_move(w->db, found, ORDER_RUNNING));
	refused(order_rows_move(w->db, mine, ORDER_FAILING), ERROR_REFUSED, "is not starting any more");
	assert_int_equal(mine->state, ORDER_STARTING);
	must(order_rows_find(w, w->db, mine->job, ALICE, &found));
	assert_int_equal(found->state, ORDER_RUNNING);
}

/* A database that is younger than the network gives no number again. */
static void test_numbers_of_a_new_database(void **state)
{
	struct world *w = *state;
	int64_t before_ms = clock_wall_ms();
	struct order_row *row;

	must(order_rows_made(w->db, false));
	row = create(w, ALICE, NULL);
	assert_int_equal(row->number, 1);
	must(order_rows_made(w->db, true));
	row = create(w, ALICE, NULL);
	assert_true(row->number >= before_ms && row->number <= clock_wall_ms());
	assert_int_equal(strlen(row->job), 22);
}

static void test_for_its_owner(void **state)
{
	struct world *w = *state;
	struct order_row *row = create(w, ALICE, NULL);
	json_t *o;
	char *text;

	row->ingest = mem_strdup(row, "rtmp://192.0.2.1:1935/ingest");
	o = order_row_json(row, false);
	text = json_text(w, o);
	assert_null(strstr(text, row->key));
	json_decref(o);
	o = order_row_json(row, true);
	text = json_text(w, o);
	assert_non_null(strstr(text, "0200000000000000000001?key=0123456789abcdef"));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_times),
		cmocka_unit_test_setup_teardown(test_whose, setup, teardown),
		cmocka_unit_test_setup_teardown(test_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers_of_a_new_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_for_its_owner, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
