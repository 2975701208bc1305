/* The same question to every endpoint, each by itself: what one says is held against what the others say. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "chain/rpc_answer.h"
#include "chain/rpc_impl.h"
#include "chain/rpc_read.h"

#define WAIT_MS 3000 /* for an endpoint that may be dead: it has no say then */
#define CALLS 2      /* eth_chainId, and the question */

struct asked {
	struct rpc_each *each;
	struct rpc_endpoint_reply reply;
	struct rpc_answer *answer;
	struct error *error;
};

struct rpc_each {
	struct rpc *rpc;
	const char *methods[CALLS];
	rpc_each_fn *fn;
	void *arg;
	struct asked asked[RPC_ENDPOINTS];
	size_t left;
};

static int each_destroy(struct rpc_each *each)
{
	for (size_t i = 0; i < RPC_ENDPOINTS; i++)
		error_free(each->asked[i].error);
	return 0;
}

static void end(struct rpc_each *each)
{
	struct rpc_endpoint_reply replies[RPC_ENDPOINTS];
	size_t count = each->rpc->endpoint_count;

	for (size_t i = 0; i < count; i++) {
		replies[i] = each->asked[i].reply;
		replies[i].error = each->asked[i].error;
	}
	talloc_steal(NULL, each);
	each->fn(replies, count, each->arg);
	mem_free(each);
}

static struct error *judge(const struct rpc *r, const struct rpc_answer *answer, const char *method,
			   struct rpc_endpoint_reply *ret)
{
	const struct json_place at = {NULL, "eth_chainId", 0};
	const struct rpc_outcome *chain = &answer->outcomes[0], *outcome = &answer->outcomes[1];
	uint64_t id = 0;

	if (answer->whole_refused || !chain->result)
		return error_new(ERROR_FAILED, "eth_chainId: %s", chain->message);
	TRY(rpc_read_quantity(chain->result, &at, &id));
	if (id != r->chain_id)
		return error_new(ERROR_REFUSED, "it is on chain %" PRIu64 ", wanted is chain %" PRIu64, id,
				 r->chain_id);
	if (!outcome->result)
		return error_new(ERROR_FAILED, "%s: %s", method, outcome->message);
	ret->result = outcome->result;
	return NULL;
}

static void on_body(const struct error *e, const char *body, size_t n, void *arg)
{
	struct asked *a = arg;
	struct rpc_each *each = a->each;

	a->error = e ? error_copy(e)
		     : rpc_answer_read(each, body, n, each->rpc->limit, 0, each->methods, CALLS, &a->answer);
	if (!a->error)
		a->error = judge(each->rpc, a->answer, each->methods[1], &a->reply);
	if (--each->left == 0)
		end(each);
}

void rpc_ask_each(struct rpc *r, const void *ctx, const char *method, json_t *params, rpc_each_fn *fn, void *arg)
{
	struct rpc_each *each = mem_new(ctx, struct rpc_each);
	char *words = json_text(each, params), *body;

	*each = (struct rpc_each){.rpc = r, .fn = fn, .arg = arg, .left = r->endpoint_count};
	each->methods[0] = "eth_chainId";
	each->methods[1] = mem_strdup(each, method);
	talloc_set_destructor(each, each_destroy);
	body = mem_printf(
		each,
		"[{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"eth_chainId\",\"params\":[]},{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}]",
		method, words);
	json_decref(params);
	for (size_t i = 0; i < r->endpoint_count; i++) {
		each->asked[i].each = each;
		each->asked[i].reply.label = r->endpoints[i].label;
		r->posts_made++;
		post_start(each, r->post_client, r->endpoints[i].url, body, strlen(body), r->limit,
			   r->answer_ms < WAIT_MS ? r->answer_ms : WAIT_MS, false, on_body, &each->asked[i]);
	}
}

size_t rpc_endpoint_count(const struct rpc *r)
{
	return r->endpoint_count;
}
