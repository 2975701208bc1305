/* What a WebSocket peer may send. The first byte chooses the role; whatever the pieces it comes in, the events are the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "http/websocket_frame.h"
#include "http/websocket_handshake.h"

#define LIMIT 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	unsigned code, events;
	uint64_t sum; /* of all that the events held */
};

static struct outcome run(const char *bytes, size_t n, size_t piece, uint8_t role)
{
	struct websocket_reader *r = websocket_reader_new(NULL, role & 1, role & 2, LIMIT);
	struct outcome o = {0, 0, 1};

	for (size_t i = 0; i < n && !o.code;) {
		struct websocket_event event;
		size_t now = n - i < piece ? n - i : piece, used;

		o.code = websocket_read(r, bytes + i, now, &used, &event);
		i += used;
		if (o.code || !event.complete) {
			if (!o.code && used != now)
				abort();
			continue;
		}
		if (event.n > LIMIT || event.bytes[event.n] != '\0')
			abort();
		if (event.opcode == WEBSOCKET_TEXT && !utf8_valid(event.bytes, event.n))
			abort();
		o.events++;
		o.sum = o.sum * 31 + (unsigned)event.opcode + event.code;
		for (size_t k = 0; k < event.n; k++)
			o.sum = o.sum * 31 + (uint8_t)event.bytes[k];
	}
	mem_free(r);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char accept[WEBSOCKET_ACCEPT_TEXT + 1], *key;

	if (!size)
		return 0;
	struct outcome whole = run((const char *)data + 1, size - 1, size, data[0]);
	struct outcome pieces = run((const char *)data + 1, size - 1, 1, data[0]);
	if (whole.code != pieces.code || whole.events != pieces.events || whole.sum != pieces.sum)
		abort();
	key = mem_strndup(NULL, (const char *)data, size);
	error_free(websocket_accept_key(key, accept));
	mem_free(key);
	return 0;
}
