#include "bench/shh_net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "devnet/genesis.h"
#include "devnet/geth.h"
#include "devnet/groups.h"
#include "devnet/shhd.h"

#define READY_MS 60000
#define MEET_MS 40000
#define LOOK_MS 100
#define REST_MS 31000 /* shhd gives memory back every half minute */
#define END_GRACE_MS 20000
#define TEXT_LIMIT ((size_t)8 << 20)
#define MAX_PEERS 25

volatile sig_atomic_t shh_net_interrupted;
const char *const shh_net_kind_names[SHH_KINDS] = {"shhd", "geth 1.9.20"};

static void on_signal(int signum)
{
	shh_net_interrupted = signum;
}

bool shh_net_run_until(uv_loop_t *loop, const bool *done, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;
	struct timer *tick = timer_start(NULL, loop, 10, 10, (timer_fn *)uv_update_time, loop);

	while (!*done && !shh_net_interrupted && clock_mono_ms() < until_ms)
		uv_run(loop, UV_RUN_ONCE);
	mem_free(tick);
	return *done;
}

/* --- the net's folder --- */

struct error *shh_net_new(const char *geth, struct shh_net **ret_net)
{
	struct shh_net *n = mem_new(NULL, struct shh_net);
	const char *tmp = getenv("TMPDIR");
	char *folder = mem_printf(n, "%s/dsn-bench.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	struct error *e = devnet_shhd_find(n, &n->shhd);

	if (!e && !mkdtemp(folder))
		e = error_sys(errno, "%s", folder);
	if (e) {
		mem_free(n);
		return e;
	}
	n->folder = folder;
	n->geth = geth;
	n->nodes = mem_array(n, struct shh_net_node *, 0);
	uv_loop_init(&n->loop);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	*ret_net = n;
	return NULL;
}

static void on_ended(const struct child_exit *ex, void *arg)
{
	struct shh_net_node *node = arg;

	(void)ex;
	node->pid = 0;
}

void shh_net_clear(struct shh_net *n)
{
	for (size_t i = 0; i < n->count; i++) {
		mem_free(n->nodes[i]->rpc);
		if (n->nodes[i]->child)
			child_stop(n->nodes[i]->child, SIGTERM, END_GRACE_MS);
	}
	for (size_t i = 0; i < n->count; i++) {
		while (n->nodes[i]->child && child_alive(n->nodes[i]->child))
			uv_run(&n->loop, UV_RUN_ONCE);
		error_free(file_remove_tree(n->nodes[i]->folder));
		mem_free(n->nodes[i]);
	}
	n->count = 0;
}

void shh_net_end(struct shh_net *n)
{
	shh_net_clear(n);
	uv_run(&n->loop, UV_RUN_DEFAULT);
	uv_loop_close(&n->loop);
	error_free(file_remove_tree(n->folder));
	mem_free(n);
}

/* --- one node --- */

/* A chain of nobody's: with the public one two empty nodes would drop each other for want of blocks. */
static struct error *geth_prepare(struct shh_net *n, struct shh_net_node *node)
{
	static const uint8_t nobody[1][ETH_ADDRESS_BYTES] = {{0x5a}};
	static const struct devnet_genesis genesis = {
		.chain_id = 7731, .gas_limit = 8000000, .period_s = 5, .sealers = nobody, .sealer_count = 1};
	char *file = file_join(node, n->folder, "genesis.json");

