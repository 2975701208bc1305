/* vcli register list: who takes part, and which nodes are offered; all of one block. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "contracts/refusal.h"
#include "vcli/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/render.h"

#define PAGE 100 /* addresses, as many as the contracts give at once */

typedef struct error *row_fn(struct chain *c, const char *block, const char *address, json_t *rows);

/* Pages of addresses from a view (uint8, offset, limit); each address by `fn`. */
static struct error *each(struct chain *c, const char *contract, const char *function, int of, const char *block,
			  row_fn *fn, json_t *rows)
{
	size_t at = 0, got = PAGE;

	while (got == PAGE) {
		json_t *values = NULL, *address = NULL;
		struct error *e = NULL;
		size_t i = 0;

		TRY(chain_ask_at(c, contract, function, json_pack("[i,I,i]", of, (json_int_t)at, PAGE), block,
				 &values));
		got = json_array_size(json_array_get(values, 0));
		json_array_foreach (json_array_get(values, 0), i, address) {
			if (!e)
				e = fn(c, block, json_string_value(address), rows);
		}
		json_decref(values);
		TRY(e);
		at += got;
	}
	return NULL;
}

static struct error *add_account(struct chain *c, const char *block, const char *address, json_t *rows)
{
	(void)c;
	(void)block;
	json_array_append_new(rows, json_pack("{s:s}", "account", address));
	return NULL;
}

static struct error *add_node(struct chain *c, const char *block, const char *address, json_t *rows)
{
	json_t *node = NULL, *row = json_object();
	char *price;

	TRY(chain_ask_at(c, "Nodes", "get", json_pack("[s]", address), block, &node));
	price = money_wei(c, json_object_get(node, "price"));
	json_put(row, "node", address);
	json_put(row, "work", money_word(refusal_works, json_object_get(node, "work")));
	json_put(row, "price", price);
	json_object_set(row, "price_wei", json_object_get(node, "price"));
	json_object_set(row, "capacity", json_object_get(node, "capacity"));
	json_object_set(row, "owner", json_object_get(node, "owner"));
	json_object_set(row, "endpoint", json_object_get(node, "endpoint"));
	json_object_set(row, "software", json_object_get(node, "version"));
	json_array_append_new(rows, row);
	json_decref(node);
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
	if (part < 2) {
		TRY(each(c, "Accounts", "page", part, block, add_account, rows));
	} else {
		for (int work = 0; refusal_works[work]; work++)
			TRY(each(c, "Nodes", "pageOfWork", work, block, add_node, rows));
	}
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
