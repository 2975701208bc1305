/* Text of a JSON value (RFC 8259). jansson's writer decodes each character of a string again, which takes most of the
 * time of sending a message; jansson has checked a string's UTF-8 when it was made, so here only what must be escaped
 * is looked for. Numbers are left to jansson. */
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

struct text {
	const void *ctx;
	char *data;
	size_t len, capacity;
};

static char *room_for(struct text *t, size_t n)
{
	if (t->capacity - t->len < n) {
		t->capacity = 2 * (t->len + n);
		t->data = mem_resize(t->ctx, t->data, char, t->capacity);
	}
	return t->data + t->len;
}

static void put(struct text *t, const char *bytes, size_t n)
{
	memcpy(room_for(t, n), bytes, n);
	t->len += n;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static void put_escape(struct text *t, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char letters[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
	};
	char letter = c >= 0x20 ? (char)c : letters[c];

	if (letter)
		put(t, (const char[]){'\\', letter}, 2);
	else
		put(t, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

static void put_string(struct text *t, const char *s, size_t n)
{
	put(t, "\"", 1);
	while (n) {
		size_t plain = 0;

		while (plain < n && is_plain((unsigned char)s[plain]))
			plain++;
		put(t, s, plain);
		s += plain;
		n -= plain;
		if (n) {
			put_escape(t, (unsigned char)*s++);
			n--;
		}
	}
	put(t, "\"", 1);
}

static void put_value(struct text *t, const json_t *value);

static void put_array(struct text *t, const json_t *array)
{
	const json_t *element;
	size_t i;

	put(t, "[", 1);
	json_array_foreach (array, i, element) {
		if (i)
			put(t, ",", 1);
		put_value(t, element);
	}
	put(t, "]", 1);
}

static void put_object(struct text *t, const json_t *object)
{
	const char *key, *comma = "";
	const json_t *value;

	put(t, "{", 1);
	json_object_foreach ((json_t *)object, key, value) {
		put(t, comma, strlen(comma));
		comma = ",";
		put_string(t, key, strlen(key));
		put(t, ":", 1);
		put_value(t, value);
	}
	put(t, "}", 1);
}

static void put_number(struct text *t, const json_t *value)
{
	size_t n = json_dumpb(value, NULL, 0, JSON_ENCODE_ANY);

	(void)json_dumpb(value, room_for(t, n), n, JSON_ENCODE_ANY);
	t->len += n;
}

static void put_value(struct text *t, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put_object(t, value);
		break;
	case JSON_ARRAY:
		put_array(t, value);
		break;
	case JSON_STRING:
		put_string(t, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		put_number(t, value);
		break;
	case JSON_TRUE:
		put(t, "true", 4);
		break;
	case JSON_FALSE:
		put(t, "false", 5);
		break;
	case JSON_NULL:
		put(t, "null", 4);
		break;
	}
}

char *json_text(const void *ctx, const json_t *value)
{
	struct text t = {.ctx = ctx, .capacity = 256};

	t.data = mem_array(ctx, char, t.capacity);
	if (value)
		put_value(&t, value);
	else
		put(&t, "null", 4);
	put(&t, "", 1);
	return mem_resize(ctx, t.data, char, t.len);
}

char *json_text_flags(const void *ctx, const json_t *value, size_t flags)
{
	size_t n = json_dumpb(value, NULL, 0, flags);
	char *text = mem_array(ctx, char, n + 1);

	json_dumpb(value, text, n, flags);
	text[n] = '\0';
	return text;
}
