#include "whisper/envelope.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/keccak.h"
#include "rlp/rlp.h"
#include "whisper/bloom.h"
#include "whisper/pow.h"

struct box {
	atomic_uint count;
	struct envelope envelope;
	uint8_t raw[];
};

/* The elements, with data pointing into the encoding that was read. */
struct parts {
	uint32_t expiry, ttl;
	uint8_t topic[TOPIC_BYTES];
	const uint8_t *data;
	size_t data_bytes;
	uint64_t nonce;
};

static struct error *in(struct error *e, const char *element)
{
	return e ? error_wrap(e, "envelope's %s", element) : NULL;
}

static struct error *parts_read(const uint8_t *raw, size_t n, struct parts *ret_parts)
{
	struct rlp whole = rlp_of(raw, n), items;
	struct parts p = {.data = raw};

	TRY(in(rlp_read_list(&whole, &items), "list"));
	TRY(rlp_end(&whole, "envelope"));
	TRY(in(rlp_read_u32(&items, &p.expiry), "expiry"));
	TRY(in(rlp_read_u32(&items, &p.ttl), "ttl"));
	if (p.ttl == 0)
		return error_new(ERROR_INVALID, "envelope's ttl is 0");
	TRY(in(rlp_read_fixed(&items, p.topic, sizeof p.topic), "topic"));
	TRY(in(rlp_read_bytes(&items, &p.data, &p.data_bytes), "data"));
	TRY(in(rlp_read_u64(&items, &p.nonce), "nonce"));
	TRY(rlp_end(&items, "envelope's list"));
	if (p.data_bytes + ENVELOPE_OVERHEAD > WHISPER_MESSAGE_LIMIT)
		return error_new(ERROR_LIMIT, "envelope of %zu bytes: at most %d", p.data_bytes + ENVELOPE_OVERHEAD,
				 WHISPER_MESSAGE_LIMIT);
	*ret_parts = p;
	return NULL;
}

static void count_pow(struct envelope *e)
{
	uint8_t *short_rlp = pow_short(NULL, e->expiry, e->ttl, e->topic, e->data, e->data_bytes, &e->short_bytes);
	unsigned bits[POW_RULES];

	pow_bits_all(short_rlp, e->short_bytes, e->nonce, bits);
	for (enum pow_rule rule = 0; rule < POW_RULES; rule++) {
		e->bits[rule] = (uint16_t)bits[rule];
		e->pow[rule] = envelope_pow(e, rule, e->ttl);
	}
	mem_free(short_rlp);
}

static struct envelope *make(const struct parts *p, const uint8_t *raw, size_t n,
			     const uint8_t hash[ENVELOPE_HASH_BYTES])
{
	struct box *box = malloc(sizeof *box + n);
	struct envelope *e;

	if (!box)
		abort();
	e = &box->envelope;
	atomic_init(&box->count, 1);
	memcpy(box->raw, raw, n);
	*e = (struct envelope){
		.expiry = p->expiry,
		.ttl = p->ttl,
		.data = box->raw + (p->data - raw),
		.data_bytes = p->data_bytes,
		.nonce = p->nonce,
		.raw = box->raw,
		.raw_bytes = n,
	};
	memcpy(e->topic, p->topic, sizeof e->topic);
	memcpy(e->hash, hash, sizeof e->hash);
	bloom_of_topic(e->topic, e->bloom);
	count_pow(e);
	return e;
}

struct error *envelope_read_hashed(const uint8_t *raw, size_t n, const uint8_t hash[ENVELOPE_HASH_BYTES],
				   struct envelope **ret_envelope)
{
	struct parts p = {.data = raw};

	TRY(parts_read(raw, n, &p));
	*ret_envelope = make(&p, raw, n, hash);
	return NULL;
}

struct error *envelope_read(const uint8_t *raw, size_t n, struct envelope **ret_envelope)
{
	struct parts p = {.data = raw};
	uint8_t hash[ENVELOPE_HASH_BYTES];

	TRY(parts_read(raw, n, &p));
	keccak256(raw, n, hash);
	*ret_envelope = make(&p, raw, n, hash);
	return NULL;
}

struct envelope *envelope_new(uint32_t expiry, uint32_t ttl, const uint8_t topic[TOPIC_BYTES], const uint8_t *data,
			      size_t data_bytes, uint64_t nonce)
{
	struct envelope *e = NULL;
	struct error *error;
	struct rlp_writer w;

	assert(ttl > 0);
	rlp_writer_init(&w, NULL);
	rlp_list_begin(&w);
	rlp_write_u64(&w, expiry);
	rlp_write_u64(&w, ttl);
	rlp_write_bytes(&w, topic, TOPIC_BYTES);
	rlp_write_bytes(&w, data, data_bytes);
	rlp_write_u64(&w, nonce);
	rlp_list_end(&w);
	error = envelope_read(w.data, w.len, &e);
	assert(!error); /* only data over WHISPER_MESSAGE_LIMIT, which is the caller's to check */
	mem_free(w.data);
	return e;
}

static struct box *box_of(struct envelope *e)
{
	return (struct box *)((char *)e - offsetof(struct box, envelope));
}

struct envelope *envelope_ref(struct envelope *e)
{
	atomic_fetch_add_explicit(&box_of(e)->count, 1, memory_order_relaxed);
	return e;
}

void envelope_unref(struct envelope *e)
{
	/* The last one must see what all others did before they let go. */
	if (e && atomic_fetch_sub_explicit(&box_of(e)->count, 1, memory_order_acq_rel) == 1)
		free(box_of(e));
}

uint32_t envelope_sent(const struct envelope *e)
{
	return e->expiry - e->ttl;
}

size_t envelope_size(const struct envelope *e)
{
	return ENVELOPE_OVERHEAD + e->data_bytes;
}

double envelope_pow(const struct envelope *e, enum pow_rule rule, uint32_t ttl)
{
	return pow_value(rule, e->bits[rule], e->short_bytes, e->data_bytes, ttl);
}

double envelope_worth(const struct envelope *e)
{
	return e->pow[POW_EIP627] > e->pow[POW_LEGACY] ? e->pow[POW_EIP627] : e->pow[POW_LEGACY];
}
