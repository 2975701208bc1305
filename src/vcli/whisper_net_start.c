#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "devnet/groups.h"
#include "devnet/shhd.h"
#include "http/rpc_client.h"
#include "vcli/progress.h"
#include "vcli/wait.h"
#include "vcli/whisper_net.h"

#define READY_MS 60000
#define JOIN_MS 120000
#define LOOK_MS 100
#define STOP_GRACE_MS 10000
#define LOG_SHOWN 600
#define LOG_LIMIT ((size_t)1 << 20)
#define MAX_PEERS 25

struct starting {
	struct vcli *v;
	struct whisper_net *net;
	struct child **children;
	struct rpc_client **rpcs;
	const char *shhd;
	struct progress *progress;
	bool interrupted;
};

/* --- waiting --- */

static void on_signal(int signum, void *arg)
{
	struct starting *s = arg;

	(void)signum;
	s->interrupted = true;
}

static bool is_interrupted(void *arg)
{
	struct starting *s = arg;

	return s->interrupted;
}

static struct error *pause_a_little(struct starting *s)
{
	return vcli_wait(&s->v->loop, &s->interrupted, clock_mono_ms() + LOOK_MS)
		       ? error_new(ERROR_FAILED, "interrupted")
		       : NULL;
}

/* --- processes --- */

static struct error *find_shhd(struct starting *s)
{
	char *beside = NULL;

	s->shhd = s->v->set.whisper.shhd;
	if (s->shhd)
		return NULL;
	TRY(devnet_shhd_find(s, &beside));
	s->shhd = beside;
	return NULL;
}

static struct error *on_prepared(struct child_identity id, void *arg)
{
	return whisper_net_node_record(arg, id);
}

static void on_ended(const struct child_exit *ex, void *arg)
{
	(void)ex;
	(void)arg;
}

static struct error *start_node(struct starting *s, size_t i)
{
	struct whisper_net_node *n = &s->net->nodes[i];
	const struct devnet_shhd shhd = {.program = s->shhd,
					 .folder = n->folder,
					 .bootnode = i ? s->net->nodes[0].enode : NULL,
					 .max_peers = MAX_PEERS,
					 .discovery = true};
	struct child_spec spec = {.argv = devnet_shhd_argv(s, &shhd),
				  .stdin_fd = -1,
				  .stdout_fd = -1,
				  .extra_fd = -1,
				  .prepare = on_prepared,
				  .prepare_arg = n};
	struct error *e;

