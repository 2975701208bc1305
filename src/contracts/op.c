#include "contracts/op.h"

#include "base/mem.h"
#include "contracts/contracts_impl.h"

void *op_make_(void *op, const void *ctx, struct contracts *k, contracts_fn *fn, void *arg)
{
	*(struct op *)op = (struct op){ctx, k, fn, arg};
	return op;
}

void op_end(void *op, const struct contracts_answer *answer)
{
	const struct op *o = talloc_steal(NULL, (struct op *)op);

	o->fn(answer, o->arg);
	mem_free(op);
}

void op_end_with(void *op, struct error *e)
{
	const struct contracts_answer answer = {.error = e};

	op_end(op, &answer);
	error_free(e);
}

void op_last(const struct contracts_answer *answer, void *op)
{
	op_end(op, answer);
}

void op_fail(void *op, struct error *e)
{
	contracts_fail(op, ((const struct op *)op)->k, e, op_last, op);
}
