/* What nodes.changes answers: whoever applies the answers knows what nodes.list would tell him, and each costs what has
 * changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "manager/registry/nodes.h"
#include "manager/registry/row.h"

#define MANY 10000

static void on_moved(const struct nodes_node *n, void *arg)
{
	(void)n;
	(void)arg;
}

static int setup(void **state)
{
	struct marks *marks = marks_new(NULL);

	*state = nodes_new(NULL, &(struct nodes_options){marks, "", NULL}, on_moved, NULL);
	talloc_steal(*state, marks);
	return 0;
}

static int teardown(void **state)
{
	mem_free(*state);
	return 0;
}

static char *id_of(int number)
{
	static char id[ID_DIGITS + 1];

	snprintf(id, sizeof(id), "%040x", number);
	return id;
}

static void see(struct nodes *all, int number, const char *jobs, int64_t now_ms)
{
	char *id = id_of(number);
	json_t *body =
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s},s:s}", "node_id", id, "role", "storage", "state", "running",
			  "ip", "192.0.2.1", "agent_id", id, "ports", "rtmp", "1935", "job_count", jobs);

	assert_true(nodes_see(all, id, body, now_ms));
	json_decref(body);
}

/* Someone who asks again and again. */
struct reader {
	char epoch[65];
	int64_t version;
	json_t *rows; /* by id */
	size_t told;  /* rows of the latest answer */
};

static void ask(struct reader *r, const struct nodes *all)
{
	void *scope = mem_strdup(NULL, "");
	struct nodes_changes c;

	nodes_changed(scope, all, *r->epoch ? r->epoch : NULL, r->version, &c);
	if (strcmp(c.epoch, r->epoch) != 0)
		json_object_clear(r->rows);
	for (size_t i = 0; i < c.gone_count; i++) {
		assert_null(nodes_find(all, c.gone[i]));
		assert_int_equal(json_object_del(r->rows, c.gone[i]), 0);
	}
	for (size_t i = 0; i < c.count; i++)
		json_object_set_new(r->rows, c.list[i]->id, row_json(c.list[i]));
	snprintf(r->epoch, sizeof(r->epoch), "%s", c.epoch);
	r->version = c.version;
	r->told = c.count;
	mem_free(scope);
}

static void check_same(const struct reader *r, const struct nodes *all)
{
	assert_int_equal(json_object_size(r->rows), nodes_count(all));
	for (size_t i = 0; i < nodes_count(all); i++) {
		json_t *row = row_json(nodes_at(all, i));
		json_t *known = json_copy(json_object_get(r->rows, nodes_at(all, i)->id));

		json_object_del(row, "seen"); /* that it was heard again is no change */
		json_object_del(known, "seen");
		assert_true(json_equal(row, known));
		json_decref(row);
		json_decref(known);
	}
}

static void test_each_change_once(void **state)
{
	struct nodes *all = *state;
	struct reader r = {.rows = json_object()};

	ask(&r, all);
	assert_int_equal(r.told, 0);
	for (int i = 0; i < 5; i++)
		see(all, i, "0", 0);
	ask(&r, all);
	assert_int_equal(r.told, 5);
	see(all, 3, "0", 10); /* heard again, that is all */
	ask(&r, all);
	assert_int_equal(r.told, 0);
	see(all, 3, "1", 20);
	see(all, 3, "2", 30);
	nodes_answered(all, id_of(1), true, 30);
	ask(&r, all);
	assert_int_equal(r.told, 2);
	check_same(&r, all);
	nodes_tick(all, NODES_SUSPECT_MS + 5); /* of the others only 0, 2 and 4 are silent */
	ask(&r, all);
	assert_int_equal(r.told, 3);
	check_same(&r, all);
	json_decref(r.rows);
}

