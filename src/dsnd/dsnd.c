#include "dsnd/dsnd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "chain/amount.h"
#include "chain/deployment.h"
#include "chain/rpc.h"
#include "client/identity.h"
#include "crypto/secret.h"
#include "manager/jobs/jobs.h"
#include "manager/mail/mail.h"
#include "manager/network.h"
#include "manager/payments/payments.h"
#include "manager/play/play.h"
#include "manager/registry/registry.h"
#include "manager/sessions/sessions.h"
#include "postgres/postgres.h"

const struct service_ops *const dsnd_services[] = {
	&registry_service, &jobs_service, &play_service, &sessions_service, &mail_service, &payments_service, NULL};

/* Addresses of nodes are what their suppliers say. */
static struct error *read_reach(struct dsnd *d)
{
	char **texts = d->settings->media_networks;

	for (size_t i = 0; texts && texts[i]; i++) {
		struct error *e;

		d->reach.networks = mem_resize(d, d->reach.networks, struct http_reach_network, i + 1);
		e = http_reach_read(texts[i], &d->reach.networks[i]);
		if (e)
			return error_wrap(e, "--media-network");
		d->reach.count = i + 1;
	}
	return NULL;
}

/* In this order: calls refer to what answers them. */
static int dsnd_destroy(struct dsnd *d)
{
	mem_free(d->front);
	mem_free(d->manager);
	if (d->peer_token)
		secret_wipe(d->peer_token, strlen(d->peer_token));
	if (d->lock >= 0)
		close(d->lock);
	return 0;
}

static struct error *ready(void *arg)
{
	return manager_health(((struct dsnd *)arg)->manager);
}

static char *degraded(const void *ctx, void *arg)
{
	return manager_degraded(ctx, ((struct dsnd *)arg)->manager);
}

/* Who waits for a connection does nothing else: he waits for 2 s at most, unless the URL says otherwise. */
static char *server_url(const void *ctx, const char *url)
{
	bool ends = url[strlen(url) - 1] == '&' || url[strlen(url) - 1] == '?';

	if (strstr(url, "connect_timeout="))
		return mem_strdup(ctx, url);
	return mem_printf(ctx, "%s%sconnect_timeout=2", url, ends ? "" : strchr(url, '?') ? "&" : "?");
}

static struct error *open_manager(struct dsnd *d, uv_loop_t *loop, bool continues)
{
	const struct dsnd_settings *s = d->settings;
	bool shared = s->store && postgres_is_url(s->store);
	const struct manager_options options = {
		.client = &s->client,
		.known = dsnd_services,
		.names = s->services && *s->services ? s->services : NULL,
		.peers = s->peers,
		.peer_token = d->peer_token,
		.database = shared     ? server_url(d, s->store)
			    : s->store ? s->store
				       : file_join(d, s->client.state.folder, "dsnd.db"),
		.open_db = postgres_open,
		.shared = shared,
		.expire_ms = s->lease_ms,
		.start_ms = s->start_ms,
		.keep_ms = s->keep_ms,
		.callers = d->callers,
		.network = &d->network,
		.continues = continues,
	};

	return manager_open(d, loop, &options, &d->manager);
}

/* Without --public-url it is found where it listens. */
static struct error *find_origin(struct dsnd *d)
{
	const struct dsnd_settings *s = d->settings;
	const char *colon = strrchr(s->listen, ':');
	char *url = s->public_url;
	struct error *e;

	if (!url)
		url = mem_printf(d, "http://%.*s:%d", (int)(colon - s->listen), s->listen, front_port(d->front));
	e = http_origin_read(url, 0, &d->origin);
	d->network.origin = d->origin.text;
	/* Only who sits at this machine can ask it to connect to what is there. */
	d->reach.local = d->origin.loopback;
	return e ? error_wrap(e, "--public-url") : NULL;
}

static struct db *db(void *arg)
{
	return manager_db(((struct dsnd *)arg)->manager);
}

static struct error *open_front(struct dsnd *d, uv_loop_t *loop)
{
	const struct front_options options = {
		.listen = d->settings->listen,
		.methods = manager_methods(d->manager),
		.callers = d->callers,
		.peer_token = d->peer_token,
		.metrics = d->metrics,
		.db = db,
		.db_arg = d,
		.origin = &d->origin,
		.login_ms = d->settings->login_ms,
		.ready = ready,
		.degraded = degraded,
		.ready_arg = d,
		.page = manager_request,
		.page_arg = d->manager,
	};

	metrics_add(d->metrics, manager_measure, d->manager);
	TRY(front_open(d, loop, &options, &d->front));
	return find_origin(d);
}

/* An identity that was there before this dsnd: agents obey it, and may have jobs of its. */
static bool has_identity(const struct dsnd *d)
{
	const struct client_options *client = &d->settings->client;
	char *own = file_join(NULL, client->state.folder, "identity.key");
	bool has = client->identity || file_exists(own);

	mem_free(own);
	return has;
}

