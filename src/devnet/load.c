#include "devnet/load.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "devnet/load_impl.h"

#define FEED_MS 100
#define SAMPLE_MS 1000
#define ANSWER_MS 60000
#define START_MS 60000 /* until the first call is final */
#define FEW_RECEIPTS 1 /* a round and account, while calls are made */
#define BLOCK_MS 2000  /* for each block that shall confirm the last calls */
#define AFTER_MS 2500  /* calls go on, so that the window's last blocks are as full as the others */

/* --- waiting --- */

struct error *load_report(struct load *l)
{
	const struct load_config *c = l->config;
	const struct load_state state = {.step = l->step,
					 .since_ms = l->began_ms ? clock_mono_ms() - l->began_ms : -1,
					 .sent = l->result->sent,
					 .mined = l->lanes ? l->result->sent - load_unmined(l) : 0};

	return c->tick ? c->tick(&state, c->arg) : NULL;
}

static struct error *begin_step(struct load *l, enum load_step step)
{
	l->step = step;
	return load_report(l);
}

static void on_time(void *arg)
{
	*(bool *)arg = true;
}

static sig_atomic_t times_interrupted(const struct load *l)
{
	return l->config->interrupted ? *l->config->interrupted : 0;
}

struct error *load_wait(struct load *l, const bool *done, int64_t ms, const char *what)
{
	bool *over = mem_new(l, bool);
	struct timer *timer = timer_start(over, l->loop, ms, 0, on_time, over);
	bool stopped = false;

	(void)timer;
	while (!*done && !*over && !stopped) {
		uv_run(l->loop, UV_RUN_ONCE);
		stopped = times_interrupted(l) > l->patience;
	}
	mem_free(over);
	if (stopped)
		return error_new(ERROR_FAILED, "interrupted");
	return *done || !what ? NULL : error_new(ERROR_TIMEOUT, "%s: no answer in time", what);
}

struct answer {
	uv_loop_t *loop;
	bool done;
	struct error *error;
	json_t *result;
};

static void on_answer(const struct rpc_reply *reply, void *arg)
{
	struct answer *a = arg;

	a->done = true;
	/* When a timer's turn brought the answer, the loop would wait for something else first. */
	uv_stop(a->loop);
	a->error = reply->error ? error_copy(reply->error) : NULL;
	a->result = json_incref((json_t *)reply->result);
}

struct error *load_call(struct load *l, const char *method, json_t *params, json_t **ret_result)
{
	struct answer *a = mem_new(l, struct answer);
	struct error *e;

	a->loop = l->loop;
	rpc_call(l->config->rpc, a, method, params, on_answer, a);
	e = load_wait(l, &a->done, ANSWER_MS, method);
	if (!e)
		e = a->error;
	if (!e)
		*ret_result = a->result;
	mem_free(a);
	return e;
}

/* --- fates --- */

void load_on_final(const struct txbox_record *record, void *arg)
{
	struct load_lane *lane = arg;
	struct load *l = lane->load;
	struct load_result *r = l->result;

	if (strncmp(record->intent.id, l->run, strlen(l->run)) != 0)
		return; /* left by an earlier run */
	lane->final++;
	if (record->state == TXBOX_REFUSED) {
		r->refused++;
		return;
	}
	r->receipts++;
	if (record->state != TXBOX_DONE)
		r->reverted++;
}

/* --- calls --- */

static size_t unmined(const struct load_lane *lane)
{
	return lane->nonces.count - lane->final - sender_used(lane->sender);
}

static struct error *feed_lane(struct load *l, struct load_lane *lane, size_t number)
{
	size_t room = l->config->window + l->config->window / 2;

	while (unmined(lane) < room) {
		struct txbox_intent intent = l->call;
		char id[128];

		snprintf(id, sizeof(id), "%s-%zu-%zu", l->run, number, lane->nonces.count);
		intent.id = id;
		TRY(sender_put(lane->sender, &intent));
		lane->nonces.count++;
		l->result->sent++;
	}
	return NULL;
}

static struct error *feed_all(struct load *l)
{
	struct error *e = NULL;

	TRY(db_begin(l->config->db));
	for (size_t i = 0; !e && i < l->config->accounts; i++)
		e = feed_lane(l, &l->lanes[i], i);
	if (!e)
		e = db_commit(l->config->db);
	if (e)
		db_rollback(l->config->db);
	return e;
}

size_t load_unmined(const struct load *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->config->accounts; i++)
		n += unmined(&l->lanes[i]);
	return n;
}

