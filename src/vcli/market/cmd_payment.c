/* vcli payment: money in and out of the contracts, and between accounts: within the contracts and outside. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "contracts/accounts_abi.h"
#include "contracts/refusal.h"
#include "vcli/chain/chain.h"
#include "vcli/chain/wallet.h"
#include "vcli/commands.h"
#include "vcli/money.h"

/* What an account has in Accounts, and outside in its own wallet. */
static struct error *answer_balance(struct chain *c, const uint8_t account[ETH_ADDRESS_BYTES])
{
	struct accounts_balance_of_result balance;
	struct accounts_balance_of_call call;
	struct chain_awaited *w = chain_begin(c);
	struct u256 wallet = U256_ZERO;

	memcpy(call.value, account, sizeof(call.value));
	accounts_balance_of_ask(w, c->contracts, &call, "latest", &balance, chain_answered, w);
	TRY(chain_await(c, w));
	TRY(chain_wallet(c, account, &wallet));
	money_put_address(c->v->answer, "account", account);
	money_put(c->v->answer, "balance", balance.value);
	money_put(c->v->answer, "wallet", wallet);
	return money_show(c->v);
}

struct error *cmd_payment_balance(struct vcli *v)
{
	uint8_t account[ETH_ADDRESS_BYTES];
	struct chain *c = NULL;
	struct error *e;

	e = v->args[0] ? eth_address_parse(v->args[0], account) : wallet_address(v, true, account);
	if (e)
		return v->args[0] ? error_wrap(e, "ADDRESS") : e;
	TRY(chain_open(v, &c));
	return answer_balance(c, account);
}

struct error *cmd_payment_deposit(struct vcli *v)
{
	struct contracts_terms terms = {.value = U256_ZERO};
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(money_amount_args(v, 0, &terms.value));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	accounts_deposit_send(w, c->contracts, &terms, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	return answer_balance(c, sender_account(c->sender));
}

struct error *cmd_payment_withdraw(struct vcli *v)
{
	struct accounts_withdraw_call call = {.amount = U256_ZERO};
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(money_amount_args(v, 0, &call.amount));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	accounts_withdraw_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	return answer_balance(c, sender_account(c->sender));
}

struct error *cmd_payment_transfer(struct vcli *v)
{
	struct accounts_transfer_call call = {.amount = U256_ZERO};
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(money_address_bytes("ADDRESS", v->args[0], call.to));
	TRY(money_amount_args(v, 1, &call.amount));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	accounts_transfer_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	return answer_balance(c, sender_account(c->sender));
}

/* --- from wallet to wallet --- */

/* Our contracts take ether by their functions only, and nobody has the zero address. */
static struct error *refuse_no_wallet(const struct chain *c, const uint8_t to[ETH_ADDRESS_BYTES])
{
	static const uint8_t nobody[ETH_ADDRESS_BYTES];
	json_t *contracts = c->deployment ? c->deployment->contracts : NULL, *value = NULL;
	uint8_t address[ETH_ADDRESS_BYTES];
	const char *name = NULL;

	if (memcmp(to, nobody, sizeof(nobody)) == 0)
		return error_new(ERROR_REFUSED, "%s", refusal_words(c, CONTRACTS_REFUSAL_ZERO_ADDRESS, NULL));
	json_object_foreach (contracts, name, value) {
		TRY(deployment_get(c->deployment, name, address));
		if (memcmp(to, address, sizeof(address)) == 0)
			return error_new(
				ERROR_REFUSED,
				"%s is the contract %s and nobody's wallet: vcli payment deposit puts ether into your balance there, vcli payment transfer pays from that",
				json_string_value(value), name);
	}
	return NULL;
}

/* Who is to deploy may need ether first: a file of addresses need not be there. Contracts that a file names must: what
 * waits in the outbox may be for them. */
static struct error *open_anywhere(struct vcli *v, struct chain **ret_chain)
{
	struct error *e = chain_connect(v, ret_chain);

	if (e)
		return chain_unreached(e);
	e = chain_read_addresses(*ret_chain);
	if (!e || e->code != ERROR_NOT_FOUND || (*ret_chain)->deployment)
		return e;
	error_free(e);
	return NULL;
}

static struct error *answer_sent(struct chain *c, struct u256 amount)
{
	const uint8_t *account = sender_account(c->sender);
	struct u256 wallet = U256_ZERO;
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(account, text);
	TRY(chain_wallet(c, account, &wallet));
	json_put(c->v->answer, "account", text);
	money_put(c->v->answer, "sent", amount);
	money_put(c->v->answer, "wallet", wallet);
	return money_show(c->v);
}

struct error *cmd_payment_send(struct vcli *v)
{
	uint8_t to[ETH_ADDRESS_BYTES];
	struct u256 amount = U256_ZERO;
	struct chain *c = NULL;
	char *text = NULL;
	struct error *e;

	vcli_answer(v, json_object());
	TRY(money_address(v, "ADDRESS", v->args[0], &text));
	TRY(eth_address_parse(text, to));
	TRY(money_amount_args(v, 1, &amount));
	json_put(v->answer, "to", text);
	if (u256_is_zero(amount))
		return error_new(ERROR_REFUSED, "%s", refusal_words(v, CONTRACTS_REFUSAL_ZERO_AMOUNT, NULL));
	TRY(open_anywhere(v, &c));
	TRY(refuse_no_wallet(c, to));
	TRY(chain_unlock(c));
	e = chain_pay(c, to, amount);
	if (e)
		/* A contract that takes none need not say why. */
		return e->code == ERROR_REFUSED ? error_wrap(e, "%s gets nothing", text) : e;
	return answer_sent(c, amount);
}
