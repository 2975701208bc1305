/* Do the endpoints of --chain-rpc tell of one chain? Asked before anything is signed. */
#include <stdio.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "vcli/chain/chain.h"

struct comparing {
	struct chain *chain;
	bool done;
	struct error *error;
};

/* One on another chain is not used, so that it is enough to tell; one that begins otherwise could be the right one. */
static struct error *compare(struct chain *c, const struct rpc_endpoint_reply *o)
{
	const struct json_place at = {NULL, o->label, 0};
	struct rpc_block_head block = {0};

	if (o->error && o->error->code == ERROR_REFUSED && !c->v->set.quiet)
		fprintf(stderr, "vcli: the endpoint %s is not used: %s\n", o->label, o->error->message);
	if (o->error)
		return NULL;
	TRY(rpc_read_block(o->result, &at, &block));
	if (memcmp(block.hash, c->genesis, sizeof(block.hash)) == 0)
		return NULL;
	return error_new(
		ERROR_REFUSED,
		"the endpoints disagree: %s tells of another first block than the one before it: name those of the right chain with --chain-rpc",
		o->label);
}

static void on_replies(const struct rpc_endpoint_reply *replies, size_t count, void *arg)
{
	struct comparing *w = arg;

	for (size_t i = 0; i < count && !w->error; i++)
		w->error = compare(w->chain, &replies[i]);
	w->done = true;
}

struct error *chain_compare(struct chain *c)
{
	struct comparing *w;
	struct error *e;

	if (rpc_endpoint_count(c->rpc) == 1)
		return NULL;
	w = mem_new(c, struct comparing);
	w->chain = c;
	rpc_ask_each(c->rpc, w, "eth_getBlockByNumber", json_pack("[s,b]", "0x0", 0), on_replies, w);
	e = chain_run(c, &w->done) ? w->error
				   : error_new(ERROR_TIMEOUT, "the chain's endpoints have not answered in time");
	mem_free(w);
	return e;
}
