/* Orders as payments know them, in a file's and a server's database: from the event log, once; what is bound is bound
 * to one; and what is meant to be written, attempt by attempt. */
#include "store/world.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/payments/payment_rows.h"
#include "store/events.h"

#define ALICE "a11ce00000000000000000000000000000000000"
#define BOB "b0b0000000000000000000000000000000000000"
#define JOB "0200000000000000000001"
#define OTHER "0200000000000000000002"

static struct db *open_db(void)
{
	static struct db_migration both[2];
	static struct db_schema schema = {
		.application_id = DB_APPLICATION_ID('t'), .name = "a test's database", .migrations = both, .count = 2};
	struct db *db = NULL;

	both[0] = (struct db_migration){events_tables};
	both[1] = (struct db_migration){payment_tables};
	world_ok(world_open(world.ctx, world.where, &schema, &db));
	return db;
}

static void say(struct db *db, const char *type, const char *job)
{
	const struct event event = {
		.id = 1, .at_ms = 1000, .type = type, .subject = job, .body = "{\"owner\":\"" ALICE "\"}"};

	world_ok(payment_rows_take(db, &event));
}

static struct payment_row find(struct db *db, const char *job)
{
	struct payment_row *row = NULL;

	world_ok(payment_rows_find(world.ctx, db, job, NULL, &row));
	return *row;
}

static void test_from_the_log(void **state)
{
	struct db *db = open_db();
	struct payment_row *rows = NULL, row;
	int64_t owed = 0;
	size_t count = 0;

	(void)state;
	say(db, "order.running", JOB); /* ordered before there was a chain */
	world_refused(payment_rows_find(world.ctx, db, JOB, NULL, &rows), ERROR_NOT_FOUND, JOB);
	say(db, "order.created", JOB);
	say(db, "order.created", JOB);
	say(db, "order.created", OTHER);
	say(db, "node.online", OTHER);
	row = find(db, JOB);
	assert_true(row.state == PAYMENT_OWED && row.works && !row.ended && !row.chain_job && row.created_ms == 1000);
	assert_string_equal(row.owner, ALICE);
	world_refused(payment_rows_find(world.ctx, db, JOB, BOB, &rows), ERROR_NOT_FOUND, "of yours");
	say(db, "order.running", JOB);
	say(db, "order.stopping", JOB);
	assert_false(find(db, JOB).works);
	say(db, "order.starting", JOB);
	assert_true(find(db, JOB).works);
	world_ok(payment_rows_owed(db, ALICE, 0, &owed));
	assert_int_equal(owed, 2);
	say(db, "order.cancelling", OTHER);
	say(db, "order.cancelled", OTHER);
	row = find(db, OTHER);
	assert_true(row.state == PAYMENT_OVER && row.ended);
	world_ok(payment_rows_open(world.ctx, db, true, &rows, &count));
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].job, JOB);
}

static void test_bound_to_one(void **state)
{
	struct db *db = open_db();
	struct payment_row row;
	int64_t counts[PAYMENT_STATES], owed = 0;
	struct payment_row *rows = NULL;
	size_t count = 0;

	(void)state;
	say(db, "order.created", JOB);
	say(db, "order.created", OTHER);
	row = find(db, JOB);
	world_ok(payment_rows_bind(db, &row, 7));
	world_refused(payment_rows_bind(db, &row, 8), ERROR_REFUSED, "is not owed any more");
	assert_int_equal(find(db, JOB).chain_job, 7);
	assert_string_equal(world_ask(db, "select type from event order by id desc limit 1"), "order.paid");
	row = find(db, OTHER);
	world_refused(payment_rows_bind(db, &row, 7), ERROR_EXISTS, "");
	world_ok(payment_rows_overdue(db, &row));
	assert_string_equal(world_ask(db, "select type from event order by id desc limit 1"), "order.unpaid");
	world_ok(payment_rows_owed(db, ALICE, 0, &owed));
	assert_int_equal(owed, 1);
	world_ok(payment_rows_owed(db, ALICE, INT64_MAX, &owed));
	assert_int_equal(owed, 0);
	world_ok(payment_rows_open(world.ctx, db, false, &rows, &count));
	assert_int_equal(count, 0);
	/* Its job on the chain is over; another one pays. */
	row = find(db, JOB);
	world_ok(payment_rows_overdue(db, &row));
	assert_int_equal(find(db, JOB).chain_job, 0);
	row = find(db, JOB);
	world_ok(payment_rows_bind(db, &row, 9));
	row = find(db, JOB);
	say(db, "order.cancelled", JOB); /* its nodes are still assigned */
	assert_int_equal(find(db, JOB).state, PAYMENT_BOUND);
	world_ok(payment_rows_end(db, &row));
	assert_true(find(db, JOB).state == PAYMENT_OVER && find(db, JOB).chain_job == 9);
	world_ok(payment_rows_count(db, counts));
	assert_true(counts[PAYMENT_OVER] == 1 && counts[PAYMENT_OVERDUE] == 1 && !counts[PAYMENT_BOUND]);
}

static void test_attempts(void **state)
{
	struct db *db = open_db();
	struct payment_intent i;

	(void)state;
	world_ok(payment_intent_find(world.ctx, db, "assign 1 x", &i));
	assert_true(i.state == PAYMENT_INTENT_NONE && i.attempt == 0);
	world_ok(payment_intent_begin(db, &i, 12));
	assert_string_equal(payment_intent_id(world.ctx, &i), "dsnd assign 1 x #1");
	world_ok(payment_intent_find(world.ctx, db, "assign 1 x", &i));
	assert_true(i.state == PAYMENT_INTENT_OPEN && i.attempt == 1);
	assert_int_equal(world_number(db, "select term from payments_intent"), 12);
	i.why = "no ether";
	i.next_ms = 5000;
	world_ok(payment_intent_settle(db, &i, PAYMENT_INTENT_FAILED));
	world_ok(payment_intent_find(world.ctx, db, "assign 1 x", &i));
	assert_true(i.state == PAYMENT_INTENT_FAILED && i.attempt == 1 && i.next_ms == 5000);
	assert_string_equal(i.why, "no ether");
	world_ok(payment_intent_begin(db, &i, 13));
	world_ok(payment_intent_find(world.ctx, db, "assign 1 x", &i));
	assert_true(i.state == PAYMENT_INTENT_OPEN && i.attempt == 2 && !i.why);
	world_ok(payment_intent_settle(db, &i, PAYMENT_INTENT_DONE));
	world_ok(payment_intent_find(world.ctx, db, "assign 1 x", &i));
	assert_int_equal(i.state, PAYMENT_INTENT_DONE);
	/* Taken back, and meant anew: under an id of its own. */
	world_ok(payment_intent_settle(db, &i, PAYMENT_INTENT_NONE));
	world_ok(payment_intent_find(world.ctx, db, "assign 1 x", &i));
	world_ok(payment_intent_begin(db, &i, 13));
	assert_string_equal(payment_intent_id(world.ctx, &i), "dsnd assign 1 x #3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {WORLD_BOTH(test_from_the_log), WORLD_BOTH(test_bound_to_one),
					   WORLD_BOTH(test_attempts)};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
