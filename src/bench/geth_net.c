#include "bench/geth_net.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "chain/account.h"
#include "crypto/secret.h"
#include "devnet/genesis.h"
#include "devnet/geth.h"
#include "devnet/join.h"
#include "devnet/port.h"

#define NETWORK 7751
#define JOIN_MS 240000
#define END_GRACE_MS 20000
#define TEXT_LIMIT ((size_t)8 << 20)
#define BALANCE "0xd3c21bcecceda1000000" /* 10^6 ether */

volatile sig_atomic_t geth_net_interrupted;

static void on_signal(int signum)
{
	(void)signum;
	geth_net_interrupted++;
}

/* --- the first block --- */

static struct error *write_genesis(const struct geth_net *n, const char *path)
{
	uint8_t sealers[GETH_SEALERS][ETH_ADDRESS_BYTES], payer[ETH_ADDRESS_BYTES];
	const struct devnet_genesis genesis = {.chain_id = NETWORK,
					       .gas_limit = n->settings.gas_limit,
					       .period_s = n->settings.period_s,
					       .sealers = sealers,
					       .sealer_count = n->settings.sealers,
					       .rich = &payer,
					       .rich_count = 1,
					       .balance = BALANCE};

	for (size_t i = 0; i < n->settings.sealers; i++)
		memcpy(sealers[i], n->sealers[i].address, ETH_ADDRESS_BYTES);
	secp_address(n->payer.public, payer);
	return devnet_genesis_write(&genesis, path);
}

/* --- processes --- */

static void on_ended(const struct child_exit *ex, void *arg)
{
	struct geth_net_node *node = arg;

	node->alive = false;
	node->cpu_ms += ex->cpu_ms;
	uv_stop(node->net->loop);
}

static struct error *start(struct geth_net_node *node, const char *const *argv)
{
	struct child_spec spec = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .extra_fd = -1};
	char *log = file_join(node->net, node->folder, "log");
	struct error *e;

	spec.stderr_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	mem_free(node->child);
	node->child = NULL;
	e = child_start(node->net, node->net->loop, &spec, on_ended, node, &node->child);
	if (spec.stderr_fd >= 0)
		close(spec.stderr_fd);
	node->alive = !e;
	return e;
}

static struct error *start_sealer(struct geth_net_node *node, bool mines)
{
	struct geth_net *n = node->net;
	const struct devnet_sealer sealer = {.geth = n->settings.geth,
					     .data = file_join(n, node->folder, "data"),
					     .password = file_join(n, n->folder, "password"),
					     .address = hex_encode(n, node->address, ETH_ADDRESS_BYTES),
					     .bootnode = n->bootnode_url,
					     .modules = "eth,net,txpool,miner",
					     .network_id = NETWORK,
					     .gas_limit = n->settings.gas_limit,
					     .port = node->port,
					     .rpc_port = node->rpc_port,
					     .load = true,
					     .mines = mines};

	return start(node, devnet_sealer_argv(n, &sealer));
}

static struct error *start_bootnode(struct geth_net *n)
{
	struct geth_net_node *node = n->bootnode = mem_new(n, struct geth_net_node);
	char *key, *program = mem_strdup(n, n->settings.geth), *slash = strrchr(program, '/');

	*node = (struct geth_net_node){.net = n, .folder = file_join(n, n->folder, "bootnode")};
	key = file_join(n, node->folder, "key");
	TRY(file_mkdirs(node->folder, 0700));
	TRY(devnet_free_port(&node->port));
	TRY(devnet_node_key(n, key, node->port, &n->bootnode_url));
	program = slash ? mem_printf(n, "%.*s/bootnode", (int)(slash - program), program) : mem_strdup(n, "bootnode");
	return start(node, devnet_bootnode_argv(n, program, key, node->port));
}

/* --- making --- */

static struct error *make_sealer(struct geth_net *n, size_t i, const char *password)
{
	struct geth_net_node *node = &n->sealers[i];
	char *keystore;
	struct account account = {.path = NULL};
	struct secp_key key;
	struct error *e;

	*node = (struct geth_net_node){.net = n, .folder = mem_printf(n, "%s/sealer-%zu", n->folder, i)};
	keystore = mem_printf(n, "%s/data/keystore", node->folder);
	TRY(file_mkdirs(keystore, 0700));
	secp_key_new(&key);
	e = account_store(n, keystore, &key, password, true, &account);
	secret_wipe(&key, sizeof(key));
	TRY(e);
	memcpy(node->address, account.address, sizeof(node->address));
	TRY(devnet_free_port(&node->port));
	return devnet_free_port(&node->rpc_port);
}

static struct error *make(struct geth_net *n)
{
	char *genesis = file_join(n, n->folder, "genesis.json"), *password = hex_random(n, 16);
	char *password_path = file_join(n, n->folder, "password");

	secp_key_new(&n->payer);
	TRY(file_write_atomic(password_path, password, strlen(password), 0600));
	TRY(start_bootnode(n));
	n->sealers = mem_array(n, struct geth_net_node, n->settings.sealers);
	for (size_t i = 0; i < n->settings.sealers; i++)
		TRY(make_sealer(n, i, password));
	TRY(write_genesis(n, genesis));
	for (size_t i = 0; i < n->settings.sealers; i++) {
		TRY(devnet_geth_init(n->settings.geth, file_join(n, n->sealers[i].folder, "data"), genesis));
		TRY(start_sealer(&n->sealers[i], false));
	}
	return NULL;
}

