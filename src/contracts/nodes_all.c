/* All nodes that are offered: pages of each kind of work, and what each node is, of one block. */
#include <string.h>

#include "base/mem.h"
#include "contracts/nodes.h"
#include "contracts/op.h"
#include "contracts/pages.h"

struct nodes_reading {
	struct op op;
	char *block;
	struct nodes_page_of_work_call call;
	struct nodes_page_of_work_result page;
	size_t at; /* in the page */
	struct pages pages;
	struct nodes_all all, *ret;
};

static void ask_page(struct nodes_reading *r);

static void ask_node(struct nodes_reading *r);

static struct error *take_node(struct nodes_reading *r)
{
	const struct nodes_get_result *is = &r->all.entries[r->all.count - 1].is;

	return pages_take_bytes(&r->pages, "nodes", is->public_key.n + is->endpoint.n + is->version.n);
}

static void on_node(const struct contracts_answer *answer, void *arg)
{
	struct nodes_reading *r = arg;
	struct error *e;

	if (answer->error) {
		op_end(r, answer);
		return;
	}
	e = take_node(r);
	if (e) {
		op_end_with(r, e);
		return;
	}
	r->at++;
	ask_node(r);
}

/* The next of this page, of the next one, or of the next kind. */
static void ask_node(struct nodes_reading *r)
{
	struct nodes_get_call get;
	struct nodes_entry *entry;
	uint64_t offset = 0;

	if (r->at < r->page.value.n) {
		r->all.entries = mem_resize(r->op.ctx, r->all.entries, struct nodes_entry, r->all.count + 1);
		entry = &r->all.entries[r->all.count++];
		memcpy(entry->node, r->page.value.at[r->at], sizeof(entry->node));
		memcpy(get.node, entry->node, sizeof(get.node));
		nodes_get_ask(r->op.ctx, r->op.k, &get, r->block, &entry->is, on_node, r);
	} else if (r->page.value.n == PAGES_PAGE && u256_to_u64(r->call.offset, &offset)) {
		r->call.offset = u256_of(offset + PAGES_PAGE);
		ask_page(r);
	} else if (r->call.work + 1 < CONTRACTS_WORK_COUNT) {
		r->call.work++;
		r->call.offset = U256_ZERO;
		ask_page(r);
	} else {
		*r->ret = r->all;
		op_end_with(r, NULL);
	}
}

static void on_page(const struct contracts_answer *answer, void *arg)
{
	struct nodes_reading *r = arg;
	struct error *e;

	if (answer->error) {
		op_end(r, answer);
		return;
	}
	e = pages_take(&r->pages, "nodes", r->page.value.n);
	if (e) {
		op_end_with(r, e);
		return;
	}
	r->at = 0;
	ask_node(r);
}

static void ask_page(struct nodes_reading *r)
{
	r->call.limit = u256_of(PAGES_PAGE);
	nodes_page_of_work_ask(r, r->op.k, &r->call, r->block, &r->page, on_page, r);
}

void nodes_read_all(const void *ctx, struct contracts *k, const char *block, struct nodes_all *ret, contracts_fn *fn,
		    void *arg)
{
	struct nodes_reading *r = op_new(ctx, k, struct nodes_reading, fn, arg);

	r->block = mem_strdup(r, block);
	r->ret = ret;
	ask_page(r);
}
