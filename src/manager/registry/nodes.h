/* The nodes of a network as they are heard, and their states:
 *
 *   online --silent for NODES_SUSPECT_MS--> suspect --silent for NODES_OFFLINE_MS in all--> offline
 *   any of these --a sign of life--> online, or what else keeps it from work (nodes_state.h)
 *
 * A sign of life is a status of the node, an answer, or a heartbeat of the agent that the node's status has named.
 *
 * Any node can name any agent. What an agent says is a node's only when both have named each other: the node in its
 * status, the agent in a heartbeat.
 *
 * Anybody can report a node, so there is a bound: NODES_MOST, of which those that do not obey us give way first, the
 * longest silent one before the others. One that does not obey is forgotten when it is offline, one that does after
 * NODES_FORGET_MS. Times are those of the monotonic clock. Threads: loop thread.
 */
#ifndef DSN_MANAGER_REGISTRY_NODES_H
#define DSN_MANAGER_REGISTRY_NODES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manager/registry/agents.h"
#include "manager/registry/chain_bars.h"
#include "manager/registry/changes.h"
#include "manager/registry/marks.h"
#include "manager/registry/said.h"

#define NODES_SUSPECT_MS 15000 /* three statuses of an agent */
#define NODES_OFFLINE_MS 60000
#define NODES_FORGET_MS (INT64_C(24) * 3600 * 1000)
#define NODES_MOST 20000

struct nodes_node {
	struct changes_link change; /* first: what stands in the list of changes is its node */
	char id[ID_DIGITS + 1];
	struct nodes_said said;
	struct agents_agent *agent; /* that it names */
	bool named;                 /* by this agent too */
	uint64_t agent_version;     /* of what the agent had said when this node was told of last */
	bool obeys;                 /* has answered a question of ours */
	enum nodes_state heard;     /* online, suspect or offline */
	enum nodes_state state;
	int64_t seen_ms;      /* its last sign of life; no change */
	int64_t seen_wall_ms; /* the same, for people */
	int64_t ask_ms;       /* when it is to be asked (again) whether it obeys */
	unsigned asked;       /* how often it was */
};

struct nodes_options {
	const struct marks *marks;     /* the operator's; outlives the nodes */
	const char *least_version;     /* older ones get no work; "": any will do */
	const struct chain_bars *bars; /* outlives the nodes; NULL: there is no chain */
};

struct nodes;
/* Called for each change of state of a node that obeys; the node is not to be kept. */
typedef void nodes_moved_fn(const struct nodes_node *n, void *arg);
struct nodes *nodes_new(const void *ctx, const struct nodes_options *options, nodes_moved_fn *moved, void *arg);

/* A status: `body` as node `from` has signed it. False: it says nothing of a node, or not in the way nodes do. */
bool nodes_see(struct nodes *all, const char *from, const json_t *body, int64_t now_ms);
/* A heartbeat, as agent `from` has signed it: a sign of life of those of its nodes that name it. ERROR_INVALID: it is
 * none. */
struct error *nodes_beat(struct nodes *all, const char *from, const json_t *body, int64_t now_ms) MUST_CHECK;
/* All marks may be others. */
void nodes_look_again(struct nodes *all);
/* The operator has marked it, or taken its mark away. */
void nodes_marked(struct nodes *all, const char *id);
/* It has answered (or refused to). */
void nodes_answered(struct nodes *all, const char *id, bool obeys, int64_t now_ms);
/* What follows from time alone. */
void nodes_tick(struct nodes *all, int64_t now_ms);
/* Nodes to be asked now, at most `most`, those that are due for the longest time; they count as asked with that. Each
 * later time comes after a longer pause. */
size_t nodes_to_ask(struct nodes *all, int64_t now_ms, const struct nodes_node **ret_list, size_t most);

size_t nodes_count(const struct nodes *all);
/* By id; `n` below the count. */
const struct nodes_node *nodes_at(const struct nodes *all, size_t n);
const struct nodes_node *nodes_find(const struct nodes *all, const char *id);

/* What the agent says of the node's machine; api_beat_unknown until it has named the node. Its owner is the node's. */
const struct api_beat *nodes_beat_of(const struct nodes_node *n);
/* The agent that the node runs under: "" when that agent sends heartbeats and has not named the node. One that sends
 * none cannot contradict, so its id is what the node says, and nothing else follows from it. */
const char *nodes_agent_of(const struct nodes_node *n);
/* Why the node, or else its owner, is barred on the chain; NULL: neither is. */
const char *nodes_chain_bar_of(const struct nodes *all, const struct nodes_node *n);
/* The owner's address as callers have it, in lower case; "": not known. */
void nodes_owner_of(const struct nodes_node *n, char ret_owner[ID_DIGITS + 1]);

/* What was changed, in no order that matters, and who was forgotten. Texts and nodes are borrowed. */
struct nodes_changes {
	const char *epoch;
	int64_t version; /* to be asked `since` next */
	const struct nodes_node **list;
	size_t count;
	const char **gone; /* ids */
	size_t gone_count;
};
/* Since that version of that epoch; another epoch, or NULL: all nodes, and nobody is gone. Costs what has changed.
 * Arrays belong to ctx. */
void nodes_changed(const void *ctx, const struct nodes *all, const char *epoch, int64_t since,
		   struct nodes_changes *ret_changes);

#endif
