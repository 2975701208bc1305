/* Filters: who on this node wants which messages, and the messages kept for those that poll.
 *
 * An envelope is tried on the filters of its topic and on those without topics; each distinct key is tried once, the
 * first that opens it yields the message. Bounds: `kept_limit` messages and bytes kept per filter; the oldest go first
 * and are counted. Opening (ECDH, AES) runs on worker threads when there are keys to try, in the order of arrival.
 * Threads: loop thread.
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
#include "whisper/payload.h"

/* A message that was opened; counted, never changed. */
struct whisper_message {
	struct envelope *envelope;
	struct payload payload;
	bool symmetric;
	uint8_t recipient[SECP_PUBLIC_BYTES]; /* asymmetric: whose key opened it */
};
struct whisper_message *whisper_message_ref(struct whisper_message *m);
void whisper_message_unref(struct whisper_message *m);

struct filters;
struct filter;

struct filter_options {
	const uint8_t *sym_key; /* exactly one of these two, copied */
	const struct secp_key *key;
	const uint8_t *from; /* signer's public key that is asked for; NULL: anybody */
	const uint8_t (*topics)[TOPIC_BYTES];
	size_t topic_count; /* 0: all topics */
	double min_pow;
	bool allow_direct; /* also what trusted peers send directly */
	/* Called for each message instead of keeping it; NULL: kept for filter_take(). */
	void (*message)(struct whisper_message *m, void *arg);
	void *arg;
};

struct filters *filters_new(const void *ctx, uv_loop_t *loop);
/* Belongs to the filters; freed with filter_remove(). */
struct filter *filter_add(struct filters *fs, const struct filter_options *options);
void filter_remove(struct filter *f);
/* Messages since the last call, in the order of arrival; an array of counted references that belongs to ctx. */
struct whisper_message **filter_take(struct filter *f, const void *ctx, size_t *ret_count);
/* Try an envelope on all filters. `direct`: sent by a trusted peer directly. */
void filters_offer(struct filters *fs, struct envelope *e, bool direct);
/* Bloom of all filters' topics; false: a filter has none, so everything is wanted. */
bool filters_bloom(const struct filters *fs, uint8_t ret_bloom[BLOOM_BYTES]);

struct filter_counters {
	uint64_t tried, opened, dropped;
	size_t waiting; /* envelopes that wait for a worker */
};
void filters_count(const struct filters *fs, struct filter_counters *ret_counters);

#endif
