/* Raw transactions to the nodes' pools: for the first time, again, and with a higher fee. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "chain/sender_impl.h"

#define SENDING 600        /* raw transactions under way */
#define STUCK_BLOCKS 3     /* that went by without it */
#define RAISE_EACH_MS 2000 /* at most so often, also when a node says it is too cheap */
#define HEAL 64            /* transactions sent again after a deep reorganisation, in one round */

static void send_due(struct sender *s);

/* --- raising --- */

static bool is_stuck(const struct sender *s, const struct sender_flight *f, int64_t now_ms)
{
	if (f->mined || f->attempts >= ATTEMPTS_OWN || f->call || f->nonce < s->count)
		return false;
	if (f->underpriced)
		return now_ms - f->signed_ms >= RAISE_EACH_MS;
	/* Only what would be next: those behind it wait for it, not for a higher fee. */
	return f->nonce == s->count && f->sent_ms && now_ms - f->signed_ms >= s->config.stuck_ms &&
	       s->head.number >= f->signed_head + STUCK_BLOCKS;
}

static struct error *store_raised(struct sender *s, struct sender_flight *f, const void *scratch)
{
	uint8_t account[ETH_ADDRESS_BYTES];
	struct fee fee = {U256_ZERO, U256_ZERO};
	struct txbox_attempt a = {0};
	struct tx tx = {0};

	TRY(fee_raise(&s->market, &f->fee, s->config.highest_fee, &fee));
	TRY(tx_read(f->raw, f->n, &tx, account));
	TRY(sender_check_cost(s, &fee, tx.gas));
	/* Of the kind that the chain takes now: what it said of that at first may have been false. */
	tx.kind = s->head.has_base_fee ? TX_EIP1559 : TX_LEGACY;
	tx.gas_price = tx.max_fee = fee.price;
	tx.max_priority_fee = fee.tip;
	TRY(sender_store_attempt(s, f->seq, &tx, &fee, f->cancels[f->attempts - 1], scratch, &a));
	log_info("sender.raised", "nonce=%" PRIu64 " attempt=%zu", f->nonce, f->attempts + 1);
	sender_take_attempt(f, &a, &fee);
	return NULL;
}

static struct error *raise_fee(struct sender *s, struct sender_flight *f)
{
	void *scratch = talloc_new(NULL);
	struct error *e = store_raised(s, f, scratch);

	mem_free(scratch);
	return e;
}

/* --- sending --- */

/* why: NULL when it took it. */
static void answered(struct sender_flight *f, char *why)
{
	mem_free(f->why);
	f->why = why;
	f->sent_ms = clock_mono_ms();
	f->generation = rpc_generation(f->sender->config.rpc);
}

static void refused_by_node(struct sender_flight *f, const struct rpc_reply *reply)
{
	struct sender *s = f->sender;

	switch (verdict_of(reply->words)) {
	case VERDICT_KNOWN:
	case VERDICT_NONCE_USED: /* its receipt, or that there is none, will tell */
		answered(f, NULL);
		return;
	case VERDICT_UNDERPRICED:
		f->underpriced = true;
		break;
	case VERDICT_FUNDS:
	case VERDICT_LATER:
		break;
	}
	answered(f, mem_printf(f, "nonce %" PRIu64 ": %s", f->nonce, reply->error->message));
	sender_set_trouble(s, f->why);
}

static void on_sent(const struct rpc_reply *reply, void *arg)
{
	const struct json_place at = {NULL, "eth_sendRawTransaction", 0};
	struct sender_flight *f = arg;
	struct sender *s = f->sender;
	uint8_t hash[TX_HASH_BYTES];

	f->call = NULL;
	s->sending--;
	if (reply->error && reply->error->code == ERROR_FAILED) {
		refused_by_node(f, reply);
	} else if (reply->error) {
		sender_well(s, error_copy(reply->error));
		timer_again(s->timer, s->config.poll_ms, 0);
		return; /* the next round sends it again */
	} else {
		answered(f, NULL);
		if (sender_well(s, rpc_read_fixed(reply->result, &at, hash, sizeof(hash))) &&
		    memcmp(hash, f->hashes[f->attempts - 1], sizeof(hash)) != 0)
			sender_set_trouble(s, "a node names another hash for a transaction than it has");
	}
	send_due(s);
}

static json_t *raw_params(const uint8_t *raw, size_t n)
{
	char *digits = hex_encode(NULL, raw, n);
	json_t *params = json_pack("[o]", json_sprintf("0x%s", digits));

	mem_free(digits);
	return params;
}

static bool is_due(const struct sender *s, const struct sender_flight *f, int64_t now_ms)
{
	if (f->mined || f->call || f->nonce < s->count)
		return false;
	return !f->sent_ms || f->generation != rpc_generation(s->config.rpc) ||
	       now_ms - f->sent_ms >= s->config.resend_ms;
}

static void send_due(struct sender *s)
{
	int64_t now_ms = clock_mono_ms();

	if (!s->claimed)
		return;
	for (size_t i = 0; i < s->flight_count && s->sending < SENDING; i++) {
		struct sender_flight *f = s->flights[i];

		if (!is_due(s, f, now_ms))
			continue;
		s->sending++;
		f->call = rpc_call(s->config.rpc, f, "eth_sendRawTransaction", raw_params(f->raw, f->n), on_sent, f);
	}
}

/* --- after a reorganisation deeper than the confirmations --- */

struct healing {
	struct sender *sender;
	bool found;
};

static void on_healed(const struct rpc_reply *reply, void *arg)
{
	(void)reply;
	(void)arg;
}

static struct error *on_lost(const struct txbox_attempt *a, void *arg)
{
	struct healing *h = arg;

	h->found = true;
	rpc_call(h->sender->config.rpc, h->sender, "eth_sendRawTransaction", raw_params(a->raw, a->n), on_healed, NULL);
	return NULL;
}

/* The chain has forgotten what was final; its signed bytes can still be carried out, once. */
void sender_resend_reorged(struct sender *s)
{
	uint64_t first = s->flight_count > 0 ? s->flights[0]->nonce : 0, nonce = s->count;

	for (size_t n = 0; nonce < first && n < HEAL; nonce++, n++) {
		struct healing h = {s, false};

		if (!sender_well(s, txbox_attempts_of_nonce(s->config.db, s->account, nonce, on_lost, &h)))
			return;
		if (h.found)
			log_warn("sender.deep-reorganisation", "nonce=%" PRIu64 " block=%" PRIu64, nonce,
				 s->head.number);
	}
}

/* A round begins without trouble, but what a node has refused is sent again only after a while; and what is in its pool
 * may stay there. */
static void tell_why(struct sender *s, const struct sender_flight *next, int64_t now_ms)
{
	if (next->why) {
		sender_set_trouble(s, next->why);
	} else if (next->sent_ms && now_ms - next->signed_ms >= s->config.stuck_ms &&
		   now_ms - s->head_ms >= s->config.stuck_ms) {
		char *why = mem_printf(NULL, "the chain makes no blocks: the latest is still %" PRIu64, s->head.number);

		sender_set_trouble(s, why);
		mem_free(why);
	}
}

void sender_send(struct sender *s)
{
	int64_t now_ms = clock_mono_ms();
	size_t next = sender_used(s);

	for (size_t i = 0; i < s->flight_count; i++) {
		if (is_stuck(s, s->flights[i], now_ms))
			sender_well(s, raise_fee(s, s->flights[i]));
	}
	send_due(s);
	if (!s->trouble && next < s->flight_count)
		tell_why(s, s->flights[next], now_ms);
}
