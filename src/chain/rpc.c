#include "chain/rpc.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/rpc_answer.h"
#include "chain/rpc_impl.h"

#define BATCH_BYTES 1048576
#define CALL_BYTES 524288 /* a call's parameters */
#define QUICK_PART 4      /* answered in this part of the time it has, an endpoint is quick */

/* --- the queue --- */

static void unlink_call(struct rpc_call *c)
{
	if (c->link) {
		*c->link = c->next;
		if (c->next)
			c->next->link = c->link;
		else
			c->rpc->queue_end = c->link;
		c->link = NULL;
	}
	if (c->batch) {
		c->batch->calls[c->slot] = NULL;
		c->batch = NULL;
	}
}

static int call_destroy(struct rpc_call *c)
{
	if (c->rpc)
		unlink_call(c);
	return 0;
}

static void append_call(struct rpc *r, struct rpc_call *c)
{
	c->next = NULL;
	c->link = r->queue_end;
	*r->queue_end = c;
	r->queue_end = &c->next;
}

/* Back to where it was, before those that came later. */
static void prepend_call(struct rpc *r, struct rpc_call *c)
{
	c->next = r->queue;
	c->link = &r->queue;
	if (r->queue)
		r->queue->link = &c->next;
	else
		r->queue_end = &c->next;
	r->queue = c;
}

/* Takes `e`. */
static void end_call(struct rpc_call *c, struct rpc_reply *reply, struct error *e)
{
	unlink_call(c);
	c->rpc = NULL;
	talloc_steal(NULL, c);
	reply->error = e;
	c->fn(reply, c->arg);
	mem_free(c);
	error_free(e);
}

static void fail_call(struct rpc_call *c, struct error *e)
{
	struct rpc_reply reply = {0};

	end_call(c, &reply, e);
}

/* May it take effect twice when it is sent twice? */
static bool repeatable(const char *method)
{
	static const char *const families[] = {"eth_", "net_", "web3_", "txpool_", "rpc_"};
	/* With a key that the node holds: each is another transaction. */
	static const char *const never[] = {"eth_sendTransaction", "eth_sign"};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (strncmp(method, never[i], strlen(never[i])) == 0)
			return false;
	}
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (strncmp(method, families[i], strlen(families[i])) == 0)
			return true;
	}
	return false;
}

/* --- exchanges --- */

/* What becomes of a call whose exchange failed: NULL when it is to be sent again. */
static struct error *final_failure(struct rpc *r, struct rpc_call *c, const struct rpc_endpoint *x,
				   const struct error *why)
{
	if (why->code == ERROR_LIMIT) {
		/* One answer too long for a batch may be short enough for each call. */
		c->too_long += c->alone;
		c->alone = true;
		if (c->too_long >= r->endpoint_count)
			return error_new(ERROR_LIMIT, "%s: %s: %s", x->label, c->method, why->message);
	}
	if (!repeatable(c->method))
		return error_new(ERROR_UNAVAILABLE, "%s: %s may have been carried out or not: %s", x->label, c->method,
				 why->message);
	return NULL;
}

static void give_back(struct rpc *r, struct rpc_batch *b, const struct error *why)
{
	struct error *fates[BATCH] = {NULL};

	for (size_t i = b->count; i-- > 0;) {
		struct rpc_call *c = b->calls[i];

		if (!c)
			continue;
		fates[i] = final_failure(r, c, b->endpoint, why);
		if (!fates[i]) {
			unlink_call(c);
			prepend_call(r, c);
		}
	}
	/* What is told may free other calls: their slots are empty then. */
	for (size_t i = 0; i < b->count; i++) {
		if (b->calls[i])
			fail_call(b->calls[i], fates[i]);
		else
			error_free(fates[i]);
	}
}

static void settle(struct rpc_call *c, const struct rpc_endpoint *x, const struct rpc_outcome *o)
{
	struct rpc_reply reply = {.result = o->result,
				  .code = o->code,
				  .words = o->message,
				  .revert = o->revert,
				  .revert_n = o->revert_n};
	struct error *e = NULL;

	if (!o->result)
		e = error_new(ERROR_FAILED, "%s: %s: %s", x->label, c->method, o->message);
	end_call(c, &reply, e);
}

