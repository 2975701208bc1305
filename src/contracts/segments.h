/* A batch of delivered segments: a file that describes them, and the Merkle tree over them.
 *
 * A file has a line for each segment, in order; what a line says is for the parties to agree on (name, size and hash,
 * for instance). The hash of a line without its end, Keccak-256, is what the contract Jobs calls the segment. The tree
 * is that of RFC 9162, section 2.1, with the leaves and nodes of docs/contracts.md ("Segments and proofs").
 */
#ifndef DSN_CONTRACTS_SEGMENTS_H
#define DSN_CONTRACTS_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"

#define SEGMENTS 4096     /* in a batch, at most */
#define SEGMENT_LINE 4096 /* bytes of a line, at most */
#define SEGMENTS_DEPTH 12 /* of the tree: hashes of a proof, at most */

struct segments {
	size_t count;
	uint8_t (*hashes)[KECCAK_BYTES];
};

/* Which batch it is. */
struct segments_batch {
	uint64_t job;
	uint8_t node[ETH_ADDRESS_BYTES];
	uint32_t ordinal;
};

/* From a text; `what` names it in messages. ERROR_INVALID names the line: none, an empty or a too long one, too many.
 */
struct error *segments_parse(const void *ctx, const char *what, const char *text, size_t n,
			     struct segments **ret_segments) MUST_CHECK;
struct error *segments_read(const void *ctx, const char *path, struct segments **ret_segments) MUST_CHECK;

void segments_root(const struct segments *s, const struct segments_batch *batch, uint8_t ret_root[KECCAK_BYTES]);
/* The hashes from the leaf's side up to the root. index < count. Returns their number. */
size_t segments_proof(const struct segments *s, const struct segments_batch *batch, size_t index,
		      uint8_t ret_proof[SEGMENTS_DEPTH][KECCAK_BYTES]);

/* A segment, and that it is of the batch. */
struct segments_shown {
	uint64_t index;
	uint8_t segment[KECCAK_BYTES], proof[SEGMENTS_DEPTH][KECCAK_BYTES];
	size_t depth; /* hashes of the proof */
};
/* ERROR_INVALID: `what`, as of segments_parse(), has fewer segments. */
struct error *segments_show(const struct segments *s, const char *what, const struct segments_batch *batch,
			    uint64_t index, struct segments_shown *ret_shown) MUST_CHECK;

#endif
