/* Lines of units' logs, which hold whatever streams and peers made a program say: what is told of them is valid UTF-8
 * without control characters, bounded, and holds no key. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "node/job/unit_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = unit_log_safe(NULL, (const char *)data, size), *again;
	size_t n = strlen(text);

	if (n > UNIT_LOG_LINE + 16 || !utf8_valid(text, n))
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			abort();
	again = mem_strndup(NULL, (const char *)data, size);
	(void)unit_log_is_cursor(again);
	mem_free(again);
	mem_free(text);
	return 0;
}
