/* The endpoints of one chain: which to use, which to leave alone and for how long, which are of another chain. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "chain/rpc_answer.h"
#include "chain/rpc_impl.h"
#include "chain/rpc_read.h"
#include "chain/tx.h"

#define CHECK_MS 5000 /* an endpoint has this long to name its chain */

void rpc_endpoint_failed(struct rpc *r, struct rpc_endpoint *x, const struct error *why, enum rpc_endpoint_state state)
{
	if (x->state == GOOD || x->state != state || !x->why || strcmp(x->why->message, why->message) != 0)
		log_warn("rpc.away", "endpoint=%s why=%s", x->label, log_q(why->message));
	error_free(x->why);
	x->why = error_copy(why);
	x->state = state;
	x->due_ms = clock_mono_ms() + backoff_next_ms(&x->backoff, 0);
	r->generation++;
}

char *rpc_endpoint_reasons(const void *ctx, const struct rpc *r)
{
	struct buf *text = buf_new(NULL, 4096);
	struct error *e = NULL;
	char *copy;

	for (size_t i = 0; !e && i < r->endpoint_count; i++) {
		const struct rpc_endpoint *x = &r->endpoints[i];

		e = buf_printf(text, "%s%s: %s", i ? "; " : "", x->label, x->why ? x->why->message : "no answer yet");
	}
	error_free(e);
	copy = mem_strdup(ctx, text->data);
	mem_free(text);
	return copy;
}

bool rpc_endpoint_all_foreign(const struct rpc *r)
{
	for (size_t i = 0; i < r->endpoint_count; i++) {
		if (r->endpoints[i].state != FOREIGN)
			return false;
	}
	return true;
}

static struct error *check_chain(struct rpc *r, struct rpc_endpoint *x, const json_t *result)
{
	const struct json_place at = {NULL, "eth_chainId", 0};
	uint64_t id = 0;

	TRY(rpc_read_quantity(result, &at, &id));
	if (id == 0)
		return error_new(ERROR_UNAVAILABLE, "names no chain id yet");
	if (id > TX_CHAIN_ID_MAX)
		return error_new(ERROR_REFUSED, "its chain id %" PRIu64 " is larger than EIP-2294 allows: not used",
				 id);
	if (r->chain_id && r->chain_id != id)
		return error_new(ERROR_REFUSED,
				 "it is on chain %" PRIu64 ", wanted is chain %" PRIu64
				 ": not used; name an endpoint of the right chain",
				 id, r->chain_id);
	r->chain_id = id;
	log_info("rpc.up", "endpoint=%s chain=%" PRIu64, x->label, id);
	return NULL;
}

struct check {
	struct rpc *rpc;
	struct rpc_endpoint *endpoint;
};

static void on_checked(const struct error *e, const char *body, size_t n, void *arg)
{
	static const char *const method = "eth_chainId";
	struct check *check = arg;
	struct rpc *r = check->rpc;
	struct rpc_endpoint *x = check->endpoint;
	struct rpc_answer *answer = NULL;
	struct error *why = e ? error_copy(e) : rpc_answer_read(check, body, n, r->limit, 0, &method, 1, &answer);

	assert(why || answer);
	if (!why && answer->outcomes[0].result)
		why = check_chain(r, x, answer->outcomes[0].result);
	else if (!why)
		why = error_new(ERROR_UNAVAILABLE, "does not name its chain: %s", answer->outcomes[0].message);
	if (why) {
		rpc_endpoint_failed(r, x, why, why->code == ERROR_REFUSED ? FOREIGN : UNCHECKED);
		error_free(why);
	} else {
		x->state = GOOD;
	}
	mem_free(check);
	rpc_pump(r);
}

static void start_check(struct rpc *r, struct rpc_endpoint *x)
{
	static const char body[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"eth_chainId\",\"params\":[]}";
	struct check *check = mem_new(r, struct check);
	int64_t deadline_ms = r->answer_ms < CHECK_MS ? r->answer_ms : CHECK_MS;

	*check = (struct check){r, x};
	x->state = CHECKING;
	r->posts_made++;
	post_start(r, r->post_client, x->url, body, strlen(body), r->limit, deadline_ms, false, on_checked, check);
}

struct rpc_endpoint *rpc_endpoint_choose(struct rpc *r, int64_t *ret_due_ms)
{
	int64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < r->endpoint_count; i++) {
		size_t next = (r->current + i) % r->endpoint_count;
		struct rpc_endpoint *x = &r->endpoints[next];

		if (x->state == GOOD) {
			r->generation += next != r->current;
			r->current = next;
			return x;
		}
	}
	for (size_t i = 0; i < r->endpoint_count; i++) {
		struct rpc_endpoint *x = &r->endpoints[(r->current + i) % r->endpoint_count];

		if (x->state == CHECKING)
			continue;
		if (x->due_ms <= now_ms)
			start_check(r, x);
		else if (x->due_ms < *ret_due_ms)
			*ret_due_ms = x->due_ms;
	}
	return NULL;
}
