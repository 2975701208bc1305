/* Packets of the shh/6 capability, to and from bytes (EIP-627; go-ethereum v1.9.20 for what is tolerated). Threads:
 * any. */
#ifndef DSN_WHISPER_PACKET_H
#define DSN_WHISPER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "rlp/rlp.h"
#include "whisper/envelope.h"

#define SHH_VERSION 6
#define SHH_LENGTH 128

enum shh_code {
	SHH_STATUS = 0,
	SHH_MESSAGES = 1,
	SHH_POW = 2,
	SHH_BLOOM = 3,
	SHH_DIRECT_REQUEST = 126,
	SHH_DIRECT = 127,
};

struct shh_status {
	uint64_t version;
	double min_pow;
	uint8_t bloom[BLOOM_BYTES]; /* full when it was missing or empty */
	bool light;
};

void status_write(struct rlp_writer *w,
		  const struct shh_status *s); /* a full bloom as an empty string, as go-ethereum does */
/* Everything behind the version is optional; what cannot be is refused: a wrong version, a PoW that is infinite, not a
 * number or negative, a bloom of another length. Further items are ignored. */
struct error *status_read(const uint8_t *payload, size_t n, struct shh_status *ret_status) MUST_CHECK;
void pow_requirement_write(struct rlp_writer *w, double pow);
struct error *pow_requirement_read(const uint8_t *payload, size_t n, double *ret_pow) MUST_CHECK;
void bloom_write(struct rlp_writer *w, const uint8_t bloom[BLOOM_BYTES]);
struct error *bloom_read(const uint8_t *payload, size_t n, uint8_t ret_bloom[BLOOM_BYTES]) MUST_CHECK;
/* The envelopes of a Messages packet, one after the other: the list itself is checked first. */
struct error *messages_read(const uint8_t *payload, size_t n, struct rlp *ret_envelopes) MUST_CHECK;

#endif
