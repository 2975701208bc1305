#include <string.h>

#include "base/mem.h"
#include "contracts/codec_impl.h"

static const uint8_t zeros[ABI_WORD];

bool codec_is_dynamic(const struct codec_field *f)
{
	return f->kind >= CODEC_BYTES;
}

static struct error *append_number(struct buf *to, struct u256 number)
{
	uint8_t word[ABI_WORD];

	u256_to_bytes(number, word);
	return buf_append(to, word, sizeof(word));
}

static struct error *append_sized(const struct codec_field *f, struct u256 number, const struct json_place *at,
				  struct buf *to)
{
	bool fits = f->kind == CODEC_SIGNED ? u256_fits_signed(number, f->size) : u256_bits(number) <= f->size;

	return fits ? append_number(to, number) : json_place_error(at, "does not fit into %u bits", f->size);
}

static struct error *append_address(struct buf *to, const uint8_t *address)
{
	TRY(buf_append(to, zeros, ABI_WORD - ETH_ADDRESS_BYTES));
	return buf_append(to, address, ETH_ADDRESS_BYTES);
}

static struct error *append_padded(struct buf *to, const void *bytes, size_t n)
{
	TRY(append_number(to, u256_of(n)));
	if (n == 0)
		return NULL;
	TRY(buf_append(to, bytes, n));
	return n % ABI_WORD ? buf_append(to, zeros, ABI_WORD - n % ABI_WORD) : NULL;
}

static struct error *append_static(const struct codec_field *f, const void *value, const struct json_place *at,
				   struct buf *to)
{
	unsigned member;

	switch (f->kind) {
	case CODEC_UINT:
		return append_sized(f, u256_of(*(const uint64_t *)value), at, to);
	case CODEC_NUMBER:
	case CODEC_SIGNED:
		return append_sized(f, *(const struct u256 *)value, at, to);
	case CODEC_ENUM:
		member = *(const unsigned *)value;
		if (member >= f->size)
			return json_place_error(at, "%u is none of the %u of the enumeration", member, f->size);
		return append_number(to, u256_of(member));
	case CODEC_BOOL:
		return append_number(to, u256_of(*(const bool *)value));
	case CODEC_ADDRESS:
		return append_address(to, value);
	case CODEC_WORD:
		return buf_append(to, value, ABI_WORD);
	case CODEC_BYTES:
	case CODEC_TEXT:
	case CODEC_ADDRESSES:
	case CODEC_WORDS:
		break;
	}
	return buf_append(to, zeros, ABI_WORD); /* its offset stands here in the end */
}

static struct error *append_tail(const struct codec_field *f, const void *value, struct buf *to)
{
	const struct codec_bytes *bytes = value;
	const struct codec_text *text = value;
	const struct codec_addresses *addresses = value;
	const struct codec_words *words = value;

	if (f->kind == CODEC_BYTES)
		return append_padded(to, bytes->data, bytes->n);
	if (f->kind == CODEC_TEXT)
		return append_padded(to, text->data, text->n);
	if (f->kind == CODEC_WORDS) {
		TRY(append_number(to, u256_of(words->n)));
		return words->n ? buf_append(to, words->at, words->n * ABI_WORD) : NULL;
	}
	TRY(append_number(to, u256_of(addresses->n)));
	for (size_t i = 0; i < addresses->n; i++)
		TRY(append_address(to, addresses->at[i]));
	return NULL;
}

/* The heads of all, then the tails of the dynamic ones; an offset counts from the first head. */
struct error *codec_encode(const struct codec_layout *layout, const void *values, const struct json_place *at,
			   struct buf *to)
{
	size_t start = to->len;
	uint8_t offset[ABI_WORD];

	for (size_t i = 0; i < layout->count; i++) {
		const struct codec_field *f = &layout->fields[i];
		const struct json_place here = {at, f->name, 0};

		TRY(append_static(f, (const char *)values + f->offset, &here, to));
	}
	for (size_t i = 0; i < layout->count; i++) {
		const struct codec_field *f = &layout->fields[i];

		if (!codec_is_dynamic(f))
			continue;
		u256_to_bytes(u256_of(to->len - start), offset);
		memcpy(to->data + start + i * ABI_WORD, offset, sizeof(offset));
		TRY(append_tail(f, (const char *)values + f->offset, to));
	}
	return NULL;
}

struct error *codec_call(const struct codec_function *f, const void *args, struct buf *to)
{
	const struct json_place at = {NULL, f->signature, 0};

	TRY(buf_append(to, f->selector, ABI_SELECTOR_BYTES));
	return codec_encode(&f->inputs, args, &at, to);
}

struct error *codec_construct(const struct codec_constructor *c, const void *args, struct buf *to)
{
	const struct json_place at = {NULL, c->contract, 0};

	TRY(buf_append(to, c->code, c->n));
	return codec_encode(&c->inputs, args, &at, to);
}
