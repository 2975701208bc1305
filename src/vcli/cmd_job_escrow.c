/* vcli job create, top-up, assign, unassign, close, cancel, finish: a job's money and the nodes that work for it. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "contracts/refusal.h"
#include "vcli/chain.h"
#include "vcli/chain_once.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/resolve.h"

#define WORKS 3

static struct error *job_of(struct vcli *v, uint64_t *ret_job)
{
	TRY(money_number("JOB", v->args[0], INT64_MAX, ret_job));
	json_object_set_new(v->answer, "job", json_sprintf("%" PRIu64, *ret_job));
	return NULL;
}

/* One limit for all kinds of work, or one for each. */
static struct error *read_limits(struct vcli *v, struct u256 limits[WORKS])
{
	char *rest = v->set.market.limit ? mem_strdup(v, v->set.market.limit) : NULL, *word;
	size_t n = 0;

	if (!rest)
		return error_new(ERROR_INVALID, "--limit: name the most that a segment may cost, such as \"20 gwei\"");
	while ((word = strsep(&rest, ",")) && n < WORKS) {
		TRY(money_amount("--limit", word + strspn(word, " "), &limits[n]));
		TRY(money_fits("--limit", limits[n++], MONEY_PRICE_BITS));
	}
	if (word || (n != 1 && n != WORKS))
		return error_new(ERROR_INVALID,
				 "--limit: one amount, or one each for distributor, transcoder, storage");
	for (; n < WORKS; n++)
		limits[n] = limits[0];
	return NULL;
}

/* What would be refused for another reason than money is refused before any is allowed: asked with an amount of
 * nothing, which is the last that the contract looks at. */
static struct error *refuse_unpaid(struct chain *c, const char *function, const json_t *args)
{
	json_t *nothing = json_copy((json_t *)args);
	char *words = refusal_words(c, CONTRACTS_REFUSAL_ZERO_AMOUNT, NULL);
	struct error *e;

	json_array_set_new(nothing, 1, json_string("0"));
	e = chain_would(c, "Jobs", function, nothing);
	json_decref(nothing);
	if (!e || strcmp(e->message, words) != 0)
		return e;
	error_free(e);
	return NULL;
}

/* Let the contract Jobs take this much of the balance, for a function whose second argument it is. */
static struct error *allow(struct chain *c, const char *function, const json_t *args, struct u256 amount)
{
	json_t *jobs = json_object_get(c->deployment->contracts, "Jobs");
	struct u256 now = U256_ZERO, balance = U256_ZERO;
	char holder[ADDRESS_TEXT_BYTES];

	eth_address_text(sender_account(c->sender), holder);
	TRY(chain_ask_number(c, "Accounts", "allowance", json_pack("[s,O]", holder, jobs), &now));
	if (u256_cmp(now, amount) >= 0)
		return NULL;
	TRY(refuse_unpaid(c, function, args));
	TRY(chain_ask_number(c, "Accounts", "balanceOf", json_pack("[s]", holder), &balance));
	if (u256_cmp(balance, amount) < 0) {
		struct contracts_insufficient_balance_refusal values = {.balance = balance, .wanted = amount};
		char *words;

		memcpy(values.account, sender_account(c->sender), ETH_ADDRESS_BYTES);
		words = refusal_words(c, CONTRACTS_REFUSAL_INSUFFICIENT_BALANCE, &values);
		return error_new(ERROR_REFUSED, "%s", words);
	}
	return chain_do(c, "Accounts", "allow", json_pack("[O,o,o]", jobs, money_json(now), money_json(amount)),
			U256_ZERO, NULL);
}

/* A function of Jobs that puts money in escrow. Takes the reference of `args`. */
static struct error *escrow(struct chain *c, const char *function, json_t *args, struct u256 amount,
			    struct txbox_record **ret_record)
{
	bool from_balance = c->v->set.market.from_balance, said = false;
	char *what = mem_printf(c, "Jobs.%s", function);
	struct error *e = chain_once_used(c, what, &said);

	if (!e && from_balance && !said)
		e = allow(c, function, args, amount);
	if (!e)
		return chain_do(c, "Jobs", function, args, from_balance ? U256_ZERO : amount, ret_record);
	json_decref(args);
	return e;
}

struct error *cmd_job_create(struct vcli *v)
{
	struct u256 budget = U256_ZERO, limits[WORKS];
	struct txbox_record *record = NULL;
	struct chain *c = NULL;
	char *document = NULL;
	json_t *event = NULL;
	uint64_t deadline;

	if (!v->set.market.budget)
		return error_new(ERROR_INVALID, "--budget: name what the job may cost, such as \"0.5 ether\"");
	TRY(money_amount("--budget", v->set.market.budget, &budget));
	TRY(money_fits("--budget", budget, MONEY_BUDGET_BITS));
	TRY(read_limits(v, limits));
	TRY(money_file_hash(v, v->args[0], &document));
	TRY(chain_open_sending(v, &c));
	/* By our own clock: what an endpoint says the time is would be signed. */
	deadline = (uint64_t)(clock_wall_ms() + v->set.market.for_ms) / 1000;
	TRY(escrow(c, "create",
		   json_pack("[s,o,I,o,o,o]", document, money_json(budget), (json_int_t)deadline, money_json(limits[0]),
			     money_json(limits[1]), money_json(limits[2])),
		   budget, &record));
	TRY(chain_event(c, record, "Jobs", "JobCreated", &event));
	json_object_set(v->answer, "job", json_object_get(event, "jobId"));
	json_put(v->answer, "document", document);
	money_put(v->answer, "budget", budget);
	json_put(v->answer, "deadline", money_time(v, json_object_get(event, "deadline")));
	json_decref(event);
	return money_show(v);
}

