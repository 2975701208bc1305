#include "contracts/refusal.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "chain/amount.h"
#include "chain/revert.h"

const char *const refusal_kinds[] = {"customer", "supplier", NULL};
const char *const refusal_roles[] = {"owner", "manager", "verifier", NULL};
const char *const refusal_works[] = {"distributor", "transcoder", "storage", NULL};
const char *const refusal_job_states[] = {"not there", "open",   "active",  "closing",
					  "cancelled", "closed", "expired", NULL};
const char *const refusal_batch_states[] = {"not there", "reported", "judged", "disputed", "resolved", "settled", NULL};
const char *const refusal_appeals[] = {"none", "filed", "refused", NULL};

const char *refusal_word(const char *const *words, unsigned value)
{
	for (unsigned i = 0; words[i]; i++) {
		if (i == value)
			return words[i];
	}
	return "?";
}

char *refusal_time(const void *ctx, uint64_t seconds)
{
	return seconds > INT64_MAX / 1000 ? mem_printf(ctx, "%" PRIu64, seconds)
					  : clock_format(ctx, (int64_t)seconds * 1000);
}

static const char *const all_words[CONTRACTS_REFUSALS] = {
	/* Accounts */
	[CONTRACTS_REFUSAL_ALREADY_REGISTERED] = "{account} is registered as {kind:kind} already",
	[CONTRACTS_REFUSAL_NOT_REGISTERED] =
		"{account} is not registered as {kind:kind}: vcli register {kind:kind} does that",
	[CONTRACTS_REFUSAL_INSUFFICIENT_BALANCE] =
		"{account} has {balance:wei} in the contract, {wanted:wei} are wanted: vcli payment deposit adds to it",
	[CONTRACTS_REFUSAL_INSUFFICIENT_ALLOWANCE] =
		"{spender} may take {allowance:wei} of {holder}'s balance, {wanted:wei} are wanted: let it take as much first",
	[CONTRACTS_REFUSAL_ALLOWANCE_CHANGED] =
		"{spender} has used some of what it may take, {allowance:wei} are left: try again",
	[CONTRACTS_REFUSAL_WITHDRAWAL_REFUSED] = "{account} is a contract that does not take ether",
	[CONTRACTS_REFUSAL_ZERO_ADDRESS] = "the zero address is nobody: name another",
	[CONTRACTS_REFUSAL_ZERO_AMOUNT] = "an amount is 1 wei at least",
	[CONTRACTS_REFUSAL_ZERO_HASH] = "a hash is needed here, zero is none",
	/* Nodes */
	[CONTRACTS_REFUSAL_NO_SUPPLIER] =
		"{caller} is no supplier, and only suppliers offer nodes: vcli register supplier does that",
	[CONTRACTS_REFUSAL_BAD_PUBLIC_KEY] = "a public key has 64 bytes, not {length}",
	[CONTRACTS_REFUSAL_NO_CONSENT] =
		"node {node} has not signed that it belongs to {owner}: take the node's own key",
	[CONTRACTS_REFUSAL_ALREADY_LISTED] = "node {node} is listed already, by {owner}",
	[CONTRACTS_REFUSAL_NO_SUCH_NODE] = "no node {node} is listed: vcli register list shows those that are",
	[CONTRACTS_REFUSAL_NO_CAPACITY] = "a node does 1 job at a time at least",
	[CONTRACTS_REFUSAL_NOT_YOURS] =
		"{caller} has no part in this: somebody else must do it (name another --account)",
	[CONTRACTS_REFUSAL_TEXT_TOO_LONG] = "a text has {length} bytes, {most} are allowed",
	/* Roles */
	[CONTRACTS_REFUSAL_MISSING_ROLE] =
		"{caller} is no {role:role}: the owner grants the role, or name another --account",
	[CONTRACTS_REFUSAL_NO_OFFER] = "nobody has offered the role of {role:role} to {caller}",
	[CONTRACTS_REFUSAL_HOLDS_ALREADY] = "{holder} is {role:role} already",
	[CONTRACTS_REFUSAL_HOLDS_NOT] = "{holder} is no {role:role}",
	[CONTRACTS_REFUSAL_TOOK_OVER_LATELY] =
		"the role of {role:role} was taken over lately: it can be handed on from {from:time} on",
	[CONTRACTS_REFUSAL_OWNERSHIP_ONLY_MOVES] =
		"there is one owner: ownership is handed over, never granted or revoked",
	/* Blacklist */
	[CONTRACTS_REFUSAL_IS_BARRED] =
		"{subject} is barred: vcli bar show {subject} tells why and until when; it, or the owner of the node that it is, may say that this is wrong with vcli bar appeal",
	[CONTRACTS_REFUSAL_ALREADY_BARRED] =
		"{subject} is barred already: vcli bar show {subject} tells until when, vcli bar lift ends it",
	[CONTRACTS_REFUSAL_NOT_BARRED] =
		"{subject} is not barred, or no longer: vcli bar show {subject} tells of the last time",
	[CONTRACTS_REFUSAL_APPEALED_ALREADY] =
		"{subject} has appealed already, once is all: vcli bar show {subject} tells what became of it",
	[CONTRACTS_REFUSAL_NO_APPEAL] =
		"no appeal of {subject} waits for a decision: vcli bar show {subject} tells whether there was one",
	[CONTRACTS_REFUSAL_OWN_CASE] =
		"{verifier} has barred it, is it or owns it: another verifier or the owner decides the appeal",
	[CONTRACTS_REFUSAL_ENDS_IN_THE_PAST] = "the end of a bar, {until:time}, must be ahead: say a longer --for",
	/* Jobs */
	[CONTRACTS_REFUSAL_NO_CUSTOMER] =
		"{caller} is no customer, and only customers create jobs: vcli register customer does that",
	[CONTRACTS_REFUSAL_BAD_DEADLINE] = "a job's end, {deadline:time}, must be ahead, by 366 days at most",
	[CONTRACTS_REFUSAL_BAD_WINDOW] = "a window is 1 second to 30 days, not {window} seconds",
	[CONTRACTS_REFUSAL_WRONG_VALUE] = "{sent:wei} were sent along for an amount of {amount:wei}",
	[CONTRACTS_REFUSAL_BUDGET_TOO_LARGE] = "a budget of {budget:wei} is more than there is",
	[CONTRACTS_REFUSAL_BUDGET_EXCEEDED] =
		"{free:wei} are left of the job's budget, {wanted:wei} are claimed: vcli job top-up adds to it",
	[CONTRACTS_REFUSAL_BATCHES_OPEN] =
		"{open} batches of job {jobId} are not settled yet: vcli job settle does that",
	[CONTRACTS_REFUSAL_WRONG_STATE] = "job {jobId} is {state:job}: this cannot be done to it now",
	[CONTRACTS_REFUSAL_WRONG_BATCH_STATE] =
		"batch {ordinal} of node {node} in job {jobId} is {state:batch}: this cannot be done to it now",
	[CONTRACTS_REFUSAL_TOO_EARLY] = "not before {from:time}",
	[CONTRACTS_REFUSAL_TOO_LATE] = "this could be done until {since:time}",
	[CONTRACTS_REFUSAL_OWNER_NOT_REGISTERED] = "{owner}, whose node it is, is no supplier any longer",
	[CONTRACTS_REFUSAL_PRICE_ABOVE_LIMIT] =
		"the node's price is {price:wei} a segment, over the limit of {limit:wei}",
	[CONTRACTS_REFUSAL_ALREADY_ASSIGNED] = "node {node} works for job {jobId} already",
	[CONTRACTS_REFUSAL_NOT_ASSIGNED] = "node {node} does not work for job {jobId}: vcli job assign does that",
	[CONTRACTS_REFUSAL_TERMS_CHANGED] =
		"the node worked for {payee} at {price:wei} a segment before, and does not on other terms",
	[CONTRACTS_REFUSAL_NODE_FULL] = "node {node} does {capacity} jobs at a time and has as many",
	[CONTRACTS_REFUSAL_TOO_MANY_NODES] = "job {jobId} has as many nodes as a job can have",
	[CONTRACTS_REFUSAL_OUT_OF_ORDER] = "the node's next batch is number {expected}",
	[CONTRACTS_REFUSAL_TOO_MANY_OPEN] =
		"too many batches of node {node} in job {jobId} are not settled: vcli job settle does that",
	[CONTRACTS_REFUSAL_BAD_COUNT] = "{count} segments: 1 to {most} are possible",
	[CONTRACTS_REFUSAL_PARTISAN] = "{caller} pays or is paid for this, or made it: somebody else judges it",
	[CONTRACTS_REFUSAL_OWN_JUDGEMENT] = "{verifier} has judged this: somebody else decides the dispute",
	[CONTRACTS_REFUSAL_BAD_PROOF] = "the proof does not show that the segment is in the batch",
};

