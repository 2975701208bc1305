/* Packets of shh/6; the first byte says which. What is accepted must be written and read again as it was. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "whisper/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void must(struct error *e)
{
	demand(!e);
}

static struct error *status(const uint8_t *data, size_t size, struct rlp_writer *w)
{
	struct shh_status s, again;

	TRY(packet_status_read(data, size, &s));
	demand(s.version == SHH_VERSION && isfinite(s.min_pow) && !signbit(s.min_pow));
	packet_status_write(w, &s);
	must(packet_status_read(w->data, w->len, &again));
	demand(again.min_pow == s.min_pow && again.light == s.light && !memcmp(again.bloom, s.bloom, BLOOM_BYTES));
	return NULL;
}

static struct error *pow_requirement(const uint8_t *data, size_t size, struct rlp_writer *w)
{
	double pow;

	TRY(pow_requirement_read(data, size, &pow));
	demand(isfinite(pow) && !signbit(pow));
	pow_requirement_write(w, pow);
	demand(w->len <= size && !memcmp(w->data, data, w->len));
	return NULL;
}

static struct error *bloom(const uint8_t *data, size_t size, struct rlp_writer *w)
{
	uint8_t bloom_bytes[BLOOM_BYTES];

	TRY(bloom_read(data, size, bloom_bytes));
	bloom_write(w, bloom_bytes);
	demand(w->len <= size && !memcmp(w->data, data, w->len));
	return NULL;
}

static struct error *envelopes(struct rlp items)
{
	while (!rlp_at_end(&items)) {
		struct envelope *e = NULL;
		const uint8_t *raw;
		size_t n;

		TRY(rlp_read_raw(&items, &raw, &n));
		TRY(envelope_read(raw, n, &e));
		envelope_unref(e);
	}
	return NULL;
}

static struct error *messages(const uint8_t *data, size_t size)
{
	struct rlp items;

	TRY(messages_read(data, size, &items));
	return envelopes(items);
}

static struct error *direct(const uint8_t *data, size_t size)
{
	struct rlp items;

	TRY(packet_direct_read(data, size, &items));
	return envelopes(items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error *e = NULL;
	struct rlp_writer w;

	if (size < 1)
		return 0;
	rlp_writer_init(&w, NULL);
	switch (data[0]) {
	case SHH_STATUS:
		e = status(data + 1, size - 1, &w);
		break;
	case SHH_MESSAGES:
		e = messages(data + 1, size - 1);
		break;
	case SHH_POW:
		e = pow_requirement(data + 1, size - 1, &w);
		break;
	case SHH_BLOOM:
		e = bloom(data + 1, size - 1, &w);
		break;
	case SHH_DIRECT:
		e = direct(data + 1, size - 1);
		break;
	default:
		break;
	}
	error_free(e);
	mem_free(w.data);
	return 0;
}
