#include "contracts/nodes.h"

#include <string.h>

#include "base/mem.h"
#include "chain/typed.h"
#include "contracts/op.h"
#include "crypto/keccak.h"

#define MOST_JOINS 65536 /* times that a node was listed */

struct nodes_adding {
	struct op op;
	struct nodes_add_call call;
	const struct secp_key *key;
	uint8_t node[ETH_ADDRESS_BYTES], consent[SECP_SIGNATURE_BYTES];
	struct nodes_consent_hash_result told;
};

/* The signature is over how often it was listed. */
static void forget_consent(void *args)
{
	((struct nodes_add_call *)args)->consent = (struct codec_bytes){NULL, 0};
}

static void put_address(uint8_t word[ABI_WORD], const uint8_t address[ETH_ADDRESS_BYTES])
{
	memset(word, 0, ABI_WORD - ETH_ADDRESS_BYTES);
	memcpy(word + ABI_WORD - ETH_ADDRESS_BYTES, address, ETH_ADDRESS_BYTES);
}

/* What a node signs to be listed for us (Nodes.sol, consentHash): chain, contract, node, owner, how often it was listed
 * before. Only the last is the endpoint's to say, so its hash must be that of one such number; that of anything else
 * would be a consent for somebody else. */
static struct error *check_told(const struct nodes_adding *a)
{
	uint8_t words[5][ABI_WORD], contract[ETH_ADDRESS_BYTES], hash[KECCAK_BYTES];

	TRY(contracts_address(a->op.k, "Nodes", contract));
	u256_to_bytes(u256_of(contracts_chain_id(a->op.k)), words[0]);
	put_address(words[1], contract);
	put_address(words[2], a->node);
	put_address(words[3], contracts_account(a->op.k));
	for (uint64_t joins = 0; joins < MOST_JOINS; joins++) {
		u256_to_bytes(u256_of(joins), words[4]);
		keccak256(words, sizeof(words), hash);
		if (memcmp(hash, a->told.value, sizeof(hash)) == 0)
			return NULL;
	}
	return error_new(
		ERROR_REFUSED,
		"the endpoint names a hash for the node's consent that is not of this node, this account and the contract Nodes: nothing is signed; name another endpoint with --chain-rpc");
}

/* The node's agreement that it belongs to the sender: EIP-191 over the contract's consentHash. */
static void on_hash(const struct contracts_answer *answer, void *arg)
{
	const struct contracts_terms terms = {.forget = forget_consent};
	struct nodes_adding *a = arg;
	uint8_t digest[KECCAK_BYTES];
	struct error *e;

	if (answer->error) {
		op_end(a, answer);
		return;
	}
	e = check_told(a);
	if (e) {
		op_end_with(a, e);
		return;
	}
	typed_message_digest(a->told.value, sizeof(a->told.value), digest);
	typed_digest_sign(a->key, digest, a->consent);
	a->call.consent = (struct codec_bytes){a->consent, sizeof(a->consent)};
	nodes_add_send(a, a->op.k, &a->call, &terms, NULL, op_last, a);
}

void nodes_list_own(const void *ctx, struct contracts *k, const struct nodes_add_call *offer,
		    const struct secp_key *key, contracts_fn *fn, void *arg)
{
	struct nodes_adding *a = op_new(ctx, k, struct nodes_adding, fn, arg);
	struct nodes_consent_hash_call call;

	a->call = *offer;
	a->call.public_key = (struct codec_bytes){key->public, sizeof(key->public)};
	a->key = key;
	secp_address(key->public, a->node);
	memcpy(call.node, a->node, sizeof(call.node));
	memcpy(call.owner, contracts_account(k), sizeof(call.owner));
	nodes_consent_hash_ask(a, k, &call, "latest", &a->told, on_hash, a);
}
