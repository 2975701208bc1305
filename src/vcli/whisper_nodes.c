#include "vcli/whisper_nodes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/loop.h"
#include "base/mem.h"
#include "vcli/wait.h"
#include "vcli/whisper_net.h"

#define TOKEN_VARIABLE "DSN_RPC_TOKEN"
#define TOKEN_LIMIT 4096
#define OPEN_MS 10000 /* at most, also when answers have more time */
#define PUBLIC_DIGITS 130

/* --- which --- */

static struct error *net_endpoints(const void *ctx, const struct client_state_options *state, enum whisper_which which,
				   char ***ret_urls, size_t *ret_count)
{
	struct whisper_net *net = NULL;
	char **urls;
	size_t first = 0, end;

	TRY(whisper_net_read(ctx, state, &net));
	end = net->count;
	if (which == WHISPER_SENDERS)
		end = net->senders;
	else if (which == WHISPER_RECEIVERS)
		first = net->senders;
	urls = mem_array(ctx, char *, end - first + 1);
	for (size_t i = first; i < end; i++)
		urls[i - first] = mem_printf(urls, "ws://127.0.0.1:%d", net->nodes[i].rpc_port);
	*ret_urls = urls;
	*ret_count = end - first;
	return NULL;
}

struct error *whisper_endpoints(const void *ctx, const struct vcli *v, enum whisper_which which, char ***ret_urls,
				size_t *ret_count)
{
	static char *usual[] = {WHISPER_RPC, NULL};
	char **given = v->set.whisper.rpcs && v->set.whisper.rpcs[0] ? v->set.whisper.rpcs : NULL,
	     **urls = given ? given : usual;
	size_t count = 0;

	if (v->set.whisper.net && given)
		return error_new(ERROR_INVALID, "--net and --rpc: say one of them");
	if (v->set.whisper.net)
		return net_endpoints(ctx, &v->set.client.state, which, ret_urls, ret_count);
	while (urls[count])
		count++;
	if (which == WHISPER_ONE && count > 1)
		return error_new(ERROR_INVALID, "--rpc: \"vcli %s\" talks to one node, %zu were named",
				 v->command->words, count);
	if (count > WHISPER_NODES_MAX)
		return error_new(ERROR_LIMIT, "--rpc: at most %d nodes, %zu were named", WHISPER_NODES_MAX, count);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(urls[i], urls[k]) == 0)
				return error_new(ERROR_INVALID, "--rpc: %s was named twice", urls[i]);
		}
	}
	*ret_urls = urls;
	*ret_count = count;
	return NULL;
}

struct error *whisper_authorization(const void *ctx, const struct vcli_whisper_options *o, char **ret_value)
{
	const char *variable = getenv(TOKEN_VARIABLE);
	char *token = NULL;

	if (o->rpc_token_file)
		TRY(file_read_secret(ctx, o->rpc_token_file, &token));
	else if (variable && *variable)
		token = mem_strndup(ctx, variable, TOKEN_LIMIT);
	if (token)
		*ret_value = mem_printf(ctx, "Bearer %s", token);
	mem_free(token);
	return NULL;
}

/* --- connecting --- */

static void on_notified(struct rpc_client *c, const char *method, const char *subscription, const json_t *result,
			void *arg)
{
	struct whisper_node *n = arg;

	(void)c;
	(void)subscription;
	if (n->all->take && strcmp(method, "shh_subscription") == 0)
		n->all->take(n, result);
}

static void on_closed(struct rpc_client *c, const struct error *e, void *arg)
{
	struct whisper_node *n = arg;

	(void)c;
	n->all->lost++;
	if (!n->all->interrupted && !n->all->v->set.quiet)
		fprintf(stderr, "%s: %s\n", n->name, e->message);
}

static bool is_interrupted(void *arg)
{
	struct whisper_node *n = arg;

	return n->all->interrupted;
}

static void on_signal(int signum, void *arg)
{
	struct whisper_nodes *n = arg;

	(void)signum;
	n->interrupted = true;
}

