/* RLPx frames: encrypted, authenticated, optionally compressed messages; no input or output of its own.
 *
 * Sources: devp2p rlpx.md (framing), EIP-706 (snappy block format, payload only). Threads: one at a time.
 */
#ifndef DSN_DEVP2P_FRAME_H
#define DSN_DEVP2P_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "devp2p/handshake.h"

#define FRAME_LIMIT 0xffffff /* bytes of a payload, also before compression */

struct frames;
/* Copies the secrets; wipe yours. `payload_limit` bounds what is received (decompressed), <= FRAME_LIMIT. */
struct frames *frames_new(const void *ctx, const struct handshake_secrets *secrets, size_t payload_limit);
/* The peer's Hello is here and ours is written: from now on payloads are compressed, both ways, */
void frames_compress(struct frames *f);
/* or, for a peer of a version below 5, they stay plain; either way the limit of Hello falls. */
void frames_plain(struct frames *f);
/* Appends one frame to `out`. ERROR_LIMIT: too large, or `out` is full; nothing was appended, the frames go on. */
struct error *frames_write(struct frames *f, uint64_t code, const void *payload, size_t n, struct buf *out) MUST_CHECK;

struct frame {
	uint64_t code;
	const uint8_t *payload; /* valid until the next call */
	size_t n;
	bool complete; /* false: more bytes are needed */
};

/* Feeds bytes, takes at most one message. All n bytes up to *ret_used are consumed; call again with the rest while
 * a message was complete, also when no byte is left: that gives a large message's memory back. Memory grows as bytes
 * arrive, not as a header claims. Errors are final: the connection is to be dropped. ERROR_REFUSED: a MAC does not fit;
 * ERROR_LIMIT: larger than allowed; ERROR_INVALID: else. Until frames_compress() or frames_plain() the limit is that
 * of Hello, 2048 bytes. A Disconnect (code 1) that cannot be decompressed is given as it came: some clients err here.
 */
struct error *frames_read(struct frames *f, const uint8_t *bytes, size_t n, size_t *ret_used,
			  struct frame *ret_frame) MUST_CHECK;
/* Bytes of memory that what came in takes at the moment. */
size_t frames_held(const struct frames *f);
#endif
