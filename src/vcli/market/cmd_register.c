/* vcli register: customers, suppliers, and the nodes that suppliers offer. */
#include <string.h>

#include "base/json.h"
#include "contracts/accounts_abi.h"
#include "contracts/nodes.h"
#include "contracts/refusal.h"
#include "crypto/keccak.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "vcli/chain/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/node/resolve.h"

/* The last word of the command: customer or supplier. */
static struct error *kind_of(struct vcli *v, int *ret_kind)
{
	const char *word = strrchr(v->command->words, ' ') + 1;

	json_put(v->answer, "kind", word);
	return money_choice("the command", refusal_kinds, word, ret_kind);
}

static void answer_account(struct chain *c)
{
	money_put_address(c->v->answer, "account", sender_account(c->sender));
}

struct error *cmd_register(struct vcli *v)
{
	struct accounts_register_call call;
	struct chain_awaited *w;
	struct chain *c = NULL;
	int kind = 0;

	vcli_answer(v, json_object());
	TRY(kind_of(v, &kind));
	call.kind = (enum contracts_kind)kind;
	keccak256("", 0, call.profile);
	if (v->args[0])
		TRY(money_file_digest(v->args[0], call.profile));
	TRY(chain_open_sending(v, &c));
	answer_account(c);
	money_put_hash(v->answer, "profile", call.profile);
	w = chain_begin(c);
	accounts_register_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	return money_show(v);
}

struct error *cmd_register_remove(struct vcli *v)
{
	struct accounts_unregister_call call;
	struct chain_awaited *w;
	struct chain *c = NULL;
	int kind = 0;

	vcli_answer(v, json_object());
	TRY(kind_of(v, &kind));
	call.kind = (enum contracts_kind)kind;
	TRY(chain_open_sending(v, &c));
	answer_account(c);
	w = chain_begin(c);
	accounts_unregister_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	return money_show(v);
}

/* --- nodes --- */

static struct codec_text text_of(const char *text)
{
	return (struct codec_text){text ? text : "", text ? strlen(text) : 0};
}

static struct error *read_price(const struct vcli *v, struct u256 *ret_price)
{
	if (!v->set.market.price)
		return error_new(ERROR_INVALID, "--price: name what a delivered segment costs, such as \"20 gwei\"");
	TRY(money_amount("--price", v->set.market.price, ret_price));
	return money_fits("--price", *ret_price, MONEY_PRICE_BITS);
}

static struct error *add(struct chain *c, const struct secp_key *key, const struct nodes_add_call *offer)
{
	struct vcli *v = c->v;
	uint8_t node[ETH_ADDRESS_BYTES];
	struct chain_awaited *w = chain_begin(c);

	secp_address(key->public, node);
	money_put_address(v->answer, "node", node);
	json_put(v->answer, "work", refusal_word(refusal_works, offer->work));
	money_put(v->answer, "price", offer->price);
	answer_account(c);
	nodes_list_own(w, c->contracts, offer, key, chain_answered, w);
	return chain_await(c, w);
}

struct error *cmd_register_add_node(struct vcli *v)
{
	struct passphrase_source source = v->set.client.passphrase;
	struct nodes_add_call offer = {.endpoint = text_of(v->set.market.endpoint),
				       .capacity = (uint64_t)v->set.market.capacity,
				       .version = text_of(v->set.market.software)};
	struct secp_key key = {{0}, {0}};
	struct chain *c = NULL;
	int work = 0;
	struct error *e;

	vcli_answer(v, json_object());
	TRY(money_choice("ROLE", refusal_works, v->args[0], &work));
	offer.work = (enum contracts_work)work;
	TRY(read_price(v, &offer.price));
	source.file = v->set.market.node_passphrase_file;
	e = keyfile_read(v->args[1], &source, &key);
	if (e)
		return error_wrap(e, "the node's key%s",
				  e->code == ERROR_UNAVAILABLE ? ", whose flag is --node-passphrase-file" : "");
	e = chain_open_sending(v, &c);
	if (!e)
		e = add(c, &key, &offer);
	secret_wipe(&key, sizeof(key));
	return e ? e : money_show(v);
}

static struct error *node_of(struct vcli *v, uint8_t ret_node[ETH_ADDRESS_BYTES])
{
	char *node = NULL;

	TRY(resolve_address(v, "NODE_ID", v->args[0], &node));
	return money_address_bytes("NODE_ID", node, ret_node);
}

struct error *cmd_register_update_node(struct vcli *v)
{
	struct nodes_update_call call = {.endpoint = text_of(v->set.market.endpoint),
					 .capacity = (uint64_t)v->set.market.capacity,
					 .version = text_of(v->set.market.software)};
	struct chain_awaited *w;
	struct chain *c = NULL;

	vcli_answer(v, json_object());
	TRY(node_of(v, call.node));
	TRY(read_price(v, &call.price));
	TRY(chain_open_sending(v, &c));
	money_put_address(v->answer, "node", call.node);
	money_put(v->answer, "price", call.price);
	w = chain_begin(c);
	nodes_update_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	return money_show(v);
}

struct error *cmd_register_remove_node(struct vcli *v)
{
	struct nodes_remove_call call;
	struct chain_awaited *w;
	struct chain *c = NULL;

	vcli_answer(v, json_object());
	TRY(node_of(v, call.node));
	TRY(chain_open_sending(v, &c));
	money_put_address(v->answer, "node", call.node);
	w = chain_begin(c);
	nodes_remove_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	return money_show(v);
}
