/* From wanted to signed: gas, fee, nonce; stored before anything is sent. In the order in which they were put: one that
 * cannot be signed yet holds up those behind it, so that no nonce is ever left out. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/amount.h"
#include "chain/sender_impl.h"

#define AT_ONCE 1024 /* signed in one transaction of the database */
#define ESTIMATES 64 /* asked for at once */

struct candidate {
	struct txbox_record *record;
	uint64_t gas;
	bool asked;
	size_t call;
};

struct signing {
	struct sender *sender;
	struct fee fee;
	struct candidate candidates[AT_ONCE];
	size_t count;
	bool unmined; /* something was under way when the estimates were asked for */
};

/* What stands between a candidate and its signature. */
struct obstacle {
	bool final; /* it will never be signed */
	char *why;
	const uint8_t *revert;
	size_t revert_n;
};

static struct error *on_wanted(struct txbox_record *r, void *arg)
{
	struct signing *g = arg;

	g->candidates[g->count++] = (struct candidate){.record = talloc_steal(g, r)};
	return NULL;
}

static bool any_unmined(const struct sender *s)
{
	for (size_t i = 0; i < s->flight_count; i++) {
		if (!s->flights[i]->mined)
			return true;
	}
	return false;
}

/* Did the contract refuse it, or could the node not tell? */
static bool is_revert(const struct rpc_reply *reply)
{
	return reply->revert || (reply->words && strstr(reply->words, "revert"));
}

/* The gas with the margin. */
static uint64_t with_margin(const struct sender *s, uint64_t estimate)
{
	uint64_t gas = estimate + estimate * s->config.gas_margin_percent / 100;

	/* The margin must not make it too large for a block. */
	return gas > s->head.gas_limit && estimate <= s->head.gas_limit ? s->head.gas_limit : gas;
}

static bool estimated(struct sender *s, const struct signing *signing, struct candidate *c, const struct gather *g,
		      struct obstacle *o)
{
	const struct json_place at = {NULL, "eth_estimateGas", 0};
	const struct rpc_reply *reply = gather_at(g, c->call);
	uint64_t gas = 0;
	struct error *e;

	if (reply->error) {
		/* One that is under way may be what it needs, or was when the node made the estimate. */
		o->final = is_revert(reply) && !signing->unmined;
		o->why = mem_printf(c->record, "intention \"%s\": %s", c->record->intent.id, reply->error->message);
		o->revert = reply->revert;
		o->revert_n = reply->revert_n;
		return false;
	}
	e = rpc_read_quantity(reply->result, &at, &gas);
	if (e || gas > SENDER_GAS_MOST) {
		o->why = mem_strdup(c->record, e ? e->message : "eth_estimateGas: out of range");
		error_free(e);
		return false;
	}
	c->gas = with_margin(s, gas);
	return true;
}

/* --- what was estimated before --- */

struct sender_estimate *sender_known(struct sender *s, const char *id)
{
	for (size_t i = 0; i < s->known_count; i++) {
		if (strcmp(s->known[i].id, id) == 0)
			return &s->known[i];
	}
	return NULL;
}

/* With the margin; 0: none, or too old. */
static uint64_t known_gas(struct sender *s, const char *id)
{
	const struct sender_estimate *known = sender_known(s, id);

	return known && clock_mono_ms() < known->end_ms ? with_margin(s, known->gas) : 0;
}

static void forget_known(struct sender *s, const char *id)
{
	struct sender_estimate *known = sender_known(s, id);

	if (!known)
		return;
	mem_free(known->id);
	*known = s->known[--s->known_count];
}

static struct tx tx_of(const struct sender *s, const struct signing *g, const struct candidate *c)
{
	const struct txbox_intent *in = &c->record->intent;
	struct tx tx = {.kind = s->head.has_base_fee ? TX_EIP1559 : TX_LEGACY,
			.chain_id = rpc_chain_id(s->config.rpc),
			.gas = c->gas,
			.gas_price = g->fee.price,
			.max_fee = g->fee.price,
			.max_priority_fee = g->fee.tip,
			.creates = in->creates,
			.value = in->value,
			.data = in->data,
			.n = in->n};

	memcpy(tx.to, in->to, sizeof(tx.to));
	return tx;
}

