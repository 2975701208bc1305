/* What one dsnd says to another one of its network: POST /peer with {"caller", "call"}, where the call is one of
 * JSON-RPC 2.0 as at /rpc and the caller is who has made it at the first (caller_json()). The answer is JSON-RPC's.
 * Threads: any.
 */
#ifndef DSN_MANAGER_REMOTE_WIRE_H
#define DSN_MANAGER_REMOTE_WIRE_H

#include "manager/caller.h"

#define REMOTE_PATH "/peer"
#define REMOTE_ANSWER_BYTES ((size_t)32 << 20) /* the registry's 20,000 nodes at once */

/* A text in ctx. `params` may be NULL. */
char *remote_question(const void *ctx, const struct caller *caller, const char *method, const json_t *params);
/* The call as text in ctx, to be served as at /rpc, in the name of *ret_caller. ERROR_INVALID names the place. */
struct error *remote_question_read(const void *ctx, const char *text, size_t n, struct caller *ret_caller,
				   char **ret_call) MUST_CHECK;

/* What the method has answered: a new reference in *ret_result, or its refusal in *ret_refusal, which is the caller's
 * to free. ERROR_INVALID: it is neither. */
struct error *remote_answer_read(const char *text, size_t n, json_t **ret_result,
				 struct error **ret_refusal) MUST_CHECK;

#endif
