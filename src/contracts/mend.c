#include "contracts/mend.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "contracts/contracts_impl.h"
#include "contracts/op.h"

#define GAS_MARGIN(gas) ((gas) + (gas) / 5)

struct mend_search {
	const void *ctx;
	const char *begins;
	struct txbox_record *found;
	size_t count;
};

static struct error *on_candidate(struct txbox_record *r, void *arg)
{
	struct mend_search *s = arg;

	if (strncmp(r->intent.id, s->begins, strlen(s->begins)) == 0) {
		mem_free(s->found);
		s->found = talloc_steal(s->ctx, r);
		s->count++;
	} else {
		mem_free(r);
	}
	return NULL;
}

static struct error *check_found(const struct contracts *k, const struct mend_search *s)
{
	if (s->count != 1)
		return error_new(
			s->count ? ERROR_INVALID : ERROR_NOT_FOUND,
			"%s transaction of this chain waits under an id that begins with %s: vcli outbox list shows them",
			s->count ? "more than one" : "no", s->begins);
	if (memcmp(s->found->account, contracts_account(k), ETH_ADDRESS_BYTES) != 0)
		return error_new(ERROR_INVALID, "it is of another account: name that with --account");
	return NULL;
}

struct error *mend_find(const void *ctx, const struct contracts *k, const char *begins,
			struct txbox_record **ret_record)
{
	struct mend_search s = {.ctx = ctx, .begins = begins};
	struct error *e = txbox_each_pending(k->db, on_candidate, &s);

	if (!e)
		e = check_found(k, &s);
	if (e)
		mem_free(s.found);
	else
		*ret_record = s.found;
	return e;
}

struct error *mend_check_signed(const struct txbox_record *record)
{
	if (record->state != TXBOX_WANTED)
		return NULL;
	return error_new(
		ERROR_REFUSED,
		"it is not signed yet: the next command of the account goes on with it, or vcli outbox abandon gives it up");
}

/* --- signed again --- */

struct mending {
	struct op op;
	const struct txbox_record *record;
};

static struct error *replace(const struct mending *m, const struct rpc_reply *reply)
{
	const struct json_place at = {NULL, "eth_estimateGas", 0};
	uint64_t gas = 0;

	if (reply->error)
		return error_wrap(
			error_copy(reply->error),
			"it would fail now, so that it is not signed again (vcli outbox abandon gives it up)");
	TRY(rpc_read_quantity(reply->result, &at, &gas));
	return sender_replace(m->op.k->sender, m->record->intent.id, GAS_MARGIN(gas));
}

static void on_estimate(const struct rpc_reply *reply, void *arg)
{
	op_end_with(arg, replace(arg, reply));
}

void mend_replace(const void *ctx, struct contracts *k, const struct txbox_record *record, contracts_fn *fn, void *arg)
{
	struct mending *m = op_new(ctx, k, struct mending, fn, arg);
	struct error *e = mend_check_signed(record);

	m->record = record;
	if (!e && !record->intent.gas) {
		rpc_call(k->config.rpc, m, "eth_estimateGas",
			 json_pack("[o]", contracts_call_json(contracts_account(k), &record->intent)), on_estimate, m);
		return;
	}
	if (!e)
		e = sender_replace(k->sender, record->intent.id, record->intent.gas);
	op_fail(m, e);
}

struct error *mend_fill(struct contracts *k, const struct txbox_record *record)
{
	TRY(mend_check_signed(record));
	return sender_fill(k->sender, record->intent.id);
}

/* --- given up --- */

struct error *mend_abandon(struct contracts *k, const struct txbox_record *record, bool *ret_ended)
{
	*ret_ended = record->state == TXBOX_WANTED;
	return *ret_ended ? txbox_abandon(k->db, record, "abandoned before it was signed")
			  : sender_cancel(k->sender, record->intent.id);
}

struct error *mend_forget(struct contracts *k, const struct txbox_record *record)
{
	return txbox_abandon(k->db, record, "forgotten, as its author wanted: it may still be carried out");
}
