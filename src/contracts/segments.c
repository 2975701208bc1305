#include "contracts/segments.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define WORD 32
#define FILE_BYTES ((size_t)SEGMENTS * (SEGMENT_LINE + 1))

static struct error *add_line(struct segments *s, const char *what, const char *line, size_t n)
{
	if (s->count == SEGMENTS)
		return error_new(ERROR_INVALID, "%s: more than %d segments: report them in several batches", what,
				 SEGMENTS);
	if (n == 0 || n > SEGMENT_LINE)
		return error_new(ERROR_INVALID, "%s:%zu: a line describes a segment with 1 to %d bytes", what,
				 s->count + 1, SEGMENT_LINE);
	keccak256(line, n, s->hashes[s->count++]);
	return NULL;
}

static struct error *parse(struct segments *s, const char *what, const char *text, size_t n)
{
	const char *end = text + n;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		if (!stop)
			stop = end;
		TRY(add_line(s, what, text, (size_t)(stop - text)));
		text = stop + 1;
	}
	return s->count ? NULL : error_new(ERROR_INVALID, "%s: describes no segment", what);
}

struct error *segments_parse(const void *ctx, const char *what, const char *text, size_t n,
			     struct segments **ret_segments)
{
	struct segments *s = mem_new(ctx, struct segments);
	struct error *e;

	s->hashes = (uint8_t(*)[KECCAK_BYTES])mem_array(s, uint8_t, (size_t)SEGMENTS * KECCAK_BYTES);
	e = parse(s, what, text, n);
	if (e)
		mem_free(s);
	else
		*ret_segments = s;
	return e;
}

struct error *segments_read(const void *ctx, const char *path, struct segments **ret_segments)
{
	char *text = NULL;
	size_t n = 0;
	struct error *e;

	TRY(file_read(NULL, path, FILE_BYTES, &text, &n));
	e = segments_parse(ctx, path, text, n, ret_segments);
	mem_free(text);
	return e;
}

/* --- the tree --- */

static void put_number(struct keccak *k, uint64_t n)
{
	uint8_t word[WORD] = {0};

	for (size_t i = 0; i < sizeof(n); i++)
		word[WORD - 1 - i] = (uint8_t)(n >> (8 * i));
	keccak_update(k, word, sizeof(word));
}

static void leaf(const struct segments *s, const struct segments_batch *b, size_t index, uint8_t ret[KECCAK_BYTES])
{
	static const uint8_t tag = 0x00, pad[WORD - ETH_ADDRESS_BYTES] = {0};
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, &tag, 1);
	put_number(&k, b->job);
	keccak_update(&k, pad, sizeof(pad));
	keccak_update(&k, b->node, sizeof(b->node));
	put_number(&k, b->ordinal);
	put_number(&k, index);
	keccak_update(&k, s->hashes[index], KECCAK_BYTES);
	keccak_digest(&k, ret);
}

/* The largest power of two below n; n > 1. */
static size_t split(size_t n)
{
	size_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

/* Of the leaves [from, from + n). Not deeper than SEGMENTS_DEPTH. */
static void subtree(const struct segments *s, const struct segments_batch *b, size_t from, size_t n,
		    uint8_t ret[KECCAK_BYTES])
{
	static const uint8_t tag = 0x01;
	uint8_t sides[2][KECCAK_BYTES];
	struct keccak k;
	size_t left;

	if (n == 1) {
		leaf(s, b, from, ret);
		return;
	}
	left = split(n);
	subtree(s, b, from, left, sides[0]);
	subtree(s, b, from + left, n - left, sides[1]);
	keccak_init(&k);
	keccak_update(&k, &tag, 1);
	keccak_update(&k, sides, sizeof(sides));
	keccak_digest(&k, ret);
}

void segments_root(const struct segments *s, const struct segments_batch *batch, uint8_t ret_root[KECCAK_BYTES])
{
	subtree(s, batch, 0, s->count, ret_root);
}

size_t segments_proof(const struct segments *s, const struct segments_batch *batch, size_t index,
		      uint8_t ret_proof[SEGMENTS_DEPTH][KECCAK_BYTES])
{
	uint8_t down[SEGMENTS_DEPTH][KECCAK_BYTES];
	size_t from = 0, n = s->count, depth = 0;

	while (n > 1) {
		size_t left = split(n);

		if (index - from < left) {
			subtree(s, batch, from + left, n - left, down[depth++]);
			n = left;
		} else {
			subtree(s, batch, from, left, down[depth++]);
			from += left;
			n -= left;
		}
	}
	for (size_t i = 0; i < depth; i++)
		memcpy(ret_proof[i], down[depth - 1 - i], KECCAK_BYTES);
	return depth;
}

struct error *segments_show(const struct segments *s, const char *what, const struct segments_batch *batch,
			    uint64_t index, struct segments_shown *ret_shown)
{
	if (index >= s->count)
		return error_new(ERROR_INVALID, "%s has the segments 0 to %zu", what, s->count - 1);
	ret_shown->index = index;
	memcpy(ret_shown->segment, s->hashes[index], sizeof(ret_shown->segment));
	ret_shown->depth = segments_proof(s, batch, index, ret_shown->proof);
	return NULL;
}
