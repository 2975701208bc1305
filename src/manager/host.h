/* Opens the services, and gives them what service.h says: one database, one ear on the bus, their tasks. */
#ifndef DSN_MANAGER_HOST_H
#define DSN_MANAGER_HOST_H

#include "manager/service.h"

struct manager;

/* dsnd's database: its own tables and its services'. */
extern const struct db_schema manager_database;

struct manager_options {
	const struct client_options *client;    /* borrowed; its state folder is dsnd's */
	const struct service_ops *const *known; /* all that there are; ends with NULL */
	char **names;                           /* of those to open, ends with NULL; NULL: all */
	char **peers;           /* where others are, as in struct remotes_options (manager/remotes.h); NULL: none */
	const char *peer_token; /* NULL with no peers */
	const char *database;   /* a file's path, or what open_db takes else */
	/* Opens it with manager_database; NULL: db_open(). ERROR_UNAVAILABLE: it is tried again until it succeeds. */
	struct error *(*open_db)(const void *ctx, const char *where, const struct db_schema *schema,
				 struct db **ret_db);
	bool shared;       /* other processes may have the database open too: leases decide who leads a service */
	int64_t expire_ms; /* of a lease (manager/lead.h) */
	int64_t keep_ms;   /* events of the log (store/events.h), and cursors that nobody uses */
	/* A network is here already although the database is new (it was lost, or another one is used): jobs are
	 * numbered from the clock on, so that no id is given twice. */
	bool continues;
	/* As in struct service_host. */
	int64_t start_ms;
	struct callers *callers;
	const struct service_network *network;
};

/* ERROR_NOT_FOUND: a name that is no service; remotes_open() has more. Freeing it ends all that it does. Calls are
 * taken, and refused until manager_lead(). */
struct error *manager_open(const void *ctx, uv_loop_t *loop, const struct manager_options *options,
			   struct manager **ret_manager) MUST_CHECK;
/* Begins to lead the services, or to stand by. `holder`: as in struct lead_options. Once. */
struct error *manager_lead(struct manager *m, const char *holder) MUST_CHECK;
/* The database in this file is an older copy: brings it to this version, and sees to it that what it counts is not
 * counted again. Nobody has it open. */
struct error *manager_restored(const char *path, const struct service_ops *const *known) MUST_CHECK;
struct methods *manager_methods(const struct manager *m);
/* NULL: it could not be opened yet. */
struct db *manager_db(const struct manager *m);
/* NULL: all is well, the bus is up, this process leads all its services, and its peers can be called; else why not. */
struct error *manager_health(const struct manager *m) MUST_CHECK;
/* Of what is well, what is not as it should be: a text of ctx, or NULL. */
char *manager_degraded(const void *ctx, const struct manager *m);
/* Hands a request to the service whose it is; false: nobody's. */
bool manager_request(struct http_request *r, void *manager);
/* What /metrics tells of it and its services; a metrics_fn. */
void manager_measure(struct metrics_text *t, void *manager);

#endif
