/* Another node for a place of a job that runs: whom it concerns, which keys stay, what is written; and what nodes'
 * statuses say of their neighbours. */
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
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "manager/host.h"
#include "manager/jobs/evidence.h"
#include "manager/jobs/order.h"
#include "manager/jobs/replace.h"
#include "store/events.h"

#define ID(digit) #digit "000000000000000000000000000000000000000"
#define DISTRIBUTOR ID(1)
#define SECOND_DISTRIBUTOR ID(2)
#define FIRST ID(3)
#define SECOND ID(4)
#define THIRD ID(5)
#define STORAGE ID(6)
#define SECOND_STORAGE ID(7)

struct world {
	char folder[32];
	struct db *db;
	struct order_row *row;
	char said[1024];
	char owner_told[64]; /* in the last event */
	size_t events;
};

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

/* An entry of a document's nodes, at an address of its own. */
static json_t *node(const char *id, const char *role)
{
	char ip[] = "192.0.2.0";
	json_t *o;

	ip[sizeof(ip) - 2] = *id;
	o = json_pack("{s:s,s:s,s:s,s:s}", "type", role, "node_id", id, "ip", ip, "port", "1935");
	if (strcmp(role, "storage") == 0)
		json_put(o, "http_port", "8080");
	return o;
}

static int drop(struct order_row *row)
{
	json_decref(row->document);
	json_decref(row->tasks);
	return 0;
}

/* The order of the example on nodes 1, 3, 4 and 6, running. */
static struct order_row *ordered(struct world *w)
{
	struct order_row *row = mem_new(w, struct order_row);
	struct api_pipeline *p = NULL;
	struct api_node_task *tasks = NULL;
	json_t *order = NULL,
	       *nodes = json_pack("[o,o,o,o]", node(DISTRIBUTOR, "distributor"), node(FIRST, "transcoder"),
				  node(SECOND, "transcoder"), node(STORAGE, "storage"));
	size_t count = 0;

	talloc_set_destructor(row, drop);
	must(json_parse_file(TEST_SOURCE_DIR "/examples/order.json", 1 << 20, &order));
	must(order_rows_next(w->db, row));
	row->document = order_complete(order, row->job, nodes);
	must(api_pipeline_read(row, row->document, &p));
	must(api_pipeline_tasks(row, p, API_KEYS_NEW, &tasks, &count));
	row->tasks = api_pipeline_private(p, tasks, count);
	row->owner = mem_strdup(row, "a11ce00000000000000000000000000000000000");
	row->state = ORDER_STARTING;
	must(order_rows_create(w->db, row, NULL));
	must(order_rows_move(w->db, row, ORDER_RUNNING));
	json_decref(order);
	return row;
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-moves-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	must(db_open(w, file_join(w, w->folder, "dsnd.db"), &manager_database, &w->db));
	for (size_t i = 0; i < ORDER_MIGRATIONS; i++) {
		for (const char *const *sql = order_migrations[i].statements; *sql; sql++)
			must(db_exec(w->db, *sql, ""));
	}
	w->row = ordered(w);
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

/* --- whom it concerns --- */

static void replace(struct world *w, const char *from, const char *to, const char *role, struct move_set *set)
{
	json_t *made = node(to, role);

	must(replace_node(w, w->row, from, made, "lost", "it does not answer", set));
	json_decref(made);
}

static int step_of(const struct move_set *set, const char *id)
{
	for (size_t i = 0; i < set->telling_count; i++) {
		if (strcmp(set->tellings[i].node_id, id) == 0)
			return set->tellings[i].step;
	}
	return 0;
}

static const struct api_task *task_of(struct world *w, const char *id)
{
	struct api_node_task *tasks = NULL;
	size_t count = 0;

	must(api_private_tasks(w, w->row->tasks, ".", &tasks, &count));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(tasks[i].node_id, id) == 0)
			return tasks[i].task;
	}
	return NULL;
}

