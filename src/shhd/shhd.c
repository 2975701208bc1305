#include "shhd/shhd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/turns.h"
#include "crypto/secret.h"
#include "rpc/endpoint.h"
#include "rpc/metrics.h"
#include "rpc/subscriptions.h"
#include "shhd/derivation.h"
#include "shhd/nodekey.h"
#include "shhd/passthrough.h"

#define FILTERS_MAX 4096
#define REPLY_LIMIT ((size_t)48 << 20) /* a full filter in hexadecimal */
/* What clients still get before the connections are cut. */
#define GOODBYE_MS 200

struct ending {
	struct shhd *daemon;
	void (*done)(void *arg);
	void *arg;
};

/* In this order: calls refer to keys, subscriptions to filters, filters to the node. */
static int shhd_destroy(struct shhd *d)
{
	mem_free(d->postings);
	mem_free(d->derivations);
	mem_free(d->endpoint);
	mem_free(d->rpc);
	mem_free(d->filters);
	mem_free(d->shh);
	if (d->lock >= 0)
		close(d->lock);
	return 0;
}

/* "dsn[/identity]/v0.1.0/linux-x86_64": peers know by "dsn/" how we count proof of work. */
static char *client_name(const void *ctx, const char *identity)
{
	struct utsname u = {0};

	uname(&u);
	return mem_printf(ctx, "dsn%s%s/v%s/linux-%s", identity ? "/" : "", identity ? identity : "", DSN_VERSION,
			  u.machine);
}

static struct error *check_enodes(const char *option, char **urls)
{
	struct enode e;

	for (char **p = urls; p && *p; p++) {
		struct error *error = enode_parse(*p, &e);

		if (error)
			return error_wrap(error, "--%s", option);
	}
	return NULL;
}

static struct error *open_node(struct shhd *d, const struct shhd_settings *s)
{
	struct secp_key key;
	struct shh_options o = {
		.p2p =
			{
				.key = &key,
				.client = d->client,
				.listen_address = s->address,
				.port = (int)s->port,
				.udp_port = s->no_discovery   ? -1
					    : s->udp_port < 0 ? 0
							      : (int)s->udp_port,
				.announce_host = s->announce,
				.max_peers = (unsigned)s->max_peers,
				.bootnodes = (const char *const *)s->bootnodes,
				.static_peers = (const char *const *)s->static_peers,
				.trusted_peers = (const char *const *)s->trusted_peers,
			},
		.min_pow = strtod(s->min_pow, NULL),
		.max_message_bytes = (size_t)s->max_message,
		.light = s->light,
		.mining_rule = strcmp(s->pow_rule, "legacy") ? POW_EIP627 : POW_LEGACY,
		.unknown_rule = strcmp(s->peer_pow_rule, "legacy") ? POW_EIP627 : POW_LEGACY,
		.mining_threads = (unsigned)s->threads,
		.pool_bytes = (size_t)s->pool_bytes,
		.pool_count = (size_t)s->pool_count,
		.peer_envelopes_per_s = (unsigned)s->rate_envelopes,
		.peer_bytes_per_s = (size_t)s->rate_bytes,
	};
	struct error *e;

	TRY(check_enodes("bootnodes", s->bootnodes));
	TRY(check_enodes("static", s->static_peers));
	TRY(check_enodes("trusted", s->trusted_peers));
	TRY(nodekey_load(s, &key));
	e = shh_open(d, d->loop, &o, &d->shh);
	secret_wipe(&key, sizeof(key));
	return e;
}

static struct error *open_endpoint(struct shhd *d, const struct shhd_settings *s)
{
	const struct endpoint_config config = {
		.rules = {.address = s->rpc_address,
			  .token_file = s->token_file,
			  .hosts = s->hosts,
			  .origins = s->origins,
			  .cors = s->cors},
		.rpc_port = (int)s->rpc_port,
		.ws_port = (int)s->ws_port,
		.body_limit = (size_t)s->body_limit,
		.queue_limit = (size_t)s->queue_limit,
		.connections = (unsigned)s->connections,
		.rpc = d->rpc,
		.turns = d->turns,
		.metrics = d->metrics,
	};

	return endpoint_open(d, d->loop, &config, &d->endpoint);
}

static struct error *open_parts(struct shhd *d, const struct shhd_settings *s)
{
	const struct jsonrpc_limits limits = {.reply_limit = REPLY_LIMIT};
	char *lock = file_join(d, s->data_dir, "shhd.lock");

	TRY(file_mkdirs(s->data_dir, 0700));
	TRY(file_lock(lock, &d->lock));
	TRY(open_node(d, s));
	d->keys = keys_new(d);
	d->filters = ids_new(d, "filters", FILTERS_MAX);
	d->postings = mem_strdup(d, "");
	d->derivations = derivations_new(d, d->loop);
	d->turns = turns_new(d, d->loop);
	d->rpc = jsonrpc_new(d, &limits);
	jsonrpc_set_turns(d->rpc, d->turns);
	jsonrpc_set_namespaces(d->rpc, s->api);
	d->subscriptions = subscriptions_new(d, d->rpc);
	d->metrics = metrics_new(d, "shhd");
	shhd_add_metrics(d);
	methods_shh_add(d);
	methods_filter_add(d);
	methods_node_add(d);
	methods_raw_add(d);
	methods_subscribe_add(d);
	jsonrpc_set_fallback(d->rpc, passthrough_call, d);
	return open_endpoint(d, s);
}

struct error *shhd_open(const void *ctx, uv_loop_t *loop, const struct shhd_settings *settings, struct shhd **ret_shhd)
{
	struct shhd *d = mem_new(ctx, struct shhd);
	struct error *e;

	d->loop = loop;
	d->settings = settings;
	d->lock = -1;
	d->client = client_name(d, settings->identity);
	talloc_set_destructor(d, shhd_destroy);
	e = open_parts(d, settings);
	if (e) {
		mem_free(d);
		return e;
	}
	*ret_shhd = d;
	return NULL;
}

static void on_goodbye(void *arg)
{
	struct ending *end = arg;

	shh_stop(end->daemon->shh, end->done, end->arg);
}

void shhd_stop(struct shhd *d, void (*done)(void *arg), void *arg)
{
	struct ending *end = mem_new(d, struct ending);

	end->daemon = d;
	end->done = done;
	end->arg = arg;
	endpoint_close(d->endpoint);
	mem_free(d->postings); /* nothing is posted any more */
	d->postings = mem_strdup(d, "");
	timer_start(end, d->loop, GOODBYE_MS, 0, on_goodbye, end);
}
