/* What the user wants of a signed intention that does not move: again for more, nothing in its place, or the nonces
 * before it used. All of it at nonces that were given already, or that nothing else of ours has: whatever the chain
 * says, no intention gets a second one. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "chain/sender_impl.h"

#define CANCEL_GAS 21000

static struct error *order(struct sender *s, const char *id, enum sender_order what, uint64_t gas)
{
	struct txbox_record *r = NULL;
	int64_t seq;

	TRY(txbox_get(NULL, s->config.db, id, &r));
	seq = r->seq;
	mem_free(r);
	for (size_t i = 0; i < s->flight_count; i++) {
		struct sender_flight *f = s->flights[i];

		if (f->seq != seq)
			continue;
		if (what != ORDER_FILL && f->attempts == ATTEMPTS)
			return error_new(ERROR_LIMIT, "nonce %" PRIu64 " was signed %d times, which is all", f->nonce,
					 ATTEMPTS);
		f->order = what;
		f->gas = gas;
		timer_again(s->timer, 0, 0);
		return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "nothing signed waits under the id \"%.80s\"", id);
}

struct error *sender_replace(struct sender *s, const char *id, uint64_t gas)
{
	return order(s, id, ORDER_REPLACE, gas);
}

struct error *sender_cancel(struct sender *s, const char *id)
{
	return order(s, id, ORDER_CANCEL, CANCEL_GAS);
}

struct error *sender_fill(struct sender *s, const char *id)
{
	return order(s, id, ORDER_FILL, 0);
}

bool sender_ordered(const struct sender *s)
{
	for (size_t i = 0; i < s->flight_count; i++) {
		const struct sender_flight *f = s->flights[i];

		if (f->order != ORDER_NONE || (f->ordered && !f->sent_ms && f->nonce >= s->count))
			return true;
	}
	return false;
}

/* 0 wei to oneself. */
static struct tx nothing(const struct sender *s, uint64_t nonce)
{
	struct tx tx = {.kind = s->head.has_base_fee ? TX_EIP1559 : TX_LEGACY,
			.chain_id = rpc_chain_id(s->config.rpc),
			.nonce = nonce,
			.gas = CANCEL_GAS};

	memcpy(tx.to, s->account, sizeof(tx.to));
	return tx;
}

static void set_fee(struct tx *tx, const struct fee *fee)
{
	tx->gas_price = tx->max_fee = fee->price;
	tx->max_priority_fee = fee->tip;
}

/* --- again, or nothing --- */

/* The intention itself, of the newest form that carries it out. */
static struct error *intended(const struct sender *s, const struct sender_flight *f, const void *ctx, struct tx *ret_tx)
{
	struct txbox_record *r = NULL;
	struct tx tx = nothing(s, f->nonce);

	TRY(txbox_get_seq(ctx, s->config.db, f->seq, &r));
	tx.creates = r->intent.creates;
	memcpy(tx.to, r->intent.to, sizeof(tx.to));
	tx.value = r->intent.value;
	tx.data = r->intent.data;
	tx.n = r->intent.n;
	tx.gas = f->gas;
	*ret_tx = tx;
	return NULL;
}

static struct error *sign_again(struct sender *s, struct sender_flight *f, const void *scratch)
{
	bool cancels = f->order == ORDER_CANCEL;
	struct fee fee = {U256_ZERO, U256_ZERO};
	struct txbox_attempt a = {0};
	struct tx tx = nothing(s, f->nonce);

	if (!cancels)
		TRY(intended(s, f, scratch, &tx));
	TRY(fee_raise(&s->market, &f->fee, s->config.highest_fee, &fee));
	TRY(sender_check_cost(s, &fee, tx.gas));
	set_fee(&tx, &fee);
	TRY(sender_store_attempt(s, f->seq, &tx, &fee, cancels, scratch, &a));
	log_info("sender.ordered", "nonce=%" PRIu64 " attempt=%zu cancels=%d", f->nonce, f->attempts + 1, cancels);
	sender_take_attempt(f, &a, &fee);
	return NULL;
}

/* --- filling --- */

static struct error *put_fill(struct sender *s, const struct tx *tx, const char *id, int64_t *ret_seq)
{
	struct txbox_intent intent = {.id = id, .data = (const uint8_t *)"", .gas = CANCEL_GAS};
	struct txbox_record *r = NULL;

	memcpy(intent.to, s->account, sizeof(intent.to));
	TRY(txbox_put(s->config.db, s->account, &intent));
	TRY(txbox_get(NULL, s->config.db, id, &r));
	*ret_seq = r->seq;
	mem_free(r);
	return txbox_set_signed(s->config.db, *ret_seq, tx->nonce);
}

static struct error *store_fill(struct sender *s, const struct tx *tx, const struct fee *fee, const void *scratch,
				int64_t *ret_seq, struct txbox_attempt *ret_attempt)
{
	char *account = hex_encode(scratch, s->account, sizeof(s->account));
	char *id = mem_printf(scratch, FILL "%s:%" PRIu64, account, tx->nonce);
	struct error *e;

	TRY(db_begin(s->config.db));
	e = put_fill(s, tx, id, ret_seq);
	if (!e)
		e = sender_store_attempt(s, *ret_seq, tx, fee, false, scratch, ret_attempt);
	if (!e)
		e = db_commit(s->config.db);
	if (e)
		db_rollback(s->config.db);
	return e;
}

static struct error *fill_one(struct sender *s, uint64_t nonce, const struct fee *fee, const void *scratch)
{
	struct tx tx = nothing(s, nonce);
	struct txbox_attempt a = {0};
	struct sender_flight *f;
	int64_t seq = 0;
	bool has = false;

	TRY(txbox_has_nonce(s->config.db, s->account, nonce, &has));
	if (has)
		return NULL;
	set_fee(&tx, fee);
	TRY(store_fill(s, &tx, fee, scratch, &seq, &a));
	f = sender_add_flight(s, seq, nonce);
	f->fills = true;
	sender_take_attempt(f, &a, fee);
	return NULL;
}

static struct error *fill(struct sender *s, const struct sender_flight *f, const void *scratch)
{
	struct fee fee = {U256_ZERO, U256_ZERO};
	uint64_t nonce = f->nonce;

	if (f->nonce > s->count && f->nonce - s->count > TXBOX_REACH)
		return error_new(ERROR_LIMIT,
				 "the chain waits for nonce %" PRIu64 ", nonce %" PRIu64
				 " is too far behind it to be reached: at most %d are filled",
				 s->count, f->nonce, TXBOX_REACH);
	TRY(fee_choose(&s->market, s->config.highest_fee, &fee));
	TRY(sender_check_cost(s, &fee, CANCEL_GAS));
	for (uint64_t n = s->count; n < nonce; n++)
		TRY(fill_one(s, n, &fee, scratch));
	return NULL;
}

/* --- carrying out --- */

static struct error *obey(struct sender *s, struct sender_flight *f, const void *scratch)
{
	return f->order == ORDER_FILL ? fill(s, f, scratch) : sign_again(s, f, scratch);
}

void sender_carry_out_orders(struct sender *s)
{
	if (!s->claimed)
		return;
	/* A flight that is added on the way has no order. */
	for (size_t i = 0; i < s->flight_count; i++) {
		struct sender_flight *f = s->flights[i];
		void *scratch;

		if (f->order == ORDER_NONE || f->call)
			continue;
		scratch = talloc_new(NULL);
		if (sender_well(s, obey(s, f, scratch))) {
			f->order = ORDER_NONE;
			f->ordered = true;
		}
		mem_free(scratch);
	}
}
