/* The head of what a server may answer, as the WebSocket client and the checks behind libcurl read it: it is taken or
 * refused, and whether its body can be read in two ways is said. */
#include <stdlib.h>

#include "base/mem.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	size_t n = http_head_length((const char *)data, size);
	struct http_head head;

	/* libcurl's lines may end before the empty one that the WebSocket client looks for. */
	n = n ? n : size;
	if (n <= HTTP_HEAD_BYTES) {
		struct error *e = http_head_answer(mem_memdup(ctx, data, n), n, &head);
		enum http_framing framing;
		uint64_t length;

		if (!e && (head.status < 100 || head.status > 599 || head.count > HTTP_HEADERS))
			abort();
		if (!e)
			e = http_head_framing(&head, &framing, &length);
		error_free(e);
	}
	mem_free(ctx);
	return 0;
}
