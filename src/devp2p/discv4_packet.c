#include "devp2p/discv4_packet.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/keccak.h"
#include "crypto/secret.h"
#include "rlp/rlp.h"

#define VERSION 4
#define HASH_BYTES 32
#define SIGNED_AT (HASH_BYTES + SECP_SIGNATURE_BYTES) /* the type, then the list */

static void write_endpoint_items(struct rlp_writer *w, const struct discv4_endpoint *e)
{
	rlp_write_bytes(w, e->ip, e->ip_bytes);
	rlp_write_u64(w, e->udp);
	rlp_write_u64(w, e->tcp);
}

static void write_endpoint(struct rlp_writer *w, const struct discv4_endpoint *e)
{
	rlp_list_begin(w);
	write_endpoint_items(w, e);
	rlp_list_end(w);
}

static void write_nodes(struct rlp_writer *w, const struct discv4_packet *p)
{
	assert(p->node_count <= DISCV4_PER_PACKET);
	rlp_list_begin(w);
	for (size_t i = 0; i < p->node_count; i++) {
		rlp_list_begin(w);
		write_endpoint_items(w, &p->nodes[i].endpoint);
		rlp_write_bytes(w, p->nodes[i].public, SECP_PUBLIC_BYTES);
		rlp_list_end(w);
	}
	rlp_list_end(w);
}

static void write_list(struct rlp_writer *w, const struct discv4_packet *p)
{
	/* We announce no record, so nobody has one to ask for. */
	assert(p->type != DISCV4_ENR_RESPONSE);
	rlp_list_begin(w);
	if (p->type == DISCV4_PING) {
		rlp_write_u64(w, VERSION);
		write_endpoint(w, &p->from);
	}
	if (p->type == DISCV4_PING || p->type == DISCV4_PONG)
		write_endpoint(w, &p->to);
	if (p->type == DISCV4_PONG)
		rlp_write_bytes(w, p->reply_to, HASH_BYTES);
	if (p->type == DISCV4_FIND_NODE)
		rlp_write_bytes(w, p->target, SECP_PUBLIC_BYTES);
	if (p->type == DISCV4_NEIGHBORS)
		write_nodes(w, p);
	rlp_write_u64(w, p->expiration);
	rlp_list_end(w);
}

size_t discv4_write(const struct secp_key *key, struct discv4_packet *p, uint8_t ret_bytes[DISCV4_LIMIT])
{
	struct rlp_writer w;
	uint8_t digest[32];
	size_t n;

	rlp_writer_init(&w, NULL);
	write_list(&w, p);
	n = SIGNED_AT + 1 + w.len;
	assert(n <= DISCV4_LIMIT);
	ret_bytes[SIGNED_AT] = (uint8_t)p->type;
	memcpy(ret_bytes + SIGNED_AT + 1, w.data, w.len);
	mem_free(w.data);
	keccak256(ret_bytes + SIGNED_AT, n - SIGNED_AT, digest);
	secp_sign(key, digest, ret_bytes + HASH_BYTES);
	keccak256(ret_bytes + HASH_BYTES, n - HASH_BYTES, p->hash);
	memcpy(ret_bytes, p->hash, HASH_BYTES);
	memcpy(p->sender, key->public, SECP_PUBLIC_BYTES);
	return n;
}

static struct error *read_port(struct rlp *items, uint16_t *ret_port)
{
	uint32_t port = 0;

	TRY(rlp_read_u32(items, &port));
	if (port > UINT16_MAX)
		return error_new(ERROR_INVALID, "a port of %u", port);
	*ret_port = (uint16_t)port;
	return NULL;
}

/* An address that is none is left empty: what a node thinks of its own address is of no use in any case. */
static struct error *read_endpoint_items(struct rlp *items, struct discv4_endpoint *ret_endpoint)
{
	struct discv4_endpoint e = {0};
	const uint8_t *ip = NULL;
	size_t n = 0;

