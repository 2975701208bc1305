#include "whisper/packet.h"

#include <math.h>
#include <string.h>

#include "whisper/bloom.h"

/* Doubles travel as integers of their IEEE-754 bits. */
static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static struct error *pow_of_bits(uint64_t bits, double *ret_pow)
{
	double pow;

	memcpy(&pow, &bits, sizeof pow);
	if (!isfinite(pow))
		return error_new(ERROR_INVALID, "PoW requirement is %s", isnan(pow) ? "not a number" : "infinite");
	if (signbit(pow))
		return error_new(ERROR_INVALID, "PoW requirement is negative");
	*ret_pow = pow;
	return NULL;
}

void packet_status_write(struct rlp_writer *w, const struct shh_status *s)
{
	rlp_list_begin(w);
	rlp_write_u64(w, s->version);
	pow_requirement_write(w, s->min_pow);
	if (bloom_is_full(s->bloom))
		rlp_write_bytes(w, NULL, 0);
	else
		bloom_write(w, s->bloom);
	rlp_write_bool(w, s->light);
	rlp_list_end(w);
}

/* An optional item that does not fit its type stands for itself and what follows it: taken as missing. */
static bool missing(struct error *e)
{
	bool failed = e != NULL;

	error_free(e);
	return failed;
}

static struct error *status_read_options(struct rlp *items, struct shh_status *s)
{
	const uint8_t *bloom;
	size_t bloom_bytes;
	uint64_t bits;

	if (missing(rlp_read_u64(items, &bits)))
		return NULL;
	TRY(pow_of_bits(bits, &s->min_pow));
	if (missing(rlp_read_bytes(items, &bloom, &bloom_bytes)))
		return NULL;
	if (bloom_bytes == BLOOM_BYTES)
		memcpy(s->bloom, bloom, BLOOM_BYTES);
	else if (bloom_bytes != 0)
		return error_new(ERROR_INVALID, "status's bloom filter has %zu bytes", bloom_bytes);
	if (missing(rlp_read_bool(items, &s->light)))
		s->light = false;
	return NULL;
}

struct error *packet_status_read(const uint8_t *payload, size_t n, struct shh_status *ret_status)
{
	struct rlp whole = rlp_of(payload, n), items;
	struct shh_status s = {0};
	struct error *e;

	bloom_fill(s.bloom);
	e = rlp_read_list(&whole, &items);
	if (!e)
		e = rlp_read_u64(&items, &s.version);
	if (e)
		return error_wrap(e, "status");
	if (s.version != SHH_VERSION)
		return error_new(ERROR_INVALID, "status of version %llu: we speak %d", (unsigned long long)s.version,
				 SHH_VERSION);
	TRY(status_read_options(&items, &s));
	*ret_status = s;
	return NULL;
}

void pow_requirement_write(struct rlp_writer *w, double pow)
{
	rlp_write_u64(w, bits_of(pow));
}

struct error *pow_requirement_read(const uint8_t *payload, size_t n, double *ret_pow)
{
	struct rlp whole = rlp_of(payload, n);
	struct error *e;
	uint64_t bits;

	e = rlp_read_u64(&whole, &bits);
	return e ? error_wrap(e, "PoW requirement") : pow_of_bits(bits, ret_pow);
}

void bloom_write(struct rlp_writer *w, const uint8_t bloom[BLOOM_BYTES])
{
	rlp_write_bytes(w, bloom, BLOOM_BYTES);
}

struct error *bloom_read(const uint8_t *payload, size_t n, uint8_t ret_bloom[BLOOM_BYTES])
{
	struct rlp whole = rlp_of(payload, n);
	struct error *e = rlp_read_fixed(&whole, ret_bloom, BLOOM_BYTES);

	return e ? error_wrap(e, "bloom filter") : NULL;
}

struct error *messages_read(const uint8_t *payload, size_t n, struct rlp *ret_envelopes)
{
	struct rlp whole = rlp_of(payload, n), items;

	TRY(rlp_read_list(&whole, &items));
	*ret_envelopes = items;
	return NULL;
}

struct error *packet_direct_read(const uint8_t *payload, size_t n, struct rlp *ret_envelopes)
{
	struct rlp whole = rlp_of(payload, n), items;
	const uint8_t *envelope;
	size_t envelope_bytes;

	TRY(rlp_read_list(&whole, &items));
	if (rlp_at_end(&items) || rlp_next_is_list(&items))
		return messages_read(payload, n, ret_envelopes);
	/* An envelope begins with a number. */
	whole = rlp_of(payload, n);
	TRY(rlp_read_raw(&whole, &envelope, &envelope_bytes));
	*ret_envelopes = rlp_of(envelope, envelope_bytes);
	return NULL;
}
