/* vcli whisper net up, status, down: a network of Whisper nodes on this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "http/client.h"
#include "vcli/commands.h"
#include "vcli/render.h"
#include "vcli/whisper_net.h"

#define METRICS_MS 5000
#define METRICS_LIMIT ((size_t)1 << 20)
#define STATUS_LIMIT 65536

static const char *role(const struct whisper_net *net, size_t i)
{
	return i < net->senders ? "sender" : "receiver";
}

static struct error *locked(struct vcli *v, struct error *(*run)(struct vcli *v))
{
	int fd = -1;
	struct error *e;

	TRY(whisper_net_lock(v, &v->set.client.state, &fd));
	e = run(v);
	close(fd);
	return e;
}

/* --- up --- */

static struct error *up(struct vcli *v)
{
	struct whisper_net *net = NULL;
	json_t *nodes = json_array();

	vcli_answer(v, json_object());
	json_object_set_new(v->answer, "nodes", nodes);
	TRY(whisper_net_start(v, (size_t)v->set.whisper.net_nodes, (size_t)v->set.whisper.senders, &net));
	for (size_t i = 0; i < net->count; i++) {
		json_t *node = json_object();
		char *rpc = mem_printf(net, "ws://127.0.0.1:%d", net->nodes[i].rpc_port);

		json_put(node, "node", net->nodes[i].name);
		json_put(node, "role", role(net, i));
		json_put_decimal(node, "pid", net->nodes[i].id.pid);
		json_put(node, "rpc", rpc);
		json_put(node, "enode", net->nodes[i].enode);
		json_array_append_new(nodes, node);
	}
	json_put(v->answer, "state", "up");
	if (!v->set.json)
		printf("%zu nodes are up and have found each other: %zu senders, %zu receivers; folder %s\n",
		       net->count, net->senders, net->count - net->senders, net->folder);
	return NULL;
}

struct error *cmd_whisper_net_up(struct vcli *v)
{
	if (v->set.whisper.senders >= v->set.whisper.net_nodes)
		return error_new(ERROR_INVALID, "--senders: of %lld nodes at most %lld can be senders",
				 (long long)v->set.whisper.net_nodes, (long long)v->set.whisper.net_nodes - 1);
	return locked(v, up);
}

/* --- status --- */

/* The value of a metric without labels; -1: it is not there. */
static double metric(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, n) == 0 && at[n] == ' ')
			return strtod(at + n, NULL);
	}
	return -1;
}

static void put_metrics(json_t *row, const char *text)
{
	static const struct {
		const char *key, *metric;
	} counts[] = {{"peers", "shhd_peers"},
		      {"pool", "shhd_pool_envelopes"},
		      {"posted", "shhd_posted_total"},
		      {"received", "shhd_envelopes_accepted_total"},
		      {"sent", "shhd_envelopes_sent_total"},
		      {"delivered", "shhd_delivered_total"}};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_put_decimal(row, counts[i].key, (int64_t)metric(text, counts[i].metric));
}

/* As the kernel counts it, before the node is asked for anything: to answer it must take memory that it had given back.
 */
static void put_memory(json_t *row, pid_t pid)
{
	static const char key[] = "VmRSS:";
	char *path = mem_printf(NULL, "/proc/%d/status", (int)pid), *text = NULL, *memory;
	struct error *e = file_read(path, path, STATUS_LIMIT, &text, NULL);
	const char *at = e ? NULL : strstr(text, key);
	int64_t bytes = at ? strtoll(at + strlen(key), NULL, 10) * 1024 : 0;

	if (at) {
		memory = mem_printf(path, "%.1f MB", (double)bytes / 1e6);
		json_put_decimal(row, "memory_bytes", bytes);
		json_put(row, "memory", memory);
	}
	error_free(e);
	mem_free(path);
}

static json_t *status_row(struct vcli *v, const struct whisper_net *net, size_t i)
{
	const struct whisper_net_node *n = &net->nodes[i];
	const struct http_exchange x = {.host = "127.0.0.1",
					.port = n->rpc_port,
					.method = "GET",
					.path = "/metrics",
					.deadline_ms = METRICS_MS,
					.limit = METRICS_LIMIT};
	const struct http_answer *a;
	json_t *row = json_object();

	json_put(row, "node", n->name);
	json_put(row, "role", role(net, i));
	if (n->alive)
		put_memory(row, n->id.pid);
	a = n->alive && n->rpc_port ? http_fetch_sync(v, &x) : NULL;
	json_put(row, "state", !n->alive ? "ended" : a && !a->error && a->status == 200 ? "runs" : "does not answer");
	json_put_decimal(row, "pid", n->id.pid);
	json_put_decimal(row, "rpc_port", n->rpc_port);
	if (a && !a->error && a->status == 200)
		put_metrics(row, a->body);
	return row;
}

struct error *cmd_whisper_net_status(struct vcli *v)
{
	static const char *const columns[] = {"node", "role",   "state",    "pid",       "rpc_port", "peers",
					      "pool", "posted", "received", "delivered", "memory",   NULL};
	struct whisper_net *net = NULL;
	json_t *rows = json_array();
	size_t running = 0;

	vcli_answer(v, json_object());
	json_object_set_new(v->answer, "nodes", rows);
	TRY(whisper_net_read(v, &v->set.client.state, &net));
	for (size_t i = 0; i < net->count; i++) {
		json_t *row = status_row(v, net, i);

		running += strcmp(json_string_value(json_object_get(row, "state")), "runs") == 0;
		json_array_append_new(rows, row);
	}
	json_put(v->answer, "folder", net->folder);
	json_put(v->answer, "state", running == net->count ? "up" : "broken");
	if (!v->set.json)
		render_table(stdout, rows, columns);
	if (running < net->count)
		return error_new(ERROR_FAILED, "%zu of %zu nodes run", running, net->count);
	return NULL;
}

/* --- down --- */

static struct error *down(struct vcli *v)
{
	struct whisper_net *net = NULL;
	size_t ended = 0;

	TRY(whisper_net_remains(v, &v->set.client.state, &net));
	for (size_t i = 0; i < net->count; i++)
		ended += net->nodes[i].alive;
	TRY(whisper_net_stop(&v->loop, net));
	vcli_answer(v, json_object());
	json_put_decimal(v->answer, "ended", (int64_t)ended);
	json_put(v->answer, "state", "down");
	if (!v->set.json && net->count == 0)
		printf("there was no net\n");
	else if (!v->set.json)
		printf("%zu nodes have ended\n", ended);
	return NULL;
}

struct error *cmd_whisper_net_down(struct vcli *v)
{
	return locked(v, down);
}
