#include <assert.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chain/abi_value.h"
#include "chain/address.h"
#include "chain/u256.h"

static const uint8_t zeros[ABI_WORD];

/* What an array or tuple consists of: the i-th type and its value. */
struct sequence {
	const struct abi_type *element; /* of an array, or NULL */
	const struct abi_member *members;
	size_t count;
	const json_t *values;
	const struct json_place *at;
};

static struct error *encode_sequence(const struct sequence *s, struct buf *to);

static struct error *placed(struct error *e, const struct json_place *at)
{
	struct error *mine;

	if (!e)
		return NULL;
	mine = json_place_error(at, "%s", e->message);
	error_free(e);
	return mine;
}

static struct error *encode_number(const struct abi_type *type, const json_t *value, const struct json_place *at,
				   uint8_t ret_word[ABI_WORD])
{
	char digits[32];
	const char *text = json_string_value(value);
	struct u256 number = U256_ZERO;

	if (json_is_integer(value)) {
		snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		text = digits;
	}
	if (!text || (json_is_string(value) && strlen(text) != json_string_length(value)))
		return json_place_error(at, "must be a whole number, as a string such as \"123\"");
	if (type->kind == ABI_INT) {
		TRY(placed(u256_parse_signed(text, type->size, &number), at));
	} else {
		if (*text == '-')
			return json_place_error(at, "must not be negative");
		TRY(placed(u256_parse(text, &number), at));
		if (u256_bits(number) > type->size)
			return json_place_error(at, "does not fit into %u bits", type->size);
	}
	u256_to_bytes(number, ret_word);
	return NULL;
}

static struct error *encode_address(const json_t *value, const struct json_place *at, uint8_t ret_word[ABI_WORD])
{
	if (!json_is_string(value))
		return json_place_error(at, "must be an address, \"0x\" and 40 hexadecimal digits");
	memset(ret_word, 0, ABI_WORD - ETH_ADDRESS_BYTES);
	return placed(eth_address_parse(json_string_value(value), ret_word + ABI_WORD - ETH_ADDRESS_BYTES), at);
}

struct error *abi_read_hex(const void *ctx, const json_t *value, const struct json_place *at, size_t max,
			   uint8_t **ret_bytes, size_t *ret_n)
{
	const char *text = json_string_value(value);
	size_t digits = json_string_length(value);
	uint8_t *bytes;

	if (!text || strncmp(text, "0x", 2) != 0 || digits % 2 || !hex_is(text + 2, digits - 2))
		return json_place_error(at, "must be \"0x\" and hexadecimal digits, two a byte");
	digits -= 2;
	if (digits / 2 > max)
		return json_place_error(at, "has %zu bytes, at most %zu are allowed", digits / 2, max);
	bytes = mem_array(ctx, uint8_t, digits / 2 + 1);
	TRY(hex_decode(text + 2, bytes, digits / 2));
	*ret_bytes = bytes;
	*ret_n = digits / 2;
	return NULL;
}

static struct error *encode_bytes_n(const struct abi_type *type, const json_t *value, const struct json_place *at,
				    uint8_t ret_word[ABI_WORD])
{
	uint8_t *bytes = NULL;
	size_t n = 0;

	TRY(abi_read_hex(NULL, value, at, ABI_WORD, &bytes, &n));
	if (bytes && n == type->size) {
		memset(ret_word, 0, ABI_WORD);
		memcpy(ret_word, bytes, n);
	}
	mem_free(bytes);
	return n == type->size ? NULL : json_place_error(at, "has %zu bytes, must have %u", n, type->size);
}

struct error *abi_encode_word(const struct abi_type *type, const json_t *value, const struct json_place *at,
			      uint8_t ret_word[ABI_WORD])
{
	switch (type->kind) {
	case ABI_UINT:
	case ABI_INT:
		return encode_number(type, value, at, ret_word);
	case ABI_ADDRESS:
		return encode_address(value, at, ret_word);
	case ABI_BOOL:
		if (!json_is_boolean(value))
			return json_place_error(at, "must be true or false");
		memset(ret_word, 0, ABI_WORD);
		ret_word[ABI_WORD - 1] = json_is_true(value);
		return NULL;
	case ABI_BYTES_N:
		return encode_bytes_n(type, value, at, ret_word);
	case ABI_BYTES:
	case ABI_STRING:
	case ABI_ARRAY:
	case ABI_TUPLE:
		break;
	}
	assert(!"a type of one word");
	return NULL;
}

static struct error *append_count(struct buf *to, size_t n)
{
	uint8_t word[ABI_WORD];

