/* Any bytes as RLP: what rlp_check() takes is read item by item and written again to the same bytes; every reader
 * leaves its cursor inside. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "rlp/rlp.h"

#define READS 128 /* enough to come past any header */
#define DEPTH 7   /* of lists; the writer holds 8 open */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy(struct rlp *r, struct rlp_writer *w)
{
	const uint8_t *bytes = NULL;
	struct rlp items;
	size_t n = 0;

	if (rlp_next_is_list(r)) {
		assert(!rlp_read_list(r, &items));
		rlp_list_begin(w);
		while (!rlp_at_end(&items))
			copy(&items, w);
		rlp_list_end(w);
		return;
	}
	assert(!rlp_read_bytes(r, &bytes, &n));
	rlp_write_bytes(w, bytes, n);
}

static void read_with(unsigned reader, struct rlp *r)
{
	const struct rlp before = *r;
	const uint8_t *bytes = NULL;
	uint8_t fixed[4];
	struct rlp items = {0};
	uint64_t u64 = 0;
	uint32_t u32 = 0;
	bool truth = false;
	size_t n = 0;
	struct error *e = NULL;

	switch (reader % 7) {
	case 0:
		e = rlp_read_list(r, &items);
		assert(e || items.next + items.left == r->next);
		break;
	case 1:
		e = rlp_read_bytes(r, &bytes, &n);
		assert(e || bytes + n == r->next);
		break;
	case 2:
		e = rlp_read_fixed(r, fixed, sizeof(fixed));
		break;
	case 3:
		e = rlp_read_u64(r, &u64);
		break;
	case 4:
		e = rlp_read_u32(r, &u32);
		break;
	case 5:
		e = rlp_read_bool(r, &truth);
		break;
	default:
		e = rlp_read_raw(r, &bytes, &n);
		assert(e || (n > 0 && bytes == before.next && bytes + n == r->next));
		break;
	}
	assert(r->next + r->left == before.next + before.left && r->left <= before.left);
	assert(e ? r->left == before.left : r->left < before.left);
	error_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error *e = rlp_check(data, size, DEPTH);
	struct rlp r = rlp_of(data, size);

	if (!e) {
		struct rlp_writer w;

		rlp_writer_init(&w, NULL);
		copy(&r, &w);
		assert(rlp_at_end(&r));
		assert(w.len == size && !memcmp(w.data, data, size));
		mem_free(w.data);
	}
	error_free(e);
	r = rlp_of(data, size);
	for (size_t i = 0; i < size && i < READS; i++) {
		read_with(data[i], &r);
		read_with((unsigned)i, &r);
	}
	return 0;
}
