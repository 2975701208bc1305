/* Receipts: what was mined, what is final, what a reorganisation took back, whose nonce another program used. A receipt
 * ends an intention and moves nothing; only a proof (sender_proof.c) gives one a new nonce. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/sender_impl.h"

/* Rounds before a nonce counts as used by somebody else; and resend_ms must have gone by, as one URL may stand for
 * several nodes, of which one counts a transaction whose block the next does not have yet. */
#define MISSING 3

enum move { STAYS, MINED, FINAL, UNMINED, TAKEN };

/* What is to be done with a flight, once it is in the database. */
struct change {
	struct sender_flight *flight;
	enum move move;
	struct rpc_receipt receipt;
	bool cancelled;      /* the receipt is of an attempt that cancels it */
	size_t first, count; /* its calls */
};

struct receipts {
	struct sender *sender;
	struct change *changes;
	size_t count;
	size_t calls;          /* for receipts */
	size_t old_count_call; /* of the account's count some blocks ago; 0: not asked */
};

bool sender_confirmed(const struct sender *s, uint64_t block)
{
	return s->head.number >= block && s->head.number - block + 1 >= s->config.confirmations;
}

static enum txbox_state outcome(const struct change *c)
{
	if (c->cancelled)
		return TXBOX_ABANDONED;
	return c->receipt.succeeded ? TXBOX_DONE : TXBOX_REVERTED;
}

/* A nonce that was only to be used is used. */
static struct error *store_taken(struct db *db, const struct sender_flight *f)
{
	if (f->fills)
		return txbox_set_refused(db, f->seq, "another transaction used its nonce", NULL, 0);
	return txbox_set_wanted(db, f->seq);
}

static struct error *store(struct sender *s, const struct change *c)
{
	struct db *db = s->config.db;
	int64_t seq = c->flight->seq;

	switch (c->move) {
	case STAYS:
		return NULL;
	case MINED:
		return txbox_set_mined(db, seq, TXBOX_MINED, &c->receipt);
	case FINAL:
		return txbox_set_mined(db, seq, outcome(c), &c->receipt);
	case UNMINED:
		return txbox_set_unmined(db, seq);
	case TAKEN:
		return store_taken(db, c->flight);
	}
	return NULL;
}

static struct error *store_all(struct sender *s, const struct receipts *r)
{
	struct error *e;
	bool any = false;

	for (size_t i = 0; i < r->count; i++)
		any = any || r->changes[i].move != STAYS;
	if (!any)
		return NULL;
	TRY(db_begin(s->config.db));
	e = NULL;
	for (size_t i = 0; !e && i < r->count; i++)
		e = store(s, &r->changes[i]);
	if (!e)
		e = db_commit(s->config.db);
	if (e)
		db_rollback(s->config.db);
	return e;
}

struct finals {
	char **ids;
	size_t count;
};

static void apply(struct sender *s, const struct change *c)
{
	struct sender_flight *f = c->flight;

	switch (c->move) {
	case STAYS:
		break;
	case MINED:
		f->mined = true;
		f->receipt = c->receipt;
		f->missing = 0;
		break;
	case UNMINED:
		log_warn("sender.unmined", "nonce=%" PRIu64 " block=%" PRIu64, f->nonce, f->receipt.block);
		f->mined = false;
		f->sent_ms = 0;
		break;
	case TAKEN:
		log_warn("sender.nonce-taken", "nonce=%" PRIu64 " by=another-program", f->nonce);
		s->more = true;
		sender_remove_flight(s, f);
		break;
	case FINAL:
		sender_remove_flight(s, f);
		break;
	}
}

/* The intentions that have become final, to be told of when the flights are in order again. */
static struct error *on_final(struct txbox_record *r, void *arg)
{
	struct finals *f = arg;

	f->ids[f->count++] = mem_strdup(f->ids, r->intent.id);
	mem_free(r);
	return NULL;
}

