/* The whole agent, when the disk, memory or the process ends somewhere while it obeys a command: afterwards, by itself
 * or by the next agent, the command is carried out once and whole. What stands around it is that of its fuzz target
 * (tests/fuzz/agent/world.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/look.h"
#include "agent/people.h"
#include "agent/world.h"
#include "api/command.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/hello.h"
#include "fault/fault.h"
#include "node/job/job.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define JOB "film"
/* When a command comes after the agent's start, so that what it notes of the time is the same each time. */
#define FIRST_MS 100
#define STEP_MS 500
#define FAULT_MS 3000 /* how long it lasts, when it lasts */
#define END_MS 200000 /* all is done by then */
#define SETTLE_MS 10000

static char home[] = "/tmp/dsn-people-XXXXXX"; /* the agent's keys */
static char *owners[2];

/* --- the agent --- */

struct held {
	uv_loop_t loop;
	struct agent *agent;
};

static int let_go(struct held *h)
{
	mem_free(h->agent);
	loop_drain(&h->loop);
	must(uv_loop_close(&h->loop) == 0);
	return 0;
}

static void on_end(int code, void *arg)
{
	(void)code;
	(void)arg;
}

static void on_sent(const struct bus_item *item)
{
	(void)item;
}

static struct error *bring_keys(const struct fault_world *w)
{
	static const char *const names[] = {"agent.key", "keys/a", "keys/b"};

	if (file_exists(file_join(w->ctx, w->folder, names[0])))
		return NULL;
	TRY(file_mkdirs(file_join(w->ctx, w->folder, "keys"), 0700));
	for (size_t i = 0; i < COUNT(names); i++) {
		char *text = NULL;
		size_t n = 0;

		TRY(file_read(w->ctx, file_join(w->ctx, home, names[i]), 4096, &text, &n));
		TRY(file_write_atomic(file_join(w->ctx, w->folder, names[i]), text, n, 0600));
	}
	return NULL;
}

static struct error *open_again(struct fault_world *w)
{
	struct held *h = mem_new(w->ctx, struct held);
	const struct agent_settings settings = {
		.bus = (char *)"memory:fault",
		.network = (char *)"fault",
		.port_range = (char *)"12000-12999", /* none of the end-to-end tests (tests/CMakeLists.txt) */
		.public_ip = (char *)"127.0.0.1",
		.mode = (char *)"managed",
		.runtime = (char *)"process",
		.run_as = (char *)"nobody",
		.nginx = (char *)"nginx",
		.rtmp_module = (char *)"/nonexistent/module.so",
		.ffmpeg = (char *)"/nonexistent/ffmpeg",
		.ffprobe = (char *)"/nonexistent/ffprobe",
		.segmenter = (char *)"dsn-hls",
		.relay = (char *)"dsn-relay",
		.docker_socket = (char *)"/nonexistent/docker.sock",
		.image = (char *)"none",
		.preset = (char *)"veryfast",
		.stall_after_ms = 8000,
		.end_after_ms = 8000,
		.status_every_ms = 60000,
		.apply_timeout_ms = 20000,
		.claim_timeout_ms = 30000,
		.state_dir = (char *)w->folder,
		.owners = owners,
	};

	must(uv_loop_init(&h->loop) == 0);
	talloc_set_destructor(h, let_go);
	time_reset();
	far_reset();
	far_end.on_sent = on_sent;
	nginx = (struct nginx){.stat = "<rtmp></rtmp>", .stat_len = 13};
	w->handle = h;
	return agent_open(h, &h->loop, &settings, on_end, NULL, &h->agent);
}

/* On a machine where nothing runs yet. */
static struct error *open_agent(struct fault_world *w)
{
	TRY(bring_keys(w));
	machine_reset();
	return open_again(w);
}

/* --- commands --- */

struct letter {
	enum at to;
	char id[33];
	uint8_t *bytes[2]; /* and the same as another command, with an id of its own */
	size_t n[2];
};

static struct {
	struct letter create, config, stop, purge, maintenance;
} letters;

/* What the case is about; settling brings it once more, as a sender does who got no answer. */
static const struct letter *asked;

static void write_letter(struct letter *l, enum at to, unsigned number, json_t *body)
{
	l->to = to;
	for (int i = 1; i >= 0; i--) {
		struct message *m;

		snprintf(l->id, sizeof(l->id), "%032x", number + (i ? 1000 : 0));
		m = people_message(ALICE, false, MESSAGE_COMMAND, to, l->id, body);
		m->ttl_ms = 3600000;
		l->bytes[i] = people_seal(ALICE, m, SEAL_SEALED, &l->n[i]);
		must(l->bytes[i]);
		mem_free(m);
	}
	json_decref(body);
}

