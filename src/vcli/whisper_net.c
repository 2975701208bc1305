#include "vcli/whisper_net.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/process.h"
#include "client/folders.h"
#include "devnet/shhd.h"

#define FILE_LIMIT 65536
#define MAX_PID (1 << 22)

static struct error *net_folder(const void *ctx, const struct client_state_options *state, char **ret_folder)
{
	char *own = NULL;

	TRY(client_state_folder(ctx, state, &own));
	*ret_folder = file_join(ctx, own, "whisper-net");
	return NULL;
}

struct error *whisper_net_lock(const void *ctx, const struct client_state_options *state, int *ret_fd)
{
	char *own = NULL;
	struct error *e;

	TRY(client_state_folder(ctx, state, &own));
	TRY(file_mkdirs(own, 0700));
	e = file_lock(file_join(ctx, own, "whisper-net.lock"), ret_fd);
	if (e && e->code == ERROR_EXISTS) {
		error_free(e);
		return error_new(ERROR_EXISTS, "another vcli is making or ending the net");
	}
	return e;
}

/* --- a node's files --- */

static void read_process(const void *ctx, struct whisper_net_node *n)
{
	char *path = file_join(ctx, n->folder, "process.json");
	struct json_place root = {.key = path};
	json_t *document = NULL;
	int64_t pid = 0, start = 0;
	struct process_stat stat;
	struct error *e = json_parse_file(path, FILE_LIMIT, &document);

	if (!e)
		e = json_read_decimal(document, &root, "pid", 2, MAX_PID, &pid);
	if (!e)
		e = json_read_decimal(document, &root, "start_time", 0, INT64_MAX, &start);
	if (!e)
		n->id = (struct child_identity){(pid_t)pid, (uint64_t)start};
	if (!e)
		e = process_stat_read(n->id.pid, &stat);
	n->alive = !e && !stat.ended && stat.start_time == n->id.start_time;
	json_decref(document);
	error_free(e);
}

bool whisper_net_node_ready(const void *ctx, struct whisper_net_node *n)
{
	return devnet_shhd_ready(ctx, n->folder, &n->rpc_port, &n->enode);
}

struct error *whisper_net_node_record(const struct whisper_net_node *n, struct child_identity id)
{
	void *scope = mem_new(NULL, char);
	json_t *document = json_object();
	char *text;
	struct error *e;

	json_put_decimal(document, "pid", id.pid);
	json_put_decimal(document, "start_time", (int64_t)id.start_time);
	text = json_text(scope, document);
	e = file_write_atomic(file_join(scope, n->folder, "process.json"), text, strlen(text), 0600);
	json_decref(document);
	mem_free(scope);
	return e;
}

/* --- the net's file --- */

struct error *whisper_net_record(const struct whisper_net *net)
{
	void *scope = mem_new(NULL, char);
	json_t *document = json_object();
	char *text;
	struct error *e;

	json_put_decimal(document, "nodes", (int64_t)net->count);
	json_put_decimal(document, "senders", (int64_t)net->senders);
	text = json_text(scope, document);
	e = file_write_atomic(file_join(scope, net->folder, "net.json"), text, strlen(text), 0600);
	json_decref(document);
	mem_free(scope);
	return e;
}

struct error *whisper_net_remains(const void *ctx, const struct client_state_options *state,
				  struct whisper_net **ret_net)
{
	struct whisper_net *net = mem_new(ctx, struct whisper_net);

	TRY(net_folder(net, state, &net->folder));
	net->nodes = mem_array(net, struct whisper_net_node, WHISPER_NET_MAX);
	for (size_t i = 0; i < WHISPER_NET_MAX; i++) {
		struct whisper_net_node *n = &net->nodes[i];

		n->name = mem_printf(net, "%02zu", i + 1);
		n->folder = file_join(net, net->folder, n->name);
		if (!file_exists(n->folder))
			break;
		read_process(net, n);
		net->count++;
	}
	*ret_net = net;
	return NULL;
}

struct error *whisper_net_read(const void *ctx, const struct client_state_options *state, struct whisper_net **ret_net)
{
	struct whisper_net *net = NULL;
	json_t *document = NULL;
	int64_t count = 0, senders = 0;
	char *path;
	struct error *e;

	TRY(whisper_net_remains(ctx, state, &net));
	path = file_join(net, net->folder, "net.json");
	if (!file_exists(path))
		return error_new(ERROR_NOT_FOUND, "no net is up; vcli whisper net up makes one");
	const struct json_place root = {.key = path};
	e = json_parse_file(path, FILE_LIMIT, &document);
	if (!e)
		e = json_read_decimal(document, &root, "nodes", 1, WHISPER_NET_MAX, &count);
	if (!e)
		e = json_read_decimal(document, &root, "senders", 1, count, &senders);
	if (!e && (size_t)count != net->count)
		e = error_new(ERROR_INVALID, "%s: names %lld nodes, there are folders of %zu", path, (long long)count,
			      net->count);
	json_decref(document);
	TRY(e);
	net->senders = (size_t)senders;
	for (size_t i = 0; i < net->count; i++) {
		if (net->nodes[i].alive)
			whisper_net_node_ready(net, &net->nodes[i]);
	}
	*ret_net = net;
	return NULL;
}