/* Where others reach it. */
static char *own_url(const struct dsnd *d)
{
	const char *listen = d->settings->listen;

	if (d->settings->url)
		return mem_strdup(d, d->settings->url);
	return mem_printf(d, "http://%.*s:%d", (int)(strrchr(listen, ':') - listen), listen, front_port(d->front));
}

/* Each word of --chain may be several with commas. */
static size_t endpoints(const struct dsnd *d, const char *urls[RPC_ENDPOINTS])
{
	size_t count = 0;

	for (char **word = d->settings->chain; word && *word; word++) {
		char *rest = mem_strdup(d, *word), *url;

		while ((url = strsep(&rest, ",")) && count < RPC_ENDPOINTS) {
			if (*url)
				urls[count++] = url;
		}
	}
	return count;
}

/* What is read and signed is for the chain of the file, whatever an endpoint says. */
static struct error *find_chain(struct dsnd *d)
{
	const struct dsnd_settings *s = d->settings;
	const char **urls = mem_array(d, const char *, RPC_ENDPOINTS);
	struct service_chain paid_on = {
		.urls = urls, .confirmations = (uint64_t)s->confirmations, .unpaid_ms = s->unpaid_ms};
	struct deployment *deployment = NULL;
	struct error *e;

	paid_on.url_count = endpoints(d, urls);
	if (!paid_on.url_count || (paid_on.url_count == 1 && strcmp(urls[0], "none") == 0))
		return NULL;
	for (size_t i = 0; i < paid_on.url_count; i++) {
		if (strcmp(urls[i], "none") == 0)
			return error_new(ERROR_INVALID, "--chain: endpoints, or \"none\", not both");
	}
	if (!s->addresses)
		return error_new(ERROR_INVALID,
				 "--addresses: where the contracts are, as vcli chain deploy has written it");
	e = deployment_read(d, s->addresses, &deployment);
	if (e)
		return error_wrap(e, "--addresses");
	if (s->paid_chain_id && (uint64_t)s->paid_chain_id != deployment->chain_id)
		return error_new(ERROR_INVALID, "--chain-id: the contracts of %s are on chain %llu", s->addresses,
				 (unsigned long long)deployment->chain_id);
	e = amount_parse(s->least_budget, AMOUNT_WEI, &paid_on.least_budget);
	if (e)
		return error_wrap(e, "--least-budget");
	paid_on.deployment = deployment;
	paid_on.folder = file_join(d, s->client.state.folder, "chain");
	d->paid_on = paid_on;
	d->network.chain_paid_on = &d->paid_on;
	return NULL;
}

static struct error *read_peer_token(struct dsnd *d)
{
	struct error *e;

	if (!d->settings->peer_token_file)
		return NULL;
	TRY(file_read_secret(d, d->settings->peer_token_file, &d->peer_token));
	e = caller_check_token(d->peer_token);
	return e ? error_wrap(e, "%s", d->settings->peer_token_file) : NULL;
}

static struct error *open_parts(struct dsnd *d, uv_loop_t *loop)
{
	const char *least = d->settings->least_version, *suggested = d->settings->suggested_version;
	const char *folder = d->settings->client.state.folder;
	bool continues = has_identity(d);
	char *id = NULL;

	TRY(file_mkdirs(folder, 0700));
	TRY(file_lock(file_join(d, folder, "dsnd.lock"), &d->lock));
	TRY(client_identity_id(d, &d->settings->client, &id));
	snprintf(d->id, sizeof(d->id), "%s", id);
	d->token_file = file_join(d, folder, "operator.token");
	TRY(callers_open(d, d->token_file, d->id, d->settings->callers, &d->callers));
	TRY(read_reach(d));
	d->metrics = metrics_new(d, "dsnd");
	d->network = (struct service_network){
		.name = d->settings->client.network,
		.bus = network_bus(d, d->settings->public_bus ? d->settings->public_bus : d->settings->client.bus),
		.manager = d->id,
		.least_version = least ? least : "",
		.suggested_version = suggested ? suggested : DSN_VERSION,
		.chain_id = d->settings->chain_id,
		.open = d->settings->open_login,
		.lifetime_ms = d->settings->login_ms,
		.reach = &d->reach};
	TRY(find_chain(d));
	TRY(read_peer_token(d));
	TRY(open_manager(d, loop, continues));
	TRY(open_front(d, loop));
	return manager_lead(d->manager, own_url(d));
}

struct error *dsnd_open(const void *ctx, uv_loop_t *loop, const struct dsnd_settings *settings, struct dsnd **ret_dsnd)
{
	struct dsnd *d = mem_new(ctx, struct dsnd);
	struct error *e;

	d->settings = settings;
	d->lock = -1;
	talloc_set_destructor(d, dsnd_destroy);
	e = open_parts(d, loop);
	if (e) {
		mem_free(d);
		return e;
	}
	*ret_dsnd = d;
	return NULL;
}