static void write_letters(void)
{
	const char *node = place_id(NODE_A);
	json_t *create = api_command_document(API_NODE_CREATE, node, NULL, NULL);

	json_put(create, "params", "distributor");
	json_put(create, "name", "front");
	write_letter(&letters.create, AGENT, 1, create);
	write_letter(&letters.config, NODE_A, 2,
		     json_pack("{s:s,s:s,s:{s:s,s:s},s:{s:s},s:{s:[{s:s,s:s,s:s}]}}", "command", "config", "type",
			       "distributor", "nginx-rtmp-core", "listen", "1935", "application", JOB,
			       "nginx-rtmp-live", "live", "on", "ffmpeg-rtmp", "outputs", "ip", "127.0.0.1",
			       "failover_ip", "127.0.0.2", "variant", "_1p"));
	write_letter(&letters.stop, NODE_A, 3, api_command_document(API_PIPELINE_STOP, node, JOB, NULL));
	write_letter(&letters.purge, AGENT, 4, api_command_document(API_NODE_PURGE, node, NULL, NULL));
	write_letter(&letters.maintenance, AGENT, 5, api_command_document(API_NODE_MAINTENANCE, node, NULL, "on"));
}

static void deliver(struct held *h, const struct letter *l)
{
	time_pass(&h->loop, FIRST_MS);
	if (l)
		far_deliver(place_id(l->to), l->bytes[0], l->n[0]);
}

static bool is_done(struct agent *a)
{
	return !a->command_count && !look_count(a, "select count(*) from command", NULL) &&
	       !look_count(a, "select count(*) from outbox", NULL);
}

static struct error *carried_out(struct held *h)
{
	for (int64_t ms = 0; ms < END_MS && !is_done(h->agent); ms += STEP_MS)
		time_pass(&h->loop, STEP_MS);
	return is_done(h->agent) ? NULL : error_new(ERROR_TIMEOUT, "a command has no result");
}

static struct error *prepare_node(struct fault_world *w)
{
	deliver(w->handle, &letters.create);
	return carried_out(w->handle);
}

static struct error *prepare_job(struct fault_world *w)
{
	TRY(prepare_node(w));
	deliver(w->handle, &letters.config);
	return carried_out(w->handle);
}

/* --- operations: the agent lives on, and says nothing of a fault but in its answer --- */

static struct error *obey(struct fault_world *w, const struct letter *l)
{
	struct held *h = w->handle;

	asked = l;
	deliver(h, l);
	time_pass(&h->loop, FAULT_MS);
	return NULL;
}

static struct error *run_create(struct fault_world *w)
{
	return obey(w, &letters.create);
}

static struct error *run_config(struct fault_world *w)
{
	return obey(w, &letters.config);
}

static struct error *run_stop(struct fault_world *w)
{
	return obey(w, &letters.stop);
}

static struct error *run_purge(struct fault_world *w)
{
	return obey(w, &letters.purge);
}

static struct error *run_maintenance(struct fault_world *w)
{
	return obey(w, &letters.maintenance);
}

static struct error *prepare_nothing(struct fault_world *w)
{
	(void)w;
	return NULL;
}

/* --- the next agent, with nothing in its way --- */

/* What runs is what is wanted. */
static struct error *runs_as_wanted(struct agent *a)
{
	for (size_t i = 0; i < a->node_count; i++) {
		const struct node *n = a->nodes[i];
		size_t units = 1; /* nginx */

		for (size_t k = 0; k < n->job_count; k++)
			for (size_t u = 0; u < n->jobs[k]->unit_count; u++)
				units += n->jobs[k]->units[u]->wanted;
		if (n->up && machine_count(n->row.id, NULL) != units)
			return error_new(ERROR_FAILED, "node %s: %zu programs run, %zu are wanted", n->row.id,
					 machine_count(n->row.id, NULL), units);
	}
	return NULL;
}

/* It was accepted, then met the fault, and its sender was told: he gives it anew. */
static bool has_failed(struct agent *a, const struct letter *l)
{
	return look_count(a, "select count(*) from seen where id=? and result like '%\"failed\"%'", l->id);
}

static struct error *settle(struct fault_world *w)
{
	struct held *h;
	struct error *e;

	TRY(open_again(w));
	h = w->handle;
	deliver(h, asked);
	e = carried_out(h);
	if (!e && asked && has_failed(h->agent, asked)) {
		far_deliver(place_id(asked->to), asked->bytes[1], asked->n[1]);
		e = carried_out(h);
	}
	time_pass(&h->loop, SETTLE_MS);
	look_agrees(h->agent);
	if (!e)
		e = runs_as_wanted(h->agent);
	mem_free(h);
	machine_reset();
	return e;
}

/* --- what counts --- */

static const char *const wanted[] = {
	"select id, name, role, runtime, mode, maintenance from node left join node_name on node = id order by id",
	"select node, job, task, running, epoch_ms from job order by node, job",
	"select node, unit from failover order by node, unit",
	"select count(*) from command",
	"select count(*) from outbox",
	"select count(*) from seen where result is null",
	"pragma integrity_check",
};

