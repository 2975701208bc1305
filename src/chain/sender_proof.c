/* Proof that a nonce is used: the transaction that used it, found in the chain's blocks by halving, since a node has no
 * index of nonces. What it says counts for nothing until the transaction's hash and signature have been checked. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/sender_impl.h"

static void step(struct sender *s);

static void end(struct sender *s, enum sender_proof_state state, const char *why)
{
	struct sender_proof *p = &s->proof;

	p->state = state;
	p->end_ms = clock_mono_ms();
	mem_free(p->why);
	p->why = why ? mem_strdup(s, why) : NULL;
	if (state == PROOF_FOUND)
		log_info("sender.nonce-proved", "nonce=%" PRIu64 " block=%" PRIu64, p->nonce, p->high);
	timer_again(s->timer, 0, 0);
}

/* --- the transaction --- */

static struct error *check(struct sender *s, const json_t *value, const struct json_place *at)
{
	void *scratch = talloc_new(NULL);
	uint8_t hash[TX_HASH_BYTES] = {0}, signer[ETH_ADDRESS_BYTES] = {0};
	struct tx tx = {0};
	struct error *e = rpc_read_transaction(scratch, value, at, &tx, hash, signer);

	mem_free(scratch);
	TRY(e);
	if (memcmp(signer, s->account, sizeof(signer)) != 0)
		return json_place_error(at, "was signed by somebody else");
	if (tx.nonce != s->proof.nonce)
		return json_place_error(at, "has another nonce");
	if (tx.chain_id != rpc_chain_id(s->config.rpc))
		return json_place_error(at, "is not for this chain");
	TRY(txbox_is_own(s->config.db, hash, &s->proof.ours));
	memcpy(s->proof.hash, hash, sizeof(hash));
	return NULL;
}

/* As the node puts it: what it says is checked only where it could be the one. */
static bool could_be(const struct sender *s, const json_t *value)
{
	const struct json_place at = {NULL, "nonce", 0};
	char account[ADDRESS_TEXT_BYTES];
	const char *from = json_string_value(json_object_get(value, "from"));
	uint64_t nonce = 0;
	struct error *e = rpc_read_quantity(json_object_get(value, "nonce"), &at, &nonce);

	error_free(e);
	eth_address_text(s->account, account);
	return !e && nonce == s->proof.nonce && from && strcasecmp(from, account) == 0;
}

static void on_receipt(const struct rpc_reply *reply, void *arg)
{
	const struct json_place at = {NULL, "eth_getTransactionReceipt", 0};
	struct sender *s = arg;
	struct rpc_receipt receipt = {0};
	struct error *e = reply->error ? error_copy(reply->error) : rpc_read_receipt(reply->result, &at, &receipt);

	if (!e && memcmp(receipt.tx_hash, s->proof.hash, TX_HASH_BYTES) != 0)
		e = json_place_error(&at, "is another transaction's");
	if (e)
		end(s, PROOF_MISSING, e->message);
	else if (!sender_confirmed(s, receipt.block))
		end(s, PROOF_MISSING, "its block is not confirmed yet");
	else if (sender_agreed(s, s, &s->proof.agreement, &receipt))
		end(s, PROOF_FOUND, NULL);
	else
		end(s, PROOF_MISSING,
		    s->proof.agreement.why ? s->proof.agreement.why : "the endpoints have yet to agree");
	error_free(e);
}

static void ask_receipt(struct sender *s)
{
	char *hash = hex_encode(NULL, s->proof.hash, TX_HASH_BYTES);

	rpc_call(s->config.rpc, s, "eth_getTransactionReceipt", json_pack("[o]", json_sprintf("0x%s", hash)),
		 on_receipt, s);
	mem_free(hash);
}

static void on_block(const struct rpc_reply *reply, void *arg)
{
	struct sender *s = arg;
	const json_t *list = reply->error ? NULL : json_object_get(reply->result, "transactions"), *value;
	struct error *e = reply->error ? error_copy(reply->error) : NULL;
	size_t i;

	json_array_foreach ((json_t *)list, i, value) {
		const struct json_place all = {NULL, "eth_getBlockByNumber: transactions", 0}, at = {&all, NULL, i};

		if (!could_be(s, value))
			continue;
		e = check(s, value, &at);
		if (!e && s->proof.ours)
			end(s, PROOF_FOUND, NULL);
		else if (!e)
			ask_receipt(s);
		if (!e)
			return;
		break;
	}
	end(s, PROOF_MISSING, e ? e->message : "no block that it tells of has one");
	error_free(e);
}

/* --- its block --- */

static void on_count(const struct rpc_reply *reply, void *arg)
{
	const struct json_place at = {NULL, "eth_getTransactionCount", 0};
	struct sender *s = arg;
	struct sender_proof *p = &s->proof;
	uint64_t middle = p->low + (p->high - p->low) / 2, count = 0;

	if (reply->error && reply->error->code != ERROR_FAILED) {
		end(s, PROOF_MISSING, reply->error->message);
		return;
	}
	/* A node that does not remember so far back says so: then it is searched for in what it remembers. */
	if (!reply->error)
		error_free(rpc_read_quantity(reply->result, &at, &count));
	if (count > p->nonce)
		p->high = middle;
	else
		p->low = middle + 1;
	step(s);
}

static void step(struct sender *s)
{
	struct sender_proof *p = &s->proof;
	bool found = p->low >= p->high;
	char account[ADDRESS_TEXT_BYTES];
	char *block = u256_quantity(NULL, u256_of(found ? p->high : p->low + (p->high - p->low) / 2));

	eth_address_text(s->account, account);
	if (found)
		rpc_call(s->config.rpc, s, "eth_getBlockByNumber", json_pack("[s,b]", block, 1), on_block, s);
	else
		rpc_call(s->config.rpc, s, "eth_getTransactionCount", json_pack("[s,s]", account, block), on_count, s);
	mem_free(block);
}

enum sender_proof_state sender_prove(struct sender *s, uint64_t nonce)
{
	struct sender_proof *p = &s->proof;
	bool same = p->state != PROOF_NONE && p->nonce == nonce;

	if (p->state == PROOF_SEARCHING)
		return same ? PROOF_SEARCHING : PROOF_NONE;
	if (same && (p->state == PROOF_FOUND || clock_mono_ms() - p->end_ms < s->config.poll_ms))
		return p->state;
	p->state = PROOF_SEARCHING;
	p->nonce = nonce;
	p->ours = false;
	p->low = 0;
	p->high = s->head.number;
	step(s);
	return same ? PROOF_MISSING : PROOF_SEARCHING;
}
