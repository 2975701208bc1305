/* vcli payment: money in and out of the contracts, and between accounts. */

#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "vcli/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/purse.h"

/* What an account has in Accounts, and outside in its own wallet. */
static struct error *answer_balance(struct chain *c, const uint8_t account[ETH_ADDRESS_BYTES])
{
	struct u256 balance = U256_ZERO, wallet = U256_ZERO;
	char text[ADDRESS_TEXT_BYTES];
	json_t *value = NULL;
	struct error *e;

	eth_address_text(account, text);
	TRY(chain_ask_one(c, "Accounts", "balanceOf", json_pack("[s]", text), &value));
	e = u256_parse(json_string_value(value), &balance);
	json_decref(value);
	TRY(e);
	TRY(chain_wallet(c, account, &wallet));
	json_put(c->v->answer, "account", text);
	money_put(c->v->answer, "balance", balance);
	money_put(c->v->answer, "wallet", wallet);
	return money_show(c->v);
}

struct error *cmd_payment_balance(struct vcli *v)
{
	uint8_t account[ETH_ADDRESS_BYTES];
	struct chain *c = NULL;
	struct error *e;

	e = v->args[0] ? eth_address_parse(v->args[0], account) : purse_address(v, true, account);
	if (e)
		return v->args[0] ? error_wrap(e, "ADDRESS") : e;
	TRY(chain_open(v, &c));
	return answer_balance(c, account);
}

struct error *cmd_payment_deposit(struct vcli *v)
{
	struct u256 amount = U256_ZERO;
	struct chain *c = NULL;

	TRY(money_amount_args(v, 0, &amount));
	TRY(chain_open_sending(v, &c));
	TRY(chain_do(c, "Accounts", "deposit", json_array(), amount, NULL));
	return answer_balance(c, sender_account(c->sender));
}

struct error *cmd_payment_withdraw(struct vcli *v)
{
	struct u256 amount = U256_ZERO;
	struct chain *c = NULL;

	TRY(money_amount_args(v, 0, &amount));
	TRY(chain_open_sending(v, &c));
	TRY(chain_do(c, "Accounts", "withdraw", json_pack("[o]", money_json(amount)), U256_ZERO, NULL));
	return answer_balance(c, sender_account(c->sender));
}

struct error *cmd_payment_transfer(struct vcli *v)
{
	struct u256 amount = U256_ZERO;
	struct chain *c = NULL;
	char *to = NULL;

	TRY(money_address(v, "ADDRESS", v->args[0], &to));
	TRY(money_amount_args(v, 1, &amount));
	TRY(chain_open_sending(v, &c));
	TRY(chain_do(c, "Accounts", "transfer", json_pack("[s,o]", to, money_json(amount)), U256_ZERO, NULL));
	return answer_balance(c, sender_account(c->sender));
}