static void settle_all(struct rpc *r, struct rpc_batch *b, const struct rpc_answer *answer)
{
	if (answer->whole_refused && b->count > 1) {
		for (size_t i = b->count; i-- > 0;) {
			struct rpc_call *c = b->calls[i];

			if (c) {
				unlink_call(c);
				c->alone = true;
				prepend_call(r, c);
			}
		}
		return;
	}
	backoff_reset(&b->endpoint->backoff);
	for (size_t i = 0; i < b->count; i++) {
		if (b->calls[i])
			settle(b->calls[i], b->endpoint, &answer->outcomes[i]);
	}
}

static void ask_for_less(struct rpc_endpoint *x, size_t count)
{
	x->batch_limit = count > 1 ? count / 2 : 1;
	x->post_limit = x->post_limit > 1 ? x->post_limit / 2 : 1;
}

static void ask_for_more(struct rpc_endpoint *x)
{
	x->batch_limit = x->batch_limit < BATCH / 2 ? x->batch_limit * 2 : BATCH;
	if (x->post_limit < POSTS)
		x->post_limit++;
}

static void on_answer(const struct error *e, const char *body, size_t n, void *arg)
{
	struct rpc_batch *b = arg;
	struct rpc *r = b->rpc;
	struct rpc_answer *answer = NULL;
	struct error *why;

	r->under_way--;
	why = e ? error_copy(e) : rpc_answer_read(b, body, n, r->limit, b->first_id, b->methods, b->count, &answer);
	if (!why) {
		assert(answer);
		if (clock_mono_ms() - b->sent_ms < r->answer_ms / QUICK_PART)
			ask_for_more(b->endpoint);
		settle_all(r, b, answer);
	} else {
		/* Of several that failed together one counts; a batch that was too long says nothing of the endpoint.
		 */
		if (b->generation == r->generation && (why->code != ERROR_LIMIT || b->count == 1)) {
			if (why->code == ERROR_TIMEOUT)
				ask_for_less(b->endpoint, b->count);
			rpc_endpoint_failed(r, b->endpoint, why, UNCHECKED);
		}
		give_back(r, b, why);
		error_free(why);
	}
	mem_free(b);
	rpc_pump(r);
}

static int batch_destroy(struct rpc_batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		if (b->calls[i]) {
			b->calls[i]->batch = NULL;
			b->calls[i]->rpc = NULL;
		}
	}
	return 0;
}

/* The first of the queue, and those that may go with it. */
static void send_batch(struct rpc *r, struct rpc_endpoint *x)
{
	struct rpc_batch *b = mem_new(r, struct rpc_batch);
	struct buf *body = buf_new(b, BATCH_BYTES + CALL_BYTES + 64);
	struct error *e = NULL;
	bool more;

	*b = (struct rpc_batch){.rpc = r,
				.endpoint = x,
				.generation = r->generation,
				.first_id = r->next_id,
				.sent_ms = clock_mono_ms()};
	talloc_set_destructor(b, batch_destroy);
	do {
		struct rpc_call *c = r->queue;

		unlink_call(c);
		c->batch = b;
		c->slot = b->count;
		b->calls[b->count] = c;
		b->methods[b->count] = mem_strdup(b, c->method);
		e = buf_printf(body, "%c{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"method\":\"%s\",\"params\":%s}",
			       b->count ? ',' : '[', r->next_id++, c->method, c->params);
		assert(!e); /* rpc_call() has bounded it */
		b->count++;
		more = r->queue && !r->queue->alone && !c->alone && b->count < x->batch_limit &&
		       body->len < BATCH_BYTES;
	} while (more);
	e = buf_puts(body, "]");
	assert(!e);
	r->under_way++;
	r->posts_made++;
	/* A single call goes without an array. */
	post_start(r, r->post_client, x->url, body->data + (b->count == 1), body->len - 2 * (b->count == 1), r->limit,
		   r->answer_ms, !repeatable(b->methods[0]), on_answer, b);
	mem_free(body);
}

static void expire(struct rpc *r)
{
	int64_t now_ms = clock_mono_ms();

	while (r->queue && r->queue->deadline_ms <= now_ms) {
		char *why = rpc_endpoint_reasons(NULL, r);

		fail_call(r->queue, error_new(ERROR_TIMEOUT, "%s: nobody answered for %" PRId64 " ms: %s",
					      r->queue->method, r->give_up_ms, why));
		mem_free(why);
	}
}

