#include "chain/sender.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/sender_impl.h"
#include "crypto/secret.h"

#define ESTIMATE_MS 60000    /* so long an estimate is good for signing */
#define FRESH_MS 5000        /* so long what a round found out is good for signing */
#define USUAL_TIP 1000000000 /* wei, where a chain with a base fee suggests none */
#define TROUBLE_POLL_MS 1000
#define RECEIPTS 2000 /* asked for in one round */
#define TROUBLE_LOG_MS 60000

static void start_round(struct sender *s);

/* The same words are logged again after a while only. */
static void log_trouble(struct sender *s, const char *why)
{
	int64_t now_ms = clock_mono_ms();

	if (s->logged && strcmp(s->logged, why) == 0 && now_ms - s->logged_ms < TROUBLE_LOG_MS)
		return;
	log_warn("sender.trouble", "why=%s", log_q(why));
	mem_free(s->logged);
	s->logged = mem_strdup(s, why);
	s->logged_ms = now_ms;
}

void sender_set_trouble(struct sender *s, const char *why)
{
	char *old = s->trouble;

	if (why)
		log_trouble(s, why);
	s->trouble = why ? mem_strdup(s, why) : NULL;
	mem_free(old);
}

bool sender_well(struct sender *s, struct error *e)
{
	if (!e)
		return true;
	sender_set_trouble(s, e->message);
	error_free(e);
	return false;
}

/* --- flights --- */

struct sender_flight *sender_add_flight(struct sender *s, int64_t seq, uint64_t nonce)
{
	struct sender_flight *f = mem_new(s, struct sender_flight);
	size_t at = s->flight_count;

	f->sender = s;
	f->seq = seq;
	f->nonce = nonce;
	s->flights = mem_resize(s, s->flights, struct sender_flight *, s->flight_count + 1);
	for (; at > 0 && s->flights[at - 1]->nonce > nonce; at--)
		s->flights[at] = s->flights[at - 1];
	s->flights[at] = f;
	s->flight_count++;
	return f;
}

void sender_remove_flight(struct sender *s, struct sender_flight *f)
{
	size_t at = 0;

	while (at < s->flight_count && s->flights[at] != f)
		at++;
	assert(at < s->flight_count);
	s->flight_count--;
	for (; at < s->flight_count; at++)
		s->flights[at] = s->flights[at + 1];
	s->sending -= f->call != NULL;
	mem_free(f);
}

static struct error *on_old_attempt(const struct txbox_attempt *a, void *arg)
{
	struct sender_flight *f = arg;

	if (f->attempts == ATTEMPTS) {
		memmove(f->hashes[0], f->hashes[1], sizeof(f->hashes) - sizeof(f->hashes[0]));
		memmove(f->cancels, f->cancels + 1, sizeof(f->cancels) - sizeof(f->cancels[0]));
		f->attempts--;
	}
	f->cancels[f->attempts] = a->cancels;
	memcpy(f->hashes[f->attempts++], a->hash, sizeof(a->hash));
	mem_free(f->raw);
	f->raw = mem_memdup(f, a->raw, a->n);
	f->n = a->n;
	f->fee = (struct fee){a->price, a->tip};
	f->signed_ms = clock_mono_ms();
	return NULL;
}

static struct error *on_old_flight(struct txbox_record *r, void *arg)
{
	struct sender *s = arg;
	struct sender_flight *f = sender_add_flight(s, r->seq, r->nonce);

	f->mined = r->state == TXBOX_MINED;
	f->receipt = r->receipt;
	f->creates = r->intent.creates;
	f->fills = strncmp(r->intent.id, FILL, strlen(FILL)) == 0;
	mem_free(r);
	return txbox_attempts(s->config.db, f->seq, on_old_attempt, f);
}

static struct error *take_up(struct sender *s)
{
	TRY(txbox_each(s->config.db, s->account, TXBOX_SIGNED, 0, INT64_MAX, on_old_flight, s));
	TRY(txbox_each(s->config.db, s->account, TXBOX_MINED, 0, INT64_MAX, on_old_flight, s));
	if (s->flight_count > 0)
		log_info("sender.taken-up", "transactions=%zu", s->flight_count);
	return NULL;
}