	if (!n->geth_prepared)
		TRY(devnet_genesis_write(&genesis, file));
	n->geth_prepared = true;
	return devnet_geth_init(n->geth, file_join(node, node->folder, "data"), file);
}

/* As small as it goes, so that what is measured of its memory is in its favour. */
static const char *const *geth_argv(const struct shh_net *n, struct shh_net_node *node, const struct shh_net_start *s)
{
	const char **argv = mem_array(node, const char *, 64);
	static const char *const fixed[] = {
		"--networkid",
		"7731",
		"--syncmode",
		"full",
		"--cache",
		"16",
		"--nousb",
		"--ipcdisable",
		"--nat",
		"none",
		"--netrestrict",
		"127.0.0.0/8",
		"--port",
		"0",
		"--verbosity",
		"3",
		"--http",
		"--ws",
		"--http.port",
		"0",
		"--ws.port",
		"0",
		"--ws.origins",
		"*",
		"--shh",
		"--http.api",
		"shh,admin",
		"--ws.api",
		"shh,admin",
		"--discovery.dns",
		"",
	};
	size_t k = 0;

	argv[k++] = n->geth;
	argv[k++] = "--datadir";
	argv[k++] = file_join(node, node->folder, "data");
	argv[k++] = "--ethash.dagdir";
	argv[k++] = file_join(node, node->folder, "dag");
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		argv[k++] = fixed[i];
	argv[k++] = "--maxpeers";
	argv[k++] = mem_printf(node, "%d", s->max_peers ? s->max_peers : MAX_PEERS);
	argv[k++] = "--bootnodes"; /* also when there is none: never the public ones */
	argv[k++] = s->bootnode ? s->bootnode : "";
	if (!s->discovery)
		argv[k++] = "--nodiscover";
	return argv;
}

static const char *const *our_argv(const struct shh_net *n, struct shh_net_node *node, const struct shh_net_start *s)
{
	const struct devnet_shhd shhd = {.program = n->shhd,
					 .folder = node->folder,
					 .bootnode = s->bootnode,
					 .max_peers = s->max_peers ? s->max_peers : MAX_PEERS,
					 .discovery = s->discovery};

	return devnet_shhd_argv(node, &shhd);
}

static struct error *node_start(struct shh_net *n, enum shh_net_kind kind, const struct shh_net_start *s)
{
	struct shh_net_node *node = mem_new(n, struct shh_net_node);
	struct child_spec spec = {.env = (const char *const *)environ, .stdin_fd = -1, .stdout_fd = -1, .extra_fd = -1};
	struct error *e;

