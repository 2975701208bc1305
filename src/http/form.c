#include "http/form.h"

#include <string.h>

#include "base/mem.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

struct error *http_decode(const void *ctx, const char *text, size_t len, bool plus, char **ret_text)
{
	char *out = mem_array(ctx, char, len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = len - i > 2 ? hex_value(text[i + 1]) : -1;
			int low = len - i > 2 ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0 || (high == 0 && low == 0)) {
				mem_free(out);
				return error_new(ERROR_INVALID, "broken percent escape");
			}
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		} else if (c == 0) {
			mem_free(out);
			return error_new(ERROR_INVALID, "NUL byte in a form");
		}
		out[n++] = c;
	}
	out[n] = 0;
	*ret_text = out;
	return NULL;
}

struct error *http_form_parse(const void *ctx, const char *text, size_t len, struct http_field **ret_fields)
{
	struct http_field *fields = mem_array(ctx, struct http_field, HTTP_FIELDS + 1);
	const char *end = text + len;
	size_t count = 0;
	struct error *e = NULL;

	for (const char *p = text; p < end && !e;) {
		const char *stop = memchr(p, '&', (size_t)(end - p));
		stop = stop ? stop : end;
		const char *equal = memchr(p, '=', (size_t)(stop - p));
		const char *value = equal ? equal + 1 : stop;
		char *name_text = NULL, *value_text = NULL;

		if (stop > p) {
			if (count == HTTP_FIELDS)
				e = error_new(ERROR_LIMIT, "more than %d form fields", HTTP_FIELDS);
			if (!e)
				e = http_decode(fields, p, (size_t)((equal ? equal : stop) - p), true, &name_text);
			if (!e)
				e = http_decode(fields, value, (size_t)(stop - value), true, &value_text);
			if (!e)
				fields[count++] = (struct http_field){.name = name_text, .value = value_text};
		}
		p = stop + 1;
	}
	if (e) {
		mem_free(fields);
		return e;
	}
	*ret_fields = mem_resize(ctx, fields, struct http_field, count + 1);
	return NULL;
}

const char *http_form_find(const struct http_field *fields, const char *name)
{
	for (; fields && fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields->value;
	return NULL;
}

char *http_encode(const void *ctx, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = mem_array(ctx, char, strlen(text) * 3 + 1), *p = out;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._~", c)) {
			*p++ = (char)c;
		} else {
			*p++ = '%';
			*p++ = digits[c >> 4];
			*p++ = digits[c & 15];
		}
	}
	*p = 0;
	return out;
}
