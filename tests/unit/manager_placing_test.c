/* Choosing nodes for orders, of a fleet that the registry's method tells of: the choice, what is held, what is adopted
 * after a restart, and what becomes of it when an order ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "manager/host.h"
#include "manager/jobs/order.h"
#include "manager/jobs/placements.h"
#include "manager/jobs/placing.h"

#define ALICE "a11ce00000000000000000000000000000000000"
#define SAID_MOST 512

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

/* --- a registry, an order, and a database --- */

struct world {
	char folder[32];
	json_t *nodes;    /* what the registry answers */
	bool settled;     /* nothing of it changes any more */
	json_t *document; /* the order */
	struct api_pipeline *order;
	struct service_host host;
	struct placing *placing;
	char said[SAID_MOST]; /* by the last refusal */
	enum error_code code;
};

static void tell_nodes(struct method_call *c, void *arg)
{
	const struct world *w = arg;

	/* Without an epoch all is told anew. */
	if (w->settled && method_text(c, "epoch"))
		method_answer(c, json_pack("{s:s,s:i,s:[],s:[]}", "epoch", "e", "version", 1, "nodes", "gone"));
	else if (w->settled)
		method_answer(c,
			      json_pack("{s:s,s:i,s:O,s:[]}", "epoch", "e", "version", 1, "nodes", w->nodes, "gone"));
	else
		method_answer(c, json_pack("{s:O,s:[]}", "nodes", w->nodes, "gone"));
}

static const struct method registry[] = {
	{"nodes.changes",
	 tell_nodes,
	 CALLER_SERVICE,
	 "Tell the nodes",
	 "`nodes`",
	 {{"epoch", METHOD_TEXT, true, NULL, NULL, 1, 64, "Of what is known"},
	  {"since", METHOD_INTEGER, true, NULL, NULL, 0, INT64_MAX, "What is known"}},
	 {{0}}},
};

static void use_order(struct world *w, size_t renditions)
{
	json_t *list = json_object_get(json_object_get(w->document, "pipeline"), "transcoding");

	json_object_del(json_object_get(w->document, "pipeline"), "number_of_streams");
	while (json_array_size(list) > renditions)
		json_array_remove(list, 0);
	must(order_read(w, w->document, &w->order));
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-placing-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	must(db_open(w, file_join(w, w->folder, "dsnd.db"), &manager_database, &w->host.db));
	for (size_t i = 0; i < ORDER_MIGRATIONS; i++) {
		for (const char *const *sql = order_migrations[i].statements; *sql; sql++)
			must(db_exec(w->host.db, *sql, ""));
	}
	w->nodes = json_array();
	w->host.methods = methods_new(w);
	methods_add(w->host.methods, registry, 1, w);
	must(json_parse_file(TEST_SOURCE_DIR "/examples/order.json", 1 << 20, &w->document));
	use_order(w, 2);
	w->placing = placing_new(w, &w->host);
	must(placing_start(w->placing));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *folder = mem_strdup(NULL, w->folder);

	json_decref(w->nodes);
	json_decref(w->document);
	mem_free(w);
	must(file_remove_tree(folder));
	mem_free(folder);
	return 0;
}

/* Each at an address of its own, which its number tells. */
static json_t *add(struct world *w, unsigned n, const char *role, int jobs)
{
	char *id = mem_printf(w, "%040x", n), *ip = mem_printf(w, "10.%u.%u.1", n / 250, n % 250);
	json_t *row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:b,s:b,s:b}", "node_id", id, "agent_id", id, "role",
				role, "state", "online", "ip", ip, "rtmp_port", 1935, "http_port", 8080, "jobs", jobs,
				"obeys", 1, "serves", 1, "maintenance", 0);

	json_array_append_new(w->nodes, row);
	return row;
}

static void limit(json_t *row, int most_jobs)
{
	json_object_set_new(row, "policy", json_pack("{s:i}", "most_jobs", most_jobs));
}

static void on_fresh(const struct error *away, void *arg)
{
	(void)arg;
	assert_null(away);
}

static void keep_refusal(struct world *w, struct error *e)
{
	strncpy(w->said, e->message, sizeof(w->said) - 1);
	w->code = e->code;
	error_free(e);
}

