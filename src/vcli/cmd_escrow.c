/* vcli job create, top-up, assign, unassign, close, cancel, finish: a job's money and the nodes that work for it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "vcli/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/refusal.h"
#include "vcli/render.h"

#define WORKS 3

static struct error *job_of(struct vcli *v, uint64_t *ret_job)
{
	TRY(money_number("JOB", v->args[0], INT64_MAX, ret_job));
	json_object_set_new(v->answer, "job", json_sprintf("%" PRIu64, *ret_job));
	return NULL;
}

static struct error *finish(struct vcli *v)
{
	if (!v->set.json)
		render_value(stdout, v->answer);
	return NULL;
}

/* One limit for all kinds of work, or one for each. */
static struct error *read_limits(struct vcli *v, struct u256 limits[WORKS])
{
	char *rest = v->set.limit ? mem_strdup(v, v->set.limit) : NULL, *word;
	size_t n = 0;

	if (!rest)
		return error_new(ERROR_INVALID, "--limit: name the most that a segment may cost, such as \"20 gwei\"");
	while ((word = strsep(&rest, ",")) && n < WORKS)
		TRY(money_amount("--limit", word + strspn(word, " "), &limits[n++]));
	if (word || (n != 1 && n != WORKS))
		return error_new(ERROR_INVALID,
				 "--limit: one amount, or one each for distributor, transcoder, storage");
	for (; n < WORKS; n++)
		limits[n] = limits[0];
	return NULL;
}

/* Let the contract Jobs take this much of the balance. */
static struct error *allow(struct chain *c, struct u256 amount)
{
	json_t *jobs = json_object_get(c->deployment->contracts, "Jobs"), *value = NULL;
	struct u256 now = U256_ZERO;
	char holder[ADDRESS_TEXT_BYTES];
	struct error *e;

	eth_address_text(sender_account(c->sender), holder);
	TRY(chain_ask_one(c, "Accounts", "allowance", json_pack("[s,O]", holder, jobs), &value));
	e = u256_parse(json_string_value(value), &now);
	json_decref(value);
	TRY(e);
	if (u256_cmp(now, amount) >= 0)
		return NULL;
	return chain_do(c, "Accounts", "allow", json_pack("[O,o,o]", jobs, money_json(now), money_json(amount)),
			U256_ZERO, NULL);
}

struct error *cmd_job_create(struct vcli *v)
{
	struct u256 budget = U256_ZERO, limits[WORKS];
	struct txbox_record *record = NULL;
	struct block_head head;
	struct chain *c = NULL;
	char *document = NULL;
	json_t *event = NULL;
	uint64_t deadline;

	if (!v->set.budget)
		return error_new(ERROR_INVALID, "--budget: name what the job may cost, such as \"0.5 ether\"");
	TRY(money_amount("--budget", v->set.budget, &budget));
	TRY(read_limits(v, limits));
	TRY(money_file_hash(v, v->args[0], &document));
	TRY(chain_open_sending(v, &c));
	TRY(chain_head(c, &head));
	deadline = (uint64_t)(head.time_ms / 1000) + (uint64_t)(v->set.for_ms / 1000);
	if (v->set.from_balance)
		TRY(allow(c, budget));
	TRY(chain_do(c, "Jobs", "create",
		     json_pack("[s,o,I,o,o,o]", document, money_json(budget), (json_int_t)deadline,
			       money_json(limits[0]), money_json(limits[1]), money_json(limits[2])),
		     v->set.from_balance ? U256_ZERO : budget, &record));
	TRY(chain_event(c, record, "Jobs", "JobCreated", &event));
	json_object_set(v->answer, "job", json_object_get(event, "jobId"));
	json_put(v->answer, "document", document);
	money_put(v->answer, "budget", budget);
	json_put(v->answer, "deadline", refusal_time(v, json_object_get(event, "deadline")));
	json_decref(event);
	return finish(v);
}

struct error *cmd_job_top_up(struct vcli *v)
{
	struct u256 amount = U256_ZERO;
	struct chain *c = NULL;
	uint64_t job = 0;

	vcli_answer(v, json_object());
	TRY(job_of(v, &job));
	TRY(money_amount_args(v, 1, &amount));
	TRY(chain_open_sending(v, &c));
	if (v->set.from_balance)
		TRY(allow(c, amount));
	money_put(v->answer, "amount", amount);
	TRY(chain_do(c, "Jobs", "topUp", json_pack("[I,o]", (json_int_t)job, money_json(amount)),
		     v->set.from_balance ? U256_ZERO : amount, NULL));
	return finish(v);
}

