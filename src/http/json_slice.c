#include "http/json_slice.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/utf8.h"

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* What stands for what behind a backslash. */
static const char short_escapes[256] = {
	['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
};

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* The scanners return the end of what they read, or NULL. */

#define EACH UINT64_C(0x0101010101010101)

/* Whether one of eight bytes is a quotation mark, a backslash or a control byte. */
static bool ends_plain(uint64_t bytes)
{
	uint64_t quote = bytes ^ (EACH * '"'), backslash = bytes ^ (EACH * '\\');

	/* A byte that is less than what is taken from it borrows into its highest bit. */
	return (((quote - EACH) & ~quote) | ((backslash - EACH) & ~backslash) | ((bytes - EACH * 0x20) & ~bytes)) &
	       (EACH * 0x80);
}

/* The megabytes of a request are plain text in strings. */
static const char *skip_plain(const char *p, const char *end)
{
	uint64_t bytes;

	for (; end - p >= 8; p += 8) {
		memcpy(&bytes, p, sizeof(bytes));
		if (ends_plain(bytes))
			break;
	}
	return p;
}

static const char *scan_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		p = skip_plain(p, end);
		if (p == end)
			break;
		if (*p == '"')
			return p + 1;
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		if (++p == end)
			return NULL;
		if (*p != 'u') {
			if (!short_escapes[(unsigned char)*p])
				return NULL;
			continue;
		}
		if (end - p < 5)
			return NULL;
		for (int i = 1; i <= 4; i++)
			if (!is_hex(p[i]))
				return NULL;
		p += 4;
	}
	return NULL;
}

static const char *scan_digits(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == start ? NULL : p;
}

static const char *scan_number(const char *p, const char *end)
{
	if (*p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else
		p = scan_digits(p, end);
	if (p && p < end && *p == '.')
		p = scan_digits(p + 1, end);
	if (p && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = scan_digits(p, end);
	}
	return p;
}

static const char *scan_word(const char *p, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - p) >= n && !memcmp(p, word, n) ? p + n : NULL;
}

/* *values: how many there may be. */
static const char *scan_value(const char *p, const char *end, unsigned levels, size_t *values);

/* From the opening bracket. */
static const char *scan_container(const char *p, const char *end, unsigned levels, size_t *values)
{
	char close = *p == '[' ? ']' : '}';

	if (!levels)
		return NULL;
	p = skip_blanks(p + 1, end);
	if (p < end && *p == close)
		return p + 1;
	for (;;) {
		if (close == '}') {
			if (p == end || *p != '"')
				return NULL;
			p = scan_string(p, end);
			if (!p)
				return NULL;
			p = skip_blanks(p, end);
			if (p == end || *p++ != ':')
				return NULL;
			p = skip_blanks(p, end);
		}
		p = scan_value(p, end, levels - 1, values);
		if (!p)
			return NULL;
		p = skip_blanks(p, end);
		if (p == end || (*p != ',' && *p != close))
			return NULL;
		if (*p++ == close)
			return p;
		p = skip_blanks(p, end);
	}
}

static const char *scan_value(const char *p, const char *end, unsigned levels, size_t *values)
{
	if (p == end || !*values)
		return NULL;
	--*values;
	switch (*p) {
	case '{':
	case '[':
		return scan_container(p, end, levels, values);
	case '"':
		return scan_string(p, end);
	case 't':
		return scan_word(p, end, "true");
	case 'f':
		return scan_word(p, end, "false");
	case 'n':
		return scan_word(p, end, "null");
	default:
		return scan_number(p, end);
	}
}

/* Only to tell malformed from too deep. */
static bool too_deep(const char *p, const char *end)
{
	unsigned levels = 0;

	while (p && p < end) {
		if (*p == '"') {
			p = scan_string(p, end);
			continue;
		}
		if ((*p == '[' || *p == '{') && ++levels > JSON_SLICE_LEVELS)
			return true;
		if ((*p == ']' || *p == '}') && levels)
			levels--;
		p++;
	}
	return false;
}

struct error *json_slice_read_some(const char *text, size_t n, size_t most, struct json_slice *ret_value)
{
	const char *end = text + n, *start = skip_blanks(text, end);
	size_t values = most;
	const char *stop;

	if (start == end)
		return error_new(ERROR_NOT_FOUND, "no JSON value");
	stop = scan_value(start, end, JSON_SLICE_LEVELS, &values);
	if (!stop && !values)
		return error_new(ERROR_REFUSED, "more than %zu values", most);
	if (!stop && too_deep(start, end))
		return error_new(ERROR_LIMIT, "more than %d levels of brackets", JSON_SLICE_LEVELS);
	if (!stop)
		return error_new(ERROR_INVALID, "malformed JSON");
	*ret_value = (struct json_slice){start, (size_t)(stop - start)};
	return NULL;
}

