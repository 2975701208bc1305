/* Sealers of a proof-of-authority chain begin when they have met: those that seal before have each a chain of their
 * own, none heavier than the others, and Clique's turns can leave all of them waiting for a block of another (nobody
 * may seal two blocks in a row).
 *
 * Threads: loop thread.
 */
#ifndef DSN_DEVNET_JOIN_H
#define DSN_DEVNET_JOIN_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

/* NULL: done. The error is the callee's to free. */
typedef void devnet_join_fn(struct error *e, void *arg);

struct devnet_join_options {
	const char *const *urls; /* of the sealers' RPC, one or more; with modules eth, net, miner */
	size_t count;
	/* Looked at before each question: why there is no use in waiting on, such as that a program has ended. */
	struct error *(*check)(void *arg);
	devnet_join_fn *done;
	void *arg;
	int64_t end_ms; /* of the monotonic clock; INT64_MAX: none */
};

/* `done` comes once, in a later turn of the loop; freeing ctx earlier gives it up, and an error here (ERROR_INVALID: a
 * URL that is none) is all that comes. ERROR_TIMEOUT names the sealer, what it has not done and what it has answered
 * last, where that was an error; an error of `check` is passed on.
 *
 * devnet_join_answering(): each of them answers, and listens to the others by then.
 * devnet_join(): all have met and can sign; then they are told to seal, and there is a block that none of them had. */
struct error *devnet_join_answering(const void *ctx, uv_loop_t *loop,
				    const struct devnet_join_options *options) MUST_CHECK;
struct error *devnet_join(const void *ctx, uv_loop_t *loop, const struct devnet_join_options *options) MUST_CHECK;

#endif
