#include "vcli/suggest.h"

#include <string.h>

#define LONGEST 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
	/* Three rows of the edit matrix are enough: a swap looks two rows back. */
	size_t rows[3][LONGEST];
	size_t a_len = least(strlen(a), LONGEST - 1), b_len = least(strlen(b), LONGEST - 1);

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

void suggest_try(struct suggest_word *s, const char *candidate)
{
	size_t distance = suggest_distance(s->word, candidate);

	/* A third of the letters wrong is a slip, more is another word. */
	if (distance > 1 + strlen(s->word) / 3 || distance >= strlen(candidate))
		return;
	if (s->best && s->distance <= distance)
		return;
	s->best = candidate;
	s->distance = distance;
}
