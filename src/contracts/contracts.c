#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "contracts/contracts_impl.h"

struct contracts *contracts_new(const void *ctx, const struct contracts_config *config)
{
	struct contracts *k = mem_new(ctx, struct contracts);

	k->config = *config;
	return k;
}

void contracts_set_deployment(struct contracts *k, const struct deployment *d)
{
	k->deployment = d;
}

void contracts_set_sender(struct contracts *k, struct sender *s, struct db *db, struct u256 highest_fee,
			  struct u256 highest_cost)
{
	k->sender = s;
	k->db = db;
	k->config.highest_fee = highest_fee;
	k->config.highest_cost = highest_cost;
}

struct error *contracts_address(const struct contracts *k, const char *contract, uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	if (!k->deployment)
		return error_new(ERROR_NOT_FOUND, "where the contract %s is, is not known", contract);
	return deployment_get(k->deployment, contract, ret_address);
}

uint64_t contracts_chain_id(const struct contracts *k)
{
	return k->deployment ? k->deployment->chain_id : 0;
}

const uint8_t *contracts_account(const struct contracts *k)
{
	return k->sender ? sender_account(k->sender) : NULL;
}

struct error *contracts_not_yet(const struct contracts *k, const char *what)
{
	const char *trouble = sender_trouble(k->sender);

	if (sender_unproved(k->sender))
		return error_new(
			ERROR_REFUSED,
			"%s is kept and not signed: %s; name another endpoint with --chain-rpc, or say with --nonce how many transactions the account has sent",
			what, trouble ? trouble : "");
	return error_new(
		ERROR_TIMEOUT,
		"%s is not confirmed yet%s%s: it is kept, and the next command of this account goes on; vcli outbox list shows it, vcli outbox resend, replace and abandon do something about it",
		what, trouble ? ": " : "", trouble ? trouble : "");
}

void contracts_tell(struct error *e, enum contracts_refusal refusal, contracts_fn *fn, void *arg)
{
	const struct contracts_answer answer = {e, refusal};

	fn(&answer, arg);
	error_free(e);
}

/* --- later --- */

struct contracts_later {
	struct error *error;
	contracts_fn *fn;
	void *arg;
};

static int later_destroy(struct contracts_later *l)
{
	error_free(l->error);
	return 0;
}

static void on_later(void *arg)
{
	struct contracts_later *l = talloc_steal(NULL, (struct contracts_later *)arg);
	struct error *e = l->error;

	l->error = NULL;
	contracts_tell(e, CONTRACTS_REFUSAL_NONE, l->fn, l->arg);
	mem_free(l);
}

void contracts_fail(const void *ctx, struct contracts *k, struct error *e, contracts_fn *fn, void *arg)
{
	struct contracts_later *l = mem_new(ctx, struct contracts_later);

	*l = (struct contracts_later){e, fn, arg};
	talloc_set_destructor(l, later_destroy);
	timer_start(l, k->config.loop, 0, 0, on_later, l);
}
