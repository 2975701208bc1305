/* vcli job report, confirm, reject, settle, dispute, resolve, status: what was delivered, judged and paid. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "contracts/refusal.h"
#include "vcli/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/resolve.h"
#include "vcli/segments.h"

#define ZERO_HASH "0x0000000000000000000000000000000000000000000000000000000000000000"

/* JOB NODE_ID [ORDINAL] */
struct named {
	struct segments_batch batch;
	char *node; /* text */
};

static struct error *read_names(struct vcli *v, bool ordinal, struct named *n)
{
	uint64_t number = 0;

	TRY(money_number("JOB", v->args[0], INT64_MAX, &n->batch.job));
	TRY(resolve_address(v, "NODE_ID", v->args[1], &n->node));
	TRY(eth_address_parse(n->node, n->batch.node));
	if (ordinal)
		TRY(money_number("ORDINAL", v->args[2], UINT32_MAX, &number));
	n->batch.ordinal = (uint32_t)number;
	vcli_answer(v, json_object());
	json_object_set_new(v->answer, "job", json_sprintf("%" PRIu64, n->batch.job));
	json_put(v->answer, "node", n->node);
	return NULL;
}

static json_t *batch_args(const struct named *n)
{
	return json_pack("[I,s,I]", (json_int_t)n->batch.job, n->node, (json_int_t)n->batch.ordinal);
}

static struct error *get_batch(struct chain *c, const struct named *n, json_t **ret_batch)
{
	return chain_ask_at(c, "Jobs", "getBatch", batch_args(n), "latest", ret_batch);
}

static uint64_t number(const json_t *obj, const char *key)
{
	const char *digits = json_string_value(json_object_get(obj, key));

	return digits ? strtoull(digits, NULL, 10) : 0;
}

static struct error *finish(struct vcli *v, const struct named *n)
{
	json_object_set_new(v->answer, "ordinal", json_sprintf("%" PRIu32, n->batch.ordinal));
	return money_show(v);
}

static char *root_text(const void *ctx, const struct segments *s, const struct segments_batch *b)
{
	uint8_t root[KECCAK_BYTES];

	segments_root(s, b, root);
	return mem_printf(ctx, "0x%s", hex_encode(ctx, root, sizeof(root)));
}

/* Is the node's last batch of these very segments? */
static struct error *reported(struct chain *c, const struct segments *s, struct named *n, bool *ret_is)
{
	json_t *assignment = NULL, *batch = NULL;
	uint64_t count;

	TRY(chain_ask_at(c, "Jobs", "getAssignment", json_pack("[I,s]", (json_int_t)n->batch.job, n->node), "latest",
			 &assignment));
	count = number(assignment, "batchCount");
	json_decref(assignment);
	n->batch.ordinal = (uint32_t)count;
	*ret_is = false;
	if (count == 0)
		return NULL;
	n->batch.ordinal--;
	TRY(get_batch(c, n, &batch));
	*ret_is = strcmp(root_text(c, s, &n->batch), json_string_value(json_object_get(batch, "root"))) == 0;
	json_decref(batch);
	if (!*ret_is)
		n->batch.ordinal++;
	return NULL;
}

struct error *cmd_job_report(struct vcli *v)
{
	struct segments *s = NULL;
	struct chain *c = NULL;
	struct named n = {.node = NULL};
	bool before = false;
	json_t *args;
	char *root;

	TRY(read_names(v, false, &n));
	TRY(segments_read(v, v->args[2], &s));
	TRY(chain_open_sending(v, &c));
	TRY(reported(c, s, &n, &before));
	root = root_text(c, s, &n.batch);
	json_object_set_new(v->answer, "segments", json_sprintf("%zu", s->count));
	json_put(v->answer, "root", root);
	json_put(v->answer, "repeated", before ? "yes" : "no");
	if (!before) {
		args = batch_args(&n);
		json_array_append_new(args, json_integer((json_int_t)s->count));
		json_array_append_new(args, json_string(root));
		TRY(chain_do(c, "Jobs", "report", args, U256_ZERO, NULL));
	}
	return finish(v, &n);
}

/* --- judgement --- */

/* What a verifier looked at must be what was reported. */
static struct error *compare(struct chain *c, const char *path, const struct named *n, const json_t *batch)
{
	struct segments *s = NULL;

	TRY(segments_read(c, path, &s));
	if (s->count == number(batch, "count") &&
	    strcmp(root_text(c, s, &n->batch), json_string_value(json_object_get(batch, "root"))) == 0)
		return NULL;
	return error_new(ERROR_REFUSED,
			 "batch %" PRIu32 " of node %s is not of the segments in %s: look again, or vcli job reject it",
			 n->batch.ordinal, n->node, path);
}

