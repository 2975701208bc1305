/* A client's memory between its runs (detached commands, ends that are to be told, what is known of nodes) when the
 * disk, memory or the process ends in the middle of a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "bus/outbox.h"
#include "client/desired.h"
#include "client/known_nodes.h"
#include "client/outbox.h"
#include "fault/fault.h"

#define NODE "1111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222"
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static uv_loop_t loop;
static struct message *first, *second; /* made before anything fails: with ids of their own */

static struct client_options *client_of(struct fault_world *w)
{
	struct client_options *client = mem_new(w->ctx, struct client_options);

	client->bus = mem_strdup(client, "amqp://127.0.0.1");
	client->network = mem_strdup(client, "n");
	client->state.folder = mem_strdup(client, w->folder);
	return client;
}

static struct error *open_store(struct fault_world *w)
{
	struct client_options *client = client_of(w);
	struct client_outbox *s = NULL;

	TRY(client_outbox_open(client, client, &s));
	w->handle = s;
	return NULL;
}

static struct error *put_out(struct client_outbox *s, const struct message *m)
{
	struct outbox *o = NULL;
	struct error *e = outbox_open(NULL, s->db, NULL, &loop, NULL, NULL, &o);

	if (!e)
		e = outbox_put(o, m);
	mem_free(o);
	uv_run(&loop, UV_RUN_NOWAIT); /* its timer closes */
	return e;
}

/* As client/sender.c keeps a command. */
static struct error *keep(struct client_outbox *s, const struct message *m)
{
	struct error *e;

	TRY(db_begin(s->db));
	e = client_outbox_add(s, m, "start");
	if (!e)
		e = put_out(s, m);
	if (!e)
		e = db_commit(s->db);
	if (e)
		db_rollback(s->db);
	return e;
}

static struct error *prepare(struct fault_world *w)
{
	TRY(client_outbox_mark(w->handle, true));
	return keep(w->handle, first);
}

static struct error *run_keep(struct fault_world *w)
{
	return keep(w->handle, second);
}

static struct error *run_sent(struct fault_world *w)
{
	return client_outbox_record_outcome(w->handle, first->id, NULL);
}

static struct error *run_failed(struct fault_world *w)
{
	struct error *why = error_new(ERROR_NOT_FOUND, "nobody has such a mailbox");
	struct error *e = client_outbox_record_outcome(w->handle, first->id, why);

	error_free(why);
	return e;
}

static struct error *run_unmark(struct fault_world *w)
{
	return client_outbox_mark(w->handle, false);
}

static struct error *prepare_nothing(struct fault_world *w)
{
	(void)w;
	return NULL;
}

static struct error *run_mark(struct fault_world *w)
{
	return client_outbox_mark(w->handle, true);
}

/* --- ends that are to be told --- */

static struct error *end_job(struct fault_world *w, enum api_verb verb)
{
	struct client_request items[] = {{.to = NODE, .away = true}, {.to = OTHER, .away = true, .gone = true}};
	struct client_request_list list = {.items = items, .count = COUNT(items)};

	return client_desired_keep(client_of(w), "job", verb, &list, true);
}

static struct error *prepare_end(struct fault_world *w)
{
	return end_job(w, API_PIPELINE_STOP);
}

static struct error *run_end(struct fault_world *w)
{
	return end_job(w, API_PIPELINE_CLOSE);
}

static struct error *run_forget(struct fault_world *w)
{
	return client_desired_forget(client_of(w), "job");
}

static struct error *run_told(struct fault_world *w)
{
	struct client_desired one = {.job = mem_strdup(w->ctx, "job"), .node_id = mem_strdup(w->ctx, NODE)};

	return client_desired_told(w->handle, &one);
}

/* Two ends are due: without keys, since a key of its own for each run would make two runs differ. */
static struct client_options *plain_client_of(struct fault_world *w)
{
	struct client_options *client = client_of(w);

	client->send_plain = true;
	return client;
}

static struct error *open_plain(struct fault_world *w)
{
	struct client_outbox *s = NULL;

	TRY(client_outbox_open(w->ctx, plain_client_of(w), &s));
	w->handle = s;
	return NULL;
}

static struct error *prepare_due(struct fault_world *w)
{
	struct client_request items[] = {{.to = NODE, .away = true}, {.to = OTHER, .away = true}};
	struct client_request_list list = {.items = items, .count = COUNT(items)};
	struct client_outbox *s = w->handle;

