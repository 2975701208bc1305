/* "Did you mean": the candidate that a mistyped word most likely stands for. */
#ifndef DSN_VCLI_SUGGEST_H
#define DSN_VCLI_SUGGEST_H

#include <stddef.h>

/* Number of single-letter slips (a letter too many, missing, wrong, or two swapped) between two words; words longer
 * than 63 letters are cut. */
size_t suggest_distance(const char *a, const char *b);

/* Keeps the nearest candidate seen so far. */
struct suggest_word {
	const char *word; /* what was typed */
	const char *best; /* NULL: nothing near enough */
	size_t distance;
};
void suggest_try(struct suggest_word *s, const char *candidate);

#endif
