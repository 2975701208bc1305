#include "base/bisect.h"

#include <string.h>

size_t bisect_text(void *const *rows, size_t count, bisect_key_fn *key_of, const char *key)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(key_of(rows[middle]), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