/* With its gas known. */
static bool possible(const struct sender *s, const struct signing *g, const struct candidate *c, struct obstacle *o)
{
	const struct tx tx = tx_of(s, g, c);
	uint64_t least = tx_intrinsic_gas(&tx);

	if (c->gas < least)
		o->why = mem_printf(c->record, "%" PRIu64 " gas is too little, it takes %" PRIu64 " at least", c->gas,
				    least);
	else if (c->gas > s->head.gas_limit)
		o->why = mem_printf(c->record, "%" PRIu64 " gas is more than a block has, %" PRIu64, c->gas,
				    s->head.gas_limit);
	/* An estimate that cannot be is the node's mistake; it will be asked again. */
	o->final = o->why && c->record->intent.gas;
	if (!o->why) {
		struct error *e = sender_check_cost(s, &g->fee, c->gas);

		o->why = e ? mem_strdup(c->record, e->message) : NULL;
		error_free(e);
	}
	return !o->why;
}

/* --- signing --- */

struct error *sender_check_cost(const struct sender *s, const struct fee *fee, uint64_t gas)
{
	struct u256 cost = U256_ZERO;
	struct error *e;
	char *asked, *limit;

	TRY(u256_mul(fee->price, u256_of(gas), &cost));
	if (u256_cmp(cost, s->config.highest_cost) <= 0)
		return NULL;
	asked = amount_words(NULL, cost);
	limit = amount_words(NULL, s->config.highest_cost);
	e = error_new(ERROR_LIMIT, "its fees could come to %s, over the limit of %s for a transaction", asked, limit);
	mem_free(asked);
	mem_free(limit);
	return e;
}

struct error *sender_store_attempt(struct sender *s, int64_t seq, const struct tx *tx, const struct fee *fee,
				   bool cancels, const void *ctx, struct txbox_attempt *ret_attempt)
{
	struct txbox_attempt a = {
		.price = fee->price, .tip = fee->tip, .signed_ms = clock_wall_ms(), .cancels = cancels};

	a.raw = tx_sign(ctx, tx, &s->key, &a.n, a.hash);
	TRY(txbox_add_attempt(s->config.db, seq, &a));
	*ret_attempt = a;
	return NULL;
}

void sender_take_attempt(struct sender_flight *f, const struct txbox_attempt *attempt, const struct fee *fee)
{
	f->cancels[f->attempts] = attempt->cancels;
	memcpy(f->hashes[f->attempts++], attempt->hash, TX_HASH_BYTES);
	mem_free(f->raw);
	f->raw = talloc_steal(f, (uint8_t *)attempt->raw);
	f->n = attempt->n;
	f->fee = *fee;
	f->signed_ms = clock_mono_ms();
	f->signed_head = f->sender->head.number;
	f->sent_ms = 0;
	f->underpriced = false;
}

static struct error *store_signed(struct sender *s, struct signing *g, size_t ready, uint64_t nonce,
				  struct txbox_attempt *attempts)
{
	for (size_t i = 0; i < ready; i++) {
		struct tx tx = tx_of(s, g, &g->candidates[i]);
		int64_t seq = g->candidates[i].record->seq;

		tx.nonce = nonce + i;
		TRY(txbox_set_signed(s->config.db, seq, tx.nonce));
		TRY(sender_store_attempt(s, seq, &tx, &g->fee, false, g, &attempts[i]));
	}
	return NULL;
}

/* From behind the last that was ever signed here. That others were used, with the same key by another program, an
 * endpoint may say; it has to show the transaction. */
static struct error *choose_nonce(struct sender *s, uint64_t *ret_nonce)
{
	uint64_t next = 0;
	enum sender_proof_state proof;

	s->unproved = false;
	TRY(txbox_next_nonce(s->config.db, s->account, &next));
	if (next < s->config.first_nonce)
		next = s->config.first_nonce;
	*ret_nonce = s->count > next ? s->count : next;
	if (s->count <= next || s->config.believe_count)
		return NULL;
	proof = sender_prove(s, s->count - 1);
	if (proof == PROOF_FOUND)
		return NULL;
	s->unproved = proof == PROOF_MISSING;
	return error_new(ERROR_REFUSED,
			 "the endpoint counts %" PRIu64 " transactions of the account, %" PRIu64
			 " are known here, and the one with nonce %" PRIu64
			 " was not shown (%s): the count may be false, nothing is signed",
			 s->count, next, s->count - 1, s->unproved ? s->proof.why : "it is being looked for");
}

static struct error *sign_ready(struct sender *s, struct signing *g, size_t ready)
{
	struct txbox_attempt *attempts = mem_array(g, struct txbox_attempt, ready);
	uint64_t nonce = 0;
	struct error *e;

	TRY(choose_nonce(s, &nonce));
	TRY(db_begin(s->config.db));
	e = store_signed(s, g, ready, nonce, attempts);
	if (!e)
		e = db_commit(s->config.db);
	if (e) {
		db_rollback(s->config.db);
		return error_wrap(e, "nothing was signed");
	}
	for (size_t i = 0; i < ready; i++) {
		const struct txbox_record *r = g->candidates[i].record;
		struct sender_flight *f = sender_add_flight(s, r->seq, nonce + i);

		forget_known(s, r->intent.id);
		f->creates = r->intent.creates;
		sender_take_attempt(f, &attempts[i], &g->fee);
	}
	return NULL;
}

