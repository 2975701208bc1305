/* vcli register: customers, suppliers, and the nodes that suppliers offer. */
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/typed.h"
#include "contracts/refusal.h"
#include "crypto/keccak.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "vcli/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/resolve.h"

#define MOST_JOINS 65536 /* times that a node was listed */

/* The last word of the command: customer or supplier. */
static struct error *kind_of(struct vcli *v, int *ret_kind)
{
	const char *word = strrchr(v->command->words, ' ') + 1;

	json_put(v->answer, "kind", word);
	return money_choice("the command", refusal_kinds, word, ret_kind);
}

static void answer_account(struct chain *c)
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(sender_account(c->sender), text);
	json_put(c->v->answer, "account", text);
}

struct error *cmd_register(struct vcli *v)
{
	struct chain *c = NULL;
	char *profile = money_hash(v, "", 0);
	int kind = 0;

	vcli_answer(v, json_object());
	TRY(kind_of(v, &kind));
	if (v->args[0])
		TRY(money_file_hash(v, v->args[0], &profile));
	TRY(chain_open_sending(v, &c));
	answer_account(c);
	json_put(v->answer, "profile", profile);
	TRY(chain_do(c, "Accounts", "register", json_pack("[i,s]", kind, profile), U256_ZERO, NULL));
	return money_show(v);
}

struct error *cmd_register_remove(struct vcli *v)
{
	struct chain *c = NULL;
	int kind = 0;

	vcli_answer(v, json_object());
	TRY(kind_of(v, &kind));
	TRY(chain_open_sending(v, &c));
	answer_account(c);
	TRY(chain_do(c, "Accounts", "unregister", json_pack("[i]", kind), U256_ZERO, NULL));
	return money_show(v);
}

/* --- nodes --- */

struct offer {
	int work;
	struct u256 price;
	char node[ADDRESS_TEXT_BYTES];
	char *public, *consent; /* "0x..." */
};

static void put_number(uint8_t word[ABI_WORD], uint64_t n)
{
	u256_to_bytes(u256_of(n), word);
}

static void put_address(uint8_t word[ABI_WORD], const uint8_t address[ETH_ADDRESS_BYTES])
{
	memset(word, 0, ABI_WORD - ETH_ADDRESS_BYTES);
	memcpy(word + ABI_WORD - ETH_ADDRESS_BYTES, address, ETH_ADDRESS_BYTES);
}

/* What a node signs to be listed for us (Nodes.sol, consentHash): chain, contract, node, owner, how often it was listed
 * before. Only the last is the endpoint's to say, so its hash must be that of one such number; that of anything else
 * would be a consent for somebody else. */
static struct error *check_consent_hash(const struct chain *c, const uint8_t node[ETH_ADDRESS_BYTES],
					const uint8_t told[KECCAK_BYTES])
{
	uint8_t words[5][ABI_WORD], contract[ETH_ADDRESS_BYTES], hash[KECCAK_BYTES];

	TRY(deployment_get(c->deployment, "Nodes", contract));
	put_number(words[0], c->deployment->chain_id);
	put_address(words[1], contract);
	put_address(words[2], node);
	put_address(words[3], sender_account(c->sender));
	for (uint64_t joins = 0; joins < MOST_JOINS; joins++) {
		put_number(words[4], joins);
		keccak256(words, sizeof(words), hash);
		if (memcmp(hash, told, sizeof(hash)) == 0)
			return NULL;
	}
	return error_new(
		ERROR_REFUSED,
		"the endpoint names a hash for the node's consent that is not of this node, this account and the contract Nodes: nothing is signed; name another endpoint with --chain-rpc");
}

/* The node's agreement that it belongs to the sender: EIP-191 over the contract's consentHash. */
static struct error *sign_consent(struct chain *c, const struct secp_key *key, struct offer *o)
{
	const struct json_place at = {NULL, "consentHash", 0};
	uint8_t node[ETH_ADDRESS_BYTES], hash[32], digest[32], signature[SECP_SIGNATURE_BYTES];
	char owner[ADDRESS_TEXT_BYTES];
	json_t *value = NULL;
	struct error *e;

