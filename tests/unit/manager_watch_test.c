/* When a node's part of a job is lost and when another one gets its place, by what is heard and by what time passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/pipeline.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "manager/host.h"
#include "manager/jobs/move_rows.h"
#include "manager/jobs/order.h"
#include "manager/jobs/watch_impl.h"

#define OWNER "a11ce00000000000000000000000000000000000"
#define NODES 8 /* a distributor, transcoders, a storage */

struct world {
	char folder[32];
	uv_loop_t loop;
	struct service_host host;
	struct placing *placing;
	struct runs *runs;
	struct watch_jobs *watch;
	struct order_row *row;
	unsigned draining; /* bit n: node n is in maintenance */
};

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

/* --- a registry, and an order that runs --- */

static json_t *registered(const struct world *w, unsigned n)
{
	const char *role = n == 1 ? "distributor" : n == NODES ? "storage" : "transcoder";
	char *id = mem_printf(NULL, "%040x", n), *ip = mem_printf(NULL, "10.0.%u.1", n);
	json_t *row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:b,s:b,s:b}", "node_id", id, "agent_id", id, "role",
				role, "state", w->draining & 1u << n ? "draining" : "online", "ip", ip, "rtmp_port",
				1935, "http_port", 8080, "jobs", 0, "obeys", 1, "serves", 1, "maintenance", 0);

	mem_free(id);
	mem_free(ip);
	return row;
}

