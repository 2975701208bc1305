#include "chain/gather.h"

#include "base/mem.h"

struct item {
	struct gather *gather;
	struct rpc_reply reply; /* points to what the item keeps */
	json_t *result;
	struct error *error;
};

struct gather {
	struct rpc *rpc;
	gather_fn *fn;
	void *arg;
	struct item **items;
	size_t count, left;
};

static int item_destroy(struct item *item)
{
	json_decref(item->result);
	error_free(item->error);
	return 0;
}

struct gather *gather_new(const void *ctx, struct rpc *rpc, gather_fn *fn, void *arg)
{
	struct gather *g = mem_new(ctx, struct gather);

	*g = (struct gather){.rpc = rpc, .fn = fn, .arg = arg};
	g->left = 1; /* gather_run() */
	return g;
}

static void answered(struct gather *g)
{
	if (--g->left > 0)
		return;
	talloc_steal(NULL, g);
	g->fn(g, g->arg);
	mem_free(g);
}

static void on_reply(const struct rpc_reply *reply, void *arg)
{
	struct item *item = arg;

	item->reply = *reply;
	item->result = json_incref((json_t *)reply->result);
	item->error = reply->error ? error_copy(reply->error) : NULL;
	item->reply.error = item->error;
	item->reply.words = reply->words ? mem_strdup(item, reply->words) : NULL;
	item->reply.revert =
		reply->revert ? mem_memdup(item, reply->revert, reply->revert_n ? reply->revert_n : 1) : NULL;
	answered(item->gather);
}

size_t gather_add(struct gather *g, const char *method, json_t *params)
{
	struct item *item = mem_new(g, struct item);

	item->gather = g;
	talloc_set_destructor(item, item_destroy);
	g->items = mem_resize(g, g->items, struct item *, g->count + 1);
	g->items[g->count] = item;
	g->left++;
	rpc_call(g->rpc, g, method, params, on_reply, item);
	return g->count++;
}

void gather_run(struct gather *g)
{
	/* Answers come in later turns, so this is never the last unless nothing was asked. */
	if (g->count > 0)
		g->left--;
	else
		answered(g);
}

const struct rpc_reply *gather_at(const struct gather *g, size_t i)
{
	return &g->items[i]->reply;
}

const struct error *gather_failure(const struct gather *g)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct error *e = g->items[i]->error;

		if (e && e->code != ERROR_FAILED)
			return e;
	}
	return NULL;
}
