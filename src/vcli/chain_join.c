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
static struct error *ask(struct net *n, const char *url, const char *method, json_t *params, json_t **ret_result)
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
static struct error *ask_quantity(struct net *n, const char *url, const char *method, uint64_t *ret)
{
	const struct place at = {NULL, method, 0};
	json_t *result = NULL;
	struct error *e;

	TRY(ask(n, url, method, json_array(), &result));
	e = rpc_read_quantity(result, &at, ret);
	json_decref(result);
	return e;
}

/* Until it has met the others; one that does not answer yet is asked again. */
static struct error *wait_for_peers(struct net *n, const char *url, size_t wanted, int64_t end_ms)
{
	for (;;) {
		uint64_t count = 0;
		struct error *e = net_check(n);

		if (e)
			return e;
		e = ask_quantity(n, url, "net_peerCount", &count);
		if (!e && count >= wanted)
			return NULL;
		if (clock_mono_ms() > end_ms)
			return e ? e
				 : error_new(ERROR_TIMEOUT,
					     "the sealer at %s has met %llu of %zu others; see the logs in %s", url,
					     (unsigned long long)count, wanted, n->folder);
		error_free(e);
		net_pause(n);
	}
}

/* Started again, they have blocks already, and one may have more than another. */
static struct error *highest_block(struct net *n, const json_t *urls, uint64_t *ret_number)
{
	for (size_t i = 0; i < json_array_size(urls); i++) {
		uint64_t number = 0;

		TRY(ask_quantity(n, json_string_value(json_array_get(urls, i)), "eth_blockNumber", &number));
		*ret_number = number > *ret_number ? number : *ret_number;
	}
	return NULL;
}

static struct error *start_sealing(struct net *n, const json_t *urls)
{
	for (size_t i = 0; i < json_array_size(urls); i++) {
		json_t *result = NULL;

		TRY(ask(n, json_string_value(json_array_get(urls, i)), "miner_start", json_pack("[i]", 1), &result));
		json_decref(result);
	}
	return NULL;
}

/* At the first of them, which is the one that commands speak to. */
static struct error *wait_for_block_after(struct net *n, const char *url, uint64_t number, int64_t end_ms)
{
	for (;;) {
		uint64_t latest = 0;
		struct error *e = net_check(n);

		if (e)
			return e;
		e = ask_quantity(n, url, "eth_blockNumber", &latest);
		if (!e && latest > number)
			return NULL;
		if (clock_mono_ms() > end_ms)
			return e ? e
				 : error_new(ERROR_TIMEOUT,
					     "the sealers have made no block after %llu; see the logs in %s",
					     (unsigned long long)number, n->folder);
		error_free(e);
		net_pause(n);
	}
}

struct error *net_join(struct net *n, int64_t end_ms)
{
	const json_t *urls = json_object_get(n->document, "rpc");
	size_t count = json_array_size(urls);
	uint64_t number = 0;

	for (size_t i = 0; i < count; i++)
		TRY(wait_for_peers(n, json_string_value(json_array_get(urls, i)), count - 1, end_ms));
	TRY(highest_block(n, urls, &number));
	TRY(start_sealing(n, urls));
	return wait_for_block_after(n, json_string_value(json_array_get(urls, 0)), number, end_ms);
}
