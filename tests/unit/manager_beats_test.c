/* What heartbeats, versions, maintenance and the operator's marks make of nodes, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "manager/host.h"
#include "manager/registry/history.h"
#include "manager/registry/nodes.h"
#include "manager/registry/row.h"
#include "store/events.h"

#define NODE "1111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222"
#define AGENT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define STRANGER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct world {
	struct db *db;
	struct marks *marks;
	struct nodes *all;
	char folder[64];
	size_t moves;
};

static void on_moved(const struct nodes_node *n, void *arg)
{
	(void)n;
	((struct world *)arg)->moves++;
}

static const struct db_migration migrations[] = {{events_tables}, {marks_tables}, {history_tables}};
static const struct db_schema schema = {
	.application_id = DB_APPLICATION_ID('t'), .name = "a test's database", .migrations = migrations, .count = 3};

static void reopen(struct world *w)
{
	struct error *e;

	mem_free(w->db);
	mem_free(w->all);
	mem_free(w->marks);
	e = db_open(w, file_join(w, w->folder, "test.db"), &schema, &w->db);
	if (e)
		fail_msg("%s", e->message);
	w->marks = marks_new(w);
	assert_null(marks_load(w->marks, w->db));
	w->all = nodes_new(w, &(struct nodes_options){w->marks, "1.2.0", NULL}, on_moved, w);
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	snprintf(w->folder, sizeof(w->folder), "/tmp/dsn-beats-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	reopen(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char folder[64];

	snprintf(folder, sizeof(folder), "%s", w->folder);
	mem_free(w);
	assert_null(file_remove_tree(folder));
	return 0;
}

static void see_with(struct world *w, const char *id, const char *agent, const char *maintenance, int64_t now_ms)
{
	json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:{s:s},s:s}", "node_id", id, "role", "transcoder", "state",
				 "running", "maintenance", maintenance, "ip", "192.0.2.1", "agent_id", agent, "ports",
				 "rtmp", "1935", "job_count", "0");

	assert_true(nodes_see(w->all, id, body, now_ms));
	json_decref(body);
}

static void see(struct world *w, const char *id, const char *maintenance, int64_t now_ms)
{
	see_with(w, id, AGENT, maintenance, now_ms);
}

static void see_under(struct world *w, const char *id, const char *agent, int64_t now_ms)
{
	see_with(w, id, agent, "off", now_ms);
}

static struct api_beat_node both[] = {{NODE, true, false, 3}, {OTHER, true, true, 0}};

static struct api_beat said(void)
{
	static char version[] = "1.2.0";
	struct api_beat b = api_beat_unknown;

	snprintf(b.agent_id, sizeof(b.agent_id), "%s", AGENT);
	b.version = version;
	b.nodes = both;
	b.node_count = 1;
	b.load_pm = 400;
	return b;
}

static void beat(struct world *w, const char *from, const struct api_beat *b, int64_t now_ms)
{
	json_t *body = api_beat_write(b);

	assert_null(nodes_beat(w->all, from, body, now_ms));
	json_decref(body);
}

static struct error *mark(struct world *w, const char *id, enum nodes_state state, const char *why, const char *by)
{
	return marks_set(w->marks, w->db, &(struct marks_change){id, state, why, by, STRANGER});
}

static enum nodes_state state_of(const struct world *w, const char *id)
{
	return nodes_find(w->all, id)->state;
}

static size_t told(struct world *w, int64_t *version)
{
	struct nodes_changes c;

	nodes_changed(w, w->all, NULL, 0, &c);
	nodes_changed(w, w->all, c.epoch, *version, &c);
	*version = c.version;
	return c.count;
}

static void test_a_beat_is_a_sign_of_life(void **state)
{
	struct world *w = *state;
	struct api_beat b = said();
	int64_t version = 0;

	see(w, NODE, "off", 0);
	see(w, OTHER, "off", 0);
	assert_int_equal(state_of(w, NODE), NODES_TOO_OLD); /* its agent has not said its version */
	beat(w, AGENT, &b, 10);
	assert_int_equal(state_of(w, NODE), NODES_ONLINE);
	assert_int_equal(nodes_find(w->all, NODE)->said.job_count, 3);
	assert_int_equal(nodes_find(w->all, NODE)->agent->beat->load_pm, 400);
	assert_int_equal(state_of(w, OTHER), NODES_TOO_OLD); /* it is not in it */
	told(w, &version);
	beat(w, AGENT, &b, 20);
	assert_int_equal(told(w, &version), 0);
	b.load_pm = 410;
	beat(w, AGENT, &b, 30);
	assert_int_equal(told(w, &version), 1);
	b.nodes = both + 1; /* the second part of a long one */
	beat(w, AGENT, &b, 31);
	assert_int_equal(told(w, &version), 1);
	assert_int_equal(state_of(w, OTHER), NODES_DRAINING);
	nodes_tick(w->all, 30 + NODES_SUSPECT_MS);
	assert_int_equal(state_of(w, NODE), NODES_SUSPECT);
	b.nodes = both;
	beat(w, AGENT, &b, 40 + NODES_SUSPECT_MS);
	assert_int_equal(state_of(w, NODE), NODES_ONLINE);
}

