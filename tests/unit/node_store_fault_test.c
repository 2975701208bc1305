/* The agent's database when the disk, memory or the process ends in the middle of a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/dedupe.h"
#include "bus/keyring.h"
#include "bus/outbox.h"
#include "fault/fault.h"
#include "node/store.h"

#define NODE "1111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222"
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Made before anything fails: with ids of their own. */
static struct message *command, *next_command, *result;
static struct node_row row;

static struct error *open_store(struct fault_world *w)
{
	struct db *db = NULL;

	TRY(store_open(w->ctx, file_join(w->ctx, w->folder, "agent.db"), &db));
	w->handle = db;
	return NULL;
}

static struct error *put_node(struct fault_world *w, const char *id)
{
	struct node_row r = row;

	r.id = (char *)id;
	return store_put_node(w->handle, &r);
}

static struct error *put_job(struct fault_world *w, const char *node, const char *job)
{
	json_t *task = json_pack("{s:s,s:s}", "command", "config", "key", "secret");
	struct job_row *r = job_row_new(NULL, node, job, task);
	struct error *e;

	json_decref(task);
	r->running = true;
	r->epoch_ms = 1700000000000;
	r->mending = (struct job_mending){1000000, 25, true};
	e = store_put_job(w->handle, r);
	mem_free(r);
	return e;
}

static struct error *prepare(struct fault_world *w)
{
	bool is_new = false;
	char *text = NULL;

	TRY(put_node(w, OTHER));
	TRY(put_job(w, OTHER, "j1"));
	TRY(put_job(w, OTHER, "j2"));
	TRY(store_put_failover(w->handle, OTHER, "u1", true));
	TRY(store_put_command(w->handle, command));
	return dedupe_accept(w->ctx, w->handle, command, FAULT_NOW_MS, &is_new, &text);
}

/* --- single changes --- */

static struct error *run_put_node(struct fault_world *w)
{
	return put_node(w, NODE);
}

static struct error *run_remove_node(struct fault_world *w)
{
	return store_remove_node(w->handle, OTHER);
}

static struct error *run_put_job(struct fault_world *w)
{
	return put_job(w, OTHER, "j3");
}

static struct error *run_job_wanted(struct fault_world *w)
{
	return store_job_wanted(w->handle, OTHER, "j1", false);
}

static struct error *run_job_source(struct fault_world *w)
{
	return store_job_source(w->handle, OTHER, "j1", 1, 2, "0-0-0", &(struct job_mending){3, 60, false});
}

static struct error *run_remove_job(struct fault_world *w)
{
	return store_remove_job(w->handle, OTHER, "j1");
}

static struct error *run_failover(struct fault_world *w)
{
	return store_put_failover(w->handle, OTHER, "u2", true);
}

static struct error *run_failback(struct fault_world *w)
{
	return store_put_failover(w->handle, OTHER, "u1", false);
}

static struct error *run_put_command(struct fault_world *w)
{
	return store_put_command(w->handle, next_command);
}

static struct error *run_remove_command(struct fault_world *w)
{
	return store_remove_command(w->handle, command->id);
}

static struct error *run_finish(struct fault_world *w)
{
	return dedupe_finish(w->handle, command->id, "result");
}

static struct error *run_expire(struct fault_world *w)
{
	return dedupe_expire(w->handle, INT64_MAX);
}

static struct error *run_decision(struct fault_world *w)
{
	return db_exec(w->handle, "insert into decision(node,time_ms,what,why) values(?,?,?,?)", "siss", OTHER,
		       (int64_t)99, "what", "why");
}

static struct error *prepare_decisions(struct fault_world *w)
{
	for (int i = 0; i < 50; i++)
		TRY(db_exec(w->handle, "insert into decision(node,time_ms,what,why) values(?,?,?,?)", "siss", OTHER,
			    (int64_t)i, "what", "why"));
	return NULL;
}

/* --- what is changed together --- */

static struct error *end(struct db *db, struct error *e)
{
	if (!e)
		e = db_commit(db);
	if (e)
		db_rollback(db);
	return e;
}

/* A command is admitted: node/agent/command.c. */
static struct error *run_admit(struct fault_world *w)
{
	bool is_new = false;
	char *text = NULL;
	struct error *e;

