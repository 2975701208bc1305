#include "abi/type.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

static struct error *members_read(const void *ctx, const json_t *list, const struct json_place *at, unsigned depth,
				  const struct abi_member **ret_members, size_t *ret_count);

/* A decimal number without leading zeros; false when the text does not begin with one. */
static bool read_number(const char **text, size_t max, size_t *ret)
{
	size_t value = 0;
	const char *at = *text;

	if (*at < '1' || *at > '9')
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (size_t)(*at - '0');
		if (value > max)
			return false;
	}
	*text = at;
	*ret = value;
	return true;
}

static bool read_elementary(const char **text, struct abi_type *t)
{
	struct abi_elementary plain;

	if (!abi_elementary_take(text, &plain))
		return false;
	*t = (struct abi_type){.kind = plain.kind,
			       .size = plain.size,
			       .dynamic = abi_elementary_dynamic(&plain),
			       .head_bytes = ABI_WORD};
	return true;
}

static struct error *wrap_array(const void *ctx, struct abi_type *t, bool counted, size_t length)
{
	struct abi_type *element = mem_new(ctx, struct abi_type);

	*element = *t;
	*t = (struct abi_type){.kind = ABI_ARRAY, .element = element, .counted = counted, .length = length};
	t->dynamic = counted || element->dynamic;
	t->head_bytes = ABI_WORD;
	if (!t->dynamic) {
		assert(element->head_bytes > 0); /* nothing takes no bytes */
		if (length > ABI_HEAD_BYTES / element->head_bytes)
			return error_new(ERROR_LIMIT, "the array takes more than %d bytes", ABI_HEAD_BYTES);
		t->head_bytes = length * element->head_bytes;
	}
	return NULL;
}

/* "[]" and "[k]", from the innermost on */
static struct error *read_arrays(const void *ctx, const char *text, const char *whole, unsigned depth,
				 struct abi_type *t)
{
	while (*text == '[') {
		size_t length = 0;
		bool counted;

		text++;
		counted = *text == ']';
		if (!counted && !read_number(&text, ABI_HEAD_BYTES, &length))
			return error_new(ERROR_INVALID, "\"%.60s\" has no array length from 1 to %d", whole,
					 ABI_HEAD_BYTES);
		if (*text != ']')
			return error_new(ERROR_INVALID, "\"%.60s\" lacks a ]", whole);
		text++;
		if (++depth > ABI_DEPTH)
			return error_new(ERROR_LIMIT, "\"%.60s\" is more than %d levels deep", whole, ABI_DEPTH);
		TRY(wrap_array(ctx, t, counted, length));
	}
	return *text ? error_new(ERROR_INVALID, "\"%.60s\" is no type of the contract ABI", whole) : NULL;
}

struct error *abi_type_parse(const void *ctx, const char *text, struct abi_type *ret_type)
{
	const char *rest = text;
	struct abi_type t;

	if (!read_elementary(&rest, &t))
		return error_new(ERROR_INVALID, "\"%.60s\" is no type of the contract ABI that is known here", text);
	TRY(read_arrays(ctx, rest, text, 0, &t));
	*ret_type = t;
	return NULL;
}

static struct error *tuple_read(const void *ctx, const json_t *obj, const struct json_place *at, unsigned depth,
				struct abi_type *t)
{
	const struct json_place here = {at, "components", 0};
	json_t *list = NULL;

	TRY(json_read_array(obj, at, "components", 1, 1024, &list));
	*t = (struct abi_type){.kind = ABI_TUPLE};
	TRY(members_read(ctx, list, &here, depth + 1, &t->members, &t->count));
	for (size_t i = 0; i < t->count; i++) {
		t->dynamic = t->dynamic || t->members[i].type.dynamic;
		t->head_bytes += t->members[i].type.head_bytes;
	}
	if (t->head_bytes > ABI_HEAD_BYTES)
		return json_place_error(at, "the tuple takes more than %d bytes", ABI_HEAD_BYTES);
	if (t->dynamic)
		t->head_bytes = ABI_WORD;
	return NULL;
}

static struct error *member_read(const void *ctx, const json_t *obj, const struct json_place *at, unsigned depth,
				 struct abi_member *m)
{
	const struct json_place here = {at, "type", 0};
	const char *whole = NULL, *text, *name = "";
	struct error *e;

	if (!json_is_object(obj))
		return json_place_error(at, "must be an object");
	TRY(json_read_string_opt(obj, at, "name", &name));
	TRY(json_read_string(obj, at, "type", &whole));
	text = whole;
	m->name = mem_strdup(ctx, name);
	m->indexed = json_is_true(json_object_get(obj, "indexed"));
	if (strncmp(text, "tuple", 5) == 0) {
		if (depth >= ABI_DEPTH)
			return json_place_error(&here, "is more than %d levels deep", ABI_DEPTH);
		TRY(tuple_read(ctx, obj, at, depth, &m->type));
		text += 5;
	} else if (!read_elementary(&text, &m->type)) {
		return json_place_error(&here, "\"%.60s\" is no type of the contract ABI that is known here", whole);
	}
	e = read_arrays(ctx, text, whole, depth, &m->type);
	if (e) {
		struct error *placed = json_place_error(&here, "%s", e->message);

		error_free(e);
		return placed;
	}
	return NULL;
}

static struct error *members_read(const void *ctx, const json_t *list, const struct json_place *at, unsigned depth,
				  const struct abi_member **ret_members, size_t *ret_count)
{
	size_t count = json_array_size(list);
	struct abi_member *members = mem_array(ctx, struct abi_member, count ? count : 1);

	for (size_t i = 0; i < count; i++) {
		const struct json_place here = {at, NULL, i};

		TRY(member_read(members, json_array_get(list, i), &here, depth, &members[i]));
	}
	*ret_members = members;
	*ret_count = count;
	return NULL;
}

struct error *abi_members_read(const void *ctx, const json_t *list, const struct json_place *at,
			       const struct abi_member **ret_members, size_t *ret_count)
{
	if (list && !json_is_array(list))
		return json_place_error(at, "must be an array");
	return members_read(ctx, list, at, 0, ret_members, ret_count);
}

struct error *abi_members_text(const struct abi_member *members, size_t count, struct buf *to)
{
	TRY(buf_puts(to, "("));
	for (size_t i = 0; i < count; i++) {
		if (i)
			TRY(buf_puts(to, ","));
		TRY(abi_type_text(&members[i].type, to));
	}
	return buf_puts(to, ")");
}

struct error *abi_type_text(const struct abi_type *type, struct buf *to)
{
	switch (type->kind) {
	case ABI_UINT:
		return buf_printf(to, "uint%u", type->size);
	case ABI_INT:
		return buf_printf(to, "int%u", type->size);
	case ABI_ADDRESS:
		return buf_puts(to, "address");
	case ABI_BOOL:
		return buf_puts(to, "bool");
	case ABI_BYTES_N:
		return buf_printf(to, "bytes%u", type->size);
	case ABI_BYTES:
		return buf_puts(to, "bytes");
	case ABI_STRING:
		return buf_puts(to, "string");
	case ABI_TUPLE:
		return abi_members_text(type->members, type->count, to);
	case ABI_ARRAY:
		TRY(abi_type_text(type->element, to));
		return type->counted ? buf_puts(to, "[]") : buf_printf(to, "[%zu]", type->length);
	}
	return NULL;
}