/* An agent speaks of nodes that have named it, and for itself alone. */
static void test_what_is_not_its_own(void **state)
{
	struct world *w = *state;
	struct api_beat b = said();
	json_t *body = json_pack("{s:s}", "beat", "1");
	struct error *e = nodes_beat(w->all, AGENT, body, 0);

	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
	json_decref(body);
	see(w, NODE, "off", 0);
	beat(w, STRANGER, &b, 10); /* says that it is AGENT */
	snprintf(b.agent_id, sizeof(b.agent_id), "%s", STRANGER);
	beat(w, STRANGER, &b, 10);
	beat(w, AGENT, &b, 10);
	assert_int_equal(nodes_find(w->all, NODE)->seen_ms, 0);
	assert_int_equal(nodes_find(w->all, NODE)->said.job_count, 0);
	assert_int_equal(state_of(w, NODE), NODES_TOO_OLD);
	assert_int_equal(nodes_count(w->all), 1);
}

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static void row_says(const struct world *w, const char *id, const char *agent, const char *owner, int64_t bps)
{
	json_t *row = row_json(nodes_find(w->all, id));

	assert_string_equal(text_of(row, "agent_id"), agent);
	assert_string_equal(text_of(row, "owner"), owner);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "capacity"), "bps")), bps);
	json_decref(row);
}

/* A node that names another's agent gets nothing of it: it is that agent's when the agent has named it. */
static void test_what_an_agent_has_not_named(void **state)
{
	struct world *w = *state;
	struct api_beat b = said();
	char owner[ID_DIGITS + 1];
	int64_t version = 0;

	b.owner = (char[]){"B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0"};
	b.bps = 1000;
	see(w, NODE, "off", 0);
	see(w, OTHER, "off", 0);
	row_says(w, OTHER, AGENT, "", -1); /* an agent that is silent cannot say that it is not so */
	told(w, &version);
	beat(w, AGENT, &b, 1);
	assert_int_equal(told(w, &version), 2); /* it has become another's */
	row_says(w, NODE, AGENT, b.owner, 1000);
	row_says(w, OTHER, "", "", -1);
	assert_int_equal(state_of(w, OTHER), NODES_TOO_OLD);
	nodes_owner_of(nodes_find(w->all, NODE), owner);
	assert_string_equal(owner, "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0");
	nodes_owner_of(nodes_find(w->all, OTHER), owner);
	assert_string_equal(owner, "");
	b.load_pm++;
	beat(w, AGENT, &b, 2);
	assert_int_equal(told(w, &version), 1);
	b.nodes = both + 1;
	beat(w, AGENT, &b, 3);
	assert_int_equal(told(w, &version), 1);
	row_says(w, OTHER, AGENT, b.owner, 1000);
}

/* After a restart the agent of several nodes is heard before the last of them: they are of one machine from the start.
 */
static void test_named_before_it_is_seen(void **state)
{
	struct world *w = *state;
	struct api_beat b = said();

	b.bps = 1000;
	b.node_count = 2;
	see(w, NODE, "off", 0);
	beat(w, AGENT, &b, 1);
	see(w, OTHER, "off", 2);
	row_says(w, OTHER, AGENT, "", 1000);
}

/* Another agent has to name it anew. */
static void test_another_agent(void **state)
{
	struct world *w = *state;
	struct api_beat b = said();

	struct api_beat his = said();

	snprintf(his.agent_id, sizeof(his.agent_id), "%s", STRANGER);
	his.nodes = both + 1;
	his.bps = 2000;
	b.bps = 1000;
	see(w, NODE, "off", 0);
	see_under(w, OTHER, STRANGER, 0);
	beat(w, AGENT, &b, 1);
	beat(w, STRANGER, &his, 1);
	row_says(w, NODE, AGENT, "", 1000);
	row_says(w, OTHER, STRANGER, "", 2000);
	see_under(w, NODE, STRANGER, 2);
	row_says(w, NODE, "", "", -1);
	his.nodes = both;
	beat(w, STRANGER, &his, 3);
	row_says(w, NODE, STRANGER, "", 2000);
	see_under(w, NODE, AGENT, 4);
	row_says(w, NODE, AGENT, "", -1); /* nobody has kept what it said */
	beat(w, AGENT, &b, 5);
	row_says(w, NODE, AGENT, "", 1000);
}

static void test_too_old(void **state)
{
	static const struct {
		const char *version;
		enum nodes_state state;
	} rows[] = {
		{"1.1.99", NODES_TOO_OLD}, {"1.2.0", NODES_ONLINE}, {"0.65535.0", NODES_TOO_OLD},
		{"10.0.0", NODES_ONLINE},  {"", NODES_TOO_OLD},
	};
	struct world *w = *state;

	see(w, NODE, "off", 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct api_beat b = said();

		b.version = (char *)rows[i].version;
		beat(w, AGENT, &b, 1);
		assert_int_equal(state_of(w, NODE), rows[i].state);
	}
}

