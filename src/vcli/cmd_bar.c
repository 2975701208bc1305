/* vcli bar: who is barred, until when and why; appeals and what becomes of them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "contracts/refusal.h"
#include "vcli/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/resolve.h"

#define REASON_BYTES ((size_t)256) /* Blacklist.MAX_REASON */

static const char *const appeals[] = {"none", "filed", "refused", NULL};

static struct error *subject_of(struct vcli *v, char **ret_subject)
{
	vcli_answer(v, json_object());
	TRY(resolve_address(v, "SUBJECT", v->args[0], ret_subject));
	json_put(v->answer, "subject", *ret_subject);
	return NULL;
}

static struct error *check_reason(const char *reason)
{
	json_t *text;

	if (!reason || !*reason)
		return error_new(ERROR_INVALID, "--reason: say why, in words for a person to read");
	if (strlen(reason) > REASON_BYTES)
		return error_new(ERROR_INVALID, "--reason: has %zu bytes, %zu are allowed", strlen(reason),
				 REASON_BYTES);
	text = json_string(reason);
	if (!text)
		return error_new(ERROR_INVALID, "--reason: is not UTF-8");
	json_decref(text);
	return NULL;
}

/* The contract writes until when it holds, not for how long: that counts from our own clock, since what an endpoint
 * says the time is would be signed. */
static struct error *bar(struct chain *c, const char *subject, const char *evidence, struct txbox_record **ret_record)
{
	const struct vcli_market_options *o = &c->v->set.market;
	int64_t until = (clock_wall_ms() + o->for_ms) / 1000;

	return chain_do(c, "Blacklist", "bar", json_pack("[s,I,s,s]", subject, (json_int_t)until, evidence, o->reason),
			U256_ZERO, ret_record);
}

struct error *cmd_bar_add(struct vcli *v)
{
	struct txbox_record *record = NULL;
	char *subject = NULL, *evidence = NULL;
	struct chain *c = NULL;
	json_t *event = NULL;

	TRY(subject_of(v, &subject));
	TRY(check_reason(v->set.market.reason));
	if (!v->set.market.evidence)
		return error_new(ERROR_INVALID, "--evidence: name a file that shows what the reason says");
	if (v->set.market.for_ms < 1000)
		return error_new(ERROR_INVALID, "--for: a bar holds for 1s at least");
	TRY(money_file_hash(v, v->set.market.evidence, &evidence));
	TRY(chain_open_sending(v, &c));
	TRY(bar(c, subject, evidence, &record));
	TRY(chain_event(c, record, "Blacklist", "Barred", &event));
	json_put(v->answer, "until", money_time(v, json_object_get(event, "until")));
	json_put(v->answer, "reason", v->set.market.reason);
	json_object_set(v->answer, "verifier", json_object_get(event, "verifier"));
	json_put(v->answer, "evidence", evidence);
	json_decref(event);
	return money_show(v);
}

struct error *cmd_bar_lift(struct vcli *v)
{
	struct chain *c = NULL;
	char *subject = NULL;

	TRY(subject_of(v, &subject));
	TRY(chain_open_sending(v, &c));
	TRY(chain_do(c, "Blacklist", "lift", json_pack("[s]", subject), U256_ZERO, NULL));
	json_put(v->answer, "lifted", "yes");
	return money_show(v);
}

struct error *cmd_bar_appeal(struct vcli *v)
{
	char *subject = NULL, *statement = NULL;
	struct chain *c = NULL;

	TRY(subject_of(v, &subject));
	TRY(money_file_hash(v, v->args[1], &statement));
	TRY(chain_open_sending(v, &c));
	TRY(chain_do(c, "Blacklist", "appeal", json_pack("[s,s]", subject, statement), U256_ZERO, NULL));
	json_put(v->answer, "statement", statement);
	return money_show(v);
}

struct error *cmd_bar_decide(struct vcli *v)
{
	static const char *const decisions[] = {"keep", "lift", NULL};
	struct chain *c = NULL;
	char *subject = NULL;
	int lifts = 0;

	TRY(subject_of(v, &subject));
	TRY(money_choice("the decision", decisions, v->args[1], &lifts));
	TRY(chain_open_sending(v, &c));
	TRY(chain_do(c, "Blacklist", "decideAppeal", json_pack("[s,b]", subject, lifts), U256_ZERO, NULL));
	json_put(v->answer, "lifted", lifts ? "yes" : "no");
	return money_show(v);
}

/* --- show --- */

static char *until_text(const void *ctx, const json_t *until)
{
	bool ever = strtoull(json_string_value(until), NULL, 10) == UINT64_MAX;

	return ever ? mem_strdup(ctx, "for ever") : money_time(ctx, until);
}

static void answer_bar(struct vcli *v, const json_t *b, const json_t *barred)
{
	json_put(v->answer, "barred", json_is_true(barred) ? "yes" : "no");
	if (strcmp(json_string_value(json_object_get(b, "until")), "0") == 0)
		return;
	json_put(v->answer, "until", until_text(v, json_object_get(b, "until")));
	json_object_set(v->answer, "reason", json_object_get(b, "reason"));
	json_object_set(v->answer, "verifier", json_object_get(b, "verifier"));
	json_object_set(v->answer, "evidence", json_object_get(b, "evidence"));
	json_put(v->answer, "appeal", money_word(appeals, json_object_get(b, "appealed")));
}

/* A bar that has ended is told too, one that was lifted is gone. Asked in this order, a bar that is lifted meanwhile is
 * none, and never one without a reason. */
struct error *cmd_bar_show(struct vcli *v)
{
	json_t *b = NULL, *barred = NULL;
	struct chain *c = NULL;
	char *subject = NULL;
	struct error *e;

	TRY(subject_of(v, &subject));
	TRY(chain_open(v, &c));
	TRY(chain_ask_at(c, "Blacklist", "get", json_pack("[s]", subject), "latest", &b));
	e = chain_ask_one(c, "Blacklist", "isBarred", json_pack("[s]", subject), &barred);
	if (!e)
		answer_bar(v, b, barred);
	json_decref(b);
	json_decref(barred);
	return e ? e : money_show(v);
}
