/* Operations of several steps: what they share. Private to contracts/. Threads: loop thread. */
#ifndef DSN_CONTRACTS_OP_H
#define DSN_CONTRACTS_OP_H

#include "contracts/call.h"

/* The first member of an operation, which is a child of its ctx; so are its steps and what it gives. */
struct op {
	const void *ctx;
	struct contracts *k;
	contracts_fn *fn;
	void *arg;
};

#define op_new(ctx, k, type, fn, arg) ((type *)op_make_(mem_new(ctx, type), ctx, k, fn, arg))
void *op_make_(void *op, const void *ctx, struct contracts *k, contracts_fn *fn, void *arg);
/* Tells the operation's end and frees it. */
void op_end(void *op, const struct contracts_answer *answer);
/* With an error that is this side's own, which it takes, or with none. */
void op_end_with(void *op, struct error *e);
/* The same in a later turn of the loop. Takes the error. */
void op_fail(void *op, struct error *e);
/* The last step: its answer is the operation's. A contracts_fn. */
void op_last(const struct contracts_answer *answer, void *op);

#endif
