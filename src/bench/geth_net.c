#include "bench/geth_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/account.h"
#include "chain/rpc.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"

#define NETWORK 7751
#define READY_MS 60000
#define JOIN_MS 60000
#define END_GRACE_MS 20000
#define LOOK_MS 100
#define TEXT_LIMIT ((size_t)8 << 20)
#define BALANCE "0xd3c21bcecceda1000000" /* 10^6 ether */

volatile sig_atomic_t geth_net_interrupted;

static void on_signal(int signum)
{
	(void)signum;
	geth_net_interrupted++;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void wait_ms(uv_loop_t *loop, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;
	struct timer *timer = timer_start(NULL, loop, ms, 0, nothing, NULL);

	while (clock_mono_ms() < until_ms && !geth_net_interrupted)
		uv_run(loop, UV_RUN_ONCE);
	mem_free(timer);
}

/* A port that nobody has, of TCP and UDP. */
static struct error *free_port(int *ret_port)
{
	for (int tries = 0; tries < 100; tries++) {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t n = sizeof(a);
		int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		bool good = bind(tcp, (struct sockaddr *)&a, n) == 0 &&
			    getsockname(tcp, (struct sockaddr *)&a, &n) == 0 &&
			    bind(udp, (struct sockaddr *)&a, n) == 0;

		close(tcp);
		close(udp);
		*ret_port = ntohs(a.sin_port);
		if (good)
			return NULL;
	}
	return error_new(ERROR_UNAVAILABLE, "no free port on 127.0.0.1");
}

/* --- the first block --- */

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Clique's: 32 bytes, the sealers' addresses in ascending order, 65 bytes (EIP-225). */
static json_t *extra_data(const struct geth_net *n)
{
	char *list[GETH_SEALERS] = {NULL}, *text = mem_strdup(NULL, "");
	json_t *value;

	for (size_t i = 0; i < n->settings.sealers; i++)
		list[i] = n->sealers[i].address;
	qsort(list, n->settings.sealers, sizeof(list[0]), compare_text);
	for (size_t i = 0; i < n->settings.sealers; i++)
		text = talloc_strdup_append_buffer(text, list[i]);
	value = json_sprintf("0x%064d%s%0130d", 0, text, 0);
	mem_free(text);
	return value;
}

static struct error *write_genesis(const struct geth_net *n, const char *path)
{
	static const char *const forks[] = {"homesteadBlock",  "eip150Block",    "eip155Block",
					    "eip158Block",     "byzantiumBlock", "constantinopleBlock",
					    "petersburgBlock", "istanbulBlock"};
	uint8_t address[ETH_ADDRESS_BYTES];
	json_t *config = json_pack("{s:i,s:{s:I,s:i}}", "chainId", NETWORK, "clique", "period",
				   (json_int_t)n->settings.period_s, "epoch", 30000);
	json_t *genesis, *alloc = json_object();
	char *text;
	struct error *e;

	for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++)
		json_object_set_new(config, forks[i], json_integer(0));
	secp_address(n->payer.public, address);
	json_object_set_new(alloc, hex_encode(n, address, sizeof(address)), json_pack("{s:s}", "balance", BALANCE));
	genesis = json_pack("{s:o,s:s,s:o,s:o,s:o}", "config", config, "difficulty", "0x1", "gasLimit",
			    json_sprintf("0x%" PRIx64, n->settings.gas_limit), "extraData", extra_data(n), "alloc",
			    alloc);
	text = json_text(NULL, genesis);
	json_decref(genesis);
	e = file_write_atomic(path, text, strlen(text), 0600);
	mem_free(text);
	return e;
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
	const char *gas = mem_printf(n, "%" PRIu64, n->settings.gas_limit);
	/* Its pool holds more than usual, so that the load and not the pool's size is measured. Whole states are
	 * written with each block: a node that is killed goes on from its last one, instead of the first. */
	const char *const argv[] = {n->settings.geth,
				    "--datadir",
				    file_join(n, node->folder, "data"),
				    "--nousb",
				    "--networkid",
				    mem_printf(n, "%d", NETWORK),
				    "--syncmode",
				    "full",
				    "--gcmode",
				    "archive",
				    "--cache",
				    "128",
				    "--ipcdisable",
				    "--nat",
				    "none",
				    "--netrestrict",
				    "127.0.0.0/8",
				    "--port",
				    mem_printf(n, "%d", node->port),
				    "--bootnodes",
				    n->bootnode_url,
				    "--discovery.dns",
				    "",
				    "--http",
				    "--http.port",
				    mem_printf(n, "%d", node->rpc_port),
				    "--http.api",
				    "eth,net,txpool,miner",
				    "--allow-insecure-unlock",
				    "--unlock",
				    node->address,
				    "--password",
				    file_join(n, n->folder, "password"),
				    "--miner.threads",
				    "1",
				    "--miner.gastarget",
				    gas,
				    "--miner.gaslimit",
				    gas,
				    "--txpool.accountslots",
				    "1024",
				    "--txpool.globalslots",
				    "32768",
				    "--txpool.accountqueue",
				    "1024",
				    "--txpool.globalqueue",
				    "32768",
				    "--verbosity",
				    "2",
				    mines ? "--mine" : NULL,
				    NULL};

	return start(node, argv);
}

/* The node's key is made here, so that its address is known before it has started. */
static struct error *start_bootnode(struct geth_net *n)
{
	struct geth_net_node *node = n->bootnode = mem_new(n, struct geth_net_node);
	char *key_path, *program = mem_strdup(n, n->settings.geth), *slash = strrchr(program, '/');
	struct secp_key key;
	struct error *e;

