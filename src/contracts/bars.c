#include "contracts/bars.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "contracts/op.h"

/* --- add --- */

struct bars_adding {
	struct op op;
	struct txbox_record *record;
	struct blacklist_barred_event *ret;
};

/* The contract writes until when it holds, not for how long. */
static void forget_until(void *args)
{
	((struct blacklist_bar_call *)args)->until = 0;
}

static void on_barred(const struct contracts_answer *answer, void *arg)
{
	struct bars_adding *a = arg;

	if (answer->error)
		op_end(a, answer);
	else
		blacklist_barred_find(a->op.ctx, a->op.k, a->record, a->ret, op_last, a);
}

void bars_add(const void *ctx, struct contracts *k, const struct bars_order *order, struct blacklist_barred_event *ret,
	      contracts_fn *fn, void *arg)
{
	struct bars_adding *a = op_new(ctx, k, struct bars_adding, fn, arg);
	const struct contracts_terms terms = {.forget = forget_until};
	struct blacklist_bar_call call = {.until = (uint64_t)(clock_wall_ms() + order->for_ms) / 1000,
					  .reason = {order->reason, strlen(order->reason)}};

	memcpy(call.subject, order->subject, sizeof(call.subject));
	memcpy(call.evidence, order->evidence, sizeof(call.evidence));
	a->ret = ret;
	blacklist_bar_send(a, k, &call, &terms, &a->record, on_barred, a);
}

/* --- show --- */

struct bars_showing {
	struct op op;
	struct blacklist_is_barred_call call;
	struct blacklist_is_barred_result is;
	struct bars_state *ret;
};

static void on_is(const struct contracts_answer *answer, void *arg)
{
	struct bars_showing *s = arg;

	if (!answer->error)
		s->ret->barred = s->is.value;
	op_end(s, answer);
}

static void on_bar(const struct contracts_answer *answer, void *arg)
{
	struct bars_showing *s = arg;

	if (answer->error)
		op_end(s, answer);
	else
		blacklist_is_barred_ask(s, s->op.k, &s->call, "latest", &s->is, on_is, s);
}

/* Asked in this order, a bar that is lifted meanwhile is none, and never one without a reason. */
void bars_show(const void *ctx, struct contracts *k, const uint8_t subject[ETH_ADDRESS_BYTES], struct bars_state *ret,
	       contracts_fn *fn, void *arg)
{
	struct bars_showing *s = op_new(ctx, k, struct bars_showing, fn, arg);
	struct blacklist_get_call get;

	memcpy(get.subject, subject, sizeof(get.subject));
	memcpy(s->call.subject, subject, sizeof(s->call.subject));
	s->ret = ret;
	blacklist_get_ask(ctx, k, &get, "latest", &ret->bar, on_bar, s);
}
