/* A proof-of-authority network of geth nodes: Clique, 23 M gas a block, several sealers, a bootnode.
 */
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/account.h"
#include "chain/address.h"
#include "crypto/secret.h"
#include "devnet/genesis.h"
#include "devnet/geth.h"
#include "devnet/port.h"
#include "vcli/chain/chain_up.h"
#include "vcli/chain/wallet.h"

#define CHAIN_ID 1515
#define GAS 23000000

struct sealer {
	char *name, *folder, *keystore, *password;
	struct account account;
	unsigned port, rpc_port;
	char *enode;
};

struct poa {
	struct chain_net *net;
	struct sealer sealers[NET_SEALERS];
	size_t count;
	char *genesis, *bootnode;
};

/* Its account is sealed under a random passphrase, which only its folder knows. */
static struct error *make_account(struct sealer *s)
{
	char *passphrase = hex_random(NULL, 16);
	struct secp_key key;
	struct error *e = account_find(s->folder, s->keystore, NULL, &s->account);

	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		secp_key_new(&key);
		e = file_write_atomic(s->password, passphrase, strlen(passphrase), 0600);
		if (!e)
			e = account_store(s->folder, s->keystore, &key, passphrase, true, &s->account);
		secret_wipe(&key, sizeof(key));
	}
	secret_wipe(passphrase, strlen(passphrase));
	mem_free(passphrase);
	return e;
}

static struct error *make_sealer(struct poa *p, size_t i)
{
	struct sealer *s = &p->sealers[i];
	char *node_key;

	s->name = mem_printf(p, "sealer%zu", i + 1);
	s->folder = file_join(p, p->net->folder, s->name);
	s->keystore = file_join(p, s->folder, "keystore");
	s->password = file_join(p, s->folder, "password");
	node_key = file_join(p, s->folder, "node.key");
	TRY(file_mkdirs(s->folder, 0700));
	TRY(devnet_free_port(&s->port));
	TRY(chain_net_rpc_port(p->net, i, &s->rpc_port));
	TRY(make_account(s));
	return devnet_node_key(p, node_key, s->port, &s->enode);
}

/* --- genesis --- */

/* All accounts of this user are rich. */
static struct error *set_rich(struct poa *p, struct devnet_genesis *g)
{
	struct account *accounts = NULL;
	uint8_t *bytes;

	TRY(wallet_list(p->net->v, &accounts, &g->rich_count));
	bytes = mem_array(p, uint8_t, g->rich_count * ETH_ADDRESS_BYTES);
	for (size_t i = 0; i < g->rich_count; i++)
		memcpy(bytes + i * ETH_ADDRESS_BYTES, accounts[i].address, ETH_ADDRESS_BYTES);
	g->rich = (const uint8_t(*)[ETH_ADDRESS_BYTES])bytes;
	return NULL;
}

static struct error *write_genesis(struct poa *p)
{
	uint8_t sealers[NET_SEALERS][ETH_ADDRESS_BYTES];
	struct devnet_genesis genesis = {.chain_id = CHAIN_ID,
					 .gas_limit = GAS,
					 .period_s = p->net->period_s,
					 .sealers = sealers,
					 .sealer_count = p->count,
					 .balance = NET_RICH};

	for (size_t i = 0; i < p->count; i++)
		memcpy(sealers[i], p->sealers[i].account.address, ETH_ADDRESS_BYTES);
	TRY(set_rich(p, &genesis));
	return devnet_genesis_write(&genesis, p->genesis);
}

/* --- starting --- */

static struct error *init_sealer(struct poa *p, const struct sealer *s)
{
	char *data = file_join(p, s->folder, "data");

	return file_exists(data) ? NULL : devnet_geth_init(p->net->v->set.devnet.geth, data, p->genesis);
}

/* Each dials those that were started before it and listen by now; others come over the bootnode. Two that dial each
 * other at once may lose both connections, and geth does not try again for 35 s, nor where nobody listened. */
static struct error *write_static_nodes(struct poa *p, const struct sealer *s)
{
	char *path = mem_printf(p, "%s/data/geth/static-nodes.json", s->folder), *text;
	json_t *list = json_array();
	struct error *e;

	for (const struct sealer *earlier = p->sealers; earlier < s; earlier++)
		json_array_append_new(list, json_string(earlier->enode));
	text = json_text(p, list);
	json_decref(list);
	e = file_write_atomic(path, text, strlen(text), 0600);
	return e;
}

static struct error *start_sealer(struct poa *p, const struct sealer *s, int64_t end_ms)
{
	char address[ADDRESS_TEXT_BYTES], *url;
	const struct devnet_sealer sealer = {.geth = p->net->v->set.devnet.geth,
					     .data = file_join(p, s->folder, "data"),
					     .keystore = s->keystore,
					     .node_key = file_join(p, s->folder, "node.key"),
					     .password = s->password,
					     .address = address,
					     .bootnode = p->bootnode,
					     .modules = "eth,net,web3,txpool,clique,miner",
					     .network_id = CHAIN_ID,
					     .gas_limit = GAS,
					     .port = s->port,
					     .rpc_port = s->rpc_port};

	eth_address_text(s->account.address, address);
	TRY(write_static_nodes(p, s));
	TRY(chain_net_start(p->net, s->name, devnet_sealer_argv(p, &sealer)));
	url = mem_printf(p, "http://127.0.0.1:%u", s->rpc_port);
	json_array_append_new(json_object_get(p->net->document, "rpc"), json_string(url));
	TRY(chain_net_write(p->net));
	return chain_net_wait_for_sealer(p->net, url, end_ms);
}

static struct error *start_bootnode(struct poa *p)
{
	char *key = file_join(p, p->net->folder, "bootnode.key");
	unsigned port = 0;

	TRY(devnet_free_port(&port));
	TRY(devnet_node_key(p, key, port, &p->bootnode));
	return chain_net_start(p->net, "bootnode", devnet_bootnode_argv(p, p->net->v->set.devnet.bootnode, key, port));
}

struct error *chain_up_poa(struct chain_net *n, int64_t end_ms)
{
	struct poa *p = mem_new(n, struct poa);

	p->net = n;
	p->count = n->sealers;
	p->genesis = file_join(p, n->folder, "genesis.json");
	for (size_t i = 0; i < p->count; i++)
		TRY(make_sealer(p, i));
	if (!file_exists(p->genesis))
		TRY(write_genesis(p));
	for (size_t i = 0; i < p->count; i++)
		TRY(init_sealer(p, &p->sealers[i]));
	TRY(start_bootnode(p));
	for (size_t i = 0; i < p->count; i++)
		TRY(start_sealer(p, &p->sealers[i], end_ms));
	return NULL;
}
