#include <string.h>

#include "rlp/rlp.h"

#define SHORT_MAX 55 /* bytes: longer payloads have the length after the prefix */

/* The next item, taken apart. */
struct item {
	bool list;
	const uint8_t *payload;
	size_t n;     /* bytes of the payload */
	size_t whole; /* bytes with the prefix */
};

struct rlp rlp_of(const void *bytes, size_t n)
{
	return (struct rlp){.next = bytes, .left = n};
}

bool rlp_at_end(const struct rlp *r)
{
	return r->left == 0;
}

bool rlp_next_is_list(const struct rlp *r)
{
	return r->left > 0 && r->next[0] >= 0xc0;
}

/* A length of `count` big-endian bytes after the prefix: without leading zeros, more than the short form could say. */
static struct error *long_length(const struct rlp *r, size_t count, size_t *ret_n)
{
	uint64_t n = 0;

	if (r->left - 1 < count)
		return error_new(ERROR_INVALID, "invalid RLP: truncated in the length of an item");
	if (r->next[1] == 0)
		return error_new(ERROR_INVALID, "invalid RLP: the length of an item has leading zeros");
	for (size_t i = 1; i <= count; i++)
		n = n << 8 | r->next[i];
	if (n <= SHORT_MAX)
		return error_new(ERROR_INVALID, "invalid RLP: a length of %u bytes in the long form", (unsigned)n);
	if (n > r->left - 1 - count)
		return error_new(ERROR_INVALID, "invalid RLP: an item is longer than what holds it");
	*ret_n = (size_t)n;
	return NULL;
}

static struct error *next_item(const struct rlp *r, struct item *ret_item)
{
	struct item item = {0};
	size_t head = 1;
	uint8_t prefix;

	if (r->left == 0)
		return error_new(ERROR_INVALID, "invalid RLP: an item is missing");
	prefix = r->next[0];
	item.list = prefix >= 0xc0;
	if (prefix < 0x80) {
		*ret_item = (struct item){.payload = r->next, .n = 1, .whole = 1};
		return NULL;
	}
	item.n = prefix - (item.list ? 0xc0u : 0x80u);
	if (item.n > SHORT_MAX) {
		head += item.n - SHORT_MAX;
		TRY(long_length(r, head - 1, &item.n));
	} else if (item.n > r->left - 1) {
		return error_new(ERROR_INVALID, "invalid RLP: an item is longer than what holds it");
	}
	if (prefix == 0x81 && r->next[1] < 0x80)
		return error_new(ERROR_INVALID, "invalid RLP: a byte below 0x80 has a prefix");
	item.payload = r->next + head;
	item.whole = head + item.n;
	*ret_item = item;
	return NULL;
}

static void advance(struct rlp *r, const struct item *item)
{
	r->next += item->whole;
	r->left -= item->whole;
}

static struct error *next_string(const struct rlp *r, struct item *ret_item)
{
	struct item item = {0};

	TRY(next_item(r, &item));
	if (item.list)
		return error_new(ERROR_INVALID, "invalid RLP: a list in place of a string");
	*ret_item = item;
	return NULL;
}

struct error *rlp_read_list(struct rlp *r, struct rlp *ret_items)
{
	struct item item = {0};

	TRY(next_item(r, &item));
	if (!item.list)
		return error_new(ERROR_INVALID, "invalid RLP: a string in place of a list");
	advance(r, &item);
	*ret_items = rlp_of(item.payload, item.n);
	return NULL;
}

struct error *rlp_read_bytes(struct rlp *r, const uint8_t **ret_bytes, size_t *ret_n)
{
	struct item item = {0};

	TRY(next_string(r, &item));
	advance(r, &item);
	*ret_bytes = item.payload;
	*ret_n = item.n;
	return NULL;
}

struct error *rlp_read_fixed(struct rlp *r, uint8_t *ret_bytes, size_t n)
{
	struct item item = {0};

	TRY(next_string(r, &item));
	if (item.n != n)
		return error_new(ERROR_INVALID, "invalid RLP: a string of %zu bytes in place of %zu", item.n, n);
	advance(r, &item);
	if (n > 0)
		memcpy(ret_bytes, item.payload, n);
	return NULL;
}

/* An integer of at most `width` bytes. */
static struct error *read_integer(struct rlp *r, size_t width, uint64_t *ret_value)
{
	struct item item = {0};
	uint64_t value = 0;

	TRY(next_string(r, &item));
	if (item.n > width)
		return error_new(ERROR_INVALID, "invalid RLP: an integer of %zu bytes in place of at most %zu", item.n,
				 width);
	if (item.n > 0 && item.payload[0] == 0)
		return error_new(ERROR_INVALID, "invalid RLP: an integer has leading zeros");
	for (size_t i = 0; i < item.n; i++)
		value = value << 8 | item.payload[i];
	advance(r, &item);
	*ret_value = value;
	return NULL;
}

struct error *rlp_read_u64(struct rlp *r, uint64_t *ret_value)
{
	return read_integer(r, 8, ret_value);
}

struct error *rlp_read_u32(struct rlp *r, uint32_t *ret_value)
{
	uint64_t value = 0;

	TRY(read_integer(r, 4, &value));
	*ret_value = (uint32_t)value;
	return NULL;
}

struct error *rlp_read_bool(struct rlp *r, bool *ret_value)
{
	struct rlp after = *r;
	uint64_t value = 0;

	TRY(read_integer(&after, 8, &value));
	if (value > 1)
		return error_new(ERROR_INVALID, "invalid RLP: a truth value is neither 0 nor 1");
	*r = after;
	*ret_value = value == 1;
	return NULL;
}

struct error *rlp_read_raw(struct rlp *r, const uint8_t **ret_bytes, size_t *ret_n)
{
	struct item item = {0};

	TRY(next_item(r, &item));
	*ret_bytes = r->next;
	*ret_n = item.whole;
	advance(r, &item);
	return NULL;
}

struct error *rlp_skip(struct rlp *r)
{
	struct item item = {0};

	TRY(next_item(r, &item));
	advance(r, &item);
	return NULL;
}

struct error *rlp_end(const struct rlp *r, const char *what)
{
	if (r->left > 0)
		return error_new(ERROR_INVALID, "invalid RLP: %s has more than it should, %zu bytes", what, r->left);
	return NULL;
}

/* Takes one item with all that is in it. */
static struct error *walk(struct rlp *r, unsigned depth)
{
	struct item item = {0};
	struct rlp inside;

	TRY(next_item(r, &item));
	advance(r, &item);
	if (!item.list)
		return NULL;
	if (depth == 0)
		return error_new(ERROR_LIMIT, "invalid RLP: lists are nested too deep");
	inside = rlp_of(item.payload, item.n);
	while (!rlp_at_end(&inside))
		TRY(walk(&inside, depth - 1));
	return NULL;
}

struct error *rlp_check(const void *bytes, size_t n, unsigned depth)
{
	struct rlp r = rlp_of(bytes, n);

	TRY(walk(&r, depth));
	return rlp_end(&r, "the message");
}