	TRY(client_desired_keep(plain_client_of(w), "job", API_PIPELINE_STOP, &list, true));
	return db_exec(s->db, "update wanted_end set again_ms = 0", "");
}

static struct error *run_put(struct fault_world *w)
{
	size_t count = 0;

	return client_desired_put(plain_client_of(w), w->handle, "told again", &count);
}

/* Each run's messages have ids of their own, and so many as there are commands. */
static char *look_without_ids(const char *folder, bool crashed)
{
	char *text = fault_look(folder, crashed);

	for (char *p = text; *p;) {
		size_t n = strspn(p, "0123456789abcdef");

		if (n >= MESSAGE_ID_DIGITS)
			memset(p, '#', n);
		p += n ? n : 1;
	}
	return text;
}

/* --- what is known of nodes --- */

static struct error *learn(struct fault_world *w, const char *id, const char *role)
{
	json_t *row = json_pack("{s:s,s:[],s:s}", "role", role, "ports", "state", "running");
	struct client_known *k = NULL;
	struct error *e = client_known_open(w->ctx, client_of(w), &k);

	if (!e) {
		client_known_see(k, id, row);
		client_known_forget(k, OTHER);
		e = client_known_save(k);
	}
	mem_free(k);
	json_decref(row);
	return e;
}

static struct error *prepare_known(struct fault_world *w)
{
	TRY(learn(w, NODE, "storage"));
	return learn(w, "3333333333333333333333333333333333333333", "transcoder");
}

static struct error *run_learn(struct fault_world *w)
{
	return learn(w, NODE, "distributor");
}

/* --- reading --- */

static struct error *run_read(struct fault_world *w)
{
	json_t *rows = NULL;
	char *state = NULL, *why = NULL;
	int64_t waiting = 0;
	bool right;

	TRY(client_outbox_waiting(w->handle, &waiting));
	TRY(client_outbox_state(w->ctx, w->handle, first->id, &state, &why));
	TRY(client_outbox_rows(w->handle, &rows));
	right = json_array_size(rows) == 1 && waiting == 1 && strcmp(state, "waiting") == 0 && !why;
	json_decref(rows);
	return right ? NULL : error_new(ERROR_FAILED, "outbox: not what was put in");
}

static const struct fault_case changes[] = {
	{.name = "opening", .run = NULL},
	{.name = "keep a command", .run = run_keep},
	{.name = "sent", .run = run_sent},
	{.name = "failed", .run = run_failed},
	{.name = "mark", .prepare = prepare_nothing, .run = run_mark},
	{.name = "unmark", .run = run_unmark, .fleeting = true},
	{.name = "another end of a job", .prepare = prepare_end, .run = run_end},
	{.name = "an end is forgotten", .prepare = prepare_end, .run = run_forget},
	{.name = "an end is told", .prepare = prepare_end, .run = run_told},
	{.name = "learn of a node", .prepare = prepare_known, .run = run_learn, .place = "known.db"},
	{.name = "read", .run = run_read},
};

static void what_a_client_remembers(void **state)
{
	const struct fault_suite suite = {
		.open = open_store, .prepare = prepare, .place = "outbox", .cases = changes, .count = COUNT(changes)};

	(void)state;
	fault_run(&suite);
}

static const struct fault_case tellings[] = {{.name = "ends are told again", .run = run_put}};

/* An end counts as told when its command is in the outbox, and not before. */
static void what_is_told_is_in_the_outbox(void **state)
{
	const struct fault_suite suite = {.open = open_plain,
					  .prepare = prepare_due,
					  .look = look_without_ids,
					  .place = "outbox",
					  .cases = tellings,
					  .count = COUNT(tellings)};

	(void)state;
	fault_run(&suite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_client_remembers),
					   cmocka_unit_test(what_is_told_is_in_the_outbox)};
	void *ctx;
	json_t *body;
	int failed;

	mem_init();
	fault_install();
	uv_loop_init(&loop);
	ctx = mem_new(NULL, char);
	body = json_pack("{s:s}", "command", "config");
	first = message_new(ctx, MESSAGE_COMMAND, OTHER, NODE, 1000, body);
	second = message_new(ctx, MESSAGE_COMMAND, OTHER, NODE, 1000, body);
	json_decref(body);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	mem_free(ctx);
	loop_drain(&loop);
	uv_loop_close(&loop);
	return failed;
}