struct error *json_slice_read(const char *text, size_t n, struct json_slice *ret_value)
{
	return json_slice_read_some(text, n, SIZE_MAX, ret_value);
}

enum json_slice_kind json_slice_kind(struct json_slice s)
{
	if (!s.n)
		return SLICE_NONE;
	switch (*s.at) {
	case '{':
		return SLICE_OBJECT;
	case '[':
		return SLICE_ARRAY;
	case '"':
		return SLICE_STRING;
	case 't':
	case 'f':
		return SLICE_BOOL;
	case 'n':
		return SLICE_NULL;
	default:
		return SLICE_NUMBER;
	}
}

const char *json_slice_word(struct json_slice s)
{
	static const char *const words[] = {"nothing", "null", "bool", "number", "string", "array", "object"};

	return words[json_slice_kind(s)];
}

bool json_slice_next(struct json_slice container, size_t *offset, struct json_slice *ret_key,
		     struct json_slice *ret_value)
{
	const char *end = container.at + container.n;
	const char *p = skip_blanks(container.at + (*offset ? *offset : 1), end), *stop;
	struct json_slice key = {p, 0};
	size_t values = SIZE_MAX;

	if (*p == ']' || *p == '}')
		return false;
	if (*p == ',')
		p = skip_blanks(p + 1, end);
	if (*container.at == '{') {
		stop = scan_string(p, end);
		key = (struct json_slice){p, (size_t)(stop - p)};
		p = skip_blanks(stop, end);
		p = skip_blanks(p + 1, end);
	}
	stop = scan_value(p, end, JSON_SLICE_LEVELS, &values);
	if (ret_key)
		*ret_key = key;
	*ret_value = (struct json_slice){p, (size_t)(stop - p)};
	*offset = (size_t)(stop - container.at);
	return true;
}

static uint32_t hex4(const char *p)
{
	uint32_t n = 0;

	for (int i = 0; i < 4; i++)
		n = n << 4 | (uint32_t)hex_digit(p[i]);
	return n;
}

/* Reads the escape at p (behind the backslash), returns what follows it. */
static const char *read_escape(const char *p, const char *end, char **out)
{
	uint32_t point;

	if (*p != 'u') {
		*(*out)++ = short_escapes[(unsigned char)*p];
		return p + 1;
	}
	point = hex4(p + 1);
	p += 5;
	if (point >= 0xd800 && point <= 0xdbff && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		uint32_t low = hex4(p + 2);

		if (low >= 0xdc00 && low <= 0xdfff) {
			point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		}
	}
	if (point >= 0xd800 && point <= 0xdfff)
		point = 0xfffd;
	*out += utf8_encode(point, *out);
	return p;
}

char *json_slice_string(const void *ctx, struct json_slice s, size_t *ret_n)
{
	const char *p = s.at + 1, *end = s.at + s.n - 1;
	size_t plain = 0;

	while (p + plain < end && p[plain] != '\\' && (unsigned char)p[plain] < 0x80)
		plain++;
	/* What is not plain grows at most threefold: one broken byte becomes U+FFFD. */
	char *text = mem_array(ctx, char, plain + 3 * (size_t)(end - p - (ptrdiff_t)plain) + 1), *out = text + plain;
	memcpy(text, p, plain);
	for (p += plain; p < end;) {
		size_t good = 0, len = 1;

		if (*p == '\\') {
			p = read_escape(p + 1, end, &out);
			continue;
		}
		while (len && p + good < end && p[good] != '\\') {
			len = utf8_length(p + good, (size_t)(end - p) - good);
			good += len;
		}
		memcpy(out, p, good);
		out += good;
		p += good;
		if (!len) {
			out += utf8_encode(0xfffd, out);
			p++;
		}
	}
	*out = '\0';
	*ret_n = (size_t)(out - text);
	return text;
}

bool json_slice_is(struct json_slice s, const char *word, bool fold)
{
	size_t n = strlen(word), have;
	char *text;
	bool same;

	if (json_slice_kind(s) != SLICE_STRING)
		return false;
	if (!memchr(s.at, '\\', s.n))
		return s.n == n + 2 && !(fold ? strncasecmp(s.at + 1, word, n) : memcmp(s.at + 1, word, n));
	text = json_slice_string(NULL, s, &have);
	same = have == n && !(fold ? strncasecmp(text, word, n) : memcmp(text, word, n));
	mem_free(text);
	return same;
}
