/* What the files of rpc/jsonrpc.h share: nobody else includes it. */
#ifndef DSN_RPC_JSONRPC_IMPL_H
#define DSN_RPC_JSONRPC_IMPL_H

#include "base/turns.h"
#include "rpc/jsonrpc.h"
#include "rpc/jsonrpc_params.h"

struct jsonrpc_table {
	const struct jsonrpc_method *rows;
	size_t count;
	void *arg;
};

struct jsonrpc {
	struct jsonrpc_limits limits;
	struct jsonrpc_table *tables;
	size_t table_count;
	jsonrpc_fallback_fn *fallback;
	void *fallback_arg;
	char **namespaces;
	struct jsonrpc_document *documents; /* that wait for answers */
	struct turns *turns;                /* NULL: a batch is begun at once */
	size_t beginning;                   /* calls of documents that are being begun; counted as open too */
	struct jsonrpc_counters counters;
};

struct jsonrpc_session {
	struct jsonrpc *rpc;
	void *arg;
	void (*begun)(void *arg);
};

struct jsonrpc_hook {
	struct jsonrpc_hook *next;
	void (*fn)(void *arg);
	void *arg;
};

/* What one jsonrpc_serve() has taken: its calls belong to it. */
struct jsonrpc_document {
	struct jsonrpc_document *next, **link; /* link: what points here */
	struct jsonrpc *rpc;
	struct jsonrpc_session *session;
	jsonrpc_reply_fn *reply; /* NULL: nobody waits any more */
	void *arg;
	bool batch;
	bool dropped; /* who sent it has gone: what is not begun stays so */
	struct json_slice value;
	size_t offset; /* of the next call in a batch */
	struct jsonrpc_call **calls;
	size_t count, begun;
	size_t open;      /* begun and not answered; one more until all are begun */
	size_t beginning; /* its share of the rpc's */
	size_t counted;   /* its share of the calls under way */
	bool waited;      /* jsonrpc_serve() has returned before all were begun */
	struct jsonrpc_hook *hooks, **last_hook;
};

struct jsonrpc_call {
	struct jsonrpc_document *document;
	char *text; /* of the request: method, params and id point into it */
	struct json_slice id, params;
	char *method; /* NUL-terminated */
	size_t method_n;
	bool notification, done;
	struct jsonrpc_value values[JSONRPC_PARAMS_MAX];
	struct json_writer out; /* the answer */
	int64_t started_us;
};

/* --- jsonrpc.c: which methods there are --- */

/* Whether methods of the namespace are served. */
bool jsonrpc_serves(const struct jsonrpc *rpc, const char *name, size_t n);
size_t jsonrpc_namespace_length(const char *method);
/* NULL: there is none. `subscription` NULL: a method. */
const struct jsonrpc_method *jsonrpc_find(const struct jsonrpc *rpc, const char *name, const char *subscription,
					  void **ret_arg);

/* --- jsonrpc_call.c: one call --- */

/* What the message is, and what is done with it. Its document may be gone afterwards. */
void jsonrpc_begin_call(struct jsonrpc_call *c, struct json_slice message);

/* --- jsonrpc_answer.c: its answer --- */

void jsonrpc_end_call(struct jsonrpc_call *c);
/* Owns e. */
void jsonrpc_fail_params(struct jsonrpc_call *c, struct error *e);

/* --- jsonrpc_document.c: what came as one text --- */

/* All is answered: the reply goes out, then the hooks run. Frees d. */
void jsonrpc_finish(struct jsonrpc_document *d);

#endif