/* The nodes of a plan (`job` NULL) or an order; NULL: it is refused, w->said says why. The caller's reference. */
static json_t *place(struct world *w, const char *job)
{
	const struct placing_wish wish = {job, ALICE, w->order};
	json_t *nodes = NULL, *record = NULL;
	struct error *e;

	placing_refresh(w->placing, on_fresh, NULL);
	e = placing_order(w->placing, &wish, &nodes, &record);
	json_decref(record);
	if (!e)
		return nodes;
	keep_refusal(w, e);
	return NULL;
}

static const char *member(const json_t *nodes, size_t i, const char *key)
{
	const char *text = json_string_value(json_object_get(json_array_get(nodes, i), key));

	return text ? text : "";
}

static unsigned number_at(const json_t *nodes, size_t i)
{
	return (unsigned)strtoul(member(nodes, i, "node_id"), NULL, 16);
}

static void refuses(struct world *w, const char *said)
{
	json_t *nodes = place(w, NULL);

	assert_null(nodes);
	if (!strstr(w->said, said))
		fail_msg("%s\nis not: %s", w->said, said);
	assert_int_equal(w->code, ERROR_UNAVAILABLE);
}

/* --- the choice --- */

static void test_choice(void **state)
{
	static const struct {
		const char *key, *json, *said;
	} outs[] = {
		{"state", "\"suspect\"", "1 were not heard of lately"},
		{"state", "\"offline\"", "1 are offline"},
		{"state", "\"draining\"", "1 are in maintenance"},
		{"state", "\"too_old\"", "1 are too old"},
		{"state", "\"barred\"", "1 are barred"},
		{"state", "\"set_aside\"", "1 are set aside"},
		{"state", "\"dancing\"", "1 are offline"},
		{"obeys", "false", "1 are without this dsnd as --manager"},
		{"serves", "false", "1 are not serving yet"},
		{"http_port", "0", "1 are without ports to reach them"},
		{"http_port", "1935", "1 are without ports to reach them"},
		{"policy",
		 "{\"customers\":[\""
		 "b0b0000000000000000000000000000000000000\"]}",
		 "1 do not serve this customer"},
		{"policy", "{\"most_jobs\":0}", "1 have no room"},
		{"capacity", "{\"bps\":1000}", "1 have no room"},
	};
	struct world *w = *state;
	json_t *nodes, *store;

	add(w, 1, "distributor", 0);
	add(w, 2, "transcoder", 9);
	add(w, 3, "transcoder", 0);
	add(w, 4, "transcoder", 1);
	store = add(w, 5, "storage", 0);
	nodes = place(w, NULL);
	assert_int_equal(json_array_size(nodes), 4);
	assert_int_equal(number_at(nodes, 0), 1);
	assert_int_equal(number_at(nodes, 1), 3);
	assert_int_equal(number_at(nodes, 2), 4);
	assert_string_equal(member(nodes, 3, "http_port"), "8080");
	assert_string_equal(member(nodes, 3, "ip"), "10.0.5.1");
	json_decref(nodes);
	for (size_t i = 0; i < sizeof(outs) / sizeof(outs[0]); i++) {
		json_t *before = json_incref(json_object_get(store, outs[i].key));

		json_object_set_new(store, outs[i].key, json_loads(outs[i].json, JSON_DECODE_ANY, NULL));
		refuses(w, outs[i].said);
		if (before)
			json_object_set_new(store, outs[i].key, before);
		else
			json_object_del(store, outs[i].key);
	}
	json_array_remove(w->nodes, 4);
	refuses(w, "storage: there is no node of this role");
}

static void move_to(json_t *node, const char *ip, int rtmp_port, int http_port)
{
	json_object_set_new(node, "ip", json_string(ip));
	json_object_set_new(node, "rtmp_port", json_integer(rtmp_port));
	json_object_set_new(node, "http_port", json_integer(http_port));
}

