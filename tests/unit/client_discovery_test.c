/* Who is there and what he reports, over the memory bus: discovery into the known nodes, and the watch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/command.h"
#include "base/mem.h"
#include "client/discovery.h"
#include "client/watch.h"
#include "client/world.h"

#define AGENT "2222222222222222222222222222222222222222"
#define OTHER "4444444444444444444444444444444444444444"

struct seen {
	struct client_discovery *discovery;
	struct client_watch *watch;
	struct client_known *known;
	int ends, statuses, most; /* most: a watch's */
	enum error_code why;
	bool free_at_end;
};

static void on_ended(const struct error *e, void *arg)
{
	struct seen *s = arg;

	s->why = e ? e->code : 0;
	s->ends++;
	if (!s->free_at_end)
		return;
	mem_free(s->discovery);
	mem_free(s->watch);
}

static bool on_status(const struct message *m, void *arg)
{
	struct seen *s = arg;

	assert_int_equal(m->kind, MESSAGE_STATUS);
	return ++s->statuses < s->most;
}

static void know(struct world *w, struct seen *s, const char *id, const char *agent)
{
	json_t *row = json_pack("{s:s,s:s,s:{s:s}}", "role", "storage", "agent_id", agent, "ports", "rtmp", "1");

	if (!s->known)
		assert_null(client_known_open(w, &w->client, &s->known));
	client_known_see(s->known, id, row);
	json_decref(row);
}

static void discover(struct world *w, struct seen *s, int64_t listen_ms)
{
	const struct client_discovery_options options = {
		.link = world_link(w), .listen_ms = listen_ms, .patience_ms = 50, .ttl_ms = CLIENT_TTL_LEAST_MS};
	const struct client_discovery_events events = {.ended = on_ended, .arg = s};

	for (size_t i = 0; i < s->known->count; i++)
		s->known->nodes[i]->heard = false;
	assert_null(client_discovery_begin(w, &options, s->known, &events, &s->discovery));
}

static void watch(struct world *w, struct seen *s, int64_t timeout_ms, const struct client_request_list *ask)
{
	const struct client_watch_options options = {
		.link = world_link(w), .timeout_ms = timeout_ms, .patience_ms = 50, .ttl_ms = CLIENT_TTL_LEAST_MS};
	const struct client_watch_events events = {.status = on_status, .ended = on_ended, .arg = s};

	assert_null(client_watch_begin(w, &options, ask, &events, &s->watch));
}

static void report(struct world *w, const char *id)
{
	json_t *body = json_pack("{s:s,s:s,s:{s:s}}", "node_id", id, "role", "storage", "ports", "rtmp", "1");
	struct message *m = message_new(NULL, MESSAGE_STATUS, id, "", WORLD_FAR_MS, body);

	bus_send(w->bus, m, NULL, NULL);
	mem_free(m);
	json_decref(body);
}

/* The list of an agent makes its other nodes known, and those that are no more in it unknown. */
static void a_list_is_the_whole_of_an_agent(void **state)
{
	struct world *w = *state;
	struct seen s = {0};

	know(w, &s, WORLD_NODE, AGENT);
	know(w, &s, WORLD_NOBODY, AGENT);
	w->data = json_pack("{s:s,s:[{s:s,s:s,s:{s:s}},{s:s,s:s,s:{s:s}}]}", "agent_id", AGENT, "nodes", "node_id",
			    WORLD_NODE, "role", "storage", "ports", "rtmp", "1", "node_id", OTHER, "role", "transcoder",
			    "ports", "rtmp", "2");
	discover(w, &s, 0);
	world_until_count(w, &s.ends, 1);
	assert_int_equal(s.why, 0);
	assert_int_equal(s.known->count, 2);
	assert_true(client_known_find(s.known, WORLD_NODE)->heard);
	assert_true(client_known_find(s.known, OTHER)->answered);
	assert_null(client_known_find(s.known, WORLD_NOBODY));
	mem_free(s.discovery);
}

