#include "whisper/node.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "whisper/node_impl.h"

#define TICK_MS 1000

uint32_t shh_now(void)
{
	return (uint32_t)(clock_wall_ms() / 1000);
}

bool shh_demand_takes(const struct shh_demand *d, const struct envelope *e, double pow)
{
	return pow >= d->min_pow && bloom_contains(d->bloom, e->bloom);
}

static void set_bloom(struct shh *s, const uint8_t bloom[BLOOM_BYTES])
{
	if (!memcmp(s->demand.bloom, bloom, BLOOM_BYTES))
		return;
	s->tolerated = s->demand;
	s->tolerated_until_ms = clock_mono_ms() + TOLERANCE_MS;
	memcpy(s->demand.bloom, bloom, BLOOM_BYTES);
	shh_peers_send_bloom(s);
}

/* A light node asks only for what its filters want; a full one passes everything on. */
static void follow_filters(struct shh *s)
{
	uint8_t bloom[BLOOM_BYTES];

	if (s->bloom_set)
		return;
	if (!s->light || !filters_bloom(s->filters, bloom))
		bloom_fill(bloom);
	shh_watches_bloom(s, bloom);
	set_bloom(s, bloom);
}

/* What a clock that was set back takes for sent in the future would live for as long as it was set back, and peers with
 * a right clock part with who sends such. */
static void look_at_clock(struct shh *s, uint32_t now)
{
	int64_t jump_ms = steady_look(&s->clock, (int64_t)now * 1000, clock_mono_ms());
	size_t dropped = now + SHH_FUTURE_S < s->expired_at ? pool_drop_later(s->pool, now + SHH_FUTURE_S) : 0;

	if (jump_ms)
		log_warn(
			"whisper.clock-jumped", "by_s=%lld dropped=%zu why=%s", (long long)(jump_ms / 1000), dropped,
			log_q("envelopes are void by their time: nodes whose clocks are 10 s apart do not take each other's; keep clocks in step (NTP)"));
}

static void on_tick(void *arg)
{
	struct shh *s = arg;
	uint32_t now = shh_now();

	look_at_clock(s, now);
	if (now != s->expired_at)
		pool_expire(s->pool, now);
	s->expired_at = now;
	follow_filters(s);
	shh_forward_widened(s);
}

static void on_flush(void *arg)
{
	shh_forward_now(arg);
}

static void on_peers_changed(void *arg)
{
	struct shh *s = arg;

	if (s->on_peers)
		s->on_peers(s->known_peers, s->on_peers_arg);
}

void shh_on_peers(struct shh *s, void (*fn)(size_t count, void *arg), void *arg)
{
	s->on_peers = fn;
	s->on_peers_arg = arg;
}

size_t shh_peer_count(const struct shh *s)
{
	return s->known_peers;
}

void shh_flush(struct shh *s)
{
	shh_forward_now(s);
}

void shh_forward_soon(struct shh *s)
{
	if (s->flush_due)
		return;
	s->flush_due = true;
	timer_again(s->flush, 0, 0);
}

struct error *shh_open(const void *ctx, uv_loop_t *loop, const struct shh_options *options, struct shh **ret_shh)
{
	struct shh *s = mem_new(ctx, struct shh);
	struct p2p_protocol protocol = shh_protocol;
	struct error *e;

	s->loop = loop;
	s->options = *options;
	s->max_message_bytes = options->max_message_bytes ? options->max_message_bytes : WHISPER_MESSAGE_DEFAULT;
	s->demand.min_pow = options->min_pow < 0 ? SHH_DEFAULT_POW : options->min_pow;
	bloom_fill(s->demand.bloom);
	s->tolerated = s->demand;
	s->light = options->light;
	s->pool = pool_new(s, options->pool_bytes, options->pool_count);
	s->filters = filters_new(s, loop);
	s->miner = miner_new(s, loop, options->mining_threads);
	s->turns = turns_new(s, loop);
	s->expired_at = shh_now();
	look_at_clock(s, s->expired_at);
	s->tick = timer_start(s, loop, TICK_MS, TICK_MS, on_tick, s);
	s->flush = timer_start(s, loop, 0, 0, on_flush, s);
	s->peers_changed = timer_start(s, loop, 0, 0, on_peers_changed, s);
	s->watched.ctx = s;
	protocol.arg = s;
	e = p2p_open(s, loop, &options->p2p, &protocol, &s->p2p);
	if (e) {
		mem_free(s);
		return e;
	}
	*ret_shh = s;
	return NULL;
}

