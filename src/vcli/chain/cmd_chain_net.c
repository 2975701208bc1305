/* vcli chain up, status, down: a development chain on this machine. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/rpc_read.h"
#include "vcli/chain/chain_up.h"
#include "vcli/commands.h"
#include "vcli/render.h"

/* --- up --- */

static struct error *wait_for_answer(struct chain_net *n, int64_t end_ms, struct chain **ret_chain)
{
	for (;;) {
		struct rpc_block_head head = {0};
		struct error *e = chain_net_check(n);

		if (e)
			return e;
		e = chain_connect(n->v, ret_chain);
		if (!e)
			e = chain_head(*ret_chain, &head);
		if (!e || clock_mono_ms() > end_ms)
			return e;
		error_free(e);
		chain_net_pause(n);
	}
}

static struct error *find_program(struct vcli *v, const char *name, const char *mend)
{
	char *path = NULL;
	struct error *e = child_find_program(v, name, &path);

	return e ? error_wrap(e, "%s", mend) : NULL;
}

static struct error *find_programs(struct vcli *v)
{
	if (!v->set.devnet.poa)
		return find_program(v, v->set.devnet.anvil,
				    "--anvil names the program, npm has it as @foundry-rs/anvil");
	TRY(find_program(v, v->set.devnet.geth, "--geth names the program, scripts/geth builds it"));
	return find_program(v, v->set.devnet.bootnode, "--bootnode names the program, scripts/geth builds it");
}

/* NULL: there was none, or it is not gone on with. */
static struct error *find_earlier(struct vcli *v, struct chain_net **ret_net)
{
	const char *kind = v->set.devnet.poa ? "poa" : "anvil", *has;
	struct chain_net *n = NULL;
	struct error *e = chain_net_read(v, &n);

	if (e) {
		bool none = e->code == ERROR_NOT_FOUND;

		if (none)
			error_free(e);
		return none ? NULL : e;
	}
	for (size_t i = 0; i < json_array_size(json_object_get(n->document, "processes")); i++) {
		if (chain_net_alive(n, i))
			return error_new(
				ERROR_EXISTS,
				"a chain is up already: see vcli chain status, or end it with vcli chain down");
	}
	if (v->set.force)
		return file_remove_tree(n->folder);
	has = json_string_value(json_object_get(n->document, "kind"));
	if (!has || strcmp(has, kind) != 0)
		return error_new(ERROR_EXISTS,
				 "the chain in %s is one of %s: vcli chain up%s goes on with it, --force removes it",
				 n->folder, v->set.devnet.poa ? "anvil" : "geth nodes",
				 v->set.devnet.poa ? "" : " --poa");
	*ret_net = n;
	return NULL;
}

static void show_rpc(struct vcli *v, const struct chain_net *n)
{
	json_t *url;
	size_t i;

	json_object_set(v->answer, "rpc", json_object_get(n->document, "rpc"));
	if (v->set.json)
		return;
	json_array_foreach (json_object_get(n->document, "rpc"), i, url)
		printf("%s\n", json_string_value(url));
}

static struct error *bring_up(struct vcli *v, struct chain_net *n)
{
	int64_t end_ms = v->timeout_ms ? clock_mono_ms() + v->timeout_ms : INT64_MAX;
	struct chain *c = NULL;

	if (v->set.devnet.poa) {
		TRY(chain_up_poa(n, end_ms));
		return chain_net_join(n, end_ms);
	}
	TRY(chain_up_anvil(n));
	TRY(wait_for_answer(n, end_ms, &c));
	return chain_up_settle_anvil(c);
}

static void on_signal(int signum, void *arg)
{
	struct chain_net *n = arg;

	(void)signum;
	n->interrupted = true;
}

/* As after vcli chain down: nothing runs, the data stays. */
static struct error *take_down(struct chain_net *n)
{
	chain_net_stop(n);
	json_array_clear(json_object_get(n->document, "rpc"));
	return chain_net_write(n);
}

/* Takes e, why it did not come up. */
static struct error *give_up(struct chain_net *n, struct error *e)
{
	if (!n->interrupted) {
		chain_net_stop(n);
		return e;
	}
	error_free(e);
	TRY(take_down(n));
	return error_new(ERROR_FAILED, "interrupted: the chain is down again, its data stays in %s", n->folder);
}

struct error *cmd_chain_up(struct vcli *v)
{
	struct chain_net *n = NULL, *earlier = NULL;
	struct error *e;

	vcli_answer(v, json_object());
	TRY(find_programs(v));
	TRY(find_earlier(v, &earlier));
	TRY(chain_net_new(v, v->set.devnet.poa ? "poa" : "anvil", &n));
	TRY(chain_net_choose_sealers(n, earlier));
	TRY(chain_net_keep_ports(n, earlier));
	/* What is started goes on without us: who is told to end before all is well ends it. */
	signal_start(n, &v->loop, SIGINT, on_signal, n);
	signal_start(n, &v->loop, SIGTERM, on_signal, n);
	e = bring_up(v, n);
	if (e)
		return give_up(n, e);
	show_rpc(v, n);
	return NULL;
}

/* --- status, down --- */

struct error *cmd_chain_status(struct vcli *v)
{
	static const char *const columns[] = {"name", "state", "pid", "log", NULL};
	struct chain_net *n = NULL;
	struct chain *c = NULL;
	struct rpc_block_head head = {0};
	json_t *rows = json_array(), *p;
	bool running = false;
	size_t i;

	vcli_answer(v, json_pack("{s:o}", "processes", rows));
	TRY(chain_net_read(v, &n));
	json_array_foreach (json_object_get(n->document, "processes"), i, p) {
		json_t *row = json_copy(p);
		bool alive = chain_net_alive(n, i);

		json_object_del(row, "start_time");
		json_put(row, "state", alive ? "running" : "ended");
		running = running || alive;
		json_array_append_new(rows, row);
	}
	if (json_array_size(rows) == 0)
		return error_new(ERROR_NOT_FOUND, "no chain is up: see vcli chain up");
	if (!v->set.json)
		render_table(stdout, rows, columns);
	if (!running)
		return error_new(ERROR_UNAVAILABLE,
				 "the chain has ended, see its log; vcli chain up goes on with its data");
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
	struct chain_net *n = NULL;

	vcli_answer(v, json_object());
	TRY(chain_net_read(v, &n));
	TRY(take_down(n));
	json_put(v->answer, "state", "down");
	if (!v->set.json)
		printf("down; its data stays in %s\n", n->folder);
	return NULL;
}
