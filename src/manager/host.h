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
	const char *database;                   /* path of the file */
	/* As in struct service_host. */
	int64_t start_ms;
	struct callers *callers;
	const struct service_network *network;
};

/* ERROR_NOT_FOUND: a name that is no service. Freeing it ends all that it does. */
struct error *manager_open(const void *ctx, uv_loop_t *loop, const struct manager_options *options,
			   struct manager **ret_manager) MUST_CHECK;
struct methods *manager_methods(const struct manager *m);
struct db *manager_db(const struct manager *m);
/* NULL: all is well, and the bus is up; else why not. */
struct error *manager_health(const struct manager *m) MUST_CHECK;
/* Hands a request to the service whose it is; false: nobody's. */
bool manager_request(struct http_request *r, void *manager);
/* What /metrics tells of it and its services; a metrics_fn. */
void manager_measure(struct metrics_text *t, void *manager);

#endif
