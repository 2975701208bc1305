/* Paying: from the wallet, or from the balance after the contract Jobs is let take as much. */
#include "contracts/escrow.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "contracts/accounts_abi.h"
#include "contracts/escrow_check.h"
#include "contracts/op.h"
#include "contracts/refusal.h"

union escrow_call {
	struct jobs_create_call create;
	struct jobs_top_up_call top_up;
};

struct escrow_paying {
	struct op op;
	const struct codec_function *function;
	union escrow_call call, unpaid; /* unpaid: with an amount of nothing */
	contracts_forget_fn *forget;
	struct u256 amount;
	bool from_balance;
	struct accounts_allowance_result allowance;
	struct accounts_balance_of_result balance;
	struct txbox_record *record;
	struct jobs_job_created_event created, *ret; /* ret NULL: of no interest */
};

static void forget_deadline(void *args)
{
	((struct jobs_create_call *)args)->deadline = 0;
}

static void forget_expected(void *args)
{
	((struct accounts_allow_call *)args)->expected = U256_ZERO;
}

/* --- the last step --- */

/* Compared with what was sent by its bytes: of a name that was used before that was not this call. */
static struct error *check_created(struct escrow_paying *p)
{
	const struct txbox_record *r = p->record;
	struct jobs_create_call sent;

	TRY(codec_call_read(p, &jobs_create_function, r->intent.data, r->intent.n, &sent));
	TRY(escrow_check_created(r->account, &sent, &p->created));
	*p->ret = p->created;
	return NULL;
}

static void on_created(const struct contracts_answer *answer, void *arg)
{
	struct escrow_paying *p = arg;

	if (answer->error)
		op_end(p, answer);
	else
		op_end_with(p, check_created(p));
}

static void on_paid(const struct contracts_answer *answer, void *arg)
{
	struct escrow_paying *p = arg;

	if (answer->error || !p->ret)
		op_end(p, answer);
	else
		jobs_job_created_find(p, p->op.k, p->record, &p->created, on_created, p);
}

static void pay(struct escrow_paying *p)
{
	const struct contracts_terms terms = {.value = p->from_balance ? U256_ZERO : p->amount, .forget = p->forget};

	contracts_send(p, p->op.k, p->function, &p->call, &terms, &p->record, on_paid, p);
}

static void on_allowed(const struct contracts_answer *answer, void *arg)
{
	if (answer->error)
		op_end(arg, answer);
	else
		pay(arg);
}

/* --- letting it take as much --- */

static struct error *too_little(const struct escrow_paying *p)
{
	struct contracts_insufficient_balance_refusal values = {.balance = p->balance.value, .wanted = p->amount};
	struct error *e;
	char *words;

	memcpy(values.account, contracts_account(p->op.k), sizeof(values.account));
	words = refusal_words(NULL, CONTRACTS_REFUSAL_INSUFFICIENT_BALANCE, &values);
	e = error_new(ERROR_REFUSED, "%s", words);
	mem_free(words);
	return e;
}

static void on_balance(const struct contracts_answer *answer, void *arg)
{
	const struct contracts_terms terms = {.forget = forget_expected};
	struct escrow_paying *p = arg;
	struct accounts_allow_call call = {.expected = p->allowance.value, .amount = p->amount};
	struct error *e;

	if (answer->error) {
		op_end(p, answer);
		return;
	}
	e = u256_cmp(p->balance.value, p->amount) < 0 ? too_little(p) : NULL;
	if (!e)
		e = contracts_address(p->op.k, "Jobs", call.spender);
	if (e)
		op_end_with(p, e);
	else
		accounts_allow_send(p, p->op.k, &call, &terms, NULL, on_allowed, p);
}

/* What would be refused for another reason than money is refused before any is allowed: asked with an amount of
 * nothing, which is the last that the contract looks at. */
static void on_tried(const struct contracts_answer *answer, void *arg)
{
	struct escrow_paying *p = arg;
	struct accounts_balance_of_call call;

	if (answer->error && answer->refusal != CONTRACTS_REFUSAL_ZERO_AMOUNT) {
		op_end(p, answer);
		return;
	}
	memcpy(call.value, contracts_account(p->op.k), sizeof(call.value));
	accounts_balance_of_ask(p, p->op.k, &call, "latest", &p->balance, on_balance, p);
}

static void on_allowance(const struct contracts_answer *answer, void *arg)
{
	struct escrow_paying *p = arg;

	if (answer->error)
		op_end(p, answer);
	else if (u256_cmp(p->allowance.value, p->amount) >= 0)
		pay(p);
	else
		contracts_try(p, p->op.k, p->function, &p->unpaid, on_tried, p);
}

static struct error *ask_allowance(struct escrow_paying *p)
{
	struct accounts_allowance_call call;
	bool said = false;

	/* Said again, it took what was allowed then. */
	TRY(contracts_said(p->op.k, p->function, &said));
	if (said || !p->from_balance) {
		pay(p);
		return NULL;
	}
	memcpy(call.value0, contracts_account(p->op.k), sizeof(call.value0));
	TRY(contracts_address(p->op.k, "Jobs", call.value1));
	accounts_allowance_ask(p, p->op.k, &call, "latest", &p->allowance, on_allowance, p);
	return NULL;
}

static void begin(struct escrow_paying *p)
{
	struct error *e = ask_allowance(p);

	if (e)
		op_fail(p, e);
}

/* --- what is paid for --- */

void escrow_create(const void *ctx, struct contracts *k, const struct escrow_job *job,
		   struct jobs_job_created_event *ret, contracts_fn *fn, void *arg)
{
	struct escrow_paying *p = op_new(ctx, k, struct escrow_paying, fn, arg);
	struct jobs_create_call call = {.budget = job->budget,
					.deadline = (uint64_t)(clock_wall_ms() + job->for_ms) / 1000,
					.distributor_limit = job->limits[CONTRACTS_WORK_DISTRIBUTOR],
					.transcoder_limit = job->limits[CONTRACTS_WORK_TRANSCODER],
					.storage_limit = job->limits[CONTRACTS_WORK_STORAGE]};

	memcpy(call.document, job->document, sizeof(call.document));
	p->function = &jobs_create_function;
	p->call.create = call;
	p->unpaid.create = call;
	p->unpaid.create.budget = U256_ZERO;
	p->forget = forget_deadline;
	p->amount = job->budget;
	p->from_balance = job->from_balance;
	p->ret = ret;
	begin(p);
}

void escrow_top_up(const void *ctx, struct contracts *k, const struct jobs_top_up_call *call, bool from_balance,
		   contracts_fn *fn, void *arg)
{
	struct escrow_paying *p = op_new(ctx, k, struct escrow_paying, fn, arg);

	p->function = &jobs_top_up_function;
	p->call.top_up = *call;
	p->unpaid.top_up = *call;
	p->unpaid.top_up.amount = U256_ZERO;
	p->amount = call->amount;
	p->from_balance = from_balance;
	begin(p);
}