static struct error *open_node(struct whisper_node *n, const char *authorization)
{
	static const struct rpc_client_events events = {.notified = on_notified, .closed = on_closed};
	int64_t patience_ms = n->all->v->timeout_ms > 0 ? n->all->v->timeout_ms : 0;
	struct rpc_client_options options = {.authorization = authorization,
					     .open_ms = patience_ms < OPEN_MS ? patience_ms : OPEN_MS,
					     .answer_ms = patience_ms,
					     .interrupted = is_interrupted};
	struct rpc_client_address address;

	TRY(rpc_client_address_read(n->all, n->name, &address));
	options.host = address.host;
	options.port = address.port;
	options.path = address.path;
	n->rpc = rpc_client_open(n->all, &n->all->v->loop, &options, &events, n);
	return NULL;
}

static struct error *unreachable(const struct whisper_node *n, struct error *e)
{
	if (e->code == ERROR_REFUSED)
		return error_wrap(e, "%s: the node wants a token (--rpc-token-file, $" TOKEN_VARIABLE ")", n->name);
	return error_wrap(e, "the Whisper node at %s cannot be reached (--rpc, $DSN_RPC)", n->name);
}

struct error *whisper_nodes_open(struct vcli *v, enum whisper_which which, struct whisper_nodes **ret_nodes)
{
	struct whisper_nodes *n = mem_new(v, struct whisper_nodes);
	bool quiet = v->set.quiet;
	char **urls = NULL, *authorization = NULL;
	struct error *e = NULL;

	n->v = v;
	TRY(whisper_endpoints(n, v, which, &urls, &n->count));
	if (!v->set.whisper.net) /* its nodes have none */
		TRY(whisper_authorization(n, &v->set.whisper, &authorization));
	signal_start(n, &v->loop, SIGINT, on_signal, n);
	signal_start(n, &v->loop, SIGTERM, on_signal, n);
	n->items = mem_array(n, struct whisper_node, n->count);
	v->set.quiet = true; /* what fails now is the run's error */
	for (size_t i = 0; urls && i < n->count && !e; i++) {
		n->items[i] = (struct whisper_node){.name = mem_strdup(n, urls[i]), .index = i, .all = n};
		e = open_node(&n->items[i], authorization);
	}
	for (size_t i = 0; i < n->count && !e; i++) {
		e = rpc_client_wait_open(n->items[i].rpc);
		if (e)
			e = n->interrupted ? e : unreachable(&n->items[i], e);
	}
	v->set.quiet = quiet;
	mem_free(authorization);
	TRY(e);
	*ret_nodes = n;
	return NULL;
}

/* --- asking --- */

struct error *whisper_call(struct whisper_node *n, const char *method, json_t *params, json_t **ret_result)
{
	struct error *e = rpc_client_wait(n->rpc, method, params, ret_result);

	return e ? error_wrap(e, "%s", n->name) : NULL;
}

struct error *whisper_call_text(const void *ctx, struct whisper_node *n, const char *method, json_t *params,
				char **ret_text)
{
	json_t *result = NULL;
	char *text = NULL;

	TRY(whisper_call(n, method, params, &result));
	if (json_is_string(result))
		text = mem_strdup(ctx, json_string_value(result));
	json_decref(result);
	if (!text)
		return error_new(ERROR_FAILED, "%s: %s: no text came", n->name, method);
	*ret_text = text;
	return NULL;
}

struct error *whisper_public_key(const void *ctx, struct whisper_node *n, const char *pair_id, char **ret_key)
{
	char *key = NULL;

	TRY(whisper_call_text(ctx, n, "shh_getPublicKey", json_pack("[s]", pair_id), &key));
	if (strncmp(key, "0x04", 4) != 0 || !hex_is(key + 2, PUBLIC_DIGITS))
		return error_new(ERROR_FAILED, "%s: shh_getPublicKey: what came is no public key", n->name);
	*ret_key = key;
	return NULL;
}

/* --- waiting --- */

struct nodes_wait {
	const struct whisper_nodes *nodes;
	const bool *done;
};

static bool is_over(const void *arg)
{
	const struct nodes_wait *w = arg;

	return *w->done || w->nodes->interrupted || w->nodes->lost >= w->nodes->count;
}

void whisper_run(struct whisper_nodes *n, const bool *done, int64_t until_ms)
{
	vcli_wait_until(&n->v->loop, is_over, &(struct nodes_wait){n, done}, until_ms);
}
