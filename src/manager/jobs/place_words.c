#include "manager/jobs/place_words.h"

#include <string.h>

#include "base/fnv.h"
#include "base/mem.h"

#define FIRST 64

static uint32_t *head_of(const struct place_words *w, const char *text)
{
	return &w->heads[fnv32(FNV32_BASIS ^ w->seed, text, strlen(text)) & (w->capacity - 1)];
}

/* Twice the room; every text finds its chain anew. */
static void grow(struct place_words *w)
{
	uint32_t capacity = w->capacity ? 2 * w->capacity : FIRST;

	w->rows = mem_resize(w->ctx, w->rows, struct place_word, capacity);
	w->heads = mem_resize(w->ctx, w->heads, uint32_t, capacity);
	w->capacity = capacity;
	memset(w->heads, 0xff, capacity * sizeof(*w->heads));
	for (uint32_t i = 0; i < w->count; i++) {
		uint32_t *head;

		/* Rows are full when it grows: none is among the free ones. */
		head = head_of(w, w->rows[i].text);
		w->rows[i].next = *head;
		*head = i;
	}
}

void place_words_init(struct place_words *w, const void *ctx, uint32_t seed)
{
	*w = (struct place_words){.ctx = ctx, .free = PLACE_NONE, .seed = seed};
	grow(w);
}

uint32_t place_words_find(const struct place_words *w, const char *text)
{
	uint32_t at = text ? *head_of(w, text) : PLACE_NONE;

	while (at != PLACE_NONE && strcmp(w->rows[at].text, text) != 0)
		at = w->rows[at].next;
	return at;
}

uint32_t place_words_take(struct place_words *w, const char *text)
{
	const char *known = text ? text : "";
	uint32_t at = place_words_find(w, known), *head;

	if (at != PLACE_NONE) {
		w->rows[at].uses++;
		return at;
	}
	if (w->free != PLACE_NONE) {
		at = w->free;
		w->free = w->rows[at].next;
	} else {
		if (w->count == w->capacity)
			grow(w);
		at = w->count++;
	}
	head = head_of(w, known);
	w->rows[at] = (struct place_word){.text = mem_strdup(w->ctx, known), .next = *head, .uses = 1};
	*head = at;
	return at;
}

void place_words_drop(struct place_words *w, uint32_t word)
{
	struct place_word *row = &w->rows[word];
	uint32_t *link;

	if (--row->uses > 0)
		return;
	link = head_of(w, row->text);
	while (*link != word)
		link = &w->rows[*link].next;
	*link = row->next;
	mem_free(row->text);
	*row = (struct place_word){.next = w->free};
	w->free = word;
}
