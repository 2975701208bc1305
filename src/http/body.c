#include "http/body.h"

#include "base/hex.h"

/* Size lines and trailers may not grow without bound although they add nothing to the body. */
#define LINE_BYTES 1024
#define TRAILER_BYTES 8192

struct error *http_body_begin(struct http_body *b, enum http_framing framing, uint64_t length, struct buf *to)
{
	*b = (struct http_body){.framing = framing, .to = to, .left = length, .state = HTTP_BODY_DATA};
	if (framing == HTTP_FRAMING_CHUNKED) {
		b->left = 0;
		b->state = HTTP_BODY_SIZE;
	} else if (framing == HTTP_FRAMING_LENGTH) {
		if (length > to->limit)
			return error_new(ERROR_LIMIT, "HTTP body of %llu bytes is over the limit of %zu",
					 (unsigned long long)length, to->limit);
		if (!length)
			b->state = HTTP_BODY_DONE;
	}
	return NULL;
}

static struct error *feed_data(struct http_body *b, const char *data, size_t len, size_t *ret_used)
{
	size_t n = len < b->left ? len : (size_t)b->left;

	if (b->to->len + n > b->to->limit)
		return error_new(ERROR_LIMIT, "HTTP body is over the limit of %zu bytes", b->to->limit);
	TRY(buf_append(b->to, data, n));
	*ret_used = n;
	b->left -= n;
	if (!b->left)
		b->state = b->framing == HTTP_FRAMING_CHUNKED ? HTTP_BODY_CHUNK_END : HTTP_BODY_DONE;
	return NULL;
}

/* True when `c` ended the line with CRLF; errors for a bare CR or LF. */
static struct error *line_ended(struct http_body *b, char c, bool *ret_ended)
{
	*ret_ended = false;
	if (b->seen_cr) {
		if (c != '\n')
			return error_new(ERROR_INVALID, "bare carriage return in a chunked HTTP body");
		b->seen_cr = false;
		*ret_ended = true;
	} else if (c == '\r') {
		b->seen_cr = true;
	} else if (c == '\n') {
		return error_new(ERROR_INVALID, "bare line feed in a chunked HTTP body");
	}
	return NULL;
}

static struct error *feed_size(struct http_body *b, char c)
{
	bool ended;

	TRY(line_ended(b, c, &ended));
	if (ended) {
		if (!b->line_len)
			return error_new(ERROR_INVALID, "chunk without a size in an HTTP body");
		b->state = b->left ? HTTP_BODY_DATA : HTTP_BODY_TRAILER;
		b->line_len = 0;
		b->digits_over = false;
		return NULL;
	}
	if (b->seen_cr)
		return NULL;
	int digit = b->digits_over ? -1 : hex_digit(c);
	if (digit >= 0) {
		if (b->line_len >= 15)
			return error_new(ERROR_LIMIT, "chunk size of an HTTP body is too long");
		b->left = b->left * 16 + (uint64_t)digit;
	} else if (!b->line_len || (!b->digits_over && c != ';' && c != ' ' && c != '\t')) {
		return error_new(ERROR_INVALID, "malformed chunk size in an HTTP body");
	} else {
		b->digits_over = true; /* an extension: allowed, without meaning here */
	}
	if (++b->line_len > LINE_BYTES)
		return error_new(ERROR_LIMIT, "chunk line of an HTTP body is too long");
	return NULL;
}

static struct error *feed_chunk_end(struct http_body *b, char c)
{
	bool ended;

	TRY(line_ended(b, c, &ended));
	if (ended)
		b->state = HTTP_BODY_SIZE;
	else if (!b->seen_cr)
		return error_new(ERROR_INVALID, "chunk is longer than its size in an HTTP body");
	return NULL;
}

static struct error *feed_trailer(struct http_body *b, char c)
{
	bool ended;

	if (++b->overhead > TRAILER_BYTES)
		return error_new(ERROR_LIMIT, "HTTP trailers are over %d bytes", TRAILER_BYTES);
	TRY(line_ended(b, c, &ended));
	if (ended) {
		if (!b->line_len)
			b->state = HTTP_BODY_DONE;
		b->line_len = 0;
	} else if (!b->seen_cr) {
		b->line_len++;
	}
	return NULL;
}

struct error *http_body_feed(struct http_body *b, const char *data, size_t len, size_t *ret_used)
{
	size_t used = 0;

	while (used < len && b->state != HTTP_BODY_DONE) {
		size_t n = 1;

		switch (b->state) {
		case HTTP_BODY_DATA:
			TRY(feed_data(b, data + used, len - used, &n));
			break;
		case HTTP_BODY_SIZE:
			TRY(feed_size(b, data[used]));
			break;
		case HTTP_BODY_CHUNK_END:
			TRY(feed_chunk_end(b, data[used]));
			break;
		case HTTP_BODY_TRAILER:
			TRY(feed_trailer(b, data[used]));
			break;
		case HTTP_BODY_DONE:
			break;
		}
		used += n;
	}
	*ret_used = used;
	return NULL;
}

bool http_body_done(const struct http_body *b)
{
	return b->state == HTTP_BODY_DONE;
}