static void refuse(struct sender *s, const struct candidate *c, const struct obstacle *o)
{
	log_warn("sender.refused", "intention=%s why=%s", log_q(c->record->intent.id), log_q(o->why));
	if (sender_well(s, txbox_set_refused(s->config.db, c->record->seq, o->why, o->revert, o->revert_n)))
		sender_notify(s, c->record->intent.id);
}

/* True when something was signed or refused. */
static bool sign_all(struct sender *s, struct signing *g, const struct gather *estimates)
{
	struct obstacle o = {0};
	size_t ready = 0;

	for (; ready < g->count; ready++) {
		struct candidate *c = &g->candidates[ready];

		if ((c->asked && !estimated(s, g, c, estimates, &o)) || !possible(s, g, c, &o)) {
			forget_known(s, c->record->intent.id); /* it may be at fault */
			break;
		}
	}
	if (ready < g->count)
		s->more = true;
	if (ready > 0 && sender_well(s, sign_ready(s, g, ready)))
		return true;
	s->more = true;
	if (ready == 0 && o.final) {
		refuse(s, &g->candidates[0], &o);
		return true;
	}
	if (ready == 0 && o.why && !any_unmined(s))
		sender_set_trouble(s, o.why);
	return false;
}

/* The rest at once; without progress the next round is early enough. */
static void go_on(struct sender *s, bool progress)
{
	if (progress && s->more && s->flight_count - sender_used(s) < s->config.window)
		sender_look(s);
}

static void on_estimates(struct gather *estimates, void *arg)
{
	struct signing *g = arg;
	struct sender *s = g->sender;

	bool progress = false;

	s->estimates = NULL;
	if (gather_failure(estimates)) {
		sender_well(s, error_copy(gather_failure(estimates)));
		s->more = true;
	} else {
		progress = sign_all(s, g, estimates);
	}
	mem_free(g);
	sender_carry_on(s);
	go_on(s, progress);
}

static void ask_estimate(struct sender *s, struct candidate *c)
{
	const struct txbox_intent *in = &c->record->intent;
	char from[ADDRESS_TEXT_BYTES], to[ADDRESS_TEXT_BYTES];
	char *value = u256_quantity(NULL, in->value), *data = hex_encode(NULL, in->data, in->n);
	json_t *call;

	eth_address_text(s->account, from);
	call = json_pack("{s:s,s:s,s:o}", "from", from, "value", value, "data", json_sprintf("0x%s", data));
	if (!in->creates) {
		eth_address_text(in->to, to);
		json_object_set_new(call, "to", json_string(to));
	}
	c->asked = true;
	c->call = gather_add(s->estimates, "eth_estimateGas", json_pack("[o]", call));
	mem_free(value);
	mem_free(data);
}

/* Asks for what is needed, or signs at once. */
static void prepare(struct sender *s, struct signing *g)
{
	size_t asked = 0;
	bool progress;

	g->unmined = any_unmined(s);
	s->estimates = gather_new(s, s->config.rpc, on_estimates, g);
	for (size_t i = 0; i < g->count; i++) {
		struct candidate *c = &g->candidates[i];

		c->gas = c->record->intent.gas ? c->record->intent.gas : known_gas(s, c->record->intent.id);
		if (c->gas)
			continue;
		if (asked++ == ESTIMATES) {
			g->count = i;
			s->more = true;
			break;
		}
		ask_estimate(s, c);
	}
	if (asked) {
		gather_run(s->estimates);
		return;
	}
	mem_free(s->estimates);
	s->estimates = NULL;
	progress = sign_all(s, g, NULL);
	mem_free(g);
	go_on(s, progress);
}

void sender_sign(struct sender *s)
{
	size_t unmined = s->flight_count - sender_used(s);
	size_t room = s->config.window > unmined ? s->config.window - unmined : 0;
	int64_t limit = (int64_t)(room < AT_ONCE ? room : AT_ONCE);
	struct signing *g;
	struct error *e;

	if (s->estimates || !s->claimed || limit == 0)
		return;
	g = mem_new(s, struct signing);
	g->sender = s;
	e = txbox_each(s->config.db, s->account, TXBOX_WANTED, 0, limit, on_wanted, g);
	s->more = e || (int64_t)g->count == limit;
	if (!e && g->count > 0) {
		e = fee_choose(&s->market, s->config.highest_fee, &g->fee);
		s->more = s->more || e;
	}
	if (!sender_well(s, e) || g->count == 0)
		mem_free(g);
	else
		prepare(s, g);
}