	u256_to_bytes(u256_of(n), word);
	return buf_append(to, word, sizeof(word));
}

static struct error *append_padded(struct buf *to, const void *bytes, size_t n)
{
	TRY(append_count(to, n));
	TRY(buf_append(to, bytes, n));
	return n % ABI_WORD ? buf_append(to, zeros, ABI_WORD - n % ABI_WORD) : NULL;
}

static struct error *encode_bytes(const json_t *value, const struct json_place *at, struct buf *to)
{
	uint8_t *bytes = NULL;
	size_t n = 0;
	struct error *e;

	TRY(abi_read_hex(NULL, value, at, to->limit, &bytes, &n));
	e = append_padded(to, bytes, n);
	mem_free(bytes);
	return e;
}

static struct error *encode_array(const struct abi_type *type, const json_t *value, const struct json_place *at,
				  struct buf *to)
{
	struct sequence s = {type->element, NULL, json_array_size(value), value, at};

	if (!json_is_array(value))
		return json_place_error(at, "must be an array");
	if (type->counted)
		TRY(append_count(to, s.count));
	else if (s.count != type->length)
		return json_place_error(at, "has %zu elements, must have %zu", s.count, type->length);
	return encode_sequence(&s, to);
}

static struct error *encode_value(const struct abi_type *type, const json_t *value, const struct json_place *at,
				  struct buf *to)
{
	uint8_t word[ABI_WORD] = {0};

	switch (type->kind) {
	case ABI_BYTES:
		return encode_bytes(value, at, to);
	case ABI_STRING:
		if (!json_is_string(value))
			return json_place_error(at, "must be a string");
		return append_padded(to, json_string_value(value), json_string_length(value));
	case ABI_ARRAY:
		return encode_array(type, value, at, to);
	case ABI_TUPLE: {
		struct sequence s = {NULL, type->members, type->count, value, at};

		return encode_sequence(&s, to);
	}
	case ABI_UINT:
	case ABI_INT:
	case ABI_ADDRESS:
	case ABI_BOOL:
	case ABI_BYTES_N:
		break;
	}
	TRY(abi_encode_word(type, value, at, word));
	return buf_append(to, word, sizeof(word));
}

static const struct abi_type *type_of(const struct sequence *s, size_t i)
{
	return s->element ? s->element : &s->members[i].type;
}

/* The value and its place for messages. */
static struct error *value_of(const struct sequence *s, size_t i, const json_t **ret_value, struct json_place *ret_at)
{
	bool named = !s->element && json_is_object(s->values);

	*ret_at = (struct json_place){s->at, named ? s->members[i].name : NULL, i};
	*ret_value = named ? json_object_get(s->values, s->members[i].name) : json_array_get(s->values, i);
	return *ret_value ? NULL : json_place_error(ret_at, "is missing");
}

static struct error *check_shape(const struct sequence *s)
{
	if (json_is_array(s->values)) {
		if (json_array_size(s->values) != s->count)
			return json_place_error(s->at, "has %zu values, must have %zu", json_array_size(s->values),
						s->count);
		return NULL;
	}
	if (!json_is_object(s->values))
		return json_place_error(s->at, "must be an array, or an object by name");
	if (json_object_size(s->values) > s->count)
		return json_place_error(s->at, "has %zu members, must have %zu", json_object_size(s->values), s->count);
	return NULL;
}

/* The heads of all, then the tails of the dynamic ones; an offset counts from the first head. */
static struct error *encode_sequence(const struct sequence *s, struct buf *to)
{
	size_t start = to->len, head = start;
	const json_t *value = NULL;
	struct json_place at;

	TRY(check_shape(s));
	for (size_t i = 0; i < s->count; i++) {
		const struct abi_type *type = type_of(s, i);

		TRY(value_of(s, i, &value, &at));
		TRY(type->dynamic ? buf_append(to, zeros, ABI_WORD) : encode_value(type, value, &at, to));
	}
	for (size_t i = 0; i < s->count; i++) {
		const struct abi_type *type = type_of(s, i);

		if (type->dynamic) {
			uint8_t offset[ABI_WORD];

			u256_to_bytes(u256_of(to->len - start), offset);
			memcpy(to->data + head, offset, sizeof(offset));
			TRY(value_of(s, i, &value, &at));
			TRY(encode_value(type, value, &at, to));
		}
		head += type->head_bytes;
	}
	return NULL;
}

struct error *abi_encode(const struct abi_member *members, size_t count, const json_t *values,
			 const struct json_place *at, struct buf *to)
{
	struct sequence s = {NULL, members, count, values, at};

	return encode_sequence(&s, to);
}