/* Two that say the same address of themselves are never in one order: its document would be refused. */
static void test_choice_of_addresses(void **state)
{
	static const struct {
		const char *ip;
		int rtmp_port, http_port;
	} taken[] = {{"A.example", 1935, 8080}, {"a.example", 8081, 1935}, {"a.example", 1936, 1936}};
	struct world *w = *state;
	json_t *nodes, *best, *whole;
	struct api_pipeline *p = NULL;

	move_to(add(w, 1, "distributor", 0), "a.example", 1935, 0);
	move_to(add(w, 2, "transcoder", 0), "b.example", 1935, 0);
	move_to(add(w, 3, "transcoder", 0), "a.example", 8081, 0);
	add(w, 4, "storage", 9);
	best = add(w, 6, "storage", 0);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		move_to(best, taken[i].ip, taken[i].rtmp_port, taken[i].http_port);
		nodes = place(w, NULL);
		assert_non_null(nodes);
		whole = order_complete(w->document, "job1", nodes);
		must(api_pipeline_read(w, whole, &p));
		json_decref(whole);
	}
	json_array_remove(w->nodes, 3);
	refuses(w, "1 are without ports to reach them");
	move_to(best, "A.EXAMPLE", 1935, 8080);
	refuses(w, "storage: of 1, 1 have an address that another node of this order has");
}

/* Rather one that makes two renditions than no stream at all. */
static void test_fewer_transcoders(void **state)
{
	struct world *w = *state;
	json_t *nodes, *renditions;

	add(w, 1, "distributor", 0);
	add(w, 2, "transcoder", 0);
	add(w, 3, "storage", 0);
	nodes = place(w, NULL);
	assert_non_null(nodes);
	assert_int_equal(json_array_size(nodes), 3);
	renditions = json_object_get(json_array_get(nodes, 1), "renditions");
	assert_int_equal(json_array_size(renditions), 2);
	assert_string_equal(json_string_value(json_array_get(renditions, 1)), w->order->renditions[1].name);
	json_decref(nodes);
	json_array_remove(w->nodes, 1);
	refuses(w, "transcoder: there is no node of this role");
}

/* Where nobody knows what they can carry, all get as much. */
static void test_evenly(void **state)
{
	struct world *w = *state;
	int got[19] = {0};

	for (unsigned i = 1; i <= 6; i++) {
		add(w, i, "distributor", 0);
		add(w, 6 + i, "transcoder", 0);
		add(w, 12 + i, "storage", 0);
	}
	use_order(w, 1);
	for (int i = 0; i < 30; i++) {
		json_t *nodes = place(w, mem_printf(w, "job%d", i));

		assert_int_equal(json_array_size(nodes), 3);
		for (size_t k = 0; k < 3; k++)
			got[number_at(nodes, k)]++;
		json_decref(nodes);
	}
	for (unsigned i = 1; i <= 18; i++)
		assert_int_equal(got[i], 5);
}

/* --- what a customer wishes --- */

static void wish(struct world *w, const char *key, const char *json)
{
	json_object_set_new(json_object_get(w->document, "pipeline"), key, json_loads(json, JSON_DECODE_ANY, NULL));
	must(order_read(w, w->document, &w->order));
}

static void test_constraints(void **state)
{
	static const struct {
		const char *constraints, *key, *json, *said;
	} rows[] = {
		{"{\"regions\":[\"eu\",\"us\"]}", "region", "\"us\"",
		 "distributor: of 1, 1 are in other regions; 1 would do with another region"},
		{"{\"labels\":[\"ssd\",\"quiet\"]}", "labels", "[\"quiet\",\"ssd\",\"big\"]",
		 "distributor: of 1, 1 lack a label"},
		{"{\"gpu\":\"on\"}", "gpu", "true", "transcoder: of 1, 1 have no GPU"},
		{"{\"price_limit\":\"500\"}", "policy", "{\"price\":500}",
		 "distributor: of 1, 1 are dearer than the limit of 500; 1 would do with a higher price limit, from 501 on"},
	};
	struct world *w = *state;

	add(w, 1, "distributor", 0);
	add(w, 2, "transcoder", 0);
	add(w, 3, "storage", 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *nodes;

		for (size_t k = 0; k < 3; k++)
			json_object_set_new(json_array_get(w->nodes, k), "policy", json_pack("{s:i}", "price", 501));
		wish(w, "constraints", rows[i].constraints);
		refuses(w, rows[i].said);
		for (size_t k = 0; k < 3; k++)
			json_object_set_new(json_array_get(w->nodes, k), rows[i].key,
					    json_loads(rows[i].json, JSON_DECODE_ANY, NULL));
		nodes = place(w, NULL);
		if (!nodes)
			fail_msg("%s: %s", rows[i].constraints, w->said);
		json_decref(nodes);
	}
}

