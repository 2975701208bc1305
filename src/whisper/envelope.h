/* The Whisper v6 envelope: what travels between nodes (EIP-627; go-ethereum v1.8.27 and v1.9.20 for the details).
 *
 *   RLP [ expiry, ttl, topic (4 bytes), data, nonce ]
 *
 * An envelope is never changed once made; it is counted, so that pool, queues and workers share it. Struct, encoding
 * and count are one allocation, outside of talloc, since talloc's trees are not for several threads.
 * Threads: reading from any; the count is atomic.
 */
#ifndef DSN_WHISPER_ENVELOPE_H
#define DSN_WHISPER_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define TOPIC_BYTES 4
#define BLOOM_BYTES 64
#define ENVELOPE_HASH_BYTES 32
#define WHISPER_MESSAGE_LIMIT (10 * 1024 * 1024) /* hard upper bound of a message's size, bytes */
#define WHISPER_MESSAGE_DEFAULT (1024 * 1024)

/* go-ethereum counts proof of work in two ways that do not agree; see whisper/pow.h. */
enum pow_rule { POW_EIP627, POW_LEGACY, POW_RULES };

struct envelope {
	uint32_t expiry; /* unix seconds */
	uint32_t ttl;    /* seconds */
	uint8_t topic[TOPIC_BYTES];
	const uint8_t *data;
	size_t data_bytes;
	uint64_t nonce;
	const uint8_t *raw; /* the encoding, as received or as we make it */
	size_t raw_bytes;
	size_t short_bytes;                /* of the encoding without the nonce, what POW_EIP627 counts */
	uint8_t hash[ENVELOPE_HASH_BYTES]; /* Keccak-256 of raw */
	uint16_t bits[POW_RULES];          /* zero bits found by mining */
	double pow[POW_RULES];
	uint8_t bloom[BLOOM_BYTES]; /* of the topic, go-ethereum's way */
};

/* Reads one 5-element list of exactly n bytes and computes hash, both proofs of work and bloom. The bytes are copied.
 * ERROR_INVALID names the element; a ttl of 0 is refused. ERROR_LIMIT: larger than WHISPER_MESSAGE_LIMIT. */
struct error *envelope_read(const uint8_t *raw, size_t n, struct envelope **ret_envelope) MUST_CHECK;
/* The same when the caller knows the hash already: most envelopes arrive several times, and Keccak-256 of the bytes,
 * looked up in the pool, tells so before anything else is computed. */
struct error *envelope_read_hashed(const uint8_t *raw, size_t n, const uint8_t hash[ENVELOPE_HASH_BYTES],
				   struct envelope **ret_envelope) MUST_CHECK;
/* Makes one of its parts: ttl >= 1, data within WHISPER_MESSAGE_LIMIT. */
struct envelope *envelope_new(uint32_t expiry, uint32_t ttl, const uint8_t topic[TOPIC_BYTES], const uint8_t *data,
			      size_t data_bytes, uint64_t nonce);
struct envelope *envelope_ref(struct envelope *e);
void envelope_unref(struct envelope *e); /* NULL is allowed */

/* When it was sent: expiry - ttl, unix seconds, wrapping as go-ethereum's does. */
uint32_t envelope_sent(const struct envelope *e);
#define ENVELOPE_OVERHEAD 20   /* what go-ethereum takes for everything but the data */
#define ENVELOPE_REST_BYTES 32 /* the most that really stands beside the data */
/* ENVELOPE_OVERHEAD + data: what limits and mining targets count. */
size_t envelope_size(const struct envelope *e);
/* Proof of work with another time to live, >= 1 (a sender whose clock is ahead). */
double envelope_pow(const struct envelope *e, enum pow_rule rule, uint32_t ttl);
/* The better of both proofs of work: an envelope is mined for one rule, and by the other it is worth nothing. */
double envelope_worth(const struct envelope *e);

#endif