static void test_transcoder(void **state)
{
	struct world *w = *state;
	const struct api_task *before = task_of(w, DISTRIBUTOR), *after, *made = task_of(w, FIRST), *new;
	struct move_set set = {NULL, 0, NULL, 0};
	size_t changed = 0;

	replace(w, FIRST, THIRD, "transcoder", &set);
	assert_int_equal(set.telling_count, 3);
	assert_int_equal(step_of(&set, THIRD), MOVE_NEW);
	assert_int_equal(step_of(&set, DISTRIBUTOR), MOVE_NEIGHBOUR);
	assert_int_equal(step_of(&set, FIRST), MOVE_OUT);
	after = task_of(w, DISTRIBUTOR);
	new = task_of(w, THIRD);
	assert_null(task_of(w, FIRST));
	assert_string_equal(after->key, before->key);
	assert_string_not_equal(new->key, made->key);
	assert_string_equal(new->renditions[0].target.stream, made->renditions[0].target.stream);
	assert_string_equal(new->renditions[0].target.key, made->renditions[0].target.key);
	assert_int_equal(after->output_count, before->output_count);
	for (size_t i = 0; i < after->output_count; i++)
		changed += strcmp(after->outputs[i].ip, before->outputs[i].ip) != 0;
	assert_int_equal(changed, 1);
}

/* Whoever takes the stream in, the customer publishes with the same key. */
static void test_distributor(void **state)
{
	struct world *w = *state;
	char *key = mem_strdup(w, task_of(w, DISTRIBUTOR)->key);
	struct move_set set = {NULL, 0, NULL, 0};

	w->row->ingest = w->row->watch = mem_strdup(w->row, "there");
	replace(w, DISTRIBUTOR, SECOND_DISTRIBUTOR, "distributor", &set);
	assert_null(w->row->ingest);
	assert_string_equal(w->row->watch, "there");
	assert_int_equal(set.telling_count, 2);
	assert_int_equal(step_of(&set, SECOND_DISTRIBUTOR), MOVE_NEW);
	assert_int_equal(step_of(&set, DISTRIBUTOR), MOVE_OUT);
	assert_string_equal(task_of(w, SECOND_DISTRIBUTOR)->key, key);
}

static void test_several(void **state)
{
	struct world *w = *state;
	struct move_set set = {NULL, 0, NULL, 0};
	json_t *none = node(ID(8), "transcoder");

	replace(w, STORAGE, SECOND_STORAGE, "storage", &set);
	replace(w, SECOND, THIRD, "transcoder", &set);
	assert_int_equal(set.count, 2);
	assert_int_equal(step_of(&set, SECOND_STORAGE), MOVE_NEW);
	assert_int_equal(step_of(&set, DISTRIBUTOR), MOVE_NEIGHBOUR);
	assert_int_equal(step_of(&set, FIRST), MOVE_NEIGHBOUR);
	assert_int_equal(step_of(&set, THIRD), MOVE_NEW);
	/* It was to be told of the storage; now it is out. */
	assert_int_equal(step_of(&set, SECOND), MOVE_OUT);
	refused(replace_node(w, w->row, SECOND, none, "lost", "gone", &set), ERROR_NOT_FOUND, "has no node");
	json_decref(none);
}

/* --- on disk --- */

static struct error *on_event(struct db *db, const struct event *event, void *arg)
{
	struct world *w = arg;
	json_t *body = json_loads(event->body, 0, NULL);
	const char *owner = json_string_value(json_object_get(body, "owner"));

	(void)db;
	snprintf(w->owner_told, sizeof(w->owner_told), "%s", owner ? owner : "");
	json_decref(body);
	w->events++;
	if (strcmp(event->type, "job.replaced") == 0)
		assert_non_null(strstr(event->body, "\"cause\":\"lost\""));
	snprintf(w->said, sizeof(w->said), "%s %s", event->type, event->subject);
	return NULL;
}

static void assert_last_event(struct world *w, size_t number, const char *type)
{
	size_t count = 0;

	w->events = 0;
	must(events_read(w->db, 0, 100, on_event, w, &count));
	assert_int_equal(w->events, number);
	assert_memory_equal(w->said, type, strlen(type));
}

