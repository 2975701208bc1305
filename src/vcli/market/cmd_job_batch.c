/* vcli job report, confirm, reject, settle, dispute, resolve, status: what was delivered, judged and paid. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "chain/amount.h"
#include "contracts/batches.h"
#include "contracts/refusal.h"
#include "vcli/chain/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/node/resolve.h"

/* JOB NODE_ID [ORDINAL] */
static struct error *read_names(struct vcli *v, bool ordinal, struct segments_batch *b)
{
	uint64_t number = 0;
	char *node = NULL;

	TRY(money_number("JOB", v->args[0], INT64_MAX, &b->job));
	TRY(resolve_address(v, "NODE_ID", v->args[1], &node));
	TRY(money_address_bytes("NODE_ID", node, b->node));
	if (ordinal)
		TRY(money_number("ORDINAL", v->args[2], UINT32_MAX, &number));
	b->ordinal = (uint32_t)number;
	vcli_answer(v, json_object());
	json_object_set_new(v->answer, "job", json_sprintf("%" PRIu64, b->job));
	json_put(v->answer, "node", node);
	return NULL;
}

static void put_number(json_t *obj, const char *key, uint64_t n)
{
	json_object_set_new(obj, key, json_sprintf("%" PRIu64, n));
}

static struct error *finish(struct vcli *v, const struct segments_batch *b)
{
	put_number(v->answer, "ordinal", b->ordinal);
	return money_show(v);
}

struct error *cmd_job_report(struct vcli *v)
{
	struct batches_report report;
	struct segments_batch batch;
	struct segments *s = NULL;
	struct chain_awaited *w;
	struct chain *c = NULL;
	struct error *e;

	TRY(read_names(v, false, &batch));
	TRY(segments_read(v, v->args[2], &s));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	batches_report(w, c->contracts, &batch, s, &report, chain_answered, w);
	e = chain_await(c, w);
	if (report.looked) {
		put_number(v->answer, "segments", s->count);
		money_put_hash(v->answer, "root", report.root);
		json_put(v->answer, "repeated", report.before ? "yes" : "no");
		batch.ordinal = report.ordinal;
	}
	return e ? e : finish(v, &batch);
}

/* --- judgement --- */

static struct error *read_evidence(struct vcli *v, uint8_t hash[KECCAK_BYTES], const uint8_t **ret_evidence)
{
	if (!v->set.market.evidence)
		return NULL;
	TRY(money_file_digest(v->set.market.evidence, hash));
	*ret_evidence = hash;
	return NULL;
}

struct error *cmd_job_confirm(struct vcli *v)
{
	struct batches_judgement j = {.accepted = (uint64_t)v->set.market.accepted, .from = v->args[3]};
	struct segments *s = NULL;
	uint8_t hash[KECCAK_BYTES];
	struct chain_awaited *w;
	struct chain *c = NULL;
	uint64_t accepted = 0;
	struct error *e;

	TRY(read_names(v, true, &j.batch));
	TRY(read_evidence(v, hash, &j.evidence));
	if (j.from)
		TRY(segments_read(v, j.from, &s));
	j.segments = s;
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	batches_confirm(w, c->contracts, &j, &accepted, chain_answered, w);
	e = chain_await(c, w);
	if (accepted)
		put_number(v->answer, "accepted", accepted);
	return e ? e : finish(v, &j.batch);
}

struct error *cmd_job_reject(struct vcli *v)
{
	const uint8_t *evidence = NULL;
	struct segments_batch batch;
	uint8_t hash[KECCAK_BYTES];
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(read_names(v, true, &batch));
	TRY(read_evidence(v, hash, &evidence));
	if (!evidence)
		return error_new(ERROR_INVALID, "--evidence: name a file that shows why the segments are not good");
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	batches_reject(w, c->contracts, &batch, evidence, chain_answered, w);
	TRY(chain_await(c, w));
	return finish(v, &batch);
}

struct error *cmd_job_settle(struct vcli *v)
{
	struct jobs_batch_settled_event event;
	struct segments_batch batch;
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(read_names(v, true, &batch));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	batches_settle(w, c->contracts, &batch, &event, chain_answered, w);
	TRY(chain_await(c, w));
	put_number(v->answer, "accepted", event.accepted);
	money_put_address(v->answer, "payee", event.payee);
	money_put(v->answer, "paid", event.amount);
	return finish(v, &batch);
}