static struct error *evidence(struct vcli *v, char **ret_hash)
{
	*ret_hash = mem_strdup(v, ZERO_HASH);
	return v->set.market.evidence ? money_file_hash(v, v->set.market.evidence, ret_hash) : NULL;
}

struct error *cmd_job_confirm(struct vcli *v)
{
	struct named n = {.node = NULL};
	struct chain *c = NULL;
	json_t *batch = NULL, *args;
	char *hash = NULL;
	uint64_t accepted, count;
	struct error *e = NULL;

	TRY(read_names(v, true, &n));
	TRY(evidence(v, &hash));
	TRY(chain_open_sending(v, &c));
	TRY(get_batch(c, &n, &batch));
	count = number(batch, "count");
	if (count == 0)
		e = error_new(ERROR_NOT_FOUND, "node %s has reported no batch %" PRIu32 " in job %" PRIu64, n.node,
			      n.batch.ordinal, n.batch.job);
	else if (v->args[3])
		e = compare(c, v->args[3], &n, batch);
	json_decref(batch);
	TRY(e);
	accepted = v->set.market.accepted ? (uint64_t)v->set.market.accepted : count;
	if (accepted < count && !v->set.market.evidence)
		return error_new(ERROR_INVALID,
				 "--evidence: name a file that shows why %" PRIu64 " of %" PRIu64
				 " segments are not good",
				 count - accepted, count);
	json_object_set_new(v->answer, "accepted", json_sprintf("%" PRIu64, accepted));
	args = batch_args(&n);
	json_array_append_new(args, json_integer((json_int_t)accepted));
	json_array_append_new(args, json_string(hash));
	TRY(chain_do(c, "Jobs", "confirm", args, U256_ZERO, NULL));
	return finish(v, &n);
}

struct error *cmd_job_reject(struct vcli *v)
{
	struct named n = {.node = NULL};
	struct chain *c = NULL;
	char *hash = NULL;
	json_t *args;

	TRY(read_names(v, true, &n));
	if (!v->set.market.evidence)
		return error_new(ERROR_INVALID, "--evidence: name a file that shows why the segments are not good");
	TRY(evidence(v, &hash));
	TRY(chain_open_sending(v, &c));
	args = batch_args(&n);
	json_array_append_new(args, json_string(hash));
	TRY(chain_do(c, "Jobs", "reject", args, U256_ZERO, NULL));
	return finish(v, &n);
}

struct error *cmd_job_settle(struct vcli *v)
{
	struct named n = {.node = NULL};
	struct txbox_record *record = NULL;
	struct u256 amount = U256_ZERO;
	struct chain *c = NULL;
	json_t *event = NULL;
	struct error *e;

	TRY(read_names(v, true, &n));
	TRY(chain_open_sending(v, &c));
	TRY(chain_do(c, "Jobs", "settle", batch_args(&n), U256_ZERO, &record));
	TRY(chain_event(c, record, "Jobs", "BatchSettled", &event));
	e = u256_parse(json_string_value(json_object_get(event, "amount")), &amount);
	json_object_set(v->answer, "accepted", json_object_get(event, "accepted"));
	json_object_set(v->answer, "payee", json_object_get(event, "payee"));
	json_decref(event);
	TRY(e);
	money_put(v->answer, "paid", amount);
	return finish(v, &n);
}

/* --- disputes --- */

/* INDEX FILE: the place of a segment, its hash, the way to the root. */
static struct error *append_segment(struct vcli *v, const struct named *n, json_t *args)
{
	uint8_t proof[SEGMENTS_DEPTH][KECCAK_BYTES];
	struct segments *s = NULL;
	json_t *path;
	uint64_t index = 0;
	size_t depth;

	if (!v->args[4])
		return error_new(ERROR_INVALID, "FILE: name the file of segments in which INDEX counts");
	TRY(money_number("INDEX", v->args[3], SEGMENTS - 1, &index));
	TRY(segments_read(v, v->args[4], &s));
	if (index >= s->count)
		return error_new(ERROR_INVALID, "INDEX: %s has the segments 0 to %zu", v->args[4], s->count - 1);
	depth = segments_proof(s, &n->batch, index, proof);
	path = json_array();
	for (size_t i = 0; i < depth; i++)
		json_array_append_new(path, json_sprintf("0x%s", hex_encode(v, proof[i], KECCAK_BYTES)));
	json_array_append_new(args, json_integer((json_int_t)index));
	json_array_append_new(args, json_sprintf("0x%s", hex_encode(v, s->hashes[index], KECCAK_BYTES)));
	json_array_append_new(args, path);
	return NULL;
}

/* For want of any: what the customer says that was given none. */
static void append_no_segment(json_t *args)
{
	json_array_append_new(args, json_integer(0));
	json_array_append_new(args, json_string(ZERO_HASH));
	json_array_append_new(args, json_array());
}

struct error *cmd_job_dispute(struct vcli *v)
{
	struct named n = {.node = NULL};
	struct chain *c = NULL;
	struct error *e = NULL;
	json_t *args;