static void on_pool(const struct rpc_reply *reply, void *arg)
{
	const struct json_place at = {NULL, "txpool_status", 0};
	struct load *l = arg;
	struct load_result *r = l->result;
	uint64_t pending = 0, queued = 0;
	struct error *e = reply->error ? error_copy(reply->error) : NULL;

	l->sampling = NULL;
	if (!e)
		e = rpc_read_quantity(json_object_get(reply->result, "pending"), &at, &pending);
	if (!e)
		e = rpc_read_quantity(json_object_get(reply->result, "queued"), &at, &queued);
	r->samples = mem_resize(r, r->samples, struct load_sample, r->sample_count + 1);
	r->samples[r->sample_count++] =
		(struct load_sample){clock_wall_ms(), e ? -1 : (int64_t)(pending + queued), (int64_t)load_unmined(l)};
	error_free(e);
}

static void on_sample(void *arg)
{
	struct load *l = arg;

	if (!l->sampling)
		l->sampling = rpc_call(l->config->rpc, l, "txpool_status", json_array(), on_pool, l);
}

static struct error *pump(struct load *l)
{
	int64_t until_ms = l->config->seconds * 1000 + AFTER_MS, started_ms = clock_mono_ms(), since_ms = -1;
	bool never = false;

	while (since_ms < until_ms && !times_interrupted(l)) {
		TRY(feed_all(l));
		TRY(load_wait(l, &never, FEED_MS, NULL));
		if (!l->began_ms && load_unmined(l) < l->result->sent)
			l->began_ms = clock_mono_ms();
		since_ms = l->began_ms ? clock_mono_ms() - l->began_ms : -1;
		TRY(load_report(l));
		if (since_ms < 0 && clock_mono_ms() - started_ms > START_MS)
			return error_new(ERROR_TIMEOUT, "no call was carried out within %d s%s%s", START_MS / 1000,
					 sender_trouble(l->lanes[0].sender) ? ": " : "",
					 sender_trouble(l->lanes[0].sender) ? sender_trouble(l->lanes[0].sender) : "");
	}
	l->ended_ms = clock_mono_ms();
	l->result->interrupted = since_ms < until_ms;
	return NULL;
}

static void set_receipts(struct load *l, size_t at_once)
{
	for (size_t i = 0; i < l->config->accounts; i++)
		sender_set_receipts(l->lanes[i].sender, at_once);
}

static struct error *drain(struct load *l)
{
	int64_t until_ms = clock_mono_ms() + l->config->drain_ms;
	bool never = false;

	TRY(begin_step(l, LOAD_DRAIN));
	while (load_unmined(l) > 0 && clock_mono_ms() < until_ms) {
		TRY(load_wait(l, &never, FEED_MS, NULL));
		TRY(load_report(l));
	}
	l->result->unsettled = load_unmined(l);
	/* And the blocks that confirm it. */
	return load_wait(l, &never, (int64_t)l->config->confirmations * BLOCK_MS, NULL);
}

static int64_t cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000) +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static struct error *call_all(struct load *l)
{
	struct load_result *r = l->result;
	struct timer *sampler;
	int64_t began_ms = clock_mono_ms(), began_cpu_ms = cpu_ms();
	uint64_t posts = rpc_posts(l->config->rpc);
	struct error *e;

	l->call.gas = l->gas;
	sampler = timer_start(l, l->loop, 0, SAMPLE_MS, on_sample, l);
	set_receipts(l, FEW_RECEIPTS);
	l->patience = 1;
	e = begin_step(l, LOAD_CALLS);
	if (!e)
		e = pump(l);
	r->ran_ms = clock_mono_ms() - began_ms;
	r->cpu_ms = cpu_ms() - began_cpu_ms;
	if (!e)
		e = drain(l);
	mem_free(sampler);
	r->posts = rpc_posts(l->config->rpc) - posts;
	return e;
}

struct error *load_run(const void *ctx, uv_loop_t *loop, const struct load_config *config,
		       struct load_result **ret_result)
{
	struct load *l = mem_new(ctx, struct load);
	struct error *e;

	l->loop = loop;
	l->config = config;
	l->result = mem_new(l, struct load_result);
	l->run = mem_printf(l, "load-%s", hex_random(l, 6));
	e = begin_step(l, LOAD_SETUP);
	if (!e)
		e = load_setup(l);
	if (!e)
		e = call_all(l);
	if (!e)
		e = begin_step(l, LOAD_CHECK);
	if (!e)
		e = load_check(l);
	if (!e)
		*ret_result = talloc_steal(ctx, l->result);
	error_free(l->fault);
	mem_free(l);
	return e;
}
