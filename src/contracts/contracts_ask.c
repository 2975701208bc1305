/* Views, and trying. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "chain/abi.h"
#include "contracts/contracts_impl.h"
#include "contracts/refusal.h"

struct contracts_question {
	const void *ctx; /* what is decoded belongs to it */
	const struct codec_function *function;
	bool tries;
	void *ret;
	contracts_fn *fn;
	void *arg;
};

/* A view tells which it was: several may be asked for one thing. */
static struct error *view_error(const struct contracts_question *q, const struct rpc_reply *reply,
				enum contracts_refusal *ret_refusal)
{
	struct error *e;
	char *why;

	if (!reply->revert)
		return error_copy(reply->error);
	*ret_refusal = refusal_of(reply->revert, reply->revert_n);
	why = refusal_plain_text(NULL, reply->revert, reply->revert_n);
	e = error_new(ERROR_REFUSED, "%s.%s refused: %s", q->function->contract, q->function->name, why);
	mem_free(why);
	return e;
}

static void on_answer(const struct rpc_reply *reply, void *arg)
{
	struct contracts_question *q = talloc_steal(NULL, (struct contracts_question *)arg);
	const struct json_place at = {NULL, q->function->signature, 0};
	enum contracts_refusal refusal = CONTRACTS_REFUSAL_NONE;
	uint8_t *bytes = NULL;
	size_t n = 0;
	struct error *e;

	if (q->tries)
		e = contracts_reply_error(reply, &refusal);
	else if (reply->error)
		e = view_error(q, reply, &refusal);
	else
		e = abi_read_hex(q, reply->result, &at, SIZE_MAX, &bytes, &n);
	if (!e && !q->tries)
		e = codec_result(q->ctx, q->function, bytes, n, q->ret);
	contracts_tell(e, refusal, q->fn, q->arg);
	mem_free(q);
}

static struct error *intent_of(struct contracts *k, const struct codec_function *f, const void *args, struct buf *data,
			       struct txbox_intent *ret_intent)
{
	TRY(contracts_address(k, f->contract, ret_intent->to));
	TRY(codec_call(f, args, data));
	ret_intent->data = (const uint8_t *)data->data;
	ret_intent->n = data->len;
	return NULL;
}

static void ask(const void *ctx, struct contracts *k, const struct contracts_question *question, const void *args,
		const char *block)
{
	struct txbox_intent in = {.id = ""};
	struct buf *data = buf_new(NULL, ABI_CALL_BYTES);
	struct error *e = intent_of(k, question->function, args, data, &in);
	struct contracts_question *q;

	if (e) {
		contracts_fail(ctx, k, e, question->fn, question->arg);
	} else {
		q = mem_new(ctx, struct contracts_question);
		*q = *question;
		rpc_call(k->config.rpc, q, "eth_call",
			 json_pack("[o,s]", contracts_call_json(contracts_account(k), &in), block), on_answer, q);
	}
	mem_free(data);
}

void contracts_ask(const void *ctx, struct contracts *k, const struct codec_function *f, const void *args,
		   const char *block, void *ret, contracts_fn *fn, void *arg)
{
	const struct contracts_question q = {ctx, f, false, ret, fn, arg};

	ask(ctx, k, &q, args, block);
}

void contracts_try(const void *ctx, struct contracts *k, const struct codec_function *f, const void *args,
		   contracts_fn *fn, void *arg)
{
	const struct contracts_question q = {ctx, f, true, NULL, fn, arg};

	ask(ctx, k, &q, args, "latest");
}