	TRY(file_mkdirs(n->folder, 0700));
	spec.stderr_fd = open(file_join(s, n->folder, "log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (spec.stderr_fd < 0)
		return error_sys(errno, "%s/log", n->folder);
	e = child_start(s, &s->v->loop, &spec, on_ended, NULL, &s->children[i]);
	close(spec.stderr_fd);
	if (!e)
		n->id = child_identity(s->children[i]);
	return e;
}

static struct error *died(struct starting *s, const struct whisper_net_node *n)
{
	char *log = NULL;
	size_t len = 0;

	error_free(file_read(s, file_join(s, n->folder, "log"), LOG_LIMIT, &log, &len));
	return error_new(ERROR_FAILED, "node %s: shhd has ended: %s", n->name,
			 log ? log + (len > LOG_SHOWN ? len - LOG_SHOWN : 0) : "");
}

/* Until nodes first..end-1 say where they listen. */
static struct error *wait_ready(struct starting *s, size_t first, size_t end)
{
	int64_t until_ms = clock_mono_ms() + READY_MS;

	for (size_t i = first; i < end;) {
		struct whisper_net_node *n = &s->net->nodes[i];

		progress_say(s->progress, "starting: %zu of %zu nodes are ready", i, s->net->count);
		if (whisper_net_node_ready(s->net, n)) {
			i++;
			continue;
		}
		if (!child_alive(s->children[i]))
			return died(s, n);
		if (clock_mono_ms() > until_ms)
			return error_new(ERROR_TIMEOUT, "node %s: shhd is not ready after %d s", n->name,
					 READY_MS / 1000);
		TRY(pause_a_little(s));
	}
	return NULL;
}

/* --- connections --- */

static struct error *open_rpcs(struct starting *s)
{
	static const struct rpc_client_events none = {0};

	for (size_t i = 0; i < s->net->count; i++) {
		const struct rpc_client_options options = {
			.host = "127.0.0.1", .port = s->net->nodes[i].rpc_port, .interrupted = is_interrupted};

		s->rpcs[i] = rpc_client_open(s, &s->v->loop, &options, &none, s);
	}
	for (size_t i = 0; i < s->net->count; i++) {
		struct error *e = rpc_client_wait_open(s->rpcs[i]);

		if (e)
			return error_wrap(e, "node %s", s->net->nodes[i].name);
	}
	return NULL;
}

static struct error *look(struct starting *s, struct devnet_groups *g)
{
	for (size_t i = 0; i < s->net->count; i++) {
		json_t *peers = NULL;

		TRY(rpc_client_wait(s->rpcs[i], "admin_peers", json_array(), &peers));
		devnet_groups_add(g, i, peers, NULL);
		json_decref(peers);
	}
	return NULL;
}

static struct error *wait_joined(struct starting *s)
{
	int64_t until_ms = clock_mono_ms() + JOIN_MS;
	size_t count = s->net->count;
	const char **enodes = mem_array(s, const char *, count);

	for (size_t i = 0; i < count; i++)
		enodes[i] = s->net->nodes[i].enode;
	for (;;) {
		struct devnet_groups *g = devnet_groups_new(s, enodes, count);

		TRY(look(s, g));
		if (devnet_groups_are_one(g))
			return NULL;
		progress_say(s->progress, "%zu of %zu nodes have found peers", count - g->lonely, count);
		if (clock_mono_ms() > until_ms)
			return error_new(ERROR_TIMEOUT, "%zu of %zu nodes found no peers within %d s", g->lonely, count,
					 JOIN_MS / 1000);
		mem_free(g);
		TRY(pause_a_little(s));
	}
}

/* --- up and down --- */

static struct error *start_all(struct starting *s)
{
	size_t count = s->net->count;

	TRY(find_shhd(s));
	TRY(start_node(s, 0));
	TRY(wait_ready(s, 0, 1));
	for (size_t i = 1; i < count; i++)
		TRY(start_node(s, i));
	TRY(wait_ready(s, 1, count));
	TRY(open_rpcs(s));
	TRY(wait_joined(s));
	return whisper_net_record(s->net);
}

static bool none_left(const void *arg)
{
	return *(const size_t *)arg == 0;
}

static bool has_ended(const void *arg)
{
	return !child_alive(arg);
}

/* A start that failed leaves nothing. */
static void undo(struct starting *s)
{
	for (size_t i = 0; i < s->net->count; i++) {
		if (s->children[i])
			child_stop(s->children[i], SIGTERM, STOP_GRACE_MS);
	}
	for (size_t i = 0; i < s->net->count; i++) {
		progress_say(s->progress, "ending what was started");
		if (s->children[i])
			vcli_wait_until(&s->v->loop, has_ended, s->children[i], VCLI_WAIT_FOREVER);
	}
	error_free(file_remove_tree(s->net->folder));
}

static struct whisper_net *new_net(struct vcli *v, const char *folder, size_t count, size_t senders)
{
	struct whisper_net *net = mem_new(v, struct whisper_net);

	net->folder = mem_strdup(net, folder);
	net->count = count;
	net->senders = senders;
	net->nodes = mem_array(net, struct whisper_net_node, count);
	for (size_t i = 0; i < count; i++) {
		net->nodes[i].name = mem_printf(net, "%02zu", i + 1);
		net->nodes[i].folder = file_join(net, folder, net->nodes[i].name);
	}
	return net;
}

struct error *whisper_net_start(struct vcli *v, size_t count, size_t senders, struct whisper_net **ret_net)
{
	struct starting *s = mem_new(v, struct starting);
	struct whisper_net *old = NULL;
	struct error *e;

	TRY(whisper_net_remains(s, &v->set.client.state, &old));
	for (size_t i = 0; i < old->count; i++) {
		if (old->nodes[i].alive)
			return error_new(ERROR_EXISTS,
					 "a net of %zu nodes is up already; vcli whisper net down ends it", old->count);
	}
	TRY(file_remove_tree(old->folder));
	s->v = v;
	s->net = new_net(v, old->folder, count, senders);
	s->children = mem_array(s, struct child *, count);
	s->rpcs = mem_array(s, struct rpc_client *, count);
	s->progress = progress_new(s, v);
	signal_start(s, &v->loop, SIGINT, on_signal, s);
	signal_start(s, &v->loop, SIGTERM, on_signal, s);
	e = start_all(s);
	if (e)
		undo(s);
	else
		*ret_net = s->net;
	/* Freeing the children forgets them, they go on. */
	mem_free(s);
	return e;
}

static void forget(const struct child_exit *ex, void *arg)
{
	size_t *left = arg;

	(void)ex;
	(*left)--;
}

struct error *whisper_net_stop(uv_loop_t *loop, struct whisper_net *net)
{
	void *scope = mem_new(NULL, char);
	size_t left = 0;

	for (size_t i = 0; i < net->count; i++) {
		struct child *c = NULL;
		struct error *e =
			net->nodes[i].alive ? child_adopt(scope, loop, net->nodes[i].id, forget, &left, &c) : NULL;

		if (e && e->code != ERROR_NOT_FOUND) {
			mem_free(scope);
			return error_wrap(e, "node %s", net->nodes[i].name);
		}
		error_free(e);
		if (!c)
			continue;
		left++;
		child_stop(c, SIGTERM, STOP_GRACE_MS);
	}
	vcli_wait_until(loop, none_left, &left, VCLI_WAIT_FOREVER);
	mem_free(scope);
	return file_remove_tree(net->folder);
}