static void tell_nodes(struct method_call *c, void *arg)
{
	json_t *nodes = json_array();

	for (unsigned n = 1; n <= NODES; n++)
		json_array_append_new(nodes, registered(arg, n));
	method_answer(c, json_pack("{s:o,s:[]}", "nodes", nodes, "gone"));
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

static void on_fresh(const struct error *away, void *arg)
{
	(void)arg;
	assert_null(away);
}

static int drop(struct order_row *row)
{
	json_decref(row->document);
	json_decref(row->tasks);
	return 0;
}

static void run_order(struct world *w)
{
	struct order_row *row = mem_new(w, struct order_row);
	struct placing_wish wish = {.customer = OWNER};
	struct api_node_task *tasks = NULL;
	struct api_pipeline *order = NULL, *p = NULL;
	json_t *document = NULL, *nodes = NULL, *record = NULL;
	size_t count = 0;

	talloc_set_destructor(row, drop);
	must(json_parse_file(TEST_SOURCE_DIR "/examples/order.json", 1 << 20, &document));
	must(order_read(w, document, &order));
	must(order_rows_next(w->host.db, row));
	wish.job = row->job;
	wish.order = order;
	placing_refresh(w->placing, on_fresh, NULL);
	must(placing_order(w->placing, &wish, &nodes, &record));
	json_decref(record);
	row->document = order_complete(document, row->job, nodes);
	must(api_pipeline_read(row, row->document, &p));
	must(api_pipeline_tasks(row, p, API_KEYS_NEW, &tasks, &count));
	row->tasks = api_pipeline_private(p, tasks, count);
	row->owner = mem_strdup(row, OWNER);
	row->state = ORDER_STARTING;
	must(order_rows_create(w->host.db, row, NULL));
	placing_keep(w->placing, row->job);
	must(order_rows_move(w->host.db, row, ORDER_RUNNING));
	json_decref(document);
	w->row = row;
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-watch-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	must(db_open(w, file_join(w, w->folder, "dsnd.db"), &manager_database, &w->host.db));
	for (size_t i = 0; i < ORDER_MIGRATIONS; i++) {
		for (const char *const *sql = order_migrations[i].statements; *sql; sql++)
			must(db_exec(w->host.db, *sql, ""));
	}
	w->host.loop = &w->loop;
	w->host.methods = methods_new(w);
	methods_add(w->host.methods, registry, 1, w);
	w->placing = placing_new(w, &w->host);
	must(placing_start(w->placing));
	run_order(w);
	w->runs = runs_new(w, &w->host);
	w->watch = watch_new(w, &w->host, w->runs);
	must(watch_start(w->watch, w->placing));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *folder = mem_strdup(NULL, w->folder);

	mem_free(w->watch);
	uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	mem_free(w);
	must(file_remove_tree(folder));
	mem_free(folder);
	return 0;
}

/* --- what happens --- */

static void back(int64_t *ms, int64_t by_ms)
{
	if (*ms)
		*ms -= by_ms;
}

/* Time passes: all that was, was earlier. The clock is the machine's. */
static void pass(struct world *w, int64_t ms)
{
	back(&w->watch->began_ms, ms);
	back(&w->watch->tick_ms, ms);
	back(&w->watch->heard_ms, ms);
	for (size_t i = 0; i < w->watch->job_count; i++)
		back(&w->watch->jobs[i]->try_ms, ms);
	for (size_t i = 0; i < w->watch->part_count; i++) {
		back(&w->watch->by_node[i]->heard_ms, ms);
		back(&w->watch->by_node[i]->complained_ms, ms);
	}
}

/* One that is in the job now, in a transcoder's place. */
static struct watch_part *transcoder(const struct world *w)
{
	struct watch_job *j = watch_find(w->watch, w->row->job);

	assert_non_null(j);
	for (size_t i = 0; i < j->part_count; i++) {
		if (j->parts[i].witness.place == 1)
			return &j->parts[i];
	}
	fail_msg("no node has place 1");
	return NULL;
}

static void hear(struct world *w, const char *node_id)
{
	json_t *body = json_object();
	struct message *m = message_new(w, MESSAGE_STATUS, node_id, "", 60000, body);

	watch_heard(w->watch, m);
	json_decref(body);
	mem_free(m);
}

/* A node of no job, so that the bus is known to be there. */
static void hear_another(struct world *w)
{
	char *id = mem_printf(w, "%040x", 77u);

	hear(w, id);
	mem_free(id);
}

static size_t lost(const struct world *w)
{
	size_t counts[PART_STATES];

	watch_count(w->watch, counts);
	return counts[PART_LOST];
}

static size_t suspect(const struct world *w)
{
	size_t counts[PART_STATES];

	watch_count(w->watch, counts);
	return counts[PART_SUSPECT];
}

/* Time passes in steps in which each part but `silent` is heard. Whoever is suspect is not asked: there is no bus. */
static void live(struct world *w, const char *silent, int64_t ms)
{
	for (int64_t i = 0; i < ms; i += 1000) {
		pass(w, 1000);
		hear_another(w);
		for (size_t k = 0; k < w->watch->part_count; k++) {
			struct watch_part *p = w->watch->by_node[k];

			p->asked_ms = clock_mono_ms();
			if (!silent || strcmp(p->witness.node_id, silent) != 0)
				watch_alive(w->watch, p->witness.node_id, clock_mono_ms());
		}
		watch_tick(w->watch);
	}
}

static void test_silence(void **state)
{
	struct world *w = *state;
	char *id = mem_strdup(w, transcoder(w)->witness.node_id);

	live(w, id, 14000);
	assert_int_equal(suspect(w), 0);
	live(w, id, 2000);
	assert_int_equal(suspect(w), 1);
	live(w, id, 40000);
	assert_int_equal(lost(w), 0);
	assert_string_equal(transcoder(w)->witness.node_id, id);
	live(w, id, 6000);
	assert_string_not_equal(transcoder(w)->witness.node_id, id);
}

/* dsnd was held up: the nodes were not. */
static void test_pause(void **state)
{
	struct world *w = *state;
	char *id = mem_strdup(w, transcoder(w)->witness.node_id);

	live(w, NULL, 2000);
	pass(w, WATCH_OFFLINE_MS + 1000);
	hear_another(w);
	watch_tick(w->watch);
	assert_int_equal(suspect(w) + lost(w), 0);
	assert_string_equal(transcoder(w)->witness.node_id, id);
	/* Who is silent from then on is lost as ever. */
	live(w, id, WATCH_OFFLINE_MS + 2000);
	assert_string_not_equal(transcoder(w)->witness.node_id, id);
}

/* Nobody is heard: that is the bus. The first one that is heard again does not make the others lost. */
static void test_outage(void **state)
{
	struct world *w = *state;
	char *id = mem_strdup(w, transcoder(w)->witness.node_id);

	for (int64_t i = 0; i < WATCH_OFFLINE_MS + 10000; i += 1000) {
		for (size_t k = 0; k < w->watch->part_count; k++)
			w->watch->by_node[k]->asked_ms = clock_mono_ms();
		pass(w, 1000);
		watch_tick(w->watch);
		assert_int_equal(lost(w), 0);
	}
	hear_another(w);
	watch_tick(w->watch);
	assert_int_equal(lost(w), 0);
	assert_string_equal(transcoder(w)->witness.node_id, id);
}

static void refuse(struct world *w)
{
	struct watch_part *p = transcoder(w);
	char *why = mem_printf(w, "node %s refuses: error_decoder is not there", p->witness.node_id);

	watch_lose(p, "start", why);
	assert_int_equal(p->state, PART_LOST);
	mem_free(why);
}

static enum order_state state_on_disk(struct world *w)
{
	struct order_row *row = NULL;
	enum order_state found;

	must(order_rows_find(w, w->host.db, w->row->job, NULL, &row));
	found = row->state;
	mem_free(row);
	return found;
}

/* The same fault on three nodes is the order's own, though each names itself in it; and between them is a pause. */
static void test_poison(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < WATCH_TRIES - 1; i++) {
		char *id = mem_strdup(w, transcoder(w)->witness.node_id);

		refuse(w);
		watch_tick(w->watch);
		assert_string_equal(transcoder(w)->witness.node_id, id);
		pass(w, (WATCH_TRY_LEAST_MS << i) * 2 / 10);
		watch_tick(w->watch);
		assert_string_equal(transcoder(w)->witness.node_id, id);
		pass(w, (WATCH_TRY_LEAST_MS << i) * 11 / 10);
		watch_tick(w->watch);
		assert_string_not_equal(transcoder(w)->witness.node_id, id);
		assert_int_equal(state_on_disk(w), ORDER_RUNNING);
	}
	refuse(w);
	pass(w, WATCH_TRY_LEAST_MS * 4 * 13 / 10);
	hear_another(w);
	watch_tick(w->watch);
	assert_int_equal(state_on_disk(w), ORDER_FAILING);
	assert_null(watch_find(w->watch, w->row->job));
}