void shh_stop(struct shh *s, void (*done)(void *arg), void *arg)
{
	p2p_stop(s->p2p, done, arg);
}

struct p2p *shh_p2p(struct shh *s)
{
	return s->p2p;
}

struct filters *shh_filters(struct shh *s)
{
	return s->filters;
}

struct pool *shh_pool(struct shh *s)
{
	return s->pool;
}

double shh_min_pow(const struct shh *s)
{
	return s->demand.min_pow;
}

double shh_wanted_pow(const struct shh *s)
{
	return s->demand.min_pow > SHH_DEFAULT_POW ? s->demand.min_pow : SHH_DEFAULT_POW;
}

struct error *shh_set_min_pow(struct shh *s, double pow)
{
	if (!(pow >= 0) || isinf(pow))
		return error_new(ERROR_INVALID, "invalid PoW: %f", pow);
	s->tolerated = s->demand;
	s->tolerated_until_ms = clock_mono_ms() + TOLERANCE_MS;
	s->demand.min_pow = pow;
	shh_peers_send_pow(s);
	return NULL;
}

size_t shh_max_message(const struct shh *s)
{
	return s->max_message_bytes;
}

struct error *shh_set_max_message(struct shh *s, size_t bytes)
{
	if (bytes > WHISPER_MESSAGE_LIMIT)
		return error_new(ERROR_INVALID, "message size too large [%zu>%d]", bytes, WHISPER_MESSAGE_LIMIT);
	s->max_message_bytes = bytes;
	return NULL;
}

struct error *shh_set_bloom(struct shh *s, const uint8_t *bloom, size_t n)
{
	if (n != BLOOM_BYTES)
		return error_new(ERROR_INVALID, "invalid bloom filter size: %zu", n);
	s->bloom_set = true;
	set_bloom(s, bloom);
	return NULL;
}

void shh_want_topics(struct shh *s, const uint8_t (*topics)[TOPIC_BYTES], size_t count)
{
	uint8_t bloom[BLOOM_BYTES];

	memcpy(bloom, s->demand.bloom, BLOOM_BYTES);
	for (size_t i = 0; i < count; i++)
		bloom_add(bloom, topics[i]);
	if (s->bloom_set)
		set_bloom(s, bloom);
}

struct filter *shh_add_filter(struct shh *s, const struct filter_options *options)
{
	shh_want_topics(s, options->topics, options->topic_count);
	return filter_add(s->filters, options);
}

void shh_set_light(struct shh *s, bool light)
{
	s->light = light;
	follow_filters(s);
}

struct error *shh_find_peer(struct shh *s, const struct enode *enode, struct p2p_peer **ret_peer)
{
	struct p2p_peer *peer = p2p_find_peer(s->p2p, enode->public);
	struct error *e;
	uint8_t id[32];
	char *hex;

	if (peer) {
		*ret_peer = peer;
		return NULL;
	}
	enode_id(enode->public, id);
	hex = hex_encode(NULL, id, sizeof(id));
	e = error_new(ERROR_NOT_FOUND, "could not find peer with ID: %s", hex);
	mem_free(hex);
	return e;
}

struct error *shh_trust_peer(struct shh *s, const char *text)
{
	struct enode enode;
	struct p2p_peer *link = NULL;

	TRY(enode_parse(text, &enode));
	TRY(shh_find_peer(s, &enode, &link));
	((struct shh_peer *)p2p_state(link))->trusted = true;
	return NULL;
}

const char *shh_refusal_name(enum shh_refusal r)
{
	static const char *const names[SHH_REFUSALS] = {
		[SHH_FUTURE] = "future",
		[SHH_OLD] = "old",
		[SHH_HUGE] = "huge",
		[SHH_LOW_POW] = "low_pow",
		[SHH_NOT_IN_BLOOM] = "not_in_bloom",
		[SHH_RATE] = "rate",
		[SHH_MALFORMED] = "malformed",
		[SHH_POOL_FULL] = "pool_full",
	};

	return names[r];
}

void shh_count(const struct shh *s, struct shh_counters *ret_counters)
{
	*ret_counters = s->counters;
}
