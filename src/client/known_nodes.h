/* What this user knows of the nodes of a network: what each said of itself last, and when. Kept in known.db of the
 * state folder, by bus and network; learned from statuses and answers, so that a node that says nothing any more is
 * still known. Strangers can report too, hence the bound: CLIENT_KNOWN_NODES of a network, the longest silent give way.
 * Threads: loop thread.
 */
#ifndef DSN_CLIENT_KNOWN_NODES_H
#define DSN_CLIENT_KNOWN_NODES_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"
#include "client/options.h"
#include "store/schema.h"

#define CLIENT_KNOWN_NODES 1000

/* known.db: nodes, and the keys that bus/keyring.h keeps there. */
extern const struct db_schema client_known_database;

struct client_known_node {
	char *id, *name;             /* name NULL: it has none */
	char *agent_id, *agent_name; /* NULL: not known, none */
	json_t *row;                 /* as in a line of `node list`; owned */
	int64_t seen_ms;             /* wall clock of its last sign of life */
	bool heard;                  /* in this run */
	bool answered;               /* its agent did, in this run: it obeys us */
};

struct client_known {
	struct client_known_node **nodes; /* by id */
	size_t count;
	char **gone; /* forgotten in this run, not yet in the file */
	size_t gone_count;
	const struct client_options *client; /* borrowed */
};

/* Reads what is known of the options' bus and network. Belongs to ctx. */
struct error *client_known_open(const void *ctx, const struct client_options *client,
				struct client_known **ret_known) MUST_CHECK;
/* A sign of life of `id`; `row` (borrowed, may be NULL) is what it says of itself: a status, or a line of a list. What
 * has neither role nor ports says nothing new of a node, and makes none known. */
void client_known_see(struct client_known *k, const char *id, const json_t *row);
void client_known_forget(struct client_known *k, const char *id);
/* Writes down what client_known_see() and client_known_forget() changed. */
struct error *client_known_save(struct client_known *k) MUST_CHECK;
struct client_known_node *client_known_find(const struct client_known *k, const char *id);

/* client_known_open(), client_known_see() of one node, and client_known_save(); what fails is no failure of the command
 * that asked. */
void client_known_learn(const struct client_options *client, const char *id, const json_t *row);
void client_known_unlearn(const struct client_options *client, const char *id);

#endif
