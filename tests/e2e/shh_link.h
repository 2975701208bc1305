/* A raw connection to a Whisper node, blocking, for attacks: it goes as far as it is told and then sends any bytes. */
#ifndef DSN_TESTS_SHH_LINK_H
#define DSN_TESTS_SHH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "devp2p/enode.h"

enum link_depth { LINK_TCP, LINK_HANDSHAKE, LINK_HELLO, LINK_STATUS };

enum link_end {
	LINK_OPEN = -1,   /* it still stands */
	LINK_CLOSED = -2, /* without a Disconnect */
	LINK_FAILED = -3, /* it never came that far */
};

struct link;

/* Goes to `depth`, or as far as the node lets it; see link_end_of(). Belongs to ctx. */
struct link *link_open(const void *ctx, const struct enode *to, enum link_depth depth);
/* Bytes as they are. False: the node has closed, or takes nothing for `seconds`. */
bool link_send_raw(struct link *l, const void *bytes, size_t n, int seconds);
/* A frame with this body behind the message id, not compressed by us: `out` gets the bytes that would be sent. */
void link_frame(struct link *l, uint64_t code, const void *body, size_t n, struct buf *out);
/* A message, compressed. */
bool link_send(struct link *l, uint64_t code, const void *payload, size_t n, int seconds);
/* Reads what has come, or what comes within `ms`; answers pings unless `rude`. Returns LINK_OPEN, LINK_CLOSED or the
 * reason of the Disconnect that came. */
int link_end_of(struct link *l, int ms, bool rude);
/* Ends it so that the node still gets all that was sent: closing with bytes unread would take them back. */
void link_finish(struct link *l);

#endif
