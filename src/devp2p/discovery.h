/* Node discovery v4 (devp2p discv4.md): a Kademlia table of nodes on UDP, kept fresh, and lookups.
 *
 * Answers pings and, after the endpoint proof, FindNode; pings back; revalidates a random bucket's last node every 10 s
 * (one that has failed to answer first; the third failure removes it); looks up itself and random targets at the start,
 * when nodes are wanted and every 30 minutes; asks the bootnodes again while it knows nobody. Addresses are
 * relayed only where they belong: loopback by and to loopback, private networks to private networks. Bounds: 16 buckets
 * of 16 nodes and 10 replacements, at most 2 nodes of a /24 in a bucket and 10 in all (private networks and loopback
 * exempt); pending requests are bounded, and so are the packets per second whose signature is looked at; packets that
 * are malformed, expired or unasked-for are dropped silently and counted. Threads: loop thread.
 */
#ifndef DSN_DEVP2P_DISCOVERY_H
#define DSN_DEVP2P_DISCOVERY_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "devp2p/enode.h"

struct discovery;

struct discovery_options {
	const struct secp_key *key;   /* must outlive it */
	const char *address;          /* to bind, e.g. "127.0.0.1" */
	int udp_port;                 /* 0 picks a free one */
	uint16_t tcp_port;            /* that we announce */
	const char *announce_host;    /* IP address that we announce; NULL or a name: `address` */
	const char *const *bootnodes; /* enode URLs, NULL-terminated; may be NULL */
	int64_t revalidate_ms;        /* between two; 0: 10 s */
	/* A node has answered us for the first time, or from a new address: it lives. May be NULL. */
	void (*found)(const struct enode *e, void *arg);
	void *arg;
};

struct discovery_counters {
	uint64_t in, out, refused;                /* packets */
	uint64_t refused_rate, refused_malformed; /* of those refused; the others are expired or unasked-for */
	size_t nodes;                             /* in the table */
};

struct error *discovery_open(const void *ctx, uv_loop_t *loop, const struct discovery_options *options,
			     struct discovery **ret_discovery) MUST_CHECK;
int discovery_port(const struct discovery *d);
/* Up to `max` different nodes of the table, random ones; returns how many. */
size_t discovery_random(struct discovery *d, struct enode *ret_nodes, size_t max);
/* More nodes are wanted: a lookup of a random target, unless one is under way. */
void discovery_lookup(struct discovery *d);
void discovery_count(const struct discovery *d, struct discovery_counters *ret_counters);

#endif