static void apply_all(struct sender *s, const struct receipts *r)
{
	struct finals finals = {mem_array(NULL, char *, r->count + 1), 0};

	for (size_t i = 0; i < r->count; i++) {
		const struct change *c = &r->changes[i];

		if (c->move == FINAL)
			sender_well(s, txbox_each(s->config.db, s->account, outcome(c), c->flight->seq - 1, 1, on_final,
						  &finals));
		apply(s, c);
	}
	for (size_t i = 0; i < finals.count; i++)
		sender_notify(s, finals.ids[i]);
	mem_free(finals.ids);
}

enum finding { NONE, FOUND, UNKNOWN };

/* Where a contract is follows from account and nonce: an endpoint is not asked, and one that says otherwise is not
 * believed. */
static struct error *set_contract(const struct sender *s, const struct sender_flight *f, size_t attempt,
				  struct rpc_receipt *r)
{
	const struct json_place at = {NULL, "eth_getTransactionReceipt", 0};
	bool told = r->created, creates = f->creates && !f->cancels[attempt];
	uint8_t address[ETH_ADDRESS_BYTES];

	r->created = creates;
	if (!creates)
		return NULL;
	eth_address_of_contract(s->account, f->nonce, address);
	if (told && memcmp(address, r->contract, sizeof(address)) != 0)
		return json_place_error(&at, "names another contract than the transaction creates");
	memcpy(r->contract, address, sizeof(address));
	return NULL;
}

/* The receipt of one of the flight's attempts. What a node refuses to tell, or tells of another transaction, may be
 * there all the same. */
static enum finding find_receipt(struct sender *s, const struct gather *g, struct change *c, struct rpc_receipt *ret)
{
	const struct json_place at = {NULL, "eth_getTransactionReceipt", 0};
	enum finding finding = NONE;

	for (size_t i = 0; i < c->count; i++) {
		const struct rpc_reply *reply = gather_at(g, c->first + i);
		struct error *e = reply->error ? error_copy(reply->error) : NULL;

		if (!e && json_is_null(reply->result))
			continue;
		if (!e)
			e = rpc_read_receipt(reply->result, &at, ret);
		if (!e && memcmp(ret->tx_hash, c->flight->hashes[i], TX_HASH_BYTES) != 0)
			e = json_place_error(&at, "is another transaction's");
		if (!e)
			e = set_contract(s, c->flight, i, ret);
		if (sender_well(s, e)) {
			c->cancelled = c->flight->cancels[i];
			return FOUND;
		}
		finding = UNKNOWN;
	}
	return finding;
}

/* So it seems; what it is, the transaction that took it proves. */
static bool is_taken(struct sender *s, struct sender_flight *f, uint64_t old_count)
{
	int64_t now_ms = clock_mono_ms();
	enum sender_proof_state proof;
	char *why;

	if (f->missing++ == 0)
		f->missing_ms = now_ms;
	if (f->missing <= MISSING || now_ms - f->missing_ms < s->config.resend_ms || old_count <= f->nonce)
		return false;
	proof = sender_prove(s, f->nonce);
	if (proof == PROOF_FOUND && !s->proof.ours)
		return true;
	if (proof == PROOF_FOUND || proof == PROOF_MISSING) {
		why = mem_printf(
			NULL,
			"nonce %" PRIu64
			" is said to be used, without a receipt of ours and without proof that another transaction used it (%s): nothing else is signed for it",
			f->nonce, proof == PROOF_FOUND ? "the chain shows ours" : s->proof.why);
		sender_set_trouble(s, why);
		mem_free(why);
	}
	return false;
}

static enum move judge(struct sender *s, struct change *c, const struct gather *g, uint64_t old_count)
{
	struct sender_flight *f = c->flight;

	switch (find_receipt(s, g, c, &c->receipt)) {
	case FOUND:
		if (sender_confirmed(s, c->receipt.block) && sender_agreed(s, f, &f->agreement, &c->receipt))
			return FINAL;
		return f->mined && !memcmp(f->receipt.block_hash, c->receipt.block_hash, HASH_BYTES) ? STAYS : MINED;
	case NONE:
		if (f->mined)
			return UNMINED;
		return is_taken(s, f, old_count) ? TAKEN : STAYS;
	case UNKNOWN:
		f->missing = 0;
		break;
	}
	return STAYS;
}

