#include <string.h>

#include "abi/value.h"
#include "base/mem.h"
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

struct error *abi_encode_type_word(const struct abi_type *type, const json_t *value, const struct json_place *at,
				   uint8_t ret_word[ABI_WORD])
{
	const struct abi_elementary plain = {(enum abi_kind)type->kind, type->size};

	return abi_encode_word(&plain, value, at, ret_word);
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
	TRY(abi_encode_type_word(type, value, at, word));
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
