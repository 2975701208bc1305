/* Posting: seal, mine, and into the pool or straight to one peer. The texts of refusals are go-ethereum's (v1.9.20
 * whisper/whisperv6/api.go), since clients know them. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "whisper/node_impl.h"
#include "whisper/packet.h"

/* Smaller payloads are sealed at once (about 0.1 ms), larger ones on a worker. */
#define SEAL_HERE 16384
/* A nonce for both rules costs the product of both works: at most so many bits in all. */
#define BOTH_BITS_MAX 24

/* What a worker needs, in a context of its own. */
struct seal {
	struct payload_to to;
	uint8_t sym_key[SYM_KEY_BYTES], public[SECP_PUBLIC_BYTES];
	struct secp_key sign;
	uint8_t *payload, *padding;
	size_t payload_bytes;
	uint8_t *data;
	size_t data_bytes;
	struct error *error;
	struct shh_posting *posting;
};

struct shh_posting {
	struct shh *node;
	struct seal *seal;
	uint8_t topic[TOPIC_BYTES];
	uint32_t ttl, expiry, pow_time;
	double pow_target;
	char *target_peer; /* enode, or NULL */
	bool both;         /* being mined for both rules */
	uint8_t *data;
	size_t data_bytes;
	shh_posted_fn *done;
	void *arg;
};

static int seal_destroy(struct seal *seal)
{
	secret_wipe(seal->sym_key, sizeof(seal->sym_key));
	secret_wipe(&seal->sign, sizeof(seal->sign));
	error_free(seal->error);
	return 0;
}

static struct seal *seal_new(const struct shh_post *post)
{
	struct seal *seal = mem_new(NULL, struct seal);

	talloc_set_destructor(seal, seal_destroy);
	if (post->data) {
		seal->data = mem_memdup(seal, post->data, post->data_bytes);
		seal->data_bytes = post->data_bytes;
		return seal;
	}
	if (post->sym_key) {
		memcpy(seal->sym_key, post->sym_key, SYM_KEY_BYTES);
		seal->to.sym_key = seal->sym_key;
	} else {
		memcpy(seal->public, post->public, SECP_PUBLIC_BYTES);
		seal->to.public = seal->public;
	}
	if (post->sign) {
		seal->sign = *post->sign;
		seal->to.sign = &seal->sign;
	}
	seal->payload = mem_memdup(seal, post->payload, post->payload_bytes);
	seal->payload_bytes = post->payload_bytes;
	if (post->padding) {
		seal->padding = mem_memdup(seal, post->padding, post->padding_bytes);
		seal->to.padding = seal->padding;
		seal->to.padding_bytes = post->padding_bytes;
	}
	return seal;
}

static void finish(struct shh_posting *p, struct error *e, const uint8_t *hash)
{
	p->done(e, hash, p->arg);
	mem_free(p);
}

static struct error *send_direct(struct shh_posting *p, const struct envelope *e)
{
	struct enode target;
	struct p2p_peer *peer;
	struct error *err = enode_parse(p->target_peer, &target);

	if (err)
		return error_wrap(err, "failed to parse target peer");
	TRY(shh_find_peer(p->node, &target, &peer));
	TRY(p2p_send(peer, SHH_DIRECT, e->raw, e->raw_bytes));
	p->node->counters.direct_out++;
	return NULL;
}

static void complete(struct shh_posting *p, uint64_t nonce)
{
	struct shh *s = p->node;
	struct envelope *envelope = envelope_new(p->expiry, p->ttl, p->topic, p->data, p->data_bytes, nonce);
	uint8_t hash[ENVELOPE_HASH_BYTES];
	struct error *e;

	memcpy(hash, envelope->hash, sizeof(hash));
	if (p->target_peer)
		e = send_direct(p, envelope);
	else if (p->pow_target < s->demand.min_pow)
		e = error_new(ERROR_REFUSED, "message rejected, PoW too low");
	else if (envelope->expiry < shh_now())
		e = error_new(ERROR_REFUSED, "failed to add envelope");
	else
		e = shh_submit(s, envelope);
	envelope_unref(envelope);
	if (!e)
		s->counters.posted++;
	finish(p, e, e ? NULL : hash);
}

static void mine(struct shh_posting *p, bool both);

/* Sealing adds to what a client gave, so only now it is known whether there can be such an envelope at all; and that
 * before it is mined. A limit of this node's below it is shh_submit()'s affair, in go-ethereum's order of checks. */
static struct error *check_size(const struct shh_posting *p)
{
	if (p->data_bytes + ENVELOPE_OVERHEAD <= WHISPER_MESSAGE_LIMIT)
		return NULL;
	return error_new(ERROR_LIMIT, "huge messages are not allowed: %zu bytes sealed, at most %d",
			 p->data_bytes + ENVELOPE_OVERHEAD, WHISPER_MESSAGE_LIMIT);
}

