/* Opening envelopes on worker threads, for filter.c: in batches, results in the order of arrival.
 *
 * At most two batches run; an envelope that finds a worker free starts at once. Threads: loop thread.
 */
#ifndef DSN_WHISPER_OPENING_H
#define DSN_WHISPER_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "whisper/message.h"

/* A key that filters share: each distinct one is there once. Counted on the loop thread, wiped at the end; workers only
 * read it, and a batch holds a reference of its keys. */
struct opening_key {
	unsigned count;
	uint64_t mark; /* filter.c's: by which offer it was seen last */
	bool symmetric;
	uint8_t sym_key[SYM_KEY_BYTES];
	struct secp_key key;
};
/* One of the two. */
struct opening_key *opening_key_new(const uint8_t *sym_key, const struct secp_key *key);
bool opening_key_is(const struct opening_key *k, const uint8_t *sym_key, const struct secp_key *key);
struct opening_key *opening_key_ref(struct opening_key *k);
void opening_key_unref(struct opening_key *k);
/* Could it open this, going by form alone? */
bool opening_key_fits(const struct opening_key *k, const struct envelope *e);

struct opening;
struct opening_result {
	struct whisper_message *message;
	const struct opening_key *by; /* the key that opened it */
	bool direct;
	uint64_t stamp;
};
/* For each that was opened; may free the queue. */
typedef void opened_fn(const struct opening_result *r, void *arg);

struct opening_queue;
struct opening_queue *opening_queue_new(const void *ctx, uv_loop_t *loop, size_t count_limit, size_t byte_limit,
					opened_fn *opened, void *arg);
/* The keys are tried one after the other. `direct` and `stamp` come back with the result. */
void opening_queue_add(struct opening_queue *q, struct envelope *e, struct opening_key *const *keys, size_t key_count,
		       bool direct, uint64_t stamp);

struct opening_counters {
	uint64_t tried, trials, opened, dropped;
	size_t waiting;
};
void opening_queue_count(const struct opening_queue *q, struct opening_counters *ret_counters);

#endif