	secp_address(key->public, node);
	eth_address_text(node, o->node);
	eth_address_text(sender_account(c->sender), owner);
	TRY(chain_ask_one(c, "Nodes", "consentHash", json_pack("[s,s]", o->node, owner), &value));
	e = rpc_read_fixed(value, &at, hash, sizeof(hash));
	json_decref(value);
	TRY(e);
	TRY(check_consent_hash(c, node, hash));
	typed_message_digest(hash, sizeof(hash), digest);
	typed_digest_sign(key, digest, signature);
	o->consent = mem_printf(c, "0x%s", hex_encode(c, signature, sizeof(signature)));
	o->public = mem_printf(c, "0x%s", hex_encode(c, key->public, sizeof(key->public)));
	return NULL;
}

static json_t *terms_of(const struct vcli *v, struct u256 price)
{
	return json_pack("[s,o,I,s]", v->set.market.endpoint ? v->set.market.endpoint : "", money_json(price),
			 (json_int_t)v->set.market.capacity, v->set.market.software ? v->set.market.software : "");
}

static struct error *add(struct chain *c, const struct secp_key *key, struct offer *o)
{
	struct vcli *v = c->v;
	json_t *args, *terms;

	TRY(sign_consent(c, key, o));
	json_put(v->answer, "node", o->node);
	json_put(v->answer, "work", refusal_works[o->work]);
	money_put(v->answer, "price", o->price);
	answer_account(c);
	args = json_pack("[s,i]", o->public, o->work);
	terms = terms_of(v, o->price);
	json_array_extend(args, terms);
	json_decref(terms);
	json_array_append_new(args, json_string(o->consent));
	return chain_do(c, "Nodes", "add", args, U256_ZERO, NULL);
}

struct error *cmd_register_add_node(struct vcli *v)
{
	struct passphrase_source source = v->set.client.passphrase;
	struct offer o = {.work = 0, .price = U256_ZERO};
	struct secp_key key = {{0}, {0}};
	struct chain *c = NULL;
	struct error *e;

	vcli_answer(v, json_object());
	TRY(money_choice("ROLE", refusal_works, v->args[0], &o.work));
	if (!v->set.market.price)
		return error_new(ERROR_INVALID, "--price: name what a delivered segment costs, such as \"20 gwei\"");
	TRY(money_amount("--price", v->set.market.price, &o.price));
	TRY(money_fits("--price", o.price, MONEY_PRICE_BITS));
	source.file = v->set.market.node_passphrase_file;
	e = keyfile_read(v->args[1], &source, &key);
	if (e)
		return error_wrap(e, "the node's key%s",
				  e->code == ERROR_UNAVAILABLE ? ", whose flag is --node-passphrase-file" : "");
	e = chain_open_sending(v, &c);
	if (!e)
		e = add(c, &key, &o);
	secret_wipe(&key, sizeof(key));
	return e ? e : money_show(v);
}

struct error *cmd_register_update_node(struct vcli *v)
{
	struct u256 price = U256_ZERO;
	struct chain *c = NULL;
	json_t *args, *terms;
	char *node = NULL;

	vcli_answer(v, json_object());
	TRY(resolve_address(v, "NODE_ID", v->args[0], &node));
	if (!v->set.market.price)
		return error_new(ERROR_INVALID, "--price: name what a delivered segment costs, such as \"20 gwei\"");
	TRY(money_amount("--price", v->set.market.price, &price));
	TRY(money_fits("--price", price, MONEY_PRICE_BITS));
	TRY(chain_open_sending(v, &c));
	json_put(v->answer, "node", node);
	money_put(v->answer, "price", price);
	args = json_pack("[s]", node);
	terms = terms_of(v, price);
	json_array_extend(args, terms);
	json_decref(terms);
	TRY(chain_do(c, "Nodes", "update", args, U256_ZERO, NULL));
	return money_show(v);
}

struct error *cmd_register_remove_node(struct vcli *v)
{
	struct chain *c = NULL;
	char *node = NULL;

	vcli_answer(v, json_object());
	TRY(resolve_address(v, "NODE_ID", v->args[0], &node));
	TRY(chain_open_sending(v, &c));
	json_put(v->answer, "node", node);
	TRY(chain_do(c, "Nodes", "remove", json_pack("[s]", node), U256_ZERO, NULL));
	return money_show(v);
}