static void test_one_for_the_ladder(void **state)
{
	struct world *w = *state;
	json_t *nodes;

	add(w, 1, "distributor", 0);
	add(w, 2, "transcoder", 0);
	add(w, 3, "transcoder", 0);
	add(w, 4, "storage", 0);
	wish(w, "transcoders", "\"1\"");
	nodes = place(w, NULL);
	assert_int_equal(json_array_size(nodes), 3);
	json_decref(nodes);
	/* More than there are renditions are none more. */
	wish(w, "transcoders", "\"9\"");
	nodes = place(w, NULL);
	assert_int_equal(json_array_size(nodes), 4);
	assert_null(json_object_get(json_array_get(nodes, 1), "renditions"));
	json_decref(nodes);
}

/* A standby is on another machine, or there is none; the document with it is one that can be sent. */
static void test_standby(void **state)
{
	struct world *w = *state;
	struct api_pipeline *p = NULL;
	json_t *nodes, *whole, *second;

	add(w, 1, "distributor", 0);
	add(w, 2, "transcoder", 0);
	add(w, 3, "storage", 0);
	wish(w, "redundancy", "{\"storage\":\"standby\"}");
	refuses(w, "standby of a storage: of 1, 1 have a part of this order already");
	second = add(w, 4, "storage", 0);
	json_object_set_new(second, "agent_id", json_string(member(w->nodes, 2, "agent_id")));
	refuses(w, "1 are on the machine they were to stand in for");
	json_object_set_new(second, "agent_id", json_string(member(w->nodes, 3, "node_id")));
	nodes = place(w, "job1");
	if (!nodes)
		fail_msg("%s", w->said);
	assert_int_equal(number_at(nodes, 2) + strtoul(member(nodes, 2, "failover_node_id"), NULL, 16), 7);
	assert_string_equal(member(nodes, 0, "failover_node_id"), "");
	whole = order_complete(w->document, "job1", nodes);
	must(api_pipeline_read(w, whole, &p));
	assert_string_equal(p->nodes[2].failover_ip, number_at(nodes, 2) == 3 ? "10.0.4.1" : "10.0.3.1");
	json_decref(whole);
}

/* --- what is held --- */

static void add_one_of_each(struct world *w)
{
	add(w, 1, "distributor", 0);
	add(w, 2, "transcoder", 0);
	add(w, 3, "storage", 0);
	use_order(w, 1);
}

static void test_the_last_slot(void **state)
{
	struct world *w = *state;
	json_t *nodes;

	add_one_of_each(w);
	limit(json_array_get(w->nodes, 1), 1);
	nodes = place(w, NULL); /* a plan takes nothing */
	assert_non_null(nodes);
	json_decref(nodes);
	nodes = place(w, "first");
	assert_non_null(nodes);
	json_decref(nodes);
	assert_null(place(w, "second"));
	assert_non_null(strstr(w->said, "transcoder: of 1, 1 have no room; 1 would do with less work, or more nodes"));
	placing_release(w->placing, "first");
	nodes = place(w, "second");
	assert_non_null(nodes);
	json_decref(nodes);
}

/* Each slot of all nodes is given, each once. */
static void test_a_thousand(void **state)
{
	static const char *const roles[] = {"distributor", "transcoder", "storage"};
	struct world *w = *state;
	int got[61] = {0};

	for (unsigned i = 0; i < 60; i++)
		limit(add(w, i + 1, roles[i % 3], 0), 50);
	use_order(w, 1);
	w->settled = true;
	for (int i = 0; i < 1000; i++) {
		json_t *nodes = place(w, mem_printf(w, "job%d", i));

		if (!nodes)
			fail_msg("order %d: %s", i, w->said);
		for (size_t k = 0; k < 3; k++)
			got[number_at(nodes, k)]++;
		json_decref(nodes);
	}
	for (unsigned i = 1; i <= 60; i++)
		assert_int_equal(got[i], 50);
	assert_null(place(w, "one more"));
	assert_non_null(
		strstr(w->said, "distributor: of 20, 20 have no room; 20 would do with less work, or more nodes"));
}

static int drop(struct order_row *row)
{
	json_decref(row->document);
	json_decref(row->tasks);
	return 0;
}

/* An order on disk, with its nodes. */
static struct order_row *order(struct world *w)
{
	struct order_row *row = mem_new(w, struct order_row);
	json_t *nodes;

