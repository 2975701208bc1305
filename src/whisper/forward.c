/* Forwarding: what is new in the pool goes to each peer that wants it, in bundles, at the end of the loop turn. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "whisper/node_impl.h"
#include "whisper/packet.h"

#define HAS_MAX 65536 /* forgetting some only sends them once more */
#define LIST_HEAD 4   /* bytes before the envelopes of a packet, at most */

void shh_peer_has(struct shh_peer *p, uint64_t number)
{
	size_t i = p->has_count;

	if (number <= p->cursor)
		return;
	if (p->has_count == HAS_MAX) {
		p->has_count /= 2;
		memmove(p->has, p->has + p->has_count, p->has_count * sizeof(*p->has));
		i = p->has_count;
	}
	if ((p->has_count & (p->has_count - 1)) == 0) /* a power of two is full */
		p->has = mem_resize(p, p->has, uint64_t, p->has_count ? p->has_count * 2 : 1);
	for (; i > 0 && p->has[i - 1] >= number; i--) {
		if (p->has[i - 1] == number)
			return;
	}
	memmove(p->has + i + 1, p->has + i, (p->has_count - i) * sizeof(*p->has));
	p->has[i] = number;
	p->has_count++;
}

/* The peer's cursor has come to `number`: forget what lies before. */
static void pass(struct shh_peer *p, uint64_t number)
{
	size_t gone = 0;

	p->cursor = number;
	while (gone < p->has_count && p->has[gone] <= number)
		gone++;
	p->has_count -= gone;
	if (p->has_count == 0) {
		mem_free(p->has);
		p->has = NULL;
	} else if (gone) {
		memmove(p->has, p->has + gone, p->has_count * sizeof(*p->has));
	}
}

static bool sent_us(const struct shh_peer *p, uint64_t number)
{
	size_t low = 0, high = p->has_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->has[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->has_count && p->has[low] == number;
}

struct bundle {
	struct rlp_writer rlp;
	size_t count;
};

static void bundle_begin(struct bundle *b, const void *ctx)
{
	rlp_writer_init(&b->rlp, ctx);
	rlp_list_begin(&b->rlp);
	b->count = 0;
}

/* False: the peer must drain first, nothing of the bundle was sent. */
static bool bundle_send(struct shh_peer *p, struct bundle *b)
{
	struct error *e;

	if (b->count == 0)
		return true;
	rlp_list_end(&b->rlp);
	e = p2p_send(p->link, SHH_MESSAGES, b->rlp.data, b->rlp.len);
	if (e) {
		p->blocked = true;
		p->node->counters.skipped_slow++;
		error_free(e);
		return false;
	}
	p->node->counters.sent += b->count;
	return true;
}

/* The limit is for an envelope, but go-ethereum holds the packet around it to the same, and parts from who sends more.
 * Nobody tells his limit; that of who raised his is taken to be ours. */
static bool fits(const struct shh *s, const struct envelope *e)
{
	size_t limit = s->max_message_bytes > WHISPER_MESSAGE_DEFAULT ? s->max_message_bytes : WHISPER_MESSAGE_DEFAULT;

	return e->raw_bytes + LIST_HEAD <= limit;
}

static bool wants(const struct shh_peer *p, const struct shh_demand *d, const struct envelope *e)
{
	return fits(p->node, e) && shh_demand_takes(d, e, e->pow[p->rule]);
}

/* Send what lies after *cursor, up to `last`, and is wanted; *cursor stays before what could not be sent. */
static void send_range(struct shh_peer *p, uint64_t *cursor, uint64_t last, const struct shh_demand *except)
{
	void *tmp = mem_strdup(NULL, "");
	uint64_t number = *cursor, sent = *cursor;
	const struct pool *pool = p->node->pool;
	const struct envelope *e;
	struct bundle b;

	bundle_begin(&b, tmp);
	while ((e = pool_next(pool, &number)) && number <= last) {
		if (!wants(p, &p->demand, e) || sent_us(p, number) || (except && wants(p, except, e)))
			continue;
		if (b.count > 0 && b.rlp.len + e->raw_bytes > SHH_BUNDLE) {
			if (!bundle_send(p, &b))
				goto out;
			sent = number - 1;
			mem_free(b.rlp.data);
			bundle_begin(&b, tmp);
		}
		rlp_write_raw(&b.rlp, e->raw, e->raw_bytes);
		b.count++;
	}
	if (bundle_send(p, &b))
		sent = last;
out:
	*cursor = sent;
	mem_free(tmp);
}

void shh_forward_to(struct shh_peer *p)
{
	uint64_t newest = pool_newest(p->node->pool), cursor = p->cursor;

	if (!p->known || p->blocked || cursor == newest)
		return;
	send_range(p, &cursor, newest, NULL);
	pass(p, cursor);
}

void shh_forward_now(struct shh *s)
{
	s->flush_due = false;
	for (struct p2p_peer *link = p2p_next_peer(s->p2p, NULL); link; link = p2p_next_peer(s->p2p, link))
		shh_forward_to(p2p_state(link));
}

void shh_forward_widened(struct shh *s)
{
	for (struct p2p_peer *link = p2p_next_peer(s->p2p, NULL); link; link = p2p_next_peer(s->p2p, link)) {
		struct shh_peer *p = p2p_state(link);
		uint64_t from = 0;

		if (!p->widened || p->blocked)
			continue;
		p->widened = false;
		send_range(p, &from, p->cursor, &p->before);
		p->widened = p->blocked; /* begin again once it has drained: at worst something is sent twice */
	}
}
