/* A proof-of-authority network of geth nodes: Clique, 23 M gas a block, several sealers, a bootnode.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/account.h"
#include "chain/address.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "devp2p/enode.h"
#include "vcli/chain_net.h"
#include "vcli/wallet.h"

#define CHAIN_ID "1515"
#define GAS 23000000
#define INIT_MS 60000
#define EXTRA_BYTES 32 /* before the sealers in the genesis */
#define SEAL_BYTES 65

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

/* A node's key for the network, and its URL. */
static struct error *make_node_key(const void *ctx, const char *path, unsigned port, char **ret_url)
{
	struct enode e = {.host = "127.0.0.1", .tcp = (uint16_t)port, .udp = (uint16_t)port};
	struct secp_key key;

	TRY(keyfile_load(path, NULL, &key));
	memcpy(e.public, key.public, sizeof(e.public));
	secret_wipe(&key, sizeof(key));
	*ret_url = enode_format(ctx, &e);
	return NULL;
}

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
	TRY(chain_net_free_port(&s->port));
	TRY(chain_net_rpc_port(p->net, i, &s->rpc_port));
	TRY(make_account(s));
	return make_node_key(p, node_key, s->port, &s->enode);
}

/* --- genesis --- */

static json_t *forks(int64_t period_s)
{
	static const char *const names[] = {"homesteadBlock",  "eip150Block",    "eip155Block",
					    "eip158Block",     "byzantiumBlock", "constantinopleBlock",
					    "petersburgBlock", "istanbulBlock"};
	json_t *config = json_pack("{s:i,s:{s:I,s:i}}", "chainId", 1515, "clique", "period", (json_int_t)period_s,
				   "epoch", 30000);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_set_new(config, names[i], json_integer(0));
	return config;
}

static int by_address(const void *a, const void *b)
{
	return memcmp(((const struct sealer *)a)->account.address, ((const struct sealer *)b)->account.address,
		      ETH_ADDRESS_BYTES);
}

/* Clique wants the sealers in order. */
static char *extra_data(const struct poa *p)
{
	size_t n = EXTRA_BYTES + p->count * ETH_ADDRESS_BYTES + SEAL_BYTES;
	struct sealer sorted[NET_SEALERS];
	uint8_t *bytes = mem_array(NULL, uint8_t, n);
	char *digits, *text;

	memcpy(sorted, p->sealers, sizeof(sorted));
	qsort(sorted, p->count, sizeof(sorted[0]), by_address);
	for (size_t i = 0; i < p->count; i++)
		memcpy(bytes + EXTRA_BYTES + i * ETH_ADDRESS_BYTES, sorted[i].account.address, ETH_ADDRESS_BYTES);
	digits = hex_encode(NULL, bytes, n);
	text = mem_printf(NULL, "0x%s", digits);
	mem_free(bytes);
	mem_free(digits);
	return text;
}

static struct error *allocate(struct vcli *v, json_t *alloc)
{
	struct account *accounts = NULL;
	char text[ADDRESS_TEXT_BYTES];
	size_t count = 0;

	TRY(wallet_list(v, &accounts, &count));
	for (size_t i = 0; i < count; i++) {
		eth_address_text(accounts[i].address, text);
		json_object_set_new(alloc, text + 2, json_pack("{s:s}", "balance", NET_RICH));
	}
	return NULL;
}

static struct error *write_genesis(struct poa *p)
{
	json_t *alloc = json_object(), *genesis;
	char *extra = extra_data(p), *text;
	struct error *e = allocate(p->net->v, alloc);

	genesis = json_pack("{s:o,s:s,s:o,s:s,s:o}", "config", forks(p->net->period_s), "difficulty", "0x1", "gasLimit",
			    json_sprintf("0x%x", GAS), "extraData", extra, "alloc", alloc);
	text = json_text(p, genesis);
	json_decref(genesis);
	mem_free(extra);
	return e ? e : file_write_atomic(p->genesis, text, strlen(text), 0600);
}

/* --- starting --- */

static struct error *init_sealer(struct poa *p, const struct sealer *s)
{
	char *data = file_join(p, s->folder, "data");
	const char *const argv[] = {p->net->v->set.geth, "--datadir", data, "--nousb", "init", p->genesis, NULL};
	const struct child_spec spec = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .extra_fd = -1};
	struct child_result *r;

	if (file_exists(data))
		return NULL;
	r = child_run_sync(p, &spec, INIT_MS, 65536);
	if (r->error)
		return error_copy(r->error);
	return r->code == 0 ? NULL : error_new(ERROR_FAILED, "geth init failed: %.400s", r->err);
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
	char *data = file_join(p, s->folder, "data"), *key = file_join(p, s->folder, "node.key");
	char *port = mem_printf(p, "%u", s->port), *rpc_port = mem_printf(p, "%u", s->rpc_port),
	     address[ADDRESS_TEXT_BYTES];
	char *gas = mem_printf(p, "%d", GAS), *url;

	eth_address_text(s->account.address, address);
	const char *const argv[] = {p->net->v->set.geth,
				    "--datadir",
				    data,
				    "--nousb",
				    "--keystore",
				    s->keystore,
				    "--nodekey",
				    key,
				    "--networkid",
				    CHAIN_ID,
				    "--syncmode",
				    "full",
				    "--cache",
				    "64",
				    "--ipcdisable",
				    "--nat",
				    "none",
				    "--netrestrict",
				    "127.0.0.0/8",
				    "--port",
				    port,
				    "--bootnodes",
				    p->bootnode,
				    "--http",
				    "--http.addr",
				    "127.0.0.1",
				    "--http.port",
				    rpc_port,
				    "--http.api",
				    "eth,net,web3,txpool,clique,miner",
				    "--allow-insecure-unlock", /* of the loopback interface */
				    "--unlock",
				    address,
				    "--password",
				    s->password,
				    "--miner.etherbase",
				    address,
				    "--miner.gastarget",
				    gas,
				    "--miner.gaslimit",
				    gas,
				    NULL};

	TRY(write_static_nodes(p, s));
	TRY(chain_net_start(p->net, s->name, argv));
	url = mem_printf(p, "http://127.0.0.1:%u", s->rpc_port);
	json_array_append_new(json_object_get(p->net->document, "rpc"), json_string(url));
	TRY(chain_net_write(p->net));
	return chain_net_wait_for_sealer(p->net, url, end_ms);
}

static struct error *start_bootnode(struct poa *p)
{
	char *key = file_join(p, p->net->folder, "bootnode.key"), *address;
	unsigned port = 0;

	TRY(chain_net_free_port(&port));
	TRY(make_node_key(p, key, port, &p->bootnode));
	address = mem_printf(p, "127.0.0.1:%u", port);
	const char *const argv[] = {p->net->v->set.bootnode, "-nodekey",    key, "-addr", address,
				    "-netrestrict",          "127.0.0.0/8", NULL};
	return chain_net_start(p->net, "bootnode", argv);
}

struct error *chain_net_start_poa(struct chain_net *n, int64_t end_ms)
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