/* A whole number as the ABI has it; false: it is none, or too large. */
static bool number_at(const struct codec_field *f, const void *values, struct u256 *ret)
{
	const void *value = (const char *)values + f->offset;

	if (f->kind == CODEC_UINT)
		*ret = u256_of(*(const uint64_t *)value);
	else if (f->kind == CODEC_NUMBER)
		*ret = *(const struct u256 *)value;
	else if (f->kind == CODEC_ENUM)
		*ret = u256_of(*(const unsigned *)value);
	return f->kind <= CODEC_ENUM && f->kind != CODEC_SIGNED;
}

static char *value_text(const void *ctx, const struct codec_field *f, const void *values, const char *format)
{
	static const struct {
		const char *format;
		const char *const *words;
	} enumerations[] = {{"kind", refusal_kinds},
			    {"role", refusal_roles},
			    {"job", refusal_job_states},
			    {"batch", refusal_batch_states}};
	struct u256 number = U256_ZERO;
	uint64_t small = 0;

	if (!number_at(f, values, &number))
		return codec_value_text(ctx, f, values);
	for (size_t i = 0; i < sizeof(enumerations) / sizeof(enumerations[0]); i++) {
		if (strcmp(enumerations[i].format, format) == 0)
			return mem_strdup(ctx, u256_to_u64(number, &small)
						       ? refusal_word(enumerations[i].words, (unsigned)small)
						       : "?");
	}
	if (strcmp(format, "wei") == 0)
		return amount_words(ctx, number);
	if (strcmp(format, "time") == 0 && u256_to_u64(number, &small))
		return refusal_time(ctx, small);
	return codec_value_text(ctx, f, values);
}

