#include "http/websocket_frame.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* A buffer that has held more is not kept for the next message. */
#define KEPT_BYTES 65536

struct websocket_reader {
	bool masked, text_only;
	size_t message_limit;
	uint8_t header[WEBSOCKET_HEADER_BYTES];
	size_t have; /* bytes of the header */
	bool in_payload;
	bool final;
	enum websocket_opcode opcode;  /* of the frame */
	enum websocket_opcode message; /* of the fragmented message under way; CONTINUATION: none */
	uint8_t mask[4];
	uint64_t length, done; /* of the frame's payload */
	struct buf *data, *control;
};

struct websocket_reader *websocket_reader_new(const void *ctx, bool masked, bool text_only, size_t message_limit)
{
	struct websocket_reader *r = mem_new(ctx, struct websocket_reader);

	r->masked = masked;
	r->text_only = text_only;
	r->message_limit = message_limit;
	r->data = buf_new(r, message_limit);
	r->control = buf_new(r, WEBSOCKET_CONTROL_BYTES);
	return r;
}

void websocket_mask(char *bytes, size_t n, const uint8_t mask[4], size_t offset)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)((uint8_t)bytes[i] ^ mask[(offset + i) & 3]);
}

size_t websocket_header(enum websocket_opcode opcode, size_t n, const uint8_t mask[4],
			uint8_t ret_header[WEBSOCKET_HEADER_BYTES])
{
	uint8_t *p = ret_header;
	unsigned bytes = n < 126 ? 0 : n <= 0xffff ? 2 : 8;

	*p++ = (uint8_t)(0x80 | opcode);
	*p++ = (uint8_t)((mask ? 0x80 : 0) | (bytes == 0 ? (uint8_t)n : bytes == 2 ? 126 : 127));
	while (bytes)
		*p++ = (uint8_t)((uint64_t)n >> 8 * --bytes);
	if (mask) {
		memcpy(p, mask, 4);
		p += 4;
	}
	return (size_t)(p - ret_header);
}

static bool is_control(enum websocket_opcode opcode)
{
	return opcode & 8;
}

/* Length of the header as far as its first bytes tell; they are there when have >= 2. */
static size_t header_length(const struct websocket_reader *r)
{
	unsigned n = r->header[1] & 0x7f;

	return 2u + (n == 126 ? 2 : n == 127 ? 8 : 0) + (r->header[1] & 0x80 ? 4 : 0);
}

static unsigned check_opcode(const struct websocket_reader *r)
{
	switch (r->opcode) {
	case WEBSOCKET_CONTINUATION:
		return r->message == WEBSOCKET_CONTINUATION ? WEBSOCKET_PROTOCOL_ERROR : 0;
	case WEBSOCKET_TEXT:
	case WEBSOCKET_BINARY:
		if (r->message != WEBSOCKET_CONTINUATION)
			return WEBSOCKET_PROTOCOL_ERROR;
		return r->opcode == WEBSOCKET_BINARY && r->text_only ? WEBSOCKET_UNSUPPORTED : 0;
	case WEBSOCKET_CLOSE:
	case WEBSOCKET_PING:
	case WEBSOCKET_PONG:
		return r->final && r->length <= WEBSOCKET_CONTROL_BYTES ? 0 : WEBSOCKET_PROTOCOL_ERROR;
	}
	return WEBSOCKET_PROTOCOL_ERROR;
}

