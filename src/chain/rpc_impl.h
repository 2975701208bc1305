/* What the files of the JSON-RPC client share. Private to rpc*.c. */
#ifndef DSN_CHAIN_RPC_IMPL_H
#define DSN_CHAIN_RPC_IMPL_H

#include "base/backoff.h"
#include "base/loop.h"
#include "chain/post.h"
#include "chain/rpc.h"

#define BATCH 100 /* calls in one exchange */
#define POSTS 6   /* exchanges under way */

enum rpc_endpoint_state {
	UNCHECKED, /* has yet to name its chain, from due_ms on */
	CHECKING,
	GOOD,
	FOREIGN, /* named another chain; asked again from due_ms on */
};

struct rpc_endpoint {
	char *url, *label;
	enum rpc_endpoint_state state;
	struct backoff backoff;
	int64_t due_ms;
	struct error *why; /* of its last failure */
	/* What it is asked for at once: halved when it answers too late, since what it could not do in time it would
	 * not do at the second try either; raised when it is quick. */
	size_t batch_limit; /* calls in an exchange, BATCH at most */
	size_t post_limit;  /* exchanges under way, POSTS at most */
};

struct rpc_call {
	struct rpc *rpc;
	struct rpc_call *next, **link; /* in the queue, while it waits */
	struct rpc_batch *batch;       /* while it is under way */
	size_t slot;
	char *method, *params;
	bool alone; /* to be sent without others */
	unsigned too_long;
	int64_t deadline_ms;
	rpc_fn *fn;
	void *arg;
};

struct rpc_batch {
	struct rpc *rpc;
	struct rpc_endpoint *endpoint;
	uint64_t generation;
	int64_t first_id, sent_ms;
	size_t count;
	struct rpc_call *calls[BATCH]; /* NULL: given up */
	const char *methods[BATCH];
};

struct rpc {
	uv_loop_t *loop;
	struct post_client *post_client;
	struct rpc_endpoint endpoints[RPC_ENDPOINTS];
	size_t endpoint_count, current;
	uint64_t chain_id, generation, posts_made;
	int64_t answer_ms, give_up_ms, next_id;
	size_t limit, under_way;
	struct rpc_call *queue, **queue_end;
	struct timer *timer;
};

/* rpc.c: sends what is queued and can be sent; ends what has waited too long. */
void rpc_pump(struct rpc *r);

/* rpc_endpoint.c */
void rpc_endpoint_failed(struct rpc *r, struct rpc_endpoint *x, const struct error *why, enum rpc_endpoint_state state);
/* One that may be used now. Otherwise one is on its way there, or *ret_due_ms (monotonic clock) says when to look
 * again. */
struct rpc_endpoint *rpc_endpoint_choose(struct rpc *r, int64_t *ret_due_ms);
/* "http://a:1: connection refused; http://b:2: ..."; belongs to ctx. */
char *rpc_endpoint_reasons(const void *ctx, const struct rpc *r);
bool rpc_endpoint_all_foreign(const struct rpc *r);

#endif
