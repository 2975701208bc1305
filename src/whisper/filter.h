/* Filters: who on this node wants which messages, and the messages kept for those that poll.
 *
 * An envelope is tried on the filters of its topic and then on those without topics; each distinct key is tried once,
 * the first that opens it yields the message, and every filter with that key gets it. Opening (ECDH, AES) runs on
 * worker threads, only when there are keys to try; messages come in the order of arrival. An envelope that finds the
 * workers idle is opened at once, those that come meanwhile go together in batches.
 *
 * Bounds: envelopes that wait for a worker (FILTER_WAITING, FILTER_WAITING_BYTES), messages kept for a filter; the
 * oldest go first and are counted. Threads: loop thread.
 */
#ifndef DSN_WHISPER_FILTER_H
#define DSN_WHISPER_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "crypto/secp.h"
#include "whisper/envelope.h"
#include "whisper/message.h"
#include "whisper/payload.h"

#define FILTER_WAITING 16384 /* envelopes */
#define FILTER_WAITING_BYTES (32 * 1024 * 1024)
#define FILTER_KEPT 4096 /* messages of a filter */
#define FILTER_KEPT_BYTES (16 * 1024 * 1024)

struct filters;
struct filter;

struct filter_options {
	const uint8_t *sym_key; /* exactly one of these two, copied */
	const struct secp_key *key;
	const uint8_t *from; /* signer's public key that is asked for; NULL: anybody, also unsigned */
	const uint8_t (*topics)[TOPIC_BYTES];
	size_t topic_count; /* 0: all topics */
	double min_pow;     /* under either rule */
	bool allow_direct;  /* also what trusted peers send directly */
	/* Called for each message instead of keeping it; NULL: kept for filter_take(). It may add and remove filters
	 * and even free all of them. The message is the callee's only with whisper_message_ref(). */
	void (*message)(struct whisper_message *m, void *arg);
	void *arg;
	size_t kept_limit, kept_bytes; /* 0: FILTER_KEPT, FILTER_KEPT_BYTES */
};

struct filters *filters_new(const void *ctx, uv_loop_t *loop);
/* Sees what is offered from now on. Belongs to the filters; freed with filter_remove(). */
struct filter *filter_add(struct filters *fs, const struct filter_options *options);
/* Its callback is not called any more, whatever is under way. */
void filter_remove(struct filter *f);
/* Messages since the last call, each envelope once, in the order of arrival: an array that belongs to ctx and lets go
 * of the messages when it is freed. */
struct whisper_message **filter_take(struct filter *f, const void *ctx, size_t *ret_count);
/* Try an envelope on all filters. `direct`: sent by a trusted peer directly. */
void filters_offer(struct filters *fs, struct envelope *e, bool direct);
/* Bloom of all filters' topics; false: a filter has none, so everything is wanted. */
bool filters_bloom(const struct filters *fs, uint8_t ret_bloom[BLOOM_BYTES]);

struct filter_counters {
	uint64_t tried;   /* envelopes on which a worker tried keys */
	uint64_t trials;  /* keys tried on them */
	uint64_t opened;  /* envelopes */
	uint64_t dropped; /* envelopes that waited too long for a worker, messages that were not fetched */
	size_t waiting;   /* envelopes that wait for a worker */
};
void filters_count(const struct filters *fs, struct filter_counters *ret_counters);

#endif