/* A node says that another is its agent's, and where it is; or that it is no more. */
static void what_others_say_of_a_node(void **state)
{
	static const char *const lies[] = {
		"{'agent_id':'" AGENT "','nodes':[{'node_id':'" OTHER "','role':'storage','ports':{'rtmp':'666'}}]}",
		"{'agent_id':'" AGENT "','nodes':[]}",
	};
	struct world *w = *state;

	world_node_serves(w, OTHER);
	for (size_t i = 0; i < 2; i++) {
		struct seen s = {0};
		char *lie = mem_strdup(w, lies[i]);

		for (char *p = lie; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		know(w, &s, OTHER, AGENT); /* asked first, and so it answers first */
		know(w, &s, WORLD_NODE, AGENT);
		json_decref(w->of_id);
		w->of_id = json_pack("{s:{s:s,s:[{s:s,s:s,s:{s:s}}]},s:o}", OTHER, "agent_id", AGENT, "nodes",
				     "node_id", OTHER, "role", "storage", "ports", "rtmp", "1935", WORLD_NODE,
				     json_loads(lie, 0, NULL));
		discover(w, &s, 0);
		world_until_count(w, &s.ends, 1);
		assert_non_null(client_known_find(s.known, OTHER));
		assert_string_equal(json_string_value(json_object_get(
					    json_object_get(client_known_find(s.known, OTHER)->row, "ports"), "rtmp")),
				    "1935");
		mem_free(s.discovery);
		mem_free(s.known);
	}
}

static void who_is_silent_is_not_heard(void **state)
{
	struct world *w = *state;
	struct seen s = {0};

	w->node = WORLD_IS_SILENT;
	know(w, &s, WORLD_NODE, AGENT);
	discover(w, &s, 0);
	world_until_count(w, &s.ends, 1);
	assert_int_equal(s.why, 0);
	assert_false(client_known_find(s.known, WORLD_NODE)->heard);
	mem_free(s.discovery);
}

/* Who obeys somebody else lives all the same. */
static void who_refuses_to_tell_is_heard(void **state)
{
	struct world *w = *state;
	struct seen s = {0};

	w->node = WORLD_REFUSES;
	know(w, &s, WORLD_NODE, AGENT);
	discover(w, &s, 0);
	world_until_count(w, &s.ends, 1);
	assert_true(client_known_find(s.known, WORLD_NODE)->heard);
	assert_false(client_known_find(s.known, WORLD_NODE)->answered);
	mem_free(s.discovery);
}

static void a_bus_away_leaves_what_is_known(void **state)
{
	struct world *w = *state;
	struct seen s = {.free_at_end = true};

	memory_hub_refuse(WORLD_HUB, true);
	know(w, &s, WORLD_NODE, AGENT);
	discover(w, &s, 0);
	world_until_count(w, &s.ends, 1);
	memory_hub_refuse(WORLD_HUB, false);
	world_run_ms(w, 50);
	assert_int_equal(s.ends, 1);
	assert_int_equal(s.why, ERROR_UNAVAILABLE);
	assert_int_equal(s.known->count, 1);
}

static bool knows_other(const struct seen *s)
{
	return client_known_find(s->known, OTHER) != NULL;
}

static void who_reports_is_found(void **state)
{
	struct world *w = *state;
	struct seen s = {0};

	know(w, &s, WORLD_NODE, AGENT);
	discover(w, &s, WORLD_FAR_MS);
	for (int i = 0; i < 200 && !knows_other(&s); i++) {
		report(w, OTHER);
		world_run_ms(w, 10);
	}
	assert_true(knows_other(&s));
	assert_int_equal(s.ends, 0);
	client_discovery_end(s.discovery);
	client_discovery_end(s.discovery);
	world_until_count(w, &s.ends, 1);
	world_run_ms(w, 20);
	assert_int_equal(s.ends, 1);
	mem_free(s.discovery);
}

static void known_nodes_outlive_the_process(void **state)
{
	struct world *w = *state;
	struct seen s = {0};

	know(w, &s, WORLD_NODE, AGENT);
	know(w, &s, OTHER, AGENT);
	assert_null(client_known_save(s.known));
	client_known_forget(s.known, OTHER);
	assert_null(client_known_save(s.known));
	mem_free(s.known);
	assert_null(client_known_open(w, &w->client, &s.known));
	assert_int_equal(s.known->count, 1);
	assert_string_equal(s.known->nodes[0]->agent_id, AGENT);
	mem_free(s.known);
	w->client.network = mem_strdup(w, "other");
	assert_null(client_known_open(w, &w->client, &s.known));
	assert_int_equal(s.known->count, 0);
}

static void a_watch_ends_when_enough_was_seen(void **state)
{
	struct world *w = *state;
	struct seen s = {.most = 2, .free_at_end = true};

	watch(w, &s, WORLD_FAR_MS, NULL);
	for (int i = 0; i < 200 && !s.ends; i++) {
		for (int k = 0; k < 5; k++)
			report(w, OTHER);
		world_run_ms(w, 10);
	}
	assert_int_equal(s.ends, 1);
	assert_int_equal(s.why, 0);
	assert_int_equal(s.statuses, 2);
}

static void a_watch_ends_with_its_time(void **state)
{
	struct world *w = *state;
	struct seen s = {.most = 2};

	watch(w, &s, 60, NULL);
	world_until_count(w, &s.ends, 1);
	assert_int_equal(s.why, 0);
	mem_free(s.watch);
}

static void what_is_refused_ends_a_watch(void **state)
{
	struct world *w = *state;
	struct client_request_list *ask = client_requests_new(w);
	struct seen s = {.most = 2};

	w->node = WORLD_REFUSES;
	client_requests_add(ask, WORLD_NODE, NULL, api_command_document(API_NODE_STATUS, WORLD_NODE, NULL, NULL));
	watch(w, &s, WORLD_FAR_MS, ask);
	mem_free(ask);
	world_until_count(w, &s.ends, 1);
	assert_int_equal(s.why, ERROR_REFUSED);
	mem_free(s.watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_list_is_the_whole_of_an_agent, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(what_others_say_of_a_node, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(who_is_silent_is_not_heard, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(who_refuses_to_tell_is_heard, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_bus_away_leaves_what_is_known, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(who_reports_is_found, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(known_nodes_outlive_the_process, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_watch_ends_when_enough_was_seen, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_watch_ends_with_its_time, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(what_is_refused_ends_a_watch, world_set_up, world_tear_down),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