/* It did not start, and does at the next run: nothing is moved. */
static void test_late_start(void **state)
{
	struct world *w = *state;
	char *id = mem_strdup(w, transcoder(w)->witness.node_id);
	json_t *nodes = json_array();

	refuse(w);
	hear(w, id);
	assert_int_equal(watch_state(w->watch, w->row->job, id), PART_LOST);
	watch_ran(w->row, nodes, NULL, w->watch);
	assert_int_equal(watch_state(w->watch, w->row->job, id), PART_SERVING);
	pass(w, WATCH_TRY_LEAST_MS * 2);
	watch_tick(w->watch);
	assert_string_equal(transcoder(w)->witness.node_id, id);
	json_decref(nodes);
}

/* --- maintenance --- */

static unsigned number_of(const struct watch_part *p)
{
	return (unsigned)strtoul(p->witness.node_id + 32, NULL, 16);
}

static void drain(struct world *w, unsigned nodes)
{
	w->draining = nodes;
	placing_refresh(w->placing, on_fresh, NULL);
	watch_drain(w->watch);
	watch_tick(w->watch);
}

static size_t tellings(struct world *w, enum move_step step, const char *node_id)
{
	struct move_telling *list = NULL;
	size_t count = 0, found = 0;

	must(move_rows_tellings(w, w->host.db, w->row->job, &list, &count));
	for (size_t i = 0; i < count; i++)
		found += list[i].step == step && (!node_id || strcmp(list[i].node_id, node_id) == 0);
	return found;
}

/* The place goes to another one, which is told first; the old one is told last that it is out. */
static void test_drain(void **state)
{
	struct world *w = *state;
	char *id = mem_strdup(w, transcoder(w)->witness.node_id);
	struct move_place *tried = NULL;
	bool served = false;
	size_t count = 0;

	live(w, NULL, 2000);
	drain(w, 1u << number_of(transcoder(w)));
	assert_string_not_equal(transcoder(w)->witness.node_id, id);
	assert_int_equal(tellings(w, MOVE_NEW, transcoder(w)->witness.node_id), 1);
	assert_int_equal(tellings(w, MOVE_OUT, id), 1);
	must(move_rows_drained(w->host.db, w->row->job, 1, &served));
	assert_true(served);
	must(move_rows_tried(w, w->host.db, w->row->job, 1, 0, &tried, &count));
	assert_int_equal(count, 0);
}

/* The one that was drained serves as long as the others do not: the order goes on however many of them fail. */
static void test_drain_to_bad_nodes(void **state)
{
	struct world *w = *state;

	drain(w, 1u << number_of(transcoder(w)));
	for (int i = 0; i <= WATCH_TRIES; i++) {
		if (transcoder(w)->state != PART_LOST)
			refuse(w);
		pass(w, WATCH_TRY_MOST_MS * 2);
		hear_another(w);
		watch_tick(w->watch);
		assert_int_equal(state_on_disk(w), ORDER_RUNNING);
	}
}

static char *why_on_disk(struct world *w)
{
	struct order_row *row = NULL;

	must(order_rows_find(w, w->host.db, w->row->job, NULL, &row));
	return row->why;
}

/* Nobody else is there: it keeps its place, the order says why, until maintenance is over or another one comes. */
static void test_drain_without_another(void **state)
{
	struct world *w = *state;
	char *id = mem_strdup(w, transcoder(w)->witness.node_id);

	live(w, NULL, 2000);
	drain(w, ~0u);
	assert_string_equal(transcoder(w)->witness.node_id, id);
	assert_int_equal(transcoder(w)->state, PART_DRAINING);
	assert_non_null(strstr(why_on_disk(w), "its owner has set it to maintenance"));
	drain(w, 0);
	assert_int_equal(transcoder(w)->state, PART_SERVING);
	assert_null(why_on_disk(w));
	drain(w, ~0u);
	live(w, NULL, 3000);
	drain(w, 1u << number_of(transcoder(w)));
	pass(w, WATCH_TRY_MOST_MS);
	hear_another(w);
	watch_tick(w->watch);
	assert_string_not_equal(transcoder(w)->witness.node_id, id);
	assert_null(why_on_disk(w));
}

/* One that is to be emptied and falls silent is lost like any other. */
static void test_drain_and_silence(void **state)
{
	struct world *w = *state;
	char *id = mem_strdup(w, transcoder(w)->witness.node_id);

	live(w, NULL, 2000);
	drain(w, ~0u);
	live(w, id, WATCH_SILENT_MS + 2000);
	assert_int_equal(transcoder(w)->state, PART_SUSPECT);
	live(w, id, WATCH_OFFLINE_MS);
	assert_int_equal(transcoder(w)->state, PART_LOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_poison, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain_to_bad_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain_without_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain_and_silence, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