	talloc_set_destructor(row, drop);
	must(order_rows_next(w->host.db, row));
	nodes = place(w, row->job);
	assert_non_null(nodes);
	row->owner = mem_strdup(row, ALICE);
	row->document = order_complete(w->document, row->job, nodes);
	row->tasks = json_object();
	row->state = ORDER_STARTING;
	must(order_rows_create(w->host.db, row, NULL));
	placing_keep(w->placing, row->job);
	return row;
}

static size_t holding(const struct world *w)
{
	size_t jobs = 0, nodes = 0;

	placing_count(w->placing, &jobs, &nodes);
	return jobs;
}

/* What an order has ends with it, whoever has ended it, and is its own again when it is started again. */
static void test_as_orders_end(void **state)
{
	struct world *w = *state;
	struct order_row *row;

	add_one_of_each(w);
	limit(json_array_get(w->nodes, 1), 1);
	row = order(w);
	must(order_rows_move(w->host.db, row, ORDER_RUNNING));
	refuses(w, "1 have no room");
	must(order_rows_move(w->host.db, row, ORDER_STOPPING));
	refuses(w, "1 have no room");
	must(order_rows_move(w->host.db, row, ORDER_STOPPED));
	json_decref(place(w, NULL));
	assert_int_equal(holding(w), 0);
	must(order_rows_move(w->host.db, row, ORDER_STARTING));
	refuses(w, "1 have no room");
	must(order_rows_move(w->host.db, row, ORDER_FAILING));
	must(order_rows_move(w->host.db, row, ORDER_FAILED));
	placing_tick(w->placing);
	assert_int_equal(holding(w), 0);
}

/* Its room may be another's by then; that its node is away is no reason: whoever tells it finds out. */
static void test_start_again(void **state)
{
	struct world *w = *state;
	struct order_row *row;
	struct error *e;

	add_one_of_each(w);
	limit(json_array_get(w->nodes, 1), 1);
	row = order(w);
	must(order_rows_move(w->host.db, row, ORDER_RUNNING));
	must(placing_again(w->placing, row->job, row->document)); /* it has it still */
	must(order_rows_move(w->host.db, row, ORDER_STOPPING));
	must(order_rows_move(w->host.db, row, ORDER_STOPPED));
	json_decref(place(w, "another"));
	/* Also where one of its other nodes is away. */
	for (size_t i = 0; i < 2; i++) {
		e = placing_again(w->placing, row->job, row->document);
		assert_non_null(e);
		assert_int_equal(e->code, ERROR_LIMIT);
		error_free(e);
		json_object_set_new(json_array_get(w->nodes, 0), "state", json_string("offline"));
		placing_refresh(w->placing, on_fresh, NULL);
	}
	json_object_set_new(json_array_get(w->nodes, 0), "state", json_string("online"));
	placing_release(w->placing, "another");
	json_object_set_new(json_array_get(w->nodes, 1), "state", json_string("suspect"));
	placing_refresh(w->placing, on_fresh, NULL);
	must(placing_again(w->placing, row->job, row->document));
	json_object_set_new(json_array_get(w->nodes, 1), "state", json_string("online"));
	refuses(w, "1 have no room");
}

/* What others have of a node that is not heard of yet is not known: its last room might be given twice. */
static void test_start_again_before_it_is_heard(void **state)
{
	struct world *w = *state;
	struct order_row *row;
	struct error *e;

	add_one_of_each(w);
	row = order(w);
	must(order_rows_move(w->host.db, row, ORDER_STOPPING));
	must(order_rows_move(w->host.db, row, ORDER_STOPPED));
	mem_free(w->placing);
	w->placing = placing_new(w, &w->host);
	must(placing_start(w->placing));
	for (size_t i = 0; i < 2; i++) {
		json_object_set_new(json_array_get(w->nodes, 1), "obeys", json_boolean(i));
		e = placing_again(w->placing, row->job, row->document);
		assert_non_null(e);
		assert_int_equal(e->code, ERROR_UNAVAILABLE);
		assert_non_null(strstr(e->message, "has not been heard of since this dsnd leads"));
		error_free(e);
		assert_int_equal(holding(w), 0);
		placing_refresh(w->placing, on_fresh, NULL);
	}
	must(placing_again(w->placing, row->job, row->document));
	assert_int_equal(holding(w), 1);
}

