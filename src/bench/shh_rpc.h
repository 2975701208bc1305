/* JSON-RPC to a Whisper node over a WebSocket, for measurements: any node that speaks go-ethereum's shh_*, admin_*.
 *
 * Answers come by request, notifications of shh_subscribe to one listener. Threads: loop thread.
 */
#ifndef DSN_BENCH_SHH_RPC_H
#define DSN_BENCH_SHH_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct shh_rpc;

/* Exactly one of the two is there; both borrowed. */
typedef void shh_rpc_fn(const json_t *result, const struct error *e, void *arg);
typedef void shh_note_fn(const char *subscription, const json_t *message, void *arg);

/* Connects to 127.0.0.1 and waits until it is open. A connection that breaks later answers what is open with an error,
 * and everything after. */
struct error *shh_rpc_open(const void *ctx, uv_loop_t *loop, int port, struct shh_rpc **ret_rpc) MUST_CHECK;
void shh_rpc_listen(struct shh_rpc *r, shh_note_fn *fn, void *arg);
/* Takes the reference to `params` (an array). Freeing the rpc forgets the call. */
void shh_rpc_call(struct shh_rpc *r, const char *method, json_t *params, shh_rpc_fn *fn, void *arg);
/* The same, running the loop until the answer is there; new reference. */
struct error *shh_rpc_wait(struct shh_rpc *r, const char *method, json_t *params, json_t **ret_result) MUST_CHECK;

/* Runs the loop until *done, or `ms` have passed (false), or the program was interrupted (false). */
bool shh_run_until(uv_loop_t *loop, const bool *done, int64_t ms);

#endif