static void test_gone_and_back(void **state)
{
	struct nodes *all = *state;
	struct reader r = {.rows = json_object()}, late = {.rows = json_object()};

	see(all, 1, "0", 0);
	see(all, 2, "0", 0);
	ask(&r, all);
	ask(&late, all);
	nodes_tick(all, NODES_OFFLINE_MS); /* neither obeys: forgotten */
	ask(&r, all);
	assert_int_equal(json_object_size(r.rows), 0);
	see(all, 2, "7", NODES_OFFLINE_MS + 1);
	see(all, 3, "0", NODES_OFFLINE_MS + 1);
	nodes_tick(all, 3 * NODES_OFFLINE_MS);
	see(all, 2, "8", 3 * NODES_OFFLINE_MS); /* and 3 came and went unseen by both */
	ask(&r, all);
	ask(&late, all);
	check_same(&r, all);
	check_same(&late, all);
	json_decref(r.rows);
	json_decref(late.rows);
}

/* Strangers cannot make dsnd keep more than so many in mind. */
static void test_more_gone_than_kept(void **state)
{
	struct nodes *all = *state;
	struct reader r = {.rows = json_object()};
	char epoch[65];

	see(all, 0, "0", 0);
	ask(&r, all);
	snprintf(epoch, sizeof(epoch), "%s", r.epoch);
	for (int i = 0; i < 2; i++) {
		for (int k = 1; k <= CHANGES_GONE_MOST / 2; k++)
			see(all, k, "0", i * INT64_C(1000000));
		nodes_tick(all, i * INT64_C(1000000) + NODES_OFFLINE_MS);
	}
	see(all, 4, "4", INT64_C(2000000));
	ask(&r, all);
	assert_string_not_equal(r.epoch, epoch);
	check_same(&r, all);
	see(all, 5, "5", INT64_C(2000000));
	ask(&r, all);
	assert_int_equal(r.told, 1);
	check_same(&r, all);
	json_decref(r.rows);
}

static void test_unknown_values(void **state)
{
	struct nodes *all = *state;
	json_t *row, *expected;

	see(all, 1, "0", 0);
	row = row_json(nodes_at(all, 0));
	json_object_del(row, "seen");
	expected = json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:s,s:b,s:b,s:b,s:s,s:s,s:s,s:s,s:[],s:b,s:{s:i,s:i},s:i,s:i,"
		"s:[iiiiiiii],s:{s:[],s:i,s:i,s:i}}",
		"node_id", id_of(1), "name", "", "role", "storage", "state", "online", "ip", "192.0.2.1", "rtmp_port",
		1935, "http_port", 0, "jobs", 0, "mode", "managed", "maintenance", 0, "serves", 1, "obeys", 0,
		"agent_id", id_of(1), "owner", "", "version", "", "region", "", "labels", "gpu", 0, "capacity",
		"blocks_per_s", -1, "bps", -1, "load_pm", 0, "jobs_load_pm", 0, "realtime_pm", -1, -1, -1, -1, -1, -1,
		-1, -1, "policy", "customers", "ceiling_pm", 800, "most_jobs", -1, "price", -1);
	assert_non_null(expected);
	assert_true(json_equal(row, expected));
	json_decref(row);
	json_decref(expected);
}

/* 10,000 nodes, one in a hundred of which changes between two questions. */
static void test_costs_what_changed(void **state)
{
	struct nodes *all = *state;
	struct reader r = {.rows = json_object()};
	int64_t began_ms, took_ms;

	for (int i = 0; i < MANY; i++)
		see(all, i, "0", 0);
	ask(&r, all);
	assert_int_equal(r.told, MANY);
	began_ms = clock_mono_ms();
	for (int round = 1; round <= 10; round++) {
		for (int i = 0; i < MANY; i += 100)
			see(all, i, round % 2 ? "1" : "2", round);
		ask(&r, all);
		assert_int_equal(r.told, MANY / 100);
	}
	took_ms = clock_mono_ms() - began_ms;
	print_message("%d nodes, 10 times %d changes and a question: %d ms\n", MANY, MANY / 100, (int)took_ms);
	check_same(&r, all);
	json_decref(r.rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_change_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_gone_than_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_costs_what_changed, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