	TRY(read_names(v, true, &n));
	args = batch_args(&n);
	if (v->args[3])
		e = append_segment(v, &n, args);
	else
		append_no_segment(args);
	if (!e)
		e = chain_open_sending(v, &c);
	if (e) {
		json_decref(args);
		return e;
	}
	TRY(chain_do(c, "Jobs", "dispute", args, U256_ZERO, NULL));
	return finish(v, &n);
}

struct error *cmd_job_resolve(struct vcli *v)
{
	struct named n = {.node = NULL};
	struct chain *c = NULL;
	char *hash = NULL;
	uint64_t accepted = 0;
	json_t *args;

	TRY(read_names(v, true, &n));
	TRY(money_number("ACCEPTED", v->args[3], SEGMENTS, &accepted));
	if (!v->set.market.evidence)
		return error_new(ERROR_INVALID, "--evidence: name a file that shows what was decided upon");
	TRY(evidence(v, &hash));
	TRY(chain_open_sending(v, &c));
	args = batch_args(&n);
	json_array_append_new(args, json_integer((json_int_t)accepted));
	json_array_append_new(args, json_string(hash));
	TRY(chain_do(c, "Jobs", "resolve", args, U256_ZERO, NULL));
	return finish(v, &n);
}

/* --- status --- */

static struct error *add_node(struct chain *c, uint64_t job, const char *node, json_t *rows)
{
	struct named n = {.batch = {.job = job}, .node = (char *)node};
	json_t *a = NULL, *batch = NULL, *row = json_object();

	json_array_append_new(rows, row);
	json_put(row, "node", node);
	TRY(chain_ask_at(c, "Jobs", "getAssignment", json_pack("[I,s]", (json_int_t)job, node), "latest", &a));
	json_put(row, "work", money_word(refusal_works, json_object_get(a, "work")));
	json_put(row, "price", money_wei(c, json_object_get(a, "price")));
	json_object_set(row, "payee", json_object_get(a, "payee"));
	json_object_set(row, "batches", json_object_get(a, "batchCount"));
	n.batch.ordinal = (uint32_t)number(a, "batchCount");
	json_decref(a);
	if (n.batch.ordinal == 0)
		return NULL;
	n.batch.ordinal--;
	TRY(get_batch(c, &n, &batch));
	json_put(row, "last", money_word(refusal_batch_states, json_object_get(batch, "state")));
	json_object_set(row, "segments", json_object_get(batch, "count"));
	json_object_set(row, "accepted", json_object_get(batch, "accepted"));
	json_decref(batch);
	return NULL;
}

static struct error *put_wei(json_t *answer, const json_t *job, const char *key)
{
	struct u256 wei = U256_ZERO;

	TRY(u256_parse(json_string_value(json_object_get(job, key)), &wei));
	money_put(answer, key, wei);
	return NULL;
}

static struct error *answer_job(struct vcli *v, const json_t *job)
{
	json_put(v->answer, "job_state", money_word(refusal_job_states, json_object_get(job, "state")));
	json_object_set(v->answer, "customer", json_object_get(job, "customer"));
	json_object_set(v->answer, "document", json_object_get(job, "document"));
	json_put(v->answer, "deadline", money_time(v, json_object_get(job, "deadline")));
	json_put(v->answer, "ends_at", money_time(v, json_object_get(job, "endsAt")));
	TRY(put_wei(v->answer, job, "budget"));
	TRY(put_wei(v->answer, job, "free"));
	TRY(put_wei(v->answer, job, "held"));
	json_object_set(v->answer, "open", json_object_get(job, "open"));
	return NULL;
}

struct error *cmd_job_status(struct vcli *v)
{
	json_t *job = NULL, *nodes = NULL, *node = NULL, *rows = json_array();
	struct chain *c = NULL;
	uint64_t id = 0, state;
	struct error *e;
	size_t i = 0;

	vcli_answer(v, json_pack("{s:s,s:o}", "job", v->args[0], "nodes", rows));
	TRY(money_number("JOB", v->args[0], INT64_MAX, &id));
	TRY(chain_open(v, &c));
	TRY(chain_ask_at(c, "Jobs", "getJob", json_pack("[I]", (json_int_t)id), "latest", &job));
	state = number(job, "state");
	e = state ? answer_job(v, job) : error_new(ERROR_NOT_FOUND, "there is no job %" PRIu64, id);
	json_decref(job);
	TRY(e);
	TRY(chain_ask_one(c, "Jobs", "nodesOf", json_pack("[I]", (json_int_t)id), &nodes));
	json_array_foreach (nodes, i, node) {
		if (!e)
			e = add_node(c, id, json_string_value(node), rows);
	}
	json_decref(nodes);
	TRY(e);
	return money_show(v);
}