/* The highest price of its work that the customer pays. */
static struct error *limit_of(struct chain *c, uint64_t job, const char *node, json_t **ret_limit)
{
	json_t *terms = NULL;
	struct error *e;

	TRY(chain_ask_at(c, "Nodes", "terms", json_pack("[s]", node), "latest", &terms));
	e = chain_ask_one(c, "Jobs", "limitOf", json_pack("[I,O]", (json_int_t)job, json_object_get(terms, "work")),
			  ret_limit);
	json_decref(terms);
	return e;
}

static struct error *assign(struct chain *c, uint64_t job, const char *node, struct u256 most, json_t *nodes)
{
	json_t *limit = NULL, *event = NULL;
	struct txbox_record *record = NULL;

	if (c->v->set.max_price)
		limit = money_json(most);
	else
		TRY(limit_of(c, job, node, &limit));
	TRY(chain_do(c, "Jobs", "assign", json_pack("[I,s,o]", (json_int_t)job, node, limit), U256_ZERO, &record));
	TRY(chain_event(c, record, "Jobs", "NodeAssigned", &event));
	json_array_append_new(nodes,
			      json_pack("{s:s,s:s,s:s,s:O,s:O}", "node", node, "work",
					refusal_word(refusal_works, json_object_get(event, "work")), "price",
					refusal_wei(c, json_object_get(event, "price")), "price_wei",
					json_object_get(event, "price"), "payee", json_object_get(event, "payee")));
	json_decref(event);
	return NULL;
}

struct error *cmd_job_assign(struct vcli *v)
{
	struct u256 most = U256_ZERO;
	struct chain *c = NULL;
	char **ids = mem_array(v, char *, v->arg_count);
	json_t *nodes = json_array();
	uint64_t job = 0;

	vcli_answer(v, json_object());
	json_object_set_new(v->answer, "nodes", nodes);
	TRY(job_of(v, &job));
	if (v->set.max_price)
		TRY(money_amount("--max-price", v->set.max_price, &most));
	for (size_t i = 1; i < v->arg_count; i++)
		TRY(money_address(v, "NODE_ID", v->args[i], &ids[i]));
	TRY(chain_open_sending(v, &c));
	for (size_t i = 1; i < v->arg_count; i++)
		TRY(assign(c, job, ids[i], most, nodes));
	return finish(v);
}

struct error *cmd_job_unassign(struct vcli *v)
{
	struct chain *c = NULL;
	char *node = NULL;
	uint64_t job = 0;

	vcli_answer(v, json_object());
	TRY(job_of(v, &job));
	TRY(money_address(v, "NODE_ID", v->args[1], &node));
	TRY(chain_open_sending(v, &c));
	json_put(v->answer, "node", node);
	TRY(chain_do(c, "Jobs", "unassign", json_pack("[I,s]", (json_int_t)job, node), U256_ZERO, NULL));
	return finish(v);
}

/* close, cancel, finish: the last word of the command is the function. */
struct error *cmd_job_end(struct vcli *v)
{
	const char *function = strrchr(v->command->words, ' ') + 1;
	bool ends = strcmp(function, "close") != 0;
	struct txbox_record *record = NULL;
	struct chain *c = NULL;
	json_t *event = NULL;
	struct u256 refund = U256_ZERO;
	uint64_t job = 0;

	vcli_answer(v, json_object());
	TRY(job_of(v, &job));
	TRY(chain_open_sending(v, &c));
	TRY(chain_do(c, "Jobs", function, json_pack("[I]", (json_int_t)job), U256_ZERO, &record));
	TRY(chain_event(c, record, "Jobs", ends ? "JobFinished" : "JobClosing", &event));
	if (ends) {
		struct error *e = u256_parse(json_string_value(json_object_get(event, "refund")), &refund);

		json_put(v->answer, "job_state", refusal_word(refusal_job_states, json_object_get(event, "state")));
		money_put(v->answer, "refund", refund);
		json_decref(event);
		TRY(e);
	} else {
		json_put(v->answer, "ends_at", refusal_time(v, json_object_get(event, "endsAt")));
		json_decref(event);
	}
	return finish(v);
}
