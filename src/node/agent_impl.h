/* Inside node/: the agent's parts as its files see them. For others there is node/agent.h. */
#ifndef DSN_NODE_AGENT_IMPL_H
#define DSN_NODE_AGENT_IMPL_H

#include "base/loop.h"
#include "base/steady.h"
#include "bus/bus.h"
#include "bus/outbox.h"
#include "node/agent.h"
#include "node/ports.h"
#include "node/runtime.h"
#include "node/uids.h"
#include "store/db.h"

struct node;
struct command;
struct hardware;
struct answers;

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
	uv_loop_t *loop;
	struct agent_settings settings;
	struct runtime_options runtime_options;
	struct uid_range uids; /* users of nodes' own; none unless we are root */
	const char *id;
	int lock_fd;
	struct db *db;
	struct keyring *keyring;
	struct bus *bus;
	struct outbox *outbox;
	struct answers *answers;   /* to questions */
	struct hardware *hardware; /* NULL until asked for */
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
	int64_t started_ms; /* monotonic */
	bool stopping;
	int64_t stop_ms; /* monotonic */
	agent_end_fn *end;
	void *end_arg;
};

struct node *agent_node(struct agent *a, const char *id);
/* Why the stored node could not be opened; NULL: it is open, or not stored. */
const char *agent_lost(const struct agent *a, const char *id);
void agent_add_node(struct agent *a, struct node *n);
/* Take the node out of the list and free it. */
void agent_drop_node(struct agent *a, struct node *n);
/* Serve a node's mailbox from now on. */
void agent_claim(struct agent *a, const char *id);
/* Is it served? When it was refused, *ret_refusal becomes why (borrowed), else NULL. */
bool agent_claimed(const struct agent *a, const char *id, const struct error **ret_refusal);
/* May the signer of a command give it? NULL: it was not sealed. */
bool agent_obeys(const struct agent *a, const char *signer);
/* ERROR_NOT_FOUND when messages to this node could not be opened: its key is missing, and plain ones are not taken. */
struct error *agent_needs_key(struct agent *a, const char *id) MUST_CHECK;
/* Something a command may wait for, or a status tells, has changed: looked at soon, once for many changes. */
void agent_changed(struct agent *a);

/* Status messages (status.c). */
void status_send_all(struct agent *a);
void status_send_changed(struct agent *a);

#endif
