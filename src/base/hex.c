#include "base/hex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/mem.h"

static const char digits_lower[] = "0123456789abcdef";

char *hex_encode(const void *ctx, const uint8_t *bytes, size_t n)
{
	char *text = mem_array(ctx, char, 2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits_lower[bytes[i] >> 4];
		text[2 * i + 1] = digits_lower[bytes[i] & 15];
	}
	return text;
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_is(const char *text, size_t digits)
{
	size_t n = 0;

	if (!text)
		return false;
	while (n < digits && hex_digit(text[n]) >= 0)
		n++;
	return n == digits && !text[n];
}

struct error *hex_decode(const char *text, uint8_t *ret_bytes, size_t n)
{
	if (!hex_is(text, 2 * n))
		return error_new(ERROR_INVALID, "\"%.100s\" is not %zu hexadecimal digits", text ? text : "", 2 * n);
	for (size_t i = 0; i < n; i++)
		ret_bytes[i] = (uint8_t)(hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]));
	return NULL;
}

char *hex_random(const void *ctx, size_t n)
{
	uint8_t *bytes = mem_array(NULL, uint8_t, n);
	size_t done = 0;
	char *text = NULL;

	while (done < n) {
		ssize_t got = getrandom(bytes + done, n - done, 0);

		if (got < 0 && errno != EINTR) {
			/* Ids and keys without randomness would be worse than no process. */
			log_error("random.unavailable", "reason=%s", log_q(strerror(errno)));
			abort();
		}
		done += got > 0 ? (size_t)got : 0;
	}
	text = hex_encode(ctx, bytes, n);
	mem_free(bytes);
	return text;
}

bool hex_id_valid(const char *text)
{
	return hex_is(text, ID_DIGITS);
}
