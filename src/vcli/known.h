/* What this user knows of the nodes of a network: what each said of itself last, and when. Kept in known.db of the
 * state folder, by bus and network; learned from statuses and answers, so that a node that says nothing any more is
 * still known. Strangers can report too, hence the bound: KNOWN_NODES of a network, the longest silent give way.
 * Threads: loop thread.
 */
#ifndef DSN_VCLI_KNOWN_H
#define DSN_VCLI_KNOWN_H

#include "store/schema.h"
#include "vcli/vcli.h"

#define KNOWN_NODES 1000

/* known.db: nodes, and the keys that bus/keyring.h keeps there. */
extern const struct db_schema known_database;

struct known_node {
	char *id, *name;             /* name NULL: it has none */
	char *agent_id, *agent_name; /* NULL: not known, none */
	json_t *row;                 /* as in a line of `node list`; owned */
	int64_t seen_ms;             /* wall clock of its last sign of life */
	bool heard;                  /* in this run */
	bool answered;               /* its agent did, in this run: it obeys us */
};

struct known {
	struct known_node **nodes; /* by id */
	size_t count;
	char **gone; /* forgotten in this run, not yet in the file */
	size_t gone_count;
	struct vcli *v;
};

/* Reads what is known of --bus and --network. Belongs to ctx. */
struct error *known_open(const void *ctx, struct vcli *v, struct known **ret_known) MUST_CHECK;
/* A sign of life of `id`; `row` (borrowed, may be NULL) is what it says of itself: a status, or a line of a list. What
 * has neither role nor ports says nothing new of a node, and makes none known. */
void known_see(struct known *k, const char *id, const json_t *row);
void known_forget(struct known *k, const char *id);
/* Writes down what known_see() and known_forget() changed. */
struct error *known_save(struct known *k) MUST_CHECK;
struct known_node *known_find(const struct known *k, const char *id);

/* known_open(), known_see() of one node, and known_save(); what fails is no failure of the command that asked. */
void known_learn(struct vcli *v, const char *id, const json_t *row);
void known_unlearn(struct vcli *v, const char *id);

#endif
