/* Which nodes are assigned to an order's job on the chain: those that work for it, and no others. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "contracts/jobs_abi.h"
#include "contracts/roles_abi.h"
#include "manager/payments/payments_impl.h"

void payments_mark(struct payments *p, const char *job)
{
	json_object_set_new(p->dirty, job, json_true());
}

/* --- the role --- */

struct error *payments_settle_role(struct payments *p, enum ledger_role *ret_role)
{
	const struct roles_accept_grant_call call = {CONTRACTS_ROLE_MANAGER};
	const struct payments_wish wish = {
		.what = "accept manager", .function = &roles_accept_grant_function, .args = &call};
	bool left = false;

	TRY(ledger_role_of(payments_link_ledger(p->link), payments_link_account(p->link), ret_role));
	return *ret_role == LEDGER_ROLE_OFFERED ? payments_want(p, &wish, &left) : NULL;
}

/* --- one node --- */

struct assigning {
	struct payments *payments;
	int64_t chain_job;
	const json_t *parts; /* who works for it */
	json_t *assigned;    /* node -> price */
	bool left;
	struct error *error;
};

/* The price that it was chosen for; where it asked for nothing, that of its listing, up to the customer's limit. */
static struct u256 most_of(const json_t *part)
{
	const json_t *price = json_object_get(part, "price");
	uint8_t all[10] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	return json_is_integer(price) ? u256_of((uint64_t)json_integer_value(price))
				      : u256_from_bytes(all, sizeof(all));
}

static void what_texts(const struct assigning *a, const char *node, char ret_assign[PAYMENT_WHAT_BYTES],
		       char ret_unassign[PAYMENT_WHAT_BYTES])
{
	snprintf(ret_assign, PAYMENT_WHAT_BYTES, "assign %" PRId64 " %s", a->chain_job, node);
	snprintf(ret_unassign, PAYMENT_WHAT_BYTES, "unassign %" PRId64 " %s", a->chain_job, node);
}

static struct error *assign(struct assigning *a, const json_t *part)
{
	const char *node = json_string_value(json_object_get(part, "node_id"));
	char what[PAYMENT_WHAT_BYTES], undoes[PAYMENT_WHAT_BYTES];
	struct jobs_assign_call call = {.job_id = u256_of((uint64_t)a->chain_job), .max_price = most_of(part)};
	const struct payments_wish wish = {what, undoes, &jobs_assign_function, &call};

	if (!node || json_object_get(a->assigned, node))
		return NULL;
	what_texts(a, node, what, undoes);
	TRY(hex_decode(node, call.node, sizeof(call.node)));
	return payments_want(a->payments, &wish, &a->left);
}

static struct error *unassign(struct assigning *a, const char *node)
{
	char what[PAYMENT_WHAT_BYTES], undoes[PAYMENT_WHAT_BYTES];
	struct jobs_unassign_call call = {.job_id = u256_of((uint64_t)a->chain_job)};
	const struct payments_wish wish = {what, undoes, &jobs_unassign_function, &call};

	what_texts(a, node, undoes, what);
	TRY(hex_decode(node, call.node, sizeof(call.node)));
	return payments_want(a->payments, &wish, &a->left);
}

/* --- all of an order's --- */

static struct error *on_assigned(const char *node, const char *price, void *arg)
{
	json_put(arg, node, price);
	return NULL;
}

static bool works(const json_t *parts, const char *node)
{
	const json_t *part;
	size_t i;

	json_array_foreach (parts, i, part) {
		const char *id = json_string_value(json_object_get(part, "node_id"));

		if (id && strcmp(id, node) == 0)
			return true;
	}
	return false;
}

/* Those that are new first: a job has one of them for each that it loses, and room for 32. */
static struct error *compare(struct assigning *a)
{
	const json_t *part;
	json_t *price;
	const char *node;
	size_t i;

	TRY(ledger_nodes(payments_link_ledger(a->payments->link), a->chain_job, on_assigned, a->assigned));
	json_array_foreach (a->parts, i, part)
		TRY(assign(a, part));
	json_object_foreach (a->assigned, node, price) {
		if (!works(a->parts, node))
			TRY(unassign(a, node));
	}
	return NULL;
}

static struct error *settle_nodes(struct payments *p, const struct payment_row *row, const json_t *parts)
{
	struct assigning a = {.payments = p, .chain_job = row->chain_job, .parts = parts, .assigned = json_object()};
	struct error *e = compare(&a);

	json_decref(a.assigned);
	if (e || a.left)
		return e;
	json_object_del(p->dirty, row->job);
	return row->ended ? payment_rows_end(p->host->db, row) : NULL;
}

/* --- who works for it --- */

struct payments_asked {
	struct payments *payments;
	char *job;
};

static void on_parts(const struct method *method, const json_t *result, const struct error *e, void *arg)
{
	struct payments_asked *asked = arg;
	struct payments *p = asked->payments;
	struct payment_row *row = NULL;
	struct error *mine = e ? error_copy(e) : NULL;

	(void)method;
	json_object_del(p->asking, asked->job);
	if (!mine && p->leads)
		mine = payment_rows_find(asked, p->host->db, asked->job, NULL, &row);
	if (!mine && row && row->state == PAYMENT_BOUND && row->works)
		mine = settle_nodes(p, row, json_object_get(result, "parts"));
	if (mine)
		log_warn("payments.assign", "job=%s why=%s", asked->job, log_q(mine->message));
	error_free(mine);
	mem_free(asked);
}

struct error *payments_settle(struct payments *p, const struct payment_row *row)
{
	const struct caller self = service_self();
	struct payments_asked *asked;
	json_t *params;

	if (!row->works)
		return settle_nodes(p, row, NULL);
	if (json_object_get(p->asking, row->job))
		return NULL;
	json_object_set_new(p->asking, row->job, json_true());
	asked = mem_new(p, struct payments_asked);
	*asked = (struct payments_asked){p, mem_strdup(asked, row->job)};
	params = json_pack("{s:s}", "job", row->job);
	method_begin(p, p->host->methods, &self, "orders.parts", params, on_parts, asked);
	json_decref(params);
	return NULL;
}
