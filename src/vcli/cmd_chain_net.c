/* vcli chain up, status, down: a development chain on this machine. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/rpc_read.h"
#include "vcli/chain.h"
#include "vcli/chain_net.h"
#include "vcli/commands.h"
#include "vcli/purse.h"
#include "vcli/render.h"

#define RICH "0x21e19e0c9bab2400000" /* 10,000 ether for each account of this user */
#define GAS_LIMIT "23000000"

/* --- anvil --- */

static struct error *start_anvil(struct net *n)
{
	char *state = file_join(n, n->folder, "anvil.json"), *port;
	unsigned number = 0;

	TRY(net_free_port(&number));
	port = mem_printf(n, "%u", number);
	const char *const argv[] = {n->v->set.anvil,
				    "--host",
				    "127.0.0.1",
				    "--port",
				    port,
				    "--accounts",
				    "1",
				    "--state",
				    state,
				    "--state-interval",
				    "5",
				    "--gas-limit",
				    GAS_LIMIT,
				    n->period_s ? "--block-time" : NULL,
				    mem_printf(n, "%" PRId64, n->period_s),
				    NULL};
	TRY(net_start(n, "anvil", argv));
	json_array_append_new(json_object_get(n->document, "rpc"), json_sprintf("http://127.0.0.1:%u", number));
	return net_write(n);
}

/* What anvil's own accounts have is nobody's here: their keys are known to all. */
static struct error *fund(struct chain *c)
{
	struct vcli *v = c->v;
	struct account *accounts = NULL;
	char text[ADDRESS_TEXT_BYTES];
	size_t count = 0;

	TRY(purse_list(v, &accounts, &count));
	for (size_t i = 0; i < count; i++) {
		json_t *result = NULL;

		eth_address_text(accounts[i].address, text);
		TRY(chain_call(c, "anvil_setBalance", json_pack("[s,s]", text, RICH), &result));
		json_decref(result);
	}
	return NULL;
}

/* --- up --- */

static struct error *wait_for_answer(struct net *n, int64_t end_ms, struct chain **ret_chain)
{
	for (;;) {
		struct block_head head = {0};
		struct error *e = net_check(n);

		if (e)
			return e;
		e = chain_connect(n->v, ret_chain);
		if (!e)
			e = chain_head(*ret_chain, &head);
		if (!e || clock_mono_ms() > end_ms)
			return e;
		error_free(e);
		net_pause(n);
	}
}

/* NULL: there was none, or it is not gone on with. */
static struct error *find_earlier(struct vcli *v, struct net **ret_net)
{
	struct net *n = NULL;
	struct error *e = net_read(v, &n);

	if (e) {
		bool none = e->code == ERROR_NOT_FOUND;

		if (none)
			error_free(e);
		return none ? NULL : e;
	}
	for (size_t i = 0; i < json_array_size(json_object_get(n->document, "processes")); i++) {
		if (net_alive(n, i))
			return error_new(
				ERROR_EXISTS,
				"a chain is up already: see vcli chain status, or end it with vcli chain down");
	}
	/* Left by a machine that went down; another kind, or --force, begins anew. */
	if (v->set.force ||
	    strcmp(json_string_value(json_object_get(n->document, "kind")), v->set.poa ? "poa" : "anvil") != 0)
		return file_remove_tree(n->folder);
	*ret_net = n;
	return NULL;
}

static void show_rpc(struct vcli *v, const struct net *n)
{
	json_t *url;
	size_t i;

	json_object_set(v->answer, "rpc", json_object_get(n->document, "rpc"));
	if (v->set.json)
		return;
	json_array_foreach (json_object_get(n->document, "rpc"), i, url)
		printf("%s\n", json_string_value(url));
}

static struct error *bring_up(struct vcli *v, struct net *n)
{
	int64_t end_ms = v->timeout_ms ? clock_mono_ms() + v->timeout_ms : INT64_MAX;
	struct chain *c = NULL;

	if (v->set.poa) {
		TRY(net_start_poa(n));
		return net_join(n, end_ms);
	}
	TRY(start_anvil(n));
	TRY(wait_for_answer(n, end_ms, &c));
	return fund(c);
}

struct error *cmd_chain_up(struct vcli *v)
{
	struct net *n = NULL, *earlier = NULL;
	struct error *e;

	vcli_answer(v, json_object());
	TRY(find_earlier(v, &earlier));
	TRY(net_new(v, v->set.poa ? "poa" : "anvil", &n));
	TRY(net_shape(n, earlier));
	e = bring_up(v, n);
	if (e) {
		net_stop(n);
		return e;
	}
	show_rpc(v, n);
	return NULL;
}

/* --- status, down --- */

struct error *cmd_chain_status(struct vcli *v)
{
	static const char *const columns[] = {"name", "state", "pid", "log", NULL};
	struct net *n = NULL;
	struct chain *c = NULL;
	struct block_head head = {0};
	json_t *rows = json_array(), *p;
	size_t i;

	vcli_answer(v, json_pack("{s:o}", "processes", rows));
	TRY(net_read(v, &n));
	json_array_foreach (json_object_get(n->document, "processes"), i, p) {
		json_t *row = json_copy(p);

		json_object_del(row, "start_time");
		json_put(row, "state", net_alive(n, i) ? "running" : "ended");
		json_array_append_new(rows, row);
	}
	if (!v->set.json)
		render_table(stdout, rows, columns);
	if (json_array_size(rows) == 0)
		return error_new(ERROR_NOT_FOUND, "no chain is up: see vcli chain up");
	show_rpc(v, n);
	TRY(chain_connect(v, &c));
	TRY(chain_head(c, &head));
	json_put_decimal(v->answer, "chain_id", (int64_t)rpc_chain_id(c->rpc));
	json_put_decimal(v->answer, "block", (int64_t)head.number);
	json_put_decimal(v->answer, "gas_limit", (int64_t)head.gas_limit);
	if (!v->set.json)
		printf("chain %" PRIu64 ", block %" PRIu64 ", %" PRIu64 " gas a block\n", rpc_chain_id(c->rpc),
		       head.number, head.gas_limit);
	return NULL;
}

struct error *cmd_chain_down(struct vcli *v)
{
	struct net *n = NULL;

	vcli_answer(v, json_object());
	TRY(net_read(v, &n));
	net_stop(n);
	json_array_clear(json_object_get(n->document, "rpc"));
	TRY(net_write(n));
	json_put(v->answer, "state", "down");
	if (!v->set.json)
		printf("down; its data stays in %s\n", n->folder);
	return NULL;
}