static void refuse_all(struct rpc *r)
{
	size_t count = 0;

	for (struct rpc_call *c = r->queue; c; c = c->next)
		count++;
	while (r->queue && count-- > 0) {
		char *why = rpc_endpoint_reasons(NULL, r);

		fail_call(r->queue,
			  error_new(ERROR_REFUSED, "%s: no endpoint of the right chain: %s", r->queue->method, why));
		mem_free(why);
	}
}

static void on_timer(void *arg)
{
	rpc_pump(arg);
}

void rpc_pump(struct rpc *r)
{
	int64_t due_ms = INT64_MAX;

	expire(r);
	while (r->queue) {
		struct rpc_endpoint *x = rpc_endpoint_choose(r, &due_ms);

		if (!x || r->under_way >= x->post_limit)
			break;
		send_batch(r, x);
	}
	if (rpc_endpoint_all_foreign(r))
		refuse_all(r);
	if (!r->queue)
		return;
	if (r->queue->deadline_ms < due_ms)
		due_ms = r->queue->deadline_ms;
	timer_again(r->timer, due_ms - clock_mono_ms(), 0);
}

struct rpc_call *rpc_call(struct rpc *r, const void *ctx, const char *method, json_t *params, rpc_fn *fn, void *arg)
{
	struct rpc_call *c = mem_new(ctx, struct rpc_call);

	assert(json_is_array(params) && fn);
	c->rpc = r;
	c->method = mem_strdup(c, method);
	c->params = json_text(c, params);
	json_decref(params);
	assert(strlen(c->params) <= CALL_BYTES);
	c->deadline_ms = clock_mono_ms() + r->give_up_ms;
	c->alone = !repeatable(method);
	c->fn = fn;
	c->arg = arg;
	talloc_set_destructor(c, call_destroy);
	append_call(r, c);
	/* At the end of this turn, with what else will have been called for. */
	timer_again(r->timer, 0, 0);
	return c;
}

/* Calls may outlive it: they are never answered then. */
static int rpc_destroy(struct rpc *r)
{
	while (r->queue) {
		struct rpc_call *c = r->queue;

		unlink_call(c);
		c->rpc = NULL;
	}
	for (size_t i = 0; i < r->endpoint_count; i++)
		error_free(r->endpoints[i].why);
	return 0;
}

struct error *rpc_open(const void *ctx, uv_loop_t *loop, const struct rpc_config *config, struct rpc **ret_rpc)
{
	struct rpc *r = mem_new(ctx, struct rpc);

	assert(config->url_count >= 1 && config->url_count <= RPC_ENDPOINTS);
	r->loop = loop;
	r->chain_id = config->chain_id;
	r->give_up_ms = config->give_up_ms ? config->give_up_ms : 30000;
	r->answer_ms = config->answer_ms ? config->answer_ms : 10000;
	if (!config->answer_ms && config->url_count > 1 && r->answer_ms > r->give_up_ms / 2)
		r->answer_ms = r->give_up_ms / 2;
	r->limit = config->limit ? config->limit : 16777216;
	r->queue_end = &r->queue;
	r->next_id = 1;
	r->generation = 1;
	for (size_t i = 0; i < config->url_count; i++) {
		struct rpc_endpoint *x = &r->endpoints[i];
		struct error *e = post_check_url(r, config->urls[i], &x->label);

		if (e) {
			mem_free(r);
			return e;
		}
		x->url = mem_strdup(r, config->urls[i]);
		x->batch_limit = BATCH;
		x->post_limit = POSTS;
		/* A call lives to see several tries. */
		x->backoff = (struct backoff){.first_ms = 200, .max_ms = 3000, .steady_ms = 60000};
		if (x->backoff.max_ms > r->give_up_ms / 4)
			x->backoff.max_ms = r->give_up_ms / 4;
		r->endpoint_count++;
	}
	r->post_client = post_client_new(r, loop);
	r->timer = timer_start(r, loop, 0, 0, on_timer, r);
	talloc_set_destructor(r, rpc_destroy);
	*ret_rpc = r;
	return NULL;
}

uint64_t rpc_chain_id(const struct rpc *r)
{
	return r->chain_id;
}

uint64_t rpc_generation(const struct rpc *r)
{
	return r->generation;
}

uv_loop_t *rpc_loop(const struct rpc *r)
{
	return r->loop;
}

uint64_t rpc_posts(const struct rpc *r)
{
	return r->posts_made;
}
