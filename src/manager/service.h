/* A service of dsnd: a folder of src/manager with one struct service_ops, and what the host gives it.
 *
 * A service knows no other one, nor where it runs: it calls its methods (method_begin() with service_self()), and reads
 * the event log (store/events.h). Adding one: docs/hacking.md, "A service of dsnd". Threads: loop thread.
 */
#ifndef DSN_MANAGER_SERVICE_H
#define DSN_MANAGER_SERVICE_H

#include <uv.h>

#include "bus/message.h"
#include "chain/u256.h"
#include "client/link.h"
#include "http/reach.h"
#include "manager/lead.h"
#include "manager/method.h"
#include "rpc/metrics.h"
#include "store/db.h"

/* The chain that orders are paid on, as dsnd's settings have it. */
struct deployment;
struct service_chain {
	const char *const *urls; /* of its endpoints */
	size_t url_count;
	const struct deployment *deployment; /* which chain it is, and where its contracts are (chain/deployment.h) */
	const char *folder;                  /* for the outbox and what was read */
	uint64_t confirmations;              /* blocks behind one that is taken for final */
	int64_t unpaid_ms;                   /* how long an order may go on without an escrow */
	struct u256 least_budget;            /* wei: a smaller escrow pays for no order */
};

/* The network as it is told to others, and who may log in to it. */
struct service_network {
	const char *name;                              /* on the bus */
	const char *bus;                               /* its URL, without user */
	const char *manager;                           /* whom agents name: dsnd's address */
	const struct service_chain *chain_paid_on;     /* NULL: orders are not paid for */
	const char *least_version, *suggested_version; /* of agents, "1.2.3"; "": any */
	const char *origin; /* where this dsnd is found, "https://dsn.example.org" (http/origin.h) */
	int64_t chain_id;
	bool open;           /* any address that logs in is a customer */
	int64_t lifetime_ms; /* of a login */
	/* What of nodes may be connected to: they say their addresses themselves. NULL: any. */
	const struct http_reach *reach;
};

/* One for each service. Borrowed; outlives it. */
struct service_host {
	uv_loop_t *loop;
	/* Each service's tables begin with its name; the event log is everybody's (store/events.h). Nothing is written
	 * with it while another process leads the service (ERROR_UNAVAILABLE, ERROR_REFUSED). */
	struct db *db;
	const struct lead *lead; /* see service_term() */
	struct methods *methods;
	struct client_link *link; /* to give commands with (client/request.h) */
	int64_t start_ms;         /* how long nodes may take until they serve */
	struct callers *callers;
	const struct service_network *network; /* may change until the first call */
};

struct http_request;
struct service_task {
	int64_t every_ms;
	void (*run)(void *state);
};

struct service_ops {
	const char *name; /* "jobs" */
	const char *text; /* what it is for, one line */
	/* Its tables, as in struct db_schema: the nth leads to version n + 1, and stays as it is once released. */
	const struct db_migration *migrations;
	size_t migration_count;
	/* In the transaction that makes the tables. `continues`: the network is older than they are (the database was
	 * lost, or another one is used from now on). May be NULL. */
	struct error *(*made)(struct db *db, bool continues);
	const struct method *methods; /* get the state as their arg */
	size_t method_count;
	const struct service_task *tasks; /* up to the one without function; NULL: none */
	/* Up to NULL: methods that only tell what a standby knows as well, and answers. NULL: there are none. */
	const char *const *told_by_standby;
	/* Its tasks run at a standby too, so that it knows all when it comes to lead: they change nothing then. */
	bool warm;
	const char *calls; /* the service whose methods it needs, here or at a peer (manager/remotes.h); NULL: none */
	/* Who leads it removes events that are old from the log, which is everybody's. One service's. */
	bool keeps_log;
	/* Belongs to ctx. All services' tables and methods are there; calls may be made once all are open. */
	struct error *(*open)(const void *ctx, const struct service_host *host, void **ret_state);
	/* This process leads the service from now on: take up what was left unfinished. May be NULL. */
	void (*start)(void *state);
	/* It does so no more: what is under way is given up, without a word to a node. May be NULL. */
	void (*stop)(const struct error *why, void *state);
	/* Each status message of the network (borrowed), also at a standby. NULL: it does not subscribe to them. */
	void (*heard)(const struct message *m, void *state);
	/* HTTP requests whose path begins so ("/watch/"): `request` answers them (http/server.h). NULL: none. */
	const char *path;
	void (*request)(struct http_request *r, void *state);
	/* NULL: it is well; or why it is not, which is taken. May be NULL. */
	struct error *(*health)(void *state);
	/* NULL: nothing; or what is not as it should be, though no call waits for it: a text of ctx. May be NULL. */
	char *(*degraded)(const void *ctx, void *state);
	void (*measure)(struct metrics_text *t, void *state); /* for /metrics; may be NULL */
};

/* The term in which this process leads the service: each command to a node bears it. 0: another one leads, or nobody:
 * then nothing is begun. Ask again after each wait. */
int64_t service_term(const struct service_host *host);

/* A service of this network, as who calls. */
struct caller service_self(void);

#endif
