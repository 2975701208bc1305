#include "rpc/jsonrpc_params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/mem.h"

#define TOPIC_BYTES 4

/* Where a value stands, for error texts: "Go value" or "Go struct field NewMessage.ttl". */
struct where {
	const char *object; /* "whisperv6.NewMessage", or NULL */
	const char *field;
};

static const char *const type_names[] = {
	[JSONRPC_STRING] = "string",
	[JSONRPC_ID] = "rpc.ID",
	[JSONRPC_HEX] = "hexutil.Bytes",
	[JSONRPC_UINT32] = "uint32",
	[JSONRPC_DOUBLE] = "float64",
	[JSONRPC_BOOL] = "bool",
	[JSONRPC_TOPIC] = "whisperv6.TopicType",
	[JSONRPC_TOPICS] = "[]whisperv6.TopicType",
};

static struct error *mismatch(const struct where *at, const char *what, size_t n, const char *type)
{
	const char *dot = at->object ? strchr(at->object, '.') : NULL;

	if (!at->object)
		return error_new(ERROR_INVALID, "json: cannot unmarshal %.*s into Go value of type %s", (int)n, what,
				 type);
	return error_new(ERROR_INVALID, "json: cannot unmarshal %.*s into Go struct field %s.%s of type %s", (int)n,
			 what, dot ? dot + 1 : at->object, at->field, type);
}

static struct error *wrong_kind(const struct where *at, struct json_slice s, enum jsonrpc_type type)
{
	const char *word = json_slice_word(s);

	return mismatch(at, word, strlen(word), type_names[type]);
}

static struct error *wrong_number(const struct where *at, struct json_slice s, enum jsonrpc_type type)
{
	char *text = mem_printf(NULL, "number %.*s", (int)(s.n < 64 ? s.n : 64), s.at);
	struct error *e = mismatch(at, text, strlen(text), type_names[type]);

	mem_free(text);
	return e;
}

/* The digits of a hexadecimal text; returns what is wrong with it. */
static const char *check_hex(const char *p, size_t n, const char **ret_digits, size_t *ret_n)
{
	*ret_digits = p;
	*ret_n = 0;
	if (!n)
		return NULL;
	if (n < 2 || p[0] != '0' || (p[1] != 'x' && p[1] != 'X'))
		return "hex string without 0x prefix";
	if (n % 2)
		return "hex string of odd length";
	*ret_digits = p + 2;
	*ret_n = n - 2;
	return NULL;
}

static bool read_digits(const char *digits, size_t n, uint8_t *ret_bytes)
{
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static struct error *read_hex(const void *ctx, const struct where *at, struct json_slice s, struct jsonrpc_value *v)
{
	const char *digits, *wrong;
	uint8_t *bytes;
	size_t n;

	if (json_slice_kind(s) != SLICE_STRING)
		return mismatch(at, "non-string", 10, type_names[JSONRPC_HEX]);
	wrong = check_hex(s.at + 1, s.n - 2, &digits, &n);
	bytes = mem_array(ctx, uint8_t, wrong ? 1 : n / 2 + 1);
	if (!wrong && !read_digits(digits, n, bytes))
		wrong = "invalid hex string";
	if (wrong)
		return mismatch(at, wrong, strlen(wrong), type_names[JSONRPC_HEX]);
	v->bytes = bytes;
	v->n = n / 2;
	return NULL;
}

/* *ret_later: a type error, which Go reports only when nothing worse follows. */
static struct error *read_topic(const struct where *at, struct json_slice s, uint8_t *ret_topic,
				struct error **ret_later)
{
	const char *digits, *wrong;
	size_t n;

	memset(ret_topic, 0, TOPIC_BYTES);
	if (json_slice_kind(s) == SLICE_NULL)
		return NULL;
	if (json_slice_kind(s) != SLICE_STRING) {
		if (!*ret_later)
			*ret_later = wrong_kind(at, s, JSONRPC_TOPIC);
		return NULL;
	}
	/* Unlike byte strings, topics are read after JSON's escapes are undone. */
	char *text = json_slice_string(NULL, s, &n);
	struct error *e = NULL;

	wrong = check_hex(text, n, &digits, &n);
	if (wrong)
		e = error_new(ERROR_INVALID, "%s", wrong);
	else if (n != (size_t)2 * TOPIC_BYTES)
		e = error_new(ERROR_INVALID, "hex string has length %zu, want %d for Topic", n, 2 * TOPIC_BYTES);
	else if (!read_digits(digits, n, ret_topic))
		e = error_new(ERROR_INVALID, "invalid hex string");
	mem_free(text);
	return e;
}

static struct error *read_topics(const void *ctx, const struct where *at, struct json_slice s, struct jsonrpc_value *v,
				 struct error **ret_later)
{
	struct json_slice element;
	size_t offset = 0, count = 0, room = 4;
	uint8_t *topics;

	if (json_slice_kind(s) != SLICE_ARRAY) {
		if (!*ret_later)
			*ret_later = wrong_kind(at, s, JSONRPC_TOPICS);
		return NULL;
	}
	topics = mem_array(ctx, uint8_t, room * TOPIC_BYTES);
	while (json_slice_next(s, &offset, NULL, &element)) {
		if (count == room) {
			room *= 2;
			topics = mem_resize(ctx, topics, uint8_t, room * TOPIC_BYTES);
		}
		TRY(read_topic(at, element, topics + TOPIC_BYTES * count, ret_later));
		count++;
	}
	v->bytes = topics;
	v->n = count;
	return NULL;
}

static bool read_uint32(struct json_slice s, uint32_t *ret_n)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s.at[i] - '0');
		if (n > UINT32_MAX)
			return false;
	}
	*ret_n = (uint32_t)n;
	return true;
}

