/* Values of the contracts' tables as abi/interface.h takes them, and made up ones. Include after cmocka.h. */
#ifndef DSN_TESTS_CONTRACTS_VALUES_H
#define DSN_TESTS_CONTRACTS_VALUES_H

#include <ctype.h>

#include "abi/contracts.h"
#include "chain_vectors.h"
#include "contracts/codec.h"

static inline json_t *values_hex(const uint8_t *bytes, size_t n)
{
	char *digits = hex_encode(NULL, bytes, n);
	json_t *value = json_sprintf("0x%s", digits);

	mem_free(digits);
	return value;
}

static inline void values_lower(json_t *text)
{
	char *small = mem_strdup(NULL, json_string_value(text));

	for (char *c = small; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	json_string_set(text, small);
	mem_free(small);
}

static inline json_t *values_one(const struct codec_field *f, const void *values)
{
	const void *value = (const char *)values + f->offset;
	const struct codec_addresses *addresses = value;
	const struct codec_words *words = value;
	const struct codec_text *s = value;
	json_t *made;
	char *text;

	switch (f->kind) {
	case CODEC_BOOL:
		return json_boolean(*(const bool *)value);
	case CODEC_TEXT:
		return json_stringn(s->data, s->n);
	case CODEC_ADDRESSES:
		made = json_array();
		for (size_t i = 0; i < addresses->n; i++)
			json_array_append_new(made, values_hex(addresses->at[i], ETH_ADDRESS_BYTES));
		return made;
	case CODEC_WORDS:
		made = json_array();
		for (size_t i = 0; i < words->n; i++)
			json_array_append_new(made, values_hex(words->at[i], ABI_WORD));
		return made;
	case CODEC_ADDRESS:
		return values_hex(value, ETH_ADDRESS_BYTES);
	case CODEC_UINT:
	case CODEC_NUMBER:
	case CODEC_SIGNED:
	case CODEC_ENUM:
	case CODEC_WORD:
	case CODEC_BYTES:
		break;
	}
	text = codec_value_text(NULL, f, values);
	made = json_string(text);
	mem_free(text);
	return made;
}

/* An array, in the order of the fields. */
static inline json_t *values_json(const struct codec_layout *layout, const void *values)
{
	json_t *made = json_array();

	for (size_t i = 0; i < layout->count; i++)
		json_array_append_new(made, values_one(&layout->fields[i], values));
	return made;
}

/* The same of what abi/interface.h gives: an object by name, or an array; addresses in small letters. */
static inline json_t *values_of_abi(const struct codec_layout *layout, const json_t *values)
{
	json_t *made = json_array();

	for (size_t i = 0; i < layout->count; i++) {
		const json_t *value = json_is_array(values) ? json_array_get(values, i)
							    : json_object_get(values, layout->fields[i].name);
		json_t *copy = json_deep_copy(value), *element = NULL;
		enum codec_kind kind = layout->fields[i].kind;
		size_t j = 0;

		if (kind == CODEC_ADDRESS)
			values_lower(copy);
		if (kind == CODEC_ADDRESSES) {
			json_array_foreach (copy, j, element)
				values_lower(element);
		}
		json_array_append_new(made, copy);
	}
	return made;
}

/* Small and steady: the same values in each run. */
static inline uint64_t values_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 24;
}

static inline void values_fill_bytes(uint8_t *to, size_t n, uint64_t *state)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)values_random(state);
}

static inline uint8_t *values_bytes(const void *ctx, size_t n, uint64_t *state)
{
	uint8_t *made = mem_array(ctx, uint8_t, n + 1);

	values_fill_bytes(made, n, state);
	return made;
}

/* Of `bits` bits at most; often the least and the highest. */
static inline struct u256 values_number(unsigned bits, uint64_t *state)
{
	uint8_t bytes[U256_BYTES] = {0};
	size_t n = bits / 8;

	switch (values_random(state) % 4) {
	case 0:
		break;
	case 1:
		memset(bytes + U256_BYTES - n, 0xff, n);
		break;
	default:
		values_fill_bytes(bytes + U256_BYTES - n, n, state);
	}
	return u256_from_bytes(bytes, sizeof(bytes));
}

static inline void values_fill_one(const void *ctx, const struct codec_field *f, void *value, uint64_t *state)
{
	size_t n = values_random(state) % 70;
	uint8_t *bytes;

	switch (f->kind) {
	case CODEC_UINT:
		*(uint64_t *)value = 0;
		(void)u256_to_u64(values_number(f->size, state), value);
		return;
	case CODEC_NUMBER:
	case CODEC_SIGNED:
		*(struct u256 *)value = values_number(f->size, state);
		return;
	case CODEC_ENUM:
		*(unsigned *)value = (unsigned)values_random(state) % f->size;
		return;
	case CODEC_BOOL:
		*(bool *)value = values_random(state) % 2;
		return;
	case CODEC_ADDRESS:
		values_fill_bytes(value, ETH_ADDRESS_BYTES, state);
		return;
	case CODEC_WORD:
		values_fill_bytes(value, ABI_WORD, state);
		return;
	case CODEC_BYTES:
		*(struct codec_bytes *)value = (struct codec_bytes){values_bytes(ctx, n, state), n};
		return;
	case CODEC_TEXT:
		bytes = values_bytes(ctx, n, state);
		for (size_t i = 0; i < n; i++)
			bytes[i] &= 0x7f;
		*(struct codec_text *)value = (struct codec_text){(char *)bytes, n};
		return;
	case CODEC_ADDRESSES:
		bytes = values_bytes(ctx, n * ETH_ADDRESS_BYTES, state);
		*(struct codec_addresses *)value =
			(struct codec_addresses){(const uint8_t(*)[ETH_ADDRESS_BYTES])bytes, n};
		return;
	case CODEC_WORDS:
		bytes = values_bytes(ctx, n * ABI_WORD, state);
		*(struct codec_words *)value = (struct codec_words){(const uint8_t(*)[ABI_WORD])bytes, n};
		return;
	}
}

static inline void *values_fill(const void *ctx, const struct codec_layout *layout, uint64_t *state)
{
	char *made = mem_array(ctx, char, layout->bytes + 1);

	for (size_t i = 0; i < layout->count; i++)
		values_fill_one(ctx, &layout->fields[i], made + layout->fields[i].offset, state);
	return made;
}

#endif