	*node = (struct geth_net_node){.net = n, .folder = file_join(n, n->folder, "bootnode")};
	key_path = file_join(n, node->folder, "key");
	TRY(file_mkdirs(node->folder, 0700));
	e = keyfile_make(key_path, &key);
	secret_wipe(key.secret, sizeof(key.secret));
	TRY(e);
	TRY(free_port(&node->port));
	n->bootnode_url =
		mem_printf(n, "enode://%s@127.0.0.1:%d", hex_encode(n, key.public, sizeof(key.public)), node->port);
	program = slash ? mem_printf(n, "%.*s/bootnode", (int)(slash - program), program) : mem_strdup(n, "bootnode");
	return start(node, (const char *const[]){program, "-nodekey", key_path, "-addr",
						 mem_printf(n, "127.0.0.1:%d", node->port), "-netrestrict",
						 "127.0.0.0/8", "-verbosity", "1", NULL});
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
	node->address = hex_encode(n, account.address, sizeof(account.address));
	TRY(free_port(&node->port));
	return free_port(&node->rpc_port);
}

static struct error *init_sealer(struct geth_net_node *node, const char *genesis)
{
	const char *argv[] = {node->net->settings.geth,
			      "--datadir",
			      file_join(node->net, node->folder, "data"),
			      "--nousb",
			      "init",
			      genesis,
			      NULL};
	const struct child_spec spec = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .extra_fd = -1};
	const struct child_result *r = child_run_sync(node->net, &spec, READY_MS, TEXT_LIMIT);

	if (r->error)
		return error_copy(r->error);
	return r->code ? error_new(ERROR_FAILED, "geth init ended with %d: %s", r->code, r->err) : NULL;
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
		TRY(init_sealer(&n->sealers[i], genesis));
		TRY(start_sealer(&n->sealers[i], false));
	}
	return NULL;
}

/* --- joining --- */

struct look {
	struct geth_net *net;
	bool done;
	uint64_t value;
};

static void on_look(const struct rpc_reply *reply, void *arg)
{
	const char *text = reply->result ? json_string_value(reply->result) : NULL;
	struct look *look = arg;

	look->done = true;
	look->value = text ? strtoull(text, NULL, 16) : 0;
	/* When a timer's turn brought the answer, the loop would wait for something else first. */
	uv_stop(look->net->loop);
}

static uint64_t ask(struct geth_net *n, struct rpc *rpc, const char *method, json_t *params)
{
	struct look look = {.net = n};

	rpc_call(rpc, rpc, method, params, on_look, &look);
	while (!look.done)
		uv_run(n->loop, UV_RUN_ONCE);
	return look.value;
}

static struct error *complaint(const struct geth_net_node *node, const char *what)
{
	char *log = NULL;
	struct error *e;

	error_free(file_read(node->net, file_join(node->net, node->folder, "log"), TEXT_LIMIT, &log, NULL));
	e = error_new(ERROR_FAILED, "%s: %.1000s", what, log ? log : "");
	mem_free(log);
	return e;
}

enum step { MEET, UNLOCK, SEAL, RUN };

/* Those that seal before they have met would each have a chain of its own, none heavier than the others, and none could
 * go on: nobody may seal two blocks in a row. */
static bool reached(struct geth_net *n, const struct geth_net_node *node, struct rpc *rpc, enum step step)
{
	switch (step) {
	case MEET:
		return ask(n, rpc, "net_peerCount", json_array()) + 1 >= n->settings.sealers;
	case UNLOCK: /* an error is told as 0; who is told to seal before does not try again */
		return ask(n, rpc, "eth_sign", json_pack("[o,s]", json_sprintf("0x%s", node->address), "0x")) != 0;
	case SEAL:
		ask(n, rpc, "miner_start", json_pack("[i]", 1));
		return true;
	case RUN:
		break;
	}
	return ask(n, rpc, "eth_blockNumber", json_array()) > 1;
}

static struct error *join(struct geth_net *n, size_t i, enum step step, int64_t until_ms)
{
	char *url = geth_net_url(n, n, i);
	const struct rpc_config config = {
		.urls = (const char *const *)&url, .url_count = 1, .answer_ms = 5000, .give_up_ms = 5000};
	struct geth_net_node *node = &n->sealers[i];
	struct rpc *rpc = NULL;
	bool joined = false;

	TRY(rpc_open(n, n->loop, &config, &rpc));
	while (!joined && node->alive && !geth_net_interrupted && clock_mono_ms() < until_ms) {
		joined = reached(n, node, rpc, step);
		if (!joined)
			wait_ms(n->loop, LOOK_MS);
	}
	mem_free(rpc);
	if (joined)
		return NULL;
	return geth_net_interrupted
		       ? error_new(ERROR_FAILED, "interrupted")
		       : complaint(node, node->alive ? "a sealer has not joined the others" : "a sealer ended");
}

static struct error *join_all(struct geth_net *n)
{
	for (enum step step = MEET; step <= RUN; step++) {
		for (size_t i = 0; i < n->settings.sealers; i++)
			TRY(join(n, i, step, clock_mono_ms() + JOIN_MS));
	}
	return NULL;
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
		e = join_all(n);
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
	return mem_printf(ctx, "http://127.0.0.1:%d", n->sealers[sealer].rpc_port);
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
