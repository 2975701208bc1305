/* Any bytes as a packet of discovery v4, as they are and, from the type on, under a hash and signature that fit; what
 * is taken and can be sent is written and read again to the same. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/keccak.h"
#include "devp2p/discv4_packet.h"

#define SIGNED_AT 97

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct secp_key *key, const struct discv4_packet *p)
{
	struct discv4_packet copy = *p, other;
	uint8_t bytes[DISCV4_LIMIT];

	if (p->type == DISCV4_ENR_RESPONSE || p->node_count > DISCV4_PER_PACKET)
		return;
	if (discv4_read(bytes, discv4_write(key, &copy, bytes), &other))
		abort();
	assert(other.type == p->type && other.expiration == p->expiration && other.node_count == p->node_count);
	assert(!memcmp(&other.from, &p->from, sizeof(p->from)) && !memcmp(&other.to, &p->to, sizeof(p->to)));
	assert(!memcmp(other.nodes, p->nodes, sizeof(p->nodes)));
	assert(!memcmp(other.target, p->target, sizeof(p->target)));
	assert(!memcmp(other.reply_to, p->reply_to, sizeof(p->reply_to)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[32] = {1};
	static struct secp_key key;
	static bool made;
	struct discv4_packet p;
	uint8_t bytes[DISCV4_LIMIT + 10], digest[32];
	size_t n = size < sizeof(bytes) - SIGNED_AT ? size : sizeof(bytes) - SIGNED_AT;
	struct error *e = discv4_read(data, size, &p);

	if (!made && secp_key_from_secret(secret, &key))
		abort();
	made = true;
	error_free(e);
	if (n == 0)
		return 0;
	memcpy(bytes + SIGNED_AT, data, n);
	keccak256(bytes + SIGNED_AT, n, digest);
	secp_sign(&key, digest, bytes + 32);
	n += SIGNED_AT;
	keccak256(bytes + 32, n - 32, bytes);
	e = discv4_read(bytes, n, &p);
	if (!e) {
		assert(!memcmp(p.sender, key.public, sizeof(p.sender)));
		again(&key, &p);
	}
	error_free(e);
	return 0;
}
