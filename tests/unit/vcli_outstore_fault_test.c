/* vcli's memory between its runs (detached commands, ends that are to be told, what is known of nodes) when the disk,
 * memory or the process ends in the middle of a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "bus/outbox.h"
#include "fault/fault.h"
#include "vcli/known.h"
#include "vcli/outstore.h"
#include "vcli/wanted.h"

#define NODE "1111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222"
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static uv_loop_t loop;
static struct message *first, *second; /* made before anything fails: with ids of their own */

static struct vcli *vcli_of(struct fault_world *w)
{
	struct vcli *v = mem_new(w->ctx, struct vcli);

	v->set.client.bus = mem_strdup(v, "amqp://127.0.0.1");
	v->set.client.network = mem_strdup(v, "n");
	v->set.client.state.folder = mem_strdup(v, w->folder);
	return v;
}

static struct error *open_store(struct fault_world *w)
{
	struct vcli *v = vcli_of(w);
	struct outstore *s = NULL;

	TRY(outstore_open(v, &v->set.client, &s));
	w->handle = s;
	return NULL;
}

static struct error *put_out(struct outstore *s, const struct message *m)
{
	struct outbox *o = NULL;
	struct error *e = outbox_open(NULL, s->db, NULL, &loop, NULL, NULL, &o);

	if (!e)
		e = outbox_put(o, m);
	mem_free(o);
	uv_run(&loop, UV_RUN_NOWAIT); /* its timer closes */
	return e;
}

/* As vcli/sender.c keeps a command. */
static struct error *keep(struct outstore *s, const struct message *m)
{
	struct error *e;

	TRY(db_begin(s->db));
	e = outstore_add(s, m, "start");
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
	TRY(outstore_mark(w->handle, true));
	return keep(w->handle, first);
}

static struct error *run_keep(struct fault_world *w)
{
	return keep(w->handle, second);
}

static struct error *run_sent(struct fault_world *w)
{
	return outstore_record_outcome(w->handle, first->id, NULL);
}

static struct error *run_failed(struct fault_world *w)
{
	struct error *why = error_new(ERROR_NOT_FOUND, "nobody has such a mailbox");
	struct error *e = outstore_record_outcome(w->handle, first->id, why);

	error_free(why);
	return e;
}

static struct error *run_unmark(struct fault_world *w)
{
	return outstore_mark(w->handle, false);
}

static struct error *prepare_nothing(struct fault_world *w)
{
	(void)w;
	return NULL;
}

static struct error *run_mark(struct fault_world *w)
{
	return outstore_mark(w->handle, true);
}

/* --- ends that are to be told --- */

static struct error *end_job(struct fault_world *w, enum api_verb verb)
{
	struct request items[] = {{.to = NODE, .away = true}, {.to = OTHER, .away = true, .gone = true}};
	struct request_list list = {.items = items, .count = COUNT(items)};

	return wanted_keep(vcli_of(w), "job", verb, &list, true);
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
	return wanted_forget(vcli_of(w), "job");
}

static struct error *run_told(struct fault_world *w)
{
	struct wanted one = {.job = mem_strdup(w->ctx, "job"), .node_id = mem_strdup(w->ctx, NODE)};

	return wanted_told(w->handle, &one);
}

/* --- what is known of nodes --- */

static struct error *learn(struct fault_world *w, const char *id, const char *role)
{
	json_t *row = json_pack("{s:s,s:[],s:s}", "role", role, "ports", "state", "running");
	struct known *k = NULL;
	struct error *e = known_open(w->ctx, vcli_of(w), &k);

	if (!e) {
		known_see(k, id, row);
		known_forget(k, OTHER);
		e = known_save(k);
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

	TRY(outstore_waiting(w->handle, &waiting));
	TRY(outstore_state(w->ctx, w->handle, first->id, &state, &why));
	TRY(outstore_rows(w->handle, &rows));
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

static void what_vcli_remembers(void **state)
{
	const struct fault_suite suite = {
		.open = open_store, .prepare = prepare, .place = "outbox", .cases = changes, .count = COUNT(changes)};

	(void)state;
	fault_run(&suite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_vcli_remembers)};
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
