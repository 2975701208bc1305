/* contracts/ for commands: each call runs the loop until it is answered. */
#include <inttypes.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/chain/chain.h"
#include "vcli/progress.h"

/* --- what is told of it --- */

static void on_sent(const char *what, void *arg)
{
	struct chain *c = arg;

	if (c->progress)
		progress_say(c->progress, "%s: sent, waiting for its block", what);
}

static void on_done(const char *what, const struct txbox_record *record, void *arg)
{
	struct chain *c = arg;
	json_t *list = json_object_get(c->v->answer, "transactions");
	char *hash;

	mem_free(c->carried_out);
	c->carried_out = mem_strdup(c, what);
	if (!c->tells)
		return;
	if (!list) {
		list = json_array();
		json_object_set_new(c->v->answer, "transactions", list);
	}
	hash = hex_encode(c, record->receipt.tx_hash, TX_HASH_BYTES);
	json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o}", "what", json_string(what), "hash",
					      json_sprintf("0x%s", hash), "block",
					      json_sprintf("%" PRIu64, record->receipt.block), "gas",
					      json_sprintf("%" PRIu64, record->receipt.gas_used)));
}

void chain_begin_contracts(struct chain *c)
{
	const struct contracts_config config = {.loop = &c->v->loop,
						.rpc = c->rpc,
						.once = c->v->set.chain.once,
						.patient = c->v->set.chain.highest_fee,
						.on_sent = on_sent,
						.on_done = on_done,
						.arg = c};

	c->contracts = contracts_new(c, &config);
}

/* --- waiting --- */

struct chain_awaited *chain_begin(struct chain *c)
{
	c->tells = true;
	mem_free(c->carried_out);
	c->carried_out = NULL;
	return mem_new(c, struct chain_awaited);
}

void chain_answered(const struct contracts_answer *answer, void *awaited)
{
	struct chain_awaited *w = awaited;

	w->done = true;
	w->error = answer->error ? error_copy(answer->error) : NULL;
	w->refusal = answer->refusal;
}

/* What was carried out must not look as if it were not: it would be said again. */
static struct error *too_late(const struct chain *c)
{
	const char *what = contracts_waiting(c->contracts);

	if (what)
		return contracts_not_yet(c->contracts, what);
	if (c->carried_out)
		return error_new(
			ERROR_TIMEOUT,
			"%s was carried out, but the chain's endpoint has not told in time what follows from it",
			c->carried_out);
	return error_new(ERROR_TIMEOUT, "the chain's endpoint has not answered in time");
}

struct error *chain_await(struct chain *c, struct chain_awaited *w)
{
	struct progress *p = progress_new(c, c->v);
	struct error *e;
	bool done;

	c->progress = p;
	progress_say(p, "waiting for the chain to answer");
	done = chain_run(c, &w->done);
	c->progress = NULL;
	mem_free(p);
	if (done)
		return w->error;
	e = too_late(c);
	talloc_free_children(w);
	return e;
}

/* --- sending --- */

struct error *chain_pay(struct chain *c, const uint8_t to[ETH_ADDRESS_BYTES], struct u256 value)
{
	struct chain_awaited *w = chain_begin(c);

	contracts_pay(w, c->contracts, to, value, NULL, chain_answered, w);
	return chain_await(c, w);
}
