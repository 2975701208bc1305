/* vcli bar: who is barred, until when and why; appeals and what becomes of them. */
#include <string.h>

#include "base/json.h"
#include "contracts/bars.h"
#include "contracts/refusal.h"
#include "vcli/chain/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/node/resolve.h"

static struct error *subject_of(struct vcli *v, uint8_t ret_subject[ETH_ADDRESS_BYTES])
{
	char *subject = NULL;

	vcli_answer(v, json_object());
	TRY(resolve_address(v, "SUBJECT", v->args[0], &subject));
	json_put(v->answer, "subject", subject);
	return money_address_bytes("SUBJECT", subject, ret_subject);
}

static struct error *check_reason(const char *reason)
{
	json_t *text;

	if (!reason || !*reason)
		return error_new(ERROR_INVALID, "--reason: say why, in words for a person to read");
	if (strlen(reason) > BARS_REASON_BYTES)
		return error_new(ERROR_INVALID, "--reason: has %zu bytes, %zu are allowed", strlen(reason),
				 BARS_REASON_BYTES);
	text = json_string(reason);
	if (!text)
		return error_new(ERROR_INVALID, "--reason: is not UTF-8");
	json_decref(text);
	return NULL;
}

static struct error *read_order(struct vcli *v, struct bars_order *o)
{
	TRY(subject_of(v, o->subject));
	TRY(check_reason(v->set.market.reason));
	if (!v->set.market.evidence)
		return error_new(ERROR_INVALID, "--evidence: name a file that shows what the reason says");
	if (v->set.market.for_ms < BARS_LEAST_MS)
		return error_new(ERROR_INVALID, "--for: a bar holds for 1s at least");
	o->reason = v->set.market.reason;
	o->for_ms = v->set.market.for_ms;
	return money_file_digest(v->set.market.evidence, o->evidence);
}

struct error *cmd_bar_add(struct vcli *v)
{
	struct blacklist_barred_event event;
	struct chain_awaited *w;
	struct bars_order o = {.reason = NULL};
	struct chain *c = NULL;

	TRY(read_order(v, &o));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	bars_add(w, c->contracts, &o, &event, chain_answered, w);
	TRY(chain_await(c, w));
	money_put_time(v->answer, "until", event.until);
	json_put(v->answer, "reason", o.reason);
	money_put_address(v->answer, "verifier", event.verifier);
	money_put_hash(v->answer, "evidence", o.evidence);
	return money_show(v);
}

struct error *cmd_bar_lift(struct vcli *v)
{
	struct blacklist_lift_call call;
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(subject_of(v, call.subject));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	blacklist_lift_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	json_put(v->answer, "lifted", "yes");
	return money_show(v);
}

struct error *cmd_bar_appeal(struct vcli *v)
{
	struct blacklist_appeal_call call;
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(subject_of(v, call.subject));
	TRY(money_file_digest(v->args[1], call.statement));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	blacklist_appeal_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	money_put_hash(v->answer, "statement", call.statement);
	return money_show(v);
}

struct error *cmd_bar_decide(struct vcli *v)
{
	static const char *const decisions[] = {"keep", "lift", NULL};
	struct blacklist_decide_appeal_call call;
	struct chain_awaited *w;
	struct chain *c = NULL;
	int lifts = 0;

	TRY(subject_of(v, call.subject));
	TRY(money_choice("the decision", decisions, v->args[1], &lifts));
	call.lifted = lifts;
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	blacklist_decide_appeal_send(w, c->contracts, &call, NULL, NULL, chain_answered, w);
	TRY(chain_await(c, w));
	json_put(v->answer, "lifted", lifts ? "yes" : "no");
	return money_show(v);
}

/* --- show --- */

static void answer_bar(struct vcli *v, const struct bars_state *s)
{
	const struct blacklist_get_result *b = &s->bar;

	json_put(v->answer, "barred", s->barred ? "yes" : "no");
	if (b->until == 0)
		return;
	if (b->until == UINT64_MAX)
		json_put(v->answer, "until", "for ever");
	else
		money_put_time(v->answer, "until", b->until);
	json_object_set_new(v->answer, "reason", json_stringn(b->reason.data, b->reason.n));
	money_put_address(v->answer, "verifier", b->verifier);
	money_put_hash(v->answer, "evidence", b->evidence);
	json_put(v->answer, "appeal", refusal_word(refusal_appeals, b->appealed));
}

/* A bar that has ended is told too, one that was lifted is gone. */
struct error *cmd_bar_show(struct vcli *v)
{
	uint8_t subject[ETH_ADDRESS_BYTES];
	struct chain_awaited *w;
	struct bars_state state;
	struct chain *c = NULL;

	TRY(subject_of(v, subject));
	TRY(chain_open(v, &c));
	w = chain_begin(c);
	bars_show(w, c->contracts, subject, &state, chain_answered, w);
	TRY(chain_await(c, w));
	answer_bar(v, &state);
	return money_show(v);
}
