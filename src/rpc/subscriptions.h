/* Subscriptions of WebSocket clients: notes are sent to them as things come, none before the reply that names the
 * subscription. One belongs to its client and ends with it, or by ..._unsubscribe: what feeds it, its program's, is a
 * child of it. Threads: loop thread. */
#ifndef DSN_RPC_SUBSCRIPTIONS_H
#define DSN_RPC_SUBSCRIPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/jsonrpc.h"

struct subscriptions;
/* Those of all clients of rpc; adds the method _unsubscribe. Outlives the clients. */
struct subscriptions *subscriptions_new(const void *ctx, struct jsonrpc *rpc);
size_t subscriptions_count(const struct subscriptions *all);
uint64_t subscriptions_sent(const struct subscriptions *all); /* notes, ever */

struct subscription;
/* For the client of the call; NULL: it has too many, the call was answered so. `method` ("shh_subscription") must
 * outlive it. */
struct subscription *subscription_new(struct jsonrpc_call *c, struct subscriptions *all, const char *method);
/* Answers the call with its id; what was noted before goes out after that. */
void subscription_answer(struct subscription *s, struct jsonrpc_call *c);
/* Sends a note; `write` writes its one value. */
typedef void subscription_write_fn(struct json_writer *w, const void *thing);
void subscription_note(struct subscription *s, subscription_write_fn *write, const void *thing);

#endif
