/* The parts of discovery, shared by the files that make it: discovery.c (open, packets, upkeep), request.c (what we
 * asked and wait for), lookup.c (the search for the nodes nearest to a target). Not for others. */
#ifndef DSN_DEVP2P_DISCOVERY_IMPL_H
#define DSN_DEVP2P_DISCOVERY_IMPL_H

#include "base/loop.h"
#include "devp2p/contact.h"
#include "devp2p/discovery.h"
#include "devp2p/discv4_packet.h"
#include "devp2p/resolve.h"
#include "devp2p/table.h"

#define FAILS_MAX 3 /* requests in a row without an answer: the node is dead */

enum discovery_request_kind {
	REQUEST_PING,
	REQUEST_THEIR_PING, /* the node is given time to ping us before FindNode: it may not know us */
	REQUEST_FIND,
};

struct discovery_request {
	enum discovery_request_kind kind;
	uint8_t public[SECP_PUBLIC_BYTES];
	uint8_t id[32];
	struct discv4_endpoint endpoint;
	uint8_t hash[32]; /* of our ping */
	int64_t deadline_ms;
	bool for_lookup; /* the lookup waits for this */
	bool pinged_us;  /* it pinged us while we wait for its answer */
	size_t nodes;    /* of Neighbors packets so far */
	bool answered;   /* REQUEST_FIND: by one packet at least */
	bool late;       /* counted as unanswered; what comes still is taken for a while */
};

struct discovery_lookup;

struct discovery_bootnode {
	struct discovery *discovery;
	struct enode node;
	uint8_t id[32];
	struct discv4_endpoint endpoint; /* without an IP until its host is looked up */
	struct resolve *resolve;
};

#define SOURCES 256

struct discovery {
	uv_loop_t *loop;
	const struct secp_key *key;
	uint8_t id[32];
	struct discv4_endpoint self; /* as announced */
	uv_udp_t *socket;            /* memory of its own, until uv has closed it */
	int family;
	struct table *table;
	struct contacts contacts;
	struct discovery_request *requests; /* oldest first */
	int64_t next_deadline_ms;           /* none of them is due before */
	size_t request_count, request_capacity;
	struct discovery_bootnode *bootnodes;
	size_t bootnode_count;
	struct discovery_lookup *lookup; /* the one under way */
	unsigned lookups_due;
	bool self_lookup_due;
	struct timer *timer;
	int64_t revalidate_ms;
	int64_t next_check_ms, next_refresh_ms, next_boot_ms, boot_wait_ms;
	/* Packets taken in the present second: in all, and by hash of the source address. */
	int64_t second;
	unsigned taken;
	uint16_t taken_of[SOURCES];
	uint32_t source_seed;
	void (*found)(const struct enode *e, void *arg);
	void *arg;
	struct discovery_counters counters;
};

/* Sends a packet; lost when the system does not take it. */
void discovery_send(struct discovery *d, struct discv4_packet *p, const struct discv4_endpoint *to);
/* A node's address may stand in our table: not our own, a port and a network where nodes live. */
bool discovery_acceptable(const struct discovery *d, const uint8_t id[32], const struct discv4_endpoint *endpoint);

/* False when too much is pending. A ping that is under way to the node is not repeated. */
bool discovery_request_ping(struct discovery *d, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
			    const struct discv4_endpoint *endpoint, bool for_lookup, bool pinged_us);
/* FindNode of the lookup's target, after whatever is needed for the node to answer it. */
bool discovery_request_find(struct discovery *d, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
			    const struct discv4_endpoint *endpoint);
/* Answers that came; false: nobody asked for that. */
bool discovery_request_got_pong(struct discovery *d, const uint8_t id[32], const struct discv4_packet *p,
				const struct discv4_endpoint *from);
bool discovery_request_got_neighbors(struct discovery *d, const uint8_t id[32], const struct discv4_packet *p,
				     const struct discv4_endpoint *from);
/* The node has pinged us and we answered. */
void discovery_request_got_ping(struct discovery *d, const uint8_t id[32], const struct discv4_endpoint *from);
void discovery_request_expire(struct discovery *d, int64_t now_ms);

/* Looks for the nodes nearest to a key, asking three at a time. */
void discovery_lookup_start(struct discovery *d, const uint8_t target[SECP_PUBLIC_BYTES]);
const uint8_t *discovery_lookup_target(const struct discovery *d);
void discovery_lookup_add(struct discovery *d, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
			  const struct discv4_endpoint *endpoint);
/* A node that was asked has told all it knows, or did not answer. */
void discovery_lookup_done(struct discovery *d, const uint8_t id[32], bool answered);
/* Starts what is due. */
void discovery_lookup_next(struct discovery *d);

#endif
