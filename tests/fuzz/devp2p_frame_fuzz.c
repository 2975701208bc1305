/* Frames: any bytes as they come in; any payload through a pair of frames, in pieces, plain, compressed, and plain to
 * one that takes it for compressed. The first byte says which, the second how large the pieces are. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "devp2p/frame.h"

#define LIMIT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct frames *frames_of(void)
{
	struct handshake_secrets s = {.aes = {1}, .mac = {2}};

	keccak_init(&s.egress);
	keccak_init(&s.ingress);
	return frames_new(NULL, &s, LIMIT);
}

static struct error *take(struct frames *f, const uint8_t *bytes, size_t n, size_t step, struct frame *ret_frame)
{
	struct frame frame = {0};
	size_t at = 0;

	while (at < n && !frame.complete) {
		size_t part = n - at < step ? n - at : step, used = 0;

		TRY(frames_read(f, bytes + at, part, &used, &frame));
		assert(used <= part && (frame.complete || used == part));
		at += used;
	}
	*ret_frame = frame;
	return NULL;
}

/* The messages are the bytes cut where a zero stands. */
static void through(const uint8_t *data, size_t size, bool from_compressed, bool to_compressed, size_t step)
{
	struct frames *from = frames_of(), *to = frames_of();
	struct buf *wire = buf_new(NULL, 1 << 20);

	(from_compressed ? frames_compress : frames_plain)(from);
	(to_compressed ? frames_compress : frames_plain)(to);
	while (size > 0) {
		const uint8_t *end = memchr(data + 1, 0, size - 1);
		size_t n = (end ? (size_t)(end - data) : size) - 1;
		struct frame frame = {0};
		struct error *e = NULL;

		if (frames_write(from, data[0], data + 1, n, wire))
			abort();
		e = take(to, (uint8_t *)wire->data, wire->len, step, &frame);
		if (from_compressed == to_compressed)
			assert(n > LIMIT ? e && e->code == ERROR_LIMIT : !e && frame.complete);
		if (!e && from_compressed == to_compressed) {
			assert(frame.code == data[0] && frame.n == n && !memcmp(frame.payload, data + 1, n));
		}
		assert(e || frame.n <= LIMIT || frame.code == 1);
		buf_clear(wire);
		data += n + 1;
		size -= n + 1;
		if (e) {
			error_free(e);
			break;
		}
	}
	mem_free(from);
	mem_free(to);
	mem_free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frames *f;
	struct frame frame;

	if (size < 2)
		return 0;
	if (data[0] & 4) {
		f = frames_of();
		error_free(take(f, data + 2, size - 2, data[1] + 1u, &frame));
		mem_free(f);
	} else {
		through(data + 2, size - 2, data[0] & 1, data[0] & 2, data[1] + 1u);
	}
	return 0;
}
