#include "base/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Most pieces are a byte or two and find their room; asking the buffer for it is left to the others. */
static inline void put(struct json_writer *w, const char *bytes, size_t n)
{
	struct buf *b = w->to;
	struct error *e;

	if (w->full)
		return;
	if (n <= b->capacity - b->len) {
		memcpy(b->data + b->len, bytes, n);
		b->len += n;
		b->data[b->len] = '\0';
		return;
	}
	e = buf_append(b, bytes, n);
	w->full = e != NULL;
	error_free(e);
}

void json_write_bytes(struct json_writer *w, const char *bytes, size_t n)
{
	if (n)
		put(w, bytes, n);
}

void json_write_raw(struct json_writer *w, const char *text)
{
	put(w, text, strlen(text));
}

/* --- strings --- */

/* What a character becomes when not itself. Returns its length; *ret_text stays NULL where it is itself. */
typedef size_t escape_fn(const char *p, size_t n, char space[8], const char **ret_text);

static const char letters[0x20] = {
	['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
};

static const char *escape_letter(char letter, char space[8])
{
	space[0] = '\\';
	space[1] = letter;
	space[2] = '\0';
	return space;
}

static const char *escape_number(unsigned char c, const char digits[16], char space[8])
{
	memcpy(space, "\\u00", 4);
	space[4] = digits[c >> 4];
	space[5] = digits[c & 15];
	space[6] = '\0';
	return space;
}

static size_t escape_jansson(const char *p, size_t n, char space[8], const char **ret_text)
{
	unsigned char c = (unsigned char)*p;
	char letter = c >= 0x20 ? (char)c : letters[c];

	(void)n;
	*ret_text = letter ? escape_letter(letter, space) : escape_number(c, "0123456789ABCDEF", space);
	return 1;
}

static size_t escape_go(const char *p, size_t n, char space[8], const char **ret_text)
{
	size_t len = utf8_length(p, n);

	if (!len)
		*ret_text = "\\ufffd";
	else if (len == 3 && !memcmp(p, "\xe2\x80\xa8", 3))
		*ret_text = "\\u2028";
	else if (len == 3 && !memcmp(p, "\xe2\x80\xa9", 3))
		*ret_text = "\\u2029";
	else if (len == 1 && strchr("\"\\\n\r\t", *p) && *p)
		*ret_text = escape_letter(*p < 0x20 ? letters[(unsigned char)*p] : *p, space);
	else if (len == 1)
		*ret_text = escape_number((unsigned char)*p, "0123456789abcdef", space);
	return len ? len : 1;
}

static const struct {
	bool plain[256]; /* bytes that are themselves, whatever stands beside them */
	escape_fn *escape;
} forms[] = {
	[JSON_FORM_GO] = {.plain = {[' ' ... '!'] = true,
				    ['#' ... '%'] = true,
				    ['\'' ... ';'] = true,
				    ['='] = true,
				    ['?' ... '['] = true,
				    [']' ... 0x7f] = true},
			  .escape = escape_go},
	[JSON_FORM_JANSSON] = {.plain = {[' ' ... '!'] = true, ['#' ... '['] = true, [']' ... 0xff] = true},
			       .escape = escape_jansson},
};

void json_write_string(struct json_writer *w, const char *text, size_t n)
{
	const bool *plain = forms[w->form].plain;
	const char *end = text + n, *from = text;
	char space[8];

	put(w, "\"", 1);
	for (const char *p = text;;) {
		const char *escaped = NULL;
		size_t len;

		while (p < end && plain[(unsigned char)*p])
			p++;
		if (p == end)
			break;
		len = forms[w->form].escape(p, (size_t)(end - p), space, &escaped);
		if (escaped) {
			json_write_bytes(w, from, (size_t)(p - from));
			json_write_raw(w, escaped);
			from = p + len;
		}
		p += len;
	}
	json_write_bytes(w, from, (size_t)(end - from));
	put(w, "\"", 1);
}

void json_write_text(struct json_writer *w, const char *text)
{
	json_write_string(w, text, strlen(text));
}

void json_write_hex(struct json_writer *w, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char some[1024];

	json_write_raw(w, "\"0x");
	while (n) {
		size_t now = n < sizeof(some) / 2 ? n : sizeof(some) / 2;

		for (size_t i = 0; i < now; i++) {
			some[2 * i] = digits[bytes[i] >> 4];
			some[2 * i + 1] = digits[bytes[i] & 15];
		}
		put(w, some, 2 * now);
		bytes += now;
		n -= now;
	}
	json_write_raw(w, "\"");
}

/* --- values --- */

void json_write_integer(struct json_writer *w, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	json_write_raw(w, text);
}

void json_write_bool(struct json_writer *w, bool b)
{
	json_write_raw(w, b ? "true" : "false");
}

/* jansson's releases write numbers differently; its form is that of the one we run with. */
static void write_real(struct json_writer *w, const json_t *value)
{
	char text[64];

	if (w->form == JSON_FORM_GO)
		json_write_double(w, json_real_value(value));
	else
		put(w, text, json_dumpb(value, text, sizeof(text), JSON_ENCODE_ANY));
}

static void write_array(struct json_writer *w, const json_t *array)
{
	const json_t *element;
	size_t i;

	put(w, "[", 1);
	json_array_foreach (array, i, element) {
		if (i)
			put(w, ",", 1);
		json_write_value(w, element);
	}
	put(w, "]", 1);
}

static void write_object(struct json_writer *w, const json_t *object)
{
	const char *key, *before = "{";
	const json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		put(w, before, 1);
		before = ",";
		json_write_text(w, key);
		put(w, ":", 1);
		json_write_value(w, value);
	}
	json_write_raw(w, *before == '{' ? "{}" : "}");
}

void json_write_value(struct json_writer *w, const json_t *value)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT:
		write_object(w, value);
		break;
	case JSON_ARRAY:
		write_array(w, value);
		break;
	case JSON_STRING:
		json_write_string(w, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		json_write_integer(w, json_integer_value(value));
		break;
	case JSON_REAL:
		write_real(w, value);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		json_write_bool(w, json_is_true(value));
		break;
	case JSON_NULL:
		json_write_raw(w, "null");
		break;
	}
}