	node->kind = kind;
	node->folder = mem_printf(node, "%s/%zu", n->folder, n->made++);
	n->nodes = mem_resize(n, n->nodes, struct shh_net_node *, n->count + 1);
	n->nodes[n->count++] = node;
	TRY(file_mkdirs(node->folder, 0700));
	if (kind == SHH_GETH)
		TRY(geth_prepare(n, node));
	spec.argv = (kind == SHH_GETH ? geth_argv : our_argv)(n, node, s);
	spec.stderr_fd = open(file_join(node, node->folder, "log"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	e = child_start(node, &n->loop, &spec, on_ended, node, &node->child);
	if (spec.stderr_fd >= 0)
		close(spec.stderr_fd);
	if (!e)
		node->pid = child_identity(node->child).pid;
	return e;
}

/* Its port, once it has told; geth does so in its log. */
static int told_port(struct shh_net_node *node)
{
	static const char listens[] = "endpoint=127.0.0.1:";
	char *text = NULL;
	const char *at;
	int port = 0;

	if (node->kind == SHH_OURS)
		return devnet_shhd_ready(node, node->folder, &port, &node->enode) ? port : 0;
	error_free(file_read(node, file_join(node, node->folder, "log"), TEXT_LIMIT, &text, NULL));
	at = text ? strstr(text, listens) : NULL;
	if (at && strstr(text, "started whisper"))
		port = (int)strtol(at + strlen(listens), NULL, 10);
	mem_free(text);
	return port;
}

static void on_notified(struct rpc_client *c, const char *method, const char *subscription, const json_t *result,
			void *arg)
{
	struct shh_net_node *node = arg;

	(void)c;
	(void)method;
	(void)subscription;
	if (node->note)
		node->note(result, node->note_arg);
}

static bool interrupted(void *arg)
{
	(void)arg;
	return shh_net_interrupted != 0;
}

/* What is measured takes long and is asked for in masses; pings would only be noise. */
static struct error *node_dial(struct shh_net *n, struct shh_net_node *node)
{
	static const struct rpc_client_events events = {.notified = on_notified};
	const struct rpc_client_options options = {
		.host = "127.0.0.1", .port = node->port, .ping_ms = -1, .interrupted = interrupted};

	node->rpc = rpc_client_open(node, &n->loop, &options, &events, node);
	return rpc_client_wait_open(node->rpc);
}

void shh_net_node_listen(struct shh_net_node *node, shh_note_fn *fn, void *arg)
{
	node->note = fn;
	node->note_arg = arg;
}

static struct error *node_ready(struct shh_net *n, struct shh_net_node *node, int64_t until_ms)
{
	json_t *info = NULL;
	char *nowhere;

	while (!(node->port = told_port(node))) {
		char *log = NULL;

		if (shh_net_interrupted)
			return error_new(ERROR_FAILED, "interrupted");
		if (node->pid && clock_mono_ms() < until_ms) {
			struct timer *wake = timer_start(node, &n->loop, 20, 0, (timer_fn *)uv_update_time, &n->loop);

			uv_run(&n->loop, UV_RUN_ONCE);
			mem_free(wake);
			continue;
		}
		error_free(file_read(node, file_join(node, node->folder, "log"), TEXT_LIMIT, &log, NULL));
		return error_new(ERROR_FAILED, "%s did not start: %.*s", shh_net_kind_names[node->kind], 1000,
				 log ? log : "");
	}
	TRY(node_dial(n, node));
	TRY(rpc_client_wait(node->rpc, "admin_nodeInfo", json_array(), &info));
	node->enode = mem_strdup(node, json_string_value(json_object_get(info, "enode")));
	json_decref(info);
	/* Without discovery geth names UDP port 0, which is of no use to anybody who dials it. */
	nowhere = strstr(node->enode, "?discport=0");
	if (nowhere)
		*nowhere = '\0';
	return NULL;
}

struct error *shh_net_start(struct shh_net *n, enum shh_net_kind kind, const struct shh_net_start *start, size_t count)
{
	size_t first = n->count;

	for (size_t i = 0; i < count; i++)
		TRY(node_start(n, kind, start));
	for (size_t i = first; i < n->count; i++)
		TRY(node_ready(n, n->nodes[i], clock_mono_ms() + READY_MS));
	return NULL;
}

/* --- who is connected --- */

static struct error *look(struct shh_net *n, struct devnet_groups *g)
{
	for (size_t i = 0; i < n->count; i++) {
		json_t *peers = NULL;

		TRY(rpc_client_wait(n->nodes[i]->rpc, "admin_peers", json_array(), &peers));
		devnet_groups_add(g, i, peers, "shh");
		json_decref(peers);
	}
	return NULL;
}

struct error *shh_net_joined(struct shh_net *n, int64_t ms, double *ret_peers)
{
	void *scope = mem_new(NULL, char);
	const char **enodes = mem_array(scope, const char *, n->count);
	int64_t until_ms = clock_mono_ms() + ms;
	bool joined = false, never = false;
	struct error *e = NULL;

	for (size_t i = 0; i < n->count; i++)
		enodes[i] = n->nodes[i]->enode;
	while (!e && !joined && clock_mono_ms() < until_ms && !shh_net_interrupted) {
		struct devnet_groups *g = devnet_groups_new(scope, enodes, n->count);

		e = look(n, g);
		joined = !e && devnet_groups_are_one(g);
		*ret_peers = (double)g->connections / (double)n->count;
		if (!e && !joined)
			shh_net_run_until(&n->loop, &never, LOOK_MS);
	}
	mem_free(scope);
	if (!e && !joined)
		e = error_new(ERROR_TIMEOUT, "%zu nodes of %s did not find each other", n->count,
			      shh_net_kind_names[n->nodes[0]->kind]);
	return e;
}

struct error *shh_net_meet(struct shh_net *n)
{
	double peers = 0;

	TRY(rpc_client_wait(n->nodes[0]->rpc, "admin_addPeer", json_pack("[s]", n->nodes[1]->enode), NULL));
	/* Both sides must say so. */
	while (peers < 1)
		TRY(shh_net_joined(n, MEET_MS, &peers));
	return NULL;
}

struct error *shh_net_memory(struct shh_net *n, double *ret_bytes)
{
	double *values = mem_array(NULL, double, n->count);
	bool never = false;

	shh_net_run_until(&n->loop, &never, REST_MS);
	for (size_t i = 0; i < n->count; i++) {
		char path[64], *text = NULL;
		const char *at;
		struct error *e;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)n->nodes[i]->pid);
		e = file_read(values, path, TEXT_LIMIT, &text, NULL);
		if (e) {
			mem_free(values);
			return e;
		}
		at = strstr(text, "VmRSS:");
		values[i] = at ? strtod(at + strlen("VmRSS:"), NULL) * 1024 : 0;
	}
	*ret_bytes = bench_median(values, n->count);
	mem_free(values);
	return NULL;
}
