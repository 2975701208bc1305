/* Nodes for a job: all are looked at before the first is assigned. */
#include "contracts/escrow.h"

#include <string.h>

#include "base/mem.h"
#include "chain/address.h"
#include "contracts/escrow_check.h"
#include "contracts/nodes_abi.h"
#include "contracts/op.h"
#include "contracts/refusal.h"

struct escrow_assigning {
	struct op op;
	struct escrow_assignment a;
	struct u256 *limits; /* of each node */
	size_t at;           /* the node that is looked at, then the one that is assigned */
	struct nodes_get_result node;
	struct jobs_limit_of_result limit;
	struct txbox_record *record;
	struct jobs_node_assigned_event assigned, *ret;
	size_t *ret_count;
};

static void look(struct escrow_assigning *s);
static void assign(struct escrow_assigning *s);

/* With the node's name, when that is not in it. */
static void fail_looking(struct escrow_assigning *s, struct error *e)
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(s->a.nodes[s->at], text);
	op_end_with(s, strstr(e->message, text) ? e : error_wrap(e, "%s", text));
}

static struct jobs_assign_call call_of(const struct escrow_assigning *s)
{
	struct jobs_assign_call call = {.job_id = u256_of(s->a.job), .max_price = s->limits[s->at]};

	memcpy(call.node, s->a.nodes[s->at], sizeof(call.node));
	return call;
}

/* --- looking --- */

static void next_look(struct escrow_assigning *s)
{
	if (++s->at < s->a.count) {
		look(s);
	} else {
		s->at = 0;
		assign(s);
	}
}

static void on_tried(const struct contracts_answer *answer, void *arg)
{
	if (answer->error)
		fail_looking(arg, error_copy(answer->error));
	else
		next_look(arg);
}

/* What is said again with a name is not asked: some may be assigned already. */
static void try_it(struct escrow_assigning *s, struct u256 limit)
{
	struct jobs_assign_call call;

	s->limits[s->at] = limit;
	call = call_of(s);
	if (contracts_is_named(s->op.k))
		next_look(s);
	else
		jobs_assign_try(s, s->op.k, &call, on_tried, s);
}

static void on_limit(const struct contracts_answer *answer, void *arg)
{
	struct escrow_assigning *s = arg;

	if (answer->error)
		fail_looking(s, error_copy(answer->error));
	else
		try_it(s, s->limit.value);
}

static struct error *no_such_node(const uint8_t node[ETH_ADDRESS_BYTES])
{
	struct contracts_no_such_node_refusal values;
	struct error *e;
	char *words;

	memcpy(values.node, node, sizeof(values.node));
	words = refusal_words(NULL, CONTRACTS_REFUSAL_NO_SUCH_NODE, &values);
	e = error_new(ERROR_REFUSED, "%s", words);
	mem_free(words);
	return e;
}

static void on_node(const struct contracts_answer *answer, void *arg)
{
	struct escrow_assigning *s = arg;
	const struct jobs_limit_of_call call = {.job_id = u256_of(s->a.job), .work = s->node.work};

	if (answer->error && answer->error->code == ERROR_REFUSED)
		fail_looking(s, no_such_node(s->a.nodes[s->at]));
	else if (answer->error)
		fail_looking(s, error_copy(answer->error));
	else
		jobs_limit_of_ask(s, s->op.k, &call, "latest", &s->limit, on_limit, s);
}

/* The highest price of its work that the customer pays. */
static void look(struct escrow_assigning *s)
{
	struct nodes_get_call call;

	if (s->a.most) {
		try_it(s, *s->a.most);
		return;
	}
	memcpy(call.node, s->a.nodes[s->at], sizeof(call.node));
	nodes_get_ask(s, s->op.k, &call, "latest", &s->node, on_node, s);
}

/* --- assigning --- */

/* Takes e. */
static void fail_assigning(struct escrow_assigning *s, struct error *e)
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(s->a.nodes[s->at], text);
	op_end_with(s, error_wrap(e, "%zu of %zu nodes are assigned; %s", s->at, s->a.count, text));
}

/* By the bytes that were sent: of a name that was used before the limit was another. */
static struct error *check_assigned(struct escrow_assigning *s)
{
	const struct txbox_record *r = s->record;
	struct jobs_assign_call sent;

	TRY(codec_call_read(s, &jobs_assign_function, r->intent.data, r->intent.n, &sent));
	return escrow_check_assigned(r->account, &sent, &s->assigned);
}

static void on_event(const struct contracts_answer *answer, void *arg)
{
	struct escrow_assigning *s = arg;
	struct error *e = answer->error ? error_copy(answer->error) : check_assigned(s);

	if (e) {
		fail_assigning(s, e);
		return;
	}
	s->ret[s->at] = s->assigned;
	*s->ret_count = ++s->at;
	if (s->at < s->a.count)
		assign(s);
	else
		op_end(s, answer);
}

static void on_assigned(const struct contracts_answer *answer, void *arg)
{
	struct escrow_assigning *s = arg;

	if (answer->error)
		fail_assigning(s, error_copy(answer->error));
	else
		jobs_node_assigned_find(s, s->op.k, s->record, &s->assigned, on_event, s);
}

/* The limit was the job's, not said. */
static void forget_limit(void *args)
{
	((struct jobs_assign_call *)args)->max_price = U256_ZERO;
}

static void assign(struct escrow_assigning *s)
{
	const struct contracts_terms terms = {.forget = s->a.most ? NULL : forget_limit};
	const struct jobs_assign_call call = call_of(s);

	jobs_assign_send(s, s->op.k, &call, &terms, &s->record, on_assigned, s);
}

void escrow_assign(const void *ctx, struct contracts *k, const struct escrow_assignment *a,
		   struct jobs_node_assigned_event *ret_events, size_t *ret_count, contracts_fn *fn, void *arg)
{
	struct escrow_assigning *s = op_new(ctx, k, struct escrow_assigning, fn, arg);

	s->a = *a;
	s->limits = mem_array(s, struct u256, a->count);
	s->ret = ret_events;
	s->ret_count = ret_count;
	*ret_count = 0;
	look(s);
}
