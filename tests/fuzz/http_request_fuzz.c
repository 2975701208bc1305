/* What a client may send: the head is parsed, its body decoded, its fields read. Whatever the pieces it comes in, the
 * body is the same. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/body.h"
#include "http/form.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool decode(const struct http_head *head, const char *rest, size_t len, size_t piece, struct buf *to,
		   bool *ret_done)
{
	struct http_body body;
	enum http_framing framing;
	uint64_t length;
	size_t used;
	struct error *e = http_head_framing(head, &framing, &length);

	if (!e)
		e = http_body_begin(&body, framing, length, to);
	for (size_t i = 0; !e && i < len && !http_body_done(&body); i += used)
		e = http_body_feed(&body, rest + i, len - i < piece ? len - i : piece, &used);
	*ret_done = !e && http_body_done(&body);
	bool good = !e;
	error_free(e);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	const char *text = (const char *)data;
	size_t n = http_head_length(text, size);
	struct http_head head;
	struct http_field *fields;
	bool done_whole, done_pieces;

	if (n && n <= HTTP_HEAD_BYTES) {
		struct error *e = http_head_request(mem_memdup(ctx, data, n), n, &head);

		if (!e) {
			struct buf *whole = buf_new(ctx, 4096), *pieces = buf_new(ctx, 4096);
			const char *query = strchr(head.target, '?');
			bool good = decode(&head, text + n, size - n, size, whole, &done_whole);

			if (good != decode(&head, text + n, size - n, 1, pieces, &done_pieces) ||
			    done_whole != done_pieces)
				abort();
			if (good && (whole->len != pieces->len ||
				     (whole->len && memcmp(whole->data, pieces->data, whole->len))))
				abort();
			if (query)
				error_free(http_form_parse(ctx, query + 1, strlen(query + 1), &fields));
			http_head_keep_alive(&head);
		}
		error_free(e);
	}
	error_free(http_form_parse(ctx, text, size, &fields));
	mem_free(ctx);
	return 0;
}