/* --- disputes --- */

/* INDEX FILE. For want of any, what the customer says that was given none. */
static struct error *read_segment(struct vcli *v, const struct segments_batch *batch, struct segments_shown *space,
				  const struct segments_shown **ret_shown)
{
	struct segments *s = NULL;
	uint64_t index = 0;
	struct error *e;

	if (!v->args[3])
		return NULL;
	if (!v->args[4])
		return error_new(ERROR_INVALID, "FILE: name the file of segments in which INDEX counts");
	TRY(money_number("INDEX", v->args[3], SEGMENTS - 1, &index));
	TRY(segments_read(v, v->args[4], &s));
	e = segments_show(s, v->args[4], batch, index, space);
	if (e)
		return error_wrap(e, "INDEX");
	*ret_shown = space;
	return NULL;
}

struct error *cmd_job_dispute(struct vcli *v)
{
	const struct segments_shown *shown = NULL;
	struct segments_shown space;
	struct segments_batch batch;
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(read_names(v, true, &batch));
	TRY(read_segment(v, &batch, &space, &shown));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	batches_dispute(w, c->contracts, &batch, shown, chain_answered, w);
	TRY(chain_await(c, w));
	return finish(v, &batch);
}

struct error *cmd_job_resolve(struct vcli *v)
{
	const uint8_t *evidence = NULL;
	struct segments_batch batch;
	uint8_t hash[KECCAK_BYTES];
	struct chain_awaited *w;
	struct chain *c = NULL;
	uint64_t accepted = 0;

	TRY(read_names(v, true, &batch));
	TRY(money_number("ACCEPTED", v->args[3], SEGMENTS, &accepted));
	TRY(read_evidence(v, hash, &evidence));
	if (!evidence)
		return error_new(ERROR_INVALID, "--evidence: name a file that shows what was decided upon");
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	batches_resolve(w, c->contracts, &batch, accepted, evidence, chain_answered, w);
	TRY(chain_await(c, w));
	return finish(v, &batch);
}

/* --- status --- */

static void add_node(const struct batches_node *n, json_t *rows)
{
	json_t *row = json_object();
	char *price = amount_words(NULL, n->assignment.price);

	json_array_append_new(rows, row);
	money_put_address(row, "node", n->node);
	json_put(row, "work", refusal_word(refusal_works, n->assignment.work));
	json_put(row, "price", price);
	mem_free(price);
	money_put_address(row, "payee", n->assignment.payee);
	put_number(row, "batches", n->assignment.batch_count);
	if (n->assignment.batch_count == 0)
		return;
	json_put(row, "last", refusal_word(refusal_batch_states, n->last.state));
	put_number(row, "segments", n->last.count);
	put_number(row, "accepted", n->last.accepted);
}

static void answer_job(struct vcli *v, const struct jobs_get_job_result *job)
{
	json_put(v->answer, "job_state", refusal_word(refusal_job_states, job->state));
	money_put_address(v->answer, "customer", job->customer);
	money_put_hash(v->answer, "document", job->document);
	money_put_time(v->answer, "deadline", job->deadline);
	money_put_time(v->answer, "ends_at", job->ends_at);
	money_put(v->answer, "budget", job->budget);
	money_put(v->answer, "free", job->free);
	money_put(v->answer, "held", job->held);
	put_number(v->answer, "open", job->open);
}

struct error *cmd_job_status(struct vcli *v)
{
	json_t *rows = json_array();
	struct batches_status status;
	struct chain_awaited *w;
	struct chain *c = NULL;
	uint64_t id = 0;

	vcli_answer(v, json_pack("{s:s,s:o}", "job", v->args[0], "nodes", rows));
	TRY(money_number("JOB", v->args[0], INT64_MAX, &id));
	TRY(chain_open(v, &c));
	w = chain_begin(c);
	batches_status(w, c->contracts, id, &status, chain_answered, w);
	TRY(chain_await(c, w));
	answer_job(v, &status.job);
	for (size_t i = 0; i < status.count; i++)
		add_node(&status.nodes[i], rows);
	return money_show(v);
}
