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

/* A full bloom goes as an empty string, as go-ethereum sends it. */
void packet_status_write(struct rlp_writer *w, const struct shh_status *s);
/* Everything behind the version is optional, and taken as missing when it is of another type; what cannot be is
 * refused: a wrong version, a PoW that is infinite, not a number or negative, a bloom of another length. Further items
 * are ignored, and bytes behind the list too: later versions may have them. */
struct error *packet_status_read(const uint8_t *payload, size_t n, struct shh_status *ret_status) MUST_CHECK;
void pow_requirement_write(struct rlp_writer *w, double pow);
struct error *pow_requirement_read(const uint8_t *payload, size_t n, double *ret_pow) MUST_CHECK;
void bloom_write(struct rlp_writer *w, const uint8_t bloom[BLOOM_BYTES]);
struct error *bloom_read(const uint8_t *payload, size_t n, uint8_t ret_bloom[BLOOM_BYTES]) MUST_CHECK;
/* The envelopes of a Messages packet, for rlp_read_raw() and envelope_read() one after the other, which check them:
 * to look at all at once would take as long as their sender likes. */
struct error *messages_read(const uint8_t *payload, size_t n, struct rlp *ret_envelopes) MUST_CHECK;
/* The same for a direct message: one envelope, as go-ethereum sends it, or a list of them (status-go). */
struct error *packet_direct_read(const uint8_t *payload, size_t n, struct rlp *ret_envelopes) MUST_CHECK;

#endif
