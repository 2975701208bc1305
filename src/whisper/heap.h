/* A binary heap with the least key on top, of items that are members of what they stand for. Threads: one. */
#ifndef DSN_WHISPER_HEAP_H
#define DSN_WHISPER_HEAP_H

#include <stddef.h>

struct heap_item {
	double key;
	void *value;
	size_t at; /* the heap's own */
};

struct heap {
	struct heap_item **items; /* talloc child of ctx */
	size_t count, capacity;
	const void *ctx;
};

void heap_init(struct heap *h, const void *ctx);
/* The value with the least key, the first of equals not being any particular one; NULL when empty. */
void *heap_top(const struct heap *h);
void heap_add(struct heap *h, struct heap_item *item, double key, void *value);
/* From anywhere in the heap. */
void heap_remove(struct heap *h, struct heap_item *item);

#endif