/* The next dsnd knows what runs, even before it has heard of the nodes. */
static void test_after_a_restart(void **state)
{
	struct world *w = *state;
	struct order_row *row;
	json_t *node;

	add_one_of_each(w);
	node = json_incref(json_array_get(w->nodes, 1));
	limit(node, 1);
	row = order(w);
	must(order_rows_move(w->host.db, row, ORDER_RUNNING));
	mem_free(w->placing);
	w->placing = placing_new(w, &w->host);
	json_array_remove(w->nodes, 1);
	must(placing_start(w->placing));
	refuses(w, "transcoder: there is no node of this role");
	json_array_append_new(w->nodes, node);
	refuses(w, "transcoder: of 1, 1 have no room");
	/* Gone, it keeps its job; back, it has it still. */
	json_array_remove(w->nodes, 2);
	refuses(w, "transcoder: of 1, 1 are offline");
	node = add(w, 2, "transcoder", 1);
	limit(node, 1);
	refuses(w, "transcoder: of 1, 1 have no room");
	must(order_rows_move(w->host.db, row, ORDER_STOPPING));
	must(order_rows_move(w->host.db, row, ORDER_STOPPED));
	json_decref(place(w, NULL));
	assert_int_equal(holding(w), 0);
}

/* Whom the next dsnd hears before he has said whether he obeys, also in maintenance, does not have his jobs on a
 * machine that is not his. */
static void test_after_a_restart_before_it_obeys(void **state)
{
	struct world *w = *state;
	struct place_contact contact;
	struct order_row *row;
	json_t *node;

	add_one_of_each(w);
	node = json_array_get(w->nodes, 1);
	json_object_set_new(node, "agent_id", json_string(member(w->nodes, 0, "node_id")));
	limit(node, 1);
	row = order(w);
	must(order_rows_move(w->host.db, row, ORDER_RUNNING));
	mem_free(w->placing);
	w->placing = placing_new(w, &w->host);
	must(placing_start(w->placing));
	for (int draining = 0; draining < 2; draining++) {
		json_object_set_new(node, "state", json_string(draining ? "draining" : "online"));
		json_object_set_new(node, "obeys", json_false());
		refuses(w, "transcoder: of 1, 1 are without this dsnd as --manager");
	}
	json_object_set_new(node, "state", json_string("online"));
	json_object_set_new(node, "obeys", json_true());
	refuses(w, "transcoder: of 1, 1 have no room");
	json_object_set_new(node, "ip", json_string("10.9.9.9"));
	refuses(w, "transcoder: of 1, 1 have no room");
	assert_true(placing_contact(w->placing, member(w->nodes, 1, "node_id"), &contact));
	assert_string_equal(contact.address, "10.9.9.9");
}

/* --- a lost one --- */

static json_t *replace(struct world *w, const struct order_row *row, const char *lost, const char *not_this)
{
	const struct place_excluded excluded = {not_this, "it has failed today"};
	const struct placing_loss loss = {.job = row->job,
					  .customer = ALICE,
					  .document = row->document,
					  .lost = lost,
					  .why = "it is gone",
					  .excluded = &excluded,
					  .excluded_count = not_this ? 1 : 0};
	json_t *node = NULL, *record = NULL;
	struct error *e;

	placing_refresh(w->placing, on_fresh, NULL);
	e = placing_replace(w->placing, &loss, &node, &record);
	json_decref(record);
	if (!e)
		return node;
	keep_refusal(w, e);
	return NULL;
}

static void test_replacement(void **state)
{
	struct world *w = *state;
	char *lost, *spare;
	struct order_row *row;
	json_t *node, *nodes;

	add_one_of_each(w);
	limit(json_array_get(w->nodes, 1), 1);
	row = order(w);
	lost = mem_printf(w, "%040x", 2);
	spare = mem_printf(w, "%040x", 7);
	assert_null(replace(w, row, lost, NULL));
	assert_int_equal(w->code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(w->said, "cannot be replaced: transcoder: of 1, 1 are excluded"));
	limit(add(w, 7, "transcoder", 0), 1);
	assert_null(replace(w, row, lost, spare));
	assert_non_null(strstr(w->said, "of 2, 2 are excluded"));
	assert_null(replace(w, row, mem_printf(w, "%040x", 9), NULL));
	assert_int_equal(w->code, ERROR_NOT_FOUND);
	node = replace(w, row, lost, NULL);
	assert_non_null(node);
	assert_string_equal(json_string_value(json_object_get(node, "node_id")), spare);
	assert_string_equal(json_string_value(json_object_get(node, "type")), "transcoder");
	assert_string_equal(json_string_value(json_object_get(node, "ip")), "10.0.7.1");
	json_decref(node);
	/* Its line has moved: the lost one is free for others, the new one is not. */
	nodes = place(w, NULL);
	assert_int_equal(number_at(nodes, 1), 2);
	json_decref(nodes);
}

