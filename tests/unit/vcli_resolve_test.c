/* What a person types for an id, and what is kept of the nodes that were heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/known_nodes.h"
#include "vcli/money.h"
#include "vcli/node/resolve.h"
#include "vcli/render.h"
#include "vcli/suggest.h"

#define A "ab00000000000000000000000000000000000001"
#define B "ab00000000000000000000000000000000000002"
#define C "cd00000000000000000000000000000000000003"

static struct vcli *v;

static int set_up(void **state)
{
	char made[] = "/tmp/dsn-resolve-test-XXXXXX";

	(void)state;
	v = mem_new(NULL, struct vcli);
	v->set.client.state.folder = mem_strdup(v, mkdtemp(made));
	v->set.client.bus = (char *)"amqp://127.0.0.1/";
	v->set.client.network = (char *)"default";
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_null(file_remove_tree(v->set.client.state.folder));
	mem_free(v);
	return 0;
}

static const char *matched(const char *text)
{
	static const struct resolve_entry entries[] = {
		{A, "front", "distributor"}, {B, "store", "storage"}, {C, "twice", "storage"},
		{A, "front", "agent"},       {B, "twice", "agent"},
	};
	struct error *e = NULL;
	const struct resolve_entry *found = resolve_match(text, entries, sizeof(entries) / sizeof(entries[0]), &e);

	if (e) {
		assert_null(found);
		assert_non_null(strstr(e->message, B));
		error_free(e);
		return "several";
	}
	return found ? found->id : NULL;
}

static void test_match(void **state)
{
	(void)state;
	assert_string_equal(matched("front"), A);
	assert_string_equal(matched("store"), B);
	assert_string_equal(matched("c"), C);
	assert_string_equal(matched("CD00"), C);
	assert_string_equal(matched(A), A);
	assert_string_equal(matched("ab"), "several");
	assert_string_equal(matched("twice"), "several");
	assert_null(matched(""));
	assert_null(matched("fro"));
	assert_null(matched("ef"));
}

static void see(const char *id, const char *row_text)
{
	struct client_known *k = NULL;
	json_t *row = NULL;

	assert_null(json_parse(row_text, strlen(row_text), 4096, &row));
	assert_null(client_known_open(v, &v->set.client, &k));
	client_known_see(k, id, row);
	assert_null(client_known_save(k));
	json_decref(row);
}

static void test_what_was_heard_is_kept(void **state)
{
	struct client_known *k = NULL;
	char *id = NULL;

	(void)state;
	see(A, "{\"role\":\"storage\",\"name\":\"shelf\",\"agent_id\":\"" C
	       "\",\"agent_name\":\"cellar\",\"state\":\"running\","
	       "\"ports\":{\"rtmp\":\"1\"},\"jobs\":[1]}");
	see(A,
	    "{\"role\":\"storage\",\"name\":\"shelf\",\"state\":\"failing\",\"ports\":{\"rtmp\":\"2\"}}"); /* a line of
													      a list */
	see(B, "{\"state\":\"running\"}"); /* no node says so little */
	see("no id", "{\"role\":\"storage\",\"ports\":{}}");
	assert_null(client_known_open(v, &v->set.client, &k));
	assert_int_equal(k->count, 1);
	assert_string_equal(k->nodes[0]->name, "shelf");
	assert_string_equal(k->nodes[0]->agent_name, "cellar");
	assert_string_equal(json_string_value(json_object_get(k->nodes[0]->row, "state")), "failing");
	assert_null(json_object_get(k->nodes[0]->row, "jobs"));
	assert_false(k->nodes[0]->heard);
	assert_null(resolve_id(v, &v->set.client, "cellar", RESOLVE_AGENT, &id));
	assert_string_equal(id, C);
	assert_null(resolve_id(v, &v->set.client, "shelf", RESOLVE_NODE, &id));
	assert_string_equal(id, A);
	v->set.client.network = (char *)"other";
	assert_null(client_known_open(v, &v->set.client, &k));
	assert_int_equal(k->count, 0);
	v->set.client.network = (char *)"default";
	client_known_unlearn(&v->set.client, A);
	assert_null(client_known_open(v, &v->set.client, &k));
	assert_int_equal(k->count, 0);
}

static void test_a_name_is_nothing_but_a_name(void **state)
{
	struct client_known *k = NULL;

	(void)state;
	see(A, "{\"role\":\"storage\",\"name\":\"$(touch gone)\",\"agent_id\":\"`id`\",\"agent_name\":\"a "
	       "b\",\"ports\":{}}");
	assert_null(client_known_open(v, &v->set.client, &k));
	assert_int_equal(k->count, 1);
	assert_null(k->nodes[0]->name);
	assert_null(k->nodes[0]->agent_id);
	assert_null(k->nodes[0]->agent_name);
	assert_null(json_object_get(k->nodes[0]->row, "name"));
}

static void test_strangers_cannot_fill_the_disk(void **state)
{
	struct client_known *k = NULL;
	json_t *row = json_pack("{s:s,s:{s:s}}", "role", "storage", "ports", "rtmp", "1");

	(void)state;
	assert_null(client_known_open(v, &v->set.client, &k));
	for (int i = 0; i < CLIENT_KNOWN_NODES + 50; i++)
		client_known_see(k, mem_printf(v, "%040x", i), row);
	json_decref(row);
	assert_null(client_known_save(k));
	assert_null(client_known_open(v, &v->set.client, &k));
	assert_int_equal(k->count, CLIENT_KNOWN_NODES);
}

static void test_money_goes_to_no_name(void **state)
{
	char *address = NULL;
	struct error *e;

	(void)state;
	v->set.quiet = true;
	see(A, "{\"role\":\"storage\",\"name\":\"shelf\",\"ports\":{\"rtmp\":\"1\"}}");
	assert_null(resolve_address(v, "NODE_ID", "0xAB00", &address));
	assert_int_equal(strcasecmp(address + 2, A), 0);
	assert_null(resolve_address(v, "NODE_ID", C, &address));
	e = resolve_address(v, "NODE_ID", "shelf", &address);
	assert_non_null(e);
	error_free(e);
	e = resolve_address(v, "NODE_ID", "ef", &address);
	assert_non_null(strstr(e->message, "NODE_ID"));
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test_setup_teardown(test_what_was_heard_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_name_is_nothing_but_a_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strangers_cannot_fill_the_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_money_goes_to_no_name, set_up, tear_down),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