static char *named_text(const void *ctx, const struct codec_layout *layout, const void *values, const char *name,
			const char *format)
{
	for (size_t i = 0; values && i < layout->count; i++) {
		if (strcmp(layout->fields[i].name, name) == 0)
			return value_text(ctx, &layout->fields[i], values, format);
	}
	return mem_strdup(ctx, "?");
}

char *refusal_words(const void *ctx, enum contracts_refusal refusal, const void *values)
{
	const char *words = all_words[refusal] ? all_words[refusal] : contracts_refusals[refusal].name;
	char *text = mem_strdup(ctx, "");

	/* "{name}" or "{name:format}" become the value. */
	while (*words) {
		size_t plain = strcspn(words, "{"), inside;
		char *name, *format;

		text = talloc_strndup_append(text, words, plain);
		words += plain;
		if (!*words)
			break;
		inside = strcspn(words, "}");
		name = mem_strndup(NULL, words + 1, inside - 1);
		words += inside + 1;
		format = strchr(name, ':');
		if (format)
			*format++ = '\0';
		text = talloc_strdup_append(text, named_text(name, &contracts_refusals[refusal].values, values, name,
							     format ? format : ""));
		mem_free(name);
	}
	return text;
}

enum contracts_refusal refusal_of(const uint8_t *revert, size_t n)
{
	for (unsigned i = 1; n >= ABI_SELECTOR_BYTES && i < CONTRACTS_REFUSALS; i++) {
		if (memcmp(revert, contracts_refusals[i].selector, ABI_SELECTOR_BYTES) == 0)
			return (enum contracts_refusal)i;
	}
	return CONTRACTS_REFUSAL_NONE;
}

/* The values belong to the ctx; NULL: it is of no contract, or cut short. */
static void *read_values(const void *ctx, const uint8_t *revert, size_t n, enum contracts_refusal *ret_refusal)
{
	const struct json_place at = {NULL, "refusal", 0};
	enum contracts_refusal refusal = refusal_of(revert, n);
	const struct codec_layout *layout = &contracts_refusals[refusal].values;
	void *values;
	struct error *e;

	if (refusal == CONTRACTS_REFUSAL_NONE)
		return NULL;
	values = mem_array(ctx, char, layout->bytes + 1);
	e = codec_decode(values, layout, revert + ABI_SELECTOR_BYTES, n - ABI_SELECTOR_BYTES, &at, values);
	*ret_refusal = refusal;
	if (!e)
		return values;
	error_free(e);
	mem_free(values);
	return NULL;
}

char *refusal_text(const void *ctx, const uint8_t *revert, size_t n)
{
	enum contracts_refusal refusal = CONTRACTS_REFUSAL_NONE;
	void *values = read_values(NULL, revert, n, &refusal);
	char *text = values ? refusal_words(ctx, refusal, values) : revert_text(ctx, revert, n);

	mem_free(values);
	return text;
}

char *refusal_plain_text(const void *ctx, const uint8_t *revert, size_t n)
{
	enum contracts_refusal refusal = CONTRACTS_REFUSAL_NONE;
	void *values = read_values(NULL, revert, n, &refusal);
	const struct codec_layout *layout = &contracts_refusals[refusal].values;
	char *text;

	if (!values)
		return revert_text(ctx, revert, n);
	text = mem_printf(ctx, "%s(", contracts_refusals[refusal].name);
	for (size_t i = 0; i < layout->count; i++) {
		char *value = codec_value_text(values, &layout->fields[i], values);

		text = talloc_asprintf_append(text, "%s%s: %s", i ? ", " : "", layout->fields[i].name, value);
	}
	mem_free(values);
	return talloc_strdup_append(text, ")");
}