/* The last ones are kept, the oldest first. */
static void test_what_is_written_down(void **state)
{
	struct world *w = *state;
	json_t *record = json_pack("{s:s}", "placed", "yes"), *list = NULL, *node;
	struct order_row *row;

	for (int i = 0; i < PLACEMENTS_MOST + 3; i++)
		must(placements_add(w->host.db, "job", i == 3 ? "order" : "replacement", record));
	must(placements_add(w->host.db, "other", "order", record));
	must(placements_list(w->host.db, "job", &list));
	assert_int_equal(json_array_size(list), PLACEMENTS_MOST);
	assert_string_equal(member(list, 0, "kind"), "order");
	assert_true(json_equal(json_object_get(json_array_get(list, 0), "record"), record));
	json_decref(list);
	json_decref(record);
	add_one_of_each(w);
	add(w, 7, "transcoder", 0);
	row = order(w);
	node = replace(w, row,
		       member(json_object_get(json_object_get(row->document, "pipeline"), "nodes"), 1, "node_id"),
		       NULL);
	assert_non_null(node);
	json_decref(node);
	must(placements_list(w->host.db, row->job, &list));
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(member(list, 0, "kind"), "replacement");
	json_decref(list);
}

static void test_why_a_node_gets_nothing(void **state)
{
	struct world *w = *state;
	const struct placing_wish wish = {NULL, NULL, w->order};
	struct placing_reasons why = {0};
	json_t *transcoder;
	struct error *e;

	add(w, 1, "distributor", 0);
	transcoder = add(w, 2, "transcoder", 0);
	add(w, 3, "storage", 0);
	json_decref(place(w, "job1"));
	must(placing_explain(w->placing, &wish, member(w->nodes, 1, "node_id"), &why));
	assert_true(!why.refusals && why.role == API_TRANSCODER && why.jobs == 1 && why.promised.blocks_per_s > 0);
	limit(transcoder, 1);
	json_object_set_new(transcoder, "state", json_string("draining"));
	placing_refresh(w->placing, on_fresh, NULL);
	must(placing_explain(w->placing, &wish, member(w->nodes, 1, "node_id"), &why));
	assert_int_equal(why.refusals, 1u << PLACE_WHY_DRAINING | 1u << PLACE_WHY_ROOM);
	e = placing_explain(w->placing, &wish, "9000000000000000000000000000000000000009", &why);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
	error_free(e);
}

/* A machine that takes the address of another node of the order is none for it, nor is one that has a part already. */
static void test_replacement_beside_others(void **state)
{
	struct world *w = *state;
	struct order_row *row;

	add_one_of_each(w);
	row = order(w);
	move_to(add(w, 7, "storage", 0), "10.0.1.1", 1935, 8080);
	assert_null(replace(w, row, mem_printf(w, "%040x", 3), NULL));
	assert_non_null(strstr(w->said, "1 have an address that another node of this order has"));
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(test_choice),
		IN_A_WORLD(test_choice_of_addresses),
		IN_A_WORLD(test_fewer_transcoders),
		IN_A_WORLD(test_evenly),
		IN_A_WORLD(test_constraints),
		IN_A_WORLD(test_one_for_the_ladder),
		IN_A_WORLD(test_standby),
		IN_A_WORLD(test_the_last_slot),
		IN_A_WORLD(test_a_thousand),
		IN_A_WORLD(test_as_orders_end),
		IN_A_WORLD(test_start_again),
		IN_A_WORLD(test_start_again_before_it_is_heard),
		IN_A_WORLD(test_after_a_restart),
		IN_A_WORLD(test_after_a_restart_before_it_obeys),
		IN_A_WORLD(test_replacement),
		IN_A_WORLD(test_replacement_beside_others),
		IN_A_WORLD(test_what_is_written_down),
		IN_A_WORLD(test_why_a_node_gets_nothing),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
