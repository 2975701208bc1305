/* The registry's nodes: what a status may say, the states and their times, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manager/registry/nodes.h"

#define NODE "1111111111111111111111111111111111111111"
#define AGENT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct world {
	struct nodes *all;
	enum nodes_state moves[8];
	bool obeyed[8];
	size_t count;
};

static void on_moved(const struct nodes_node *n, void *arg)
{
	struct world *w = arg;

	assert_in_range(w->count, 0, 7);
	w->obeyed[w->count] = n->obeys;
	w->moves[w->count++] = n->state;
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	w->all = nodes_new(w, &(struct nodes_options){marks_new(w), "", NULL}, on_moved, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	mem_free(*state);
	return 0;
}

static json_t *status(const char *id)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:{s:s,s:s},s:s}", "node_id", id, "name", "store", "role",
			 "storage", "state", "running", "maintenance", "off", "mode", "managed", "ip", "192.0.2.1",
			 "agent_id", AGENT, "ports", "rtmp", "1935", "http", "8080", "job_count", "2");
}

static bool see(struct world *w, const char *id, int64_t now_ms)
{
	json_t *body = status(id);
	bool seen = nodes_see(w->all, id, body, now_ms);

	json_decref(body);
	return seen;
}

static void test_what_it_says(void **state)
{
	struct world *w = *state;
	const struct nodes_node *n;

	assert_true(see(w, NODE, 5));
	n = nodes_find(w->all, NODE);
	assert_non_null(n);
	assert_int_equal(n->said.role, API_STORAGE);
	assert_true(n->said.rtmp_port == 1935 && n->said.http_port == 8080 && n->said.job_count == 2 &&
		    n->seen_ms == 5);
	assert_true(n->said.serves && !n->said.classic && !n->said.maintenance && !n->obeys);
	assert_string_equal(n->said.ip, "192.0.2.1");
	assert_string_equal(n->said.agent_id, AGENT);
	assert_null(nodes_find(w->all, AGENT));
}

static void test_what_is_no_status(void **state)
{
	static const struct {
		const char *key, *value;
	} wrong[] = {
		{"node_id", AGENT},    {"role", "cook"},      {"role", NULL},  {"ip", "a b"},     {"ip", NULL},
		{"agent_id", "short"}, {"name", "two words"}, {"ports", NULL}, {"ports", "1935"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *body = status(NODE);

		if (wrong[i].value)
			json_object_set_new(body, wrong[i].key, json_string(wrong[i].value));
		else
			json_object_del(body, wrong[i].key);
		assert_false(nodes_see(w->all, NODE, body, 0));
		json_decref(body);
	}
	assert_false(nodes_see(w->all, "short", NULL, 0));
	assert_int_equal(nodes_count(w->all), 0);
}

/* The bus takes a sender's id in any spelling: one key is still one node. */
static void test_one_spelling(void **state)
{
	static const char loud[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct world *w = *state;

	assert_true(see(w, AGENT, 0));
	assert_false(see(w, loud, 0));
	assert_int_equal(nodes_count(w->all), 1);
}

static void test_states(void **state)
{
	struct world *w = *state;

	see(w, NODE, 0);
	assert_int_equal(w->count, 0); /* anybody can report one */
	nodes_answered(w->all, NODE, true, 0);
	nodes_tick(w->all, NODES_SUSPECT_MS - 1);
	assert_int_equal(nodes_find(w->all, NODE)->state, NODES_ONLINE);
	nodes_tick(w->all, NODES_SUSPECT_MS);
	assert_int_equal(nodes_find(w->all, NODE)->state, NODES_SUSPECT);
	see(w, NODE, NODES_SUSPECT_MS + 1);
	assert_int_equal(nodes_find(w->all, NODE)->state, NODES_ONLINE);
	nodes_tick(w->all, NODES_SUSPECT_MS + 1 + NODES_OFFLINE_MS);
	assert_int_equal(nodes_find(w->all, NODE)->state, NODES_OFFLINE);
	nodes_answered(w->all, NODE, false, 100000);
	assert_int_equal(w->count, 7);
	for (size_t i = 0; i < 6; i++) {
		static const enum nodes_state expected[] = {NODES_ONLINE,  NODES_SUSPECT, NODES_ONLINE,
							    NODES_SUSPECT, NODES_OFFLINE, NODES_ONLINE};

		assert_int_equal(w->moves[i], expected[i]);
	}
	nodes_answered(w->all, NODE, false, 100001); /* nothing new */
	assert_int_equal(w->count, 7);
	assert_false(w->obeyed[6]);
}

static void test_forgotten(void **state)
{
	struct world *w = *state;

	see(w, NODE, 0);
	see(w, AGENT, 0);
	nodes_answered(w->all, AGENT, true, 0);
	nodes_tick(w->all, NODES_OFFLINE_MS);
	assert_null(nodes_find(w->all, NODE));
	assert_non_null(nodes_find(w->all, AGENT));
	nodes_tick(w->all, NODES_FORGET_MS);
	assert_int_equal(nodes_count(w->all), 0);
}

static void test_asked_with_longer_pauses(void **state)
{
	const struct nodes_node *list[4];
	struct world *w = *state;
	int64_t now_ms = 0, last_ms = 0, pause_ms = 0;

	see(w, NODE, 0);
	for (int i = 0; i < 5; i++) {
		while (!nodes_to_ask(w->all, now_ms, list, 4))
			now_ms++;
		assert_true(i < 2 || now_ms - last_ms > pause_ms);
		pause_ms = now_ms - last_ms;
		last_ms = now_ms;
	}
	nodes_answered(w->all, NODE, true, now_ms);
	assert_int_equal(nodes_find(w->all, NODE)->asked, 0);
}

/* Those of low ids that never answer do not stand before the others: who is due for the longest time comes first. */
static void test_asked_in_turn(void **state)
{
	const struct nodes_node *list[4];
	struct world *w = *state;
	char id[ID_DIGITS + 1];
	size_t turns[17] = {0};

	for (int i = 0; i < 17; i++) {
		snprintf(id, sizeof(id), "%040x", i);
		see(w, id, 0);
	}
	for (int round = 0; round < 5; round++) {
		size_t count = nodes_to_ask(w->all, 5000 * (round + 1), list, 4);

		assert_int_equal(count, 4);
		for (size_t i = 0; i < count; i++)
			turns[strtoul(list[i]->id, NULL, 16)]++;
	}
	for (int i = 0; i < 17; i++)
		assert_in_range(turns[i], 1, 2);
}

static void test_bound(void **state)
{
	struct world *w = *state;
	char id[ID_DIGITS + 1];

	for (int i = 0; i < NODES_MOST; i++) {
		snprintf(id, sizeof(id), "%040x", i);
		assert_true(see(w, id, i));
		if (i == 0)
			nodes_answered(w->all, id, true, 0);
	}
	assert_true(see(w, NODE, NODES_MOST));
	assert_int_equal(nodes_count(w->all), NODES_MOST);
	snprintf(id, sizeof(id), "%040x", 0);
	assert_non_null(nodes_find(w->all, id)); /* obeys, though it is the longest silent */
	snprintf(id, sizeof(id), "%040x", 1);
	assert_null(nodes_find(w->all, id));
	for (size_t i = 1; i < nodes_count(w->all); i++)
		assert_true(strcmp(nodes_at(w->all, i - 1)->id, nodes_at(w->all, i)->id) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_it_says, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_spelling, setup, teardown),
		cmocka_unit_test_setup_teardown(test_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked_with_longer_pauses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked_in_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