static unsigned read_header(struct websocket_reader *r)
{
	const uint8_t *p = r->header + 2;
	unsigned n = r->header[1] & 0x7f, bytes = n == 126 ? 2 : n == 127 ? 8 : 0;
	unsigned code;

	if (r->header[0] & 0x70 || !!(r->header[1] & 0x80) != r->masked)
		return WEBSOCKET_PROTOCOL_ERROR;
	r->final = r->header[0] & 0x80;
	r->opcode = r->header[0] & 0x0f;
	r->length = bytes ? 0 : n;
	for (unsigned i = 0; i < bytes; i++)
		r->length = r->length << 8 | *p++;
	if ((bytes == 2 && r->length < 126) || (bytes == 8 && (r->length <= 0xffff || r->length >> 63)))
		return WEBSOCKET_PROTOCOL_ERROR;
	if (r->masked)
		memcpy(r->mask, p, 4);
	code = check_opcode(r);
	if (code)
		return code;
	if (!is_control(r->opcode) && r->length > r->message_limit - r->data->len)
		return WEBSOCKET_TOO_LARGE;
	if (r->opcode == WEBSOCKET_TEXT || r->opcode == WEBSOCKET_BINARY)
		r->message = r->opcode;
	r->done = 0;
	r->in_payload = true;
	return 0;
}

/* Codes that may stand in a close frame: those defined for it and those of libraries and applications. */
static bool sendable(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static unsigned end_control(struct websocket_reader *r, struct websocket_event *event)
{
	*event = (struct websocket_event){
		.complete = true, .opcode = r->opcode, .bytes = r->control->data, .n = r->control->len};
	if (r->opcode != WEBSOCKET_CLOSE)
		return 0;
	event->code = WEBSOCKET_NO_STATUS;
	if (event->n == 1)
		return WEBSOCKET_PROTOCOL_ERROR;
	if (event->n) {
		event->code = (unsigned)(uint8_t)event->bytes[0] << 8 | (uint8_t)event->bytes[1];
		event->bytes += 2;
		event->n -= 2;
		if (!sendable(event->code))
			return WEBSOCKET_PROTOCOL_ERROR;
		if (!utf8_valid(event->bytes, event->n))
			return WEBSOCKET_NOT_UTF8;
	}
	return 0;
}

static unsigned end_frame(struct websocket_reader *r, struct websocket_event *event)
{
	r->in_payload = false;
	r->have = 0;
	if (is_control(r->opcode))
		return end_control(r, event);
	if (!r->final)
		return 0;
	*event = (struct websocket_event){
		.complete = true, .opcode = r->message, .bytes = r->data->data, .n = r->data->len};
	r->message = WEBSOCKET_CONTINUATION;
	if (event->opcode == WEBSOCKET_TEXT && !utf8_valid(event->bytes, event->n))
		return WEBSOCKET_NOT_UTF8;
	return 0;
}

static void take_payload(struct websocket_reader *r, const char *bytes, size_t n)
{
	struct buf *to = is_control(r->opcode) ? r->control : r->data;
	size_t before = to->len;

	/* The header's length was compared with the limit. */
	error_free(buf_append(to, bytes, n));
	if (r->masked)
		websocket_mask(to->data + before, n, r->mask, r->done & 3);
	r->done += n;
}

/* The last event's bytes are no longer needed. */
static void forget_event(struct websocket_reader *r)
{
	if (r->in_payload || r->have)
		return;
	buf_clear(r->control);
	if (r->message != WEBSOCKET_CONTINUATION)
		return;
	if (r->data->capacity > KEPT_BYTES) {
		mem_free(r->data);
		r->data = buf_new(r, r->message_limit);
	}
	buf_clear(r->data);
}

size_t websocket_reader_held(const struct websocket_reader *r)
{
	return r->data->capacity;
}

unsigned websocket_read(struct websocket_reader *r, const char *bytes, size_t n, size_t *ret_used,
			struct websocket_event *ret_event)
{
	size_t used = 0;
	unsigned code = 0;

	*ret_event = (struct websocket_event){.bytes = ""};
	forget_event(r);
	while (!code && !ret_event->complete) {
		if (r->in_payload && r->done == r->length) {
			code = end_frame(r, ret_event);
		} else if (used == n) {
			break;
		} else if (r->in_payload) {
			size_t some = r->length - r->done < n - used ? (size_t)(r->length - r->done) : n - used;

			take_payload(r, bytes + used, some);
			used += some;
		} else {
			r->header[r->have++] = (uint8_t)bytes[used++];
			if (r->have >= 2 && r->have == header_length(r))
				code = read_header(r);
		}
	}
	*ret_used = used;
	return code;
}
