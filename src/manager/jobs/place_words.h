/* Texts as small numbers: each text once, counted, found by hash. Numbers of texts that nobody uses any more are given
 * again, so what strangers say costs only as much as there is of it. Of use inside the placement only. */
#ifndef DSN_MANAGER_JOBS_PLACE_WORDS_H
#define DSN_MANAGER_JOBS_PLACE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define PLACE_NONE UINT32_MAX /* no such text, or node, or agent */

struct place_word {
	char *text;    /* NULL: the number is free */
	uint32_t next; /* in its chain, or among the free ones */
	uint32_t uses;
};

struct place_words {
	const void *ctx;
	struct place_word *rows;
	uint32_t *heads; /* as many as there is room for rows, a power of two */
	uint32_t count, capacity, free, seed;
};

void place_words_init(struct place_words *w, const void *ctx, uint32_t seed);
/* PLACE_NONE for NULL, and for what is not there. */
uint32_t place_words_find(const struct place_words *w, const char *text);
/* One use more; NULL counts as "". A number is always less than w->capacity. */
uint32_t place_words_take(struct place_words *w, const char *text);
/* One use less. */
void place_words_drop(struct place_words *w, uint32_t word);

#endif