static void on_mined(struct error *e, uint64_t nonce, int64_t took_us, void *arg)
{
	struct shh_posting *p = arg;
	struct shh *s = p->node;

	s->counters.mining_us += (uint64_t)took_us;
	if (!e) {
		s->counters.mined++;
		complete(p, nonce);
		return;
	}
	if (p->both) {
		error_free(e);
		mine(p, false);
		return;
	}
	s->counters.mining_failed++;
	error_free(e);
	finish(p,
	       error_new(ERROR_TIMEOUT,
			 "failed to reach the PoW target, specified pow time (%u seconds) was insufficient",
			 p->pow_time),
	       NULL);
}

/* Is a peer there that counts by the other rule? */
static bool peers_differ(const struct shh *s)
{
	for (struct p2p_peer *link = p2p_next_peer(s->p2p, NULL); link; link = p2p_next_peer(s->p2p, link)) {
		if (((struct shh_peer *)p2p_state(link))->rule != s->options.mining_rule)
			return true;
	}
	return false;
}

static unsigned target_bits(const struct shh_posting *p)
{
	size_t short_bytes;
	uint8_t *short_rlp;

	if (p->pow_target < 0)
		return 0;
	short_rlp = pow_short(p, p->expiry, p->ttl, p->topic, p->data, p->data_bytes, &short_bytes);
	mem_free(short_rlp);
	return pow_target_bits(p->pow_target, short_bytes, p->data_bytes, p->ttl);
}

/* `both` may take half of the time; then one rule must do. */
static void mine(struct shh_posting *p, bool both)
{
	struct shh *s = p->node;
	int64_t time_ms = (int64_t)p->pow_time * 1000;
	struct pow_request request = {
		.rule = s->options.mining_rule,
		.target_bits = target_bits(p),
		.expiry = p->expiry,
		.ttl = p->ttl,
		.data = p->data,
		.data_bytes = p->data_bytes,
	};

	memcpy(request.topic, p->topic, TOPIC_BYTES);
	p->both = both && request.target_bits && 2 * request.target_bits <= BOTH_BITS_MAX && peers_differ(s);
	request.both = p->both;
	request.deadline_ms = p->both ? time_ms / 2 : time_ms;
	miner_start(s->miner, p, &request, on_mined, p);
}

static void run_seal(void *arg)
{
	struct seal *seal = arg;

	seal->error = payload_seal(seal, &seal->to, seal->payload, seal->payload_bytes, &seal->data, &seal->data_bytes);
}

static void on_sealed(void *arg)
{
	struct seal *seal = arg;
	struct shh_posting *p = seal->posting;
	struct error *e = seal->error;

	if (e) {
		seal->error = NULL;
		finish(p, e, NULL);
		return;
	}
	/* Of wrapping, as go-ethereum does it: what is mined for its whole time lives that much longer. */
	p->expiry = shh_now() + p->ttl + (p->pow_target < 0 ? p->pow_time : 0);
	p->data = mem_memdup(p, seal->data, seal->data_bytes);
	p->data_bytes = seal->data_bytes;
	e = check_size(p);
	if (e)
		finish(p, e, NULL);
	else if (p->pow_target == 0)
		complete(p, 0);
	else
		mine(p, true);
}

static void drop_seal(void *arg)
{
	mem_free(arg);
}

/* Everything ends here asynchronously, small payloads too: `done` never comes from inside shh_post(). */
static void on_begin(void *arg)
{
	struct shh_posting *p = arg;
	struct seal *seal = p->seal;

	p->seal = NULL;
	if (seal->payload_bytes > SEAL_HERE) {
		work_start(p, p->node->loop, run_seal, on_sealed, drop_seal, seal);
		return;
	}
	if (!seal->data)
		run_seal(seal);
	on_sealed(seal);
	mem_free(seal);
}

static int posting_destroy(struct shh_posting *p)
{
	mem_free(p->seal);
	return 0;
}

struct shh_posting *shh_post(struct shh *s, const void *ctx, const struct shh_post *post, shh_posted_fn *done,
			     void *arg)
{
	struct shh_posting *p = mem_new(ctx, struct shh_posting);

	p->node = s;
	p->seal = seal_new(post);
	p->seal->posting = p;
	talloc_set_destructor(p, posting_destroy);
	memcpy(p->topic, post->topic, TOPIC_BYTES);
	p->ttl = post->ttl ? post->ttl : SHH_DEFAULT_TTL;
	p->pow_time = post->pow_time;
	p->pow_target = post->pow_target;
	p->target_peer = post->target_peer ? mem_strdup(p, post->target_peer) : NULL;
	p->done = done;
	p->arg = arg;
	timer_start(p, s->loop, 0, 0, on_begin, p);
	return p;
}
