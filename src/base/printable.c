#include "base/printable.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Whole ranges, in order. Newline and tab are let through before. */
static const struct {
	uint32_t first, last;
} masked[] = {
	{0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200e, 0x200f},   {0x2028, 0x202e},
	{0x2066, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

static bool is_masked(uint32_t c)
{
	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
		if (c >= masked[i].first && c <= masked[i].last)
			return true;
	}
	return false;
}

/* Bytes of the character that begins with this one; 0: none does. */
static size_t length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

static bool continues(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Overlong forms, surrogates and what is beyond Unicode are no characters. */
static bool decode(const unsigned char *bytes, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c = n == 1 ? bytes[0] : bytes[0] & (0x7fU >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (bytes[i] & 0x3f);
	*ret = c;
	return c >= least[n] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
}

static size_t escape(uint32_t c, char *to)
{
	if (c <= 0xffff)
		return (size_t)sprintf(to, "\\u%04x", (unsigned)c);
	c -= 0x10000;
	return (size_t)sprintf(to, "\\u%04x\\u%04x", (unsigned)(0xd800 + (c >> 10)), (unsigned)(0xdc00 + (c & 0x3ff)));
}

/* sprintf() has put a NUL behind what counts. */
static size_t mask(bool json, uint32_t c, char *to)
{
	char escaped[PRINTABLE_GROWTH + 1];
	size_t n;

	if (!json) {
		*to = '?';
		return 1;
	}
	n = escape(c, escaped);
	memcpy(to, escaped, n);
	return n;
}

static size_t put(const struct printable *p, char *to)
{
	uint32_t c = 0;

	if (!decode(p->held, p->held_n, &c)) {
		size_t n = 0;

		for (size_t i = 0; i < p->held_n; i++)
			n += mask(p->json, 0xfffd, to + n);
		return n;
	}
	if (c != '\n' && c != '\t' && is_masked(c))
		return mask(p->json, c, to);
	memcpy(to, p->held, p->held_n);
	return p->held_n;
}

size_t printable_end(struct printable *p, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < p->held_n; i++)
		n += mask(p->json, 0xfffd, to + n);
	p->held_n = 0;
	return n;
}

size_t printable_add(struct printable *p, const void *bytes, size_t n, char *to)
{
	const unsigned char *in = bytes;
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		if (p->held_n > 0 && !continues(in[i]))
			out += printable_end(p, to + out);
		if (p->held_n == 0 && length_of(in[i]) == 0) {
			out += mask(p->json, 0xfffd, to + out);
			continue;
		}
		p->held[p->held_n++] = in[i];
		if (p->held_n < length_of(p->held[0]))
			continue;
		out += put(p, to + out);
		p->held_n = 0;
	}
	return out;
}

char *printable_line(const void *ctx, const char *text)
{
	struct printable p = {.json = false};
	size_t len = strlen(text), n;
	char *out = mem_array(ctx, char, PRINTABLE_GROWTH *(len + PRINTABLE_HELD) + 1), *copy;

	n = printable_add(&p, text, len, out);
	n += printable_end(&p, out + n);
	out[n] = '\0';
	for (char *c = out; *c; c++) {
		if (*c == '\n' || *c == '\t')
			*c = '?';
	}
	copy = mem_strdup(ctx, out);
	mem_free(out);
	return copy;
}
