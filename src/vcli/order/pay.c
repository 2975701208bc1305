#include "vcli/order/pay.h"

#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "contracts/order_document.h"
#include "vcli/chain/chain.h"
#include "vcli/market/escrow_terms.h"
#include "vcli/money.h"
#include "vcli/order/ask.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

bool pay_is_due(const json_t *network)
{
	const char *name = text_of(json_object_get(network, "chain"), "name");

	return *name && strcmp(name, "none") != 0;
}

/* What pays for the order is read at the contract that dsnd reads. */
static struct error *check_contracts(struct vcli *v, const json_t *network)
{
	const char *theirs = text_of(json_object_get(network, "contracts"), "Jobs"),
		   *chain_id = text_of(json_object_get(network, "chain"), "chain_id");
	struct deployment *d = NULL;
	char *path = NULL;
	const char *ours;

	TRY(chain_addresses_path(v, &path));
	TRY(deployment_read(v, path, &d));
	ours = text_of(d->contracts, "Jobs");
	if (strcasecmp(ours, theirs) == 0 &&
	    strcmp(mem_printf(v, "%llu", (unsigned long long)d->chain_id), chain_id) == 0)
		return NULL;
	return error_new(
		ERROR_REFUSED,
		"%s has the contract Jobs at %s on chain %llu, the network is paid at %s on chain %s: name the network's file of addresses with --addresses",
		path, ours, (unsigned long long)d->chain_id, theirs, chain_id);
}

struct error *pay_prepare(struct vcli *v, struct escrow_job *ret_terms, json_t **ret_network)
{
	json_t *network = NULL;
	struct error *e;

	TRY(escrow_terms_read(v, ret_terms));
	TRY(ask_dsnd(v, "network.describe", json_object(), &network));
	e = pay_is_due(network) ? check_contracts(v, network)
				: error_new(ERROR_REFUSED, "this network has no chain: leave --budget out");
	if (e)
		json_decref(network);
	else
		*ret_network = network;
	return e;
}

/* dsnd looks for an escrow of the order's owner. */
static struct error *check_owner(const struct chain *c, const json_t *order)
{
	char *account = hex_encode(c, contracts_account(c->contracts), ETH_ADDRESS_BYTES);
	const char *owner = text_of(order, "owner");

	if (strcasecmp(account, owner) == 0)
		return NULL;
	return error_new(ERROR_REFUSED, "job %s is of %s, and this account is %s: pay with the key that has ordered",
			 text_of(order, "job"), owner, account);
}

static void answer(struct vcli *v, const struct jobs_job_created_event *event)
{
	json_t *o = json_object();

	json_put(o, "chain_job", u256_decimal(v, event->job_id));
	money_put(o, "budget", event->budget);
	money_put_time(o, "deadline", event->deadline);
	json_object_set_new(v->answer, "payment", o);
}

struct error *pay_order(struct vcli *v, const json_t *network, const json_t *order, const struct escrow_job *terms)
{
	const char *job = text_of(order, "job"), *manager = text_of(network, "manager");
	struct jobs_job_created_event event;
	struct escrow_job escrow = *terms;
	struct chain_awaited *w;
	struct chain *c = NULL;

	order_document(job, manager, escrow.document);
	if (!v->set.chain.once)
		v->set.chain.once = mem_printf(v, "order %s %.16s", job, manager);
	TRY(chain_open_sending(v, &c));
	TRY(check_owner(c, order));
	w = chain_begin(c);
	escrow_create(w, c->contracts, &escrow, &event, chain_answered, w);
	TRY(chain_await(c, w));
	answer(v, &event);
	return NULL;
}
