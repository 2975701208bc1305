/* Keccak-256 with the original padding (domain byte 0x01), as Ethereum uses it; not SHA3-256 (FIPS 202, 0x06).
 *
 * Source: the Keccak reference, rate 1088 bits (136 bytes), 24 rounds. Threads: any; a state belongs to one at a time.
 */
#ifndef DSN_CRYPTO_KECCAK_H
#define DSN_CRYPTO_KECCAK_H

#include <stddef.h>
#include <stdint.h>

#define KECCAK_BYTES 32
#define KECCAK_RATE 136 /* bytes absorbed per permutation */

/* A running sponge: may be copied as a value. */
struct keccak {
	uint64_t lanes[25];
	unsigned used; /* bytes absorbed into the present block, < KECCAK_RATE */
};

void keccak_init(struct keccak *k);
void keccak_update(struct keccak *k, const void *bytes, size_t n);
/* The digest of what was absorbed so far; the state goes on (RLPx's running MACs need that). */
void keccak_digest(const struct keccak *k, uint8_t ret_digest[KECCAK_BYTES]);

void keccak256(const void *bytes, size_t n, uint8_t ret_digest[KECCAK_BYTES]);

/* Keccak-f[1600] on one state. */
void keccak_permute(uint64_t lanes[25]);

#endif
