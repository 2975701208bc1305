/* Messages kept for a filter until they are fetched: each envelope once, the oldest give way. Threads: loop thread. */
#ifndef DSN_WHISPER_FILTER_QUEUE_H
#define DSN_WHISPER_FILTER_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "whisper/message.h"

struct filter_queue;
struct filter_queue *filter_queue_new(const void *ctx, size_t count_limit, size_t byte_limit);
/* Takes a reference; nothing when the envelope's message is there already. Returns how many gave way. */
size_t filter_queue_add(struct filter_queue *k, struct whisper_message *m);
/* All of them, in the order of arrival; the array belongs to ctx and lets go of them when it is freed. */
struct whisper_message **filter_queue_take(struct filter_queue *k, const void *ctx, size_t *ret_count);

#endif
