/* anvil as a chain of one's own: one node, which keeps its state in a file. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "vcli/chain/chain_up.h"
#include "vcli/chain/wallet.h"

#define GAS_LIMIT "23000000"

struct error *chain_up_anvil(struct chain_net *n)
{
	char *state = file_join(n, n->folder, "anvil.json"), *began = mem_printf(n, "%" PRId64, n->began_s),
	     *period = mem_printf(n, "%" PRId64, n->period_s), *port;
	unsigned number = 0;

	TRY(chain_net_rpc_port(n, 0, &number));
	port = mem_printf(n, "%u", number);
	const char *const argv[] = {n->v->set.devnet.anvil,
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
				    "--timestamp",
				    began,
				    n->period_s ? "--block-time" : NULL,
				    period,
				    NULL};
	TRY(chain_net_start(n, "anvil", argv));
	json_array_append_new(json_object_get(n->document, "rpc"), json_sprintf("http://127.0.0.1:%u", number));
	return chain_net_write(n);
}

/* With a time for its first block, anvil goes on counting from there. */
static struct error *set_clock(struct chain *c)
{
	json_t *result = NULL;

	TRY(chain_call(c, "evm_setTime", json_pack("[I]", (json_int_t)(clock_wall_ms() / 1000)), &result));
	json_decref(result);
	return NULL;
}

/* What anvil's own accounts have is nobody's here: their keys are known to all. */
static struct error *fund(struct chain *c)
{
	struct vcli *v = c->v;
	struct account *accounts = NULL;
	char text[ADDRESS_TEXT_BYTES];
	size_t count = 0;

	TRY(wallet_list(v, &accounts, &count));
	for (size_t i = 0; i < count; i++) {
		json_t *result = NULL;

		eth_address_text(accounts[i].address, text);
		TRY(chain_call(c, "anvil_setBalance", json_pack("[s,s]", text, NET_RICH), &result));
		json_decref(result);
	}
	return NULL;
}

struct error *chain_up_settle_anvil(struct chain *c)
{
	TRY(set_clock(c));
	return fund(c);
}
