#include "devnet/geth.h"

#include <inttypes.h>
#include <string.h>

#include "base/child.h"
#include "base/mem.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "devp2p/enode.h"

#define INIT_MS 60000
#define INIT_BYTES ((size_t)1 << 20)

/* --- words --- */

struct argv_words {
	const void *ctx;
	const char **list;
	size_t count;
};

static void add(struct argv_words *w, const char *word)
{
	w->list = mem_resize(w->ctx, w->list, const char *, w->count + 1);
	w->list[w->count++] = word;
}

static void add_option(struct argv_words *w, const char *option, const char *value)
{
	add(w, option);
	add(w, value);
}

static void add_number(struct argv_words *w, const char *option, uint64_t number)
{
	add_option(w, option, mem_printf(w->ctx, "%" PRIu64, number));
}

static void add_load(struct argv_words *w)
{
	add_option(w, "--gcmode", "archive");
	add_option(w, "--cache", "128");
	add_option(w, "--txpool.accountslots", "1024");
	add_option(w, "--txpool.globalslots", "32768");
	add_option(w, "--txpool.accountqueue", "1024");
	add_option(w, "--txpool.globalqueue", "32768");
	add_option(w, "--verbosity", "2");
}

static void add_network(struct argv_words *w, const struct devnet_sealer *s)
{
	add_number(w, "--networkid", s->network_id);
	add_option(w, "--syncmode", "full");
	add(w, "--ipcdisable");
	add_option(w, "--nat", "none");
	add_option(w, "--netrestrict", "127.0.0.0/8");
	add_number(w, "--port", s->port);
	add_option(w, "--bootnodes", s->bootnode);
	add_option(w, "--discovery.dns", "");
	if (s->node_key)
		add_option(w, "--nodekey", s->node_key);
}

static void add_rpc(struct argv_words *w, const struct devnet_sealer *s)
{
	add(w, "--http");
	add_option(w, "--http.addr", "127.0.0.1");
	add_number(w, "--http.port", s->rpc_port);
	add_option(w, "--http.api", s->modules);
}

static void add_sealing(struct argv_words *w, const struct devnet_sealer *s)
{
	if (s->keystore)
		add_option(w, "--keystore", s->keystore);
	add(w, "--allow-insecure-unlock"); /* of the loopback interface */
	add_option(w, "--unlock", s->address);
	add_option(w, "--password", s->password);
	add_option(w, "--miner.etherbase", s->address);
	add_option(w, "--miner.threads", "1");
	add_number(w, "--miner.gastarget", s->gas_limit);
	add_number(w, "--miner.gaslimit", s->gas_limit);
	if (s->mines)
		add(w, "--mine");
}

const char *const *devnet_sealer_argv(const void *ctx, const struct devnet_sealer *s)
{
	struct argv_words w = {.ctx = ctx};

	add_option(&w, s->geth, "--nousb");
	add_option(&w, "--datadir", s->data);
	add_network(&w, s);
	add_rpc(&w, s);
	add_sealing(&w, s);
	if (s->load)
		add_load(&w);
	else
		add_option(&w, "--cache", "64");
	add(&w, NULL);
	return w.list;
}

const char *const *devnet_bootnode_argv(const void *ctx, const char *program, const char *node_key, unsigned port)
{
	struct argv_words w = {.ctx = ctx};

	add(&w, program);
	add_option(&w, "-nodekey", node_key);
	add_option(&w, "-addr", mem_printf(ctx, "127.0.0.1:%u", port));
	add_option(&w, "-netrestrict", "127.0.0.0/8");
	add(&w, NULL);
	return w.list;
}

/* --- before the start --- */

struct error *devnet_geth_init(const char *geth, const char *data, const char *genesis)
{
	const char *const argv[] = {geth, "--datadir", data, "--nousb", "init", genesis, NULL};
	const struct child_spec spec = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .extra_fd = -1};
	void *scope = mem_new(NULL, char);
	const struct child_result *r = child_run_sync(scope, &spec, INIT_MS, INIT_BYTES);
	struct error *e = NULL;

	if (r->error)
		e = error_copy(r->error);
	else if (r->code)
		e = error_new(ERROR_FAILED, "geth init ended with %d: %.400s", r->code, r->err);
	mem_free(scope);
	return e;
}

struct error *devnet_node_key(const void *ctx, const char *path, unsigned port, char **ret_url)
{
	struct enode e = {.host = "127.0.0.1", .tcp = (uint16_t)port, .udp = (uint16_t)port};
	struct secp_key key;

	TRY(keyfile_load(path, NULL, &key));
	memcpy(e.public, key.public, sizeof(e.public));
	secret_wipe(&key, sizeof(key));
	*ret_url = enode_format(ctx, &e);
	return NULL;
}