/* --- joining --- */

struct joining {
	struct geth_net *net;
	bool done;
	struct error *error;
};

static void on_joined(struct error *e, void *arg)
{
	struct joining *joining = arg;

	joining->error = e;
	joining->done = true;
}

static struct error *complaint(const struct geth_net_node *node)
{
	char *log = NULL;
	struct error *e;

	error_free(file_read(node->net, file_join(node->net, node->folder, "log"), TEXT_LIMIT, &log, NULL));
	e = error_new(ERROR_FAILED, "a sealer ended: %.1000s", log ? log : "");
	mem_free(log);
	return e;
}

static struct error *check(void *arg)
{
	const struct joining *joining = arg;
	const struct geth_net *n = joining->net;

	if (geth_net_interrupted)
		return error_new(ERROR_FAILED, "interrupted");
	for (size_t i = 0; i < n->settings.sealers; i++) {
		if (!n->sealers[i].alive)
			return complaint(&n->sealers[i]);
	}
	return NULL;
}

static struct error *join(struct geth_net *n)
{
	struct joining *joining = mem_new(n, struct joining);
	const char *urls[GETH_SEALERS];
	const struct devnet_join_options options = {.urls = urls,
						    .count = n->settings.sealers,
						    .check = check,
						    .done = on_joined,
						    .arg = joining,
						    .end_ms = clock_mono_ms() + JOIN_MS};

	joining->net = n;
	for (size_t i = 0; i < n->settings.sealers; i++)
		urls[i] = geth_net_url(n, n, i);
	TRY(devnet_join(joining, n->loop, &options));
	while (!joining->done)
		uv_run(n->loop, UV_RUN_ONCE);
	return joining->error;
}

struct error *geth_net_new(uv_loop_t *loop, const struct geth_net_settings *settings, struct geth_net **ret_net)
{
	struct geth_net *n = mem_new(NULL, struct geth_net);
	const char *tmp = getenv("TMPDIR");
	struct error *e = NULL;

	n->loop = loop;
	n->settings = *settings;
	n->folder = mem_printf(n, "%s/dsn-bench.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (!mkdtemp(n->folder)) {
		e = error_sys(errno, "%s", n->folder);
		mem_free(n);
		return e;
	}
	e = make(n);
	if (!e)
		e = join(n);
	if (e) {
		geth_net_end(n);
		return e;
	}
	*ret_net = n;
	return NULL;
}

/* --- afterwards --- */

static void end_node(struct geth_net_node *node)
{
	while (node && node->alive)
		uv_run(node->net->loop, UV_RUN_ONCE);
}

void geth_net_end(struct geth_net *n)
{
	for (size_t i = 0; n->sealers && i < n->settings.sealers; i++) {
		if (n->sealers[i].alive)
			child_stop(n->sealers[i].child, SIGTERM, END_GRACE_MS);
	}
	if (n->bootnode && n->bootnode->alive)
		child_stop(n->bootnode->child, SIGTERM, END_GRACE_MS);
	for (size_t i = 0; n->sealers && i < n->settings.sealers; i++)
		end_node(&n->sealers[i]);
	end_node(n->bootnode);
	error_free(file_remove_tree(n->folder));
	secret_wipe(&n->payer, sizeof(n->payer));
	mem_free(n);
}

char *geth_net_url(const void *ctx, const struct geth_net *n, size_t sealer)
{
	return mem_printf(ctx, "http://127.0.0.1:%u", n->sealers[sealer].rpc_port);
}

void geth_net_kill(struct geth_net *n, size_t sealer)
{
	struct geth_net_node *node = &n->sealers[sealer];

	if (node->alive)
		child_stop(node->child, SIGKILL, END_GRACE_MS);
	end_node(node);
}

struct error *geth_net_restart(struct geth_net *n, size_t sealer)
{
	return start_sealer(&n->sealers[sealer], true);
}

int64_t geth_net_cpu_ms(const struct geth_net *n)
{
	int64_t sum = 0, hz = sysconf(_SC_CLK_TCK);

	for (size_t i = 0; i < n->settings.sealers; i++) {
		const struct geth_net_node *node = &n->sealers[i];
		char path[64], *text = NULL, *end;
		unsigned long long user = 0, system = 0;
		const char *at;

		sum += node->cpu_ms;
		if (!node->alive)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)child_identity(node->child).pid);
		error_free(file_read(NULL, path, TEXT_LIMIT, &text, NULL));
		/* proc(5): fields 14 and 15, behind the program's name in brackets. */
		at = text ? strrchr(text, ')') : NULL;
		for (int field = 2; at && field < 14; field++)
			at = strchr(at + 1, ' ');
		if (at) {
			user = strtoull(at, &end, 10);
			system = strtoull(end, NULL, 10);
			sum += (int64_t)(user + system) * 1000 / hz;
		}
		mem_free(text);
	}
	return sum;
}