void sender_notify(struct sender *s, const char *id)
{
	struct txbox_record *record = NULL;

	if (sender_well(s, txbox_get(NULL, s->config.db, id, &record)) && s->fn)
		s->fn(record, s->arg);
	mem_free(record);
}

/* --- rounds --- */

static void set_market(struct sender *s, const struct gather *g)
{
	const struct json_place at = {NULL, NULL, 0};
	struct u256 price = U256_ZERO, tip = u256_of(USUAL_TIP);

	/* Either may be unknown to a node; what it does know has passed rpc_check_result(). */
	if (!gather_at(g, 2)->error)
		error_free(rpc_read_number(gather_at(g, 2)->result, &at, &price));
	if (!gather_at(g, 3)->error)
		error_free(rpc_read_number(gather_at(g, 3)->result, &at, &tip));
	s->market = (struct fee_market){s->head.has_base_fee, s->head.base_fee, price, tip};
}

/* In every round: a development chain may be begun anew behind the same URL, with the same id. */
static struct error *claim(struct sender *s, const struct rpc_reply *reply)
{
	const struct json_place at = {NULL, "the first block", 0};
	struct rpc_block_head genesis = {0};

	s->claimed = false;
	if (reply->error)
		return error_copy(reply->error);
	TRY(rpc_read_block(reply->result, &at, &genesis));
	TRY(txbox_claim_chain(s->config.db, rpc_chain_id(s->config.rpc), genesis.hash));
	s->claimed = true;
	return NULL;
}

static struct error *read_status(struct sender *s, struct gather *g)
{
	const struct json_place block = {NULL, "the latest block", 0}, count = {NULL, "eth_getTransactionCount", 0};
	struct rpc_block_head head = {0};

	if (gather_failure(g))
		return error_copy(gather_failure(g));
	for (size_t i = 0; i < 2; i++) {
		if (gather_at(g, i)->error)
			return error_copy(gather_at(g, i)->error);
	}
	TRY(claim(s, gather_at(g, 4)));
	TRY(rpc_read_block(gather_at(g, 0)->result, &block, &head));
	if (s->head_ms == 0 || memcmp(head.hash, s->head.hash, sizeof(head.hash)) != 0)
		s->head_ms = clock_mono_ms();
	s->head = head;
	TRY(rpc_read_quantity(gather_at(g, 1)->result, &count, &s->count));
	set_market(s, g);
	s->known_ms = clock_mono_ms();
	return NULL;
}

static void on_status(struct gather *g, void *arg)
{
	struct sender *s = arg;
	struct error *e = read_status(s, g);

	s->round = NULL;
	if (e) {
		sender_well(s, e);
		timer_again(s->timer, TROUBLE_POLL_MS, 0);
		return;
	}
	sender_set_trouble(s, NULL);
	sender_look_for_receipts(s);
}

static void start_round(struct sender *s)
{
	char account[ADDRESS_TEXT_BYTES];

	if (s->round)
		return;
	eth_address_text(s->account, account);
	s->round = gather_new(s, s->config.rpc, on_status, s);
	gather_add(s->round, "eth_getBlockByNumber", json_pack("[s,b]", "latest", 0));
	gather_add(s->round, "eth_getTransactionCount", json_pack("[s,s]", account, "latest"));
	gather_add(s->round, "eth_gasPrice", json_array());
	gather_add(s->round, "eth_maxPriorityFeePerGas", json_array());
	gather_add(s->round, "eth_getBlockByNumber", json_pack("[s,b]", "0x0", 0));
	gather_run(s->round);
}

void sender_carry_on(struct sender *s)
{
	sender_send(s);
	if (!s->round && (s->flight_count > 0 || s->more))
		timer_again(s->timer, s->trouble ? TROUBLE_POLL_MS : s->config.poll_ms, 0);
}

void sender_end_round(struct sender *s)
{
	sender_carry_out_orders(s);
	sender_sign(s);
	sender_resend_reorged(s);
	sender_carry_on(s);
}

static void on_timer(void *arg)
{
	start_round(arg);
}

/* Between rounds and during them: what the last one found out is still good. Where there are none, as nothing is under
 * way, the chain is looked at first. */
static void on_sign_timer(void *arg)
{
	struct sender *s = arg;
	bool idle = s->flight_count == 0 && !s->more;

	if (idle || s->known_ms == 0 || clock_mono_ms() - s->known_ms > FRESH_MS) {
		start_round(s);
		return;
	}
	sender_sign(s);
	sender_carry_on(s);
}

