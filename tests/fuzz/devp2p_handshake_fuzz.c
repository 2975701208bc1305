/* The handshake of both sides, fed any bytes in pieces: as they are, and sealed for us in either form, so that what is
 * inside is reached. The first byte says which. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/ecies.h"
#include "crypto/secret.h"
#include "devp2p/handshake.h"

#define LEGACY_AUTH_PLAIN 194
#define LEGACY_ACK_PLAIN 97
#define PLAIN_LIMIT (HANDSHAKE_LIMIT - 2 - ECIES_OVERHEAD)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fixed {
	struct secp_key self, ephemeral, other;
	uint8_t nonce[32];
};

static const struct fixed *fixed(void)
{
	static struct fixed f;
	static const uint8_t secrets[3][32] = {{1}, {2}, {3}};

	if (!f.nonce[0]) {
		if (secp_key_from_secret(secrets[0], &f.self) || secp_key_from_secret(secrets[1], &f.ephemeral) ||
		    secp_key_from_secret(secrets[2], &f.other))
			abort();
		memset(f.nonce, 7, sizeof(f.nonce));
	}
	return &f;
}

static void receive(bool dialing, const uint8_t *bytes, size_t n, size_t step)
{
	struct handshake *h = handshake_new(NULL, &fixed()->self, dialing ? fixed()->other.public : NULL);
	struct buf *out = buf_new(h, 4096);
	struct handshake_secrets secrets;
	bool done = false;
	size_t at = 0;

	handshake_fix(h, &fixed()->ephemeral, fixed()->nonce);
	if (dialing && handshake_begin(h, out))
		abort();
	while (at < n && !done) {
		size_t part = n - at < step ? n - at : step, used = 0;
		struct error *e = handshake_receive(h, bytes + at, part, out, &used, &done, &secrets);

		if (e) {
			error_free(e);
			break;
		}
		assert(used <= part && (done || used == part));
		at += used;
	}
	assert(!done || secp_public_valid(secrets.remote_public));
	mem_free(h);
}

static size_t seal(const uint8_t *plain, size_t n, bool legacy, uint8_t *ret_packet)
{
	size_t head = legacy ? 0 : 2, sealed = n + ECIES_OVERHEAD;

	if (!legacy) {
		ret_packet[0] = (uint8_t)(sealed >> 8);
		ret_packet[1] = (uint8_t)sealed;
	}
	if (ecies_seal(fixed()->self.public, plain, n, legacy ? NULL : ret_packet, head, ret_packet + head))
		abort();
	return head + sealed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t plain[PLAIN_LIMIT] = {0}, packet[HANDSHAKE_LIMIT];
	size_t n, legacy_plain;
	bool dialing, legacy;

	if (size < 2)
		return 0;
	dialing = data[0] & 1;
	legacy = data[0] & 2;
	if (data[0] & 4) {
		receive(dialing, data + 2, size - 2, data[1] + 1u);
		return 0;
	}
	n = size - 2 < sizeof(plain) ? size - 2 : sizeof(plain);
	memcpy(plain, data + 2, n);
	legacy_plain = dialing ? LEGACY_ACK_PLAIN : LEGACY_AUTH_PLAIN;
	if (legacy || n < legacy_plain)
		n = legacy_plain;
	n = seal(plain, n, legacy, packet);
	receive(dialing, packet, n, data[1] + 1u);
	return 0;
}
