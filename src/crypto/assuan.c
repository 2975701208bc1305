#include "crypto/assuan.h"

#include <assert.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/secret.h"

#define CODE_DIGITS 10

char *assuan_room(struct assuan *a, size_t *ret_room)
{
	*ret_room = sizeof(a->held) - a->held_bytes;
	return a->held + a->held_bytes;
}

void assuan_arrived(struct assuan *a, size_t n)
{
	assert(n <= sizeof(a->held) - a->held_bytes);
	a->held_bytes += n;
}

void assuan_next(struct assuan *a)
{
	secret_wipe(a->data, sizeof(a->data));
	a->data_bytes = 0;
	a->code = 0;
	a->says[0] = '\0';
}

void assuan_wipe(struct assuan *a)
{
	secret_wipe(a, sizeof(*a));
}

/* What follows a keyword: nothing, or a blank and the rest. */
static bool begins(const char *line, size_t n, const char *word, const char **ret_rest, size_t *ret_bytes)
{
	size_t bytes = strlen(word);

	if (n < bytes || memcmp(line, word, bytes) != 0 || (n > bytes && line[bytes] != ' '))
		return false;
	*ret_rest = line + bytes + (n > bytes);
	*ret_bytes = n - bytes - (n > bytes);
	return true;
}

/* Nothing of a data line gets into a message: it is a secret, or a part of one. */
static struct error *take_data(struct assuan *a, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < n ? hex_digit(text[i + 1]) : -1,
			    low = i + 2 < n ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return error_new(ERROR_INVALID,
						 "a %% in its data is not followed by two hexadecimal digits");
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (!c)
			return error_new(ERROR_INVALID, "its data has a NUL, which no passphrase can have");
		if (a->data_bytes == ASSUAN_DATA_BYTES)
			return error_new(ERROR_LIMIT, "its data has more than %d bytes", ASSUAN_DATA_BYTES);
		a->data[a->data_bytes++] = c;
	}
	return NULL;
}

/* "67108922 No data <GPG Agent>" */
static struct error *take_error(struct assuan *a, const char *text, size_t n)
{
	unsigned long long code = 0;
	size_t i = 0, said = 0;

	while (i < n && i < CODE_DIGITS && text[i] >= '0' && text[i] <= '9')
		code = code * 10 + (unsigned)(text[i++] - '0');
	if (i == 0 || (i < n && text[i] != ' ') || code == 0 || code > 0xffffffff)
		return error_new(ERROR_INVALID, "its ERR has no error code of 1 to 4294967295");
	a->code = (unsigned)code;
	for (i++; i < n && said < ASSUAN_SAYS_BYTES; i++)
		a->says[said++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	a->says[said] = '\0';
	return NULL;
}

static struct error *take_line(struct assuan *a, const char *line, size_t n, bool *ret_whole)
{
	const char *rest = line;
	size_t bytes = 0;

	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (begins(line, n, "D", &rest, &bytes))
		return take_data(a, rest, bytes);
	if (begins(line, n, "S", &rest, &bytes) || (n > 0 && line[0] == '#'))
		return NULL;
	if (begins(line, n, "INQUIRE", &rest, &bytes))
		return error_new(ERROR_INVALID, "it asks back, which nothing that was asked needs");
	*ret_whole = true;
	if (begins(line, n, "OK", &rest, &bytes))
		return NULL;
	if (begins(line, n, "ERR", &rest, &bytes))
		return take_error(a, rest, bytes);
	return error_new(ERROR_INVALID, "a line is none of OK, ERR, D, S, # and INQUIRE");
}

struct error *assuan_read(struct assuan *a, bool *ret_whole)
{
	struct error *e = NULL;
	bool whole = false;
	size_t read = 0;

	while (!e && !whole) {
		const char *line = a->held + read, *end = memchr(line, '\n', a->held_bytes - read);

		if (!end)
			break;
		e = take_line(a, line, (size_t)(end - line), &whole);
		read += (size_t)(end - line) + 1;
	}
	memmove(a->held, a->held + read, a->held_bytes - read);
	a->held_bytes -= read;
	secret_wipe(a->held + a->held_bytes, read);
	if (!e && !whole && a->held_bytes == sizeof(a->held))
		e = error_new(ERROR_LIMIT, "a line has more than %d bytes", ASSUAN_LINE_BYTES);
	if (!e)
		*ret_whole = whole;
	return e;
}

char *assuan_word(const void *ctx, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *word = mem_array(ctx, char, 3 * strlen(text) + 1);
	size_t n = 0;

	for (const char *c = text; *c; c++) {
		if (*c == ' ') {
			word[n++] = '+';
		} else if (*c > ' ' && *c <= '~' && *c != '+' && *c != '%') {
			word[n++] = *c;
		} else {
			word[n++] = '%';
			word[n++] = digits[(unsigned char)*c >> 4];
			word[n++] = digits[*c & 15];
		}
	}
	word[n] = '\0';
	return word;
}
