/* Packets of discovery v4, to and from bytes (devp2p discv4.md, EIP-8 for leniency). Threads: any.
 *
 *   hash (32) || signature (65) || type (1) || RLP list;  at most 1280 bytes
 */
#ifndef DSN_DEVP2P_DISCV4_PACKET_H
#define DSN_DEVP2P_DISCV4_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"
#include "devp2p/enode.h"

#define DISCV4_LIMIT 1280
#define DISCV4_NODES_MAX 16  /* taken from one packet */
#define DISCV4_PER_PACKET 12 /* sent in one */

enum discv4_type {
	DISCV4_PING = 1,
	DISCV4_PONG = 2,
	DISCV4_FIND_NODE = 3,
	DISCV4_NEIGHBORS = 4,
	DISCV4_ENR_REQUEST = 5,
	DISCV4_ENR_RESPONSE = 6,
};

struct discv4_endpoint {
	uint8_t ip[16];
	uint8_t ip_bytes; /* 0, 4 or 16 */
	uint16_t udp, tcp;
};

struct discv4_packet {
	enum discv4_type type;
	uint8_t sender[SECP_PUBLIC_BYTES]; /* recovered from the signature */
	uint8_t hash[32];                  /* of this packet */
	uint64_t expiration;               /* unix seconds; an ENR response has none */
	uint64_t version;                  /* ping */
	struct discv4_endpoint from, to;   /* ping; `to` of pong */
	uint8_t reply_to[32];              /* pong: hash of the ping */
	uint8_t target[SECP_PUBLIC_BYTES]; /* find node */
	struct {
		struct discv4_endpoint endpoint;
		uint8_t public[SECP_PUBLIC_BYTES];
	} nodes[DISCV4_NODES_MAX];
	size_t node_count;
};

/* Signs; ret_bytes gets at most DISCV4_LIMIT. `sender` and `hash` of p are set, its version is not looked at (a ping's
 * is 4). At most DISCV4_PER_PACKET nodes; no ENR response, since we announce no record. */
size_t discv4_write(const struct secp_key *key, struct discv4_packet *p, uint8_t ret_bytes[DISCV4_LIMIT]);
/* Checks hash, form and, as the last and dearest, the signature; not the expiration. Nodes without an IP address and
 * those after DISCV4_NODES_MAX are passed over. */
struct error *discv4_read(const uint8_t *bytes, size_t n, struct discv4_packet *ret_packet) MUST_CHECK;

#endif