static void test_marks(void **state)
{
	struct world *w = *state;
	struct api_beat b = said();
	struct error *e;
	int64_t version = 0;

	see(w, NODE, "off", 0);
	beat(w, AGENT, &b, 0);
	told(w, &version);
	assert_null(mark(w, NODE, NODES_SET_ASIDE, "drops frames", AGENT));
	nodes_marked(w->all, NODE);
	assert_int_equal(state_of(w, NODE), NODES_SET_ASIDE);
	assert_int_equal(told(w, &version), 1);
	assert_null(mark(w, NODE, NODES_BARRED, "again", AGENT));
	nodes_marked(w->all, NODE);
	assert_int_equal(state_of(w, NODE), NODES_BARRED);
	nodes_tick(w->all, NODES_OFFLINE_MS);
	nodes_tick(w->all, NODES_OFFLINE_MS);
	assert_null(nodes_find(w->all, NODE)); /* it did not obey */

	/* It outlives both the node and dsnd. */
	reopen(w);
	see(w, NODE, "off", 0);
	beat(w, AGENT, &b, 0);
	assert_int_equal(state_of(w, NODE), NODES_BARRED);
	assert_string_equal(marks_find(w->marks, NODE)->why, "again");
	assert_null(db_exec(w->db, "update registry_mark set state='set_aside'", "")); /* as another dsnd would */
	assert_null(marks_load(w->marks, w->db));
	nodes_look_again(w->all);
	assert_int_equal(state_of(w, NODE), NODES_SET_ASIDE);
	assert_null(mark(w, NODE, NODES_ONLINE, "mended", AGENT));
	nodes_marked(w->all, NODE);
	assert_int_equal(state_of(w, NODE), NODES_ONLINE);
	e = mark(w, NODE, NODES_ONLINE, "mended", AGENT);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
	error_free(e);
}

static struct error *on_event(struct db *db, const struct event *event, void *arg)
{
	(void)db;
	snprintf(arg, 512, "%s", event->body);
	return NULL;
}

/* Who owns the node hears of it. */
static void test_a_mark_names_the_owner(void **state)
{
	struct world *w = *state;
	char body[512] = "";
	size_t count = 0;

	assert_null(mark(w, NODE, NODES_BARRED, "guess", AGENT));
	assert_null(events_read(w->db, 0, 10, on_event, body, &count));
	assert_int_equal(count, 1);
	assert_non_null(strstr(body, "\"owner\":\"" STRANGER "\""));
}

static void test_history(void **state)
{
	static const char *const states[] = {"admitted", "barred", "set_aside"};
	struct world *w = *state;
	json_t *list = NULL, *body = json_object();
	int64_t id = 0;

	assert_null(mark(w, NODE, NODES_SET_ASIDE, "one", ""));
	assert_null(mark(w, OTHER, NODES_BARRED, "another's", ""));
	assert_null(mark(w, NODE, NODES_BARRED, "two", ""));
	assert_null(events_append(w->db, "order.created", NODE, body, 0, &id));
	assert_null(mark(w, NODE, NODES_ONLINE, "three", AGENT));
	assert_null(history_read(w->db, NODE, HISTORY_MOST, &list));
	assert_int_equal(json_array_size(list), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(json_string_value(json_object_get(json_array_get(list, i), "state")), states[i]);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "by")), AGENT);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 2), "why")), "one");
	json_decref(list);
	json_decref(body);
	assert_null(history_read(w->db, NODE, 1, &list));
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
}

static void test_row(void **state)
{
	struct world *w = *state;
	struct api_beat b = said();
	json_t *row;

	see(w, NODE, "off", 0);
	b.owner = (char[]){STRANGER};
	b.region = (char[]){"eu"};
	b.labels = (char *[]){"ssd"};
	b.label_count = 1;
	b.gpu = true;
	b.blocks_per_s = 1400000;
	b.bps = 1000000000;
	b.jobs_load_pm = 390;
	b.realtime_pm[api_beat_rung(720)] = 655;
	b.policy = (struct api_beat_policy){(char *[]){AGENT}, 1, 750, 4, 12};
	beat(w, AGENT, &b, 0);
	row = row_json(nodes_find(w->all, NODE));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "capacity"), "blocks_per_s")),
			 1400000);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(row, "realtime_pm"), 4)), 655);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(row, "realtime_pm"), 3)), -1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "policy"), "most_jobs")), 4);
	assert_string_equal(json_string_value(json_array_get(json_object_get(row, "labels"), 0)), "ssd");
	assert_string_equal(json_string_value(json_object_get(row, "owner")), STRANGER);
	assert_string_equal(json_string_value(json_object_get(row, "version")), "1.2.0");
	json_decref(row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_beat_is_a_sign_of_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_not_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_an_agent_has_not_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_named_before_it_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_agent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_old, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_mark_names_the_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history, setup, teardown),
		cmocka_unit_test_setup_teardown(test_row, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
