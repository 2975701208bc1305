#include "vcli/refusal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "chain/amount.h"
#include "chain/contracts.h"

const char *const refusal_kinds[] = {"customer", "supplier", NULL};
const char *const refusal_roles[] = {"owner", "manager", "verifier", NULL};
const char *const refusal_works[] = {"distributor", "transcoder", "storage", NULL};
const char *const refusal_job_states[] = {"not there", "open",   "active",  "closing",
					  "cancelled", "closed", "expired", NULL};
const char *const refusal_batch_states[] = {"not there", "reported", "judged", "disputed", "resolved", "settled", NULL};

const char *refusal_word(const char *const *words, const json_t *value)
{
	const char *digits = json_string_value(value);
	size_t wanted = digits ? strtoul(digits, NULL, 10) : SIZE_MAX;

	for (size_t i = 0; words[i]; i++) {
		if (i == wanted)
			return words[i];
	}
	return "?";
}

char *refusal_time(const void *ctx, const json_t *value)
{
	const char *digits = json_string_value(value);
	uint64_t seconds = 0;
	struct u256 n;
	struct error *e = u256_parse(digits ? digits : "", &n);

	if (e || !u256_to_u64(n, &seconds) || seconds > INT64_MAX / 1000) {
		error_free(e);
		return mem_strdup(ctx, digits ? digits : "?");
	}
	return clock_format(ctx, (int64_t)seconds * 1000);
}

char *refusal_wei(const void *ctx, const json_t *value)
{
	const char *digits = json_string_value(value);
	struct u256 n;
	struct error *e = u256_parse(digits ? digits : "", &n);

	if (!e)
		return amount_words(ctx, n);
	error_free(e);
	return mem_strdup(ctx, "?");
}

static const struct {
	const char *name, *words;
} rows[] = {
	/* Accounts */
	{"AlreadyRegistered", "{account} is registered as {kind:kind} already"},
	{"NotRegistered", "{account} is not registered as {kind:kind}: vcli register {kind:kind} does that"},
	{"InsufficientBalance",
	 "{account} has {balance:wei} in the contract, {wanted:wei} are wanted: vcli payment deposit adds to it"},
	{"InsufficientAllowance",
	 "{spender} may take {allowance:wei} of {holder}'s balance, {wanted:wei} are wanted: let it take as much first"},
	{"AllowanceChanged", "{spender} has used some of what it may take, {allowance:wei} are left: try again"},
	{"WithdrawalRefused", "{account} is a contract that does not take ether"},
	{"ZeroAddress", "the zero address is nobody: name another"},
	{"ZeroAmount", "an amount is 1 wei at least"},
	{"ZeroHash", "a hash is needed here, zero is none"},
	/* Nodes */
	{"NoSupplier", "{caller} is no supplier, and only suppliers offer nodes: vcli register supplier does that"},
	{"BadPublicKey", "a public key has 64 bytes, not {length}"},
	{"NoConsent", "node {node} has not signed that it belongs to {owner}: take the node's own key"},
	{"AlreadyListed", "node {node} is listed already, by {owner}"},
	{"NoSuchNode", "no node {node} is listed: vcli register list shows those that are"},
	{"NoCapacity", "a node does 1 job at a time at least"},
	{"NotYours", "{caller} has no part in this: somebody else must do it (name another --account)"},
	{"TextTooLong", "a text has {length} bytes, {most} are allowed"},
	/* Roles */
	{"MissingRole", "{caller} is no {role:role}: the owner grants the role, or name another --account"},
	{"NoOffer", "nobody has offered the role of {role:role} to {caller}"},
	{"HoldsAlready", "{holder} is {role:role} already"},
	{"HoldsNot", "{holder} is no {role:role}"},
	{"TookOverLately", "the role of {role:role} was taken over lately: it can be handed on from {from:time} on"},
	{"OwnershipOnlyMoves", "there is one owner: ownership is handed over, never granted or revoked"},
	/* Blacklist */
	{"IsBarred",
	 "{subject} is barred: vcli bar show {subject} tells why and until when; it, or the owner of the node that it is, may say that this is wrong with vcli bar appeal"},
	{"AlreadyBarred",
	 "{subject} is barred already: vcli bar show {subject} tells until when, vcli bar lift ends it"},
	{"NotBarred", "{subject} is not barred, or no longer: vcli bar show {subject} tells of the last time"},
	{"AppealedAlready",
	 "{subject} has appealed already, once is all: vcli bar show {subject} tells what became of it"},
	{"NoAppeal",
	 "no appeal of {subject} waits for a decision: vcli bar show {subject} tells whether there was one"},
	{"OwnCase", "{verifier} has barred it, is it or owns it: another verifier or the owner decides the appeal"},
	{"EndsInThePast", "the end of a bar, {until:time}, must be ahead: say a longer --for"},
	/* Jobs */
	{"NoCustomer", "{caller} is no customer, and only customers create jobs: vcli register customer does that"},
	{"BadDeadline", "a job's end, {deadline:time}, must be ahead, by 366 days at most"},
	{"BadWindow", "a window is 1 second to 30 days, not {window} seconds"},
	{"WrongValue", "{sent:wei} were sent along for an amount of {amount:wei}"},
	{"BudgetTooLarge", "a budget of {budget:wei} is more than there is"},
	{"BudgetExceeded",
	 "{free:wei} are left of the job's budget, {wanted:wei} are claimed: vcli job top-up adds to it"},
	{"BatchesOpen", "{open} batches of job {jobId} are not settled yet: vcli job settle does that"},
	{"WrongState", "job {jobId} is {state:job}: this cannot be done to it now"},
	{"WrongBatchState",
	 "batch {ordinal} of node {node} in job {jobId} is {state:batch}: this cannot be done to it now"},
	{"TooEarly", "not before {from:time}"},
	{"TooLate", "this could be done until {since:time}"},
	{"OwnerNotRegistered", "{owner}, whose node it is, is no supplier any longer"},
	{"PriceAboveLimit", "the node's price is {price:wei} a segment, over the limit of {limit:wei}"},
	{"AlreadyAssigned", "node {node} works for job {jobId} already"},
	{"NotAssigned", "node {node} does not work for job {jobId}: vcli job assign does that"},
	{"TermsChanged", "the node worked for {payee} at {price:wei} a segment before, and does not on other terms"},
	{"NodeFull", "node {node} does {capacity} jobs at a time and has as many"},
	{"TooManyNodes", "job {jobId} has as many nodes as a job can have"},
	{"OutOfOrder", "the node's next batch is number {expected}"},
	{"TooManyOpen", "too many batches of node {node} in job {jobId} are not settled: vcli job settle does that"},
	{"BadCount", "{count} segments: 1 to {most} are possible"},
	{"Partisan", "{caller} pays or is paid for this, or made it: somebody else judges it"},
	{"OwnJudgement", "{verifier} has judged this: somebody else decides the dispute"},
	{"BadProof", "the proof does not show that the segment is in the batch"},
};

