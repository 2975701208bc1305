/* Any bytes as what a passphrase agent says, in pieces: the first byte tells how large they are. Every answer is within
 * the bounds, the same however it is cut, and nothing of a refused one is told. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "crypto/assuan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	size_t answers, data_bytes;
	uint64_t mixed;
	enum error_code code;
};

static void look(const struct assuan *a, struct outcome *o)
{
	assert(a->data_bytes <= ASSUAN_DATA_BYTES && strlen(a->data) == a->data_bytes);
	assert(strlen(a->says) <= ASSUAN_SAYS_BYTES);
	for (const char *c = a->says; *c; c++)
		assert(*c >= ' ' && *c <= '~');
	assert(a->code || !*a->says);
	o->answers++;
	o->data_bytes += a->data_bytes;
	for (size_t i = 0; i < a->data_bytes; i++)
		o->mixed = o->mixed * 31 + (uint8_t)a->data[i];
	o->mixed = o->mixed * 31 + a->code;
}

static struct outcome feed(const uint8_t *data, size_t size, size_t piece)
{
	struct outcome o = {.answers = 0};
	struct assuan a = {.held_bytes = 0};

	while (!o.code && size > 0) {
		size_t room = 0;
		char *to = assuan_room(&a, &room);
		bool whole = true;

		assert(room > 0);
		room = room < piece ? room : piece;
		room = room < size ? room : size;
		memcpy(to, data, room);
		assuan_arrived(&a, room);
		data += room;
		size -= room;
		while (whole) {
			struct error *e;

			whole = false;
			e = assuan_read(&a, &whole);
			if (e) {
				assert(!whole && (e->code == ERROR_INVALID || e->code == ERROR_LIMIT));
				o.code = e->code;
				error_free(e);
			} else if (whole) {
				look(&a, &o);
				assuan_next(&a);
			}
		}
	}
	assuan_wipe(&a);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome cut, at_once;

	if (size < 1)
		return 0;
	cut = feed(data + 1, size - 1, (size_t)data[0] + 1);
	at_once = feed(data + 1, size - 1, ASSUAN_LINE_BYTES);
	assert(cut.answers == at_once.answers && cut.data_bytes == at_once.data_bytes);
	assert(cut.mixed == at_once.mixed && cut.code == at_once.code);
	return 0;
}
