/* vcli job create, top-up, assign, unassign, close, cancel, finish: a job's money and the nodes that work for it. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "contracts/escrow.h"
#include "contracts/refusal.h"
#include "vcli/chain/chain.h"
#include "vcli/commands.h"
#include "vcli/market/escrow_terms.h"
#include "vcli/money.h"
#include "vcli/node/resolve.h"

static struct error *job_of(struct vcli *v, uint64_t *ret_job)
{
	TRY(money_number("JOB", v->args[0], INT64_MAX, ret_job));
	json_object_set_new(v->answer, "job", json_sprintf("%" PRIu64, *ret_job));
	return NULL;
}

static struct error *node_of(struct vcli *v, const char *text, uint8_t ret_node[ETH_ADDRESS_BYTES])
{
	char *node = NULL;

	TRY(resolve_address(v, "NODE_ID", text, &node));
	return money_address_bytes("NODE_ID", node, ret_node);
}

static struct error *read_job(struct vcli *v, struct escrow_job *job)
{
	TRY(escrow_terms_read(v, job));
	return money_file_digest(v->args[0], job->document);
}

static void answer_number(struct vcli *v, const char *key, struct u256 n)
{
	json_put(v->answer, key, u256_decimal(v, n));
}

struct error *cmd_job_create(struct vcli *v)
{
	struct jobs_job_created_event event;
	struct escrow_job job = {.for_ms = 0};
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(read_job(v, &job));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	escrow_create(w, c->contracts, &job, &event, chain_answered, w);
	TRY(chain_await(c, w));
	answer_number(v, "job", event.job_id);
	money_put_hash(v->answer, "document", job.document);
	money_put(v->answer, "budget", job.budget);
	money_put_time(v->answer, "deadline", event.deadline);
	return money_show(v);
}

struct error *cmd_job_top_up(struct vcli *v)
{
	struct jobs_top_up_call call = {.amount = U256_ZERO};
	struct chain_awaited *w;
	struct chain *c = NULL;
	uint64_t job = 0;

	vcli_answer(v, json_object());
	TRY(job_of(v, &job));
	call.job_id = u256_of(job);
	TRY(money_amount_args(v, 1, &call.amount));
	TRY(money_fits("AMOUNT", call.amount, MONEY_BUDGET_BITS));
	TRY(chain_open_sending(v, &c));
	money_put(v->answer, "amount", call.amount);
	w = chain_begin(c);
	escrow_top_up(w, c->contracts, &call, v->set.market.from_balance, chain_answered, w);
	TRY(chain_await(c, w));
	return money_show(v);
}

/* --- nodes --- */

static void answer_assigned(json_t *nodes, const struct jobs_node_assigned_event *event)
{
	json_t *row = json_object();

	money_put_address(row, "node", event->node);
	json_put(row, "work", refusal_word(refusal_works, event->work));
	money_put(row, "price", event->price);
	money_put_address(row, "payee", event->payee);
	json_array_append_new(nodes, row);
}

static struct error *assign(struct chain *c, const struct escrow_assignment *a, json_t *nodes)
{
	struct jobs_node_assigned_event *events = mem_array(c, struct jobs_node_assigned_event, a->count);
	struct chain_awaited *w = chain_begin(c);
	size_t count = 0;
	struct error *e;

	escrow_assign(w, c->contracts, a, events, &count, chain_answered, w);
	e = chain_await(c, w);
	for (size_t i = 0; i < count; i++)
		answer_assigned(nodes, &events[i]);
	return e ? e : money_show(c->v);
}

struct error *cmd_job_assign(struct vcli *v)
{
	size_t count = v->arg_count - 1;
	uint8_t(*ids)[ETH_ADDRESS_BYTES] = talloc_zero_size(v, count * sizeof(*ids) + 1);
	struct escrow_assignment a = {.nodes = (const uint8_t(*)[ETH_ADDRESS_BYTES])ids, .count = count};
	struct u256 most = U256_ZERO;
	json_t *nodes = json_array();
	struct chain *c = NULL;

	vcli_answer(v, json_object());
	json_object_set_new(v->answer, "nodes", nodes);
	TRY(job_of(v, &a.job));
	if (v->set.market.max_price) {
		TRY(money_amount("--max-price", v->set.market.max_price, &most));
		a.most = &most;
	}
	TRY(money_fits("--max-price", most, MONEY_PRICE_BITS));
	for (size_t i = 0; i < count; i++)
		TRY(node_of(v, v->args[i + 1], ids[i]));
	TRY(chain_open_sending(v, &c));
	return assign(c, &a, nodes);
}

struct error *cmd_job_unassign(struct vcli *v)
{
	struct jobs_unassign_call call;
	struct chain_awaited *w;
	struct chain *c = NULL;
	uint64_t job = 0;

	vcli_answer(v, json_object());
	TRY(job_of(v, &job));
	call.job_id = u256_of(job);
	TRY(node_of(v, v->args[1], call.node));
	TRY(chain_open_sending(v, &c));
	money_put_address(v->answer, "node", call.node);
	w = chain_begin(c);
	jobs_unassign_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	return money_show(v);
}

/* --- ends --- */

static struct error *close_job(struct chain *c, uint64_t job)
{
	struct jobs_job_closing_event event;
	struct chain_awaited *w = chain_begin(c);

	escrow_close(w, c->contracts, job, &event, chain_answered, w);
	TRY(chain_await(c, w));
	money_put_time(c->v->answer, "ends_at", event.ends_at);
	return money_show(c->v);
}

/* close, cancel, finish: the last word of the command. */
struct error *cmd_job_end(struct vcli *v)
{
	const char *word = strrchr(v->command->words, ' ') + 1;
	struct jobs_job_finished_event event;
	struct chain_awaited *w;
	struct chain *c = NULL;
	uint64_t job = 0;

	vcli_answer(v, json_object());
	TRY(job_of(v, &job));
	TRY(chain_open_sending(v, &c));
	if (strcmp(word, "close") == 0)
		return close_job(c, job);
	w = chain_begin(c);
	if (strcmp(word, "cancel") == 0)
		escrow_cancel(w, c->contracts, job, &event, chain_answered, w);
	else
		escrow_finish(w, c->contracts, job, &event, chain_answered, w);
	TRY(chain_await(c, w));
	json_put(v->answer, "job_state", refusal_word(refusal_job_states, event.state));
	money_put(v->answer, "refund", event.refund);
	return money_show(v);
}
