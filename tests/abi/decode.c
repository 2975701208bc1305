#include <assert.h>
#include <string.h>

#include "abi/value.h"
#include "base/hex.h"
#include "base/mem.h"
#include "chain/abi_input.h"
#include "chain/address.h"
#include "chain/u256.h"

/* Where the heads of an array's or tuple's parts begin; offsets count from there. */
struct abi_frame {
	size_t start;
	const struct json_place *at;
};

static struct error *decode_value(struct abi_input *d, const struct abi_type *type, size_t at_byte,
				  const struct json_place *at, json_t **ret);

static struct error *decode_number(const struct abi_type *type, const uint8_t *word, const struct json_place *at,
				   json_t **ret)
{
	struct u256 number = u256_from_bytes(word, ABI_WORD);
	char *text;

	if (type->kind == ABI_INT ? !u256_fits_signed(number, type->size) : u256_bits(number) > type->size)
		return json_place_error(at, "is no %s of %u bits", type->kind == ABI_INT ? "signed number" : "number",
					type->size);
	text = type->kind == ABI_INT ? u256_signed_decimal(NULL, number) : u256_decimal(NULL, number);
	*ret = json_string(text);
	mem_free(text);
	return NULL;
}

static json_t *hex_json(const uint8_t *bytes, size_t n)
{
	char *digits = hex_encode(NULL, bytes, n);
	json_t *value = json_sprintf("0x%s", digits);

	mem_free(digits);
	return value;
}

struct error *abi_decode_word(const struct abi_type *type, const uint8_t word[ABI_WORD], const struct json_place *at,
			      json_t **ret_value)
{
	char text[ADDRESS_TEXT_BYTES];

	switch (type->kind) {
	case ABI_UINT:
	case ABI_INT:
		return decode_number(type, word, at, ret_value);
	case ABI_ADDRESS:
		if (!abi_input_zero(word, ABI_WORD - ETH_ADDRESS_BYTES))
			return json_place_error(at, "is no address: more than 20 bytes are set");
		eth_address_text(word + ABI_WORD - ETH_ADDRESS_BYTES, text);
		*ret_value = json_string(text);
		return NULL;
	case ABI_BOOL:
		if (!abi_input_zero(word, ABI_WORD - 1) || word[ABI_WORD - 1] > 1)
			return json_place_error(at, "is neither true nor false");
		*ret_value = json_boolean(word[ABI_WORD - 1]);
		return NULL;
	case ABI_BYTES_N:
		if (!abi_input_zero(word + type->size, ABI_WORD - type->size))
			return json_place_error(at, "has more than %u bytes", type->size);
		*ret_value = hex_json(word, type->size);
		return NULL;
	case ABI_BYTES:
	case ABI_STRING:
	case ABI_ARRAY:
	case ABI_TUPLE:
		break;
	}
	assert(!"a type of one word");
	return NULL;
}

static struct error *decode_bytes(struct abi_input *d, bool text, size_t at_byte, const struct json_place *at,
				  json_t **ret)
{
	size_t n = 0;
	const uint8_t *bytes;

	TRY(abi_input_bytes(d, at_byte, at, &bytes, &n));
	*ret = text ? json_stringn((const char *)bytes, n) : hex_json(bytes, n);
	return *ret ? NULL : json_place_error(at, "is no UTF-8 text");
}

/* The part whose head is at head_at: there, or where its offset leads. */
static struct error *decode_part(struct abi_input *d, const struct abi_frame *f, const struct abi_type *type,
				 size_t head_at, const struct json_place *at, json_t **ret)
{
	size_t offset = 0;

	if (!type->dynamic)
		return decode_value(d, type, head_at, at, ret);
	TRY(abi_input_size(d, head_at, "offset", at, &offset));
	if (offset > d->n - f->start)
		return json_place_error(at, "its offset points outside the %zu bytes", d->n);
	return decode_value(d, type, f->start + offset, at, ret);
}

static struct error *decode_array(struct abi_input *d, const struct abi_type *type, size_t at_byte,
				  const struct json_place *at, json_t **ret)
{
	struct abi_frame f = {at_byte, at};
	size_t count = type->length;
	json_t *list;
	struct error *e = NULL;

	if (type->counted) {
		TRY(abi_input_size(d, at_byte, "length", at, &count));
		f.start += ABI_WORD;
	}
	if (f.start > d->n || count > (d->n - f.start) / type->element->head_bytes)
		return json_place_error(at, "is cut short: %zu elements do not fit into %zu bytes", count, d->n);
	list = json_array();
	for (size_t i = 0; !e && i < count; i++) {
		const struct json_place here = {at, NULL, i};
		json_t *value = NULL;

		e = decode_part(d, &f, type->element, f.start + i * type->element->head_bytes, &here, &value);
		json_array_append_new(list, value);
	}
	if (e) {
		json_decref(list);
		return e;
	}
	*ret = list;
	return NULL;
}

static bool all_named(const struct abi_member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!*members[i].name)
			return false;
		for (size_t j = 0; j < i; j++) {
			if (strcmp(members[i].name, members[j].name) == 0)
				return false;
		}
	}
	return count > 0;
}

static struct error *decode_members(struct abi_input *d, const struct abi_member *members, size_t count, size_t at_byte,
				    const struct json_place *at, json_t **ret)
{
	bool named = all_named(members, count);
	json_t *values = named ? json_object() : json_array();
	struct abi_frame f = {at_byte, at};
	struct error *e = NULL;

	if (at_byte > d->n)
		e = json_place_error(at, "is cut short: it begins at %zu of %zu bytes", at_byte, d->n);
	for (size_t i = 0; !e && i < count; i++) {
		const struct json_place here = {at, named ? members[i].name : NULL, i};
		json_t *value = NULL;

		e = decode_part(d, &f, &members[i].type, at_byte, &here, &value);
		at_byte += members[i].type.head_bytes;
		if (!e && named)
			json_object_set_new(values, members[i].name, value);
		else if (!e)
			json_array_append_new(values, value);
	}
	if (e) {
		json_decref(values);
		return e;
	}
	*ret = values;
	return NULL;
}

static struct error *decode_value(struct abi_input *d, const struct abi_type *type, size_t at_byte,
				  const struct json_place *at, json_t **ret)
{
	if (type->kind == ABI_ARRAY)
		return decode_array(d, type, at_byte, at, ret);
	if (type->kind == ABI_TUPLE)
		return decode_members(d, type->members, type->count, at_byte, at, ret);
	if (type->kind == ABI_BYTES || type->kind == ABI_STRING)
		return decode_bytes(d, type->kind == ABI_STRING, at_byte, at, ret);
	TRY(abi_input_use(d, at_byte, ABI_WORD, at));
	return abi_decode_word(type, d->bytes + at_byte, at, ret);
}

struct error *abi_decode(const struct abi_member *members, size_t count, const uint8_t *bytes, size_t n,
			 const struct json_place *at, json_t **ret_values)
{
	struct abi_input d = {bytes, n, n};

	return decode_members(&d, members, count, 0, at, ret_values);
}