/* A round counts only as a whole. One that took longer than a call may wait would do so again: the next is half as
 * large, so that something is found out. */
static void learn_pace(struct sender *s, size_t asked, const struct error *e)
{
	if (e && e->code == ERROR_TIMEOUT)
		s->receipts_now = asked > 1 ? asked / 2 : 1;
	else if (!e && asked >= s->receipts_now)
		s->receipts_now = s->receipts_now < s->receipts / 2 ? s->receipts_now * 2 : s->receipts;
}

static void on_receipts(struct gather *g, void *arg)
{
	struct receipts *r = arg;
	struct sender *s = r->sender;
	const struct json_place at = {NULL, "eth_getTransactionCount", 0};
	uint64_t old_count = 0;
	struct error *e = gather_failure(g) ? error_copy(gather_failure(g)) : NULL;

	s->round = NULL;
	learn_pace(s, r->calls, e);
	/* A node that does not remember so far back says so: then nothing is known to be taken. */
	if (!e && r->old_count_call && gather_at(g, r->old_count_call)->result)
		e = rpc_read_quantity(gather_at(g, r->old_count_call)->result, &at, &old_count);
	for (size_t i = 0; !e && i < r->count; i++) {
		struct change *c = &r->changes[i];

		if (c->count > 0)
			c->move = judge(s, c, g, old_count);
	}
	if (!e)
		e = store_all(s, r);
	if (!e)
		apply_all(s, r);
	sender_well(s, e);
	mem_free(r);
	sender_end_round(s);
}

static void ask(struct sender *s, struct receipts *r, struct sender_flight *f, size_t *calls)
{
	struct change *c = &r->changes[r->count++];

	*c = (struct change){.flight = f, .move = STAYS, .first = *calls, .count = f->attempts};
	for (size_t i = 0; i < f->attempts; i++) {
		char *hash = hex_encode(NULL, f->hashes[i], TX_HASH_BYTES);

		gather_add(s->round, "eth_getTransactionReceipt", json_pack("[o]", json_sprintf("0x%s", hash)));
		mem_free(hash);
	}
	*calls += f->attempts;
}

/* For nonces that are used and have no receipt of ours: was that so some blocks ago already? */
static void ask_old_count(struct sender *s, struct receipts *r, size_t *calls)
{
	char account[ADDRESS_TEXT_BYTES], *block;

	if (s->head.number < s->config.confirmations)
		return;
	eth_address_text(s->account, account);
	block = u256_quantity(NULL, u256_of(s->head.number - s->config.confirmations + 1));
	r->old_count_call = *calls;
	gather_add(s->round, "eth_getTransactionCount", json_pack("[s,s]", account, block));
	(*calls)++;
	mem_free(block);
}

void sender_look_for_receipts(struct sender *s)
{
	struct receipts *r = mem_new(s, struct receipts);
	size_t calls = 0;
	bool missing = false;

	r->sender = s;
	r->changes = mem_array(r, struct change, s->flight_count + 1);
	s->round = gather_new(s, s->config.rpc, on_receipts, r);
	for (size_t i = 0; i < s->flight_count && calls < s->receipts_now; i++) {
		struct sender_flight *f = s->flights[i];

		if (f->mined && f->nonce >= s->count)
			r->changes[r->count++] = (struct change){.flight = f, .move = UNMINED};
		else if (f->nonce >= s->count)
			f->missing = 0;
		else if (!f->mined || sender_confirmed(s, f->receipt.block))
			ask(s, r, f, &calls);
		missing = missing || f->missing >= MISSING;
	}
	r->calls = calls;
	if (missing && calls > 0)
		ask_old_count(s, r, &calls);
	gather_run(s->round);
}
