/* The beginning of a stream, kept until it is known whether sound comes with it: what a publication carries has to be
 * known before its first frame is placed. Bounded by time, number and bytes. */
#ifndef DSN_RELAY_WAITING_H
#define DSN_RELAY_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/tag.h"

/* Receivers look for tracks during the first half second of a stream; sound comes well within that, or later. */
#define WAITING_MS 300
#define WAITING_TAGS 256
#define WAITING_BYTES (8u << 20)

struct waiting_tag {
	struct tag tag; /* its bytes are the queue's */
	int64_t now_ms; /* monotonic: when it came */
};

struct waiting {
	struct waiting_tag *tags;
	size_t count, capacity, bytes;
};

/* Keep a copy; `ctx` owns it. */
void waiting_add(const void *ctx, struct waiting *w, const struct tag *t, int64_t now_ms);
/* Has it been waited long enough? */
bool waiting_over(const struct waiting *w);
void waiting_free(struct waiting *w);

#endif
