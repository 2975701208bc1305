/* Envelopes: what is accepted is the only encoding of its parts, and worth what its parts say. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "whisper/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope *e = NULL, *again;
	struct error *error = envelope_read(data, size, &e);

	if (error) {
		error_free(error);
		return 0;
	}
	again = envelope_new(e->expiry, e->ttl, e->topic, e->data, e->data_bytes, e->nonce);
	if (again->raw_bytes != size || memcmp(again->raw, data, size) || memcmp(again->hash, e->hash, sizeof e->hash))
		abort();
	for (enum pow_rule rule = 0; rule < POW_RULES; rule++) {
		if (!(e->pow[rule] > 0) || again->pow[rule] != e->pow[rule] || e->bits[rule] > 256)
			abort();
	}
	envelope_unref(again);
	envelope_unref(e);
	return 0;
}
