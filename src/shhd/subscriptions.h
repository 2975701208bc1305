/* Subscriptions of WebSocket clients. One belongs to its client and ends with it, or by ..._unsubscribe: what feeds it
 * is a child of it. Threads: loop thread. */
#ifndef DSN_SHHD_SUBSCRIPTIONS_H
#define DSN_SHHD_SUBSCRIPTIONS_H

#include "http/jsonrpc.h"
#include "shhd/shhd.h"

struct subscription;
/* For the client of the call; NULL: it has too many, the call was answered so. `method` ("shh_subscription") must
 * outlive it. */
struct subscription *subscription_new(struct jsonrpc_call *c, struct shhd *d, const char *method);
/* Answers the call with its id; what was noted before goes out after that. */
void subscription_answer(struct subscription *s, struct jsonrpc_call *c);
/* Sends a note; `write` writes its one value. */
typedef void subscription_write_fn(struct json_writer *w, const void *thing);
void subscription_note(struct subscription *s, subscription_write_fn *write, const void *thing);

#endif