static void look_rows(FILE *out, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *rows = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &rows, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	fprintf(out, "%s:\n", sql);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(rows); i++)
			fprintf(out, " %s", (const char *)sqlite3_column_text(rows, i));
		fputc('\n', out);
	}
	sqlite3_finalize(rows);
}

static char *look(const char *folder, bool crashed)
{
	char path[512], *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	sqlite3 *db = NULL;

	(void)crashed;
	snprintf(path, sizeof(path), "%s/agent.db", folder);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
	for (size_t i = 0; i < COUNT(wanted); i++)
		look_rows(out, db, wanted[i]);
	sqlite3_close(db);
	fclose(out);
	return text;
}

static const struct fault_case commands[] = {
	{.name = "start of the agent", .run = NULL},
	{.name = "node create", .prepare = prepare_nothing, .run = run_create},
	{.name = "config", .prepare = prepare_node, .run = run_config},
	{.name = "pipeline stop", .run = run_stop},
	{.name = "node maintenance", .run = run_maintenance},
	{.name = "node purge", .run = run_purge},
};

static void the_agent(void **state)
{
	const struct fault_suite suite = {.open = open_agent,
					  .prepare = prepare_job,
					  .settle = settle,
					  .look = look,
					  .place = "/work",
					  .cases = commands,
					  .count = COUNT(commands)};

	(void)state;
	fault_run(&suite);
}

/* --- two faults at once --- */

static struct held *begin_alone(struct fault_world *w, char *folder)
{
	w->folder = folder;
	w->ctx = mem_new(NULL, char);
	must(mkdtemp(folder));
	must(chmod(folder, 0711) == 0); /* an agent's units pass it */
	must(!open_agent(w));
	return w->handle;
}

static void end_alone(struct fault_world *w)
{
	mem_free(w->handle);
	machine_reset();
	mem_free(w->ctx);
	must(!file_remove_tree(w->folder));
}

/* Where a node that cannot be opened cannot be taken out of the database either, its failure is not told before it
 * is out: the next agent would open it all the same. */
static void a_node_that_cannot_be_taken_back(void **state)
{
	char folder[] = "/tmp/dsn-alone-XXXXXX";
	struct fault_world w;
	struct held *h = begin_alone(&w, folder);
	struct db *db = h->agent->host.db;
	char *nodes = file_join(w.ctx, folder, "nodes");

	(void)state;
	must(!file_remove_tree(nodes) && !file_write_atomic(nodes, "", 0, 0600));
	must(!db_exec(db, "create temp trigger stays before delete on node begin select raise(abort, 'it stays'); end",
		      ""));
	deliver(h, &letters.create);
	time_pass(&h->loop, SETTLE_MS);
	assert_int_equal(look_count(h->agent, "select count(*) from node", NULL), 1);
	assert_int_equal(look_count(h->agent, "select count(*) from seen where result is null", NULL), 1);
	must(!db_exec(db, "drop trigger stays", ""));
	must(!carried_out(h));
	assert_int_equal(look_count(h->agent, "select count(*) from node", NULL), 0);
	assert_true(has_failed(h->agent, &letters.create));
	end_alone(&w);
}

/* Nor is it told when the node could be opened meanwhile: then it is there. */
static void a_node_that_opens_before_it_is_taken_back(void **state)
{
	char folder[] = "/tmp/dsn-alone-XXXXXX";
	struct fault_world w;
	struct held *h = begin_alone(&w, folder);
	char *nodes = file_join(w.ctx, folder, "nodes");

	(void)state;
	must(!file_remove_tree(nodes) && !file_write_atomic(nodes, "", 0, 0600));
	must(!db_exec(h->agent->host.db,
		      "create temp trigger stays before delete on node begin select raise(abort, 'it stays'); end",
		      ""));
	deliver(h, &letters.create);
	must(!file_remove(nodes));
	mem_free(h); /* the next agent */
	must(!open_again(&w));
	h = w.handle;
	must(!carried_out(h));
	assert_false(has_failed(h->agent, &letters.create));
	assert_non_null(agent_node(h->agent, place_id(NODE_A)));
	end_alone(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_node_that_cannot_be_taken_back),
					   cmocka_unit_test(a_node_that_opens_before_it_is_taken_back),
					   cmocka_unit_test(the_agent)};
	int failed;

	mem_init();
	fault_install();
	log_set_level(LOG_LEVEL_ERROR);
	must(mkdtemp(home));
	people_begin(home);
	owners[0] = (char *)people_id(ALICE);
	time_reset();
	write_letters();
	machine_reset(); /* before blocks are counted */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	must(!file_remove_tree(home));
	return failed;
}