static char *value_text(const void *ctx, const json_t *value, const char *format)
{
	static const struct {
		const char *format;
		const char *const *words;
	} enumerations[] = {{"kind", refusal_kinds},
			    {"role", refusal_roles},
			    {"job", refusal_job_states},
			    {"batch", refusal_batch_states}};

	for (size_t i = 0; i < sizeof(enumerations) / sizeof(enumerations[0]); i++) {
		if (strcmp(enumerations[i].format, format) == 0)
			return mem_strdup(ctx, refusal_word(enumerations[i].words, value));
	}
	if (strcmp(format, "wei") == 0)
		return refusal_wei(ctx, value);
	if (strcmp(format, "time") == 0)
		return refusal_time(ctx, value);
	return mem_strdup(ctx, json_is_string(value) ? json_string_value(value) : "?");
}

/* "{name}" or "{name:format}" become the value. */
static char *fill(const void *ctx, const char *words, const json_t *values)
{
	char *text = mem_strdup(ctx, "");

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
		text = talloc_strdup_append(text,
					    value_text(name, json_object_get(values, name), format ? format : ""));
		mem_free(name);
	}
	return text;
}

char *refusal_words(const void *ctx, const char *name, const json_t *values)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return fill(ctx, rows[i].words, values);
	}
	return NULL;
}

static char *of_contract(const void *ctx, const struct contract *c, const uint8_t *revert, size_t n)
{
	const struct abi_entry *refusal = NULL;
	json_t *values = NULL;
	struct error *e = abi_refusal(c->abi, revert, n, &refusal, &values);
	char *text = e ? NULL : refusal_words(ctx, refusal->name, values);

	error_free(e);
	json_decref(values);
	return text ? text : e ? NULL : abi_revert_text(ctx, c->abi, revert, n);
}

char *refusal_text(const void *ctx, const uint8_t *revert, size_t n)
{
	void *scope = mem_new(NULL, char);
	char *text = NULL;

	for (size_t i = 0; !text && contract_name_at(i); i++) {
		const struct contract *c = NULL;
		struct error *e = contract_builtin(scope, contract_name_at(i), &c);

		if (!e)
			text = of_contract(ctx, c, revert, n);
		error_free(e);
	}
	mem_free(scope);
	return text ? text : abi_revert_text(ctx, NULL, revert, n);
}
