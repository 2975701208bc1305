/* Proof of work, and mining it on worker threads over all cores.
 *
 * POW_EIP627 (go-ethereum >= 1.9): 2^(leading zero bits of keccak(short || nonce)) / len(short) / ttl, where short is
 * the envelope without its nonce. POW_LEGACY (1.8): 2^(trailing zero bits of keccak(keccak(short) || 24 zeros ||
 * nonce)) / (20 + len(data)) / ttl. Both divide in that order in double precision.
 *
 * Requests are served fairly: the threads take turns over them in slices, so that a small one does not wait for a large
 * one. Threads: pow_* of the miner on the loop thread; the hashing functions anywhere.
 */
#ifndef DSN_WHISPER_POW_H
#define DSN_WHISPER_POW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "crypto/keccak.h"
#include "crypto/keccak_lanes.h"
#include "whisper/envelope.h"

#define POW_LEGACY_ZEROS 24    /* bytes between the hash and the nonce under POW_LEGACY */
#define POW_LEGACY_OVERHEAD 20 /* what POW_LEGACY adds to the data's size */

/* RLP [expiry, ttl, topic, data]; belongs to ctx. */
uint8_t *pow_short(const void *ctx, uint32_t expiry, uint32_t ttl, const uint8_t topic[TOPIC_BYTES],
		   const uint8_t *data, size_t data_bytes, size_t *ret_bytes);
/* A nonce as it is hashed: big-endian. */
void pow_nonce_bytes(uint64_t nonce, uint8_t ret_bytes[8]);
/* Zero bits that `rule` counts in a hash; of a hash of zeros 256 (POW_EIP627) or 0 (POW_LEGACY), as in go-ethereum. */
unsigned pow_hash_bits(enum pow_rule rule, const uint8_t hash[KECCAK_BYTES]);
/* Zero bits of `nonce` under `rule`. */
unsigned pow_bits(enum pow_rule rule, const uint8_t *short_rlp, size_t short_bytes, uint64_t nonce);
/* Under all rules at once: what is common is hashed once. */
void pow_bits_all(const uint8_t *short_rlp, size_t short_bytes, uint64_t nonce, unsigned ret_bits[POW_RULES]);
/* 2^bits by size and ttl. A ttl of 0 gives infinity, as in go-ethereum. */
double pow_value(enum pow_rule rule, unsigned bits, size_t short_bytes, size_t data_bytes, uint32_t ttl);
/* Bits that mining must reach for `target`, at least 1; both rules get there (the larger of both sizes is counted). 0
 * for a target of 0 (or below, or not a number), 256 for one that no hash reaches. */
unsigned pow_target_bits(double target, size_t short_bytes, size_t data_bytes, uint32_t ttl);

/* An envelope prepared for the lanes: the sponge as it stands before the nonce. Never changed by running it, so that
 * threads share it. */
struct pow_scan;
struct pow_scan *pow_scan_new(const void *ctx, enum pow_rule rule, const uint8_t *short_rlp, size_t short_bytes,
			      const struct keccak_lanes *lanes);
/* The first of `count` nonces from `first` on (past the last nonce comes 0) that has at least `bits` zero bits. */
bool pow_scan_find(const struct pow_scan *s, uint64_t first, uint64_t count, unsigned bits, uint64_t *ret_nonce,
		   unsigned *ret_bits);
/* The best of `count` nonces from `first` on, of equals the first; `count` > 0. */
void pow_scan_best(const struct pow_scan *s, uint64_t first, uint64_t count, unsigned *ret_bits, uint64_t *ret_nonce);

struct miner;
struct pow_request {
	enum pow_rule rule;
	bool both;            /* the nonce must satisfy both rules; costs the product */
	unsigned target_bits; /* 0: the best found until the deadline */
	int64_t deadline_ms;  /* from now; 0 or less: nothing is tried, as with go-ethereum's powTime 0 */
	uint32_t expiry, ttl;
	uint8_t topic[TOPIC_BYTES];
	const uint8_t *data; /* copied */
	size_t data_bytes;
};
/* e: ERROR_TIMEOUT when the target was not reached, ERROR_LIMIT or ERROR_IO when no thread could be started; the error
 * belongs to the callee. took_us: from miner_start() until the nonce was found. The job is gone already. */
typedef void pow_done_fn(struct error *e, uint64_t nonce, int64_t took_us, void *arg);
struct pow_job;

/* `threads` 0: one for each core. Threads are started with the first request and rest when there is nothing to do.
 * Freeing it cancels what is under way (no callbacks any more) and joins them; do so before the loop is closed. */
struct miner *miner_new(const void *ctx, uv_loop_t *loop, unsigned threads);
/* The job belongs to ctx; freeing it cancels it. It frees itself before `done` is called, which is never from within
 * miner_start(). Small requests are served in the order they were made. */
struct pow_job *miner_start(struct miner *m, const void *ctx, const struct pow_request *request, pow_done_fn *done,
			    void *arg);
/* Requests that are not answered yet. */
size_t miner_waiting(const struct miner *m);
/* Nonces tried so far, by all threads. */
uint64_t miner_hashes(const struct miner *m);

#endif
