#include "base/json_write.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void json_write_bytes(struct json_writer *w, const char *bytes, size_t n)
{
	struct error *e = w->full ? NULL : buf_append(w->to, bytes, n);

	if (e)
		w->full = true;
	error_free(e);
}

void json_write_raw(struct json_writer *w, const char *text)
{
	json_write_bytes(w, text, strlen(text));
}

/* How the character must be written when not as it is; NULL: as it is. */
static const char *escape(const char *p, size_t len, char space[8])
{
	switch (*p) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		break;
	}
	if (!len)
		return "\\ufffd";
	if (len == 3 && !memcmp(p, "\xe2\x80\xa8", 3))
		return "\\u2028";
	if (len == 3 && !memcmp(p, "\xe2\x80\xa9", 3))
		return "\\u2029";
	if (len > 1 || ((unsigned char)*p >= 0x20 && *p != '<' && *p != '>' && *p != '&'))
		return NULL;
	snprintf(space, 8, "\\u%04x", (unsigned)(unsigned char)*p);
	return space;
}

void json_write_string(struct json_writer *w, const char *text, size_t n)
{
	const char *end = text + n, *plain = text;
	char space[8];

	json_write_raw(w, "\"");
	for (const char *p = text; p < end;) {
		size_t len = utf8_length(p, (size_t)(end - p));
		const char *escaped = escape(p, len, space);

		if (escaped) {
			json_write_bytes(w, plain, (size_t)(p - plain));
			json_write_raw(w, escaped);
		}
		p += len ? len : 1;
		if (escaped)
			plain = p;
	}
	json_write_bytes(w, plain, (size_t)(end - plain));
	json_write_raw(w, "\"");
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
		json_write_bytes(w, some, 2 * now);
		bytes += now;
		n -= now;
	}
	json_write_raw(w, "\"");
}

void json_write_integer(struct json_writer *w, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	json_write_raw(w, text);
}

/* Fewest significant digits that read back as n; n is finite and not 0. Returns the decimal exponent. */
static int shortest(double n, char digits[18])
{
	char text[32];

	for (int precision = 0; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, n);
		if (strtod(text, NULL) == n)
			break;
	}
	char *e = strchr(text, 'e');
	size_t count = 0;
	for (char *p = text; p < e; p++)
		if (*p >= '0' && *p <= '9')
			digits[count++] = *p;
	while (count > 1 && digits[count - 1] == '0')
		count--;
	digits[count] = '\0';
	return (int)strtol(e + 1, NULL, 10);
}

void json_write_double(struct json_writer *w, double n)
{
	char digits[18], text[64];
	size_t count, at = 0;
	int exponent;

	if (!isfinite(n)) {
		json_write_raw(w, "null");
		return;
	}
	if (n == 0) {
		json_write_raw(w, signbit(n) ? "-0" : "0");
		return;
	}
	exponent = shortest(fabs(n), digits);
	count = strlen(digits);
	if (n < 0)
		text[at++] = '-';
	if (fabs(n) < 1e-6 || fabs(n) >= 1e21) { /* 1.5e-7, 1e+21 */
		snprintf(text + at, sizeof(text) - at, "%c%s%se%c%d", digits[0], count > 1 ? "." : "", digits + 1,
			 exponent < 0 ? '-' : '+', abs(exponent));
	} else if (exponent < 0) { /* 0.00012 */
		snprintf(text + at, sizeof(text) - at, "0.%.*s%s", -exponent - 1, "00000", digits);
	} else if ((int)count <= exponent + 1) { /* 12000 */
		snprintf(text + at, sizeof(text) - at, "%s%.*s", digits, exponent + 1 - (int)count,
			 "000000000000000000000");
	} else {
		snprintf(text + at, sizeof(text) - at, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
	}
	json_write_raw(w, text);
}

void json_write_bool(struct json_writer *w, bool b)
{
	json_write_raw(w, b ? "true" : "false");
}
