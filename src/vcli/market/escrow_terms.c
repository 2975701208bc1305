#include "vcli/market/escrow_terms.h"

#include <string.h>

#include "base/mem.h"
#include "vcli/money.h"

/* One limit for all kinds of work, or one for each. */
static struct error *read_limits(struct vcli *v, struct u256 limits[CONTRACTS_WORK_COUNT])
{
	char *rest = v->set.market.limit ? mem_strdup(v, v->set.market.limit) : NULL, *word;
	size_t n = 0;

	if (!rest)
		return error_new(ERROR_INVALID, "--limit: name the most that a segment may cost, such as \"20 gwei\"");
	while ((word = strsep(&rest, ",")) && n < CONTRACTS_WORK_COUNT) {
		TRY(money_amount("--limit", word + strspn(word, " "), &limits[n]));
		TRY(money_fits("--limit", limits[n++], MONEY_PRICE_BITS));
	}
	if (word || (n != 1 && n != CONTRACTS_WORK_COUNT))
		return error_new(ERROR_INVALID,
				 "--limit: one amount, or one each for distributor, transcoder, storage");
	for (; n < CONTRACTS_WORK_COUNT; n++)
		limits[n] = limits[0];
	return NULL;
}

struct error *escrow_terms_read(struct vcli *v, struct escrow_job *job)
{
	if (!v->set.market.budget)
		return error_new(ERROR_INVALID, "--budget: name what the job may cost, such as \"0.5 ether\"");
	TRY(money_amount("--budget", v->set.market.budget, &job->budget));
	TRY(money_fits("--budget", job->budget, MONEY_BUDGET_BITS));
	TRY(read_limits(v, job->limits));
	job->for_ms = v->set.market.for_ms;
	job->from_balance = v->set.market.from_balance;
	return NULL;
}
