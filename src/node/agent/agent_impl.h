/* Inside node/: the agent's parts as its files see them. For others there is node/agent/agent.h. */
#ifndef DSN_NODE_AGENT_AGENT_IMPL_H
#define DSN_NODE_AGENT_AGENT_IMPL_H

#include "api/command.h"
#include "base/loop.h"
#include "base/steady.h"
#include "bus/bus.h"
#include "bus/outbox.h"
#include "node/agent/agent.h"
#include "node/host.h"
#include "node/runtime/ports.h"
#include "store/db.h"

struct node;
struct command;
struct hardware;
struct answers;
struct heartbeat;

struct agent_claim {
	char *id;
	bool served;
	int64_t refused_since_ms; /* monotonic; 0: not refused */
	struct error *refusal;    /* the latest; NULL: not refused */
	bool from_start;          /* a refusal that lasts ends the agent */
};

/* A stored node that could not be opened. */
struct agent_lost {
	char *id, *why;
};

struct agent {
	struct host host; /* what its nodes see of it */
	int lock_fd;
	struct keyring *keyring;
	struct bus *bus;
	struct outbox *outbox;
	struct answers *answers;   /* to questions */
	struct hardware *hardware; /* NULL until asked for: agent_hardware() */
	struct heartbeat *heartbeat;
	struct node **nodes;
	size_t node_count;
	struct agent_lost *lost;
	size_t lost_count;
	struct command **commands; /* accepted, without result yet */
	size_t command_count;
	struct agent_claim *claims;
	size_t claim_count;
	int port_first, port_last;
	struct timer *tick, *status_timer, *change_timer, *soon_timer, *claim_timer, *stop_timer;
	struct steady clock;
	void (*on_change)(void *arg); /* after agent_changed() */
	int64_t started_ms;           /* monotonic */
	int64_t stop_ms;              /* monotonic */
	agent_end_fn *end;
	void *end_arg;
};

/* --- what its parts tell it (agent_state.c) --- */

/* Something a command may wait for, or a status tells, has changed: looked at soon, once for many changes. */
void agent_changed(struct agent *a);
/* It has ended: tell whoever opened it, once. */
void agent_finish(struct agent *a, int code);

/* --- its nodes (agent_nodes.c) --- */

struct node *agent_node(struct agent *a, const char *id);
/* Why the stored node could not be opened; NULL: it is open, or not stored. */
const char *agent_lost(const struct agent *a, const char *id);
void agent_add_node(struct agent *a, struct node *n);
/* Take the node out of the list and free it. */
void agent_drop_node(struct agent *a, struct node *n);
/* What the machine can do (node/agent/hardware.h). */
struct hardware *agent_hardware(struct agent *a);

/* --- mailboxes (agent_claims.c) --- */

/* Serve a node's mailbox from now on. */
void agent_claim(struct agent *a, const char *id);
/* No more, unless it is among those of the settings. */
void agent_unclaim(struct agent *a, const char *id);
/* Is it served? When it was refused, *ret_refusal becomes why (borrowed), else NULL. */
bool agent_claimed(const struct agent *a, const char *id, const struct error **ret_refusal);
/* What the bus tells: of struct bus_handlers. */
void agent_claim_refused(const char *id, const struct error *why, void *arg);
void agent_claim_served(const char *id, void *arg);

/* --- owners and managers (rights.c); signer NULL: it was not sealed --- */

/* Is he one? */
bool agent_is_owner(const struct agent *a, const char *signer);
/* Are the signer's commands looked at at all? */
bool agent_obeys(const struct agent *a, const char *signer);
/* May he, who is obeyed, give this one? ERROR_REFUSED says who may. */
struct error *agent_check_right(const struct agent *a, const char *signer, enum api_verb verb) MUST_CHECK;

/* --- keys (agent_keys.c) --- */

/* The keyring and the agent's id; agent.id is for people and scripts. */
struct error *agent_open_keys(struct agent *a) MUST_CHECK;
/* ERROR_NOT_FOUND when messages to this node could not be opened: its key is missing, and plain ones are not taken. */
struct error *agent_needs_key(struct agent *a, const char *id) MUST_CHECK;
/* `*node` becomes an id. The public key of an enode is remembered: the bus reads the queue named by it, too. */
struct error *agent_read_node(struct agent *a, char **node) MUST_CHECK;

#endif
