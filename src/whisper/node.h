/* A Whisper node: peers of shh/6, the pool, filters, keys of the moment, mining and posting.
 *
 * Forwarding follows events: an envelope that was accepted goes out to every peer that wants it (its PoW under the rule
 * its client counts by, its bloom) at the end of the present loop turn; bundles are split below SHH_BUNDLE bytes; a
 * peer that reads slowly is skipped until it has drained, then gets what it missed and still lives. Peers are limited
 * in envelopes and bytes per second; what is over that is dropped and counted, not punished. Inbound leniency:
 * envelopes from the future, too old, with too little work or against our bloom are dropped and counted, their sender
 * is kept. Threads: loop thread.
 */
#ifndef DSN_WHISPER_NODE_H
#define DSN_WHISPER_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "devp2p/server.h"
#include "whisper/filter.h"
#include "whisper/pow.h"

#define SHH_BUNDLE (256 * 1024) /* bytes of a Messages packet we send, at most, unless one envelope is larger */
#define SHH_VERSION_TEXT "6.0"
#define SHH_DEFAULT_TTL 50 /* seconds */
#define SHH_DEFAULT_POW 0.2

struct shh;

struct shh_options {
	struct p2p_options p2p;
	double min_pow;           /* < 0: SHH_DEFAULT_POW */
	size_t max_message_bytes; /* 0: 1 MiB */
	bool light;
	enum pow_rule mining_rule;     /* for what is posted here */
	enum pow_rule unknown_rule;    /* by which a peer counts whose client name tells nothing */
	unsigned mining_threads;       /* 0: all cores */
	size_t pool_bytes, pool_count; /* 0: the pool's own */
	unsigned peer_envelopes_per_s; /* 0: no limit */
	size_t peer_bytes_per_s;       /* 0: no limit */
};

struct error *shh_open(const void *ctx, uv_loop_t *loop, const struct shh_options *options,
		       struct shh **ret_shh) MUST_CHECK;
void shh_stop(struct shh *s, void (*done)(void *arg), void *arg);
struct p2p *shh_p2p(struct shh *s);
struct filters *shh_filters(struct shh *s);

struct shh_post {
	const uint8_t *sym_key, *public; /* one of these, or neither with `data` */
	const struct secp_key *sign;
	uint8_t topic[TOPIC_BYTES];
	uint32_t ttl; /* seconds; 0: SHH_DEFAULT_TTL */
	const uint8_t *payload;
	size_t payload_bytes;
	const uint8_t *padding; /* NULL: random */
	size_t padding_bytes;
	const uint8_t *data; /* sealed already, to be taken as it is: nothing of the above but topic and ttl counts */
	size_t data_bytes;
	double pow_target;       /* 0: no mining; < 0: the best within pow_time */
	uint32_t pow_time;       /* seconds */
	const char *target_peer; /* enode: sent to this peer directly, or NULL */
};
/* The envelope's hash, or why not. Error texts are go-ethereum's, since clients know them. */
typedef void shh_posted_fn(struct error *e, const uint8_t hash[ENVELOPE_HASH_BYTES], void *arg);
struct shh_posting;
/* Seals and mines on workers. All is copied. The posting belongs to ctx; freeing it gives it up. */
struct shh_posting *shh_post(struct shh *s, const void *ctx, const struct shh_post *post, shh_posted_fn *done,
			     void *arg);
/* Sends what is new at once, not at the end of the loop turn: for a process about to end. */
void shh_flush(struct shh *s);
/* Takes an envelope as if it was posted here (it is made already): the checks of go-ethereum's add(). */
struct error *shh_submit(struct shh *s, struct envelope *e) MUST_CHECK;

/* Raw envelopes of some topics, unopened: those of the pool first (at the next turn of the loop), then each as it is
 * accepted, also what is posted here. A bloom filter that was set, and a light node's, grows by the topics. `fn` only
 * takes what it needs: it must free neither node nor watches. Topics are copied; the watch belongs to ctx and must go
 * before the node. */
struct shh_watch;
typedef void shh_watch_fn(const struct envelope *e, void *arg);
struct shh_watch *shh_watch(struct shh *s, const void *ctx, const uint8_t (*topics)[TOPIC_BYTES], size_t count,
			    shh_watch_fn *fn, void *arg);
/* Peers with which statuses were exchanged. */
size_t shh_peer_count(const struct shh *s);
/* Called at the next turn of the loop after that number has changed. NULL: no more. It may free the node. */
void shh_on_peers(struct shh *s, void (*fn)(size_t count, void *arg), void *arg);

double shh_min_pow(const struct shh *s);
/* What to mine for when nobody says: what this node takes, SHH_DEFAULT_POW at least. */
double shh_wanted_pow(const struct shh *s);
struct error *shh_set_min_pow(struct shh *s, double pow) MUST_CHECK;
size_t shh_max_message(const struct shh *s);
struct error *shh_set_max_message(struct shh *s, size_t bytes) MUST_CHECK;
/* Adds a filter to shh_filters(), and its topics to a bloom filter that was set, so that peers send what it wants. */
struct filter *shh_add_filter(struct shh *s, const struct filter_options *options);
struct error *shh_set_bloom(struct shh *s, const uint8_t *bloom, size_t n) MUST_CHECK;
void shh_set_light(struct shh *s, bool light);
struct error *shh_trust_peer(struct shh *s, const char *enode) MUST_CHECK;
struct pool *shh_pool(struct shh *s);

enum shh_refusal {
	SHH_FUTURE,
	SHH_OLD,
	SHH_HUGE,
	SHH_LOW_POW,
	SHH_NOT_IN_BLOOM,
	SHH_RATE,
	SHH_MALFORMED,
	SHH_POOL_FULL,
	SHH_REFUSALS
};
const char *shh_refusal_name(enum shh_refusal r); /* "future", "old", ... for metrics */
struct shh_counters {
	uint64_t received, accepted, duplicates, sent, posted, direct_in, direct_out;
	uint64_t refused[SHH_REFUSALS];
	uint64_t mined, mining_failed, mining_us; /* us: in all */
	uint64_t skipped_slow;                    /* times a peer's backlog was full */
};
void shh_count(const struct shh *s, struct shh_counters *ret_counters);

#endif
