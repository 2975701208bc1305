/* Inside of a Whisper node: shared by node.c, peer.c, admit.c, forward.c, post.c and watch.c; private to them. Threads:
 * loop thread. */
#ifndef DSN_WHISPER_NODE_IMPL_H
#define DSN_WHISPER_NODE_IMPL_H

#include "base/loop.h"
#include "base/steady.h"
#include "base/turns.h"
#include "whisper/bloom.h"
#include "whisper/filter.h"
#include "whisper/node.h"
#include "whisper/pool.h"
#include "whisper/pow.h"
#include "whisper/topic_index.h"

/* After a change of what we take, what fitted before is taken this long: it may be under way. */
#define TOLERANCE_MS 10000

/* What a node wants to get. */
struct shh_demand {
	double min_pow;
	uint8_t bloom[BLOOM_BYTES];
};

struct shh_bucket { /* of tokens: so many a second, at most a second's worth at once */
	double rate, level;
	int64_t filled_ms; /* monotonic */
};

struct shh_peer;
/* One envelope of a packet, as it came. */
typedef struct error *shh_peer_item_fn(struct shh_peer *p, const uint8_t *raw, size_t n);

struct shh_peer {
	struct shh *node;
	struct p2p_peer *link;
	bool known; /* its status has come */
	bool light, trusted;
	enum pow_rule rule; /* by which it counts */
	struct shh_demand demand;
	bool blocked;    /* its backlog is full: wait until it has drained */
	uint64_t cursor; /* number of the last envelope of the pool that was looked at for it */
	uint64_t *has;   /* numbers above the cursor that it sent us itself; ascending */
	size_t has_count;
	bool widened; /* it wants more than `before`: the pool up to the cursor is looked at once more */
	struct shh_demand before;
	struct shh_bucket envelopes, bytes;
	/* Of the packet that is worked off: what is left, and what is done with each. The packet is the link's. */
	struct rlp items;
	shh_peer_item_fn *item;
	struct turn *turn; /* NULL: no packet is, or its first slice is under way */
};

#define SHH_FUTURE_S 10 /* a sender's clock may be ahead so far */

struct shh {
	uv_loop_t *loop;
	struct shh_options options;
	struct p2p *p2p;
	struct pool *pool;
	struct filters *filters;
	struct miner *miner;
	struct turns *turns; /* of packets that are worked off in slices */
	struct shh_demand demand, tolerated;
	bool bloom_set; /* by shh_set_bloom(): not that of the filters */
	int64_t tolerated_until_ms;
	size_t max_message_bytes;
	bool light;
	struct timer *tick, *flush;
	bool flush_due;
	uint32_t expired_at; /* unix seconds */
	struct steady clock;
	struct topic_index watched;
	size_t known_peers;
	struct timer *peers_changed;
	void (*on_peers)(size_t count, void *arg);
	void *on_peers_arg;
	struct shh_counters counters;
};

/* node.c */
uint32_t shh_now(void); /* unix seconds */
/* A peer that is connected now. */
struct error *shh_find_peer(struct shh *s, const struct enode *enode, struct p2p_peer **ret_peer) MUST_CHECK;
/* Asks for topics that a filter or a watch wants. */
void shh_want_topics(struct shh *s, const uint8_t (*topics)[TOPIC_BYTES], size_t count);
bool shh_demand_takes(const struct shh_demand *d, const struct envelope *e, double pow);

/* watch.c */
void shh_watches_offer(struct shh *s, const struct envelope *e);
/* Bits of all topics that are watched. */
void shh_watches_bloom(const struct shh *s, uint8_t bloom[BLOOM_BYTES]);

/* peer.c */
extern const struct p2p_protocol shh_protocol; /* without arg */
void shh_peers_send_pow(struct shh *s);
void shh_peers_send_bloom(struct shh *s);

/* admit.c: go-ethereum's add(). *ret_refusal, with the error, says why not; a duplicate is no error. *ret_new: it is in
 * the pool now. */
struct error *shh_admit(struct shh *s, struct envelope *e, enum shh_refusal *ret_refusal, bool *ret_new) MUST_CHECK;

/* forward.c: send what is new at the end of this loop turn. */
void shh_forward_soon(struct shh *s);
void shh_forward_now(struct shh *s);
void shh_forward_to(struct shh_peer *p);
/* The pool before the cursor, for peers that want more than before. */
void shh_forward_widened(struct shh *s);
/* The peer has the pool's envelope of this number. */
void shh_peer_has(struct shh_peer *p, uint64_t number);

#endif