	TRY(db_begin(w->handle));
	e = dedupe_accept(w->ctx, w->handle, next_command, FAULT_NOW_MS, &is_new, &text);
	if (!e)
		e = store_put_command(w->handle, next_command);
	if (!e)
		e = put_node(w, NODE);
	if (!e)
		e = put_job(w, NODE, "j1");
	return end(w->handle, e);
}

static struct error *run_answer(struct fault_world *w)
{
	char *text = message_encode(w->ctx, result);
	struct error *e;

	TRY(db_begin(w->handle));
	e = dedupe_finish(w->handle, command->id, text);
	if (!e)
		e = db_exec(w->handle, "insert into outbox(id, message) values(?, ?)", "ss", result->id, text);
	if (!e)
		e = store_remove_command(w->handle, command->id);
	return end(w->handle, e);
}

/* --- keys --- */

static struct error *prepare_keys(struct fault_world *w)
{
	TRY(db_exec(w->handle, "insert into known_key values(?,?)", "ss", NODE, "00"));
	return db_exec(w->handle, "insert into known_key values(?,?)", "ss", OTHER, "00");
}

static struct error *run_prune(struct fault_world *w)
{
	struct keyring *k = keyring_new(w->ctx, w->handle);
	struct error *e = keyring_prune(k);

	mem_free(k);
	return e;
}

/* --- reading: nothing may be taken for something else --- */

static struct error *run_read(struct fault_world *w)
{
	struct message **commands = NULL;
	struct node_row **nodes = NULL;
	struct job_row **jobs = NULL;

	TRY(store_nodes(w->ctx, w->handle, &nodes));
	TRY(store_jobs(w->ctx, w->handle, OTHER, &jobs));
	TRY(store_commands(w->ctx, w->handle, &commands));
	if (!nodes[0] || nodes[1] || !jobs[0] || !jobs[1] || jobs[2] || !commands[0] || commands[1] ||
	    strcmp(nodes[0]->runtime, row.runtime) != 0 || strcmp(nodes[0]->name, row.name) != 0 ||
	    strcmp(commands[0]->id, command->id) != 0)
		return error_new(ERROR_FAILED, "agent.db: not what was put in");
	return NULL;
}

static const struct fault_case changes[] = {
	{.name = "opening", .run = NULL},
	{.name = "put node", .run = run_put_node},
	{.name = "remove node", .run = run_remove_node},
	{.name = "put job", .run = run_put_job},
	{.name = "job wanted", .run = run_job_wanted},
	{.name = "job source", .run = run_job_source},
	{.name = "remove job", .run = run_remove_job},
	{.name = "failover", .run = run_failover},
	{.name = "failback", .run = run_failback},
	{.name = "put command", .run = run_put_command},
	{.name = "remove command", .run = run_remove_command},
	{.name = "dedupe finish", .run = run_finish},
	{.name = "dedupe expire", .run = run_expire},
	{.name = "decision", .prepare = prepare_decisions, .run = run_decision},
	{.name = "admit a command", .run = run_admit},
	{.name = "answer a command", .run = run_answer},
	{.name = "prune keys", .prepare = prepare_keys, .run = run_prune},
	{.name = "read", .run = run_read},
};

static void the_agents_database(void **state)
{
	const struct fault_suite suite = {
		.open = open_store, .prepare = prepare, .place = "agent.db", .cases = changes, .count = COUNT(changes)};

	(void)state;
	fault_run(&suite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_agents_database)};
	void *ctx;
	json_t *body;
	int failed;

	mem_init();
	fault_install();
	ctx = mem_new(NULL, char);
	body = json_pack("{s:s}", "command", "config");
	command = message_new(ctx, MESSAGE_COMMAND, OTHER, OTHER, 1000, body);
	next_command = message_new(ctx, MESSAGE_COMMAND, OTHER, NODE, 1000, body);
	result = message_new(ctx, MESSAGE_RESULT, OTHER, OTHER, 1000, body);
	json_decref(body);
	row = (struct node_row){.name = mem_strdup(ctx, "a-name"),
				.role = API_STORAGE,
				.runtime = mem_strdup(ctx, "process"),
				.mode = mem_strdup(ctx, "managed"),
				.image = mem_strdup(ctx, "none"),
				.memory_bytes = 1};
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	mem_free(ctx);
	return failed;
}
