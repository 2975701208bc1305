/* WebSocket frames (RFC 6455 section 5), without any input or output of their own.
 *
 * Strict: reserved bits, unknown opcodes, lengths not in their shortest form, control frames that are long or
 * fragmented, masking that does not fit the role, text that is no UTF-8 and close codes that must not be sent are
 * refused. Extensions are not spoken. Threads: one at a time.
 */
#ifndef DSN_HTTP_WEBSOCKET_FRAME_H
#define DSN_HTTP_WEBSOCKET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define WEBSOCKET_HEADER_BYTES 14 /* at most */
#define WEBSOCKET_CONTROL_BYTES 125

enum websocket_opcode {
	WEBSOCKET_CONTINUATION = 0,
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};

/* Codes of a close frame (RFC 6455 section 7.4.1). */
enum websocket_code {
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_GOING_AWAY = 1001,
	WEBSOCKET_PROTOCOL_ERROR = 1002,
	WEBSOCKET_UNSUPPORTED = 1003,
	WEBSOCKET_NO_STATUS = 1005, /* never sent: the peer's close frame had no code */
	WEBSOCKET_ABNORMAL = 1006,  /* never sent: the connection ended without a close frame */
	WEBSOCKET_NOT_UTF8 = 1007,
	WEBSOCKET_POLICY = 1008,
	WEBSOCKET_TOO_LARGE = 1009,
	WEBSOCKET_TRY_LATER = 1013,
};

struct websocket_reader;

struct websocket_event {
	bool complete; /* false: more bytes are needed */
	/* TEXT or BINARY: a whole message, put together from its fragments; PING, PONG; CLOSE, with `code` and the
	 * reason in `bytes`. */
	enum websocket_opcode opcode;
	unsigned code;
	const char *bytes; /* NUL-terminated, valid until the next call */
	size_t n;
};

/* `masked`: frames must come masked (we are the server); otherwise they must not be. */
struct websocket_reader *websocket_reader_new(const void *ctx, bool masked, bool text_only, size_t message_limit);
/* Feeds bytes and takes at most one event; call again with the rest while one was complete. Returns 0, or the code of
 * the close frame that the peer deserves: then nothing more is to be fed. */
unsigned websocket_read(struct websocket_reader *r, const char *bytes, size_t n, size_t *ret_used,
			struct websocket_event *ret_event);

/* Bytes of memory that the message coming in takes. */
size_t websocket_reader_held(const struct websocket_reader *r);

/* The header of a whole message or control frame of n bytes; returns its length. `mask` NULL: unmasked. */
size_t websocket_header(enum websocket_opcode opcode, size_t n, const uint8_t mask[4],
			uint8_t ret_header[WEBSOCKET_HEADER_BYTES]);
/* Masks or unmasks in place; `offset` is that of bytes[0] in the frame. */
void websocket_mask(char *bytes, size_t n, const uint8_t mask[4], size_t offset);

#endif
