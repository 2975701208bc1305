/* vcli register list: who takes part, and which nodes are offered; all of one block. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "contracts/nodes.h"
#include "contracts/people.h"
#include "contracts/refusal.h"
#include "vcli/chain/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/render.h"

static struct error *add_accounts(struct chain *c, enum contracts_kind kind, const char *block, json_t *rows)
{
	struct people_list list = {.count = 0};
	struct chain_awaited *w = chain_begin(c);

	people_list(w, c->contracts, kind, block, &list, chain_answered, w);
	TRY(chain_await(c, w));
	for (size_t i = 0; i < list.count; i++) {
		json_t *row = json_object();

		money_put_address(row, "account", list.accounts[i]);
		json_array_append_new(rows, row);
	}
	return NULL;
}

static void add_node(const struct nodes_entry *n, json_t *rows)
{
	json_t *row = json_object();

	money_put_address(row, "node", n->node);
	json_put(row, "work", refusal_word(refusal_works, n->is.work));
	money_put(row, "price", n->is.price);
	json_object_set_new(row, "capacity", json_sprintf("%" PRIu64, n->is.capacity));
	money_put_address(row, "owner", n->is.owner);
	json_object_set_new(row, "endpoint", json_stringn(n->is.endpoint.data, n->is.endpoint.n));
	json_object_set_new(row, "software", json_stringn(n->is.version.data, n->is.version.n));
	json_array_append_new(rows, row);
}

static struct error *add_nodes(struct chain *c, const char *block, json_t *rows)
{
	struct nodes_all all = {.count = 0};
	struct chain_awaited *w = chain_begin(c);

	nodes_read_all(w, c->contracts, block, &all, chain_answered, w);
	TRY(chain_await(c, w));
	for (size_t i = 0; i < all.count; i++)
		add_node(&all.entries[i], rows);
	return NULL;
}

static void show(const json_t *rows, const char *what)
{
	static const char *const columns[] = {"account", NULL};
	static const char *const node_columns[] = {"node", "work", "price", "capacity", "owner", "endpoint", NULL};

	if (json_array_size(rows) == 0) {
		printf("no %s\n", what);
		return;
	}
	printf("%s\n", what);
	render_table(stdout, rows, strcmp(what, "nodes") == 0 ? node_columns : columns);
}

static const char *const parts[] = {"customers", "suppliers", "nodes", NULL};

static struct error *list(struct chain *c, int part, const char *block)
{
	json_t *rows = json_array();

	json_object_set_new(c->v->answer, parts[part], rows);
	if (part < CONTRACTS_KIND_COUNT)
		TRY(add_accounts(c, (enum contracts_kind)part, block, rows));
	else
		TRY(add_nodes(c, block, rows));
	if (!c->v->set.json)
		show(rows, parts[part]);
	return NULL;
}

struct error *cmd_register_list(struct vcli *v)
{
	struct rpc_block_head head;
	struct chain *c = NULL;
	char *block;
	int only = -1;

	if (v->args[0])
		TRY(money_choice("WHAT", parts, v->args[0], &only));
	TRY(chain_open(v, &c));
	TRY(chain_head(c, &head));
	block = mem_printf(v, "0x%" PRIx64, head.number);
	for (int part = 0; parts[part]; part++) {
		if (only < 0 || only == part)
			TRY(list(c, part, block));
	}
	return NULL;
}