struct error *cmd_job_top_up(struct vcli *v)
{
	struct u256 amount = U256_ZERO;
	struct chain *c = NULL;
	uint64_t job = 0;

	vcli_answer(v, json_object());
	TRY(job_of(v, &job));
	TRY(money_amount_args(v, 1, &amount));
	TRY(money_fits("AMOUNT", amount, MONEY_BUDGET_BITS));
	TRY(chain_open_sending(v, &c));
	money_put(v->answer, "amount", amount);
	TRY(escrow(c, "topUp", json_pack("[I,o]", (json_int_t)job, money_json(amount)), amount, NULL));
	return money_show(v);
}

static struct error *no_such_node(struct chain *c, const char *node)
{
	struct contracts_no_such_node_refusal values;

	TRY(eth_address_parse(node, values.node));
	return error_new(ERROR_REFUSED, "%s", refusal_words(c, CONTRACTS_REFUSAL_NO_SUCH_NODE, &values));
}

/* The highest price of its work that the customer pays. */
static struct error *limit_of(struct chain *c, uint64_t job, const char *node, json_t **ret_limit)
{
	json_t *listed = NULL;
	struct error *e;

	e = chain_ask_at(c, "Nodes", "get", json_pack("[s]", node), "latest", &listed);
	if (e && e->code == ERROR_REFUSED) {
		error_free(e);
		return no_such_node(c, node);
	}
	TRY(e);
	e = chain_ask_one(c, "Jobs", "limitOf", json_pack("[I,O]", (json_int_t)job, json_object_get(listed, "work")),
			  ret_limit);
	json_decref(listed);
	return e;
}

static json_t *assignment(uint64_t job, const char *node, json_t *limit)
{
	return json_pack("[I,s,O]", (json_int_t)job, node, limit);
}

static struct error *assign(struct chain *c, uint64_t job, const char *node, json_t *limit, json_t *nodes)
{
	struct txbox_record *record = NULL;
	json_t *event = NULL;

	TRY(chain_do(c, "Jobs", "assign", assignment(job, node, limit), U256_ZERO, &record));
	TRY(chain_event(c, record, "Jobs", "NodeAssigned", &event));
	json_array_append_new(nodes,
			      json_pack("{s:s,s:s,s:s,s:O,s:O}", "node", node, "work",
					money_word(refusal_works, json_object_get(event, "work")), "price",
					money_wei(c, json_object_get(event, "price")), "price_wei",
					json_object_get(event, "price"), "payee", json_object_get(event, "payee")));
	json_decref(event);
	return NULL;
}

/* At which price, and would it be refused? Of several nodes, none is assigned then; what --once says again is not
 * asked: some may be assigned already. */
static struct error *look_at(struct chain *c, uint64_t job, const char *node, struct u256 most, json_t **ret_limit)
{
	json_t *args;
	struct error *e;

	if (c->v->set.market.max_price)
		*ret_limit = money_json(most);
	else
		TRY(limit_of(c, job, node, ret_limit));
	if (c->v->set.chain.once)
		return NULL;
	args = assignment(job, node, *ret_limit);
	e = chain_would(c, "Jobs", "assign", args);
	json_decref(args);
	return e;
}

static struct error *assign_all(struct chain *c, uint64_t job, char *const *ids, struct u256 most, json_t *nodes)
{
	size_t count = c->v->arg_count, i;
	json_t **limits = mem_array(c, json_t *, count);
	struct error *e = NULL;

	for (i = 1; !e && i < count; i++)
		e = look_at(c, job, ids[i], most, &limits[i]);
	if (e && !strstr(e->message, ids[i - 1]))
		e = error_wrap(e, "%s", ids[i - 1]);
	for (i = 1; !e && i < count; i++) {
		e = assign(c, job, ids[i], limits[i], nodes);
		if (e)
			e = error_wrap(e, "%zu of %zu nodes are assigned; %s", i - 1, count - 1, ids[i]);
	}
	for (i = 1; i < count; i++)
		json_decref(limits[i]);
	return e ? e : money_show(c->v);
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
	if (v->set.market.max_price)
		TRY(money_amount("--max-price", v->set.market.max_price, &most));
	TRY(money_fits("--max-price", most, MONEY_PRICE_BITS));
	for (size_t i = 1; i < v->arg_count; i++)
		TRY(resolve_address(v, "NODE_ID", v->args[i], &ids[i]));
	TRY(chain_open_sending(v, &c));
	return assign_all(c, job, ids, most, nodes);
}

struct error *cmd_job_unassign(struct vcli *v)
{
	struct chain *c = NULL;
	char *node = NULL;
	uint64_t job = 0;

	vcli_answer(v, json_object());
	TRY(job_of(v, &job));
	TRY(resolve_address(v, "NODE_ID", v->args[1], &node));
	TRY(chain_open_sending(v, &c));
	json_put(v->answer, "node", node);
	TRY(chain_do(c, "Jobs", "unassign", json_pack("[I,s]", (json_int_t)job, node), U256_ZERO, NULL));
	return money_show(v);
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

		json_put(v->answer, "job_state", money_word(refusal_job_states, json_object_get(event, "state")));
		money_put(v->answer, "refund", refund);
		json_decref(event);
		TRY(e);
	} else {
		json_put(v->answer, "ends_at", money_time(v, json_object_get(event, "endsAt")));
		json_decref(event);
	}
	return money_show(v);
}
