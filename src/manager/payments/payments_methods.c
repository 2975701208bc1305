/* payments.status: what is known of an order's money. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "contracts/order_document.h"
#include "manager/payments/payments_impl.h"

static struct error *on_node(const char *node, const char *price, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s,s:s}", "node_id", node, "price", price));
	return NULL;
}

static struct error *put_chain_job(const void *scope, const struct payments *p, const struct payment_row *row,
				   json_t *o)
{
	struct ledger_job job;
	json_t *nodes = json_array();
	char *deadline;

	json_object_set_new(o, "assigned", nodes);
	if (!row->chain_job)
		return NULL;
	TRY(ledger_get_job(payments_link_ledger(p->link), row->chain_job, &job));
	TRY(ledger_nodes(payments_link_ledger(p->link), row->chain_job, on_node, nodes));
	json_put_decimal(o, "chain_job", row->chain_job);
	json_put(o, "budget", u256_decimal(scope, job.budget));
	deadline = clock_format(NULL, job.deadline_s * 1000);
	json_put(o, "deadline", deadline);
	mem_free(deadline);
	return NULL;
}

static void put_due(const struct payments *p, const struct payment_row *row, json_t *o)
{
	char *due;

	if (row->state != PAYMENT_OWED)
		return;
	due = clock_format(NULL, row->created_ms + p->host->network->chain_paid_on->unpaid_ms);
	json_put(o, "due", due);
	mem_free(due);
}

static void payments_status(struct method_call *c, void *arg)
{
	struct payments *p = arg;
	const struct caller *who = method_caller(c);
	struct payment_row *row = NULL;
	json_t *o = json_object();
	uint8_t document[ABI_WORD];
	struct error *e = p->link ? NULL : error_new(ERROR_NOT_FOUND, "this network has no chain: nothing is paid for");

	if (!e)
		e = payment_rows_find(c, p->host->db, method_text(c, "job"),
				      who->roles & (CALLER_OPERATOR | CALLER_SERVICE) ? NULL : who->address, &row);
	/* Who asks may have paid just now. */
	if (!e && row->state == PAYMENT_OVERDUE)
		payments_mark(p, row->job);
	if (!e) {
		json_put(o, "job", row->job);
		json_put(o, "state", payment_state_name(row->state));
		order_document(row->job, p->host->network->manager, document);
		json_object_set_new(o, "document", json_sprintf("0x%s", hex_encode(c, document, sizeof(document))));
		put_due(p, row, o);
		e = put_chain_job(c, p, row, o);
	}
	if (e) {
		json_decref(o);
		method_fail(c, e);
	} else {
		json_object_set_new(
			o, "settled",
			json_boolean(row->state == PAYMENT_OVERDUE || !json_object_get(p->dirty, row->job)));
		method_answer(c, o);
	}
}

const struct method payments_methods[PAYMENTS_METHODS] = {
	{"payments.status",
	 payments_status,
	 CALLER_CUSTOMER | CALLER_OPERATOR | CALLER_SERVICE,
	 "Tell how an order is paid for, by what the chain's final blocks say",
	 "`state` (owed, bound, overdue, over); `document`, which the job on the chain is to have; `due`, when it is stopped "
	 "otherwise; `chain_job` with `budget` (wei) and `deadline`; `assigned`, of each node the `price` of a segment (wei); "
	 "`settled`: these are the nodes that work for it",
	 {{"job", METHOD_JOB, false, NULL, NULL, 0, 0, "The job's id, as orders.create has told it"}},
	 {{ERROR_NOT_FOUND, "look at orders.list; a new order is known here within a second"}}},
};
