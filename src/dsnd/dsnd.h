/* The daemon: the services of a network and their way in, wired together. Threads: loop thread. */
#ifndef DSN_DSND_DSND_H
#define DSN_DSND_DSND_H

#include <uv.h>

#include "manager/front.h"
#include "manager/host.h"

struct dsnd_settings {
	struct client_options client; /* whose state folder is dsnd's */
	char **chain, *addresses, *least_budget;
	int64_t paid_chain_id, confirmations, unpaid_ms;
	char *store, *backup, *restore, *listen, *url, *callers, *ready_file, *log_level, *public_url, *public_bus,
		*peer_token_file;
	char **services, **peers, **media_networks;
	int64_t start_ms, lease_ms, keep_ms, chain_id, login_ms;
	bool open_login;
	char *least_version, *suggested_version;
	bool print_reference;
};

struct dsnd {
	const struct dsnd_settings *settings;
	char id[ID_DIGITS + 1]; /* what agents name as their manager */
	char *token_file;       /* of the operator */
	char *peer_token;       /* wiped; NULL: there is none */
	struct manager *manager;
	struct callers *callers;
	struct http_origin origin; /* where clients find it */
	struct service_network network;
	struct service_chain paid_on;
	struct http_reach reach;
	struct metrics *metrics;
	struct front *front;
	int lock; /* descriptor */
};

/* All that there are; ends with NULL. */
extern const struct service_ops *const dsnd_services[];

/* ERROR_EXISTS: another one holds the state folder; other errors are the settings'. */
struct error *dsnd_open(const void *ctx, uv_loop_t *loop, const struct dsnd_settings *settings,
			struct dsnd **ret_dsnd) MUST_CHECK;

/* --backup: copies the database into a new file, also while a dsnd uses it. */
struct error *dsnd_backup(const struct dsnd_settings *settings) MUST_CHECK;
/* --restore: puts a copy in the database's place; *ret_before (ctx's) is what was there. ERROR_EXISTS: a dsnd runs. */
struct error *dsnd_restore(const void *ctx, const struct dsnd_settings *settings, char **ret_before) MUST_CHECK;

#endif