static void test_rows(void **state)
{
	struct world *w = *state;
	struct move_set set = {NULL, 0, NULL, 0}, more = {NULL, 0, NULL, 0};
	struct move_telling *list = NULL;
	struct order_row *found = NULL, **unfinished = NULL;
	struct move_place *tried = NULL;
	size_t count = 0;

	must(order_rows_unfinished(w, w->db, &unfinished, &count));
	assert_int_equal(count, 0);
	replace(w, FIRST, THIRD, "transcoder", &set);
	must(move_rows_write(w->db, w->row, &set));
	assert_last_event(w, 3, "job.replaced");
	assert_string_equal(w->owner_told, w->row->owner);
	must(order_rows_unfinished(w, w->db, &unfinished, &count));
	assert_int_equal(count, 1);
	must(order_rows_find(w, w->db, w->row->job, NULL, &found));
	assert_true(json_equal(found->document, w->row->document) && json_equal(found->tasks, w->row->tasks));
	/* The new one is lost as well, before it was told. */
	replace(w, THIRD, FIRST, "transcoder", &more);
	must(move_rows_write(w->db, w->row, &more));
	must(move_rows_tellings(w, w->db, w->row->job, &list, &count));
	assert_int_equal(count, 3);
	assert_true(list[0].step == MOVE_NEW && strcmp(list[0].node_id, FIRST) == 0);
	assert_true(list[1].step == MOVE_NEIGHBOUR && list[2].step == MOVE_OUT);
	must(move_rows_tried(w, w->db, w->row->job, set.moves[0].place, 0, &tried, &count));
	assert_int_equal(count, 2);
	must(move_rows_told(w->db, w->row, list, 2));
	assert_last_event(w, 4, "job.replaced");
	must(move_rows_told(w->db, w->row, list + 2, 1));
	assert_last_event(w, 5, "job.moved");
	assert_string_equal(w->owner_told, w->row->owner);
	must(order_rows_unfinished(w, w->db, &unfinished, &count));
	assert_int_equal(count, 0);
	must(order_rows_move(w->db, w->row, ORDER_STOPPING));
	refused(move_rows_write(w->db, w->row, &more), ERROR_REFUSED, "is not running any more");
}

/* --- witnesses --- */

static void on_complaint(const char *against, const char *why, void *arg)
{
	struct world *w = arg;
	size_t length = strlen(w->said);

	snprintf(w->said + length, sizeof(w->said) - length, "%c: %s\n", *against, why);
}

static void says(struct world *w, struct evidence_node *n, const char *text, const char *expected)
{
	char *status = mem_printf(w, text, w->row->job, w->row->job);
	json_t *o = json_loads(status, 0, NULL);

	assert_non_null(o);
	w->said[0] = '\0';
	evidence_hear(n, o, on_complaint, w);
	assert_string_equal(w->said, expected);
	json_decref(o);
}

#define UNIT(state, restarts)                                                                                  \
	"{\"job_id\":\"%s\",\"units\":[{\"name\":\"%s-to-2\",\"state\":\"" state "\",\"restarts\":\"" restarts \
	"\",\"last_exit\":\"ended\"}]}"

static void test_witnesses(void **state)
{
	struct world *w = *state;
	struct evidence_node *nodes = NULL, *distributor, *storage;
	char *stream = mem_printf(w, "%s_540p", w->row->job);
	char *complaint = mem_printf(w, "3: %s-to-2 ended\n", w->row->job);
	size_t count = 0;

	must(evidence_nodes(w, w->row, &nodes, &count));
	assert_int_equal(count, 4);
	distributor = &nodes[0];
	storage = &nodes[3];
	assert_int_equal(distributor->role, API_DISTRIBUTOR);
	assert_int_equal(storage->role, API_STORAGE);
	assert_int_equal(distributor->output_count, 3);
	assert_int_equal(storage->input_count, 3);
	says(w, distributor, UNIT("running", "7"), "");
	says(w, distributor, UNIT("running", "8"), complaint);
	says(w, distributor, UNIT("running", "8"), "");
	says(w, distributor, UNIT("failing", "8"), complaint);
	says(w, distributor, "{\"job_id\":\"%s\",\"units\":[{\"name\":\"%s-relay\",\"state\":\"failing\"}]}", "");
	says(w, distributor, "{\"job_id\":\"%s\",\"units\":[7,{\"name\":5}],\"published\":{}}%.0s", "");

	says(w, storage, "{\"job_id\":\"%s\",\"published\":[]}%.0s", "");
	says(w, storage, "{\"job_id\":\"%s\",\"published\":[\"live/%s_540p\",4,\"live\"]}", "");
	says(w, storage, "{\"job_id\":\"%s\",\"published\":[\"live/%s_360p\"]}",
	     mem_printf(w, "3: stream %s does not arrive any more\n", stream));
	says(w, storage, "{\"job_id\":\"%s\",\"published\":[\"live/%s_360p\"]}", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_transcoder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_distributor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_witnesses, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
