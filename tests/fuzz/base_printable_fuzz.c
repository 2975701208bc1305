/* What a terminal is given of any bytes: the same however they are cut, no control but newline and tab, whole UTF-8. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/printable.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static size_t pass(bool json, const unsigned char *data, size_t size, size_t piece, char *to)
{
	struct printable p = {.json = json};
	size_t n = 0;

	for (size_t at = 0; at < size; at += piece)
		n += printable_add(&p, data + at, size - at < piece ? size - at : piece, to + n);
	return n + printable_end(&p, to + n);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	size_t room = PRINTABLE_GROWTH * (size + PRINTABLE_HELD);
	char *whole = malloc(room), *cut = malloc(room), *again = malloc(room);

	if (!whole || !cut || !again)
		abort();
	for (int json = 0; json < 2; json++) {
		size_t n = pass(json, data, size, size + 1, whole);

		for (size_t piece = 1; piece < 4; piece++) {
			if (pass(json, data, size, piece, cut) != n || memcmp(cut, whole, n) != 0)
				abort();
		}
		for (size_t i = 0; i < n; i++) {
			unsigned char c = (unsigned char)whole[i];

			if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
				abort();
		}
		/* Nothing is left to mask. */
		if (n < room / PRINTABLE_GROWTH &&
		    (pass(false, (unsigned char *)whole, n, n + 1, again) != n || memcmp(again, whole, n) != 0))
			abort();
	}
	free(whole);
	free(cut);
	free(again);
	return 0;
}