void sender_look(struct sender *s)
{
	timer_again(s->sign_timer, 0, 0);
}

struct error *sender_put(struct sender *s, const struct txbox_intent *intent)
{
	TRY(txbox_put(s->config.db, s->account, intent));
	sender_look(s);
	return NULL;
}

/* Also of what was signed before it was put again, which nobody will ask for. */
static void forget_old_estimates(struct sender *s)
{
	int64_t now_ms = clock_mono_ms();

	for (size_t i = s->known_count; i > 0; i--) {
		if (s->known[i - 1].end_ms > now_ms)
			continue;
		mem_free(s->known[i - 1].id);
		s->known[i - 1] = s->known[--s->known_count];
	}
}

struct error *sender_put_estimated(struct sender *s, const struct txbox_intent *intent, uint64_t gas)
{
	struct sender_estimate *known;

	TRY(sender_put(s, intent));
	if (gas > SENDER_GAS_MOST)
		return NULL;
	forget_old_estimates(s);
	/* One that is put again is estimated anew. */
	known = sender_known(s, intent->id);
	if (known) {
		known->gas = gas;
		known->end_ms = clock_mono_ms() + ESTIMATE_MS;
		return NULL;
	}
	s->known = mem_resize(s, s->known, struct sender_estimate, s->known_count + 1);
	s->known[s->known_count++] =
		(struct sender_estimate){mem_strdup(s, intent->id), gas, clock_mono_ms() + ESTIMATE_MS};
	return NULL;
}

/* --- open --- */

static struct u256 gwei(uint64_t n)
{
	struct u256 wei = U256_ZERO;
	struct error *e = u256_mul(u256_of(n), u256_of(1000000000), &wei);

	assert(!e); /* of 64 bits each */
	return wei;
}

static void set_defaults(struct sender_config *c)
{
	c->confirmations = c->confirmations ? c->confirmations : 1;
	c->poll_ms = c->poll_ms ? c->poll_ms : 500;
	c->resend_ms = c->resend_ms ? c->resend_ms : 10000;
	c->stuck_ms = c->stuck_ms ? c->stuck_ms : 30000;
	c->window = c->window ? c->window : 1024;
	if (u256_is_zero(c->highest_fee))
		c->highest_fee = gwei(SENDER_HIGHEST_GWEI);
	if (u256_is_zero(c->highest_cost))
		c->highest_cost = gwei(SENDER_HIGHEST_COST_GWEI);
	c->gas_margin_percent = c->gas_margin_percent ? c->gas_margin_percent : 20;
}

static int sender_destroy(struct sender *s)
{
	secret_wipe(&s->key, sizeof(s->key));
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	return 0;
}

struct error *sender_open(const void *ctx, uv_loop_t *loop, const struct sender_config *config,
			  const struct secp_key *key, sender_final_fn *fn, void *arg, struct sender **ret_sender)
{
	struct sender *s = mem_new(ctx, struct sender);
	struct error *e = NULL;

	s->loop = loop;
	s->config = *config;
	set_defaults(&s->config);
	s->key = *key;
	s->lock_fd = -1;
	s->receipts = RECEIPTS;
	secp_address(key->public, s->account);
	s->fn = fn;
	s->arg = arg;
	talloc_set_destructor(s, sender_destroy);
	if (config->lock)
		e = file_lock(config->lock, &s->lock_fd);
	if (!e)
		e = take_up(s);
	if (e) {
		mem_free(s);
		return e;
	}
	s->timer = timer_start(s, loop, 0, 0, on_timer, s);
	s->sign_timer = timer_start(s, loop, 0, 0, on_sign_timer, s);
	*ret_sender = s;
	return NULL;
}

const uint8_t *sender_account(const struct sender *s)
{
	return s->account;
}

void sender_set_receipts(struct sender *s, size_t at_once)
{
	s->receipts = at_once;
}

size_t sender_used(const struct sender *s)
{
	size_t n = 0;

	/* They are in the order of their nonces. */
	while (n < s->flight_count && s->flights[n]->nonce < s->count)
		n++;
	return n;
}

bool sender_unproved(const struct sender *s)
{
	return s->unproved;
}

const char *sender_trouble(const struct sender *s)
{
	return s->trouble;
}
