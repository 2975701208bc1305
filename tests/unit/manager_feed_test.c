/* The fleet as the registry tells it: changes, epochs, nodes that are gone, and rows that say what cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "manager/jobs/feed.h"
#include "manager/jobs/feed_row.h"
#include "manager/jobs/reserve.h"

#define A "a000000000000000000000000000000000000001"
#define B "b000000000000000000000000000000000000002"

static json_t *row(const char *id, const char *role)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:b,s:b,s:b}", "node_id", id, "agent_id", id, "role", role,
			 "state", "online", "ip", "10.0.0.1", "rtmp_port", 1935, "http_port", 8080, "obeys", 1,
			 "serves", 1, "maintenance", 0);
}

/* The lists are taken. */
static void tell(struct feed *f, const char *epoch, int version, json_t *nodes, json_t *gone)
{
	json_t *answer =
		json_pack("{s:s,s:i,s:o,s:o}", "epoch", epoch, "version", version, "nodes", nodes, "gone", gone);

	feed_answer(f, answer);
	json_decref(answer);
}

static void asks_for(const struct feed *f, const char *epoch, int since)
{
	json_t *q = feed_question(f);

	assert_string_equal(json_string_value(json_object_get(q, "epoch")), epoch);
	assert_int_equal(json_integer_value(json_object_get(q, "since")), since);
	json_decref(q);
}

static void test_changes(void **state)
{
	void *ctx = mem_strdup(NULL, "");
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct feed *f = feed_new(ctx, fleet);
	json_t *q = feed_question(f);

	(void)state;
	assert_int_equal(json_object_size(q), 0);
	json_decref(q);
	tell(f, "first", 7, json_pack("[o,o]", row(A, "storage"), row(B, "transcoder")), json_array());
	asks_for(f, "first", 7);
	assert_int_equal(place_fleet_nodes(fleet), 2);
	assert_int_equal(place_fleet_count(fleet, API_STORAGE, PLACE_ONLINE), 1);
	/* What is not told of stays. */
	tell(f, "first", 9, json_array(), json_pack("[s]", B));
	asks_for(f, "first", 9);
	assert_int_equal(place_fleet_nodes(fleet), 1);
	/* Of another epoch what is not told of is gone. */
	tell(f, "second", 1, json_pack("[o]", row(B, "transcoder")), json_array());
	asks_for(f, "second", 1);
	assert_int_equal(place_fleet_nodes(fleet), 1);
	assert_int_equal(place_fleet_count(fleet, API_TRANSCODER, PLACE_ONLINE), 1);
	mem_free(ctx);
}

/* Gone while it has a job, it is offline until it has none. */
static void test_gone_with_a_job(void **state)
{
	void *ctx = mem_strdup(NULL, "");
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	struct feed *f = feed_new(ctx, fleet);
	const struct reserve_line line = {A, {0, 1000}};
	uint64_t id = 0;

	(void)state;
	tell(f, "first", 1, json_pack("[o]", row(A, "storage")), json_array());
	assert_null(reserve_hold(book, "job", &line, 1, RESERVE_NEVER, &id));
	tell(f, "first", 2, json_array(), json_pack("[s]", A));
	assert_int_equal(place_fleet_count(fleet, API_STORAGE, PLACE_OFFLINE), 1);
	assert_true(reserve_release(book, id));
	tell(f, "first", 3, json_array(), json_array());
	assert_int_equal(place_fleet_nodes(fleet), 0);
	mem_free(ctx);
}

/* Who does not obey takes no machine from those whose agent he names. */
static void test_strangers(void **state)
{
	void *ctx = mem_strdup(NULL, "");
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct feed *f = feed_new(ctx, fleet);
	json_t *mine = row(A, "storage"), *his = row(B, "storage");
	struct place_amount promised;
	const struct reserve_line line = {B, {0, 1000}};
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	uint64_t id = 0;
	int jobs = 0;

	(void)state;
	json_object_set_new(his, "agent_id", json_string(A));
	json_object_set_new(his, "obeys", json_false());
	tell(f, "first", 1, json_pack("[o,o]", mine, his), json_array());
	assert_int_equal(place_fleet_count(fleet, API_STORAGE, PLACE_STRANGE), 1);
	assert_null(reserve_adopt(book, "job", &line, 1, &id));
	assert_true(place_node_promised(fleet, A, &promised, &jobs));
	assert_int_equal(promised.bps, 0);
	mem_free(ctx);
}

/* Whom no agent has named is a machine of its own, though it obeys. */
static void test_without_an_agent(void **state)
{
	void *ctx = mem_strdup(NULL, "");
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct feed *f = feed_new(ctx, fleet);
	json_t *mine = row(A, "storage"), *his = row(B, "storage");
	struct place_amount promised;
	const struct reserve_line line = {B, {0, 1000}};
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	uint64_t id = 0;
	int jobs = 0;

	(void)state;
	json_object_set_new(his, "agent_id", json_string(""));
	tell(f, "first", 1, json_pack("[o,o]", mine, his), json_array());
	assert_int_equal(place_fleet_count(fleet, API_STORAGE, PLACE_ONLINE), 2);
	assert_null(reserve_adopt(book, "job", &line, 1, &id));
	assert_true(place_node_promised(fleet, B, &promised, &jobs));
	assert_int_equal(promised.bps, 1000);
	assert_true(place_node_promised(fleet, A, &promised, &jobs));
	assert_int_equal(promised.bps, 0);
	mem_free(ctx);
}

static void test_rows(void **state)
{
	static const struct {
		const char *key, *json, *said;
	} bad[] = {
		{"node_id", "5", "a node without node_id"},
		{"role", "null", "a node without role"},
		{"role", "\"tester\"", "role"},
	};
	static const struct {
		const char *key, *json;
	} unknown[] = {
		{"capacity", "{\"bps\":-7,\"blocks_per_s\":\"many\"}"},
		{"load_pm", "1001"},
		{"realtime_pm", "[-1,-1,\"x\"]"},
		{"labels", "[\"a\",\"a\",5,\"\"]"},
		{"policy", "{\"ceiling_pm\":0,\"most_jobs\":-1,\"price\":-1}"},
		{"version", "\"\""},
		{"owner", "\"\""},
		{"region", "\"0123456789012345678901234567890123456789012345678901234567890123456789\""},
	};
	void *ctx = mem_strdup(NULL, "");
	struct place_fleet *fleet = place_fleet_new(ctx, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *r = row(A, "storage");
		struct error *e;

		json_object_set_new(r, bad[i].key, json_loads(bad[i].json, JSON_DECODE_ANY, NULL));
		e = feed_row_apply(fleet, r);
		assert_non_null(e);
		assert_int_equal(e->code, ERROR_INVALID);
		assert_non_null(strstr(e->message, bad[i].said));
		error_free(e);
		json_decref(r);
	}
	assert_int_equal(place_fleet_nodes(fleet), 0);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		json_t *r = row(A, "storage");
		struct error *e;

		json_object_set_new(r, unknown[i].key, json_loads(unknown[i].json, JSON_DECODE_ANY, NULL));
		e = feed_row_apply(fleet, r);
		if (e)
			fail_msg("%s: %s", unknown[i].key, e->message);
		assert_int_equal(place_fleet_count(fleet, API_STORAGE, PLACE_ONLINE), 1);
		json_decref(r);
	}
	mem_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),   cmocka_unit_test(test_gone_with_a_job),
		cmocka_unit_test(test_strangers), cmocka_unit_test(test_without_an_agent),
		cmocka_unit_test(test_rows),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
