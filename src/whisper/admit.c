/* Which envelopes a node takes: the checks of go-ethereum v1.9.20's Whisper.add(), in its order, behind the check for
 * duplicates. */
#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "whisper/node_impl.h"

#define OLD_S 20 /* expired longer than this is worth telling; less happens on the way */

static struct error *refuse(const struct envelope *e, enum shh_refusal why, const char *what,
			    enum shh_refusal *ret_refusal)
{
	char *hash = hex_encode(NULL, e->hash, sizeof(e->hash));
	struct error *err = error_new(ERROR_REFUSED, "%s [%s]", what, hash);

	mem_free(hash);
	*ret_refusal = why;
	return err;
}

/* The better of both rules: a sender cannot know by which we count. */
static double best_pow(const struct envelope *e, uint32_t ttl)
{
	double a = envelope_pow(e, POW_EIP627, ttl), b = envelope_pow(e, POW_LEGACY, ttl);

	return a > b ? a : b;
}

static struct error *check_time(const struct envelope *e, uint32_t now, enum shh_refusal *ret_refusal)
{
	uint32_t sent = envelope_sent(e);

	if (sent > now && sent - now > SHH_FUTURE_S)
		return refuse(e, SHH_FUTURE, "envelope created in the future", ret_refusal);
	if (e->expiry < now)
		return refuse(e, SHH_OLD, now - e->expiry > OLD_S ? "very old message" : "expired message",
			      ret_refusal);
	return NULL;
}

struct error *shh_admit(struct shh *s, struct envelope *e, enum shh_refusal *ret_refusal, bool *ret_new)
{
	uint32_t now = shh_now(), sent = envelope_sent(e), ttl = e->ttl;
	bool tolerant = clock_mono_ms() < s->tolerated_until_ms;
	struct error *err;
	double pow;

	*ret_new = false;
	if (pool_find(s->pool, e->hash)) {
		s->counters.duplicates++;
		return NULL;
	}
	err = check_time(e, now, ret_refusal);
	if (err)
		goto refused;
	if (sent > now)
		ttl += sent - now + 1;
	if (envelope_size(e) > s->max_message_bytes) {
		err = refuse(e, SHH_HUGE, "huge messages are not allowed", ret_refusal);
		goto refused;
	}
	pow = best_pow(e, ttl);
	if (pow < s->demand.min_pow && !(tolerant && pow >= s->tolerated.min_pow)) {
		err = refuse(e, SHH_LOW_POW, "envelope with low PoW received", ret_refusal);
		goto refused;
	}
	if (!bloom_contains(s->demand.bloom, e->bloom) && !(tolerant && bloom_contains(s->tolerated.bloom, e->bloom))) {
		err = refuse(e, SHH_NOT_IN_BLOOM, "envelope does not match bloom filter", ret_refusal);
		goto refused;
	}
	if (!pool_add(s->pool, e)) {
		err = refuse(e, SHH_POOL_FULL, "the pool is full of envelopes with more work", ret_refusal);
		goto refused;
	}
	s->counters.accepted++;
	*ret_new = true;
	filters_offer(s->filters, e, false);
	shh_forward_soon(s);
	shh_watches_offer(s, e);
	return NULL;
refused:
	s->counters.refused[*ret_refusal]++;
	return err;
}

struct error *shh_submit(struct shh *s, struct envelope *e)
{
	enum shh_refusal why;
	bool is_new;

	return shh_admit(s, e, &why, &is_new);
}