static bool read_double(struct json_slice s, double *ret_n)
{
	char small[64], *text = s.n < sizeof(small) ? small : mem_array(NULL, char, s.n + 1);
	double n;

	memcpy(text, s.at, s.n);
	text[s.n] = '\0';
	n = strtod(text, NULL);
	if (text != small)
		mem_free(text);
	if (!isfinite(n))
		return false;
	*ret_n = n;
	return true;
}

static struct error *read_object(const void *ctx, struct json_slice s, const struct jsonrpc_object *object,
				 struct jsonrpc_value *v);

/* One value that is not null. An error that is returned ends the reading; *ret_later is for the end. */
static struct error *read_value(const void *ctx, const struct where *at, struct json_slice s,
				const struct jsonrpc_param *type, struct jsonrpc_value *v, struct error **ret_later)
{
	enum json_slice_kind kind = json_slice_kind(s), want = SLICE_STRING;
	struct error *e = NULL;

	switch (type->type) {
	case JSONRPC_HEX:
		return read_hex(ctx, at, s, v);
	case JSONRPC_TOPIC: {
		uint8_t *topic = mem_array(ctx, uint8_t, TOPIC_BYTES);

		v->bytes = topic;
		v->n = TOPIC_BYTES;
		return read_topic(at, s, topic, ret_later);
	}
	case JSONRPC_TOPICS:
		return read_topics(ctx, at, s, v, ret_later);
	case JSONRPC_OBJECT:
		return read_object(ctx, s, type->object, v);
	case JSONRPC_UINT32:
	case JSONRPC_DOUBLE:
		want = SLICE_NUMBER;
		break;
	case JSONRPC_BOOL:
		want = SLICE_BOOL;
		break;
	default:
		break;
	}
	if (kind != want)
		e = wrong_kind(at, s, type->type);
	else if (type->type == JSONRPC_BOOL)
		v->flag = *s.at == 't';
	else if (type->type == JSONRPC_UINT32 ? !read_uint32(s, &v->integer)
					      : type->type == JSONRPC_DOUBLE && !read_double(s, &v->number))
		e = wrong_number(at, s, type->type);
	else if (want == SLICE_STRING)
		v->text = json_slice_string(ctx, s, &v->n);
	if (e && *ret_later)
		error_free(e);
	else if (e)
		*ret_later = e;
	return NULL;
}

static ssize_t find_field(const struct jsonrpc_object *object, struct json_slice key)
{
	for (size_t i = 0; i < object->count; i++)
		if (json_slice_is(key, object->fields[i].name, false))
			return (ssize_t)i;
	for (size_t i = 0; i < object->count; i++)
		if (json_slice_is(key, object->fields[i].name, true))
			return (ssize_t)i;
	return -1;
}

static const struct jsonrpc_value absent = {.text = ""};

static struct error *read_object(const void *ctx, struct json_slice s, const struct jsonrpc_object *object,
				 struct jsonrpc_value *v)
{
	struct jsonrpc_value *members = mem_array(ctx, struct jsonrpc_value, object->count);
	struct where at = {NULL, NULL};
	struct json_slice key, value;
	struct error *later = NULL, *e = NULL;
	size_t offset = 0;

	for (size_t i = 0; i < object->count; i++)
		members[i] = absent;
	v->members = members;
	if (json_slice_kind(s) == SLICE_NULL)
		return NULL;
	if (json_slice_kind(s) != SLICE_OBJECT) {
		const char *word = json_slice_word(s);

		return mismatch(&at, word, strlen(word), object->type);
	}
	at.object = object->type;
	while (!e && json_slice_next(s, &offset, &key, &value)) {
		ssize_t i = find_field(object, key);

		if (i < 0)
			continue;
		at.field = object->fields[i].name;
		struct jsonrpc_param type = {object->fields[i].type, NULL};
		if (json_slice_kind(value) == SLICE_NULL) {
			members[i] = absent;
			continue;
		}
		members[i].given = true;
		e = read_value(ctx, &at, value, &type, &members[i], &later);
	}
	if (e) {
		error_free(later);
		return e;
	}
	return later;
}

static struct error *read_param(const void *ctx, struct json_slice s, const struct jsonrpc_param *type,
				struct jsonrpc_value *v)
{
	const struct where at = {NULL, NULL};
	struct error *later = NULL, *e;

	*v = absent;
	v->given = true;
	/* null leaves Go's zero value, where the type has no reader of its own. */
	if (json_slice_kind(s) == SLICE_NULL && type->type != JSONRPC_HEX && type->type != JSONRPC_OBJECT)
		return NULL;
	e = read_value(ctx, &at, s, type, v, &later);
	if (e && later)
		error_free(later);
	return e ? e : later;
}

struct error *jsonrpc_params_read(const void *ctx, struct json_slice params, const struct jsonrpc_param *types,
				  unsigned count, struct jsonrpc_value *ret_values)
{
	enum json_slice_kind kind = json_slice_kind(params);
	struct json_slice element;
	size_t offset = 0;
	unsigned i = 0;

	if (kind != SLICE_NONE && kind != SLICE_NULL && kind != SLICE_ARRAY)
		return error_new(ERROR_INVALID, "non-array args");
	while (kind == SLICE_ARRAY && json_slice_next(params, &offset, NULL, &element)) {
		if (i == count)
			return error_new(ERROR_INVALID, "too many arguments, want at most %u", count);
		struct error *e = read_param(ctx, element, &types[i], &ret_values[i]);
		if (e)
			return error_wrap(e, "invalid argument %u", i);
		i++;
	}
	if (i < count)
		return error_new(ERROR_INVALID, "missing value for required argument %u", i);
	return NULL;
}
