/* A simulated agent: its own key and connection to the bus, a mailbox for each of its nodes, signed heartbeats and
 * statuses, sealed answers; without nginx, ffmpeg and disk.
 *
 * Ownership: an agent belongs to its ctx; its nodes stay when its connection is ended. Threads: loop thread.
 */
#ifndef DSN_BENCH_SWARM_AGENT_H
#define DSN_BENCH_SWARM_AGENT_H

#include "base/loop.h"
#include "bench/swarm_node.h"
#include "bus/bus.h"

struct swarm_agent_options {
	uv_loop_t *loop;
	struct bus_options bus; /* without a keyring */
	const char *manager;    /* whom it obeys, 40 hex digits */
	size_t number;          /* among all agents; its address and its ports follow from it */
	size_t nodes;
	int64_t beat_ms;   /* between heartbeats */
	int64_t status_ms; /* between full statuses of a node; 0: only when it has changed */
};

struct swarm_agent_counts {
	uint64_t beats, statuses, results; /* sent */
	uint64_t bytes;                    /* of heartbeats and statuses as the bus carries them */
};

struct swarm_agent {
	struct swarm_agent_options options;
	char id[ID_DIGITS + 1];
	struct keyring *keyring;
	struct bus *bus; /* NULL: it is dead */
	struct timer *beat, *status, *soon;
	char *version;
	struct swarm_node **nodes;
	size_t node_count;
	bool *served; /* of the nodes, and at last its own mailbox */
	size_t served_count;
	struct swarm_agent_counts counts;
	size_t beat_bytes, status_bytes; /* of one, as last measured */
};

/* With new keys; not connected yet. */
struct swarm_agent *swarm_agent_new(const void *ctx, const struct swarm_agent_options *options);
struct error *swarm_agent_connect(struct swarm_agent *a) MUST_CHECK;
/* No word goes out any more, also no goodbye on the bus. */
void swarm_agent_kill(struct swarm_agent *a);
/* Are all of its mailboxes served? */
bool swarm_agent_served(const struct swarm_agent *a);
/* Tells what has changed of its nodes. */
void swarm_agent_tell_changes(struct swarm_agent *a);
/* The address of an agent of that number. */
void swarm_agent_ip(size_t number, char ret_ip[64]);
/* The agent's number and the node's place at it; false: it is no address of this kind. */
bool swarm_agent_find(const char *ip, int rtmp_port, size_t *ret_number, size_t *ret_node);

#endif
