/* Sealers begin when they have met: those that seal before have each a chain of their own, and Clique's turns can leave
 * all of them waiting for a block of another. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "chain/rpc_read.h"
#include "vcli/chain.h"
#include "vcli/chain_net.h"

#define ANSWER_MS 2000

/* One call to this sealer; a new reference. */
static struct error *ask(struct chain_net *n, const char *url, const char *method, json_t *params, json_t **ret_result)
{
	const struct rpc_config config = {
		.urls = &url, .url_count = 1, .answer_ms = ANSWER_MS, .give_up_ms = ANSWER_MS};
	struct chain *c = mem_new(n, struct chain);
	struct error *e;

	c->v = n->v;
	c->deadline_ms = INT64_MAX;
	e = rpc_open(c, &n->v->loop, &config, &c->rpc);
	if (e)
		json_decref(params);
	else
		e = chain_call(c, method, params, ret_result);
	mem_free(c);
	return e;
}

/* net_peerCount or eth_blockNumber. */
static struct error *ask_quantity(struct chain_net *n, const char *url, const char *method, uint64_t *ret)
{
	const struct json_place at = {NULL, method, 0};
	json_t *result = NULL;
	struct error *e;

	TRY(ask(n, url, method, json_array(), &result));
	e = rpc_read_quantity(result, &at, ret);
	json_decref(result);
	return e;
}

/* Whether a sealer has come as far as is wanted. */
typedef struct error *look_fn(struct chain_net *n, const char *url, uint64_t wanted, bool *ret_yes);

static struct error *has_peers(struct chain_net *n, const char *url, uint64_t wanted, bool *ret_yes)
{
	uint64_t count = 0;

	TRY(ask_quantity(n, url, "net_peerCount", &count));
	*ret_yes = count >= wanted;
	return NULL;
}

/* geth answers before it has unlocked the account, and who is told to seal then does not try again. */
static struct error *can_sign(struct chain_net *n, const char *url, uint64_t wanted, bool *ret_yes)
{
	json_t *account = NULL, *signature = NULL;

	(void)wanted;
	TRY(ask(n, url, "eth_coinbase", json_array(), &account));
	TRY(ask(n, url, "eth_sign", json_pack("[o,s]", account, "0x"), &signature));
	json_decref(signature);
	*ret_yes = true;
	return NULL;
}

static struct error *has_block_after(struct chain_net *n, const char *url, uint64_t wanted, bool *ret_yes)
{
	uint64_t latest = 0;

	TRY(ask_quantity(n, url, "eth_blockNumber", &latest));
	*ret_yes = latest > wanted;
	return NULL;
}

/* One that does not answer yet is asked again. */
static struct error *wait_until(struct chain_net *n, const char *url, look_fn *look, uint64_t wanted, int64_t end_ms,
				const char *complaint)
{
	for (;;) {
		bool yes = false;
		struct error *e = chain_net_check(n);

		if (e)
			return e;
		e = look(n, url, wanted, &yes);
		if (!e && yes)
			return NULL;
		if (clock_mono_ms() > end_ms)
			return e ? e
				 : error_new(ERROR_TIMEOUT, "the sealer at %s %s; see the logs in %s", url, complaint,
					     n->folder);
		error_free(e);
		chain_net_pause(n);
	}
}

/* Started again, they have blocks already, and one may have more than another. */
static struct error *highest_block(struct chain_net *n, const json_t *urls, uint64_t *ret_number)
{
	for (size_t i = 0; i < json_array_size(urls); i++) {
		uint64_t number = 0;

		TRY(ask_quantity(n, json_string_value(json_array_get(urls, i)), "eth_blockNumber", &number));
		*ret_number = number > *ret_number ? number : *ret_number;
	}
	return NULL;
}

static struct error *start_sealing(struct chain_net *n, const json_t *urls)
{
	for (size_t i = 0; i < json_array_size(urls); i++) {
		json_t *result = NULL;

		TRY(ask(n, json_string_value(json_array_get(urls, i)), "miner_start", json_pack("[i]", 1), &result));
		json_decref(result);
	}
	return NULL;
}

struct error *chain_net_wait_for_sealer(struct chain_net *n, const char *url, int64_t end_ms)
{
	return wait_until(n, url, has_peers, 0, end_ms, "does not answer");
}

struct error *chain_net_join(struct chain_net *n, int64_t end_ms)
{
	const json_t *urls = json_object_get(n->document, "rpc");
	size_t count = json_array_size(urls);
	uint64_t number = 0;

	for (size_t i = 0; i < count; i++) {
		const char *url = json_string_value(json_array_get(urls, i));

		TRY(wait_until(n, url, has_peers, count - 1, end_ms, "has not met the others"));
		TRY(wait_until(n, url, can_sign, 0, end_ms, "has not unlocked its account"));
	}
	TRY(highest_block(n, urls, &number));
	TRY(start_sealing(n, urls));
	/* At the first of them, which is the one that commands speak to. */
	return wait_until(n, json_string_value(json_array_get(urls, 0)), has_block_after, number, end_ms,
			  "has no new block");
}