	TRY(rlp_read_bytes(items, &ip, &n));
	TRY(read_port(items, &e.udp));
	TRY(read_port(items, &e.tcp));
	if (n == 4 || n == 16) {
		memcpy(e.ip, ip, n);
		e.ip_bytes = (uint8_t)n;
	}
	*ret_endpoint = e;
	return NULL;
}

static struct error *read_endpoint(struct rlp *items, struct discv4_endpoint *ret_endpoint)
{
	struct rlp endpoint = {0};

	TRY(rlp_read_list(items, &endpoint));
	return read_endpoint_items(&endpoint, ret_endpoint);
}

static struct error *read_nodes(struct rlp *items, struct discv4_packet *p)
{
	struct rlp nodes = {0}, node = {0};

	TRY(rlp_read_list(items, &nodes));
	while (!rlp_at_end(&nodes)) {
		struct discv4_endpoint endpoint = {0};
		uint8_t public[SECP_PUBLIC_BYTES] = {0};

		TRY(rlp_read_list(&nodes, &node));
		TRY(read_endpoint_items(&node, &endpoint));
		TRY(rlp_read_fixed(&node, public, SECP_PUBLIC_BYTES));
		if (endpoint.ip_bytes == 0 || p->node_count == DISCV4_NODES_MAX)
			continue;
		p->nodes[p->node_count].endpoint = endpoint;
		memcpy(p->nodes[p->node_count++].public, public, SECP_PUBLIC_BYTES);
	}
	return NULL;
}

/* EIP-8: another version, further elements and what follows the list are not looked at. */
static struct error *read_list(struct rlp items, struct discv4_packet *p)
{
	switch (p->type) {
	case DISCV4_PING:
		TRY(rlp_read_u64(&items, &p->version));
		TRY(read_endpoint(&items, &p->from));
		TRY(read_endpoint(&items, &p->to));
		break;
	case DISCV4_PONG:
		TRY(read_endpoint(&items, &p->to));
		TRY(rlp_read_fixed(&items, p->reply_to, HASH_BYTES));
		break;
	case DISCV4_FIND_NODE:
		TRY(rlp_read_fixed(&items, p->target, SECP_PUBLIC_BYTES));
		break;
	case DISCV4_NEIGHBORS:
		TRY(read_nodes(&items, p));
		break;
	case DISCV4_ENR_REQUEST:
		break;
	case DISCV4_ENR_RESPONSE:
		TRY(rlp_read_fixed(&items, p->reply_to, HASH_BYTES));
		return rlp_skip(&items);
	default:
		return error_new(ERROR_INVALID, "a packet of the unknown type %u", (unsigned)p->type);
	}
	return rlp_read_u64(&items, &p->expiration);
}

struct error *discv4_read(const uint8_t *bytes, size_t n, struct discv4_packet *ret_packet)
{
	struct discv4_packet p = {0};
	struct rlp message, items = {0};
	uint8_t digest[32];

	if (n <= SIGNED_AT)
		return error_new(ERROR_INVALID, "a discovery packet of %zu bytes", n);
	if (n > DISCV4_LIMIT)
		return error_new(ERROR_LIMIT, "a discovery packet of %zu bytes, %u are allowed", n, DISCV4_LIMIT);
	keccak256(bytes + HASH_BYTES, n - HASH_BYTES, p.hash);
	if (!secret_equal(p.hash, bytes, HASH_BYTES))
		return error_new(ERROR_INVALID, "a discovery packet whose hash is not its own");
	p.type = bytes[SIGNED_AT];
	message = rlp_of(bytes + SIGNED_AT + 1, n - SIGNED_AT - 1);
	TRY(rlp_read_list(&message, &items));
	TRY(read_list(items, &p));
	/* Last, since it costs the most. */
	keccak256(bytes + SIGNED_AT, n - SIGNED_AT, digest);
	TRY(secp_recover(digest, bytes + HASH_BYTES, p.sender));
	*ret_packet = p;
	return NULL;
}
